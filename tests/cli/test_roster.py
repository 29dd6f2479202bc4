# SPDX-License-Identifier: MIT
"""sync-roster against the practice account of all three services."""
import unittest

from people_kit import OUT, Case, csv, planned

HEADER = "email,first_name,last_name,roles,username,department,designation,reports_to"


class Roster(Case):
    def everybody(self, place):
        """Address -> a row that says of a person what is so already."""
        rows = {}
        for email, user in place.users().items():
            rows[email] = [email, user["name"]["givenName"], user["name"]["familyName"], "", "", "", "", ""]
        return rows

    def file(self, rows):
        return csv(HEADER, *(",".join(row) for row in rows.values()))

    def test_joiners_movers_and_leavers_in_one_plan(self):
        place = self.place("--users", "60")
        rows, before, was = self.everybody(place), place.state(), place.hash()
        people = list(rows)
        active = [email for email in people[10:] if before[email]["desk"][0] and before[email]["dragon"] == "active"]
        leaver, mover, kept = active[0], active[1], active[2]
        del rows[leaver], rows[kept]
        supervisor = people[4] if place.drive()[mover]["reportsTo"] != place.drive()[people[4]]["id"] else people[5]
        department = "Finance" if place.drive()[people[1]]["department"] != place.drive()[mover]["department"] else "Support"
        rows[mover][1:] = ["Renamed", rows[mover][2], "editor", "", department, "Pilot", supervisor]
        rows["new@example.com"] = ["new@example.com", "New", "Person", "admin member", "newperson", "Finance", "", ""]
        path, plan = self.file(rows), place.file("roster.plan")
        args = ["sync-roster", path, "--keep", kept.upper(), "--rate", "0"]
        place.ended(0, "run", *args, "--plan", plan)
        self.assertEqual((place.sent(), place.hash()), ([], was))
        changes = planned(plan)
        self.assertEqual(len(changes), 9, changes)  # three services each
        place.ended(0, "apply", plan, "--yes")
        sent = [change for change in place.sent() if change[0] != "GET"]
        self.assertEqual(sent, changes)
        after = place.state()
        self.assertEqual(after[leaver], {"desk": OUT, "dragon": "inactive", "drive": "ARCHIVE"})
        self.assertEqual(after["new@example.com"], {"desk": (True, ("admin", "member")), "dragon": "active",
                                                    "drive": "INVITED"})
        self.assertEqual(place.users()[mover]["roles"], ["editor"])
        user = place.drive()[mover]
        names = {place["id"]: place["name"] for place in place.records("workdrive.departments")}
        self.assertEqual((user["firstName"], user["designation"], names[user["department"]], user["reportsTo"]),
                         ("Renamed", "Pilot", department, place.drive()[supervisor]["id"]))
        self.assertEqual([place.users()[mover]["name"]["givenName"], place.dragon()[mover]["FirstName"]], ["Renamed"] * 2)
        for email in people:
            if email not in (leaver, mover):
                self.assertEqual(after[email], before[email])
        again = self.run_ok(place, *args[:-2])
        self.assertEqual(place.sent(), sent)
        self.assertIn(" = 0 changed + ", again.err)
        done = place.ended(3, "undo", "last", "--yes")
        self.assertEqual((done["counts"]["confirmed"], done["counts"]["failed"]), (8, 1))
        after = place.state()
        for email in people:
            self.assertEqual((after[email]["desk"], after[email]["drive"]), (before[email]["desk"], before[email]["drive"]))

    def test_too_many_leavers_are_refused(self):
        place = self.place("--users", "60")
        rows = self.everybody(place)
        for email in list(rows)[20:30]:
            del rows[email]
        path = self.file(rows)
        for services in (["--services", "screendesk"], []):
            self.refused(place, 6, "more than 10 % of the accounts would be taken out", "sync-roster", path, *services)
        self.refused(place, 6, "screendesk: ", "sync-roster", path, "--max-leavers", "1.5", "--dry-run")
        done = self.run_ok(place, "sync-roster", path, "--max-leavers", "20", "--confirm", "20")
        self.assertIn("of them leave", done.err)
        self.assertEqual({place.drive()[email]["status"] for email in set(place.users()) - set(rows)}, {"ARCHIVE"})
        self.refused(place, 6, "not in the file", "sync-roster", csv("email", "only@example.com"))

    def test_a_file_with_a_fault_does_nothing(self):
        place = self.place("--users", "20")
        rows = self.everybody(place)
        rows["x"] = ["no-address", "", "", "", "", "", "", ""]
        self.refused(place, 2, "line 22, no-address: no email address", "sync-roster", self.file(rows))
        rows["x"] = [list(rows)[0], "Other", "", "", "", "", "", ""]
        self.refused(place, 2, "lines 2 and 22 say different things", "sync-roster", self.file(rows))
        self.refused(place, 2, "no rows", "sync-roster", csv(HEADER))
        self.refused(place, 2, "--keep: 'ada'", "sync-roster", csv("email", "a@b.de"), "--keep", "ada")
        self.assertEqual(len(place.log()), 1)  # that of everybody()

    def test_a_new_address_is_not_taken_for_two_people(self):
        place = self.place("--users", "60")
        rows = self.everybody(place)
        old = next(email for email in list(rows)[10:] if place.users()[email]["active"])
        rows[old][0] = "married@example.com"
        done = self.run_ok(place, "sync-roster", self.file(rows), "--services", "screendesk,workdrive", code=3)
        self.assertIn("married@example.com: screendesk: may be %s with a new address" % old, done.err)
        self.assertIn("%s: screendesk: may be married@example.com under an old address" % old, done.err)
        self.assertEqual(place.writes(), [])

    def test_heads_stay_and_keep_their_department(self):
        place = self.place("--users", "60")
        rows = self.everybody(place)
        leaver, mover = list(rows)[1], list(rows)[2]
        del rows[leaver]
        rows[mover][5] = "Finance"
        done = self.run_ok(place, "sync-roster", self.file(rows), "--services", "workdrive", code=3)
        self.assertIn("%s: workdrive: heads the department Finance" % leaver, done.err)
        self.assertIn("%s: workdrive: heads the department Support alone" % mover, done.err)
        self.assertEqual(place.writes(), [])

    def test_who_is_not_active_is_let_in_when_asked(self):
        place = self.place("--users", "60")
        email = next(email for email in list(place.users())[10:] if place.dragon()[email]["status"] == "active")
        self.run_ok(place, "offboard", email, "--services", "screendesk,workdrive")
        path, writes = self.file(self.everybody(place)), len(place.writes())
        self.assertIn("workdrive not active and left so", self.run_ok(place, "sync-roster", path).out)
        self.assertEqual(len(place.writes()), writes)
        done = self.run_ok(place, "sync-roster", path, "--reactivate", code=3)  # Screendragon has no way back
        self.assertIn("screendragon: inactive, and no call brings a user back", done.err)
        self.assertTrue(all(user["active"] for user in place.users().values()))
        self.assertEqual(place.drive()[email]["status"], "ACTIVE")


if __name__ == "__main__":
    unittest.main()
