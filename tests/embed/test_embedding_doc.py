#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The C of docs/embedding.md. A block marked `c compile` is a file that compiles without a warning
(words behind it are pkg-config modules that it needs as well); one with a main() is run against a
practice account of 30 recordings and prints what the block marked `output` behind it says."""
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from embed_kit import ROOT, STRICT, Account, Prefix, command

with open(os.path.join(ROOT, "docs", "embedding.md"), encoding="utf-8") as file:
    TEXT = file.read()
BLOCKS = re.findall(r"^```([^\n]+)\n(.*?)^```$", TEXT, re.M | re.S)


class Document(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.prefix = Prefix()
        cls.addClassCleanup(shutil.rmtree, cls.prefix.folder)

    def source(self, text):
        path = os.path.join(tempfile.mkdtemp(dir=self.prefix.folder), "block.c")
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        return path

    def test_every_block_compiles(self):
        compiled = 0
        for kind, text in BLOCKS:
            words = kind.split()
            self.assertIn(words[0], ("c", "output"), "a block that nobody tries")
            if words[:2] != ["c", "compile"]:
                self.assertEqual(words, ["output"])
                continue
            flags = command("pkg-config", "--cflags", "moonlever", *words[2:], env=self.prefix.environment())
            command("cc", "-std=c99", "-D_POSIX_C_SOURCE=200809L", *STRICT, *flags.split(), "-c", "-o", "/dev/null",
                    self.source(text))
            compiled += 1
        self.assertGreater(compiled, 5)

    def test_every_program_does_what_is_said(self):
        programs = [(kind.split()[2:], text, number) for number, (kind, text) in enumerate(BLOCKS)
                    if "int main(" in text]
        self.assertGreater(len(programs), 1)
        with Account("--recordings", "30") as account:
            for modules, text, number in programs:
                kind, expected = BLOCKS[number + 1]
                self.assertEqual(kind, "output")
                program = self.prefix.compile(self.source(text), "-std=c99", *STRICT,
                                              module=" ".join(["moonlever"] + modules))
                done = subprocess.run([program], env=self.prefix.environment(**account.env), text=True,
                                      capture_output=True, timeout=60, check=False)
                self.assertEqual((done.returncode, done.stdout), (0, expected), done)

    def test_what_it_names_is_there(self):
        with open(os.path.join(ROOT, "tests", "data", "symbols.txt"), encoding="utf-8") as listed:
            public = set(listed.read().split())
        named = set(re.findall(r"\b(moonlever_\w+|luaopen_\w+)\b", TEXT))
        self.assertEqual(named - public, set())
        for path in re.findall(r"\]\(([^)]+)\)", TEXT):
            self.assertTrue(os.path.exists(os.path.join(ROOT, "docs", path)), path)


if __name__ == "__main__":
    unittest.main()
