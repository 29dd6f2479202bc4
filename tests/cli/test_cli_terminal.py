# SPDX-License-Identifier: MIT
"""`moonlever run` on a terminal: the question, progress, colour, text from outside, Ctrl-C."""
import os
import re
import unittest

from cli_kit import FOLDER, PROGRAM, RETITLE, environment, moonlever, script
from lib import pty, wire
from lib.fixtures import recording

ASK = "[y/N] "


def terminal(*args, columns=100, stdout=None, **env):
    return pty.Terminal([PROGRAM, *args], rows=30, columns=columns, env=environment(**env), stdout=stdout)


class Question(unittest.TestCase):
    def answer(self, keys, code, text=RETITLE % 3):
        with terminal("run", script(text), "--practice") as term:
            term.wait_for(ASK)
            term.send(keys)
            self.assertEqual(term.wait(), code, term.text())
        return term.text()

    def test_yes(self):
        for keys in ("y\r", "YES\r"):
            text = self.answer(keys, 0)
            self.assertIn("retitled", text)
            self.assertIn("3 confirmed", text)

    def test_everything_else_is_no(self):
        for keys in ("n\r", "\r", "yesterday\r", "\x04"):
            text = self.answer(keys, 6)
            self.assertNotIn("retitled", text)
            self.assertNotIn("run: ", text)

    def test_asked_once(self):
        self.assertEqual(self.answer("y\r", 0, RETITLE % 9).count(ASK.strip()), 1)

    def test_interrupted(self):
        self.answer("\x03", 130)

    def test_not_asked_with_yes_nor_in_dry_run(self):
        for flag, says in (("-y", "3 confirmed"), ("-n", "3 planned")):
            with terminal("run", script(RETITLE % 3), "--practice", flag) as term:
                self.assertEqual(term.wait(), 0, term.text())
            self.assertIn(says, term.text())
            self.assertNotIn(ASK.strip(), term.text())

    def test_answered_on_the_terminal_while_the_input_is_a_pipe(self):
        text = 'print("data: " .. io.read("a"))\n' + RETITLE % 1
        shell = 'printf piped | "$0" run "$1" --practice'
        with pty.Terminal(["sh", "-c", shell, PROGRAM, script(text)], columns=100, env=environment()) as term:
            term.wait_for(ASK)
            term.send("y\r")
            self.assertEqual(term.wait(), 0, term.text())
        self.assertIn("data: piped", term.text())
        self.assertIn("1 confirmed", term.text())

    def test_not_asked_where_nobody_would_see_it(self):
        shell = '"$0" run "$1" --practice 2>"$2"'
        log = os.path.join(FOLDER, "unseen")
        with pty.Terminal(["sh", "-c", shell, PROGRAM, script(RETITLE % 1), log], env=environment()) as term:
            self.assertEqual(term.wait(), 6, term.text())


class Progress(unittest.TestCase):
    SLOW = ("--practice", "-y", "--faults", "latency=100")

    def test_count_rate_and_what_is_in_flight(self):
        with terminal("run", script(RETITLE % 12), *self.SLOW) as term:
            self.assertEqual(term.wait(), 0, term.text())
        shown = term.output.decode()
        self.assertRegex(shown, r"\r\d+( of 12)? changes")
        self.assertIn("in flight", shown)
        self.assertNotIn("in flight", term.text(), "the line is gone at the end")
        self.assertIn("12 confirmed", term.text())

    def test_never_mixed_with_what_the_script_prints(self):
        text = (RETITLE % 12).replace("do\n", "do\n  print('<' .. rec.uuid .. '>')\n", 1)
        for printer in ("print(", "io.write('\\n', ", "io.stderr:write('\\n', "):
            with terminal("run", script(text.replace("print(", printer, 1)), *self.SLOW) as term:
                self.assertEqual(term.wait(), 0, term.text())
            lines = [line for line in term.text().splitlines() if "<" in line]
            self.assertEqual(len(lines), 12, term.text())
            for line in lines:
                self.assertRegex(line, r"^<[0-9a-f-]{36}>")

    def test_not_drawn_behind_an_unfinished_line(self):
        text = "io.write('unfinished ')\nio.stdout:flush()\nrequire('moonlever').sleep(1)\nprint('end')\n"
        with terminal("run", script(text)) as term:
            self.assertEqual(term.wait(), 0, term.text())
        self.assertIn("unfinished end", term.text())
        self.assertNotIn("requests", term.output.decode().split("end")[0])

    def test_none_when_quiet_or_dumb(self):
        for args, env in ((("-q",), {}), ((), {"TERM": "dumb"})):
            with terminal("run", script(RETITLE % 8), *self.SLOW, *args, **env) as term:
                self.assertEqual(term.wait(), 0, term.text())
            self.assertNotIn("in flight", term.output.decode())
            self.assertNotIn("\x1b", term.output.decode())

    def test_fits_a_narrow_terminal(self):
        with terminal("run", script(RETITLE % 8), *self.SLOW, columns=30) as term:
            self.assertEqual(term.wait(), 0, term.text())
        for line in re.findall(r"\r([^\r\n]*)\x1b\[K", term.output.decode()):
            self.assertLess(len(line), 30)

    def test_waits_have_a_reason(self):
        answers = [wire.json(429, {"error": "slow down"}, [("Retry-After", "3")]),
                   wire.json(200, recording(1))]
        text = 'print(require("moonlever").connect("screendesk").recordings:get("1").title)'
        with wire.Server(answers) as server:
            names = ("SCREENDESK_URL", "SCREENDESK_TOKEN")
            env = {name: wire.environment(server)[name] for name in names}
            with terminal("run", script(text), **env) as term:
                self.assertEqual(term.wait(), 0, term.text())
        self.assertRegex(term.output.decode(), r"429: waiting [1-4] s")


class Text(unittest.TestCase):
    HOSTILE = 'a\\27[2Jb\\u{202E}c\\xFFd\\re\\u{9B}1mf'
    HARMLESS = "a\\x1B[2Jb\\u{202E}c\\xFFd\\x0De\\u{9B}1mf"

    def test_text_from_outside_is_harmless(self):
        for how in ("print(%s)", "io.write(%s, '\\n')", "io.stderr:write(%s, '\\n')", "error(%s, 0)"):
            with terminal("run", script(how % ('"%s"' % self.HOSTILE))) as term:
                code = term.wait()
            self.assertEqual(code, 1 if how.startswith("error") else 0, term.text())
            self.assertIn(self.HARMLESS, term.text(), how)
            self.assertNotIn("\x1b[2J", term.output.decode("utf-8", "replace"))

    def test_csv_has_plain_line_ends_here_only(self):
        words = ("get", "screendesk", "users", "--practice", "-q", "--format", "csv", "--limit", "2")
        with terminal(*words) as term:
            self.assertEqual(term.wait(), 0, term.text())
        self.assertNotIn("x0D", term.text())
        self.assertEqual(len(term.text().splitlines()), 3, term.text())
        self.assertEqual(moonlever(*words).out.count("\r\n"), 3)

    def test_characters_survive_however_they_are_cut(self):
        text = 'for c in ("grüße 請求書\\n"):gmatch(".") do io.write(c) io.stdout:flush() end'
        with terminal("run", script(text)) as term:
            self.assertEqual(term.wait(), 0, term.text())
        self.assertIn("grüße 請求書", term.output.decode())

    def test_a_file_gets_the_bytes(self):
        path = os.path.join(FOLDER, "bytes")
        with open(path, "wb") as out, terminal("run", script('print("a\\27[2Jb")'), stdout=out) as term:
            self.assertEqual(term.wait(), 0, term.text())
        with open(path, "rb") as out:
            self.assertEqual(out.read(), b"a\x1b[2Jb\n")

    def test_errors_are_red_on_a_terminal_only(self):
        with terminal("run", "nowhere.lua") as term:
            self.assertEqual(term.wait(), 2)
        self.assertIn(b"\x1b[1;31mmoonlever:\x1b[0m there is no script", term.output)
        for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}, {"CLICOLOR": "0"}):
            with terminal("run", "nowhere.lua", **env) as term:
                self.assertEqual(term.wait(), 2)
            self.assertNotIn(b"\x1b", term.output)

    def test_a_message_begins_on_its_own_line(self):
        with terminal("run", script("io.write('unfinished')\nerror('boom', 0)")) as term:
            self.assertEqual(term.wait(), 1)
        self.assertRegex(term.text(), r"(?m)^unfinished$\n^moonlever: .*boom")


class Interrupt(unittest.TestCase):
    def test_ctrl_c_stops_and_reports(self):
        with terminal("run", script("print 'ready'\n" + RETITLE % 400), "--practice", "-y",
                      "--faults", "latency=100") as term:
            term.wait_for("changes")
            term.send("\x03")
            self.assertEqual(term.wait(), 130, term.text())
        self.assertIn("stopping", term.text())
        self.assertRegex(term.text(), r"\d+ confirmed")

    def test_a_script_that_computes_for_ever(self):
        with terminal("run", script("print 'ready'\nwhile true do end")) as term:
            term.wait_for("ready")
            term.send("\x03")
            self.assertEqual(term.wait(), 130, term.text())


if __name__ == "__main__":
    unittest.main()
