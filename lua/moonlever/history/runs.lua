-- SPDX-License-Identifier: MIT
-- `moonlever runs`: what was run, what became of each change, and what to do next.
--
-- host: query, running, state_name, purge, wall_ms of moonlever.raw, and write(text),
-- fail(code, text); csv, the file for CSV, where that is not the output.
--
--   runs.main({ "last", "--failed" }, host)

local raw = require "moonlever.raw"
local csv = require "moonlever.csv"
local errors = require "moonlever.errors"
local script = require "moonlever.script"
local images = require "moonlever.history.images"
local journal = require "moonlever.history.journal"
local text = require "moonlever.history.text"

local runs = {}

local SHOWN = 50         -- runs in the table without --all
local SCRIPT_WIDTH = 40  -- bytes of a script's name in it
local DAY_MS = 86400000

local RUN_MEMBERS = {
  "run", "kind", "undo_of", "script", "service", "origin", "started", "ended", "state", "counts",
}
local CHANGE_MEMBERS = {
  "seq", "operation", "target", "method", "path", "state", "reason", "before", "after", "attempts", "log",
}
local ATTEMPT_MEMBERS = { "n", "started", "sent", "status", "error" }
local COLUMNS = { "seq", "operation", "target", "state", "reason", "attempts", "started", "ended" }

local spec = assert(script.build {
  summary = "What was run",
  args = {
    run = { "id, its beginning, or last", positional = 1 },
    failed = { "only changes that failed, are in conflict or unknown", type = "boolean" },
    json = { "one line of JSON", type = "boolean" },
    csv = { "the changes as CSV", type = "boolean" },
    html = { "a page about the run, into this file" },
    all = { "every run", type = "boolean" },
    id = { "nothing but the id", type = "boolean" },
    purge = { "forget old runs", type = "boolean" },
    keep = { "days that are kept", type = "integer", min = 0, default = 90 },
  },
})

-- For programs ----------------------------------------------------------------

-- Members in the order of `names`; what is nil is null.
local function object(names, values)
  local parts = {}
  for index, name in ipairs(names) do
    local value = values[name]
    if value == nil then value = raw.null end
    if type(value) == "string" then value = text.valid(value) end
    parts[index] = ('"%s":'):format(name) .. raw.json.encode(value, { sorted = true })
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

local function run_object(host, run)
  local values = {}
  for _, name in ipairs(RUN_MEMBERS) do values[name] = run[name] end
  values.started, values.ended = text.rfc3339(run.started), text.rfc3339(run.ended)
  values.counts = journal.counts(host, run)
  return object(RUN_MEMBERS, values)
end

local function attempt_log(attempts)
  local parts = {}
  for index, row in ipairs(attempts) do
    parts[index] = object(ATTEMPT_MEMBERS, {
      n = row.n, started = text.rfc3339(row.started), sent = row.sends, status = row.status, error = row.error,
    })
  end
  return "[" .. table.concat(parts, ",") .. "]"
end

local function change_object(change, attempts)
  local values = {}
  for _, name in ipairs(CHANGE_MEMBERS) do values[name] = change[name] end
  values.attempts, values.log = #attempts, nil
  local members = object(CHANGE_MEMBERS, values)
  return members:sub(1, -#'null}' - 1) .. attempt_log(attempts) .. "}"
end

local function list_json(host)
  local comma = ""
  host.write '{"runs":['
  for run in journal.runs(host) do
    host.write(comma .. run_object(host, run))
    comma = ","
  end
  host.write "]}\n"
end

local function wanted(opt, change)
  return not opt.failed or journal.is_bad(change)
end

local function run_json(host, run, opt)
  local attempts, comma = journal.attempts(host, run), ""
  host.write(run_object(host, run):sub(1, -2) .. ',"changes":[')
  for change in journal.changes(host, run) do
    if wanted(opt, change) then
      host.write(comma .. change_object(change, attempts(change.seq)))
      comma = ","
    end
  end
  host.write "]}\n"
end

local function cells(change)
  local row = {}
  for _, name in ipairs(COLUMNS) do
    local value = change[name]
    row[name] = type(value) == "string" and text.valid(value) or value
  end
  row.started, row.ended = text.rfc3339(change.started), text.rfc3339(change.ended)
  return row
end

local function run_csv(host, run, opt)
  local out = csv.writer(host.csv or "-", COLUMNS) -- "-": the output, as host.write
  for change in journal.changes(host, run) do
    if wanted(opt, change) then out:write(cells(change)) end
  end
  out:close()
end

-- For people ------------------------------------------------------------------

local function run_html(host, run, opt)
  local page = require "moonlever.history.page" -- no other command needs it
  local ok, shown = pcall(page.write, host, run, opt.html, function(change) return wanted(opt, change) end, opt.failed)
  if not ok then
    if errors.is(shown) and shown.kind == "usage" then shown.config = true end -- a file that cannot be: exit code 2
    error(shown, 0)
  end
  if opt.html == "-" then return end
  host.write(("wrote %s: %s of run %s\n"):format(text.safe(text.shell_word(opt.html)),
    text.plural(shown, "change"), run.run))
end

local function counts_text(counts)
  local parts = {}
  for _, state in ipairs(journal.STATES) do
    if counts[state] > 0 then
      parts[#parts + 1] = ("%s %s"):format(text.number(counts[state]), journal.word(state))
    end
  end
  return table.concat(parts, ", ")
end

local function name_of(run)
  if run.undo_of then return "of " .. run.undo_of end
  local hash = journal.plan_hash(run)
  if hash then return "plan " .. hash end
  return text.safe(text.cut(run.script or "", SCRIPT_WIDTH))
end

local function row_of(host, run)
  local what = counts_text(journal.counts(host, run))
  if journal.goes_on(run) then
    what = ("%s%sresume with: moonlever resume %s"):format(what, what == "" and "" or "; ", run.run)
  end
  return { run.run, run.kind, name_of(run), text.when(run.started), run.state, what }
end

local function list_people(host, opt)
  local rows, count = { { "RUN", "KIND", "SCRIPT", "STARTED", "STATE", "CHANGES" } }, 0
  for run in journal.runs(host) do
    count = count + 1
    if opt.all or count <= SHOWN then rows[#rows + 1] = row_of(host, run) end
  end
  if count == 0 then return host.write "no runs yet\n" end
  host.write(text.columns(rows))
  if count > #rows - 1 then
    host.write(("… and %s more (--all)\n"):format(text.number(count - #rows + 1)))
  end
end

local function time_text(run)
  if not run.ended then return text.when(run.started) end
  return ("%s, for %s"):format(text.when(run.started), text.duration((run.ended - run.started) / 1000))
end

local function head_lines(host, run, counts)
  local total = journal.total(counts)
  local words = text.shell_words(journal.arguments(host, run))
  host.write(("run       %s (%s%s)\n"):format(run.run, run.kind, run.undo_of and " of " .. run.undo_of or ""))
  host.write(("script    %s\n"):format(text.safe(("%s %s"):format(run.script or "", words)):gsub("%s+$", "")))
  if run.service or run.origin then
    host.write(("account   %s at %s\n"):format(text.safe(run.service or "?"), text.safe(run.origin or "?")))
  end
  if run.profile then host.write(("profile   %s\n"):format(text.safe(run.profile))) end
  host.write(("started   %s\n"):format(time_text(run)))
  host.write(("state     %s\n"):format(journal.state_text(run)))
  host.write(("changes   %s%s\n"):format(text.number(total), total > 0 and ": " .. counts_text(counts) or ""))
end

local function change_line(change)
  local parts = { ("  %-9s %s"):format(change.state, text.safe(change.target or "")) }
  local what = images.line(change.effect, change.before, change.after)
  if what ~= "" then parts[#parts + 1] = what end
  if change.attempts > 1 then parts[#parts + 1] = ("(%d attempts)"):format(change.attempts) end
  if change.reason then parts[#parts + 1] = ("(%s)"):format(text.safe(change.reason)) end
  return table.concat(parts, "  ") .. "\n"
end

-- Under the name of their operation, which is said again when it changes.
local function change_lines(host, run, opt)
  local operation, count = nil, 0
  for change in journal.changes(host, run) do
    if wanted(opt, change) then
      if change.operation ~= operation then
        operation = change.operation
        host.write(("\n%s\n"):format(text.safe(operation)))
      end
      host.write(change_line(change))
      count = count + 1
    end
  end
  if opt.failed and count == 0 then host.write "\nno change failed, is in conflict or unknown\n" end
end

-- What to do next; of a run that has come to rest also how to show it to somebody.
local function next_steps(host, run, counts, opt)
  local verb, lines = journal.next_step(run, counts), {}
  if run.ended and not opt.failed and journal.total(counts) > 0 then
    lines[1] = ("as a page: moonlever runs %s --html %s.html\n"):format(run.run, run.run)
  end
  if verb then lines[#lines + 1] = ("%s with: moonlever %s %s\n"):format(verb, verb, run.run) end
  if #lines > 0 then host.write("\n" .. table.concat(lines)) end
end

local function run_people(host, run, opt)
  local counts = journal.counts(host, run)
  head_lines(host, run, counts)
  change_lines(host, run, opt)
  next_steps(host, run, counts, opt)
end

-- The command -----------------------------------------------------------------

local function purge(host, opt)
  local count = host.purge(host.wall_ms() - opt.keep * DAY_MS)
  if opt.json then return host.write(('{"purged":%d}\n'):format(count)) end
  host.write(("forgot %s older than %s\n"):format(text.plural(count, "run"), text.plural(opt.keep, "day")))
end

local function one(host, opt)
  local run, problem = journal.find(host, opt.run, opt.id)
  if not run then return host.fail(2, problem .. "\n  see: moonlever runs") end
  if opt.id then return host.write(run.run .. "\n") end
  if opt.html then return run_html(host, run, opt) end
  if opt.json then return run_json(host, run, opt) end
  if opt.csv then return run_csv(host, run, opt) end
  run_people(host, run, opt)
end

local function clash(opt)
  if opt.json and opt.csv then return "--json and --csv do not go together" end
  if opt.html and (opt.json or opt.csv) then return "--html does not go together with --json or --csv" end
  if opt.purge and opt.run then return "--purge takes no run" end
  for _, name in ipairs { "failed", "csv", "html", "id" } do
    if opt[name] and not opt.run then return ("--%s needs a run"):format(name) end
  end
  return nil
end

--- The command: words are its arguments.
function runs.main(words, host)
  local parsed, trouble = script.parse(spec, words)
  local opt = parsed and parsed.values or {}
  trouble = trouble or parsed.help and "" or clash(opt)
  if trouble then return host.fail(2, trouble .. "\n  see: moonlever runs --help") end
  if opt.purge then return purge(host, opt) end
  if opt.run then return one(host, opt) end
  if opt.json then return list_json(host) end
  list_people(host, opt)
end

return runs
