#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The examples, built against an installation, do what they say against a practice account."""
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import unittest

from embed_kit import ROOT, Account, Prefix, script

EXAMPLES = os.path.join(ROOT, "examples")
COUNT = script("""
local n = 0
for _ in require "moonlever".connect "screendesk".recordings:list() do n = n + 1 end
print(n .. " recordings")
""")
RETITLE = script("""
local sd = require "moonlever".connect "screendesk"
for rec in sd.recordings:list { limit = 3 } do
  sd.recordings:update(rec, { title = "new " .. rec.uuid })
end
""")
# Every answer is late, so that all of them are in flight at some moment.
MANY = script("""
local moonlever = require "moonlever"
local sd = moonlever.connect { service = "screendesk", rate = 0 }
local uuid = sd.recordings:list()().uuid
local items = {}
for i = 1, 1000 do items[i] = i end
local titles = moonlever.map(items, function()
  return sd.recordings:get(uuid).title
end, { concurrency = 1000 })
print(#titles .. " calls")
""")
SHAPE = re.compile(r"answered (\d+) lines meanwhile; the longest dispatch took ([0-9.]+) ms, "
                   r"with 500 requests in flight ([0-9.]+) ms")


class Examples(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.prefix = Prefix()
        cls.addClassCleanup(shutil.rmtree, cls.prefix.folder)
        cls.folder = cls.prefix.make(static=False)

    def account(self, *flags):
        account = Account("--recordings", "30", *flags)
        self.addCleanup(account.__exit__)
        return account

    def run_example(self, account, *words, stdin=""):
        if not os.path.isabs(words[0]):
            words = (os.path.join(self.folder, words[0]),) + words[1:]
        return subprocess.run(words, env=self.prefix.environment(**account.env), input=stdin, text=True, errors="surrogateescape",
                              capture_output=True, timeout=200, check=False)

    def test_c_blocking(self):
        done = self.run_example(self.account(), "c-blocking", COUNT)
        lines = done.stdout.splitlines()
        self.assertEqual((done.returncode, lines[0]), (0, "30 recordings"), done)
        self.assertEqual(json.loads(lines[1])["exit"], 0)

    def test_c_blocking_sends_no_change(self):
        account = self.account()
        done = self.run_example(account, "c-blocking", RETITLE)
        self.assertEqual(done.returncode, 6, done)
        self.assertIn("nothing was sent", done.stderr)
        self.assertEqual(self.run_example(account, "c-blocking", script("syntax error")).returncode, 2)

    def test_c_epoll(self):
        account = self.account("--faults", "latency=500")
        env = self.prefix.environment(**account.env)
        with subprocess.Popen([os.path.join(self.folder, "c-epoll"), MANY], env=env, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
            port = int(re.fullmatch(r"listening on 127\.0\.0\.1:(\d+)\n", child.stdout.readline()).group(1))
            seen, most = 0, 0
            with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
                try:
                    while True:
                        client.sendall(b"?\n")
                        reply = client.recv(100)
                        if not reply:
                            break
                        seen += 1
                        most = max(most, int(reply.split()[0]))
                except (BrokenPipeError, ConnectionResetError):
                    pass  # the script has ended while we asked
            out, err = child.communicate(timeout=60)
        self.assertEqual(child.returncode, 0, err)
        self.assertIn("1000 calls\n", out)
        answered, longest, busy = SHAPE.search(out).groups()
        self.assertEqual(most, 1000)
        self.assertGreaterEqual(int(answered), seen)
        self.assertGreater(seen, 10)
        print("c-epoll: %s lines answered, longest dispatch %s ms, busy %s ms" % (answered, longest, busy))

    def test_cpp_libuv(self):
        done = self.run_example(self.account("--faults", "latency=20"), "cpp-libuv", COUNT)
        self.assertEqual(done.returncode, 0, done)
        self.assertTrue(done.stdout.startswith("30 recordings\n"), done)
        self.assertTrue(done.stdout.endswith("the clock ticked meanwhile\n"), done)

    def test_host_function_asks(self):
        account = self.account()
        for answer in ("n\n", ""):
            done = self.run_example(account, "host-function", RETITLE, stdin=answer)
            self.assertEqual(done.returncode, 6, done)
            self.assertIn("Go on? [y/N] ", done.stdout)
            self.assertEqual(account.json("runs")["runs"], [])
        done = self.run_example(account, "host-function", RETITLE, stdin="y\n")
        self.assertEqual(done.returncode, 0, done)
        self.assertEqual(json.loads(done.stdout.splitlines()[-1])["counts"]["confirmed"], 3)
        run = re.search(r"^run: (\S+)$", done.stderr, re.M).group(1)
        self.assertEqual([change["state"] for change in account.json("runs", run)["changes"]], ["confirmed"] * 3)

    def test_host_function_lends_a_function(self):
        account = self.account()
        retitle = os.path.join(EXAMPLES, "host-function", "retitle.lua")
        done = self.run_example(account, "host-function", retitle, stdin='a "\\ \t\u00e9\ny\n')
        self.assertEqual(done.returncode, 0, done)
        self.assertTrue(done.stdout.startswith('What shall stand before the titles (such as "new")? '), done)
        run = re.search(r"^run: (\S+)$", done.stderr, re.M).group(1)
        changes = account.json("runs", run)["changes"]
        self.assertEqual([change["state"] for change in changes], ["confirmed"] * 3)
        got = account.moonlever("get", "screendesk", "recordings", "--limit", "3", "--fields", "title", "--format", "json")
        rows = json.loads(got.out)
        self.assertEqual(len(rows), 3)
        for row in rows:
            self.assertTrue(row["title"].startswith('a "\\ \t\u00e9: '), row)
        for stdin, code, words in (("", 130, "nobody answers"), ("\n", 0, ""), ("\udcff\n", 1, "not UTF-8")):
            done = self.run_example(account, "host-function", retitle, stdin=stdin)
            self.assertEqual(done.returncode, code, done)
            self.assertIn(words, done.stderr)
            self.assertNotIn("Go on?", done.stdout)

    def test_python_ctypes(self):
        account = self.account()
        done = self.run_example(account, sys.executable, os.path.join(EXAMPLES, "python-ctypes", "run.py"), COUNT)
        self.assertEqual(done.returncode, 0, done)
        self.assertTrue(done.stdout.startswith("30 recordings\ndone {"), done)
        done = self.run_example(account, sys.executable, os.path.join(EXAMPLES, "python-ctypes", "run.py"), RETITLE)
        self.assertEqual(done.returncode, 6, done)

    @unittest.skipIf(shutil.which("lua5.4") is None, "needs lua5.4")
    def test_stock_lua(self):
        done = self.run_example(self.account(), shutil.which("lua5.4"),
                                os.path.join(EXAMPLES, "stock-lua", "titles.lua"), "7")
        self.assertEqual((done.returncode, len(done.stdout.splitlines())), (0, 7), done)

    def test_the_readme_names_them_all(self):
        with open(os.path.join(EXAMPLES, "README.md"), encoding="utf-8") as file:
            named = set(re.findall(r"^\| \[([^\]]+)\]", file.read(), re.M))
        there = {name for name in os.listdir(EXAMPLES) if os.path.isdir(os.path.join(EXAMPLES, name))}
        self.assertEqual(named, there - {"build"})

    def test_format(self):
        """The examples are read: short lines, and no tabs."""
        for folder, _, names in os.walk(EXAMPLES):
            for name in names:
                if name.endswith((".c", ".cpp", ".py", ".lua")):
                    with open(os.path.join(folder, name), encoding="utf-8") as file:
                        for line in file:
                            self.assertLessEqual(len(line.rstrip("\n")), 110, "%s: %s" % (name, line))
                            self.assertNotIn("\t", line)


if __name__ == "__main__":
    unittest.main()
