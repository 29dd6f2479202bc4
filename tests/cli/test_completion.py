# SPDX-License-Identifier: MIT
"""Completion: what is offered, and that bash, zsh and fish complete with it."""
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from cli_kit import FOLDER, PROGRAM, RETITLE, Account, environment, moonlever, script
from profile_kit import Profiles
from lib import pty

HEADER = """
local moonlever = require "moonlever"
local opt = moonlever.script {
  summary = "Say hello {not really}",
  args = { greeting = { "what to say\\27[2J", type = "string" }, loud = { "louder", type = "boolean" } },
}
io.open(os.getenv "WITNESS", "w"):close()
"""


def offered(*words, **env):
    """The words that are offered for the last one, in order."""
    done = moonlever("__complete", *words, **env)
    assert (done.code, done.err) == (0, ""), done
    return [line.split("\t")[0] for line in done.out.splitlines()]


class Offers(unittest.TestCase):
    def test_commands(self):
        self.assertEqual(offered("re"), ["resume", "repl"])
        self.assertEqual(offered("-q", "ru"), ["run", "runs"])
        self.assertEqual(offered("xyz"), [])
        self.assertIn("get", offered())

    def test_flags_of_the_command(self):
        flags = offered("get", "screendesk", "--f")
        self.assertEqual(flags, ["--filter", "--fields", "--format", "--faults"])
        self.assertNotIn("--yes", offered("get", "--"))
        self.assertIn("--yes", offered("undo", "--"))
        self.assertEqual(offered("run", "retag", "--", "--y"), [":files"], "behind -- all is the script's")

    def test_every_flag_of_every_command_is_offered(self):
        for command in ("run", "plan", "apply", "resume", "undo", "show", "runs", "get", "login", "config", "doctor"):
            shown = re.findall(r"(?m)^  (?:-\w, |    )(--[\w-]+)", moonlever("help", command).out)
            self.assertEqual(sorted(offered(command, "--")), sorted(shown), command)

    def test_values(self):
        self.assertEqual(offered("get", "--format", "c"), ["csv"])
        self.assertEqual(offered("get", "--format=c"), ["--format=csv"])
        self.assertEqual(offered("get", "--format", "=", "c"), ["csv"], "as bash splits it")
        self.assertEqual(offered("get", "--format", "="), ["table", "json", "ndjson", "csv", "tsv"])
        self.assertEqual(offered("run", "--plan", ""), [":files"])
        self.assertEqual(offered("plan", "-o", ""), [":files"])
        self.assertEqual(offered("run", "--rate", ""), [])
        self.assertEqual(offered("run", "--rate", "5", "ret"), ["retag", ":files"])

    def test_services_and_resources(self):
        self.assertEqual(offered("get", "screend"), ["screendesk", "screendragon"])
        self.assertEqual(offered("get", "screendesk", ""), ["recordings", "scim.users", "users"])
        self.assertEqual(offered("get", "screendesk", "users."), ["users.list", "users.search"])
        self.assertEqual(offered("get", "nosuch", ""), [])
        self.assertEqual(offered("help", "screendesk.recordings.u"), ["screendesk.recordings.update"])
        self.assertEqual(offered("help", "exit"), ["exit-codes"])
        self.assertEqual(offered("config", ""), ["show"])
        self.assertEqual(offered("profile", ""), ["list", "use", "remove"])

    def test_arguments_of_a_script_which_is_not_run(self):
        path = script(HEADER)
        witness = path + ".ran"
        self.assertEqual(offered("run", path, "--gr", WITNESS=witness), ["--greeting"])
        done = moonlever("__complete", "run", path, "--", WITNESS=witness)
        self.assertNotIn("\x1b", done.out)
        flags = [line.split("\t")[0] for line in done.out.splitlines()]
        self.assertLess({"--greeting", "--loud", "--dry-run", "--yes", "--help"}, set(flags))
        self.assertFalse(os.path.exists(witness))
        self.assertEqual(offered("run", "retag", "--ti"), ["--tickets"])

    def test_scripts_without_a_header_or_with_a_bad_one(self):
        for text in ("print(1)", "moonlever.script { args = ", "moonlever.script { summary = os.exit() }",
                     "moonlever.script { summary = 's', args = { ['a b;c'] = 'x' } }"):
            self.assertEqual(offered("run", script(text), "--fr"), [])
        self.assertEqual(offered("run", "/no/such/file.lua", "--fr"), [])

    def test_runs(self):
        with Account("--recordings", "3") as account:
            self.assertEqual(offered("undo", "", **account.env), ["last"])
            run = account.json("run", script(RETITLE % 1), "--yes")["run"]
            self.assertEqual(offered("undo", "", **account.env), ["last", run])
            self.assertEqual(offered("run", "--only-failed", run[:4], **account.env), [run])

    def test_profiles_and_no_secret(self):
        with Profiles("--recordings", "1") as place:
            place.config("profiles = { acme = %s }" % place.profile(token_cmd=["echo", place.token]))
            place.store("beta", SCREENDESK_TOKEN=place.token)
            done = place.moonlever("__complete", "get", "--profile", "")
            self.assertEqual(done.out, "acme\tscreendesk\nbeta\tsigned in\n")
            self.assertEqual(offered("profile", "use", "a", **place.env), ["acme"])
            self.assertEqual(offered("profile", "list", "", **place.env), [])
            self.assertEqual(offered("run", "--profile=be", **place.env), ["--profile=beta"])
            place.config("profiles = {")
            self.assertEqual(offered("get", "--profile", "", **place.env), [], "and nothing is said about it")


class Shells(unittest.TestCase):
    """The scripts in the shells themselves; those that are not installed are left out."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(dir=FOLDER)
        os.symlink(PROGRAM, os.path.join(cls.folder, "moonlever"))
        cls.env = environment(PATH=cls.folder + ":" + os.environ["PATH"], HOME=cls.folder, PS1="$ ",
                              XDG_CONFIG_HOME=cls.folder, XDG_DATA_HOME=cls.folder)
        for shell in ("bash", "zsh", "fish"):
            done = moonlever("completion", shell)
            assert done.code == 0, done
            with open(os.path.join(cls.folder, "completion." + shell), "w", encoding="utf-8") as file:
                file.write(done.out)

    def need(self, shell):
        if not shutil.which(shell):
            self.skipTest(shell + " is not installed")

    def file(self, shell):
        return os.path.join(self.folder, "completion." + shell)

    def test_syntax(self):
        for shell in ("bash", "zsh", "fish"):
            if shutil.which(shell):
                done = subprocess.run([shell, "-n", self.file(shell)], capture_output=True, check=False, env=self.env)
                self.assertEqual((done.returncode, done.stderr), (0, b""))

    def bash(self, *words):
        """COMPREPLY for the last of the words."""
        text = "source %s; COMP_WORDS=(moonlever \"$@\"); COMP_CWORD=$#; _moonlever; printf '%%s\\n' \"${COMPREPLY[@]}\""
        done = subprocess.run(["bash", "--norc", "-c", text % self.file("bash"), "-", *words], capture_output=True,
                              check=False, env=self.env, cwd=self.folder)
        self.assertEqual(done.stderr, b"")
        return done.stdout.decode().split("\n")[:-1]

    def test_bash(self):
        with open(os.path.join(self.folder, "my own.lua"), "w", encoding="utf-8"):
            pass
        self.assertEqual(self.bash("get", "screend"), ["screendesk", "screendragon"])
        self.assertEqual(self.bash("get", "--format", "=", "n"), ["ndjson"])
        self.assertEqual(self.bash("run", "my"), ["my own.lua"])
        self.assertEqual(self.bash("completion", "zzz"), [""])

    def typed(self, command, keys, wanted):
        with pty.Terminal(command, rows=24, columns=120, env=self.env, cwd=self.folder) as term:
            term.wait_for("$ ")
            for text, answer in keys:
                term.send(text)
                term.wait_for(answer)
            self.assertIn(wanted, term.text())

    def test_bash_with_the_key(self):
        self.typed(["bash", "--norc", "--noprofile", "-i"], [
            ("source %s\r" % self.file("bash"), "$ source"),
            ("moonlever get screendesk rec\t", "moonlever get screendesk recordings "),
            ("--format=nd\t", "--format=ndjson ")], "moonlever get screendesk recordings --format=ndjson")

    def test_zsh_with_the_key(self):
        self.need("zsh")
        start = "autoload -U compinit; compinit -u -D; source %s; PS1='ready$ '\r" % self.file("zsh")
        self.typed(["zsh", "-f", "-i"], [
            (start, "ready$ "),
            ("moonlever get screendesk rec\t", "moonlever get screendesk recordings "),
            ("--format=nd\t", "--format=ndjson")], "moonlever get screendesk recordings --format=ndjson")

    def test_fish(self):
        self.need("fish")
        text = "source %s; complete -C 'moonlever get screend'; complete -C 'moonlever get --format=n'" % self.file("fish")
        done = subprocess.run(["fish", "--no-config", "-c", text], capture_output=True, check=False, env=self.env)
        self.assertEqual(done.stdout.decode().splitlines(),
                         ["screendesk\tScreendesk", "screendragon\tScreendragon", "--format=ndjson"], done)


if __name__ == "__main__":
    unittest.main()
