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
local check = require "moonlever.check"
local endpoint = require "moonlever.endpoint"
local errors = require "moonlever.errors"
local objects = require "moonlever.objects"
local memory = require "moonlever.memory"
local planned = require "moonlever.planned"
local settle = require "moonlever.settle"
local shape = require "moonlever.shape"

local change = {}

local null = raw.null

-- One write at a time for each object: two that overlap could each be read back
-- as the other's. Released when the returned value goes out of scope.
-- `quiet`: until then an earlier copy of the write may still arrive.
local held_metatable = { __close = function(held) held.busy[held.name] = held.quiet end }

local function hold(op, key)
  local busy, name = op.ctx.busy, op.res.name .. " " .. key
  local pause = 0.005
  while busy[name] do
    if busy[name] ~= true and raw.now() >= busy[name] then break end
    raw.sleep(pause)
    pause = math.min(pause * 2, 0.1)
  end
  busy[name] = true
  return setmetatable({ busy = busy, name = name }, held_metatable)
end

-- A deep copy of a value as it goes on the wire: lists marked, roles as flags.
local function outgoing(spec, value)
  if type(value) ~= "table" then return value end
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
    if body[name] == nil then body[name] = raw.json.array { table.unpack(value) } end
  end
  return body
end

local function encode(op, body)
  if op.spec.wrap then body = { [op.spec.wrap] = body } end
  return raw.json.encode(body, { sorted = true })
end

-- The members of `sent` that differ in the before-image.
local function differing(op, sent, before)
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
-- replaces or ends an object, since an undo needs it.
local function images(job)
  local effect, before = job.op.spec.effect, nil
  if job.before then
    before = effect == "update" and image_of(job.before, job.changed) or raw.json.encode(job.before, { sorted = true })
  end
  local after
  if effect == "create" and job.op.ctx.overlay then
    -- What the plan does to the new object names it by its stand-in.
    local object = { [job.op.res.key] = job.op.ctx.overlay:next_key() }
    for name, value in next, job.sent do object[name] = value end
    after = raw.json.encode(object, { sorted = true })
  elseif job.sent then
    after = effect == "update" and image_of(job.sent, job.changed) or raw.json.encode(job.sent, { sorted = true })
  end
  return before, after
end

-- Takes the change through the door and into the journal; `old` is a row that an
-- earlier process of the run has left of it.
local function declare(job, old)
  local op, request = job.op, job.request
  local before, after = images(job)
  while raw.must_wait() do raw.sleep(0.01) end
  return raw.change(op.ctx.handle, {
    service = op.ctx.name, operation = op.name, resource = op.resource, target = job.target,
    method = op.spec.method, path = request.path, effect = op.spec.effect,
    rkey = memory.key(op, job.target), body = request.body, before = before, after = after,
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
  if settle.applied(self.op, self.sent, got) then return "after" end
  for _, name in ipairs(self.changed) do
    if not shape.same(self.op.spec.fields[name], self.before[name], got[name]) then return "other" end
  end
  return "before"
end

local function new_job(op, held, target, sent, before)
  local path = endpoint.path(op, { target })
  return setmetatable({
    op = op, held = held, target = target, sent = sent, before = before,
    changed = before and sent and differing(op, sent, before) or {},
    reader = op.sibling(op.spec.read), read_path = path,
    request = { path = path, target = target, body = sent and encode(op, sent) or nil },
  }, Job)
end

-- Declares and sends a job, or plans it. `settled` sends it and returns the object;
-- `plan` lays it over later reads and returns what they would show; `known` returns
-- the object of a change that this run made before it was resumed.
local function run(job, settled, plan, known)
  if job.change then return settled(job) end
  local old = memory.take(job)
  if old and old.done then return known(old) end
  if memory.is_left_alone(job) then
    raw.noop(job.op.name, job.target)
    return job.before or job.op.res.shape:with(job.sent or {}, {})
  end
  job.change = declare(job, old)
  job.request.change = job.change
  if not job.change:planned() then return settled(job) end
  job.change:finish("planned")
  planned.note(job.op, job.target, job.before, job.sent, job.changed)
  return plan()
end

local function patch_of(job, members)
  local patch = {}
  for _, name in ipairs(members) do patch[name] = job.sent[name] end
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

-- Runs f with claims held. They are given back when f fails and leaves no doubt: a
-- create of unknown outcome must not be tried again under the same name.
local function claiming(op, values, owner, f)
  local claims = claim(op, values, owner)
  local ok, result = pcall(f)
  if ok then return result, claims end
  if errors.is(result) and result.kind ~= "cancelled" and result.outcome ~= "unknown" then
    for _, name in ipairs(claims) do op.ctx.claims[name] = nil end
  end
  error(result, 0)
end

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

-- Deletes an object, by record or id. Returns nothing.
function change.delete(op, target)
  local id, record = objects.target(op, target)
  if memory.was_deleted(op, id) then return end
  local held <close> = hold(op, id) -- luacheck: ignore
  -- The before-image is all that an undo has; and nothing is promised to end that is not there.
  record = record or op.spec.read and objects.get(op.sibling(op.spec.read), id)
  if record then id = tostring(record[op.res.key]) end
  local job = new_job(op, held, id, nil, record)
  job.gone_is_done = true
  job.image = function() return "before" end
  run(job, settle.absolute, function() op.ctx.overlay:delete(op.res, id) end, function() end)
end

-- Is the object already exactly what a replacement would make it?
local function is_exactly(op, body, before)
  for name in pairs(op.spec.fields) do
    local wanted, there = body[name], before[name]
    if wanted == null then wanted = nil end
    if wanted == nil and rawget(before, name) ~= nil then return false end
    local sent, got = { [name] = wanted }, { [name] = there }
    if wanted ~= nil and not shape.covers(op.spec.fields, sent, got) then return false end
  end
  return true
end

local function put(op, held, id, body, before, members)
  local job = new_job(op, held, id, body, before)
  job.verify = true
  local object = run_patch(job, members or job.changed)
  objects.remember(op, id, body[op.res.spec.alias])
  return object
end

-- Replaces an object as a whole (PUT with exactly these fields). Roles that are
-- not given are taken from a fresh read, since the service would reset them (SD-15).
function change.replace(op, target, fields)
  local id = objects.target(op, target)
  check.fields(op.call, fields, op.spec.fields, true)
  local held <close> = hold(op, id) -- luacheck: ignore
  local before = objects.get(op.sibling(op.spec.read), id)
  id = tostring(before[op.res.key])
  local body = outgoing_fields(op.spec.fields, fields)
  for name, spec in pairs(op.spec.fields) do
    if spec.normalise == "roles" and body[name] == nil then body[name] = change.flags(op, before, name) end
  end
  if is_exactly(op, body, before) then
    raw.noop(op.name, id)
    return before
  end
  return (claiming(op, fields, id, function()
    local members = {}
    for name in pairs(op.spec.fields) do members[#members + 1] = name end
    return put(op, held, id, with_defaults(op, body), before, members)
  end))
end

-- ---------------------------------------------------------------------------
-- Read, merge, replace, compare (SD-15, SD-16)

-- The role flags of an object just read. A replacement without them would demote
-- people, so their absence is an error, and so is a role that cannot be sent.
function change.flags(op, object, name)
  local roles = rawget(object, name)
  if not roles then
    errors.raise("remote", ("%s %s: the answer has no '%s'"):format(op.name, object[op.res.key], name), {
      operation = op.name, target = object[op.res.key],
      fix = "without them a replacement would reset the user's rights, so nothing was sent (SD-15)",
    })
  end
  local flags = {}
  for role, on in pairs(roles) do
    if op.spec.fields[name].fields[role] then
      flags[role] = on
    elseif on then
      errors.raise("remote", ("%s %s: the role '%s' is not known"):format(op.name, object[op.res.key], role), {
        operation = op.name, target = object[op.res.key],
        fix = "it could be lost in a replacement, so nothing was sent: change this user in the service itself",
      })
    end
  end
  return flags
end

-- A fresh object as the body of a replacement: all that was read but its id (SD-17)
-- and what the service derives, and the external id where it is known.
local function body_of(op, fresh)
  local body = {}
  for name, value in next, fresh do
    if name ~= op.res.key and name ~= "meta" then body[name] = outgoing(op.spec.fields[name], value) end
  end
  for name, spec in pairs(op.spec.fields) do
    if spec.normalise == "roles" then body[name] = change.flags(op, fresh, name) end
  end
  local name = body.name
  if type(name) == "table" and (name.givenName or name.familyName) then name.formatted = nil end
  local alias = op.res.spec.alias
  if alias and body[alias] == nil then body[alias] = objects.alias(op, fresh[op.res.key]) end
  return with_defaults(op, body)
end

local function merge(spec, old, new)
  if type(old) ~= "table" or type(new) ~= "table" or not spec or spec.type ~= "object" then return new end
  local merged = {}
  for name, value in next, old do merged[name] = value end
  for name, value in next, new do merged[name] = merge(spec.fields[name], merged[name], value) end
  return merged
end

-- What a call of a merging operation sets: member name -> value. set_roles and
-- set_active name their one member in the catalogue, update takes fields.
local function wanted_members(op, value)
  local derived, fields = op.derived, op.spec.fields
  if not derived.sets then
    local given = check.fields(op.call, value, fields)
    return given
  end
  if derived.exact and type(value) == "table" and value[1] ~= nil then
    local flags = {}
    for _, name in ipairs(value) do
      if type(name) ~= "string" then errors.usage(("%s: names of roles are strings"):format(op.call)) end
      flags[name] = true
    end
    value = flags
  end
  if derived.fields then
    check.fields(op.call, value, derived.fields)
  else
    check.value(op.call, derived.sets, value, derived.value)
  end
  return { [derived.sets] = value }
end

local function merged_body(op, fresh, members)
  local body = body_of(op, fresh)
  for name, value in pairs(members) do
    local spec = op.spec.fields[name]
    if op.derived.exact then
      body[name] = outgoing(spec, value)
    elseif value == null then
      body[name] = null
    else
      body[name] = merge(spec, body[name], spec.normalise and value or outgoing(spec, value))
    end
  end
  return body
end

-- Which of the wanted members differ from the object. An external id that reads do
-- not show differs unless this run knows it (SD-16).
local function changed_members(op, members, body, fresh)
  local names, alias = {}, op.res.spec.alias
  for name in pairs(members) do
    local hidden = name == alias and rawget(fresh, name) == nil
    local there = rawget(fresh, name)
    if hidden then there = objects.alias(op, fresh[op.res.key]) end
    local sent, got = { [name] = body[name] }, { [name] = there }
    if not shape.covers(op.spec.fields, sent, got) or (hidden and body[name] == null) then
      names[#names + 1] = name
    end
  end
  return names
end

-- The strategy "merge_put": reads the object, merges, replaces it whole, reads it
-- again and compares. `op` is the replacing operation, op.derived the catalogue's
-- entry of the call.
function change.merge_put(op, target, value)
  local id, record = objects.target(op, target)
  local members = wanted_members(op, value)
  if record then objects.remember(op, id, record[op.res.spec.alias]) end
  local held <close> = hold(op, id) -- luacheck: ignore
  local fresh = objects.get(op.sibling(op.spec.read), id)
  id = tostring(fresh[op.res.key])
  local body = merged_body(op, fresh, members)
  local names = changed_members(op, members, body, fresh)
  if #names == 0 then
    raw.noop(op.name, id)
    return fresh
  end
  return (claiming(op, members, id, function() return put(op, held, id, body, fresh, names) end))
end

-- Creates an object; returns it. An unknown outcome is settled by a search for its
-- natural key: one is confirmed, none is sent once more, two are a conflict. What the
-- service has only accepted by the end of --wait is returned as it was sent, without an id.
function change.create(op, fields)
  check.fields(op.call, fields, op.spec.fields, true)
  local sent = outgoing_fields(op.spec.fields, fields)
  local target = sent[op.res.spec.natural_key]
  -- Until there is an id, the owner of the addresses is this call and no other.
  local object, claims = claiming(op, fields, {}, function()
    local names = {}
    for name in pairs(sent) do names[#names + 1] = name end
    local job = {
      op = op, target = target, sent = sent, changed = names, matches = settle.create_matches,
      request = { path = endpoint.path(op, {}), target = target, body = encode(op, with_defaults(op, sent)) },
    }
    return run(job, settle.create, function() return op.ctx.overlay:create(op.res, sent, op.spec.fills) end,
      function(old) return op.res.shape:with(raw.json.decode(old.after), {}) end)
  end)
  local id = object and object[op.res.key]
  if id == nil then return op.res.shape:with(sent, {}) end -- its addresses stay taken
  for _, name in ipairs(claims) do op.ctx.claims[name] = tostring(id) end
  objects.remember(op, id, sent[op.res.spec.alias])
  return object
end

return change
