# SPDX-License-Identifier: MIT
"""A practice account in a process of its own, and what its server has seen.

    with Account(program, recordings=40, users=30, seed=7, folder=folder) as account:
        account.set_faults("429=5%")
        client.run(..., env=account.env)
        account.set_faults("")
        print(account.titles(), account.received())
"""
import collections
import json
import os
import shlex
import subprocess
import urllib.error
import urllib.request

START_SECONDS = 30


class Account:
    def __init__(self, program, recordings, users, seed, folder):
        self.log_path = os.path.join(folder, "practice.log")
        command = [program, "practice", "--quiet", "--recordings", str(recordings), "--users", str(users),
                   "--seed", str(seed), "--log", self.log_path]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        stdin=subprocess.DEVNULL)
        self.env = self._read_env()
        self.url = self.env["SCREENDESK_URL"]

    def _read_env(self):
        """The three lines that the server prints: its address and its tokens."""
        env = {}
        while len(env) < 3:
            line = self.process.stdout.readline().decode()
            if not line:
                raise RuntimeError("the practice account did not start: %s" % self.process.stderr.read().decode())
            name, value = shlex.split(line)[1].split("=", 1)
            env[name] = value
        return env

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.process.terminate()
        self.process.communicate(timeout=START_SECONDS)

    # --- its paths for tests, which meet no faults ---

    def _ask(self, method, path, body=None, token=None):
        request = urllib.request.Request(self.url + path, method=method,
                                         data=None if body is None else json.dumps(body).encode())
        request.add_header("Content-Type", "application/json")
        if token:
            request.add_header("Authorization", "Bearer " + self.env[token])
        with urllib.request.urlopen(request, timeout=START_SECONDS) as answer:
            return json.load(answer)

    def set_faults(self, text):
        try:
            self._ask("POST", "/practice/faults", {"faults": text})
        except urllib.error.HTTPError as error:
            raise ValueError("the practice server refused '%s': %s" % (text, error.read().decode())) from error

    def log(self):
        return self._ask("GET", "/practice/log?since=0")

    def faults_struck(self):
        return collections.Counter(self._ask("GET", "/practice/stats")["faults"])

    # --- what there is now; only while no faults are set ---

    def recordings(self):
        records, page = [], 1
        while page:
            answer = self._ask("GET", "/api/v2/recordings?page=%d" % page, token="SCREENDESK_TOKEN")
            records += answer["records"]
            page = answer["pagination"].get("next_page")
        return records

    def scim_users(self):
        return self._ask("GET", "/api/v2/scim/Users", token="SCREENDESK_SCIM_TOKEN")["Resources"]


def target_of(entry):
    """What a write in the log is about: the id in its path, for a create its natural key."""
    if entry["method"] == "POST":
        return json.loads(entry["body"])["userName"]
    return entry["path"].rsplit("/", 1)[1]


def is_write(entry):
    return entry["method"] not in ("GET", "HEAD")


def received(log):
    """Writes that reached the server, a count for each target."""
    return collections.Counter(target_of(e) for e in log if is_write(e) and "late" not in e)


def applied(log):
    """Writes that the server carried out, at once or late, a count for each target."""
    return collections.Counter(target_of(e) for e in log if is_write(e) and e["applied"])
