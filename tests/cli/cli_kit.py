# SPDX-License-Identifier: MIT
"""The program without a terminal: run it, look at what it wrote and how it ended.

    done = moonlever("run", script("print(1)"), "--practice")
    assert (done.code, done.out) == (0, "1\\n"), done
"""
import atexit
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
    env.update(more)
    return env


def script(text, name="script.lua"):
    """A file with this text; its path."""
    folder = tempfile.mkdtemp(dir=FOLDER)
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def moonlever(*args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, cwd=None, **env):
    """Runs the program without a terminal, in a session of its own, so that there is no /dev/tty."""
    done = subprocess.run([PROGRAM, *args], stdin=stdin, stdout=stdout, stderr=subprocess.PIPE,
                          env=environment(**env), cwd=cwd, start_new_session=True, timeout=120,
                          check=False)
    return wire.Result(done.returncode, (done.stdout or b"").decode("utf-8", "replace"),
                       done.stderr.decode("utf-8", "replace"))
