# SPDX-License-Identifier: MIT
"""What our requests look like on the wire, to the byte."""
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib import wire  # noqa: E402
from lib.fixtures import page, recording, scim_user, uuid  # noqa: E402

CONNECT = 'local sd = require("moonlever").connect "screendesk"\n'


class Requests(unittest.TestCase):
    def exactly(self, server, request, line, more, token=wire.TOKEN):
        """The request has this first line and these headers and no other."""
        common = {"Host": "127.0.0.1:%d" % server.port, "User-Agent": "moonlever/0.1.0",
                  "Accept": "application/json", "Accept-Encoding": "gzip",
                  "Authorization": "Bearer " + token}
        common.update(more)
        self.assertEqual(request.line, line)
        self.assertEqual(len(request.headers), len(dict(request.headers)), "a header came twice")
        self.assertEqual(dict(request.headers), common)
        self.assertEqual(request.headers[0][0], "Host")

    def test_nothing_of_one_request_is_left_in_the_next(self):
        # Easy handles keep their options from one request to the next of the same kind.
        sent = [("PUT", "one"), ("DELETE", None), ("PUT", "longer"), ("POST", "x"), ("DELETE", None), ("PATCH", "two"),
                ("GET", None), ("HEAD", None), ("GET", None), ("PUT", "3"), ("HEAD", None), ("PATCH", "four")]
        script = CONNECT + "local function send(m, b) sd:request { method = m, path = '/x', body = b } end\n"
        script += "\n".join('send("%s", %s)' % (m, '"%s"' % b if b else "nil") for m, b in sent)
        with wire.Server([wire.json(200, {})] * len(sent)) as server:
            done = wire.run(server, script, "--yes", "--rate", "0")
        self.assertEqual(done.code, 0, done)
        for request, (method, body) in zip(server.requests, sent):
            self.assertEqual(request.body, (body or "").encode(), method)
            more = {"Content-Type": "application/json", "Content-Length": str(len(body))} if body else {}
            self.exactly(server, request, method + " /x HTTP/1.1", more)

    def test_each_request_goes_where_it_is_meant_to_go(self):
        # A kept handle knows its origin; the path alone is new, but with a query or an escape.
        paths = ["/a", "/b/longer", "/c?x=1", "/d", "/e%2F%c3%A9", "/f%20g?y=%2F", "/", "/h//i", "/j"]
        script = CONNECT + "local function send(m, p) sd:request { method = m, path = p } end\n"
        script += "\n".join('send("%s", "%s")' % (m, p) for m in ("DELETE", "GET") for p in paths)
        with wire.Server([wire.json(200, {})] * (2 * len(paths))) as server:
            done = wire.run(server, script, "--yes", "--rate", "0")
        self.assertEqual(done.code, 0, done)
        self.assertEqual([r.line for r in server.requests],
                         ["%s %s HTTP/1.1" % (m, p) for m in ("DELETE", "GET") for p in paths])
        self.exactly(server, server.requests[-1], "GET /j HTTP/1.1", {})

    def test_list(self):
        pages = [wire.json(200, page([recording(n)], n, 2, count=2)) for n in (1, 2)]
        with wire.Server(pages) as server:
            done = wire.run(server, CONNECT + "for r in sd.recordings:list() do print(r.uuid) end")
        self.assertEqual(done.code, 0, done)
        self.assertEqual(done.out.split(), [uuid(1), uuid(2)])
        for number, request in enumerate(server.requests, 1):
            self.exactly(server, request, "GET /api/v2/recordings?page=%d HTTP/1.1" % number, {})
            self.assertEqual(request.body, b"")

    def test_patch(self):
        body = '{"recording":{"title":"Grüße \\" / [ZD-1]"}}'.encode()
        answer = recording(1, title='Grüße " / [ZD-1]')
        with wire.Server([wire.json(200, page([recording(1)])), wire.json(200, answer)]) as server:
            done = wire.run(server, CONNECT + "for r in sd.recordings:list() do\n"
                            "  sd.recordings:update(r, { title = 'Grüße \" / [ZD-1]' })\nend", "--yes")
        self.assertEqual(done.code, 0, done)
        request = server.requests[1]
        self.exactly(server, request, "PATCH /api/v2/recordings/%s HTTP/1.1" % uuid(1),
                     {"Content-Type": "application/json", "Content-Length": str(len(body))})
        self.assertEqual(request.body, body)

    def test_scim_put_is_read_merge_write_compare(self):
        before = scim_user(42, roles=["admin", "editor"], externalId="hr-7")
        after = dict(before, name={"formatted": "New Family", "givenName": "New", "familyName": "Family"})
        with wire.Server([wire.json(200, before), wire.json(200, after), wire.json(200, after)]) as server:
            done = wire.run(server, CONNECT + "sd.scim.users:update('42', { name = { givenName = 'New',"
                            " familyName = 'Family' } })", "--yes")
        self.assertEqual(done.code, 0, done)
        get, put, again = server.requests
        self.exactly(server, get, "GET /api/v2/scim/Users/42 HTTP/1.1", {}, wire.SCIM_TOKEN)
        self.exactly(server, put, "PUT /api/v2/scim/Users/42 HTTP/1.1",
                     {"Content-Type": "application/json", "Content-Length": str(len(put.body))}, wire.SCIM_TOKEN)
        sent = put.json()
        self.assertEqual(sent["roles"], {"admin": True, "member": False, "editor": True})  # SD-15
        self.assertNotIn("id", sent)  # SD-17
        self.assertEqual((sent["externalId"], sent["userName"]), ("hr-7", "user42@example.com"))  # SD-16
        self.assertEqual((sent["name"]["givenName"], sent["active"]), ("New", True))
        self.assertEqual(again.line, get.line)

    def test_large_body_has_no_expect(self):
        text = "x" * 200000  # libcurl would ask for "100 Continue" from 1 MiB on, older ones from 1 KiB
        answers = [wire.json(200, recording(1)), wire.json(200, recording(1, description=text * 6))]
        with wire.Server(answers) as server:
            done = wire.run(server, CONNECT + "sd.recordings:update('%s', { description = ('x'):rep(1200000) })"
                            % uuid(1), "--yes")
        self.assertEqual(done.code, 0, done.err)
        self.assertEqual(server.requests[1].all("Expect"), [])
        self.assertEqual(server.requests[1].json(), {"recording": {"description": text * 6}})

    def test_connection_is_reused(self):
        answers = [wire.json(200, recording(n)) for n in range(1, 21)]
        with wire.Server(answers) as server:
            done = wire.run(server, CONNECT + "for n = 1, 20 do\n"
                            "  sd.recordings:get(('00000000-0000-4000-8000-%012x'):format(n))\nend")
        self.assertEqual(done.code, 0, done)
        self.assertEqual(server.connections, 1)

    def test_path_segments_are_encoded(self):
        with wire.Server([wire.json(200, scim_user(1))]) as server:
            done = wire.run(server, CONNECT + "sd.scim.users:get('a/../b?c#d é')")
        self.assertEqual(done.code, 0, done)
        self.assertEqual(server.requests[0].target, "/api/v2/scim/Users/a%2F..%2Fb%3Fc%23d%20%C3%A9")

    def test_header_injection_is_refused(self):
        script = CONNECT + 'sd:request { method = "GET", path = "/api/v2/x", headers = { ["X-A"] = "1\\r\\nX-B: 2" } }'
        with wire.Server([]) as server:
            done = wire.run(server, script)
        self.assertEqual(done.code, 1, done)
        self.assertIn("X-A", done.err)


if __name__ == "__main__":
    unittest.main()
