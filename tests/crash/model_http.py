# SPDX-License-Identifier: MIT
"""The wire of model.py: one connection that is kept, and reads that try again.

    http = Http(mistake="")
    status, answer = http.exchange("PATCH", path, body)     # raises Unknown, TimeoutError
    http.image(row)                                         # what the service shows now
"""
import http.client
import json
import os
import time
import urllib.parse

READS = 40
TIMEOUT, HASTY_TIMEOUT = 20, 0.05


class Unknown(Exception):
    """No complete answer."""


class Http:
    def __init__(self, mistake):
        self.mistake = mistake
        self.host = urllib.parse.urlsplit(os.environ["SCREENDESK_URL"]).netloc if "SCREENDESK_URL" in os.environ else ""
        self.connection, self.used = None, 0

    def exchange(self, method, path, body=None):
        try:
            return self._once(method, path, body)
        except TimeoutError:
            raise
        except (OSError, http.client.HTTPException, ValueError) as error:
            again = self.mistake == "no-guard" and self.used > 1 and not isinstance(error, ValueError)
            self._drop()
            if again:  # what libcurl does by itself when a kept connection turns out to be dead
                return self.exchange(method, path, body)
            raise Unknown(str(error)) from error

    def _once(self, method, path, body):
        if not self.connection:
            self.connection = http.client.HTTPConnection(self.host)
            self.connection.connect()
            self.used = 0
        self.used += 1
        scim = "/scim/" in path
        token = os.environ["SCREENDESK_SCIM_TOKEN" if scim else "SCREENDESK_TOKEN"]
        hasty = self.mistake == "retry-on-timeout" and method != "GET"
        self.connection.sock.settimeout(HASTY_TIMEOUT if hasty else TIMEOUT)
        headers = {"Authorization": "Bearer " + token, "Content-Type": "application/json"}
        try:
            self.connection.request(method, path, body, headers)
            answer = self.connection.getresponse()
            text = answer.read()
        except TimeoutError:
            self._drop()
            raise
        return answer.status, json.loads(text) if text else None

    def _drop(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def read(self, path, absent=None):
        """The answer of a GET; `absent` for 404."""
        for _ in range(READS):
            try:
                status, answer = self.exchange("GET", path)
            except (Unknown, TimeoutError):
                continue
            if status == 404:
                return absent
            if status == 200 and answer is not None:
                return answer
            time.sleep(0.01)
        raise SystemExit(5)

    def recordings(self):
        page = 1
        while page:
            answer = self.read("/api/v2/recordings?page=%d" % page)
            yield from answer["records"]
            page = answer["pagination"].get("next_page")

    def users(self):
        for user in self.read("/api/v2/scim/Users")["Resources"]:
            yield dict(user, roles={name: name in user["roles"] for name in ("admin", "member", "editor")})

    # --- images: what is compared with before and after ---

    def image(self, row):
        if row["method"] == "POST":
            return sum(user["userName"] == row["target"] for user in self.users())
        answer = self.read(row["path"])
        if row["method"] == "DELETE":
            return answer is not None
        return answer["title"] if row["method"] == "PATCH" else answer["roles"]

    def shows(self, row, answer):
        """Does a complete answer show what was sent?"""
        if row["method"] == "DELETE":
            return True
        if not isinstance(answer, dict):
            return False
        if row["method"] == "POST":
            return answer.get("userName") == row["target"]
        return answer.get("title" if row["method"] == "PATCH" else "roles") == json.loads(row["after"])
