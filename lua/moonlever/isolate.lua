-- SPDX-License-Identifier: MIT
-- The script's side of its own process: things that stand for what the host lends.
--
-- Loaded by moonlever-isolate, which has raw.json, raw.spawn and little else: see
-- lua/moonlever/isolated.lua for the other side. Tasks run here, so that functions of the script
-- share its tables; whatever they ask of the world is a call.
--
--   return require("moonlever.isolate").start(channel)

local raw = require "moonlever.raw"
local errors = require "moonlever.errors"
local peer = require "moonlever.peer"

local getmetatable, setmetatable, type, next, rawget = getmetatable, setmetatable, type, next, rawget

local isolate = {}

local FIRST_THREAD = 0x40000000
-- Services of the other side, by number.
local INDEX, NEWINDEX, TOSTRING, CLOSE, LEN, PAIRS, CLASS, PRINT, MODULE, COUNT, FAILURE, SLEEP, CONCURRENCY =
  1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13

local side

-- What reading a member that is not there gives: tables that refuse assignments, as in
-- moonlever.shape.
local function refuse_assignment(_, name)
  error(("cannot set '%s' here: the object was null or missing in the answer"):format(tostring(name)), 2)
end

local function missing_of(outline)
  local missing = {}
  for name, below in next, outline do
    missing[name] = setmetatable({}, { __index = missing_of(below), __newindex = refuse_assignment })
  end
  return missing
end

local classes, numbers = {}, {} -- number -> metatable, and back

local function class(number)
  local meta = classes[number]
  if not meta then
    meta = { __index = missing_of(side.ask(CLASS, number)) }
    classes[number], numbers[meta] = meta, number
  end
  return meta
end

-- What stands for an object of the host's: a table, whose members are asked for once where they
-- are functions or objects themselves.
local function new_stand(call)
  local members = {}
  local stand = {}
  local meta = {
    __index = function(_, name)
      local value = members[name]
      if value ~= nil then return value end
      value = side.ask(INDEX, stand, name)
      if side:stands(value) then members[name] = value end
      return value
    end,
    __newindex = function(_, name, value) side.ask(NEWINDEX, stand, name, value) end,
    __call = function(_, ...) return call(...) end,
    __tostring = function() return (side.ask(TOSTRING, stand)) end,
    __close = function() side.ask(CLOSE, stand) end,
    __len = function() return (side.ask(LEN, stand)) end,
    __pairs = function() return next, (side.ask(PAIRS, stand)) end,
  }
  return setmetatable(stand, meta)
end

-- Tables of the script are copied, whatever their metatable, unless they can be called.
local function look(value)
  if type(value) ~= "table" then return nil end
  local meta = getmetatable(value)
  if numbers[meta] then return peer.DRESSED, numbers[meta], 0 end
  if type(meta) == "table" and rawget(meta, "__call") then return nil end
  return peer.PLAIN
end

local function print_line(...)
  local line = table.pack(...)
  for i = 1, line.n do line[i] = tostring(line[i]) end
  side.tell(PRINT, table.concat(line, "\t"))
end

-- What moonlever.flow and others want of raw.
local function lend()
  raw.count = function(what, n) side.tell(COUNT, what, n) end
  raw.failure = function(text) side.tell(FAILURE, text) end
  raw.sleep = function(seconds) side.call(SLEEP, seconds) end
  raw.concurrency = function() return (side.ask(CONCURRENCY)) end
  raw.redacted = function(text) return text end
end

-- A table with these members that cannot be changed.
local function sealed(name, members)
  return setmetatable({}, {
    __index = members, __pairs = function() return next, members end, __name = name,
    __newindex = function(_, member) error(("%s cannot be changed: '%s'"):format(name, tostring(member)), 2) end,
  })
end

-- What needs no host, or the identity of the script's tables, is done here.
local function own_members()
  local flow = require "moonlever.flow"
  local own = { null = raw.null, array = raw.json.array }
  own.json = sealed("moonlever.json", { encode = raw.json.encode, decode = raw.json.decode })
  for _, name in ipairs { "each", "map", "all", "spawn", "sleep", "try" } do own[name] = flow[name] end
  return own
end

local function moonlever()
  local theirs, own = side.ask(MODULE, "moonlever"), own_members()
  return setmetatable({}, {
    __index = function(_, name)
      local value = own[name]
      if value == nil then
        value = theirs[name]
        own[name] = value
      end
      return value
    end,
    __newindex = function(_, name) error(("moonlever cannot be changed: '%s'"):format(tostring(name)), 2) end,
    __metatable = false, __name = "moonlever",
  })
end

local function safe(f)
  return function(...)
    local ok, value = pcall(f, ...)
    if ok then return value end
    return nil, tostring(value)
  end
end

local MAKERS = {
  moonlever = moonlever,
  cjson = function()
    return sealed("cjson", { _NAME = "cjson", null = raw.null, encode = raw.json.encode, decode = raw.json.decode })
  end,
  ["cjson.safe"] = function()
    return sealed("cjson.safe",
      { _NAME = "cjson.safe", null = raw.null, encode = safe(raw.json.encode), decode = safe(raw.json.decode) })
  end,
  ["moonlever.csv"] = function() return (side.ask(MODULE, "moonlever.csv")) end,
  ["moonlever.tags"] = function() return (side.ask(MODULE, "moonlever.tags")) end,
}

-- As moonlever.confined: name -> function that returns the module.
isolate.modules = {}
for name, make in next, MAKERS do
  local made
  isolate.modules[name] = function()
    if made == nil then made = make() end
    return made
  end
end

local left = setmetatable({}, { __mode = "k" }) -- tasks of the script

local function new_spawn(spawn)
  return function(...)
    local task = spawn(...)
    left[task] = true
    return task
  end
end

local function text_of(err)
  local _, text = pcall(tostring, err)
  return type(text) == "string" and text or "the script failed, and so did the text of its error"
end

-- Raises the error of a task, with the traceback of where it was raised.
local function see(task)
  local ok, err = pcall(task.await, task)
  if ok then return end
  if type(err) == "string" then error(task:traceback() or err, 0) end
  error(errors.is(err) and err or text_of(err), 0)
end

local function one_that_runs()
  for task in next, left do
    if task:status() == "running" then return task end
  end
  return nil
end

-- Waits for the tasks that the script has left. The first failure that nobody saw is the run's.
local function wait_for_all()
  local first
  repeat
    local task = one_that_runs()
    if task then
      local ok, err = pcall(see, task)
      if not ok and task:status() ~= "cancelled" and first == nil then first = err end
    end
  until not task
  local failed = raw.failed()
  if failed then see(failed) end
  if first ~= nil then error(first, 0) end
end

-- Runs the script.
local function run(name, source, ...)
  local chunk, why = raw.load(name, source, ...)
  if not chunk then errors.raise("usage", why, { config = true }) end
  see(raw.spawn(chunk, ...))
  wait_for_all()
end

function isolate.start(channel)
  side = peer.new(channel, {
    first = FIRST_THREAD, stand = new_stand, look = look,
    dress = function(number, _, value) return setmetatable(value, class(number)) end,
    ended = function() error("the host is gone", 0) end,
    cancelled = function() return errors.new("cancelled", "cancelled") end,
    current = raw.current,
    raised = function(err)
      if errors.is(err) and err.kind == "usage" and err.where == errors.NOWHERE then err.where = errors.where() end
      return err
    end,
  })
  lend()
  side.objects[1] = run
  raw.spawn(side.accept)
  raw.spawn = new_spawn(raw.spawn)
  return print_line
end

return isolate
