# SPDX-License-Identifier: MIT
"""offboard and onboard against the practice account of all three services."""
import unittest

from people_kit import OUT, Case, csv, planned


class Offboard(Case):
    def leavers(self, place, count):
        """A file of `count` people, of whom the five after the first head departments alone."""
        return list(place.users())[1:count + 1]

    def test_a_plan_over_200_people_is_what_apply_does_and_undo_brings_back(self):
        place = self.place("--users", "240")
        people, before, was = self.leavers(place, 200), place.state(), place.hash()
        path = csv("Name;E-Mail", *("x;" + email.upper() for email in people))
        plan = place.file("leavers.plan")
        place.ended(3, "run", "offboard", "--file", path, "--plan", plan)
        self.assertEqual((place.sent(), place.hash()), ([], was))
        rows = planned(plan)
        heads = set(people[:5])
        wanted = {email: {"desk": OUT, "dragon": "inactive",
                          "drive": before[email]["drive"] if email in heads else "ARCHIVE"}
                  if email in people else state for email, state in before.items()}
        changes = sum(wanted[email][where] != before[email][where] for email in wanted for where in wanted[email])
        self.assertEqual(len(rows), changes)

        place.ended(0, "apply", plan, "--confirm", "400")
        self.assertEqual(place.sent(), rows)
        self.assertEqual(place.state(), wanted)
        run = place.moonlever("runs", "--json")
        self.assertEqual(run.code, 0, run)
        self.assertEqual(set(place.states()), {"confirmed"})

        again = self.run_ok(place, "offboard", "--file", path, code=3)  # the heads are named again
        self.assertIn("200 = 0 changed + 195 already so + 5 failed", again.err)
        self.assertEqual(len(place.writes()), len(rows))

        place.ended(3, "undo", "last", "--yes")
        for email, state in place.state().items():
            self.assertEqual((state["desk"], state["drive"]), (before[email]["desk"], before[email]["drive"]))
        left = [change for change in place.changes() if change["state"] != "confirmed"]
        self.assertEqual({(c["operation"], c["state"]) for c in left}, {("screendragon.users.delete", "failed")})
        self.assertEqual(len(left), sum(before[email]["dragon"] == "active" for email in people))
        self.assertTrue(all("no call brings a removed user back" in change["reason"] for change in left))

    def test_each_person_has_a_line_and_strangers_are_named(self):
        place = self.place("--users", "20")
        everybody = list(place.users())
        known, other = everybody[12], everybody[13]
        place.ask("DELETE", "/api/v2/scim/Users/" + place.users()[other]["id"], token="SCREENDESK_SCIM_TOKEN")
        done = self.run_ok(place, "offboard", known.upper(), "ghost@example.com", other, code=3)
        lines = done.out.splitlines()
        self.assertEqual([line.split(": ")[0] for line in lines], [known, "ghost@example.com", other])
        self.assertRegex(lines[0], "screendesk .*-> inactive member; screendragon (removed|already inactive); "
                                   "workdrive (ACTIVE|INVITED) -> ARCHIVE$")
        self.assertRegex(lines[1], "screendesk not there; screendragon not there; workdrive not there; refused: nobody")
        self.assertRegex(lines[2], "screendesk not there; screendragon ")
        self.assertIn("failed: ghost@example.com: nobody has this address", done.err)
        self.assertIn("3 = 2 changed + 0 already so + 1 failed", done.err)
        self.assertEqual(place.drive()[known]["status"], "ARCHIVE")

    def test_undo_brings_back_what_it_can_and_names_the_rest(self):
        place = self.place("--users", "20")
        leaver = list(place.users())[6]
        self.run_ok(place, "offboard", leaver)
        done = place.moonlever("undo", "last", "--dry-run")
        self.assertEqual(done.code, 3, done)
        self.assertRegex(done.err, "~ screendesk.scim.users \\d+  active: false -> true")
        self.assertNotIn("userName", done.err, "what stays is not shown")
        done = place.moonlever("undo", "last", "--yes")
        self.assertEqual(done.code, 3, done)
        self.assertRegex(done.err, r"\n  failed: screendragon.users.delete \d+: no call brings a removed user back")
        self.assertRegex(done.err, r"\nwhat failed: moonlever runs \w{12} --failed\n$")
        self.assertEqual(place.drive()[leaver]["status"] == "ARCHIVE", False)

    def test_deletes_where_asked_and_the_owner_is_refused(self):
        place = self.place("--users", "20")
        owner, other = list(place.users())[0], list(place.users())[12]
        done = self.run_ok(place, "offboard", owner, other, "--delete", "--confirm", "10", code=3)
        self.assertIn("owner", done.err)
        self.assertIn("heads the department Operations", done.err)
        self.assertEqual([owner in place.users(), owner in place.drive()], [True, True])
        self.assertEqual([other in place.users(), other in place.drive()], [False, False])
        self.assertEqual([place.dragon()[email]["status"] for email in (owner, other)], ["inactive", "inactive"])
        self.run_ok(place, "offboard", other, "--delete")
        writes = len(place.writes())
        self.assertIn("screendesk not there; screendragon already inactive; workdrive not there",
                      self.run_ok(place, "offboard", other, "--delete").out)
        self.assertEqual(len(place.writes()), writes)

    def test_more_than_ten_deletes_need_their_number(self):
        place = self.place("--users", "40")
        people = list(place.users())[8:30]
        done = self.run_ok(place, "offboard", *people, "--services", "screendragon", code=6)
        self.assertIn("--confirm", done.err)
        self.assertEqual(len(place.writes()), 10)

    def test_a_department_keeps_a_head(self):
        place = self.place("--users", "20")
        people = list(place.users())
        first, second = people[1], people[7]
        head = place.drive()[first]
        place.work("PATCH", "/api/departments/%s/admin" % head["department"], {
            "add": [{"id": place.drive()[second]["id"], "existingDept": place.drive()[second]["department"],
                     "isDepartmentHead": True}]})
        both = ["offboard", first, second, "--services", "workdrive"]
        done = self.run_ok(place, *both, code=3)
        self.assertEqual(done.err.count("heads the department Finance"), 2)
        self.assertEqual([place.drive()[email]["status"] == "ARCHIVE" for email in (first, second)], [False, False])
        self.run_ok(place, "offboard", first, "--services", "workdrive")
        self.assertEqual(place.drive()[first]["status"], "ARCHIVE")
        # Who is archived does not count as a head who is left.
        self.assertIn("heads the department Finance", self.run_ok(place, *both, code=3).err)

    def test_the_date_and_the_heir_of_screendragon(self):
        place = self.place("--users", "20")
        active = [email for email, user in place.dragon().items() if user["status"] == "active"]
        leaver, heir = active[2], active[3]
        self.run_ok(place, "offboard", leaver, "--services", "screendragon", "--date", "2999-01-31", "--heir", heir)
        user = place.dragon()[leaver]
        self.assertEqual((user["status"], user["_heir"]), ("active", place.dragon()[heir]["userID"]))
        self.assertIn("_removal", user)
        for args, text in ((["--heir", "ghost@example.com"], "does not know ghost@example.com"),
                           (["--heir", leaver], "is not there to stay"),
                           (["--date", "soon"], "'soon' is no date"), (["--heir", "ada"], "is no email address")):
            self.refused(place, 2, text, "offboard", leaver, *args)

    def test_services_that_are_not_set_up(self):
        place = self.place("--users", "20")
        email = list(place.users())[12]
        for name in ("WORKDRIVE_URL", "SCREENDRAGON_TOKEN"):
            del place.env[name]
        done = self.run_ok(place, "offboard", email)
        self.assertIn("workdrive is not set up and left out: WORKDRIVE_URL is not set", done.err)
        self.assertIn("screendragon is not set up and left out: SCREENDRAGON_TOKEN is not set", done.err)
        self.assertFalse(place.users()[email]["active"])
        self.assertNotEqual(place.drive()[email]["status"], "ARCHIVE")
        self.refused(place, 2, "WORKDRIVE_URL", "offboard", email, "--services", "workdrive")
        self.refused(place, 4, "SCREENDRAGON_TOKEN is not set", "offboard", email, "--services", "screendragon")
        self.refused(place, 2, "left out", "offboard", email, "--heir", email)
        del place.env["SCREENDESK_SCIM_TOKEN"]
        self.refused(place, 2, "no service is set up", "offboard", email)

    def test_killed_and_resumed(self):
        place = self.place("--users", "60")
        people, before = list(place.users())[8:50], place.state()
        child = place.start("run", "offboard", "--file", csv("email", *people), "--confirm", "200", "--rate", "60")
        while len(place.writes()) < 20:
            self.assertIsNone(child.process.poll(), child.err)
        child.kill()
        place.ended(0, "resume", "last", "--confirm", "200")
        wanted = {"desk": OUT, "dragon": "inactive", "drive": "ARCHIVE"}
        self.assertEqual(place.state(), {email: wanted if email in people else state for email, state in before.items()})
        self.assertEqual(len(place.sent()), len(set(place.sent())))
        place.ended(6, "undo", "last", "--yes", "--max-changes", "30")
        place.ended(3, "resume", "last", "--yes")
        for email, state in place.state().items():
            self.assertEqual((state["desk"], state["drive"]), (before[email]["desk"], before[email]["drive"]))

    def test_under_faults_it_is_run_until_nothing_is_left(self):
        place = self.place("--users", "60")
        people = list(place.users())[8:50]
        path, before = csv("email", *people), place.state()
        place.faults("429=4%,500=4%,reset-after-apply=4%,half-body=4%,retry-after=0")
        for _ in range(30):
            done = place.moonlever("run", "offboard", "--file", path, "--confirm", "100", "--rate", "0")
            if "42 already so" in done.err:
                break
            self.assertIn(done.code, (0, 3, 5, 6), done)
        self.assertEqual(done.code, 0, done)
        place.faults("")
        wanted = {"desk": OUT, "dragon": "inactive", "drive": "ARCHIVE"}
        self.assertEqual(place.state(), {email: wanted if email in people else state for email, state in before.items()})

    def test_files_and_arguments_that_cannot_be_read(self):
        place = self.place("--users", "8")
        for text, words in ((("name,x", "a,b"), "no column with addresses"), (("email,mail", "a@b.de,"), "two columns"),
                            (("email",), "no rows"), (("email,name", "a@b.de"), "1 cells, but the header has 2"),
                            (("email", '"a@b.de'), "never closed")):
            self.refused(place, 2, words, "offboard", "--file", csv(*text))
        self.refused(place, 2, "nobody is named", "offboard")
        self.refused(place, 2, "'ada' is no email address", "offboard", "ada")
        self.refused(place, 3, "line 3, ada: no email address", "offboard", "--file", csv("email", "g@h.de", "ada"))
        self.assertEqual(place.writes(), [])


class Onboard(Case):
    HEADER = "email,first_name,last_name,roles,username,groups,department,designation,reports_to,floor"

    def test_creates_what_is_missing_and_only_once(self):
        place = self.place("--users", "20")
        boss = list(place.users())[3]
        path = csv(self.HEADER, "New.One@Example.com,New,One,editor member,none,studio finance,Support,Driver,%s,3" % boss,
                   "new.two@example.com,,,,ntwo,,,,,3", boss + ",Other,Name,admin,x,,,,,3",
                   "new.two@example.com,,,,ntwo,,,,,3")
        was = place.hash()
        dry = self.run_ok(place, "onboard", path, "--dry-run")
        self.assertEqual((place.hash(), place.sent()), (was, []))
        self.assertIn("WorkDrive sends an onboarding mail for each of 2 new people (WD-16)", dry.err)
        self.assertIn("columns that are not used: floor", dry.err)
        done = self.run_ok(place, "onboard", path)
        self.assertEqual(done.out, dry.out)
        self.assertEqual(done.out.splitlines()[0],
                         "new.one@example.com: screendesk new, editor+member; screendragon new, none; "
                         "workdrive new, mail to the supervisor")
        self.assertEqual(done.out.splitlines()[2].count("there already"), 3)
        one, two = place.users()["New.One@Example.com"], place.users()["new.two@example.com"]
        self.assertEqual((sorted(one["roles"]), one["name"]["familyName"]), (["editor", "member"], "One"))
        self.assertEqual((two["roles"], two["name"]["givenName"]), (["member"], None))
        user = place.dragon()["New.One@Example.com"]
        self.assertEqual((user["UserName"], [group["name"] for group in user["groups"]]), ("none", ["Studio", "Finance"]))
        user, places = place.drive()["New.One@Example.com"], place.records("workdrive.departments")
        self.assertEqual([p["name"] for p in places if p["id"] == user["department"]], ["Support"])
        self.assertEqual((user["designation"], user["reportsTo"]), ("Driver", place.drive()[boss]["id"]))
        self.assertEqual(len(place.records("workdrive.mails")), 2)
        writes = len(place.writes())
        self.assertEqual(writes, 6)
        again = self.run_ok(place, "onboard", path)
        self.assertIn("3 = 0 changed + 3 already so + 0 failed", again.err)
        self.assertEqual(len(place.writes()), writes)
        self.assertEqual(place.ended(0, "undo", "last", "--yes")["counts"]["confirmed"], 6)
        self.assertNotIn("new.two@example.com", {**place.users(), **place.drive()})

    def test_what_cannot_be_done_is_named_and_the_rest_goes_on(self):
        place = self.place("--users", "20")
        taken = list(place.dragon().values())[2]
        done = self.run_ok(place, "onboard", csv(
            self.HEADER, "a@example.com,A,A,boss,a,,,,,", "not-an-address,B,B,,b,,,,,", "c@example.com,C,C,,,,,,,",
            "d@example.com,D,D,,%s,,,,," % taken["UserName"].upper(), "e@example.com,E,E,,e,,Nowhere,,,",
            "f@example.com,F,F,,f,,,,ghost@example.com,", "g@example.com,G,G,,g,,,,,", "g@example.com,Other,G,,g,,,,,",
            "h@example.com,H,H,,h,nogroup,,,,", "i@example.com,I,I,,i,,,,,"), code=3)
        for text in ("line 2, a@example.com: unknown role 'boss'", "line 3, not-an-address: no email address",
                     "c@example.com: screendragon: a new user needs a name in the column username",
                     "the username %s is that of %s" % (taken["UserName"].upper(), taken["email"]),
                     "e@example.com: workdrive: there is no department 'Nowhere'",
                     "f@example.com: workdrive: the supervisor ghost@example.com is not there",
                     "lines 8 and 9 say different things of g@example.com", "h@example.com: screendragon.users.create"):
            self.assertIn(text, done.err)
        self.assertIn("10 = 1 changed + 0 already so + 9 failed", done.err)
        new = sorted(email[0] for email in place.users() if email[1:] == "@example.com")
        self.assertEqual(new, ["c", "d", "e", "f", "h", "i"])
        self.assertNotIn("e@example.com", place.drive())
        self.assertIn("c@example.com", place.drive())

    def test_rows_for_some_services_and_sso(self):
        place = self.place("--users", "10")
        self.run_ok(place, "onboard", csv("email,services,username", "a@example.com,workdrive,a",
                                          "b@example.com,Screendragon / screendesk,b"), "--sso")
        there = [[email in people for email in ("a@example.com", "b@example.com")]
                 for people in (place.users(), place.dragon(), place.drive())]
        self.assertEqual(there, [[False, True], [False, True], [True, False]])
        self.assertEqual(place.dragon()["b@example.com"]["_ssoUser"], 1)
        self.refused(place, 3, "workdrive is asked for and not open here", "onboard", "--services", "screendesk",
                     csv("email,services", "c@example.com,workdrive"))
        self.refused(place, 2, "needs --file", "onboard")


if __name__ == "__main__":
    unittest.main()
