# SPDX-License-Identifier: MIT
"""login, profile, config and doctor."""
import os
import stat
import subprocess
import unittest

from cli_kit import PROGRAM, environment
from profile_kit import Profiles, lua
from lib import pty

WRONG = "wrong-token-c4n4ry"


class Case(unittest.TestCase):
    def setUp(self):
        self.place = Profiles("--recordings", "5")
        self.place.secrets += (WRONG,)
        self.addCleanup(self.place.__exit__)

    def moonlever(self, *words, code=0, token=None, **env):
        """Runs it with a token on standard input; the result."""
        done = subprocess.run([PROGRAM, *words], input=(token or "").encode(), capture_output=True, timeout=60,
                              check=False, start_new_session=True, env=environment(**{**self.place.env, **env}))
        out, err = done.stdout.decode(), done.stderr.decode()
        self.assertEqual(done.returncode, code, out + err)
        for secret in self.place.secrets:
            self.assertNotIn(secret, out + err)
        self.out, self.err = out, err
        return out

    def login(self, *flags, token=None, code=0, **env):
        token = self.place.token if token is None else token
        return self.moonlever("login", "screendesk", "--url", self.place.url, *flags, token=token + "\n", code=code, **env)

    def stored(self, name="screendesk"):
        return "%s/credentials/%s" % (self.place.directory, name)


class Login(Case):
    def test_the_token_is_stored_for_its_owner_only_and_used(self):
        os.rmdir(self.place.directory + "/credentials")
        os.rmdir(self.place.directory)
        self.login()
        self.assertEqual(stat.S_IMODE(os.stat(self.stored()).st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(os.stat(self.place.directory).st_mode), 0o700)
        self.assertEqual(os.listdir(self.place.directory + "/credentials"), ["screendesk"], "nothing else is left")
        self.assertEqual(self.moonlever("get", "screendesk", "recordings", "--limit", "1").count("\n"), 1)

    def test_a_umask_that_lets_others_read_changes_nothing(self):
        before = os.umask(0)
        try:
            self.login()
        finally:
            os.umask(before)
        self.assertEqual(stat.S_IMODE(os.stat(self.stored()).st_mode), 0o600)

    def test_what_does_not_work_is_not_stored(self):
        for token, code in ((WRONG, 4), ("", 2), ("a\tb", 2), ("x" * 9000, 2)):
            self.login(token=token, code=code)
            self.assertFalse(os.path.exists(self.stored()))
        self.moonlever("login", "screendesk", "--url", "http://127.0.0.1:9", token=self.place.token, code=5)
        self.assertIn("nothing was stored", self.err)
        self.login()
        self.login(token=WRONG, code=4)
        self.moonlever("get", "screendesk", "recordings", "--limit", "1")

    def test_a_second_credential_joins_the_first(self):
        scim = self.place.account["SCREENDESK_SCIM_TOKEN"]
        self.login()
        self.moonlever("login", "--profile", "screendesk", "--credential", "scim", token=scim)
        self.moonlever("get", "screendesk", "scim.users", "--limit", "1")
        self.moonlever("get", "screendesk", "recordings", "--limit", "1")

    def test_a_token_of_another_place_does_not_stay(self):
        self.place.store("screendesk", origin="http://127.0.0.1:9", SCREENDESK_SCIM_TOKEN=WRONG)
        self.login()
        with open(self.stored(), encoding="utf-8") as file:
            self.assertEqual(sorted(line.split("=")[0] for line in file), ["SCREENDESK_TOKEN", "origin", "service"])

    def test_a_file_that_was_open_to_others_is_made_anew(self):
        self.place.store("screendesk", mode=0o644, SCREENDESK_SCIM_TOKEN=WRONG)
        self.login()
        self.assertEqual(stat.S_IMODE(os.stat(self.stored()).st_mode), 0o600)
        with open(self.stored(), encoding="utf-8") as file:
            self.assertNotIn(WRONG, file.read())

    def test_the_environments_token_is_not_what_is_tried(self):
        self.login(token=WRONG, code=4, SCREENDESK_TOKEN=self.place.token)

    def test_where_it_is_comes_from_the_profile(self):
        self.place.config("profiles = { acme = %s }" % self.place.profile())
        self.moonlever("login", "--profile", "acme", token=self.place.token)
        self.moonlever("get", "screendesk", "recordings", "--limit", "1", "--profile", "acme")

    def test_words_that_mean_nothing(self):
        for words, part in ((("login",), "which service? screendesk, screendragon or workdrive: "),
                            (("login", "foo"), "There are screendesk, screendragon and workdrive."), (("login", "screndesk"), "Did you mean 'screendesk'?"),
                            (("login", "screendesk", "--credential", "scmi"), "Did you mean 'scim'?"),
                            (("login", "workdrive"), "Say --url"),
                            (("login", "screendesk", "--url", "http://example.com"), "not an address"),
                            (("login", "screendesk", "--profile", "../x"), "no name for a profile"),
                            (("profile",), "what about profiles?"), (("profile", "use"), "which profile?"),
                            (("profile", "use", "nobody"), "no profile 'nobody'"),
                            (("profile", "remove", "nobody"), "no profile 'nobody'"),
                            (("profile", "list", "x"), "takes no name"), (("config",), "config show"),
                            (("config", "show", "x"), "one too many")):
            self.moonlever(*words, token=self.place.token, code=2)
            self.assertIn(part, self.err)

    def typed(self, keys, code):
        words = [PROGRAM, "login", "screendesk", "--url", self.place.url]
        with pty.Terminal(words, columns=150, env=environment(**self.place.env)) as term:
            term.wait_for("API Tokens (Enterprise plan)): ")
            term.send(keys)
            self.assertEqual(term.wait(), code)
            return term.output.decode()

    def test_typed_it_is_not_shown(self):
        output = self.typed(self.place.token + "\r", 0)
        self.assertNotIn(self.place.token, output)
        self.assertTrue(os.path.exists(self.stored()))

    def test_ctrl_c_at_the_prompt(self):
        self.typed("abc\x03", 130)
        self.assertFalse(os.path.exists(self.stored()))


class Profile(Case):
    def setUp(self):
        super().setUp()
        self.place.config("profiles = { acme = %s, beta = %s }" % (
            self.place.profile(token_cmd=["echo", self.place.token]),
            lua({"service": "workdrive", "origin": "https://wd.example", "production": True})))
        self.place.store("gamma", SCREENDESK_TOKEN=self.place.token)

    def test_list(self):
        rows = [line.split() for line in self.moonlever("profile", "list").splitlines()]
        self.assertEqual(rows, [["profile", "service", "origin", "token", "is"],
                                ["acme", "screendesk", self.place.url, "token_cmd"],
                                ["beta", "workdrive", "https://wd.example", "-", "production"],
                                ["gamma", "screendesk", self.place.url, "login"]])

    def test_use_goes_before_the_file(self):
        self.moonlever("get", "screendesk", "recordings", "--limit", "1", code=4,
                       SCREENDESK_URL=self.place.url)
        self.moonlever("profile", "use", "gamma")
        self.assertRegex(self.moonlever("profile", "list"), r"gamma .* default")
        self.moonlever("get", "screendesk", "recordings", "--limit", "1")
        self.moonlever("profile", "use", "beta")
        self.assertRegex(self.moonlever("profile", "list"), r"gamma .* default", "each service has its own")

    def test_remove_forgets_the_token_and_the_choice(self):
        self.moonlever("profile", "use", "gamma")
        self.moonlever("profile", "remove", "gamma")
        self.assertFalse(os.path.exists(self.stored("gamma")))
        self.assertNotIn("gamma", self.moonlever("profile", "list"))
        self.assertIn("config.lua", self.moonlever("profile", "remove", "acme"))
        self.assertIn("acme", self.moonlever("profile", "list"))

    def test_show_says_where_each_setting_comes_from(self):
        text = self.moonlever("config", "show", "--origin", "--profile", "acme", SCREENDESK_SCIM_TOKEN=WRONG)
        self.assertRegex(text, r"screendesk\.profile +acme +--profile")
        self.assertRegex(text, r"screendesk\.token +set +token_cmd of .*config\.lua")
        self.assertRegex(text, r"screendesk\.token\.scim +set +environment, SCREENDESK_SCIM_TOKEN")
        self.assertRegex(text, r"workdrive\.token +not set")
        self.moonlever("profile", "use", "beta")
        text = self.moonlever("config", "show", "--origin")
        self.assertRegex(text, r"workdrive\.profile +beta +.*/defaults")
        self.assertRegex(text, r"workdrive\.production +true +.*config\.lua")
        self.assertNotIn("defaults", self.moonlever("config", "show"))


class Doctor(Case):
    def bad(self, *flags):
        return [line for line in self.moonlever("doctor", *flags).splitlines() if line.startswith("bad")]

    def test_nothing_to_complain_about(self):
        self.login()
        self.assertEqual(self.bad(), [])
        for what in ("version", "libraries", "clock", "terminal", "files", "numbers", "config", "journal"):
            self.assertRegex(self.out, r"(?m)^(ok|note) +%s " % what)
        self.assertEqual(self.bad("--online"), [])
        self.assertRegex(self.out, r"(?m)^ok +screendesk +profile screendesk: answers, and takes the token$")
        self.assertRegex(self.out, r"(?m)^- +workdrive +no token is set$")

    def test_profiles_of_both_kinds_are_counted_and_asked(self):
        self.assertEqual(self.bad(), [])
        self.assertRegex(self.out, r"(?m)^ok +config +no profiles in .*; moonlever login makes one$")
        self.login("--profile", "acme")  # neither the default, nor in config.lua
        self.assertEqual(self.bad("--online"), [])
        self.assertRegex(self.out, r"(?m)^ok +config +1 profile: 1 of .*/credentials \(login\)$")
        self.assertRegex(self.out, r"(?m)^ok +screendesk +profile acme: answers, and takes the token$")
        self.place.config("profiles = { acme = %s, bare = %s, wrong = %s }" % (
            self.place.profile(), self.place.profile(), self.place.profile(token_cmd=["echo", WRONG])))
        self.assertRegex("\n".join(self.bad("--online")), r"^bad +screendesk +profile wrong: .*401 Unauthorized \(page 1, after 0 items\)$")
        self.assertRegex(self.out, r"(?m)^ok +config +3 profiles: 3 of .*/config\.lua, 1 of .*/credentials \(login\)$")
        self.assertRegex(self.out, r"(?m)^ok +screendesk +profile acme: answers")
        self.assertRegex(self.out, r"(?m)^- +screendesk +profile bare: no token is set$")
        self.assertEqual(self.bad("--online", "--profile", "acme"), [])
        self.assertNotIn("profile wrong", self.out)
        self.assertRegex("\n".join(self.bad("--online", "--profile", "acne")), r"(?m)^bad +profile +there is no profile 'acne'")

    def test_the_account_of_the_environment_is_asked_beside_profiles(self):
        self.place.config("profiles = { acme = %s }" % self.place.profile(token_cmd=["echo", self.place.token]))
        self.assertEqual(self.moonlever("doctor", "--online", **self.place.account).count("takes the token"), 4, self.out)
        self.assertRegex(self.out, r"(?m)^ok +screendesk +answers, and takes the token$")
        self.assertRegex(self.out, r"(?m)^ok +screendesk +profile acme: answers, and takes the token$")

    def test_nothing_is_sent_without_online(self):
        self.login()
        before = len(self.place.log())
        self.bad()
        self.assertEqual([entry for entry in self.place.log()[before:] if entry["path"].startswith("/api/")], [])

    def test_everything_is_looked_at_though_all_is_broken(self):
        path = self.place.directory + "/config.lua"
        self.place.config("profiles = {")
        os.chmod(path, 0o666)
        self.place.store("screendesk", mode=0o644, SCREENDESK_TOKEN=WRONG)
        os.makedirs(self.place.file("moonlever"))
        with open(self.place.journal, "w", encoding="utf-8") as file:
            file.write("this is no database, and never was one; " * 20)
        bad = "\n".join(self.bad())
        for part in ("config.lua has mode 0666", "credentials/screendesk has mode 0644", "bad   config", "bad   journal"):
            self.assertIn(part, bad)

    def test_settings_may_be_roots(self):
        """As those of a service are, which runs as a user of its own."""
        user = {} if os.geteuid() else {"user": 65534, "group": 65534, "extra_groups": []}
        try:
            done = subprocess.run([PROGRAM, "doctor"], capture_output=True, timeout=60, check=False,
                                  env=environment(MOONLEVER_CONFIG_DIR="/etc"), **user)
        except PermissionError:
            self.skipTest("the program is not open to other users")
        self.assertRegex(done.stdout.decode(), r"(?m)^ok +files +.* in /etc$")

    def test_settings_may_not_be_anybody_elses(self):
        if os.geteuid():
            self.skipTest("only root can give files away")
        os.chown(self.place.directory, 65534, 65534)
        self.assertIn("bad   files        %s belongs to another user" % self.place.directory, self.bad())

    def test_a_token_that_is_not_taken(self):
        self.place.store("screendesk", SCREENDESK_TOKEN=WRONG)
        self.assertIn("401", "\n".join(self.bad("--online")))


if __name__ == "__main__":
    unittest.main()
