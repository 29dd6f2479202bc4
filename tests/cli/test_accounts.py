# SPDX-License-Identifier: MIT
"""What is unusual about Screendragon and WorkDrive: walks, moves, bulk calls, calls made once.

Against the service of tests/lib/accounts.py, bent where a test says so.
"""
import json
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "lib"))
import accounts  # noqa: E402
import wire  # noqa: E402
from accounts import uid  # noqa: E402
from test_accounts_calls import seed_screendragon, seed_workdrive  # noqa: E402

SWITCHED = 'moonlever.script { summary = "s", switches = { "messages", "notifications" } }\n'
A, B, C, D = uid(1), uid(2), uid(3), uid(4)


def applied_then(reply, **where):
    """The first request that is not a read, or of this operation, is done and then answered by `reply`."""
    state = []

    def bend(service, request):
        if state or request.method == "GET" and where.get("method") != "GET" \
                or where.get("path", request.path) != request.path:
            return None
        state.append(service.route(request))
        return reply
    return bend


class Kit(unittest.TestCase):
    def start(self, name, seed=None, bend=None, **more):
        service = accounts.Service(name, bend=bend, **more)
        seed = seed or (seed_workdrive if name == "workdrive" else seed_screendragon)
        seed(service)
        self.addCleanup(service.__exit__, None)
        return service.__enter__()

    def run_on(self, service, script, code=0, *flags, **env):
        env.setdefault("XDG_STATE_HOME", self.state)
        done = accounts.run(service, script, "--yes", "--confirm=100", "--rate", "0", *flags, **env)
        self.assertEqual(done.code, code, done)
        return done

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.state = folder.name

    def command(self, service, *words, code=0):
        env = dict(wire.environment(service), **accounts.environment(service))
        env.update(XDG_STATE_HOME=self.state, MOONLEVER_SETTLE="0.2")
        done = subprocess.run([wire.program(), *words], env=env, stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=60, check=False)
        self.assertEqual(done.returncode, code, done)
        return done.stdout.decode()

    def changes(self, service):
        run = json.loads(self.command(service, "runs", "--json"))["runs"][0]["run"]
        return json.loads(self.command(service, "runs", run, "--json"))["changes"]

    def states(self, service):
        return [(c["operation"].split(".", 1)[1], c["target"], c["state"]) for c in self.changes(service)]


class Walks(Kit):
    def posts(self, count, same=1, **more):
        def seed(service):
            for n in range(count):
                service.put("posts", {"id": uid(n), "postText": "p%d" % n,
                                      "postedAt": "2025-01-%02dT%02d:%02d:00.000Z" % (
                                          1 + n // same // 1440, n // same // 60 % 24, n // same % 60)})
        return self.start("workdrive", seed, **more)

    COUNT = """
        local seen, n = {}, 0
        for post in wd.posts:list { snapshot = false%s } do
          assert(not seen[post.id], "twice")
          seen[post.id], n = true, n + 1
        end
        print(n)"""

    def test_all_and_none_twice(self):
        for same in (1, 7, 90):
            self.assertEqual(self.run_on(self.posts(1000, same), self.COUNT % "").out, "1000\n")

    def test_a_service_that_leaves_out_the_moment_itself(self):
        def bend(service, request):
            if request.path != "/api/posts":
                return None
            time, size = request.query["time"][0], int(request.query["per_page"][0])
            things = sorted((t for t in service.store["posts"].values() if t["postedAt"] < time),
                            key=lambda t: t["postedAt"], reverse=True)
            return 200, {"posts": things[:size], "meta": {}}
        for same in (1, 7, 90):
            self.assertEqual(self.run_on(self.posts(1000, same, bend=bend), self.COUNT % "").out, "1000\n")

    def test_more_of_one_moment_than_come_at_once(self):
        service = self.posts(1000, 700)
        self.assertEqual(self.run_on(service, self.COUNT % "").out, "1000\n")
        self.assertGreater(max(int(r.query["per_page"][0]) for r in service.requests), 700)

        def capped(service, request):
            request.query["per_page"] = ["50"]
            status, body = service.route(request)
            return status, dict(body, meta={})
        done = self.run_on(self.posts(200, 150, bend=capped), self.COUNT % "", 5)
        self.assertIn("same moment", done.err)

    def test_inserts_meanwhile(self):
        def bend(service, request):
            n = 5000 + len(service.requests)
            service.put("posts", {"id": uid(n), "postText": "new", "postedAt": "2030-01-01T00:00:00.000Z"})
        service = self.posts(500, 7, bend=bend)
        self.assertEqual(self.run_on(service, self.COUNT % "").out, "500\n")

    def test_other_orders_are_refused(self):
        service = self.posts(3)
        self.assertIn("leaves items out", self.run_on(service, self.COUNT % ', sort_key = "b"', 1).err)
        self.assertEqual(service.requests, [])

    def test_a_list_that_promises_more(self):
        def bend(_, request):
            if len(request.query) and request.path == "/api/posts":
                return 200, {"posts": [{"id": "1", "postedAt": "2025-01-01T00:00:00Z"}], "meta": {"totalResults": 9}}
        self.assertIn("9 were promised", self.run_on(self.posts(0, bend=bend), self.COUNT % "", 5).err)

    def test_events_in_windows(self):
        def seed(service):
            for n in range(260):
                service.put("events", {"id": uid(n), "title": "e", "startDateTime": "2025-%02d-%02dT%02d:00:00.000Z" % (
                    1 + n % 12, 1 + n % 28, n % 24)})
        service = self.start("workdrive", seed)
        self.assertEqual(self.run_on(service, """
            local seen, n = {}, 0
            for e in wd.events:list { fromDate = "2025-01-01T00:00:00", toDate = "2026-01-01T00:00:00" } do
              assert(not seen[e.id])
              seen[e.id], n = true, n + 1
            end
            print(n)""").out, "260\n")

        def capped(service, request):
            request.query["per_page"] = ["50"]
        done = self.run_on(self.start("workdrive", seed, capped), "for _ in wd.events:list() do end", 5)
        self.assertIn("give fromDate and toDate", done.err)

    def test_ends_of_pages(self):
        for end in (0, None, "missing", 3):
            def bend(service, request, end=end):
                if request.path != "/api/videos":
                    return None
                status, body = service.route(request)
                if not body["meta"]["nextPage"]:
                    body["meta"]["nextPage"] = end
                    if end == "missing":
                        del body["meta"]["nextPage"]
                return status, body

            def seed(service):
                service.put("videos", *[{"id": uid(n), "title": "v"} for n in range(250)])
            service = self.start("workdrive", seed, bend)
            self.assertEqual(self.run_on(service, "local n = 0 for _ in wd.videos:list() do n = n + 1 end print(n)").out,
                             "250\n")

    def test_courses_at_the_printed_path(self):
        def bend(service, request):
            if request.path == "/api/courses":
                return 404, None
            if request.path == "/api/categories" and "moduleCode" not in request.query:
                return 200, {"taskLists": [{"id": "c1", "title": "C"}], "meta": {"curPage": 1, "totalPages": 1}}
        service = self.start("workdrive", bend=bend)
        self.assertEqual(self.run_on(service, "for c in wd.courses:list { snapshot = false } do print(c.title) end").out,
                         "C\n")


class Members(Kit):
    def test_only_what_changes_is_sent(self):
        service = self.start("workdrive")
        department = next(iter(service.store["departments"]))
        service.members[("departments", department)] = [A, B]
        call = "wd.departments:update_members(%r, { addMembers = { { id = %r }, { id = %r } }, removeMembers = { %r, %r } })"
        self.run_on(service, call % (department, A, C, B, D))
        self.assertEqual(service.writes()[0].body, {"addMembers": [{"id": C}], "removeMembers": [B]})
        self.assertEqual(service.members[("departments", department)], [A, C])
        run = json.loads(self.command(service, "runs", "--json"))["runs"][0]["run"]
        self.run_on(service, call % (department, A, C, B, D))
        self.assertEqual(len(service.writes()), 1)
        self.command(service, "undo", run, "--yes")
        self.assertEqual(sorted(service.members[("departments", department)]), [A, B])

    def test_several_heads_are_taken_off_again_one_by_one(self):
        service = self.start("workdrive")
        department = next(iter(service.store["departments"]))
        self.run_on(service, "wd.departments:update_heads(%r, { add = { { id = %r }, { id = %r } } })" % (department, C, D))
        run = json.loads(self.command(service, "runs", "--json"))["runs"][0]["run"]
        self.command(service, "undo", run, "--yes")
        self.assertEqual([a["id"] for a in service.get("departments", department)["admins"]], [A, B])
        self.assertEqual([r.body for r in service.writes()][1:], [{"remove": C}, {"remove": D}])

    def test_the_last_head_stays(self):
        service = self.start("workdrive")
        department = next(iter(service.store["departments"]))
        service.get("departments", department)["admins"] = [{"id": A}]
        done = self.run_on(service, "wd.departments:update_heads(%r, { remove = %r })" % (department, A), 1)
        self.assertIn("at least 1 must be left", done.err)
        self.assertEqual(service.writes(), [])

    def test_a_lost_answer(self):
        for reply in ("drop", (500, None)):
            service = self.start("workdrive", bend=applied_then(reply))
            location = next(iter(service.store["locations"]))
            self.run_on(service, "wd.locations:update_members(%r, { addMembers = { %r } })" % (location, A))
            self.assertEqual(len(service.effects), 1)

    def test_numbers_of_members(self):
        service = self.start("workdrive")
        group = next(iter(service.store["security_groups"]))
        self.run_on(service, "wd.security_groups:add_members(%r, { ids = { %r, %r } })" % (group, A, B))
        self.assertEqual(self.states(service)[0][2], "confirmed")
        run = json.loads(self.command(service, "runs", "--json"))["runs"][0]["run"]
        done = self.run_on(service, "wd.security_groups:add_members(%r, { ids = { %r } })" % (group, A), 5)
        self.assertIn("memberCount", done.err)
        self.command(service, "undo", run, "--yes")
        self.assertEqual(service.members[("security_groups", group)], [])
        done = self.run_on(service, "wd.security_groups:add_members(%r, { ids = {} })" % group, 1)
        self.assertIn("is empty", done.err)

    def test_moves_within_an_update(self):
        service = self.start("workdrive")
        chat = next(iter(service.store["group_chats"]))
        service.get("group_chats", chat)["admins"] = [A, B]
        self.run_on(service, "wd.group_chats:update(%r, { title = 'T', newAdmins = { %r, %r }, removedAdmins = { %r } })"
                    % (chat, A, C, B))
        self.assertEqual(service.writes()[0].body, {"title": "T", "newAdmins": [C], "removedAdmins": [B]})
        run = json.loads(self.command(service, "runs", "--json"))["runs"][0]["run"]
        self.command(service, "undo", run, "--yes")
        self.assertEqual(sorted(service.get("group_chats", chat)["admins"]), [A, B])
        self.assertEqual(service.get("group_chats", chat)["title"], "old")


class Bulk(Kit):
    def test_each_member_is_a_change(self):
        service = self.start("screendragon")
        self.run_on(service, "sg.users:bulk_update { { UserId = 43, LastName = 'X' }, { UserId = 44, LastName = 'Last44' } }")
        self.assertEqual([s[1:] for s in self.states(service)], [("43", "confirmed")])  # the other was so already
        self.assertEqual(len(service.writes()), 1)

    def test_a_lost_answer_is_looked_for_and_never_sent_twice(self):
        for reply in ("drop", (500, None)):
            service = self.start("screendragon", bend=applied_then(reply))
            self.run_on(service, "sg.users:bulk_delete { 45, 46, 47 }")
            self.assertEqual([s[2] for s in self.states(service)], ["confirmed"] * 3)
            self.assertEqual(len(service.writes()), 1)
        for reply in ((500, None), (429, None), (503, None, {"Retry-After": "0"})):
            def bend(_, request, reply=reply):
                return reply if request.method != "GET" else None
            service = self.start("screendragon", bend=bend)
            self.run_on(service, "sg.users:bulk_delete { 45, 46 }", 5 if reply[0] != 429 else 5)
            self.assertEqual(len(service.writes()), 1)
            self.assertEqual({s[2] for s in self.states(service)}, {"failed" if reply[0] == 429 else "unknown"})

    def test_part_of_it_is_applied(self):
        def bend(service, request):
            if request.method == "DELETE":
                service.get("users", 45)["status"] = "inactive"
                return 202, {"message": "accepted"}
        service = self.start("screendragon", bend=bend)
        self.run_on(service, "sg.users:bulk_delete { 45, 46 }", 3, MOONLEVER_WAIT="0.5")
        self.assertEqual([s[2] for s in self.states(service)], ["confirmed", "accepted"])

    def test_nothing_dangerous_is_sent(self):
        service = self.start("screendragon")
        for call, text in (("bulk_delete {}", "is empty"), ("bulk_delete { 45, 45 }", "twice"),
                           ("bulk_delete { '' }", "must be an integer"), ("bulk_delete { 99 }", "not found"),
                           ("bulk_update { { LastName = 'X' } }", "'[1].UserId' is missing"), ("delete ''", "is empty"),
                           ("delete 'x'", "must be an integer")):
            self.assertIn(text, self.run_on(service, "sg.users:" + call, 1).err)
        self.assertEqual(service.writes(), [])

    def test_creates(self):
        def bend(service, request):
            if request.path.endswith("bulk-create"):
                service.put("users", {"id": uid(77), "email": "one@a.example"})
                return 500, None
        service = self.start("workdrive", bend=bend)
        done = self.run_on(service, "wd.users:bulk_create { { email = 'one@a.example' }, { email = 'two@a.example' } }", 5)
        self.assertEqual([s[2] for s in self.states(service)], ["confirmed", "unknown"], done)
        service = self.start("workdrive")
        self.run_on(service, "print(wd.users:bulk_create({ { email = 'z@a.example' } })[1].id)")
        run = json.loads(self.command(service, "runs", "--json"))["runs"][0]["run"]
        self.command(service, "undo", run, "--yes")
        self.assertEqual([u for u in service.store["users"].values() if u["email"] == "z@a.example"], [])


class Once(Kit):
    def test_calls_with_effects_are_switched_on_and_sent_once(self):
        send = "wd.notifications:send { title = 'T', medium = 'EMAIL', emails = { 'a@b.example' } }"
        service = self.start("workdrive")
        done = self.run_on(service, send, 6)
        self.assertIn("switches", done.err)
        for reply in ("drop", (503, None, {"Retry-After": "0"}), (302, None, {"Location": "/api/users"}), (429, None)):
            def bend(_, request, reply=reply):
                return reply if request.path.startswith("/api/notifications") else None
            service = self.start("workdrive", bend=bend)
            self.run_on(service, SWITCHED + "local wd = moonlever.connect 'workdrive'\n" + send, 5)
            self.assertEqual(len(service.requests), 1, reply)
            self.assertEqual(service.requests[0].body["title"], "T")
        service = self.start("workdrive")
        self.run_on(service, SWITCHED + "local wd = moonlever.connect 'workdrive'\n" + send, 0, "--dry-run")
        self.assertEqual(service.requests, [])
        self.run_on(service, SWITCHED + "local wd = moonlever.connect 'workdrive'\n" + send, 0,
                    WORKDRIVE_SEND_METHOD="POST")
        self.assertEqual(service.requests[0].method, "POST")

    def test_a_write_that_was_shed_is_looked_for_first(self):
        for reply in ((503, None, {"Retry-After": "0"}), (408, None)):
            state = []

            def bend(_, request, reply=reply, state=state):
                if request.method == "PATCH" and not state:
                    state.append(1)
                    return reply
            service = self.start("workdrive", bend=bend)
            self.run_on(service, "wd.users:update(%r, { bio = 'x' })" % A)
            self.assertEqual([r.method for r in service.requests], ["GET", "PATCH", "GET", "GET", "PATCH"])

    def test_lists_are_snapshots_where_they_may_be_written(self):
        service = self.start("workdrive")
        self.run_on(service, """
            for p in wd.posts:list() do wd.posts:update(p, { postText = p.postText .. "+" }) end
            local n = 0
            for _ in wd.sso:list() do n = n + 1 end
            for u in wd.users:list { per_page = 2, limit = 5 } do wd.users:delete(u) end
            print(n)""")
        self.assertEqual([p["postText"] for p in service.store["posts"].values()], ["old+"])
        self.assertEqual(len(service.store["users"]), 4)

    def test_the_id_of_a_conversation(self):
        service = self.start("workdrive")
        for name in ("users", "../users", ""):
            self.run_on(service, SWITCHED + "local wd = moonlever.connect 'workdrive'\nwd.messages:send(%r, { message = 'm' })"
                        % name, 1)
        self.assertEqual(service.requests, [])
        self.assertIn("never sent", self.run_on(service, "wd.messages:create_meeting('x', { title = 't' })", 1).err)

    def test_creates_of_unknown_outcome(self):
        post = "wd.posts:create { postText = 'Hi', permissions = { team = true } }"
        service = self.start("workdrive", bend=applied_then("drop"))
        self.run_on(service, post, 5)
        self.assertEqual([s[2] for s in self.states(service)], ["unknown"])
        service = self.start("workdrive", bend=applied_then((500, None)))
        self.run_on(service, "print(wd.users:create { email = 'n@a.example' }.id)")
        self.assertEqual([s[2] for s in self.states(service)], ["confirmed"])

    def test_where_the_answer_is_all_there_is_to_see(self):
        create = 'wd.faqs:create { kb = { name = "K" }, permissions = { team = true } }.kb.name'
        self.assertEqual(self.run_on(self.start("workdrive"), "print(%s)" % create).out, "K\n")
        service = self.start("workdrive", bend=applied_then((200, b"<html>")))
        self.run_on(service, "print(pcall(function() return %s end))" % create, 3)
        self.assertEqual([state for _, _, state in self.states(service)], ["unknown"])

    def test_documents_are_found_by_name(self):
        service = self.start("workdrive")
        create = "print(wd.documents:create { name = 'D', category = 'c', permissions = { team = true } }.id)"
        first, second = self.run_on(service, create).out, self.run_on(service, create).out
        self.assertNotEqual(first, second)
        self.assertEqual(self.changes(service)[0]["after"]["id"], second.strip())
        run = json.loads(self.command(service, "runs", "--json"))["runs"][0]["run"]
        self.command(service, "undo", run, "--yes")
        self.assertNotIn(second.strip(), service.store["documents"])
        self.assertIn(first.strip(), service.store["documents"])

    def test_secrets_stay_out_of_the_journal(self):
        service = self.start("workdrive")
        self.run_on(service, "assert(wd.tokens:generate(%r).token == 'issued-secret-token')" % A)
        dragon = self.start("screendragon")
        self.run_on(dragon, "sg.users:create { userName = 'ada', password = 'very-secret-word' }")
        self.assertEqual(dragon.writes()[0].body["password"], "very-secret-word")
        plan = os.path.join(self.state, "x.plan")
        self.run_on(dragon, "sg.users:create { userName = 'eve', password = 'very-secret-word' }", 0, "--plan", plan)
        with open(os.path.join(self.state, "moonlever", "journal.db"), "rb") as file, open(plan, "rb") as second:
            data = file.read() + second.read()
        wal = os.path.join(self.state, "moonlever", "journal.db-wal")
        if os.path.exists(wal):
            with open(wal, "rb") as file:
                data += file.read()
        # The text of a script is kept, and ours holds the password: only bodies are looked at.
        self.assertNotIn(b'"password":"very', data)
        self.assertNotIn(b'"token":"issued', data)
        self.command(dragon, "apply", plan, "--yes", code=3)
        self.assertEqual(len(dragon.writes()), 1)


class Rules(Kit):
    def test_refused_before_anything_is_sent(self):
        service = self.start("workdrive")
        chat = next(iter(service.store["group_chats"]))
        for call, text in (
                ("wd.posts:create { postText = 'x' }", "'permissions' is missing"),
                ("wd.posts:create { postText = 'x', permissions = { team = true, public = true } }", "exactly one"),
                ("wd.posts:create { permissions = { team = true } }", "one of postText"),
                ("wd.users:update('id', { phone = '1' })", "the word 'id'"),
                ("wd.users:update('', { phone = '1' })", "is empty"),
                ("wd.users:update(%r, { status = 'ARCHIVED' })" % A, "did you mean 'ARCHIVE'?"),
                ("wd.users:update(%r, { statsu = 'ARCHIVE' })" % A, "did you mean 'status'?"),
                ("wd.sso:list { manage = true, location = %r }()" % A, "only one of"),
                ("wd.categories:list()()", "'moduleCode' is missing"),
                ("wd.faqs:delete({ id = 'q1' })", "a record does not name"),
                ("wd.videos:create { title = 'x', permissions = { team = true } }", "'source' is missing"),
                ("wd.notifications:send { medium = 'SMS' }", "'receiverUserIds' is missing"),
                ("wd.group_chats:delete('')", "is empty"),
                ("wd.documents:delete('id')", "the word 'id'"),
                ("wd.locations:create { name = 'x', orgId = 'y' }", "unknown field 'orgId'"),
                ("wd.users:delete(%r, { query = { bluk = true } })" % A, "did you mean 'bulk'?")):
            self.assertIn(text, self.run_on(service, call, 1).err, call)
        self.assertEqual(service.writes(), [])
        self.assertTrue(chat)

    def test_conditions_on_the_object(self):
        service = self.start("workdrive")
        self.assertIn("a published task", self.run_on(service, "wd.tasks:update(%r, { title = 'x' })" % uid(50), 1).err)
        event = next(iter(service.store["events"]))
        service.get("events", event).update(repeatId="r", startDateTime="2026-11-01T00:00:00.000Z")
        done = self.run_on(service, "wd.events:delete(%r)" % event, 1)
        self.assertIn("it repeats", done.err)
        self.assertEqual(service.writes(), [])
        self.run_on(service, "wd.events:delete(%r, { query = { ['repeat'] = 'this' } })" % event)
        self.assertEqual(service.writes()[0].query, {"repeat": ["this"]})

    def test_kinds_of_errors(self):
        for status, body, kind in ((400, {"error": "No Data."}, "nodata"), (403, None, "forbidden"),
                                   (400, {"error": "You must be an Admin to perform this action"}, "forbidden"),
                                   (400, {"error": "Unauthorized update attempt."}, "forbidden"),
                                   (401, {"error": "Unauthorized update access."}, "forbidden"),
                                   (401, {"error": "bad token"}, "auth"), (400, {"error": "taken"}, "invalid")):
            service = self.start("screendragon", bend=lambda s, r, a=status, b=body: (a, b))
            done = self.run_on(service, "local _, err = pcall(sg.users.get, sg.users, 1) print(err.kind)")
            self.assertEqual(done.out, kind + "\n")

    def test_spelling(self):
        def seed(service):
            service.put("users", {"userID": 1, "USERNAME": "ada", "firstname": "Ada", "LASTNAME": "L", "Email": "A@b.example",
                                  "Status": "active", "Groups": [{"NAME": "g", "ID": 2}]})
            service.store["users"]["1"]["UserName"] = None

        def bend(service, request):
            if request.method != "GET":
                return None
            thing = {k: v for k, v in service.get("users", 1).items() if k != "UserName"}
            return 200, [thing] if request.path == "/api/users" else thing
        service = self.start("screendragon", seed, bend)
        done = self.run_on(service, """
            for u in sg.users:list { snapshot = false } do print(u.UserName, u.FirstName, u.email, u.groups[1].id) end
            sg.users:update(1, { firstName = "Ada", email = "a@b.example" })""")
        self.assertEqual(done.out, "ada\tAda\tA@b.example\t2\n")
        self.assertEqual(service.writes(), [])

    def test_another_user_than_asked_for(self):
        service = self.start("screendragon", bend=lambda s, r: (200, {"userID": 9, "UserName": "other"}))
        self.assertIn("'other'", self.run_on(service, "sg.users:get_by_username 'ada'", 5).err)
        self.assertIn("'9'", self.run_on(service, "sg.users:get(8)", 5).err)

    def test_a_day_to_come(self):
        def bend(service, request):
            return (200, {"message": "scheduled"}) if request.method == "DELETE" else None
        service = self.start("screendragon", bend=bend)
        self.run_on(service, "sg.users:delete(42, { query = { scheduledDate = '2999-01-01' } })")
        change = self.changes(service)[0]
        self.assertEqual((change["state"], change["reason"]), ("confirmed", "for 2999-01-01"))
        plan = os.path.join(self.state, "x.plan")
        self.run_on(service, "sg.users:delete(43, { query = { scheduledDate = '2999-01-01T10:00:00Z' } })", 0, "--plan",
                    plan)
        self.command(service, "apply", plan, "--yes")
        self.assertEqual(self.changes(service)[0]["reason"], "for 2999-01-01T10:00:00Z")
        service = self.start("screendragon")  # takes it away at once (SG-04)
        done = self.run_on(service, "sg.users:delete(42, { query = { scheduledDate = '2999-01-01' } })")
        self.assertIn("shows already now", done.err)
        self.assertIn("no date", self.run_on(service, "sg.users:delete(43, { query = { scheduledDate = 'soon' } })", 1).err)


class Crashes(Kit):
    def test_killed_in_the_middle_of_a_bulk_call(self):
        """The members are settled singly when the run is resumed, and the call is not repeated."""
        killed = []

        def bend(service, request):
            if request.method == "DELETE" and not killed:
                service.get("users", 45)["status"] = "inactive"
                killed.append(child.pid)
                os.kill(child.pid, 9)
                return "drop"
        service = self.start("screendragon", bend=bend)
        path = os.path.join(self.state, "s.lua")
        with open(path, "w", encoding="utf-8") as file:
            file.write("local sg = require 'moonlever'.connect 'screendragon'\nsg.users:bulk_delete { 45, 46 }")
        env = dict(wire.environment(service), **accounts.environment(service))
        env.update(XDG_STATE_HOME=self.state, MOONLEVER_SETTLE="0.2")
        with subprocess.Popen([wire.program(), "run", path, "--yes"], env=env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
            child.wait(60)
        self.assertEqual(len(killed), 1)
        run = json.loads(self.command(service, "runs", "--json"))["runs"][0]["run"]
        self.assertEqual({c["attempts"] for c in self.changes(service)}, {1})
        self.command(service, "resume", run, "--yes", code=5)
        self.assertEqual([s[1:] for s in self.states(service)], [("45", "confirmed"), ("46", "unknown")])
        self.assertEqual([r.body for r in service.writes()], [[45, 46]])

    def test_what_was_done_before_is_not_done_again(self):
        killed = []

        def bend(service, request):
            if request.method == "PATCH" and request.path.startswith("/api/videos/") and not killed:
                killed.append(service.route(request))
                os.kill(child.pid, 9)
                return "drop"
        service = self.start("workdrive", bend=bend)
        path = os.path.join(self.state, "s.lua")
        with open(path, "w", encoding="utf-8") as file:
            file.write("""
                local wd = require "moonlever".connect "workdrive"
                for u in wd.users:list() do
                  if u.email < "u5" then wd.users:update(u, { bio = (u.bio or "") .. "+", fileId = %r }) end
                end
                wd.users:update(%r, { availability = "AWAY" })
                wd.users:bulk_delete { %r, %r }
                wd.users:delete(%r)
                wd.departments:update_members(%r, { addMembers = { { id = %r } } })
                local doc = wd.documents:create { name = "D", category = "c", permissions = { team = true } }
                wd.documents:update(doc, { kb = { name = "E" } })
                wd.videos:update(%r, { title = "new" })
                wd.users:bulk_create { { email = "z1@a.example" }, { email = "z2@a.example" } }
            """ % (A, A, uid(8), uid(9), uid(7), next(iter(service.store["departments"])), A,
                   next(iter(service.store["videos"]))))
        env = dict(wire.environment(service), **accounts.environment(service))
        env.update(XDG_STATE_HOME=self.state, MOONLEVER_SETTLE="0.2")
        with subprocess.Popen([wire.program(), "run", path, "--yes", "--rate", "0"], env=env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
            child.wait(60)
        run = json.loads(self.command(service, "runs", "--json"))["runs"][0]["run"]
        before = list(service.effects)
        self.command(service, "resume", run, "--yes")
        self.assertEqual([e[0] for e in service.effects[len(before):]], ["users_bulk_create"] * 2)
        self.assertEqual({u.get("bio") for u in service.store["users"].values() if u["email"] < "u5"}, {"+"})
        self.assertEqual({s[2] for s in self.states(service)}, {"confirmed"})

    def test_a_message_of_unknown_outcome_is_never_sent_again(self):
        service = self.start("workdrive", bend=applied_then("drop", method="GET", path="/api/%s/messages" % A))
        self.run_on(service, SWITCHED + "local wd = moonlever.connect 'workdrive'\nwd.messages:send(%r, { message = 'm' })"
                    % A, 5)
        run = json.loads(self.command(service, "runs", "--json"))["runs"][0]["run"]
        self.assertEqual([s[2] for s in self.states(service)], ["unknown"])
        self.command(service, "resume", run, "--yes", code=5)
        self.assertEqual(len(service.requests), 1)


class Plans(Kit):
    def test_plan_apply_undo(self):
        service = self.start("workdrive")
        plan = os.path.join(self.state, "x.plan")
        script = """
            for u in wd.users:list() do
              if u.email ~= "u1@a.example" then wd.users:update(u, { status = "ARCHIVE", fileId = nil }) end
            end
            wd.videos:update(%r, { title = "new" })
            wd.departments:update_members(%r, { addMembers = { { id = %r } } })
            wd.posts:delete(%r)""" % (next(iter(service.store["videos"])), next(iter(service.store["departments"])), A,
                                      next(iter(service.store["posts"])))
        self.run_on(service, script, 0, "--plan", plan)
        self.assertEqual(service.writes(), [])
        self.command(service, "apply", plan, "--yes", "--confirm=100")
        self.assertEqual(len(service.writes()), 11)
        self.assertEqual({s[2] for s in self.states(service)}, {"confirmed"})
        run = json.loads(self.command(service, "runs", "--json"))["runs"][0]["run"]
        self.command(service, "undo", run, "--yes", code=3)
        failed = [c for c in self.changes(service) if c["state"] != "confirmed"]
        self.assertEqual([(c["operation"], c["state"]) for c in failed], [("workdrive.posts.delete", "failed")])
        self.assertIn("no call brings it back", failed[0]["reason"])
        self.assertEqual({u["status"] for u in service.store["users"].values()}, {"ACTIVE"})

    def test_what_no_read_shows_is_named_by_undo(self):
        service = self.start("workdrive")
        self.run_on(service, "wd.users:update(%r, { availability = 'AWAY', addAdditionalLocations = { %r } })" % (A, B))
        run = json.loads(self.command(service, "runs", "--json"))["runs"][0]["run"]
        self.command(service, "undo", run, "--yes", code=3)
        self.assertEqual(len(service.writes()), 1)


if __name__ == "__main__":
    unittest.main()
