-- SPDX-License-Identifier: MIT
-- run: -q
-- `moonlever runs` over a made-up journal: which run is meant, its states, JSON, CSV and the text
-- for people; and that nothing from outside reaches a terminal as it is.
local check = require "check"
local made_up = require "made_up"
local raw = require "moonlever.raw"
local csv = require "moonlever.csv"
local journal = require "moonlever.history.journal"
local runs = require "moonlever.history.runs"
local text = require "moonlever.history.text"
local images = require "moonlever.history.images"

local DAY, T = made_up.DAY, made_up.T
local host_of, run_row, change_row = made_up.host, made_up.run, made_up.change

local EVIL = "a\27[2J\r\n\9b\u{202E}c\u{85}\xFF=1+1"

local data = {
  held = { [4] = true },
  runs = {
    run_row(4, "q4aaaaaaaaaa", { script = EVIL }),
    run_row(3, "k3bbbbbbbbbb", { noop = 7 }),
    run_row(2, "k3bbcccccccc", { kind = "undo", undo_of = "k3bbbbbbbbbb", state = "partial", exit = 3 }),
    run_row(1, "m1dddddddddd", { kind = "apply", plan = "sha256:0123456789abcdef" }),
    run_row(5, "p5eeeeeeeeee", { kind = "plan", state = "stopped", exit = 130 }),
    run_row(6, "s6ffffffffff", { state = "stopped", exit = 6 }),
  },
  counts = {
    k3bbbbbbbbbb = { { state = "C", count = 1200 }, { state = "F", count = 1 } },
    m1dddddddddd = { { state = "C", count = 2 }, { state = "P", count = 3 }, { state = "S", count = 1 },
      { state = "U", count = 1 } },
    q4aaaaaaaaaa = { { state = "S", count = 1 } },
  },
  changes = {
    k3bbbbbbbbbb = {
      change_row(1, "C"),
      change_row(2, "F", { reason = EVIL, target = "=cmd()", attempts = 2,
        after = '{"title":"x\\u001b[2J","size":3}' }),
      change_row(4, "C", { operation = "screendesk.scim.users.create", effect = "create", method = "POST",
        before = false, after = '{"userName":"ann","roles":[]}', target = "ann" }),
    },
    m1dddddddddd = { change_row(1, "S"), change_row(2, "C"), change_row(3, "K", { reason = "changed meanwhile" }) },
  },
  attempts = {
    k3bbbbbbbbbb = {
      { seq = 1, n = 1, started = T + 1, ended = T + 4, sends = 1, status = 200 },
      { seq = 2, n = 1, started = T + 2, sends = 0, error = "refused" },
      { seq = 2, n = 2, started = T + 9, sends = 1, status = 403 },
      { seq = 9, n = 1, started = T + 9, sends = 1 },
    },
  },
}
for _, name in ipairs { 1, 4 } do -- these two have no end
  for _, row in ipairs(data.runs) do
    if row.no == name then row.ended, row.state, row.exit = nil, nil, nil end
  end
end
data.changes.k3bbbbbbbbbb[3].before = nil

local function tool(...)
  local host = host_of(data)
  runs.main({ ... }, host)
  return host.text, host
end

local function refused(code, pattern, ...)
  local ok, err = pcall(tool, ...)
  check.equal(ok, false)
  check.equal(type(err) == "table" and err.code or tostring(err), code)
  check.match(err.text, pattern)
end

-- Which run is meant.
check.equal(tool("last", "--id"), "q4aaaaaaaaaa\n")
check.equal(tool("m1dd", "--id"), "m1dddddddddd\n")
check.equal(tool("k3bbbbbbbbbb", "--id"), "k3bbbbbbbbbb\n", "a whole id")
refused(2, "^several runs begin with 'k3bb': k3bbbbbbbbbb, k3bbcccccccc\n  see: moonlever runs$", "k3bb")
refused(2, "^there is no run 'm1d': .*first 4 characters", "m1d")
refused(2, "^there is no run 'm1dddddddddx'%. Did you mean 'm1dddddddddd'%?\n  see: moonlever runs$", "m1dddddddddx")
refused(2, "^there is no run 'lst'%. Did you mean 'last'%?", "lst")
refused(2, "^there is no run 'zzzzzz'%.\n  see: moonlever runs$", "zzzzzz")
check.equal(select(2, journal.find(host_of { runs = {} }, "last")), "there are no runs yet.")

-- States: of a run that ended, that is held by a process, and that is held by none.
local states = {}
for run in journal.runs(host_of(data)) do states[#states + 1] = run.state end
check.equal(states, { "running", "done", "partial", "stopped", "stopped", "stopped" })
local on = {}
for run in journal.runs(host_of(data)) do on[#on + 1] = journal.goes_on(run) end
check.equal(on, { false, false, false, true, false, true })

-- JSON.
local list = raw.json.decode((tool("--json"))).runs
check.equal(#list, 6)
check.equal(select(2, tool("--json"):gsub("\n", "")), 1, "one line")
local members = {}
for name in pairs(list[2]) do members[#members + 1] = name end
table.sort(members)
check.equal(table.concat(members, " "), "counts ended kind origin run script service started state undo_of")
check.equal(list[2].started, "2026-01-02T10:03:00.000Z")
check.equal(list[2].ended, "2026-01-02T10:07:31.000Z")
check.equal(list[2].counts, {
  confirmed = 1200, accepted = 0, noop = 7, planned = 0, sent = 0, failed = 1, conflict = 0, unknown = 0, undone = 0,
})
check.equal(list[1].counts.sent, 1, "its process is at work")
check.equal(list[1].ended, raw.null)
check.equal(list[1].script, (EVIL:gsub("\xFF", "\u{FFFD}")), "what it is, as far as JSON can say it")
check.equal({ list[4].counts.sent, list[4].counts.unknown }, { 0, 2 }, "what a dead process sent is unknown")
check.equal({ list[3].undo_of, list[3].kind }, { "k3bbbbbbbbbb", "undo" })

local one = raw.json.decode((tool("k3bbbbbbbbbb", "--json")))
check.equal(#one.changes, 3)
check.equal(one.changes[1], {
  seq = 1, operation = "screendesk.recordings.update", target = "rec-1", method = "PATCH",
  path = "/api/v2/recordings/rec-1", state = "confirmed", reason = raw.null,
  before = { title = "old", size = 3 }, after = { title = "new", size = 3 }, attempts = 1,
  log = { { n = 1, started = "2026-01-02T10:00:00.001Z", sent = 1, status = 200, error = raw.null } },
})
check.equal({ one.changes[2].attempts, #one.changes[2].log, one.changes[2].log[1].error }, { 2, 2, "refused" })
check.equal({ one.changes[3].before, #one.changes[3].log }, { raw.null, 0 })
check.match(tool("k3bbbbbbbbbb", "--json"), '"roles":[]', "an array stays one", true)
local bad = raw.json.decode((tool("k3bbbbbbbbbb", "--json", "--failed"))).changes
check.equal({ #bad, bad[1].seq }, { 1, 2 })
bad = raw.json.decode((tool("m1dd", "--json", "--failed"))).changes
check.equal({ #bad, bad[1].state, bad[2].state }, { 2, "unknown", "conflict" })

-- CSV: formula-safe, and back again.
local path = os.tmpname()
local function as_csv(...)
  local host = host_of(data)
  host.csv = path
  runs.main({ ... }, host)
  local file <close> = assert(io.open(path, "rb"))
  return file:read("a")
end
local content = as_csv("k3bbbbbbbbbb", "--csv")
check.match(content, "^seq,operation,target,state,reason,attempts,started,ended\r\n1,")
check.match(content, "'=cmd()", "a formula is quoted", true)
local rows = {}
for row in csv.reader(path) do rows[#rows + 1] = row end
check.equal(#rows, 3)
check.equal({ rows[1].reason, rows[1].attempts, rows[1].started }, { "", "1", "2026-01-02T10:00:00.001Z" })
check.equal({ rows[2].target, rows[2].state }, { "=cmd()", "failed" })
as_csv("k3bbbbbbbbbb", "--csv", "--failed")
rows = {}
for row in csv.reader(path) do rows[#rows + 1] = row end
check.equal(#rows, 1)
os.remove(path)

-- For people.
local function harmless(s)
  return not s:gsub("\n", ""):find("%c") and utf8.len(s) and not s:find("\u{202E}") and not s:find("\u{85}")
end
local table_text = tool()
check.match(table_text, "^RUN +KIND +SCRIPT +STARTED +STATE +CHANGES\n")
check.match(table_text,
  "\nk3bbbbbbbbbb +run +retag +2026%-01%-0%d %d%d:%d%d +done +1,200 confirmed, 7 already so, 1 failed\n")
check.match(table_text, "\nk3bbcccccccc +undo +of k3bbbbbbbbbb ")
check.match(table_text,
  "\nm1dddddddddd +apply +plan 01234567 .* stopped +2 confirmed, 3 planned, 2 unknown; " ..
  "resume with: moonlever resume m1dddddddddd\n")
check.match(table_text, "\ns6ffffffffff .* stopped +resume with: moonlever resume s6ffffffffff\n")
check.equal(select(2, table_text:gsub("\n", "")), 7, "a line a run")
check.ok(harmless(table_text))
local empty = host_of { runs = {} }
runs.main({}, empty)
check.equal(empty.text, "no runs yet\n")

local report = tool("k3bbbbbbbbbb")
check.match(report, "^run       k3bbbbbbbbbb %(run%)\nscript    retag %-%-from 'a b' %-n\n")
check.match(report, "\nstarted   2026%-01%-0%d %d%d:%d%d, for 4 min 31 s\nstate     done %(exit code 0%)\n")
check.match(report, "\nchanges   1,208: 1,200 confirmed, 7 already so, 1 failed\n")
check.match(report, '\nscreendesk.recordings.update\n  confirmed rec-1  title: "old" -> "new"\n  failed ', nil, true)
check.match(report,
  '  failed    =cmd()  title: "old" -> "x\\u001b[2J"  (2 attempts)  (a\\x1B[2J\\r\\n\\tb\\u{202E}c\\u{85}\\xFF=1+1)\n',
  nil, true)
check.match(report, '\n\nscreendesk.scim.users.create\n  confirmed ann  roles: [], userName: "ann"\n', nil, true)
check.match(report, "\n\nas a page: moonlever runs k3bbbbbbbbbb %-%-html k3bbbbbbbbbb.html\n"
  .. "undo with: moonlever undo k3bbbbbbbbbb\n$")
check.ok(harmless(report))
report = tool("k3bbbbbbbbbb", "--failed")
check.equal(select(2, report:gsub("rec%-", "")), 0)
check.match(tool("s6ff", "--failed"), "\nno change failed, is in conflict or unknown\n")
report = tool("m1dd")
check.match(report, "\nstate     stopped: its process ended before the run did\n")
check.match(report, "\n  unknown   rec-1 ", nil, true)
check.match(report, "\nresume with: moonlever resume m1dddddddddd\n$")
report = tool("q4aa")
check.match(report, "\nstate     running\n")
check.ok(not report:find("with: ", 1, true))

-- A long list: the newest, and how many more there are.
local many = { runs = {} }
for n = 130, 1, -1 do many.runs[#many.runs + 1] = run_row(n, ("r%011d"):format(n)) end
local host = host_of(many)
runs.main({}, host)
check.equal(select(2, host.text:gsub("\n", "")), 52)
check.match(host.text, "\n… and 80 more (--all)\n", nil, true)
host = host_of(many)
runs.main({ "--all" }, host)
check.equal(select(2, host.text:gsub("\n", "")), 131)

-- Purge.
local said, purged = tool("--purge")
check.equal({ said, purged.before }, { "forgot 3 runs older than 90 days\n", T + 10 * DAY })
said, purged = tool("--purge", "--keep", "0", "--json")
check.equal({ said, purged.before }, { '{"purged":3}\n', T + 100 * DAY })

-- Words that do not go together.
refused(2, "%-%-json and %-%-csv do not go together", "last", "--json", "--csv")
refused(2, "%-%-csv needs a run", "--csv")
refused(2, "%-%-failed needs a run", "--failed")
refused(2, "%-%-purge takes no run", "last", "--purge")
refused(2, "see: moonlever runs %-%-help$", "--fail")

-- Safe text: every byte by itself, and what a terminal obeys.
for byte = 0, 255 do
  local shown = text.safe(string.char(byte))
  local plain = byte >= 0x20 and byte < 0x7F
  if plain and shown ~= string.char(byte) or not plain and not shown:find("^\\[xnrt]") then
    error(("byte %d is shown as %q"):format(byte, shown))
  end
end
for _, code in ipairs { 0x80, 0x9F, 0x061C, 0x200E, 0x200F, 0x2028, 0x2029, 0x202A, 0x202E, 0x2066, 0x2069 } do
  check.equal(text.safe("a" .. utf8.char(code)), ("a\\u{%X}"):format(code))
end
check.equal(text.safe("grüße 日本 \u{1F600} \u{A0}"), "grüße 日本 \u{1F600} \u{A0}")
check.equal(text.safe("\xED\xA0\x80\xC0\xAF\xE2\x82"), "\\xED\\xA0\\x80\\xC0\\xAF\\xE2\\x82", "no UTF-8")
check.equal(text.safe(42), "42")
check.equal(text.cut("grüße", 3), "gr…")
check.equal(text.cut("grüße", 4), "grü…")
check.equal(text.cut("grüße", 7), "grüße")

-- Numbers and times.
check.equal({ text.number(0), text.number(999), text.number(1000), text.number(1234567) },
  { "0", "999", "1,000", "1,234,567" })
check.equal({ text.duration(0), text.duration(59.9), text.duration(60), text.duration(3700), text.duration(90000) },
  { "0 s", "59 s", "1 min", "1 h 1 min", "1 d 1 h" })
check.equal(text.plural(1, "run"), "1 run")
for _, s in ipairs { "1970-01-01T00:00:00Z", "2000-02-29T23:59:59Z", "2026-12-31T00:00:01Z", "2100-03-01T12:00:00Z" } do
  check.equal(text.rfc3339(text.parse_time(s)), (s:gsub("Z", ".000Z")))
end
check.equal(text.parse_time("2026-01-02 10:00"), nil)
check.equal({ text.shell_word("a/b-c.plan"), text.shell_word("it's $x"), text.shell_word("") },
  { "a/b-c.plan", [['it'\''s $x']], "''" })

-- Images.
local null = raw.null
check.equal(images.line("update", { a = 1, b = { c = 1, d = 2 }, e = "x" }, { a = 2, b = { c = 1, d = 3 }, e = null }),
  'a: 1 -> 2, b.d: 2 -> 3, e: "x" -> nothing')
check.equal(images.line("update", { a = null }, { b = null }), "", "nothing is nothing")
check.equal(images.line("update", { tags = raw.json.array { "a" } }, { tags = raw.json.array { "a", "b" } }),
  'tags: ["a"] -> ["a","b"]')
check.equal(images.line("delete", { userName = "ann", id = 3 }, nil), 'userName: "ann"')
check.equal(images.line("delete", nil, nil), "")
check.equal(images.line("create", nil, nil), "")
local long = ("word "):rep(40)
check.equal(images.line("update", { d = long }, { d = long .. "#tag" }),
  'd: …"word word word word " -> …"word word word word #tag"')
check.equal(images.line("update", { d = ("ü"):rep(60) }, { d = ("ü"):rep(60) .. "x" }),
  ('d: …"%s" -> …"%sx"'):format(("ü"):rep(10), ("ü"):rep(10)))
local cut = images.line("update", { d = "x" }, { d = ("y"):rep(500) })
check.ok(#cut < 90 and cut:find("…", 1, true))
check.equal(images.line("update", { ["a\27"] = 1 }, { ["a\27"] = 2 }), "a\\x1B: 1 -> 2")

check.done(124)
