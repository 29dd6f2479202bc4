-- SPDX-License-Identifier: MIT
-- Exports recordings and users to CSV or JSON lines.
--
-- A list of recordings is the whole account only for an admin's token (SD-02),
-- and nothing in the list shows whose token it was. So the export finds out and
-- says it, in the report and, for a directory, in export.json beside the files.

local moonlever = require "moonlever"
local suggest = require "moonlever.suggest"

-- Paths of all documented fields; a path may also name a whole object.
local FIELDS = {
  recordings = {
    "uuid", "title", "summary", "description",
    "metadata", "metadata.created_at", "metadata.updated_at", "metadata.duration",
    "metadata.impressions_count", "metadata.recording_type", "metadata.recording_source",
    "metadata.url", "metadata.helpdesk_info", "metadata.helpdesk_info.platform",
    "metadata.helpdesk_info.conversation_id", "metadata.helpdesk_info.ticket_id",
    "metadata.helpdesk_info.user_id", "metadata.helpdesk_info.operator_id",
    "metadata.helpdesk_info.customer_id", "metadata.helpdesk_info.issue_id",
    "technical_details", "technical_details.vendor", "technical_details.ip_address",
    "technical_details.timezone", "technical_details.network_type", "technical_details.isp",
    "console_logs", "customer", "customer.email", "user", "user.email", "user.name",
    "room_insights", "room_insights.started_at", "room_insights.ended_at",
    "room_insights.duration", "room_insights.total_participant_minutes",
    "room_insights.total_unique_participants", "room_insights.participants_insights",
  },
  users = {
    "email", "name", "role", "has_profile_picture", "created_at", "updated_at", "notifications",
    "notifications.notify_first_view", "notifications.notify_all_recordings",
    "notifications.notify_own_recordings",
  },
}

-- The columns of a CSV file when none are named: what people look for, without
-- logs and addresses of machines.
local DEFAULTS = {
  recordings = {
    "uuid", "title", "summary", "description", "metadata.created_at", "metadata.updated_at",
    "metadata.duration", "metadata.impressions_count", "metadata.recording_type",
    "metadata.recording_source", "metadata.url", "metadata.helpdesk_info.platform",
    "metadata.helpdesk_info.ticket_id", "customer.email", "user.email", "user.name",
  },
  users = {
    "email", "name", "role", "created_at", "updated_at", "notifications.notify_first_view",
    "notifications.notify_all_recordings", "notifications.notify_own_recordings",
  },
}

local opt = moonlever.script {
  summary = "Export recordings and users to CSV or JSON lines",
  description = [[
    With a directory, each kind gets its file there (recordings.csv, users.csv), and export.json
    says what the files hold and which role the token had. A file appears only when it is
    complete. With - one kind goes to standard output.

    CSV has a choice of columns, or those of --fields; cells that a spreadsheet would run as a
    formula get a ' in front unless --raw is given. JSON lines hold whole records, or the fields
    of --fields; null fields are left out.

    A token of an admin sees the recordings of the whole account, one of a member only its own:
    then the export is no full backup, and the report says so.]],
  examples = {
    "moonlever run export recordings --format jsonl > recordings.jsonl",
    "moonlever run export recordings users --out backup",
    "moonlever run export recordings --fields uuid,title,metadata.helpdesk_info.ticket_id",
  },
  writes = {},
  args = {
    what = { "recordings, users or both; by default both into a directory, else recordings",
      type = "list", values = { "recordings", "users" }, positional = 1 },
    format = { "csv or jsonl (JSON lines)", type = "enum", values = { "csv", "jsonl" }, default = "csv" },
    out = { "an existing directory, or - for standard output", default = "-", value = "DIR" },
    fields = { "fields to export, as paths such as user.email (one kind only)", type = "list" },
    limit = { "export N records of each kind at most", type = "integer", min = 1 },
    raw = { "leave formulas in CSV cells as they are", type = "boolean" },
    excel = { "start CSV files with the mark that Excel needs to see UTF-8", type = "boolean" },
  },
}

local to_output = opt.out == "-"
local kinds = {}
do
  local seen = {}
  for _, kind in ipairs(opt.what or (to_output and { "recordings" } or { "recordings", "users" })) do
    if not seen[kind] then kinds[#kinds + 1] = kind end
    seen[kind] = true
  end
end
if to_output and #kinds > 1 then opt:fail("--out - takes one kind; name a directory for both") end
if opt.fields and #kinds > 1 then opt:fail("--fields goes with one kind; name recordings or users") end

local function check_fields(kind)
  local known = {}
  for _, path in ipairs(FIELDS[kind]) do known[path] = true end
  for _, path in ipairs(opt.fields or {}) do
    if not known[path] then
      opt:fail(("%s have no field '%s'%s"):format(kind, path, suggest.phrase(path, FIELDS[kind])))
    end
  end
end

-- record.a.b for the path "a.b"; nil where there is nothing.
local function value_at(record, path)
  local value = record
  for name in path:gmatch("[^.]+") do
    if type(value) ~= "table" then return nil end
    value = value[name]
  end
  return value
end

local function path_of(kind)
  return to_output and "-" or ("%s/%s.%s"):format(opt.out:gsub("/+$", ""), kind, opt.format)
end

-- Whole objects have no form of their own in a cell: they become JSON.
local function cells_of(record, fields)
  local row = {}
  for _, path in ipairs(fields) do
    local value = value_at(record, path)
    if type(value) == "table" then
      value = next(value) ~= nil and moonlever.json.encode(value) or nil
    end
    row[path] = value
  end
  return row
end

local function members_of(record, fields)
  local row = {}
  for _, path in ipairs(fields) do
    local value = value_at(record, path)
    if value == nil then value = moonlever.null end
    row[path] = value
  end
  return row
end

-- A function that writes one record, and the writer behind it.
local function writer_for(kind)
  if opt.format == "csv" then
    local fields = opt.fields or DEFAULTS[kind]
    local file = moonlever.csv.writer(path_of(kind), fields, { raw = opt.raw, bom = opt.excel })
    return function(record) file:write(cells_of(record, fields)) end, file
  end
  local file = moonlever.jsonl.writer(path_of(kind))
  return function(record)
    file:write(opt.fields and members_of(record, opt.fields) or record)
  end, file
end

-- Only an admin may list users, so one look tells (SD-02). A 403 may also be a
-- question of the plan, which the recordings then show.
local function token_role(sd)
  local _, err = moonlever.try(function()
    local users <close> = sd.users:list { limit = 1 }
    users()
  end)
  if not err then return "admin" end
  if err.kind == "forbidden" then return "member" end
  error(err, 0)
end

local ROLE_TEXT = {
  admin = "the token is an admin's: recordings of the whole account",
  member = "the token may not list users, so it is a member's: only its own recordings;"
    .. " this is no full backup",
}

local exported = {}

local function export(sd, kind, write, file)
  local count = 0
  for record in sd[kind]:list { limit = opt.limit } do
    write(record)
    count = count + 1
  end
  file:close()
  exported[#exported + 1] = { kind = kind, records = count, file = not to_output and path_of(kind) or nil }
end

for _, kind in ipairs(kinds) do check_fields(kind) end

-- The files are opened before anything is asked for: a wrong directory shows at once.
local jobs = {}
for _, kind in ipairs(kinds) do
  local opened, err = moonlever.try(function()
    local write, file = writer_for(kind)
    return { kind = kind, write = write, file = file }
  end)
  if not opened then opt:fail(err.message .. (err.fix and "; " .. err.fix or "")) end
  jobs[#jobs + 1] = opened
end

local sd = moonlever.connect "screendesk"
local role = token_role(sd)

local report = moonlever.each(jobs, function(job)
  local _, err = moonlever.try(export, sd, job.kind, job.write, job.file)
  if err then
    job.file:discard()
    return nil, err
  end
end, { concurrency = 1, expect = 0 })

local lines = { ROLE_TEXT[role] }
for _, part in ipairs(exported) do
  lines[#lines + 1] = ("%s: %d%s"):format(part.kind, part.records, part.file and " in " .. part.file or "")
end
if not to_output then
  local manifest <close> = moonlever.jsonl.writer((opt.out:gsub("/+$", "")) .. "/export.json")
  manifest:write {
    token_role = role, whole_account = role == "admin" and not opt.limit, format = opt.format,
    complete = report.failed == 0, files = moonlever.array(exported),
  }
end
for _, failure in ipairs(report.failures) do failure.item = failure.item.kind end
moonlever.report { title = "export", lines = lines, failures = report.failures }
-- Nothing at all: then the first reason is the reason of the run.
if #exported == 0 then error(report.failures[1].error, 0) end
