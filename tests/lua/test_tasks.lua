-- SPDX-License-Identifier: MIT
-- run: --practice --yes --rate 0
--
-- Waiting works wherever Lua code can stand: plain calls, pcall, metamethods, iterators, the
-- script's own coroutines, and places that cannot yield (sort, gsub). Tasks end, fail and are
-- cancelled as their documentation says.

local check = require "check"
local moonlever = require "moonlever"
local raw = require "moonlever.raw"

local sd = moonlever.connect "screendesk"

local function fetch()
  return sd.recordings:list { limit = 1 }().uuid
end

local uuid = fetch()

local function wait()
  return sd.recordings:get(uuid).uuid == uuid
end

-- plain, protected, metamethods
check.equal(wait(), true, "plain call")
check.equal({ pcall(wait) }, { true, true }, "pcall")
check.equal({ xpcall(wait, debug.traceback) }, { true, true }, "xpcall")
local object = setmetatable({}, {
  __index = function() return wait() end,
  __newindex = function() wait() end,
  __add = function() return wait() end,
  __concat = function() return wait() and "joined" end,
  __eq = function() return wait() end,
  __lt = function() return wait() end,
  __len = function() return wait() and 7 end,
  __call = function() return wait() end,
  __tostring = function() return wait() and "text" end,
  __pairs = function() return function(_, key) if not key then return wait() end end end,
})
check.equal(object.anything, true, "__index")
object.anything = 1
check.equal(object + 1, true, "__add")
check.equal(object .. "x", "joined", "__concat")
check.equal(object == setmetatable({}, getmetatable(object)), true, "__eq")
check.equal(object < object, true, "__lt")
check.equal(#object, 7, "__len")
check.equal(object(), true, "__call")
check.equal(tostring(object), "text", "__tostring, which cannot yield")
local seen = 0
for key in pairs(object) do
  seen = seen + (key and 1 or 0)
end
check.equal(seen, 1, "__pairs")
do
  local closed
  do
    local _ <close> = setmetatable({}, { __close = function() closed = wait() end })
  end
  check.equal(closed, true, "__close")
end

-- places that cannot yield drive the loop themselves
local numbers = { 5, 3, 4, 1, 2 }
table.sort(numbers, function(a, b) return wait() and a < b end)
check.equal(numbers, { 1, 2, 3, 4, 5 }, "sort comparator")
check.equal((("abc"):gsub("%w", function(c) return wait() and c:upper() end)), "ABC", "gsub callback")
check.equal(load("local w = ...; return w()")(wait), true, "load")

-- the script's own coroutines
local generator = coroutine.wrap(function()
  for i = 1, 3 do
    wait()
    coroutine.yield(i)
  end
end)
local sum = 0
for i in generator do
  sum = sum + i
end
check.equal(sum, 6, "coroutine.wrap generator")
local outer = coroutine.wrap(function()
  local inner = coroutine.wrap(function()
    wait()
    coroutine.yield("inner")
    wait()
    return "end"
  end)
  coroutine.yield(inner())
  coroutine.yield(inner())
end)
check.equal({ outer(), outer() }, { "inner", "end" }, "nested generators")
local failing = coroutine.create(function()
  wait()
  error({ code = 7 })
end)
local ok, err = coroutine.resume(failing)
check.equal({ ok, err.code }, { false, 7 }, "an error after a wait in coroutine.resume")
check.equal(coroutine.status(failing), "dead", "status of a failed coroutine")
local values = { coroutine.resume(coroutine.create(function(...) wait() return ... end), 1, nil, 3) }
check.equal(values[4], 3, "arguments and results through a wait")
table.sort(numbers, function(a, b)
  return coroutine.wrap(function() wait() coroutine.yield(a > b) end)()
end)
check.equal(numbers[1], 5, "a waiting coroutine inside a sort comparator")

-- several at once
local tasks = {}
for i = 1, 20 do
  tasks[i] = moonlever.spawn(function(n) wait() return n * n, "two" end, i)
end
local total = 0
for _, task in ipairs(tasks) do
  local square, two = task:await()
  total = total + square + #two
end
check.equal(total, 2870 + 60, "results of tasks")
check.equal({ tasks[3]:await() }, { 9, "two" }, "await again")

-- failing and cancelled tasks
local broken = moonlever.spawn(function() return uuid.x.y end)
local good, why = pcall(broken.await, broken)
check.equal(good, false, "await raises the task's error")
check.match(why, "attempt to index")
check.equal(broken:status(), "failed", "status of a failed task")
local cleaned = false
local sleeper = moonlever.spawn(function()
  local slept, reason = pcall(moonlever.sleep, 3600)
  cleaned = wait() -- a cancelled task may still clean up, with calls
  return slept, reason.kind
end)
moonlever.sleep(0)
sleeper:cancel()
check.equal({ sleeper:await() }, { false, "cancelled" }, "a cancelled task may catch it")
check.equal(cleaned, true, "and clean up")
local hung = moonlever.spawn(function() moonlever.sleep(3600) end)
moonlever.sleep(0)
hung:cancel()
check.raises("cancelled", function() hung:await() end)
check.equal(hung:status(), "cancelled", "status of a cancelled task")
local kept = moonlever.spawn(function() coroutine.yield() coroutine.yield() return "later" end)
check.equal(kept:await(), "later", "a bare yield of a task gives way and goes on")

-- a coroutine whose call is under way cannot be resumed by somebody else
local stolen = coroutine.create(function() wait() end)
local thief = moonlever.spawn(function()
  moonlever.sleep(0)
  return coroutine.resume(stolen)
end)
local owner = moonlever.spawn(function() return coroutine.resume(stolen) end)
local first, second = { owner:await() }, { thief:await() }
check.equal(first[1] ~= second[1] or not first[1], true, "at most one of two resumes goes through")

-- iterators: break, error and a closure in the body, with a wait
local closed = 0
for n = 1, 3 do
  for item in raw.iterator(function() wait() return { 1, 2, 3 } end, function() closed = closed + 1 end) do
    local keep = function() return item end
    if keep() == 2 then break end
  end
  check.equal(n, n)
end
collectgarbage()
collectgarbage()
check.equal(closed, 3, "a dropped iterator is closed")
local explicit = raw.iterator(function() return { 1 } end, function() closed = closed + 1 end)
explicit:close()
explicit:close()
check.equal(closed, 4, "close comes once")
check.equal(explicit(), nil, "a closed iterator hands out nothing")

check.raises("usage", function()
  local me
  me = moonlever.spawn(function() return me:await() end)
  me:await()
end)

check.done(40)
