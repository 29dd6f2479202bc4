-- SPDX-License-Identifier: MIT
-- From what somebody has typed to a function: a value to show, or statements.
--
-- Invariants: nothing is run here; what is not finished is told from what is wrong.
--
--   local made = chunk.compile("sd.users:list()", env)   --> { call = function, shows = true }
--   chunk.compile("for i = 1, 3 do", env)                 --> nil, "more"
--   chunk.compile("x = = 1", env)                         --> nil, "input:1: unexpected symbol near '='"

local load = load
local getlocal = debug.getlocal

local chunk = {}

local NAME = "=input"

-- A string in quotes ends with its line: another line does not help it.
local function is_open(message)
  return message:find("<eof>$") ~= nil and not message:find("unfinished string near", 1, true)
end

-- Hands the locals of the function that calls it to keep(name, value): they live on as
-- globals, because the next line is another function. (Constants that the compiler knows are
-- no locals any more: they end with their line.)
local function keeper(keep)
  return function()
    local i = 1
    local name, value = getlocal(2, i)
    while name do
      if not name:find("^%(") and name ~= "_" then keep(name, value) end
      i = i + 1
      name, value = getlocal(2, i)
    end
  end
end

local function value(text, env)
  local call, why = load("return " .. text, NAME, "t", env)
  if call then return { call = call, shows = not text:find(";%s*$") } end
  return nil, why
end

-- Statements. With a return at their end nothing can stand behind them: then their locals are
-- lost, which is what a return means.
local function statements(text, env, keep)
  local plain, why = load(text, NAME, "t", env)
  if not plain then return nil, why end
  local kept = load(text .. "\n;(...)()", NAME, "t", env)
  if not kept then return { call = plain, shows = true } end
  local hand_over = keeper(keep)
  return { call = function() return kept(hand_over) end, shows = false }
end

--- Compiles a line, or lines that belong together. keep(name, value) is given each local that
-- is there at the end. Returns { call = function, shows = are its results to be shown? }; or
-- nil, "more" and what is said of it where it is not finished; or nil and what is wrong.
function chunk.compile(text, env, keep)
  text = text:gsub("^%s*=%s*", "", 1)
  local made, why_value = value(text, env)
  if made then return made end
  local why
  made, why = statements(text, env, keep or function() end)
  if made then return made end
  local open = is_open(why) and why or is_open(why_value) and why_value
  if open then return nil, "more", open end
  return nil, why
end

return chunk
