# SPDX-License-Identifier: MIT
"""Plan, apply and undo lead to the same account as a direct run, and back; refused plans send nothing."""
import json
import sqlite3
import unittest

from cli_kit import script
from place_kit import TITLES, Practice

RECORDINGS = 500

# Every kind of change that a plan can hold, also of what the plan itself creates.
PEOPLE = """
local moonlever = require "moonlever"
local users = moonlever.connect("screendesk").scim.users
local name = function(n) return { givenName = "New", familyName = n } end
local address = function(text) return { { value = text, primary = true } } end
local one = users:create { userName = "one@example.com", name = name "One", emails = address "one@example.com" }
users:set_roles(one, { editor = true, member = true })
users:update(one, { name = name "Changed" })
users:create { userName = "two@example.com", name = name "Two", emails = address "two@example.com" }
local old = {}
for user in users:list() do old[user.userName] = user end
users:update(old["freya.nielsen@example.com"], { name = { familyName = "Berg" } })
users:set_roles(old["bruno.costa@example.com"], { editor = true })
users:set_active(old["bruno.costa@example.com"], false)
users:delete(old["sofia.rossi@example.com"])
"""


def without_ids(users):
    return {name: {key: value for key, value in user.items() if key != "id"} for name, user in users.items()}


class Case(unittest.TestCase):
    def practice(self, *flags):
        place = Practice(*flags)
        self.addCleanup(place.__exit__)
        place.plan = place.file("some.plan")
        return place


class SameAsADirectRun(Case):
    def test_titles_and_back(self):
        flags = ("--recordings", str(RECORDINGS))
        direct, planned = self.practice(*flags), self.practice(*flags)
        before = planned.hash()
        self.assertEqual(direct.hash(), before)
        direct.ended(0, "run", script(TITLES), "--yes")
        planned.ended(0, "plan", script(TITLES), "-o", planned.plan)
        result = planned.ended(0, "apply", planned.plan, "--yes")
        self.assertEqual(result["counts"]["confirmed"], RECORDINGS)
        self.assertEqual(planned.hash(), direct.hash())
        self.assertNotEqual(planned.hash(), before)
        for place, run in ((planned, result["run"]), (direct, "last")):
            self.assertEqual(place.ended(0, "undo", run, "--yes")["counts"]["confirmed"], RECORDINGS)
            self.assertEqual(place.hash(), before)

    def test_what_was_changed_since_the_plan_is_left_alone(self):
        place = self.practice("--recordings", "30")
        place.ended(0, "plan", script(TITLES), "-o", place.plan)
        drifted = sorted(place.recordings())[:3]
        for uuid in drifted:
            place.retitle(uuid, "of somebody else")
        result = place.ended(3, "apply", place.plan, "--yes")
        self.assertEqual((result["state"], result["counts"]["confirmed"], result["counts"]["conflict"]),
                         ("partial", 27, 3))
        self.check_conflicts(place, drifted)

    def test_what_was_changed_since_the_run_is_left_alone_by_undo(self):
        place = self.practice("--recordings", "30")
        before = {uuid: record["title"] for uuid, record in place.recordings().items()}
        run = place.ended(0, "run", script(TITLES), "--yes")["run"]
        drifted = sorted(before)[:3]
        for uuid in drifted:
            place.retitle(uuid, "of somebody else")
        result = place.ended(3, "undo", run, "--yes")
        self.assertEqual((result["counts"]["confirmed"], result["counts"]["conflict"]), (27, 3))
        self.check_conflicts(place, drifted)
        for uuid, record in place.recordings().items():
            self.assertEqual(record["title"], "of somebody else" if uuid in drifted else before[uuid])

    def check_conflicts(self, place, drifted):
        named = [change["target"] for change in place.changes("last", "--failed")]
        self.assertEqual(sorted(named), drifted)
        for change in place.changes("last", "--failed"):
            self.assertEqual((change["state"], change["attempts"]), ("conflict", 0))
            self.assertIn("'title' was changed since", change["reason"])
        for uuid in drifted:
            self.assertEqual(place.recordings()[uuid]["title"], "of somebody else")

    def test_people_and_back(self):
        flags = ("--users", "8")
        direct, planned = self.practice(*flags), self.practice(*flags)
        before = planned.users()
        direct.ended(0, "run", script(PEOPLE), "--yes")
        result = planned.ended(0, "plan", script(PEOPLE), "-o", planned.plan)
        self.assertEqual(result["counts"]["planned"], 8)
        applied = planned.ended(0, "apply", planned.plan, "--yes")
        self.assertEqual(applied["counts"]["confirmed"], 8)
        self.assertEqual(without_ids(planned.users()), without_ids(direct.users()))
        self.assertEqual(planned.users()["one@example.com"]["name"]["familyName"], "Changed")
        for place, run in ((planned, applied["run"]), (direct, "last")):
            place.ended(0, "undo", run, "--yes")
            after = place.users()
            self.assertEqual(without_ids(after), without_ids(before))
            same = {name for name in before if before[name]["id"] == after[name]["id"]}
            self.assertEqual(set(before) - same, {"sofia.rossi@example.com"}, "what was deleted has a new id")

    def test_the_changes_of_what_a_plan_creates_go_by_its_id(self):
        place = self.practice("--users", "8")
        place.ended(0, "plan", script(PEOPLE), "-o", place.plan)
        place.ended(0, "apply", place.plan, "--yes")
        number = place.users()["one@example.com"]["id"]
        self.assertEqual([change["target"] for change in place.changes()][:4],
                         ["one@example.com", number, number, "two@example.com"])
        self.assertIn("/api/v2/scim/Users/" + number, place.changes()[1]["path"])

    def test_two_clients_of_a_script_create_two_users(self):
        place = self.practice("--users", "8")
        text = """
            local moonlever = require "moonlever"
            for n = 1, 2 do
              local users = moonlever.connect("screendesk").scim.users
              local address = ("client%d@example.com"):format(n)
              local new = users:create { userName = address, emails = { { value = address } } }
              users:update(new, { name = { givenName = "Client " .. n } })
            end"""
        place.ended(0, "plan", script(text), "-o", place.plan)
        self.assertEqual(place.ended(0, "apply", place.plan, "--yes")["counts"]["confirmed"], 4)
        for n in ("1", "2"):
            self.assertEqual(place.users()["client%s@example.com" % n]["name"]["givenName"], "Client " + n)

    def test_the_same_plan_made_again_is_another_one(self):
        place = self.practice("--recordings", "5")
        before = place.hash()
        for _ in range(2):
            place.ended(0, "plan", script(TITLES), "-o", place.plan)
            place.ended(0, "apply", place.plan, "--yes")
            self.assertNotEqual(place.hash(), before)
            place.ended(0, "undo", "last", "--yes")
            self.assertEqual(place.hash(), before)

    def test_the_undo_of_a_delete_says_that_the_id_is_another(self):
        place = self.practice("--users", "8")
        text = 'require("moonlever").connect("screendesk").scim.users:delete("9045")'
        run = place.ended(0, "run", script(text), "--yes")["run"]
        result = place.ended(0, "undo", run, "--yes")
        self.assertIn("new id", result["err"])
        change = place.changes()[0]
        self.assertEqual(change["operation"], "screendesk.scim.users.create")
        self.assertIn("new id " + place.users()["sofia.rossi@example.com"]["id"], change["reason"])


class Refused(Case):
    def setUp(self):
        self.place = self.practice("--recordings", "4")
        self.place.ended(0, "plan", script(TITLES), "-o", self.place.plan)
        with open(self.place.plan, encoding="utf-8") as file:
            self.lines = file.read().splitlines()

    def refused(self, code, text, *args, **env):
        before = self.place.hash()
        done = self.place.moonlever("apply", *(args or [self.place.plan]), "--yes", **env)
        self.assertEqual(done.code, code, done)
        self.assertIn(text, done.err)
        self.assertEqual(self.place.writes(), [])
        self.assertEqual(self.place.hash(), before)

    def write(self, *lines):
        with open(self.place.plan, "w", encoding="utf-8") as file:
            file.write("".join(line + "\n" for line in lines))

    def test_an_edited_change(self):
        self.write(self.lines[0], self.lines[1].replace("new ", "own "), *self.lines[2:])
        self.refused(6, "changed after it was made")

    def test_a_change_less_or_more(self):
        self.write(*self.lines[:-1])
        self.refused(6, "changed after it was made")
        self.write(*self.lines, self.lines[-1])
        self.refused(6, "changed after it was made")

    def test_an_edited_header(self):
        header = json.loads(self.lines[0])
        for name, value in (("hash", "sha256:" + "0" * 64), ("origin", "https://other.example.com"),
                            ("changes", 3), ("run", "k3bbbbbbbbbb"), ("service", "workdrive")):
            with self.subTest(member=name):
                self.write(json.dumps({**header, name: value}), *self.lines[1:])
                self.refused(6, "changed after it was made")

    def test_another_origin(self):
        with Practice("--recordings", "4") as other:
            before = other.hash()
            for command in ("apply", "resume", "undo"):
                if command != "apply":
                    self.place.ended(6, "run", script(TITLES), "--yes", "--max-changes", "1")
                self.refused_elsewhere(command, other)
            self.assertEqual((other.writes(), other.hash()), ([], before))

    def refused_elsewhere(self, command, other):
        what = self.place.plan if command == "apply" else "last"
        done = self.place.moonlever(command, what, "--yes", SCREENDESK_URL=other.url)
        self.assertEqual(done.code, 6, done)
        self.assertIn(other.url, done.err)

    def test_what_is_no_plan(self):
        self.write(json.dumps({**json.loads(self.lines[0]), "version": 2}), *self.lines[1:])
        self.refused(2, "version 2")
        self.refused(2, "No such file", "/nowhere/some.plan")
        self.refused(2, "is no plan", script("print 'no'"))
        self.refused(2, "is no plan", script(""))
        self.refused(2, "it cannot be read", self.place.home)

    def test_a_header_alone_or_half_a_file(self):
        self.write(self.lines[0])
        self.refused(6, "changed after it was made")
        with open(self.place.plan, "w", encoding="utf-8") as file:
            file.write("\n".join(self.lines)[:-20])
        self.refused(6, "changed after it was made")


class Late(Case):
    def test_an_undo_that_is_accepted_first_is_no_conflict(self):
        place = self.practice("--users", "6")
        before = place.users()
        text = """
            local users = require("moonlever").connect("screendesk").scim.users
            for user in users:list() do users:set_roles(user, { editor = true }) end"""
        done = place.ended(0, "run", script(text), "--yes")["counts"]["confirmed"]
        self.assertGreater(done, 0)
        place.faults("accept=100%:150")
        self.assertEqual(place.ended(0, "undo", "last", "--yes")["counts"]["confirmed"], done)
        place.faults("")
        self.assertEqual(place.users(), before)


class DiedWhileWritingDown(Case):
    """A process that is killed between its run and the last of its changes in the journal."""
    COLUMNS = "started, moved, undo_of, action, rkey, target, path, body, before, after"

    def begin(self, place, run, kind, undo_of=None, plan=None, changes=0):
        """A run as a process leaves it that has written down so many of the changes of the latest one."""
        database = sqlite3.connect(place.journal)
        with database:
            latest = database.execute("SELECT max(no) FROM run").fetchone()[0]
            no = database.execute(
                "INSERT INTO run(run, kind, undo_of, plan, script, service, origin, started) SELECT ?, ?, ?, ?, script,"
                " service, origin, started FROM run WHERE no = ?", (run, kind, undo_of, plan, latest)).lastrowid
            copied = database.execute(
                "INSERT INTO mut(id, %s) SELECT ? << 32 | (id & 4294967295), %s FROM mut"
                " WHERE id >> 32 = ? AND id & 4294967295 <= ?" % (self.COLUMNS, self.COLUMNS), (no, latest, changes))
            self.assertEqual(copied.rowcount, changes)
        database.close()

    def test_resume_of_an_undo_undoes_all(self):
        for changes in (0, 2, 5):
            place = self.practice("--recordings", "5")
            before = place.hash()
            run = place.ended(0, "run", script(TITLES), "--yes")["run"]
            place.ended(0, "undo", run, "--yes", "--dry-run")  # a run of kind plan: the changes that an undo has
            self.begin(place, "000000000000", "undo", undo_of=run, changes=changes)
            self.assertEqual(place.ended(0, "resume", "000000000000", "--yes")["counts"]["confirmed"], 5)
            self.assertEqual((place.hash(), len(place.writes())), (before, 10))

    def test_an_apply_goes_on_with_its_plan(self):
        for changes in (0, 2, 5):
            place = self.practice("--recordings", "5")
            place.ended(0, "plan", script(TITLES), "-o", place.plan)
            with open(place.plan, encoding="utf-8") as file:
                plan = json.loads(file.readline())["hash"]
            self.begin(place, "000000000000", "apply", plan=plan, changes=changes)
            # What is in the journal may not be all: it is not taken for the plan.
            stopped = place.ended(6, "resume", "000000000000", "--yes")
            self.assertEqual((stopped["state"], place.writes()), ("stopped", []))
            result = place.ended(0, "apply", place.plan, "--yes")
            self.assertEqual((result["run"], result["counts"]["confirmed"]), ("000000000000", 5))
            self.assertEqual(len(place.writes()), 5)


if __name__ == "__main__":
    unittest.main()
