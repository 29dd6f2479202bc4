# SPDX-License-Identifier: MIT
"""Progress for programs, and none at all."""
import json
import unittest

from cli_kit import PROGRAM, Account, environment, moonlever, script
from lib import pty

TITLES = """
local moonlever = require "moonlever"
local sd = moonlever.connect "screendesk"
local list = {}
for rec in sd.recordings:list() do list[#list + 1] = rec end
moonlever.each(list, function(rec) sd.recordings:update(rec, { title = "new " .. rec.uuid }) end)
print "done"
"""


class Progress(unittest.TestCase):
    def lines(self, text):
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    def test_a_line_of_json_a_second_and_one_at_the_end(self):
        done = moonlever("run", script(TITLES), "--practice", "--recordings", "60", "--yes", "--rate", "30",
                         "--progress=json")
        self.assertEqual((done.code, done.out), (0, "done\n"), done)
        lines = self.lines(done.err)
        self.assertGreaterEqual(len(lines), 2, done.err)
        for line in lines:
            self.assertEqual(set(line), {"work", "done", "total", "rate", "eta", "in_flight", "failed", "wait", "current"})
        last = lines[-1]
        self.assertEqual((last["work"], last["done"], last["total"], last["in_flight"], last["failed"]),
                         ("changes", 60, 60, 0, 0))
        self.assertEqual(last["current"], "screendesk.recordings.update")

    def test_a_short_run_has_its_last_line_even_when_quiet(self):
        done = moonlever("run", script("print(1)"), "--practice", "-q", "--progress", "json")
        self.assertEqual(len(self.lines(done.err)), 1, done)
        self.assertEqual(done.err.count("\n"), 1, done)

    def test_a_wait_has_its_reason(self):
        with Account("--recordings", "4", "--faults", "429=100%,retry-after=2") as account:
            with pty.Terminal([PROGRAM, "get", "screendesk", "recordings", "--progress=json"], columns=300,
                              env=environment(**account.env)) as term:
                term.wait_for('"wait":{"status":429,"seconds":')
                term.send("\x03")
                term.wait()

    def test_none(self):
        with pty.Terminal([PROGRAM, "run", script(TITLES), "--practice", "--recordings", "30", "--yes", "--rate", "20",
                           "--progress=none"], env=environment()) as term:
            self.assertEqual(term.wait(), 0)
            self.assertNotIn(b"in flight", term.output)

    def test_a_word_that_is_none_of_them(self):
        done = moonlever("run", script("print(1)"), "--progress=fast")
        self.assertEqual(done.code, 2)
        self.assertIn("auto|json|none", done.err)


if __name__ == "__main__":
    unittest.main()
