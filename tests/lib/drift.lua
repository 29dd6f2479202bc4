-- SPDX-License-Identifier: MIT
--
-- Holds a catalogue against the OpenAPI description of its service, and names each thing
-- in which they differ: operations, methods, paths, parameters, bodies, effects, paging,
-- statuses, rights, records, notes.
--
--     local drift = require "drift"
--     local problems, seen = drift.compare(catalogue, spec, deviations)
--     check.equal(problems, {})
--
-- `deviations` lists what differs on purpose, each with the note that says why:
--   renamed    operationId -> "resource.verb" where the name does not follow from the id
--   corrected  operationId -> note: the description's NAME_alt is what is sent
--   different  "operationId place.member aspect" -> note: one aspect of a member deviates
--   left_out   "operationId place.member" -> note: documented, and never sent
-- An entry that is not needed is a problem as well, so the list cannot go stale.

local json = require("moonlever").json
local null = require("moonlever").null

local drift = {}

local Compare = {}
Compare.__index = Compare

function Compare:problem(where, text, ...)
  self.problems[#self.problems + 1] = where .. ": " .. text:format(...)
end

-- Is this deviation on the list? Notes that it was needed.
function Compare:allowed(kind, name)
  local note = (self.deviations[kind] or {})[name]
  if note then self.used[kind .. " " .. name] = true end
  return note
end

local function sorted_names(set)
  local names = {}
  for name in pairs(set) do names[#names + 1] = tostring(name) end
  table.sort(names)
  return table.concat(names, " ")
end

local function set_of(list)
  local set = {}
  for _, value in ipairs(list or {}) do set[value] = true end
  return set
end

local function list_text(list)
  return sorted_names(set_of(list))
end

-- ---------------------------------------------------------------------------
-- Schemas

local function without_null(value)
  if value == null then return nil end
  return value
end

function Compare:deref(schema)
  while schema and schema["$ref"] do
    schema = self.spec.components.schemas[schema["$ref"]:match("[^/]+$")]
  end
  -- A member with a text of its own wraps its type in an allOf of one.
  if schema and schema.allOf then return self:deref(schema.allOf[1]) end
  return schema
end

local NAMES = { array = "list" }

-- The types that a schema allows, as the catalogue calls them; nil when it does not say.
function Compare:types(schema)
  schema = self:deref(schema)
  if schema.oneOf or schema.anyOf then
    local set = {}
    for _, choice in ipairs(schema.oneOf or schema.anyOf) do
      for name in pairs(self:types(choice) or {}) do set[name] = true end
    end
    return set
  end
  return schema.type and { [NAMES[schema.type] or schema.type] = true } or nil
end

local function types_of(member)
  local set = { [member.type] = true }
  if member.or_type then set[member.or_type] = true end
  return set
end

-- The array or object among the choices of a schema.
function Compare:structured(schema)
  schema = self:deref(schema)
  for _, choice in ipairs(schema.oneOf or {}) do
    choice = self:deref(choice)
    if choice.type == "array" or choice.type == "object" then return choice end
  end
  return schema
end

-- ---------------------------------------------------------------------------
-- Members of queries and bodies: the same on both sides

-- One aspect of a member; "" and false mean that nothing is said about it.
function Compare:same(place, aspect, ours, theirs)
  if ours == theirs or self:allowed("different", place .. " " .. aspect) then return end
  self:problem(place, "%s '%s', documented '%s'", aspect, tostring(ours), tostring(theirs))
end

local CHECKED_FORMATS = { uuid = true, email = true, uri = true, date = true, ["date-time"] = true }

-- What a description says of one value.
function Compare:same_value(place, schema, member)
  local inner = self:deref(schema)
  self:same(place, "values", list_text(member.enum), list_text(inner.enum))
  self:same(place, "known", list_text(member.known), list_text(inner["x-known-values"] or schema["x-known-values"]))
  self:same(place, "null", member.null == true, inner.nullable or false)
  if inner.format == "password" then self:same(place, "secret", member.secret or false, true) end
  if inner.type then
    self:same(place, "format", member.format or "", CHECKED_FORMATS[inner.format] and inner.format or "")
  end
end

-- One member, and what is below it. `schema` is the description's, `member` ours.
function Compare:same_member(place, schema, member)
  local documented, inner = self:types(schema), self:structured(schema)
  if documented then self:same(place, "type", sorted_names(types_of(member)), sorted_names(documented)) end
  self:same_value(place, schema, member)
  if member.type == "list" and inner.items then self:same_member(place .. "[]", inner.items, member.items) end
  if inner.properties then self:same_members(place, inner, member.fields or {}) end
end

-- All members of an object: none is missing, none is too many.
function Compare:same_members(place, schema, members)
  local required = set_of(schema.required)
  for name, property in pairs(schema.properties or {}) do
    local at = place .. "." .. name
    if members[name] then
      self:same_member(at, property, members[name])
      self:same(at, "required", members[name].required or false, required[name] or false)
    elseif not self:allowed("left_out", at) then
      self:problem(at, "it is documented and not in the catalogue")
    end
  end
  for name in pairs(members) do
    if not (schema.properties or {})[name] then self:problem(place .. "." .. name, "it is not documented") end
  end
end

-- ---------------------------------------------------------------------------
-- One operation

local function params_in(operation, place)
  local found = {}
  for _, param in ipairs(operation.params or {}) do
    if (param["in"] or "path") == place then found[#found + 1] = param end
  end
  return found
end

function Compare:paths(id, doc, operation)
  local path = operation.path
  if doc.method ~= operation.method then
    self:problem(id, "method %s, documented %s", operation.method, doc.method)
  end
  if doc.path ~= path then self:problem(id, "path %s, documented %s", path, doc.path) end
  local names = {}
  for name in path:gmatch("{([^}]+)}") do names[#names + 1] = name end
  local ours = params_in(operation, "path")
  for i = 1, math.max(#names, #ours) do
    local documented = doc.params["path " .. (names[i] or "")]
    if not ours[i] or ours[i].name ~= names[i] then
      self:problem(id, "parameter %d of the path is '%s', in the catalogue '%s'", i, tostring(names[i]),
        ours[i] and ours[i].name or "nothing")
    elseif not documented then
      self:problem(id, "the path parameter '%s' is not documented", names[i])
    else
      self:same_member(("%s path.%s"):format(id, names[i]), documented.schema, ours[i])
    end
  end
end

function Compare:queries(id, doc, operation)
  local members, schema = {}, { properties = {}, required = {} }
  for name, member in pairs(operation.query or {}) do members[name] = member end
  for _, param in ipairs(params_in(operation, "query")) do
    members[param.name] = setmetatable({ required = true }, { __index = param })
  end
  for _, param in pairs(doc.params) do
    if param["in"] == "query" then
      schema.properties[param.name] = setmetatable({ ["x-known-values"] = param["x-known-values"] },
        { __index = param.schema })
      if param.required then table.insert(schema.required, param.name) end
    end
  end
  self:same_members(id .. " query", schema, members)
end

-- The members of a body: fields, and parameters that travel in it.
local function body_members(operation)
  local members, any = {}, operation.fields ~= nil
  for name, member in pairs(operation.fields or {}) do members[name] = member end
  for _, param in ipairs(params_in(operation, "body")) do members[param.name], any = param, true end
  return any and members or nil
end

function Compare:bodies(id, doc, operation)
  local schema, members = self:deref(doc.body), body_members(operation)
  if not schema or not (members or operation.items) then
    if schema or members or operation.items then
      self:problem(id, "body: %s", schema and "documented, and none in the catalogue" or "none is documented")
    end
    return
  end
  if operation.wrap then
    local documented = sorted_names(schema.properties)
    if documented ~= operation.wrap then
      return self:problem(id, "wrapped in '%s', documented is '%s'", operation.wrap, documented)
    end
    schema = self:deref(schema.properties[operation.wrap])
  end
  if (schema.type == "array") ~= (operation.body == "list") then
    self:problem(id, "the body is documented as %s", schema.type)
  elseif operation.body == "list" then
    self:same_member(id .. " body[]", schema.items, operation.items)
  else
    self:same_members(id .. " body", schema, members)
  end
end

-- Members of `pages`, and what the description calls them.
local PAGING = {
  style = { "style" }, param = { "page_param", "cursor_param" }, first = { "first_page" },
  size_param = { "size_param" }, page = { "page" }, size = { "page_size" }, next = { "next" },
  last = { "last", "pages" }, total = { "total" },
  start = { "start_param" }, count = { "size_param" }, cursor = { "cursor_field" },
}
local SKIPPED = { scim = { size_param = true }, page = { count = true }, time_cursor = { count = true } }

function Compare:paging(id, doc, operation)
  local theirs, ours = doc.op["x-pagination"], operation.pages
  if not theirs and not ours then return end
  if not ours then return self:problem(id, "paging is not in the catalogue") end
  if not theirs then return self:problem(id, "paging is not documented") end
  for name, others in pairs(PAGING) do
    local documented
    for _, other in ipairs(others) do documented = documented or without_null(theirs[other]) end
    local skipped = SKIPPED[ours.style] and SKIPPED[ours.style][name]
    if not skipped and documented ~= ours[name] then
      self:problem(id, "pages.%s is %s, documented %s", name, tostring(ours[name]), tostring(documented))
    end
  end
  local items = doc.items or theirs.items
  if items ~= ours.items[1] then self:problem(id, "items are in '%s', documented '%s'", ours.items[1], items) end
  local window, mine = theirs.window or {}, ours.window or {}
  if window.from_param ~= mine.from or window.to_param ~= mine.to then self:problem(id, "the window differs") end
end

function Compare:statuses(id, doc, operation)
  local success, failures = {}, {}
  for status in pairs(doc.op.responses) do
    table.insert(status:find("^2") and success or failures, math.tointeger(tonumber(status)))
  end
  if list_text(success) ~= list_text { operation.success[1] } then
    self:problem(id, "success %s, documented %s", list_text(operation.success), list_text(success))
  end
  if list_text(failures) ~= list_text(operation.errors) then
    self:problem(id, "errors %s, documented %s", list_text(operation.errors), list_text(failures))
  end
end

function Compare:nature(id, doc, operation)
  local op = doc.op
  if op["x-effect"] ~= operation.effect then
    self:problem(id, "effect %s, documented %s", operation.effect, tostring(op["x-effect"]))
  end
  if op["x-admin-only"] ~= operation.admin then self:problem(id, "admin %s", tostring(operation.admin)) end
  if op["x-async"] and operation.finish ~= "accepted" then self:problem(id, "it is queued: accepted, not done") end
  if op["x-retry"] == false and not operation.once then self:problem(id, "it must never be repeated") end
  if list_text(op["x-side-effects"]) ~= list_text(operation.side_effects) then
    self:problem(id, "side effects '%s'", list_text(operation.side_effects))
  end
end

-- ---------------------------------------------------------------------------
-- Records: what answers show is in the shape; and what the shape has, some answer shows

function Compare:shown(place, schema, member)
  if self:allowed("different", place .. " shape") then return end
  local documented, ours = self:types(schema), types_of(member)
  for name in pairs(documented or {}) do
    if not ours[name] and not ours.any then
      self:problem(place, "type '%s', documented '%s'", sorted_names(ours), name)
    end
  end
  local inner = self:structured(schema)
  if inner.format == "password" and not member.secret then self:problem(place, "it is not marked secret") end
  local items = member.type == "list" and member.items or member
  if inner.type == "array" then inner = self:structured(inner.items) end
  for name, part in pairs(inner.properties and items.fields or {}) do
    local property = inner.properties[name]
    if property then
      self:shown(place .. "." .. name, property, part)
    else
      self:problem(place .. "." .. name, "no answer shows it")
    end
  end
end

-- Answers that show objects; the others acknowledge or repeat the request.
local SHOWING = { object = true, list = true }

function Compare:records(id, doc, operation, resource)
  local name = operation.record or resource.record
  local shape = self.catalogue.shapes[name]
  if not shape then return self:problem(id, "there is no shape '%s'", tostring(name)) end
  local schema = self:deref(doc.answer)
  if schema and operation.pages and schema.properties then schema = schema.properties[operation.pages.items[1]] end
  schema = schema and self:structured(schema)
  if schema and schema.type == "array" then schema = self:deref(schema.items) end
  if not schema or not schema.properties or operation.refused or not SHOWING[operation.answer or "object"] then
    return
  end
  self.shown_by[name] = self.shown_by[name] or {}
  for member, property in pairs(schema.properties) do
    local at = ("%s record.%s"):format(id, member)
    self.shown_by[name][member] = true
    if shape.fields[member] then
      self:shown(at, property, shape.fields[member])
    else
      self:problem(at, "the shape %s does not have it", name)
    end
  end
end

function Compare:unseen_members()
  for name, seen in pairs(self.shown_by) do
    for member in pairs(self.catalogue.shapes[name].fields) do
      if not seen[member] then self:problem("shape " .. name, "no answer shows '%s'", member) end
    end
  end
end

-- ---------------------------------------------------------------------------
-- Notes

local function quirks_in(node, found)
  for _, quirk in ipairs(node and node["x-quirk"] or {}) do found[quirk:match("^[A-Z]+%-%d+")] = true end
end

function Compare:notes(id, doc, operation)
  local wanted, have = {}, set_of(operation.notes)
  quirks_in(doc.op, wanted)
  for _, param in pairs(doc.params) do quirks_in(param, wanted) end
  local body = self:deref(doc.body)
  quirks_in(body, wanted)
  for _, property in pairs(body and body.properties or {}) do
    quirks_in(property, wanted)
    quirks_in(self:deref(property), wanted)
  end
  for note in pairs(wanted) do
    if not have[note] then self:problem(id, "the note %s is missing", note) end
  end
  for note in pairs(have) do
    if not self.catalogue.notes[note] then self:problem(id, "there is no note %s", note) end
  end
end

-- ---------------------------------------------------------------------------
-- The documented operations

local METHODS = { "get", "post", "put", "patch", "delete" }

local function success_schema(op)
  for status, response in pairs(op.responses) do
    local content = status:find("^2") and response.content
    if content then return content["application/json"].schema end
  end
  return nil
end

local function documented(path, method, op, shared)
  local doc = { method = method:upper(), path = path, op = op, params = {}, answer = success_schema(op) }
  for _, list in ipairs { shared or {}, op.parameters or {} } do
    for _, param in ipairs(list) do doc.params[param["in"] .. " " .. param.name] = param end
  end
  doc.body = op.requestBody and op.requestBody.content["application/json"].schema
  return doc
end

-- One of several operations that are printed with the same method and path.
local function variant_of(doc, variant)
  local one = setmetatable({ params = {} }, { __index = doc })
  local wanted = variant.query and set_of(variant.query)
  for key, param in pairs(doc.params) do
    if not wanted or wanted[param.name] then
      local needed = set_of(variant.required_query)[param.name] or param.required
      one.params[key] = setmetatable({ required = needed }, { __index = param })
    end
  end
  if variant.request then one.body = { ["$ref"] = variant.request } end
  one.answer, one.items = { ["$ref"] = variant.response }, variant.items
  return one
end

local function all_documented(spec)
  local docs, alternatives = {}, {}
  for path, methods in pairs(spec.paths) do
    for _, method in ipairs(METHODS) do
      local op = methods[method]
      local doc = op and documented(path, method, op, methods.parameters)
      if op and op["x-alternative-of"] then
        alternatives[op["x-alternative-of"]] = doc
      elseif op and op["x-variants"] then
        for _, variant in ipairs(op["x-variants"]) do docs[variant.operationId] = variant_of(doc, variant) end
      elseif op then
        docs[op.operationId] = doc
      end
    end
  end
  return docs, alternatives
end

-- ---------------------------------------------------------------------------

function Compare:operation(name, operation, resource)
  local id = operation.id
  local doc = self.docs[id]
  if not doc then return self:problem(name, "there is no documented operation '%s'", tostring(id)) end
  if self.seen[id] then self:problem(name, "'%s' is there already", id) end
  self.seen[id] = true
  if name:gsub("%.", "_") ~= id and self:allowed("renamed", id) ~= name then
    self:problem(name, "the operation '%s' should be called otherwise", id)
  end
  if self:allowed("corrected", id) then doc = self.alternatives[id] end
  self:paths(id, doc, operation)
  self:queries(id, doc, operation)
  self:bodies(id, doc, operation)
  self:paging(id, doc, operation)
  self:statuses(id, doc, operation)
  self:nature(id, doc, operation)
  self:records(id, doc, operation, resource)
  self:notes(id, self.docs[id], operation)
end

-- Other methods that may be chosen are those of the inferred correction.
function Compare:methods(operation)
  local alternative = self.alternatives[operation.id]
  local corrected = (self.deviations.corrected or {})[operation.id]
  local documented_methods = alternative and not corrected
    and { self.docs[operation.id].method, alternative.method } or nil
  if list_text(documented_methods) ~= list_text(operation.methods) then
    self:problem(operation.id, "methods '%s'", list_text(operation.methods))
  end
end

function Compare:all()
  for resource_name, resource in pairs(self.catalogue.resources) do
    for verb, operation in pairs(resource.operations) do
      if operation.path then
        self:operation(resource_name .. "." .. verb, operation, resource)
        self:methods(operation)
      end
    end
  end
  for id in pairs(self.docs) do
    if not self.seen[id] then self:problem(id, "it is documented and not in the catalogue") end
  end
  self:unseen_members()
  for kind, list in pairs(self.deviations) do
    for name in pairs(list) do
      if not self.used[kind .. " " .. name] then self:problem(name, "listed as %s for nothing", kind) end
    end
  end
end

-- Compares; returns the problems (sorted texts) and how many operations were compared.
function drift.compare(catalogue, spec, deviations)
  local docs, alternatives = all_documented(spec)
  local self = setmetatable({
    catalogue = catalogue, spec = spec, deviations = deviations, docs = docs, alternatives = alternatives,
    problems = {}, used = {}, seen = {}, shown_by = {},
  }, Compare)
  self:all()
  table.sort(self.problems)
  local compared = 0
  for _ in pairs(self.seen) do compared = compared + 1 end
  return self.problems, compared
end

-- The description of a service, from tests/data/openapi.
function drift.spec(name)
  local file = assert(io.open(("data/openapi/%s.json"):format(name)))
  local text = file:read("a")
  file:close()
  return json.decode(text)
end

return drift
