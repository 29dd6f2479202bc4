# SPDX-License-Identifier: MIT
"""`moonlever resume`: however a run was stopped, it ends with everything done once; a run that has
ended sends nothing."""
import os
import signal
import unittest

from cli_kit import script
from place_kit import PLUS, TITLES, Desk, Practice

COUNT = 40


class Case(unittest.TestCase):
    def practice(self, *flags):
        place = Practice(*(flags or ("--recordings", str(COUNT))))
        self.addCleanup(place.__exit__)
        place.titles = {uuid: record["title"] for uuid, record in place.recordings().items()}
        return place

    def stop(self, place, path, how, *flags, after=3):
        """Runs a script and ends it with a signal once the server has seen some writes."""
        child = place.start("run", path, "--yes", "--rate", "20", *flags)
        while len(place.writes()) < after:
            self.assertIsNone(child.process.poll(), child.err)
        child.signal(how)
        code = child.end()
        self.assertLess(len(place.writes()), COUNT, "it was stopped in the middle")
        return code, child

    def one_plus_each(self, place):
        for uuid, record in place.recordings().items():
            self.assertEqual(record["title"], (place.titles[uuid] or "") + "+")


class Finished(Case):
    def test_a_run_that_is_done(self):
        place = self.practice("--recordings", "5")
        first = place.ended(0, "run", script(PLUS), "--yes")
        requests, after = len(place.log()), place.hash()
        again = place.ended(0, "resume", first["run"], "--yes")
        self.assertEqual((again["run"], again["state"], again["counts"]), (first["run"], "done", first["counts"]))
        self.assertEqual((len(place.log()), place.hash()), (requests, after))

    def test_a_run_that_ended_with_failures(self):
        text = TITLES.replace('"new " .. rec.uuid', '("x"):rep(rec.uuid:byte(1) % 2 == 0 and 5000 or 5)')
        place = self.practice("--recordings", "9")
        first = place.ended(3, "run", script(text), "--yes")
        self.assertGreater(first["counts"]["failed"], 0)
        requests = len(place.log())
        again = place.ended(3, "resume", first["run"])
        self.assertEqual((again["state"], again["counts"]), ("partial", first["counts"]))
        self.assertEqual(len(place.log()), requests)


class Stopped(Case):
    def test_by_signals(self):
        for how, code in ((signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGKILL, -signal.SIGKILL)):
            with self.subTest(signal=how.name):
                place = self.practice()
                ended, child = self.stop(place, script(PLUS), how)
                self.assertEqual(ended, code, child.err)
                result = place.ended(0, "resume", child.run, "--yes")
                self.assertEqual((result["run"], result["counts"]["confirmed"]), (child.run, COUNT))
                self.one_plus_each(place)
                self.assertEqual(len(place.changes(child.run)), COUNT)

    def test_killed_again_and_again(self):
        place = self.practice()
        _, child = self.stop(place, script(PLUS), signal.SIGKILL)
        for kills in range(1, 4):
            again = place.start("resume", child.run, "--yes", "--rate", "20")
            while len(place.writes()) < 3 + 3 * kills:
                self.assertIsNone(again.process.poll(), again.err)
            again.kill()
        place.ended(0, "resume", child.run, "--yes")
        self.one_plus_each(place)

    def test_by_guards(self):
        place = self.practice()
        run = place.ended(6, "run", script(PLUS), "--yes", "--max-changes", "5")["run"]
        self.assertEqual(len(place.writes()), 5)
        again = place.ended(6, "resume", run, "--yes", "--rate", "4", "--max-time", "1")
        self.assertEqual(again["run"], run)
        self.assertTrue(5 < len(place.writes()) < COUNT)
        place.ended(6, "resume", run, "--yes", "--max-requests", "10")
        self.assertLess(len(place.writes()), COUNT)
        self.assertEqual(place.ended(0, "resume", run, "--yes")["counts"]["confirmed"], COUNT)
        self.one_plus_each(place)

    def test_a_resume_of_a_resume_that_is_at_work(self):
        place = self.practice()
        _, child = self.stop(place, script(PLUS), signal.SIGKILL)
        at_work = place.start("resume", child.run, "--yes", "--rate", "10")
        count = len(place.writes())
        self.assertIn("another process", place.ended(75, "resume", child.run, "--yes")["err"])
        self.assertEqual(at_work.end(), 0, at_work.err)
        self.assertGreater(len(place.writes()), count)
        self.one_plus_each(place)


class FromTheJournal(Case):
    def test_the_script_is_gone_and_was_another_one_meanwhile(self):
        text = 'local word = arg[1] .. arg[2]\n' + PLUS.replace('"+"', 'word')
        for meanwhile in ("gone", "another"):
            with self.subTest(script=meanwhile):
                place = self.practice()
                path = script(text)
                _, child = self.stop(place, path, signal.SIGKILL, "--", "é \"'\\", "\t--yes\n")
                os.remove(path)
                if meanwhile == "another":
                    with open(path, "w", encoding="utf-8") as file:
                        file.write("error 'not this one'")
                self.assertEqual(place.ended(0, "resume", child.run, "--yes")["counts"]["confirmed"], COUNT)
                for uuid, record in place.recordings().items():
                    self.assertEqual(record["title"], (place.titles[uuid] or "") + "é \"'\\\t--yes\n")

    def test_arguments_after_a_header(self):
        text = """
            local opt = require("moonlever").script { summary = "s", writes = { "screendesk.recordings" },
              args = { add = { "what" } } }
            """ + PLUS.replace("local moonlever", "local moonlever", 1).replace('"+"', "opt.add")
        place = self.practice()
        _, child = self.stop(place, script(text), signal.SIGKILL, "--add", "+")
        place.ended(0, "resume", child.run, "--yes")
        self.one_plus_each(place)

    def test_what_somebody_else_changed_meanwhile_is_not_taken_for_ours(self):
        place = self.practice()
        _, child = self.stop(place, script(PLUS), signal.SIGKILL)
        done = {change["target"] for change in place.changes(child.run) if change["state"] == "confirmed"}
        todo = next(uuid for uuid in place.titles if uuid not in {c["target"] for c in place.changes(child.run)})
        place.retitle(todo, "of somebody else")
        place.ended(0, "resume", child.run, "--yes")
        self.assertTrue(done)
        self.assertEqual(place.recordings()[todo]["title"], "of somebody else+")


class OnlyFailed(unittest.TestCase):
    def test_nothing_else_is_written(self):
        refused = set()

        def bend(_, request):
            if request.method == "PATCH" and request.path.rsplit("/", 1)[1] in refused:
                return 422, {"error": "not this one"}
            return None

        with Desk(recordings=12, bend=bend) as place:
            refused.update(record["uuid"] for record in place.service.recordings[:3])
            first = place.ended(3, "run", script(TITLES), "--yes")
            self.assertEqual((first["counts"]["confirmed"], first["counts"]["failed"]), (9, 3))
            wanted, count = sorted(refused), len(place.writes())
            refused.clear()
            result = place.ended(0, "run", "--only-failed", first["run"], "--yes")
            self.assertEqual(sorted(r.path.rsplit("/", 1)[1] for r in place.writes()[count:]), wanted)
            self.assertNotEqual(result["run"], first["run"])
            self.assertEqual(result["counts"]["confirmed"], 3)
            count = len(place.service.requests)
            place.ended(0, "run", "--only-failed", result["run"], "--yes")
            self.assertEqual(len(place.service.requests), count, "nothing failed: nothing is asked")


if __name__ == "__main__":
    unittest.main()
