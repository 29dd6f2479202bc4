#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""isolate=process: scripts in a process of their own, seen from a host in Python."""
import ctypes
import json
import os
import re
import signal
import tempfile
import time
import unittest

from embed_kit import BUILD, Account, Prefix, script

OUTPUT = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.POINTER(ctypes.c_char), ctypes.c_size_t)
TEXTS = ("moonlever_errmsg", "moonlever_result_json", "moonlever_report")

LIST = """
local moonlever = require "moonlever"
local sd = moonlever.connect "screendesk"
print(sd, sd.recordings, type(sd.recordings.list))
local titles = {}
for rec in sd.recordings:list { limit = 30 } do titles[#titles + 1] = rec.uuid .. " " .. tostring(rec.title) end
print(table.concat(titles, "\\n"))
local done = {}
local report = moonlever.each(sd.recordings:list { limit = 20 }, function(rec)
  if not rec.title or rec.title:find "^x " then return false end
  sd.recordings:update(rec, { title = "x " .. rec.title })
  done[#done + 1] = rec.uuid
end)
print(report.ok, report.failed, report.skipped, report.total, #done)
local ok, err = pcall(sd.recordings.get, sd.recordings, "no-such-id")
print(ok, err.kind, err.status, err.message)
print(pcall(function() return sd.recordigns end))
print(select(2, moonlever.try(sd.recordings.get, sd.recordings, "none")).kind)
print(moonlever.spawn(function(n) moonlever.sleep(0.001) return n, n + 1 end, 5):await())
local rows = { { n = 1 }, { n = 2 } }
moonlever.each(rows, function(row) row.seen = true end)
print(rows[1].seen, rows[2].seen, os.date("%Y") >= "2024")
table.sort({ 3, 1, 2 }, function(a, b) print(a < b) return a < b end)
error(err)
"""
WRITES = """
local moonlever = require "moonlever"
local sd = moonlever.connect "screendesk"
moonlever.each(sd.recordings:list { limit = 200 }, function(rec)
  sd.recordings:update(rec, { description = "seen" })
end, { concurrency = 2 })
"""


def library(path):
    lib = ctypes.CDLL(path)
    for name in TEXTS:
        getattr(lib, name).restype = ctypes.c_char_p
        getattr(lib, name).argtypes = [ctypes.c_void_p]
    for name in ("moonlever_run_done", "moonlever_exit_code", "moonlever_close", "moonlever_cancel", "moonlever_fd"):
        getattr(lib, name).argtypes = [ctypes.c_void_p]
    lib.moonlever_set.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p]
    lib.moonlever_wait.argtypes = [ctypes.c_void_p, ctypes.c_int]
    lib.moonlever_on_output.argtypes = [ctypes.c_void_p, OUTPUT, ctypes.c_void_p]
    lib.moonlever_resume_start.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
    lib.moonlever_run_text.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t,
                                       ctypes.c_int, ctypes.POINTER(ctypes.c_char_p)]
    return lib


LIBRARY = library(os.path.join(BUILD, "libmoonlever.so"))


class Host:
    """A handle whose scripts are isolated."""

    def __init__(self, lib=LIBRARY, **settings):
        self.lib, self.printed = lib, b""
        handle = ctypes.c_void_p()
        assert lib.moonlever_open(ctypes.byref(handle)) == 0
        self.handle = handle
        self.callback = OUTPUT(self.on_output)
        lib.moonlever_on_output(handle, self.callback, None)
        for key, value in {"isolate": "process", "yes": "true", "journal": os.path.join(tempfile.mkdtemp(), "j.db"),
                           **settings}.items():
            self.set(key, value)

    def on_output(self, _, text, size):
        self.printed += text[:size]

    def set(self, key, value):
        assert self.lib.moonlever_set(self.handle, key.encode(), value.encode()) == 0, self.text("errmsg")

    def text(self, name):
        return getattr(self.lib, "moonlever_" + name)(self.handle).decode()

    def account(self, account):
        for name, value in account.env.items():
            if name.endswith("_URL"):
                self.set("origin", name + "=" + value)
            elif name.endswith(("_TOKEN", "_KEY")):
                self.set("credential", name + "=" + value)
        return self

    def start(self, text):
        data = text.encode()
        self.printed = b""
        assert self.lib.moonlever_run_text(self.handle, b"script.lua", data, len(data), 0, None) == 0, self.text("errmsg")

    def turn(self):
        self.lib.moonlever_wait(self.handle, 20)
        return not self.lib.moonlever_run_done(self.handle)

    def end(self):
        while self.turn():
            pass
        return self.lib.moonlever_exit_code(self.handle), self.text("errmsg")

    def run(self, text):
        self.start(text)
        return self.end()

    def result(self):
        return json.loads(self.text("result_json"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.lib.moonlever_close(self.handle)


def children():
    found = []
    for task in os.listdir("/proc/self/task"):
        with open("/proc/self/task/%s/children" % task, encoding="ascii") as file:
            found += [int(pid) for pid in file.read().split()]
    return [pid for pid in found if name_of(pid) == "moonlever-isola"]


def name_of(pid):
    try:
        with open("/proc/%d/comm" % pid, encoding="ascii") as file:
            return file.read().strip()
    except FileNotFoundError:
        return ""


def memory_of(pid):
    """Every byte of the process that can be read."""
    with open("/proc/%d/maps" % pid, encoding="utf-8") as maps, open("/proc/%d/mem" % pid, "rb") as memory:
        for line in maps:
            begin, end, rights = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+)", line).groups()
            if "r" in rights and "[v" not in line:
                memory.seek(int(begin, 16))
                try:
                    yield memory.read(int(end, 16) - int(begin, 16))
                except OSError:
                    continue


class Isolate(unittest.TestCase):
    def child(self, host):
        """The process of the run that was started, once it has printed."""
        while not host.printed:
            self.assertTrue(host.turn(), host.text("errmsg"))
        pids = children()
        self.assertEqual(len(pids), 1)
        return pids[0]

    def test_same_as_without(self):
        seen = []
        for isolate in ("none", "process"):
            with Account("--recordings", "60") as account, Host(isolate=isolate).account(account) as host:
                end = host.run(LIST)
                result = host.result()
                result.pop("run")
                ids = r"request id \S+"
                seen.append((end[0], re.sub(ids, "", end[1]), re.sub(ids, "", host.printed.decode()), result))
        self.assertEqual(seen[0], seen[1])
        self.assertEqual(seen[1][0], 1)
        self.assertGreater(seen[1][3]["counts"]["confirmed"], 10)
        self.assertIn("script.lua:", seen[1][2])  # where the wrong name stands

    def test_dry_run(self):
        for isolate in ("none", "process"):
            with Account("--recordings", "60") as account, Host(isolate=isolate, dry_run="true").account(account) as host:
                self.assertEqual(host.run(WRITES)[0], 0)
                self.assertEqual(host.result()["counts"]["planned"], 60)

    def test_ended_by_a_signal(self):
        with Host() as host:
            for number in (signal.SIGSEGV, signal.SIGKILL, signal.SIGABRT):
                host.start("print 'here' while true do end")
                os.kill(self.child(host), number)
                self.assertEqual(host.end(), (6, "the script's process was ended by signal %d" % number))
                self.assertEqual(children(), [])
                self.assertEqual(host.run("print(1 + 1)"), (0, ""))
                self.assertEqual(host.printed, b"2\n")

    def test_limits(self):
        limits = [("memory_max", "33554432", "local t = {} while true do t[#t + 1] = ('x'):rep(1000) .. #t end"),
                  ("script_time_max", "0.2", "while true do end"),
                  ("instructions_max", "3000000", "while true do pcall(error) end"),
                  ("output_max", "10000", "while true do print 'a line' end")]
        for key, value, text in limits:
            with Host(**{key: value}) as host:
                code, why = host.run(text)
                self.assertEqual(code, 6)
                self.assertIn(key, why)

    def test_guards_are_the_host_s(self):
        with Account("--recordings", "60") as account, Host(max_changes="5").account(account) as host:
            self.assertEqual(host.run(WRITES)[0], 6)
            self.assertEqual(host.result()["counts"]["confirmed"], 5)

    def test_cancel_and_time(self):
        with Host(instructions_max="0", script_time_max="0") as host:
            host.start("print 'here' while true do end")
            self.child(host)
            host.lib.moonlever_cancel(host.handle)
            self.assertEqual(host.end()[0], 130)
            self.assertEqual(children(), [])
        with Host(instructions_max="0", script_time_max="0", max_time="0.2") as host:
            self.assertEqual(host.run("while true do end")[0], 6)
        self.assertEqual(children(), [])

    def test_closing_ends_it(self):
        with Host() as host:
            host.start("print 'here' while true do end")
            self.child(host)
        self.assertEqual(children(), [])

    @unittest.skipUnless(os.geteuid() == 0, "only root reads the memory of a process that cannot be dumped")
    def test_no_credential(self):
        token = "tok-" + os.urandom(12).hex()
        os.environ["ISOLATE_SECRET"] = token
        self.addCleanup(os.environ.pop, "ISOLATE_SECRET")
        with Account("--recordings", "9") as account, Host().account(account) as host:
            host.set("credential", "WORKDRIVE_API_KEY=" + token)
            host.start("local m = require 'moonlever' local sd = m.connect 'screendesk' local marker = 'seen-' .. 4711 * 3 "
                       "for r in sd.recordings:list() do end print 'here' m.sleep(1000) return marker")
            pid = self.child(host)
            secrets = [token] + [v for k, v in account.env.items() if k.endswith(("_TOKEN", "_KEY"))]
            memory = b"".join(memory_of(pid))
            self.assertIn(b"seen-14133", memory)  # it is the right one
            for secret in secrets:
                self.assertNotIn(secret.encode(), memory)
            with open("/proc/%d/environ" % pid, "rb") as file:
                self.assertRegex(file.read(), rb"\A(TZ=[^\0]*\0)?\Z")
            names = {os.readlink("/proc/%d/fd/%s" % (pid, fd)).split(":")[0] for fd in os.listdir("/proc/%d/fd" % pid)}
            self.assertEqual(names, {"/dev/null", "socket"})
            with open("/proc/%d/status" % pid, encoding="ascii") as file:
                status = file.read()
            self.assertRegex(status, r"NoNewPrivs:\s+1")
            self.assertRegex(status, r"Seccomp:\s+2")

    def test_killed_amid_writes_and_resumed(self):
        journal = os.path.join(tempfile.mkdtemp(), "journal.db")
        with Account("--recordings", "60", "--faults", "latency=5") as account:
            with Host(journal=journal).account(account) as host:
                host.start("print 'here'" + WRITES)
                pid = self.child(host)
                until = time.monotonic() + 0.3
                while time.monotonic() < until:
                    self.assertTrue(host.turn())
                os.kill(pid, signal.SIGKILL)
                self.assertEqual(host.end()[0], 6)
                first = host.result()
                self.assertEqual(first["counts"]["unknown"], 0)
                self.assertTrue(0 < first["counts"]["confirmed"] < 60, first)
            with Host(journal=journal).account(account) as host:
                self.assertEqual(host.lib.moonlever_resume_start(host.handle, first["run"].encode()), 0)
                self.assertEqual(host.end(), (0, ""))
                self.assertEqual(host.result()["run"], first["run"])
                counts = host.result()["counts"]
                self.assertEqual((counts["failed"], counts["unknown"], counts["conflict"]), (0, 0, 0))
            with Host(dry_run="true").account(account) as host:
                self.assertEqual(host.run(WRITES)[0], 0)
                self.assertEqual(host.result()["counts"]["planned"], 0)

    def test_two_hundred_leave_nothing(self):
        with Host() as host:
            host.run("print(1)")
            before = len(os.listdir("/proc/self/fd"))
            for _ in range(200):
                self.assertEqual(host.run("print(1)"), (0, ""))
            self.assertEqual(len(os.listdir("/proc/self/fd")), before)
        self.assertEqual(children(), [])

    def strange(self, text):
        """A host whose scripts run in this program instead."""
        path = script("#!/bin/sh\n" + text, "program")
        os.chmod(path, 0o755)
        return Host(isolate_program=path)

    def test_a_program_that_breaks_the_rules(self):
        rules = "the script's process was ended: it has sent what it may not"
        for text in ("head -c 3000000 /dev/urandom >&3; sleep 1000",
                     r"printf '\377\377\377\377' >&3; sleep 1000",  # longer than anything may be
                     r"printf '\006\0\0\0\001\0\0\0\002\001' >&3; sleep 1000",  # a value that is not there
                     r"printf '\007\0\0\0\001\0\0\0\002\001\143' >&3; sleep 1000",  # of no kind
                     r"printf '\006\0\0\0\001\0\0\0\143\0' >&3; sleep 1000"):
            with self.strange(text) as host:
                self.assertEqual(host.run("print(1)"), (6, rules), text)
        with self.strange("exit 7") as host:
            self.assertEqual(host.run("print(1)"), (6, "the script's process has ended with code 7"))
        # Object 4000 was never handed out; service 1 looks into nothing that was not.
        call = r"printf '\027\0\0\0\0\0\0\100\001\002\0\003\240\017\0\0\0\0\0\0" + r"\0\0\0\0\0\0\0' >&3; exit 0"
        with self.strange(call) as host:
            self.assertEqual(host.run("print(1)")[0], 6)

    def test_no_program(self):
        with Host(isolate_program="/nonexistent/program") as host:
            code, why = host.run("print(1)")
            self.assertNotEqual(code, 0)
            self.assertIn("/nonexistent/program", why)

    def test_wrong_setting(self):
        with Host() as host:
            self.assertNotEqual(host.lib.moonlever_set(host.handle, b"isolate", b"thread"), 0)
            self.assertIn("neither none nor process", host.text("errmsg"))

    def test_installed_and_moved(self):
        with Prefix(moved=True) as prefix:
            with Host(lib=library(os.path.join(prefix.lib, "libmoonlever.so.0"))) as host:
                self.assertEqual(host.run("print(1)"), (0, ""))


if __name__ == "__main__":
    unittest.main()
