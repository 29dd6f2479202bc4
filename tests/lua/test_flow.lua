-- SPDX-License-Identifier: MIT
-- exit: 3
-- each, map, all, spawn, sleep, try: bounds, order, what is a failure and what
-- stops everything. Failed items make the run exit with 3, which is part of the
-- test. Nothing here depends on how long anything takes: tasks wait for each
-- other by taking turns.
local check = require "check"
local moonlever = require "moonlever"
local errors = require "moonlever.errors"

-- Lets the other tasks run until the condition holds.
local function wait_for(condition)
  while not condition() do moonlever.sleep(0) end
end

local function range(last, before)
  local at = 0
  return function()
    if before then before(at + 1) end
    if at >= last then return nil end
    at = at + 1
    return at
  end
end

-- each: all items, in order, never more at a time than asked for ---------------
local order, running, most = {}, 0, 0
local report = moonlever.each(range(50), function(item)
  order[#order + 1] = item
  running = running + 1
  most = math.max(most, running)
  if item == 3 then wait_for(function() return #order >= 3 end) end
  moonlever.sleep(0)
  running = running - 1
  if item % 5 == 0 then return false end
  if item % 7 == 0 then return "skip" end
  return item
end, { concurrency = 3 })
check.equal({ report.ok, report.failed, report.skipped, report.total }, { 34, 0, 16, 50 }, "sums")
check.equal(table.concat(order, " ", 1, 5), "1 2 3 4 5", "order")
check.equal(most, 3, "concurrency")

-- All of `concurrency` really are under way together, and no item is taken before
-- a function is free for it.
local taken, inside = 0, 0
moonlever.each(range(8, function(at) taken = math.max(taken, at) end), function()
  inside = inside + 1
  wait_for(function() return inside >= 4 end)
  if inside == 4 then check.equal(taken, 4, "items taken while four are busy") end
end, { concurrency = 4 })
check.equal(inside, 8)

-- One slow item holds nobody up.
local last
moonlever.each(range(20), function(item)
  if item == 1 then wait_for(function() return last == 20 end) end
  last = item
end, { concurrency = 2 })
check.equal(last, 1, "the slow item ends last")

-- Sources: arrays, functions, callable objects, stateless iterators.
local function collect(source)
  local seen = {}
  local sums = moonlever.each(source, function(a, b) seen[#seen + 1] = b or a end, { concurrency = 1 })
  return table.concat(seen, " "), sums.total
end
check.equal({ collect { "a", "b" } }, { "a b", 2 })
check.equal({ collect {} }, { "", 0 })
check.equal({ collect(("x y"):gmatch "%a") }, { "x y", 2 })
check.equal({ collect(setmetatable({}, { __call = range(3) })) }, { "1 2 3", 3 })
check.equal({ collect(function(_, at) return (at or 0) < 3 and (at or 0) + 1 or nil end) }, { "1 2 3", 3 })
check.equal({ collect(moonlever.csv.reader("x", { text = "a\n1\n2\n" })) }, { "2 3", 2 }, "second values")

-- each: failures ----------------------------------------------------------------
local function refused(kind, message) return errors.new(kind, message) end
report = moonlever.each({ 1, 2, 3, 4, 5 }, function(item)
  if item == 2 then error(refused("notfound", "no 2"), 0) end
  if item == 3 then return nil, "no 3" end
  if item == 4 then return moonlever.try(error, refused("conflict", "no 4"), 0) end
end)
check.equal({ report.ok, report.failed, report.total }, { 2, 3, 5 }, "it goes on")
local failed = {}
for _, failure in ipairs(report.failures) do
  failed[failure.item] = failure.error.kind .. ": " .. failure.error.message
end
check.equal(failed, { [2] = "notfound: no 2", [3] = "invalid: no 3", [4] = "conflict: no 4" })

-- Too many failures: more than max(10, 1 %), or 20 in a row.
local function failing(total, wrong, options)
  return moonlever.each(range(total), function(item)
    if wrong(item) then error(refused("remote", "no " .. item), 0) end
  end, options or { concurrency = 1 })
end
check.equal(failing(500, function(item) return item <= 10 end).failed, 10, "ten may fail")
local err = check.raises("guard", failing, 500, function(item) return item % 2 == 0 end)
check.equal({ err.report.failed, err.report.ok }, { 11, 11 }, "the eleventh stops")
check.match(err.message, "stopped after 11 of 22 items had failed; the last one: no 22")
check.equal(failing(3000, function(item) return item % 110 == 0 end).failed, 27, "1 % may fail")
err = check.raises("guard", failing, 4000, function(item) return item > 3900 end)
check.equal(err.report.failed, 20, "20 in a row")
check.equal(failing(40, function() return true end, { stop_after = false }).failed, 40, "never")
check.equal(failing(40, function() return true end, { stop_after = math.huge }).failed, 40, "never")
err = check.raises("guard", failing, 40, function() return true end, { stop_after = 2, concurrency = 1 })
check.equal(err.report.failed, 2, "stop_after")
err = check.raises("forbidden", moonlever.each, range(40), function()
  error(refused("forbidden", "not yours"), 0)
end)
check.equal(err.report.ok, 0, "everything was refused: the credential")

-- What stops all: no further item is taken, and the error is raised.
local function stopped_by(kind, value, others)
  local begun, stopping = 0, false
  local got = check.raises(kind, moonlever.each, range(100), function(item)
    begun = begun + 1
    if item == 3 then
      wait_for(function() return begun >= 3 end)
      stopping = true
      error(value, 0)
    end
    others(function() return stopping end)
  end, { concurrency = 3 })
  check.equal(begun, 3, "nothing more was begun")
  return got
end

-- A guard lets come to its end what it has let in; so does a credential that is refused.
for _, kind in ipairs { "guard", "auth" } do
  local ended = 0
  local got = stopped_by(kind, refused(kind, "stop"), function(stopping)
    wait_for(stopping)
    for _ = 1, 3 do moonlever.sleep(0) end
    ended = ended + 1
  end)
  check.equal({ got.message, ended, got.report.ok }, { "stop", 2, 2 }, "the others came to their end")
end

-- After a cancel or a programming error the others are cancelled.
local function stopped_at_once(kind, value)
  local ended, after = 0, 0
  local got = stopped_by(kind, value, function()
    local ok, why = pcall(wait_for, function() return false end)
    ended = ended + 1
    if not ok and why.kind ~= "cancelled" then after = after + 1 end
    if not ok then error(why, 0) end
  end)
  check.equal({ ended, after }, { 2, 0 }, "the others were cancelled")
  return got
end
check.equal(stopped_at_once("cancelled", refused("cancelled", "stop")).message, "stop")
local text = stopped_at_once(nil, "test: a bug")
check.match(text, "^test: a bug\nstack traceback:")
local thrown = {}
local ok, value = pcall(moonlever.each, { 1 }, function() error(thrown) end)
check.equal({ ok, rawequal(value, thrown) }, { false, true }, "other values travel unchanged")

-- An error of the source cancels and is raised.
err = check.raises("remote", moonlever.each, range(100, function(at)
  if at == 5 then error(refused("remote", "page 2 is gone"), 0) end
end), function() end)
check.equal({ err.message, err.report.ok < 5 }, { "page 2 is gone", true })

-- A source that can be closed is closed when the items are not all taken.
local closed = 0
local closable = function()
  return setmetatable({}, { __call = range(9), __close = function() closed = closed + 1 end })
end
moonlever.each(closable(), function() end)
check.equal(closed, 0, "not after the end")
check.raises("auth", moonlever.each, closable(), function() error(refused("auth", "x"), 0) end, { concurrency = 1 })
check.equal(closed, 1, "after an error")

-- Wrong arguments name the remedy.
check.match(check.raises("usage", moonlever.each, { a = 1 }, print).message, "named keys")
check.match(check.raises("usage", moonlever.each, nil, print).message, "got nil")
check.match(check.raises("usage", moonlever.each, "abc", print).message, "got string")
check.match(check.raises("usage", moonlever.each, {}, nil).message, "a function is needed")
check.match(check.raises("usage", moonlever.each, {}, print, { concurency = 2 }).message, "'concurrency'")
for _, bad in ipairs { 0, -1, 1.5, "2", 1001 } do
  check.raises("usage", moonlever.each, {}, print, { concurrency = bad })
end
for _, bad in ipairs { 0, -1, 1.5, "2", true } do
  check.raises("usage", moonlever.each, {}, print, { stop_after = bad })
end
check.raises("usage", moonlever.each, {}, print, { expect = -1 })
check.raises("usage", moonlever.each, {}, print, 16)
check.raises("usage", moonlever.map, {}, print, { stop_after = 1 })

-- map: results in the order of the source, whoever is ready first -----------------
local ready = 0
local results, count = moonlever.map({ 1, 2, 3 }, function(item)
  wait_for(function() return ready == 3 - item end)
  ready = ready + 1
  return item * 10
end)
check.equal({ results, count }, { { 10, 20, 30 }, 3 })
results, count = moonlever.map(range(3), function(item) return item ~= 2 and item or nil end)
check.equal({ results[1], results[2] == nil, results[3], count }, { 1, true, 3, 3 }, "nil results")
local reached = 0
err = check.raises("remote", moonlever.map, range(100), function(item)
  reached = reached + 1
  if item == 2 then error(refused("remote", "first"), 0) end
  wait_for(function() return false end)
end, { concurrency = 2 })
check.equal({ err.message, reached }, { "first", 2 })

-- all: results in the order given, the first error in time -------------------------
local go = false
results = moonlever.all {
  function() wait_for(function() return go end) return "a", "more" end,
  moonlever.spawn(function() go = true return "b" end),
}
check.equal(results, { "a", "b" })
check.equal(moonlever.all {}, {})
local waiting = moonlever.spawn(function() wait_for(function() return false end) end)
err = check.raises("remote", moonlever.all, {
  waiting,
  function() wait_for(function() return false end) end,
  function() error(refused("remote", "third"), 0) end,
})
check.equal({ err.message, waiting:status() }, { "third", "cancelled" })
check.raises("usage", moonlever.all, { 1 })
check.raises("usage", moonlever.all, { a = print })
check.raises("usage", moonlever.all, 1)

-- spawn, await, cancel, sleep --------------------------------------------------------
local task = moonlever.spawn(function(a, b) moonlever.sleep(0) return a + b, "two" end, 1, 2)
check.equal({ task:await() }, { 3, "two" })
check.equal({ task:await() }, { 3, "two" }, "again")
task = moonlever.spawn(function() error(refused("remote", "inside"), 0) end)
check.equal(check.raises("remote", task.await, task).message, "inside")
task = moonlever.spawn(function() moonlever.sleep(1000) end)
task:cancel()
check.raises("cancelled", task.await, task)
check.equal(task:status(), "cancelled")
check.raises("usage", moonlever.spawn, 1)
for _, bad in ipairs { -1, 0 / 0, math.huge, "1" } do check.raises("usage", moonlever.sleep, bad) end
check.raises("usage", moonlever.sleep, nil)

-- Inside one another, and inside a script's own coroutines.
local sums = moonlever.map({ 1, 2, 3 }, function(outer)
  local inner = moonlever.map({ 1, 2 }, function(item) moonlever.sleep(0) return item * outer end)
  return inner[1] + inner[2]
end)
check.equal(sums, { 3, 6, 9 }, "map in map")
local wrapped = coroutine.wrap(function()
  for item = 1, 3 do
    moonlever.sleep(0)
    coroutine.yield(item)
  end
end)
check.equal({ collect(wrapped) }, { "1 2 3", 3 }, "a source that waits in a coroutine")

-- try ----------------------------------------------------------------------------------
check.equal({ moonlever.try(function(...) return ... end, 1, 2) }, { 1, 2 })
local nothing, why = moonlever.try(function() moonlever.sleep(0) error(refused("auth", "no"), 0) end)
check.equal({ nothing == nil, why.kind }, { true, "auth" })
check.match(check.raises(nil, moonlever.try, function() error "a bug" end), "a bug$")
check.raises("usage", moonlever.try, nil)

check.done(100)
