# SPDX-License-Identifier: MIT
"""A write arrives once, whatever the connection does; what is not known is read back."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib import wire  # noqa: E402
from lib.fixtures import page, recording, uuid  # noqa: E402

CONNECT = 'local sd = require("moonlever").connect "screendesk"\n'
LIST_AND_UPDATE = CONNECT + """
for rec in sd.recordings:list() do
  sd.recordings:update(rec, { title = "new" })
end
"""
BEFORE, AFTER = recording(1), recording(1, title="new")
LIST = wire.json(200, page([BEFORE]))


class Writes(unittest.TestCase):
    def script(self, *answers, flags=("--yes",), code=0):
        """Runs LIST_AND_UPDATE against LIST and these answers; the requests behind the list."""
        with wire.Server([LIST, *answers]) as server:
            done = wire.run(server, LIST_AND_UPDATE, *flags)
        self.assertEqual(done.code, code, "%r\n%r" % (done, server.requests))
        self.done, self.server = done, server
        return [request.method for request in server.requests[1:]]

    def test_reused_connection_dies_and_it_was_applied(self):
        # libcurl sends again by itself when a reused connection ends before the first byte.
        methods = self.script(wire.close_unanswered(), wire.json(200, AFTER))
        self.assertEqual(methods, ["PATCH", "GET"])
        self.assertEqual(self.server.requests[1].connection, self.server.requests[0].connection)

    def test_reused_connection_dies_and_it_was_not_applied(self):
        methods = self.script(wire.close_unanswered(), wire.json(200, BEFORE), wire.json(200, AFTER))
        self.assertEqual(methods, ["PATCH", "GET", "PATCH"])
        self.assertIn("requests  4 (1 repeated)", self.done.err)

    def test_reset_and_a_third_state_is_a_conflict(self):
        methods = self.script(wire.reset_unanswered(), wire.json(200, recording(1, title="of somebody else")), code=1)
        self.assertEqual(methods, ["PATCH", "GET"])
        self.assertIn("conflict", self.done.err.lower())

    def test_broken_answers_are_read_back(self):
        for broken in (wire.cut(200, b'{"uuid":', 500), wire.chunked(200, [b'{"uuid":'], end=False),
                       wire.json(500, {"error": "oops"}), wire.reply(502, b"<html>bad gateway</html>"),
                       wire.reply(200, b""), wire.reply(200, b"<html>hello</html>", [("Content-Type", "text/html")]),
                       wire.json(200, BEFORE)):
            methods = self.script(broken, wire.json(200, AFTER))
            self.assertEqual(methods, ["PATCH", "GET"], broken)

    def test_answer_with_the_old_object_that_was_not_applied_is_a_failure(self):
        methods = self.script(wire.json(200, BEFORE), wire.json(200, BEFORE), code=5)
        self.assertEqual(methods, ["PATCH", "GET"])

    def test_redirect_is_not_followed(self):
        for status in (301, 302, 303, 307, 308):
            methods = self.script(wire.reply(status, b"", [("Location", "/api/v2/recordings/other")]), code=5)
            self.assertEqual(methods, ["PATCH"], status)

    def test_throttled_write_is_sent_again(self):
        methods = self.script(wire.json(429, {"error": "slow down"}, [("Retry-After", "0")]), wire.json(200, AFTER))
        self.assertEqual(methods, ["PATCH", "PATCH"])

    def test_refused_write_is_told_once(self):
        for status, code in ((400, 1), (401, 4), (403, 4), (404, 1), (409, 1), (422, 1)):
            methods = self.script(wire.json(status, {"error": {"message": "because of %d" % status, "code": status}}),
                                  code=code)
            self.assertEqual(methods, ["PATCH"], status)
            self.assertIn("because of %d" % status, self.done.err)
            self.assertIn(uuid(1), self.done.err)

    def test_accepted_create_that_is_not_seen_has_no_id(self):
        create = CONNECT + """
local user = sd.scim.users:create { userName = "a@b.example" }
print(user.userName, user.id)
print(require("moonlever").try(sd.scim.users.create, sd.scim.users, { userName = "a@b.example" }))
"""
        nobody = wire.json(200, {"totalResults": 0, "Resources": []})
        with wire.Server([wire.json(202, {"status": "queued"}), nobody]) as server:
            done = wire.run(server, create, "--yes", "--wait", "0")
        self.assertEqual((done.code, [r.method for r in server.requests]), (3, ["POST", "GET"]), done)
        self.assertIn("a@b.example\tnil", done.out)
        self.assertIn("given to two users", done.out)

    def test_same_value_sends_nothing(self):
        with wire.Server([LIST]) as server:
            done = wire.run(server, LIST_AND_UPDATE.replace('"new"', '"Recording 1"'), "--yes")
        self.assertEqual((done.code, len(server.requests)), (0, 1), done)

    def test_dry_run_sends_no_write(self):
        self.assertEqual(self.script(flags=("--dry-run",)), [])

    def test_without_terminal_and_yes_nothing_is_sent(self):
        self.assertEqual(self.script(flags=(), code=6), [])


class SignedOut(unittest.TestCase):
    """A token that is no longer valid says nothing about the changes: they wait for the next one."""

    def moonlever(self, server, *words):
        done = subprocess.run([wire.program(), *words], env=wire.environment(server, XDG_STATE_HOME=self.state),
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=False)
        self.assertNotIn(wire.TOKEN.encode(), done.stdout + done.stderr)
        return done

    def test_what_was_turned_away_is_made_by_the_resume(self):
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        self.state, path = os.path.join(folder, "state"), os.path.join(folder, "s.lua")
        with open(path, "w", encoding="utf-8") as file:
            file.write(LIST_AND_UPDATE)
        both = wire.json(200, page([recording(1), recording(2)]))
        later = wire.json(200, page([recording(1, title="new"), recording(2)]))
        replies = [both, wire.json(200, AFTER), wire.json(401, {"error": "expired"}),
                   later, wire.json(200, recording(2, title="new"))]
        with wire.Server(replies) as server:
            done = self.moonlever(server, "run", path, "--yes")
            self.assertEqual(done.returncode, 4, done)
            self.assertIn(b"resume with: moonlever resume", done.stderr)
            run = json.loads(self.moonlever(server, "runs", "last", "--json").stdout)
            self.assertEqual([change["state"] for change in run["changes"]], ["confirmed", "planned"])
            self.assertEqual(run["changes"][1]["log"][0]["status"], 401)
            done = self.moonlever(server, "resume", "last", "--yes")
            self.assertEqual(done.returncode, 0, done)
        sent = [request.target for request in server.requests if request.method == "PATCH"]
        self.assertEqual(sent, ["/api/v2/recordings/" + uuid(n) for n in (1, 2, 2)])


if __name__ == "__main__":
    unittest.main()
