# SPDX-License-Identifier: MIT
"""Every command keeps data and diagnostics apart, and says the same wherever it runs.

Each is run once as usual. Then once more with each stream thrown away, and in other surroundings (no
colour, a dumb terminal, forty columns, a locale with a decimal comma): what is left must be the same,
apart from ids and times.
"""
import contextlib
import os
import re
import subprocess
import tempfile
import unittest

from cli_kit import FOLDER, PROGRAM, RETITLE, Account, environment, script

SURROUNDINGS = ({"NO_COLOR": "1"}, {"TERM": "dumb"}, {"TERM": None}, {"COLUMNS": "40"}, {"LC_ALL": "C"})
# An object's or run's id (or a word as long), durations and rates, dates, ports.
VARIES = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b[a-z0-9]{12}\b|\b\d+(\.\d+)?( s|/s)\b|"
                    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+Z)?|\b\d\d:\d\d(:\d\d)?\b|127\.0\.0\.1:\d+")
ESCAPE = "\x1b"


def comma():
    """The environment of a locale with a decimal comma, made for the test; None where it cannot be."""
    folder = tempfile.mkdtemp(dir=FOLDER)
    done = subprocess.run(["localedef", "-i", "de_DE", "-f", "UTF-8", os.path.join(folder, "de_DE.UTF-8")],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    # The C library never frees what it has read of LOCPATH.
    options = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
    return {"LOCPATH": folder, "LC_ALL": "de_DE.UTF-8", "ASAN_OPTIONS": options} if done.returncode == 0 else None


class Streams(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.surroundings = [{}, *SURROUNDINGS]
        cls.locale = comma()
        if cls.locale:
            cls.surroundings.append(cls.locale)
        cls.shared = cls.account()
        cls.addClassCleanup(cls.shared.__exit__)

    @staticmethod
    def account():
        return Account("--recordings", "4", "--users", "3")

    def run_with(self, account, words, more, **streams):
        env = environment(**account.env)
        for name, value in more.items():
            if value is None:
                env.pop(name, None)
            else:
                env[name] = value
        given = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
        done = subprocess.run([PROGRAM, *words], env=env, timeout=120, check=False, start_new_session=True, **given)
        return done.returncode, done.stdout, done.stderr

    @staticmethod
    def text(stream):
        return VARIES.sub("…", re.sub(FOLDER + r"[\w/]*", "…", (stream or b"").decode()))

    def check(self, words, code, writes=False, account=None, prepare=(), out=None, err=None):
        """The same everywhere. `prepare`: commands that come first; `out`, `err`: is there anything?"""
        seen = None
        thrown = [({}, {"stdout": subprocess.DEVNULL}), ({}, {"stderr": subprocess.DEVNULL})]
        for more, streams in [(more, {}) for more in self.surroundings] + thrown:
            with self.account() if writes else contextlib.nullcontext(account or self.shared) as place:
                for first in prepare:
                    self.assertEqual(self.run_with(place, first, {})[0], 0, first)
                done = self.run_with(place, words, more, **streams)
            self.assertEqual(done[0], code, (words, more, done))
            now = self.text(done[1]), self.text(done[2])
            seen = seen or now
            expected = ("" if "stdout" in streams else seen[0]), ("" if "stderr" in streams else seen[1])
            self.assertEqual(now, expected, (words, more))
        self.assertNotIn(ESCAPE, seen[0] + seen[1])
        self.assertIn(out, (None, bool(seen[0])), seen)
        self.assertIn(err, (None, bool(seen[1])), seen)

    def test_a_run(self):
        path = script(RETITLE % 3)
        self.check(["run", path, "--yes"], 0, writes=True, out=True, err=True)
        self.check(["run", path, "--yes", "--json", "-q"], 0, writes=True, out=True)
        self.check(["run", path, "--dry-run"], 0, out=True, err=True)
        self.check(["run", path], 6, err=True)
        self.check(["run", "--no-such", path], 2, out=False, err=True)

    def test_plans_and_what_comes_of_them(self):
        path, plan = script(RETITLE % 3), os.path.join(tempfile.mkdtemp(dir=FOLDER), "p")
        run = ["run", path, "--yes", "-q"]
        self.check(["plan", path, "-o", plan], 0, out=True, err=True)
        self.check(["show", plan], 0, out=True, err=False)
        self.check(["show", plan + ".none"], 2, out=False, err=True)
        self.check(["undo", "last", "--yes"], 0, writes=True, prepare=[run], err=True)
        self.check(["resume", "last", "--yes"], 0, writes=True, prepare=[run], err=True)
        with self.account() as account:
            self.assertEqual(self.run_with(account, run, {})[0], 0)
            for words in (["runs"], ["runs", "last"], ["runs", "last", "--csv"]):
                self.check(words, 0, account=account, out=True, err=False)
        self.check(["apply", plan + ".none"], 2, out=False, err=True)

    def test_looking(self):
        for form in ("table", "json", "ndjson", "csv", "tsv"):
            self.check(["get", "screendesk", "recordings", "--format", form], 0, out=True, err=False)
        self.check(["get", "screendesk", "recordings", "no-such"], 1, out=False, err=True)
        self.check(["get", "screendesk", "recordigns"], 2, out=False, err=True)

    def test_settings(self):
        self.check(["profile", "list"], 0)
        self.check(["profile", "use", "nobody"], 2, out=False, err=True)
        self.check(["config", "show"], 0, out=True, err=False)
        self.check(["login", "screendesk"], 2, out=False, err=True)

    def test_about_itself(self):
        for words in (["help"], ["help", "output"], ["run", "--help"], ["version"], ["completion", "bash"],
                      ["help", "screendesk.recordings"]):
            self.check(words, 0, out=True, err=False)
        self.check(["hepl"], 2, out=False, err=True)

    def test_a_session_from_a_pipe(self):
        lines = os.path.join(tempfile.mkdtemp(dir=FOLDER), "lines")
        with open(lines, "w", encoding="utf-8") as file:
            file.write("1.5\nsd.users:list()\nerror 'x'\n")
        seen = set()
        for more in self.surroundings:
            with Account("--users", "3") as account, open(lines, "rb") as stdin:
                code, out, err = self.run_with(account, ["repl"], more, stdin=stdin)
                seen.add((code, self.text(out), self.text(err)))
        self.assertEqual(len(seen), 1, seen)
        self.assertTrue(next(iter(seen))[1].startswith("1.5\n"), seen)

    def test_a_full_disk_is_no_success(self):
        with Account("--recordings", "4") as account, open("/dev/full", "wb") as full:
            for words in (["get", "screendesk", "recordings", "--format", "json"], ["help"], ["runs"], ["version"],
                          ["config", "show"], ["completion", "zsh"], ["run", script("print(1)")]):
                code, _, err = self.run_with(account, words, {}, stdout=full)
                self.assertNotEqual(code, 0, words)
                self.assertIn(b"No space left on device", err, words)

    def test_every_command_is_here_or_elsewhere(self):
        """practice serves until it is stopped (test_practice*), doctor looks at the machine, stubs writes files."""
        listed = subprocess.run([PROGRAM, "__complete", ""], stdout=subprocess.PIPE, check=True,
                                env=environment()).stdout.decode()
        commands = {line.split("\t")[0] for line in listed.splitlines() if not line.startswith("-")}
        with open(__file__, encoding="utf-8") as file:
            here = set(re.findall(r'\["([a-z]+)"', file.read()))
        self.assertTrue({"run", "runs", "get"} <= commands, commands)
        self.assertEqual(commands - here - {"practice", "doctor", "stubs"}, set())


if __name__ == "__main__":
    unittest.main()
