# SPDX-License-Identifier: MIT
"""The servers under the benchmark, all on free loopback ports, all gone with their `with` block.

    with Nginx(directory, pages=1000) as server:
        run_something(server.origin)
        print(server.requests())       # how many requests there were, so that none can hide

Nginx serves pages from files and answers a PATCH from memory; it has one worker, since the
client needs a processor too. LoopbackServer (peers/loopback_server.c) answers the same after a
delay, or lists that would be too many files, or everything where nginx is not installed.
"""
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request

import fixtures

NGINX_CONF = """
daemon off;
worker_processes 1;
{user}
pid {dir}/nginx.pid;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {dir}/body;
  proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/fastcgi;
  uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
  default_type application/json;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  open_file_cache max=2000 inactive=600s;
  log_format times '$msec $status';
  map $arg_page $page {{ "" 1; default $arg_page; }}
  {servers}
}}
"""

ANSWERS = """
  server {{
    listen 127.0.0.1:{port};
    root {dir}/pages;
    location = /api/v2/recordings {{ try_files /$page.json =404; }}
    location ~ "^/api/v2/recordings/([0-9a-f-]{{36}})$" {{ return 200 '{record}'; }}
    location = /stats {{ stub_status; }}
  }}
"""

LIMITED = """
  limit_req_zone all zone=z{port}:1m rate={rate}r/s;
  server {{
    listen 127.0.0.1:{port};
    access_log {log} times;
    location ~ "^/api/v2/recordings/([0-9a-f-]{{36}})$" {{
      limit_req zone=z{port} {burst};
      limit_req_status 429;
      try_files /record.json =404;
      root {dir};
    }}
  }}
"""


class ServerError(Exception):
    """A server did not start or did not answer; the text says which and why."""


def find_nginx():
    """Where nginx is, or None. Debian keeps it out of a user's PATH."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


def free_ports(count):
    """Loopback ports that were free a moment ago, all different."""
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


class _Nginx:
    """nginx with a configuration of its own in a directory of its own."""

    def __init__(self, directory, servers, ports):
        self.dir = directory
        self.ports = ports
        user = "user root;" if os.geteuid() == 0 else ""
        config = NGINX_CONF.format(user=user, dir=directory, servers=servers)
        self.config = os.path.join(directory, "nginx.conf")
        with open(self.config, "w", encoding="ascii") as f:
            f.write(config)
        self.process = None

    def __enter__(self):
        log = os.path.join(self.dir, "error.log")
        self.process = subprocess.Popen([find_nginx(), "-e", log, "-c", self.config])
        try:
            for port in self.ports:
                self._wait_for(port, log)
        except ServerError:
            self.__exit__()
            raise
        return self

    def _wait_for(self, port, log):
        for _ in range(200):
            if self.process.poll() is not None:
                with open(log, encoding="utf-8") as f:
                    raise ServerError(f"nginx did not start: {f.read().strip()}")
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                return
            except OSError:
                time.sleep(0.02)
        raise ServerError(f"nginx does not listen on port {port} after 4 s")

    def __exit__(self, *ignored):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait()


class Nginx(_Nginx):
    """Lists of `pages` pages, from files, and PATCHes."""

    name = "nginx"

    def __init__(self, directory, pages):
        write_pages(os.path.join(directory, "pages"), pages)
        (port,) = free_ports(1)
        record = fixtures.recording(fixtures.UUID, "new").replace(fixtures.UUID, "$1")
        super().__init__(directory, ANSWERS.format(port=port, dir=directory, record=record), [port])
        self.origin = f"http://127.0.0.1:{port}"
        self.asked = 0

    def requests(self):
        """Requests so far, without those of this method."""
        with urllib.request.urlopen(self.origin + "/stats") as answer:
            total = int(answer.read().decode().split("\n")[2].split()[2])
        self.asked += 1
        return total - self.asked


class LimitedNginx(_Nginx):
    """One server a limit: limits is a list of (requests a second, burst or 0). `doors` is a list
    of (origin, path of the access log) in the same order; a log line is "seconds status"."""

    def __init__(self, directory, limits):
        ports = free_ports(len(limits))
        with open(os.path.join(directory, "record.json"), "w", encoding="ascii") as f:
            f.write(fixtures.recording("00000001-4453-446d-9e79-000000000000", "old"))
        self.doors, servers = [], []
        for port, (rate, burst) in zip(ports, limits):
            log = os.path.join(directory, f"access-{port}.log")
            self.doors.append((f"http://127.0.0.1:{port}", log))
            servers.append(LIMITED.format(port=port, rate=rate, log=log, dir=directory,
                                          burst=f"burst={burst} nodelay" if burst else ""))
        super().__init__(directory, "".join(servers), ports)


class LoopbackServer:
    """peers/loopback_server.c: answers delay_us after their request, any number of pages."""

    name = "loopback_server"

    def __init__(self, program, directory, pages, delay_us=0):
        page, record = os.path.join(directory, "page"), os.path.join(directory, "record")
        with open(page, "w", encoding="ascii") as f:
            f.write(fixtures.page_template(pages))
        with open(record, "w", encoding="ascii") as f:
            f.write(fixtures.recording(fixtures.UUID, "new"))
        self.command = [program, str(delay_us), str(pages), page, record]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        port = self.process.stdout.readline().strip()
        if not port:
            self.__exit__()
            raise ServerError("loopback_server did not start")
        self.origin = f"http://127.0.0.1:{port}"
        return self

    def requests(self):
        """Requests so far, without those of this method."""
        with urllib.request.urlopen(self.origin + "/stats") as answer:
            return json.load(answer)["requests"]

    def __exit__(self, *ignored):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


def write_pages(directory, pages):
    """The files 1.json to <pages>.json."""
    os.makedirs(directory)
    template = fixtures.page_template(pages)
    for page in range(1, pages + 1):
        with open(os.path.join(directory, f"{page}.json"), "w", encoding="ascii") as f:
            f.write(fixtures.page_text(template, page, pages))
