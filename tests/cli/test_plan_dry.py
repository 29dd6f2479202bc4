# SPDX-License-Identifier: MIT
"""A dry run and a plan send nothing that writes, whatever the script: seen at the server."""
import glob
import os
import re
import unittest

from cli_kit import FOLDER, script
from place_kit import PLUS, TITLES, Practice

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
PEOPLE = script("email,role,on\nfreya.nielsen@example.com,editor,on\n", "people.csv")
JOINERS = script("email,username\nnew@example.com,new\n", "joiners.csv")
AT_TWO = ["--services", "screendesk,screendragon"]

# The arguments of each ready-made script. A new script needs its own here.
ARGUMENTS = {
    "retag": [["--add", "seen"], ["--tickets"]],
    "bulk-roles": [[PEOPLE]],
    "export": [["--out", FOLDER]],
    # With so few people all are heads of departments in WorkDrive, and nobody leaves it.
    "offboard": [["freya.nielsen@example.com", *AT_TWO], ["--file", PEOPLE, "--delete", "--services", "screendesk"]],
    "onboard": [[JOINERS]],
    "sync-roster": [[JOINERS, "--max-leavers", "100", *AT_TWO]],
    "archive-posts": [["--before", "2025-01-01", "--out", FOLDER, "--delete"]],
}
READS_ONLY = {"export"}

EVERYTHING = """
local moonlever = require "moonlever"
local sd = moonlever.connect "screendesk"
for rec in sd.recordings:list() do sd.recordings:update(rec, { title = "x", summary = "y" }) end
local new = sd.scim.users:create { userName = "new@example.com", emails = { { value = "new@example.com" } } }
sd.scim.users:set_roles(new, { editor = true })
for user in sd.scim.users:list() do
  sd.scim.users:set_active(user, false)
  sd.scim.users:update(user, { name = { givenName = "G" } })
  if user.id ~= new.id then sd.scim.users:replace(user, { userName = user.userName, emails = user.emails }) end
  sd.scim.users:delete(user)
end
for _, method in ipairs { "POST", "PUT", "PATCH", "DELETE" } do
  sd:request { method = method, path = "/api/v2/recordings/x", body = { title = "raw" } }
end
"""


def readme_scripts():
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
        blocks = re.findall(r"^```lua[^\n]*\n(.*?)^```", file.read(), re.S | re.M)
    return [block for block in blocks if "moonlever.connect" in block or 'require "moonlever"' in block]


def calls():
    """Name, what is run with its arguments, and whether it wants to write."""
    for name, lists in ARGUMENTS.items():
        for arguments in lists:
            yield " ".join([name, *arguments]), [name, *arguments], name not in READS_ONLY
    for number, text in enumerate(readme_scripts(), 1):
        yield "README %d" % number, [script(text)], True
    for path in sorted(glob.glob(os.path.join(ROOT, "tests", "crash", "scripts", "*.lua"))):
        arguments = {"create.lua": ["a@example.com"], "delete.lua": ["9043"]}.get(os.path.basename(path), [])
        yield os.path.basename(path), [path, *arguments], True
    for name, text in (("titles", TITLES), ("plus", PLUS), ("everything", EVERYTHING)):
        yield name, [script(text)], True


class NothingIsSent(unittest.TestCase):
    def test_every_ready_made_script_is_here(self):
        names = {os.path.basename(path)[:-4] for path in glob.glob(os.path.join(ROOT, "scripts", "*.lua"))}
        self.assertEqual(names, set(ARGUMENTS), "give the arguments of a new script in ARGUMENTS")
        self.assertTrue(readme_scripts())

    def test_by_a_dry_run_and_by_a_plan(self):
        with Practice("--recordings", "25", "--users", "6") as place:
            before = place.hash()
            for name, call, writes in calls():
                for mode in (["--dry-run"], ["--plan", place.file("some.plan")]):
                    with self.subTest(script=name, mode=mode[0]):
                        result = place.ended(0, "run", *mode, *call)
                        self.assertEqual(result["state"], "planned")
                        self.assertEqual(result["counts"]["planned"] > 0, writes, result)
                        self.assertEqual(place.writes(), [])
                        self.assertEqual(place.hash(), before)
            self.assertGreater(len(place.log()), 20, "the server was asked")

    def test_by_the_dry_run_of_an_undo(self):
        with Practice("--recordings", "5") as place:
            run = place.ended(0, "run", script(TITLES), "--yes")["run"]
            count, after = len(place.writes()), place.hash()
            result = place.ended(0, "undo", run, "--dry-run")
            self.assertEqual((result["state"], result["counts"]["planned"]), ("planned", 5))
            self.assertEqual((len(place.writes()), place.hash()), (count, after))
            self.assertEqual(place.ended(0, "undo", run, "--yes")["counts"]["confirmed"], 5, "it was no undo")

    def test_with_yes_and_confirm_as_well(self):
        with Practice("--recordings", "5") as place:
            place.ended(0, "run", script(EVERYTHING), "--dry-run", "--yes", "--confirm", "100")
            self.assertEqual(place.writes(), [])


if __name__ == "__main__":
    unittest.main()
