#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a run comes to: each kind of failure is one clear message with a remedy and its exit code,
nothing of a token anywhere; a stopped run leaves nothing in doubt."""
import http.server
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import threading
import time
import unittest
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cli_kit import PROGRAM, environment, moonlever, script  # noqa: E402

TOKENS = {"SCREENDESK_TOKEN": "sekrit-token-for-rest", "SCREENDESK_SCIM_TOKEN": "sekrit-token-for-scim"}
UUID = "81c5a150-e11f-4b49-b84d-af4b7a9b8c90"
GET = script('local sd = require("moonlever").connect "screendesk"\n'
             'print(sd.recordings:get("%s").title)\n' % UUID)
PATCH = script('local sd = require("moonlever").connect "screendesk"\n'
               'sd.recordings:update({ uuid = "%s", title = "a" }, { title = "b" })\n' % UUID)
EACH = script("""
local moonlever = require "moonlever"
local sd = moonlever.connect "screendesk"
moonlever.each(sd.recordings:list(), function(rec)
  sd.recordings:update(rec, { title = "new " .. rec.uuid })
end)
""")


class Answers(http.server.BaseHTTPRequestHandler):
    """Answers everything alike: server.answer is (status, content type, body)."""
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self):
        status, kind, body = self.server.answer
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if status == 429:
            self.send_header("Retry-After", "0.05")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    do_GET = do_PATCH = answer


def serve(test):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    test.addCleanup(server.server_close)
    test.addCleanup(server.shutdown)
    return server


JSON, HTML = "application/json", "text/html"
# answer, exit code, what the message says, the remedy
MATRIX = [
    ((400, JSON, '{"error":{"message":"Bad thing","code":400}}'), 1, "400 Bad Request", "Bad thing"),
    ((401, JSON, '{"error":{"message":"Not valid","code":401}}'), 4, "401 Unauthorized", "fix: .*SCREENDESK_TOKEN"),
    ((403, JSON, '{"error":"nope"}'), 4, "403 Forbidden", "fix: .*Enterprise"),
    ((404, JSON, '{"error":{"message":"No recording"}}'), 1, "404 Not Found", "No recording"),
    ((409, JSON, '{"error":"edited"}'), 1, "409 Conflict", "edited"),
    ((422, JSON, '{"error":"Title is too long"}'), 1, "422", "Title is too long"),
    ((429, JSON, ""), 5, "429 Too Many Requests", "fix: .*--rate"),
    ((500, JSON, '{"error":{"message":"Oops"}}'), 5, "500 Internal Server Error", "fix: "),
    ((502, HTML, "<html>Bad gateway</html>"), 5, "502 Bad Gateway", "fix: "),
    ((503, JSON, ""), 5, "503 Service Unavailable", "fix: "),
    ((200, HTML, "<html>Welcome</html>"), 5, "web page|JSON", "fix: "),
    ((200, JSON, ""), 5, "empty", "fix: "),
    ((200, JSON, '{"uuid":"x'), 5, "byte|JSON", "fix: "),
    ((302, HTML, ""), 5, "302", "fix: "),
]


class Outcomes(unittest.TestCase):
    def check(self, done, code, *patterns):
        self.assertEqual(done.code, code, done)
        for pattern in patterns:
            self.assertRegex(done.err, pattern)
        self.assertNotIn("sekrit", done.out + done.err)
        self.assertNotIn("stack traceback", done.err)

    def test_every_answer(self):
        server = serve(self)
        origin = "http://127.0.0.1:%d" % server.server_port
        for answer, code, text, remedy in MATRIX:
            server.answer = answer
            with self.subTest(answer=answer, of="read"):
                done = moonlever("run", GET, SCREENDESK_URL=origin, **TOKENS)
                self.check(done, code, text, remedy, UUID)

    def test_every_answer_to_a_write(self):
        server = serve(self)
        origin = "http://127.0.0.1:%d" % server.server_port
        for answer, code, text, _ in MATRIX:
            server.answer = answer
            with self.subTest(answer=answer, of="write"):
                done = moonlever("run", PATCH, "--yes", "--json", SCREENDESK_URL=origin, **TOKENS)
                self.check(done, code, text if answer[0] != 200 else "not known|JSON", UUID)
                counts = json.loads(done.out.splitlines()[-1])["counts"]
                self.assertEqual(sum(counts.values()), 1, counts)
                doubtful = answer[0] >= 500 or answer[0] == 200
                self.assertEqual(counts["unknown"], 1 if doubtful else 0, (answer, counts))

    def test_a_wrong_url(self):
        for origin, code, text in [
                ("http://127.0.0.1:1", 5, "connect"),
                ("https://no-such-host.invalid", 5, "no address"),
                ("http://example.com", 2, "use https"),
                ("https://127.0.0.1/api/v2", 2, "scheme, host and port only"),
                ("https://user:pw@127.0.0.1", 2, "user name"),
                ("nonsense url", 2, "should look like")]:
            with self.subTest(origin=origin):
                done = moonlever("run", GET, SCREENDESK_URL=origin, **TOKENS)
                self.check(done, code, text, "SCREENDESK_URL")

    def test_a_bad_certificate(self):
        folder = os.path.dirname(GET)
        key, cert = os.path.join(folder, "key.pem"), os.path.join(folder, "cert.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                        "-nodes", "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=127.0.0.1",
                        "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
        server = serve(self)
        server.answer = (200, JSON, json.dumps({"uuid": UUID, "title": "over TLS"}))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        done = moonlever("run", GET, SCREENDESK_URL="https://127.0.0.1:%d" % server.server_port, **TOKENS)
        self.check(done, 5, "certificate", "fix: ")

    def test_scripts_that_fail(self):
        self.check(moonlever("run", "no-such-script.lua"), 2, "no-such-script.lua")
        self.check(moonlever("run", "retagg"), 2, "Did you mean 'retag'")
        self.check(moonlever("run", script("local x = = 1")), 2, r":1: unexpected symbol")
        done = moonlever("run", script("local m = require 'moonlever'\nm.spawn(function() error 'in a task' end)\n"
                                       "m.sleep(0)\n"))
        self.assertEqual(done.code, 1)
        self.assertRegex(done.err, r":2: in a task")
        done = moonlever("run", script("require('moonlever').json.decode '{'"))
        self.assertEqual((done.code, done.err.splitlines()[0]), (5, "moonlever: expected a name in quotes, but the text "
                                                                    "ends at byte 1"))
        self.check(moonlever("run", GET), 4, "SCREENDESK_TOKEN is not set", "fix: ")
        self.check(moonlever("run", PATCH, SCREENDESK_URL="http://127.0.0.1:1", **TOKENS), 6, "--yes", "--dry-run")

    def test_the_report_has_the_words_of_the_service(self):
        """Those of SCIM errors, too, which have `detail`."""
        text = """local moonlever = require 'moonlever'
                  local sd = moonlever.connect 'screendesk'
                  moonlever.each(sd.scim.users:list { limit = 1 }, function(user) sd.scim.users:delete(user) end)"""
        done = moonlever("run", script(text), "--practice", "--yes", "-q")
        self.assertIn(": 403 Forbidden: The owner of the account cannot be removed\n", done.err)

    def test_one_forbidden_among_many_is_partial(self):
        text = script("""
local moonlever = require "moonlever"
local sd = moonlever.connect "screendesk"
local report = moonlever.each(sd.scim.users:list(), function(user)
  sd.scim.users:delete(user)
end)
print(report.ok, report.failed, report.failures[1].error.kind)
""")
        done = moonlever("run", text, "--practice", "--yes", "--users", "5", "--rate", "0", "--json")
        self.assertEqual(done.code, 3, done)
        self.assertRegex(done.out, r"^4\t1\tforbidden\n")
        counts = json.loads(done.out.splitlines()[-1])["counts"]
        self.assertEqual((counts["confirmed"], counts["failed"]), (4, 1))


class Practice:
    """A practice account in a process of its own, and what it has seen."""

    def __init__(self, *flags):
        self.process = subprocess.Popen([PROGRAM, "practice", *flags], stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True, env=environment())
        self.env = {}
        while len(self.env) < 3:
            match = re.match(r"export (\w+)='?([^'\n]*)'?", self.process.stdout.readline())
            if match and match.group(1).startswith("SCREENDESK"):
                self.env[match.group(1)] = match.group(2)

    def get(self, path):
        with urllib.request.urlopen(self.env["SCREENDESK_URL"] + path) as answer:
            return json.load(answer)

    def post(self, path, body):
        request = urllib.request.Request(self.env["SCREENDESK_URL"] + path, json.dumps(body).encode(),
                                         {"Content-Type": "application/json"}, method="POST")
        urllib.request.urlopen(request).close()

    def patches(self):
        return [entry for entry in self.get("/practice/log") if entry["method"] == "PATCH"]

    def stop(self):
        self.process.terminate()
        self.process.wait(10)
        self.process.stdout.close()


class Stopping(unittest.TestCase):
    def setUp(self):
        self.practice = Practice("--recordings", "300")
        self.addCleanup(self.practice.stop)

    def result(self, done):
        return json.loads(done.out.splitlines()[-1])

    def test_max_changes_makes_exactly_so_many(self):
        done = moonlever("run", EACH, "--yes", "--json", "--rate", "0", "--max-changes", "7", **self.practice.env)
        self.assertEqual(done.code, 6, done)
        self.assertEqual(self.result(done)["counts"]["confirmed"], 7)
        self.assertEqual(len(self.practice.patches()), 7)

    def test_dry_run_sends_nothing_and_shows_changes(self):
        before = self.practice.get("/practice/state")["hash"]
        done = moonlever("run", EACH, "--dry-run", "--json", **self.practice.env)
        self.assertEqual((done.code, self.result(done)["state"]), (0, "planned"), done)
        self.assertEqual(self.result(done)["counts"]["planned"], 300)
        self.assertEqual(done.err.count("  ~ screendesk.recordings "), 10)
        self.assertIn("and 290 more", done.err)
        self.assertEqual(self.practice.get("/practice/state")["hash"], before)
        self.assertEqual([e for e in self.practice.get("/practice/log") if e["method"] != "GET"], [])

    def test_an_interrupted_run_leaves_nothing_in_doubt(self):
        process = subprocess.Popen([PROGRAM, "run", EACH, "--yes", "--json", "--rate", "50"], text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env=environment(**self.practice.env))
        while len(self.practice.patches()) < 20:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        counts = json.loads(out.splitlines()[-1])["counts"]
        self.assertEqual(process.returncode, 130, err)
        self.assertEqual(counts["unknown"], 0, (counts, err))
        self.assertEqual(counts["confirmed"], len(self.practice.patches()))


class Faults(unittest.TestCase):
    """5 % each of 429, 500, resets and half bodies: every title is right, nothing is sent behind our
    back, and the report adds up."""

    def test_retag_of_2000(self):
        practice = Practice("--recordings", "2000", "--faults",
                            "429=5%,500=5%,reset=5%,half-body=5%,retry-after=0.01,429-form=decimal")
        self.addCleanup(practice.stop)
        done = moonlever("run", "retag", "--tickets", "--yes", "--json", "--rate", "0", "--concurrency", "16",
                         **practice.env)
        self.assertEqual(done.code, 0, done)
        result = json.loads(done.out.splitlines()[-1])
        patches = practice.patches()
        applied = [entry["path"] for entry in patches if entry["applied"]]
        self.assertEqual(len(applied), len(set(applied)), "a recording was changed twice")
        self.assertEqual(result["counts"]["confirmed"], len(applied))
        self.check_repeats(practice)
        practice.post("/practice/faults", {"faults": ""})
        again = moonlever("run", "retag", "--tickets", "--yes", "--json", "--rate", "0", **practice.env)
        counts = json.loads(again.out.splitlines()[-1])["counts"]
        self.assertEqual((again.code, sum(counts.values())), (0, 0), again)

    def check_repeats(self, practice):
        """A PATCH that may have done something is followed by a look at the object, not by another."""
        open_paths = set()
        for entry in practice.get("/practice/log"):
            if entry["method"] == "GET":
                open_paths.discard(entry["path"])
            elif entry["method"] == "PATCH":
                self.assertNotIn(entry["path"], open_paths, "sent again without a look: %s" % entry)
                if entry["status"] != 429:
                    open_paths.add(entry["path"])


if __name__ == "__main__":
    unittest.main()
