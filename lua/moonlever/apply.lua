-- SPDX-License-Identifier: MIT
-- Sends changes that are written down: a plan, or the inverse of a run.
--
-- All of them go into the journal as planned before the first is sent. Then each
-- object is read: what is already as wanted is a noop, what has drifted from its
-- before-image is a conflict and left alone, the rest is sent exactly as planned.
-- Changes of one object keep their order; different objects go side by side.
--
--   apply.main("retag.plan")          -- moonlever apply
--   apply.go_on(run, rows)            -- the rest of a run of kind apply or undo

local raw = require "moonlever.raw"
local args = require "moonlever.args"
local config = require "moonlever.config"
local errors = require "moonlever.errors"
local finder = require "moonlever.finder"
local flow = require "moonlever.flow"
local lists = require "moonlever.lists"
local plan = require "moonlever.plan"
local planned = require "moonlever.planned"
local recover = require "moonlever.recover"
local request = require "moonlever.request"
local settle = require "moonlever.settle"
local shape = require "moonlever.shape"
local views = require "moonlever.views"

local apply = {}

-- After these nothing more is done, on no object.
local STOPS = { guard = true, cancelled = true, auth = true }

-- A method that is none: an undo that cannot be made. Its body says why.
apply.IMPOSSIBLE = "-"

local function declare(job)
  local row = job.row
  while raw.must_wait() do raw.sleep(0.01) end -- canary
  return raw.change(job.ctx.handle, {
    service = row.service, operation = row.operation, resource = row.resource, target = row.target, method = row.method,
    path = row.path, effect = row.effect, rkey = row.rkey, body = row.body, before = row.before, after = row.after,
    warning = job.op and job.op.spec.confirm, adopt = row.seq, attempts = row.attempts, state = "P",
  })
end

local function end_as(job, state, reason)
  job.change:finish(state, reason, state == "conflict" and "conflict" or nil)
  if state == "noop" then return end
  errors.raise("conflict", ("%s %s: %s"):format(job.row.operation, job.target, reason), {
    operation = job.row.operation, target = job.target, outcome = state, reason = reason,
  })
end

-- The same where images and bodies are spelled apart. Lists show less than other reads: what
-- is not there has drifted only where the change is about it.
local function other_drift(job, got)
  for name, value in next, job.before or {} do
    local shown = rawget(got, name) ~= nil or (job.after and job.after[name] ~= nil)
    if shown and not views.image_shows(job.op, name, value, got) then return name end
  end
  for name in next, job.before and job.after or {} do
    if job.before[name] == nil and rawget(got, name) ~= nil then return name end
  end
  return nil
end

-- Does the object show already what is to be sent?
local function is_so_already(job, got)
  if job.moves then return views.moves_image(job.op, job.before, job.after, got) == "after" end
  if not job.sent then return views.is_gone(job.op, got) end
  return settle.applied(job.op, job.sent, got) and not (not job.op.plain and views.hides(job.op, job.sent))
end

-- The member in which the object is no longer as it was, or nil.
local function drift(job, got)
  if job.moves then
    return views.moves_image(job.op, job.before, job.after, got) == "other" and next(job.before) or nil
  end
  if not job.op.plain then return other_drift(job, got) end
  for name, value in next, job.before or {} do
    local spec = job.op.spec.fields and job.op.spec.fields[name] or job.op.res.shape.fields[name]
    if spec and not shape.covers_member({ [name] = spec }, name, value, got) then return name end
  end
  for name in next, job.sent or {} do
    local hidden = not settle.is_visible(job.op, name, got)
    if job.before and job.before[name] == nil and not hidden and rawget(got, name) ~= nil then return name end
  end
  return nil
end

-- The query parameters that a row has.
local function query_names(job)
  local names = {}
  for name in (job.request.query or ""):gmatch("([^&=]+)=") do names[name] = true end
  return names
end

-- The object could not be looked at: ends the change, unless that ends the run, and raises.
local function unread(job, err)
  if errors.is(err) then
    local stops = STOPS[err.kind] or settle.ends_run(err) -- resume takes it up
    job.change:finish(stops and "planned" or "failed", errors.why(err), err.kind)
  end
  error(err, 0)
end

-- Looks at the object. Returns true when it is to be sent; ends the change otherwise.
local function is_due(job)
  local ok, got = pcall(recover.read, job)
  if not ok then
    if not errors.is(got) or got.status ~= 404 then return unread(job, got) end
    return end_as(job, job.gone_is_done and "noop" or "conflict", "it is gone")
  end
  if is_so_already(job, got) then return end_as(job, "noop", "it is so already") end
  local allowed, why = pcall(args.only_if, job.op, job.target, got, query_names(job))
  if not allowed then
    job.change:finish("failed", errors.one_line(tostring(why.message or why), 300), why.kind)
    error(why, 0)
  end
  local member = drift(job, got)
  if member then return end_as(job, "conflict", ("'%s' was changed since"):format(member)) end
  return true
end

-- Creates ----------------------------------------------------------------------

-- Natural key -> object, of everything in the list of an operation's resource.
local function objects_by_key(op)
  local found = {}
  for _, object in ipairs(lists.find(op.sibling("list"), function() return true end)) do
    op.res.shape:dress(object)
    local key = finder.natural_key(op, object)
    if key then found[key:lower()] = object end
  end
  return found
end

local function is_due_create(job, world)
  if not job.op.res.spec.natural_key or not finder.can_look(job.op) then return true end
  local name = job.op.res.name
  if not world.objects[name] then
    local ok, objects = pcall(objects_by_key, job.op)
    if not ok then return unread(job, objects) end
    world.objects[name] = objects
  end
  local twin = world.objects[name][job.target:lower()]
  if not twin then return true end
  if settle.applied(job.op, job.sent, twin) then
    job:named(twin)
    return end_as(job, "noop", "it is there already")
  end
  return end_as(job, "conflict", "another one of that name is there")
end

-- One change -------------------------------------------------------------------

local function send(job, world)
  if not job.op then return request.resend(job) end
  if job.creates then
    if is_due_create(job, world) then settle.create(job) end
    return
  end
  if finder.can_look(job.op) and not is_due(job) then return end
  settle.absolute(job)
end

local function show(job)
  local names = {}
  local after = job.row.after and raw.json.decode(job.row.after) or {}
  for name in pairs(after) do names[#names + 1] = name end
  if job.op then planned.note(job.op, job.target, job.before, after, names) end
end

local function fail_at_once(row, reason, kind)
  local job = { row = row, ctx = recover.context(row) }
  declare(job):finish("failed", reason, kind)
  errors.raise(kind, ("%s %s: %s"):format(row.operation, row.target, reason), {
    operation = row.operation, target = row.target, outcome = "failed", reason = reason,
  })
end

local function do_row(row, world)
  if row.method == apply.IMPOSSIBLE then fail_at_once(row, row.body, "invalid") end
  local job = recover.job(row)
  if job.op and job.op.derived and job.op.derived.strategy == "upload" then
    fail_at_once(row, "the plan does not hold the file: run the script itself", "invalid")
  end
  if job.op and views.holds_masked(job.op, job.sent) then
    fail_at_once(row, "it holds a secret, and no plan keeps those: run the script itself", "invalid")
  end
  job.named = world.named
  job.change = declare(job)
  job.request.change = job.change
  if job.change:planned() then
    job.change:finish("planned")
    return show(job)
  end
  send(job, world)
end

-- All of them -------------------------------------------------------------------

-- The rows that are still to be done, those of one object together, in order. What a
-- plan does to an object that it creates comes behind the create.
local function groups_of(rows)
  local groups, by_key = {}, {}
  for _, row in ipairs(rows) do
    local group = by_key[row.rkey]
    if not group then
      group = {}
      groups[#groups + 1] = group
      by_key[row.rkey] = group
    end
    if row.effect == "create" and row.after then
      local id = recover.id_of(row)
      if id then by_key[row.origin .. " " .. row.resource .. " " .. id] = group end
    end
    if row.state == "P" then group[#group + 1] = row end
    group.broken = group.broken or row.state == "F" or row.state == "K" or row.state == "U"
  end
  return groups
end

-- One object: its changes in order. Those behind one that failed, now or before the run
-- was resumed, are not made: they were planned for what it would have made of the object.
local function do_group(group, world)
  local failed
  for _, row in ipairs(group) do
    local ok, err
    if failed or group.broken then
      ok, err = pcall(fail_at_once, row, "a change of it before this one was not made", "conflict")
    else
      ok, err = pcall(do_row, row, world)
    end
    if not ok and (not errors.is(err) or STOPS[err.kind]) then error(err, 0) end
    failed = failed or (not ok and err) or nil
  end
  if failed then error(failed, 0) end
end

-- The rows of objects that the plan itself creates go by a stand-in until the create is
-- confirmed; from then on by the id.
local function namer(rows)
  local by_target = {}
  for _, row in ipairs(rows) do
    by_target[row.target] = by_target[row.target] or {}
    table.insert(by_target[row.target], row)
  end
  return function(job, object)
    local stand_in = recover.stand_in(job)
    for _, row in ipairs(stand_in and by_target[stand_in] or {}) do recover.name(row, job.op.res.key, object) end
  end
end

-- Does what is left of a run whose changes are written down.
function apply.go_on(run, rows)
  local left = 0
  for _, row in ipairs(rows) do
    if row.state == "P" then left = left + 1 end
  end
  if run then raw.count("expect", left) end -- else they were counted for the question
  local world = { objects = {}, named = namer(rows) }
  flow.each(groups_of(rows), function(group)
    if #group == 0 then return false end
    do_group(group, world)
  end, { expect = 0, stop_after = false })
end

-- Writes rows down as planned; returns them as they are in the journal.
function apply.write_down(id, rows)
  for _, row in ipairs(rows) do
    row.resource = row.resource or row.operation:match("^(.*)%.[^.]*$")
    row.rkey = row.rkey or (row.origin .. " " .. row.resource .. " " .. row.target)
    raw.plan(row)
  end
  raw.flush()
  return require("moonlever.resume").changes(id)
end

-- Has anything been done of these rows? Only then are they known to be all of them: they
-- are on disk before the first is sent, and a process may have died before that.
function apply.has_begun(rows)
  for _, row in ipairs(rows) do
    if row.state ~= "P" or row.attempts > 0 then return true end
  end
  return false
end

-- Goes on with an apply that was broken off, without its plan.
function apply.resume(run, rows)
  if not apply.has_begun(rows) then
    errors.raise("guard", ("run %s was broken off before anything was sent, maybe while it was written down")
      :format(run.run), { fix = "moonlever apply FILE, with the same plan, goes on with it" })
  end
  apply.go_on(run, rows)
end

-- Every service of the plan must be the one that it was made for.
local function check_origins(rows)
  local seen = {}
  for _, row in ipairs(rows) do
    local name = row.service .. " " .. row.origin
    if not seen[name] then recover.context(row) end
    seen[name] = true
  end
end

-- The apply of this plan that there is, or nil.
local function earlier(hash)
  return require("moonlever.resume").first("applied", hash)
end

-- What was undone is not done again by the same plan: its before-images are of another day.
local function check_not_undone(path, run)
  local undo = require("moonlever.resume").first("undo_of", run.run)
  if undo then
    errors.raise("guard", ("%s was applied by run %s and undone by run %s"):format(path, run.run, undo.run), {
      fix = "make the plan again; nothing was sent",
    })
  end
end

-- A process that died while it wrote the plan down has sent nothing: the rest follows.
local function complete(run, rows, changes)
  if #rows >= #changes then return rows end
  return apply.write_down(run.run, table.move(changes, #rows + 1, #changes, 1, {}))
end

-- The script of `moonlever apply FILE`.
function apply.main(path)
  local header, changes = plan.read(path)
  if #changes == 0 then
    raw.log(1, "the plan is empty: nothing is to be done")
    return
  end
  config.bind(header, path)
  check_origins(changes)
  local run = earlier(header.hash)
  if run then
    check_not_undone(path, run)
    local rows
    run, rows = require("moonlever.resume").take_up(run.run)
    return apply.go_on(run, complete(run, rows, changes))
  end
  raw.count("expect", #changes)
  local id = raw.begin {
    plan = header.hash, operation = changes[1].operation, origin = changes[1].origin, target = changes[1].target,
  }
  apply.go_on(nil, apply.write_down(id, changes))
end

return apply
