# SPDX-License-Identifier: MIT
"""For the tests of connections: certificates, a TLS server, and the library as a host uses it.

    with Folder() as folder:
        pair = folder.certificate("localhost")          # (certificate, key), self-signed
        with TlsServer(*pair) as server:
            code, out, error = run_library(SCRIPT, server.url, ca_file=pair[0])
"""
import ctypes
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading

OPENSSL = shutil.which("openssl")
SANITIZED = bool(os.environ.get("MOONLEVER_SANITIZED"))  # python cannot load such a library
STATE = tempfile.TemporaryDirectory(prefix="moonlever-net-")
JOURNAL = os.path.join(STATE.name, "journal.db")  # nobody's own
LIBRARY = os.path.join(os.environ.get("MOONLEVER_BUILD", ""), "libmoonlever.so")


class Folder(tempfile.TemporaryDirectory):
    """A temporary folder that makes certificates in itself."""

    def __enter__(self):
        super().__enter__()
        return self

    def path(self, name):
        return os.path.join(self.name, name)

    def certificate(self, host, days=2):
        """A self-signed certificate; days < 0: expired."""
        stem = self.path("%s%d" % (host, days))
        request, key, cert = stem + ".csr", stem + ".key", stem + ".pem"
        self._openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", request,
                      "-subj", "/CN=%s" % host)
        with open(stem + ".ext", "w", encoding="ascii") as file:
            file.write("subjectAltName=DNS:%s\nbasicConstraints=CA:TRUE\n" % host)
        self._openssl("x509", "-req", "-in", request, "-signkey", key, "-out", cert,
                      "-days", str(days), "-extfile", stem + ".ext")
        return cert, key

    @staticmethod
    def _openssl(*args):
        done = subprocess.run([OPENSSL, *args], capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()


class TcpServer:
    """Accepts, hands each connection to serve(sock) on a thread of its own, and counts."""

    def __init__(self):
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        self._threads = []

    def __enter__(self):
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._acceptor.join(10)
        for thread in self._threads:
            thread.join(10)

    def _accept(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return  # __exit__ closed it
            self.connections += 1
            sock.settimeout(30)
            thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock):
        try:
            with sock:
                self.serve(sock)
        except (OSError, ValueError):
            pass  # the client went away: what came before is kept


class TlsServer(TcpServer):
    """HTTP/1.1 over TLS: every request is answered with the same JSON."""

    def __init__(self, cert, key, body=b"{}", host="localhost"):
        super().__init__()
        self.url = "https://%s:%d" % (host, self.port)
        self.requests, self._body = [], body
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(cert, key)

    def serve(self, sock):
        with self._context.wrap_socket(sock, server_side=True) as tls:
            stream = tls.makefile("rb")
            while True:
                line = stream.readline()
                if not line:
                    return
                self.requests.append(line.decode("latin-1").strip())
                while stream.readline() not in (b"\r\n", b""):
                    pass
                tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                            % (len(self._body), self._body))


def run_library(script, url, **settings):
    """Runs the text of a script in this process; (exit code, output, error)."""
    lib = ctypes.CDLL(LIBRARY)
    lib.moonlever_errmsg.restype = ctypes.c_char_p
    output_fn = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.POINTER(ctypes.c_char), ctypes.c_size_t)
    handle, out = ctypes.c_void_p(), []
    on_output = output_fn(lambda _ud, text, size: out.append(text[:size]))
    assert lib.moonlever_open(ctypes.byref(handle)) == 0
    try:
        lib.moonlever_on_output(handle, on_output, None)
        settings = {"origin": "SCREENDESK_URL=" + url, "journal": JOURNAL, **settings}
        for pair in [*settings.items(), ("credential", "SCREENDESK_TOKEN=wire-test-token")]:
            code = lib.moonlever_set(handle, pair[0].encode(), str(pair[1]).encode())
            assert code == 0, (pair[0], lib.moonlever_errmsg(handle))
        text = script.encode()
        code = lib.moonlever_run_text(handle, b"test.lua", text, ctypes.c_size_t(len(text)), 0, None)
        assert code == 0, lib.moonlever_errmsg(handle)
        while not lib.moonlever_run_done(handle):
            assert lib.moonlever_wait(handle, 60000) >= 0, lib.moonlever_errmsg(handle)
        error = (lib.moonlever_errmsg(handle) or b"").decode()
        return lib.moonlever_exit_code(handle), b"".join(out).decode(), error
    finally:
        lib.moonlever_close(handle)
