# SPDX-License-Identifier: MIT
"""Changes whose outcome the answer does not show: accepted ones are looked for, creates are searched
for, requests without a meaning stay unknown; nothing is sent blindly again."""
import threading
import unittest

from cli_kit import script
from place_kit import TITLES, Desk

CREATE = """
local users = require("moonlever").connect("screendesk").scim.users
users:create { userName = "new@example.com", emails = { { value = "new@example.com" } } }
"""
POST = """
local sd = require("moonlever").connect "screendesk"
sd:request { method = "POST", path = "/api/v2/other", body = { a = 1 } }
"""
REQUEST_THEN = POST.replace("sd:request", 'local ok = require("moonlever").try(function() sd:request').rstrip() + " end)\n"
WRITES = ("POST", "PUT", "PATCH", "DELETE")


class Accepted(unittest.TestCase):
    def desk(self, seconds):
        """Answers a PATCH with 202 and applies it later; never where `seconds` is None."""
        def bend(service, request):
            if request.method != "PATCH":
                return None
            if seconds is not None:
                timer = threading.Timer(seconds, service.recording_call, (request, request.path.split("/")[4:]))
                timer.start()
                self.addCleanup(timer.join)
            return 202, {"status": "queued"}
        return Desk(recordings=3, bend=bend)

    def test_done_later_is_confirmed(self):
        with self.desk(0.4) as place:
            self.assertEqual(place.ended(0, "run", script(TITLES), "--yes")["counts"]["confirmed"], 3)
            self.assertEqual(len(place.writes()), 3)
            self.assertTrue(all(title.startswith("new ") for title in place.titles()))

    def test_never_done_is_partial_and_not_sent_again(self):
        with self.desk(None) as place:
            result = place.ended(3, "run", script(TITLES), "--yes", "--wait", "1")
            self.assertEqual((result["state"], result["counts"]["accepted"]), ("partial", 3))
            again = place.ended(3, "resume", result["run"], "--yes", "--wait", "1")
            self.assertEqual(again["counts"]["accepted"], 3)
            self.assertEqual(len(place.writes()), 3)


class Create(unittest.TestCase):
    def test_found(self):
        def bend(service, request):
            if request.method == "POST":
                service.route(request)
                return "drop"
            return None
        with Desk(users=2, bend=bend) as place:
            self.assertEqual(place.ended(0, "run", script(CREATE), "--yes")["counts"]["confirmed"], 1)
            self.assertEqual((len(place.writes()), len(place.service.scim)), (1, 3))

    def test_absent_is_sent_again_after_the_settle_time(self):
        def bend(service, request):
            return "drop" if request.method == "POST" and len(service.writes()) == 1 else None
        with Desk(users=2, bend=bend) as place:
            self.assertEqual(place.ended(0, "run", script(CREATE), "--yes")["counts"]["confirmed"], 1)
            self.assertEqual((place.service.calls(*WRITES), len(place.service.scim)), (["POST /api/v2/scim/Users"] * 2, 3))
            self.assertEqual([(row["n"], row["sent"]) for row in place.changes()[0]["log"]], [(1, 1), (2, 1)])

    def test_twice_is_a_conflict(self):
        def bend(service, request):
            if request.method != "POST":
                return None
            for number in ("8", "9"):
                service.scim[number] = service.stored(request, number)
            return "drop"
        with Desk(users=2, bend=bend) as place:
            result = place.ended(1, "run", script(CREATE), "--yes")
            self.assertEqual((result["counts"]["conflict"], len(place.writes())), (1, 1))
            self.assertIn("there are 2 of that name", result["err"])


class Request(unittest.TestCase):
    def run_and_resume(self, text, code):
        with Desk(bend=lambda _, r: "drop" if r.method == "POST" else None) as place:
            result = place.ended(code, "run", script(text), "--yes")
            self.assertEqual((result["counts"]["unknown"], len(place.writes())), (1, 1))
            self.assertEqual(place.states(), ["unknown"])
            place.ended(code, "resume", result["run"], "--yes")
            self.assertEqual(len(place.writes()), 1, "it is never sent again")
            return place.changes()[0]

    def test_a_post_stays_unknown(self):
        change = self.run_and_resume(REQUEST_THEN, 3)
        self.assertEqual((change["operation"], change["attempts"]), ("screendesk.request", 1))

    def test_one_that_ends_the_script(self):
        self.run_and_resume(POST, 5)


class TwoRuns(unittest.TestCase):
    def test_on_the_same_object(self):
        text = """
            local sd = require("moonlever").connect "screendesk"
            for n = 1, 5 do
              local rec = sd.recordings:get("00000000-0000-4000-8000-000000000001")
              sd.recordings:update(rec, { title = "%s " .. n })
            end"""
        most, open_now = [0], []

        def bend(_, request):
            if request.method == "PATCH":
                open_now.append(request.n)
            return None
        with Desk(recordings=1, bend=bend) as place:
            children = [place.start("run", script(text % name), "--yes", "--rate", "20") for name in ("a", "b")]
            codes = [child.end() for child in children]
            for child, code in zip(children, codes):
                self.assertIn(code, (0, 1, 3), child.err)
                states = place.states(child.run)
                self.assertTrue(set(states) <= {"confirmed", "conflict"}, states)
                if code:
                    self.assertIn("conflict", states)
            self.assertIn(0, codes)
            self.assertEqual(place.query("SELECT count(*) FROM mut WHERE state IN ('S', 'A', 'U')"), [(0,)])
            self.overlap(place)

    def overlap(self, place):
        """No two attempts at the object were open at the same time."""
        rows = place.query("SELECT started, ended FROM attempt ORDER BY started, ended")
        for (_, ended), (started, _) in zip(rows, rows[1:]):
            self.assertLessEqual(ended, started)

    def test_one_is_told_of_the_other(self):
        release = threading.Event()
        self.addCleanup(release.set)

        def bend(service, request):
            if request.method == "PATCH" and len(service.writes()) == 1:
                service.lock.release()
                release.wait(30)
                service.lock.acquire()
            return None
        with Desk(recordings=1, bend=bend) as place:
            first = place.start("run", script(TITLES), "--yes")
            while not place.writes():
                self.assertIsNone(first.process.poll(), first.err)
            result = place.ended(3, "run", script(TITLES.replace('"new "', '"own "')), "--yes")
            self.assertEqual(result["counts"]["conflict"], 1)
            self.assertIn("run %s is just changing it" % first.run, place.changes(result["run"])[0]["reason"])
            self.assertEqual(len(place.writes()), 1)
            release.set()
            self.assertEqual(first.end(), 0, first.err)


if __name__ == "__main__":
    unittest.main()
