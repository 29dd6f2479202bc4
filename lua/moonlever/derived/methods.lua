-- SPDX-License-Identifier: MIT
-- The methods of a client as data: what everything that is derived from the
-- catalogues (help, editor definitions, reference, completion) is made of.
--
-- A method is { name = "screendesk.recordings.update", service, resource, verb, entry
-- (what the catalogue says of it), request (the operation that is sent: entry, or the
-- one that it is derived from), kind, effect, arguments, query, record }. `kind` says
-- what it is called with and what comes back:
--   list, pages   iterators            get, search   one object (search: or nil)
--   set           one member           write         fields of an object, or none
--   bulk          a list of items      upload        a file
-- An argument is { name, role, spec }; role is `target` (a record or its id), `id`,
-- `options`, `fields`, `value`, `items` or `path`.
--
-- Invariants: pure; nothing is connected or sent; all orders are those of names, so
-- that whatever is made from it is the same each time.
--
--   for _, m in ipairs(methods.of(methods.catalogue("screendesk"), "recordings")) do
--     print(m.name, methods.signature(m))
--   end

local catalogue = require "moonlever.catalogue"
local lists = require "moonlever.lists"
local service = require "moonlever.service"
local suggest = require "moonlever.suggest"

local methods = {}

-- The services there are.
methods.SERVICES = service.NAMES

-- Options of lists that are Moonlever's own.
methods.LIST_OPTIONS = {
  limit = { type = "integer", min = 1, summary = "stop after this many; no page beyond is asked for" },
  ahead = { type = "integer", min = 1, summary = "ask for this many pages at once, where the total is not yet known" },
  snapshot = {
    type = "boolean",
    summary = "false: hand out what comes while the script changes it, and do not list it first",
  },
  query = { type = "object", summary = "parameters that are not documented, sent as they are" },
}

-- Options of the strategy "upload", in words of catalogues.
methods.UPLOAD_OPTIONS = {
  module = { type = "any", summary = "number or name of the module: see module_codes:list" },
  mime = { type = "string", summary = "MIME type; left out: told from the name" },
  name = { type = "string", summary = "name that people see; left out: that of the file" },
}

local loaded = {} -- joining the parts takes a walk through all of them: once

--- The whole catalogue of a service; raises for one that is not there.
function methods.catalogue(name)
  loaded[name] = loaded[name] or catalogue.load(name)
  return loaded[name]
end

--- The keys of a table, sorted.
methods.names = suggest.names

local function kind_of(entry, verb)
  if verb == "pages" then return "pages" end
  if entry.pages then return "list" end
  if entry.effect == "read" then return entry.absent == "nil" and "search" or "get" end
  if entry.strategy == "upload" then return "upload" end
  if entry.body == "list" then return "bulk" end
  return entry.sets and "set" or "write"
end

-- May the argument be a record as well? To get an object is to have its id, and a create
-- has no record yet.
local function takes_record(m, param)
  local of_an_object = m.kind == "list" or (m.effect ~= "read" and m.effect ~= "create")
  return of_an_object and param.record ~= false
end

local LAST = {}

function LAST.list(m) return { name = "options", role = "options", optional = not methods.needs_query(m) } end
LAST.pages = LAST.list

function LAST.get(m) return next(m.query) and LAST.list(m) or nil end
LAST.search = LAST.get

function LAST.set(m)
  return { name = m.entry.sets, role = "value", spec = m.entry.value or { type = "object", fields = m.entry.fields } }
end

function LAST.bulk(m) return { name = "items", role = "items", spec = { type = "list", items = m.entry.items } } end

function LAST.upload() return { name = "options", role = "options" } end

function LAST.write(m)
  if m.fields then return { name = "fields", role = "fields" } end
  return next(m.query) and { name = "options", role = "fields", optional = not methods.needs_query(m) } or nil
end

local function arguments_of(m)
  local list = {}
  if m.kind == "upload" then
    list[1] = { name = "path", role = "path", spec = { type = "string", summary = "the file to send" } }
  end
  for i, param in ipairs(m.kind ~= "upload" and (m.entry.params or m.request.params) or {}) do
    local role = i == 1 and takes_record(m, param) and "target" or "id"
    list[#list + 1] = { name = param.name, role = role, spec = param }
  end
  list[#list + 1] = LAST[m.kind](m)
  return list
end

-- Query parameters; of a list with Moonlever's own options among them.
local function query_of(m)
  local query = {}
  for name, spec in pairs(m.request.query or {}) do query[name] = spec end
  if m.kind ~= "list" and m.kind ~= "pages" then return m.kind == "upload" and {} or query end
  for name in pairs(lists.OPTIONS) do query[name] = methods.LIST_OPTIONS[name] end
  return query
end

--- Is there a query parameter that a call cannot do without?
function methods.needs_query(m)
  for _, spec in pairs(m.query) do
    if spec.required and spec.default == nil then return true end
  end
  return false
end

local function new(owner, resource, verb, entry)
  local operations = owner.resources[resource].operations
  local request = entry.via and operations[entry.via] or entry
  local m = {
    name = ("%s.%s.%s"):format(owner.name, resource, verb), service = owner, resource = resource, verb = verb,
    entry = entry, request = request, kind = kind_of(entry, verb), effect = entry.effect,
    record = entry.record or owner.resources[resource].record,
  }
  if m.kind == "write" then m.fields = entry.fields end
  m.query = query_of(m)
  m.arguments = arguments_of(m)
  return m
end

--- The methods of a resource, sorted by verb.
function methods.of(owner, resource)
  local list = {}
  for verb, entry in pairs(owner.resources[resource].operations) do
    list[#list + 1] = new(owner, resource, verb, entry)
    if verb == "list" and entry.pages then list[#list + 1] = new(owner, resource, "pages", entry) end
  end
  table.sort(list, function(a, b) return a.verb < b.verb end)
  return list
end

--- The method of that dotted name, or nil.
function methods.find(dotted)
  local name, resource, verb = dotted:match("^([^.]+)%.(.+)%.([^.]+)$")
  for _, known in ipairs(methods.SERVICES) do
    local owner = known == name and methods.catalogue(name)
    if owner and owner.resources[resource] then
      for _, m in ipairs(methods.of(owner, resource)) do
        if m.verb == verb then return m end
      end
    end
  end
  return nil
end

--- "recordings:update(uuid, fields)"; what may be left out stands in brackets.
function methods.signature(m)
  local names = {}
  for i, argument in ipairs(m.arguments) do
    names[i] = argument.optional and ("[%s]"):format(argument.name) or argument.name
  end
  return ("%s:%s(%s)"):format(m.resource, m.verb, table.concat(names, ", "))
end

return methods
