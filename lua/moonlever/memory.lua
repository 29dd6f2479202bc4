-- SPDX-License-Identifier: MIT
-- What a run that is resumed did before its process ended.
--
-- The script runs again from its first line. A change that this run has confirmed
-- already (same operation, target, body and occurrence) is answered from here and
-- not sent. So that the script comes to the same changes again, objects which this
-- run has changed are shown as they were before, until the script has "made" the
-- change once more: a script that puts a "+" behind each title does so once.
--
-- Invariants
--   1. A row answers one change, in the order of the journal.
--   2. Only an object that still shows what this run wrote is shown as before; what
--      somebody else has changed since is shown as it is.
--
-- Outside of a resumed run all of this does nothing.
--
--   memory.load(rows)                 -- once, before the script
--   local old = memory.take(job)      -- nil, or { done = true, after = … }, { adopt = seq }, …

local raw = require "moonlever.raw"
local errors = require "moonlever.errors"
local shape = require "moonlever.shape"

local memory = {}

local null = raw.null

local known     -- operation, target and body -> rows of the run not yet taken, in order
local rewound   -- key -> confirmed rows that the script has not made again
local deleted   -- key -> true
local origins   -- service -> { origin -> true } that the run has written to, or nil
local only      -- key -> true: the only objects that may be written, or nil for all

-- Names an object among all services: one change of it may be open at a time.
function memory.key(op, target)
  return op.ctx.origin .. " " .. op.resource .. " " .. target
end

local function identity(operation, target, body)
  return operation .. "\0" .. target .. "\0" .. (body or "")
end

local function append(map, key, row)
  local list = map[key] or { first = 1 }
  list[#list + 1] = row
  map[key] = list
end

local SETS = { update = true, replace = true }
local MADE = { C = true, A = true, N = true } -- confirmed, accepted, already so

-- Takes in the changes of the run, in the order of the journal.
function memory.load(rows)
  known, rewound, deleted = {}, {}, {}
  for _, row in ipairs(rows) do
    append(known, identity(row.operation, row.target, row.body), row)
    if row.state == "C" and SETS[row.effect] and row.before and row.after then append(rewound, row.rkey, row) end
    if row.state == "C" and row.effect == "delete" then deleted[row.rkey] = true end
  end
end

-- The run and its rows are of these origins alone.
function memory.bind(run, rows)
  origins = {}
  for i = 0, #rows do
    local row = rows[i] or run
    if row.service then
      origins[row.service] = origins[row.service] or {}
      origins[row.service][row.origin] = true
    end
  end
end

-- Raises guard where the service is now at another origin than the run has written to.
-- A script that names the origin itself names the one that it named before.
function memory.check_origin(ctx)
  local known_origins = origins and origins[ctx.name]
  if known_origins and not known_origins[ctx.origin] then
    local origin = next(known_origins)
    errors.raise("guard", ("the run is of %s, and %s is at %s now"):format(origin, ctx.catalogue.title, ctx.origin), {
      fix = ("set %s to %s; nothing was sent"):format(ctx.catalogue.env.url, origin),
    })
  end
end

-- Limits the run to these objects: key -> true.
function memory.limit(keys)
  only = keys
end

-- May a change be answered from here, or left alone? Else it is new.
function memory.is_active()
  return known ~= nil or only ~= nil
end

-- Is the object of this job one that the run leaves alone?
function memory.is_left_alone(job)
  return only ~= nil and not only[memory.key(job.op, job.target)]
end

local function forget(row)
  local list = rewound[row.rkey]
  for i = list and list.first or 1, list and #list or 0 do
    if list[i] == row then list.first = i + 1 end
  end
end

local function still_unknown(job)
  errors.raise("remote", ("%s %s: whether it was applied is not known: %s"):format(job.op.name, job.target,
    "it was sent before the run was resumed, and looking for it has settled nothing"), {
    operation = job.op.name, target = job.target, outcome = "unknown",
    fix = "look at the object before writing to it again",
  })
end

-- What the run knows of this change: nil where it is new; { done = true, after = JSON }
-- where it is confirmed, accepted or was already so; { adopt =, attempts =, state = }
-- for a row that was not sent or did nothing; { redoes = seq } for one that had failed.
-- Raises where it was sent and its outcome is still not known.
function memory.take(job)
  local list = known and known[identity(job.op.name, job.target, job.noted or job.request.body)]
  local row = list and list[list.first]
  if not row then return nil end
  list.first = list.first + 1
  if MADE[row.state] then
    forget(row)
    return { done = true, after = row.after }
  end
  if row.state == "U" and not job.repeatable then still_unknown(job) end
  if row.state == "P" or row.state == "U" then
    return { adopt = row.seq, attempts = row.attempts, state = row.state }
  end
  return row.state ~= "V" and { redoes = row.seq } or nil
end

-- Rows that the script has not asked for again, and which were never done.
function memory.leftovers()
  local rows = {}
  for _, list in pairs(known or {}) do
    for i = list.first, #list do
      if list[i].state == "P" then rows[#rows + 1] = list[i] end
    end
  end
  table.sort(rows, function(a, b) return a.seq < b.seq end)
  return rows
end

-- Has this run deleted the object before it was resumed?
function memory.was_deleted(op, id)
  return deleted ~= nil and deleted[memory.key(op, id)] == true
end

local function pending(op, id)
  local list = rewound and id ~= nil and rewound[memory.key(op, tostring(id))]
  return list and list.first <= #list and list or nil
end

-- From now on the object is shown as it is. Returns whether it was not.
function memory.show_as_is(op, id)
  local list = pending(op, id)
  if list then list.first = #list + 1 end
  return list ~= nil
end

-- Is this a run that was taken up again?
function memory.is_resumed()
  return known ~= nil
end

-- Takes the change like memory.take if the run has made it; leaves it otherwise.
function memory.made(op, target, body)
  local list = known and known[identity(op.name, target, body)]
  local row = list and list[list.first]
  if not row or not MADE[row.state] then return false end
  list.first = list.first + 1
  forget(row)
  return true
end

-- The members as they were before the rows, and as they were after the last of them.
local function images(list)
  local before, after = {}, {}
  for i = list.first, #list do
    for name, value in next, raw.json.decode(list[i].after) do after[name] = value end
  end
  for i = #list, list.first, -1 do
    local was, wrote = raw.json.decode(list[i].before), raw.json.decode(list[i].after)
    for name in next, wrote do
      local value = was[name]
      before[name] = value == nil and null or value
    end
  end
  return before, after
end

-- Shows a record just read as it was before; changes and returns it.
function memory.rewind(op, record)
  local list = rewound and pending(op, rawget(record, op.res.key))
  if not list then return record end
  local before, after = images(list)
  for name, value in next, after do
    local spec = op.res.shape.fields[name]
    if spec and not shape.covers_member({ [name] = spec }, name, value, record) then return record end
  end
  for name, value in next, before do
    if op.res.shape.fields[name] then
      if value == null then value = nil end
      record[name] = value
    end
  end
  return record
end

-- Shows the records of a page as they were before.
function memory.rewind_all(op, items)
  if rewound then
    for _, record in ipairs(items) do memory.rewind(op, record) end
  end
end

return memory
