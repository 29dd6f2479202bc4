# SPDX-License-Identifier: MIT
"""A service and a journal of its own, and the program between the two.

    with Practice("--recordings", "9") as place:             # a practice account
        result = place.ended(3, "run", path, "--yes")        # the closing line of --json
        assert place.writes() == [...]                       # what the server has seen
    with Desk(recordings=9, bend=bend) as place:             # openapi.Service: bends to a test
        child = place.start("run", path, "--yes")            # at work: child.run is its id
"""
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import urllib.request

from cli_kit import FOLDER, PROGRAM, environment, moonlever

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import openapi  # noqa: E402
import wire  # noqa: E402

# One title for all that says whose it is; {limit} records, one after the other.
TITLES = """
local moonlever = require "moonlever"
local sd = moonlever.connect "screendesk"
moonlever.each(sd.recordings:list(), function(rec)
  sd.recordings:update(rec, { title = "new " .. rec.uuid })
end)
"""
# Not idempotent by itself: run twice it adds two.
PLUS = TITLES.replace('"new " .. rec.uuid', '(rec.title or "") .. "+"')


class Child:
    """A process of the program whose run has begun: .run is its id."""

    def __init__(self, args, env):
        self.process = subprocess.Popen([PROGRAM, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, env=environment(**env), start_new_session=True)
        self.err, self.run, self.out = "", None, ""
        self._begun = threading.Event()
        self._readers = [threading.Thread(target=self._read_err), threading.Thread(target=self._read_out)]
        for reader in self._readers:
            reader.start()
        self._begun.wait()

    def _read_err(self):
        for line in self.process.stderr:
            self.err += line.decode("utf-8", "replace")
            found = re.match(rb"run: (\S+)$", line)
            if found:
                self.run = found.group(1).decode()
                self._begun.set()
        self._begun.set()

    def _read_out(self):
        self.out = self.process.stdout.read().decode("utf-8", "replace")

    def signal(self, number):
        self.process.send_signal(number)

    def end(self, seconds=60):
        """Waits for the end; the exit code."""
        try:
            return self.process.wait(seconds)
        finally:
            self.kill()

    def kill(self):
        """Kills it where it stands, unless it has ended; the exit code."""
        self.process.kill()
        code = self.process.wait()
        for reader in self._readers:
            reader.join()
        self.process.stdout.close()
        self.process.stderr.close()
        return code


class Place:
    """An environment: tokens and origins of a service, and a journal that nobody else has."""

    def __init__(self, **env):
        self.home = tempfile.mkdtemp(dir=FOLDER)
        self.env = {"XDG_STATE_HOME": self.home, "MOONLEVER_SETTLE": "0", **env}
        self.secrets = (wire.TOKEN, wire.SCIM_TOKEN)
        self.children = []

    def file(self, name):
        return os.path.join(self.home, name)

    @property
    def journal(self):
        return self.file("moonlever/journal.db")

    def moonlever(self, *args, **env):
        done = moonlever(*args, **{**self.env, **env})
        for secret in self.secrets:
            assert secret not in done.out + done.err, "a token in the output:\n%r" % done
        return done

    def ended(self, code, *args, **env):
        """Runs a command with --json that has to end with this code; its closing line, with .err."""
        fast = () if "--rate" in args else ("--rate", "0")
        done = self.moonlever(args[0], *fast, "--json", *args[1:], **env)
        assert done.code == code, done
        result = json.loads(done.out.splitlines()[-1])
        assert result["exit"] == code, done
        result["err"] = done.err
        return result

    def start(self, *args, **env):
        self.children.append(Child(args, {**self.env, **env}))
        return self.children[-1]

    def leave(self):
        """Ends what a test that failed has left."""
        for child in self.children:
            child.kill()

    def changes(self, run="last", *flags):
        """The changes of a run as `runs RUN --json` tells them."""
        done = self.moonlever("runs", run, "--json", *flags)
        assert done.code == 0, done
        return json.loads(done.out)["changes"]

    def states(self, run="last"):
        return [change["state"] for change in self.changes(run)]

    def query(self, text, *values):
        """Rows of the journal, read from a copy of it."""
        with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
            for name in os.listdir(os.path.dirname(self.journal)):
                shutil.copy(self.file("moonlever/" + name), folder)
            database = sqlite3.connect(os.path.join(folder, "journal.db"))
            try:
                return database.execute(text, values).fetchall()
            finally:
                database.close()


class Practice(Place):
    """A practice account in a process of its own."""

    def __init__(self, *flags):
        super().__init__()
        self.child = subprocess.Popen([PROGRAM, "practice", "-q", *flags], stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, env=environment())
        for _ in range(7):
            name, value = self.child.stdout.readline().decode().split()[1].split("=", 1)
            self.env[name] = value
        self.url = self.env["SCREENDESK_URL"]
        self.secrets = tuple(value for name, value in self.env.items() if name.endswith(("_TOKEN", "_KEY")))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.leave()
        self.child.kill()
        self.child.wait()
        self.child.stdout.close()

    def ask(self, method, path, body=None, token="SCREENDESK_TOKEN"):
        """A request of somebody else; the decoded answer, None when it is empty."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, method=method, data=data)
        request.add_header("Content-Type", "application/json")
        if token.endswith("_KEY"):
            request.add_header("X-API-KEY", self.env[token])
        else:
            request.add_header("Authorization", "Bearer " + self.env[token])
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def records(self, name):
        """A list of Screendragon or WorkDrive with everything that is kept: "workdrive.users"."""
        return self.ask("GET", "/practice/records?of=" + name)

    def hash(self):
        """Of everything that the account holds."""
        return self.ask("GET", "/practice/state")["hash"]

    def faults(self, text):
        self.ask("POST", "/practice/faults", {"faults": text})

    def log(self):
        return self.ask("GET", "/practice/log?since=0")

    def writes(self):
        return [entry for entry in self.log() if entry["method"] not in ("GET", "HEAD")]

    def recordings(self):
        records, page = [], 1
        while page:
            answer = self.ask("GET", "/api/v2/recordings?page=%d" % page)
            records += answer["records"]
            page = answer["pagination"].get("next_page")
        return {record["uuid"]: record for record in records}

    def users(self):
        listed = self.ask("GET", "/api/v2/scim/Users", token="SCREENDESK_SCIM_TOKEN")["Resources"]
        return {user["userName"]: user for user in listed}

    def retitle(self, uuid, title):
        """Somebody else changes a title."""
        self.ask("PATCH", "/api/v2/recordings/" + uuid, {"recording": {"title": title}})


class Desk(Place):
    """openapi.Service with a journal. Its members are those of the service as well."""

    def __init__(self, **how):
        self.service = openapi.Service(**how)
        super().__init__(SCREENDESK_URL=self.service.url, SCREENDESK_TOKEN=wire.TOKEN,
                         SCREENDESK_SCIM_TOKEN=wire.SCIM_TOKEN)

    def __enter__(self):
        self.service.__enter__()
        return self

    def __exit__(self, *why):
        self.leave()
        self.service.__exit__(*why)

    def writes(self):
        return self.service.writes()

    def titles(self):
        return [record["title"] for record in self.service.recordings]
