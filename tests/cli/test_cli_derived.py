# SPDX-License-Identifier: MIT
"""What the program makes of its catalogues: help by name, editor definitions, the reference."""
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from cli_kit import FOLDER, moonlever
from lib import wire

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
PAGES = os.path.join(ROOT, "docs", "reference")

# Uses what the definitions define, as a script of a user would.
SAMPLE = """
local moonlever = require "moonlever"
local sd = moonlever.connect "screendesk"
for rec in sd.recordings:list { limit = 3 } do
  sd.recordings:update(rec, { title = (rec.title or "") .. rec.metadata.helpdesk_info.platform })
end
local wd = moonlever.connect { service = "workdrive", rate = 2 }
local chats = moonlever.map(wd.group_chats:list(), function(chat) return chat.title end)
print(#chats, moonlever.tags.has("[a] b", "a"))
"""


def folder():
    return tempfile.mkdtemp(dir=FOLDER)


def texts(path):
    found = {}
    for name in sorted(os.listdir(path)):
        with open(os.path.join(path, name), encoding="utf-8") as file:
            found[name] = file.read()
    return found


def make(*flags):
    """Runs `moonlever stubs` with the flags into a new directory; what it made."""
    path = os.path.join(folder(), "new")
    done = moonlever("stubs", "-o", path, *flags)
    assert (done.code, done.err) == (0, ""), done
    made = texts(path)
    assert done.out.split() == [os.path.join(path, name) for name in written_order(done.out)], done
    assert sorted(written_order(done.out)) == sorted(made), done
    return path, made


def written_order(out):
    return [os.path.basename(line) for line in out.split()]


class Help(unittest.TestCase):
    def text(self, name):
        done = moonlever("help", name)
        self.assertEqual((done.code, done.err), (0, ""), done)
        return done.out

    def test_names(self):
        self.assertTrue(self.text("screendesk").startswith("screendesk: Screendesk\n"))
        self.assertIn("RECORD (Recording)", self.text("screendesk.recordings"))
        text = self.text("screendesk.recordings.update")
        self.assertLess(text.index("EXAMPLE"), text.index("ARGUMENTS"), "examples come first")
        self.assertIn("Only an admin", text)
        self.assertIn("Cannot be undone", self.text("workdrive.group_chats.delete"))
        self.assertEqual(self.text("group_chats.delete"), self.text("workdrive.group_chats:delete"))
        self.assertIn("moonlever.each(source, fn, [options])", self.text("each"))

    def test_commands_and_topics_come_first(self):
        self.assertIn("USAGE\n  moonlever run SCRIPT", self.text("run"))
        self.assertTrue(self.text("scripts").startswith("scripts: "))


class Stubs(unittest.TestCase):
    def test_two_processes_make_the_same(self):
        self.assertEqual(make()[1], make()[1])
        self.assertEqual(make("--markdown")[1], make("--markdown")[1])

    def test_a_directory_that_is_there(self):
        path, made = make()
        again = moonlever("stubs", "--out", path + "/")
        self.assertEqual(again.code, 0, again)
        self.assertEqual(texts(path), made)

    def test_a_directory_that_cannot_be(self):
        file = os.path.join(folder(), "file")
        with open(file, "w", encoding="utf-8"):
            pass
        done = moonlever("stubs", "-o", os.path.join(file, "below"))
        self.assertEqual(done.code, 2, done)
        self.assertIn("cannot make the directory", done.err)
        done = moonlever("stubs", "-o", file)
        self.assertEqual((done.code, done.out), (1, ""), done)
        self.assertIn("cannot write", done.err)

    @unittest.skipUnless(shutil.which("luacheck"), "luacheck is not there")
    def test_luacheck_with_its_strictest_standard(self):
        path, made = make()
        sample = os.path.join(folder(), "sample.lua")
        with open(sample, "w", encoding="utf-8") as file:
            file.write(SAMPLE)
        files = [sample] + [os.path.join(path, name) for name in made]
        done = subprocess.run(["luacheck", "--no-config", "--no-color", "--std", "max", *files],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        self.assertEqual(done.returncode, 0, done.stdout.decode())

    def test_the_sample_uses_what_is_defined(self):
        made = "".join(make()[1].values())
        for call in re.findall(r"(?:sd|wd)\.([\w.]+:\w+)", SAMPLE):
            self.assertIn("\nfunction %s(" % call, made)
        for call in re.findall(r"moonlever\.([\w.]+)\(", SAMPLE):
            self.assertIn("\nfunction moonlever.%s(" % call, made)


class Reference(unittest.TestCase):
    def test_it_is_up_to_date(self):
        fresh, kept = make("--markdown")[1], texts(PAGES)
        self.assertEqual(sorted(fresh), sorted(kept), "docs/reference/ is out of date: run ./dev docs")
        for name, text in fresh.items():
            self.assertEqual(text.splitlines(), kept[name].splitlines(),
                             "docs/reference/%s is out of date: run ./dev docs" % name)

    def test_links_lead_somewhere(self):
        pages = texts(PAGES)
        for name, text in pages.items():
            anchors = re.findall(r'<a id="([^"]+)">', text)
            self.assertEqual(len(anchors), len(set(anchors)), name)
            for target in re.findall(r"\]\(([^)]+)\)", text):
                if target.startswith("#"):
                    self.assertIn(target[1:], anchors, name)
                else:
                    self.assertIn(target, pages, name)

    def test_a_row_for_each_operation(self):
        for name, count in (("screendesk", 10 + 4), ("screendragon", 8), ("workdrive", 75 + 1)):
            rows = re.findall(r"(?m)^\| \[`[\w.]+:(\w+)\(.*?\)`\]\(#[\w.]+\) \| (\w[^|]*) \|", texts(PAGES)[name + ".md"])
            self.assertEqual(len([verb for verb, _ in rows if verb != "pages"]), count, name)
            for verb, effect in rows:
                self.assertRegex(effect, r"^(read|create|change|replace|delete|never sent)(, \*\*(final|asks|off)\*\*)*$", verb)

    def test_what_is_dangerous_is_marked(self):
        for call, marks in (("users:bulk_delete(items)", "delete, **final**"), ("users:create(fields)", "create, **asks**"),
                            ("messages:send(conversationId, fields)", "create, **final**, **off**"),
                            ("notifications:send(fields)", "create, **final**, **asks**, **off**"),
                            ("faqs:delete(id)", "delete, **final**, **asks**"), ("posts:update(id, fields)", "change")):
            self.assertRegex(texts(PAGES)["workdrive.md"],
                             r"(?m)^\| \[`%s`\]\([^)]*\) \| %s \|" % (re.escape(call), re.escape(marks)))


class Forbidden(unittest.TestCase):
    """Where a 403 comes, the catalogue's word on who may do it goes with it."""

    SCRIPT = """
local moonlever = require "moonlever"
local sd = moonlever.connect "screendesk"
local _, err = moonlever.try(sd.%s)
print(err.kind, err.fix)
"""

    def fix(self, call):
        with wire.Server([wire.json(403, {"error": "no"})]) as server:
            done = wire.run(server, self.SCRIPT % call)
        return done.out

    def test_admin_and_hint(self):
        fix = self.fix("users.search, sd.users, 'a@example.com'")
        self.assertIn("forbidden\tonly an admin may do this; the plan may not include the API", fix)

    def test_only_the_hint(self):
        fix = self.fix("recordings.get, sd.recordings, '81c5a150-e11f-4b49-b84d-af4b7a9b8c90'")
        self.assertIn("forbidden\tthe plan may not include the API", fix)


if __name__ == "__main__":
    unittest.main()
