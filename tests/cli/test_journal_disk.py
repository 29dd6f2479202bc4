# SPDX-License-Identifier: MIT
"""A journal that cannot be written: nothing more is sent, the message has the cause and the remedy,
and the run goes on once the cause is gone. What lies on disk is readable for its owner alone."""
import os
import resource
import stat
import subprocess
import tempfile
import unittest

from cli_kit import FOLDER, PROGRAM, environment, script
from place_kit import PLUS, TITLES, Practice


class Case(unittest.TestCase):
    def practice(self, count=30):
        place = Practice("--recordings", str(count))
        self.addCleanup(place.__exit__)
        place.before = {uuid: record["title"] for uuid, record in place.recordings().items()}
        return place

    def refused(self, place, *texts, sent=0, **env):
        """A run that the journal stops. Its error is one message, whatever failed."""
        done = place.moonlever("run", script(PLUS), "--yes", "--rate", "0", **env)
        self.check(place, done.code, done.err, texts, sent)

    def check(self, place, code, err, texts, sent):
        self.assertEqual(code, 75, err)
        for text in texts:
            self.assertIn(text, err)
        said = [line for line in err.splitlines() if line.startswith("moonlever: ")]
        self.assertEqual(len(said), 1, err)
        self.assertEqual(len(place.writes()), sent)

    def one_plus_each(self, place):
        for uuid, record in place.recordings().items():
            self.assertEqual(record["title"], (place.before[uuid] or "") + "+")


class NoPlace(Case):
    def test_the_directory_is_a_file(self):
        place = self.practice()
        path = script("no directory")
        self.refused(place, "journal", path, "set XDG_STATE_HOME", XDG_STATE_HOME=path)
        place.ended(0, "run", script(PLUS), "--yes")
        self.one_plus_each(place)

    def test_a_path_that_is_too_long(self):
        place = self.practice()
        for length in (300, 5000):
            self.refused(place, "journal", "XDG_STATE_HOME", XDG_STATE_HOME="/tmp/" + "x" * length)

    def test_no_home_at_all(self):
        place = self.practice()
        done = place.moonlever("run", script(PLUS), "--yes", XDG_STATE_HOME="relative", HOME=place.file("home"))
        self.assertEqual(done.code, 0, done)
        self.assertTrue(os.path.exists(place.file("home/.local/state/moonlever/journal.db")))

    def test_a_plan_needs_the_journal_too(self):
        place = self.practice()
        path = script("no directory")
        done = place.moonlever("plan", script(PLUS), "-o", place.file("some.plan"), XDG_STATE_HOME=path)
        self.check(place, done.code, done.err, [path], 0)
        self.assertFalse(os.path.exists(place.file("some.plan")))


class Damaged(Case):
    def test_a_file_that_is_no_database(self):
        place = self.practice()
        place.ended(0, "run", script(TITLES), "--yes", "--max-changes", "30")
        count = len(place.writes())
        for suffix in ("-wal", "-shm"):
            if os.path.exists(place.journal + suffix):
                os.remove(place.journal + suffix)
        for content in (b"this is no database" * 1000, b"SQLite format 3\0" + b"\xff" * 8000):
            with open(place.journal, "wb") as file:
                file.write(content)
            self.refused(place, place.journal, "move it away", sent=count)
            done = place.moonlever("runs")
            self.assertNotEqual(done.code, 0, done)
            self.assertIn(place.journal, done.err)
            with open(place.journal, "rb") as file:
                self.assertEqual(file.read(), content, "a damaged journal is left as it is")


class Full(Case):
    """SIGXFSZ is ignored by the program, so the limit of the size of files is an ordinary EFBIG."""

    def limited(self, place, size):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        env = environment(**place.env)
        with tempfile.TemporaryFile(dir=FOLDER) as out, tempfile.TemporaryFile(dir=FOLDER) as err:
            code = subprocess.run([PROGRAM, "run", script(PLUS), "--yes", "--rate", "0"], stdin=subprocess.DEVNULL,
                                  stdout=out, stderr=err, env=env, start_new_session=True, preexec_fn=limit,
                                  timeout=60, check=False).returncode
            err.seek(0)
            return code, err.read().decode()

    def stopped_and_resumed(self, place, code, err, texts):
        self.assertEqual(code, 75, err)
        for text in texts:
            self.assertIn(text, err)
        runs = place.query("SELECT run FROM run")
        sent = len(place.writes())
        self.assertLess(sent, len(place.before))
        self.assertLessEqual(sent, place.query("SELECT count(*) FROM attempt")[0][0], "no write without its row")
        if runs:
            self.assertIn("moonlever resume " + runs[0][0], err)
            place.ended(0, "resume", runs[0][0], "--yes")
        else:
            place.ended(0, "run", script(PLUS), "--yes")
        self.one_plus_each(place)

    def test_a_limit_of_the_size_of_files(self):
        for kib in (50, 90, 150, 250):
            with self.subTest(kib=kib):
                place = self.practice(300)
                code, err = self.limited(place, kib * 1024)
                self.stopped_and_resumed(place, code, err, ["journal"])

    def test_a_file_system_that_is_full(self):
        place = self.practice(300)
        state = place.file("small")
        os.mkdir(state)
        mounted = os.geteuid() == 0 and subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=160k", "tmpfs", state], capture_output=True, check=False).returncode == 0
        if not mounted:
            self.skipTest("a file system cannot be mounted here")
        try:
            place.home = place.env["XDG_STATE_HOME"] = state
            done = place.moonlever("run", script(PLUS), "--yes", "--rate", "0")
            self.assertIn("full", done.err)
            subprocess.run(["mount", "-o", "remount,size=20m", state], check=True)
            self.stopped_and_resumed(place, done.code, done.err, ["make room"])
        finally:
            subprocess.run(["umount", "-l", state], check=True)


class ReadOnly(Case):
    def test_a_journal_of_somebody_else(self):
        if os.geteuid() != 0:
            self.skipTest("only root can make a file that root cannot write")
        place = self.practice()
        place.ended(0, "run", script(TITLES), "--yes")
        count = len(place.writes())
        if subprocess.run(["chattr", "+i", place.journal], capture_output=True, check=False).returncode != 0:
            self.skipTest("this file system has no immutable files")
        try:
            self.refused(place, place.journal, sent=count)
        finally:
            subprocess.run(["chattr", "-i", place.journal], check=True)


class Modes(Case):
    def test_everything_is_for_its_owner_alone(self):
        place = self.practice(5)
        place.home = place.env["XDG_STATE_HOME"] = place.file("new/state")
        mask = os.umask(0)
        try:
            child = place.start("run", script(TITLES), "--yes", "--rate", "2")
            names = os.listdir(place.file("moonlever"))
            modes = {name: stat.S_IMODE(os.stat(place.file("moonlever/" + name)).st_mode) for name in names}
            folder = stat.S_IMODE(os.stat(place.file("moonlever")).st_mode)
            self.assertEqual(child.end(), 0, child.err)
        finally:
            os.umask(mask)
        self.assertIn("journal.db-wal", modes)
        self.assertEqual(set(modes.values()), {0o600}, modes)
        self.assertEqual(folder, 0o700)


if __name__ == "__main__":
    unittest.main()
