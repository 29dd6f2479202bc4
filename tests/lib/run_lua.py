#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs one Lua test through the program against a practice account of its own.

    MOONLEVER=build/moonlever run_lua.py FILE [WRAPPER WORD...]

runs `$MOONLEVER run FILE --practice --yes`, passes its output on and exits as it does. WRAPPER
(valgrind and its options) goes in front. A comment `-- run: FLAGS` in the first ten lines of
FILE takes the place of `--practice --yes`; `-- exit: N` is the exit code that is right.

A test says require "check" (tests/lib/check.lua) and ends with check.done(N), which prints
"ok N checks". Without that line such a test has failed, whatever the exit code: a test whose
task died quietly must not pass. A script without check.lua only has its exit code.
"""
import os
import re
import shlex
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def directive(lines, name, default):
    for line in lines:
        match = re.match(r"--\s*%s:\s*(.*?)\s*$" % name, line)
        if match:
            return match.group(1)
    return default


def environment():
    """The caller's, without anybody's account, and with tests/lib for require."""
    env = {key: value for key, value in os.environ.items()
           if not key.startswith(("SCREENDESK_", "SCREENDRAGON_", "WORKDRIVE_", "LUA_"))}
    env["LUA_PATH_5_4"] = os.path.join(HERE, "?.lua") + ";;"
    return env


def main(argv):
    if len(argv) < 2:
        sys.stderr.write(__doc__)
        return 2
    program = os.environ.get("MOONLEVER")
    if not program:
        sys.stderr.write("run_lua.py: MOONLEVER is to be the path of the program\n")
        return 2
    with open(argv[1], encoding="utf-8") as file:
        text = file.read()
    lines = text.split("\n")[:10]
    flags = shlex.split(directive(lines, "run", "--practice --yes"))
    wanted = int(directive(lines, "exit", "0"))
    command = argv[2:] + [program, "run", argv[1]] + flags
    done = subprocess.run(command, env=environment(), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, check=False)
    sys.stdout.buffer.write(done.stdout)
    sys.stdout.flush()
    if done.returncode != wanted:
        sys.stderr.write("run_lua.py: exit code %d, not %d: %s\n" % (
            done.returncode, wanted, shlex.join(command)))
        return done.returncode or 1
    checked = re.search(r"require\s*\(?\s*[\"']check[\"']", text)
    if checked and not re.search(rb"(?m)^ok \d+ checks?$", done.stdout):
        sys.stderr.write("run_lua.py: no line 'ok N checks': the test has not come to its end\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
