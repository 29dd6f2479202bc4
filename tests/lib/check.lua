-- SPDX-License-Identifier: MIT
--
-- Assertions for Lua tests. A failed check raises at the line of the test, and the number of
-- checks is part of the test: a callback that never came or a task that died quietly is seen.
--
--     local check = require "check"
--     check.equal(1 + 1, 2, "sum")
--     check.equal({ a = { 1 } }, { a = { 1 } })
--     local err = check.raises("usage", function() sd.recordings:get("") end)
--     check.match(err.message, "empty")
--     check.done(4)

local check = {}

local count = 0

local function show(value, depth)
  if type(value) == "string" then
    return string.format("%q", value)
  end
  if type(value) ~= "table" or depth > 4 then
    return tostring(value)
  end
  local keys, parts = {}, {}
  for key in pairs(value) do
    keys[#keys + 1] = key
  end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  for _, key in ipairs(keys) do
    parts[#parts + 1] = ("[%s]=%s"):format(show(key, depth + 1), show(value[key], depth + 1))
  end
  return "{" .. table.concat(parts, ", ") .. "}"
end

-- Raw and deep: 1 and 1.0 are different here, for ids in URLs they are.
local function same(a, b)
  if rawequal(a, b) then
    return math.type(a) == math.type(b)
  end
  if type(a) ~= "table" or type(b) ~= "table" then
    return a == b and math.type(a) == math.type(b)
  end
  for key, value in next, a do
    if not same(value, rawget(b, key)) then return false end
  end
  for key in next, b do
    if rawget(a, key) == nil then return false end
  end
  return true
end

local function fail(what, text)
  error((what and what .. ": " or "") .. text, 3)
end

-- got and want are alike, tables by content, integers and floats apart.
function check.equal(got, want, what)
  count = count + 1
  if not same(got, want) then
    fail(what, "got " .. show(got, 0) .. ", want " .. show(want, 0))
  end
end

-- value is neither nil nor false. Returns it.
function check.ok(value, what)
  count = count + 1
  if not value then
    fail(what, "got " .. tostring(value))
  end
  return value
end

-- text matches the Lua pattern (plain = true: contains the string).
function check.match(text, pattern, what, plain)
  count = count + 1
  if type(text) ~= "string" or not text:find(pattern, 1, plain) then
    fail(what, show(text, 0) .. " does not match " .. show(pattern, 0))
  end
end

-- fn(...) raises an error object of this kind; with kind nil a string error. Returns the error.
function check.raises(kind, fn, ...)
  count = count + 1
  local ok, err = pcall(fn, ...)
  if ok then
    fail(nil, "nothing raised, want " .. (kind or "a string error"))
  end
  local got = type(err) ~= "string" and err.kind or nil
  if got ~= kind then
    fail(nil, ("raised %s (%s), want %s"):format(tostring(got), tostring(err), kind or "a string error"))
  end
  return err
end

-- How many checks there were so far.
function check.count()
  return count
end

-- The end of a test: exactly `want` checks have been made.
function check.done(want)
  if count ~= want then
    error(("%d checks were made, want %d"):format(count, want), 2)
  end
  print(("ok %d checks"):format(count))
end

return check
