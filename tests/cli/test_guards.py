# SPDX-License-Identifier: MIT
"""What stops a run: limits, canary, too many failures, deletes without their number. Nothing is
sent after the stop, and the run says how many it left."""
import unittest

from cli_kit import script
from place_kit import TITLES, Desk, Practice

CAUGHT = """
local moonlever = require "moonlever"
local sd = moonlever.connect "screendesk"
for rec in sd.recordings:list() do
  moonlever.try(function() sd.recordings:update(rec, { title = "new" }) end)
end
"""
DELETES = """
local moonlever = require "moonlever"
local users = moonlever.connect("screendesk").scim.users
for user in users:list() do
  if user.id ~= "1" then users:delete(user) end
end
"""


def failing(*numbers):
    """Answers the PATCHes with these numbers (1, ...) with 422."""
    def bend(service, request):
        number = len([r for r in service.requests if r.method == "PATCH"])
        return (422, {"error": "no"}) if request.method == "PATCH" and number in numbers else None
    return bend


class Limits(unittest.TestCase):
    def test_max_changes(self):
        for text in (TITLES, CAUGHT):
            for most in (0, 1, 7):
                with Desk(recordings=12) as place:
                    result = place.ended(6, "run", script(text), "--yes", "--max-changes", str(most))
                    self.assertEqual(len(place.writes()), most)
                    self.assertEqual(result["counts"]["confirmed"], most)
                    self.assertIn("--max-changes", result["err"])

    def test_max_requests_counts_reads_and_leaves_the_rest_planned(self):
        for text in (TITLES, CAUGHT):
            with Desk(recordings=12) as place:
                result = place.ended(6, "run", script(text), "--yes", "--max-requests", "5")
                self.assertEqual((len(place.service.requests), len(place.writes())), (5, 4))
                self.assertEqual((result["counts"]["confirmed"], result["counts"]["failed"]), (4, 0))
                self.assertIn("--max-requests", result["err"])
                self.assertEqual(place.ended(0, "resume", "last", "--yes")["counts"]["confirmed"], 12)
                self.assertEqual(len(place.writes()), 12)

    def test_max_requests_of_an_apply(self):
        with Desk(recordings=12) as place:
            plan = place.file("some.plan")
            place.ended(0, "plan", script(TITLES), "-o", plan)
            result = place.ended(6, "apply", plan, "--yes", "--max-requests", "7")
            self.assertEqual((result["counts"]["failed"], result["counts"]["confirmed"] + result["counts"]["planned"]),
                             (0, 12))
            self.assertEqual(place.ended(0, "apply", plan, "--yes")["counts"]["confirmed"], 12)
            self.assertEqual(len(place.writes()), 12)

    def test_max_time(self):
        with Desk(recordings=30) as place:
            result = place.ended(6, "run", script(TITLES), "--yes", "--rate", "5", "--max-time", "1")
            self.assertTrue(0 < len(place.writes()) < 30)
            self.assertEqual(result["counts"]["confirmed"], len(place.writes()))
            self.assertIn("--max-time", result["err"])


class Canary(unittest.TestCase):
    def test_lots_of_1_10_100(self):
        sizes = {1: 1, 2: 11, 11: 11, 12: 111, 111: 111}
        for bad, sent in sizes.items():
            with self.subTest(failed=bad), Desk(recordings=130, bend=failing(bad)) as place:
                result = place.ended(6, "run", script(TITLES), "--yes", "--canary")
                self.assertEqual(len(place.writes()), sent)
                self.assertEqual((result["counts"]["failed"], result["counts"]["confirmed"]), (1, sent - 1))
                self.assertIn("--canary", result["err"])

    def test_of_an_apply(self):
        with Desk(recordings=130) as place:
            plan = place.file("some.plan")
            place.ended(0, "plan", script(TITLES), "-o", plan)
            for drifted in place.service.recordings:
                drifted["title"] += " of somebody else"
            result = place.ended(6, "apply", plan, "--yes", "--canary")
            self.assertEqual((result["counts"]["conflict"], result["counts"]["planned"], place.writes()), (1, 129, []))

    def test_of_an_undo(self):
        with Desk(recordings=30) as place:
            run = place.ended(0, "run", script(TITLES), "--yes")["run"]
            place.service.recordings[28]["title"] = "of somebody else"  # the second of the second lot
            # One after the other: a look that takes long would let others into the lot before it.
            result = place.ended(6, "undo", run, "--yes", "--canary", "--concurrency", "1")
            self.assertEqual((result["counts"]["conflict"], result["counts"]["confirmed"]), (1, 10))
            self.assertEqual(len(place.writes()), 40)

    def test_without_failures_after_it_too(self):
        with Desk(recordings=130, bend=failing(112)) as place:
            result = place.ended(3, "run", script(TITLES), "--yes", "--canary")
            self.assertEqual((len(place.writes()), result["counts"]["confirmed"]), (130, 129))


class TooManyFailures(unittest.TestCase):
    def test_a_run_of_failures(self):
        with Desk(recordings=100, bend=failing(*range(1, 101))) as place:
            result = place.ended(6, "run", script(CAUGHT), "--yes")
            self.assertEqual((len(place.writes()), result["counts"]["failed"]), (11, 11))
            self.assertIn("stopped after 11 failed changes", result["err"])

    def test_ten_failures_are_not_too_many(self):
        with Desk(recordings=60, bend=failing(*range(1, 41, 4))) as place:
            result = place.ended(3, "run", script(CAUGHT), "--yes")
            self.assertEqual((len(place.writes()), result["counts"]["failed"], result["counts"]["confirmed"]),
                             (60, 10, 50))


class Deletes(unittest.TestCase):
    def test_more_than_ten_need_their_number(self):
        with Desk(users=13) as place:
            result = place.ended(6, "run", script(DELETES), "--yes")
            self.assertEqual((len(place.writes()), result["counts"]["confirmed"]), (10, 10))
            self.assertIn("--confirm=N", result["err"])
            self.assertEqual(place.ended(0, "resume", "last", "--confirm", "20")["counts"]["confirmed"], 12)
            self.assertEqual(list(place.service.scim), ["1"])

    def test_with_their_number(self):
        with Desk(users=13) as place:
            self.assertEqual(place.ended(0, "run", script(DELETES), "--confirm", "20")["counts"]["confirmed"], 12)
        with Desk(users=13) as place:
            place.ended(6, "run", script(DELETES), "--confirm", "3")
            self.assertEqual(len(place.writes()), 3)

    def test_of_a_plan_and_of_the_undo_of_creates(self):
        with Desk(users=13) as place:
            plan = place.file("some.plan")
            place.ended(0, "plan", script(DELETES), "-o", plan)
            place.ended(6, "apply", plan, "--yes")
            self.assertEqual(len(place.writes()), 10)
            place.ended(0, "apply", plan, "--confirm", "12")
            self.assertEqual(len(place.writes()), 12)
        text = """
            local users = require("moonlever").connect("screendesk").scim.users
            for n = 1, 11 do
              local address = ("new%d@example.com"):format(n)
              users:create { userName = address, emails = { { value = address } } }
            end"""
        with Practice("--users", "3") as place:
            before = place.hash()
            run = place.ended(0, "run", script(text), "--yes")["run"]
            undo = place.ended(6, "undo", run, "--yes")
            self.assertEqual((undo["counts"]["confirmed"], undo["counts"]["planned"]), (10, 1))
            self.assertEqual(place.ended(0, "resume", undo["run"], "--confirm", "11")["counts"]["confirmed"], 11)
            self.assertEqual(place.hash(), before)


class Licence(unittest.TestCase):
    def test_what_the_header_does_not_name_is_not_written(self):
        header = 'require("moonlever").script { summary = "s", writes = { "screendesk.scim.users" } }\n'
        with Desk(recordings=3) as place:
            for mode in ("--yes", "--dry-run"):
                place.ended(6, "run", script(header + CAUGHT), mode)
            self.assertEqual(place.writes(), [])


if __name__ == "__main__":
    unittest.main()
