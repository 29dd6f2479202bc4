-- SPDX-License-Identifier: MIT
-- Checks of what a script passes in: options, ids, body fields, addresses.
--
-- Everything wrong is said before anything is sent, as an error of kind "usage"
-- that names the member, what was expected and, for a slip, what was meant.
-- Field specifications are those of the catalogues.
--
--   check.fields("recordings:update", { titel = "x" }, spec)
--     --> usage: recordings:update: unknown field 'titel'; did you mean 'title'?

local raw = require "moonlever.raw"
local errors = require "moonlever.errors"
local suggest = require "moonlever.suggest"

local check = {}

local null = raw.null

-- "a string", "the number 4.5", "nil": what was passed, in words.
local function describe(value)
  if value == null then return "null" end
  local kind = type(value)
  if kind == "number" then return ("the number %s"):format(value) end
  if kind == "string" then return ("the string '%s'"):format(errors.one_line(value, 40)) end
  if kind == "boolean" or kind == "nil" then return tostring(value) end
  return "a " .. kind
end
check.describe = describe

-- Is `t` a table that reads as a list: {}, or keys 1..n only?
local function is_list(t)
  if type(t) ~= "table" then return false end
  local n = 0
  for key in pairs(t) do
    if math.type(key) ~= "integer" then return false end
    n = n + 1
  end
  return n == #t
end

-- Options of one of Moonlever's own calls: a table whose keys are all in `known`
-- (name -> expected type, or true). nil reads as {}.
function check.options(what, options, known)
  if options == nil then return {} end
  if type(options) ~= "table" then
    errors.usage(("%s takes a table of options, not %s"):format(what, describe(options)))
  end
  for name, value in pairs(options) do
    local expected = known[name]
    if expected == nil then
      errors.usage(("%s: unknown option '%s'%s"):format(what, tostring(name), suggest.phrase(name, known)))
    elseif expected == "integer" then
      if math.type(value) ~= "integer" or value < 1 then
        errors.usage(("%s: '%s' must be an integer of 1 or more, not %s"):format(what, name, describe(value)))
      end
    elseif expected ~= true and type(value) ~= expected then
      errors.usage(("%s: '%s' must be a %s, not %s"):format(what, name, expected, describe(value)))
    end
  end
  return options
end

-- An id for a path, as text: a non-empty string or an integer, never a float
-- ("/users/42.0"), never a step up in the path.
function check.id(what, name, value)
  if math.type(value) == "integer" then return tostring(value) end
  if type(value) ~= "string" then
    errors.usage(("%s: %s must be a string or an integer, not %s"):format(what, name, describe(value)),
      math.type(value) == "float" and "pass math.tointeger(…)" or nil)
  end
  if value == "" then
    errors.usage(("%s: %s is empty; refused, since the call would reach the whole collection"):format(what, name))
  end
  if value == "." or value == ".." or raw.has_controls(value) then
    errors.usage(("%s: %s '%s' cannot stand in a path"):format(what, name, errors.one_line(value, 40)))
  end
  return value
end

-- An address that may be sent: one @, a dotted domain, no blanks, at most 254
-- bytes. The service stores anything (SD-23), so this is the only check there is.
function check.is_email(text)
  if type(text) ~= "string" or #text > 254 or text:find("[%s%c,;<>()%[%]\"\\]") then return false end
  local name, domain = text:match("^([^@]+)@([^@]+)$")
  if not name or #name > 64 or name:find("^%.") or name:find("%.$") or name:find("..", 1, true) then
    return false
  end
  if not domain:find("%.") or domain:find("..", 1, true) then return false end
  for label in (domain .. "."):gmatch("([^.]*)%.") do
    if label == "" or #label > 63 or label:find("^%-") or label:find("%-$") then return false end
  end
  return true
end

local field_value

local EXPECTED = {
  string = "a string", integer = "an integer", number = "a number", boolean = "true or false",
  object = "a table of fields", list = "a list",
}

local function has_type(value, wanted)
  if wanted == "any" then return true end
  if wanted == "integer" then return math.type(value) == "integer" end
  if wanted == "object" then return type(value) == "table" and not raw.json.is_array(value) end
  if wanted == "list" then return is_list(value) end
  return type(value) == wanted
end

-- Checks every member of `value` against `fields` (name -> specification).
local function object_fields(what, path, value, fields)
  for name, member in pairs(value) do
    local spec = fields[name]
    if not spec then
      errors.usage(("%s: unknown field '%s%s'%s"):format(what, path, tostring(name), suggest.phrase(name, fields)))
    end
    field_value(what, path .. name, member, spec)
  end
  if path == "" then return end -- check.fields knows whether they are all needed
  for name, spec in pairs(fields) do
    if spec.required and value[name] == nil then
      errors.usage(("%s: '%s%s' is missing"):format(what, path, name))
    end
  end
end

local UUID = "^" .. ("x"):rep(8) .. ("%-" .. ("x"):rep(4)):rep(3) .. "%-" .. ("x"):rep(12) .. "$"
UUID = UUID:gsub("x", "%%x")

-- Does the text have the form of a UUID?
function check.is_uuid(text)
  return type(text) == "string" and text:find(UUID) ~= nil
end

local function words(values)
  local texts = {}
  for i, value in ipairs(values) do texts[i] = tostring(value) end
  return table.concat(texts, ", ")
end

local function one_of(what, path, value, values)
  for _, known in ipairs(values) do
    if known == value then return end
  end
  local near = type(value) == "string" and type(values[1]) == "string" and suggest.closest(value, values)
  errors.usage(("%s: '%s' must be %s%s, not %s%s"):format(what, path, #values > 1 and "one of " or "", words(values),
    describe(value), near and ("; did you mean '%s'?"):format(near) or ""))
end

local function one_true(what, path, value, flags)
  local set = 0
  for _, name in ipairs(flags) do
    if value[name] == true then set = set + 1 end
  end
  if set ~= 1 then
    errors.usage(("%s: of '%s' exactly one of %s must be true"):format(what, path, words(flags)))
  end
end

-- What a specification says beyond the type.
local function constraints(what, path, value, spec)
  if spec.format == "email" and not check.is_email(value) then
    errors.usage(("%s: '%s' is not an address: %s"):format(what, path, describe(value)))
  end
  if spec.min and value < spec.min then
    errors.usage(("%s: '%s' must be %d or more, not %s"):format(what, path, spec.min, describe(value)))
  end
  if spec.enum then one_of(what, path, value, spec.enum) end
  if spec.strict and not check.is_uuid(value) then
    errors.usage(("%s: '%s' must be a UUID, not %s"):format(what, path, describe(value)))
  end
  if spec.nonempty and #value == 0 then
    errors.usage(("%s: '%s' is empty; at least one is needed"):format(what, path))
  end
  if spec.one_true then one_true(what, path, value, spec.one_true) end
end

-- Checks one value; `path` names it in messages, such as "name.givenName".
function field_value(what, path, value, spec)
  if value == null then
    if spec.null == true then return end
    errors.usage(("%s: '%s' cannot be null"):format(what, path))
  end
  if spec.flag and type(value) == "boolean" then return end
  if not has_type(value, spec.type) then
    if spec.or_type and has_type(value, spec.or_type) then return end
    errors.usage(("%s: '%s' must be %s, not %s"):format(what, path, EXPECTED[spec.type], describe(value)))
  end
  constraints(what, path, value, spec)
  if spec.type == "object" and spec.fields then
    object_fields(what, path .. ".", value, spec.fields)
  elseif spec.type == "list" and spec.items then
    for i, item in ipairs(value) do field_value(what, ("%s[%d]"):format(path, i), item, spec.items) end
  end
end

-- The body fields of a write. `whole` also demands the fields marked required
-- (for creates and replacements). Raises usage; returns `value`.
function check.fields(what, value, fields, whole)
  if type(value) ~= "table" then
    errors.usage(("%s takes a table of fields, not %s"):format(what, describe(value)))
  end
  if next(value) == nil then
    errors.usage(("%s: no field given"):format(what),
      "name at least one of: " .. table.concat(suggest.names(fields), ", "))
  end
  object_fields(what, "", value, fields)
  if not whole then return value end
  for name, spec in pairs(fields) do
    if spec.required and value[name] == nil then
      errors.usage(("%s: '%s' is missing"):format(what, name))
    end
  end
  return value
end

-- One value against one specification; raises usage.
check.value = field_value

return check
