-- SPDX-License-Identifier: MIT
-- Everything there is to say about a method, a resource or a service, in the order in
-- which people look for it. Help shows a sheet on the terminal, the reference as a page.
--
-- A sheet is { title, summary, calls, example, sections, returns, effect, notes }; a
-- section is { title, rows = { { name, type, text } } } or { title, lines }.
--
--   local sheet = sheets.method(methods.find("screendesk.recordings.update"))
--   print(sheet.summary, sheet.sections[1].rows[1].name)

local effects = require "moonlever.derived.effects"
local example = require "moonlever.derived.example"
local methods = require "moonlever.derived.methods"
local types = require "moonlever.derived.types"

local sheets = {}

local names = methods.names

-- ---------------------------------------------------------------------------
-- Methods

local ARGUMENTS = {}

function ARGUMENTS.id(argument) return types.text(argument.spec, true) end
ARGUMENTS.target = ARGUMENTS.id
function ARGUMENTS.path(argument) return types.text(argument.spec, true) end
function ARGUMENTS.items() return "a list that is not empty; each item counts as a change" end

function ARGUMENTS.options(argument)
  return argument.optional and "may be left out; see OPTIONS" or "see OPTIONS"
end

function ARGUMENTS.fields(_, m)
  if not m.fields then return "query = { … }: see QUERY" end
  if next(m.query) then return "see FIELDS; query = { … } for what is in QUERY" end
  return m.effect == "update" and "see FIELDS; what is not named stays" or "see FIELDS"
end

function ARGUMENTS.value(argument, m)
  if not m.entry.fields then return types.text(argument.spec, true) end
  return m.entry.exact and "flags, or a list of the names that are to be on" or "flags; see FIELDS"
end

local function argument_row(argument, m)
  local text = ARGUMENTS[argument.role](argument, m)
  local words = argument.spec and types.words(argument.spec) or "table"
  if argument.role == "target" then words = "record or " .. words end
  return { name = argument.name, type = words, text = text }
end

local function section(title, rows)
  return #rows > 0 and { title = title, rows = rows } or nil
end

local function argument_section(m)
  local rows = {}
  for _, argument in ipairs(m.arguments) do rows[#rows + 1] = argument_row(argument, m) end
  return section("ARGUMENTS", rows)
end

local function input(fields, m)
  return types.rows(fields or {}, { input = true, defaults = m.request.defaults, fills = m.request.fills })
end

local function member_sections(m)
  local items = m.kind == "bulk" and m.entry.items.fields
  local fields = m.fields or m.kind == "set" and m.entry.fields or nil
  local options = m.kind == "upload" and methods.UPLOAD_OPTIONS or nil
  local query = m.kind == "write" and "QUERY" or "OPTIONS"
  return {
    section("FIELDS", input(fields, m)), section("EACH ITEM", input(items, m)),
    section("OPTIONS", input(options, m)), section(query, input(m.query, m)),
  }
end

local function with_article(word)
  return (word:find("^[AEIOU]") and "an " or "a ") .. word
end

local function written(m)
  local answer = m.request.answer
  local goes = m.effect == "delete" and m.entry.strategy ~= "members"
  if goes or (answer == "none" and not m.request.read) then return "Nothing." end
  if m.kind == "upload" then return ("The id of the file (%s)."):format(m.service.resources[m.resource].key) end
  if m.kind == "bulk" then return ("A list of %s, in the order of the items."):format(m.record) end
  if answer == "echo" and not m.request.read then return "The answer of the service." end
  if m.effect == "create" then return ("The new object (%s)."):format(m.record) end
  return ("The object as it is then (%s)."):format(m.record)
end

--- What a method returns, in a sentence.
function sheets.returns(m)
  if m.kind == "list" then return ("An iterator for the generic for: one %s after the other."):format(m.record) end
  if m.kind == "pages" then
    return ("An iterator of pages: page.items (a list of %s), page.number, page.total."):format(m.record)
  end
  if m.kind == "get" then return with_article(m.record) .. "; an error of kind notfound when there is none." end
  if m.kind == "search" then return with_article(m.record) .. ", or nil when there is none." end
  return written(m)
end

-- Statuses with a hint; those of the operation come before those of the service.
local function hint_rows(m)
  local all, rows = {}, {}
  for status, text in pairs(m.service.hints or {}) do all[status] = text end
  for status, text in pairs(m.request.hints or {}) do all[status] = text end
  local statuses = {}
  for status in pairs(all) do statuses[#statuses + 1] = status end
  table.sort(statuses)
  for i, status in ipairs(statuses) do rows[i] = { name = tostring(status), text = all[status] } end
  return rows
end

-- Ids have two digits, so that the order of bytes is that of numbers.
local function note_rows(service, list)
  local rows, sorted = {}, { table.unpack(list or {}) }
  table.sort(sorted)
  for i, id in ipairs(sorted) do rows[i] = { name = id, text = service.notes[id] } end
  return rows
end

local function request_line(m)
  local request = m.request
  if request.refused then return nil end
  local how = ("%s %s"):format(request.method, request.path)
  for _, param in ipairs(request.params or {}) do
    if param["in"] == "query" then how = ("%s?%s={%s}"):format(how, param.name, param.name) end
  end
  if request.methods then
    how = ("%s; %s chooses among %s"):format(how, m.service.env.method, table.concat(request.methods, ", "))
  end
  return how
end

local function summary_of(m)
  if m.kind ~= "pages" then return m.entry.summary end
  return "As list, a page at a time"
end

--- The sheet of a method.
function sheets.method(m)
  local sections = { argument_section(m) }
  for _, part in pairs(member_sections(m)) do sections[#sections + 1] = part end
  local order = { ARGUMENTS = 1, FIELDS = 2, ["EACH ITEM"] = 3, OPTIONS = 4, QUERY = 5 }
  table.sort(sections, function(a, b) return order[a.title] < order[b.title] end)
  return {
    title = m.name, summary = summary_of(m), call = ("%s.%s"):format(m.service.name, methods.signature(m)),
    example = not m.request.refused and example.line(m) or nil, sections = sections, returns = sheets.returns(m),
    effect = effects.sentences(m), conditions = effects.conditions(m), request = request_line(m),
    hints = hint_rows(m), notes = note_rows(m.service, m.entry.notes),
  }
end

-- ---------------------------------------------------------------------------
-- Resources and services

-- Names of shapes that the shape `name` leads to, itself first.
local function shapes_below(service, name)
  local list, seen = { name }, { [name] = true }
  for _, shape in ipairs(list) do
    for _, other in ipairs(types.shapes(service.shapes[shape].fields)) do
      if not seen[other] then
        seen[other] = true
        list[#list + 1] = other
      end
    end
  end
  return list
end

--- Names of all shapes that a resource's methods return, its own first.
function sheets.shapes_of(service, resource)
  local list, seen = {}, {}
  local function add(name)
    for _, shape in ipairs(shapes_below(service, name)) do
      if not seen[shape] then
        seen[shape] = true
        list[#list + 1] = shape
      end
    end
  end
  add(service.resources[resource].record)
  for _, m in ipairs(methods.of(service, resource)) do add(m.record) end
  return list
end

local function facts(service, name)
  local resource, list = service.resources[name], {}
  list[1] = ("A record is named by its %s."):format(resource.key)
  if resource.alias then list[#list + 1] = ("%s names it as well."):format(resource.alias) end
  if resource.credential then
    local credential = service.credentials[resource.credential]
    list[#list + 1] = ("It has a credential of its own, %s: %s."):format(credential.env, credential.source)
  end
  return list
end

--- The members of a shape as rows.
function sheets.shape_rows(service, name)
  return types.rows(service.shapes[name].fields)
end

--- The sheet of a resource: its methods and the members of its records.
function sheets.resource(service, name)
  local sheet = {
    title = ("%s.%s"):format(service.name, name), summary = service.resources[name].title, methods = {},
    facts = facts(service, name), shapes = {},
  }
  for i, m in ipairs(methods.of(service, name)) do
    sheet.methods[i] = {
      name = m.verb, call = methods.signature(m), text = summary_of(m), effect = effects.word(m),
      final = effects.is_final(m), refused = m.request.refused ~= nil, asks = m.request.confirm ~= nil,
      switched = m.request.switch ~= nil, notes = m.entry.notes or {}, method = m,
    }
    sheet.example = sheet.example or m.kind == "list" and example.line(m) or nil
  end
  sheet.example = sheet.example or example.line(sheet.methods[1].method)
  for i, shape in ipairs(sheets.shapes_of(service, name)) do
    sheet.shapes[i] = { name = shape, rows = sheets.shape_rows(service, shape) }
  end
  return sheet
end

local function settings(service)
  local rows = {}
  local default = service.origin and (" (default %s)"):format(service.origin) or ", which has to be given"
  rows[1] = { name = service.env.url, text = "the address: scheme and host" .. default }
  for _, name in ipairs(names(service.credentials)) do
    local credential = service.credentials[name]
    rows[#rows + 1] = { name = credential.env, text = credential.source or "the credential" }
  end
  if service.env.method then
    local text = "POST instead of GET for calls that send, where GET is refused"
    rows[#rows + 1] = { name = service.env.method, text = text }
  end
  return rows
end

--- The sheet of a service: how to connect, its resources, its notes.
function sheets.service(service)
  local sheet = { title = service.name, summary = service.title, settings = settings(service), resources = {} }
  for i, name in ipairs(names(service.resources)) do
    local verbs = {}
    for j, m in ipairs(methods.of(service, name)) do verbs[j] = m.verb end
    sheet.resources[i] = { name = name, text = service.resources[name].title, verbs = verbs }
  end
  sheet.notes = note_rows(service, names(service.notes))
  return sheet
end

return sheets
