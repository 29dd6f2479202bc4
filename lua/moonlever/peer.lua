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

-- Objects --------------------------------------------------------------------

local Border = {}
Border.__index = Border

local function new_border(options)
  return setmetatable({
    options = options,
    objects = {}, numbers = {}, sent = {}, last = peer.SERVICES, -- ours
    stands = setmetatable({}, { __mode = "v" }), -- number -> what stands for theirs
    tokens = setmetatable({}, { __mode = "k" }), -- the same -> its token
    dropped = {}, some_dropped = false,
  }, Border)
end

function Border:hand_out(value)
  local number = self.numbers[value]
  if not number then
    number = self.last + 1
    self.last = number
    self.numbers[value], self.objects[number], self.sent[number] = number, value, 0
  end
  self.sent[number] = self.sent[number] + 1
  return type(value) == "function" and FUNCTION or MINE, number
end

-- The hook `out` of src/bind/frame.h.
function Border:out(value)
  local token = self.tokens[value]
  if token then return YOURS, token.number end
  local ref, number, record = self.options.look(value)
  if ref then return ref, number, record end
  return self:hand_out(value)
end

-- Goes when nothing here stands for the object any more.
local Token = { __gc = function(token)
  local border = token.border
  border.dropped[token.number] = (border.dropped[token.number] or 0) + token.count
  border.some_dropped = true
end }

function Border:stand_for(number, is_function)
  local stand = self.stands[number]
  if stand == nil then
    local token = setmetatable({ number = number, count = 0, border = self }, Token)
    local function call(...) return self.call(token.number, ...) end
    stand = is_function and call or self.options.stand(call)
    self.stands[number], self.tokens[stand] = stand, token
  end
  local token = self.tokens[stand]
  token.count = token.count + 1
  return stand
end

-- The hook `in`.
function Border:back(ref, number, record, value)
  if ref == MINE or ref == FUNCTION then return self:stand_for(number, ref == FUNCTION) end
  if ref == YOURS then
    local object = self.objects[number]
    if object == nil then error("the other side names an object that it was not given", 0) end
    return object
  end
  return self.options.dress(number, record, value)
end

-- What is to be said with the next message: number -> how often it came; nil = nothing.
function Border:take_drops()
  if not self.some_dropped then return nil end
  local drops = self.dropped
  self.dropped, self.some_dropped = {}, false
  return drops
end

function Border:let_go(drops)
  if type(drops) ~= "table" then return end
  local sent = self.sent
  for number, count in next, drops do
    if sent[number] and type(count) == "number" then
      sent[number] = sent[number] - count
      if sent[number] <= 0 then
        self.numbers[self.objects[number]] = nil
        self.objects[number], sent[number] = nil, nil
      end
    end
  end
end

-- Threads --------------------------------------------------------------------

local Side = {}
Side.__index = Side

local attend

local function reply(side, thread, ok, ...)
  if not ok and type((...)) == "userdata" then -- the run has been ended
    return reply(side, thread, false, "the run has been ended")
  end
  local send = side.channel.send
  local done, why = pcall(send, thread, ok and RETURN or RAISE, side.border:take_drops(), ...)
  if not done then send(thread, RAISE, nil, tostring(why)) end
end

local function answer(side, thread, number, ...)
  local object = type(number) == "number" and side.objects[number]
  if not object then return reply(side, thread, false, "the other side calls an object that it was not given") end
  return reply(side, thread, pcall(object, ...))
end

-- Raises what the call was cancelled with, if it was.
local function finish(side, thread)
  local err = side.cancels[thread]
  side.cancels[thread] = nil
  if err ~= nil then error(err, 0) end
end

-- The wait has raised: the call is cancelled, and its end is waited for. Once.
local function broken_off(side, thread, err)
  if side.cancels[thread] ~= nil then
    side.cancels[thread] = nil
    side.threads[side.options.current()] = nil -- its answer may still come: nobody is to mistake it
    error(err, 0)
  end
  side.cancels[thread] = err
  side.channel.send(thread, CANCEL)
  return attend(side, thread)
end

local function got(side, thread, ok, kind, drops, ...)
  if not ok then return broken_off(side, thread, kind) end
  if kind == nil then return side.options.ended() end
  side.border:let_go(drops)
  if kind == RETURN then
    finish(side, thread)
    return ...
  elseif kind == RAISE then
    finish(side, thread)
    error(side.options.raised((...)), 0)
  elseif kind == CALL then
    answer(side, thread, ...)
  elseif kind == CANCEL then
    error(side.options.cancelled(), 0)
  end
  return attend(side, thread)
end

function attend(side, thread, promptly)
  return got(side, thread, pcall(side.channel.wait, thread, promptly))
end

local function call(side, promptly, number, ...)
  local key = side.options.current()
  local thread = side.threads[key]
  if not thread then
    thread = side.next_thread
    side.next_thread = thread + 1
    side.threads[key] = thread
  end
  side.channel.send(thread, CALL, side.border:take_drops(), number, ...)
  return attend(side, thread, promptly)
end

local function told(side, number, ...)
  local object = type(number) == "number" and side.objects[number]
  if object then pcall(object, ...) end
end

-- A task that works for a thread of theirs.
local function work(side, thread, ...)
  side.threads[side.options.current()] = thread
  answer(side, thread, ...)
  side.tasks[thread] = nil
end

local function accepted(side, thread, kind, drops, ...)
  if thread == nil then return false end
  side.border:let_go(drops)
  if kind == CALL then
    side.tasks[thread] = spawn(work, side, thread, ...)
  elseif kind == TELL then
    told(side, ...)
  elseif kind == CANCEL and side.tasks[thread] then
    side.tasks[thread]:cancel()
  end
  return true
end

-- Calls their object with this number, in the thread of who calls. ask does the same for
-- what is answered at once, also where a wait cannot yield; tell does not wait for it, and what
-- it returns or raises is lost.
function Side:offer()
  function self.call(number, ...) return call(self, false, number, ...) end
  function self.ask(number, ...) return call(self, true, number, ...) end
  function self.tell(number, ...) self.channel.send(0, TELL, self.border:take_drops(), number, ...) end
  -- Takes on what threads of theirs begin, until the other side is gone.
  function self.accept()
    while accepted(self, self.channel.wait(0)) do end
  end
  self.border.call = self.call
end

-- Was it handed out?
function Side:knows(value)
  return self.border.numbers[value] ~= nil
end

-- Does it stand for an object of theirs?
function Side:stands(value)
  return self.border.tokens[value] ~= nil
end

-- options  first   number of the first thread that begins here
--          stand   function(call) -> what stands here for their object; call(...) calls it
--          look    function(value) -> ml_frame_ref, number, record; nil = it is handed out
--          dress   function(class, record, table) -> table
--          raised  function(err) -> the error that is raised here for theirs
--          current function() -> what the task that runs is known by
--          cancelled  function() -> the error of a task that they have cancelled
--          ended   function() that raises: the other side is gone
function peer.new(channel, options)
  local border = new_border(options)
  local side = setmetatable({
    channel = channel, options = options, border = border, objects = border.objects,
    tasks = {}, -- thread of theirs -> the task that works for it
    threads = setmetatable({}, { __mode = "k" }), -- what a task is known by -> its thread
    next_thread = options.first,
    cancels = {}, -- thread -> the error that its call ends with
  }, Side)
  side:offer()
  channel.hooks(function(value) return border:out(value) end,
    function(...) return border:back(...) end)
  return side
end

return peer
