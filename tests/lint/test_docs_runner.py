# SPDX-License-Identifier: MIT
"""The runner of the documents (tests/lib/docs.py): what is wrong in a document must be noticed."""
import os
import sys
import tempfile
import unittest

TESTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path.insert(0, TESTS)
from lib import docs  # noqa: E402

# Stands for the program: a practice account that does nothing, and words that are repeated.
FAKE = """#!/bin/sh
case $1 in
practice) echo export SCREENDESK_TOKEN=practice-token; exec sleep 600 ;;
ask) printf 'Really? [y/N] '; read -r answer; echo "answered $answer" ;;
repl) for n in 1 2; do printf 'practice (%d planned)> ' $n; read -r line; echo "<$line>"; done; exit 3 ;;
*) echo "moonlever $*"; echo "to stderr" >&2 ;;
esac
"""

GOOD = """# Title, and `sub/one.lua`
```lua file=sub/one.lua
print "one"
```
```sh run
export COLOUR=blue; plain='two  words'; list=(a b)
greet() { echo "hello $1"; }
moonlever run sub/one.lua
cat sub/one.lua
```
```text output
moonlever run sub/one.lua
to stderr
print "one"
```
Text between.
```sh run exit=3
greet "$COLOUR"; echo "$plain ${list[1]}"; cd sub
(exit 3)
echo never
```
```text output
hello blue
two  words b
```
- in a list, indented:
  ```sh run
  ls
  echo "$SCREENDESK_TOKEN" "$(test -t 0 || echo no terminal)" "${HOME##*/}"
  printenv TERM || echo no TERM
  cat
  ```
  ```text output
  one.lua
  practice-… no terminal home
  …
  ```
```sh norun
moonlever login
```
```
moonlever in a block without a language
```
"""


def problems(text, seconds=60):
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "moonlever")
        with open(program, "w", encoding="utf-8") as file:
            file.write(FAKE)
        os.chmod(program, 0o755)
        path = os.path.join(folder, "page.md")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return docs.Document(path, "page.md").run(program, seconds)


def page(command, expected=None, marks="run"):
    text = "```sh %s\n%s\n```\n" % (marks, command)
    return text if expected is None else text + "```text output\n%s\n```\n" % expected


class Runner(unittest.TestCase):
    def finds(self, text, *wanted, **more):
        found = problems(text, **more)
        self.assertEqual(len(found), 1, found)
        for part in wanted:
            self.assertIn(part, found[0])

    def test_a_good_document(self):
        self.assertEqual(problems(GOOD), [])

    def test_wrong_output(self):
        self.finds(page("echo a; echo b", "a\nc"), "page.md:4: line 6 was not printed there: 'c'", "a\nb")
        self.finds(page("echo a; echo b", "a"), "page.md:4: more was printed")
        self.finds(page("echo a", "a\nb"), "line 6 was not printed")
        self.finds(page("echo 'a.c'; echo abc >&2", "a.c\na.c"), "line 6 was not printed")

    def test_wrong_exit_code_ends_the_document(self):
        self.finds(page("echo why; false") + page("echo after", "other"), "page.md:1: exit code 1", "why")
        self.finds(page("true", marks="run exit=3"), "page.md:1: exit code 0")
        self.finds(page("kill -9 $$"), "exit code 137")
        self.finds(page("if"), "exit code 2", "syntax error")

    def test_a_command_before_the_last_counts(self):
        self.finds(page("false\ntrue"), "exit code 1")

    def test_a_block_that_hangs(self):
        self.finds(page("echo begun; sleep 600"), "page.md:1: did not end within 1 s", "begun", seconds=1)

    def test_what_runs_in_the_background_holds_nothing_up(self):
        self.assertEqual(problems(page("sleep 600 & echo begun", "begun")), [])

    def test_unmarked_commands(self):
        for command in ("moonlever run x", "build/moonlever run x", "$ moonlever runs", "cd x\nmoonlever runs"):
            for language in ("sh", "console"):
                self.finds(page("true") + "```%s\n%s\n```\n" % (language, command), "page.md:4: a moonlever command")
        self.assertEqual(problems(page("true") + page("moonlever login", marks="norun") + page("ls", marks="")), [])

    def test_marks_that_mean_nothing(self):
        for info in ("sh runs", "sh run exit=x", "sh norun exit=3", "lua run", "sh run norun", "sh run file=x",
                     "lua file=/etc/x", "lua file=a/../../x", "lua file=unsaid", "text output"):
            found = problems("```%s\ntrue\n```\n" % info + page("true"))
            self.assertEqual(len(found), 1, (info, found))
            self.assertIn("page.md:1: ", found[0])
        self.assertRaisesRegex(AssertionError, "line 1: this block has no end", problems, "```sh run\ntrue\n")

    def test_sessions_at_a_terminal(self):
        asked = "```console run\n$ moonlever ask; X=$TERM\nReally? [y/N] %s\nanswered %s\n```\n"
        self.assertEqual(problems(asked % ("y", "y") + page('echo "$X" "${TERM-}"', "xterm dumb")), [])
        self.finds(asked % ("y", "n"), "page.md:1: line 4 was not printed there: 'answered n'", "answered y")
        self.finds("```console run\n$ moonlever ask\nReal? [y/N] y\n```\n", "page.md:1: no prompt within 1 s",
                   seconds=1)
        lines = "$ moonlever repl\npractice (1 planned)> a\n<a>\npractice (2 planned)> b > c\n<b > c>"
        self.assertEqual(problems("```console run exit=3\n%s\n```\n" % lines), [])
        self.finds("```console run\n%s\n```\n" % lines, "page.md:1: exit code 3")
        self.finds("```console run\nmoonlever repl\n```\n", "begins with '$ COMMAND'")

    def test_nothing_to_run(self):
        self.finds("# Title\n\n```lua\nprint(1)\n```\n", "page.md: no block of it is run")


class Matching(unittest.TestCase):
    def matches(self, expected, actual):
        return docs.missing_line(expected.split("\n"), actual.split("\n")) is None

    def test_dots(self):
        for expected in ("a\nb\nc", "…", "a\n…", "…\nc", "a\n…\nc", "…\nb\n…", "…\n…\na\nb\nc", "a\nb…\n…c", "a  \nb\nc"):
            self.assertTrue(self.matches(expected, "a\nb\nc"), expected)
        for expected in ("a\n…\nb", "…\nd", "b\n…", "a\n…\na\n…", "a\nb\nc\nd\n…", "…b", "a…c"):
            self.assertFalse(self.matches(expected, "a\nb\nc"), expected)
        self.assertTrue(self.matches("…\nx\n…\nx", "x\nx\ny\nx"))
        self.assertTrue(self.matches("run: … in … s", "run: abc in 0.1 s"))
        self.assertFalse(self.matches("run: … in … s", "run: abc in 0.1 m"))


if __name__ == "__main__":
    unittest.main()
