-- SPDX-License-Identifier: MIT
-- A session: Lua a line at a time, `moonlever repl`.
--
-- The host owns the terminal and is asked for lines (include/moonlever.h, "A session"); this
-- file decides what a line means. Each runs as a task of its own, so that Ctrl-C can stop it
-- and the session goes on; what a line has spawned goes on while the next is typed.
--
-- Invariants
--   1. Nothing but raw.exit, the end of the input or a broken engine ends a session at a
--      terminal; without one the first error does, as in a script.
--   2. Changes are planned (repl/changes.lua) unless the host has said otherwise (--live).
--
-- Names of a session: sd, sg, wd (clients, made when they are first used), moonlever, help,
-- show, commit, discard, _ (the last value). Locals of a line live on as globals.

local raw = require "moonlever.raw"
local changes = require "moonlever.repl.changes"
local chunk = require "moonlever.repl.chunk"
local commands = require "moonlever.repl.commands"
local errors = require "moonlever.errors"
local greeting = require "moonlever.repl.greeting"
local moonlever = require "moonlever"
local show = require "moonlever.repl.show"
local suggest = require "moonlever.suggest"
local words = require "moonlever.repl.words"

local repl = {}

local CLIENTS = { sd = "screendesk", sg = "screendragon", wd = "workdrive" }

local Session = {}
Session.__index = Session

-- ---------------------------------------------------------------------------
-- Names

local function undefined(session, name)
  local known = {}
  for _, one in ipairs(session.globals()) do known[one] = true end
  local best = suggest.closest(tostring(name), known)
  error(("undefined variable '%s'%s"):format(tostring(name), best and ("; did you mean '%s'?"):format(best) or ""), 3)
end

-- The globals of the session in front of those of scripts.
local function environment(session)
  local env, defined, base = {}, {}, raw.environment()
  env._G = env
  return setmetatable(env, {
    __index = function(_, name)
      if name == "_" then return session.last end
      if CLIENTS[name] then
        rawset(env, name, moonlever.connect(CLIENTS[name]))
        return rawget(env, name)
      end
      local value = rawget(base, name)
      if value == nil and not defined[name] then undefined(session, name) end
      return value
    end,
    __newindex = function(_, name, value)
      defined[name] = true
      rawset(env, name, value)
    end,
  })
end

-- What completion may look at.
local function look_around(session)
  local base = raw.environment()
  session.variables = CLIENTS
  session.commands = commands.names
  function session.peek(name)
    if name == "_" and rawget(session.env, "_") == nil then return session.last end
    local value = rawget(session.env, name)
    if value == nil then value = rawget(base, name) end
    return value
  end
  function session.globals()
    local set, list = { _ = true }, {}
    for name in pairs(CLIENTS) do set[name] = true end
    for _, names in ipairs { session.env, base } do
      for name in next, names do set[name] = true end
    end
    for name in pairs(set) do list[#list + 1] = name end
    return list
  end
end

local function add_functions(session)
  local env = session.env
  session.help = commands.help_function(session)
  env.moonlever, env.help = moonlever, session.help
  function env.show(value, ...)
    if not show.is_list(value) and type(value) ~= "table" then
      errors.usage("show: takes a list or an array, and the names of the members to show")
    end
    session.shown = session.view:rows(value, select("#", ...) > 0 and { ... } or nil)
  end
  function env.commit(number)
    local result = session.changes:commit(number)
    if result == nil then return end
    if not session.host.terminal and result.exit ~= 0 then raw.exit(result.exit or 1) end
    session.unshown = result
    return result
  end
  function env.discard() session.changes:discard() end
end

local function new_session(hello)
  local session = setmetatable({ columns = 80, host = {} }, Session)
  for word in (hello or ""):gmatch("%a+") do session.host[word] = true end
  session.view = show.new(raw.write, function() return session.columns end)
  -- Without a terminal the output holds nothing but values.
  session.changes = changes.new(session.host.terminal and raw.write
    or function(text) raw.log(0, (text:gsub("\n$", ""))) end)
  session.env = environment(session)
  look_around(session)
  add_functions(session)
  return session
end

-- ---------------------------------------------------------------------------
-- One line

-- Runs f as a task that an interrupt stops. True, or false and the error.
local function in_foreground(session, f)
  local task = raw.spawn(f)
  raw.foreground(task)
  local ok, err = pcall(task.await, task)
  raw.foreground(nil)
  if not ok then session.failed = task:traceback() end
  return ok, err
end

local function is_cancelled(err)
  return errors.is(err) and err.kind == "cancelled"
end

-- Says what went wrong; ends the session where nobody sits in front of it.
local function complain(session, err)
  -- raw.exit (os.exit) goes through everything.
  if type(err) == "userdata" or (not session.host.terminal and errors.is(err)) then error(err, 0) end
  raw.log(0, is_cancelled(err) and "interrupted" or tostring(err))
  if not session.host.terminal then raw.exit(1) end
end

-- The results of a line, shown and remembered.
local function show_results(session, results, shows)
  for i = 1, results.n do
    local value = results[i]
    if rawequal(value, session.unshown) and value ~= nil then
      session.last = value
    elseif shows then
      session.last = session.view:value(value)
    else
      session.last = value
    end
  end
end

local function run(session, made)
  session.unshown, session.shown = nil, nil
  local ok, err = in_foreground(session, function()
    local results = table.pack(made.call())
    show_results(session, results, made.shows)
    if results.n == 0 and session.shown then session.last = session.shown end
  end)
  session.changes:tell()
  if not ok then complain(session, err) end
end

function Session:keep(name, value)
  self.env[name] = value
end

-- Lines that belong together, once more with this one. At a terminal an empty line gives an
-- unfinished one up.
local function evaluate(session, line)
  local text = session.open and session.open .. "\n" .. line or line
  local give_up = session.open and session.host.terminal and line == ""
  session.open = nil
  local made, why, open = chunk.compile(text, session.env, function(name, value) session:keep(name, value) end)
  if made then return run(session, made) end
  if why == "more" and not give_up then
    session.open = text
  else
    complain(session, open or why)
  end
end

local function more(session)
  if rawget(session.env, "it") ~= nil or not session.view:has_more() then return false end
  local ok, err = in_foreground(session, function() session.last = session.view:more() end)
  if not ok then complain(session, err) end
  return true
end

-- What is no Lua: commands, "it", and a question mark behind a name.
local function is_command(session, line)
  if session.open then return false end
  local word, rest = line:match("^%s*:([%a!]+)%s*(.-)%s*$")
  if word then
    local ok, err = in_foreground(session, function() commands.run(session, word, rest) end)
    if not ok then complain(session, err) end
    return true
  end
  local bare = commands.bare(session, line:match("^%s*(%l+)%s*$") or "")
  if bare then
    bare()
    return true
  end
  local name = line:match("^%s*([%w_.:]+)%s*%?%s*$")
  if name then
    evaluate(session, ("help(%s)"):format((name:gsub(":", "."))))
    return true
  end
  return line:find("^%s*it%s*$") ~= nil and more(session)
end

local function take_line(session, text)
  local columns, line = text:match("^(%d+) (.*)$")
  session.columns = tonumber(columns)
  if line:find("^%s*$") and not session.open then return end
  if not is_command(session, line) then evaluate(session, line) end
end

-- ---------------------------------------------------------------------------
-- The session

--- The prompt: what changes do here, and how many wait.
function Session:prompt()
  if self.open then return "..> " end
  local name = self.host.practice and "practice" or "moonlever"
  local waiting = self.changes:count()
  if changes.is_live() then return name .. " live> " end
  return waiting == 0 and name .. "> " or ("%s (%d planned)> "):format(name, waiting)
end

-- What has run behind the lines and failed, with nobody to see it.
local function tell_failures(session)
  local task = session.host.terminal and raw.failed()
  while task do
    local _, err = pcall(task.await, task)
    raw.log(0, "a task in the background has failed: " .. tostring(err))
    session.failed = task:traceback() or session.failed
    task = raw.failed()
  end
end

-- Asks for the next line, answering what the host wants to know for it meanwhile.
local function next_line(session)
  local answer = raw.ask("line " .. session:prompt())
  while answer and answer:sub(1, 1) == "?" do
    local list, at = words.find(answer:sub(2), session)
    answer = raw.ask(("words %d\n%s"):format(at, table.concat(list, "\n")))
  end
  return answer
end

-- The end of the input. With changes that wait, the first one is a question.
local function may_leave(session)
  local waiting = session.changes:count()
  if waiting == 0 or changes.is_live() or not session.host.terminal or session.asked then return true end
  session.asked = true
  raw.write(("%d planned and not sent: commit() sends, and once more Ctrl-D leaves\n"):format(waiting))
  return false
end

-- The last words, of what was dropped and of what still runs. What is typed stops nothing any
-- more, so the host hears of it before the waiting begins: Ctrl-C is then as under `run`.
local function leave(session)
  session.changes:drop()
  local count = session.host.terminal and raw.tasks() or 0
  if count == 0 then return end
  raw.ask "leave"
  raw.write(count == 1 and "1 task is still at work: waiting; Ctrl-C stops it\n"
    or ("%d tasks are still at work: waiting; Ctrl-C stops them\n"):format(count))
end

local function take_lines(session)
  while not session.done do
    tell_failures(session)
    local answer = next_line(session)
    if not answer then
      if session.open and not session.host.terminal then complain(session, "the input ends within a statement") end
      if may_leave(session) then return end
    elseif answer:sub(1, 1) == "!" then
      session.open = nil
    else
      session.asked = nil
      take_line(session, answer:sub(2))
    end
  end
end

--- The script of `moonlever repl`.
function repl.main()
  local session = new_session(raw.ask "hello")
  if session.host.terminal then raw.write(greeting.text(CLIENTS, changes.is_live())) end
  take_lines(session)
  leave(session)
end

return repl
