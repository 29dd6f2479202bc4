-- SPDX-License-Identifier: MIT
-- The host's side of an isolated script: what its process may ask for.
--
-- The script runs in a process that has no network, no files, no journal and no credential. It
-- gets what a confined script gets, the modules of moonlever.confined, as things that stand for
-- them: every use is a call to here, and runs in a task of its own with the guards of the run.
-- Whoever takes over that process can do what the script could, and no more.
--
--   require("moonlever.isolated").main(…)

local raw = require "moonlever.raw"
local errors = require "moonlever.errors"
local confined = require "moonlever.confined"
local flow = require "moonlever.flow"
local peer = require "moonlever.peer"
local shape = require "moonlever.shape"

local isolated = {}

local FIRST_THREAD = 1
local MAIN = 1 -- what the script's process offers: runs the script

-- What each() counts in the script's process.
local COUNTS = { item_ok = true, item_failed = true, item_skipped = true, expect = true }

-- Records cross as data and the number of their metatable.
local function new_classes()
  local classes = { numbers = {}, list = {} }

  function classes.look(value)
    local meta = type(value) == "table" and getmetatable(value)
    if type(meta) ~= "table" then return nil end
    local number = classes.numbers[meta]
    if not number and shape.metas[meta] then
      number = #classes.list + 1
      classes.list[number], classes.numbers[meta] = meta, number
    end
    if number then return peer.DRESSED, number, 0 end
    return nil
  end

  function classes.dress(number, _, value)
    local meta = classes.list[number]
    if not meta then error("the script's process names a shape that it was not given", 0) end
    return setmetatable(value, meta)
  end

  return classes
end

-- What reading a member that is not there gives, as data: { name = the same for what is below }.
local function outline(meta)
  local missing = {}
  for name, empty in next, meta.__index do missing[name] = outline(getmetatable(empty)) end
  return missing
end

local function object_of(known, value)
  if type(value) ~= "table" and type(value) ~= "userdata" and type(value) ~= "function" or not known(value) then
    error("the script's process may not look into that", 0)
  end
  return value
end

local function members(value)
  local all = {}
  for name, member in pairs(value) do all[name] = member end
  return all
end

-- What the script's process may call, by number; lua/moonlever/isolate.lua has the same list.
local function services(classes)
  local function known(value) return classes.side:knows(value) end
  return {
    function(object, name) return object_of(known, object)[name] end,
    function(object, name, value) object_of(known, object)[name] = value end,
    function(object) return tostring(object_of(known, object)) end,
    function(object)
      local meta = getmetatable(object_of(known, object))
      local close = type(meta) == "table" and meta.__close
      if close then close(object, nil) end
    end,
    function(object) return #object_of(known, object) end,
    function(object) return members(object_of(known, object)) end,
    function(number) return outline(classes.list[number]) end,
    function(text) raw.print(text) end,
    function(name) return confined[name]() end,
    function(what, n)
      if COUNTS[what] then raw.count(what, n) end
    end,
    function(text) raw.failure(raw.redacted(text)) end,
    function(seconds) return flow.sleep(seconds) end,
    function() return raw.concurrency() end,
  }
end

local function ended()
  errors.raise("guard", raw.isolate_end())
end

local function cancelled()
  return errors.new("cancelled", "cancelled")
end

-- A text without a traceback is that of an error that is no text: none is added.
local function as_it_was(err)
  if type(err) ~= "string" or err:find("\nstack traceback:", 1, true) then return err end
  return setmetatable({}, { __tostring = function() return err end })
end

local function start()
  errors.nowhere = errors.NOWHERE -- the other side says where
  local classes = new_classes()
  local side = peer.new(raw.isolate(), {
    first = FIRST_THREAD, look = classes.look, dress = classes.dress, ended = ended, cancelled = cancelled,
    stand = function(call) return call end, raised = function(err) return err end,
    current = function() return (coroutine.running()) end,
  })
  classes.side = side
  for number, service in ipairs(services(classes)) do side.objects[number] = service end
  return side
end

-- A function that runs the script, in its process, with its arguments.
function isolated.chunk(name, source)
  return function(...)
    local side = start()
    local accepting = raw.spawn(side.accept)
    local function done(ok, ...)
      accepting:cancel()
      if not ok then error(as_it_was((...)), 0) end
      return ...
    end
    return done(pcall(side.call, MAIN, name, source, ...))
  end
end

function isolated.main(...)
  local name, source = raw.isolate_script()
  return isolated.chunk(name, source)(...)
end

return isolated
