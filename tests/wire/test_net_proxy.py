# SPDX-License-Identifier: MIT
"""Proxies of the environment: honoured for other machines, never for this one, never trusted."""
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import wire  # noqa: E402
import net_kit  # noqa: E402

GET = 'print(require("moonlever").connect("screendesk"):request{ path = "/api/v2/x" } ~= nil)\n'
POST = GET.replace("path =", 'method = "POST", body = {}, path =')


class Proxy(net_kit.TcpServer):
    """Answers each CONNECT with the same line and keeps what it was told."""

    def __init__(self, answer):
        super().__init__()
        self.url = "http://127.0.0.1:%d" % self.port
        self.heads, self._answer = [], answer

    def serve(self, sock):
        head = b""
        while b"\r\n\r\n" not in head:
            more = sock.recv(4096)
            if not more:
                return
            head += more
        self.heads.append(head.decode("latin-1"))
        sock.sendall(self._answer)

    def environment(self):
        names = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
        return {**{name: self.url for name in names}, "NO_PROXY": "", "no_proxy": ""}


class Far:
    url = "https://api.example.invalid"


class ProxyTest(unittest.TestCase):
    def refused(self, answer, script, *flags):
        with Proxy(answer) as proxy:
            done = wire.run(Far, script, *flags, **proxy.environment())
        self.assertEqual(done.code, 5, done)
        self.assertEqual(len(proxy.heads), 4, done)  # nothing was sent to the service: four tries
        for head in proxy.heads:
            self.assertTrue(head.startswith("CONNECT api.example.invalid:443 HTTP/1.1\r\n"), head)
            self.assertNotIn(wire.TOKEN, head)
            self.assertNotIn("authorization", head.lower())
        return done

    def test_a_proxy_that_refuses(self):
        done = self.refused(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n"
                            b"Connection: close\r\n\r\n", GET)
        self.assertIn("407", done.err)

    def test_what_a_proxy_says_is_no_answer_to_a_write(self):
        self.refused(b"HTTP/1.1 503 Busy\r\nRetry-After: 3600\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
                     POST, "--yes")

    def test_loopback_is_never_sent_through_a_proxy(self):
        with Proxy(b"HTTP/1.1 502 Bad Gateway\r\n\r\n") as proxy, wire.Server([wire.json(200, {})]) as server:
            done = wire.run(server, GET, **proxy.environment())
            self.assertEqual((done.code, done.out), (0, "true\n"), done)
        self.assertEqual(proxy.connections, 0)

    def test_nor_is_loopback_with_tls(self):
        if not net_kit.OPENSSL:
            self.skipTest("openssl is not there")
        with net_kit.Folder() as folder, Proxy(b"HTTP/1.1 502 Bad Gateway\r\n\r\n") as proxy, \
                net_kit.TlsServer(*folder.certificate("localhost")) as server:
            done = wire.run(server, GET, **proxy.environment())
            self.assertIn("certificate", done.err)
        self.assertEqual((proxy.connections, server.connections), (0, 1))


if __name__ == "__main__":
    unittest.main()
