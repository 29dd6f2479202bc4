# SPDX-License-Identifier: MIT
"""`moonlever plan`, `show` and `apply` on a practice account, and the exit code for pending changes."""
import json
import os
import stat
import tempfile
import unittest

from cli_kit import FOLDER, PROGRAM, RETITLE, Account, environment, script
from lib import pty


class Plan(unittest.TestCase):
    def setUp(self):
        self.account = Account("--recordings", "9")
        self.addCleanup(self.account.__exit__)
        self.plan = os.path.join(tempfile.mkdtemp(dir=FOLDER), "my plan")

    def make(self, *flags, limit=4, code=0):
        done = self.account.moonlever("plan", script(RETITLE % limit), "-o", self.plan, *flags)
        self.assertEqual(done.code, code, done)
        return done

    def lines(self):
        with open(self.plan, encoding="utf-8") as file:
            return file.read().splitlines()

    def test_is_made_shown_and_applied(self):
        done = self.make("--json")
        self.assertIn("apply it with: moonlever apply '%s'\n" % self.plan, done.err)
        self.assertEqual(json.loads(done.out.splitlines()[-1])["state"], "planned")
        header, *changes = [json.loads(line) for line in self.lines()]
        self.assertEqual((header["format"], header["changes"], len(changes)), ("moonlever-plan", 4, 4))
        shown = self.account.json("show", self.plan)
        self.assertEqual(shown["operations"], {"screendesk.recordings.update": 4})
        result = self.account.json("apply", self.plan, "--yes")
        self.assertEqual((result["state"], result["counts"]["confirmed"]), ("done", 4))
        row = self.account.json("runs")["runs"][0]
        self.assertEqual((row["run"], row["kind"]), (result["run"], "apply"))
        self.assertRegex(self.account.moonlever("runs").out, r"apply +plan [0-9a-f]{8} ")

    def test_run_with_plan_is_the_same(self):
        done = self.account.moonlever("run", script(RETITLE % 4), "--plan", self.plan)
        self.assertEqual(done.code, 0, done)
        self.assertEqual(len(self.lines()), 5)

    def test_is_for_its_owner_only(self):
        with open(self.plan, "w", encoding="utf-8"):
            os.chmod(self.plan, 0o644)
        self.make()
        self.assertEqual(stat.S_IMODE(os.stat(self.plan).st_mode), 0o600, "it holds what the service has told")

    def test_pending_changes(self):
        done = self.make("--exit-code", "--json", code=10)
        self.assertEqual(json.loads(done.out.splitlines()[-1])["exit"], 10)
        self.assertIn("apply it with:", done.err)
        done = self.account.moonlever("run", script(RETITLE % 4), "-n", "--exit-code")
        self.assertEqual(done.code, 10, done)
        self.account.json("apply", self.plan, "--yes")
        done = self.make("--exit-code", limit=4)
        self.assertNotIn("apply it with:", done.err, "there is nothing to apply")

    def test_a_plan_of_nothing(self):
        self.account.json("run", script(RETITLE % 4), "--yes")
        self.make()
        header = json.loads(self.lines()[0])
        self.assertEqual((len(self.lines()), header["changes"], header["run"], header["args"]), (1, 0, None, []))
        shown = self.account.moonlever("show", self.plan)
        self.assertEqual(shown.code, 0, shown)
        self.assertRegex(shown.out, r"\nchanges   0\nrequests  0\n$")
        self.assertEqual(self.account.moonlever("apply", self.plan, "--yes").code, 0)

    def test_what_cannot_be_planned_is_named(self):
        text = (RETITLE % 4).replace('for rec in', 'moonlever.each({ 7 }, function() return nil, "no such thing" end)\nfor rec in')
        done = self.account.moonlever("plan", script(text), "-o", self.plan)
        self.assertEqual(done.code, 3, done)
        self.assertIn("\nplan      4 changes in %s\n" % self.plan, done.err)
        self.assertIn("\n  failed: no such thing\n", done.err)

    def test_a_quiet_plan_says_nothing(self):
        self.assertEqual(self.make("-q").err.replace("run: ", "").count("\n"), 1)

    def test_apply_and_undo_ask_on_a_terminal(self):
        self.make()
        for words, counted in ((("apply", self.plan), "4 confirmed"), (("undo", "last"), "4 confirmed")):
            for keys, code in (("n\r", 6), ("y\r", 0)):
                with pty.Terminal([PROGRAM, *words], rows=40, columns=120, env=environment(**self.account.env)) as term:
                    term.wait_for("[y/N] ")
                    term.send(keys)
                    self.assertEqual(term.wait(), code, term.text())
                self.assertEqual(counted in term.text(), code == 0, term.text())

    def test_edited(self):
        self.make()
        with open(self.plan, "a", encoding="utf-8") as file:
            file.write(self.lines()[1] + "\n")
        for command in (("show",), ("apply", "--yes"), ("apply", "--yes", "--json")):
            done = self.account.moonlever(*command, self.plan)
            self.assertEqual(done.code, 6, done)
            self.assertIn("changed after it was made", done.err)

    def test_no_plan(self):
        for path in ("/nowhere", script("print 1")):
            for command in ("show", "apply"):
                done = self.account.moonlever(command, path)
                self.assertEqual(done.code, 2, done)

    def test_too_many_changes_make_no_plan(self):
        done = self.make("--max-changes", "2", code=6)
        self.assertFalse(os.path.exists(self.plan))
        self.assertNotIn("resume with:", done.err)


if __name__ == "__main__":
    unittest.main()
