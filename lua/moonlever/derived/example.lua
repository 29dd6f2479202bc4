-- SPDX-License-Identifier: MIT
-- One line of Lua that calls a method: with everything that it needs and little else.
--
-- Values come from the specification: the first of a list of values, or one of the form
-- that is meant. What the rules of the operation demand is in it. The variable has the
-- name of the service.
--
--   example.line(methods.find("screendesk.scim.users.set_active"))
--     --> screendesk.scim.users:set_active("9042", true)

local names = require("moonlever.suggest").names
local types = require "moonlever.derived.types"

local example = {}

local FORMATS = {
  ["date-time"] = '"2026-01-31T09:00:00Z"', date = '"2026-01-31"', email = '"ada@example.com"',
  uri = '"https://example.com"', uuid = '"81c5a150-e11f-4b49-b84d-af4b7a9b8c90"',
}

local render

local function literal(value)
  return type(value) == "string" and ("%q"):format(value) or tostring(value)
end

local function table_of(pairs_of)
  if #pairs_of == 0 then return "{}" end
  return ("{ %s }"):format(table.concat(pairs_of, ", "))
end

-- ---------------------------------------------------------------------------
-- Which members stand in the example

-- The value that the example gives to a member, for comparison with a rule.
local function given(spec)
  return spec and (spec.enum or spec.known or {})[1]
end

local function applies(rule, fields, chosen)
  for name, value in pairs(rule.when or {}) do
    if not chosen[name] or given(fields[name]) ~= value then return false end
  end
  for name, value in pairs(rule.unless or {}) do
    if chosen[name] and given(fields[name]) == value then return false end
  end
  return true
end

local function choose_by_rules(chosen, rules, fields)
  for _, rule in ipairs(rules or {}) do
    if applies(rule, fields, chosen) then
      for _, name in ipairs(rule.need or {}) do chosen[name] = true end
      if rule.some_of then chosen[rule.some_of[1]] = true end
    end
  end
end

-- The member that says most: the label of the resource, else one that is simply a text.
local function telling(fields, label)
  local first
  for _, name in ipairs(names(fields)) do
    local spec = fields[name]
    if name == label then return name end
    local simple = spec.type ~= "object" and not spec.secret
    if simple and (not first or (first.type ~= "string" and spec.type == "string")) then
      first = { name = name, type = spec.type }
    end
  end
  return first and first.name or names(fields)[1]
end

-- The first member that a rule turns on: it says what kind of object is meant.
local function deciding(rules, fields)
  for _, rule in ipairs(rules or {}) do
    for name in pairs(rule.when or {}) do
      if fields[name] and (fields[name].enum or fields[name].known) then return name end
    end
  end
  return nil
end

local function choose_telling(chosen, fields, options)
  chosen[deciding(options.rules, fields) or telling(fields, options.label)] = true
  choose_by_rules(chosen, options.rules, fields)
end

local function chosen_members(fields, options)
  local chosen = {}
  for name, spec in pairs(fields) do
    if spec.required and spec.default == nil and (options.defaults or {})[name] == nil then chosen[name] = true end
  end
  choose_by_rules(chosen, options.rules, fields)
  for name in pairs(chosen) do
    if not fields[name] then chosen[name] = nil end
  end
  if not next(chosen) and not options.sparse then choose_telling(chosen, fields, options) end
  if options.all_of then
    for _, name in ipairs(options.all_of) do chosen[name] = fields[name] and true or nil end
  end
  return chosen
end

local function members(fields, options)
  local list, chosen = {}, chosen_members(fields, options or {})
  for _, name in ipairs(names(chosen)) do
    list[#list + 1] = ("%s = %s"):format(types.key(name), render(fields[name], name))
  end
  return list
end

-- ---------------------------------------------------------------------------
-- Values

local RENDER = {}

function RENDER.string(spec, name) return FORMATS[spec.format] or ('"%s"'):format(name or "text") end
function RENDER.integer(spec) return tostring(math.max(42, spec.min or 0)) end
function RENDER.number() return "7" end
function RENDER.boolean() return "true" end
function RENDER.any(_, name) return ('"%s"'):format(name or "value") end
function RENDER.list(spec, name) return ("{ %s }"):format(render(spec.items, name)) end

function RENDER.object(spec)
  if spec.one_true then return ("{ %s = true }"):format(spec.one_true[#spec.one_true]) end
  return spec.fields and table_of(members(spec.fields)) or "{}"
end

function render(spec, name)
  if spec.flag then return "true" end
  local value = given(spec)
  if value ~= nil then return literal(value) end
  return RENDER[spec.type](spec, name)
end

-- ---------------------------------------------------------------------------
-- Calls

local ROLES = {}

local function id(argument)
  local spec = argument.spec
  if spec.type == "integer" or spec.format then return render(spec, spec.name) end
  return spec.name == "id" and '"9042"' or render(spec, spec.name)
end

ROLES.target, ROLES.id = id, id

function ROLES.value(argument) return render(argument.spec, argument.name) end
function ROLES.path() return '"film.mp4"' end

function ROLES.items(argument, m)
  local items = argument.spec.items
  if not items.fields then return ("{ %s }"):format(render(items, "9042")) end
  local label = m.service.resources[m.resource].label
  local wanted = { m.entry.member, label }
  if not items.fields[label] then wanted[2] = telling(items.fields) end
  local list = members(items.fields, { sparse = true, all_of = wanted })
  return ("{ %s }"):format(table_of(list))
end

function ROLES.options(_, m)
  if m.kind == "upload" then return "{ module = 4 }" end
  local list = members(m.query, { sparse = true, rules = m.request.rules })
  if #list == 0 and m.kind == "list" then return "{ limit = 10 }" end
  return #list > 0 and table_of(list) or nil
end

function ROLES.fields(_, m)
  local list = {}
  if m.fields then
    list = members(m.fields, {
      defaults = m.request.defaults, rules = m.request.rules, label = m.service.resources[m.resource].label,
    })
  end
  local query = members(m.query, { sparse = true })
  if #query > 0 then list[#list + 1] = "query = " .. table_of(query) end
  return #list > 0 and table_of(list) or nil
end

--- The call alone: screendesk.recordings:get("81c5a150-…").
function example.call(m)
  local texts = {}
  for _, argument in ipairs(m.arguments) do
    local text = ROLES[argument.role](argument, m)
    if text then texts[#texts + 1] = text end
  end
  return ("%s.%s:%s(%s)"):format(m.service.name, m.resource, m.verb, table.concat(texts, ", "))
end

--- The call as a line of a script: what it returns is used.
function example.line(m)
  local call = example.call(m)
  if m.kind == "list" then return ("for record in %s do print(record.%s) end"):format(call, example.shown(m)) end
  if m.kind == "pages" then return ("for page in %s do print(#page.items) end"):format(call) end
  if m.effect == "read" then return "local record = " .. call end
  return call
end

--- The member of the records of a method that an example shows: the label, else the key.
function example.shown(m)
  local resource, fields = m.service.resources[m.resource], m.service.shapes[m.record].fields
  return fields[resource.label or ""] and resource.label or fields[resource.key] and resource.key or names(fields)[1]
end

return example
