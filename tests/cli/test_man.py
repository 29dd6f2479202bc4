# SPDX-License-Identifier: MIT
"""The man pages: every command and flag is in them, and scdoc and man take them."""
import glob
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from cli_kit import FOLDER, environment, moonlever, script

SOURCES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "man")


def page(name):
    done = moonlever("__man", os.path.join(SOURCES, name + ".scd.in"))
    assert (done.code, done.err) == (0, ""), done
    return done.out


class Man(unittest.TestCase):
    def test_every_command_and_every_flag(self):
        text = page("moonlever.1").replace("\\", "")
        commands = re.findall(r"(?m)^  ([a-z]+) +\S", moonlever("--help").out.split("COMMANDS")[1].split("\n\n")[0])
        self.assertGreater(len(commands), 15)
        for command in commands:
            self.assertIn("*moonlever %s*" % command, text)
            for flag in re.findall(r"(?m)^  (?:-\w, |    )(--[\w-]+)", moonlever("help", command).out):
                self.assertRegex(text, r"(?m)^(\*-\w\*, )?\*%s\*" % flag)

    def test_topics_and_names_of_scripts(self):
        self.assertIn("token_cmd", page("moonlever-config.5"))
        self.assertIn("  each  ", page("moonlever-lua.7"))
        for topic in ("exit-codes", "environment", "output"):
            for line in moonlever("help", topic).out.splitlines()[1:]:
                self.assertIn(line, page("moonlever.1"))

    def test_nothing_is_left_to_be_replaced(self):
        for source in glob.glob(SOURCES + "/*.scd.in"):
            text = page(os.path.basename(source)[:-len(".scd.in")])
            self.assertNotRegex(text, r"(?m)^@")

    def test_a_source_that_asks_for_what_there_is_not(self):
        for text in ("@topic nonsense@\n", "@nonsense@\n", "@\n", "@help nonsense@\n"):
            self.assertEqual(moonlever("__man", script(text, "x.in")).code, 2)
        self.assertEqual(moonlever("__man", "/no/such/file").code, 2)

    def test_scdoc_and_man_take_them(self):
        if not shutil.which("scdoc"):
            self.skipTest("scdoc is not installed")
        folder = tempfile.mkdtemp(dir=FOLDER)
        for source in glob.glob(SOURCES + "/*.scd.in"):
            name = os.path.basename(source)[:-len(".scd.in")]
            done = subprocess.run(["scdoc"], input=page(name).encode(), capture_output=True, check=False)
            self.assertEqual((done.returncode, done.stderr), (0, b""), name)
            path = os.path.join(folder, name)
            with open(path, "wb") as file:
                file.write(done.stdout)
            if not shutil.which("man"):
                continue
            shown = subprocess.run(["man", "--warnings", "-l", path], capture_output=True, check=False,
                                   env=environment(MANWIDTH="100", MANPAGER="cat", LC_ALL="C.UTF-8"))
            self.assertEqual((shown.returncode, shown.stderr), (0, b""), name)
            self.assertIn("SEE ALSO", shown.stdout.decode())


if __name__ == "__main__":
    unittest.main()
