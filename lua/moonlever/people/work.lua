-- SPDX-License-Identifier: MIT
-- What is to be done for people, one person after the other, and the report of it.
--
-- A person has steps (a change in one service each), remarks (what needed no change) and
-- faults (what is refused before anything is sent). The steps of a person are taken in
-- order, and one that fails does not keep the next from being tried: whoever leaves must be
-- taken out wherever that is possible. Every person ends in exactly one state, and has one
-- line on standard output that says what was done where.
--
--   local person = work.person("ada@example.com")
--   person:step("workdrive ACTIVE -> archived", function() wd.users:update(user, { status = "ARCHIVE" }) end)
--   work.carry_out("offboard, people", { person })

local errors = require "moonlever.errors"
local flow = require "moonlever.flow"
local report = require "moonlever.report"

local work = {}

-- Going on after these would repeat the same refusal.
local STOPS_ALL = { guard = true, cancelled = true, auth = true }

local Person = {}
Person.__index = Person

--- Somebody with nothing to be done yet. label: what the report calls them.
function work.person(label)
  return setmetatable({ label = label, steps = {}, said = {}, faults = {} }, Person)
end

--- Adds a change: run() makes it, `what` says it.
function Person:step(what, run)
  self.steps[#self.steps + 1] = { what = what, run = run }
end

--- Adds a remark.
function Person:says(what)
  self.said[#self.said + 1] = what
end

--- Refuses something: the person counts as failed, the other steps are taken all the same.
function Person:refuse(why)
  self.faults[#self.faults + 1] = why
end

-- An error in a few words, with those of the service.
local function brief(err)
  return err.detail and ("%s: %s"):format(err.message, errors.one_line(err.detail, 200)) or err.message
end

-- Takes the steps of a person. Returns what `each` takes as the outcome.
local function take_steps(person)
  local done, failed = 0, {}
  for _, step in ipairs(person.steps) do
    local _, err = flow.try(step.run)
    if err and STOPS_ALL[err.kind] then
      person.state = done > 0 and "begun" or nil
      error(err, 0)
    end
    if err then
      failed[#failed + 1] = err
      person:says(("%s: failed: %s"):format(step.what, brief(err)))
    else
      done = done + 1
      person:says(step.what)
    end
  end
  person.state = (#failed > 0 or #person.faults > 0) and "failed" or done > 0 and "changed" or "same"
  -- An error alone keeps its kind: rights that are missing everywhere end the run.
  if #failed == 1 and done == 0 and #person.faults == 0 then return nil, failed[1] end
  local texts = { table.unpack(person.faults) }
  for _, err in ipairs(failed) do texts[#texts + 1] = brief(err) end
  if #texts > 0 then return nil, table.concat(texts, "; ") end
  return done > 0
end

local function print_lines(people)
  for _, person in ipairs(people) do
    local parts = { table.unpack(person.said) }
    for _, why in ipairs(person.faults) do parts[#parts + 1] = "refused: " .. why end
    local line = #parts > 0 and table.concat(parts, "; ") or "nothing to do"
    if person.state then print(("%s: %s"):format(person.label, errors.one_line(line, 1000))) end
  end
end

local STATES = { "changed", "same", "failed", "begun" }
local TITLES = { changed = "changed", same = "already so", failed = "failed", begun = "begun" }

local function sums(title, people, lines, failures)
  local counts, left = {}, 0
  for _, person in ipairs(people) do
    local state = person.state
    if state then counts[state] = (counts[state] or 0) + 1 else left = left + 1 end
  end
  local parts = { title = title, total = #people, lines = lines, failures = failures }
  for _, state in ipairs(STATES) do
    if state ~= "begun" or counts.begun then parts[#parts + 1] = { TITLES[state], counts[state] or 0 } end
  end
  if left > 0 then parts[#parts + 1] = { "not reached", left } end
  report.report(parts)
end

-- Those without faults, those with faults, and how many changes there are in each.
local function sort_out(people)
  local clean, faulty = { steps = 0 }, { steps = 0 }
  for _, person in ipairs(people) do
    local list = #person.faults > 0 and faulty or clean
    list[#list + 1] = person
    list.steps = list.steps + #person.steps
  end
  return clean, faulty
end

--- Takes all steps of all people, several people at a time, and reports.
--
-- title  what the report calls it, such as "offboard, people"
-- lines  further lines of the report
-- Raises what stopped it, after the report.
function work.carry_out(title, people, lines)
  local failures = {}
  local function pass(list, stop_after)
    local expect = list.steps
    list.steps = nil
    local done, err = flow.try(flow.each, list, take_steps, { expect = expect, stop_after = stop_after })
    local more = (done or err.report or { failures = {} }).failures
    table.move(more, 1, #more, #failures + 1, failures)
    return err
  end
  local clean, faulty = sort_out(people)
  -- What was refused here says nothing about the service: however much it is, it stops nothing.
  local err = pass(clean) or pass(faulty, false)
  print_lines(people)
  sums(title, people, lines, failures)
  if err then error(err, 0) end
end

return work
