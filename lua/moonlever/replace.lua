-- SPDX-License-Identifier: MIT
-- Replacing an object as a whole, and changing a part of one that can only be replaced.
--
-- A service that takes whole objects forgets what is left out (SD-15, SD-16), or may (SG-07).
-- So a change of a part reads the object, merges, sends all of it, reads it again and
-- compares; what is not named stays. A raw replacement sends what it is given, with the roles
-- of a fresh read where none are given.
--
-- Invariant: nothing is sent of which a part could be lost without a word.
--
--   replace.merge_put(op, rec, { active = false })

local raw = require "moonlever.raw"
local change = require "moonlever.change"
local check = require "moonlever.check"
local errors = require "moonlever.errors"
local objects = require "moonlever.objects"
local shape = require "moonlever.shape"
local views = require "moonlever.views"

local replace = {}

local null = raw.null
local outgoing = change.outgoing_value

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
  local job = change.new_job(op, held, id, body, before)
  job.verify = true
  local object = change.run_patch(job, members or job.changed)
  objects.remember(op, id, body[op.res.spec.alias])
  return object
end

-- Replaces an object as a whole (PUT with exactly these fields). Roles that are
-- not given are taken from a fresh read, since the service would reset them (SD-15).
function replace.replace(op, target, fields)
  local id = objects.target(op, target)
  check.fields(op.call, fields, op.spec.fields, true)
  local held <close> = change.hold(op, id) -- luacheck: ignore
  local before = objects.get(op.sibling(op.spec.read), id)
  id = tostring(before[op.res.key])
  local body = change.outgoing(op.spec.fields, fields)
  for name, spec in pairs(op.spec.fields) do
    if spec.normalise == "roles" and body[name] == nil then body[name] = replace.flags(op, before, name) end
  end
  if is_exactly(op, body, before) then
    raw.noop(op.name, id)
    return before
  end
  return (change.claiming(op, fields, id, function()
    local members = {}
    for name in pairs(op.spec.fields) do members[#members + 1] = name end
    return put(op, held, id, change.with_defaults(op, body), before, members)
  end))
end

-- ---------------------------------------------------------------------------
-- Read, merge, replace, compare (SD-15, SD-16)

-- The role flags of an object just read. A replacement without them would demote
-- people, so their absence is an error, and so is a role that cannot be sent.
function replace.flags(op, object, name)
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
  if op.derived.only_fields then return views.body(op, fresh) end
  local body = {}
  for name, value in next, fresh do
    if name ~= op.res.key and name ~= "meta" then body[name] = outgoing(op.spec.fields[name], value) end
  end
  for name, spec in pairs(op.spec.fields) do
    if spec.normalise == "roles" then body[name] = replace.flags(op, fresh, name) end
  end
  local name = body.name
  if type(name) == "table" and (name.givenName or name.familyName) then name.formatted = nil end
  local alias = op.res.spec.alias
  if alias and body[alias] == nil then body[alias] = objects.alias(op, fresh[op.res.key]) end
  return change.with_defaults(op, body)
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
  -- Whether a member that is missing is kept or blanked is not documented (SG-07).
  for name in pairs(op.derived.only_fields and op.fields or {}) do
    if body[name] == nil then
      errors.raise("invalid", ("%s %s: the object shows no '%s'"):format(op.name, fresh[op.res.key], name), {
        operation = op.name, target = fresh[op.res.key], fix = ("give '%s' as well: nothing was sent"):format(name),
      })
    end
  end
  return body
end

-- Which of the wanted members differ from the object. An external id that reads do
-- not show differs unless this run knows it (SD-16).
local function changed_members(op, members, body, fresh)
  if not op.plain then return views.differing(op, views.patch(op, members, fresh), fresh) end
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
function replace.merge_put(op, target, value)
  local id, record = objects.target(op, target)
  local members = wanted_members(op, value)
  if record then objects.remember(op, id, record[op.res.spec.alias]) end
  local held <close> = change.hold(op, id) -- luacheck: ignore
  local fresh = objects.get(op.sibling(op.spec.read), id)
  id = tostring(fresh[op.res.key])
  local body = merged_body(op, fresh, members)
  local names = changed_members(op, members, body, fresh)
  if #names == 0 then
    raw.noop(op.name, id)
    return fresh
  end
  return (change.claiming(op, members, id, function() return put(op, held, id, body, fresh, names) end))
end

return replace
