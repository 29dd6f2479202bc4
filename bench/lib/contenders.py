# SPDX-License-Identifier: MIT
"""Who runs: each contender is a name and a way to make its command line for a job.

    for contender in contenders.find(build, bench):
        command, environment = contender.start(origin, "list", 1000)

A contender that cannot run here is left out, and `missing` says why.
"""
import os
import shutil
import subprocess

UNDICI = "undici@7.30.2"
CONCURRENCY = 32
TOKEN = "bench-token"

DISCARD, CJSON, MOONLEVER = "C, discarding", "C + lua-cjson", "Moonlever"
UNTOLD = "Moonlever, untold"  # not how long the list is, as all others are
UNJOURNALLED = "unjournalled"


class Contender:
    """`make(origin, what, count)` returns the command for "list" of `count` pages or "patch" of
    `count` recordings; `env` is added to its environment."""

    def __init__(self, name, make, env=None):
        self.name = name
        self.make = make
        self.env = env or {}

    def start(self, origin, what, count, state):
        """(command, environment): `state` is a directory for whatever it wants to keep."""
        return self.make(origin, what, count), {**environment(origin, state), **self.env}


def environment(origin, state):
    """Nothing of the caller's but PATH: no proxy, no profile, no token."""
    return {"PATH": os.environ.get("PATH", ""), "HOME": state, "XDG_STATE_HOME": state,
            "XDG_CONFIG_HOME": state, "SCREENDESK_URL": origin, "SCREENDESK_TOKEN": TOKEN}


def find(build, bench, install=True):
    """([Contender], [why another is missing]). `build` is the build directory; what has to be
    installed or compiled for a peer goes below it."""
    tools = os.path.join(build, "bench")
    found, missing = [_libcurl(tools, DISCARD), _libcurl(tools, CJSON, "decode"),
                      _moonlever(build, bench, MOONLEVER), _moonlever(build, bench, UNTOLD)], []
    for look in (_undici, _aiohttp, _go):
        try:
            found.append(look(tools, bench, install))
        except LookupError as why:
            missing.append(str(why))
    return found, missing


def script(build, bench, name, *args):
    """The command that runs bench/scripts/<name>.lua without pacing."""
    return [os.path.join(build, "moonlever"), "run", os.path.join(bench, "scripts", name + ".lua"),
            *args]


def unjournalled(build, bench):
    """Moonlever with a journal that keeps nothing (peers/no_journal.c)."""
    program = os.path.join(build, "bench", "moonlever_unjournalled")
    real = _moonlever(build, bench, MOONLEVER)
    return Contender(UNJOURNALLED, lambda origin, what, count: [program, *real.make(origin, what, count)[1:]])


def _libcurl(tools, name, *extra):
    program = os.path.join(tools, "libcurl")
    return Contender(name, lambda origin, what, count: [
        program, origin, what, str(count), str(CONCURRENCY), *extra])


def _moonlever(build, bench, name):
    flags = ["--rate", "0", "--concurrency", str(CONCURRENCY), "--yes"]

    def make(_, what, count):
        if what == "patch":
            return script(build, bench, what, *flags, "--count", str(count), "--together", str(CONCURRENCY))
        ahead = [] if name == UNTOLD else ["--ahead", str(min(count, CONCURRENCY))]
        return script(build, bench, what, *flags, *ahead)
    return Contender(name, make)


def _undici(tools, bench, install):
    if not shutil.which("node"):
        raise LookupError("Node undici: node is not installed")
    directory = os.path.join(tools, "node")
    entry = os.path.join(directory, "node_modules", "undici", "index.js")
    if not os.path.exists(entry):
        if not install or not shutil.which("npm"):
            raise LookupError(f"Node undici: it is not in {directory}, and npm may or can not fetch it")
        os.makedirs(directory, exist_ok=True)
        npm = subprocess.run(["npm", "install", "--prefix", directory, "--no-audit", "--no-fund",
                              "--ignore-scripts", UNDICI], capture_output=True, text=True)
        if npm.returncode != 0:
            raise LookupError(f"Node undici: npm could not install {UNDICI}: {_last_line(npm.stderr)}")
    return Contender("Node undici", lambda origin, what, count: [
        "node", os.path.join(bench, "peers", "undici.mjs"), origin, what, str(count),
        str(CONCURRENCY)], {"UNDICI": entry})


def _aiohttp(_, bench, __):
    for python in ("/usr/bin/python3", shutil.which("python3") or "python3"):
        if os.path.exists(python) and subprocess.run([python, "-c", "import aiohttp"],
                                                     capture_output=True).returncode == 0:
            return Contender("Python aiohttp", lambda origin, what, count: [
                python, os.path.join(bench, "peers", "aiohttp_client.py"), origin, what, str(count),
                str(CONCURRENCY)])
    raise LookupError("Python aiohttp: no python3 here can import it (apt-get install python3-aiohttp)")


def _go(tools, bench, _):
    go = shutil.which("go")
    if not go:
        raise LookupError("Go: it is not installed")
    program = os.path.join(os.path.abspath(tools), "go_client")
    env = {**os.environ, "GOTOOLCHAIN": "local", "GOCACHE": os.path.join(os.path.abspath(tools), "go-cache")}
    built = subprocess.run([go, "build", "-o", program, "."], cwd=os.path.join(bench, "peers", "go"),
                           env=env, capture_output=True, text=True)
    if built.returncode != 0:
        raise LookupError(f"Go: its client does not build: {_last_line(built.stderr)}")
    return Contender("Go net/http", lambda origin, what, count: [
        program, origin, what, str(count), str(CONCURRENCY)])


def _last_line(text):
    lines = text.strip().splitlines()
    return lines[-1] if lines else "it does not say why"
