# SPDX-License-Identifier: MIT
"""A loopback HTTP server that does exactly what it is told and keeps the exact bytes it got.

The practice account shows how a service behaves; this shows what happens on the wire: a reply
is a list of steps (bytes, pauses, cuts, resets), and each request is kept as it came. Replies
are handed out in the order in which requests arrive, whichever connection they come on.

    with wire.Server([wire.json(200, {"records": []}), wire.close_unanswered()]) as server:
        result = wire.run(server, 'print(1)', "--yes")
        assert result.code == 0, result
        assert server.requests[0].line == "GET /api/v2/recordings?page=1 HTTP/1.1"

A request that no reply was scripted for gets a 500 and is listed in server.surprises; leaving
the `with` block raises when there is one, so a request too many cannot go unseen.
"""
import json as json_module
import os
import socket
import struct
import subprocess
import tempfile
import threading
import time

TOKEN = "wire-test-token"
SCIM_TOKEN = "wire-test-scim-token"


class Request:
    """One request as it came: .raw head bytes, .body bytes, .connection (0, 1, ... in order of
    acceptance), .at (monotonic seconds)."""

    def __init__(self, raw, body, connection):
        self.raw, self.body, self.connection = raw, body, connection
        self.at = time.monotonic()
        lines = raw.decode("latin-1").split("\r\n")
        self.line = lines[0]
        self.method, self.target = lines[0].split(" ")[:2]
        self.headers = [tuple(part.strip() for part in line.split(":", 1)) for line in lines[1:] if line]

    def all(self, name):
        """Every value of a header, in order."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def header(self, name):
        """The one value of a header, None when it is not there; more than one is an error."""
        values = self.all(name)
        assert len(values) <= 1, "%s came %d times" % (name, len(values))
        return values[0] if values else None

    def json(self):
        return json_module.loads(self.body)

    def __repr__(self):
        return "<%s on %d, body %r>" % (self.line, self.connection, self.body[:200])


# --- replies: lists of steps, each ("send", bytes) ("pause", seconds) ("close",) ("reset",) ----

REASONS = {200: "OK", 201: "Created", 204: "No Content", 302: "Found", 429: "Too Many Requests"}


def head(status, headers=()):
    lines = ["HTTP/1.1 %d %s" % (status, REASONS.get(status, "Status"))]
    lines += ["%s: %s" % pair for pair in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def reply(status, body=b"", headers=()):
    """A whole answer with a right Content-Length."""
    headers = list(headers)
    if status != 204:
        headers.append(("Content-Length", len(body)))
    return [("send", head(status, headers) + body)]


def json(status, value, headers=()):
    body = json_module.dumps(value, separators=(",", ":")).encode()
    return reply(status, body, [("Content-Type", "application/json")] + list(headers))


def chunked(status, parts, headers=(), end=True):
    """A chunked answer; end=False leaves out the last chunk and closes."""
    text = head(status, [("Content-Type", "application/json"), ("Transfer-Encoding", "chunked")] + list(headers))
    for part in parts:
        text += b"%x\r\n%s\r\n" % (len(part), part)
    return [("send", text + b"0\r\n\r\n")] if end else [("send", text), ("close",)]


def raw(data):
    return [("send", data)]


def cut(status, body, length, headers=()):
    """Promises `length` bytes, sends `body`, closes."""
    fields = [("Content-Type", "application/json"), ("Content-Length", length)] + list(headers)
    return [("send", head(status, fields) + body), ("close",)]


def close_unanswered():
    """Reads the request and closes without a byte: what a dying keep-alive connection does."""
    return [("close",)]


def reset_unanswered():
    """Reads the request and answers with a TCP reset."""
    return [("reset",)]


def then_close(steps):
    return list(steps) + [("close",)]


def after(seconds, steps):
    return [("pause", seconds)] + list(steps)


class Server:
    """replies: a list, or a function(Request) -> steps for tests that do not know the order."""

    def __init__(self, replies):
        self._replies = replies if callable(replies) else list(replies)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads, self._sockets = [], []
        self.requests, self.surprises = [], []
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        self.url = "http://127.0.0.1:%d" % self.port

    def __enter__(self):
        self._start(self._accept)
        return self

    def __exit__(self, kind, value, trace):
        self.stop()
        if kind is None and self.surprises:
            raise AssertionError("requests that no reply was scripted for: %r" % self.surprises)
        if kind is None and not callable(self._replies) and self._replies:
            raise AssertionError("%d replies were never asked for" % len(self._replies))

    def stop(self):
        self._stop.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            sockets = list(self._sockets)
        for sock in sockets:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # already closed by the script
        for thread in list(self._threads):
            thread.join(10)

    def _start(self, target, *args):
        thread = threading.Thread(target=target, args=args, daemon=True)
        with self._lock:
            self._threads.append(thread)
        thread.start()

    def _accept(self):
        while not self._stop.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return  # stop() closed it
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._sockets.append(sock)
                number, self.connections = self.connections, self.connections + 1
            self._start(self._serve, sock, number)

    def _serve(self, sock, number):
        try:
            with sock:
                stream = sock.makefile("rb")
                while True:
                    request = read_request(stream, number)
                    if request is None or not self._answer(sock, self._next(request)):
                        return
        except (ConnectionError, OSError):
            return  # the client went away; what it sent is kept

    def _next(self, request):
        with self._lock:
            self.requests.append(request)
            if callable(self._replies):
                return self._replies(request)
            if self._replies:
                return self._replies.pop(0)
            self.surprises.append(request)
            return reply(500, b"unexpected request")

    def _answer(self, sock, steps):
        """Plays the steps; False when the connection has ended."""
        for step in steps:
            if step[0] == "send":
                sock.sendall(step[1])
            elif step[0] == "pause":
                if self._stop.wait(step[1]):
                    return False
            elif step[0] == "reset":
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return self._hang_up(sock, False)
            else:
                return self._hang_up(sock, True)
        return True

    @staticmethod
    def _hang_up(sock, polite):
        if polite:
            sock.shutdown(socket.SHUT_RDWR)
        sock.close()
        return False


def read_request(stream, number):
    """One request from the stream, None at its end. Half a request is an error of the client."""
    raw_head = b""
    while not raw_head.endswith(b"\r\n\r\n"):
        line = stream.readline()
        if not line:
            assert not raw_head, "half a request: %r" % raw_head
            return None
        raw_head += line
    request = Request(raw_head[:-2], b"", number)
    if request.header("Transfer-Encoding"):
        request.body = read_chunks(stream)
    else:
        request.body = stream.read(int(request.header("Content-Length") or 0))
    return request


def read_chunks(stream):
    body = b""
    while True:
        size = int(stream.readline().split(b";")[0], 16)
        body += stream.read(size)
        stream.readline()
        if size == 0:
            return body


# --- the program ------------------------------------------------------------------------------


class Result:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def __repr__(self):
        return "exit %d\n--- stdout\n%s\n--- stderr\n%s" % (self.code, self.out, self.err)


def program():
    path = os.environ.get("MOONLEVER")
    assert path, "MOONLEVER is to be the path of the program (ctest sets it)"
    return path


def environment(server, **more):
    """Only what is needed, so that nothing of the caller's gets in."""
    env = {key: os.environ[key] for key in ("PATH", "HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "MOONLEVER_SETTLE",
                                           "ASAN_OPTIONS", "UBSAN_OPTIONS") if key in os.environ}
    env.update(SCREENDESK_URL=server.url, SCREENDESK_TOKEN=TOKEN, SCREENDESK_SCIM_TOKEN=SCIM_TOKEN)
    env.update(more)
    return env


def run(server, script, *flags, timeout=120, **env):
    """Runs the text of a script through `moonlever run` against the server."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "script.lua")
        with open(path, "w", encoding="utf-8") as file:
            file.write(script)
        done = subprocess.run([program(), "run", path, *flags], env=environment(server, **env),
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout,
                              check=False)
    result = Result(done.returncode, done.stdout.decode("utf-8", "replace"),
                    done.stderr.decode("utf-8", "replace"))
    for secret in (TOKEN, SCIM_TOKEN):
        assert secret not in result.out + result.err, "a token in the output:\n%r" % result
    return result
