# SPDX-License-Identifier: MIT
"""For the tests of scripts about people: a practice account of all three services, looked at by address."""
import json
import unittest

from cli_kit import script
from place_kit import Practice

OUT = (False, ("member",))  # as state() shows who is out of Screendesk


def by_email(records):
    return {record["email"]: record for record in records}


class Everywhere(Practice):
    """The people of each service as the server has them, by address."""

    def dragon(self):
        return by_email(self.records("screendragon.users"))

    def drive(self):
        return by_email(self.records("workdrive.users"))

    def work(self, method, path, body):
        """A request of somebody else to WorkDrive."""
        return self.ask(method, path, body, token="WORKDRIVE_API_KEY")

    def sent(self):
        """What the server got in writes: (method, path, body), sorted."""
        return sorted((entry["method"], entry["path"], entry["body"] or "") for entry in self.writes())

    def state(self):
        """Who can do what where: address -> (Screendesk active and roles, Screendragon, WorkDrive)."""
        people = {}
        for email, user in self.users().items():
            people.setdefault(email, {})["desk"] = (user["active"], tuple(sorted(user["roles"])))
        for email, user in self.dragon().items():
            people.setdefault(email, {})["dragon"] = user["status"]
        for email, user in self.drive().items():
            people.setdefault(email, {})["drive"] = user["status"]
        return people


def planned(path):
    """The changes of a plan file as Everywhere.sent() has them."""
    with open(path, encoding="utf-8") as file:
        changes = [json.loads(line) for line in file][1:]
    return sorted((change["method"], change["path"], change["body"] or "") for change in changes)


def csv(*lines):
    return script("".join(line + "\n" for line in lines), "people.csv")


class Case(unittest.TestCase):
    def place(self, *flags):
        place = Everywhere(*flags)
        self.addCleanup(place.__exit__)
        return place

    def run_ok(self, place, *args, code=0):
        """Runs a script without being asked; the result has out and err."""
        done = place.moonlever("run", *args, "--rate", "0", *(("--yes",) if "--confirm" not in args else ()))
        self.assertEqual(done.code, code, done)
        return done

    def refused(self, place, code, text, *args):
        """It ends with this code and says this, and nothing is sent that writes."""
        before = len(place.writes())
        done = place.moonlever("run", *args, "--rate", "0", "--yes")
        self.assertEqual(done.code, code, done)
        self.assertIn(text, done.err)
        self.assertEqual(len(place.writes()), before)
