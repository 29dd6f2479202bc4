# SPDX-License-Identifier: MIT
"""The program without a terminal: run it, look at what it wrote and how it ended.

    done = moonlever("run", script("print(1)"), "--practice")
    assert (done.code, done.out) == (0, "1\\n"), done
"""
import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib import wire  # noqa: E402

PROGRAM = wire.program()
FOLDER = tempfile.mkdtemp(prefix="moonlever-cli-")
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)

RETITLE = """
local moonlever = require "moonlever"
local sd = moonlever.connect "screendesk"
for rec in sd.recordings:list { limit = %d } do
  sd.recordings:update(rec, { title = "new " .. rec.uuid })
end
print "retitled"
"""


def environment(**more):
    """The environment of the tests without anything that Moonlever reads."""
    env = {name: value for name, value in os.environ.items()
           if not name.startswith(("SCREENDESK_", "SCREENDRAGON_", "WORKDRIVE_", "MOONLEVER_", "CLICOLOR"))
           and name not in ("NO_COLOR", "HTTPS_PROXY", "https_proxy")}
    env["TERM"] = "xterm"
    env["MOONLEVER_SETTLE"] = os.environ.get("MOONLEVER_SETTLE", "0")
    env["XDG_STATE_HOME"] = os.path.join(FOLDER, "state")  # nobody's journal
    env["XDG_CONFIG_HOME"] = os.path.join(FOLDER, "config")  # nobody's profiles
    env.update(more)
    return env


def script(text, name="script.lua"):
    """A file with this text; its path."""
    folder = tempfile.mkdtemp(dir=FOLDER)
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


class Account:
    """A practice account in a process of its own, and a journal of its own; `env` leads to both.

        with Account("--recordings", "9") as account:
            account.moonlever("run", path, "--yes")
    """

    def __init__(self, *flags):
        state = tempfile.mkdtemp(dir=FOLDER)
        self.child = subprocess.Popen([PROGRAM, "practice", "-q", *flags], stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, env=environment())
        self.env = {"XDG_STATE_HOME": state, "MOONLEVER_SETTLE": "0.2"}
        for _ in range(3):
            name, value = self.child.stdout.readline().decode().split()[1].split("=", 1)
            self.env[name] = value

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.kill()
        self.child.wait()
        self.child.stdout.close()

    def moonlever(self, *args, **env):
        return moonlever(*args, **self.env, **env)

    def start(self, *args):
        """Starts the program and waits until its run has an id. Returns the process and the id."""
        child = subprocess.Popen([PROGRAM, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, env=environment(**self.env), start_new_session=True)
        for line in child.stderr:
            if line.startswith(b"run: "):
                return child, line.decode().split()[1]
        raise AssertionError("no run was begun")

    def json(self, *args):
        """The last line of standard output of a command that ends well."""
        done = self.moonlever(*args, "--json")
        assert done.code == 0, done
        return json.loads(done.out.splitlines()[-1])


def moonlever(*args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, cwd=None, **env):
    """Runs the program without a terminal, in a session of its own, so that there is no /dev/tty."""
    done = subprocess.run([PROGRAM, *args], stdin=stdin, stdout=stdout, stderr=subprocess.PIPE,
                          env=environment(**env), cwd=cwd, start_new_session=True, timeout=120,
                          check=False)
    return wire.Result(done.returncode, (done.stdout or b"").decode("utf-8", "replace"),
                       done.stderr.decode("utf-8", "replace"))
