# SPDX-License-Identifier: MIT
"""moonlever get: formats, filters, what is said about words that mean nothing."""
import csv
import io
import json
import unittest

from cli_kit import PROGRAM, environment, moonlever
from place_kit import Practice
from lib import pty

HOSTILE = "=cmd|'/c calc'!A0\x1b[2J\ttab\nline \u202eback"


class Get(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.place = Practice("--recordings", "60", "--users", "12")
        cls.uuids = list(cls.place.recordings())
        cls.place.retitle(cls.uuids[0], HOSTILE)

    @classmethod
    def tearDownClass(cls):
        cls.place.__exit__()

    def get(self, *words, code=0, **env):
        done = self.place.moonlever("get", *words, **env)
        self.assertEqual(done.code, code, done)
        if code == 0:
            self.assertEqual(done.err, "", "only data, and nothing to say")
        return done

    def test_piped_it_is_tsv_without_a_heading(self):
        lines = self.get("screendesk", "recordings").out.splitlines()
        self.assertEqual([line.split("\t")[0] for line in lines], self.uuids)
        self.assertEqual(lines[0].split("\t")[1], HOSTILE.replace("\t", "\\t").replace("\n", "\\n"))

    def test_json_holds_whole_records(self):
        records = json.loads(self.get("screendesk", "recordings", "--format", "json").out)
        self.assertEqual([record["uuid"] for record in records], self.uuids)
        self.assertEqual(records[0]["title"], HOSTILE)
        self.assertIn("duration", records[0]["metadata"])
        one = json.loads(self.get("screendesk", "recordings", self.uuids[3], "--format=json").out)
        self.assertEqual(one["uuid"], self.uuids[3])
        self.assertEqual(json.loads(self.get("screendesk", "recordings", "--limit=0", "--format=json").out), [])

    def test_ndjson_is_a_record_a_line(self):
        lines = self.get("screendesk", "scim.users", "--format", "ndjson", "--limit", "5").out.splitlines()
        self.assertEqual(len(lines), 5)
        self.assertEqual(json.loads(lines[0])["userName"], next(iter(self.place.users())))

    def test_csv_is_safe_for_spreadsheets(self):
        text = self.get("screendesk", "recordings", "--format", "csv").out
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        self.assertEqual(rows[0]["title"], "'" + HOSTILE)
        self.assertEqual(len(rows), 60)
        self.assertEqual(self.get("screendesk", "recordings", "--format=csv", "--limit=0").out,
                         "uuid,title,description,summary\r\n")

    def test_fields_in_their_order(self):
        line = self.get("screendesk", "recordings", "--fields", "metadata.duration,uuid", "--limit", "1").out
        self.assertEqual(line.rstrip("\n").split("\t")[1], self.uuids[0])
        record = json.loads(self.get("screendesk", "recordings", self.uuids[0], "--fields",
                                     "uuid,metadata.helpdesk_info.platform", "--format", "json").out)
        self.assertEqual(set(record), {"uuid", "metadata"})
        self.assertEqual(set(record["metadata"]["helpdesk_info"]), {"platform"})

    def test_filters_by_fields_and_the_limit_counts_what_passes(self):
        users = self.place.users()
        active = self.get("screendesk", "scim.users", "--filter", "active=true", "--fields", "userName").out.split()
        self.assertEqual(active, [name for name, user in users.items() if user["active"]])
        few = self.get("screendesk", "scim.users", "--filter", "active=true", "--fields", "userName", "--limit", "2")
        self.assertEqual(few.out.split(), active[:2])

    def test_a_limit_asks_for_no_page_beyond(self):
        before = len(self.place.log())
        self.get("screendesk", "recordings", "--limit", "3")
        pages = [entry for entry in self.place.log()[before:] if entry["path"].startswith("/api/")]
        self.assertEqual(len(pages), 1, pages)

    def test_a_documented_parameter_goes_to_the_service(self):
        self.get("screendesk", "recordings", "--filter", "page=2", "--limit", "1")
        self.assertIn("page=2", json.dumps(self.place.log()[-1]))

    def test_other_methods_that_read(self):
        email = next(iter(self.place.users()))
        found = self.get("screendesk", "users.search", email, "--fields", "email")
        self.assertEqual(found.out, email + "\n")
        self.assertEqual(self.get("screendesk", "users", email, "--fields", "email").out, email + "\n")
        self.assertIn("there is none", self.get("screendesk", "users", "no@where.example", code=1).err)

    def test_service_and_resource_may_be_one_word(self):
        self.assertEqual(self.get("screendesk.recordings", "--limit", "1").out,
                         self.get("screendesk", "recordings", "--limit", "1").out)
        self.assertEqual(self.get("screendesk.recordings", self.uuids[1]).out,
                         self.get("screendesk", "recordings", self.uuids[1]).out)
        email = next(iter(self.place.users()))
        self.assertEqual(self.get("screendesk.users.search", email, "--fields", "email").out, email + "\n")

    def test_words_that_mean_nothing(self):
        for words, part in (
                (("screendisk", "x"), "Did you mean 'screendesk'?"),
                (("screendesk", "recordigns"), "Did you mean 'recordings'?"),
                (("screendesk", "recordings.lits"), "Did you mean 'list'?"),
                (("screendesk", "recordings", "--fields", "titel"), "Did you mean 'title'?"),
                (("screendesk", "recordings", "--fields", "metadata.duratoin"), "Did you mean 'metadata.duration'?"),
                (("screendesk", "recordings", "--fields", ","), "names no field"),
                (("screendesk", "recordings", "--filter", "titel=x"), "Did you mean 'title'?"),
                (("screendesk", "recordings", "--filter", "page=two"), "is not what it takes"),
                (("screendesk", "recordings", "--filter", "page"), "takes NAME=VALUE"),
                (("screendesk", "recordings", "a", "b"), "cannot be read like that"),
                (("screendesk", "recordings.get"), "takes UUID"),
                (("screendesk", "recordings.update", "x"), "get only reads"),
                (("screendesk", "recordings", "--format", "xml"), "takes one of"),
                (("screendesk", "recordings", "--yes"), "has no flag --yes"),
                (("screendesk", "recordings", "--filter", "foo=bar"), "cannot be filtered by 'foo'. There is console_logs, customer, description, "),
                (("screendesk", "users", "--filter", "foo=bar"), ", email, "),
                (("screendesk", "recordings", "--json"), "has no flag --json: write --format json."),
                (("screendesk", "recordings", "--csv"), "write --format csv."),
                (("foo", "recordings"), "There is screendesk, screendragon and workdrive."),
                (("foo",), "there is no service 'foo'."), (("foo.bar",), "there is no service 'foo.bar'."),
                (("screendesk",), "which resource of screendesk? recordings, scim.users or users."),
                ((), "which service? screendesk, screendragon or workdrive")):
            done = self.get(*words, code=2)
            self.assertIn(part, done.err)
            self.assertEqual(done.out, "")

    def test_errors_of_the_service(self):
        self.assertIn("404", self.get("screendesk", "recordings", "no-such", code=1).err)
        self.place.secrets += ("wrong-token-canary",)
        self.get("screendesk", "recordings", code=4, SCREENDESK_TOKEN="wrong-token-canary")

    def test_nothing_is_written_and_there_is_no_run(self):
        state = self.place.hash()
        for words in (("recordings",), ("scim.users",), ("users",)):
            self.get("screendesk", *words)
        self.assertEqual(self.place.hash(), state)
        self.assertEqual(self.place.moonlever("runs", "--json").out, '{"runs":[]}\n')

    def test_data_and_diagnostics_stay_apart(self):
        done = moonlever("get", "screendesk", "recordings", "--practice", "--limit", "2", "--fields", "uuid")
        self.assertEqual((done.code, len(done.out.splitlines())), (0, 2), done)
        self.assertIn("practice account at", done.err)
        quiet = moonlever("get", "-q", "screendesk", "recordings", "--practice", "--limit", "2")
        self.assertEqual((quiet.code, quiet.err), (0, ""), quiet)

    def on_terminal(self, *words, columns):
        with pty.Terminal([PROGRAM, "get", *words], columns=columns, env=environment(**self.place.env)) as term:
            self.assertEqual(term.wait(), 0)
            return term.text(), term.output.decode()

    def test_a_table_on_a_terminal(self):
        text, output = self.on_terminal("screendesk", "recordings", "--limit", "5", columns=70)
        lines = text.splitlines()
        self.assertRegex(lines[0], r"^uuid +title +description +summary$")
        self.assertTrue(lines[1].startswith(self.uuids[0] + "  =cmd|"), lines[1])
        self.assertEqual(len(lines), 6, text)
        self.assertNotIn("\x1b[2J", output)
        self.assertNotIn("\u202e", output)

    def test_one_object_and_structured_formats_are_harmless_on_a_terminal(self):
        for words in ((self.uuids[0],), ("--format=csv",), ("--format=tsv",), ("--format=json",)):
            text, output = self.on_terminal("screendesk", "recordings", *words, columns=200)
            self.assertNotIn("\x1b[2J", output)
            self.assertNotIn("\u202e", output)
            self.assertIn("{202E}", text.replace("\n", ""))

    def test_forty_columns(self):
        text, _ = self.on_terminal("screendesk", "recordings", "--limit", "2", columns=40)
        self.assertIn("(3 more: --fields)", text)


if __name__ == "__main__":
    unittest.main()
