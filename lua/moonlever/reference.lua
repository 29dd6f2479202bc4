-- SPDX-License-Identifier: MIT
-- The reference in Markdown: docs/reference/*.md, one page a service and one for the
-- public table. Made by ./dev docs; a test fails when a page is out of date.
--
-- Invariant: the same catalogues give the same bytes.
--
--   for _, file in ipairs(reference.files()) do print(file.name, #file.text) end

local api = require "moonlever.derived.api"
local effects = require "moonlever.derived.effects"
local methods = require "moonlever.derived.methods"
local sheets = require "moonlever.derived.sheet"

local reference = {}

local HEAD = "<!-- Made by ./dev docs from the catalogues; changes will be lost. -->\n"

-- ---------------------------------------------------------------------------
-- A page in the making

local Page = {}
Page.__index = Page

local function new_page()
  return setmetatable({ parts = { HEAD } }, Page)
end

function Page:add(text, ...)
  self.parts[#self.parts + 1] = (select("#", ...) > 0 and text:format(...) or text) .. "\n"
end

-- A paragraph, or anything else that stands alone.
function Page:block(text, ...)
  self:add("")
  self:add(text, ...)
end

function Page:heading(depth, text, anchor)
  if anchor then self:block('<a id="%s"></a>', anchor) end
  self:block("%s %s", ("#"):rep(depth), text)
end

local function cell(text)
  return (text:gsub("|", "\\|"):gsub("\n", " "))
end

-- A table: an array of headings, and of rows that are arrays of cells.
function Page:table(headings, rows)
  if #rows == 0 then return end
  self:block("| %s |", table.concat(headings, " | "))
  self:add("|%s", (" --- |"):rep(#headings))
  for _, row in ipairs(rows) do
    local cells = {}
    for i, text in ipairs(row) do cells[i] = cell(text) end
    self:add("| %s |", table.concat(cells, " | "))
  end
end

function Page:code(text)
  self:block("```lua\n%s\n```", text)
end

function Page:text() return table.concat(self.parts) end

-- ---------------------------------------------------------------------------
-- Methods

local function member_rows(rows)
  local list = {}
  for i, row in ipairs(rows) do
    local text = row.required and "**required**" .. (row.text ~= "" and "; " .. row.text or "") or row.text
    list[i] = { ("`%s`"):format(row.name), row.type or "", text }
  end
  return list
end

local TITLES = { ARGUMENTS = "Argument", FIELDS = "Field", ["EACH ITEM"] = "Member of an item", OPTIONS = "Option",
  QUERY = "In `query`" }

local function note_list(rows)
  local links = {}
  for i, row in ipairs(rows) do links[i] = ("[%s](#%s)"):format(row.name, row.name:lower()) end
  return table.concat(links, ", ")
end

local function facts(page, sheet)
  page:block("Returns: %s", sheet.returns)
  page:block("%s", table.concat(sheet.effect, " "))
  if #sheet.conditions > 0 then
    page:block("Checked before it is sent:")
    page:add("")
    for _, text in ipairs(sheet.conditions) do page:add("- %s", text) end
  end
  if sheet.request then page:block("Request: `%s`", sheet.request) end
  if #sheet.notes > 0 then page:block("Notes: %s", note_list(sheet.notes)) end
end

local function method(page, m)
  local sheet = sheets.method(m)
  page:heading(3, ("%s:%s"):format(m.resource, m.verb), ("%s.%s"):format(m.resource, m.verb))
  page:block("%s.", sheet.summary)
  page:block("`%s`", sheet.call)
  if sheet.example then page:code(sheet.example) end
  for _, section in ipairs(sheet.sections) do
    page:table({ TITLES[section.title], "Type", "" }, member_rows(section.rows))
  end
  facts(page, sheet)
end

-- ---------------------------------------------------------------------------
-- Resources and services

local MARKS = "Marks of what is dangerous: **final** cannot be taken back by undo; **asks** has a consequence that is "
  .. "asked about before the first one of a run; **off** is refused until the header of a script switches it on."

local function mark(row)
  if row.refused then return "never sent" end
  local marks = { row.effect }
  if row.final then marks[#marks + 1] = "**final**" end
  if row.asks then marks[#marks + 1] = "**asks**" end
  if row.switched then marks[#marks + 1] = "**off**" end
  return table.concat(marks, ", ")
end

local function notes_of(row)
  local rows = {}
  for i, id in ipairs(row.notes) do rows[i] = { name = id } end
  return note_list(rows)
end

local function overview(page, sheet)
  local rows = {}
  for i, row in ipairs(sheet.methods) do
    local link = ("[`%s`](#%s.%s)"):format(row.call, row.method.resource, row.name)
    rows[i] = { link, mark(row), row.text, notes_of(row) }
  end
  page:table({ "Method", "Effect", "", "Notes" }, rows)
end

local function resource(page, service, name)
  local sheet = sheets.resource(service, name)
  page:heading(2, name, name)
  page:block("%s. %s", sheet.summary, table.concat(sheet.facts, " "))
  overview(page, sheet)
  for _, m in ipairs(methods.of(service, name)) do method(page, m) end
end

local function records(page, service)
  page:heading(2, "Records", "records")
  page:block("A null in an answer reads as nil. Documented nested objects and lists that are null or missing read as "
    .. "empty, so that a chain of names never raises.")
  for _, name in ipairs(methods.names(service.shapes)) do
    page:heading(3, name, "shape." .. name)
    local rows = sheets.shape_rows(service, name)
    if #rows == 0 then page:block("Nothing.") end
    page:table({ "Member", "Type", "" }, member_rows(rows))
  end
end

local function notes(page, sheet)
  page:heading(2, "Notes", "notes")
  page:block("Where the documentation of the service leaves something open, this is what Moonlever does.")
  local rows = {}
  for i, row in ipairs(sheet.notes) do
    rows[i] = { ('<a id="%s"></a>%s'):format(row.name:lower(), row.name), row.text }
  end
  page:table({ "Id", "" }, rows)
end

local function contents(page, sheet)
  local rows = {}
  for i, row in ipairs(sheet.resources) do
    rows[i] = { ("[%s](#%s)"):format(row.name, row.name), row.text, table.concat(row.verbs, ", ") }
  end
  page:table({ "Resource", "", "Methods" }, rows)
end

--- The page of a service.
function reference.service(service)
  local page, sheet = new_page(), sheets.service(service)
  page:heading(1, sheet.summary)
  local name = sheet.title
  page:code(('local moonlever = require "moonlever"\nlocal %s = moonlever.connect %q'):format(name, name))
  page:block("The same on the terminal: `moonlever help %s`.", name)
  page:block("%s", MARKS)
  local rows = {}
  for i, row in ipairs(sheet.settings) do rows[i] = { ("`%s`"):format(row.name), row.text } end
  page:table({ "Setting", "" }, rows)
  contents(page, sheet)
  for _, row in ipairs(sheet.resources) do resource(page, service, row.name) end
  records(page, service)
  notes(page, sheet)
  return page:text()
end

-- ---------------------------------------------------------------------------
-- The public table

local function class_link(text)
  return (text:gsub("moonlever%.([%a_]+)", function(name)
    return api.class(name) and ("[%s](#class.%s)"):format(name, name) or name
  end))
end

local function parameter_rows(params)
  local rows = {}
  for i, param in ipairs(params) do
    local name = param[1]:gsub("%?$", "")
    rows[i] = { ("`%s`"):format(name), class_link(param[2]), (param[1]:find("%?$") and "optional; " or "") .. param[3] }
  end
  return rows
end

local function public_entry(page, entry, name)
  page:heading(3, name, name)
  page:block("%s", entry.summary .. (entry.text and " " .. entry.text or ""))
  if not entry.value then page:block("`%s`", api.signature(entry)) end
  page:code(entry.example)
  page:table({ "Argument", "Type", "" }, parameter_rows(entry.params or {}))
  local rows = {}
  for i, result in ipairs(entry.returns or {}) do rows[i] = { class_link(result[1]), result[2] } end
  page:table({ "Returns", "" }, rows)
end

local function class_methods(class)
  local rows = {}
  for i, one in ipairs(class.methods or {}) do
    local names = {}
    for j, param in ipairs(one[2]) do names[j] = param[1] end
    rows[i] = { ("`:%s(%s)`"):format(one[1], table.concat(names, ", ")), one[4] }
  end
  return rows
end

local function public_class(page, class)
  page:heading(3, class.name, "class." .. class.name)
  page:block("%s", class.summary)
  page:table({ "Member", "Type", "" }, parameter_rows(class.fields))
  page:table({ "Method", "" }, class_methods(class))
end

--- The page of the public table.
function reference.public()
  local page = new_page()
  page:heading(1, "moonlever")
  page:code('local moonlever = require "moonlever"')
  page:block("Types are written as Lua's language server writes them; `moonlever stubs -o DIR` makes its files.")
  page:heading(2, "Functions")
  for _, entry in ipairs(api.functions) do public_entry(page, entry, "moonlever." .. entry.name) end
  for _, entry in ipairs(api.values) do public_entry(page, entry, "moonlever." .. entry.name) end
  public_entry(page, api.client, "client:request")
  page:heading(2, "Tables and objects")
  for _, class in ipairs(api.classes) do public_class(page, class) end
  return page:text()
end

-- How many operations of each effect a service has.
local function tally(service)
  local counts, total = {}, 0
  for name in pairs(service.resources) do
    for _, m in ipairs(methods.of(service, name)) do
      if m.entry.id and m.kind ~= "pages" then
        total = total + 1
        counts[effects.word(m)] = (counts[effects.word(m)] or 0) + 1
      end
    end
  end
  local parts = {}
  for i, word in ipairs(methods.names(counts)) do parts[i] = ("%s %d"):format(word, counts[word]) end
  return total, table.concat(parts, ", ")
end

local function index()
  local page, rows = new_page(), { { "[moonlever](moonlever.md)", "what `require \"moonlever\"` returns", "" } }
  page:heading(1, "Reference")
  for _, name in ipairs(methods.SERVICES) do
    local service = methods.catalogue(name)
    local total, words = tally(service)
    rows[#rows + 1] = { ("[%s](%s.md)"):format(name, name), ("%s: %d operations"):format(service.title, total), words }
  end
  page:table({ "Page", "", "Effects" }, rows)
  return page:text()
end

--- All pages: an array of { name, text }.
function reference.files()
  local files = { { name = "README.md", text = index() }, { name = "moonlever.md", text = reference.public() } }
  for _, name in ipairs(methods.SERVICES) do
    files[#files + 1] = { name = name .. ".md", text = reference.service(methods.catalogue(name)) }
  end
  return files
end

return reference
