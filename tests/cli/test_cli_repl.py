# SPDX-License-Identifier: MIT
"""`moonlever repl`: a session at a terminal, and lines from a pipe."""
import json
import os
import socket
import stat
import subprocess
import tempfile
import unittest

from cli_kit import FOLDER, PROGRAM, Account, environment, moonlever
from lib import pty
from profile_kit import Profiles

PROMPT = "practice> "


class Hanging:
    """A server that takes connections and never answers."""

    def __enter__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.taken = []
        self.env = {"SCREENDESK_URL": "http://127.0.0.1:%d" % self.socket.getsockname()[1],
                    "SCREENDESK_TOKEN": "canary-4711"}
        return self

    def __exit__(self, *_):
        for connection in self.taken:
            connection.close()
        self.socket.close()

    def take(self):
        """Waits until somebody has asked for something."""
        connection, _ = self.socket.accept()
        self.taken.append(connection)
        assert connection.recv(1)


class Session(unittest.TestCase):
    """A session at a terminal; `state` is where its history and journal are."""

    def start(self, *flags, rows=40, columns=80, **env):
        self.state = env.setdefault("XDG_STATE_HOME", tempfile.mkdtemp(dir=FOLDER))
        term = pty.Terminal([PROGRAM, "repl", *flags], rows=rows, columns=columns, env=environment(**env))
        self.addCleanup(term.__exit__)
        self.seen = 0
        return term

    def practice(self, *flags, **more):
        term = self.start("--practice", *flags, **more)
        term.wait_for(PROMPT)
        return term

    def line(self, term, text, *wanted, prompt=PROMPT):
        """Types a line and waits for the prompt behind it; what came between."""
        before = term.text().count("\n")
        term.send(text + "\r")
        term.wait_for_line(before + 1, prompt)
        shown = "\n".join(term.text().split("\n")[before:]) + "\n"
        for one in wanted:
            self.assertIn(one, shown)
        return shown

    def leave(self, term, code=0):
        term.send("\x04")
        self.assertEqual(term.wait(), code, term.text())


class Values(Session):
    def test_values_show_themselves(self):
        term = self.practice()
        self.line(term, "1 + 1", "\n2\n")
        self.line(term, "_ * 4", "\n8\n")
        self.line(term, "{ 1, 'two' }", '{ 1, "two" }')
        self.assertNotIn("nil", self.line(term, "x = 5"))
        self.assertEqual(self.line(term, "x;").count("5"), 0)
        self.line(term, "local y, z = 1, 2")
        self.line(term, "y + z", "\n3\n")
        self.line(term, "prnt(1)", "undefined variable 'prnt'; did you mean 'print'?")
        self.line(term, "x y", "syntax error near 'y'")
        self.line(term, "sd.recordings:get ''", "empty")
        self.leave(term)

    def test_a_list_shows_twenty_rows_and_more_when_asked(self):
        term = self.practice(columns=100, rows=60)
        shown = self.line(term, "sd.users:list()", "Anna Larsen", "it: the next 20")
        self.assertNotIn("Ines Duarte", shown)
        self.line(term, "#_", "\n20\n")
        self.line(term, "sd.users:list { limit = 3 };")
        self.leave(term)

    def test_all_services_of_the_practice_account(self):
        term = self.practice()
        self.assertIn("sd (Screendesk), sg (Screendragon), wd (WorkDrive)", term.text())
        self.line(term, "sg.users:list { limit = 1 }", "anna.larsen@example.com")
        self.line(term, "wd.posts", "workdrive.posts: ", "list")
        self.leave(term)

    def test_it_goes_on(self):
        term = self.practice("--users", "45", columns=100, rows=60)
        self.line(term, "sd.users:list()")
        self.line(term, "it", "Ines Duarte", "-- 40 shown; it: the next 20")
        shown = self.line(term, "it")
        self.assertNotIn("it: the next", shown)
        self.line(term, "it", "undefined variable 'it'")
        self.leave(term)

    def test_tables_turn_upright_when_they_are_too_wide(self):
        term = self.practice(columns=100)
        self.line(term, "sd.users:list { limit = 2 }", "name          email", "and in each: notifications")
        term.resize(40, 44)
        shown = self.line(term, "sd.users:list { limit = 2 }", "[1]\nname", "[2]\nname")
        for one in shown.split("\n"):
            self.assertLessEqual(len(one), 44)
        self.leave(term)

    def test_wide_characters(self):
        term = self.practice(columns=60)
        self.line(term, 'rows = { { id = 1, name = "請求書の確認" }, { id = 2, name = "grüße" } }')
        self.line(term, "rows", "id  name\n", "--  ------------\n", " 1  請求書の確認\n", " 2  grüße\n")
        # Editing among them: two to the left, a letter in between, and on to the end.
        term.send("x = '請求書'")
        term.wait_for("x = '請求書'")
        term.send("\x1b[D\x1b[D!\x05 .. 'é'")
        term.wait_for("x = '請求!書' .. 'é'")
        self.line(term, "")
        self.line(term, "x", '"請求!書é"')
        self.leave(term)

    def test_the_window_changes_while_a_line_is_typed(self):
        term = self.practice(columns=100)
        term.send("x = 'begun in a wide window'")
        term.wait_for("wide window'")
        before = term.output.count(b"begun")
        term.resize(30, 60)
        while term.output.count(b"begun") == before:  # drawn again
            term.wait_for("wide window'", 10)
            term._read(0.1)
        self.line(term, " .. ', ended in a narrow one'")
        self.line(term, "x", '"begun in a wide window, ended in a narrow one"')
        self.leave(term)

    def test_locale_does_not_matter(self):
        for locale in ("C", "de_DE.UTF-8", "POSIX"):
            term = self.practice(LC_ALL=locale)
            self.line(term, "'ü' .. 1.5", '"ü1.5"')
            self.leave(term)


class Typing(Session):
    def test_blocks(self):
        term = self.practice()
        term.send("for i = 1, 2 do\r")
        term.wait_for("\n..>")
        term.send("print('n' .. i)\r")
        self.line(term, "end", "\nn1\nn2\n")
        term.send("while true do\r")
        term.wait_for("\n..>", 10)
        self.line(term, "", "near <eof>")
        self.leave(term)

    def test_a_paste_is_one_block(self):
        term = self.practice()
        body = "".join("\ttotal = total + %d\n" % i for i in range(1, 9))
        term.send("\x1b[200~total = 0\r\n%sprint('total ' .. total)\n\x1b[201~" % body)
        term.wait_for("\ntotal 36\n" + PROMPT)
        self.assertEqual(term.text().count("..> "), 9)
        self.line(term, "total", "\n36\n")
        term.send("\x1b[200~1 +\t40 \x1b[201~")
        term.wait_for("1 + 40")
        self.line(term, "+ 1", "\n42\n")
        self.leave(term)

    def test_completion(self):
        term = self.practice()
        term.send("sd.rec\t")
        term.wait_for("sd.recordings")
        term.send(":u\t")
        term.wait_for("sd.recordings:update")
        term.send("(1, { ti\t")
        term.wait_for("sd.recordings:update(1, { title")
        term.send("\x03")
        term.wait_for("^C")
        term.send("sd.recordings.\t")
        term.wait_for("get     list    pages   update")
        term.send("\x15:q\t")
        term.wait_for("> :quit")
        term.send("\x15rec = { some_member = 1 }\r")
        self.line(term, "1")
        term.send("rec.so\t")
        term.wait_for("> rec.some_member")
        term.send("\x15\t3")
        term.wait_for(">   3")
        self.line(term, "", "\n3\n")
        self.leave(term)

    def test_help(self):
        term = self.practice(rows=90)
        self.line(term, "help()", "commit()", ":quit")
        self.line(term, "help(sd.users.list)", "List the users of the account", "LEARN MORE")
        self.line(term, "sd.users?", "Users of the account")
        self.line(term, "help 'moonlever.each'", "EXAMPLE")
        self.line(term, ":plam", "did you mean ':plan'?")
        self.line(term, ":live", "moonlever repl --live")
        self.leave(term)

    def test_history(self):
        term = self.practice()
        self.line(term, "first = 1")
        self.line(term, " hidden = 2")
        self.line(term, "my_token = 'x'")
        self.line(term, "\x1b[A\x1b[A\x1b[A2")
        self.line(term, "first", "\n12\n")
        self.line(term, ":history 2", "3  first\n", "4  :history 2\n")
        self.leave(term)
        path = os.path.join(self.state, "moonlever", "history")
        with open(path, encoding="utf-8") as file:
            self.assertEqual(file.read(), "first = 1\nfirst = 12\nfirst\n:history 2\n")
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        term = self.practice(XDG_STATE_HOME=self.state)
        self.line(term, "\x1b[A\x1b[A\x1b[A + 1")
        self.line(term, "first", "\n13\n")
        self.leave(term)

    def test_what_runs_behind_writes_above_the_line(self):
        term = self.practice()
        self.line(term, "moonlever.spawn(function() moonlever.sleep(0.3) print('be' .. 'hind') end)", "a task")
        term.send("1 + 4")
        term.wait_for("\nbehind\n" + PROMPT + "1 + 4")
        self.line(term, "1", "\n42\n")
        self.leave(term)

    def test_a_failure_behind_is_told(self):
        term = self.practice()
        self.line(term, "t = moonlever.spawn(function() error('oo' .. 'ps', 0) end)")
        self.line(term, "moonlever.sleep(0.1)")
        self.assertIn("a task in the background has failed: oops", term.text())
        self.leave(term)

    def test_a_terminal_that_can_nothing(self):
        term = self.start("--practice", TERM="dumb")
        term.wait_for(PROMPT)
        term.send("1 + 1\r")
        term.wait_for("\n2\n" + PROMPT)
        term.send("\x04")
        self.assertEqual(term.wait(), 0)
        self.assertNotIn(b"\x1b", term.output)


class Stopping(Session):
    def test_ctrl_c_stops_the_call_and_keeps_the_session(self):
        with Hanging() as server:
            term = self.start(**server.env)
            term.wait_for("moonlever> ")
            for one in ("sd.users:list()", "moonlever.all { moonlever.spawn(function() sd.users:list()() end) }"):
                term.send(one + "\r")
                server.take()
                term.send("\x03")
                term.wait_for(")\n^C\ninterrupted\nmoonlever> " if one[-1] == ")" else "}\n^C\ninterrupted\nmoonlever> ")
                self.line(term, "1 + 41", "\n42\n", prompt="moonlever> ")
            self.assertNotIn(b"canary", term.output)
            self.line(term, "x = 'canary-4711'", prompt="moonlever> ")
            self.leave(term)
            with open(os.path.join(self.state, "moonlever", "history"), encoding="utf-8") as file:
                text = file.read()
            self.assertIn("1 + 41\n", text)
            self.assertNotIn("canary", text)

    def test_ctrl_c_stops_code_that_computes_for_ever(self):
        term = self.practice()
        term.send("print 'go' while true do end\r")
        term.wait_for("\ngo\n")
        term.send("\x03")
        term.wait_for("interrupted\n" + PROMPT)
        self.leave(term)

    def test_ctrl_c_at_the_prompt(self):
        term = self.practice()
        term.send("unfinished(")
        term.wait_for("> unfinished(")
        term.send("\x03")
        term.wait_for("^C\n" + PROMPT)
        self.assertNotIn(":quit or", term.text().split("unfinished(", 1)[1])
        term.send("for i = 1, 2 do\r")
        term.wait_for("\n..>")
        term.send("\x03")
        term.wait_for("(:quit or Ctrl-D leaves)\n" + PROMPT)
        term.send(":quit\r")
        self.assertEqual(term.wait(), 0)

    def test_signals_end_it(self):
        term = self.practice()
        term.process.terminate()
        self.assertEqual(term.wait(), 130, term.text())

    def test_the_terminal_is_as_it_was(self):
        shell = '"$0" repl --practice; stty -a'
        with pty.Terminal(["sh", "-c", shell, PROGRAM], rows=40, columns=100, env=environment()) as term:
            term.wait_for(PROMPT)
            term.send("1\r\x04")
            term.wait_for("icanon")
            self.assertEqual(term.wait(), 0)
            settings = term.text().split()
        self.assertIn("icanon", settings)
        self.assertIn("echo", settings)
        self.assertTrue(term.output.decode().rstrip().count("\x1b[?2004h"), term.output.count(b"\x1b[?2004l"))


class Changes(Session):
    READ = "r = sd.recordings:list { limit = 1 }:next()"

    def session(self, account, *flags, **env):
        term = self.start(*flags, **{**account.env, **env})
        term.wait_for("> ")
        return term

    def titles(self, account):
        path = os.path.join(FOLDER, "title.lua")
        with open(path, "w", encoding="utf-8") as file:
            file.write('print(require "moonlever".connect "screendesk".recordings:list { limit = 1 }:next().title)')
        return account.moonlever("run", path).out.strip()

    def test_planned_committed_and_undone(self):
        with Account("--recordings", "5") as account:
            before = self.titles(account)
            term = self.session(account)
            self.line(term, self.READ, prompt="moonlever> ")
            self.line(term, "sd.recordings:update(r, { title = 'Neu' })", '-> "Neu"', "1 change planned",
                      prompt="moonlever (1 planned)> ")
            self.line(term, "sd.recordings:get(r.uuid).title", '"Neu"', prompt="moonlever (1 planned)> ")
            self.assertEqual(self.titles(account), before, "nothing was sent")
            shown = self.line(term, "commit()", "run: ", "1 confirmed", prompt="moonlever> ")
            self.assertEqual(self.titles(account), "Neu")
            run = shown.split("run: ")[1].split()[0]
            # Once more on the record that is old by now: no conflict.
            self.line(term, "sd.recordings:update(r, { title = 'Neuer' })", prompt="moonlever (1 planned)> ")
            self.line(term, "commit().exit", "\n0\n", prompt="moonlever> ")
            self.assertEqual(self.titles(account), "Neuer")
            self.leave(term)
            runs = account.json("runs")["runs"]
            self.assertEqual([one["kind"] for one in runs], ["apply", "apply", "plan"])
            self.assertEqual(runs[1]["run"], run)
            self.assertEqual(account.moonlever("undo", runs[0]["run"], "--yes").code, 0)
            self.assertEqual(self.titles(account), "Neu")

    def test_the_same_change_in_two_commits_is_sent_twice(self):
        with Account("--recordings", "5") as account:
            term = self.session(account)
            for title in ("A", "B", "A", "B", "A"):
                self.line(term, self.READ, prompt="moonlever> ")
                self.line(term, "sd.recordings:update(r, { title = '%s' })" % title, prompt="moonlever (1 planned)> ")
                self.line(term, "commit()", "1 confirmed", prompt="moonlever> ")
                self.assertEqual(self.titles(account), title)
            self.leave(term)

    def test_discard(self):
        with Account("--recordings", "5") as account:
            before = self.titles(account)
            term = self.session(account)
            self.line(term, self.READ, prompt="moonlever> ")
            self.line(term, "sd.recordings:update(r, { title = 'Neu' })", prompt="moonlever (1 planned)> ")
            self.line(term, ":plan", '-> "Neu"', prompt="moonlever (1 planned)> ")
            self.line(term, "discard()", "1 change dropped, nothing was sent", prompt="moonlever> ")
            self.assertNotIn("Neu", self.line(term, "sd.recordings:get(r.uuid).title", prompt="moonlever> "))
            self.line(term, ":commit", "nothing is planned", prompt="moonlever> ")
            self.leave(term)
            self.assertEqual(self.titles(account), before)

    def test_what_somebody_else_changed_is_a_conflict(self):
        with Account("--recordings", "5") as account:
            term = self.session(account)
            self.line(term, self.READ, prompt="moonlever> ")
            self.line(term, "sd.recordings:update(r, { title = 'Mine' })", prompt="moonlever (1 planned)> ")
            done = subprocess.run([PROGRAM, "repl", "--yes"], env=environment(**account.env), text=True, check=False,
                                  input=self.READ + "\nsd.recordings:update(r, { title = 'Theirs' });\ncommit();\n",
                                  capture_output=True, timeout=60)
            self.assertEqual((done.returncode, done.stdout), (0, ""), done.stderr)
            self.line(term, "commit().exit", "1 conflict", "\n3\n", prompt="moonlever> ")
            self.assertEqual(self.titles(account), "Theirs")
            self.leave(term)

    def test_many_deletes_need_their_number(self):
        term = self.practice()
        self.line(term, "n = 0 for u in sd.scim.users:list() do n = n + 1 if n > 20 and n < 33 then sd.scim.users:delete(u) end end",
                  "12 changes planned", prompt="practice (12 planned)> ")
        self.line(term, "commit(11)", "12 deletes", "commit(12)", prompt="practice (12 planned)> ")
        self.line(term, "commit(12).counts.confirmed", "\n12\n")
        self.leave(term)

    def test_leaving_with_changes_that_wait(self):
        term = self.practice()
        self.line(term, self.READ)
        self.line(term, "sd.recordings:update(r, { title = 'Neu' });", prompt="practice (1 planned)> ")
        term.send("\x04")
        term.wait_for("once more Ctrl-D leaves\npractice (1 planned)> ")
        self.line(term, "1", prompt="practice (1 planned)> ")
        term.send("\x04\x04")  # the second may come before its time
        self.assertEqual(term.wait(), 0, term.text())
        self.assertIn("1 planned change was dropped", term.text())

    def test_ctrl_c_during_a_commit(self):
        with Account("--recordings", "400", "--faults", "latency=100") as account:
            term = self.session(account)
            self.line(term, "for r in sd.recordings:list() do sd.recordings:update(r, { title = 'N' }) end",
                      "400 changes planned", prompt="moonlever (400 planned)> ")
            term.send("commit().state\r")
            term.wait_for(" in flight")
            term.send("\x03")
            term.wait_for('"stopped"\nmoonlever> ')
            self.leave(term)
            run = account.json("runs")["runs"][0]
            self.assertEqual((run["kind"], run["state"]), ("apply", "stopped"))
            self.assertEqual(account.moonlever("resume", run["run"], "--yes").code, 0)

    def test_production_is_confirmed_by_its_name(self):
        place = Profiles("--recordings", "5")
        self.addCleanup(place.__exit__)
        place.config("profiles = { prod = %s }" % place.profile(token_cmd=["echo", place.token], production=True))
        term = self.start("--profile", "prod", columns=200, **place.env)
        term.wait_for("moonlever> ")
        self.line(term, self.READ, prompt="moonlever> ")
        self.line(term, "sd.recordings:update(r, { title = 'Neu' });", prompt="moonlever (1 planned)> ")
        term.send("commit();\r")
        term.wait_for("Type 'prod' to go on: ")
        self.line(term, "y", "nothing was sent", prompt="moonlever (1 planned)> ")
        self.assertEqual(place.writes(), [])
        term.send("commit();\r")
        while term.text().count("Type 'prod' to go on:") < 2:
            term.wait_for("Type 'prod' to go on:")
            term._read(0.1)
        self.line(term, "prod", "1 confirmed", prompt="moonlever> ")
        self.assertEqual(len(place.writes()), 1)
        self.leave(term)
        self.assertNotIn(place.token.encode(), term.output)

    def test_live(self):
        with Account("--recordings", "5") as account:
            term = self.session(account, "--live")
            self.line(term, self.READ, prompt="moonlever live> ")
            term.send("sd.recordings:update(r, { title = 'Neu' }).title\r")
            term.wait_for("[y/N] ")
            term.send("y\r")
            term.wait_for('"Neu"\nmoonlever live> ')
            self.assertIn("run: ", term.text())
            self.assertEqual(self.titles(account), "Neu")
            self.line(term, "commit()", "sends at once", prompt="moonlever live> ")
            self.leave(term)
            self.assertIn("1 confirmed", term.text())


class Pipe(unittest.TestCase):
    def repl(self, text, *flags, **env):
        path = os.path.join(FOLDER, "lines")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        with open(path, "rb") as file:
            return moonlever("repl", *flags, stdin=file, **env)

    def test_lists_come_whole_as_tsv(self):
        done = self.repl("show(sd.users:list(), 'name', 'email')\n", "--practice", "-q")
        lines = done.out.splitlines()
        self.assertEqual((done.code, lines[0], len(lines)), (0, "name\temail", 41), done)
        self.assertEqual(done.err, "")

    def test_lines_are_a_script_up_to_the_first_error(self):
        done = self.repl("x = 1\nfor i = 1, 2 do\n\n  print(i)\nend\nx\nprnt()\nprint 'never'\n", "--practice", "-q")
        self.assertEqual((done.code, done.out), (1, "1\n2\n1\n"), done)
        self.assertEqual(done.err, "moonlever: input:1: undefined variable 'prnt'; did you mean 'print'?\n")

    def test_an_unfinished_end(self):
        done = self.repl("while true do", "--practice", "-q")
        self.assertEqual(done.code, 1, done)
        self.assertIn("ends within a statement", done.err)

    def test_the_last_line_needs_no_newline(self):
        self.assertEqual(self.repl("1 + 1", "--practice", "-q").out, "2\n")

    def test_nothing_is_sent_without_yes(self):
        lines = Changes.READ + "\nsd.recordings:update(r, { title = 'N' });\n"
        done = self.repl(lines + "commit()\nprint 'never'\n", "--practice", "-q")
        self.assertEqual((done.code, done.out), (6, ""), done)
        self.assertIn("--yes", done.err)
        done = self.repl(lines, "--practice", "-q")
        self.assertEqual((done.code, done.out), (0, ""), done)
        self.assertIn("nothing is sent yet", done.err)
        done = self.repl(lines + "commit().counts\n", "--practice", "-q", "--yes")
        self.assertEqual((done.code, json.loads(done.out)["confirmed"]), (0, 1), done)

    def test_no_answer_of_a_service(self):
        done = self.repl("sd.users:list()\n", SCREENDESK_URL="http://127.0.0.1:1", SCREENDESK_TOKEN="canary-4711")
        self.assertEqual(done.code, 5, done)
        self.assertNotIn("canary", done.out + done.err)

    def test_flags_that_make_no_sense(self):
        self.assertEqual(moonlever("repl", "--users", "3").code, 2)
        self.assertEqual(moonlever("repl", "--plan", "x").code, 2)
        self.assertEqual(moonlever("repl", "what").code, 2)


if __name__ == "__main__":
    unittest.main()
