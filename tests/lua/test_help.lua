-- SPDX-License-Identifier: MIT
-- Help from the catalogues: complete, in 80 columns, with examples that are Lua; names
-- that are nearly right; help about values of a script.
-- run: --practice

local check = require "check"
local moonlever = require "moonlever"
local raw = require "moonlever.raw"
local api = require "moonlever.derived.api"
local help = require "moonlever.help"
local lists = require "moonlever.lists"
local methods = require "moonlever.derived.methods"
local sheets = require "moonlever.derived.sheet"
local types = require "moonlever.derived.types"

local function contains(list, wanted)
  for _, value in ipairs(list) do
    if value == wanted then return true end
  end
  return false
end

local without_help = {}
for name in pairs(lists.OPTIONS) do
  if not methods.LIST_OPTIONS[name] then without_help[#without_help + 1] = name end
end
check.equal(without_help, {}, "options of lists that are not explained")

-- ---------------------------------------------------------------------------
-- Every text: what must be in it, and how wide it may be.

local problems = {}

local function problem(name, text, ...) problems[#problems + 1] = name .. ": " .. text:format(...) end

local function text_of(name)
  local text, meant = help.text(name)
  if not text then
    problem(name, "no help (%s)", tostring(meant))
    return ""
  end
  for line in text:gmatch("[^\n]+") do
    if utf8.len(line) > 80 and line:find("%s%S+%s") then problem(name, "too wide: %s", line) end
  end
  return text
end

local function holds(name, text, wanted)
  if not text:find(wanted, 1, true) then problem(name, "'%s' is missing", wanted) end
end

local function flat(text) return (text:gsub("%s+", " ")) end

local operations = 0
local function look_at(m)
  local text, sheet = text_of(m.name), sheets.method(m)
  for _, heading in ipairs { "USAGE", "RETURNS", "EFFECT", "LEARN MORE" } do
    holds(m.name, text, "\n" .. heading .. "\n")
  end
  holds(m.name, flat(text), methods.signature(m))
  for _, id in ipairs(m.entry.notes or {}) do
    holds(m.name, flat(text), id .. " " .. flat(m.service.notes[id]))
  end
  for _, fields in ipairs { m.fields or {}, m.query } do
    for _, row in ipairs(types.rows(fields)) do holds(m.name, text, "\n" .. ("  "):rep(row.depth + 1) .. row.leaf) end
  end
  if sheet.example and not load(sheet.example) then problem(m.name, "no Lua: %s", sheet.example) end
  if not sheet.example and not m.request.refused then problem(m.name, "no example") end
  operations = operations + (m.entry.id and m.kind ~= "pages" and 1 or 0)
end

for _, name in ipairs(methods.SERVICES) do
  local catalogue = methods.catalogue(name)
  local about = text_of(name)
  for resource, spec in pairs(catalogue.resources) do
    holds(name, about, "\n  " .. resource)
    local text = text_of(name .. "." .. resource)
    for member in pairs(catalogue.shapes[spec.record].fields) do holds(resource, text, "\n  " .. member) end
    for _, m in ipairs(methods.of(catalogue, resource)) do
      holds(resource, text, "\n  " .. m.verb)
      look_at(m)
    end
  end
end
for _, entry in ipairs(api.functions) do text_of("moonlever." .. entry.name) end
for _, name in ipairs { "moonlever", "moonlever.null", "csv", "screendesk.scim", "screendesk.request" } do
  text_of(name)
end
check.equal(problems, {}, "help is complete")
check.equal(operations, 93, "operations with help")

-- ---------------------------------------------------------------------------
-- What is said of some

local update = flat(help.text("screendesk.recordings.update"))
check.match(update, "title string; new title; cannot be null", nil, true)
check.match(update, "summary string or null; short summary", nil, true)
check.match(update, "uuid record or UUID", nil, true)
check.match(update, "- Only an admin may do this.", nil, true)
check.match(update, "403 the plan may not include the API (it needs Enterprise)", nil, true)
check.match(update, "RETURNS The object as it is then (Recording).", nil, true)

local remove = flat(help.text("workdrive.group_chats.delete"))
check.match(remove, "- Deletes. - Cannot be undone: no call brings it back", nil, true)
check.match(remove, 'never "id"', nil, true)
check.match(remove, "DELETE /api/group-chats?id={id}", nil, true)

local send = flat(help.text("workdrive.notifications.send"))
check.match(send, 'switches = { "notifications" }', nil, true)
check.match(send, '"EMAIL" | "SMS" | "PUSH" | "INAPP"', nil, true)
check.match(send, 'with medium = "EMAIL", emails must be given', nil, true)
check.match(send, "People hear of it: email, sms, push, in-app.", nil, true)
check.match(flat(help.text("workdrive.messages.create_meeting")), "Never sent: use events:create", nil, true)
check.match(flat(help.text("workdrive.posts.create")), 'tags list of strings or string; left out: {}', nil, true)
check.match(flat(help.text("screendesk.recordings.list")), "limit integer, 1 or more; stop after this many", nil, true)
check.match(flat(help.text("screendesk.scim.users.create")), "active boolean; left out, it becomes true", nil, true)
check.match(flat(help.text("workdrive.departments.list_members")), "id record or string", nil, true)
check.match(flat(help.text("workdrive.security_groups.remove_members")), "RETURNS The object as it is then", nil, true)
check.match(flat(help.text("workdrive.group_chats.list")), "left out: now", nil, true)
check.match(flat(help.text("screendragon.users.list")), "left out: true, unless active is given", nil, true)
check.match(flat(help.text("screendesk.scim.users.set_active")), "active boolean", nil, true)
check.match(flat(help.text("screendesk.scim.users.list")), "Uses the credential SCREENDESK_SCIM_TOKEN.", nil, true)

-- ---------------------------------------------------------------------------
-- No key of an operation that people should know of is passed over in silence.

local SAID = {
  "summary", "params", "query", "fields", "items", "defaults", "fills", "rules", "same", "unique",
  "only_if", "via", "sets", "exact", "value", "moves", "complete", "pages", "record", "answer", "absent",
  "inverse", "irreversible", "finish", "later", "once", "switch", "confirm", "side_effects", "refused",
  "admin", "hints", "notes", "method", "methods", "path", "fallback", "effect", "strategy", "body",
}
-- How it is sent and judged, which nobody has to know to call it.
local UNSAID = {
  "id", "member", "wrap", "only_fields", "form", "read", "settle", "gone", "success", "also", "errors",
}
-- Without these, it is another kind of operation.
local SHAPING = { params = 1, via = 1, sets = 1, exact = 1, value = 1, pages = 1, record = 1, answer = 1, absent = 1,
  effect = 1, strategy = 1, body = 1, items = 1, method = 1, path = 1, fields = 1, finish = 1, defaults = 1 }

local file = assert(io.open("../docs/catalogue.md"))
local section = file:read("a"):match("\n## An operation\n(.-)\n### Rules")
file:close()
local unknown = {}
for cell in section:gmatch("\n| ([^|]+) |") do
  for key in cell:gmatch("`([^`]+)`") do
    if not contains(SAID, key) and not contains(UNSAID, key) then unknown[#unknown + 1] = key end
  end
end
check.equal(unknown, {}, "keys of operations that help neither says nor leaves out on purpose")

local silent, tried = {}, 0
local function without(m, key, before)
  local value = m.entry[key]
  if value == nil then return end
  m.entry[key] = nil
  local after = help.text(m.name)
  m.entry[key] = value
  tried = tried + 1
  if before == after and not m.request.refused then silent[#silent + 1] = m.name .. " " .. key end
end
for _, name in ipairs(methods.SERVICES) do
  local catalogue = methods.catalogue(name)
  for resource in pairs(catalogue.resources) do
    for _, m in ipairs(methods.of(catalogue, resource)) do
      local before = help.text(m.name)
      for _, key in ipairs(SAID) do
        if not SHAPING[key] and not (key == "summary" and m.kind == "pages") then without(m, key, before) end
      end
    end
  end
end
check.equal(silent, {}, "keys that make no difference to help")
check.ok(tried > 400, "keys were taken away: " .. tried)

-- ---------------------------------------------------------------------------
-- Names

local function meant(name)
  local text, guess = help.text(name)
  check.equal(text, nil, name)
  return guess
end

check.equal(meant "screendesk.recordings.updat", "screendesk.recordings.update")
check.equal(meant "screendesk.recordngs", "screendesk.recordings")
check.equal(meant "screndesk.recordings.list", "screendesk.recordings.list")
check.equal(meant "sleap", "moonlever.sleep")
check.equal(meant "moonlever.csv.raeder", "moonlever.csv.reader")
check.equal(meant "xyzzy", nil)
check.equal(meant "", nil)
check.equal(meant "..", nil)
check.equal(meant "screendesk.recordings.list.more", nil)
local _, _, several = help.text("users.list")
check.equal(several, { "screendesk.scim.users.list", "screendesk.users.list", "screendragon.users.list",
  "workdrive.users.list" })
check.match(help.problem("users.list", nil, several), "may mean several: screendesk.scim.users.list, ", nil, true)
_, _, several = help.text("list")
check.match(help.problem("list", nil, several), "and %d+ more$")
check.equal(help.text("recordings:update"), help.text("screendesk.recordings.update"))
check.equal(help.text("each"), help.text("moonlever.each"))
check.equal(help.text("reader"), help.text("moonlever.csv.reader"))

-- ---------------------------------------------------------------------------
-- In a script

local printed
local write = raw.write
local function help_of(...)
  printed = {}
  raw.write = function(text) printed[#printed + 1] = text end
  local ok, err = pcall(moonlever.help, ...)
  raw.write = write
  if not ok then error(err, 0) end
  return table.concat(printed)
end

local sd = moonlever.connect "screendesk"
check.equal(help_of(sd), help.text("screendesk"))
check.equal(help_of(sd.recordings), help.text("screendesk.recordings"))
check.equal(help_of(sd.recordings.update), help.text("screendesk.recordings.update"))
check.equal(help_of(sd.recordings.pages), help.text("screendesk.recordings.pages"))
check.equal(help_of(sd.scim), help.text("screendesk.scim"))
check.equal(help_of(sd.scim.users.set_roles), help.text("screendesk.scim.users.set_roles"))
check.equal(help_of(sd.request), help.text("screendesk.request"))
check.equal(help_of(), help.text("moonlever"))
check.equal(help_of(moonlever), help.text("moonlever"))
check.equal(help_of(moonlever.csv.reader), help.text("moonlever.csv.reader"))
check.equal(help_of(moonlever.tags), help.text("moonlever.tags"))
check.equal(help_of("workdrive.sso.list"), help.text("workdrive.sso.list"))
check.match(check.raises("usage", help_of, print).message, "nothing is known about this function")
check.match(check.raises("usage", help_of, 42).message, "nothing is known about this number")
check.match(check.raises("usage", help_of, "screendesk.recordngs").message, "Did you mean 'screendesk.recordings'")

-- ---------------------------------------------------------------------------
-- The description of the public table and the table itself, both ways

local _, err = pcall(function() return moonlever["no such member at all"] end)
local members = {}
for name in err.message:match("known: (.*)$"):gmatch("[%w_]+") do members[name] = true end
check.ok(members.connect and members.null and members.jsonl, "the members that the table names")

local function described(name)
  if api.find(name) then return true end
  for _, entry in ipairs(api.functions) do
    if entry.name:sub(1, #name + 1) == name .. "." then return true end
  end
  return false
end

local missing = {}
for name in pairs(members) do
  if not described(name) then missing[#missing + 1] = name end
  if type(moonlever[name]) == "table" then
    for member in pairs(moonlever[name]) do
      if not described(name .. "." .. member) then missing[#missing + 1] = name .. "." .. member end
    end
  end
end
check.equal(missing, {}, "members without a description")
for _, entry in ipairs(api.functions) do
  local value = moonlever
  for part in entry.name:gmatch("[^.]+") do value = value[part] end
  if type(value) ~= "function" then missing[#missing + 1] = entry.name end
  if not load(entry.example) then missing[#missing + 1] = entry.example end
end
check.equal(missing, {}, "descriptions without a function, examples that are no Lua")
check.ok(load(api.client.example) and load(api.values[1].example), "examples are Lua")

check.done(75)
