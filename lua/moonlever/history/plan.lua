-- SPDX-License-Identifier: MIT
-- Saved plans: what `moonlever plan` wrote, read back and held against its hash.
--
-- A plan is JSON lines: a header, then a change a line. The header's hash covers
-- every byte behind its line, so nothing is shown that was not written.
--
--   local header, body = plan.open("retag.plan")
--   plan.each("retag.plan", body, function(change) print(change.operation, change.target) end)

local raw = require "moonlever.raw"

local plan = {}

local FORMAT = "moonlever-plan"
local VERSION = 1
local TEXTS = { "run", "script", "service", "origin", "created", "hash" }

-- A problem on its way to the caller of open or each: { code =, text = }.
local function problem(code, message, ...)
  error({ code = code, text = message:format(...) }, 0)
end

local function no_plan(path, why)
  problem(2, "'%s' is no plan%s", path, why)
end

local function read(path)
  local file, reason = io.open(path, "rb")
  if not file then
    problem(2, "cannot read the plan '%s': %s", path, (reason:gsub("^.*: ", "")))
  end
  local content
  content, reason = file:read("a")
  file:close()
  if not content then
    problem(2, "cannot read the plan '%s': %s", path, (reason:gsub("^.*: ", "")))
  end
  return content
end

local function decoded(line)
  local ok, value = pcall(raw.json.decode, line)
  return ok and type(value) == "table" and not raw.json.is_array(value) and value or nil
end

local function check_header(path, header)
  if not header or header.format ~= FORMAT then no_plan(path, ": it does not begin like one") end
  if math.type(header.version) ~= "integer" or header.version < 1 then
    no_plan(path, ": its header names no version")
  end
  if header.version > VERSION then
    problem(2, "'%s' was made by a newer Moonlever: its format is version %d, known is %d",
      path, header.version, VERSION)
  end
  for _, name in ipairs(TEXTS) do
    if type(header[name]) ~= "string" then no_plan(path, (": its header has no '%s'"):format(name)) end
  end
end

--- Why a plan is not taken that is not as it was written.
function plan.changed(path, why)
  return ("'%s' was changed after it was made: %s\n  fix: make the plan again"):format(path, why)
end

local function open(path)
  local content = read(path)
  local line, body = content:match("^([^\n]*)\n?(.*)$")
  local header = decoded(line)
  check_header(path, header)
  if header.hash ~= "sha256:" .. raw.sha256(body) then
    problem(6, "%s", plan.changed(path, "its lines do not have the hash of its header"))
  end
  return header, body
end

local function caught(ok, first, second)
  if ok then return first, second end
  if type(first) == "table" and first.code then return nil, first end
  error(first, 0)
end

--- Reads a plan and checks its hash. Returns the header and the text behind it, or
-- nil and the problem: { code = exit code, text = }.
function plan.open(path)
  return caught(pcall(open, path))
end

local CHANGE_TEXTS = { "operation", "effect", "method", "path" }

local function is_change(value)
  if not value then return false end
  for _, name in ipairs(CHANGE_TEXTS) do
    if type(value[name]) ~= "string" then return false end
  end
  local target = value.target
  if target == nil then value.target = raw.null end
  return type(target) == "string" or math.type(target) == "integer" or target == nil or target == raw.null
end

local function each(path, body, visit)
  local count = 0
  for line in body:gmatch("[^\n]+") do
    local change = decoded(line)
    count = count + 1
    if not is_change(change) then no_plan(path, (": line %d is no change"):format(count + 1)) end
    visit(change)
  end
  return count
end

--- Calls visit(change) for each change of a plan, with raw.null for null. Returns
-- how many there were, or nil and the problem.
function plan.each(path, body, visit)
  return caught(pcall(each, path, body, visit))
end

return plan
