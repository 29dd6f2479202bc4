# SPDX-License-Identifier: MIT
"""No credential anywhere: not in the journal, its WAL, a plan, any output, also where the service
echoes it. The tokens of the tests are canaries that are searched for byte by byte."""
import os
import unittest

from cli_kit import script
from place_kit import TITLES, Desk

EVERYTHING = TITLES + """
local users = sd.scim.users
moonlever.try(function()
  users:create { userName = "new@example.com", emails = { { value = "new@example.com" } } }
end)
moonlever.each(users:list(), function(user) users:set_roles(user, { editor = true }) end)
moonlever.try(function() sd:request { method = "POST", path = "/api/v2/other", body = { a = 1 } } end)
"""


class NoCredential(unittest.TestCase):
    def search(self, place, *outputs):
        files = 0
        for folder, _, names in os.walk(place.home):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    content = file.read()
                files += 1
                for secret in place.secrets:
                    self.assertNotIn(secret.encode(), content, name)
        self.assertGreaterEqual(files, 3)
        for text in outputs:
            for secret in place.secrets:
                self.assertNotIn(secret, text)

    def outputs(self, place):
        """Of everything that tells of runs; place.moonlever looks for tokens in each as well."""
        return [place.moonlever("runs", *words).out
                for words in ((), ("--json",), ("last",), ("last", "--json"), ("last", "--csv"), ("last", "--failed"))]

    def test_of_a_run_a_plan_an_apply_and_an_undo(self):
        with Desk(recordings=5) as place:
            plan = place.file("some.plan")
            place.moonlever("plan", script(EVERYTHING), "-o", plan, "-vv")
            place.moonlever("show", plan, "--json")
            place.moonlever("apply", plan, "--yes", "-vv", "--rate", "0")
            self.search(place, *self.outputs(place))
            place.moonlever("undo", "last", "--yes", "-vv", "--rate", "0")
            place.moonlever("run", script(EVERYTHING), "--yes", "-vv", "--rate", "0")
            self.search(place, *self.outputs(place))
            place.service.breaches.clear()  # /api/v2/other is no operation of the description

    def test_where_errors_echo_them(self):
        def bend(_, request):
            token = request.headers.get("Authorization")
            if request.method not in ("GET", "HEAD"):
                return 422, {"error": {"message": "you sent " + token, "code": token}, "detail": "with " + token}
            return None
        with Desk(recordings=5, bend=bend) as place:
            result = place.ended(3, "run", script(EVERYTHING), "--yes")
            self.assertGreater(result["counts"]["failed"], 5)
            self.search(place, *self.outputs(place))
            self.assertIn("you sent", place.changes()[0]["reason"], "the service's words are kept")

    def test_where_objects_hold_them(self):
        def bend(service, request):
            for record in service.recordings:
                record["summary"] = "leaked " + request.headers.get("Authorization")
            return None
        with Desk(recordings=2, bend=bend) as place:
            place.ended(0, "run", script(TITLES), "--yes")
            self.search(place, *self.outputs(place))


if __name__ == "__main__":
    unittest.main()
