# SPDX-License-Identifier: MIT
"""`moonlever run` without a terminal: arguments, output, exit codes, secrets."""
import json
import os
import signal
import subprocess
import unittest

from cli_kit import PROGRAM, RETITLE, environment, moonlever, script
from lib import wire
from lib.fixtures import recording

SECRET = "sEcret-token-of-the-test"
WAIT = 'print "ready"\nio.stdout:flush()\nrequire("moonlever").sleep(60)\n'


class Arguments(unittest.TestCase):
    def arguments(self, *args):
        done = moonlever("run", script("for i, a in ipairs(arg) do print(i, a) end"), *args)
        self.assertEqual(done.code, 0, done)
        return [line.split("\t")[1] for line in done.out.splitlines()]

    def test_what_is_not_a_flag_is_the_scripts_in_order(self):
        self.assertEqual(self.arguments("--from", "a b", "-n", "--to=c", "--rate", "3", "-5", "", "-x"),
                         ["--from", "a b", "--to=c", "-5", "", "-x"])

    def test_everything_behind_two_dashes(self):
        self.assertEqual(self.arguments("-q", "--", "--dry-run", "--", "-y"), ["--dry-run", "--", "-y"])

    def test_a_header_may_not_take_a_flag(self):
        done = moonlever("run", script("""
            local opt = require("moonlever").script { summary = "s", args = { seed = { "a seed" } } }
        """))
        self.assertNotEqual(done.code, 0)
        self.assertIn("seed", done.err)


class Output(unittest.TestCase):
    def test_print_and_io_write_keep_their_order(self):
        path = script('io.write("a ")\nprint "b"\nio.write("c\\n")\nprint("d", 1)\n')
        self.assertEqual(moonlever("run", path).out, "a b\nc\nd\t1\n")

    def test_bytes_pass_unchanged_where_there_is_no_terminal(self):
        done = moonlever("run", script('print("a\\27[2Jb\\u{202E}")'))
        self.assertEqual(done.out, "a\x1b[2Jb\u202e\n")

    def test_the_result_is_the_last_line_on_a_line_of_its_own(self):
        done = moonlever("run", script('io.write("no newline")'), "--json")
        self.assertEqual(done.code, 0, done)
        first, last = done.out.splitlines()
        self.assertEqual(first, "no newline")
        result = json.loads(last)
        self.assertEqual((result["run"], result["state"], result["exit"]), (None, "done", 0))

    def test_the_result_says_how_it_ended(self):
        for text, code in (("error 'x'", 1), ("x = = 1", 2)):
            done = moonlever("run", script(text), "--json")
            self.assertEqual(done.code, code, done)
            self.assertEqual(json.loads(done.out.splitlines()[-1])["exit"], code)
        done = moonlever("run", "nowhere.lua", "--json")
        self.assertEqual(json.loads(done.out), {"run": None, "state": "stopped", "counts": {}, "exit": 2})

    def test_a_full_disk_is_an_error(self):
        for text in ("print 'x'", "io.write 'x'", "io.write(('x'):rep(100000))"):
            with open("/dev/full", "wb") as full:
                done = moonlever("run", script(text), stdout=full)
            self.assertEqual(done.code, 1, done)
            self.assertIn("cannot write to standard output: No space left on device", done.err)
        with open("/dev/full", "wb") as full:
            self.assertEqual(moonlever("help", stdout=full).code, 1)

    def test_a_limit_of_the_size_of_files_is_an_error(self):
        path = os.path.join(os.path.dirname(script("")), "output")
        with open(path, "wb") as file:
            shell = 'ulimit -f 1; exec "$0" run "$1"'
            done = subprocess.run(["sh", "-c", shell, PROGRAM, script("print(('x'):rep(100000))")], stdout=file,
                                  stderr=subprocess.PIPE, env=environment(), check=False)
        self.assertEqual(done.returncode, 1, done)
        self.assertIn(b"cannot write to standard output: File too large", done.stderr)

    def test_a_full_disk_stops_the_run(self):
        with open("/dev/full", "wb") as full:
            done = moonlever("run", script("print 'x'\n" + WAIT), stdout=full)
        self.assertEqual(done.code, 1, done)

    def test_a_closed_output_is_an_error(self):
        done = subprocess.run(["sh", "-c", 'exec "$0" help >&-', PROGRAM], stderr=subprocess.PIPE,
                              env=environment(), check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"cannot write to standard output", done.stderr)

    def test_a_reader_that_leaves_ends_the_run_quietly(self):
        child = subprocess.Popen([PROGRAM, "run", script(WAIT)], stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, env=environment())
        self.assertEqual(child.stdout.readline(), b"ready\n")
        child.stdout.close()
        child.send_signal(signal.SIGTERM)  # the pipe alone is noticed with the next output
        err = child.stderr.read()
        child.stderr.close()
        self.assertEqual(child.wait(), 130, err)

        reader, writer = os.pipe()
        os.close(reader)
        with os.fdopen(writer, "wb") as pipe:
            done = moonlever("run", script("print 'x'\n" + WAIT), stdout=pipe)
        self.assertEqual((done.code, done.err), (130, ""), done)


class Endings(unittest.TestCase):
    def test_an_error_names_the_line(self):
        done = moonlever("run", script("local x\nprint(x.y)\n"))
        self.assertEqual(done.code, 1, done)
        self.assertRegex(done.err, r"^moonlever: .*script\.lua:2:")
        self.assertEqual(done.out, "")

    def test_no_credential(self):
        done = moonlever("run", script('require("moonlever").connect("screendesk").recordings:get("a")'))
        self.assertEqual(done.code, 4, done)
        self.assertIn("SCREENDESK_TOKEN", done.err)

    def test_signals_stop_the_run(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            child = subprocess.Popen([PROGRAM, "run", script(WAIT), "--json"], stdout=subprocess.PIPE,
                                     stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, env=environment())
            self.assertEqual(child.stdout.readline(), b"ready\n")
            child.send_signal(number)
            out, err = child.communicate(timeout=60)
            self.assertEqual(child.returncode, 130, err)
            self.assertEqual(json.loads(out)["exit"], 130)
            self.assertIn(b"stopping", err)

    def test_the_second_signal_leaves_at_once(self):
        text = 'print "ready"\nio.stdout:flush()\nos.execute("sleep 2")\n'
        child = subprocess.Popen([PROGRAM, "run", script(text), "--json"], stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, env=environment())
        self.assertEqual(child.stdout.readline(), b"ready\n")
        child.send_signal(signal.SIGTERM)
        child.send_signal(signal.SIGHUP)
        out, _ = child.communicate(timeout=60)
        self.assertEqual((child.returncode, out), (130, b""), "no time for a result")

    def test_ignored_signals_stay_ignored(self):
        text = 'print "ready"\nio.stdout:flush()\nrequire("moonlever").sleep(0.3)\nprint "end"\n'
        child = subprocess.Popen(["sh", "-c", 'trap "" HUP; exec "$0" run "$1"', PROGRAM, script(text)],
                                 stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, env=environment())
        self.assertEqual(child.stdout.readline(), b"ready\n")
        child.send_signal(signal.SIGHUP)
        out, _ = child.communicate(timeout=60)
        self.assertEqual((child.returncode, out), (0, b"end\n"))


class Writes(unittest.TestCase):
    def test_without_a_terminal_nothing_is_sent(self):
        done = moonlever("run", script(RETITLE % 5), "--practice", "--json")
        self.assertEqual(done.code, 6, done)
        self.assertIn("--yes", done.err)
        self.assertNotIn("run: ", done.err)
        self.assertEqual(json.loads(done.out.splitlines()[-1])["exit"], 6)

    def test_yes(self):
        done = moonlever("run", script(RETITLE % 5), "--practice", "--yes", "--json")
        self.assertEqual(done.code, 0, done)
        result = json.loads(done.out.splitlines()[-1])
        self.assertEqual((result["state"], result["counts"]["confirmed"]), ("done", 5))
        self.assertEqual(done.err.splitlines().count("run: " + result["run"]), 1)

    def test_the_run_is_named_before_the_first_write(self):
        folder = os.path.dirname(script(""))
        log = os.path.join(folder, "err")

        def answer(request):
            if request.method == "PATCH":
                with open(log, encoding="utf-8") as file:
                    seen.append(file.read())
            changes = request.json()["recording"] if request.method == "PATCH" else {}
            return wire.json(200, recording(1, **changes))

        seen = []
        text = 'require("moonlever").connect("screendesk").recordings:update("%s", { title = "t" })' % (
            recording(1)["uuid"])
        with wire.Server(answer) as server, open(log, "wb") as err:
            done = subprocess.run([PROGRAM, "run", script(text), "-yq"], env=wire.environment(server),
                                  stdin=subprocess.DEVNULL, stderr=err, timeout=120, check=False)
        self.assertEqual(done.returncode, 0, seen)
        self.assertEqual(len(seen), 1)
        self.assertRegex(seen[0], r"(?m)^run: \S+$")

    def test_dry_run(self):
        done = moonlever("run", script(RETITLE % 5), "--practice", "-n", "--json")
        self.assertEqual(done.code, 0, done)
        result = json.loads(done.out.splitlines()[-1])
        self.assertEqual((result["state"], result["counts"]["planned"]), ("planned", 5))

    def test_limits(self):
        done = moonlever("run", script(RETITLE % 5), "--practice", "-y", "--max-changes", "3", "--json")
        self.assertEqual(done.code, 6, done)
        self.assertEqual(json.loads(done.out.splitlines()[-1])["counts"]["confirmed"], 3)
        done = moonlever("run", script(RETITLE % 5), "--practice", "-y", "--max-requests", "2")
        self.assertEqual(done.code, 6, done)
        for flag in ("--max-changes", "--max-requests"):
            done = moonlever("run", script("print 1"), flag, "0")
            self.assertEqual((done.code, done.out), (2, ""), done)

    def test_quiet_means_no_report_unless_something_failed(self):
        done = moonlever("run", script(RETITLE % 2), "--practice", "-yq")
        self.assertEqual(done.code, 0, done)
        self.assertRegex(done.err, r"\Arun: \S+\n\Z")
        self.assertEqual(done.out, "retitled\n")
        done = moonlever("run", script(RETITLE % 2), "--practice", "-y")
        self.assertRegex(done.err, r"2 confirmed")
        done = moonlever("run", script(RETITLE % 2), "--practice", "-yq", "--max-changes=1")
        self.assertEqual(done.code, 6)
        self.assertRegex(done.err, r"1 confirmed")

    def test_no_progress_in_a_pipe(self):
        done = moonlever("run", script(RETITLE % 30), "--practice", "-y", "--faults", "latency=30")
        self.assertEqual(done.code, 0, done)
        self.assertNotIn("\r", done.err)
        self.assertNotIn("in flight", done.err)


class Secrets(unittest.TestCase):
    NAMES = ("SCREENDESK_TOKEN", "SCREENDESK_SCIM_TOKEN", "SCREENDRAGON_TOKEN", "WORKDRIVE_API_KEY")

    def run_with(self, text, *flags):
        env = {name: SECRET + name for name in self.NAMES}
        done = moonlever("run", script(text), *flags, **env)
        self.assertNotIn(SECRET, done.out + done.err)
        return done

    def test_scripts_and_their_programs_do_not_see_them(self):
        done = self.run_with("""
            for _, name in ipairs { "%s" } do assert(os.getenv(name) == nil, name) end
            os.execute("env")
            local file = assert(io.open("/proc/self/environ"))
            print(#file:read("a") > 0)
        """ % '", "'.join(self.NAMES))
        self.assertEqual(done.code, 0, done)
        self.assertTrue(done.out.endswith("true\n"), done)

    def test_no_core_dump(self):
        done = self.run_with("""
            for line in io.lines("/proc/self/limits") do
              if line:find("core file") then print((line:gsub("%s+", " "))) end
            end
        """)
        self.assertIn("Max core file size 0 0", done.out)

    def test_verbose_output_does_not_hold_them(self):
        text = 'require("moonlever").connect("screendesk").recordings:get("1")'
        with wire.Server([wire.json(401, {"error": "bad token " + SECRET})]) as server:
            done = moonlever("run", script(text), "-vv", SCREENDESK_URL=server.url, SCREENDESK_TOKEN=SECRET)
        self.assertEqual(done.code, 4, done)
        self.assertNotIn(SECRET, done.out + done.err)
        self.assertEqual(server.requests[0].header("authorization"), "Bearer " + SECRET)

    def test_practice_uses_none_of_them(self):
        done = self.run_with(RETITLE % 1, "--practice", "-y", "-vv")
        self.assertEqual(done.code, 0, done)


if __name__ == "__main__":
    unittest.main()
