#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the libraries show: the names of the header, and no others. A new public function is a line
in tests/data/symbols.txt; one that is gone needs another soname."""
import os
import re
import unittest

from embed_kit import BUILD, ROOT, command

with open(os.path.join(ROOT, "tests", "data", "symbols.txt"), encoding="utf-8") as listed:
    PUBLIC = sorted(listed.read().split())


def names(*words):
    """What nm lists; the lines of an archive's members have another form."""
    found = re.findall(r"^[0-9a-f]{8,} [A-Za-z] (\S+)$", command("nm", *words), re.M)
    return sorted(found)


class Symbols(unittest.TestCase):
    def test_the_shared_library(self):
        self.assertEqual(names("-D", "--defined-only", os.path.join(BUILD, "libmoonlever.so")), PUBLIC)

    def test_the_static_library(self):
        self.assertEqual(names("--extern-only", "--defined-only", os.path.join(BUILD, "libmoonlever.a")), PUBLIC)

    def test_the_lua_module(self):
        self.assertEqual(names("-D", "--defined-only", os.path.join(BUILD, "lua", "moonlever.so")),
                         ["luaopen_moonlever"])

    def test_the_header_declares_them_all(self):
        with open(os.path.join(ROOT, "include", "moonlever.h"), encoding="utf-8") as file:
            text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)
        declared = re.findall(r"^MOONLEVER_API [^;(]*?\b(\w+)\(", text, re.M)
        self.assertEqual(sorted(declared), PUBLIC)

    def test_the_soname(self):
        dynamic = command("readelf", "-d", os.path.join(BUILD, "libmoonlever.so"))
        self.assertIn("soname: [libmoonlever.so.0]", dynamic)
        self.assertNotRegex(dynamic, r"\((RPATH|RUNPATH)\).*%s" % re.escape(BUILD))
        self.assertIn("Shared library: [liblua5.4.so.0]", dynamic)

    def test_the_module_brings_no_lua(self):
        dynamic = command("readelf", "-d", os.path.join(BUILD, "lua", "moonlever.so"))
        self.assertNotIn("[liblua5.4.so", dynamic)
        self.assertIn("[libcurl.so", dynamic)


if __name__ == "__main__":
    unittest.main()
