-- SPDX-License-Identifier: MIT
-- Reads of single objects, and telling an object from its id.
--
-- What a dry run has planned is laid over what is read, so a script that writes
-- and reads back sees its own writes.
--
--   local user = objects.get(op, "9042")          -- raises notfound
--   local user = objects.search(op, "a@b.example")    -- nil when there is none

local check = require "moonlever.check"
local endpoint = require "moonlever.endpoint"
local errors = require "moonlever.errors"
local memory = require "moonlever.memory"

local objects = {}

local function dress(op, request, record)
  local plans = op.ctx.overlay
  if plans then plans:apply(op.res, record) end
  memory.rewind(op, record)
  return endpoint.guard(op, request, op.res.shape.dress, op.res.shape, record)
end

local function planned_away(op, id)
  errors.raise("notfound", ("%s %s: deleted earlier in this dry run"):format(op.name, id), {
    operation = op.name, target = id,
  })
end

-- Remembers the other name of an object, since reads need not show it (SD-16);
-- null forgets it, nil changes nothing.
function objects.remember(op, id, alias)
  if id == nil or alias == nil then return end
  op.ctx.aliases[op.res.name .. " " .. tostring(id)] = type(alias) == "string" and alias or nil
end

-- The other name of an object, as far as this run has seen it.
function objects.alias(op, id)
  return op.ctx.aliases[op.res.name .. " " .. tostring(id)]
end

-- Some services may answer with another object than was asked for (SG-03).
function objects.check_shown(op, text, record)
  local name = op.spec.params[1].shown_as
  if not name or tostring(record[name]):lower() == text:lower() then return end
  errors.raise("remote", ("%s %s: the answer is about '%s'"):format(op.name, text, tostring(record[name])), {
    operation = op.name, target = text, fix = "look into the list",
  })
end

-- The object of that id, dressed. `op` is the operation that reads one object.
-- Raises notfound and whatever else goes wrong.
function objects.get(op, id)
  local text = check.id(op.call, op.spec.params[1].name, id)
  local plans = op.ctx.overlay
  local planned = plans and plans:find_new(op.res, text)
  if planned then return planned end
  local request = { path = endpoint.path(op, { id }), target = text }
  local record = endpoint.read(op, request)
  if op.res.shape.spelling then op.res.shape:dress(record) end
  objects.check_shown(op, text, record)
  local key = record[op.res.key]
  if plans and plans:is_deleted(op.res, key) then planned_away(op, text) end
  -- Found under another name than its own id: that was its other name.
  if op.res.spec.alias and key ~= nil and tostring(key) ~= text then objects.remember(op, key, text) end
  return dress(op, request, record)
end

-- The object that a query parameter finds, or nil when the service answers 404.
function objects.search(op, value)
  local param = op.spec.params[1]
  if type(value) ~= "string" or value == "" then
    errors.usage(("%s: %s must be a non-empty string, not %s"):format(op.call, param.name, check.describe(value)))
  end
  local request = { path = op.spec.path, query = endpoint.query { [param.name] = value }, target = value }
  local ok, record = pcall(endpoint.read, op, request)
  if ok then return dress(op, request, record) end
  if errors.is(record) and record.status == 404 then return nil end
  error(record, 0)
end

-- Splits what a script passes as a target: an id, or a record that has one.
-- Returns the id as text, and the record or nil.
function objects.target(op, value)
  if type(value) ~= "table" then return check.id(op.call, op.res.key, value), nil end
  local id = value[op.res.key]
  if id == nil then
    errors.usage(("%s: the record has no '%s'"):format(op.call, op.res.key),
      ("pass a record from list or get, or its %s"):format(op.res.key))
  end
  return check.id(op.call, op.res.key, id), value
end

return objects
