-- SPDX-License-Identifier: MIT
-- The first walk through a run: everything that the page says before it lists the changes.
--
-- The page is written as it goes, so its figures must be known before. They come from the
-- journal alone: what it does not hold (requests that read, what a script called an item) is
-- not guessed at. Memory is bounded: reasons and operations are counted up to a limit, and
-- whatever is beyond it under one name.
--
-- Invariants: every change is counted in exactly one state; the sums over states, operations
-- and, for those that did not come out well, reasons are the same.
--
--   local found = survey.of(host, run, opt, function(change, attempts) return #markup end)

local images = require "moonlever.history.images"
local journal = require "moonlever.history.journal"
local remedy = require "moonlever.history.page.remedy"
local timeline = require "moonlever.history.page.timeline"

local survey = {}

local MOST_REASONS = 200
local MOST_OPERATIONS = 100
local MOST_ANSWERS = 50
local SHOWN = 10 -- changes that are named under a reason
local OTHER = "for other reasons" -- than the first MOST_REASONS

local BARS = {
  confirmed = "good", accepted = "good", noop = "good", undone = "good",
  failed = "bad", conflict = "bad", unknown = "bad",
}

--- Bytes of changes that a page shows: of those that came out well, and of all.
survey.BUDGET = { well = 7000000, all = 9000000 }

-- A reason without what is true of one change only.
local function reason_of(change)
  local reason, target = journal.reason(change) or "no reason is in the journal", change.target or ""
  if #target >= 4 then reason = reason:gsub(target:gsub("%p", "%%%0"), "…") end
  return (reason:gsub("%x+%-%x+%-%x+%-%x+%-%x+", "…"))
end

-- A new group under `key`, or the one for what no longer fits.
local function group(list, key, most, other)
  local found = list[key]
  if found then return found end
  if #list >= most then
    key = other
    if list[key] then return list[key] end
  end
  found = { name = key, count = 0, states = {} }
  list[key], list[#list + 1] = found, found
  return found
end

local function count(found, state)
  found.count = found.count + 1
  found.states[state] = (found.states[state] or 0) + 1
end

local function note_failure(found, run, change, attempts)
  local one = group(found.reasons, reason_of(change), MOST_REASONS, OTHER)
  count(one, change.state)
  one.operations = one.operations or {}
  if change.operation then one.operations[change.operation] = true end
  if not one.asked and one.name ~= OTHER then one.remedy, one.asked = remedy.of(run, change, attempts), true end
  one.examples = one.examples or {}
  if #one.examples < SHOWN then
    local _, label = images.label(change.before or change.after)
    one.examples[#one.examples + 1] = {
      seq = change.seq, target = change.target, reason = change.reason, label = label ~= change.target and label or nil,
    }
  end
end

-- When a change came to rest. (A change that was undone has been moved by the undo.)
local function rest_of(change, attempts)
  local last = attempts[#attempts]
  if last then return last.ended or last.started end
  return change.state ~= "undone" and change.ended or change.started
end

local function answer_of(attempt)
  if not attempt.ended then return "no answer noted" end
  return (attempt.status or 0) > 0 and ("%d"):format(attempt.status) or "no answer"
end

local function note_attempts(found, attempts)
  local sends = 0
  for n, attempt in ipairs(attempts) do
    local sent = attempt.sends or 0
    sends = sends + sent
    found.line:add(attempt.started, n > 1 and sent > 0 and "again" or nil)
    if attempt.ended then found.line:add(attempt.ended) end
    count(group(found.answers, answer_of(attempt), MOST_ANSWERS, "others"), "all")
    local before = n > 1 and attempts[n - 1].ended
    if before then found.longest_wait = math.max(found.longest_wait, attempt.started - before) end
  end
  found.attempts = found.attempts + #attempts
  found.requests = found.requests + sends
  found.again = found.again + math.max(0, sends - 1)
end

local function note_time(found, run, change, attempts)
  local bar = BARS[change.state]
  if change.state == "planned" and run.kind == "plan" then bar = "planned" end
  if bar then found.line:add(rest_of(change, attempts), bar) end
end

-- Is the change shown? Those that came out well leave room for the others, which come later.
local function make_room(found, change, size)
  local bad = journal.is_bad(change)
  local most = bad and survey.BUDGET.all or survey.BUDGET.well
  local last = bad and "last_bad" or "last_well"
  if found.full[last] or found.bytes + size > most then
    found.full[last] = true
    found.left_out = found.left_out + 1
    return
  end
  found.bytes, found[last] = found.bytes + size, change.seq
  found.shown = found.shown + 1
  found.shown_states[change.state] = (found.shown_states[change.state] or 0) + 1
end

local function by_count(list)
  table.sort(list, function(a, b)
    if a.count ~= b.count then return a.count > b.count end
    return a.name < b.name
  end)
end

--- Is this change among those that the page shows?
function survey.shows(found, change)
  return change.seq <= (journal.is_bad(change) and found.last_bad or found.last_well)
end

--- Walks through a run. wanted(change) tells which changes are listed; measure(change, attempts)
-- how many bytes one takes in the page. Returns a table:
--   counts      state -> how many, as journal.counts
--   operations  array of { name, count, states }, the most frequent first
--   reasons     array of { name, count, states, operations, remedy, examples }, of what is bad
--   answers     array of { name, count }: statuses of the answers
--   requests, again, attempts   requests that were sent, those of them that were sent again, and
--               attempts, of which some never left
--   longest_wait  ms between an answer and the next attempt of the same change
--   line        when it happened: a timeline
--   shown, left_out, shown_states, last_well, last_bad   what fits into the page
function survey.of(host, run, wanted, measure)
  local found = {
    counts = journal.counts(host, run), operations = {}, reasons = {}, answers = {}, requests = 0, again = 0,
    attempts = 0, longest_wait = 0, line = timeline.new(run.started), bytes = 0, shown = 0, left_out = 0,
    shown_states = {}, last_well = 0, last_bad = 0, full = {},
  }
  local attempts_of = journal.attempts(host, run)
  for change in journal.changes(host, run) do
    local attempts = attempts_of(change.seq)
    count(group(found.operations, change.operation or "?", MOST_OPERATIONS, "others"), change.state)
    if journal.is_bad(change) then note_failure(found, run, change, attempts) end
    note_attempts(found, attempts)
    note_time(found, run, change, attempts)
    if wanted(change) then
      local full = found.full[journal.is_bad(change) and "last_bad" or "last_well"]
      make_room(found, change, full and 0 or measure(change, attempts))
    end
  end
  by_count(found.operations)
  by_count(found.reasons)
  by_count(found.answers)
  return found
end

return survey
