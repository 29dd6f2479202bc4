# SPDX-License-Identifier: MIT
"""tools/check-layers finds each kind of violation, by file and line, and passes clean code."""
import os
import subprocess
import sys
import tempfile
import unittest

TOOL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools", "check-layers")
SPDX = "/* SPDX-License-" + "Identifier: MIT */\n"


def check(files):
    """(exit code, output) for a tree of {path: text}."""
    with tempfile.TemporaryDirectory() as root:
        for path, text in files.items():
            full = os.path.join(root, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "w", encoding="utf-8") as file:
                file.write(text)
        done = subprocess.run([sys.executable, TOOL, root], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr


class CheckLayers(unittest.TestCase):
    def refuses(self, path, text, where, why):
        code, output = check({path: SPDX + text})
        self.assertEqual(code, 1, output)
        self.assertIn("%s:%d: " % (path, where), output)
        self.assertIn(why, output)

    def passes(self, path, text):
        code, output = check({path: SPDX + text})
        self.assertEqual(code, 0, output)

    def test_includes_point_down(self):
        self.refuses("src/base/a.c", '#include "net/loop.h"\n', 2, "points down only")
        self.refuses("src/net/a.c", '#include "base/buf.h"\n#include "task/task.h"\n', 3, "points down only")
        self.refuses("src/cli/a.c", '#include "engine/engine.h"\n', 2, "points down only")
        self.refuses("src/bind/a.c", '#include "moonlever.h"\n', 2, "below moonlever.h")
        self.refuses("src/net/a.c", '#include "../base/buf.h"\n', 2, "without ..")
        self.refuses("src/extra/a.c", "int a;\n", 1, "not a layer")
        self.passes("src/net/a.c", '#include "net/loop.h"\n#include "loop.h"\n#include "policy/retry.h"\n')
        self.passes("src/cli/a.c", '#include "moonlever.h"\n#include "practice/practice.h"\n')

    def test_libraries_have_a_home(self):
        self.refuses("src/bind/a.c", "#include <curl/curl.h>\n", 2, "src/{net} only")
        self.refuses("src/net/a.c", "#include <lua.h>\n", 2, "lua.h is for")
        self.refuses("src/engine/a.c", "#include <sqlite3.h>\n", 2, "src/{journal} only")
        self.refuses("src/net/a.c", "#include <jansson.h>\n", 2, "src/{practice} only")
        self.passes("src/net/a.c", "#include <curl/curl.h>\n")
        self.passes("src/task/a.c", "#include <lauxlib.h>\n")

    def test_calls_of_library_code(self):
        for call in ("exit(1);", "printf(\"x\");", "fprintf(f, \"x\");", "setlocale(0, s);", "signal(2, f);",
                     "chdir(s);", "time(NULL);", "clock_gettime(0, &t);"):
            self.refuses("src/net/a.c", "void f(void)\n{\n    %s\n}\n" % call, 4, "library code never")
        self.passes("src/net/a.c", 'void f(void)\n{\n    snprintf(b, 3, "exit(1)"); /* exit(1) */\n'
                    "    // printf()\n    loop->time(1);\n    ml_exit(2);\n}\n")
        self.passes("src/cli/a.c", "void f(void)\n{\n    printf(\"x\");\n}\n")
        self.passes("src/base/clock.c", "void f(void)\n{\n    clock_gettime(0, &t);\n}\n")

    def test_static_state(self):
        self.refuses("src/net/a.c", "static int counter;\n", 2, "static state")
        self.refuses("src/net/a.c", "void f(void)\n{\n    static char name[20];\n}\n", 4, "static state")
        self.refuses("src/net/a.c", 'static const char *names[] = {"a"};\n', 2, "pointer itself")
        self.passes("src/net/a.c", 'static const char *const names[] = {"a"};\nstatic const int n = 3;\n'
                    "static int f(void);\nstatic inline int g(void)\n{\n    return 1;\n}\n")

    def test_one_yield_one_resume(self):
        self.refuses("src/bind/a.c", "int f(void)\n{\n    return lua_yieldk(L, 0, 0, k);\n}\n", 4, "src/task")
        self.refuses("src/engine/a.c", "int f(void)\n{\n    return lua_resume(L, 0, 0, &n);\n}\n", 4, "src/task")
        self.passes("src/task/a.c", "int f(void)\n{\n    return lua_resume(L, 0, 0, &n);\n}\n")

    def test_sizes(self):
        body = "    x++;\n"
        self.refuses("src/net/a.c", "static int long_one(int x)\n{\n%s}\n" % (body * 71), 3, "long_one has 71 lines")
        self.passes("src/net/a.c", "int short_one(int x)\n{\n%s}\n" % (body * 70))
        self.refuses("src/net/a.c", "int a;\n" * 600, 601, "601 lines")
        code, output = check({"lua/moonlever/a.lua": "-- SPDX-License-" + "Identifier: MIT\n"
                              "local function long_one()\n%send\n" % ("  x()\n" * 71)})
        self.assertEqual(code, 1, output)
        self.assertIn("long_one has 71 lines", output)
        code, output = check({"lua/moonlever/a.lua": "-- SPDX-License-" + "Identifier: MIT\n"
                              "local t = {\n  __len = function() return 3 end,\n}\n%s" % ("x()\n" * 71)})
        self.assertEqual(code, 0, output)

    def test_licence_and_paths(self):
        code, output = check({"lua/moonlever/a.lua": "local a = 1\nreturn a\n"})
        self.assertEqual(code, 1, output)
        self.assertIn("a.lua:1: the first line", output)
        self.refuses("src/base/a.c", "/* see /ho" "me/someone/x */\n", 2, "somebody's machine")
        self.passes("src/base/a.c", "/* see /usr/share and https://example.com/ho" "me/a */\n")

    def test_wrong_use(self):
        code, output = check({})
        self.assertEqual(code, 2, output)
        self.assertIn("no source file", output)


if __name__ == "__main__":
    unittest.main()
