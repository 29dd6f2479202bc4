-- SPDX-License-Identifier: MIT
-- What a change changes: before -> after, the members that differ; pure.
--
--   images.line("update", { title = "old", size = 3 }, { title = "new", size = 3 })
--   --> title: "old" -> "new"

local raw = require "moonlever.raw"
local text = require "moonlever.history.text"

local images = {}

local WIDTH = 60   -- bytes of one value
local CONTEXT = 20 -- bytes that stay in front of the first difference of long texts
local MARKS = { create = "+", delete = "-" }
-- What people call an object by, best first.
local LABELS = { "title", "userName", "username", "displayName", "name", "email" }

local function encode(value)
  return raw.json.encode(value, { sorted = true })
end

local function is_nothing(value)
  return value == nil or value == raw.null
end

local function is_object(value)
  return type(value) == "table" and getmetatable(value) == nil and not raw.json.is_array(value)
end

local function same(a, b)
  if is_nothing(a) or is_nothing(b) then return is_nothing(a) and is_nothing(b) end
  return a == b or encode(a) == encode(b)
end

local function brief(value)
  if is_nothing(value) then return "nothing" end
  return text.safe(text.cut(encode(value), WIDTH))
end

-- Bytes that both texts begin with, ending with a whole character.
local function common(a, b)
  local n = 0
  while n < #a and n < #b and a:byte(n + 1) == b:byte(n + 1) do n = n + 1 end
  while n > 0 and (a:byte(n + 1) or 0) & 0xC0 == 0x80 do n = n - 1 end
  return n
end

-- The rest of a text from a little before byte `at`.
local function from(s, at)
  while at > 0 and s:byte(at + 1) & 0xC0 == 0x80 do at = at - 1 end
  return s:sub(at + 1)
end

-- Two long texts are shown around the place where they part: an added tag at the
-- end of a description must be seen.
local function pair(old, new)
  if type(old) == "string" and type(new) == "string" and math.max(#old, #new) > WIDTH then
    local at = common(old, new) - CONTEXT
    if at > 0 then
      return "…" .. brief(from(old, at)), "…" .. brief(from(new, at))
    end
  end
  return brief(old), brief(new)
end

local function names(object)
  local list = {}
  for name in pairs(object) do list[#list + 1] = tostring(name) end
  table.sort(list)
  return list
end

-- Adds a field for every member of `after` that differs.
local function differences(fields, path, before, after)
  for _, name in ipairs(names(after)) do
    local old, new = before[name], after[name]
    if is_object(old) and is_object(new) then
      differences(fields, path .. name .. ".", old, new)
    elseif not same(old, new) then
      fields[#fields + 1] = { path = path .. name, old = old, new = new }
    end
  end
end

local function members(object, side)
  local fields = {}
  for i, name in ipairs(names(object)) do fields[i] = { path = name, [side] = object[name] } end
  return fields
end

-- "title: old -> new", or "title: new" where nothing was before.
local function line_of(field, compares)
  if not compares then return ("%s: %s"):format(text.safe(field.path), brief(field.new)) end
  local left, right = pair(field.old, field.new)
  return ("%s: %s -> %s"):format(text.safe(field.path), left, right)
end

--- The sign in front of a change: + create, - delete, ~ anything else.
function images.mark(effect)
  return MARKS[effect] or "~"
end

--- What people call an object: the member and its value, nil where it has none of them.
function images.label(object)
  for _, name in ipairs(is_object(object) and LABELS or {}) do
    local value = object[name]
    if type(value) == "string" and value ~= "" then return name, value end
  end
  return nil
end

--- The members that a change touches, sorted: an array of { path, old, new }. Of a create `old`
-- is nil, of a delete `new`; null is nothing as well (images.is_nothing). Empty where the images
-- do not tell.
-- effect         create, update, replace or delete
-- before, after  decoded objects, nil where there is none
function images.fields(effect, before, after)
  if effect == "delete" then return is_object(before) and members(before, "old") or {} end
  if not is_object(after) then return {} end
  if not is_object(before) then return members(after, "new") end
  local fields = {}
  differences(fields, "", before, after)
  return fields
end

images.is_nothing = is_nothing

--- What a change does, as one safe line; "" where the images do not tell. The arguments are
-- those of images.fields.
function images.line(effect, before, after)
  if effect == "delete" then
    local name, value = images.label(before)
    return name and ("%s: %s"):format(name, brief(value)) or ""
  end
  local parts, compares = {}, is_object(before)
  for i, field in ipairs(images.fields(effect, before, after)) do parts[i] = line_of(field, compares) end
  return table.concat(parts, ", ")
end

return images
