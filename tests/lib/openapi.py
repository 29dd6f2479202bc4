# SPDX-License-Identifier: MIT
"""A small Screendesk that follows the published description, and bends where a test says so.

The practice account shares a catalogue with the client; this one shares nothing: it is written
from the description alone, so a mistake in the catalogue shows here. Requests are checked as
strictly as the description allows (token of the right kind, media type, wrapped body, known
members), and a breach is kept in .breaches, which fails the test on leaving the `with` block.

    with openapi.Service(recordings=250) as service:
        result = wire.run(service, 'print(#moonlever)', "--yes")

`bend` is called before a request is answered and may answer in its place:

    def bend(service, request):       # request: method, path, query (dict of lists), body, n
        if request.path.endswith("/Users") and request.n == 1:
            return 500, {"detail": "no"}      # (status, object | bytes | None[, headers])
"""
import http.server
import json
import threading
import urllib.parse

import wire
from fixtures import recording, scim_user

USER_URN = "urn:ietf:params:scim:schemas:core:2.0:User"
ROLES = ("admin", "member", "editor")


class Request:
    def __init__(self, handler, n):
        target = urllib.parse.urlsplit(handler.path)
        self.method, self.path, self.n = handler.command, target.path, n
        self.raw_query = target.query
        self.query = urllib.parse.parse_qs(target.query, keep_blank_values=True, strict_parsing=bool(target.query))
        self.headers = handler.headers
        length = int(handler.headers.get("Content-Length") or 0)
        self.text = handler.rfile.read(length)
        self.body = json.loads(self.text) if self.text else None

    def __repr__(self):
        return "%s %s?%s" % (self.method, self.path, self.raw_query)


class Service:
    """State: .recordings (list), .users (REST, list), .scim (dict by id). Log: .requests."""

    def __init__(self, recordings=3, users=3, size=100, bend=None):
        self.recordings = [recording(n) for n in range(1, recordings + 1)]
        self.scim = {str(n): scim_user(n) for n in range(1, users + 1)}
        self.users = [{"email": u["userName"], "name": "Given Family", "role": "member"} for u in self.scim.values()]
        self.size, self.bend, self.requests, self.breaches = size, bend, [], []
        self.reads_show_external_id = False
        self.role_form = "names"
        self.lock = threading.RLock()
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def handle_any(self):
                service.answer(self)

            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, *_):
                pass  # a client that goes away is no failure of the server

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self.server.server_address[1]

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, kind, *_):
        self.server.shutdown()
        self.server.server_close()
        if kind is None:
            assert not self.breaches, "requests that break the description:\n" + "\n".join(self.breaches)

    # --- one request ------------------------------------------------------------------------

    def answer(self, handler):
        with self.lock:
            request = Request(handler, len(self.requests) + 1)
            self.requests.append(request)
            reply = self.bend(self, request) if self.bend else None
            if reply == "drop":
                handler.close_connection = True
                handler.connection.close()
                return
            self.send(handler, *(reply or self.route(request)))

    @staticmethod
    def send(handler, status, body=None, headers=None):
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        handler.send_response(status)
        if not any(name.lower() == "content-type" for name in headers or {}) and data:
            handler.send_header("Content-Type", "application/json; charset=utf-8")
        for name, value in (headers or {}).items():
            handler.send_header(name, value)
        if status != 204:
            handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        if status != 204 and handler.command != "HEAD":
            handler.wfile.write(data)

    def breach(self, request, why):
        self.breaches.append("%r: %s" % (request, why))

    def route(self, request):
        scim = request.path.startswith("/api/v2/scim/")
        token = wire.SCIM_TOKEN if scim else wire.TOKEN
        if request.headers.get("Authorization") != "Bearer " + token:
            self.breach(request, "the wrong token")
            return 401, {"error": {"message": "Access token is not valid", "code": 401}}
        if request.text and request.headers.get("Content-Type", "").split(";")[0] not in (
                "application/json", "application/scim+json"):
            self.breach(request, "a body that is not JSON")
        parts = request.path.split("/")[1:]
        if any(part == "" for part in parts):
            self.breach(request, "an empty part in the path")
        rest = parts[2:]
        if rest[0] == "recordings":
            return self.recording_call(request, rest[1:])
        if rest[0] == "users":
            return self.user_call(request, rest[1:])
        if rest[:2] == ["scim", "Users"]:
            return self.scim_call(request, [urllib.parse.unquote(part) for part in rest[2:]])
        return 404, b"<!DOCTYPE html><title>Not here</title>", {"Content-Type": "text/html"}

    # --- recordings and users ---------------------------------------------------------------

    def page(self, request, key, items):
        number = int(request.query.get("page", ["1"])[0])
        for name in set(request.query) - {"page"}:
            self.breach(request, "an undocumented parameter " + name)
        last = max(1, -(-len(items) // self.size))
        part = items[(number - 1) * self.size:number * self.size]
        pagination = {"count": len(items), "page": number, "items": self.size, "pages": last, "last_page": last,
                      "from": (number - 1) * self.size + 1, "to": (number - 1) * self.size + len(part)}
        if number < last:
            pagination["next_page"] = number + 1
        return 200, {"pagination": pagination, key: part}

    def recording_call(self, request, rest):
        if not rest:
            return self.page(request, "records", self.recordings)
        found = [r for r in self.recordings if r["uuid"] == rest[0]]
        if not found:
            return 404, {"error": {"message": "No recording with this id", "code": 404}}
        if request.method == "PATCH":
            fields = (request.body or {}).get("recording")
            if not isinstance(fields, dict) or list(request.body) != ["recording"]:
                self.breach(request, "the body is not wrapped in recording")
                return 200, found[0]
            if set(fields) - {"title", "summary", "description"} or fields.get("title", "") is None:
                self.breach(request, "a member that cannot be set")
                return 422, {"error": "Not valid"}
            found[0].update(fields)
        elif request.method != "GET":
            self.breach(request, "no such operation")
        return 200, found[0]

    def user_call(self, request, rest):
        if not rest:
            return self.page(request, "users", self.users)
        email = request.query.get("email", [None])[0]
        if email is None:
            return 400, {"error": "Parameter email is missing"}
        for user in self.users:
            if user["email"] == email:
                return 200, user
        return 404, {"error": {"message": "No user with this email", "code": "404"}}

    # --- SCIM -------------------------------------------------------------------------------

    @staticmethod
    def scim_error(status, detail):
        # SD-22: the status in the body is a string, and not always the same one.
        return status, {"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "detail": detail, "status": "400"}

    def shown(self, user):
        shown = {name: value for name, value in user.items()
                 if name != "externalId" or self.reads_show_external_id}
        if self.role_form == "flags":
            shown["roles"] = {role: role in user["roles"] for role in ROLES}
        return shown

    def find(self, name):
        for user in self.scim.values():
            if name in (user["id"], user.get("externalId")):
                return user
        return None

    def stored(self, request, number):
        """SD-15, SD-16: what is left out is gone; roles have defaults."""
        body = request.body
        for name in set(body) - {"schemas", "userName", "name", "emails", "externalId", "active", "roles"}:
            self.breach(request, "a member that is not in the description: " + name)
        roles = body.get("roles")
        if roles is not None and not (isinstance(roles, dict) and all(isinstance(v, bool) for v in roles.values())):
            self.breach(request, "roles are no flags")
        if body.get("schemas") != [USER_URN]:
            self.breach(request, "schemas are missing")
        flags = {"member": True} if roles is None else roles
        user = {"schemas": [USER_URN], "id": number, "userName": body.get("userName"), "name": body.get("name") or {},
                "emails": body.get("emails") or [], "active": body.get("active", True),
                "roles": [role for role in ROLES if flags.get(role)]}
        if body.get("externalId"):
            user["externalId"] = body["externalId"]
        return user

    def scim_call(self, request, rest):
        if not rest:
            return self.scim_collection(request)
        user = self.find(rest[0])
        if not user:
            return self.scim_error(404, "No user with this id")
        if request.method == "DELETE":
            if user["id"] == "1":
                return self.scim_error(403, "The owner of the account cannot be removed")
            del self.scim[user["id"]]
            return 204, None
        if request.method == "PUT":
            user = self.stored(request, user["id"])
            self.scim[user["id"]] = user
        elif request.method != "GET":
            self.breach(request, "no such operation")
        return 200, self.shown(user)

    def scim_collection(self, request):
        if request.method == "POST":
            if any(u["userName"] == request.body.get("userName") for u in self.scim.values()):
                return self.scim_error(422, "userName is already taken")
            user = self.stored(request, str(1 + max([int(number) for number in self.scim] + [0])))
            self.scim[user["id"]] = user
            return 201, self.shown(user)
        if request.query:
            self.breach(request, "parameters on the first read of the list")
        users = [self.shown(user) for user in self.scim.values()]
        return 200, {"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
                     "totalResults": len(users), "Resources": users}

    # --- for tests --------------------------------------------------------------------------

    def calls(self, *methods):
        """The requests so far as "METHOD path", only of these methods when given."""
        return ["%s %s" % (r.method, r.path) for r in self.requests if not methods or r.method in methods]

    def writes(self):
        return [r for r in self.requests if r.method not in ("GET", "HEAD")]
