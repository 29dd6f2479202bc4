# SPDX-License-Identifier: MIT
"""A certificate that is not right ends a run at once, with its reason and without a request."""
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import wire  # noqa: E402
import net_kit  # noqa: E402

GET = 'print(require("moonlever").connect("screendesk"):request{ path = "/api/v2/x" } ~= nil)\n'


class PlainServer(net_kit.TcpServer):
    def __init__(self):
        super().__init__()
        self.url = "https://localhost:%d" % self.port

    def serve(self, sock):
        sock.recv(4096)
        sock.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


@unittest.skipUnless(net_kit.OPENSSL, "openssl is not there")
class Program(unittest.TestCase):
    def test_self_signed(self):
        with net_kit.Folder() as folder, net_kit.TlsServer(*folder.certificate("localhost")) as server:
            done = wire.run(server, GET)
            self.assertEqual(done.code, 5, done)
            self.assertIn("certificate", done.err)
            self.assertEqual((server.connections, server.requests), (1, []))  # no second attempt

    def test_a_write_is_no_different(self):
        script = GET.replace("path =", 'method = "POST", body = {}, path =')
        with net_kit.Folder() as folder, net_kit.TlsServer(*folder.certificate("localhost")) as server:
            done = wire.run(server, script, "--yes")
            self.assertEqual(done.code, 5, done)
            self.assertIn("certificate", done.err)
            self.assertEqual((server.connections, server.requests), (1, []))

    def test_plain_http_where_tls_is_expected(self):
        with PlainServer() as server:
            done = wire.run(server, GET)
        self.assertEqual(done.code, 5, done)
        self.assertIn("TLS", done.err)


@unittest.skipUnless(net_kit.OPENSSL, "openssl is not there")
@unittest.skipIf(net_kit.SANITIZED, "python cannot load a library with sanitizers")
class Library(unittest.TestCase):
    def run_with(self, cert_host, trusted=None, days=2, url_host="localhost"):
        with net_kit.Folder() as folder:
            pair = folder.certificate(cert_host, days)
            ca = folder.certificate(trusted)[0] if trusted else pair[0]
            with net_kit.TlsServer(*pair, host=url_host) as server:
                result = net_kit.run_library(GET, server.url, ca_file=ca)
                return result, server

    def refused(self, word, **how):
        (code, out, error), server = self.run_with(**how)
        self.assertEqual((code, out), (5, ""), error)
        self.assertIn("certificate", error)
        self.assertIn(word, error)
        self.assertEqual((server.connections, server.requests), (1, []))

    def test_trusted(self):
        (code, out, error), server = self.run_with("localhost")
        self.assertEqual((code, out), (0, "true\n"), error)
        self.assertEqual(server.requests, ["GET /api/v2/x HTTP/1.1"])

    def test_expired(self):
        self.refused("expired", cert_host="localhost", days=-1)

    def test_of_another_host(self):
        self.refused("localhost", cert_host="elsewhere.invalid")

    def test_of_a_name_where_an_address_is_called(self):
        self.refused("127.0.0.1", cert_host="localhost", url_host="127.0.0.1")

    def test_of_another_authority(self):
        self.refused("self", cert_host="localhost", trusted="other.invalid")

    def test_authorities_that_are_not_there(self):
        with net_kit.Folder() as folder, net_kit.TlsServer(*folder.certificate("localhost")) as server:
            code, _, error = net_kit.run_library(GET, server.url, ca_file=folder.path("none.pem"))
            self.assertEqual(code, 5, error)
            self.assertIn("certificate", error)
            self.assertEqual(server.requests, [])


if __name__ == "__main__":
    unittest.main()
