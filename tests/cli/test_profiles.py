# SPDX-License-Identifier: MIT
"""Profiles: where credentials come from, in which order, and that a run stays with its profile."""
import os
import unittest

from cli_kit import PROGRAM, RETITLE, environment, script
from profile_kit import Profiles
from lib import pty

WRONG = "wrong-token-c4n4ry"
NOWHERE = "http://127.0.0.1:9"


class Case(unittest.TestCase):
    def setUp(self):
        self.place = Profiles("--recordings", "5")
        self.place.secrets += (WRONG,)
        self.addCleanup(self.place.__exit__)

    def config(self, default=None, **profiles):
        text = "profiles = { %s }" % ", ".join("%s = %s" % pair for pair in profiles.items())
        self.place.config((default and "default = { screendesk = '%s' }, " % default or "") + text)


class Credentials(Case):
    def test_a_command_without_a_shell(self):
        words = ["printf", "%s\\n%s\\n", self.place.token, "$(touch hurt) second line"]
        self.config(acme=self.place.profile(token_cmd=words))
        self.place.get("--profile", "acme")
        self.place.get("--profile=acme", XDG_STATE_HOME="", HOME=self.place.home)

    def test_the_default_of_the_service(self):
        self.config("acme", acme=self.place.profile(token_cmd=["echo", self.place.token]))
        self.place.get()
        self.place.get(MOONLEVER_PROFILE="acme")
        self.assertIn("no profile 'acne'; did you mean 'acme'?", self.place.get(code=2, MOONLEVER_PROFILE="acne").err)

    def test_the_question_names_the_profile(self):
        self.config("acme", acme=self.place.profile(token_cmd=["echo", self.place.token]))
        with pty.Terminal([PROGRAM, "run", script(RETITLE % 1)], columns=160, env=environment(**self.place.env)) as term:
            term.wait_for("profile acme: screendesk.recordings.update on ")
            term.send("n\r")
            self.assertEqual(term.wait(), 6)

    def test_a_profile_named_as_the_service_is_its_default(self):
        self.place.store("screendesk", SCREENDESK_TOKEN=self.place.token)
        self.place.get()

    def test_errors_name_what_says_where_the_service_is(self):
        nowhere = self.place.profile(token_cmd=["echo", self.place.token]).replace(self.place.url, NOWHERE)
        self.config(acme=nowhere, half='{ service = "screendesk" }')
        self.place.store("stored", origin=NOWHERE, SCREENDESK_TOKEN=self.place.token)
        self.place.store("half", origin=NOWHERE, SCREENDESK_TOKEN=self.place.token)
        says = "check the connection and the origin of profile '%s' (now " + NOWHERE + ", %s)\n"
        for name, place in (("acme", "from %s/config.lua" % self.place.directory), ("half", "stored by moonlever login"),
                            ("stored", "stored by moonlever login")):
            err = self.place.get("--profile", name, code=5).err
            self.assertIn(says % (name, place), err)
            self.assertNotIn("SCREENDESK_URL", err)
        err = self.place.get(code=5, SCREENDESK_URL=NOWHERE, SCREENDESK_TOKEN="x").err
        self.assertIn("check the connection and SCREENDESK_URL (now %s)\n" % NOWHERE, err)

    def test_the_place_of_a_token_is_a_sentence_of_its_own(self):
        self.place.store("screendesk", SCREENDESK_TOKEN=WRONG)
        self.assertIn("or sign in with moonlever login screendesk --profile screendesk. Where to get one: Personal Settings, ",
                      self.place.get(code=4).err)

    def test_command_then_environment_then_file(self):
        good, bad = ["echo", self.place.token], ["echo", WRONG]
        self.config(acme=self.place.profile(token_cmd=good), bad=self.place.profile(token_cmd=bad),
                    plain=self.place.profile())
        self.place.store("plain", SCREENDESK_TOKEN=WRONG)
        self.place.store("acme", SCREENDESK_TOKEN=WRONG)
        self.place.get("--profile", "acme", SCREENDESK_TOKEN=WRONG)
        self.place.get("--profile", "bad", code=4, SCREENDESK_TOKEN=self.place.token)
        self.place.get("--profile", "plain", SCREENDESK_TOKEN=self.place.token)
        self.place.get("--profile", "plain", code=4)
        self.place.store("plain", SCREENDESK_TOKEN=self.place.token)
        self.place.get("--profile", "plain")

    def test_a_command_for_each_credential(self):
        scim = self.place.account["SCREENDESK_SCIM_TOKEN"]
        commands = {"default": ["echo", self.place.token], "scim": ["echo", scim]}
        self.config("acme", acme=self.place.profile(token_cmd=commands))
        done = self.place.moonlever("get", "screendesk", "scim.users", "--limit", "1")
        self.assertEqual(done.code, 0, done)

    def test_a_command_that_gives_nothing(self):
        for words, part in ((["false"], "ended with exit code 1"), (["true"], "printed nothing"),
                            (["no-such-program-here"], "cannot run no-such-program-here"),
                            (["head", "-c", "9000", "/dev/zero"], "printed nothing"),
                            (["printf", "%09000d", "1"], "failed"),
                            (["sh", "-c", "kill -9 $$"], "was ended by signal 9"),
                            (["printf", "a\\tb"], "control character")):
            self.config("acme", acme=self.place.profile(token_cmd=words))
            self.assertIn(part, self.place.get(code=2).err)

    def test_a_file_that_others_may_read_is_refused_with_the_remedy(self):
        for mode in (0o640, 0o604, 0o660, 0o602):
            path = self.place.store("screendesk", mode=mode, SCREENDESK_TOKEN=self.place.token)
            err = self.place.get(code=2).err
            self.assertIn("chmod 600", err)
            self.assertIn(path, err)
        os.unlink(path)
        os.symlink(self.place.store("elsewhere", SCREENDESK_TOKEN=self.place.token), path)
        self.place.get(code=2)

    def test_a_token_goes_to_its_own_origin_only(self):
        self.config(acme=self.place.profile(), other=self.place.profile().replace(self.place.url, NOWHERE))
        self.place.store("acme", origin=NOWHERE, SCREENDESK_TOKEN=self.place.token)
        self.assertIn("are for %s and not for" % NOWHERE, self.place.get("--profile", "acme", code=2).err)
        # The environment's token is of the environment's origin.
        err = self.place.get("--profile", "other", code=4, SCREENDESK_TOKEN=self.place.token,
                             SCREENDESK_URL=self.place.url).err
        self.assertIn("no credential", err)
        self.assertEqual([entry for entry in self.place.log() if entry["path"].startswith("/api/")], [])

    def test_the_environments_origin_has_no_default_profile(self):
        self.config("acme", acme=self.place.profile(token_cmd=["echo", self.place.token]))
        self.assertIn("no credential", self.place.get(code=4, SCREENDESK_URL=self.place.url).err)
        self.place.get("--profile", "acme", SCREENDESK_URL=NOWHERE)

    def test_practice_uses_no_profile(self):
        self.config("acme", acme=self.place.profile(token_cmd=["false"]))
        self.place.get("--practice", "-q")
        self.assertIn("leave out one", self.place.get("--practice", "--profile", "acme", code=2).err)

    def test_connect_names_a_profile(self):
        self.config(acme=self.place.profile(token_cmd=["echo", self.place.token]), bad=self.place.profile())
        for argument, code in (('{ profile = "acme" }', 0), ('{ service = "screendesk", profile = "acme" }', 0),
                               ('{ service = "workdrive", profile = "acme" }', 2), ('{ profile = "nobody" }', 2),
                               ('{ profile = "acme", url = "http://127.0.0.1:9" }', 1)):
            text = 'local sd = require "moonlever".connect %s for r in sd.recordings:list() do print(r.uuid) end'
            done = self.place.moonlever("run", script(text % argument), "-q")
            self.assertEqual(done.code, code, done)
        named = script('for r in require "moonlever".connect { profile = "bad" }.recordings:list() do end')
        self.assertEqual(self.place.moonlever("run", named).code, 4)
        self.assertEqual(self.place.moonlever("run", named, "--profile", "acme").code, 0)


class Broken(Case):
    def test_what_is_wrong_is_named(self):
        profile = self.place.profile
        for text, part in (
                ("profiles = { acme = %s }" % profile(token=WRONG), "tokens do not belong there"),
                ("profiles = { acme = %s }" % profile(headrom=1), "did you mean 'headroom'?"),
                ("profiles = { acme = %s }" % profile(rate="5"), "should be a number"),
                ("profiles = { acme = %s }" % profile(rate=-1), "rate is 0"),
                ("profiles = { acme = %s }" % profile(headroom=0), "percentage"),
                ("profiles = { acme = { } }", "has no service"),
                ("profiles = { acme = { service = 'screendisk' } }", "did you mean 'screendesk'?"),
                ("profiles = { ['../x'] = %s }" % profile(), "a name has letters"),
                ("profiles = { acme = 1 }", "should be a table"),
                ("profiles = { acme = %s }" % profile(token_cmd=[]), "token_cmd is"),
                ("profiles = { acme = %s }" % profile(token_cmd=["a", 1]), "token_cmd is"),
                ("profiles = 1", "profiles is not a table"), ("default = 1", "default is a table"),
                ("default = { screendesk = 'x' }", "there is no profile 'x'"),
                ("profile = {}", "did you mean 'profiles'?"),
                ("profiles = os.getenv 'HOME'", "does not come to an end"),
                ("profiles = {", "config.lua:2: '}' expected")):
            self.place.config(text)
            self.assertIn(part, self.place.get(code=2).err)

    def test_no_bytecode_and_no_large_file(self):
        path = self.place.directory + "/config.lua"
        for content, part in ((b"\x1bLua" + bytes(50), "text"), (b"return { }" + b" " * 300000, "larger than")):
            with open(path, "wb") as file:
                file.write(content)
            self.assertIn(part, self.place.get(code=2).err)

    def test_what_needs_no_account_works_all_the_same(self):
        self.place.config("profiles = {")
        for words in (("help", "config"), ("version",), ("runs",), ("run", "retag", "--help")):
            self.assertEqual(self.place.moonlever(*words).code, 0, words)


class Runs(Case):
    def setUp(self):
        super().setUp()
        command = ["echo", self.place.token]
        self.config("acme", acme=self.place.profile(token_cmd=command), beta=self.place.profile(token_cmd=command))
        self.path = script(RETITLE % 2)

    def test_a_run_stays_with_its_profile(self):
        self.place.ended(0, "run", self.path, "--yes", "--profile", "beta")
        self.assertIn("profile   beta\n", self.place.moonlever("runs", "last").out)
        refused = self.place.ended(6, "undo", "last", "--yes", "--profile", "acme")
        self.assertIn("was made with profile beta, not with profile acme", refused["err"])
        # The default is another one, and yet it is undone under its own.
        self.place.ended(0, "undo", "last", "--yes")
        self.assertIn("profile   beta\n", self.place.moonlever("runs", "last").out)

    def test_so_does_a_plan(self):
        plan = self.place.file("titles.plan")
        self.place.ended(0, "plan", self.path, "-o", plan, "--profile", "beta")
        self.assertIn("profile   beta\n", self.place.moonlever("show", plan).out)
        self.assertIn('"profile":"beta"', self.place.moonlever("show", plan, "--json").out)
        self.place.ended(6, "apply", plan, "--yes", "--profile", "acme")
        self.assertEqual(self.place.writes(), [])
        self.place.ended(0, "apply", plan, "--yes")
        self.assertIn("profile   beta\n", self.place.moonlever("runs", "last").out)

    def test_a_run_that_was_stopped(self):
        run = self.place.ended(6, "run", self.path, "--yes", "--max-changes", "1", "--profile", "beta")["run"]
        self.place.ended(6, "resume", run, "--yes", "--profile", "acme")
        self.place.ended(0, "resume", run, "--yes")
        self.assertEqual(self.place.states(run), ["confirmed", "confirmed"])

    def test_a_run_of_the_environment_has_no_profile(self):
        run = self.place.ended(6, "run", self.path, "--yes", "--max-changes", "1", **self.place.account)["run"]
        self.assertNotIn("profile ", self.place.moonlever("runs", run).out)
        self.place.ended(6, "resume", run, "--yes", "--profile", "acme", **self.place.account)
        self.place.ended(0, "resume", run, "--yes", **self.place.account)


class Production(Case):
    def setUp(self):
        super().setUp()
        self.config("prod", prod=self.place.profile(token_cmd=["echo", self.place.token], production=True))
        self.path = script(RETITLE % 3)

    def test_a_plain_yes_is_not_enough(self):
        self.assertIn("--confirm=N", self.place.ended(6, "run", self.path, "--yes")["err"])
        self.assertEqual(self.place.writes(), [])
        self.place.ended(0, "run", self.path, "--dry-run")

    def test_the_number_is_what_may_be_changed(self):
        self.place.ended(6, "run", self.path, "--confirm", "2")
        self.assertEqual(len(self.place.writes()), 2)
        self.place.ended(0, "resume", "last", "--confirm", "5")
        self.place.ended(6, "undo", "last", "--yes")
        self.place.ended(0, "undo", "last", "--confirm", "3")

    def typed(self, keys, code, *flags):
        with pty.Terminal([PROGRAM, "run", self.path, *flags], columns=120,
                          env=environment(**self.place.env)) as term:
            term.wait_for("Type 'prod' to go on: ")
            term.send(keys)
            self.assertEqual(term.wait(), code)
            return term.text()

    def test_its_name_is_typed(self):
        self.assertIn("prod is production: ", self.typed("y\r", 6))
        self.typed("\r", 6)
        self.typed("prod2\r", 6)
        self.assertEqual(self.place.writes(), [])
        self.typed("prod\r", 0)
        self.assertEqual(len(self.place.writes()), 3)

    def test_with_yes_it_is_asked_for_all_the_same(self):
        self.typed("prod\r", 0, "--yes")


if __name__ == "__main__":
    unittest.main()
