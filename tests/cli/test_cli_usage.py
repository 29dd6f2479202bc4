# SPDX-License-Identifier: MIT
"""Help, and what is said about words that are not understood."""
import os
import re
import unittest

from cli_kit import moonlever, script

COMMANDS = ("run", "plan", "apply", "resume", "undo", "show", "runs", "get", "login", "profile", "config", "doctor",
            "repl", "practice", "stubs", "completion", "help", "version")
TOPICS = ("exit-codes", "environment", "config", "errors", "output", "scripts")


class Help(unittest.TestCase):
    def text(self, *args):
        done = moonlever(*args)
        self.assertEqual((done.code, done.err), (0, ""), done)
        self.assertNotIn("\x1b", done.out)
        return done.out

    def test_fits_eighty_columns(self):
        # Without the fault knobs in the long help of practice: their lines are made elsewhere.
        words = tuple(name for name in COMMANDS if name != "practice") + TOPICS
        for args in [("--help",), ("run", "-h"), ("practice", "-h")] + [("help", word) for word in words]:
            for line in self.text(*args).splitlines():
                self.assertLessEqual(len(line), 80, line)

    def test_every_way_to_ask_gives_the_same(self):
        for command in COMMANDS:
            texts = {self.text("help", command), self.text(command, "--help"), self.text("--help", command)}
            self.assertEqual(len(texts), 1, command)
            text = texts.pop()
            self.assertLess(text.index("EXAMPLES"), text.index("OUTPUT"), "examples come first")

    def test_short_help_is_shorter(self):
        short, longer = self.text("run", "-h"), self.text("run", "--help")
        self.assertLess(len(short.splitlines()), len(longer.splitlines()))
        for flag in ("--dry-run", "--plan FILE", "--only-failed RUN", "--canary", "--confirm N", "--wait SECONDS",
                     "--max-time TIME", "--exit-code", "--yes", "--json", "--rate N", "--concurrency N", "--max-changes N",
                     "--max-requests N", "--practice", "--faults TEXT"):
            self.assertIn(flag, short)
            self.assertIn(flag, longer)

    def test_the_program_names_its_commands_and_topics(self):
        text = self.text("--help")
        self.assertEqual(text, self.text("help"))
        for name in COMMANDS + TOPICS:
            self.assertRegex(text, r"(?m)^  %s +\S" % name)

    def test_topics(self):
        for topic in TOPICS:
            if topic not in COMMANDS:
                self.assertTrue(self.text("help", topic).startswith(topic + ": "))
        self.assertIn("token_cmd", self.text("help", "config"))
        codes = re.findall(r"(?m)^  (\d+) ", self.text("help", "exit-codes"))
        self.assertEqual(codes, ["0", "1", "2", "3", "4", "5", "6", "10", "75", "130"])
        environment = self.text("help", "environment")
        for name in ("SCREENDESK_SCIM_TOKEN", "MOONLEVER_PROFILE", "MOONLEVER_CONFIG_DIR", "MOONLEVER_YES"):
            self.assertIn(name, environment)

    def test_the_exit_codes_of_errors_are_those_that_help_names(self):
        text = self.text("help", "errors")
        self.assertRegex(text, r"(?m)^  usage +a wrong argument in a script \(1\);")
        self.assertRegex(text, r"(?m)^  nodata +[^(]*$")
        self.assertIn("with 1 where none is", " ".join(text.split()))
        sd = "local sd = require 'moonlever'.connect 'screendesk' "
        for call, code in (("sd.recordings:update('x', { titel = 'N' })", 1), ("sd.recordings:get('x')", 5),
                           ("require 'moonlever'.connect { service = 'screendesk', profile = 'no-such' }", 2)):
            done = moonlever("run", script(sd + call), "--yes", SCREENDESK_TOKEN="x", SCREENDESK_URL="http://127.0.0.1:9")
            self.assertEqual(done.code, code, done)

    def test_a_letter_is_shown_where_it_is_one(self):
        self.assertIn("-o, --plan FILE", self.text("plan", "-h"))
        self.assertNotIn("-o, --plan", self.text("run", "-h"))
        self.assertIn("    --plan FILE", self.text("run", "-h"))

    def test_practice_help_names_the_faults(self):
        self.assertIn("reset-after-apply", self.text("practice", "--help"))

    def test_version(self):
        self.assertRegex(self.text("--version"), r"^moonlever \d+\.\d+\.\d+\n.*libcurl")
        self.assertEqual(self.text("version"), self.text("--version"))

    def test_ready_made_scripts_have_a_summary(self):
        self.assertRegex(self.text("run", "--help"), r"(?m)^  retag +\w+")

    def test_help_behind_a_script_is_the_scripts(self):
        path = script("print(table.concat(arg, ' '))")
        self.assertEqual(self.text("run", path, "--help", "-h", "--version"), "--help -h --version\n")
        self.assertIn("--from", self.text("run", "retag", "--help"))


class Mistakes(unittest.TestCase):
    def refuse(self, *args, says, see=None, **options):
        done = moonlever(*args, **options)
        self.assertEqual((done.code, done.out), (2, ""), done)
        self.assertTrue(done.err.startswith("moonlever: "), done)
        self.assertIn(says, done.err)
        lines = done.err.splitlines()
        self.assertLessEqual(len(lines), 2, "one line, and where to look: %r" % done)
        if see:
            self.assertEqual(lines[1:], ["  see: " + see])

    def test_flags(self):
        self.refuse("run", "--dryrun", "retag", says="Did you mean '--dry-run'?", see="moonlever run --help")
        self.refuse("run", "--max-change", "3", "retag", says="Did you mean '--max-changes'?")
        self.refuse("--colour", "always", says="Did you mean '--color'?", see="moonlever --help")
        self.refuse("run", "--max", "3", "retag", says="there is no flag '--max'")
        self.refuse("run", "--rate", "fast", "retag", says="not 'fast'")
        self.refuse("practice", "--yes", says="'practice' has no flag --yes; it belongs to 'run'")

    def test_a_mistyped_dry_run_behind_the_script(self):
        self.refuse("run", "retag", "--tickets", "--dryrun", says="almost '--dry-run'",
                    see="moonlever help scripts")

    def test_plans_and_runs(self):
        self.refuse("apply", says="which plan?", see="moonlever apply --help")
        self.refuse("show", says="which plan?", see="moonlever show --help")
        for command in ("resume", "undo"):
            self.refuse(command, says="which run? moonlever runs lists them", see="moonlever %s --help" % command)
        self.refuse("plan", "retag", says="-o FILE", see="moonlever plan --help")
        self.refuse("apply", "x.plan", "--dry-run", says="its plan says what it would do", see="moonlever show FILE")
        self.refuse("run", "retag", "--max-time", "soon", says="15m or 2h, not 'soon'")
        self.refuse("run", "retag", "--exit-code", says="add --dry-run", see="moonlever run --help")
        self.refuse("run", "retag", "--only-failed", "last", says="name no script", see="moonlever run --help")
        self.refuse("stubs", says="Name a directory: -o DIR", see="moonlever stubs --help")
        self.refuse("stubs", "-o", "-", says="-o takes a directory", see="moonlever stubs --help")
        self.refuse("stubs", "--out=-", "--markdown", says="write ./- for", see="moonlever stubs --help")
        self.assertFalse(os.path.exists("-"))
        self.refuse("stubs", "-o", "", says="--out", see="moonlever stubs --help")
        self.refuse("run", "-o", "x", "retag", says="there is no flag '-o'", see="moonlever run --help")
        self.refuse("aply", says="Did you mean 'apply'?", see="moonlever --help")

    def test_commands(self):
        self.refuse("practise", says="Did you mean 'practice'?", see="moonlever --help")
        self.refuse("ver", says="there is no command 'ver'", see="moonlever --help")
        self.refuse("retag", says="Did you mean 'moonlever run retag'?", see="moonlever --help")
        self.refuse("my.lua", says="Did you mean 'moonlever run my.lua'?", see="moonlever --help")
        self.refuse("help", "environmnt", says="Did you mean 'environment'?", see="moonlever help")
        self.refuse("help", "screendesk.recordings.updat", says="Did you mean 'screendesk.recordings.update'?",
                    see="moonlever help")
        self.refuse("help", "users.list", says="'users.list' may mean several: screendesk.", see="moonlever help")
        self.refuse("help", "xyzzy", says="there is no help about 'xyzzy'.", see="moonlever help")
        self.refuse("help", "--", "--x\x1b[2J", says="there is no help about '--x", see="moonlever help")
        self.refuse("help", "retag", says="is a script", see="moonlever run retag --help")

    def test_scripts(self):
        see = "moonlever run --help"
        self.refuse("run", "retga", says="Did you mean 'retag'?", see=see)
        self.refuse("run", "retag.lau", says="Did you mean 'retag'?", see=see)
        self.refuse("run", "/nowhere/at/all.lua", says="neither a file nor a ready-made script", see=see)
        self.refuse("run", "", says="the name of the script is empty", see=see)

    def test_files_near_by(self):
        path = script("print 1", "titles.lua")
        folder, see = os.path.dirname(path), "moonlever run --help"
        self.refuse("run", os.path.join(folder, "titels.lua"), says="Did you mean '%s'?" % path, see=see)
        self.refuse("run", os.path.join(folder, "titles"), says="Did you mean '%s'?" % path, see=see)
        self.refuse("run", "title.lua", says="Did you mean 'titles.lua'?", see=see, cwd=folder)
        self.refuse("run", folder, says="is a directory", see=see)

    @unittest.skipIf(os.geteuid() == 0, "root may read everything")
    def test_a_file_that_may_not_be_read(self):
        path = script("print 1")
        os.chmod(path, 0)
        self.refuse("run", path, says="Permission denied")

    def test_nothing_to_run(self):
        done = moonlever("run")
        self.assertEqual(done.code, 2, done)
        self.assertRegex(done.out, r"(?m)^  retag +\w+")
        self.assertIn("which script?", done.err)
        done = moonlever()
        self.assertEqual(done.code, 2, done)
        self.assertIn("EXAMPLES", done.out)

    def test_syntax_errors_name_the_line(self):
        path = script("local x = 1\nlocal y = = 2\n")
        done = moonlever("run", path, "--practice", "-q")
        self.assertEqual((done.code, done.out), (2, ""), done)
        self.assertRegex(done.err, r"script\.lua:2:")

    def test_arguments_that_look_like_a_terminal_attack_are_harmless_in_a_log(self):
        done = moonlever("run", "\x1b[2Jx")
        self.assertEqual(done.code, 2)
        self.assertIn("\x1b[2Jx", done.err)  # not a terminal: bytes as they are


class Colour(unittest.TestCase):
    def error(self, *args, **env):
        done = moonlever(*args, "run", "nowhere.lua", **env)
        self.assertEqual(done.code, 2)
        return "\x1b[" in done.err

    def test_who_decides(self):
        self.assertFalse(self.error())
        self.assertTrue(self.error("--color=always"))
        self.assertTrue(self.error("--color=always", NO_COLOR="1"), "a flag goes before the environment")
        self.assertTrue(self.error(CLICOLOR_FORCE="1"))
        self.assertFalse(self.error(CLICOLOR_FORCE="0"))
        self.assertFalse(self.error(CLICOLOR_FORCE="1", NO_COLOR="1"))
        self.assertTrue(self.error(CLICOLOR_FORCE="1", NO_COLOR=""), "NO_COLOR counts when it is not empty")
        self.assertFalse(self.error("--color=never", CLICOLOR_FORCE="1"))
        self.assertFalse(self.error("--no-color", CLICOLOR_FORCE="1"))


if __name__ == "__main__":
    unittest.main()
