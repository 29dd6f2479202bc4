-- SPDX-License-Identifier: MIT
-- The plan file: what a run would send, as JSON lines, for people and for apply.
--
-- The first line is the header, each line behind it one change with its exact body
-- and its images. The header's hash covers every byte behind it and the header's other
-- members, so a plan that was edited is no plan any more, and two plans of the same
-- changes are two plans: each is applied once.
--
--   plan.write("retag.plan", run_id)
--   local header, changes = plan.read("retag.plan")

local raw = require "moonlever.raw"
local errors = require "moonlever.errors"
local out = require "moonlever.out"

local open = io and io.open

local plan = {}

plan.FORMAT, plan.VERSION = "moonlever-plan", 1

local null = raw.null

local function value_of(text)
  return text and raw.json.decode(text) or null
end

local function line_of(row, seq)
  return raw.json.encode({
    seq = seq, operation = row.operation, service = row.service, origin = row.origin, target = row.target,
    method = row.method, path = row.path, effect = row.effect, body = row.body or null,
    before = value_of(row.before), after = value_of(row.after),
  }, { sorted = true })
end

-- The hash of a plan: over its header, without the hash, and its changes.
function plan.hash(header, body)
  local rest = {}
  for name, value in pairs(header) do
    if name ~= "hash" then rest[name] = value end
  end
  return "sha256:" .. raw.sha256(raw.json.encode(rest, { sorted = true }) .. "\n" .. body)
end

local function rfc3339(ms)
  return os.date("!%Y-%m-%dT%H:%M:%SZ", ms // 1000)
end

-- What is said of a run that has planned nothing: it is not in the journal.
local function unwritten()
  local args = raw.json.array(raw.args())
  return { script = raw.script_name(), args = raw.json.encode(args), started = raw.wall_ms() }
end

-- The header line and the lines of the changes of a run of kind "plan", and how many there
-- are. `part`: only its changes from number part.first on, as the part of that number; the
-- same changes in another part are another plan.
function plan.text(id, part)
  local run
  for row in raw.query("run", id) do run = row end -- to the end: an open query sees nothing new
  run = run or unwritten()
  local lines = {}
  for row in raw.query("changes", id) do
    if row.state == "P" and row.seq >= (part and part.first or 1) then
      lines[#lines + 1] = line_of(row, #lines + 1) .. "\n"
    end
  end
  local body = table.concat(lines)
  local header = {
    format = plan.FORMAT, version = plan.VERSION, run = run.run or null, part = part and part.number,
    script = run.script, args = raw.json.decode(run.args or "[]"),
    service = run.service, origin = run.origin, profile = run.profile, created = rfc3339(run.started),
    changes = #lines, requests = #lines,
  }
  header.hash = plan.hash(header, body)
  return raw.json.encode(header, { sorted = true }) .. "\n", body, #lines
end

-- Writes the plan of a run of kind "plan" from the journal. Returns the number of
-- changes. Raises usage when the file cannot be written.
function plan.write(path, id)
  local header, body, count = plan.text(id)
  local file <close> = out.file(path, { private = true }) -- it holds what the service has told
  file:write(header)
  file:write(body)
  file:close()
  return count
end

local function no_plan(path, why)
  errors.raise("usage", ("%s is no plan: %s"):format(path, why), {
    fix = "make one with: moonlever run SCRIPT --plan FILE", config = true,
  })
end

local function read_file(path)
  local file, why = open(path, "rb")
  if not file then
    why = tostring(why):gsub("^.*: ", "")
    errors.raise("usage", ("cannot read the plan %s: %s"):format(path, why), { config = true })
  end
  local text = file:read("a")
  file:close()
  if not text then no_plan(path, "it cannot be read") end
  return text
end

local function header_of(path, line)
  local ok, header = pcall(raw.json.decode, line)
  if not ok or type(header) ~= "table" or header.format ~= plan.FORMAT then
    no_plan(path, "its first line is not the header of one")
  end
  if header.version ~= plan.VERSION then
    no_plan(path, ("it is of version %s, and this program reads %d"):format(tostring(header.version), plan.VERSION))
  end
  return header
end

local TEXTS = { "operation", "service", "origin", "target", "method", "path", "effect" }

local function change_of(path, line)
  local ok, row = pcall(raw.json.decode, line)
  if not ok or type(row) ~= "table" then no_plan(path, "a line is not a change") end
  for _, name in ipairs(TEXTS) do
    if type(row[name]) ~= "string" then no_plan(path, ("a change has no '%s'"):format(name)) end
  end
  for _, name in ipairs { "before", "after" } do
    row[name] = row[name] ~= null and row[name] ~= nil and raw.json.encode(row[name], { sorted = true }) or nil
  end
  if row.body == null then row.body = nil end
  return row
end

-- The header and the changes (rows as of the journal) of a plan. Raises usage for
-- what is no plan, guard for one that was edited.
function plan.read(path)
  local text = read_file(path)
  local first, body = text:match("^([^\n]*)\n(.*)$")
  local header = header_of(path, first or text)
  if header.hash ~= plan.hash(header, body or "") then
    errors.raise("guard", ("%s was changed after it was made: its hash does not fit"):format(path), {
      fix = "make the plan again; nothing was sent",
    })
  end
  local rows = {}
  for line in (body or ""):gmatch("[^\n]+") do rows[#rows + 1] = change_of(path, line) end
  if header.changes ~= #rows then
    errors.raise("guard", ("%s was changed after it was made: its header speaks of %s changes, and it has %d")
      :format(path, tostring(header.changes), #rows), { fix = "make the plan again; nothing was sent" })
  end
  return header, rows
end

return plan
