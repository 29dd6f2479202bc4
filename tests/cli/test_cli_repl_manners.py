# SPDX-License-Identifier: MIT
"""`moonlever repl`: leaving it (what is at work, what was never sent), and help inside of it."""
import os
import signal
import subprocess
import unittest

from cli_kit import FOLDER, PROGRAM, environment, moonlever
from profile_kit import Profiles
from test_cli_repl import PROMPT, Session

FOR_EVER = "moonlever.spawn(function() while true do moonlever.sleep(1) end end);"
# Catches its end, so that a second Ctrl-C has something to leave.
STUBBORN = "moonlever.spawn(function() while true do pcall(moonlever.sleep, 1) end end);"
READ = "r = sd.recordings:list { limit = 1 }:next()"
CHANGE = "sd.recordings:update(r, { title = 'Neu' });"


class AtWork(Session):
    def leaving(self, how, *tasks):
        term = self.practice()
        for task in tasks:
            self.line(term, task)
        term.send(how)
        return term

    def test_quit_says_what_is_at_work_and_ctrl_c_stops_it(self):
        term = self.leaving(":quit\r", FOR_EVER)
        term.wait_for("1 task is still at work: waiting; Ctrl-C stops it\n")
        term.send("\x03")
        self.assertEqual(term.wait(), 130, term.text())

    def test_the_end_of_the_input_as_well(self):
        term = self.leaving("\x04", FOR_EVER, FOR_EVER)
        term.wait_for("2 tasks are still at work: waiting; Ctrl-C stops them\n")
        term.send("\x03")
        self.assertEqual(term.wait(), 130, term.text())

    def test_a_second_ctrl_c_leaves_at_once(self):
        term = self.leaving(":quit\r", STUBBORN)
        term.wait_for("1 task is still at work")
        term.send("\x03")
        term.wait_for("stopping; once more leaves at once")
        term.send("\x03")
        self.assertEqual(term.wait(), 130, term.text())

    def test_what_ends_by_itself_is_waited_for(self):
        term = self.leaving(":quit\r", "moonlever.spawn(function() moonlever.sleep(1) print('fin' .. 'ished') end);")
        term.wait_for("1 task is still at work")
        self.assertEqual(term.wait(), 0, term.text())
        self.assertIn("finished", term.text())

    def test_without_anything_at_work_nothing_is_said(self):
        term = self.leaving(":quit\r", "t = moonlever.spawn(function() return 1 end);", "t:await();")
        self.assertEqual(term.wait(), 0, term.text())
        self.assertNotIn("at work", term.text())

    def test_a_pipe_waits_and_can_be_stopped(self):
        lines = "moonlever.spawn(function() print 'on' io.stdout:flush() while true do moonlever.sleep(1) end end);\n"
        path = os.path.join(FOLDER, "at-work")
        with open(path, "w", encoding="utf-8") as file:
            file.write(lines)
        with open(path, "rb") as file:
            child = subprocess.Popen([PROGRAM, "repl", "--practice", "-q"], stdin=file, stdout=subprocess.PIPE,
                                     stderr=subprocess.PIPE, env=environment(), start_new_session=True)
        self.assertEqual(child.stdout.readline(), b"on\n")
        child.send_signal(signal.SIGINT)
        _, errors = child.communicate(timeout=60)
        self.assertEqual(child.returncode, 130, errors)
        self.assertNotIn(b"at work", errors)


class NeverSent(Session):
    def test_quit_says_what_is_dropped(self):
        term = self.practice()
        self.line(term, READ)
        self.line(term, CHANGE, prompt="practice (1 planned)> ")
        term.send(":quit\r")
        self.assertEqual(term.wait(), 0, term.text())
        self.assertIn("\n1 planned change was dropped, nothing was sent", term.text())

    def test_in_a_pipe_on_standard_error(self):
        path = os.path.join(FOLDER, "dropped")
        for end in ("", ":quit\n"):
            with open(path, "w", encoding="utf-8") as file:
                file.write("for r in sd.recordings:list { limit = 2 } do sd.recordings:update(r, { title = 'Neu' }) end\n"
                           + end)
            with open(path, "rb") as file:
                done = moonlever("repl", "--practice", "-q", stdin=file)
            self.assertEqual((done.code, done.out), (0, ""), done)
            self.assertIn("moonlever: 2 planned changes were dropped, nothing was sent\n", done.err)


class BareWords(Session):
    def test_help_and_how_to_leave(self):
        term = self.practice(rows=60)
        self.assertNotIn("function", self.line(term, "help", "commit()", "leave; Ctrl-D too"))
        for word in ("quit", " exit "):
            self.line(term, word, "\n(:quit or Ctrl-D leaves)\n")
        self.line(term, ":hlep", "there is no command ':hlep'; did you mean ':help'?")
        self.line(term, "exit = 7")
        self.line(term, "exit", "\n7\n")
        self.leave(term)

    def test_help_has_the_names_of_the_session(self):
        term = self.practice(rows=80, columns=120)
        self.line(term, 'help "sd.recordings.update"', "\n  sd.recordings:update(uuid, fields)\n",
                  '\n  sd.recordings:update("81c5', '\n  help "sd.recordings"\n')
        self.line(term, "help('sd')", '\n  local sd = moonlever.connect "screendesk"\n', 'help "sd.RESOURCE"')
        shown = self.line(term, "help(wd.posts.list)", "in wd.posts:list(")
        self.assertNotIn("in workdrive.", shown)
        self.line(term, "help 'moonlever.each'", "moonlever.each(sd.recordings:list(),")
        self.line(term, "help 'sd.recordings.updaet'", "Did you mean 'screendesk.recordings.update'?")
        # A variable of that name that is another thing is left alone.
        self.line(term, "sd = 1")
        self.line(term, "help 'screendesk.recordings.list'", "in screendesk.recordings:list(")
        self.line(term, "acme = moonlever.connect 'screendesk'")
        self.line(term, "help 'acme.users'", "screendesk.users: ")
        self.leave(term)


class Greeting(Session):
    def hello(self, **env):
        term = self.start(columns=120, **env)
        term.wait_for("moonlever> ")
        self.leave(term)
        return term.text()

    def test_without_a_token_it_says_how_to_get_one(self):
        text = self.hello()
        self.assertIn("No token is set: moonlever login screendesk stores one,", text)
        self.assertIn("moonlever repl --practice", text)
        self.assertNotIn("Ready", text)

    def test_only_what_has_a_token_is_ready(self):
        self.assertIn("Ready: sd (Screendesk).\n", self.hello(SCREENDESK_TOKEN="x"))
        self.assertIn("Ready: sd (Screendesk).\n", self.hello(SCREENDESK_SCIM_TOKEN="x", WORKDRIVE_API_KEY="x"))
        self.assertIn("Ready: wd (WorkDrive).\n", self.hello(WORKDRIVE_API_KEY="x", WORKDRIVE_URL="http://127.0.0.1:9"))

    def test_tokens_of_profiles_count(self):
        place = Profiles("--recordings", "5")
        self.addCleanup(place.__exit__)
        self.assertIn("No token is set", self.hello(**place.env))
        place.store("screendesk", SCREENDESK_TOKEN=place.token)
        self.assertIn("Ready: sd (Screendesk).\n", self.hello(**place.env))
        place.config("profiles = { acme = %s }, default = { screendesk = 'acme' }" % place.profile(token_cmd=["false"]))
        self.assertIn("Ready: sd (Screendesk).\n", self.hello(**place.env))
        place.config("profiles = {")
        self.assertIn("No token is set", self.hello(**place.env))


if __name__ == "__main__":
    unittest.main()
