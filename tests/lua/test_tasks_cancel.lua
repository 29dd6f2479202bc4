-- SPDX-License-Identifier: MIT
-- run: --practice --yes --rate 0
--
-- Cancelling in every state, waits that can never end, coroutines that are resumed, closed or
-- left while a call in them is under way, and iterators that several tasks pull.
local check = require "check"
local moonlever = require "moonlever"
local raw = require "moonlever.raw"

local sd = moonlever.connect "screendesk"
local uuid = sd.recordings:list { limit = 1 }().uuid

local function wait()
  return sd.recordings:get(uuid).uuid == uuid
end

-- Lets all others run until they wait.
local function others()
  for _ = 1, 3 do moonlever.sleep(0) end
end

local function kind_of(fn, ...)
  local ok, err = pcall(fn, ...)
  return not ok and type(err) == "table" and err.kind or ok
end

-- a task that has not started yet never does
local began = false
local unborn = moonlever.spawn(function() began = true end)
unborn:cancel()
check.raises("cancelled", function() unborn:await() end)
check.equal({ began, unborn:status() }, { false, "cancelled" }, "never started")
unborn:cancel()
check.equal(unborn:status(), "cancelled", "cancelled again after the end")

-- cancelled twice before it wakes: raised once
local raised = 0
local twice = moonlever.spawn(function()
  if kind_of(moonlever.sleep, 3600) == "cancelled" then raised = raised + 1 end
  if kind_of(moonlever.sleep, 0) == "cancelled" then raised = raised + 1 end
  return "through"
end)
others()
twice:cancel()
twice:cancel()
check.equal({ twice:await() }, { "through" })
check.equal(raised, 1, "a cancel is raised once")

-- of itself: at its next wait
local own
own = moonlever.spawn(function()
  own:cancel()
  moonlever.sleep(3600)
end)
check.raises("cancelled", function() own:await() end)

-- while it drives, inside a sort comparator
local driving
driving = moonlever.spawn(function()
  local t = { 3, 1, 2 }
  table.sort(t, function(a, b)
    moonlever.sleep(3600)
    return a < b
  end)
end)
moonlever.spawn(function() driving:cancel() end)
check.raises("cancelled", function() driving:await() end)

-- while it waits for another: the other goes on
local slow = moonlever.spawn(function() others() others() return "slow" end)
local waiter = moonlever.spawn(function() return slow:await() end)
others()
waiter:cancel()
check.raises("cancelled", function() waiter:await() end)
check.equal(slow:await(), "slow", "who was waited for is not touched")

-- inside the script's own coroutine: raised there, and everything is closed on the way
local closed = {}
local function closing(name)
  return setmetatable({}, { __close = function(_, err)
    closed[#closed + 1] = name .. " " .. tostring(err and err.kind)
  end })
end
local nested = moonlever.spawn(function()
  local _ <close> = closing "outer"
  local inner = coroutine.wrap(function()
    local _ <close> = closing "inner"
    moonlever.sleep(3600)
  end)
  inner()
end)
others()
nested:cancel()
check.raises("cancelled", function() nested:await() end)
check.equal(closed, { "inner cancelled", "outer cancelled" })

-- an error raised while closing takes the place of the cancel
local messy = moonlever.spawn(function()
  local _ <close> = setmetatable({}, { __close = function() error({ code = 9 }, 0) end })
  moonlever.sleep(3600)
end)
others()
messy:cancel()
local ok, err = pcall(messy.await, messy)
check.equal({ ok, err.code }, { false, 9 }, "errors while closing")

-- a handler that waits, closed as the last thing of a failed task
local handled
local failed = moonlever.spawn(function()
  local _ <close> = setmetatable({}, { __close = function() handled = wait() end })
  error "broken"
end)
check.match(check.raises(nil, function() failed:await() end), "broken")
check.equal(handled, true, "__close of a failed task may wait")

-- odd error values
local function error_of(value)
  local task = moonlever.spawn(function() error(value, 0) end)
  local good, got = pcall(task.await, task)
  return not good and got
end
check.equal({ pcall(function() moonlever.spawn(function() error() end):await() end) }, { false }, "error(nil)")
check.equal(error_of(42), 42)
local rude = setmetatable({}, { __tostring = function() error "no text" end })
check.ok(rawequal(error_of(rude), rude), "an error object without a text")

-- waiting in a circle ends at once, with a clear error
local first, second
first = moonlever.spawn(function() return second:await() end)
second = moonlever.spawn(function()
  return select(2, pcall(table.sort, { 2, 1 }, function() first:await() return false end))
end)
check.match(tostring(second:await()), "can never happen", "a circle through a sort")
check.ok(not pcall(first.await, first) or first:status() == "done")
local me
me = moonlever.spawn(function()
  return coroutine.wrap(function() return me:await() end)()
end)
check.match(tostring(check.raises("usage", function() me:await() end)), "wait for itself")

-- too many waits inside waits, each holding C stack
local function dig(depth)
  return moonlever.spawn(function()
    table.sort({ 2, 1 }, function()
      if depth > 0 then dig(depth - 1):await() end
      return false
    end)
  end)
end
dig(10):await()
check.match(tostring(check.raises("usage", function() dig(20):await() end)), "too many waits")
local function dig_inner(depth)
  return moonlever.spawn(function()
    table.sort({ 2, 1 }, function()
      coroutine.wrap(function() if depth > 0 then dig_inner(depth - 1):await() end end)()
      return false
    end)
  end)
end
dig_inner(10):await()
check.match(tostring(check.raises("usage", function() dig_inner(20):await() end)), "too many waits")

-- who drives runs others that drive as well
local order = {}
local function sorter(name)
  return moonlever.spawn(function()
    table.sort({ 1, 2, 3 }, function(a, b)
      wait()
      order[#order + 1] = name
      return a < b
    end)
  end)
end
local sorters = { sorter "a", sorter "b", sorter "c" }
for _, task in ipairs(sorters) do task:await() end
check.ok(#order >= 6, "nested drives come to an end")

-- what a waiting coroutine looks like from outside
local thread
local looked = moonlever.spawn(function()
  thread = coroutine.create(function()
    moonlever.sleep(0)
    return coroutine.isyieldable(), select(2, coroutine.running())
  end)
  return coroutine.resume(thread)
end)
moonlever.spawn(function()
  check.equal(coroutine.status(thread), "suspended", "status of a waiting coroutine")
end):await()
check.equal({ looked:await() }, { true, true, false })
check.equal(coroutine.status(thread), "dead")
check.equal({ coroutine.resume(thread) }, { false, "cannot resume dead coroutine" })
check.equal({ coroutine.resume(coroutine.running()) }, { false, "cannot resume non-suspended coroutine" })

-- a waiting coroutine that somebody else resumes: both get an error, nobody hangs
local function stolen_by(steal)
  local co
  local owner = moonlever.spawn(function()
    co = coroutine.create(function() moonlever.sleep(3600) end)
    return coroutine.resume(co)
  end)
  others()
  steal(co)
  collectgarbage()
  collectgarbage()
  return owner
end
local good, why
local owner = stolen_by(function(co) good, why = coroutine.resume(co) end)
check.equal({ good, why.kind }, { false, "usage" })
check.match(why.message, "still under way")
check.equal({ owner:await() }, { false, "cannot resume dead coroutine" })

-- ... that somebody else closes
owner = stolen_by(function(co) check.ok(coroutine.close(co)) end)
owner:cancel()
check.equal(kind_of(owner.await, owner) ~= nil, true)

-- the same for the thread of a task
local body
local robbed = moonlever.spawn(function()
  body = coroutine.running()
  moonlever.sleep(3600)
end)
others()
good, why = coroutine.resume(body)
check.equal({ good, why.kind }, { false, "usage" })
check.ok(not pcall(robbed.await, robbed))
robbed = moonlever.spawn(function()
  body = coroutine.running()
  moonlever.sleep(3600)
end)
others()
coroutine.close(body)
robbed:cancel()
check.ok(not pcall(robbed.await, robbed))

-- a stolen coroutine whose owner drives
local inner
local driver = moonlever.spawn(function()
  table.sort({ 2, 1 }, function()
    inner = coroutine.create(function() moonlever.sleep(3600) end)
    good, why = coroutine.resume(inner)
    return false
  end)
  return good, why
end)
local thief = moonlever.spawn(function()
  local result = { coroutine.resume(inner) }
  inner = nil
  collectgarbage()
  collectgarbage()
  return result[1], result[2].kind
end)
check.equal({ driver:await() }, { false, "cannot resume dead coroutine" })
check.equal({ thief:await() }, { false, "usage" })

-- a generator that is left while it waits
for _ = 1, 3 do
  local left = moonlever.spawn(function()
    local generator = coroutine.wrap(function()
      while true do
        wait()
        coroutine.yield(1)
      end
    end)
    generator()
    moonlever.spawn(function() pcall(generator) end)
    others()
  end)
  left:await()
end
collectgarbage()

-- a call that is closed while another task waits for it hears of it
local client = raw.connect { service = "screendesk", origin = raw.setting "SCREENDESK_URL", credentials = {
  default = { env = "SCREENDESK_TOKEN", header = "Authorization", prefix = "Bearer " } } }
local call = client:start { method = "GET", path = "/api/v2/recordings/" .. uuid }
local listener = moonlever.spawn(function() return call:wait() end)
local also = moonlever.spawn(function() moonlever.sleep(0) return call:wait() end)
moonlever.spawn(function() call:close() end):await()
check.match(check.raises(nil, function() listener:await() end), "closed")
check.match(check.raises(nil, function() also:await() end), "closed")

-- an iterator that two tasks pull at once loses nothing silently
local pages = raw.iterator(function() moonlever.sleep(0) return { 1, 2, 3 } end)
local pullers = {}
for i = 1, 2 do
  pullers[i] = moonlever.spawn(function() return pages() end)
end
check.equal(pullers[1]:await(), 1)
check.match(tostring(check.raises("usage", function() pullers[2]:await() end)), "two tasks read")
check.equal({ pages(), pages(), pages() }, { 2, 3, 1 }, "and goes on")

-- a refill that fails can be asked again; one that is closed under way brings nothing
local turn = 0
local flaky = raw.iterator(function()
  turn = turn + 1
  moonlever.sleep(0)
  if turn == 1 then error({ code = 5 }) end
  return { "fine" }
end)
check.equal(select(2, pcall(flaky)).code, 5)
check.equal(flaky(), "fine")
local closer = raw.iterator(function() moonlever.sleep(0) moonlever.sleep(0) return { 1 } end)
local reader = moonlever.spawn(function() return closer() end)
moonlever.sleep(0)
closer:close()
check.equal({ reader:await() }, {}, "closed while it was filled")

check.done(53)
