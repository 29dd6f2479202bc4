-- SPDX-License-Identifier: MIT
-- Many objects in one call, and a change of its own for each (T12).
--
-- The members of a call are written down one by one and go out together: all are "sent"
-- before the first byte leaves. What the answer does not prove is looked at for each member
-- singly; one walk of a list serves all of them (finder.lua). No bulk call is ever sent twice.
--
-- A member's body in the journal is that of a call for it alone, so a plan or an undo can
-- send it by itself.
--
--   bulk.write(op, { { UserId = 42, LastName = "Byron" }, { UserId = 43, LastName = "Lovelace" } })

local raw = require "moonlever.raw"
local change = require "moonlever.change"
local check = require "moonlever.check"
local endpoint = require "moonlever.endpoint"
local errors = require "moonlever.errors"
local finder = require "moonlever.finder"
local flow = require "moonlever.flow"
local memory = require "moonlever.memory"
local planned = require "moonlever.planned"
local settle = require "moonlever.settle"
local views = require "moonlever.views"

local bulk = {}

-- ---------------------------------------------------------------------------
-- What is given

local function target_of(op, item)
  if op.spec.member ~= "$" then return tostring(item[op.spec.member]) end
  return tostring(item)
end

-- A list of items; records stand for their ids.
local function items_of(op, list)
  if type(list) ~= "table" or (#list == 0 and next(list) ~= nil) then
    errors.usage(("%s takes a list, not %s"):format(op.call, check.describe(list)))
  end
  if #list == 0 then
    errors.usage(("%s: the list is empty; refused, since nobody knows what the service makes of that"):format(op.call))
  end
  local items = {}
  for i, item in ipairs(list) do
    if op.spec.member == "$" and type(item) == "table" then item = item[op.res.key] end
    check.value(op.call, ("[%d]"):format(i), item, op.spec.items)
    if op.spec.member == "$" then check.id(op.call, ("[%d]"):format(i), item) end
    items[i] = change.outgoing({ it = op.spec.items }, { it = item }).it
  end
  return items
end

local function check_twice(op, items)
  local seen = {}
  for _, item in ipairs(items) do
    local target = target_of(op, item):lower()
    if seen[target] then errors.usage(("%s: '%s' comes twice"):format(op.call, target_of(op, item))) end
    seen[target] = true
  end
end

-- ---------------------------------------------------------------------------
-- One member

local function left_over(op, target)
  errors.raise("notfound", ("%s %s: not found in the list"):format(op.name, target), {
    operation = op.name, target = target, status = 404, reason = "not found in the list",
    fix = "nothing was sent: leave it out, or correct it",
  })
end

-- Members that the item leaves out, as they are (SG-07).
local function complete(op, item, before)
  local whole = views.body(op, before)
  for name, value in next, item do whole[name] = value end
  return whole
end

local function new_member(op, held, item, before)
  local creates, deletes = op.spec.effect == "create", op.spec.effect == "delete"
  local sent = op.spec.member ~= "$" and item or nil
  local job = change.new_job(op, held, target_of(op, item), sent, before, { ids = {}, query = {} })
  job.crowd, job.item = true, item
  if not sent then job.request.body = change.encode(op, item) end
  if creates then
    job.creates, job.matches = true, settle.create_matches
  elseif deletes then
    job.gone_is_done, job.image = true, change.delete_image
  end
  return job
end

-- A job that has something to do, or nil.
local function member(op, held, item, before)
  local target = target_of(op, item)
  if op.spec.effect == "delete" and memory.was_deleted(op, target) then return nil end
  if op.spec.effect ~= "create" then
    if not before then left_over(op, target) end
    if op.spec.complete then item = complete(op, item, before) end
  end
  local job = new_member(op, held, item, before)
  local idle = before and (op.spec.effect == "delete" and views.is_gone(op, before)
    or op.spec.effect ~= "delete" and #job.changed == 0 and not views.hides(op, item))
  if idle then
    raw.noop(op.name, target)
    return nil, before
  end
  return job
end

-- Holds all objects, in one order, so that two calls cannot wait for each other.
local function hold_all(op, items)
  local names, held = {}, {}
  for _, item in ipairs(items) do names[#names + 1] = target_of(op, item) end
  table.sort(names)
  for _, name in ipairs(names) do held[name] = change.hold(op, name) end
  return setmetatable(held, {
    __close = function(all)
      for _, one in pairs(all) do getmetatable(one).__close(one) end
    end,
  })
end

-- ---------------------------------------------------------------------------
-- All of them

-- Takes the members through the door. Those that this run has made before are answered from
-- memory; the others are returned.
local function declare_all(op, jobs)
  local open = {}
  local ok, err = pcall(function()
    for _, job in ipairs(jobs) do
      local old = memory.take(job)
      if not (old and old.done) and not memory.is_left_alone(job) then
        if job.creates then job.claims = change.claim(op, job.item, job) end
        job.change = change.declare(job, old)
        open[#open + 1] = job
      end
    end
  end)
  if ok then return open end
  for _, job in ipairs(open) do job.change:finish("planned") end -- provably not sent
  error(err, 0)
end

local function request_of(op, jobs)
  local body, changes = raw.json.array {}, {}
  for i, job in ipairs(jobs) do body[i], changes[i], job.place = job.item, job.change, i end
  if op.spec.wrap then body = { [op.spec.wrap] = body } end
  return {
    path = endpoint.path(op, {}), body = raw.json.encode(body, { sorted = true }), changes = changes,
    target = ("%d members"):format(#jobs),
  }
end

local function plan_all(jobs)
  for _, job in ipairs(jobs) do
    job.change:finish("planned")
    planned.note(job.op, job.target, job.before, job.patch, job.changed)
    local plans, res = job.op.ctx.overlay, job.op.res
    if job.creates then
      job.object = plans:create(res, job.patch)
    elseif job.gone_is_done then
      plans:delete(res, job.before[res.key])
    else
      plans:patch(res, job.before[res.key], job.patch)
      job.object = res.shape:with(job.before, job.patch)
    end
  end
end

-- Sends the call and settles each member; raises the first failure when all have an end.
local function send_all(op, jobs)
  local outcome = settle.together(op, request_of(op, jobs), jobs[1])
  local failures = flow.map(jobs, function(job)
    local ok, result = pcall(settle.member, job, outcome)
    if ok then
      job.object = result
      return false
    end
    if not errors.is(result) or result.kind == "cancelled" then error(result, 0) end
    if result.outcome == "failed" then change.give_back(op, job.claims or {}) end
    return result
  end, { concurrency = math.min(#jobs, 64) })
  local first, count = nil, 0
  for _, failure in ipairs(failures) do
    if failure then first, count = first or failure, count + 1 end
  end
  if not first then return end
  if #jobs > 1 then first.message = ("%s (%d of %d members)"):format(first.message, count, #jobs) end
  error(first, 0)
end

-- The strategy "bulk". Returns the objects in the order of the items; nothing for deletes.
function bulk.write(op, list, ...)
  if select("#", ...) > 0 then errors.usage(("%s takes a list and nothing else"):format(op.call)) end
  local items = items_of(op, list)
  check_twice(op, items)
  while raw.must_wait() do raw.sleep(0.01) end
  local held <close> = hold_all(op, items) -- luacheck: ignore
  local targets = {}
  for i, item in ipairs(items) do targets[i] = target_of(op, item) end
  local befores = op.spec.effect ~= "create" and finder.all(op, targets) or {}
  local jobs, results = {}, {}
  for i, item in ipairs(items) do
    local job, object = member(op, held[targets[i]], item, befores[targets[i]])
    results[i] = job or { object = object }
    jobs[#jobs + 1] = job
  end
  local open = declare_all(op, jobs)
  if #open > 0 and open[1].change:planned() then
    plan_all(open)
  elseif #open > 0 then
    send_all(op, open)
  end
  if op.spec.effect == "delete" then return end
  for i, job in ipairs(results) do results[i] = job.object or job.before or false end
  return results
end

return bulk
