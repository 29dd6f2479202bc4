# SPDX-License-Identifier: MIT
"""Lists against a service that follows the description, and against one that lies about its pages.

Whatever goes wrong with a page, the list must not end as if all were there.
"""
import os
import sys
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "lib"))
import openapi  # noqa: E402
import wire  # noqa: E402
from fixtures import recording, scim_user, uuid  # noqa: E402

HEAD = """
local moonlever = require "moonlever"
local sd = moonlever.connect "screendesk"
"""

COUNT = HEAD + """
local n, last = 0, nil
for rec in %s do n = n + 1; last = rec end
print(n, last and (last.uuid or last.email or last.userName))
"""

ALL = "sd.recordings:list { snapshot = %s }"


def pages_asked(service):
    return [int(r.query.get("page", ["1"])[0]) for r in service.requests]


class Lists(unittest.TestCase):
    def list(self, service, call, code=0):
        done = wire.run(service, COUNT % call, "--rate", "0")
        self.assertEqual(done.code, code, done)
        return done

    def both(self, code, text, bend, recordings=10, size=2):
        """Streaming and as a snapshot, the same must come to light."""
        for snapshot in ("true", "false"):
            with openapi.Service(recordings=recordings, size=size, bend=bend) as service:
                done = self.list(service, ALL % snapshot, code)
            self.assertIn(text, done.err if code else done.out, (snapshot, done))
        return done

    def test_every_page_comes_once_and_in_order(self):
        for snapshot in ("true", "false"):
            with openapi.Service(recordings=250, size=10) as service:
                done = self.list(service, ALL % snapshot)
            self.assertEqual(done.out, "250\t%s\n" % uuid(250))
            self.assertEqual(sorted(pages_asked(service)), list(range(1, 26)))

    def test_limit_fetches_nothing_beyond(self):
        for limit, pages in ((1, 1), (10, 1), (11, 2), (35, 4)):
            for snapshot in ("true", "false"):
                with openapi.Service(recordings=250, size=10) as service:
                    done = self.list(service, "sd.recordings:list { limit = %d, snapshot = %s }" % (limit, snapshot))
                self.assertEqual(done.out, "%d\t%s\n" % (limit, uuid(limit)))
                self.assertEqual(sorted(pages_asked(service)), list(range(1, pages + 1)), (limit, snapshot))

    def test_filters_go_with_every_page(self):
        with openapi.Service(recordings=30, size=10) as service:
            self.list(service, "sd.recordings:list { query = { tag = 'a b&c' } }")
            service.breaches = []  # the parameter is not in the description, and that is the point
        self.assertEqual([r.query.get("tag") for r in service.requests], [["a b&c"]] * 3)

    def test_start_page(self):
        with openapi.Service(recordings=50, size=10) as service:
            done = self.list(service, "sd.recordings:list { page = 4 }")
        self.assertEqual(done.out, "20\t%s\n" % uuid(50))
        self.assertEqual(sorted(pages_asked(service)), [4, 5])

    def test_empty_list(self):
        for snapshot in ("true", "false"):
            with openapi.Service(recordings=0) as service:
                self.assertEqual(self.list(service, ALL % snapshot).out, "0\tnil\n")

    def test_items_under_the_other_key(self):
        def bend(service, request):
            status, body = service.route(request)
            body["users"] = body.pop("records")
            return status, body
        self.both(0, "10\t", bend)

    def test_missing_items(self):
        def bend(service, request):
            status, body = service.route(request)
            if body["pagination"]["page"] == 3:
                body["data"] = body.pop("records")
            return status, body
        done = self.both(5, "no list 'records' or 'users'", bend)
        self.assertIn("data", done.err)
        self.assertIn("page 3", done.err)

    def test_repeated_page(self):
        def bend(service, request):
            status, body = service.route(request)
            if body["pagination"]["page"] == 4:
                body["records"] = service.recordings[2:4]
            return status, body
        self.both(5, "came before", bend)

    def test_looping_next_page(self):
        def bend(service, request):
            status, body = service.route(request)
            if body["pagination"]["page"] == 3:
                body["pagination"]["next_page"] = 2
            return status, body
        self.both(5, "go round for ever", bend)

    def test_next_page_that_leaves_some_out(self):
        def bend(service, request):
            status, body = service.route(request)
            if body["pagination"]["page"] == 2:
                body["pagination"]["next_page"] = 4
            return status, body
        self.both(5, "leave pages out", bend)

    def test_loop_at_the_last_page_is_the_end(self):
        def bend(service, request):
            status, body = service.route(request)
            if body["pagination"]["page"] == 5:
                body["pagination"]["next_page"] = 1
            return status, body
        self.both(0, "10\t", bend)

    def test_null_next_page_is_the_end(self):
        def bend(service, request):
            status, body = service.route(request)
            body["pagination"].setdefault("next_page", None)
            return status, body
        self.both(0, "10\t", bend)

    def test_without_totals_pages_are_followed(self):
        def bend(service, request):
            status, body = service.route(request)
            for name in ("count", "pages", "last_page", "items", "page", "from", "to"):
                body["pagination"].pop(name)
            return status, body
        self.both(0, "10\t", bend)

    def test_shrinking_total(self):
        def bend(service, request):
            status, body = service.route(request)
            if body["pagination"]["page"] == 3:
                body["pagination"]["count"] = 9
            return status, body
        self.both(5, "shrank from 10 to 9", bend)

    def test_short_page_before_the_last(self):
        def bend(service, request):
            status, body = service.route(request)
            if body["pagination"]["page"] == 3:
                body["records"] = body["records"][:1]
            return status, body
        self.both(5, "it has 1 items where 2 were promised", bend)

    def test_empty_page_before_the_last(self):
        def bend(service, request):
            status, body = service.route(request)
            if body["pagination"]["page"] == 3:
                body["records"] = []
            return status, body
        self.both(5, "it has 0 items", bend)

    def test_end_before_the_promised_total(self):
        def bend(service, request):
            status, body = service.route(request)
            if body["pagination"]["page"] == 3:
                body["pagination"].pop("next_page")
            return status, body
        self.both(5, "the list ended with 6 items, but 10 were promised", bend)

    def test_another_page_than_asked_for(self):
        def bend(service, request):
            request.query["page"] = ["1"]
            return service.route(request)
        self.both(5, "page 2 was asked for, page 1 came", bend)

    def test_late_failure(self):
        def bend(service, request):
            if request.query.get("page") == ["4"]:
                return 404, {"error": {"message": "gone fishing", "code": 404}}
            return None
        done = self.both(1, "page 4, after 6 items", bend)
        self.assertIn("gone fishing", done.err)

    def test_a_failed_list_fails_again(self):
        def bend(service, request):
            return (403, {"error": "no"}) if request.query.get("page") == ["2"] else None
        script = HEAD + """
        local list = sd.recordings:list { snapshot = false }
        local function all() local n = 0; for _ in list do n = n + 1 end; return n end
        local _, first = moonlever.try(all)
        local _, second = moonlever.try(all)
        print(first.kind, second.kind, first == second)
        """
        with openapi.Service(recordings=10, size=2, bend=bend) as service:
            done = wire.run(service, script)
        self.assertEqual(done.out, "forbidden\tforbidden\ttrue\n", done)

    def test_insert_while_reading(self):
        """Page 2 is read after an insert at the front: nothing twice, nothing missing."""
        def bend(service, request):
            number = int(request.query["page"][0])
            if number == 2 and len(service.recordings) == 10:
                service.recordings.insert(0, recording(99))
            return None
        for snapshot in ("true", "false"):
            with openapi.Service(recordings=10, size=2, bend=bend) as service:
                done = wire.run(service, HEAD + """
                local ids = {}
                for rec in %s do ids[#ids + 1] = rec.title:match("%%d+") end
                print(table.concat(ids, " "))
                """ % (ALL % snapshot), "--rate", "0")
            self.assertEqual(done.out, "1 2 3 4 5 6 7 8 9 10\n", done)

    def test_insert_between_pages_that_were_read_ahead(self):
        """Page 3 is answered after an insert, the first answers to pages 4 and 5 before it: the
        record that moved from page 3 to page 4 would be lost if those were used."""
        asked = {}

        def bend(service, request):
            number = int(request.query["page"][0])
            asked[number] = asked.get(number, 0) + 1
            late = number == 3 or number > 5 or (number > 3 and asked[number] > 1)
            return service.page(request, "records", [recording(99)] * late + service.recordings)
        for snapshot in ("true", "false"):
            asked.clear()
            with openapi.Service(recordings=10, size=2, bend=bend) as service:
                done = wire.run(service, HEAD + """
                local ids = {}
                for rec in %s do ids[#ids + 1] = rec.title:match("%%d+") end
                print(table.concat(ids, " "))
                """ % (ALL % snapshot), "--rate", "0")
            self.assertEqual(done.out, "1 2 3 4 5 6 7 8 9 10\n", done)

    def test_ahead_asks_for_the_first_pages_at_once(self):
        """Page 1 is answered when the other seven are there too, so they cannot have waited for it."""
        there, all_there = [], threading.Event()

        def bend(service, request):
            there.append(request)
            if len(there) == 8:
                all_there.set()
            if request.query["page"] == ["1"]:
                service.lock.release()
                all_there.wait(20)
                service.lock.acquire()
            return None
        for snapshot in ("true", "false"):
            there.clear()
            all_there.clear()
            with openapi.Service(recordings=250, size=10, bend=bend) as service:
                done = self.list(service, "sd.recordings:list { ahead = 8, snapshot = %s }" % snapshot)
            self.assertTrue(all_there.is_set())
            self.assertEqual(done.out, "250\t%s\n" % uuid(250))
            self.assertEqual(sorted(pages_asked(service)), list(range(1, 26)))

    def test_pages_behind_the_last_do_no_harm(self):
        """`ahead` was too much; whatever such a page brings, it is no part of the list."""
        odd = (None, (404, {"error": "no such page"}), (400, b"?"), (500, b""), (200, b"<html>"), (401, {"error": "no"}),
               (200, {"pagination": {"count": 99, "page": 1}, "records": [recording(77)]}), "drop")
        for reply in odd:
            def bend(service, request):
                return reply if int(request.query["page"][0]) > 3 else None
            for snapshot in ("true", "false"):
                with openapi.Service(recordings=25, size=10, bend=bend) as service:
                    done = self.list(service, "sd.recordings:list { ahead = 6, snapshot = %s }" % snapshot)
                self.assertEqual(done.out, "25\t%s\n" % uuid(25), (reply, done))
                self.assertEqual(done.err.count("moonlever:"), 0, done)
                self.assertLessEqual(set(pages_asked(service)), set(range(1, 7)))

    def test_limit_and_start_page_with_ahead(self):
        for options, pages, last in (("limit = 11", [1, 2], 11), ("limit = 10", [1], 10), ("page = 24", [24, 25], 250)):
            with openapi.Service(recordings=250, size=10) as service:
                done = self.list(service, "sd.recordings:list { ahead = 2, %s }" % options)
            self.assertIn(uuid(last), done.out)
            self.assertEqual(sorted(pages_asked(service)), pages)

    def test_early_pages_from_before_an_insert(self):
        """All pages but the first are answered as they were before an insert, or as if they did not
        exist yet: the record that moved to page 2 would be lost if those answers were used."""
        def early(service, request):
            return service.page(request, "records", service.recordings[1:])

        def none_yet(service, request):
            return 404, {"error": "no such page"}

        def shrunk(service, request):
            return service.page(request, "records", service.recordings[:-1])

        def strange(service, request):
            return 200, {"items": []}
        for first_answer in (early, none_yet, shrunk, strange):
            for snapshot in ("true", "false"):
                asked = set()

                def bend(service, request):
                    number = int(request.query["page"][0])
                    again = number == 1 or number in asked
                    asked.add(number)
                    return None if again else first_answer(service, request)
                with openapi.Service(recordings=10, size=2, bend=bend) as service:
                    done = wire.run(service, HEAD + """
                    local ids = {}
                    for rec in sd.recordings:list { ahead = 5, snapshot = %s } do ids[#ids + 1] = rec.title:match("%%d+") end
                    print(table.concat(ids, " "))
                    """ % snapshot, "--rate", "0")
                self.assertEqual(done.out, "1 2 3 4 5 6 7 8 9 10\n", (first_answer, done))
                self.assertEqual(len(service.requests), 9)

    def test_early_pages_do_not_count_without_a_total(self):
        def bend(service, request):
            status, body = service.route(request)
            body["pagination"].pop("count")
            return status, body
        with openapi.Service(recordings=10, size=2, bend=bend) as service:
            done = self.list(service, "sd.recordings:list { ahead = 5 }")
        self.assertEqual(done.out, "10\t%s\n" % uuid(10))
        self.assertEqual(sorted(pages_asked(service)), [1, 2, 2, 3, 3, 4, 4, 5, 5])

    def test_an_early_page_that_stays_away_is_an_error(self):
        def bend(service, request):
            return (404, {"error": "gone fishing"}) if request.query["page"] == ["4"] else None
        with openapi.Service(recordings=10, size=2, bend=bend) as service:
            done = self.list(service, "sd.recordings:list { ahead = 5 }", 1)
        self.assertIn("page 4, after 6 items", done.err)
        self.assertEqual(pages_asked(service).count(4), 2)

    def test_ahead_is_a_number_of_pages(self):
        for wrong in ("0", "true", "1.5"):
            with openapi.Service() as service:
                done = self.list(service, "sd.recordings:list { ahead = %s }" % wrong, 1)
            self.assertIn("'ahead'", done.err)
            self.assertEqual(service.requests, [])

    def test_users_twice_the_same_page(self):
        """SD-06: a service that ignores the page number."""
        def bend(service, request):
            status, body = service.route(request)
            body["pagination"]["page"] = int(request.query["page"][0])
            body["users"] = [dict(u) for u in service.users[:2]]
            return status, body
        with openapi.Service(users=6, size=2, bend=bend) as service:
            done = self.list(service, "sd.users:list()", 5)
        self.assertIn("came before", done.err)

    def test_nested_objects_never_raise(self):
        def bend(service, request):
            status, body = service.route(request)
            body["records"][0]["metadata"] = None
            body["records"][1].pop("metadata")
            body["records"][2]["metadata"]["helpdesk_info"] = None
            return status, body
        with openapi.Service(recordings=3, bend=bend) as service:
            done = wire.run(service, HEAD + """
            for rec in sd.recordings:list() do
              print(rec.metadata.helpdesk_info.ticket_id, rec.summary, rec.customer.email,
                #rec.room_insights.participants_insights, rawget(rec, "metadata") ~= nil)
              assert(not moonlever.json.encode(rec):find("customer"))
              assert(not pcall(function() rec.customer.email = "x" end))
            end
            """)
        self.assertEqual(done.out, "nil\tnil\tnil\t0\tfalse\n" * 2 + "nil\tnil\tnil\t0\ttrue\n", done)

    def test_pages(self):
        with openapi.Service(recordings=5, size=2) as service:
            done = wire.run(service, HEAD + """
            for page in sd.recordings:pages { limit = 3 } do print(page.number, page.total, #page.items) end
            """)
        self.assertEqual(done.out, "1\t5\t2\n2\t5\t1\n", done)


class Scim(unittest.TestCase):
    CALL = COUNT % "sd.scim.users:list()"

    def paged(self, service, request):
        """Two users an answer, by startIndex and count."""
        users = list(service.scim.values())
        start = int(request.query.get("startIndex", ["1"])[0])
        return 200, {"totalResults": len(users), "Resources": users[start - 1:start + 1]}

    def test_one_answer_without_parameters(self):
        with openapi.Service(users=7) as service:
            done = wire.run(service, self.CALL)
        self.assertEqual((done.out, len(service.requests)), ("7\tuser7@example.com\n", 1), done)

    def test_continued_only_when_not_complete(self):
        with openapi.Service(users=5, bend=self.paged) as service:
            done = wire.run(service, self.CALL)
        self.assertEqual(done.out, "5\tuser5@example.com\n", done)
        self.assertEqual([r.raw_query for r in service.requests],
                         ["", "count=2&startIndex=3", "count=2&startIndex=5"])

    def test_nothing_new_is_an_error(self):
        def same_again(service, _):
            return 200, {"totalResults": 5, "Resources": [scim_user(1), scim_user(2)]}

        def empty_next(service, request):
            users = [] if request.query else [scim_user(1)]
            return 200, {"totalResults": 5, "Resources": users}
        for bend in (same_again, empty_next):
            with openapi.Service(bend=bend) as service:
                done = wire.run(service, self.CALL)
            self.assertEqual(done.code, 5, done)
            self.assertIn("brings nothing new", done.err)

    def test_roles_in_both_forms(self):
        for form in ("names", "flags"):
            with openapi.Service(users=1) as service:
                service.role_form = form
                done = wire.run(service, HEAD + """
                for u in sd.scim.users:list() do print(u.roles.admin, u.roles.member, u.roles.editor) end
                """)
            self.assertEqual(done.out, "false\ttrue\tfalse\n", (form, done))

    def test_roles_in_no_known_form(self):
        for roles in ("admin", 5, [1], {"admin": "yes"}):
            with openapi.Service(bend=self.with_roles(roles)) as service:
                done = wire.run(service, self.CALL)
            self.assertEqual(done.code, 5, (roles, done))
            self.assertIn("roles came in a form that is not known", done.err)

    @staticmethod
    def with_roles(roles):
        def bend(_, __):
            user = scim_user(1)
            user["roles"] = roles
            return 200, {"totalResults": 1, "Resources": [user]}
        return bend


class Reads(unittest.TestCase):
    def test_search(self):
        with openapi.Service() as service:
            service.users[0]["email"] = "ann+b c@example.com"
            done = wire.run(service, HEAD + """
            print(sd.users:search("ann+b c@example.com").name, sd.users:search("no@example.com"))
            """)
        self.assertEqual(done.out, "Given Family\tnil\n", done)
        self.assertEqual(service.requests[0].raw_query, "email=ann%2Bb%20c%40example.com")

    def test_errors_say_what_to_do(self):
        def bend_with(*reply):
            return lambda service, request: reply
        cases = (
            (4, ("SCREENDESK_TOKEN", "Access token is not valid"),
             (401, {"error": {"message": "Access token is not valid", "code": 401}})),
            (4, ("Enterprise", "may not do this"), (403, {"error": "no"})),
            (1, ("No recording",), (404, {"error": {"message": "No recording", "code": "404"}})),
            (1, ("Bad", "400"), (400, {"error": "Bad"})),
            (1, ("409 Conflict",), (409, b"")),
            (1, ("422", "too long"), (422, {"error": "too long"})),
            (5, ("500", "broken"), (500, {"error": {"message": "broken", "code": 500}})),
            (5, ("a web page", "SCREENDESK_URL"), (200, b"<html><title>Log in</title>", {"Content-Type": "text/html"})),
            (1, ("Log in", "a web page"), (404, b"<html><title>Log in</title>", {"Content-Type": "text/html"})),
            (5, ("empty", "SCREENDESK_URL"), (200, b"")),
        )
        for code, texts, reply in cases:
            with openapi.Service(bend=bend_with(*reply)) as service:
                done = wire.run(service, HEAD + 'sd.recordings:get("x1")', "--rate", "0")
            self.assertEqual(done.code, code, (reply, done))
            for text in texts + ("screendesk.recordings.get x1",):
                self.assertIn(text, done.err, reply)

    def test_a_url_that_nobody_serves(self):
        with openapi.Service() as service:
            pass
        done = wire.run(service, HEAD + 'sd.recordings:get("x1")', "--rate", "0")
        self.assertEqual(done.code, 5, done)
        self.assertIn("SCREENDESK_URL", done.err)

    def test_without_a_token(self):
        with openapi.Service() as service:
            done = wire.run(service, HEAD + 'sd.scim.users:get("1")', SCREENDESK_SCIM_TOKEN="")
        self.assertEqual((done.code, service.requests), (4, []), done)
        self.assertIn("SCREENDESK_SCIM_TOKEN", done.err)

    def test_request(self):
        with openapi.Service(recordings=3, size=2) as service:
            done = wire.run(service, HEAD + """
            local body, answer = sd:request { path = "/api/v2/recordings", query = { page = 2 } }
            print(#body.records, body.records[1].summary == moonlever.null, answer.status,
              answer.headers["content-type"])
            print(#sd:request { path = "/api/v2/scim/Users" }.Resources)
            print(select("#", sd:request { method = "HEAD", path = "/api/v2/users" }))
            print(moonlever.try(sd.request, sd, { path = "//elsewhere.example/" }))
            """)
        self.assertTrue(done.out.startswith(
            "1\ttrue\t200\tapplication/json; charset=utf-8\n3\n2\nnil\t"), done)
        self.assertIn("is not on http://127.0.0.1", done.out)


if __name__ == "__main__":
    unittest.main()
