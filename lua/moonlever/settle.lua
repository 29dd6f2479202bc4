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
--   401, without a doubt before it                not applied: planned, raised
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
local answers = require "moonlever.answers"
local endpoint = require "moonlever.endpoint"
local errors = require "moonlever.errors"
local finder = require "moonlever.finder"
local views = require "moonlever.views"

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
  return op.fields[name] ~= nil and not (name == op.res.spec.alias and got[name] == nil)
end

-- Does `got` show what was sent? Returns true, or false and the member that differs.
settle.applied = views.applied

-- Ends the change in a state and raises; `err.outcome` tells the state.
local function fail(job, state, err)
  if errors.is(err) then err.outcome = state end
  job.change:finish(state, errors.why(err), errors.is(err) and err.kind or nil)
  error(err, 0)
end

-- Does this end the whole run, and says nothing about the one change? Then a change that was
-- not sent stays planned, and the resume of the run makes it.
function settle.ends_run(err)
  return errors.is(err) and (err.kind == "cancelled" or err.kind == "guard" or err.kind == "auth" or raw.outage())
end

-- Ends a change that was refused, or not sent, and raises.
local function refuse(job, verdict, err)
  if verdict == "unsent" and settle.ends_run(err) then return fail(job, "planned", err) end
  return fail(job, err.kind == "conflict" and "conflict" or "failed", err)
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

-- A complete answer of a success. What it should show is the catalogue's `answer`.
local function answer_of(job, call)
  local verdict, result, object = answers.judge(job, call)
  if verdict ~= "differs" then return verdict, result end
  return "differs", fault_of(job, "remote", ("answered %s, but %s"):format(job.status, result),
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
  -- Turned away before anything was done (RFC 9110 15.5.2): it can be made once the token is valid.
  if status == 401 then return call:doubt() and "unknown" or "unsent", err end
  -- Gone after an earlier send of ours, also one that was repeated below.
  if status == 404 and job.gone_is_done and (job.doubt or call:attempts() > 1) then return "done", nil end
  return "refused", err
end

local function exchange(job)
  local ok, call = true, job.call -- one that is under way already
  job.call = nil
  if not call then ok, call = pcall(endpoint.guard, job.op, job.request, endpoint.start, job.op, job.request) end
  if not ok then return refuse(job, "unsent", call) end
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

-- Where an object may be found that was there before, or was meant to be moved.
local function hint_of(job)
  if not job.before and not job.patch then return nil end
  return setmetatable({ moved = job.patch }, { __index = job.before })
end

-- Reads the object back: "after", object | "before" | "other", object | "gone" |
-- "unreadable", error
local function observe(job)
  if not finder.can_look(job.op) then
    return "unreadable", errors.new("remote", "nothing shows it", { reason = "nothing shows it" })
  end
  local ok, got
  for look = 1, LOOKS do
    ok, got = attempt(finder.fresh, job.op, job.target, hint_of(job))
    if ok or not errors.passing(got) or look == LOOKS or raw.outage() then break end
    pause(look)
  end
  if ok then return job:image(got), got end
  if got.status == 404 then return job.gone_is_done and "after" or "gone", nil end
  return "unreadable", got
end

local function confirm(job, object, reason)
  local after
  if job.creates and object then
    after = raw.json.encode(views.masked(job.op.res.shape.fields, object), { sorted = true })
  end
  if after and job.named then job:named(object) end
  reason = reason or after and job.remark and job:remark(object) or nil
  job.change:finish("confirmed", reason, nil, after)
  job.op.ctx.works = true
  return object
end

local function unknown(job, err, why)
  local reason = ("%s; whether it was applied is not known, since looking for it failed: %s")
    :format(reason_of(err), reason_of(why))
  return fail(job, "unknown", fault_of(job, err.kind, reason, "look at the object before writing to it again", err))
end

-- After an answer that shows something else than was sent.
local function settle_difference(job, err, object)
  -- Nothing else will ever show it, and the answer said nothing against it.
  if not finder.can_look(job.op) and not object then return confirm(job, nil) end
  local image, got = observe(job)
  if image == "after" or image == "blind" then return confirm(job, got) end
  if image == "unreadable" then return unknown(job, err, got) end
  return fail(job, "failed", err)
end

-- After a complete answer, for operations that are compared once more (SD-16).
local function verify(job, object)
  if not job.verify then return confirm(job, object) end
  local image, got = observe(job)
  if image == "after" or image == "blind" then return confirm(job, got) end
  -- The answer itself showed what was sent.
  if image == "unreadable" and object then return confirm(job, object) end
  local _, member = settle.applied(job.op, job.sent, got or {})
  member = member or (job.op.spec.moves or {}).count
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
  if image == "blind" then return unknown(job, err, { reason = "no read shows what was sent" }) end
  if image ~= "before" then
    local state = image == "gone" and "now it is gone" or "now it is neither as before nor as wanted"
    return fail(job, "conflict", fault_of(job, "conflict", ("%s; %s"):format(reason_of(err), state),
      "somebody else changed it: look at it and run it again", err))
  end
  if job.op.spec.once then
    return fail(job, "unknown", fault_of(job, err.kind, reason_of(err) .. "; it does not show, and is never sent twice",
      "look at it again later, before it is sent once more", err))
  end
  if sends >= (job.op.ctx.works and SENDS_OF_A_WORKING_SERVICE or SENDS) then
    local reason = ("%s; it was not applied in %d sends"):format(reason_of(err), sends)
    return fail(job, "failed", fault_of(job, err.kind, reason, err.fix or "run it again later", err))
  end
  job.change:again()
  pause(sends)
  return true
end

-- What is for a day to come is confirmed once it is accepted. If it shows at once, the day
-- was not heeded (SG-04).
local function settle_later(job, look)
  local image, got = look(job)
  if image ~= "after" then return confirm(job, got, "for " .. job.later) end
  raw.log(1, ("%s %s: it was for %s, but shows already now"):format(job.op.name, job.target, job.later))
  return confirm(job, got, ("for %s, but it shows already now"):format(job.later))
end

-- Looks for what the service has taken on but not done: `look` returns an image and
-- the object. Returns the object when it is done, and the last one seen when it is
-- not done in time: then the change stays accepted, and the run is a partial one.
local function settle_accepted(job, look)
  job.change:accepted()
  if job.later then return settle_later(job, look) end
  local deadline, wait = raw.now() + seconds("MOONLEVER_WAIT", WAIT), 0.25
  while true do
    local image, got = look(job)
    if image == "after" then return confirm(job, got) end
    if image == "other" or image == "gone" then
      return fail(job, "conflict", fault_of(job, "conflict",
        ("answered %s; now it is neither as before nor as wanted"):format(job.status),
        "somebody else changed it: look at it and run it again"))
    end
    if raw.now() >= deadline or raw.outage() then
      job.change:finish("accepted", ("answered %s; it was not seen done in time"):format(job.status))
      return got
    end
    raw.sleep(math.min(wait, math.max(0, deadline - raw.now())))
    wait = math.min(wait * 2, 5)
  end
end

-- Sends an absolute write until it has one of the final states. A job has: op,
-- target, request, change, sent, matches(object), image(object), and may have before,
-- patch (sent, as records spell it), verify, gone_is_done and later. Returns the object as it is now.
function settle.absolute(job)
  local sends = 0
  while true do
    local verdict, result, object = exchange(job)
    if verdict == "done" then
      return verify(job, result)
    elseif verdict == "differs" then
      return settle_difference(job, result, object)
    elseif verdict == "accepted" then
      return settle_accepted(job, observe)
    elseif verdict == "blocked" then
      unblock(job, result)
    elseif verdict ~= "unknown" then
      return refuse(job, verdict, result)
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
  return finder.twins(job.op, views.object(job.op, job.sent))
end

-- Can a create be looked for?
local function has_recipe(job)
  return finder.can_look(job.op) and finder.natural_key(job.op, views.object(job.op, job.sent)) ~= nil
end

-- Looks for the object of a create whose outcome is in doubt. Returns it, or nil
-- when it is provably not there. `answered`: the service has said that it was made, so
-- nothing is on its way.
local function find_created(job, err, answered)
  if not has_recipe(job) then
    return unknown(job, err, { reason = "there is no name to look for it by" })
  end
  if not answered then raw.sleep(settle.time(job.op)) end
  local ok, found = attempt(twins, job)
  for look = 1, answered and LOOKS or 0 do
    if not ok or #found > 0 then break end
    pause(look)
    ok, found = attempt(twins, job)
  end
  if not ok then return unknown(job, err, found) end
  if #found > 1 then
    return fail(job, "conflict", fault_of(job, "conflict",
      ("%s; there are %d of that name now"):format(reason_of(err), #found), "delete the one that is too many", err))
  end
  return found[1]
end

local NOT_YET = { notfound = true, nodata = true } -- what a read says of an object that is new

-- After a complete answer that shows something else: with an id, read it; without
-- one, look for it (SD-18).
local function settle_created(job, err, object)
  local id = object and object[job.op.res.key]
  local got
  if id ~= nil and not finder.can_look(job.op) then
    return unknown(job, err, { reason = "nothing shows it" })
  elseif id ~= nil then
    local ok, value = attempt(finder.get, job.op, tostring(id), object)
    for look = 1, LOOKS do
      if ok or not NOT_YET[value.kind] then break end
      pause(look)
      ok, value = attempt(finder.get, job.op, tostring(id), object)
    end
    if not ok then return unknown(job, err, value) end
    got = value
  else
    got = find_created(job, err, true)
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
  if not has_recipe(job) then
    return "unreadable", errors.new("remote", "there is no name to look for it by", { reason = "it has no name" })
  end
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
      return refuse(job, verdict, result)
    else
      sends = sends + 1
      local found = find_created(job, result)
      if found then return confirm(job, found) end
      if job.op.spec.once then
        return fail(job, "unknown", fault_of(job, result.kind, reason_of(result)
          .. "; it is not there, and is never sent twice", "look for it before it is made again", result))
      end
      if sends == CREATE_SENDS then
        local reason = ("%s; it was not there after %d sends"):format(reason_of(result), sends)
        return fail(job, "failed", fault_of(job, result.kind, reason, "run it again later", result))
      end
      job.change:again()
    end
  end
end

-- ---------------------------------------------------------------------------
-- Bulk calls: one exchange, and an end for each member

-- Sends the call for all of its members, whose changes are in the request. Returns the
-- outcome for settle.member.
function settle.together(op, request, first)
  local job = { op = op, request = request, target = request.target }
  local ok, call = pcall(endpoint.guard, op, request, endpoint.start, op, request)
  if not ok then return { verdict = "refused", err = call } end
  local status, fault = call:wait()
  if not status then
    local err = endpoint.fault_error(op, request, fault)
    if fault.kind == "conflict" then return { verdict = "refused", err = err } end
    return { verdict = fault.sent and "unknown" or "refused", err = err, call = call }
  end
  job.status = errors.status_text(status)
  local err = endpoint.status_error(op, request, call, status)
  if status == 408 or status >= 500 then return { verdict = "unknown", err = err, call = call } end
  if status < 200 or status > 299 then return { verdict = "refused", err = err, call = call } end
  local queued = status == 202 or op.spec.finish == "accepted"
  return {
    verdict = queued and "accepted" or "done", err = err, call = call, status = job.status, first = first,
  }
end

-- Each its own error: what is raised for one member tells of that member.
local function own_error(job, err)
  return fault_of(job, err.kind, reason_of(err), err.fix, err)
end

-- Ends one member of a bulk call. Returns the object as it is now; raises as the others do.
function settle.member(job, outcome)
  local err = errors.is(outcome.err) and own_error(job, outcome.err) or outcome.err
  job.status = outcome.status
  if outcome.verdict == "refused" then
    return fail(job, err.kind == "conflict" and "conflict" or "failed", err)
  elseif outcome.verdict == "accepted" then
    return settle_accepted(job, job.creates and observe_created or observe)
  elseif outcome.verdict == "done" then
    local verdict, result, object = answer_of(job, outcome.call)
    if verdict == "done" then return confirm(job, result) end
    if job.creates then return settle_created(job, result, object) end
    return settle_difference(job, result, object)
  elseif job.creates then
    local found = find_created(job, err)
    if found then return confirm(job, found) end
    return fail(job, "unknown", err)
  end
  return select(2, settle_doubt(job, err, 1))
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
  elseif image == "before" and job.op.spec.once then
    job.change:finish("unknown", "it does not show, and is never sent twice")
    image = "unreadable"
  elseif image == "before" then
    job.change:again()
  elseif image == "blind" then
    job.change:finish("unknown", "no read shows what was sent")
  elseif image == "unreadable" then
    job.change:finish("unknown", ("looking for it failed: %s"):format(reason_of(got)), got.kind)
  else
    local reason = image == "gone" and "it is gone" or "it is neither as before nor as wanted"
    job.change:finish("conflict", reason, "conflict")
  end
  return image
end

return settle
