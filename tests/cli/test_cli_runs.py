# SPDX-License-Identifier: MIT
"""The journal from the command line: runs, resume, undo and --only-failed, on a practice account."""
import csv
import io
import json
import signal
import unittest

from cli_kit import PROGRAM, RETITLE, Account, environment, moonlever, script
from lib import pty

RUN_MEMBERS = {"run", "kind", "undo_of", "script", "service", "origin", "started", "ended", "state", "counts"}
CHANGE_MEMBERS = {"seq", "operation", "target", "method", "path", "state", "reason", "before", "after", "attempts",
                  "log"}
COLUMNS = ["seq", "operation", "target", "state", "reason", "attempts", "started", "ended"]
MANY = RETITLE % 60  # takes a few seconds at --rate 10

# Every other recording gets a title that is too long, while BROKEN is set.
FRAIL = """
local moonlever = require "moonlever"
local sd = moonlever.connect "screendesk"
moonlever.each(sd.recordings:list(), function(rec)
  local long = os.getenv "BROKEN" and rec.uuid:byte(1) % 2 == 0
  sd.recordings:update(rec, { title = long and ("x"):rep(5000) or "new " .. rec.uuid })
end)
"""


class Empty(unittest.TestCase):
    def test_there_are_no_runs_yet(self):
        with Account("--recordings", "3") as account:
            done = account.moonlever("runs")
            self.assertEqual((done.code, done.out, done.err), (0, "no runs yet\n", ""))
            self.assertEqual(account.json("runs"), {"runs": []})
            for command in ("resume", "undo", "runs"):
                done = account.moonlever(command, "last")
                self.assertEqual((done.code, done.out), (2, ""), done)
                self.assertIn("there are no runs yet", done.err)

    def test_a_run_that_only_reads_leaves_none(self):
        with Account("--recordings", "3") as account:
            text = 'local m = require "moonlever"\nfor _ in m.connect("screendesk").recordings:list() do end'
            self.assertEqual(account.moonlever("run", script(text)).code, 0)
            self.assertEqual(account.json("runs"), {"runs": []})


class Runs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.account = Account("--recordings", "9")
        cls.addClassCleanup(cls.account.__exit__)
        cls.done = cls.account.moonlever("run", script(RETITLE % 4), "--yes", "-v")
        cls.first = cls.account.json("runs")["runs"][0]["run"]
        cls.account.moonlever("run", script(RETITLE % 9), "--dry-run")

    def test_the_run_says_its_id_and_how_to_undo_it(self):
        self.assertEqual(self.done.code, 0, self.done)
        self.assertIn("run: %s\n" % self.first, self.done.err)
        self.assertIn("undo with: moonlever undo %s\n" % self.first, self.done.err)

    def test_all_runs_newest_first(self):
        runs = self.account.json("runs")["runs"]
        self.assertEqual([run["kind"] for run in runs], ["plan", "run"])
        for run in runs:
            self.assertEqual(set(run), RUN_MEMBERS)
        self.assertEqual((runs[1]["state"], runs[1]["counts"]["confirmed"], runs[1]["service"], runs[1]["origin"]),
                         ("done", 4, "screendesk", self.account.env["SCREENDESK_URL"]))
        self.assertEqual((runs[0]["state"], runs[0]["counts"]["planned"]), ("planned", 5))
        self.assertRegex(runs[1]["started"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")

    def test_the_changes_of_one(self):
        run = self.account.json("runs", self.first)
        self.assertEqual(set(run), RUN_MEMBERS | {"changes"})
        self.assertEqual([change["seq"] for change in run["changes"]], [1, 2, 3, 4])
        for change in run["changes"]:
            self.assertEqual(set(change), CHANGE_MEMBERS)
            self.assertEqual((change["state"], change["method"], change["attempts"]), ("confirmed", "PATCH", 1))
            self.assertEqual(change["after"]["title"], "new " + change["target"])
            self.assertNotEqual(change["before"]["title"], change["after"]["title"])
            self.assertEqual([(row["n"], row["sent"], row["status"]) for row in change["log"]], [(1, 1, 200)])

    def test_csv(self):
        rows = list(csv.reader(io.StringIO(self.account.moonlever("runs", self.first, "--csv").out)))
        self.assertEqual(rows[0], COLUMNS)
        self.assertEqual([row[3] for row in rows[1:]], ["confirmed"] * 4)
        rows = self.account.moonlever("runs", self.first, "--csv", "--failed").out
        self.assertEqual(rows.strip(), ",".join(COLUMNS))

    def test_for_people(self):
        table = self.account.moonlever("runs").out.splitlines()
        self.assertRegex(table[0], r"^RUN +KIND +SCRIPT +STARTED +STATE +CHANGES$")
        self.assertRegex(table[2], r"^%s +run .* done +4 confirmed$" % self.first)
        text = self.account.moonlever("runs", self.first[:5]).out
        self.assertEqual(text.count("  confirmed "), 4)
        self.assertTrue(text.endswith("\nundo with: moonlever undo %s\n" % self.first))
        self.assertIn("no change failed", self.account.moonlever("runs", self.first, "--failed").out)

    def test_which_run(self):
        self.assertEqual(self.account.json("runs", "last")["kind"], "plan")
        for word in ("nosuchrun", self.first[:3], self.first + "x"):
            done = self.account.moonlever("runs", word, "--json")
            self.assertEqual((done.code, done.out), (2, ""), done)
            self.assertTrue(done.err.endswith("\n  see: moonlever runs\n"), done)
        done = self.account.moonlever("resume", "nosuchrun", "--json")
        self.assertEqual(done.code, 2, done)
        self.assertEqual(json.loads(done.out), {"run": None, "state": "stopped", "counts": {}, "exit": 2})


class Stopped(unittest.TestCase):
    def stop(self, account, number):
        child, run = account.start("run", script(MANY), "--yes", "--rate", "10", "--json")
        child.send_signal(number)
        out, err = child.communicate(timeout=60)
        return child.returncode, run, out.decode(), err.decode()

    def test_interrupted(self):
        with Account("--recordings", "60") as account:
            code, run, out, err = self.stop(account, signal.SIGINT)
            self.assertEqual(code, 130, err)
            self.assertIn("resume with: moonlever resume %s\n" % run, err)
            self.assertEqual(json.loads(out.splitlines()[-1])["exit"], 130)
            result = account.json("resume", run, "--yes", "--rate", "0")
            self.assertEqual((result["run"], result["state"], result["counts"]["confirmed"]), (run, "done", 60))

    def test_killed(self):
        with Account("--recordings", "60") as account:
            code, run, _, _ = self.stop(account, signal.SIGKILL)
            self.assertEqual(code, -signal.SIGKILL)
            row = account.json("runs")["runs"][0]
            self.assertEqual((row["run"], row["state"], row["ended"], row["counts"]["sent"]),
                             (run, "stopped", None, 0))
            self.assertRegex(account.moonlever("runs").out, "resume with: moonlever resume %s\n" % run)
            self.assertIn("its process ended before the run did", account.moonlever("runs", run).out)
            self.assertEqual(account.json("resume", "last", "--yes", "--rate", "0")["counts"]["confirmed"], 60)
            self.assertEqual(account.json("resume", "last", "--yes")["counts"]["confirmed"], 60)

    def test_at_work_in_another_process(self):
        with Account("--recordings", "60") as account:
            child, run = account.start("run", script(MANY), "--yes", "--rate", "5")
            try:
                self.assertEqual(account.json("runs")["runs"][0]["state"], "running")
                done = account.moonlever("resume", run, "--yes", "--json")
            finally:
                child.kill()
                child.communicate()
            self.assertEqual(done.code, 75, done)
            self.assertEqual(json.loads(done.out)["exit"], 75)
            self.assertNotIn("resume with:", done.err)

    def test_by_a_guard(self):
        with Account("--recordings", "9") as account:
            done = account.moonlever("run", script(RETITLE % 9), "--yes", "--max-changes", "3")
            self.assertEqual(done.code, 6, done)
            self.assertIn("resume with: moonlever resume %s\n" % account.json("runs")["runs"][0]["run"], done.err)
            done = account.moonlever("run", script(RETITLE % 9))
            self.assertEqual(done.code, 6, done)
            self.assertNotIn("resume with:", done.err, "nothing was begun")

    def test_by_the_time(self):
        with Account("--recordings", "60") as account:
            done = account.moonlever("run", script(MANY), "--yes", "--rate", "5", "--max-time", "1s")
            self.assertEqual(done.code, 6, done)
            self.assertIn("resume with: moonlever resume ", done.err)


class Undo(unittest.TestCase):
    def titles(self, account):
        text = ('local m = require "moonlever"\nfor rec in m.connect("screendesk").recordings:list() do '
                'print(rec.uuid, rec.title) end')
        return account.moonlever("run", script(text), "-q").out

    def test_once(self):
        with Account("--recordings", "9") as account:
            before = self.titles(account)
            run = account.json("run", script(RETITLE % 9), "--yes")["run"]
            after = self.titles(account)
            self.assertNotEqual(before, after)
            done = account.moonlever("undo", run, "--dry-run", "--exit-code", "--json")
            self.assertEqual((done.code, json.loads(done.out)["exit"]), (10, 10), done)
            self.assertEqual(self.titles(account), after)
            result = account.json("undo", run, "--yes")
            self.assertEqual(result["counts"]["confirmed"], 9)
            self.assertEqual(self.titles(account), before)
            rows = {row["run"]: row for row in account.json("runs")["runs"]}
            self.assertEqual((rows[result["run"]]["kind"], rows[result["run"]]["undo_of"]), ("undo", run))
            self.assertEqual(rows[run]["counts"]["undone"], 9)
            done = account.moonlever("undo", run, "--yes")
            self.assertEqual(done.code, 6, done)
            self.assertIn(result["run"], done.err)

    def test_only_what_failed_is_done_again(self):
        with Account("--recordings", "9") as account:
            path = script(FRAIL)
            first = account.moonlever("run", path, "--yes", "--json", BROKEN="1")
            self.assertEqual(first.code, 3, first)
            run = json.loads(first.out.splitlines()[-1])
            failed = run["counts"]["failed"]
            self.assertTrue(0 < failed < 9, run)
            text = account.moonlever("runs", run["run"], "--failed").out
            self.assertEqual((text.count("  failed  "), text.count("  confirmed  ")), (failed, 0))
            again = account.json("run", "--only-failed", run["run"][:6], "--yes")
            self.assertEqual((again["state"], again["counts"]["confirmed"], again["counts"]["failed"]),
                             ("done", failed, 0))
            self.assertEqual(len(account.json("runs", again["run"])["changes"]), failed)


class Terminal(unittest.TestCase):
    def test_nothing_from_the_service_reaches_it(self):
        evil = "a\x1b]0;owned\x07\x1b[2J\r\t\u202eb\x9b31m"
        text = RETITLE.replace('"new " .. rec.uuid', json.dumps(evil, ensure_ascii=False).replace("\\u00", "\\x"))
        with Account("--recordings", "2") as account:
            done = account.moonlever("run", script(text % 2), "--yes")
            self.assertEqual(done.code, 0, done)
            self.assertEqual(account.json("runs", "last")["changes"][0]["after"]["title"], evil)
            with pty.Terminal([PROGRAM, "runs", "last"], columns=200, env=environment(**account.env)) as term:
                self.assertEqual(term.wait(), 0, term.text())
            for shown in (account.moonlever("runs", "last").out, term.output.decode().replace("\r\n", "\n")):
                self.assertIn("owned", shown)
                for bad in evil:
                    self.assertTrue(bad.isprintable() or bad not in shown, repr(bad))


class Purge(unittest.TestCase):
    def test_old_runs_are_forgotten(self):
        with Account("--recordings", "3") as account:
            account.moonlever("run", script(RETITLE % 3), "--yes")
            self.assertEqual(account.moonlever("runs", "--purge").out, "forgot 0 runs older than 90 days\n")
            self.assertEqual(len(account.json("runs")["runs"]), 1)
            self.assertEqual(account.json("runs", "--purge", "--keep", "0"), {"purged": 1})
            self.assertEqual(account.json("runs")["runs"], [])


class NoJournal(unittest.TestCase):
    def test_tools_need_no_account(self):
        self.assertEqual(moonlever("runs").code, 0)


if __name__ == "__main__":
    unittest.main()
