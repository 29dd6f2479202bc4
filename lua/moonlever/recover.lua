-- SPDX-License-Identifier: MIT
-- From a row of the journal back to a job that can be settled or sent.
--
-- A row holds what was sent to the byte; the catalogue knows the rest: how to read
-- the object back, which fields there are, what a success looks like.
--
--   local job = recover.job(row)
--   recover.settle(rows)          -- what a dead process has left, all at once
--   recover.unblock(job)          -- the same for one object that another run left open

local raw = require "moonlever.raw"
local change = require "moonlever.change"
local config = require "moonlever.config"
local errors = require "moonlever.errors"
local finder = require "moonlever.finder"
local flow = require "moonlever.flow"
local service = require "moonlever.service"
local settle = require "moonlever.settle"
local shape = require "moonlever.shape"
local views = require "moonlever.views"

local recover = {}

local LETTERS = { confirmed = "C", accepted = "A", failed = "F", conflict = "K", unknown = "U", noop = "N" }

local contexts = {} -- service and origin -> context

local function new_context(row)
  local ctx = service.context { service = row.service, profile = config.of_change(row) }
  if ctx.origin ~= row.origin then
    errors.raise("guard", ("this is of %s, and %s is at %s now"):format(row.origin, ctx.catalogue.title, ctx.origin), {
      fix = ("set %s to %s; nothing was sent"):format(ctx.catalogue.env.url, row.origin),
    })
  end
  return ctx
end

-- The client's context for a row; raises guard when the service is now another one.
function recover.context(row)
  local name = row.service .. " " .. row.origin
  contexts[name] = contexts[name] or new_context(row)
  return contexts[name]
end

local Left = {} -- what a job from a row does where it differs from one of a script
Left.__index = Left

function Left:matches(object)
  return settle.create_matches(self, object)
end

-- The id in the after-image of a create: of the object, or the stand-in that a plan gave it.
function recover.id_of(row)
  local op = service.find(recover.context(row), row.operation)
  local id = op and row.after and raw.json.decode(row.after, { null = "drop" })[op.res.key]
  return id ~= nil and tostring(id) or nil
end

-- The stand-in of what a job creates, or nil: only rows of a plan have an id before it is there.
function recover.stand_in(job)
  return job.creates and recover.id_of(job.row) or nil
end

-- Names the object of a planned row by its id, in place of the stand-in. What the plan could
-- not know of it, the service has given it.
function recover.name(row, key, object)
  local id = tostring(object[key])
  local before = row.before and raw.json.decode(row.before)
  if before then
    before[key] = nil
    for name, value in next, object do
      if before[name] == nil then before[name] = value end
    end
  end
  row.path = row.path:gsub(row.target:gsub("%p", "%%%0"), (id:gsub("%%", "%%%%")))
  row.before = before and raw.json.encode(before, { sorted = true })
  row.rkey, row.target = ("%s %s %s"):format(row.origin, row.resource, id), id
  raw.name(row.id, row.rkey, row.target, row.path, row.before)
end

-- The object of a create is there: the rows of its run that go by its stand-in get its id.
function Left:named(object)
  local stand_in, id = recover.stand_in(self), tostring(object[self.op.res.key])
  if not stand_in or stand_in == id then return end
  local rows = {}
  for row in raw.query("changes", self.row.run or raw.run_id()) do
    if row.target == stand_in and row.state == "P" then rows[#rows + 1] = row end
  end
  for _, row in ipairs(rows) do recover.name(row, self.op.res.key, object) end
end

-- What is to be said of an object that an undo has created anew.
function Left:remark(object)
  if not self.row.undo_of then return nil end
  return ("created anew, with the new id %s"):format(tostring(object[self.op.res.key]))
end

-- Which image does an object show? Where bodies are spelled as records, the body tells; else
-- the images of the row do.
function Left:image(got)
  if self.moves then return views.moves_image(self.op, self.before, self.after, got) end
  if not self.sent then return change.delete_image(self, got) end
  if not self.op.plain then return views.image(self.op, self.before, self.after or {}, got) end
  if settle.applied(self.op, self.sent, got) then return "after" end
  -- What is undone was sent by us: the service shows more of it than was sent.
  for name, value in next, self.before or {} do
    local visible = settle.is_visible(self.op, name, got)
    if visible and not shape.covers_member(self.op.spec.fields, name, value, got) then return "other" end
  end
  return "before"
end

-- What was sent, of the whole body of a row.
local function body_of(op, text)
  local body = text and raw.json.decode(text) or nil
  if body and op.spec.wrap then body = body[op.spec.wrap] end
  if body and op.spec.body == "list" then body = body[1] end
  if op.spec.member == "$" then return nil end
  return body
end

local function query_value(query, name)
  local value = ("&" .. query):match("&" .. name .. "=([^&]*)")
  return value and value:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end) or nil
end

-- The job of a row, without its change. `op` is nil for client:request.
function recover.job(row)
  local ctx = recover.context(row)
  local op = service.find(ctx, row.operation)
  local path, query = row.path:match("^([^?]*)%??(.*)$")
  local job = setmetatable({
    row = row, ctx = ctx, op = op, target = row.target,
    before = row.before and raw.json.decode(row.before, { null = "drop" }) or nil,
    request = { path = path, query = query ~= "" and query or nil, body = row.body, target = row.target },
  }, Left)
  if not op then return job end
  job.sent = body_of(op, row.body)
  job.after = row.after and raw.json.decode(row.after) or nil
  job.moves = op.spec.strategy == "members"
  job.creates = op.spec.effect == "create"
  job.gone_is_done = op.spec.effect == "delete" and not job.moves
  job.later = op.spec.later and change.day_to_come(op, { [op.spec.later] = query_value(query, op.spec.later) })
  if job.creates then
    job.sent = job.sent or {}
  elseif job.moves or op.spec.answer ~= "object" and not job.gone_is_done then
    job.verify = true -- the answer shows nothing
  end
  return job
end

-- A change of another run, or of ours before it was resumed: it has no place at the
-- door, only its row.
local Row = {}
Row.__index = Row

function Row:finish(state, reason, kind, after)
  self.row.state = LETTERS[state]
  raw.move(self.row.id, LETTERS[state], reason, kind, after)
end

function Row:again()
  self.row.state = "P"
  raw.move(self.row.id, "P")
end

function Row:accepted() -- luacheck: ignore self
end

-- Can the outcome be looked for at all?
local function can_look(job)
  if not job.op then return false end
  if job.creates and job.op.res.spec.natural_key == nil then return false end
  return finder.can_look(job.op)
end

-- Settles one row whose settle time is over. What cannot be looked for stays unknown.
local function settle_one(row)
  local job = recover.job(row)
  job.change = setmetatable({ row = row }, Row)
  job.status = "nothing that is known"
  if can_look(job) then return settle.left(job) end
  job.change:finish("unknown", "there is no way to look for it")
  return "unreadable"
end

local function longest(rows)
  local seconds = 0
  for _, row in ipairs(rows) do
    local op = service.find(recover.context(row), row.operation)
    if op then seconds = math.max(seconds, settle.time(op)) end
  end
  return seconds
end

-- Settles the rows that were sent or accepted and have no end: waits until nothing of
-- them is on its way any more, then reads each object back.
function recover.settle(rows)
  local open = {}
  for _, row in ipairs(rows) do
    if row.state == "U" or row.state == "A" then open[#open + 1] = row end
  end
  if #open == 0 then return end
  local seconds = longest(open)
  raw.log(1, ("%d changes of unknown outcome: looking for them in %g s"):format(#open, seconds))
  raw.sleep(seconds)
  flow.map(open, settle_one)
  raw.flush()
end

-- Waits until nothing of the row is on its way any more.
local function let_settle(row, op)
  local age = (raw.wall_ms() - (row.ended or row.started)) / 1000
  raw.sleep(math.min(math.max(0, settle.time(op) - age), settle.time(op)))
end

-- Settles what another run has left open on the object of this job. Returns true, or
-- false and the reason where a process is still at work on it.
function recover.unblock(job)
  local key = require("moonlever.memory").key(job.op, job.target)
  raw.flush()
  local open = {} -- read to the end first: settling them takes time, and changes what is open
  for row in raw.query("open", key) do open[#open + 1] = row end
  for _, row in ipairs(open) do
    if row.run ~= raw.run_id() and raw.running(row.no) then
      return false, ("run %s is just changing it"):format(row.run)
    end
    let_settle(row, job.op)
    if settle_one(row) == "unreadable" then
      -- Nothing of it is on its way any more, and what it did is overwritten now.
      raw.move(row.id, "K", ("its outcome was not known when run %s wrote to it"):format(raw.run_id()), "conflict")
    end
  end
  raw.flush()
  return true
end

-- Can the object of a job be read?
function recover.can_read(job)
  return job.op ~= nil and not job.creates and finder.can_look(job.op)
end

-- Reads the object of a job fresh, without what a dry run plans. Raises.
function recover.read(job)
  return finder.fresh(job.op, job.target, job.before)
end

return recover
