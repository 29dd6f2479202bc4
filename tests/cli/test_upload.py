# SPDX-License-Identifier: MIT
"""Uploads: a signed form, its fields in order, the file last, to another host, without the key."""
import json
import os
import re
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "lib"))
import accounts  # noqa: E402
import wire  # noqa: E402
from accounts import uid  # noqa: E402

FIELDS = [("key", "some/key"), ("zeta", "z"), ("bucket", "b"), ("X-Amz-Algorithm", "AWS4"), ("Policy", "a\"b\\c=")]
CONTENT = bytes(range(256)) * 40000  # 10 MB


def parts(request):
    """The parts of a form: [(name, filename or None, type or None, bytes)]."""
    boundary = re.search(r"boundary=(\S+)", request.header("Content-Type")).group(1).encode()
    found = []
    for part in request.body.split(b"--" + boundary)[1:-1]:
        head, _, data = part.lstrip(b"\r\n").partition(b"\r\n\r\n")
        head = head.decode()
        name = re.search(r' name="([^"]*)"', head).group(1)
        filename = re.search(r'filename="([^"]*)"', head)
        kind = re.search(r"Content-Type: (\S+)", head)
        found.append((name, filename and filename.group(1), kind and kind.group(1), data[:-2]))
    return found


class Upload(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.state = folder.name
        self.path = os.path.join(folder.name, "talk one.mp4")
        with open(self.path, "wb") as file:
            file.write(CONTENT)

    def upload(self, replies, options="module = 'post'", code=0, url=None, path=None, flags=()):
        """Runs one upload; returns the service, the requests at the storage host, and the result."""
        def bend(service, request):
            if request.path != "/api/media":
                return None
            service.forms = getattr(service, "forms", 0) + 1
            fields = FIELDS + [("signature", "signature-%d" % service.forms)]
            text = ",".join("%s:%s" % (json.dumps(k), json.dumps(v)) for k, v in fields)
            body = '{"fileId":"%s","signedRequest":{"url":"%s","fields":{%s}}}' % (
                uid(700 + service.forms), url or storage.url + "/bucket?x=1", text)
            return 200, body.encode()
        with wire.Server(list(replies)) as storage, accounts.Service("workdrive", bend=bend) as service:
            service.put("module_codes", {"id": "1", "name": "POST", "moduleCode": 1})
            done = accounts.run(service, "print(wd.media:upload(%r, { %s }))" % (path or self.path, options), "--yes",
                                "--rate", "0", *flags, XDG_STATE_HOME=self.state)
            self.assertEqual(done.code, code, done)
        return service, storage.requests, done

    def test_form_and_file(self):
        service, sent, done = self.upload([wire.reply(204)])
        self.assertEqual(done.out, uid(701) + "\n")
        asked = [r for r in service.requests if r.path == "/api/media"]
        self.assertEqual(asked[0].query, {"mime": ["video/mp4"], "name": ["talk one.mp4"], "moduleCode": ["1"]})
        self.assertEqual((sent[0].line, sent[0].header("X-API-KEY"), sent[0].header("Authorization"),
                          sent[0].header("Transfer-Encoding")),
                         ("POST /bucket?x=1 HTTP/1.1", None, None, None))
        want = [(name, None, None, value.encode()) for name, value in FIELDS]
        want += [("signature", None, None, b"signature-1"), ("file", "talk one.mp4", "video/mp4", CONTENT)]
        self.assertEqual(parts(sent[0]), want)

    def test_a_new_signature_for_each_try(self):
        broken = [wire.reply(500, b"<Error/>", [("Content-Type", "application/xml")]), wire.close_unanswered()]
        service, sent, done = self.upload(broken + [wire.reply(200)])
        self.assertEqual(done.out, uid(703) + "\n")
        self.assertEqual([dict((p[0], p[3]) for p in parts(r))["signature"] for r in sent],
                         [b"signature-1", b"signature-2", b"signature-3"])
        self.assertEqual(parts(sent[2])[-1][3], CONTENT)
        self.assertIn("1 confirmed", done.err)

    def test_a_refusal_is_final(self):
        for reply in (wire.reply(403, b"<Error><Code>AccessDenied</Code></Error>"),
                      wire.reply(303, b"", [("Location", "/elsewhere")])):
            _, sent, done = self.upload([reply], code=5 if b"303" in reply[0][1] else 4)
            self.assertEqual(len(sent), 1)
            self.assertIn("1 failed", done.err)

    def test_four_tries_at_most(self):
        _, sent, done = self.upload([wire.reply(500)] * 4, code=5)
        self.assertEqual(len(sent), 4)
        self.assertIn("storage host", done.err)

    def test_only_https_elsewhere(self):
        _, _, done = self.upload([], code=1, url="http://storage.example/bucket")
        self.assertIn("https", done.err)

    def test_what_is_given(self):
        for options, text, path in (("module = 'post'", "No such file", "/nowhere.mp4"),
                                    ("module = 'post'", "MIME type", os.path.join(self.state, "x.unknown")),
                                    ("module = 'psot'", "there are: POST", None), ("", "'module' must be", None),
                                    ("module = 1, nmae = 'x'", "did you mean 'name'?", None)):
            if path and path.endswith("unknown"):
                with open(path, "w", encoding="utf-8"):
                    pass
            service, sent, done = self.upload([], options, 1, path=path)
            self.assertIn(text, done.err)
            self.assertEqual([r for r in service.requests if r.path == "/api/media"], [])

    def test_a_plan_sends_nothing_and_cannot_be_applied(self):
        plan = os.path.join(self.state, "x.plan")
        service, sent, done = self.upload([], flags=("--plan", plan))
        self.assertEqual(([r.path for r in service.requests], sent), (["/api/module-codes"], []))
        self.assertIn("planned-1", done.out)


if __name__ == "__main__":
    unittest.main()
