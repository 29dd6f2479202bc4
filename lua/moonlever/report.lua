-- SPDX-License-Identifier: MIT
-- What a script adds to the closing report: sums that add up.
--
-- The engine reports requests and changes; only the script knows what its items
-- were and why some needed nothing. Its part of the report names a total and the
-- parts of it. Whatever is missing between them is shown as "unaccounted", so a
-- report never looks complete when it is not.
--
-- Example
--   report.report { title = "retag", total = 500,
--     { "changed", 312 }, { "already so", 188 }, { "failed", 0 } }
--   --> retag: 500 = 312 changed + 188 already so + 0 failed

local raw = require "moonlever.raw"
local errors = require "moonlever.errors"

local report = {}

local KNOWN = { title = true, total = true, lines = true, failures = true }
-- A long list of failures hides the sums; the rest is in the run's own records.
local MAX_FAILURES = 20

local function usage(message, ...)
  errors.usage(message:format(...))
end

local function check_part(index, part)
  local name, number = table.unpack(type(part) == "table" and part or {})
  if type(name) ~= "string" or math.type(number) ~= "integer" then
    usage("report: part %d is { \"name\", whole number }", index)
  end
end

local function check(options)
  if type(options) ~= "table" then usage("report: a table is needed, got %s", type(options)) end
  if type(options.title) ~= "string" or options.title == "" then
    usage("report: a title is needed, such as report { title = \"retag\" }")
  end
  if options.total ~= nil and math.type(options.total) ~= "integer" then
    usage("report: total is a whole number, got %s", tostring(options.total))
  end
  for _, key in ipairs { "lines", "failures" } do
    if options[key] ~= nil and type(options[key]) ~= "table" then
      usage("report: %s is an array, got %s", key, type(options[key]))
    end
  end
  for index, part in ipairs(options) do check_part(index, part) end
end

-- Parts are { name, number } in order, then named whole numbers by name; other
-- named values are remarks.
local function sort_out(options)
  local parts, remarks, names = {}, {}, {}
  for _, part in ipairs(options) do parts[#parts + 1] = part end
  for key in pairs(options) do
    if type(key) == "string" and not KNOWN[key] then names[#names + 1] = key end
  end
  table.sort(names)
  for _, name in ipairs(names) do
    local value = options[name]
    if math.type(value) == "integer" then
      parts[#parts + 1] = { name, value }
    else
      remarks[#remarks + 1] = ("%s: %s"):format(name, tostring(value))
    end
  end
  return parts, remarks
end

local function sum_line(parts, total)
  local words, sum = {}, 0
  for index, part in ipairs(parts) do
    words[index] = ("%d %s"):format(part[2], part[1])
    sum = sum + part[2]
  end
  if total and #words > 0 and sum ~= total then
    words[#words + 1] = ("%d unaccounted"):format(total - sum)
  end
  if #words == 0 then return total and tostring(total) or nil end
  return ("%d = %s"):format(total or sum, table.concat(words, " + "))
end

-- What an item is called: itself, or its name of any kind.
local function label(item)
  if type(item) ~= "table" then return tostring(item) end
  for _, key in ipairs { "label", "title", "userName", "email", "uuid", "id" } do
    local value = item[key]
    if type(value) == "string" or type(value) == "number" then return tostring(value) end
  end
  return "an item"
end

local function add_failures(add, failures)
  for index = 1, math.min(#failures, MAX_FAILURES) do
    local failure = failures[index]
    local text = tostring(failure.error):gsub("\n%s*", "; ")
    add(("  failed: %s: %s"):format(label(failure.item), text))
  end
  if #failures > MAX_FAILURES then
    add(("  … and %d more that failed"):format(#failures - MAX_FAILURES))
  end
end

--- The lines that report() adds, as one text ending with a newline.
function report.text(options)
  check(options)
  local lines = {}
  local function add(line) lines[#lines + 1] = line end
  local parts, remarks = sort_out(options)
  local sum = sum_line(parts, options.total)
  add(sum and options.title .. ": " .. sum or options.title)
  for _, line in ipairs(remarks) do add("  " .. line) end
  for _, line in ipairs(options.lines or {}) do add("  " .. tostring(line)) end
  add_failures(add, options.failures or {})
  return table.concat(lines, "\n") .. "\n"
end

--- Adds to the closing report of the run.
--
-- options  title     what was done (required)
--          total     how many items there were
--          1, 2, …   { name, number }: the parts of the total, in order
--          name      a whole number: one more part; anything else: a remark
--          lines     further lines
--          failures  as each() returns them: { { item =, error = }, … }
function report.report(options)
  raw.report(report.text(options))
end

return report
