#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The header by itself: C99 and C++17, with every warning; and the layout that hosts rely on."""
import os
import shutil
import tempfile
import unittest

from embed_kit import ROOT, STRICT, command

WARNINGS = STRICT + ["-Wconversion", "-Wsign-conversion", "-Wundef", "-Wcast-qual", "-Wcast-align",
                     "-Wformat=2", "-Wdouble-promotion", "-Wredundant-decls"]
# -Wshadow in C alone: for C++ a function hides the constructor of the structure it fills, which has
# its name (moonlever_status, as stat).
C_WARNINGS = WARNINGS + ["-Wshadow", "-Wstrict-prototypes", "-Wmissing-prototypes",
                         "-Wold-style-definition"]
CXX_WARNINGS = WARNINGS + ["-Wold-style-cast", "-Wzero-as-null-pointer-constant"]
INCLUDE = os.path.join(ROOT, "include")


class Header(unittest.TestCase):
    def alone(self, compiler, name, *flags):
        """Nothing before it, and twice: it includes what it needs, once."""
        if shutil.which(compiler) is None:
            self.skipTest("%s is not there" % compiler)
        with tempfile.TemporaryDirectory() as folder:
            source = os.path.join(folder, name)
            with open(source, "w", encoding="utf-8") as file:
                file.write("#include <moonlever.h>\n#include <moonlever.h>\n")
            command(compiler, *flags, "-I", INCLUDE, "-fsyntax-only", source)

    def test_c99(self):
        self.alone("gcc", "alone.c", "-std=c99", *C_WARNINGS)

    def test_c99_clang(self):
        self.alone("clang", "alone.c", "-std=c99", "-Weverything", "-Wno-reserved-macro-identifier",
                   "-Wno-unused-macros", "-Wno-documentation-unknown-command", "-Wno-padded", "-Werror")

    def test_cxx17(self):
        self.alone("g++", "alone.cpp", "-std=c++17", *CXX_WARNINGS)

    def test_cxx17_clang(self):
        self.alone("clang++", "alone.cpp", "-std=c++17", *CXX_WARNINGS)

    def test_layout(self):
        command("gcc", "-std=c11", *STRICT, "-I", INCLUDE, "-fsyntax-only",
                os.path.join(ROOT, "tests", "embed", "abi.c"))


if __name__ == "__main__":
    unittest.main()
