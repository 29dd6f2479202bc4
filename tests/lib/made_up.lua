-- SPDX-License-Identifier: MIT
--
-- A made-up journal for tests of what is told about runs: tables of rows in place of queries.
--
--     local made_up = require "made_up"
--     local data = { runs = { made_up.run(1, "m1dddddddddd") },
--       changes = { m1dddddddddd = { made_up.change(1, "C") } }, counts = …, attempts = … }
--     local host = made_up.host(data)
--     runs.main({ "last" }, host)
--     print(host.text)

local made_up = {}

local STATES = {
  P = "planned", S = "sent", A = "accepted", U = "unknown", C = "confirmed", F = "failed",
  K = "conflict", N = "noop", V = "undone",
}

made_up.DAY = 86400000
made_up.T = 1767348000000 -- 2026-01-02T10:00:00Z

local function each(rows)
  local at = 0
  return function()
    at = at + 1
    local row = rows and rows[at]
    if not row then return nil end
    local copy = {}
    for name, value in pairs(row) do copy[name] = value end
    return copy
  end
end

-- How many changes are in each state, as the query "counts" tells it.
local function counts(changes)
  local by_state, rows = {}, {}
  for _, change in ipairs(changes or {}) do by_state[change.state] = (by_state[change.state] or 0) + 1 end
  for state, count in pairs(by_state) do rows[#rows + 1] = { state = state, count = count } end
  return each(rows)
end

--- What the tools stand on. data: runs (newest first) and, by the id of a run, changes, attempts
-- and counts (left out: counted); held: the numbers of the runs that are at work. What the tools
-- write is in host.text.
function made_up.host(data)
  local host = { text = "", held = data.held or {}, state_name = function(letter) return STATES[letter] end }
  function host.query(name, parameter)
    if name == "runs" then return each(data.runs) end
    for _, row in ipairs(data.runs) do
      if name == "run" and row.run == parameter then return each { row } end
    end
    if name == "counts" and not (data.counts and data.counts[parameter]) then
      return counts(data.changes and data.changes[parameter])
    end
    return each(data[name] and data[name][parameter])
  end
  function host.running(no) return host.held[no] == true end
  function host.write(s) host.text = host.text .. s end
  function host.fail(code, s) error({ code = code, text = s }, 0) end
  function host.purge(before) host.before = before return 3 end
  function host.wall_ms() return made_up.T + 100 * made_up.DAY end
  return host
end

local function with(row, more)
  for name, value in pairs(more or {}) do row[name] = value end
  return row
end

--- A run that ended well after 4 min 31 s, except for what `more` says.
function made_up.run(no, id, more)
  return with({
    no = no, run = id, kind = "run", script = "retag", service = "screendesk",
    origin = "https://app.screendesk.io", started = made_up.T + no * 60000, ended = made_up.T + no * 60000 + 271000,
    state = "done", exit = 0, noop = 0, args = '["--from","a b","-n"]',
  }, more)
end

--- A change of a title, except for what `more` says.
function made_up.change(seq, state, more)
  return with({
    id = seq, seq = seq, rkey = "r" .. seq, service = "screendesk", operation = "screendesk.recordings.update",
    target = "rec-" .. seq, method = "PATCH", path = "/api/v2/recordings/rec-" .. seq, effect = "update",
    before = '{"title":"old","size":3}', after = '{"title":"new","size":3}', state = state, attempts = 1,
    started = made_up.T + seq, ended = made_up.T + seq + 5,
  }, more)
end

--- Texts that would rather be something else: markup, a script, the end of one, a style, a slot of
-- a template, a format; what turns text around, breaks lines, or is no text.
made_up.HOSTILE = {
  "</script><script>document.title='taken'</script>", "<!--<script>", "-->", "]]>",
  "]]></style><style>*{display:none}",
  '"><img src="http://127.0.0.1:9/x.png" onerror="document.title=\'taken\'"/>', "' onmouseover='document.title=1",
  "<svg onload=document.title='taken'>", "</title><h1>", "</textarea>", "&lt;b&gt;&amp;&#60;&notanentity",
  "{{changes}}",
  "%s%d%%1", "javascript:document.title='taken'", "a\u{2028}b\u{2029}c", "\u{202E}gnp.exe", "\u{2066}x\u{2069}",
  "\27[2J\27]0;taken\7", "a\r\n\tb", "nul\0nul", "\x80\xFF\xC0\xAF\xED\xA0\x80", "\u{FFFE}\u{FFFF}", "\u{85}\u{9F}",
}

--- A journal with a run, "h1eeeeeeeeee", in which every text from outside is one of them, and then
-- another one.
function made_up.hostile()
  local json = require("moonlever.raw").json
  local data = { runs = {}, changes = {}, attempts = {}, undo_of = {} }
  local changes, attempts, id = {}, {}, "h1eeeeeeeeee"
  for seq, evil in ipairs(made_up.HOSTILE) do
    local text = utf8.len(evil) and evil or "\u{FFFD}" -- what JSON can say
    local image = { [text] = text, title = text, deep = { [text] = { text } } }
    changes[seq] = made_up.change(seq, ("CFKUAN"):sub(seq % 6 + 1, seq % 6 + 1), {
      target = evil, operation = evil, reason = seq % 6 > 0 and evil or nil, kind = evil, method = evil, path = evil,
      service = evil, origin = evil, effect = seq % 4 == 0 and "create" or seq % 4 == 1 and "delete" or "update",
      before = json.encode { title = "x" .. text, [text] = 1, deep = {} }, after = json.encode(image),
    })
    attempts[2 * seq - 1] = { seq = seq, n = 1, started = made_up.T + seq, ended = made_up.T + seq + 1, sends = 1,
      status = 500, error = evil }
    attempts[2 * seq] = { seq = seq, n = 2, started = made_up.T + seq * 9, sends = 1, error = evil }
  end
  local all = table.concat(made_up.HOSTILE)
  data.runs[1] = made_up.run(0, id, {
    script = all, service = all, origin = all, profile = all, state = "partial", exit = 3, plan = all,
    args = json.encode(json.array { "--x", all:gsub("[\x80-\xFF]", ""), "--token", "hush-hush" }),
  })
  data.changes[id], data.attempts[id] = changes, attempts
  data.undo_of[id] = { made_up.run(1, "u2" .. made_up.HOSTILE[1]) }
  return data, id
end

return made_up
