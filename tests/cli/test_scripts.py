# SPDX-License-Identifier: MIT
"""The ready-made scripts against a small account that keeps what it is told."""
import csv
import json
import os
import re
import tempfile
import unittest
from urllib.parse import parse_qs, urlsplit

from cli_kit import FOLDER, moonlever
from lib import wire
from lib.fixtures import page, recording, scim_user

FORBIDDEN = (403, {"error": {"message": "API access not enabled or insufficient permissions", "code": 403}})


class Account:
    """Recordings, users and SCIM users behind the documented paths. `refuse` maps a method and
    path to the answer that it gets instead."""

    def __init__(self, recordings=(), scim=(), users=()):
        self.recordings = {rec["uuid"]: rec for rec in recordings}
        self.scim = {user["id"]: user for user in scim}
        self.users = list(users)
        self.refuse = {}
        self.writes = []

    def answer(self, request):
        url = urlsplit(request.target)
        status, body = self.refuse.get((request.method, url.path)) or self.route(request, url)
        return wire.json(status, body)

    def route(self, request, url):
        parts = url.path.split("/")[3:]
        if request.method != "GET":
            self.writes.append((request.method, parts[-1], request.json()))
        if parts == ["recordings"]:
            number = int(parse_qs(url.query).get("page", ["1"])[0])
            records = list(self.recordings.values())
            pages = max(1, (len(records) + 9) // 10)
            return 200, page(records[number * 10 - 10:number * 10], number, pages, len(records), 10)
        if parts[0] == "recordings" and request.method == "GET":
            return 200, self.recordings[parts[1]]
        if parts[0] == "recordings":
            self.recordings[parts[1]].update(request.json()["recording"])
            return 200, self.recordings[parts[1]]
        if parts == ["users"]:
            answer = page(self.users)
            answer["users"] = answer.pop("records")
            return 200, answer
        return self.route_scim(request, parts)

    def route_scim(self, request, parts):
        if parts == ["scim", "Users"]:
            return 200, {"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
                         "totalResults": len(self.scim), "Resources": list(self.scim.values())}
        user = self.scim[parts[2]]
        if request.method == "PUT":
            body = request.json()
            user.update({key: value for key, value in body.items() if key not in ("roles", "externalId")})
            user["roles"] = [role for role in ("admin", "member", "editor") if body["roles"].get(role)]
        return 200, user

    def run(self, *args):
        """moonlever run ARGS against this account. The result has the requests as .requests."""
        with wire.Server(self.answer) as server:
            done = moonlever("run", *args, SCREENDESK_URL=server.url, SCREENDESK_TOKEN=wire.TOKEN,
                             SCREENDESK_SCIM_TOKEN=wire.SCIM_TOKEN)
            done.requests = list(server.requests)
        assert wire.TOKEN not in done.out + done.err and wire.SCIM_TOKEN not in done.out + done.err
        return done

    def titles(self):
        return [rec["title"] for rec in self.recordings.values()]


def titled(*titles):
    return Account([recording(number, title=title) for number, title in enumerate(titles, 1)])


def write(text, name="people.csv"):
    path = os.path.join(tempfile.mkdtemp(dir=FOLDER), name)
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write(text)
    return path


class Case(unittest.TestCase):
    def ended(self, done, code):
        self.assertEqual(done.code, code, done)

    def said(self, done, *texts):
        for text in texts:
            self.assertIn(text, done.err, done)


class Retag(Case):
    def test_swap_is_shown_done_and_done_only_once(self):
        account = titled("[old] a", "b [older]", "c [old] [new]", "[new] d")
        done = account.run("retag", "--from", "old", "--to", "new", "--dry-run")
        self.ended(done, 0)
        self.assertEqual([r.method for r in done.requests if r.method != "GET"], [])
        self.said(done, '"[old] a" -> "[new] a"', "2 changed + 2 with nothing to change + 0 failed")
        done = account.run("retag", "--from", "old", "--to", "new", "--yes")
        self.ended(done, 0)
        self.assertEqual(account.titles(), ["[new] a", "b [older]", "c [new]", "[new] d"])
        self.assertEqual(len(account.writes), 2)
        again = account.run("retag", "--from", "old", "--to", "new", "--yes")
        self.ended(again, 0)
        self.assertEqual(len(account.writes), 2)
        self.said(again, "4 = 0 changed + 4 with nothing to change + 0 failed")

    def test_tickets_go_in_front_once(self):
        account = titled("a", "[ZD-48002] b", None, "d", "e")
        keys = list(account.recordings)
        info = [account.recordings[key]["metadata"] for key in keys]
        info[3]["helpdesk_info"]["platform"] = "intercom"
        info[4]["helpdesk_info"] = None
        for _ in range(2):
            self.ended(account.run("retag", "--tickets", "--yes"), 0)
            self.assertEqual(account.titles(), ["[ZD-48001] a", "[ZD-48002] b", "[ZD-48003]",
                                                "[INTERCOM-48004] d", "e"])
        self.assertEqual(len(account.writes), 3)
        self.ended(account.run("retag", "--tickets", "--prefix", "T", "--limit", "1", "--yes"), 0)
        self.assertEqual(account.titles()[0], "[T48001] [ZD-48001] a")

    def test_descriptions_hold_hash_tags(self):
        account = titled("a", "b")
        first, second = account.recordings.values()
        first["description"] = "see #old."
        self.ended(account.run("retag", "--where", "description", "--from", "old", "--to", "new",
                               "--add", "x,y", "--yes"), 0)
        self.assertEqual((first["description"], second["description"]), ("see #new. #x #y", "#x #y"))
        self.ended(account.run("retag", "--where", "description", "--remove", "x", "--remove", "y", "--yes"), 0)
        self.assertEqual((first["description"], second["description"]), ("see #new.", ""))
        self.assertEqual(account.titles(), ["a", "b"])

    def test_only_and_limit(self):
        account = titled("one x", "two", "three x", "four x")
        self.ended(account.run("retag", "--add", "t", "--only", "x", "--limit", "3", "--yes"), 0)
        self.assertEqual(account.titles(), ["one x [t]", "two", "three x [t]", "four x"])

    def test_what_fails_is_named_and_the_rest_goes_on(self):
        account = titled("[t]", "[t] b", "[t] c")
        account.refuse["PATCH", "/api/v2/recordings/" + list(account.recordings)[1]] = FORBIDDEN
        done = account.run("retag", "--remove", "t", "--yes")
        self.ended(done, 3)
        self.assertEqual(account.titles(), ["[t]", "[t] b", "c"])
        self.said(done, "3 = 1 changed + 0 with nothing to change + 2 failed",
                  "failed: [t]: its title would be empty", "failed: [t] b: ", "403 Forbidden")

    def test_a_member_may_change_nothing(self):
        account = titled(*("[t] %d" % number for number in range(30)))
        for uuid in account.recordings:
            account.refuse["PATCH", "/api/v2/recordings/" + uuid] = FORBIDDEN
        done = account.run("retag", "--remove", "t", "--yes")
        self.ended(done, 4)
        self.said(done, "403 Forbidden")
        self.assertLess(len([r for r in done.requests if r.method == "PATCH"]), 60)

    def test_an_expired_token_stops_at_once(self):
        account = titled("[t] a")
        account.refuse["GET", "/api/v2/recordings"] = (401, {"error": {"message": "Token expired", "code": 401}})
        done = account.run("retag", "--remove", "t", "--yes")
        self.ended(done, 4)
        self.said(done, "SCREENDESK_TOKEN")

    def test_wrong_arguments_send_nothing(self):
        for args, text in ((["--from", "a"], "--from and --to go together"),
                           ([], "nothing to do"),
                           (["--form", "a"], "retag has no argument --form. Did you mean --from?"),
                           (["--add", "a]b"], "--add: 'a]b' cannot be kept as [tag]"),
                           (["--add", "a b", "--where", "description"], "cannot be kept as #tag"),
                           (["--tickets", "--prefix", "[x"], "--prefix: "),
                           (["--tickets", "--limit", "0"], "--limit must be at least 1"),
                           (["--add", "x", "--where", "summary"], "--where is one of title, description")):
            done = titled("a").run("retag", "--yes", *args)
            self.ended(done, 2)
            self.said(done, text, "see: moonlever run retag --help")
            self.assertEqual(done.requests, [])


class BulkRoles(Case):
    def account(self):
        return Account(scim=[scim_user(1, ("admin", "member")), scim_user(2), scim_user(3, ("member", "editor")),
                             scim_user(4, userName="Sam.Reyes@Example.com"), scim_user(5)])

    def roles(self, account):
        return [",".join(user["roles"]) for user in account.scim.values()]

    def test_named_roles_change_and_others_stay(self):
        account = self.account()
        path = write("email,role,on/off\r\nuser1@example.com,admin,off\r\nUSER2@example.com,editor,on\r\n"
                     "user2@example.com,admin,ON\r\nsam.reyes@example.com,editor,yes\r\nuser3@example.com,editor,on\r\n")
        plan = account.run("bulk-roles", path, "--dry-run")
        self.ended(plan, 0)
        self.assertEqual(account.writes, [])
        shown = ["sam.reyes@example.com: editor off -> on", "user1@example.com: admin on -> off",
                 "user2@example.com: admin off -> on, editor off -> on"]
        self.assertEqual(sorted(plan.out.splitlines()), shown)
        done = account.run("bulk-roles", path, "--yes")
        self.ended(done, 0)
        self.assertEqual(sorted(done.out.splitlines()), shown)
        self.assertEqual(self.roles(account), ["member", "admin,member,editor", "member,editor", "member,editor", "member"])
        for _, _, body in account.writes:
            self.assertEqual(sorted(body["roles"]), ["admin", "editor", "member"])
        self.said(done, "5 = 4 changed + 1 already so + 0 said twice + 0 failed")
        lists = [r.target for r in done.requests if r.target.split("?")[0] == "/api/v2/scim/Users"]
        self.assertEqual(lists, ["/api/v2/scim/Users"])
        self.assertNotIn("filter", " ".join(r.target for r in done.requests))
        again = account.run("bulk-roles", path, "--yes")
        self.ended(again, 0)
        self.assertEqual(len(account.writes), 3)
        self.said(again, "5 = 0 changed + 5 already so")

    def test_what_cannot_be_done_is_reported_and_the_rest_goes_on(self):
        account = self.account()
        account.refuse["PUT", "/api/v2/scim/Users/1"] = (403, {
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "detail": "the owner", "status": "403"})
        strangers = "".join("ghost%d@example.com,admin,on\n" % number for number in range(15))
        path = write("user1@example.com,admin,off\nuser2@example.com,boss,on\nuser2,admin,on\n"
                     "user2@example.com,admin,perhaps\nuser3@example.com,admin\nuser5@example.com,admin,on\n"
                     "user4@example.com,editor,on\nuser4@example.com,editor,off\nuser5@example.com,admin,on\n" + strangers)
        done = account.run("bulk-roles", path, "--yes")
        self.ended(done, 3)
        self.assertEqual(self.roles(account), ["admin,member", "member", "member,editor", "member", "admin,member"])
        self.said(done, "24 = 1 changed + 0 already so + 1 said twice + 22 failed",
                  "line 2, user2@example.com: unknown role 'boss'; known: admin, editor, member",
                  "line 3, user2: no email address", "line 4, user2@example.com: the third cell is on or off",
                  "line 5, user3@example.com: 2 cells where 3 are expected",
                  "line 7, user4@example.com: on and off for the same role in lines 7, 8",
                  "line 10, ghost0@example.com: no user has this address", "that failed")

    def test_the_owner_alone(self):
        account = self.account()
        account.refuse["PUT", "/api/v2/scim/Users/1"] = (403, {
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "detail": "the owner", "status": "403"})
        done = account.run("bulk-roles", write("user1@example.com,admin,off\n"), "--yes")
        self.assertIn(done.code, (3, 4), done)
        self.said(done, "failed: user1@example.com: ", "the owner")

    def test_an_address_of_two_people_is_nobodys(self):
        account = self.account()
        account.scim["5"]["emails"] = [{"value": "User2@example.com", "primary": True}]
        done = account.run("bulk-roles", write("user2@example.com,admin,on\n"), "--yes")
        self.ended(done, 3)
        self.assertEqual(account.writes, [])
        self.said(done, "more than one user has this address")

    def test_files_as_spreadsheets_write_them(self):
        for text in ("\ufeffEmail;Role;On\r\nuser2@example.com;Admin;1\r\n", 'sep=;\nuser2@example.com;admin;on\n',
                     '"on","email","role","note"\n"yes","user2@example.com","admin","x, y"\n'):
            account = self.account()
            self.ended(account.run("bulk-roles", write(text), "--yes"), 0)
            self.assertEqual(account.scim["2"]["roles"], ["admin", "member"])

    def test_files_that_cannot_be_read(self):
        for text, code, words in (("", 2, "no rows"), ("name,role,on\nx,admin,on\n", 2, "must name the columns"),
                                  ('user2@example.com,"admin,on\n', 1, ":1: a quote is opened here and never closed")):
            done = self.account().run("bulk-roles", write(text), "--yes")
            self.ended(done, code)
            self.said(done, words, "people.csv")
            self.assertEqual(done.requests, [])
        done = self.account().run("bulk-roles", "/nowhere.csv", "--yes")
        self.ended(done, 2)
        self.said(done, "cannot read /nowhere.csv")


class Export(Case):
    def account(self):
        account = titled("=1+1", "b, \"c\"\nd", *("t%d" % number for number in range(3, 26)))
        account.users = [{"email": "a@example.com", "name": "A", "role": "admin", "notifications": None}]
        return account

    def rows(self, text):
        return list(csv.reader(text.splitlines(keepends=True)))

    def test_one_kind_to_standard_output(self):
        done = self.account().run("export", "recordings", "--fields", "title,metadata.helpdesk_info.ticket_id,user")
        self.ended(done, 0)
        rows = self.rows(done.out)
        self.assertEqual(rows[0], ["title", "metadata.helpdesk_info.ticket_id", "user"])
        self.assertEqual(rows[1][:2], ["'=1+1", "48001"])
        self.assertEqual(json.loads(rows[1][2]), {"email": "mira.okafor@example.com", "name": "Mira Okafor"})
        self.assertEqual((rows[2][0], len(rows)), ('b, "c"\nd', 26))
        self.said(done, "admin", "recordings: 25")
        raw = self.account().run("export", "recordings", "--fields", "title", "--raw", "--limit", "1")
        self.assertEqual(self.rows(raw.out), [["title"], ["=1+1"]])

    def test_json_lines(self):
        done = self.account().run("export", "--format", "jsonl")
        self.ended(done, 0)
        records = [json.loads(line) for line in done.out.splitlines()]
        self.assertEqual([record["title"] for record in records][:2], ["=1+1", "b, \"c\"\nd"])
        self.assertEqual((len(records), records[0]["metadata"]["helpdesk_info"]["ticket_id"]), (25, "48001"))
        done = self.account().run("export", "users", "--format", "jsonl", "--fields", "email,notifications.notify_first_view")
        self.assertEqual(json.loads(done.out), {"email": "a@example.com", "notifications.notify_first_view": None})

    def test_both_into_a_directory(self):
        folder = tempfile.mkdtemp(dir=FOLDER)
        done = self.account().run("export", "--out", folder)
        self.ended(done, 0)
        self.assertEqual((done.out, sorted(os.listdir(folder))), ("", ["export.json", "recordings.csv", "users.csv"]))
        with open(os.path.join(folder, "users.csv"), newline="", encoding="utf-8") as file:
            self.assertEqual(list(csv.reader(file))[1][:3], ["a@example.com", "A", "admin"])
        with open(os.path.join(folder, "export.json"), encoding="utf-8") as file:
            facts = json.load(file)
        self.assertEqual((facts["token_role"], facts["whole_account"], facts["complete"]), ("admin", True, True))
        self.assertEqual([part["records"] for part in facts["files"]], [25, 1])

    def test_a_members_token_is_no_backup(self):
        account = self.account()
        account.refuse["GET", "/api/v2/users"] = FORBIDDEN
        folder = tempfile.mkdtemp(dir=FOLDER)
        done = account.run("export", "--out", folder)
        self.ended(done, 3)
        self.said(done, "no full backup", "failed: users: ", "403 Forbidden", "recordings: 25 in ")
        self.assertEqual(sorted(os.listdir(folder)), ["export.json", "recordings.csv"])
        with open(os.path.join(folder, "export.json"), encoding="utf-8") as file:
            facts = json.load(file)
        self.assertEqual((facts["token_role"], facts["whole_account"], facts["complete"]), ("member", False, False))
        self.ended(account.run("export", "recordings"), 0)

    def test_a_list_that_breaks_leaves_no_file(self):
        account = self.account()
        folder = tempfile.mkdtemp(dir=FOLDER)
        with open(os.path.join(folder, "recordings.csv"), "w", encoding="utf-8") as file:
            file.write("yesterday's")
        route = account.route

        def broken(request, url):
            return (404, {"error": "gone"}) if "page=3" in url.query else route(request, url)
        account.route = broken
        done = account.run("export", "recordings", "--out", folder)
        self.assertNotEqual(done.code, 0, done)
        self.said(done, "404 Not Found")
        with open(os.path.join(folder, "recordings.csv"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "yesterday's")
        self.assertEqual([name for name in os.listdir(folder) if "part" in name], [])

    def test_it_writes_nothing_and_wrong_arguments_send_nothing(self):
        self.assertEqual({r.method for r in self.account().run("export").requests}, {"GET"})
        for args, text in ((["recordings", "users"], "--out - takes one kind"),
                           (["--fields", "uuid", "--out", FOLDER], "--fields goes with one kind"),
                           (["users", "--fields", "emial"], "did you mean 'email'?"),
                           (["videos"], "--what is one of recordings, users"),
                           (["--format", "xml"], "--format is one of csv, jsonl"),
                           (["--out", "/nowhere/at/all"], "cannot write /nowhere/at/all/recordings.csv")):
            done = self.account().run("export", *args)
            self.ended(done, 2)
            self.said(done, text)
            self.assertEqual(done.requests, [])


class All(Case):
    def test_help_comes_from_the_header(self):
        for name, flag in (("retag", "--tickets"), ("bulk-roles", "--file"), ("export", "--fields"), ("offboard", "--heir"),
                           ("onboard", "--sso"), ("sync-roster", "--max-leavers"), ("archive-posts", "--except")):
            done = moonlever("run", name, "--help")
            self.ended(done, 0)
            for text in ("EXAMPLES\n  $ moonlever run " + name, "USAGE\n", flag, "WRITES\n", "--help"):
                self.assertIn(text, done.out)
            self.assertLessEqual(max(map(len, done.out.splitlines())), 100)

    def test_retag_under_faults(self):
        done = moonlever("run", "retag", "--tickets", "--practice", "--recordings", "120", "--yes", "--rate", "0",
                         "--faults", "429=3%,500=3%,reset-after-apply=3%,half-body=3%,retry-after=0", "--json")
        self.ended(done, 0)
        result = json.loads(done.out.splitlines()[-1])
        self.assertEqual(result["state"], "done")
        # Every change that was begun has been seen to be right.
        self.assertEqual({state: number for state, number in result["counts"].items() if number},
                         {"confirmed": int(re.search(r"120 = (\d+) changed", done.err).group(1))})


if __name__ == "__main__":
    unittest.main()
