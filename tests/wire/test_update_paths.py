# SPDX-License-Identifier: MIT
"""The usual update is done in one step of C (src/bind/patch.c), any other in Lua. Whatever happens
to it, both do the same: requests, results, errors, exit codes, rows of the journal.

A table of fields with a metatable is not usual, and is the same otherwise: so each script runs
twice. How many changes went through Lua is counted where Lua declares them.
"""
import glob
import os
import re
import sqlite3
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib import wire  # noqa: E402
from lib.fixtures import page, recording, uuid  # noqa: E402

SCRIPT = """
local moonlever = require "moonlever"
local raw = require "moonlever.raw"
local declared, change = 0, raw.change
raw.change = function(...) declared = declared + 1 return change(...) end
local null = moonlever.null
local function fields(t) return %s end
local function show(value)
  if type(value) ~= "table" then return tostring(value) end
  return raw.json.encode(value, { sorted = true })
end
local function try(f, ...)
  local ok, result = pcall(f, ...)
  if ok then print("ok", show(result)) return result end
  if type(result) ~= "table" then print("text", result) return end
  local names = {}
  for name in pairs(result) do names[#names + 1] = name end
  table.sort(names)
  for i, name in ipairs(names) do names[i] = name .. "=" .. show(result[name]) end
  print("error", tostring(result), table.concat(names, " "))
end
local sd = moonlever.connect "screendesk"
local function update(rec, t) return try(sd.recordings.update, sd.recordings, rec, fields(t)) end
local rec = { uuid = "%s", title = "Recording 1", summary = "short", metadata = { duration = 5 } }
%s
io.stderr:write("declared ", declared, "\\n")
"""
USUAL, UNUSUAL = "t", "setmetatable(t, {})"
TITLE = 'update(rec, { title = "new" })'
SHOWN = recording(1, title="new")
ROWS = ("SELECT seq, state, attempts, redoes, undo_of, reason, kind, rkey, service, origin, operation,"
        " resource, target, method, path, effect, CAST(body AS TEXT), before, after FROM change ORDER BY id",
        "SELECT mut & 4294967295, n, sends, status, error FROM attempt ORDER BY mut, n")


class Seen:
    """One run, without what differs from one run to the next anyway."""

    def __init__(self, kind, script, answers, flags, env):
        with tempfile.TemporaryDirectory() as state, wire.Server(answers) as server:
            env = {"XDG_STATE_HOME": state, "MOONLEVER_SETTLE": "0", **env}
            done = wire.run(server, SCRIPT % (kind, uuid(1), script), *flags, **env)
            self.code = done.code
            self.out, self.err = (self.plain(text, server) for text in (done.out, done.err))
            declared = re.search(r"declared (\d+)\n", self.err)
            self.declared = int(declared.group(1)) if declared else None
            self.err = re.sub(r"declared \d+\n", "", self.err)
            self.requests = [(r.line, [(n, v) for n, v in r.headers if n != "Host"], r.body) for r in server.requests]
            self.rows = [self.plain(repr(row), server) for row in self.read(state)]

    @staticmethod
    def plain(text, server):
        text = text.replace(server.url, "URL")
        text = re.sub(r"run: \w+|(resume|runs) \w{12}|/tmp/\w+/script.lua(:\d+)?|[\d.]+ s\b", "-", text)
        return re.sub(r"userdata: 0x\w+|table: 0x\w+", "-", text)

    @staticmethod
    def read(state):
        for path in glob.glob(os.path.join(state, "moonlever", "journal.db")):
            journal = sqlite3.connect(path)
            rows = [row for query in ROWS for row in journal.execute(query)]
            journal.close()
            return rows
        return []


class UpdatePaths(unittest.TestCase):
    maxDiff = None

    def both(self, script, *answers, flags=("--yes", "--rate", "0"), **env):
        """Runs it both ways; what was seen of the usual one."""
        usual, other = (Seen(kind, script, answers, flags, env) for kind in (USUAL, UNUSUAL))
        for part in ("code", "out", "err", "requests", "rows"):
            self.assertEqual(getattr(usual, part), getattr(other, part), (script, part))
        return usual, other

    def test_what_goes_the_short_way_and_what_does_not(self):
        usual, other = self.both(TITLE, wire.json(200, SHOWN))
        self.assertEqual((usual.declared, other.declared, usual.code, len(usual.rows)), (0, 1, 0, 2), usual.out)
        self.assertIn("ok", usual.out)

    def test_values(self):
        for value, lua in (('say "hi"\n\t\\', r'"say \"hi\"\n\t\\"'), ("süß ☕", '"süß ☕"'), ("\0a", r'"\0a"'),
                           ("</x>\u007f", r'"</x>\127"'), ("", '""'), ("x" * 5000, '("x"):rep(5000)')):
            usual, _ = self.both("update(rec, { title = %s })" % lua, wire.json(200, recording(1, title=value)))
            self.assertEqual((usual.declared, usual.code), (0, 0), usual.out)

    def test_several_fields_some_of_them_as_they_are(self):
        new = recording(1, title="new", description="d", summary="short")
        usual, _ = self.both('update(rec, { title = "new", summary = "short", description = "d" })',
                             wire.json(200, new))
        self.assertEqual((usual.declared, usual.code), (0, 0), usual.out)
        body = b'{"recording":{"description":"d","summary":"short","title":"new"}}'
        self.assertEqual([r[2] for r in usual.requests], [body])

    def test_nothing_to_do_and_wrong_arguments(self):
        for script in ('update(rec, { title = "Recording 1" })', "update(rec, {})", "update(rec, { titel = 'x' })",
                       "update(rec, { title = 5 })", "update(rec, { title = null })", 'update({}, { title = "x" })',
                       r'update(rec, { title = "\xff" })', 'update(rec, { title = {} })', "update(rec, nil or 'x')",
                       'update({ uuid = "" }, { title = "x" })', 'update({ uuid = 1.5 }, { title = "x" })',
                       r'update({ uuid = "a\n" }, { title = "x" })'):
            script = script.replace("update(rec, nil or 'x')", "try(sd.recordings.update, sd.recordings, rec, 'x')")
            usual, _ = self.both(script)
            self.assertEqual(usual.requests, [], script)

    def test_ids_that_are_encoded_or_long(self):
        for target in ('"a/b c"', "42", '("a"):rep(300)', '"."', '"a.b"', "-1"):
            refused = target == '"."' # cannot stand in a path
            answers = [] if refused else [wire.json(200, SHOWN)] * 2 # of another object: it is looked at
            self.both('update({ uuid = %s, title = "x" }, { title = "new" })' % target, *answers)

    def test_values_before(self):
        for value in ('{ "x" }', "null", "7.5", "false", "nil"):
            self.both('update({ uuid = "%s", title = %s }, { title = "new" })' % (uuid(1), value),
                      wire.json(200, SHOWN))

    def test_a_null_field_and_a_record_that_was_written(self):
        self.both("update(rec, { summary = null })", wire.json(200, recording(1, summary=None)))
        self.both(TITLE + ' update(rec, { title = "newer" })', wire.json(200, SHOWN), wire.json(200, SHOWN),
                  wire.json(200, recording(1, title="newer")))
        self.both('local new = update(rec, { title = "new" }) update(new, { title = "newer" })',
                  wire.json(200, SHOWN), wire.json(200, recording(1, title="newer")))

    def test_every_other_answer(self):
        other = recording(2, title="new")
        for first in (wire.json(200, recording(1)), wire.json(200, other), wire.json(200, []), wire.json(200, {}),
                      wire.reply(200, b""), wire.reply(200, b"<html>"), wire.json(200, "x"),
                      wire.json(202, SHOWN), wire.reply(204), wire.json(500, {"error": "oops"}),
                      wire.json(408, {}), wire.cut(200, b'{"uuid":', 500), wire.close_unanswered(),
                      wire.json(429, {}, [("Retry-After", "0")]), wire.json(503, {}, [("Retry-After", "0")])):
            usual, _ = self.both(TITLE, first, wire.json(200, SHOWN))
            self.assertEqual(usual.declared, 0, "it was not begun the short way")
        self.both(TITLE, wire.json(201, SHOWN))

    def test_refusals(self):
        for status in (302, 400, 401, 403, 404, 409, 412, 422):
            usual, _ = self.both(TITLE, wire.json(status, {"error": {"message": "because", "code": status}}))
            self.assertEqual((usual.declared, len(usual.requests)), (0, 1), status)

    def test_guards_and_credentials(self):
        self.both(TITLE, flags=())
        self.both(TITLE, flags=("--dry-run",))
        self.both(TITLE, wire.json(200, SHOWN), flags=("--yes", "--canary"))
        self.both(TITLE, flags=("--yes", "--max-changes", "0"))
        self.both(TITLE, flags=("--yes", "--max-requests", "0"))
        self.both(TITLE, SCREENDESK_TOKEN="")
        self.both('moonlever.script { writes = { "screendesk.users" } } ' + TITLE)

    def test_many(self):
        many = """
          local list = {}
          for i = 1, 40 do list[i] = { uuid = ("%08d-0000-4000-8000-000000000001"):format(i), title = "t" .. i } end
          local report = moonlever.each(list, function(r)
            sd.recordings:update(r, fields { title = "new" })
          end, { concurrency = 1 })
          print(report.ok, report.failed)
        """
        answers = [dict(SHOWN, uuid="%08d-0000-4000-8000-000000000001" % n) for n in range(1, 41)]
        usual, _ = self.both(many, *[wire.json(200, answer) for answer in answers])
        self.assertEqual((usual.code, usual.declared, usual.out), (0, 0, "40\t0\n"), usual.err)

    def test_pages_are_records_too(self):
        self.both('for r in sd.recordings:list() do update(r, { title = "new" }) end',
                  wire.json(200, page([recording(1)])), wire.json(200, SHOWN))


if __name__ == "__main__":
    unittest.main()
