-- SPDX-License-Identifier: MIT
-- moonlever resume RUN, and run --only-failed RUN.
--
-- A run that was killed is taken up under its own id: what it had sent is settled
-- first, then its script runs again, answered from the journal where it can be
-- (memory.lua). A run that came to its end sends nothing and exits as it did.
--
--   resume.main("hdye0c3d4a1k")

local raw = require "moonlever.raw"
local config = require "moonlever.config"
local errors = require "moonlever.errors"
local memory = require "moonlever.memory"
local recover = require "moonlever.recover"

local load = load

local resume = {}

-- The first row of a query, or nil. Read to its end: until then all queries go on seeing
-- the journal as it was.
function resume.first(query, parameter)
  local first
  for row in raw.query(query, parameter) do first = first or row end
  return first
end

-- The row of a run; raises usage when there is none.
function resume.find(id)
  local run = resume.first("run", id)
  if run then return run end
  errors.raise("usage", ("there is no run '%s' in the journal"):format(errors.one_line(id, 40)), {
    fix = "moonlever runs lists them", config = true,
  })
end

-- All changes of a run, in order.
function resume.changes(id)
  local rows = {}
  for row in raw.query("changes", id) do rows[#rows + 1] = row end
  return rows
end

local function chunk_of(run)
  if not run.source then
    errors.raise("usage", ("run %s has no script in the journal"):format(run.run), {
      fix = "it was made by another program: run that again", config = true,
    })
  end
  if raw.isolates() then return require("moonlever.isolated").chunk(run.script, run.source) end
  local chunk, why = load(run.source:gsub("^#[^\n]*", ""), "@" .. run.script, "t", raw.environment())
  if not chunk then errors.raise("usage", why, { config = true }) end
  return chunk
end

local function script_of(run)
  local args = raw.json.decode(run.args or "[]")
  local chunk = chunk_of(run)
  raw.become(run.script, run.source, args)
  return chunk, args
end

-- Changes that the script did not ask for again and that were never made: the object
-- is looked at, so that each ends in a state.
local function settle_leftovers()
  for _, row in ipairs(memory.leftovers()) do
    local job = recover.job(row)
    local seen, got = pcall(function() return recover.can_read(job) and recover.read(job) end)
    if seen and got and job:image(got) == "after" then
      raw.move(row.id, "N", "it is so by now", nil)
    else
      raw.move(row.id, "F", "the script did not ask for it again when the run was resumed", "cancelled")
    end
  end
end

local function run_again(run, rows)
  local chunk, args = script_of(run)
  memory.load(rows)
  memory.bind(run, rows)
  chunk(table.unpack(args))
  return function()
    settle_leftovers()
    memory.load {}
  end
end

local function finished(run)
  raw.report(("run %s has ended before: nothing is left to do\n"):format(run.run))
  raw.adopt(run.run, run.noop)
  raw.exit(run.exit or 0)
end

local function deletes_made(rows)
  local count = 0
  for _, row in ipairs(rows) do
    if row.effect == "delete" and row.state == "C" then count = count + 1 end
  end
  return count
end

-- Takes up a run. Returns its row and its changes, settled; ends the program where
-- the run has come to its end.
function resume.take_up(id)
  local run = resume.find(id)
  if run.kind == "plan" then
    errors.raise("usage", ("run %s is a plan: nothing was sent"):format(run.run), {
      fix = "moonlever apply FILE sends it", config = true,
    })
  end
  if run.state == "done" or run.state == "partial" then finished(run) end
  config.bind(run, "run " .. run.run)
  raw.resume(run.run)
  recover.settle(resume.changes(run.run))
  local rows = resume.changes(run.run)
  raw.count("deletes", deletes_made(rows)) -- what a yes allows is for the whole run
  return run, rows
end

-- The script of `moonlever resume RUN`.
function resume.main(id)
  local run, rows = resume.take_up(id)
  if run.kind == "apply" then return require("moonlever.apply").resume(run, rows) end
  if run.kind == "undo" then return require("moonlever.undo").resume(run, rows) end
  run_again(run, rows)()
end

local BAD = { F = true, K = true, U = true }

-- The script of `moonlever run --only-failed RUN`: a new run of the same script that
-- writes only where that run did not succeed.
function resume.only_failed(id)
  local run, keys = resume.find(id), {}
  config.bind(run, "run " .. run.run)
  local rows = resume.changes(run.run)
  for _, row in ipairs(rows) do
    if BAD[row.state] then keys[row.rkey] = true end
  end
  if next(keys) == nil then
    raw.log(1, ("no change of run %s failed, is in conflict or unknown: nothing is tried again"):format(run.run))
    raw.exit(0)
  end
  local chunk, args = script_of(run)
  memory.limit(keys)
  memory.bind(run, rows)
  chunk(table.unpack(args))
end

return resume
