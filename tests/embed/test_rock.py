#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""luarocks make, from a copy of the tree into a tree of rocks of its own, without a network."""
import os
import shutil
import tempfile
import unittest

from embed_kit import ROOT, Account, command, environment

ROCKSPEC = "moonlever-0.1.0-1.rockspec"


@unittest.skipIf(shutil.which("luarocks") is None or shutil.which("lua5.4") is None, "needs luarocks and lua5.4")
class Rock(unittest.TestCase):
    def test_make(self):
        folder = tempfile.mkdtemp(prefix="moonlever-rock-")
        self.addCleanup(shutil.rmtree, folder)
        source, tree = os.path.join(folder, "source"), os.path.join(folder, "tree")
        os.mkdir(source)
        for name in ("cmake", "include", "lua", "scripts", "src"):
            shutil.copytree(os.path.join(ROOT, name), os.path.join(source, name))
        for name in ("CMakeLists.txt", "LICENSE", "README.md", ROCKSPEC):
            shutil.copy(os.path.join(ROOT, name), source)
        # A proxy that nobody answers: whoever asks the network is seen.
        env = environment(HOME=folder, http_proxy="http://127.0.0.1:9", https_proxy="http://127.0.0.1:9",
                          CMAKE_BUILD_PARALLEL_LEVEL="2")
        command("luarocks", "--lua-version", "5.4", "lint", ROCKSPEC, cwd=source, env=env)
        command("luarocks", "--lua-version", "5.4", "--tree", tree, "make", ROCKSPEC, cwd=source, env=env)
        with Account("--recordings", "5") as account:
            env = environment(LUA_CPATH=os.path.join(tree, "lib", "lua", "5.4", "?.so"), **account.env)
            done = command("lua5.4", "-e", """
                local n = 0
                for _ in require "moonlever".connect "screendesk".recordings:list() do n = n + 1 end
                print(n)""", env=env)
            self.assertEqual(done, "5\n")


if __name__ == "__main__":
    unittest.main()
