# SPDX-License-Identifier: MIT
"""`moonlever practice`: a server that stays until it is told to stop."""
import json
import os
import signal
import socket
import subprocess
import unittest

from cli_kit import FOLDER, PROGRAM, RETITLE, environment, moonlever, script

NAMES = ["SCREENDESK_URL", "SCREENDESK_TOKEN", "SCREENDESK_SCIM_TOKEN", "SCREENDRAGON_URL", "SCREENDRAGON_TOKEN",
         "WORKDRIVE_URL", "WORKDRIVE_API_KEY"]


class Practice(unittest.TestCase):
    def start(self, *flags):
        child = subprocess.Popen([PROGRAM, "practice", *flags], stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, env=environment())
        self.addCleanup(child.stdout.close)
        self.addCleanup(child.stderr.close)
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        lines = [child.stdout.readline().decode().rstrip("\n") for _ in NAMES]
        return child, lines

    def variables(self, lines):
        shell = "\n".join(lines) + '\nprintf "%s\\n" ' + " ".join('"$%s"' % name for name in NAMES)
        done = subprocess.run(["sh", "-c", shell], stdout=subprocess.PIPE, env=environment(), check=True)
        return dict(zip(NAMES, done.stdout.decode().splitlines()))

    def stop(self, child, number=signal.SIGTERM):
        child.send_signal(number)
        self.assertEqual(child.wait(timeout=60), 0)

    def test_prints_the_environment_for_a_shell(self):
        child, lines = self.start()
        self.assertEqual([line.split("=")[0] for line in lines], ["export " + name for name in NAMES])
        self.assertRegex(self.variables(lines)["SCREENDESK_URL"], r"^http://127\.0\.0\.1:\d+$")
        self.stop(child, signal.SIGINT)
        self.assertEqual(child.stdout.read(), b"", "nothing else on standard output")
        self.assertIn(b"Ctrl-C", child.stderr.read())

    def test_serves_three_services_that_one_run_uses(self):
        child, lines = self.start("--users", "7", "--posts", "12")
        env = self.variables(lines)
        text = """
            local moonlever = require "moonlever"
            local sg = moonlever.connect "screendragon"
            local wd = moonlever.connect "workdrive"
            local list = sg:request { method = "GET", path = "/api/users?activeAndInactive=true" }
            local page = wd:request { method = "GET", path = "/api/users" }
            local posts = wd:request { method = "GET", path = "/api/posts?time=2030-01-01&per_page=50" }
            print(#list, page.meta.totalResults, #posts.posts)"""
        for done in (moonlever("run", script(text), **env),
                     moonlever("run", script(text), "--practice", "--users", "7", "--posts", "12")):
            self.assertEqual((done.code, done.out.split()), (0, ["7", "7", "12"]), done)
        self.stop(child)

    def test_is_changed_by_runs_and_keeps_it(self):
        log = os.path.join(FOLDER, "requests.log")
        child, lines = self.start("--recordings", "7", "--users", "3", "--seed", "5", "--log", log)
        env = self.variables(lines)
        done = moonlever("run", script(RETITLE % 100), "-y", "--json", **env)
        self.assertEqual(done.code, 0, done)
        self.assertEqual(json.loads(done.out.splitlines()[-1])["counts"]["confirmed"], 7)
        done = moonlever("run", script(RETITLE % 100), "-y", "--json", **env)
        self.assertEqual(json.loads(done.out.splitlines()[-1])["counts"]["noop"], 7, done)
        self.stop(child)
        with open(log, encoding="utf-8") as file:
            requests = [json.loads(line) for line in file]
        self.assertGreaterEqual(len(requests), 9)
        self.assertNotIn(env["SCREENDESK_TOKEN"], json.dumps(requests))

    def test_stops_in_the_background_of_a_shell(self):
        # A shell without job control starts such a child with SIGINT ignored.
        shell = '"$0" practice -q > "$1" & pid=$!\n' \
                'until grep -qs SCIM "$1"; do sleep 0.05; done\nkill -INT $pid\nwait $pid'
        done = subprocess.run(["sh", "-c", shell, PROGRAM, os.path.join(FOLDER, "practice.env")],
                              stderr=subprocess.PIPE, env=environment(), timeout=60, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, b""))

    def test_refuses_what_it_does_not_understand(self):
        done = moonlever("practice", "--faults", "nonsense=5%")
        self.assertEqual((done.code, done.out), (2, ""), done)
        self.assertIn("nonsense", done.err)

    def test_a_port_that_is_taken(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = str(taken.getsockname()[1])
            done = moonlever("practice", "--port", port)
        self.assertIn(done.code, (1, 2), done)
        self.assertIn(port, done.err)
        self.assertEqual(done.out, "")

    def test_nobody_reads_the_environment(self):
        with open("/dev/full", "wb") as full:
            done = moonlever("practice", stdout=full)
        self.assertEqual(done.code, 1, done)
        self.assertIn("cannot write to standard output", done.err)


if __name__ == "__main__":
    unittest.main()
