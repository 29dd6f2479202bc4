-- SPDX-License-Identifier: MIT
-- Calls between the host's process and that of an isolated script; the same on both sides.
--
-- A thread of control that crosses has one number on both sides: here the task that waits, there
-- the task that works for it. It may call back, and that may call again: on each side all of
-- that happens in one task, so that a wait, a cancel and an error mean what they mean without
-- the border. Data is copied (src/bind/frame.h); what else is handed out stays here, in
-- `objects`, for as long as the other side holds something that stands for it.
--
-- Invariants
--   1. The other side names objects by numbers that it was given, and gets at nothing else.
--   2. An object goes when the other side has let go of it as often as it was sent it: a
--      message that is under way keeps it.
--   3. A cancelled task sends the cancel after its call and waits for the end of the call; it
--      raises then. What the other side has begun comes to its end.
--
-- Example
--   local side = peer.new(channel, { first = 1, stand = …, look = …, dress = …, ended = … })
--   side.objects[1] = print                     -- numbers below peer.SERVICES are for services
--   raw.spawn(side.accept)
--   side.call(7, "an argument")                 -- their object 7

local raw = require "moonlever.raw"

local pcall, error, type, next, spawn = pcall, error, type, next, raw.spawn

local peer = { MINE = 1, YOURS = 2, DRESSED = 3, PLAIN = 4, FUNCTION = 5, SERVICES = 100 }

local MINE, YOURS, FUNCTION = peer.MINE, peer.YOURS, peer.FUNCTION
local CALL, RETURN, RAISE, CANCEL, TELL = 1, 2, 3, 4, 6

-- options  first   number of the first thread that begins here
--          stand   function(call) -> what stands here for their object; call(...) calls it
--          look    function(value) -> ml_frame_ref, number, record; nil = it is handed out
--          dress   function(class, record, table) -> table
--          raised  function(err) -> the error that is raised here for theirs
--          current function() -> what the task that runs is known by
--          cancelled  function() -> the error of a task that they have cancelled
--          ended   function() that raises: the other side is gone
function peer.new(channel, options)
  local side = { objects = {}, tasks = {} }
  local objects, numbers, sent, last = side.objects, {}, {}, peer.SERVICES
  local stands = setmetatable({}, { __mode = "v" }) -- number -> what stands for it
  local tokens = setmetatable({}, { __mode = "k" }) -- the same -> its token
  local dropped, some_dropped = {}, false
  local threads = setmetatable({}, { __mode = "k" }) -- thread of Lua or task -> number
  local next_thread = options.first
  local cancels = {} -- thread -> the error that its call ends with

  -- Objects ------------------------------------------------------------------

  local function hand_out(value)
    local number = numbers[value]
    if not number then
      last = last + 1
      number = last
      numbers[value], objects[number], sent[number] = number, value, 0
    end
    sent[number] = sent[number] + 1
    return type(value) == "function" and FUNCTION or MINE, number
  end

  local function out(value)
    local token = tokens[value]
    if token then return YOURS, token.number end
    local ref, number, record = options.look(value)
    if ref then return ref, number, record end
    return hand_out(value)
  end

  local Token = { __gc = function(token)
    dropped[token.number] = (dropped[token.number] or 0) + token.count
    some_dropped = true
  end }

  local function stand_for(number, is_function)
    local stand = stands[number]
    if stand == nil then
      local token = setmetatable({ number = number, count = 0 }, Token)
      local function call(...) return side.call(token.number, ...) end
      stand = is_function and call or options.stand(call)
      stands[number], tokens[stand] = stand, token
    end
    local token = tokens[stand]
    token.count = token.count + 1
    return stand
  end

  local function back(ref, number, record, value)
    if ref == MINE or ref == FUNCTION then return stand_for(number, ref == FUNCTION) end
    if ref == YOURS then
      local object = objects[number]
      if object == nil then error("the other side names an object that it was not given", 0) end
      return object
    end
    return options.dress(number, record, value)
  end

  local function take_drops()
    if not some_dropped then return nil end
    local drops = dropped
    dropped, some_dropped = {}, false
    return drops
  end

  local function let_go(drops)
    if type(drops) ~= "table" then return end
    for number, count in next, drops do
      if sent[number] and type(count) == "number" then
        sent[number] = sent[number] - count
        if sent[number] <= 0 then
          numbers[objects[number]] = nil
          objects[number], sent[number] = nil, nil
        end
      end
    end
  end

  -- Threads ------------------------------------------------------------------

  local attend

  local function reply(thread, ok, ...)
    if not ok and type((...)) == "userdata" then -- the run has been ended
      return reply(thread, false, "the run has been ended")
    end
    local done, why = pcall(channel.send, thread, ok and RETURN or RAISE, take_drops(), ...)
    if not done then channel.send(thread, RAISE, nil, tostring(why)) end
  end

  local function answer(thread, number, ...)
    local object = type(number) == "number" and objects[number]
    if not object then return reply(thread, false, "the other side calls an object that it was not given") end
    return reply(thread, pcall(object, ...))
  end

  local function finish(thread)
    local err = cancels[thread]
    cancels[thread] = nil
    if err ~= nil then error(err, 0) end
  end

  local function got(thread, ok, kind, drops, ...)
    if not ok then
      if cancels[thread] ~= nil then
        cancels[thread] = nil
        threads[options.current()] = nil -- its answer may still come: nobody is to mistake it
        error(kind, 0)
      end
      cancels[thread] = kind
      channel.send(thread, CANCEL)
      return attend(thread)
    end
    if kind == nil then return options.ended() end
    let_go(drops)
    if kind == RETURN then
      finish(thread)
      return ...
    elseif kind == RAISE then
      finish(thread)
      error(options.raised((...)), 0)
    elseif kind == CALL then
      answer(thread, ...)
    elseif kind == CANCEL then
      error(options.cancelled(), 0)
    end
    return attend(thread)
  end

  function attend(thread, promptly)
    return got(thread, pcall(channel.wait, thread, promptly))
  end

  -- Was it handed out?
  function side.knows(value)
    return numbers[value] ~= nil
  end

  -- Does it stand for an object of theirs?
  function side.stands(value)
    return tokens[value] ~= nil
  end

  -- Calls their object with this number, in the thread of who calls.
  local function call(promptly, number, ...)
    local key = options.current()
    local thread = threads[key]
    if not thread then
      thread = next_thread
      next_thread = next_thread + 1
      threads[key] = thread
    end
    channel.send(thread, CALL, take_drops(), number, ...)
    return attend(thread, promptly)
  end

  function side.call(number, ...)
    return call(false, number, ...)
  end

  -- The same for what is answered at once: also where a wait cannot yield.
  function side.ask(number, ...)
    return call(true, number, ...)
  end

  -- The same without waiting for it; what it returns or raises is lost.
  function side.tell(number, ...)
    channel.send(0, TELL, take_drops(), number, ...)
  end

  local function told(number, ...)
    local object = type(number) == "number" and objects[number]
    if object then pcall(object, ...) end
  end

  -- A task that works for a thread of theirs.
  local function work(thread, ...)
    threads[options.current()] = thread
    answer(thread, ...)
    side.tasks[thread] = nil
  end

  local function accepted(thread, kind, drops, ...)
    if thread == nil then return false end
    let_go(drops)
    if kind == CALL then
      side.tasks[thread] = spawn(work, thread, ...)
    elseif kind == TELL then
      told(...)
    elseif kind == CANCEL and side.tasks[thread] then
      side.tasks[thread]:cancel()
    end
    return true
  end

  -- Takes on what threads of theirs begin, until the other side is gone.
  function side.accept()
    while accepted(channel.wait(0)) do end
  end

  channel.hooks(out, back)
  return side
end

return peer
