# SPDX-License-Identifier: MIT
"""A small Screendragon and WorkDrive, made from the published descriptions alone.

As openapi.py for Screendesk: this shares nothing with the program and its catalogues. Each
request must be an operation of tests/data/openapi/*.json (with the corrections that are inferred
there), with parameters and members that are described; anything else is a breach, which fails
the test on leaving the `with` block. Behind that is one store: objects by id for each resource.

    with accounts.Service("workdrive") as service:
        service.put("users", {"id": "u1", "email": "a@b.example"})
        result = accounts.run(service, 'print(1)', "--yes")

`bend(service, request)` may answer in place of the service: (status, object | bytes | None) or
"drop". service.effects lists what was applied, as (operationId, id).
"""
import json
import os
import re
import urllib.parse

import openapi
import wire

HERE = os.path.dirname(os.path.abspath(__file__))
TOKENS = {"screendragon": "dragon-test-token", "workdrive": "drive-test-token"}
HEADERS = {"screendragon": ("Authorization", "Bearer "), "workdrive": ("X-API-KEY", "")}
ITEMS = {"users": "users", "posts": "posts", "news": "news", "events": "events", "videos": "videos",
         "photos": "photos", "documents": "docs", "faqs": "data", "categories": "categories",
         "enforcement_templates": "notificationTemplates", "courses": "taskLists", "tasks": "tasks",
         "group_chats": "conversations", "departments": "departments", "locations": "locations",
         "security_groups": "groups"}
# Printed wrongly (tests/data/openapi, x-alternative): never to be sent.
WRONG = {"documents_update", "documents_delete", "courses_list", "locations_create"}


def uid(n):
    return "00000000-0000-4000-8000-%012d" % n


class Operation:
    def __init__(self, document, path, method, spec):
        self.document, self.method, self.spec = document, method.upper(), spec
        self.id = re.sub("_alt$", "", spec["operationId"])
        self.wrong = spec["operationId"] in WRONG
        self.resource, _, self.verb = self.id.partition("_")
        for name in [*ITEMS, "module_codes"]:
            if self.id.startswith(name + "_") and len(name) > len(self.resource):
                self.resource, self.verb = name, self.id[len(name) + 1:]
        self.pattern = re.compile(re.sub(r"\{[^}]*\}", "([^/]+)", path) + "$")
        self.query = {p["name"] for p in spec.get("parameters", []) if p["in"] == "query"}
        self.literal = "{" not in path

    def members(self, schema):
        """The member names of a schema, or None where it leaves them open."""
        if "$ref" in schema:
            schema = self.document["components"]["schemas"][schema["$ref"].split("/")[-1]]
        names = set(schema.get("properties", {}))
        for part in schema.get("allOf", []) + schema.get("oneOf", []) + schema.get("anyOf", []):
            names |= self.members(part) or set()
        return names or None

    def body_members(self):
        content = self.spec.get("requestBody", {}).get("content", {}).get("application/json", {})
        return self.members(content.get("schema", {})) if content else set()


def operations(name):
    with open(os.path.join(HERE, "..", "data", "openapi", name + ".json"), encoding="utf-8") as file:
        document = json.load(file)
    found = [Operation(document, path, method, spec) for path, item in document["paths"].items()
             for method, spec in item.items() if method in ("get", "post", "put", "patch", "delete")]
    return sorted(found, key=lambda operation: not operation.literal)


class Service(openapi.Service):
    def __init__(self, name, bend=None, size=100):
        self.name, self.operations = name, operations(name)
        self.store, self.members, self.effects, self.next = {}, {}, [], 500
        super().__init__(recordings=0, users=0, size=size, bend=bend)

    def put(self, resource, *objects):
        for thing in objects:
            key = "userID" if self.name == "screendragon" else "id"
            self.store.setdefault(resource, {})[str(thing[key])] = thing

    def get(self, resource, key):
        return self.store.get(resource, {}).get(str(key))

    # --- one request ------------------------------------------------------------------------

    def route(self, request):
        header, prefix = HEADERS[self.name]
        if request.headers.get(header) != prefix + TOKENS[self.name]:
            self.breach(request, "the wrong credential")
            return 401, {"error": "no"}
        for operation in self.operations:
            found = operation.pattern.match(request.path)
            if found and operation.method == request.method:
                return self.call(request, operation, [urllib.parse.unquote(part) for part in found.groups()])
        self.breach(request, "no such operation")
        return 404, {"error": "no such operation"}

    def call(self, request, operation, ids):
        request.operation = operation
        if operation.wrong:
            self.breach(request, "a form that is printed wrongly")
        if set(request.query) - operation.query:
            self.breach(request, "undocumented parameters")
        if "id" in ids:
            self.breach(request, "the word id in the place of an id")
        members = operation.body_members()
        if isinstance(request.body, dict) and members is not None and set(request.body) - members:
            self.breach(request, "undocumented members %s" % sorted(set(request.body) - members))
        special = getattr(self, operation.id, None) or getattr(self, self.name + "_" + operation.verb, None)
        return (special or self.generic)(request, operation, ids)

    def applied(self, operation, key):
        self.effects.append((operation.id, str(key)))

    def generic(self, request, operation, ids):
        things = self.store.setdefault(operation.resource, {})
        effect = operation.spec.get("x-effect")
        if effect == "read":
            return self.listing(request, operation, list(things.values()))
        if effect == "create":
            self.next += 1
            thing = dict({"postedAt": "2025-01-21T00:00:00.000Z"} if operation.resource in ("posts", "news") else {},
                         **dict(request.body or {}, id=uid(self.next)))
            things[thing["id"]] = thing
            self.applied(operation, thing["id"])
            return 200, thing
        if ids[0] not in things:
            return 404, {"message": "not there"}
        self.applied(operation, ids[0])
        if effect == "delete":
            del things[ids[0]]
            return 204, None
        things[ids[0]].update(request.body)
        return 200, things[ids[0]]

    # --- WorkDrive --------------------------------------------------------------------------

    def listing(self, request, operation, things):
        style = operation.spec.get("x-pagination", {}).get("style")
        if style == "none":
            return 200, things
        if style == "time_cursor":
            return self.by_time(request, operation, things)
        for name in request.query:
            if name not in ("cur_page", "per_page", "sort_direction", "time"):
                things = [t for t in things if str(t.get(name, request.query[name][0])) == request.query[name][0]]
        number, asked = int(request.query["cur_page"][0]), int(request.query["per_page"][0])
        size = min(self.size, asked)
        last = max(1, -(-len(things) // size))
        meta = {"perPage": size, "totalPages": last, "totalResults": len(things), "curPage": number,
                "nextPage": number + 1 if number < last else 0}
        return 200, {ITEMS[operation.resource]: things[(number - 1) * size:number * size], "meta": meta}

    def by_time(self, request, operation, things):
        size = int(request.query["per_page"][0])
        if "fromDate" in request.query:
            low, high = request.query["fromDate"][0], request.query["toDate"][0]
            things = [t for t in things if low <= t["startDateTime"][:19] < high]
        else:
            things = [t for t in things if t.get("postedAt", t.get("startDateTime")) <= request.query["time"][0]]
        things = sorted(things, key=lambda t: t.get("postedAt", t.get("startDateTime")), reverse=True)
        return 200, {ITEMS[operation.resource]: things[:size], "meta": {"totalResults": len(things)}}

    def users_create(self, request, operation, ids):
        return self.generic(request, operation, ids) if self.name == "workdrive" else self.dragon_create(request)

    def users_update(self, request, operation, ids):
        return self.generic(request, operation, ids) if self.name == "workdrive" else self.dragon_update(request, ids)

    def users_list(self, request, operation, ids):
        things = list(self.store.setdefault("users", {}).values())
        return self.listing(request, operation, things) if self.name == "workdrive" else (200, things)

    def users_delete(self, request, operation, ids):
        return self.generic(request, operation, ids) if self.name == "workdrive" else self.dragon_delete(ids)

    def users_bulk_create(self, request, operation, _):
        made = []
        for item in request.body["data"]:
            self.next += 1
            made.append(dict(item, id=uid(self.next)))
            self.put("users", made[-1])
            self.applied(operation, made[-1]["id"])
        return 200, made

    def users_bulk_delete(self, request, operation, _):
        if self.name == "screendragon":
            return self.dragon_bulk_delete(request, operation)
        for key in request.body["id"]:
            self.store["users"].pop(key, None)
            self.applied(operation, key)
        return 200, None

    def users_list_supervisors(self, request, operation, _):
        return self.listing(request, operation, list(self.store.get("users", {}).values()))

    def tokens_generate(self, request, operation, _):
        self.applied(operation, request.body["userId"])
        return 200, {"userId": request.body["userId"], "token": "issued-secret-token"}

    def organizations_update(self, request, operation, ids):
        self.applied(operation, ids[0])
        return 200, dict(request.body, id=ids[0])

    def documents_create(self, request, operation, _):
        self.next += 1
        self.put("documents", dict(request.body, id=uid(self.next), updatedAt="2025-01-01T00:00:%02dZ" % (self.next % 60)))
        self.applied(operation, uid(self.next))
        return 200, request.body

    def documents_update(self, request, operation, ids):
        thing = self.get("documents", ids[0])
        kb = dict(request.body.get("kb", {}))
        gone = kb.pop("removeOwnerIds", [])
        owners = [o for o in thing.get("owners", []) if o["id"] not in gone]
        thing["owners"] = owners + [{"id": key} for key in kb.pop("newOwnerIds", [])]
        thing.update({name: kb[name] for name in kb if name != "permissions"})
        self.applied(operation, ids[0])
        return 200, thing

    def faqs_create(self, request, operation, _):
        self.applied(operation, "?")
        return 200, request.body

    def faqs_update(self, request, operation, ids):
        self.applied(operation, ids[0])
        return 200, request.body

    def faqs_delete(self, _, operation, ids):
        self.applied(operation, ids[0])
        return 204, None

    def notifications_send(self, _, operation, ids):
        self.applied(operation, "?")
        return 200, None

    def messages_send(self, request, operation, ids):
        self.applied(operation, ids[0])
        return 200, dict(request.body, id=uid(900))

    def media_create(self, request, operation, _):
        self.applied(operation, request.query["name"][0])
        return 200, {"fileId": uid(700), "url": "x", "signedRequest": {"url": "x", "fields": {"policy": "signed"}}}

    def categories_list(self, request, operation, _):
        return self.listing(request, operation, list(self.store.get("categories", {}).values()))

    def group_chats_delete(self, request, operation, _):
        return self.generic(request, operation, request.query["id"])

    def group_chats_update(self, request, operation, ids):
        thing, body = self.get("group_chats", ids[0]), dict(request.body)
        gone = body.pop("removedAdmins", [])
        thing["admins"] = [a for a in thing.get("admins", []) if a not in gone] + body.pop("newAdmins", [])
        thing.update(body)
        self.applied(operation, ids[0])
        return 200, thing

    def move(self, operation, key, add, remove):
        there = self.members.setdefault((operation.resource, key), [])
        ids = [item["id"] if isinstance(item, dict) else item for item in add]
        there[:] = [m for m in there if m not in remove] + [m for m in ids if m not in there]
        self.applied(operation, key)
        return there

    def list_members(self, _, operation, ids):
        there = self.members.get((operation.resource, ids[0]), [])
        return 200, {"members": [{"id": key, "firstName": "N"} for key in there]}

    departments_list_members = locations_list_members = list_members

    def update_members(self, request, operation, ids):
        self.move(operation, ids[0], request.body.get("addMembers", []), request.body.get("removeMembers", []))
        return 200, self.get(operation.resource, ids[0])

    departments_update_members = locations_update_members = update_members

    def departments_update_heads(self, request, operation, ids):
        thing = self.get("departments", ids[0])
        self.members[("departments", ids[0])] = [a["id"] for a in thing["admins"]]
        remove = [request.body["remove"]] if "remove" in request.body else []
        there = self.move(operation, ids[0], request.body.get("add", []), remove)
        thing["admins"] = [{"id": key} for key in there]
        return 200, thing

    def count_members(self, request, operation, ids):
        remove = operation.id == "security_groups_remove_members"
        there = self.move(operation, ids[0], [] if remove else request.body["ids"], request.body["ids"] if remove else [])
        self.get("security_groups", ids[0])["memberCount"] = len(there)
        return 204, None

    security_groups_add_members = security_groups_remove_members = count_members

    def tasks_assign(self, request, operation, ids):
        thing = self.get("tasks", ids[0])
        self.members[("tasks", ids[0])] = [a["id"] for a in thing["assignedUserIds"]]
        there = self.move(operation, ids[0], request.body.get("userIds", []), request.body.get("removeIds", []))
        thing["assignedUserIds"] = [{"id": key} for key in there]
        return 200, thing

    def tasks_create(self, request, operation, ids):
        status, thing = self.generic(request, operation, ids)
        thing["assignedUserIds"] = [{"id": key} for key in thing.pop("userIds", [])]
        return status, thing

    # --- Screendragon -----------------------------------------------------------------------

    def users_get(self, _, __, ids):
        thing = self.get("users", ids[0])
        return (200, thing) if thing else (400, {"error": "No data."})

    def users_get_by_username(self, _, __, ids):
        for thing in self.store["users"].values():
            if thing["UserName"] == ids[0]:
                return 200, thing
        return 400, {"error": "No Data"}

    def dragon_create(self, request):
        self.next += 1
        body = request.body
        self.put("users", {"userID": self.next, "UserName": body["userName"], "FirstName": body.get("firstName"),
                           "LastName": body.get("lastName"), "email": body.get("email"), "status": "active"})
        self.effects.append(("users_create", str(self.next)))
        return 200, self.next

    def change(self, key, first, last, email):
        self.get("users", key).update(FirstName=first, LastName=last, email=email)
        self.effects.append(("users_update", str(key)))

    def dragon_update(self, request, ids):
        if set(request.body) != {"firstName", "lastName", "email"}:
            self.breach(request, "not all three members")
        self.change(ids[0], request.body["firstName"], request.body["lastName"], request.body["email"])
        return 200, {"message": "User updated successfully."}

    def users_bulk_update(self, request, *_):
        for item in request.body:
            if set(item) - {"Role"} != {"UserId", "FirstName", "LastName", "Email"}:
                self.breach(request, "not all members")
            self.change(item["UserId"], item["FirstName"], item["LastName"], item["Email"])
        return 200, {"message": "accepted for processing"}

    def dragon_delete(self, ids):
        self.get("users", ids[0])["status"] = "inactive"
        self.effects.append(("users_delete", ids[0]))
        return 200, {"message": "User deactivated successfully."}

    def dragon_bulk_delete(self, request, operation):
        for key in request.body:
            self.get("users", key)["status"] = "inactive"
            self.applied(operation, key)
        return 202, {"message": "accepted for processing"}


def environment(service):
    upper = service.name.upper()
    key = "WORKDRIVE_API_KEY" if service.name == "workdrive" else upper + "_TOKEN"
    return {upper + "_URL": service.url, key: TOKENS[service.name]}


def run(service, script, *flags, **env):
    """Runs the text of a script; `wd` or `sg` is the connected client."""
    short = {"workdrive": "wd", "screendragon": "sg"}[service.name]
    head = 'local moonlever = require "moonlever"\n'
    if "moonlever.script" not in script:
        script = "local %s = moonlever.connect %r\n%s" % (short, service.name, script)
    done = wire.run(service, head + script, *flags, **dict(environment(service), MOONLEVER_SETTLE="0.2", **env))
    for secret in TOKENS.values():
        assert secret not in done.out + done.err, done
    return done
