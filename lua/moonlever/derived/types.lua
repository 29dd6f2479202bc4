-- SPDX-License-Identifier: MIT
-- Specifications of a catalogue in words for people: types, tables of members.
--
--   types.words({ type = "string", format = "email" })           --> "email address"
--   types.words({ type = "list", items = { type = "integer" } }) --> "list of integers"
--   types.rows({ title = { type = "string", summary = "new title" } })
--     --> { { name = "title", type = "string", text = "new title" } }

local names = require("moonlever.suggest").names

local types = {}

local FORMATS = {
  ["date-time"] = "date and time", date = "date", email = "email address", uri = "URL", uuid = "UUID",
}

local PLURALS = { ["email address"] = "email addresses", any = "anything" }

local KEYWORDS = {}
for word in ([[and break do else elseif end false for function goto if in local nil not or repeat return then true
until while]]):gmatch("%a+") do KEYWORDS[word] = true end

--- A name as it stands in a table of Lua: title, ["repeat"].
function types.key(name)
  return name:find("^[%a_][%w_]*$") and not KEYWORDS[name] and name or ('["%s"]'):format(name)
end

local function quoted(values)
  local texts = {}
  for i, value in ipairs(values) do
    texts[i] = type(value) == "string" and ('"%s"'):format(value) or tostring(value)
  end
  return texts
end

local function plural(word)
  return PLURALS[word] or (word:find("^%a+$") and word:find("%l$") and word .. "s") or word
end

local WORDS = {}

function WORDS.string(spec) return FORMATS[spec.format] or "string" end

function WORDS.integer(spec)
  return spec.min and ("integer, %d or more"):format(spec.min) or "integer"
end

function WORDS.list(spec)
  local words = types.words(spec.items)
  return "list of " .. (words == "UUID" and "UUIDs" or plural(words))
end

function WORDS.any() return "any" end

--- A type in words, as short as it can be.
function types.words(spec)
  if spec.flag then return "boolean, or 0 | 1" end
  if spec.shape then return spec.shape end
  if spec.enum then return table.concat(quoted(spec.enum), " | ") end
  local words = (WORDS[spec.type] or function() return spec.type end)(spec)
  if spec.or_type then words = ("%s or %s"):format(words, spec.or_type) end
  if spec.known then words = ("%s such as %s"):format(words, table.concat(quoted(spec.known), ", ")) end
  return words
end

local function default_words(value)
  if type(value) ~= "table" then return quoted({ value })[1] end
  local parts = quoted(value)
  for _, name in ipairs(names(value)) do parts[#parts + 1] = ("%s = %s"):format(name, default_words(value[name])) end
  return #parts == 0 and "{}" or ("{ %s }"):format(table.concat(parts, ", "))
end

local function shown_default(spec)
  if spec.default == nil then return nil end
  if spec.default == "now" then return "left out: now" end
  local value = default_words(spec.default)
  return spec.unless and ("left out: %s, unless %s is given"):format(value, spec.unless) or "left out: " .. value
end

local function marks(spec, input)
  local list = {}
  local function add(text) list[#list + 1] = text end
  if spec.refuse then add(("never %s"):format(table.concat(quoted(spec.refuse), ", "))) end
  if spec.one_true then add("one of these is true: " .. table.concat(spec.one_true, ", ")) end
  if spec.nonempty then add("not empty") end
  if input and spec.irreversible then add("cannot be undone: " .. spec.irreversible) end
  if spec.secret then add("kept out of output, logs and journal") end
  if spec.personal then add("kept out of logs") end
  return list
end

--- What there is to say of a member besides its type. `input`: it is given by a script.
function types.text(spec, input)
  local parts = {}
  if spec.summary then parts[1] = spec.summary end
  if input then parts[#parts + 1] = shown_default(spec) end
  for _, mark in ipairs(marks(spec, input)) do parts[#parts + 1] = mark end
  return table.concat(parts, "; ")
end

local function input_words(spec, input)
  local words = types.words(spec)
  if input and spec.null == true then return words .. " or null" end
  return words
end

-- The text of a row; the operation may say what becomes of a member that is left out.
local function row_text(spec, path, options)
  local parts = { types.text(spec, options.input) }
  if parts[1] == "" then parts[1] = nil end
  local default, filled = (options.defaults or {})[path], (options.fills or {})[path]
  if default ~= nil then parts[#parts + 1] = "left out: " .. default_words(default) end
  if filled ~= nil then parts[#parts + 1] = "left out, it becomes " .. default_words(filled) end
  return table.concat(parts, "; ")
end

-- Members of nested objects follow the object, with its name in front; those of a
-- named shape stand with the shape.
local function add_rows(rows, fields, prefix, options, depth)
  for _, name in ipairs(names(fields)) do
    local spec, path = fields[name], prefix .. name
    local must = spec.required and spec.default == nil and (options.defaults or {})[path] == nil
    rows[#rows + 1] = {
      name = path, leaf = name, depth = depth, type = input_words(spec, options.input), required = must or false,
      text = row_text(spec, path, options),
    }
    local items = spec.type == "list" and spec.items
    if spec.fields and not spec.shape then
      add_rows(rows, spec.fields, path .. ".", options, depth + 1)
    elseif items and items.fields and not items.shape then
      add_rows(rows, items.fields, path .. "[].", options, depth + 1)
    end
  end
  return rows
end

--- One row for each member: { name (dotted), leaf (its last part), depth (from 0), type,
-- text, required }. options: `input` for what scripts give; `defaults` and `fills`,
-- values of members that are left out.
function types.rows(fields, options)
  return add_rows({}, fields, "", options or {}, 0)
end

-- Collects the named shapes below a table of specifications.
local function collect(found, fields)
  for _, spec in pairs(fields) do
    local inner = spec.items or spec
    if spec.shape then found[spec.shape] = true end
    if inner.shape then found[inner.shape] = true end
    if inner.fields and not inner.shape then collect(found, inner.fields) end
  end
  return found
end

--- The names of the shapes that these members have, sorted.
function types.shapes(fields)
  return names(collect({}, fields))
end

return types
