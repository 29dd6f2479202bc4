-- SPDX-License-Identifier: MIT
-- Shapes of records: safe reading, one form of roles, comparison.
--
-- A record handed to a script is the decoded JSON object itself. Documented
-- nested objects that are null or missing read as empty (SD-12) through shared
-- metatables, one a level, so `rec.metadata.helpdesk_info.ticket_id` never
-- raises, while `pairs` and JSON encoding show only what was there.
--
-- Invariants: a metatable is shared by all records of a shape and never changes;
-- the empty objects are shared too and refuse assignment.
--
--   local recording = shape.compile("Recording", catalogue.shapes.Recording)
--   recording:dress(page.items)
--   shape.covers(specs, body, answer)     --> true, or false and the member

local raw = require "moonlever.raw"
local errors = require "moonlever.errors"
local times = require "moonlever.times"

-- These run for every record of every list.
local rawget, setmetatable, getmetatable, type = rawget, setmetatable, getmetatable, type

local shape = {}

local null = raw.null

-- The metatables of records, of every shape: isolated scripts get them as data.
shape.metas = setmetatable({}, { __mode = "k" })

local Shape = {}
Shape.__index = Shape

local ROLES = { "admin", "member", "editor" }

local function refuse_assignment(_, name)
  error(("cannot set '%s' here: the object was null or missing in the answer"):format(tostring(name)), 2)
end

-- What reading a level needs: `meta` for tables that are there, `empty` for those
-- that are not, `children` for the levels below. A level without nested objects
-- needs nothing for tables that are there: meta is nil.
local function compile_level(fields)
  local level = { children = {} }
  local missing = {}
  for name, spec in pairs(fields) do
    if (spec.type == "object" and spec.fields) or spec.type == "list" then
      local child = compile_level(spec.type == "object" and spec.fields or {})
      missing[name] = child.empty
      if child.meta then
        level.children[#level.children + 1] = {
          name = name, level = child, meta = child.meta, leaf = #child.children == 0,
        }
      end
    end
  end
  if next(missing) then
    level.meta = { __index = missing }
    shape.metas[level.meta] = true
  end
  level.dress = { level.meta or false } -- as raw.records.dress wants it
  for _, child in ipairs(level.children) do
    level.dress[#level.dress + 1] = child.name
    level.dress[#level.dress + 1] = child.level.dress
  end
  level.empty = setmetatable({}, { __index = missing, __newindex = refuse_assignment })
  return level
end

-- Names of members in lower case -> as the shape spells them, and the same for what is below
-- (SG-12).
local function compile_spelling(fields)
  local spelling, below = {}, {}
  for name, spec in pairs(fields) do
    spelling[name:lower()] = name
    local inner = spec.fields or (spec.items and spec.items.fields)
    if inner then below[name] = { list = spec.type == "list", names = compile_spelling(inner) } end
  end
  return setmetatable(spelling, { below = below })
end

-- A shape from a catalogue. `name` is for messages.
function shape.compile(name, spec)
  local self = { name = name, fields = spec.fields, level = compile_level(spec.fields), normal = {} }
  if spec.case_blind then self.spelling = compile_spelling(spec.fields) end
  for field, field_spec in pairs(spec.fields) do
    if field_spec.normalise == "roles" then self.normal[#self.normal + 1] = field end
  end
  return setmetatable(self, Shape)
end

local function bad_roles(why)
  errors.raise("remote", "roles came in a form that is not known: " .. why, {
    fix = "roles are read from a list of names or from flags; nothing was changed (SD-14)",
  })
end

local function flags_of_names(names)
  local flags = { admin = false, member = false, editor = false }
  for _, name in ipairs(names) do
    if type(name) ~= "string" then bad_roles("a list with a " .. type(name) .. " in it") end
    flags[name] = true
  end
  return flags
end

local function flags_of_object(object)
  local flags = { admin = false, member = false, editor = false }
  for name, value in pairs(object) do
    if type(value) ~= "boolean" then bad_roles(("'%s' is a %s"):format(tostring(name), type(value))) end
    flags[name] = value
  end
  return flags
end

-- Roles as flags (SD-14): from a list of names or an object of booleans; a role
-- that is not there is false, an unknown one is kept. nil stays nil; raises
-- "remote" on anything else.
function shape.roles(value)
  if value == nil or value == null then return nil end
  if type(value) ~= "table" then bad_roles("a " .. type(value)) end
  if raw.json.is_array(value) or value[1] ~= nil then return flags_of_names(value) end
  return flags_of_object(value)
end

-- The names of the roles that every replacement carries.
shape.ROLES = ROLES

-- Gives the members of a decoded object the spelling of the shape.
local function respell(record, spelling)
  local renamed
  for name in next, record do
    local right = type(name) == "string" and spelling[name:lower()]
    if right and right ~= name then
      renamed = renamed or {}
      renamed[name] = right
    end
  end
  for name, right in next, renamed or {} do
    if rawget(record, right) == nil then record[right] = record[name] end
    record[name] = nil
  end
  for name, inner in next, getmetatable(spelling).below do
    local value = rawget(record, name)
    if type(value) == "table" then
      for _, item in ipairs(inner.list and value or { value }) do
        if type(item) == "table" then respell(item, inner.names) end
      end
    end
  end
end

-- Makes one decoded object a record of this shape; returns it.
function Shape:dress(record)
  if self.spelling then respell(record, self.spelling) end
  for i = 1, #self.normal do
    local field = self.normal[i]
    record[field] = shape.roles(rawget(record, field))
  end
  raw.records.dress_one(record, self.level.dress)
  return record
end

-- Makes all objects of an array records of this shape.
function Shape:dress_all(items)
  if #self.normal == 0 and not self.spelling then return raw.records.dress(items, self.level.dress) end
  for i = 1, #items do self:dress(items[i]) end
end

-- A record like `record` with `changes` put in; null takes a member out. The
-- original stays as it is.
function Shape:with(record, changes)
  local copy = {}
  for name, value in next, record do copy[name] = value end
  for name, value in next, changes do
    if value == null then value = nil end
    copy[name] = value
  end
  return self:dress(copy)
end

-- ---------------------------------------------------------------------------
-- Comparison. Absent and null are the same: answers leave either out.

local same

local function same_tables(spec, a, b)
  if spec and spec.type == "list" or raw.json.is_array(a) or raw.json.is_array(b) then
    if #a ~= #b then return false end
    for i = 1, #a do
      if not same(spec and spec.items, a[i], b[i]) then return false end
    end
    return true
  end
  for name, value in next, a do
    if not same(spec and spec.fields and spec.fields[name], value, rawget(b, name)) then return false end
  end
  for name, value in next, b do
    if rawget(a, name) == nil and value ~= null then return false end
  end
  return true
end

-- Are two values the same? Addresses (format "email") are compared without case,
-- since services store them in lower case, and dates as the moments that they are.
function same(spec, a, b)
  if a == null then a = nil end
  if b == null then b = nil end
  if type(a) == "table" and type(b) == "table" then return same_tables(spec, a, b) end
  if spec and spec.format == "email" and type(a) == "string" and type(b) == "string" then
    return a:lower() == b:lower()
  end
  if a == b then return true end
  return spec ~= nil and spec.format == "date-time" and times.same(a, b)
end
shape.same = same

local covers

local function covers_table(spec, sent, got, path)
  local list = spec and spec.type == "list"
  if list and #sent ~= #got then return false, path end
  for name, value in next, sent do
    local child = spec and (list and spec.items or spec.fields and spec.fields[name])
    local ok, at = covers(child, value, rawget(got, name), list and path or path .. "." .. tostring(name))
    if not ok then return false, at end
  end
  return true
end

-- Does `got` show everything that was sent? Members of `got` that were not sent
-- are free (a service adds its own). Returns true, or false and the member.
function covers(spec, sent, got, path)
  if type(sent) == "table" and type(got) == "table" then return covers_table(spec, sent, got, path) end
  if same(spec, sent, got) then return true end
  return false, path
end

-- Does the object `got` show this value as its member `name`?
function shape.covers_member(fields, name, value, got)
  return covers(fields[name], value, rawget(got, name), name)
end

-- Does the object `got` show all members of `sent`? `fields` specifies them.
-- Returns true, or false and the name of the first member that differs.
function shape.covers(fields, sent, got)
  for name, value in next, sent do
    local ok, at = covers(fields[name], value, rawget(got, name), name)
    if not ok then return false, at end
  end
  return true
end

-- Does `record` have the same value as `sent` in each member of `sent`?
function shape.already(fields, sent, record)
  for name, value in next, sent do
    if not same(fields[name], value, rawget(record, name)) then return false end
  end
  return true
end

return shape
