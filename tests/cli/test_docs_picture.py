# SPDX-License-Identifier: MIT
"""docs/terminal.svg is a picture that says what a session shows, and nothing else."""
import os
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as etree

from cli_kit import PROGRAM

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
PICTURE = os.path.join(ROOT, "docs", "terminal.svg")
SPACE = "{http://www.w3.org/2000/svg}"
# A picture in a page may do nothing: what could fetch, run or link is not on these lists.
ELEMENTS = {"svg", "title", "rect", "circle", "g", "text", "tspan"}
ATTRIBUTES = {"viewBox", "width", "height", "role", "aria-labelledby", "id", "x", "y", "rx", "cx", "cy", "r", "fill",
              "stroke", "font-family", "font-size", "font-weight", "opacity", "textLength"}


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def tool(*arguments):
    return subprocess.run([sys.executable, os.path.join(ROOT, "tools", "terminal-picture"), *arguments],
                          capture_output=True, text=True, timeout=200, check=False)


class Picture(unittest.TestCase):
    def test_it_is_self_contained(self):
        for element in etree.fromstring(read(PICTURE)).iter():
            self.assertTrue(element.tag.startswith(SPACE), element.tag)
            self.assertIn(element.tag[len(SPACE):], ELEMENTS)
            self.assertEqual(set(element.attrib) - ATTRIBUTES, set())
            for value in element.attrib.values():
                self.assertNotIn("url(", value)

    def test_it_says_what_is_so(self):
        done = tool("--check", PROGRAM, PICTURE)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_what_is_no_longer_so_is_noticed_and_mended(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "old.svg")
            with open(path, "w", encoding="utf-8") as file:
                file.write(read(PICTURE).replace("48 confirmed", "47 confirmed"))
            done = tool("--check", PROGRAM, path)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn("48 confirmed", done.stdout)
            self.assertEqual(tool(PROGRAM, path).returncode, 0)
            self.assertNotIn("47 confirmed", read(path))
            self.assertIn("48 confirmed", read(path))


if __name__ == "__main__":
    unittest.main()
