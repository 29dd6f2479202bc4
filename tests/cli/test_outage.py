# SPDX-License-Identifier: MIT
"""A service that goes away: the run pauses, then ends with 75, and resume completes it."""
import http.server
import threading
import unittest

from cli_kit import script
from place_kit import PLUS, TITLES, Desk

COUNT = 30


class Case(unittest.TestCase):
    def desk(self, after, answer):
        """A desk that answers so from the write behind `after` on, until .ill is False."""
        def bend(service, request):
            self.ill = self.ill or len(service.writes()) > after
            return answer(request) if self.ill and self.may_be_ill else None

        self.ill, self.may_be_ill = False, True
        place = Desk(recordings=COUNT, bend=bend)
        place.__enter__()
        self.addCleanup(place.__exit__, None)
        return place

    def sick_and_well(self, answer, *command, text=PLUS, before=""):
        place = self.desk(5, answer)
        if command:
            place.ended(0, "plan", script(text), "-o", place.file("some.plan"))
            command = (command[0], place.file("some.plan"))
        else:
            command = ("run", script(text))
        result = place.ended(75, *command, "--yes", MOONLEVER_OUTAGE="1")
        self.assertIn("resume with: moonlever resume " + result["run"], result["err"])
        counts = result["counts"]
        self.assertEqual((counts["failed"], counts["conflict"]), (0, 0), result)
        self.assertLess(counts["confirmed"], COUNT)
        self.assertNotIn(result["state"], ("done", "partial"))
        self.may_be_ill = False
        again = place.ended(0, "resume", result["run"], "--yes")
        self.assertEqual((again["run"], again["counts"]["confirmed"]), (result["run"], COUNT))
        return place

    def one_plus_each(self, place):
        self.assertEqual(place.titles(), ["Recording %d+" % n for n in range(1, COUNT + 1)])


class Outage(Case):
    def test_500_to_everything(self):
        self.one_plus_each(self.sick_and_well(lambda _: (500, {"error": "down"})))

    def test_503_to_everything(self):
        self.one_plus_each(self.sick_and_well(lambda _: (503, b"down", {"Content-Type": "text/html"})))

    def test_connections_that_are_dropped(self):
        self.one_plus_each(self.sick_and_well(lambda _: "drop"))

    def test_of_an_apply(self):
        self.one_plus_each(self.sick_and_well(lambda _: (500, {"error": "down"}), "apply"))


class NobodyListens(unittest.TestCase):
    def test_a_server_that_is_stopped_and_started_again(self):
        down = threading.Event()
        place = Desk(recordings=COUNT, bend=lambda *_: "drop" if down.is_set() else None)
        place.__enter__()
        child = place.start("run", script(PLUS), "--yes", "--rate", "10", MOONLEVER_OUTAGE="1")
        while len(place.writes()) < 3:
            self.assertIsNone(child.process.poll(), child.err)
        down.set()
        place.service.server.shutdown()
        place.service.server.server_close()
        self.assertEqual(child.end(), 75, child.err)
        down.clear()
        states = set(place.states(child.run))
        self.assertFalse(states & {"failed", "conflict"}, states)
        http.server.ThreadingHTTPServer.allow_reuse_address = True
        other = http.server.ThreadingHTTPServer(place.service.server.server_address,
                                                place.service.server.RequestHandlerClass)
        self.addCleanup(other.server_close)
        self.addCleanup(other.shutdown)
        threading.Thread(target=other.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        self.assertEqual(place.ended(0, "resume", child.run, "--yes")["counts"]["confirmed"], COUNT)
        self.assertEqual(place.titles(), ["Recording %d+" % n for n in range(1, COUNT + 1)])

    def test_a_wrong_address_is_no_outage(self):
        place = Desk(recordings=3)
        plan = place.file("some.plan")
        with place:
            place.ended(0, "plan", script(TITLES), "-o", plan)
        place.ended(5, "run", script(TITLES), "--yes", MOONLEVER_OUTAGE="100")


if __name__ == "__main__":
    unittest.main()
