-- SPDX-License-Identifier: MIT
-- The write path: check, compare, declare, send, judge, read back.
--
-- A write goes through these steps, always in this order:
--   1. its arguments are checked; nothing is sent if one is wrong
--   2. it is compared with the object as it was (before-image); what is already
--      so sends nothing (noop)
--   3. it is declared at the one door for writes (raw.change), where licence and
--      guards are, and written down in the journal with its before- and after-image;
--      in a dry run it ends here, laid over later reads. A run that is resumed is
--      answered from what it did before (memory.lua)
--   4. it is sent, and the answer judged: settle.lua
-- Invariants: one object has one write under way; a write of unknown outcome is
-- never repeated before it was looked for (settle.lua).
--
--   local new = change.update(op, rec, { title = "new" })

local raw = require "moonlever.raw"
local args = require "moonlever.args"
local check = require "moonlever.check"
local endpoint = require "moonlever.endpoint"
local errors = require "moonlever.errors"
local finder = require "moonlever.finder"
local objects = require "moonlever.objects"
local memory = require "moonlever.memory"
local planned = require "moonlever.planned"
local settle = require "moonlever.settle"
local times = require "moonlever.times"
local shape = require "moonlever.shape"
local views = require "moonlever.views"

local change = {}

local null = raw.null

-- One write at a time for each object: two that overlap could each be read back
-- as the other's. Released when the returned value goes out of scope.
-- `quiet`: until then an earlier copy of the write may still arrive.
local held_metatable = { __close = function(held) held.busy[held.name] = held.quiet or false end }

-- What is free again keeps its place for a while: a table in which keys only come and go is laid
-- out anew at nearly every one that comes.
local KEPT = 1000

local function clear_free(ctx)
  ctx.names = 1
  for name, state in next, ctx.busy do
    if state then ctx.names = ctx.names + 1 else ctx.busy[name] = nil end
  end
  ctx.room = math.max(KEPT, 2 * ctx.names)
end

local function add_name(ctx, name)
  ctx.names = ctx.names + 1
  if ctx.names > ctx.room then clear_free(ctx) end
  ctx.busy[name] = true
end

local function hold(op, key)
  local busy, name = op.ctx.busy, op.res.name .. " " .. key
  local pause = 0.005
  while busy[name] do
    if busy[name] ~= true and raw.now() >= busy[name] then break end
    raw.sleep(pause)
    pause = math.min(pause * 2, 0.1)
  end
  if busy[name] == nil then add_name(op.ctx, name) else busy[name] = true end
  return setmetatable({ busy = busy, name = name }, held_metatable)
end

-- A deep copy of a value as it goes on the wire: lists marked, roles as flags.
local function outgoing(spec, value)
  if type(value) ~= "table" then
    if spec and spec.flag and type(value) == "boolean" then return value and 1 or 0 end
    return value
  end
  if spec and spec.normalise == "roles" then return shape.roles(value) end
  local list = spec and spec.type == "list" or raw.json.is_array(value)
  local copy = {}
  for name, member in next, value do
    local child = spec and (list and spec.items or spec.fields and spec.fields[name]) or nil
    copy[name] = outgoing(child, member)
  end
  return list and raw.json.array(copy) or copy
end

local function outgoing_fields(fields, values)
  local copy = {}
  for name, value in next, values do copy[name] = outgoing(fields[name], value) end
  return copy
end

local function with_defaults(op, body)
  for name, value in next, op.spec.defaults or {} do
    local ours = not (op.fields and op.fields[name]) -- else it stands in the body already
    if body[name] == nil and ours then body[name] = raw.json.array { table.unpack(value) } end
  end
  return body
end

local function encode(op, body)
  if op.spec.body == "list" then body = raw.json.array { body } end
  if op.spec.wrap then body = { [op.spec.wrap] = body } end
  return raw.json.encode(body, { sorted = true })
end

local function op_has_secrets(op)
  for _, spec in pairs(op.fields or {}) do
    if spec.secret then return true end
  end
  return false
end

-- The members of `sent` that differ in the before-image.
local function differing(op, sent, before)
  if not op.plain then return views.differing(op, sent, before) end
  local members = {}
  for name, value in next, sent do
    if settle.is_visible(op, name, before) and not shape.covers_member(op.spec.fields, name, value, before) then
      members[#members + 1] = name
    end
  end
  return members
end

-- The members of `object` that `names` names, as JSON for the journal.
local function image_of(object, names)
  local members = {}
  for _, name in ipairs(names) do
    local value = rawget(object, name)
    members[name] = value == nil and null or value
  end
  return raw.json.encode(members, { sorted = true })
end

-- The images that the journal keeps: what differs for an update, all of it for what
-- replaces or ends an object, since an undo needs it. They are spelled as in records.
local function images(job)
  local op, effect, before = job.op, job.op.spec.effect, nil
  if job.images then return job.images.before, job.images.after end
  local sent, fields = job.patch or job.sent, op.res.shape.fields
  if job.before then
    before = effect == "update" and image_of(job.before, job.changed)
      or raw.json.encode(views.masked(fields, job.before), { sorted = true })
  end
  local after
  if effect == "create" and op.ctx.overlay then
    -- What the plan does to the new object names it by its stand-in.
    local object = { [op.res.key] = op.ctx.overlay:next_key() }
    for name, value in next, sent or {} do object[name] = value end
    after = raw.json.encode(object, { sorted = true })
  elseif sent then
    after = effect == "update" and image_of(sent, job.changed) or raw.json.encode(sent, { sorted = true })
  end
  return before, after
end

-- The body as it is written down: without secrets.
local function noted_body(job)
  local masked = job.sent and op_has_secrets(job.op) and views.masked(job.op.fields, job.sent)
  if not masked or masked == job.sent then return job.request.body end
  return encode(job.op, with_defaults(job.op, masked))
end

-- Creates without a name of their own do not stand in each other's way.
local function row_key(job)
  local op = job.op
  local key = memory.key(op, job.target)
  if op.spec.effect ~= "create" or op.spec.unique then return key end
  local made = op.ctx.made
  made[key] = (made[key] or 0) + 1
  return made[key] > 1 and ("%s#%d"):format(key, made[key]) or key
end

-- Takes the change through the door and into the journal; `old` is a row that an
-- earlier process of the run has left of it.
local function declare(job, old)
  local op, request = job.op, job.request
  local before, after = images(job)
  while not job.crowd and raw.must_wait() do raw.sleep(0.01) end
  local path = request.query and request.path .. "?" .. request.query or request.path
  return raw.change(op.ctx.handle, {
    service = op.ctx.name, operation = op.name, resource = op.resource, target = job.target,
    method = endpoint.method(op), path = path, effect = job.effect or op.spec.effect,
    rkey = row_key(job), body = job.noted or request.body, before = before, after = after,
    switch = op.spec.switch, warning = op.spec.confirm,
    adopt = old and old.adopt, attempts = old and old.attempts, state = old and old.state,
    redoes = old and old.redoes,
  })
end

local Job = {}
Job.__index = Job

-- Does an answer show the object that was meant, with what was sent?
function Job:matches(object)
  local id = object[self.op.res.key]
  if id == nil then return false, ("has no '%s'"):format(self.op.res.key) end
  if tostring(id) ~= self.target then return false, ("shows the object '%s'"):format(tostring(id)) end
  local ok, member = settle.applied(self.op, self.sent, object)
  if not ok then return false, ("shows another '%s' than was sent: it was not applied"):format(member) end
  return true
end

-- Which image does an object that was read back show?
function Job:image(got)
  if not self.op.plain and #self.changed == 0 then return "blind" end
  if settle.applied(self.op, self.sent, got) then return "after" end
  for _, name in ipairs(self.op.plain and {} or self.changed) do
    if not views.image_shows(self.op, name, rawget(self.before, name), got) then return "other" end
  end
  for _, name in ipairs(self.op.plain and self.changed or {}) do
    if not shape.same(self.op.spec.fields[name], self.before[name], got[name]) then return "other" end
  end
  return "before"
end

-- A job on an object that is there. `given`: what the call was made with, where that is more
-- than a target and a body.
local function new_job(op, held, target, sent, before, given)
  local path = endpoint.path(op, given and given.ids or { target })
  local patch = sent and (op.plain and sent or views.patch(op, sent, before))
  local job = setmetatable({
    op = op, held = held, target = target, sent = sent, before = before, patch = patch,
    changed = before and sent and differing(op, patch, before) or {},
    request = { path = path, target = target, body = sent and encode(op, sent) or nil },
  }, Job)
  job.request.query = given and endpoint.query(given.query)
  job.noted = noted_body(job)
  return job
end

-- Declares and sends a job, or plans it. `settled` sends it and returns the object;
-- `plan` lays it over later reads and returns what they would show; `known` returns
-- the object of a change that this run made before it was resumed.
local function run(job, settled, plan, known)
  if job.change then return settled(job) end
  local old = memory.take(job)
  job.old = old
  if old and old.done then return known(old) end
  if memory.is_left_alone(job) then
    raw.noop(job.op.name, job.target)
    return job.before or job.op.res.shape:with(job.patch or job.sent or {}, {})
  end
  job.change = declare(job, old)
  job.request.change = job.change
  if not job.change:planned() then return settled(job) end
  job.change:finish("planned")
  planned.note(job.op, job.target, job.before, job.patch or job.sent, job.changed)
  return plan()
end
change.run = run

local function patch_of(job, members)
  local patch = {}
  for _, name in ipairs(members) do patch[name] = job.patch[name] end
  return patch
end

-- Runs a job that sets members of an object that is there.
local function run_patch(job, members)
  local shape_of = job.op.res.shape
  return run(job, settle.absolute, function()
    local patch = patch_of(job, members) -- as a dry run sees the object from now on
    job.op.ctx.overlay:patch(job.op.res, job.target, patch)
    return shape_of:with(job.before, patch)
  end, function() return shape_of:with(job.before, patch_of(job, members)) end)
end

-- For the strategies in other files.
change.hold, change.encode, change.outgoing, change.new_job = hold, encode, outgoing_fields, new_job
change.run_patch, change.declare, change.with_defaults = run_patch, declare, with_defaults
change.outgoing_value = outgoing

-- ---------------------------------------------------------------------------
-- Duplicates within a run (SD-23)

local function claims_of(op, values)
  local claims = {}
  for _, field in ipairs(op.spec.unique or {}) do
    local value = values[field]
    local texts = type(value) == "table" and value or { value }
    for _, text in ipairs(texts) do
      if type(text) == "table" then text = text.value end
      if type(text) == "string" then claims[#claims + 1] = field .. " " .. text:lower() end
    end
  end
  return claims
end

-- Takes the addresses in `values` for `owner`; raises when another has one of
-- them. Returns the claims, to be given back when the write fails for certain.
local function claim(op, values, owner)
  local taken, claims = op.ctx.claims, claims_of(op, values)
  for _, name in ipairs(claims) do
    if taken[name] and taken[name] ~= owner then
      errors.raise("invalid", ("%s: %s is given to two users in this run"):format(op.call, name), {
        operation = op.name, fix = "one address belongs to one user: correct the input (SD-23)",
      })
    end
  end
  for _, name in ipairs(claims) do taken[name] = owner end
  return claims
end

change.claim = claim

-- Gives claims back.
function change.give_back(op, claims)
  for _, name in ipairs(claims) do op.ctx.claims[name] = nil end
end

-- Runs f with claims held. They are given back when f fails and leaves no doubt: a
-- create of unknown outcome must not be tried again under the same name.
local function claiming(op, values, owner, f)
  local claims = claim(op, values, owner)
  local ok, result = pcall(f)
  if ok then return result, claims end
  if errors.is(result) and result.kind ~= "cancelled" and result.outcome ~= "unknown" then
    change.give_back(op, claims)
  end
  error(result, 0)
end
change.claiming = claiming

-- ---------------------------------------------------------------------------
-- The operations

-- The before-image of an update: the record, unless it was written through since, or
-- shows how the object was before this run was resumed.
local function before_image(op, id, record)
  local rewound = memory.show_as_is(op, id)
  if record and not op.ctx.written[record] and not rewound then
    local plans = op.ctx.overlay
    return plans and plans:apply(op.res, op.res.shape:with(record, {})) or record
  end
  return objects.get(op.sibling(op.spec.read), id)
end

-- What bind/patch.c can do alone: answers show these operations' members as they were sent.
local USUAL = {
  id = true, method = true, path = true, effect = true, summary = true, params = true, wrap = true,
  fields = true, answer = true, read = true, inverse = true, finish = true, admin = true, success = true,
  errors = true, notes = true, hints = true,
}

local function is_usual(op)
  local spec, param = op.spec, op.spec.params and op.spec.params[1]
  for name in pairs(spec) do
    if not USUAL[name] then return false end
  end
  local plain_shape = true
  for name in pairs(op.ctx.catalogue.shapes[op.res.spec.record]) do plain_shape = plain_shape and name == "fields" end
  return spec.effect == "update" and spec.answer == "object" and spec.finish == "done" and not op.derived
    and plain_shape and #op.res.shape.normal == 0 and #spec.params == 1 and param["in"] ~= "query"
end

-- The names of the fields whose values are plain and compared as they are.
local function plain_fields(op)
  local plain = {}
  for name, spec in pairs(op.spec.fields) do
    local kind = spec.type
    if (kind == "string" or kind == "integer" or kind == "boolean") and not spec.format and not spec.normalise
      and name ~= op.res.spec.alias and name:find("^[%w_]+$") then
      plain[name] = true
    end
  end
  return plain
end

-- The operation as bind/patch.c sends it, false where it is none of the usual kind.
local function compile(op)
  if not is_usual(op) then return false end
  local prefix, suffix = op.spec.path:match("^([^{]*){[^}]*}([^{]*)$")
  return prefix and raw.patch {
    client = op.ctx.handle, service = op.ctx.name, operation = op.name, resource = op.resource,
    method = op.spec.method, credential = op.credential, rkey = memory.key(op, ""),
    prefix = prefix, suffix = suffix, wrap = op.spec.wrap or "", key = op.res.key,
    plain = plain_fields(op), dress = op.res.shape.level.dress,
  } or false
end

-- The usual update in one step. Returns the new object; or nil, and the change and its
-- call where they have begun: whatever else there is to an update is done below.
local function send_usual(op, id, record, fields)
  local ctx = op.ctx
  if op.patch == nil then op.patch = compile(op) end
  if not op.patch or not record or ctx.written[record] or memory.is_active() then return nil end
  local object, begun, call = op.patch:send(id, record, fields)
  if not object then return nil, begun, call end
  ctx.works = true
  ctx.written[record] = true
  return object
end

-- Sets fields of an object (PATCH). `target` is a record, which serves as the
-- before-image, or an id, which is read first. Returns the new object, or the
-- before-image when nothing was to be done.
function change.update(op, target, fields)
  local id, record = objects.target(op, target)
  check.fields(op.call, fields, op.spec.fields)
  local held <close> = hold(op, id) -- luacheck: ignore
  local done, begun, call = send_usual(op, id, record, fields)
  if done then return done end
  local sent = outgoing_fields(op.spec.fields, fields)
  if memory.is_resumed() and memory.made(op, id, encode(op, sent)) then
    local object = record or objects.get(op.sibling(op.spec.read), id)
    return op.res.shape:with(object, sent)
  end
  local before = before_image(op, id, record)
  if shape.already(op.spec.fields, sent, before) then
    raw.noop(op.name, id)
    return before
  end
  local job = new_job(op, held, id, sent, before)
  job.change, job.call, job.request.change = begun, call, begun
  local object = run_patch(job, job.changed)
  if record then op.ctx.written[record] = true end
  return object
end

-- The day of a delete that is for later, or nil.
local function day_to_come(op, query)
  local text = op.spec.later and query[op.spec.later]
  if not text then return nil end
  local at = times.parse(text)
  if not at then
    errors.usage(("%s: '%s' is '%s', which is no date"):format(op.call, op.spec.later, errors.one_line(text, 40)),
      "write it as 2025-01-31, or with the time behind it")
  end
  return at > raw.wall_ms() * 1000 and text or nil
end

change.day_to_come = day_to_come

-- Which image does an object show that was to be deleted?
local function delete_image(job, got)
  return views.is_gone(job.op, got) and "after" or "before"
end
change.delete_image = delete_image

-- Deletes an object, by record or id. Returns nothing.
function change.delete(op, ...)
  local given = args.write(op, ...)
  args.checked_body(op, given)
  local id, record, later = given.id, given.record, day_to_come(op, given.query)
  if memory.was_deleted(op, id) then return end
  local held <close> = hold(op, id) -- luacheck: ignore
  -- The before-image is all that an undo has; and nothing is promised to end that is not there.
  record = record or op.spec.read and finder.get(op, id)
  if record and (op.spec.params[1]["in"] or "path") == "path" then
    id = tostring(record[op.res.key])
    given.ids[1] = id
  end
  if record then args.only_if(op, id, record, given.query) end
  if record and views.is_gone(op, record) then return raw.noop(op.name, id) end
  local job = new_job(op, held, id, nil, record, given)
  job.gone_is_done, job.later, job.image = true, later, delete_image
  run(job, settle.absolute, function() op.ctx.overlay:delete(op.res, record and record[op.res.key] or id) end,
    function() end)
end

-- What names a create before there is an id.
local function target_of(op, given, patch)
  local label = op.res.spec.label and patch[op.res.spec.label]
  return finder.natural_key(op, patch) or type(label) == "string" and label ~= "" and label or given.id
    or given.query.name or "new"
end

local function create_job(op, given, body)
  local sent = outgoing_fields(op.fields or {}, body or {})
  local names = {}
  for name in pairs(op.plain and sent or views.object(op, sent)) do names[#names + 1] = name end
  local text = body and encode(op, with_defaults(op, sent)) or nil
  local patch = op.plain and sent or views.object(op, sent)
  local job = {
    op = op, target = target_of(op, given, patch), sent = sent, patch = patch, changed = names,
    matches = settle.create_matches,
    request = { path = endpoint.path(op, given.ids), query = endpoint.query(given.query), body = text },
  }
  job.request.target = job.target
  job.noted = noted_body(job)
  return job
end

-- Creates an object; returns it. An unknown outcome is settled by a search for its
-- natural key: one is confirmed, none is sent once more, two are a conflict. What the
-- service has only accepted by the end of --wait is returned as it was sent, without an id.
function change.create(op, ...)
  local given = args.write(op, ...)
  local body = args.checked_body(op, given, true)
  local job = create_job(op, given, body)
  -- Until there is an id, the owner of the addresses is this call and no other.
  local object, claims = claiming(op, body or {}, {}, function()
    return run(job, settle.create, function() return op.ctx.overlay:create(op.res, job.patch, op.spec.fills) end,
      function(old) return old.after and op.res.shape:with(raw.json.decode(old.after), {}) end)
  end)
  local id = object and object[op.res.key]
  if id == nil then -- its addresses stay taken
    return op.spec.answer ~= "none" and op.res.shape:with(object or job.patch, {}) or nil
  end
  for _, name in ipairs(claims) do op.ctx.claims[name] = tostring(id) end
  objects.remember(op, id, job.sent[op.res.spec.alias])
  return object
end

return change
