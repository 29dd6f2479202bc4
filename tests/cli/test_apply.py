# SPDX-License-Identifier: MIT
"""`moonlever apply` again: what is done is not repeated, what is left is done, one process at a time."""
import signal
import unittest

from cli_kit import PROGRAM, environment, script
from lib import pty
from place_kit import TITLES, Practice
from test_plan import PEOPLE


class Case(unittest.TestCase):
    def planned(self, text, *flags):
        place = Practice(*flags)
        self.addCleanup(place.__exit__)
        place.plan = place.file("some.plan")
        place.ended(0, "plan", script(text), "-o", place.plan)
        return place

    def once_each(self, place):
        """No object has two writes."""
        paths = [(entry["method"], entry["path"], entry["body"]) for entry in place.writes()]
        self.assertEqual(len(paths), len(set(paths)))
        return len(paths)


class Again(Case):
    def test_a_finished_one_sends_nothing(self):
        place = self.planned(TITLES, "--recordings", "20")
        first = place.ended(0, "apply", place.plan, "--yes")
        requests, after = len(place.log()), place.hash()
        again = place.ended(0, "apply", place.plan, "--yes")
        self.assertEqual((again["run"], again["counts"]), (first["run"], first["counts"]))
        self.assertEqual((len(place.log()), place.hash()), (requests, after))

    def test_one_that_ended_with_conflicts_sends_nothing_and_exits_as_it_did(self):
        place = self.planned(TITLES, "--recordings", "20")
        place.retitle(next(iter(place.recordings())), "of somebody else")
        first = place.ended(3, "apply", place.plan, "--yes")
        requests = len(place.log())
        self.assertEqual(place.ended(3, "apply", place.plan, "--yes")["counts"], first["counts"])
        self.assertEqual(len(place.log()), requests)

    def test_after_a_guard(self):
        place = self.planned(TITLES, "--recordings", "20")
        first = place.ended(6, "apply", place.plan, "--yes", "--max-changes", "7")
        self.assertEqual((first["counts"]["confirmed"], first["counts"]["planned"]), (7, 13))
        self.assertEqual(self.once_each(place), 7)
        again = place.ended(0, "apply", place.plan, "--yes")
        self.assertEqual((again["run"], again["counts"]["confirmed"]), (first["run"], 20))
        self.assertEqual(self.once_each(place), 20)

    def killed(self, place, command):
        """Kills an apply in the middle; goes on with `command`."""
        child = place.start("apply", place.plan, "--yes", "--rate", "40")
        self.assertIsNotNone(child.run, child.err)
        while len(place.writes()) < 3:
            self.assertIsNone(child.process.poll(), child.err)
        self.assertEqual(child.kill(), -signal.SIGKILL)
        self.assertIsNone(place.query("SELECT ended FROM run WHERE run = ?", child.run)[0][0])
        what = place.plan if command == "apply" else child.run
        result = place.ended(0, command, what, "--yes")
        self.assertEqual(result["run"], child.run)
        return result

    def test_after_a_kill(self):
        for command in ("apply", "resume"):
            with self.subTest(command=command):
                place = self.planned(TITLES, "--recordings", "60")
                self.assertEqual(self.killed(place, command)["counts"]["confirmed"], 60)
                for uuid, record in place.recordings().items():
                    self.assertEqual(record["title"], "new " + uuid)

    def test_after_a_kill_between_a_create_and_its_changes(self):
        text = """
            local moonlever = require "moonlever"
            local users = moonlever.connect("screendesk").scim.users
            for n = 1, 8 do
              local address = ("new%d@example.com"):format(n)
              local new = users:create { userName = address, emails = { { value = address } } }
              users:update(new, { name = { givenName = "New " .. n } })
              users:set_roles(new, { editor = true })
            end"""
        for command in ("apply", "resume"):
            with self.subTest(command=command):
                place = self.planned(text, "--users", "3")
                self.assertEqual(self.killed(place, command)["counts"]["confirmed"], 24)
                self.assertEqual(len(place.users()), 11)
                for n in range(1, 9):
                    user = place.users()["new%d@example.com" % n]
                    self.assertEqual((user["name"]["givenName"], user["roles"]), ("New %d" % n, ["member", "editor"]))

    def test_what_follows_a_change_that_was_not_made_is_not_made(self):
        place = self.planned(PEOPLE, "--users", "8")
        place.ask("POST", "/api/v2/scim/Users", {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
                                                 "userName": "one@example.com", "name": {"givenName": "Other"},
                                                 "emails": [{"value": "one@example.com"}]},
                  "SCREENDESK_SCIM_TOKEN")
        result = place.ended(3, "apply", place.plan, "--yes")
        counts = result["counts"]
        self.assertEqual((counts["confirmed"], counts["conflict"], counts["failed"]), (5, 1, 2))
        self.assertEqual(place.users()["one@example.com"]["name"]["givenName"], "Other")
        reasons = [change["reason"] for change in place.changes("last", "--failed")]
        self.assertEqual(reasons, ["another one of that name is there"] +
                         ["a change of it before this one was not made"] * 2)

    def test_in_two_processes(self):
        place = self.planned(TITLES, "--recordings", "40")
        child = place.start("apply", place.plan, "--yes", "--rate", "10")
        count = len(place.writes())
        for command in (("apply", place.plan), ("resume", child.run)):
            second = place.ended(75, *command, "--yes")
            self.assertIn("another process", second["err"])
        self.assertIsNone(child.process.poll(), "the first one went on meanwhile")
        child.signal(signal.SIGINT)
        self.assertEqual(child.end(), 130)
        self.assertGreaterEqual(len(place.writes()), count)
        place.ended(0, "apply", place.plan, "--yes")
        self.assertEqual(self.once_each(place), 40)


class Asked(Case):
    def test_no_terminal_and_no_yes(self):
        place = self.planned(TITLES, "--recordings", "6")
        place.ended(6, "apply", place.plan)
        place.ended(6, "run", script(TITLES))
        self.assertEqual(place.writes(), [])
        run = place.ended(6, "run", script(TITLES), "--yes", "--max-changes", "2")["run"]
        for command in ("resume", "undo"):
            done = place.ended(6, command, run)
            self.assertIn("--yes", done["err"])
        self.assertEqual(len(place.writes()), 2)

    def test_on_a_terminal(self):
        place = self.planned(TITLES, "--recordings", "6")
        before = place.hash()
        run = None
        for command in ("apply", "resume", "undo"):
            what = [place.plan, "--max-changes", "2"] if command == "apply" else [run]
            for answer, wanted in (("n", 6), ("y", 6 if command == "apply" else 0)):
                count = len(place.writes())
                with self.subTest(command=command, answer=answer), \
                        pty.Terminal([PROGRAM, command, *what], rows=40, columns=120,
                                     env=environment(**place.env)) as term:
                    term.wait_for("[y/N] ")
                    self.assertEqual(len(place.writes()), count, "nothing is sent before the answer")
                    term.send(answer + "\r")
                    self.assertEqual(term.wait(), wanted, term.text())
                    self.assertEqual(len(place.writes()) > count, answer == "y")
            run = place.query("SELECT run FROM run WHERE kind = 'apply'")[-1][0]
        self.assertEqual(place.hash(), before)


if __name__ == "__main__":
    unittest.main()
