# SPDX-License-Identifier: MIT
"""A walk back in time through 10,000 posts while others post: none missed, none twice (WD-05).

The first thousand posts of the practice account are in fours of the same moment, the others in
bunches of 150, which is more than a request asks for: the bound of nearly every step lies within
a bunch, and a bunch does not fit into an answer.
"""
import collections
import threading
import unittest

from cli_kit import script
from place_kit import Practice

POSTS = 10000
WALK = """
local moonlever = require "moonlever"
local drive = moonlever.connect "workdrive"
for post in drive.posts:list { %s } do print(post.id) end
"""


class Poster:
    """Somebody else, who posts until told to stop: .made are the ids so far."""

    def __init__(self, place):
        self.place, self.made, self.stopped = place, [], threading.Event()
        self.thread = threading.Thread(target=self.post)
        self.begun = threading.Event()

    def post(self):
        while not self.stopped.is_set():
            new = {"postText": "new", "status": "PUBLISHED", "tags": ["new"], "permissions": {"team": True}}
            self.made.append(self.place.ask("POST", "/api/posts", new, token="WORKDRIVE_API_KEY")["id"])
            self.begun.set()

    def __enter__(self):
        self.thread.start()
        self.begun.wait()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join()


def steps(log):
    """Where the requests of the walk are in the log."""
    return [n for n, entry in enumerate(log) if entry["method"] == "GET" and entry["path"].startswith("/api/posts?")]


class Walk(unittest.TestCase):
    def walk(self, options):
        # Each answer takes a little, so that posts come between two steps of the walk on any machine.
        with Practice("--posts", str(POSTS), "--faults", "latency=5") as place:
            before = place.records("workdrive.posts")
            moments = collections.Counter(post["postedAt"] for post in before)
            self.assertEqual((len(before), max(moments.values()), moments.most_common()[-1][1]), (POSTS, 150, 4))
            with Poster(place) as poster:
                done = place.moonlever("run", script(WALK % options), "--rate", "0")
            log = place.log()
        self.assertEqual(done.code, 0, done)
        seen = done.out.split()
        there = {post["id"] for post in before}
        self.assertEqual(len(seen), len(set(seen)), "some came twice")
        self.assertEqual(there - set(seen), set(), "some were missed")
        self.assertLessEqual(set(seen) - there, set(poster.made))
        self.check_that_it_was_meanwhile(log)

    def check_that_it_was_meanwhile(self, log):
        """Posts came between the first step of the walk and its last, and between several of them."""
        where = steps(log)
        gaps = sum(1 for one, next_one in zip(where, where[1:]) if next_one > one + 1)
        self.assertGreater(gaps, 2, "%d steps among %d requests" % (len(where), len(log)))

    def test_as_they_come(self):
        self.walk("snapshot = false")

    def test_with_large_answers(self):
        self.walk("snapshot = false, per_page = 1000")

    def test_a_snapshot(self):
        self.walk("snapshot = true")


if __name__ == "__main__":
    unittest.main()
