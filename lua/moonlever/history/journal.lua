-- SPDX-License-Identifier: MIT
-- The journal as people and programs see it: runs, their state, their changes.
--
-- Reads through `host.query` and takes no lock, so it may look on while a run is
-- at work. A run without an end that no process holds was killed: it is "stopped",
-- and what it had sent is "unknown", as resume will find it (T8).
--
-- host: query(name, parameter), running(no), state_name(letter) of moonlever.raw,
-- or what a test puts in their place.
--
--   for run in journal.runs(host) do print(run.run, run.state) end
--   local run, problem = journal.find(host, "last")

local raw = require "moonlever.raw"
local suggest = require "moonlever.suggest"

local journal = {}

-- The shortest beginning of an id that is taken for it.
local SHORTEST = 4
local SHOWN = 5 -- ids in a message

--- The states of a change in the order they are shown.
journal.STATES = {
  "confirmed", "accepted", "noop", "planned", "sent", "failed", "conflict", "unknown", "undone",
}

-- Exit codes after which a run can go on.
local GOES_ON = { [5] = true, [6] = true, [75] = true, [130] = true }

local function state_of(row, running)
  if row.ended then return row.state end
  return running and "running" or "stopped"
end

-- The row and what follows from it: state, running.
local function dress(host, row)
  local running = not row.ended and host.running(row.no) or false
  row.running = running
  row.state = state_of(row, running)
  return row
end

--- All runs, newest first.
function journal.runs(host)
  local rows = host.query("runs")
  return function()
    local row = rows()
    return row and dress(host, row)
  end
end

local function several(word, rows)
  local ids = {}
  for index = 1, math.min(#rows, SHOWN) do ids[index] = rows[index].run end
  if #rows > SHOWN then ids[#ids + 1] = "…" end
  return ("several runs begin with '%s': %s"):format(word, table.concat(ids, ", "))
end

local function hint(word, ids)
  local near = suggest.closest(word, ids)
  if near then return (". Did you mean '%s'?"):format(near) end
  if #word >= SHORTEST then return "." end
  return (": name it by its id, or by the first %d characters of it at least."):format(SHORTEST)
end

local function none(word, rows)
  local ids = {}
  for index, row in ipairs(rows) do ids[index] = row.run end
  if #ids == 0 then return "there are no runs yet." end
  ids[#ids + 1] = "last"
  return ("there is no run '%s'%s"):format(word, hint(word, ids))
end

--- The run that a word means: its id, an unambiguous beginning of it, or "last",
-- the newest; with `sent` the newest that was no dry run or plan, since nothing can be
-- done about those. Returns the run, or nil and the problem.
function journal.find(host, word, sent)
  local all, matches = {}, {}
  for row in host.query("runs") do
    local newest = word == "last" and not (sent and row.kind == "plan")
    if newest or row.run == word then return dress(host, row) end
    all[#all + 1] = row
    if #word >= SHORTEST and row.run:sub(1, #word) == word then matches[#matches + 1] = row end
  end
  if #matches == 1 then return dress(host, matches[1]) end
  return nil, #matches > 1 and several(word, matches) or none(word, all)
end

--- The arguments of a run, an array of strings; nil where they are not known.
function journal.arguments(host, run)
  local row = host.query("run", run.run)()
  if not row or not row.args then return nil end
  return raw.json.decode(row.args)
end

-- A dead process sends nothing any more; nobody has read its answer.
local function name_of(host, run, letter)
  local name = host.state_name(letter)
  return name == "sent" and not run.running and "unknown" or name
end

--- How many changes are in each state; every state is there.
function journal.counts(host, run)
  local counts = {}
  for _, state in ipairs(journal.STATES) do counts[state] = 0 end
  for row in host.query("counts", run.run) do
    local name = name_of(host, run, row.state)
    counts[name] = counts[name] + row.count
  end
  counts.noop = counts.noop + (run.noop or 0)
  return counts
end

--- The sum of counts.
function journal.total(counts)
  local total = 0
  for _, count in pairs(counts) do total = total + count end
  return total
end

local WORDS = { noop = "already so" }

--- What people call a state of a change.
function journal.word(state)
  return WORDS[state] or state
end

--- The state of a run and its exit code, or how it is without an end.
function journal.state_text(run)
  if run.ended then return ("%s (exit code %d)"):format(run.state, run.exit or 0) end
  return run.running and "running" or "stopped: its process ended before the run did"
end

local HASH_SHOWN = 8 -- digits

--- The first digits of the hash of the plan that a run applied; nil for other runs.
function journal.plan_hash(run)
  local hash = run.kind == "apply" and run.plan and run.plan:match("%x+$")
  return hash and hash:sub(1, HASH_SHOWN) or nil
end

--- Can this run go on?
function journal.goes_on(run)
  if run.kind == "plan" or run.running then return false end
  return not run.ended or GOES_ON[run.exit] == true
end

--- What can be done about a run: "resume", "undo" or nil. counts are its own.
function journal.next_step(run, counts)
  if journal.goes_on(run) then return "resume" end
  local sends = run.kind == "run" or run.kind == "apply"
  return run.ended and counts.confirmed > 0 and sends and "undo" or nil
end

--- Was this a change that did not come out as it should?
function journal.is_bad(change)
  return change.state == "failed" or change.state == "conflict" or change.state == "unknown"
end

--- Why a change ended as it did, without the operation and the target in front, which whoever
-- shows it has shown already; nil where no reason is known.
function journal.reason(change)
  local head = ("%s %s"):format(change.operation or "", change.target or "")
  if not change.reason or change.reason:sub(1, #head + 2) ~= head .. ": " then return change.reason end
  return change.reason:sub(#head + 3)
end

local function image(json)
  return json and raw.json.decode(json) or nil
end

--- The changes of a run in order: rows with the name of the state and decoded images.
function journal.changes(host, run)
  local rows = host.query("changes", run.run)
  return function()
    local row = rows()
    if not row then return nil end
    row.state = name_of(host, run, row.state)
    row.before, row.after = image(row.before), image(row.after)
    return row
  end
end

--- A function that returns the attempts of one change after the other, asked for
-- in order of seq. What was written since the changes were read is left alone.
function journal.attempts(host, run)
  local rows = host.query("attempts", run.run)
  local row = rows()
  return function(seq)
    local list = {}
    while row and row.seq < seq do row = rows() end
    while row and row.seq == seq do
      list[#list + 1] = row
      row = rows()
    end
    return list
  end
end

return journal
