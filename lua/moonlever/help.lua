-- SPDX-License-Identifier: MIT
-- Help about everything that a script can call, from the catalogues and the description
-- of the public table: `moonlever help NAME` and moonlever.help(x).
--
-- The texts have at most 80 columns and the order of people who look something up: what
-- it is, how it is called, an example, then the rest.
--
--   print(help.text("screendesk.recordings.update"))
--   help.help(sd.recordings)

local raw = require "moonlever.raw"
local api = require "moonlever.derived.api"
local errors = require "moonlever.errors"
local layout = require "moonlever.derived.layout"
local methods = require "moonlever.derived.methods"
local names = require "moonlever.derived.names"
local sheets = require "moonlever.derived.sheet"

local help = {}

local MANY = 6 -- names that a message lists

-- Code with the names that the reader's clients have. The names of services within strings
-- (moonlever.connect "screendesk") are no variables.
local function renamed(page, text)
  for service, variable in pairs(page.variables or {}) do
    text = text:gsub(("%%f[%%w_.\"']%s%%f[^%%w_\"']"):format(service), variable)
  end
  return text
end

local function more(page, lines)
  page:heading("LEARN MORE")
  for _, line in ipairs(lines) do
    page:line(page.variables and ("  help %q"):format(renamed(page, line)) or "  moonlever help " .. line)
  end
end

local function title(page, name, summary)
  page:paragraph(("%s: %s"):format(name, summary), 0)
end

-- Code that is too long for a line breaks between words.
local function code(page, heading, text)
  page:heading(heading)
  for i, line in ipairs(layout.code(renamed(page, text))) do page:line((i == 1 and "  " or "    ") .. line) end
end

-- ---------------------------------------------------------------------------
-- Methods

local function row_text(row)
  local parts = {}
  if row.type then parts[1] = (row.type:gsub('"|"', '" | "')) end
  if row.required then parts[#parts + 1] = "required" end
  if row.text and row.text ~= "" then parts[#parts + 1] = row.text end
  return table.concat(parts, "; ")
end

local function pairs_of(rows)
  local list = {}
  for i, row in ipairs(rows) do
    list[i] = { ("  "):rep(row.depth or 0) .. (row.leaf or row.name), row_text(row) }
  end
  return list
end

local function rows_under(page, heading, rows)
  if #rows == 0 then return end
  page:heading(heading)
  page:pairs(pairs_of(rows))
end

-- Members of records that are not those of the resource; the resource's help has the others.
local function foreign_record(page, m)
  local resource = m.service.resources[m.resource]
  if m.record == resource.record then return end
  local members = table.concat(methods.names(m.service.shapes[m.record].fields), ", ")
  page:paragraph(("%s: %s"):format(m.record, members))
end

local TEXTS = {}

function TEXTS.method(page, topic)
  local m = topic.method
  local sheet = sheets.method(m)
  title(page, sheet.title, sheet.summary)
  code(page, "USAGE", sheet.call)
  if sheet.example then code(page, "EXAMPLE", sheet.example) end
  for _, section in ipairs(sheet.sections) do rows_under(page, section.title, section.rows) end
  page:heading("RETURNS")
  page:paragraph(sheet.returns)
  foreign_record(page, m)
  page:heading("EFFECT")
  for _, sentence in ipairs(sheet.effect) do page:item(sentence) end
  if #sheet.conditions > 0 then
    page:heading("CHECKED BEFORE IT IS SENT")
    for _, text in ipairs(sheet.conditions) do page:item(text) end
  end
  rows_under(page, "IF IT IS REFUSED", sheet.hints)
  rows_under(page, "NOTES", sheet.notes)
  if sheet.request then code(page, "REQUEST", sheet.request) end
  more(page, { ("%s.%s"):format(m.service.name, m.resource) })
end

-- ---------------------------------------------------------------------------
-- Resources and services

-- The records of a resource in full, the shapes inside them by the names of their members.
local function records(page, sheet)
  for i, shape in ipairs(sheet.shapes) do
    if i == 1 and #shape.rows > 0 then
      page:heading("RECORD (" .. shape.name .. ")")
      page:pairs(pairs_of(shape.rows))
    elseif i > 1 then
      local members = {}
      for _, row in ipairs(shape.rows) do
        if row.depth == 0 then members[#members + 1] = row.name end
      end
      page:line()
      page:paragraph(("%s: %s"):format(shape.name, table.concat(members, ", ")))
    end
  end
end

function TEXTS.resource(page, topic)
  local sheet = sheets.resource(topic.service, topic.resource)
  title(page, sheet.title, sheet.summary)
  code(page, "EXAMPLE", sheet.example)
  page:heading("METHODS")
  local list = {}
  for i, row in ipairs(sheet.methods) do list[i] = { row.name, row.text } end
  page:pairs(list)
  page:line()
  for _, fact in ipairs(sheet.facts) do page:paragraph(fact) end
  records(page, sheet)
  more(page, { sheet.title .. ".METHOD", topic.service.name })
end

local function resource_pairs(resources)
  local list = {}
  for i, row in ipairs(resources) do
    list[i] = { row.name, ("%s: %s"):format(row.text, table.concat(row.verbs, ", ")) }
  end
  return list
end

function TEXTS.service(page, topic)
  local sheet = sheets.service(topic.service)
  title(page, sheet.title, sheet.summary)
  code(page, "EXAMPLE", ("local %s = moonlever.connect %q"):format(sheet.title, sheet.title))
  page:heading("RESOURCES")
  page:pairs(resource_pairs(sheet.resources))
  rows_under(page, "SETTINGS", sheet.settings)
  more(page, { sheet.title .. ".RESOURCE", sheet.title .. ".RESOURCE.METHOD", sheet.title .. ".request" })
end

function TEXTS.branch(page, topic)
  title(page, topic.name, "resources of " .. topic.service.title)
  page:line()
  local list = {}
  for i, name in ipairs(topic.resources) do list[i] = { name, topic.service.resources[name].title } end
  page:pairs(list)
  more(page, { topic.name .. ".RESOURCE" })
end

-- ---------------------------------------------------------------------------
-- The public table

local function parameter_rows(params)
  local rows = {}
  for i, param in ipairs(params) do
    rows[i] = { name = param[1]:gsub("%?$", ""), type = param[2], text = param[3], optional = param[1]:find("%?$") }
  end
  return rows
end

-- The members of a class that a parameter or a result has.
local function class_section(page, heading, type_text)
  local class = api.class(type_text:match("moonlever%.([%a_]+)"))
  if not class then return end
  rows_under(page, heading, parameter_rows(class.fields))
  local list = {}
  for i, one in ipairs(class.methods or {}) do
    local names_of = {}
    for j, param in ipairs(one[2]) do names_of[j] = param[1] end
    list[i] = { (":%s(%s)"):format(one[1], table.concat(names_of, ", ")), one[4] }
  end
  if #class.fields == 0 then page:heading(heading) end
  page:pairs(list)
end

local function result_sections(page, returns)
  if #returns == 0 then return end
  page:heading("RETURNS")
  for _, returned in ipairs(returns) do page:item(("%s: %s"):format(returned[1], returned[2])) end
  for _, returned in ipairs(returns) do
    local name = returned[1]:match("moonlever%.([%a_]+)")
    if name then class_section(page, name:upper():gsub("_", " "), returned[1]) end
  end
end

TEXTS["function"] = function(page, topic)
  local entry = topic.entry
  title(page, topic.name, entry.summary)
  if not entry.value then code(page, "USAGE", api.signature(entry)) end
  code(page, "EXAMPLE", entry.example)
  if entry.text then
    page:line()
    page:paragraph(entry.text, 0)
  end
  rows_under(page, "ARGUMENTS", parameter_rows(entry.params or {}))
  for _, param in ipairs(entry.params or {}) do
    class_section(page, param[1]:gsub("%?$", ""):upper(), param[2])
  end
  result_sections(page, entry.returns or {})
  more(page, { topic.service and topic.service.name or "moonlever" })
end

TEXTS.request = TEXTS["function"]

function TEXTS.group(page, topic)
  title(page, topic.name, "functions")
  page:line()
  local list = {}
  for i, entry in ipairs(topic.entries) do list[i] = { entry.name, entry.summary } end
  page:pairs(list)
  more(page, { topic.name .. ".FUNCTION" })
end

TEXTS["table"] = function(page)
  title(page, "moonlever", 'what require "moonlever" returns')
  code(page, "EXAMPLE", 'local moonlever = require "moonlever"')
  page:heading("FUNCTIONS")
  local list = {}
  for _, kind in ipairs { api.functions, api.values } do
    for _, entry in ipairs(kind) do list[#list + 1] = { entry.name, entry.summary } end
  end
  page:pairs(list)
  page:heading("SERVICES")
  list = {}
  for i, name in ipairs(methods.SERVICES) do list[i] = { name, methods.catalogue(name).title } end
  page:pairs(list)
  more(page, { "moonlever.FUNCTION", "SERVICE" })
end

--- The help text of a dotted name; or nil, what was probably meant, and the names that
-- it may mean where these are several. variables: for a session, the names that its clients
-- have, by service ({ screendesk = "sd" }); the examples work there then.
function help.text(name, variables)
  local topic, meant, several = names.find(name)
  if not topic then return nil, meant, several end
  local page = layout.new()
  page.variables = variables
  TEXTS[topic.kind](page, topic)
  return page:text()
end

--- Why there is no help about a name, in one sentence.
function help.problem(name, meant, several)
  local shown = errors.one_line(name, 80)
  if several then
    local more_of_them = #several > MANY and (" and %d more"):format(#several - MANY) or ""
    local list = table.concat(several, ", ", 1, math.min(#several, MANY))
    return ("'%s' may mean several: %s%s"):format(shown, list, more_of_them)
  end
  local guess = meant and (". Did you mean '%s'?"):format(meant) or ""
  return ("there is no help about '%s'%s"):format(shown, guess)
end

-- ---------------------------------------------------------------------------
-- In scripts

local function is_public(value)
  local moonlever = require "moonlever"
  if rawequal(value, moonlever) then return "moonlever" end
  for _, entry in ipairs(api.functions) do
    local member = moonlever
    for part in entry.name:gmatch("[^.]+") do
      if rawequal(member[part], value) then return (entry.name:match("^(.-" .. part .. ")")) end
      member = member[part]
    end
  end
  return nil
end

-- The name of whatever a script asks about.
local function name_of(value)
  if value == nil then return "moonlever" end
  if type(value) == "string" then return value end
  return require("moonlever.clients").name_of(value) or is_public(value)
end

--- Prints help about a client, a resource, a method of one, a function of the public
-- table, or a dotted name; without an argument about what there is. variables: as for
-- help.text. Raises usage.
function help.print(about, variables)
  local name = name_of(about)
  if not name then
    errors.usage(("help: nothing is known about this %s"):format(type(about)),
      "pass a client, a resource, a method, or a name such as \"screendesk.recordings\"")
  end
  local text, meant, several = help.text(name, variables)
  if not text then errors.usage("help: " .. help.problem(name, meant, several)) end
  raw.write(text)
end

--- As help.print, for scripts: this is moonlever.help.
function help.help(about) help.print(about) end

return help
