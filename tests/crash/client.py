# SPDX-License-Identifier: MIT
"""The program under test as a process that is watched and killed.

    process = Client(program, ["run", path, "--yes"], env)
    process.wait_for_run(timeout=10)      # True once "run: ID" stood on stderr
    process.kill()                        # kill -9, then what was left in the pipes
    print(process.run, process.code, process.err)
"""
import json
import os
import re
import signal
import subprocess
import threading
import time

RUN_LINE = re.compile(r"^run: (\S+)$", re.M)
KEPT = ("PATH", "HOME", "ASAN_OPTIONS", "UBSAN_OPTIONS", "MODEL_MISTAKE")  # of the environment
LIMIT_SECONDS = 180  # nothing here takes a fraction of it


class Client:
    def __init__(self, program, arguments, env):
        self.started = time.monotonic()
        self.arguments = arguments
        self.out, self.err, self.run, self.code = "", "", None, None
        self._run_seen = threading.Event()
        self.process = subprocess.Popen([program, *arguments], env=env, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
        self._readers = [threading.Thread(target=self._read_err), threading.Thread(target=self._read_out)]
        for reader in self._readers:
            reader.start()

    def _read_err(self):
        for line in self.process.stderr:
            self.err += line.decode("utf-8", "replace")
            found = RUN_LINE.search(self.err)
            if found and not self.run:
                self.run = found.group(1)
                self._run_seen.set()
        self._run_seen.set()  # the end counts as well: nobody waits for nothing

    def _read_out(self):
        self.out = self.process.stdout.read().decode("utf-8", "replace")

    def wait_for_run(self, timeout=LIMIT_SECONDS):
        """Waits for the line "run: ID" or the end. Returns whether the line was there."""
        self._run_seen.wait(timeout)
        return self.run is not None

    def is_running(self):
        return self.process.poll() is None

    def wait(self, seconds):
        """Waits up to this long. Returns whether the program has ended."""
        try:
            self.process.wait(max(seconds, 0))
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self):
        """Kills it where it stands, unless it has ended. Returns whether it was killed."""
        self.process.send_signal(signal.SIGKILL)
        return self.finish() == -signal.SIGKILL

    def finish(self, limit=LIMIT_SECONDS):
        """Waits for the end; the exit code, None when the limit was reached (then it is killed)."""
        in_time = self.wait(limit)
        if not in_time:
            self.process.kill()
        self.process.wait()
        for reader in self._readers:
            reader.join()
        self.process.stdout.close()
        self.process.stderr.close()
        self.code = self.process.returncode if in_time else None
        return self.code

    def result(self):
        """The closing line of --json, or None."""
        lines = self.out.strip().splitlines()
        try:
            return json.loads(lines[-1]) if lines else None
        except ValueError:
            return None

    def __str__(self):
        return "%s: exit %s\n%s" % (" ".join(self.arguments[:3]), self.code, indent(self.err[-1200:]))


def indent(text):
    return "\n".join("      | " + line for line in text.splitlines())


class Program:
    """The program with the environment of one account and one journal."""

    def __init__(self, path, account_env, state_home, settle):
        self.path = path
        self.env = {key: os.environ[key] for key in KEPT if key in os.environ}
        self.env.update(account_env, XDG_STATE_HOME=state_home, XDG_CONFIG_HOME=state_home,
                        MOONLEVER_SETTLE=str(settle), LC_ALL="C.UTF-8")
        self.journal = os.path.join(state_home, "moonlever", "journal.db")

    def start(self, *arguments):
        return Client(self.path, list(arguments), self.env)

    def run(self, *arguments):
        client = self.start(*arguments)
        client.finish()
        return client

    def report(self, run):
        """`runs RUN --json` as a table; raises RuntimeError when that does not work."""
        client = self.run("runs", run, "--json")
        report = client.result()
        if client.code != 0 or not isinstance(report, dict):
            raise RuntimeError("runs %s --json does not work: %s" % (run, client))
        return report
