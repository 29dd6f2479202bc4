-- SPDX-License-Identifier: MIT
-- Sends one declared write and settles its outcome.
--
-- Judging, by evidence:
--   complete answer that shows what was sent      confirmed
--   complete answer that shows something else     read back: applied -> confirmed, else failed (SD-04)
--   202, or an operation that is queued           accepted: read back until it is done or --wait is over
--   no complete answer, 408 or 5xx                unknown: read back before anything else.
--        after-image -> confirmed, before-image, still so after the settle time -> sent again
--        (at most 4 sends in all, or 8 where other writes of this run went through),
--        neither -> conflict, not readable -> unknown, raised
--   any other status                              failed (409 and 412: conflict), raised
-- A create is not read back but searched for by its natural key, after the settle
-- time: one is confirmed, none is sent once more, two are a conflict.
--
-- Invariants: a write of unknown outcome is never repeated before it was looked
-- for, and not while it may still arrive (the settle time); every declared change
-- ends in exactly one state.
--
-- A job is { op, target, request, change, sent, matches = function(job, object) };
-- absolute writes also have reader, read_path and image = function(job, object).
--
--   local object = settle.absolute(job)

local raw = require "moonlever.raw"
local endpoint = require "moonlever.endpoint"
local errors = require "moonlever.errors"
local lists = require "moonlever.lists"
local objects = require "moonlever.objects"
local shape = require "moonlever.shape"

local settle = {}

-- Sends of one absolute write, each seen not to have been applied before the next. Where the
-- service takes other writes, more are worth it: with one answer in seven broken, four sends
-- would leave about one write in two thousand undone.
local SENDS, SENDS_OF_A_WORKING_SERVICE = 4, 8
local LOOKS = 4        -- rounds of reading an object back
local LONGEST_PAUSE = 2 -- seconds between two sends or looks
local CREATE_SENDS = 2 -- sends of a create, searched for in between
local SETTLE = 5       -- seconds after which nothing that was sent is on its way any more
local WAIT = 120       -- seconds for which what is accepted is looked for

-- Seconds from the setting of that name, or `default`.
local function seconds(name, default)
  local text = raw.setting(name)
  if text == nil or text == "" then return default end
  local value = tonumber(text)
  if not value or value < 0 or value ~= value or value == math.huge then
    errors.usage(("%s is '%s', which is no number of seconds"):format(name, text), "set it to 5, or unset it")
  end
  return value
end

-- Seconds after the end of an attempt of `op` until nothing of it is on its way any more.
function settle.time(op)
  return seconds("MOONLEVER_SETTLE", op.spec.settle or SETTLE)
end

-- Can the member `name` be looked for in `got`? An external id only where reads show it (SD-16).
function settle.is_visible(op, name, got)
  return op.spec.fields[name] ~= nil and not (name == op.res.spec.alias and got[name] == nil)
end

-- Does `got` show what was sent? Returns true, or false and the member that differs.
function settle.applied(op, sent, got)
  local fields = op.spec.fields
  for name, value in next, sent do
    if settle.is_visible(op, name, got) then
      local ok, at = shape.covers_member(fields, name, value, got)
      if not ok then return false, at end
    end
  end
  return true
end

-- Ends the change in a state and raises; `err.outcome` tells the state.
local function fail(job, state, err)
  if errors.is(err) then err.outcome = state end
  job.change:finish(state, errors.one_line(tostring(err.message or err), 300), errors.is(err) and err.kind or nil)
  error(err, 0)
end

-- The state of a change that will not be sent again: what a guard or a cancel kept from
-- being sent is as it was planned, and a resumed run takes it up.
local function state_after(verdict, err)
  if verdict == "unsent" and (err.kind == "guard" or err.kind == "cancelled") then return "planned" end
  return err.kind == "conflict" and "conflict" or "failed"
end

-- A new error about this job; `from` is the error it goes back to (or nil).
local function fault_of(job, kind, reason, fix, from)
  from = from or {}
  return errors.new(kind, ("%s %s: %s"):format(job.op.name, job.target, reason), {
    reason = reason, operation = job.op.name, target = job.target, fix = fix, status = from.status,
    detail = from.detail, request_id = from.request_id, attempts = from.attempts,
  })
end

local function reason_of(err)
  return tostring(err.reason or err.message)
end

-- ---------------------------------------------------------------------------
-- One exchange and its verdict. A verdict is one of
--   "done", object (nil for a delete)      "differs", error, object
--   "unknown", error      "refused", error      "unsent", error

local function answer_of(job, call)
  if job.op.spec.answer ~= "object" then return "done", nil end
  local ok, object = pcall(endpoint.decode_object, job.op, job.request, call)
  if not ok then return "unknown", object end
  local good, got = pcall(job.op.res.shape.dress, job.op.res.shape, object)
  if not good then return "unknown", got end
  local right, why = job:matches(object)
  if right then return "done", object end
  return "differs", fault_of(job, "remote", ("answered %s, but %s"):format(job.status, why),
    "look at the object and run it again", { request_id = call:request_id() }), object
end

local function verdict_of(job, call, status)
  job.status = errors.status_text(status)
  if status == 202 then return "accepted", endpoint.status_error(job.op, job.request, call, status) end
  if status >= 200 and status < 300 then
    if job.op.spec.finish == "accepted" then
      return "accepted", endpoint.status_error(job.op, job.request, call, status)
    end
    return answer_of(job, call)
  end
  local err = endpoint.status_error(job.op, job.request, call, status)
  if status == 408 or status >= 500 then return "unknown", err end
  -- Gone after an earlier send of ours, also one that was repeated below.
  if status == 404 and job.gone_is_done and (job.doubt or call:attempts() > 1) then return "done", nil end
  return "refused", err
end

local function exchange(job)
  local ok, call = true, job.call -- one that is under way already
  job.call = nil
  if not call then ok, call = pcall(endpoint.guard, job.op, job.request, endpoint.start, job.op, job.request) end
  if not ok then return fail(job, "failed", call) end
  local status, fault = call:wait()
  -- An attempt of unknown outcome that was repeated below may still arrive, after this one:
  -- the object stays closed for that long (T11).
  if status and job.held and call:doubt() then job.held.quiet = raw.now() + settle.time(job.op) end
  if status then return verdict_of(job, call, status) end
  local err = endpoint.fault_error(job.op, job.request, fault)
  if fault.kind == "conflict" then return "blocked", err end
  return fault.sent and "unknown" or "unsent", err
end

-- Another run has left a change of this object open. Settles it, so that ours can
-- be sent; raises when its process is still at work, or when it cannot be settled.
local function unblock(job, err)
  local ok, why = require("moonlever.recover").unblock(job)
  if not ok then
    fail(job, "conflict", errors.new("conflict", ("%s %s: %s"):format(job.op.name, job.target, why), {
      reason = why, operation = job.op.name, target = job.target, fix = "run it again when that is settled",
      detail = err.detail,
    }))
  end
end

-- ---------------------------------------------------------------------------
-- Absolute writes: the same body twice ends the same

-- As pcall, for reads: lets cancellation and programming errors through.
local function attempt(f, ...)
  local ok, result = pcall(f, ...)
  if not ok and (not errors.is(result) or result.kind == "cancelled") then error(result, 0) end
  return ok, result
end

-- Waits before the next try, longer each time.
local function pause(tries)
  raw.sleep(math.min(LONGEST_PAUSE, 0.2 * 3 ^ (tries - 1)) * (0.5 + raw.random()))
end

-- Reads the object back: "after", object | "before" | "other", object | "gone" |
-- "unreadable", error
local function observe(job)
  local ok, got
  for look = 1, LOOKS do
    ok, got = attempt(function()
      local record = endpoint.read(job.reader, { path = job.read_path, target = job.target })
      return job.op.res.shape:dress(record)
    end)
    if ok or not errors.passing(got) or look == LOOKS then break end
    pause(look)
  end
  if ok then return job:image(got), got end
  if got.status == 404 then return job.gone_is_done and "after" or "gone", nil end
  return "unreadable", got
end

local function confirm(job, object)
  local after = job.creates and object and raw.json.encode(object, { sorted = true }) or nil
  if after and job.named then job:named(object) end
  job.change:finish("confirmed", after and job.remark and job:remark(object) or nil, nil, after)
  job.op.ctx.works = true
  return object
end

local function unknown(job, err, why)
  local reason = ("%s; whether it was applied is not known, since looking for it failed: %s")
    :format(reason_of(err), reason_of(why))
  return fail(job, "unknown", fault_of(job, err.kind, reason, "look at the object before writing to it again", err))
end

-- After an answer that shows something else than was sent.
local function settle_difference(job, err)
  local image, got = observe(job)
  if image == "after" then return confirm(job, got) end
  if image == "unreadable" then return unknown(job, err, got) end
  return fail(job, "failed", err)
end

-- After a complete answer, for operations that are compared once more (SD-16).
local function verify(job, object)
  if not job.verify then return confirm(job, object) end
  local image, got = observe(job)
  if image == "after" then return confirm(job, got) end
  -- The answer itself showed what was sent.
  if image == "unreadable" and object then return confirm(job, object) end
  local _, member = settle.applied(job.op, job.sent, got or {})
  return fail(job, "failed", fault_of(job, "remote",
    ("answered %s, but reading it back shows another '%s'"):format(job.status, tostring(member)),
    "look at the object and run it again"))
end

-- Reads the object back after a doubt. What looks as before may only be on its way:
-- it counts when it still does after the settle time (T9).
local function observe_settled(job)
  local image, got = observe(job)
  local pause_s = settle.time(job.op)
  if image ~= "before" or pause_s == 0 then return image, got end
  raw.sleep(pause_s)
  return observe(job)
end

-- After an unknown outcome. Returns true when the write is to be sent again, else
-- false and the object.
local function settle_doubt(job, err, sends)
  job.doubt = true
  local image, got = observe_settled(job)
  if image == "after" then return false, confirm(job, got) end
  if image == "unreadable" then return unknown(job, err, got) end
  if image ~= "before" then
    local state = image == "gone" and "now it is gone" or "now it is neither as before nor as wanted"
    return fail(job, "conflict", fault_of(job, "conflict", ("%s; %s"):format(reason_of(err), state),
      "somebody else changed it: look at it and run it again", err))
  end
  if sends >= (job.op.ctx.works and SENDS_OF_A_WORKING_SERVICE or SENDS) then
    local reason = ("%s; it was not applied in %d sends"):format(reason_of(err), sends)
    return fail(job, "failed", fault_of(job, err.kind, reason, err.fix or "run it again later", err))
  end
  job.change:again()
  pause(sends)
  return true
end

-- Looks for what the service has taken on but not done: `look` returns an image and
-- the object. Returns the object when it is done, and the last one seen when it is
-- not done in time: then the change stays accepted, and the run is a partial one.
local function settle_accepted(job, look)
  job.change:accepted()
  local deadline, wait = raw.now() + seconds("MOONLEVER_WAIT", WAIT), 0.25
  while true do
    local image, got = look(job)
    if image == "after" then return confirm(job, got) end
    if image == "other" or image == "gone" then
      return fail(job, "conflict", fault_of(job, "conflict",
        ("answered %s; now it is neither as before nor as wanted"):format(job.status),
        "somebody else changed it: look at it and run it again"))
    end
    if raw.now() >= deadline then
      job.change:finish("accepted", ("answered %s; it was not seen done in time"):format(job.status))
      return got
    end
    raw.sleep(math.min(wait, math.max(0, deadline - raw.now())))
    wait = math.min(wait * 2, 5)
  end
end

-- Sends an absolute write until it has one of the final states. A job has: op,
-- target, request, change, sent, reader, read_path, matches(object), image(object),
-- and may have verify and gone_is_done. Returns the object as it is now.
function settle.absolute(job)
  local sends = 0
  while true do
    local verdict, result = exchange(job)
    if verdict == "done" then
      if job.op.spec.answer == "object" then return verify(job, result) end
      return confirm(job, nil)
    elseif verdict == "differs" then
      return settle_difference(job, result)
    elseif verdict == "accepted" then
      return settle_accepted(job, observe)
    elseif verdict == "blocked" then
      unblock(job, result)
    elseif verdict ~= "unknown" then
      return fail(job, state_after(verdict, result), result)
    else
      sends = sends + 1
      local again, final = settle_doubt(job, result, sends)
      if not again then return final end
    end
  end
end

-- ---------------------------------------------------------------------------
-- Creates: never repeated before they were searched for

-- All objects with the natural key of this create, read fresh.
local function twins(job)
  local key, wanted = job.op.res.spec.natural_key, job.target:lower()
  return lists.find(job.op.sibling("list"), function(record)
    return type(record[key]) == "string" and record[key]:lower() == wanted
  end)
end

-- Looks for the object of a create whose outcome is in doubt. Returns it, or nil
-- when it is provably not there.
local function find_created(job, err)
  raw.sleep(settle.time(job.op))
  local ok, found = attempt(twins, job)
  if not ok then return unknown(job, err, found) end
  if #found > 1 then
    return fail(job, "conflict", fault_of(job, "conflict",
      ("%s; there are %d of that name now"):format(reason_of(err), #found), "delete the one that is too many", err))
  end
  return found[1]
end

-- After a complete answer that shows something else: with an id, read it; without
-- one, look for it (SD-18).
local function settle_created(job, err, object)
  local id = object and object[job.op.res.key]
  local got
  if id ~= nil then
    local reader = job.op.sibling(job.op.spec.read)
    local ok, value = attempt(objects.get, reader, tostring(id))
    if not ok then return unknown(job, err, value) end
    got = value
  else
    got = find_created(job, err)
  end
  if got and settle.applied(job.op, job.sent, got) then return confirm(job, got) end
  return fail(job, "failed", err)
end

-- Does the answer to a create show what was sent? The `matches` of its job.
function settle.create_matches(job, object)
  local id = object[job.op.res.key]
  if id == nil then return false, ("has no '%s'"):format(job.op.res.key) end
  local ok, member = settle.applied(job.op, job.sent, object)
  if not ok then return false, ("shows another '%s' than was sent"):format(member) end
  return true
end

-- What the list shows of a create: as observe().
local function observe_created(job)
  local ok, found = attempt(twins, job)
  if not ok then return "unreadable", found end
  if #found > 1 then return "other", nil end
  return found[1] and "after" or "before", found[1]
end

-- Sends a create until it has one of the final states. Returns the new object.
function settle.create(job)
  job.creates = true
  local sends = 0
  while true do
    local verdict, result, object = exchange(job)
    if verdict == "done" then return confirm(job, result) end
    if verdict == "differs" then return settle_created(job, result, object) end
    if verdict == "accepted" then return settle_accepted(job, observe_created) end
    if verdict == "blocked" then
      unblock(job, result)
    elseif verdict ~= "unknown" then
      return fail(job, state_after(verdict, result), result)
    else
      sends = sends + 1
      local found = find_created(job, result)
      if found then return confirm(job, found) end
      if sends == CREATE_SENDS then
        local reason = ("%s; it was not there after %d sends"):format(reason_of(result), sends)
        return fail(job, "failed", fault_of(job, result.kind, reason, "run it again later", result))
      end
      job.change:again()
    end
  end
end

-- ---------------------------------------------------------------------------
-- What a dead process has left

-- Settles a change that was sent or accepted by a process that is gone, once the
-- settle time is over. `job.change` takes the outcome: confirmed, conflict, again
-- (as before: it may be sent), or unknown with the reason.
function settle.left(job)
  local look = job.creates and observe_created or observe
  local image, got = look(job)
  if image == "after" then
    confirm(job, got)
  elseif image == "before" then
    job.change:again()
  elseif image == "unreadable" then
    job.change:finish("unknown", ("looking for it failed: %s"):format(reason_of(got)), got.kind)
  else
    local reason = image == "gone" and "it is gone" or "it is neither as before nor as wanted"
    job.change:finish("conflict", reason, "conflict")
  end
  return image
end

return settle
