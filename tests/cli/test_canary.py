# SPDX-License-Identifier: MIT
"""A token in each of its sources, and a search for it in everything that the program leaves behind."""
import os
import subprocess
import unittest

from cli_kit import FOLDER, PROGRAM, environment, script
from profile_kit import Profiles

# Looks for credentials the way a curious script would, changes something, and lets something fail.
CURIOUS = """
local moonlever = require "moonlever"
local sd = moonlever.connect "screendesk"
os.execute "env; tr '\\\\0' '\\\\n' < /proc/$PPID/environ; tr '\\\\0' ' ' < /proc/$PPID/cmdline; grep core /proc/$PPID/limits"
for _, name in ipairs { "SCREENDESK_TOKEN", "SCREENDESK_SCIM_TOKEN" } do print(os.getenv(name)) end
local raw = require "moonlever.raw"
print(pcall(raw.setting, "SCREENDESK_TOKEN"), pcall(raw.setting, "command/acme/SCREENDESK_TOKEN"))
for name, value in pairs(raw.stored "filed" or {}) do print(name, value) end
local function dump(value, seen)
  if type(value) ~= "table" or seen[value] then return print(value) end
  seen[value] = true
  for name, inner in next, value do print(name); dump(inner, seen) end
  dump(getmetatable(value), seen)
end
dump(sd, {})
for rec in sd.recordings:list { limit = 3 } do sd.recordings:update(rec, { title = "n " .. rec.uuid }) end
print(moonlever.try(sd.recordings.get, sd.recordings, "no-such"))
print(moonlever.try(sd.request, sd, { method = "GET", path = "/api/v2/nothing" }))
sd.recordings:update("no-such", { title = "x" })
"""


class Canary(unittest.TestCase):
    def setUp(self):
        self.place = Profiles("--recordings", "5")
        self.addCleanup(self.place.__exit__)
        self.token = self.place.token
        self.vault = os.path.join(FOLDER, "vault")
        with open(self.vault, "w", encoding="utf-8") as file:
            file.write(self.token + "\n")
        self.place.config("profiles = { acme = %s }" % self.place.profile(token_cmd=["cat", self.vault]))
        self.script = script(CURIOUS)

    def everything(self, *flags, **env):
        """Runs all kinds of commands; no output may hold the token (moonlever() looks)."""
        plan, done = self.place.file("p.plan"), []

        def call(*words, code=None):
            done.append(self.place.moonlever(*words, **env))
            if code is not None:
                self.assertEqual(done[-1].code, code, done[-1])
        call("run", self.script, "--yes", "-vv", "--json", *flags)
        self.assertIn("n ", self.place.moonlever("runs", "last", "--json").out)
        call("plan", self.script, "-o", plan, "-vv", *flags)
        call("apply", plan, "--yes", "-vv", *flags)
        call("resume", "last", "--yes", *flags)
        call("undo", "last", "--yes", "-vv", *flags)
        call("run", "--only-failed", "last", "--yes", *flags)
        call("get", "screendesk", "recordings", "--limit", "1", "-vv", "--progress=json", *flags, code=0)
        call("get", "screendesk", "recordings", "no-such", *flags, code=1)
        for words in (("runs",), ("runs", "last", "--csv"), ("show", plan), ("profile", "list"), ("__complete", ""),
                      ("__complete", "get", "--profile", ""), ("config", "show", "--origin"), ("doctor",)):
            call(*words)
        call("doctor", "--online", *flags)
        call("config", "show", "--origin", *flags, code=0)
        return done

    def check_files(self, *allowed):
        """No file below the home of the test holds the token, whatever it is."""
        count = 0
        for folder, _, names in os.walk(self.place.home):
            for name in names:
                path = os.path.join(folder, name)
                if path in allowed:
                    continue
                count += 1
                with open(path, "rb") as file:
                    self.assertNotIn(self.token.encode(), file.read(), path)
        self.assertGreaterEqual(count, 3, "the journal, the plan and the configuration")

    def check_script(self, done):
        self.assertIn("Max core file size        0", done[0].out)
        self.assertIn("nil\nnil\n", done[0].out)

    def test_the_command_of_a_profile(self):
        self.check_script(self.everything("--profile", "acme"))
        self.check_files()

    def test_the_environment(self):
        self.check_script(self.everything(**self.place.account))
        self.check_files()

    def test_the_file_of_a_profile(self):
        path = self.place.store("filed", SCREENDESK_TOKEN=self.token)
        self.check_script(self.everything("--profile", "filed"))
        self.check_files(path)

    def test_standard_input_of_login(self):
        words = [PROGRAM, "login", "screendesk", "--url", self.place.url, "-vv"]
        done = subprocess.run(words, input=self.token.encode() + b"\n", capture_output=True, check=False,
                              env=environment(**self.place.env))
        self.assertEqual(done.returncode, 0, done)
        self.assertNotIn(self.token.encode(), done.stdout + done.stderr)
        self.everything("--profile", "screendesk")
        self.check_files(self.place.directory + "/credentials/screendesk")


if __name__ == "__main__":
    unittest.main()
