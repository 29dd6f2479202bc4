# SPDX-License-Identifier: MIT
"""Every request that the client sends is one that the descriptions of the services know.

tests/lua/test_every_operation.lua calls each operation once; what the practice account received is
held against tests/data/openapi (tests/lib/described.py): method, path, parameters, body. The
practice account has its routes from the catalogues, as the client has its calls, so a mistake
there would agree with itself; the descriptions are the third witness.
"""
import json
import os
import sys
import unittest

from place_kit import Practice
from test_plan_dry import ARGUMENTS

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, os.pardir, "lib"))
import described  # noqa: E402

SCRIPT = os.path.join(HERE, os.pardir, "lua", "test_every_operation.lua")
UID = "00000000-0000-4000-8000-000000000001"


class Sent(unittest.TestCase):
    def every(self, name, refused=()):
        service, seen = described.Service(name), set()
        with Practice() as place:
            done = place.moonlever("run", SCRIPT, "--service", name, "--yes", "--confirm", "1000", "--rate", "0",
                                   LUA_PATH_5_4=os.path.join(HERE, os.pardir, "lib", "?.lua") + ";;")
            self.assertEqual(done.code, 0, done)
            requests = place.log()
        for request in requests:
            if request["path"] == "/practice/storage":  # the storage host, which is no part of the service
                continue
            operation, breaches = service.breaches(request["method"], request["path"], request["body"])
            self.assertEqual((breaches, request["status"] < 300), ([], True), request)
            seen.add(operation)
        self.assertEqual(seen, service.ids() - set(refused))

    def test_screendesk(self):
        self.every("screendesk")

    def test_screendragon(self):
        self.every("screendragon")

    def test_workdrive(self):
        self.every("workdrive", refused={"messages_create_meeting"})

    def test_ready_made_scripts(self):
        """The services share an origin here, and two of them paths: one has to know the request."""
        services = [described.Service(name) for name in ("screendesk", "screendragon", "workdrive")]
        for name, lists in ARGUMENTS.items():
            for arguments in lists:
                with self.subTest(" ".join([name, *arguments])), Practice("--recordings", "25") as place:
                    done = place.moonlever("run", name, *arguments, "--yes", "--confirm", "1000", "--rate", "0")
                    self.assertIn(done.code, (0, 3), done)
                    log = place.log()
                    self.assertTrue(log)
                    for request in log:
                        known = [one.breaches(request["method"], request["path"], request["body"]) for one in services]
                        self.assertIn([], [breaches for _, breaches in known], request)


class Noticed(unittest.TestCase):
    """What the check is there to find."""

    def found(self, name, method, target, body, *wanted):
        text = body if body is None or isinstance(body, str) else json.dumps(body)
        _, breaches = described.Service(name).breaches(method, target, text)
        self.assertEqual(breaches, list(wanted))

    def test_what_is_right(self):
        self.found("workdrive", "PATCH", "/api/users/" + UID, {"status": "ARCHIVE"})
        self.found("workdrive", "GET", "/api/users?cur_page=1&per_page=100&location=" + UID, None)
        self.found("screendragon", "DELETE", "/api/users", [4, 5])

    def test_paths(self):
        self.found("workdrive", "GET", "/api/user", None, "GET /api/user is not described")
        self.found("workdrive", "POST", "/api/users", {}, "POST /api/users is not described")
        self.found("workdrive", "DELETE", "/api/posts/id", None, "id: 'id' is no id")
        self.found("screendragon", "DELETE", "/api/users/42.0", None, "id: '42.0' is no integer")
        self.found("workdrive", "POST", "/api/security_groups/1/members", {"ids": [UID]}, "groupId: '1' is no uuid")

    def test_printed_forms(self):
        self.found("workdrive", "PATCH", "/api/documnents", {}, "documents_update is not to be sent in this form")
        self.found("workdrive", "DELETE", "/api/documents?id=1", None, "documents_delete is not to be sent in this form")
        self.found("workdrive", "POST", "/api/departments", {"name": "L", "addedBy": UID},
                   "locations_create is not to be sent in this form")
        self.found("workdrive", "POST", "/api/group-chats", {"title": "M", "userIds": [UID], "duration": 5},
                   "messages_create_meeting is not to be sent in this form")

    def test_parameters(self):
        for query, wanted in (("curpage=1", "the parameter curpage is not described"),
                              ("cur_page=one", "cur_page: 'one' is no integer"),
                              ("cur_page=1&cur_page=2", "the parameter cur_page is there twice"),
                              ("location=here", "location: 'here' is no uuid")):
            self.found("workdrive", "GET", "/api/users?" + query, None, wanted)
        self.found("workdrive", "GET", "/api/posts?time=yesterday", None, "time: 'yesterday' is no date-time")
        self.found("workdrive", "GET", "/api/posts", None, "the parameter time is missing")
        self.found("workdrive", "GET", "/api/tasks?published=1", None, "published: '1' is no boolean")
        self.found("workdrive", "GET", "/api/tasks?sort_direction=UP", None,
                   "sort_direction: 'UP' is none of ['ASC', 'DESC']")

    def test_bodies(self):
        for body, wanted in (({"statsu": "ARCHIVE"}, "body.statsu is not described"),
                             ({"status": "GONE"}, "body.status: 'GONE' is none of "),
                             ({"isExpert": 1}, "body.isExpert: 1 is no boolean"),
                             ({"bio": None}, "body.bio is null"), ([], "body: [] is no object"),
                             ("{", "the body: Expecting"), (None, "the body is missing")):
            text = body if body is None or isinstance(body, str) else json.dumps(body)
            _, breaches = described.Service("workdrive").breaches("PATCH", "/api/users/" + UID, text)
            self.assertEqual(([one[:len(wanted)] for one in breaches]), [wanted])
        self.found("workdrive", "DELETE", "/api/users/" + UID, {"bulk": True}, "a body, where none is described")
        self.found("screendragon", "DELETE", "/api/users", ["4"], "body[0]: '4' is no integer")
        self.found("screendesk", "PATCH", "/api/v2/recordings/" + UID, {"title": "t"}, "body.title is not described")


if __name__ == "__main__":
    unittest.main()
