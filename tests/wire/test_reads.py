# SPDX-License-Identifier: MIT
"""Answers to reads: compressed, too large, cut short, redirected."""
import gzip
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib import wire  # noqa: E402
from lib.fixtures import page, recording, uuid  # noqa: E402

CONNECT = 'local sd = require("moonlever").connect "screendesk"\n'
GET = CONNECT + "print(sd.recordings:get('%s').title)" % uuid(1)
JSON = ("Content-Type", "application/json")
GOOD = wire.json(200, recording(1))
MIB = 1024 * 1024


class Reads(unittest.TestCase):
    def get(self, *answers, code=0, script=GET):
        with wire.Server(answers) as server:
            done = wire.run(server, script)
        self.assertEqual(done.code, code, "%r\n%r" % (done, server.requests))
        self.done, self.server = done, server
        return done.out

    def test_gzip(self):
        body = gzip.compress(json.dumps(recording(1, title="squeezed")).encode())
        out = self.get(wire.reply(200, body, [JSON, ("Content-Encoding", "gzip")]))
        self.assertEqual(out, "squeezed\n")

    def test_gzip_cut_short_is_read_again(self):
        body = gzip.compress(json.dumps(recording(1, title="x" * 9000)).encode())
        self.get(wire.cut(200, body[:40], len(body), [("Content-Encoding", "gzip")]), GOOD)
        self.assertEqual(len(self.server.requests), 2)

    def test_body_that_ends_early_is_read_again(self):
        text = json.dumps(recording(1)).encode()
        for broken in (wire.cut(200, text[:50], len(text)), wire.chunked(200, [text[:50]], end=False),
                       wire.reply(200, text[:50], [JSON]), wire.chunked(200, [text[:50], text[50:]], end=False),
                       wire.then_close([("send", b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + text[:9])]),
                       wire.close_unanswered(), wire.reset_unanswered()):
            self.assertEqual(self.get(broken, GOOD), "Recording 1\n")
            self.assertEqual(len(self.server.requests), 2, broken)

    def test_body_without_length_that_ends_with_the_connection(self):
        text = json.dumps(recording(1)).encode()
        steps = [("send", b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n" + text)]
        self.assertEqual(self.get(wire.then_close(steps)), "Recording 1\n")

    def test_chunks_and_interim_answer(self):
        text = json.dumps(recording(1)).encode()
        parts = [text[at:at + 7] for at in range(0, len(text), 7)]
        self.assertEqual(self.get(wire.chunked(200, parts)), "Recording 1\n")
        self.assertEqual(self.get(wire.raw(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n") + GOOD), "Recording 1\n")

    def test_ceiling_counts_what_comes_out_of_gzip(self):
        bomb = gzip.compress(b'{"title":"' + b"x" * (80 * MIB) + b'"}', 9)
        self.assertLess(len(bomb), MIB)
        self.get(wire.reply(200, bomb, [JSON, ("Content-Encoding", "gzip")]), code=5)
        self.assertEqual(len(self.server.requests), 1)  # as large the second time
        self.assertIn("larger than allowed", self.done.err)

    def test_four_attempts_and_the_service_own_words(self):
        self.get(*[wire.json(503, {"error": {"message": "being mended", "code": 503}}, [("Retry-After", "0")])] * 4,
                 code=5)
        self.assertIn("being mended", self.done.err)

    def test_redirect_within_the_origin(self):
        self.get(wire.reply(302, b"", [("Location", "/api/v2/recordings/moved")]), GOOD)
        self.assertEqual(self.server.requests[1].target, "/api/v2/recordings/moved")
        self.assertEqual(self.server.requests[1].header("Authorization"), "Bearer " + wire.TOKEN)

    def test_redirects_end_after_three(self):
        loop = [wire.reply(302, b"", [("Location", "/api/v2/recordings/%d" % n)]) for n in range(4)]
        self.get(*loop, code=5)

    def test_redirect_to_another_origin_never_gets_the_token(self):
        with wire.Server([]) as other:
            self.get(wire.reply(302, b"", [("Location", other.url + "/api/v2/recordings/1")]), code=5)
            self.assertEqual((other.requests, other.connections), ([], 0))

    def test_html_instead_of_json(self):
        html = wire.reply(200, b"<html>Sign in</html>", [("Content-Type", "text/html")])
        with wire.Server(lambda request: html) as server:
            done = wire.run(server, GET)
        self.assertEqual(done.code, 5, done)
        self.assertIn("SCREENDESK_URL", done.err)

    def test_filters_go_with_every_page(self):
        answers = {n: wire.json(200, page([recording(n)], n, 3, count=3, size=1)) for n in (1, 2, 3)}

        def answer(request):
            return answers[int(request.target.split("page=")[1].split("&")[0])]

        with wire.Server(answer) as server:
            done = wire.run(server, CONNECT + "for r in sd.recordings:list { query = { q = 'a b&c' } } do print(r.uuid) end")
        self.assertEqual(done.code, 0, done)
        self.assertEqual(done.out.split(), [uuid(n) for n in (1, 2, 3)])
        self.assertEqual(len(server.requests), 3)
        for request in server.requests:
            self.assertIn("q=a%20b%26c", request.target)


if __name__ == "__main__":
    unittest.main()
