# SPDX-License-Identifier: MIT
"""`moonlever show`: a saved plan for people and programs; no plan, an edited plan."""
import hashlib
import json
import os
import unittest

from cli_kit import PROGRAM, environment, moonlever, script
from lib import pty

ORIGIN = "https://app.screendesk.io"


def change(number, **more):
    row = {"seq": number, "operation": "screendesk.recordings.update", "service": "screendesk", "origin": ORIGIN,
           "target": "rec-%d" % number, "method": "PATCH", "path": "/api/v2/recordings/rec-%d" % number,
           "effect": "update", "body": '{"title":"new"}', "before": {"title": "old"}, "after": {"title": "new"}}
    row.update(more)
    return row


def plan(changes, name="retag.plan", **more):
    """A file with a plan of these changes; its path."""
    body = "".join(json.dumps(row) + "\n" for row in changes)
    header = {"format": "moonlever-plan", "version": 1, "run": "k3bbbbbbbbbb", "script": "retag",
              "args": ["--from", "a b"], "service": "screendesk", "origin": ORIGIN,
              "created": "2026-01-02T10:00:00.000Z", "changes": len(changes), "requests": len(changes)}
    header.update(more)
    sealed = json.dumps(header, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n" + body
    header["hash"] = "sha256:" + hashlib.sha256(sealed.encode()).hexdigest()
    return script(json.dumps(header) + "\n" + body, name)


class Show(unittest.TestCase):
    def test_for_people(self):
        done = moonlever("show", plan([change(1), change(2, effect="delete", after=None)], "my plan"))
        self.assertEqual((done.code, done.err), (0, ""), done)
        self.assertIn('  ~ rec-1  title: "old" -> "new"\n  - rec-2  title: "old"\n', done.out)
        self.assertRegex(done.out, r"\napply it with: moonlever apply '.*/my plan'\n$")

    def test_for_programs(self):
        done = moonlever("show", plan([change(1), change(2)]), "--json")
        self.assertEqual((done.code, done.err, done.out.count("\n")), (0, "", 1), done)
        shown = json.loads(done.out)
        self.assertEqual((shown["changes"], shown["operations"]), (2, {"screendesk.recordings.update": 2}))

    def test_all_and_rate(self):
        path = plan([change(number) for number in range(1, 61)])
        short, longer = moonlever("show", path).out, moonlever("show", "--all", "--rate", "2", path).out
        self.assertIn("… and 10 more (--all)", short)
        self.assertEqual((short.count("  ~ "), longer.count("  ~ ")), (50, 60))
        self.assertIn("requests  60 and up to 60 looks before, 30 s or more at 2 a second", longer)

    def test_an_edited_plan(self):
        path = plan([change(1)])
        with open(path, encoding="utf-8") as file:
            text = file.read()
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace('"title": "new"', '"title": "NEW"'))
        for flags in ((), ("--json",)):
            done = moonlever("show", path, *flags)
            self.assertEqual((done.code, done.out), (6, ""), done)
            self.assertIn("was changed after it was made", done.err)

    def test_no_plan(self):
        for path, says in ((script("print 1"), "is no plan"), ("/nowhere", "No such file"), ("/", "is no plan"),
                           (plan([], version=2), "is of version 2")):
            done = moonlever("show", path)
            self.assertEqual((done.code, done.out), (2, ""), done)
            self.assertIn(says, done.err)
            self.assertNotIn("traceback", done.err)

    def test_a_file_whose_name_looks_like_a_flag(self):
        path = plan([change(1)], "--all")
        done = moonlever("show", "--", "--all", cwd=os.path.dirname(path))
        self.assertEqual(done.code, 0, done)

    def test_nothing_from_outside_reaches_a_terminal(self):
        evil = "a\x1b]0;owned\x07\x1b[2J\r\n\u202eb\x9b31m"
        row = change(1, target=evil, operation=evil, before={evil: evil}, after={evil: evil + "!"})
        path = plan([row], script=evil, service=evil, args=[evil], run=evil, created=evil)
        piped = moonlever("show", path)
        self.assertEqual(piped.code, 0, piped)
        with pty.Terminal([PROGRAM, "show", path], rows=30, columns=100, env=environment()) as term:
            self.assertEqual(term.wait(), 0, term.text())
        shown = term.output.decode()
        for text in (piped.out, shown.replace("\r\n", "\n")):
            self.assertIn("\\x1B]0;owned\\x07", text)
            for bad in evil:
                if not bad.isprintable() and bad != "\n":
                    self.assertNotIn(bad, text)

    def test_a_reader_that_leaves(self):
        path = plan([change(number) for number in range(20000)])
        with pty.Terminal(["sh", "-c", '"$0" show --all "$1" | head -n 3; echo "code $?"', PROGRAM, path],
                          columns=100, env=environment()) as term:
            self.assertEqual(term.wait(), 0, term.text())
        self.assertNotIn("moonlever:", term.text())
        self.assertIn("code 0", term.text())

    def test_a_full_disk(self):
        with open("/dev/full", "wb") as full:
            done = moonlever("show", plan([change(1)]), stdout=full)
        self.assertEqual(done.code, 1, done)
        self.assertIn("cannot write to standard output: No space left on device", done.err)


if __name__ == "__main__":
    unittest.main()
