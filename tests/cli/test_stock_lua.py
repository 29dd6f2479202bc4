#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The module in a stock lua5.4: `require "moonlever"`, calls in the main chunk, tasks, the script's
own coroutines, an end with calls under way; the host's state stays its own."""
import os
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cli_kit import PROGRAM, environment, script  # noqa: E402
from test_cli_outcomes import Practice  # noqa: E402

MODULES = os.path.join(os.path.dirname(PROGRAM), "lua")
LUA = shutil.which("lua5.4")
SANITIZED = os.environ.get("MOONLEVER_SANITIZED") == "1"


@unittest.skipIf(LUA is None or SANITIZED, "needs lua5.4 and a build without sanitizers")
class StockLua(unittest.TestCase):
    def setUp(self):
        self.practice = Practice("--recordings", "30")
        self.addCleanup(self.practice.stop)

    def lua(self, text, **env):
        path = script('package.cpath = "%s/?.so;" .. package.cpath\n' % MODULES + text)
        return subprocess.run([LUA, path], env=environment(**{**self.practice.env, **env}), text=True,
                              capture_output=True, timeout=60, check=False)

    def test_calls_tasks_and_coroutines(self):
        done = self.lua("""
local moonlever = require "moonlever"
local sd = moonlever.connect "screendesk"
local uuid = sd.recordings:list()().uuid
print(sd.recordings:get(uuid).uuid == uuid)
print(moonlever.spawn(function() return sd.recordings:get(uuid).uuid == uuid end):await())
print(coroutine.wrap(function() return sd.recordings:get(uuid).uuid == uuid end)())
local n = 0
for _ in sd.recordings:list() do n = n + 1 end
print(n, moonlever.each({ 1, 2, 3 }, function() sd.recordings:get(uuid) end).ok)
local t = { 3, 1, 2 }
table.sort(t, function(a, b) sd.recordings:get(uuid) return a < b end)
print(table.concat(t, " "))
""")
        self.assertEqual(done.stdout, "true\ntrue\ntrue\n30\t3\n1 2 3\n", done)

    def test_an_end_with_calls_under_way(self):
        done = self.lua("""
local moonlever = require "moonlever"
local sd = moonlever.connect { service = "screendesk", rate = 0 }
for _ = 1, 200 do moonlever.spawn(function() sd.recordings:list()() end) end
moonlever.sleep(0)
print "end"
""")
        self.assertEqual((done.returncode, done.stdout), (0, "end\n"), done)

    def test_writes_need_consent(self):
        text = """
local moonlever = require "moonlever"
local sd = moonlever.connect "screendesk"
local rec = sd.recordings:list()()
local ok, err = pcall(sd.recordings.update, sd.recordings, rec, { title = "new" })
print(ok, ok or err.kind)
"""
        self.assertEqual(self.lua(text).stdout, "false\tguard\n")
        self.assertEqual(self.practice.patches(), [])
        self.assertEqual(self.lua(text, MOONLEVER_YES="1").stdout, "true\ttrue\n")
        self.assertEqual(len(self.practice.patches()), 1)

    def test_the_host_stays_as_it_is(self):
        done = self.lua("""
local resume, show, strict = coroutine.resume, print, getmetatable(_G)
collectgarbage "generational"
local function hook() end
debug.sethook(hook, "", 1000)
require "moonlever".sleep(0.001)
print(debug.gethook() == hook, select(3, debug.gethook()), collectgarbage "incremental")
debug.sethook()
print(resume == coroutine.resume, show == print, strict == getmetatable(_G), debug.gethook())
local maps = io.open("/proc/self/maps"):read "a"
print(maps:find "moonlever.so" ~= nil, maps:find "liblua5.4.so" ~= nil)
""")
        self.assertEqual(done.stdout, "true\t1000\tgenerational\ntrue\ttrue\ttrue\tnil\ntrue\tfalse\n", done)


if __name__ == "__main__":
    unittest.main()
