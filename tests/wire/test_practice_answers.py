# SPDX-License-Identifier: MIT
"""What the practice account answers for Screendragon and WorkDrive, held against the descriptions.

Its shapes come from the catalogues, so a mistake there would be in client and server alike; the
descriptions in tests/data/openapi are the third witness. Every operation of both services is called
once, as the description has it, and has to succeed with an answer that fits.
"""
import json
import os
import re
import subprocess
import unittest
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.environ["MOONLEVER"]
TYPES = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "object": dict, "array": list}
TEAM = {"public": False, "team": True}


class Description:
    def __init__(self, name):
        with open(os.path.join(HERE, os.pardir, "data", "openapi", name + ".json"), encoding="utf-8") as file:
            self.root = json.load(file)
        self.operations = {}
        for path, methods in self.root["paths"].items():
            for method, op in methods.items():
                if isinstance(op, dict) and "operationId" in op:
                    self.operations[op["operationId"]] = (method.upper(), path, op)

    def resolve(self, node):
        while "$ref" in node:
            target = self.root
            for part in node["$ref"].lstrip("#/").split("/"):
                target = target[part]
            node = target
        return node

    def answer(self, operation):
        """The schema of a success, None where no body is described."""
        for status, response in self.operations[operation][2]["responses"].items():
            if status.startswith("2"):
                content = self.resolve(response).get("content", {})
                return next(iter(content.values()))["schema"] if content else None
        raise AssertionError(operation + " describes no success")

    def misfits(self, schema, value, where=""):
        """What of the value does not fit, as a list of texts."""
        schema = self.resolve(schema)
        if value is None:
            # Whether an object or the next page may be null is not described: clients are to expect it.
            may = schema.get("nullable") or schema.get("type") in (None, "object") or where.endswith(".nextPage")
            return [] if may else [where + ": null"]
        for choice in ("oneOf", "anyOf"):
            if choice in schema:
                found = [self.misfits(one, value, where) for one in schema[choice]]
                return min(found, key=len)
        out = [text for one in schema.get("allOf", ()) for text in self.misfits(one, value, where)]
        wanted = schema.get("type")
        if wanted:
            right = isinstance(value, TYPES[wanted]) and not (isinstance(value, bool) and wanted != "boolean")
            if not right:
                return out + ["%s: %r is no %s" % (where, value, wanted)]
        if "enum" in schema and value not in schema["enum"]:
            out.append("%s: %r is none of %s" % (where, value, schema["enum"]))
        if isinstance(value, dict):
            out += ["%s.%s is missing" % (where, name) for name in schema.get("required", ()) if name not in value]
            known = schema.get("properties", {})
            for name, member in value.items():
                if name in known:
                    out += self.misfits(known[name], member, where + "." + name)
        if isinstance(value, list) and "items" in schema:
            for n, item in enumerate(value):
                out += self.misfits(schema["items"], item, "%s[%d]" % (where, n))
        return out


class Account:
    def __init__(self):
        self.process = subprocess.Popen([PROGRAM, "practice", "-q"], stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        self.env = {}
        while len(self.env) < 7:
            name, value = re.match(r"export (\w+)='?([^'\n]*)'?", self.process.stdout.readline()).groups()
            self.env[name] = value

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()

    def call(self, method, path, body=None, headers=None):
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.env["WORKDRIVE_URL"] + path, data, headers or {}, method=method)
        if data is not None:
            request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request) as answer:
            text = answer.read()
            return json.loads(text) if text else None

    def kept(self, name):
        return self.call("GET", "/practice/records?of=" + name)


class Answers(unittest.TestCase):
    def setUp(self):
        self.account = Account()
        self.addCleanup(self.account.close)
        self.called = set()

    def check(self, operation, body=None, query="", target=None):
        """Calls the operation, with the id that its path names, and returns the answer."""
        method, path, _ = self.description.operations[operation]
        if target is not None:  # also where the path has the bare word (WD-07) or a stray brace (WD-43)
            path = re.sub(r"\{\w+\}|(?<=/)id$", str(target), path).rstrip("}")
        answer = self.account.call(method, path + query, body, self.headers)
        schema = self.description.answer(operation)
        if schema is not None and answer is not None:
            self.assertEqual(self.description.misfits(schema, answer)[:5], [], operation)
        self.called.add(operation)
        return answer

    def test_screendragon(self):
        self.description = Description("screendragon")
        self.headers = {"Authorization": "Bearer " + self.account.env["SCREENDRAGON_TOKEN"]}
        people = self.check("users_list", query="?activeAndInactive=true&includeGroups=true&includeCreateData=true")
        self.check("users_get", target=people[3]["userID"])
        self.check("users_create", {"userName": "n", "firstName": "N", "lastName": "F", "email": "n@example.com",
                                    "encryptPassword": True, "groupTags": ["studio"], "isTsIngestUser": 0,
                                    "ssoUser": 0})
        self.check("users_update", {"firstName": "N", "lastName": "F", "email": "n@example.com"},
                   target=people[3]["userID"])
        self.check("users_bulk_update", [{"UserId": people[4]["userID"], "FirstName": "A", "LastName": "B",
                                          "Email": "a@example.com"}])
        self.check("users_delete", target=people[5]["userID"])
        self.check("users_bulk_delete", [people[6]["userID"]])
        by_name = next(op for op in self.description.operations if op.startswith("users_get_by_username"))
        method, path, _ = self.description.operations[by_name]
        path = "/api/users/UserDetails/" + people[3]["UserName"]
        answer = self.account.call(method, path, headers=self.headers)
        self.assertEqual(self.description.misfits(self.description.answer(by_name), answer), [])
        self.called.add(by_name)
        self.assertEqual(sorted(set(self.description.operations) - self.called), [])

    def people_of_workdrive(self):
        check = self.check
        users = check("users_list", query="?per_page=40")["users"]
        check("users_list_supervisors")
        made = check("users_create", {"email": "new@example.com", "firstName": "New"})
        check("users_update", {"bio": "b"}, target=made["id"])
        check("users_delete", target=made["id"])
        check("users_bulk_create", {"data": [{"email": "a@example.com"}, {"email": "b@example.com"}]})
        check("users_bulk_delete", {"id": [self.account.kept("workdrive.users")[-1]["id"]]})
        org = check("organizations_create", {"name": "Other", "auth": {"method": "internal"}})
        check("organizations_update", {"phone": "1"}, target=org["id"])
        check("tokens_generate", {"userId": users[9]["id"]})
        head = {"id": users[20]["id"], "isDepartmentHead": True}
        made = check("departments_create", {"name": "Lab", "members": [head]})
        check("departments_list")
        check("departments_update", {"name": "Laboratory"}, target=made["id"])
        check("departments_update_heads", {"add": [{"id": users[21]["id"]}]}, target=made["id"])
        check("departments_update_members", {"addMembers": [{"id": users[22]["id"]}]}, target=made["id"])
        check("departments_list_members", target=made["id"])
        check("departments_delete", target=made["id"])
        check("locations_create_alt", {"name": "Oslo"})
        place = self.account.kept("workdrive.locations")[-1]["id"]
        check("locations_list")
        check("locations_update", {"name": "Bergen"}, target=place)
        check("locations_update_members", {"addMembers": [users[1]["id"]]}, target=place)
        check("locations_list_members", target=place)
        check("locations_delete", target=place)
        group = check("security_groups_list")["groups"][0]["id"]
        check("security_groups_add_members", {"ids": [users[8]["id"]]}, target=group)
        check("security_groups_remove_members", {"ids": [users[8]["id"]]}, target=group)
        check("sso_create", {"type": "QUICK_LINK", "link": "https://example.com", "name": "n"})
        check("sso_list")
        return users

    def content_of_workdrive(self, users):
        check, time = self.check, "?per_page=50&time=2030-01-01T00:00:00Z"
        post = check("posts_create", {"permissions": TEAM, "status": "PUBLISHED", "tags": ["a"], "postText": "t"})
        check("posts_list", query=time)
        check("posts_update", {"postText": "u"}, target=post["id"])
        check("posts_delete", target=post["id"])
        news = check("news_create", {"permissions": TEAM, "newsTitle": "t", "tags": ["a"]})
        check("news_list", query=time)
        check("news_update", {"newsTitle": "u"}, target=news["id"])
        check("news_delete", target=news["id"])
        event = check("events_create", {"permissions": TEAM, "title": "t", "startDateTime": "2026-01-01T09:00:00Z",
                                        "endDateTime": "2026-01-01T10:00:00Z"})
        check("events_list", query=time)
        check("events_update", {"title": "u"}, target=event["id"])
        check("events_delete", target=event["id"])
        video = check("videos_create", {"permissions": TEAM, "title": "t", "source": 1})
        check("videos_list")
        check("videos_update", {"title": "u"}, target=video["id"])
        check("videos_delete", target=video["id"])
        photo = check("photos_create", {"permissions": TEAM, "title": "t"})
        check("photos_list")
        check("photos_update", {"title": "u"}, target=photo["id"])
        check("photos_delete", target=photo["id"])
        check("documents_create", {"permissions": TEAM, "name": "n", "category": "c", "ownerIds": [users[1]["id"]]})
        document = check("documents_list", query="?category=c")["docs"][0]
        check("documents_update_alt", {"kb": {"name": "m"}}, target=document["id"])
        check("documents_delete_alt", target=document["id"])
        check("faqs_create", {"permissions": TEAM, "kb": {"name": "n"}, "qas": [{"question": "q", "answer": "a"}]})
        check("faqs_list")
        entry = self.account.kept("workdrive.entries")[-1]["id"]
        check("faqs_update", {"kb": {"name": "m"}}, target=entry)
        check("faqs_delete", target=entry)
        check("media_create", query="?mime=text%2Fplain&name=a.txt&moduleCode=1")

    def work_of_workdrive(self, users):
        check = self.check
        check("categories_list", query="?moduleCode=1")
        check("enforcement_templates_list")
        check("module_codes_list")
        course = check("courses_list_alt")["taskLists"][0]
        check("courses_delete", target=course["id"])
        check("tasks_list")
        task = check("tasks_create", {"title": "t", "status": "draft"})
        check("tasks_update", {"title": "u", "status": "publish"}, target=task["id"])
        check("tasks_assign", {"userIds": [users[2]["id"]]}, target=task["id"])
        check("tasks_delete", target=task["id"])
        check("group_chats_list", query="?include_participants=true")
        chat = check("group_chats_create", {"groupType": "CHAT_GROUP", "title": "t", "members": []})
        check("group_chats_update", {"title": "u"}, target=chat["id"])
        check("messages_send", {"message": "m"}, target=chat["id"])
        check("messages_send_alt", {"message": "m"}, target=chat["id"])
        check("group_chats_delete", query="?id=" + chat["id"])
        note = {"title": "t", "medium": "PUSH", "receiverUserIds": [users[2]["id"]]}
        check("notifications_send", note)
        check("notifications_send_alt", note)

    def test_workdrive(self):
        self.description = Description("workdrive")
        self.headers = {"X-API-KEY": self.account.env["WORKDRIVE_API_KEY"]}
        users = self.people_of_workdrive()
        self.content_of_workdrive(users)
        self.work_of_workdrive(users)
        printed = {"documents_update", "documents_delete", "courses_list", "locations_create"}
        left = set(self.description.operations) - self.called - printed
        self.assertEqual(sorted(left), [])
        stats = self.account.call("GET", "/practice/stats")
        self.assertEqual(stats["printed"], {})
        idle = [name for name, count in stats["operations"].items()
                if name.startswith("workdrive.") and count["received"] == 0]
        self.assertEqual(idle, ["workdrive.tasks.create_and_assign"], "told from create by its body")


if __name__ == "__main__":
    unittest.main()
