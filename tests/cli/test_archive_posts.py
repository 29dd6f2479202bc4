# SPDX-License-Identifier: MIT
"""archive-posts against the practice account's WorkDrive."""
import json
import os
import tempfile
import unittest

from cli_kit import FOLDER
from people_kit import Case

MOMENT = "2024-04-27T04:19:00Z"  # four posts of the practice account are of just this moment
NAME = "posts-before-2024-04-27T04-19-00Z%s.jsonl"


class Archive(Case):
    def setUp(self):
        self.out = tempfile.mkdtemp(dir=FOLDER)

    def start(self):
        place = self.place("--posts", "60", "--users", "8")
        posts = place.records("workdrive.posts")
        self.old = {post["id"] for post in posts if post["postedAt"][:19] < MOMENT[:19]}
        self.assertEqual((len(self.old), len(posts)), (28, 60))
        self.all = {post["id"] for post in posts}
        return place

    def saved(self, name=NAME % ""):
        with open(os.path.join(self.out, name), encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def left(self, place):
        return {post["id"] for post in place.records("workdrive.posts")}

    def archive(self, place, *args, code=0):
        return self.run_ok(place, "archive-posts", "--before", MOMENT, "--out", self.out, *args, code=code)

    def test_saved_then_deleted_and_only_once(self):
        place = self.start()
        self.archive(place)
        self.assertEqual({post["id"] for post in self.saved()}, self.old)
        self.assertEqual((self.left(place), place.writes()), (self.all, []))
        done = self.archive(place, "--delete", "--confirm", "100")
        self.assertIn("%d = %d deleted + 0 failed + 0 kept" % (len(self.old), len(self.old)), done.err)
        self.assertEqual(self.left(place), self.all - self.old)
        texts = {post["id"]: post["postText"] for post in self.saved(NAME % "-2")}
        self.assertEqual(set(texts), self.old)
        self.assertTrue(all(texts.values()))
        writes, files = len(place.writes()), sorted(os.listdir(self.out))
        self.assertIn("0 = 0 deleted", self.archive(place, "--delete", "--confirm", "100").err)
        self.assertEqual((len(place.writes()), sorted(os.listdir(self.out))), (writes, files))

    def test_a_plan_saves_what_apply_deletes(self):
        place = self.start()
        plan = place.file("posts.plan")
        place.ended(0, "run", "archive-posts", "--before", MOMENT, "--out", self.out, "--delete", "--plan", plan)
        self.assertEqual(({post["id"] for post in self.saved()}, place.writes()), (self.old, []))
        place.ended(0, "apply", plan, "--confirm", "100")
        self.assertEqual(self.left(place), self.all - self.old)
        result = place.ended(3, "undo", "last", "--yes")  # all are named, none comes back
        self.assertEqual(result["counts"]["failed"], len(self.old))
        self.assertTrue(all("no call brings it back" in change["reason"] for change in place.changes()))

    def test_some_stay(self):
        place = self.start()
        self.assertIn("%d stay for their tags" % len(self.old), self.archive(place, "--except", "#UPDATE").err)
        self.assertEqual(os.listdir(self.out), [])
        done = self.archive(place, "--limit", "3", "--delete")
        self.assertIn("3 = 3 deleted + 0 failed + 0 kept", done.err)
        self.assertEqual({post["id"] for post in self.saved()}, self.all - self.left(place))

    def test_without_their_number_ten_are_deleted_and_all_are_saved(self):
        place = self.start()
        done = self.archive(place, "--delete", code=6)
        self.assertIn("--confirm", done.err)
        self.assertEqual((len(self.saved()), len(self.left(place))), (len(self.old), len(self.all) - 10))
        # It goes on where it stopped, and saves what is left anew.
        place.ended(0, "resume", "last", "--confirm", "100")
        self.assertEqual(self.left(place), self.all - self.old)

    def test_a_list_that_breaks_deletes_nothing(self):
        place = self.start()
        place.faults("500=100%,only=read")
        self.archive(place, "--delete", code=5)
        place.faults("")
        self.assertEqual((os.listdir(self.out), self.left(place)), ([], self.all))

    def test_wrong_arguments_send_nothing(self):
        place = self.place("--posts", "3", "--users", "8")
        for args, text in ((["--before", "soon", "--out", self.out], "'soon' is no date"),
                           (["--before", MOMENT], "needs --out"), (["--out", self.out], "needs --before"),
                           (["--before", MOMENT, "--out", "/nowhere/at/all"], "cannot write /nowhere/at/all")):
            self.refused(place, 2, text, "archive-posts", *args)
        self.assertEqual(place.log(), [])


if __name__ == "__main__":
    unittest.main()
