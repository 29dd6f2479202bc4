# SPDX-License-Identifier: MIT
"""The test libraries themselves: a scripted server that lies would make every wire test lie."""
import http.client
import os
import socket
import subprocess
import sys
import tempfile
import unittest

TESTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path.insert(0, TESTS)
from lib import pty, wire  # noqa: E402


class Wire(unittest.TestCase):
    def test_replies_in_order_and_exact_bytes(self):
        sent = b"PATCH /x?a=1 HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nX-a: 2\r\nContent-Length: 3\r\n\r\nabc"
        with wire.Server([wire.json(200, {"a": 1}), wire.reply(204)]) as server:
            with socket.create_connection(("127.0.0.1", server.port)) as sock:
                stream = sock.makefile("rb")
                sock.sendall(sent)
                self.assertEqual(stream.readline(), b"HTTP/1.1 200 OK\r\n")
                while stream.readline() != b"\r\n":
                    pass
                self.assertEqual(stream.read(7), b'{"a":1}')
                sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
                self.assertEqual(stream.readline(), b"HTTP/1.1 204 No Content\r\n")
        first, second = server.requests
        self.assertEqual(first.raw + b"\r\n" + first.body, sent)
        self.assertEqual(first.all("x-a"), ["1", "2"])
        self.assertRaises(AssertionError, first.header, "X-A")
        self.assertEqual((second.method, second.target, second.connection), ("GET", "/", 0))

    def test_chunked_request(self):
        with wire.Server([wire.reply(200)]) as server:
            client = http.client.HTTPConnection("127.0.0.1", server.port)
            client.request("POST", "/", body=iter([b"ab", b"c"]), encode_chunked=True)
            self.assertEqual(client.getresponse().status, 200)
            client.close()
        self.assertEqual(server.requests[0].body, b"abc")

    def fails(self, steps, error):
        with wire.Server([steps]) as server:
            client = http.client.HTTPConnection("127.0.0.1", server.port)
            client.request("GET", "/")
            with self.assertRaises(error):
                client.getresponse().read()
            client.close()

    def test_broken_answers(self):
        self.fails(wire.close_unanswered(), http.client.RemoteDisconnected)
        self.fails(wire.reset_unanswered(), ConnectionResetError)
        self.fails(wire.cut(200, b"abc", 10), http.client.IncompleteRead)
        self.fails(wire.chunked(200, [b"abc"], end=False), http.client.IncompleteRead)

    def test_unscripted_request_is_an_error(self):
        with self.assertRaisesRegex(AssertionError, "no reply was scripted"):
            with wire.Server([]) as server:
                client = http.client.HTTPConnection("127.0.0.1", server.port)
                client.request("GET", "/surprise")
                self.assertEqual(client.getresponse().status, 500)
                client.close()

    def test_unused_reply_is_an_error(self):
        with self.assertRaisesRegex(AssertionError, "never asked for"):
            with wire.Server([wire.reply(200)]):
                pass


class Terminal(unittest.TestCase):
    def test_keys_size_and_exit_code(self):
        script = "stty size; printf 'name? '; read -r name; echo \"hello $name\"; exit 7"
        with pty.Terminal(["/bin/sh", "-c", script], rows=10, columns=33) as term:
            term.wait_for("name? ")
            term.send("moon\r")
            self.assertEqual(term.wait(), 7)
            self.assertIn("10 33", term.text())
            self.assertIn("hello moon", term.screen())

    def test_screen_obeys_control_sequences(self):
        screen = pty.Screen(3, 10)
        screen.feed("12345678\rab\x1b[K\r\n\x1b[31mred\x1b[0m\x1b")
        self.assertEqual(screen.text(), "ab\nred")
        screen.feed("[1A\x1b[1Gx\x1b[2;5Hy")
        self.assertEqual(screen.text(), "xb\nred y")
        screen.feed("\r\n1\r\n2")
        self.assertEqual((screen.gone, screen.text()), (["xb"], "red y\n1\n2"))
        screen.feed("\x1b[H\x1b[J")
        self.assertEqual(screen.text(), "")
        screen.feed("0123456789A")
        self.assertEqual(screen.text(), "0123456789\nA")


class RunLua(unittest.TestCase):
    """run_lua.py with stand-ins for the program."""

    def run_with(self, program, test="-- a test\n"):
        with tempfile.TemporaryDirectory() as folder:
            names = {"program": "#!/bin/sh\n" + program, "test.lua": test}
            for name, text in names.items():
                with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                    file.write(text)
            os.chmod(os.path.join(folder, "program"), 0o755)
            return subprocess.run([sys.executable, os.path.join(TESTS, "lib", "run_lua.py"),
                                   os.path.join(folder, "test.lua")], capture_output=True, text=True,
                                  check=False, env=dict(os.environ, MOONLEVER=os.path.join(folder, "program"),
                                                        SCREENDESK_TOKEN="mine"))

    def test_passes_output_and_flags_on(self):
        done = self.run_with('echo "$@" "[$SCREENDESK_TOKEN]"; echo "ok 3 checks"')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"run /.*/test.lua --practice --yes \[\]\nok 3 checks\n")

    def test_directives(self):
        done = self.run_with('echo "$3 $4"; echo "ok 1 check"; exit 3', "-- run: -n --practice\n-- exit: 3\n")
        self.assertEqual((done.returncode, done.stdout), (0, "-n --practice\nok 1 check\n"))

    def test_exit_code_and_missing_end(self):
        self.assertEqual(self.run_with("echo 'ok 1 checks'; exit 5").returncode, 5)
        self.assertEqual(self.run_with("echo fine").returncode, 0)
        done = self.run_with("echo fine", 'local check = require "check"\n')
        self.assertEqual(done.returncode, 1)
        self.assertIn("has not come to its end", done.stderr)


class CheckLua(unittest.TestCase):
    """check.lua fails where it should; it needs no program, lua5.4 is enough."""

    def lua(self, text):
        path = os.path.join(TESTS, "lib", "?.lua")
        return subprocess.run(["lua5.4", "-e", "check = require 'check' " + text], capture_output=True,
                              text=True, env=dict(os.environ, LUA_PATH_5_4=path), check=False)

    def test_good(self):
        done = self.lua("check.equal({1, {a = 2}}, {1, {a = 2}}) check.ok(1) check.match('abc', 'b')"
                        " local e = check.raises('usage', error, {kind = 'usage'}) check.equal(e.kind, 'usage')"
                        " check.raises(nil, error, 'text') check.done(6)")
        self.assertEqual((done.returncode, done.stdout), (0, "ok 6 checks\n"), done.stderr)

    def test_bad(self):
        for text in ("check.equal(1, 2)", "check.equal(1, 1.0)", "check.equal({1}, {1, 2})",
                     "check.equal({1, 2}, {1})", "check.equal({}, nil)", "check.ok(false)",
                     "check.match('abc', 'x')", "check.match(nil, 'x')", "check.raises('usage', print)",
                     "check.raises('usage', error, {kind = 'guard'})", "check.raises('usage', error, 'text')",
                     "check.raises(nil, error, {kind = 'guard'})", "check.ok(1) check.done(2)"):
            self.assertEqual(self.lua(text).returncode, 1, text)


if __name__ == "__main__":
    unittest.main()
