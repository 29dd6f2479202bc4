# SPDX-License-Identifier: MIT
"""HTTP/2 for reads and HTTP/1.1 for writes to one host, against a real nginx. Each answer says
which request it is for: libcurl 7.88 mixes answers up where both share one of its handles."""
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import net_kit  # noqa: E402

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
CONFIG = """
daemon off; worker_processes 1; pid %(folder)s/pid; error_log %(folder)s/error.log;
events { worker_connections 512; }
http {
  log_format wire '$server_protocol $request_method $status $connection $request_uri';
  access_log %(folder)s/access.log wire;
  client_body_temp_path %(folder)s/a; proxy_temp_path %(folder)s/b; fastcgi_temp_path %(folder)s/c;
  uwsgi_temp_path %(folder)s/d; scgi_temp_path %(folder)s/e;
  keepalive_requests %(keep)d;
  default_type application/json;
  server {
    listen 127.0.0.1:%(port)d ssl%(http2)s;
    ssl_certificate %(cert)s; ssl_certificate_key %(key)s;
    location /api/v2/ { return 200 '{"method":"$request_method","uri":"$request_uri"}'; }
  }
}
"""
# Every tenth request writes.
READS_AND_WRITES = """
local moonlever = require "moonlever"
local sd = moonlever.connect "screendesk"
local list = {}
for i = 1, %(count)d do list[i] = i end
local report = moonlever.each(list, function(i)
  local method, path = i %% 10 == 0 and "PUT" or "GET", "/api/v2/" .. i
  local answer = sd:request{ method = method, path = path, body = method == "PUT" and { n = i } or nil }
  if answer.method ~= method or answer.uri ~= path then
    print(("%%s %%s got the answer to %%s %%s"):format(method, path, answer.method, answer.uri))
  end
end, { concurrency = %(together)d })
print(report.ok, report.failed)
"""


class Nginx:
    def __init__(self, folder, keep, http2):
        cert, key = folder.certificate("localhost")
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        self.ca, self.url = cert, "https://localhost:%d" % port
        self._log = folder.path("access.log")
        with open(folder.path("nginx.conf"), "w", encoding="ascii") as file:
            file.write(CONFIG % {"folder": folder.name, "port": port, "cert": cert, "key": key, "keep": keep,
                                 "http2": " http2" if http2 else ""})
        self._process = subprocess.Popen([NGINX, "-e", folder.path("error.log"), "-c", folder.path("nginx.conf")],
                                         stderr=subprocess.DEVNULL)
        self._wait(port)

    def _wait(self, port):
        for _ in range(500):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
                return
            except OSError:
                assert self._process.poll() is None, "nginx has ended"
                time.sleep(0.02)
        raise AssertionError("nginx does not listen")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.send_signal(signal.SIGQUIT)  # ends when what is under way is done
        self._process.wait(30)

    def requests(self):
        """[(protocol, method, status, connection, uri)], after the end of nginx."""
        with open(self._log, encoding="ascii") as file:
            return [tuple(line.split()) for line in file]


@unittest.skipUnless(NGINX, "nginx is not there")
@unittest.skipUnless(net_kit.OPENSSL, "openssl is not there")
@unittest.skipIf(net_kit.SANITIZED, "python cannot load a library with sanitizers")
class Http2(unittest.TestCase):
    def run_many(self, count, together, keep=100000, http2=True):
        with net_kit.Folder() as folder:
            with Nginx(folder, keep, http2) as nginx:
                script = READS_AND_WRITES % {"count": count, "together": together}
                code, out, error = net_kit.run_library(script, nginx.url, ca_file=nginx.ca, yes="true", rate="0",
                                                       concurrency=str(together))
            self.assertEqual((code, out), (0, "%d\t0\n" % count), error)
            seen = nginx.requests()
        self.assertEqual({one[2] for one in seen}, {"200"})
        self.assertEqual({one[4] for one in seen}, {"/api/v2/%d" % i for i in range(1, count + 1)})
        return seen

    def test_reads_share_and_writes_do_not(self):
        seen = self.run_many(2000, 32)
        self.assertEqual(len(seen), 2000)
        writes = [one for one in seen if one[1] == "PUT"]
        shared = {one[3] for one in seen if one[0] == "HTTP/2.0"}
        alone = {one[3] for one in seen if one[0] == "HTTP/1.1"}
        self.assertEqual({one[0] for one in writes}, {"HTTP/1.1"})
        self.assertEqual(len(shared), 1)
        self.assertLessEqual(len(alone), 32)
        # The first read shows what is spoken; those that came before its answer went as they could.
        early = [one for one in seen if one[1] == "GET" and one[0] == "HTTP/1.1"]
        self.assertLess(len(early), 200)

    def test_one_at_a_time_is_http2_from_the_first(self):
        seen = self.run_many(9, 1)
        self.assertEqual({one[0] for one in seen}, {"HTTP/2.0"})
        self.assertEqual(len({one[3] for one in seen}), 1)

    def test_connections_that_the_server_ends(self):
        for _ in range(5):
            seen = self.run_many(500, 100, keep=20)
            writes = [one[4] for one in seen if one[1] == "PUT"]
            self.assertEqual(len(writes), len(set(writes)))
            self.assertGreaterEqual(len({one[3] for one in seen}), 20)

    def test_a_server_without_http2(self):
        seen = self.run_many(500, 32, http2=False)
        self.assertEqual({one[0] for one in seen}, {"HTTP/1.1"})
        self.assertLessEqual(len({one[3] for one in seen}), 33)  # the probe's, and 32


if __name__ == "__main__":
    unittest.main()
