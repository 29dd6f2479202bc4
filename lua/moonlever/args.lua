-- SPDX-License-Identifier: MIT
-- What a write is called with: targets, then one table of fields and `query`.
--
-- Everything that the catalogue says about arguments is done here, before anything is
-- sent: names of targets, defaults, conditions between members (`rules`), one value in
-- two places (`same`), and the conditions on the object as it is (`only_if`).
--
--   local given = args.write(op, 42, { query = { assignUserID = 101 } })
--   --> { ids = { "42" }, id = "42", record = nil, body = nil, query = { assignUserID = 101 } }

local raw = require "moonlever.raw"
local check = require "moonlever.check"
local errors = require "moonlever.errors"
local times = require "moonlever.times"

local args = {}

local null = raw.null

-- ---------------------------------------------------------------------------
-- Targets

-- An id as text, for a parameter of the catalogue. Raises usage.
function args.id(op, param, value)
  local text = check.id(op.call, param.name, value)
  -- In a dry run what was just created goes by a stand-in.
  if op.ctx.overlay and op.ctx.overlay:find_new(op.res, text) then return text end
  for _, word in ipairs(param.refuse or {}) do
    if text == word then
      errors.usage(("%s: %s is the word '%s', which is never sent"):format(op.call, param.name, word))
    end
  end
  if param.strict and not check.is_uuid(text) then
    errors.usage(("%s: %s must be a UUID, not %s"):format(op.call, param.name, check.describe(value)))
  end
  if param.type == "integer" and not text:find("^%-?%d+$") then
    errors.usage(("%s: %s must be an integer, not %s"):format(op.call, param.name, check.describe(value)))
  end
  return text
end

-- What a script passes as a target: an id, or a record that has one. Returns the id as text,
-- and the record or nil.
local function target(op, param, value)
  if type(value) ~= "table" then return args.id(op, param, value), nil end
  local key = op.res.key
  if param.record == false then
    errors.usage(("%s: a record does not name what is meant"):format(op.call), "pass " .. (param.summary or param.name))
  end
  if value[key] == nil then
    errors.usage(("%s: the record has no '%s'"):format(op.call, key),
      ("pass a record from list or get, or its %s"):format(key))
  end
  return args.id(op, param, value[key]), value
end

args.target = target

-- ---------------------------------------------------------------------------
-- Query parameters

-- Query parameters with what is sent where nothing is given. The values are not checked.
function args.with_defaults(op, query)
  local all = {}
  for name, value in pairs(query) do all[name] = value end
  for name, spec in pairs(op.spec.query or {}) do
    if spec.default ~= nil and all[name] == nil and not (spec.unless and all[spec.unless] ~= nil) then
      all[name] = spec.default
      if spec.default == "now" then all[name] = times.format(raw.wall_ms() * 1000) end
    end
  end
  return all
end

-- Checks query parameters against the catalogue; raises usage. Returns them as sent.
function args.query(op, query)
  local known, sent = op.spec.query or {}, {}
  for name, value in pairs(check.options(op.call, query, setmetatable({}, {
    __index = function(_, name) return known[name] and true or nil end,
    __pairs = function() return pairs(known) end,
  }))) do
    check.value(op.call, name, value, known[name])
    if known[name].flag and type(value) == "boolean" then value = value and 1 or 0 end
    sent[name] = value
  end
  for name, spec in pairs(known) do
    if spec.required and spec.default == nil and sent[name] == nil then
      errors.usage(("%s: '%s' is missing%s"):format(op.call, name, spec.summary and ": " .. spec.summary or ""))
    end
  end
  return args.with_defaults(op, sent)
end

-- ---------------------------------------------------------------------------
-- Conditions between members

local function is_given(value)
  return value ~= nil and value ~= null and value ~= ""
end

local function words(names)
  return table.concat(names, ", ")
end

local function applies(rule, value_of)
  for name, value in pairs(rule.when or {}) do
    if value_of(name) ~= value then return false end
  end
  for name, value in pairs(rule.unless or {}) do
    if value_of(name) == value then return false end
  end
  return true
end

local function count(names, value_of)
  local n = 0
  for _, name in ipairs(names) do
    if is_given(value_of(name)) then n = n + 1 end
  end
  return n
end

local CHECKS = {
  need = function(names, value_of)
    for _, name in ipairs(names) do
      if not is_given(value_of(name)) then return ("'%s' is missing"):format(name) end
    end
  end,
  refuse = function(names, value_of)
    for _, name in ipairs(names) do
      if is_given(value_of(name)) then return ("'%s' cannot be given here"):format(name) end
    end
  end,
  together = function(names, value_of)
    local n = count(names, value_of)
    if n > 0 and n < #names then return ("%s go together"):format(words(names)) end
  end,
  at_most_one = function(names, value_of)
    if count(names, value_of) > 1 then return ("only one of %s can be given"):format(words(names)) end
  end,
  some_of = function(names, value_of)
    if count(names, value_of) == 0 then return ("one of %s is needed"):format(words(names)) end
  end,
}

-- Raises usage where body and query together break a rule of the operation.
function args.rules(op, body, query)
  local function value_of(name)
    local value = body and body[name]
    if value == nil and query then value = query[name] end
    return value
  end
  for _, rule in ipairs(op.spec.rules or {}) do
    for kind, judge in pairs(applies(rule, value_of) and CHECKS or {}) do
      local why = rule[kind] and judge(rule[kind], value_of)
      if why then errors.usage(("%s: %s%s"):format(op.call, why, rule.note and (" (%s)"):format(rule.note) or "")) end
    end
  end
end

-- ---------------------------------------------------------------------------
-- Conditions on the object

local function contains(list, wanted)
  for _, value in ipairs(list) do
    if value == wanted then return true end
  end
  return false
end

local function is_unset(value)
  return value == nil or value == null or value == "" or (type(value) == "table" and next(value) == nil)
end

local function holds(condition, object, query)
  if condition.unset then
    if query and query[condition.unless_query] ~= nil then return true end
    for _, name in ipairs(condition.unset) do
      if not is_unset(object[name]) then return false end
    end
    return true
  end
  local value = rawget(object, condition.field)
  if condition.is then return contains(condition.is, value) end
  return not contains(condition.isnt, value)
end

-- Raises "invalid" where the object is not one that the operation may change.
function args.only_if(op, id, object, query)
  for _, condition in ipairs(op.spec.only_if or {}) do
    if not holds(condition, object, query) then
      errors.raise("invalid", ("%s %s: %s"):format(op.name, id, condition.why), {
        operation = op.name, target = id, reason = condition.why, fix = "nothing was sent",
      })
    end
  end
end

-- ---------------------------------------------------------------------------
-- The body

-- The value at a dotted name.
function args.at(body, dotted)
  local value = body
  for name in dotted:gmatch("[^.]+") do
    if type(value) ~= "table" then return nil end
    value = rawget(value, name)
  end
  return value
end

-- Sets the value at a dotted name; tables on the way are made.
function args.put(body, dotted, value)
  local at, last = body, nil
  for name in dotted:gmatch("[^.]+") do
    if last then
      if at[last] == nil then at[last] = {} end
      at = at[last]
    end
    last = name
  end
  at[last] = value
end

local function copy_of(value)
  if type(value) ~= "table" or value == null then return value end
  local copy = {}
  for name, member in next, value do copy[name] = copy_of(member) end
  return raw.json.is_array(value) and raw.json.array(copy) or copy
end
args.copy = copy_of

-- Puts a value that stands in two places into both.
local function in_all_places(op, body)
  local value
  for _, place in ipairs(op.spec.same or {}) do
    local there = args.at(body, place)
    if there ~= nil and value ~= nil and raw.json.encode(there, { sorted = true }) ~= raw.json.encode(value,
      { sorted = true }) then
      errors.usage(("%s: %s must be the same"):format(op.call, table.concat(op.spec.same, " and ")))
    end
    if value == nil then value = there end
  end
  for _, place in ipairs(value ~= nil and op.spec.same or {}) do
    if args.at(body, place) == nil then args.put(body, place, value) end
  end
end

-- A body of a script, copied, with the defaults of the operation.
function args.body(op, fields)
  local body = copy_of(fields)
  for name, value in next, op.spec.defaults or {} do
    if body[name] == nil and op.fields[name] then
      body[name] = type(value) == "table" and raw.json.array { table.unpack(value) } or value
    end
  end
  in_all_places(op, body)
  return body
end

-- ---------------------------------------------------------------------------
-- A call

-- Fields and query of the table that comes last.
local function parted(op, options)
  if options == nil then return nil, {} end
  if type(options) ~= "table" then
    errors.usage(("%s takes a table of %s, not %s"):format(op.call, op.fields and "fields" or "options",
      check.describe(options)))
  end
  local query, rest = options.query, {}
  for name, value in next, options do
    if name ~= "query" then rest[name] = value end
  end
  if query ~= nil and type(query) ~= "table" then
    errors.usage(("%s: 'query' must be a table, not %s"):format(op.call, check.describe(query)))
  end
  if op.fields then return rest, query or {} end
  for name, value in pairs(query or {}) do rest[name] = value end
  return nil, rest
end

-- Takes apart what a write is called with. Raises usage for all that is wrong.
function args.write(op, ...)
  local params = op.spec.params or {}
  if op.spec.refused then errors.usage(("%s is never sent: %s"):format(op.call, op.spec.refused)) end
  if select("#", ...) > #params + 1 then
    errors.usage(("%s takes %d argument(s) and a table of options"):format(op.call, #params))
  end
  local given, values = { ids = {} }, { ... }
  for i, param in ipairs(params) do
    local record
    given.ids[i], record = target(op, param, values[i])
    if i == 1 then given.id, given.record = given.ids[1], record end
  end
  local fields, query = parted(op, values[#params + 1])
  given.query = args.query(op, query)
  given.fields = fields
  for i, param in ipairs(params) do
    if param["in"] == "query" then given.query[param.name] = given.ids[i] end
  end
  return given
end

-- The body of a call, checked. `whole` also demands what is required.
function args.checked_body(op, given, whole)
  local body
  if op.fields then
    body = args.body(op, given.fields or {})
    check.fields(op.call, body, op.fields, whole)
  end
  for i, param in ipairs(op.spec.params or {}) do
    if param["in"] == "body" then
      body = body or {}
      body[param.name] = given.ids[i]
    end
  end
  args.rules(op, body, given.query)
  return body
end

return args
