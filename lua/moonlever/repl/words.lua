-- SPDX-License-Identifier: MIT
-- What may come next at the prompt: services, methods, fields and values from the catalogues
-- (complete.lua), names of the session, and members of its values.
--
-- Invariant: nothing is called and nothing is sent; no metamethod of the values is used.
--
--   words.find(":pl", session)             --> { ":plan" }, 1
--   words.find("sd.recordings:up", session) --> { "update" }, 15

local complete = require "moonlever.complete"

local words = {}

local MOST = 200

local function add(set, name, word)
  if type(name) == "string" and name:sub(1, #word) == word and name:find("^[%a_:][%w_]*$") then set[name] = true end
end

local function sorted(set)
  local list = {}
  for name in pairs(set) do list[#list + 1] = name end
  table.sort(list)
  return table.move(list, 1, math.min(#list, MOST), 1, {})
end

-- The value that a dotted name has in the session, looked at without calling anything.
local function value_of(path, session)
  local value = session.peek(path:match("^[%a_][%w_]*"))
  for name in path:gmatch("%.([%w_]+)") do
    if type(value) ~= "table" then return nil end
    value = rawget(value, name)
  end
  return value
end

-- Members of a table of the session: "rec.ti".
local function members(text, session, set)
  local path, word = text:match("([%a_][%w_.]*)%.([%w_]*)$")
  local value = path and not path:find("%.%.") and value_of(path, session)
  if type(value) ~= "table" then return nil end
  for name in next, value do add(set, name, word) end
  return #text - #word + 1
end

local function globals(text, session, set)
  local before, word = text:match("^(.-)([%a_][%w_]*)$")
  if not word or before:find("[.:%w_]$") then return nil end
  for _, name in ipairs(session.globals()) do add(set, name, word) end
  return #before + 1
end

local function commands(text, session)
  local set = {}
  for _, name in ipairs(session.commands) do add(set, ":" .. name, text) end
  return sorted(set), 1
end

-- Is the end of the text within a string?
local function in_string(text)
  local open
  for char in text:gsub("\\.", ""):gmatch("[\"']") do
    if not open then open = char elseif open == char then open = nil end
  end
  return open ~= nil
end

--- The words that may stand at the end of a text, and the byte (from 1) where they begin.
-- session: { variables = { sd = "screendesk" }, commands = { "help" }, globals(), peek(name) }.
function words.find(text, session)
  if text:find("^:%a*$") then return commands(text, session) end
  local list, start = complete.line(text, session.variables)
  local set = {}
  for _, word in ipairs(list) do set[word] = true end
  local at
  if not in_string(text) then at = members(text, session, set) or globals(text, session, set) end
  return sorted(set), at or start
end

return words
