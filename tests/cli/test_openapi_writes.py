# SPDX-License-Identifier: MIT
"""Writes against a service that follows the description, and what is done about doubtful answers.

Bends of the service stand for what goes wrong: a write that was applied but not answered, one
that was answered but not applied, one that nobody can tell.
"""
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "lib"))
import openapi  # noqa: E402
import wire  # noqa: E402
from fixtures import scim_user, uuid  # noqa: E402

HEAD = """
local moonlever = require "moonlever"
local sd = moonlever.connect "screendesk"
"""
RETITLE = 'print(sd.recordings:update("%s", { title = "new" }).title)' % uuid(1)
CREATE = """
print(sd.scim.users:create { userName = "ann@example.com", name = { givenName = "Ann", familyName = "Lee" },
  emails = { { value = "ann@example.com", primary = true, type = "work" } }, externalId = "hr-7",
  roles = { editor = true } }.id)
"""


def nth_write(number, act):
    """A bend that acts on the write of this number (from 1) only; None: on every write."""
    def bend(service, request):
        if request.method in ("GET", "HEAD"):
            return None
        count = len(service.writes())
        return act(service, request) if number is None or count == number else None
    return bend


def applied_then(reply):
    def act(service, request):
        service.route(request)
        return reply
    return act


class Case(unittest.TestCase):
    def run_on(self, service, script, code=0, flags=("--yes", "--rate", "0"), **env):
        done = wire.run(service, HEAD + script, *flags, MOONLEVER_SETTLE="0", **env)
        self.assertEqual(done.code, code, done)
        return done


class Recordings(Case):
    def test_by_id_reads_first_and_wraps_the_body(self):
        with openapi.Service() as service:
            done = self.run_on(service, RETITLE)
        self.assertEqual(done.out, "new\n")
        path = "/api/v2/recordings/" + uuid(1)
        self.assertEqual(service.calls(), ["GET " + path, "PATCH " + path])
        self.assertEqual(service.writes()[0].text, b'{"recording":{"title":"new"}}')

    def test_a_record_saves_the_read_unless_it_is_old(self):
        with openapi.Service() as service:
            done = self.run_on(service, """
            local rec = sd.recordings:get("%s")
            sd.recordings:update(rec, { title = "b" })
            print(sd.recordings:update(rec, { title = "Recording 1" }).title)
            """ % uuid(1))
        self.assertEqual(done.out, "Recording 1\n", done)
        self.assertEqual([r.method for r in service.requests], ["GET", "PATCH", "GET", "PATCH"])

    def test_what_is_so_already_sends_nothing(self):
        with openapi.Service() as service:
            done = self.run_on(service, """
            local rec = sd.recordings:get("%s")
            sd.recordings:update(rec, { title = "Recording 1", summary = moonlever.null })
            """ % uuid(1))
        self.assertEqual(service.writes(), [])
        self.assertIn("1 already so", done.err)

    def test_null_is_sent(self):
        with openapi.Service() as service:
            service.recordings[0]["summary"] = "old"
            self.run_on(service, 'sd.recordings:update("%s", { summary = moonlever.null })' % uuid(1))
        self.assertEqual(service.writes()[0].body, {"recording": {"summary": None}})

    def test_wrong_arguments_send_nothing(self):
        cases = (
            ("{ titel = 'x' }", "did you mean 'title'?"), ("{}", "no field given"), ("'x'", "a table of fields"),
            ("{ title = 4 }", "'title' must be a string, not the number 4"),
            ("{ title = moonlever.null }", "'title' cannot be null"), ("nil", "a table of fields"),
        )
        for fields, text in cases:
            with openapi.Service() as service:
                done = self.run_on(service, 'sd.recordings:update("%s", %s)' % (uuid(1), fields), 1)
            self.assertIn(text, done.err)
            self.assertEqual(service.requests, [])

    def test_lost_answers_are_read_back(self):
        lost = ("drop", (500, b""), (502, b"<html>", {"Content-Type": "text/html"}), (503, b""), (200, b"{half"),
                (200, b"<html>ok</html>", {"Content-Type": "text/html"}), (200, b""), (204, None))
        for reply in lost:
            with openapi.Service(bend=nth_write(1, applied_then(reply))) as service:
                done = self.run_on(service, RETITLE)
            self.assertEqual(done.out, "new\n", reply)
            self.assertEqual([r.method for r in service.requests], ["GET", "PATCH", "GET"], reply)

    def test_lost_writes_are_sent_again_after_reading_back(self):
        for reply in ("drop", (500, b""), (502, b"")):
            with openapi.Service(bend=nth_write(1, lambda s, r, reply=reply: reply)) as service:
                self.run_on(service, RETITLE)
            self.assertEqual([r.method for r in service.requests], ["GET", "PATCH", "GET", "PATCH"], reply)

    def test_never_applied(self):
        with openapi.Service(bend=nth_write(None, lambda s, r: (500, {"error": "broken"}))) as service:
            done = self.run_on(service, RETITLE, 5)
        self.assertEqual([r.method for r in service.requests], ["GET"] + ["PATCH", "GET"] * 4)
        self.assertIn("not applied in 4 sends", done.err)
        self.assertIn("1 failed", done.err)

    def test_changed_by_somebody_else(self):
        def act(service, _):
            service.recordings[0]["title"] = "theirs"
            return 500, b""
        with openapi.Service(bend=nth_write(1, act)) as service:
            done = self.run_on(service, RETITLE, 1)
        self.assertEqual(len(service.writes()), 1)
        self.assertIn("neither as before nor as wanted", done.err)
        self.assertIn("1 conflict", done.err)

    def test_cannot_be_read_back(self):
        def bend(service, request):
            if request.method == "PATCH":
                return "drop"
            return (403, {"error": "no"}) if service.writes() else None
        with openapi.Service(bend=bend) as service:
            done = self.run_on(service, RETITLE, 5)
        self.assertEqual(len(service.writes()), 1)
        self.assertIn("whether it was applied is not known", done.err)
        self.assertIn("1 unknown", done.err)

    def test_an_ignored_body_is_noticed(self):
        """SD-04: 200 with the old object."""
        with openapi.Service(bend=nth_write(None, lambda s, r: (200, s.recordings[0]))) as service:
            done = self.run_on(service, RETITLE, 5)
        self.assertEqual([r.method for r in service.requests], ["GET", "PATCH", "GET"])
        self.assertIn("another 'title' than was sent", done.err)

    def test_an_old_answer_to_an_applied_write_is_fine(self):
        def act(service, request):
            old = dict(service.recordings[0])
            service.route(request)
            return 200, old
        with openapi.Service(bend=nth_write(1, act)) as service:
            done = self.run_on(service, RETITLE)
        self.assertEqual(done.out, "new\n")

    def test_refusals(self):
        for status, code, text in ((400, 1, "failed"), (401, 4, "SCREENDESK_TOKEN"), (403, 4, "Enterprise"),
                                   (404, 1, "404 Not Found"), (409, 1, "1 conflict"), (422, 1, "too long"),
                                   (302, 5, "302")):
            bend = nth_write(None, lambda s, r, status=status: (status, {"error": "Title is too long"},
                                                                {"Location": "/api/v2/users"}))
            with openapi.Service(bend=bend) as service:
                done = self.run_on(service, RETITLE, code)
            self.assertEqual([r.method for r in service.requests], ["GET", "PATCH"], status)
            self.assertIn(text, done.err, status)

    def test_dry_run_is_seen_by_later_reads(self):
        with openapi.Service() as service:
            done = self.run_on(service, RETITLE + """
            print(sd.recordings:get("%s").title)
            for rec in sd.recordings:list { limit = 1 } do print(rec.title) end
            print(sd.recordings:update("%s", { title = "new" }).title)
            """ % (uuid(1), uuid(1)), flags=("--dry-run",))
        self.assertEqual(done.out, "new\n" * 4, done)
        self.assertEqual(service.writes(), [])


class Scim(Case):
    def test_a_rename_never_changes_roles(self):
        for form in ("names", "flags"):
            with openapi.Service() as service:
                service.role_form = form
                service.scim["2"].update(roles=["admin", "editor"], externalId="hr-2")
                service.reads_show_external_id = True
                done = self.run_on(service, """
                local user = sd.scim.users:update("2", { name = { givenName = "New" } })
                print(user.name.givenName, user.name.familyName, user.roles.admin, user.roles.member, user.roles.editor)
                """)
            self.assertEqual(done.out, "New\tFamily\ttrue\tfalse\ttrue\n", done)
            self.assertEqual([r.method for r in service.requests], ["GET", "PUT", "GET"])
            body = service.writes()[0].body
            self.assertEqual(body["roles"], {"admin": True, "member": False, "editor": True})
            self.assertEqual(body["externalId"], "hr-2")
            self.assertNotIn("id", body)
            self.assertEqual(body["name"], {"givenName": "New", "familyName": "Family"})
            self.assertEqual(service.scim["2"]["emails"], scim_user(2)["emails"])

    def test_external_id_is_kept_where_reads_do_not_show_it(self):
        """SD-16: known because the user was found by it."""
        with openapi.Service() as service:
            service.scim["2"]["externalId"] = "hr-2"
            self.run_on(service, 'sd.scim.users:set_active("hr-2", false)')
        self.assertEqual(service.scim["2"]["externalId"], "hr-2")
        self.assertEqual(service.scim["2"]["active"], False)
        self.assertEqual(service.writes()[0].path, "/api/v2/scim/Users/2")

    def test_roles(self):
        cases = (
            ('set_roles("2", { editor = true })', ["member", "editor"]),
            ('set_roles("2", { member = false, admin = true })', ["admin"]),
            ('replace_roles("2", { editor = true })', ["editor"]),
            ('replace_roles("2", { "admin", "editor" })', ["admin", "editor"]),
            ('update("2", { roles = { admin = true } })', ["admin", "member"]),
        )
        for call, roles in cases:
            with openapi.Service() as service:
                self.run_on(service, "sd.scim.users:" + call)
            self.assertEqual(service.scim["2"]["roles"], roles, call)

    def test_same_roles_send_nothing(self):
        for call in ('set_roles("2", { member = true })', 'replace_roles("2", { "member" })',
                     'set_active("2", true)', 'update("2", { userName = "USER2@example.com" })'):
            with openapi.Service() as service:
                done = self.run_on(service, "sd.scim.users:" + call)
            self.assertEqual(service.writes(), [], call)
            self.assertIn("1 already so", done.err, call)

    def test_a_role_that_is_not_known_is_not_lost(self):
        with openapi.Service() as service:
            service.scim["2"]["roles"] = ["member", "auditor"]
            done = self.run_on(service, 'sd.scim.users:set_roles("2", { editor = true })', 5)
        self.assertEqual(service.writes(), [])
        self.assertIn("auditor", done.err)

    def test_no_roles_in_the_read_stops(self):
        with openapi.Service(bend=lambda s, r: (200, {"id": "2", "userName": "a@example.com"})) as service:
            done = self.run_on(service, 'sd.scim.users:set_active("2", false)', 5)
        self.assertEqual(service.writes(), [])
        self.assertIn("no 'roles'", done.err)

    def test_wrong_arguments_send_nothing(self):
        cases = (
            ('set_roles("2", { edtor = true })', "did you mean 'editor'?"),
            ('set_roles("2", { "editor" })', "unknown field '1'"),
            ('set_active("2", "yes")', "must be true or false"),
            ('create { name = { givenName = "x" } }', "'userName' is missing"),
            ('create { userName = "no address" }', "is not an address"),
            ('create { userName = "a@b.example", emails = { { value = "a@b@c" } } }', "is not an address"),
            ('create { userName = "a@b.example", id = "7" }', "unknown field 'id'"),
            ('delete("")', "empty"), ("delete(4.0)", "number 4.0"), ("delete { userName = 'x' }", "no 'id'"),
        )
        for call, text in cases:
            with openapi.Service() as service:
                done = self.run_on(service, "sd.scim.users:" + call, 1)
            self.assertIn(text, done.err, call)
            self.assertEqual(service.requests, [], call)

    def test_a_replacement_that_was_cut_short_is_noticed(self):
        """SD-16: the answer looks right, reading back shows otherwise."""
        def act(service, request):
            reply = service.route(request)
            service.scim["2"]["roles"] = ["member"]
            return reply
        with openapi.Service(bend=nth_write(1, act)) as service:
            done = self.run_on(service, 'sd.scim.users:set_roles("2", { admin = true })', 5)
        self.assertIn("another 'roles", done.err)

    def test_replace_keeps_roles_that_are_not_given(self):
        with openapi.Service() as service:
            service.scim["2"]["roles"] = ["admin"]
            self.run_on(service, 'sd.scim.users:replace("2", { userName = "x@example.com" })')
        self.assertEqual(service.writes()[0].body, {
            "schemas": [openapi.USER_URN], "userName": "x@example.com",
            "roles": {"admin": True, "member": False, "editor": False}})

    def test_delete(self):
        with openapi.Service() as service:
            self.run_on(service, 'sd.scim.users:delete("2")')
        self.assertEqual((service.calls(), "2" in service.scim), (["GET /api/v2/scim/Users/2", "DELETE /api/v2/scim/Users/2"], False))

    def test_the_owner_is_refused(self):
        with openapi.Service() as service:
            done = self.run_on(service, """
            print(moonlever.try(sd.scim.users.delete, sd.scim.users, "1"))
            sd.scim.users:delete("2")
            """, 3)
        self.assertIn("SD-25", done.out)
        self.assertNotIn("2", service.scim)

    def test_lost_delete(self):
        for reply in ("drop", (500, b"")):
            with openapi.Service(bend=nth_write(1, applied_then(reply))) as service:
                self.run_on(service, 'sd.scim.users:delete("2")')
            self.assertEqual([r.method for r in service.requests], ["GET", "DELETE", "GET"])
        with openapi.Service(bend=nth_write(1, lambda s, r: "drop")) as service:
            self.run_on(service, 'sd.scim.users:delete("2")')
        self.assertEqual([r.method for r in service.requests], ["GET", "DELETE", "GET", "DELETE"])
        with openapi.Service() as service:
            self.run_on(service, 'sd.scim.users:delete("99")', 1)
        self.assertEqual([r.method for r in service.requests], ["GET"])
        shed = applied_then((503, b"", {"Retry-After": "0"}))
        with openapi.Service(bend=nth_write(1, shed)) as service:
            self.run_on(service, 'sd.scim.users:delete("2")')
        self.assertEqual([r.method for r in service.requests], ["GET", "DELETE", "DELETE"])

    def test_create(self):
        with openapi.Service() as service:
            done = self.run_on(service, CREATE)
        self.assertEqual((done.out, service.calls()), ("4\n", ["POST /api/v2/scim/Users"]))
        self.assertEqual(service.writes()[0].body, {
            "schemas": [openapi.USER_URN], "userName": "ann@example.com", "externalId": "hr-7",
            "name": {"givenName": "Ann", "familyName": "Lee"},
            "roles": {"admin": False, "member": False, "editor": True},
            "emails": [{"value": "ann@example.com", "primary": True, "type": "work"}]})

    def test_lost_create_is_searched_for(self):
        for reply in ("drop", (500, b""), (201, b"{"), (201, {"userName": "ann@example.com"})):
            with openapi.Service(bend=nth_write(1, applied_then(reply))) as service:
                done = self.run_on(service, CREATE)
            self.assertEqual(done.out, "4\n", reply)
            self.assertEqual([r.method for r in service.requests], ["POST", "GET"], reply)

    def test_a_create_that_never_came_is_sent_once_more(self):
        with openapi.Service(bend=nth_write(1, lambda s, r: "drop")) as service:
            self.run_on(service, CREATE)
        self.assertEqual([r.method for r in service.requests], ["POST", "GET", "POST"])
        with openapi.Service(bend=nth_write(None, lambda s, r: "drop")) as service:
            done = self.run_on(service, CREATE, 5)
        self.assertEqual([r.method for r in service.requests], ["POST", "GET"] * 2)
        self.assertIn("not there after 2 sends", done.err)

    def test_two_of_a_name_are_a_conflict(self):
        def act(service, request):
            service.route(request)
            service.scim["77"] = dict(service.scim["4"], id="77")
            return "drop"
        with openapi.Service(bend=nth_write(1, act)) as service:
            done = self.run_on(service, CREATE, 1)
        self.assertEqual(len(service.writes()), 1)
        self.assertIn("there are 2 of that name", done.err)

    def test_a_create_that_cannot_be_looked_for_stays_unknown(self):
        def bend(service, request):
            return "drop" if request.method == "POST" else (403, {"detail": "no"})
        with openapi.Service(bend=bend) as service:
            done = self.run_on(service, CREATE, 5)
        self.assertEqual(len(service.writes()), 1)
        self.assertIn("1 unknown", done.err)

    def test_duplicates_within_a_run(self):
        with openapi.Service() as service:
            done = self.run_on(service, CREATE + 'print(moonlever.try(function() %s end))' % CREATE)
        self.assertEqual(len(service.writes()), 1, done)
        self.assertIn("two users in this run", done.out)

    def test_a_doubtful_create_may_not(self):
        def bend(service, request):
            return "drop" if request.method == "POST" else (403, {"detail": "no"})
        with openapi.Service(bend=bend) as service:
            done = self.run_on(service, "print(moonlever.try(function() %s end))" % CREATE * 2, 3)
        self.assertEqual(len(service.writes()), 1, done)
        self.assertIn("two users in this run", done.out)

    def test_a_refused_create_may_be_tried_again(self):
        with openapi.Service(bend=nth_write(1, lambda s, r: s.scim_error(422, "not today"))) as service:
            done = self.run_on(service, "print(moonlever.try(function() %s end))" % CREATE + CREATE, 3)
        self.assertIn("not today", done.out)
        self.assertTrue(done.out.endswith("4\n"), done)

    def test_dry_run(self):
        with openapi.Service() as service:
            done = self.run_on(service, CREATE + """
            local user = sd.scim.users:get("hr-7")
            print(user.id, user.userName, sd.scim.users:set_roles(user, { admin = true }).roles.admin)
            sd.scim.users:set_roles("2", { admin = true })
            sd.scim.users:delete("3")
            print(moonlever.try(sd.scim.users.get, sd.scim.users, "3"))
            for u in sd.scim.users:list() do print(u.id, u.roles.admin, u.roles.editor) end
            """, flags=("--dry-run",))
        self.assertEqual(service.writes(), [])
        lines = done.out.splitlines()
        self.assertEqual(lines[:2], ["planned-1", "planned-1\tann@example.com\ttrue"], done)
        self.assertIn("deleted earlier in this dry run", lines[2])
        self.assertEqual(lines[3:], ["1\tfalse\tfalse", "2\ttrue\tfalse", "planned-1\ttrue\ttrue"], done)

    def test_two_tasks_on_one_user(self):
        """Read, merge and replace of one user do not interleave."""
        with openapi.Service() as service:
            self.run_on(service, """
            moonlever.each({ "admin", "editor" }, function(role)
              sd.scim.users:set_roles("2", { [role] = true })
            end, { concurrency = 2 })
            """)
        self.assertEqual(sorted(service.scim["2"]["roles"]), ["admin", "editor", "member"])


class Requests(Case):
    def test_write_of_no_catalogue(self):
        with openapi.Service() as service:
            done = self.run_on(service, """
            local body, answer = sd:request { method = "PATCH", path = "/api/v2/recordings/%s",
              body = { recording = { title = "raw" } } }
            print(body.title, answer.status)
            """ % uuid(1))
        self.assertEqual(done.out, "raw\t200\n")

    def test_needs_its_own_licence(self):
        with openapi.Service() as service:
            done = self.run_on(service, """
            moonlever.script { summary = "x", writes = { "screendesk.recordings" } }
            sd:request { method = "DELETE", path = "/api/v2/scim/Users/2" }
            """, 6)
        self.assertEqual(service.requests, [])
        self.assertIn("screendesk.request", done.err)

    def test_doubt(self):
        for method, count in (("POST", 1), ("PATCH", 1), ("PUT", 4), ("DELETE", 4)):
            with openapi.Service(bend=nth_write(None, lambda s, r: (500, b""))) as service:
                done = self.run_on(service, 'sd:request { method = "%s", path = "/api/v2/scim/Users/2" }' % method, 5)
            self.assertEqual(len(service.writes()), count, method)
            self.assertIn("1 unknown", done.err, method)


class Client(Case):
    def test_connect(self):
        cases = (('"screndesk"', "did you mean 'screendesk'?"), ("{ service = 'screendesk', ulr = 'x' }", "'url'?"),
                 ("{ service = 'screendesk', url = 'http://example.com' }", "url"), ("nil", "'service' is missing"),
                 ("{ service = 'screendesk', headroom = 120 }", "headroom"))
        for argument, text in cases:
            with openapi.Service() as service:
                done = wire.run(service, "require('moonlever').connect(%s)" % argument)
            self.assertEqual(done.code, 1, done)
            self.assertIn(text, done.err, argument)


if __name__ == "__main__":
    unittest.main()
