-- SPDX-License-Identifier: MIT
-- Many things at once, in plain words: each, map, all, spawn, sleep, try.
--
-- A script that changes thousands of objects should not have to know about
-- tasks. It hands a list and a function to `each`; the functions run side by
-- side, wait inside any call they like, and every item ends in exactly one of
-- three states: ok, failed, skipped.
--
-- Invariants
--   1. At most `concurrency` functions run at a time, and an item is taken from
--      the source only when a function is free for it: memory stays bounded
--      however long the list is.
--   2. Items are taken in order, by one worker at a time. Whoever holds the
--      baton takes the next item, passes the baton on and then does the work.
--   3. When each, map or all return or raise, none of their tasks is left.
--   4. A programming error, a guard, a cancellation, a refused credential or an
--      error of the source itself is never counted as the failure of one item:
--      it cancels the rest and is raised.
--
-- Example
--   local report = flow.each(sd.recordings:list(), function(rec)
--     if rec.title == "done" then return false end         -- skipped
--     sd.recordings:update(rec, { title = "done" })        -- ok, or failed
--   end, { concurrency = 16 })
--   print(report.ok, report.failed, report.skipped, report.total)

local raw = require "moonlever.raw"
local errors = require "moonlever.errors"
local suggest = require "moonlever.suggest"

local traceback = debug and debug.traceback

local flow = {}

local MAX_CONCURRENCY = 1000
-- The rule of a run: stop at more than max(10, 1 %) failures or 20 in a row.
local FAILURES_ALWAYS_ALLOWED = 10
local FAILURES_SHARE = 0.01
local FAILURES_IN_A_ROW = 20
local FAILURES_SAID = 3

-- Going on after these would repeat the same refusal for every item that is left.
local STOPS_ALL = { guard = true, cancelled = true, auth = true }

-- When each() stops for one of these, the items under way come to their end first: what a guard
-- has let in is done, and nothing is left in doubt.
local GENTLE = { guard = true, auth = true, forbidden = true }

local function usage(message, ...)
  errors.usage(message:format(...))
end

-- Message handler for errors on their way through a task: error objects travel
-- unchanged, the text of a programming error gets the traceback of where it
-- happened, since the stack is gone when it is raised again elsewhere.
local function located(err)
  if errors.is(err) or type(err) ~= "string" or not traceback then return err end
  if err:find("\nstack traceback:", 1, true) then return err end
  return traceback(err, 2)
end

local function is_callable(value)
  if type(value) == "function" then return true end
  local meta = type(value) ~= "string" and getmetatable(value)
  return type(meta) == "table" and meta.__call ~= nil
end

local function check_callable(who, value)
  if not is_callable(value) then
    usage("%s: a function is needed, got %s", who, type(value))
  end
end

local function check_options(who, options, known)
  if options == nil then return {} end
  if type(options) ~= "table" then
    usage("%s: options are a table such as { concurrency = 16 }, got %s", who, type(options))
  end
  for key in pairs(options) do
    local found = false
    for _, name in ipairs(known) do found = found or name == key end
    if not found then
      usage("%s: unknown option '%s'%s", who, tostring(key), suggest.phrase(key, known))
    end
  end
  return options
end

local function check_concurrency(who, value)
  if value == nil then return raw.concurrency() end
  local whole = type(value) == "number" and math.tointeger(value)
  if not whole or whole < 1 or whole > MAX_CONCURRENCY then
    usage("%s: concurrency is a whole number from 1 to %d, got %s", who, MAX_CONCURRENCY,
      tostring(value))
  end
  return whole
end

-- Group: tasks that stand or fall together -----------------------------------

local Group = {}
Group.__index = Group

-- `gentle`: kinds of errors after which what runs comes to its end by itself.
local function new_group(gentle)
  return setmetatable({ live = {}, failed = false, err = nil, gentle = gentle or {} }, Group)
end

-- Starts fn(...) as a task of the group; an error of it fails the group.
function Group:go(fn, ...)
  local key = {}
  self.live[key] = raw.spawn(function(...)
    local ok, err = xpcall(fn, located, ...)
    self.live[key] = nil
    if not ok then self:fail(err) end
  end, ...)
end

-- The first error counts; what still runs is cancelled, unless the error is a gentle one.
function Group:fail(err)
  if self.failed then return end
  self.failed, self.err = true, err
  if errors.is(err) and self.gentle[err.kind] then return end
  for _, task in pairs(self.live) do task:cancel() end
end

-- Waits until no task is left, then raises the first error if there was one.
function Group:wait()
  while true do
    local key, task = next(self.live)
    if key == nil then break end
    local ok, err = pcall(task.await, task)
    if not ok then
      -- The task was cancelled, or we were: then it has just been cancelled by
      -- fail() and gets the chance to come to its end.
      self:fail(err)
      pcall(task.await, task)
    end
    self.live[key] = nil
  end
  if self.failed then error(self.err, 0) end
end

-- Sources --------------------------------------------------------------------

local function array_source(array)
  local index = 0
  return function()
    index = index + 1
    return array[index]
  end
end

-- What the generic `for` would do with a lone iterator: call it with the last
-- first value until that is nil.
local function iterator_source(iterator)
  local control
  return function()
    local a, b, c = iterator(nil, control)
    control = a
    return a, b, c
  end
end

-- A source is an array, or whatever `for x in it do` takes.
-- Returns the function that takes the next item, and the length if known.
local function source_of(who, source)
  if is_callable(source) then return iterator_source(source), nil end
  if type(source) ~= "table" then
    usage("%s: an array or an iterator is needed, got %s", who,
      source == nil and "nil" or type(source))
  end
  if #source == 0 and next(source) ~= nil then
    usage("%s: got a table with named keys; pass an array or an iterator such as resource:list()",
      who)
  end
  return array_source(source), #source
end

local function close_source(source)
  local kind = type(source)
  if kind ~= "userdata" and kind ~= "table" then return end
  local meta = getmetatable(source)
  if type(meta) ~= "table" or meta.__call == nil then return end
  if type(meta.__close) == "function" then meta.__close(source, nil) end
end

-- The pool of workers --------------------------------------------------------

local work

-- Takes the next item; false when there is none or the group has failed.
local function take(pool)
  local a, b, c = pool.pull()
  pool.pulling = false
  if a == nil then pool.ended = true end
  if a == nil or pool.group.failed then return false end
  pool.taken = pool.taken + 1
  return true, a, b, c
end

-- One worker. It is started with the baton in hand (pool.pulling is true).
function work(pool)
  while true do
    local got, a, b, c = take(pool)
    if not got then return end
    local index = pool.taken
    pool.running = pool.running + 1
    if pool.running < pool.limit then
      pool.pulling = true
      pool.group:go(work, pool)
    end
    pool.body(index, a, b, c)
    pool.running = pool.running - 1
    if pool.pulling or pool.ended or pool.group.failed then return end
    pool.pulling = true
  end
end

-- Runs body(index, item, ...) for all items of the source, `limit` at a time.
-- Raises what body or the source raise, after everything has come to rest.
local function drive(source, pull, limit, body, gentle)
  local pool = {
    group = new_group(gentle), pull = pull, limit = limit, body = body,
    running = 0, taken = 0, pulling = true, ended = false,
  }
  pool.group:go(work, pool)
  local ok, err = pcall(pool.group.wait, pool.group)
  if not pool.ended then close_source(source) end
  if not ok then error(err, 0) end
  return pool.taken
end

-- each -----------------------------------------------------------------------

local function check_stop_after(value)
  if value == nil or value == false or value == math.huge then return value end
  local whole = type(value) == "number" and math.tointeger(value)
  if not whole or whole < 1 then
    usage("each: stop_after is a whole number from 1, or false for never, got %s", tostring(value))
  end
  return whole
end

local function check_expect(value)
  if value ~= nil and (math.type(value) ~= "integer" or value < 0) then
    usage("each: expect is a whole number from 0, got %s", tostring(value))
  end
  return value
end

local function too_many(report, stop_after, in_a_row)
  if stop_after == false or stop_after == math.huge then return false end
  if stop_after then return report.failed >= stop_after end
  local attempted = report.ok + report.failed
  return report.failed > math.max(FAILURES_ALWAYS_ALLOWED, attempted * FAILURES_SHARE)
    or in_a_row >= FAILURES_IN_A_ROW
end

-- All failed, and all because they may not: that is the credential, not the items.
local function nothing_is_open(report)
  if report.ok > 0 then return false end
  for _, failure in ipairs(report.failures) do
    if failure.error.kind ~= "forbidden" then return false end
  end
  return true
end

local function stop(report, err)
  if nothing_is_open(report) then error(err, 0) end
  errors.raise("guard", ("stopped after %d of %d items had failed; the last one: %s")
    :format(report.failed, report.ok + report.failed, tostring(err.message or err)), {
      cause = err, detail = err.detail,
      fix = "see to the cause and run again, or allow more failures with stop_after",
    })
end

local function as_error(reason)
  if errors.is(reason) then return reason end
  return errors.new("invalid", tostring(reason))
end

local function new_tally(stop_after)
  local report = { ok = 0, failed = 0, skipped = 0, total = 0, failures = {} }
  return { report = report, in_a_row = 0, stop_after = stop_after }
end

-- The first reasons are in the closing report, where the script reports nothing itself: the
-- journal tells of failed changes only, and only to those who ask.
local function say_failure(report, err)
  if report.failed > FAILURES_SAID then return end
  raw.failure(errors.why(err))
end

local function count_failure(tally, item, err)
  local report = tally.report
  report.failed = report.failed + 1
  say_failure(report, err)
  report.failures[report.failed] = { item = item, error = err }
  tally.in_a_row = tally.in_a_row + 1
  raw.count("item_failed", 1)
  if too_many(report, tally.stop_after, tally.in_a_row) then stop(report, err) end
end

-- Books one item by what its function returned or raised.
local function settle(tally, item, ok, result, reason)
  local report = tally.report
  local err = nil
  if not ok then
    if not errors.is(result) then error(result, 0) end
    err = result
  elseif result == nil and reason ~= nil then
    err = as_error(reason)
  end
  if err then
    if STOPS_ALL[err.kind] then error(err, 0) end
    return count_failure(tally, item, err)
  end
  local skipped = result == false or result == "skip"
  local state = skipped and "skipped" or "ok"
  report[state] = report[state] + 1
  if not skipped then tally.in_a_row = 0 end
  raw.count("item_" .. state, 1)
end

--- Calls fn(item) for every item, several at a time, and goes on after failures.
--
-- source       an array, or an iterator as the generic `for` takes it (a
--              function or a callable object); further values of the iterator
--              are passed on (at most three in all)
-- fn           what to do with one item. What it returns decides:
--                false or "skip"       skipped: nothing was to be done
--                nil, reason           failed (so `return moonlever.try(…)` works)
--                anything else         ok
--              A raised error object is a failure too.
-- options      concurrency  1..1000, default as set for the run
--              stop_after   stop when this many have failed; false = never.
--                           Default: more than max(10, 1 %), or 20 in a row
--              expect       changes to expect, for the question before the first
--                           one; default: the length of an array
-- Returns { ok, failed, skipped, total, failures = { { item =, error = }, … } };
-- ok + failed + skipped == total. Failures make the run exit with 3.
-- Raises guard when too many have failed (forbidden when everything was
-- refused), and what stops all: guard, cancelled, auth, programming errors and
-- errors of the source. An error object raised has the report so far as `report`.
function flow.each(source, fn, options)
  options = check_options("each", options, { "concurrency", "stop_after", "expect" })
  check_callable("each", fn)
  local limit = check_concurrency("each", options.concurrency)
  local tally = new_tally(check_stop_after(options.stop_after))
  local pull, length = source_of("each", source)
  local expect = check_expect(options.expect) or length
  if expect then raw.count("expect", expect) end
  local ok, err = pcall(drive, source, pull, limit, function(_, item, ...)
    settle(tally, item, xpcall(fn, located, item, ...))
  end, GENTLE)
  local report = tally.report
  report.total = report.ok + report.failed + report.skipped
  if ok then return report end
  if errors.is(err) and rawget(err, "report") == nil then err.report = report end
  error(err, 0)
end

--- Calls fn(item) for every item, several at a time, and collects the results.
--
-- Arguments as for each, without stop_after and expect.
-- Returns the array of first results, in the order of the source, and their
-- number (results may be nil). Raises the first error after cancelling the rest.
function flow.map(source, fn, options)
  options = check_options("map", options, { "concurrency" })
  check_callable("map", fn)
  local limit = check_concurrency("map", options.concurrency)
  local results = {}
  local taken = drive(source, source_of("map", source), limit, function(index, ...)
    results[index] = fn(...)
  end)
  return results, taken
end

-- all, spawn, sleep, try -----------------------------------------------------

local function is_task(value)
  if type(value) ~= "userdata" and type(value) ~= "table" then return false end
  local ok, await = pcall(function() return value.await end)
  return ok and type(await) == "function"
end

--- Waits for several tasks.
--
-- tasks  array of tasks (from spawn) and functions (started here)
-- Returns the array of their first results, in the order given. Raises the
-- first error to happen, after cancelling the rest, the given tasks too.
function flow.all(tasks)
  if type(tasks) ~= "table" then
    usage("all: an array of tasks or functions is needed, got %s", type(tasks))
  end
  for index = 1, #tasks do
    if not is_task(tasks[index]) and not is_callable(tasks[index]) then
      usage("all: entry %d is neither a task nor a function but %s", index, type(tasks[index]))
    end
  end
  if #tasks == 0 and next(tasks) ~= nil then usage("all: got a table with named keys") end
  local group, results = new_group(), {}
  for index = 1, #tasks do
    local task = tasks[index]
    group:go(function()
      if is_task(task) then results[index] = task:await() else results[index] = task() end
    end)
  end
  local ok, err = pcall(group.wait, group)
  if ok then return results end
  for index = 1, #tasks do
    if is_task(tasks[index]) then
      tasks[index]:cancel()
      pcall(tasks[index].await, tasks[index])
    end
  end
  error(err, 0)
end

--- Starts fn(...) as a task of its own. Returns the task: `task:await()` gives
-- the results of fn or raises its error, `task:cancel()` stops it.
function flow.spawn(fn, ...)
  check_callable("spawn", fn)
  return raw.spawn(fn, ...)
end

--- Waits without holding up other tasks. seconds: a number from 0.
function flow.sleep(seconds)
  if type(seconds) ~= "number" or not (seconds >= 0 and seconds < math.huge) then
    usage("sleep: seconds are a number from 0, got %s", tostring(seconds))
  end
  return raw.sleep(seconds)
end

local function tried(ok, ...)
  if ok then return ... end
  local err = ...
  if errors.is(err) then return nil, err end
  error(err, 0)
end

--- Calls fn(...). Returns its results, or nil and the error object when one was
-- raised. Programming errors (plain texts) pass through: hiding them would hide
-- bugs of the script.
function flow.try(fn, ...)
  check_callable("try", fn)
  return tried(pcall(fn, ...))
end

return flow
