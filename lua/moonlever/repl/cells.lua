-- SPDX-License-Identifier: MIT
-- Values as text of one line, and text that fits into columns.
--
-- Invariants: no control character comes out; no character is cut in two; the width of what
-- comes out is at most what was asked for.
--
--   cells.plain { 1, 2 }                 --> "{ 1, 2 }"
--   cells.fit("grüße aus Köln", 8)       --> "grüße a…"

local raw = require "moonlever.raw"

local null = raw.null

local cells = {}

local DEPTH = 4 -- tables in tables that are written out
local FIRST = { -- what people know an object by comes first
  "uuid", "id", "ID", "name", "title", "displayName", "userName", "username", "email", "status", "state", "type",
}

local rank = {}
for i, name in ipairs(FIRST) do rank[name] = i end

--- Text without control characters and without bytes that are no UTF-8.
function cells.clean(text)
  text = text:gsub("[%c]", { ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" })
  text = text:gsub("%c", function(c) return ("\\x%02X"):format(c:byte()) end)
  if utf8.len(text) then return text end
  return (text:gsub("[\x80-\xFF]", function(c) return ("\\x%02X"):format(c:byte()) end))
end

--- The text, cut with … where it is wider than `width` columns.
function cells.fit(text, width)
  if raw.width(text) <= width then return text end
  local kept, columns = {}, 1
  for _, code in utf8.codes(text) do
    local char = utf8.char(code)
    columns = columns + raw.width(char)
    if columns > width then break end
    kept[#kept + 1] = char
  end
  return table.concat(kept) .. "…"
end

--- Is it an array: nothing but values from 1 on, at least one of them?
function cells.is_array(value)
  local n = 0
  for _ in next, value do n = n + 1 end
  return n > 0 and n == #value
end

local function before(a, b)
  if (rank[a] or math.huge) ~= (rank[b] or math.huge) then return (rank[a] or math.huge) < (rank[b] or math.huge) end
  if type(a) ~= type(b) then return type(a) < type(b) end
  return type(a) == "number" and a < b or tostring(a) < tostring(b)
end

--- The keys of a table: what names it first, then single values, then tables; by name.
function cells.keys(value)
  local keys, nested = {}, {}
  for key, member in next, value do
    keys[#keys + 1] = key
    nested[key] = type(member) == "table"
  end
  table.sort(keys, function(a, b)
    if nested[a] ~= nested[b] then return nested[b] end
    return before(a, b)
  end)
  return keys
end

local function key_text(key)
  if type(key) == "string" and key:find("^[%a_][%w_]*$") then return key end
  return ("[%s]"):format(cells.plain(key))
end

local function quoted(text)
  return '"' .. cells.clean((text:gsub('[\\"]', "\\%0"))) .. '"'
end

local function is_named(value)
  local meta = getmetatable(value)
  return type(meta) == "table" and rawget(meta, "__tostring") ~= nil
end

local function table_text(value, depth)
  if is_named(value) then return cells.clean(tostring(value)) end
  if next(value) == nil then return "{}" end
  if depth == 0 then return "{…}" end
  local parts, array = {}, cells.is_array(value)
  for i, key in ipairs(cells.keys(value)) do
    local text = cells.plain(rawget(value, key), depth - 1)
    parts[i] = array and text or key_text(key) .. " = " .. text
  end
  return "{ " .. table.concat(parts, ", ") .. " }"
end

--- A value as Lua would write it, in one line.
function cells.plain(value, depth)
  if value == null then return "null" end
  local kind = type(value)
  if kind == "string" then return quoted(value) end
  if kind == "table" then return table_text(value, depth or DEPTH) end
  return cells.clean(tostring(value))
end

--- A value in a table: text as it is, a table by its size.
function cells.cell(value)
  if value == nil or value == null then return "-" end
  if type(value) == "string" then return cells.clean(value) end
  if type(value) ~= "table" then return cells.plain(value) end
  if is_named(value) then return cells.clean(tostring(value)) end
  local n = 0
  for _ in next, value do n = n + 1 end
  if n == 0 then return "-" end
  return (cells.is_array(value) and "[%d]" or "{%d}"):format(n)
end

--- Pads to a width; numbers stand at the right.
function cells.pad(text, width, right)
  local gap = (" "):rep(width - raw.width(text))
  return right and gap .. text or text .. gap
end

return cells
