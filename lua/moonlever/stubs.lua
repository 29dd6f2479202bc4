-- SPDX-License-Identifier: MIT
-- Definition files for lua-language-server: what an editor completes, checks and shows.
--
-- One file for the public table, one for each service, made from the same data as help.
-- They are annotations in comments and empty functions; nothing loads them but editors.
--
-- Invariants: each file parses as Lua and starts with ---@meta; the same catalogues give
-- the same bytes; each operation of each catalogue is a method.
--
--   for _, file in ipairs(stubs.files()) do print(file.name, #file.text) end

local api = require "moonlever.derived.api"
local effects = require "moonlever.derived.effects"
local methods = require "moonlever.derived.methods"
local sheets = require "moonlever.derived.sheet"
local types = require "moonlever.derived.types"

local stubs = {}

-- Unused arguments and tables are what these files are made of, and their lines are long.
local HEAD = "---@meta %s\n-- luacheck: ignore 212 241 631\n-- Made by `moonlever stubs`; changes will be lost.\n\n"

-- ---------------------------------------------------------------------------
-- A file in the making

local File = {}
File.__index = File

local function new_file(module)
  return setmetatable({ parts = { HEAD:format(module) } }, File)
end

function File:add(text, ...)
  self.parts[#self.parts + 1] = (select("#", ...) > 0 and text:format(...) or text) .. "\n"
end

-- A description: each line of it behind "---".
function File:say(text)
  for line in text:gmatch("[^\n]+") do self:add("---%s", line) end
end

function File:text() return table.concat(self.parts) end

-- ---------------------------------------------------------------------------
-- Types

local NAMES = { string = "string", integer = "integer", number = "number", boolean = "boolean", any = "any" }

local type_of

local function literals(values)
  local texts = {}
  for i, value in ipairs(values) do
    texts[i] = type(value) == "string" and ('"%s"'):format(value) or tostring(value)
  end
  return table.concat(texts, "|")
end

local function list_of(item)
  return item:find("[|(]") and ("(%s)[]"):format(item) or item .. "[]"
end

-- `class` is the name that a nested table of this specification has as a class.
local function plain_type(context, spec, class)
  if spec.flag then return "boolean|0|1" end
  if spec.shape then return ("moonlever.%s.%s"):format(context.service.name, spec.shape) end
  if spec.enum then return literals(spec.enum) end
  if spec.type == "list" then return list_of(type_of(context, spec.items, class)) end
  if spec.type == "object" then return spec.fields and class or "table" end
  return NAMES[spec.type]
end

local OTHER = { object = "table", list = "any[]" }

-- The type of a specification. Values that are known, though others may come, complete
-- as literals beside the general type.
function type_of(context, spec, class)
  local text = plain_type(context, spec, class)
  if spec.known and #spec.known > 0 then text = ("%s|%s"):format(literals(spec.known), text) end
  if spec.or_type then text = ("%s|%s"):format(text, OTHER[spec.or_type] or spec.or_type) end
  if context.input and spec.null == true then text = text .. "|moonlever.null" end
  return text
end

-- May a member be missing? Documented nested tables of records are always there, and so
-- is the key.
local function is_optional(context, name, spec)
  if context.input then return not (spec.required and spec.default == nil and not context.defaults[name]) end
  if context.key == name then return false end
  return not (spec.type == "list" or (spec.type == "object" and spec.fields))
end

local write_class

-- Writes the classes of the nested tables below `fields`, before the class itself.
local function nested_classes(file, context, class, fields)
  for _, name in ipairs(methods.names(fields)) do
    local spec = fields[name]
    local inner = spec.type == "list" and spec.items or spec
    if inner.fields and not inner.shape then
      local below = setmetatable({ key = false, defaults = {} }, { __index = context })
      write_class(file, below, class .. "." .. name, inner.fields)
    end
  end
end

-- A class with these members. context: service, input (it is given by scripts), key,
-- defaults (members that need not be given).
function write_class(file, context, class, fields, extra)
  nested_classes(file, context, class, fields)
  file:add("---@class %s", class)
  for _, name in ipairs(methods.names(fields)) do
    local spec = fields[name]
    local mark = is_optional(context, name, spec) and "?" or ""
    local text = types.text(spec, context.input)
    file:add("---@field %s%s %s%s", types.key(name), mark, type_of(context, spec, class .. "." .. name),
      text ~= "" and " # " .. text or "")
  end
  for _, line in ipairs(extra or {}) do file:add(line) end
  file:add("")
end

-- ---------------------------------------------------------------------------
-- Methods

local function class_of(m)
  return ("moonlever.%s.%s"):format(m.service.name, m.resource)
end

local function record_of(m)
  return ("moonlever.%s.%s"):format(m.service.name, m.record)
end

-- The class of what a method is given last: options, fields or items.
local function last_class(m, what) return ("%s.%s.%s"):format(class_of(m), m.verb, what) end

local function input_context(m)
  return { service = m.service, input = true, key = false, defaults = m.request.defaults or {} }
end

-- The table of fields also holds `query`, where there are such parameters.
local function fields_classes(file, m)
  local context, extra = input_context(m), {}
  if next(m.query) then
    write_class(file, context, last_class(m, "query"), m.query)
    extra[1] = ("---@field query%s %s"):format(methods.needs_query(m) and "" or "?", last_class(m, "query"))
  end
  write_class(file, context, last_class(m, "fields"), m.fields or {}, extra)
end

local CLASSES = {}

function CLASSES.options(file, m)
  local fields = m.kind == "upload" and methods.UPLOAD_OPTIONS or m.query
  if m.verb == "pages" and m.kind == "pages" then return end -- those of list
  write_class(file, input_context(m), last_class(m, "options"), fields)
end

function CLASSES.fields(file, m) fields_classes(file, m) end

function CLASSES.items(file, m)
  if m.entry.items.fields then write_class(file, input_context(m), last_class(m, "item"), m.entry.items.fields) end
end

function CLASSES.value(file, m)
  if m.entry.fields then write_class(file, input_context(m), last_class(m, "value"), m.entry.fields) end
end

local TYPES = {}

local function id_type(argument)
  return argument.spec.type == "integer" and "integer|string" or "string|integer"
end

TYPES.target, TYPES.id = id_type, id_type
function TYPES.path() return "string" end
function TYPES.fields(_, m) return last_class(m, "fields") end

function TYPES.options(_, m)
  return ("%s.%s.options"):format(class_of(m), m.kind == "pages" and "list" or m.verb)
end

function TYPES.items(_, m)
  if m.entry.items.fields then return last_class(m, "item") .. "[]" end
  return list_of(type_of(input_context(m), m.entry.items, "table"))
end

function TYPES.value(argument, m)
  if not m.entry.fields then return type_of(input_context(m), argument.spec, "table") end
  return m.entry.exact and last_class(m, "value") .. "|string[]" or last_class(m, "value")
end

local function returned(m)
  if m.kind == "list" then return ("fun(): %s"):format(record_of(m)) end
  if m.kind == "pages" then return ("fun(): %s.page"):format(class_of(m)) end
  if m.kind == "search" then return record_of(m) .. "?" end
  if m.kind == "upload" then return "string" end
  local text = sheets.returns(m)
  if text == "Nothing." then return nil end
  if m.kind == "bulk" then return record_of(m) .. "[]" end
  return text:find("^The answer") and "any" or record_of(m)
end

-- The same with a record of the resource in the place of its id.
local function overload(file, m)
  local record = ("moonlever.%s.%s"):format(m.service.name, m.service.resources[m.resource].record)
  local parts = { ("self: %s"):format(class_of(m)) }
  for i, argument in ipairs(m.arguments) do
    local kind = i == 1 and record or TYPES[argument.role](argument, m)
    parts[#parts + 1] = ("%s%s: %s"):format(i == 1 and "record" or argument.name, argument.optional and "?" or "", kind)
  end
  local result = returned(m)
  file:add("---@overload fun(%s)%s", table.concat(parts, ", "), result and ": " .. result or "")
end

local function describe(file, m)
  local sheet = sheets.method(m)
  file:say(sheet.summary)
  file:add("---")
  for _, sentence in ipairs(effects.sentences(m)) do file:say(sentence) end
  if sheet.example then file:add("---\n---```lua\n---%s\n---```", sheet.example) end
end

local function parameter(file, m, argument)
  local text = argument.spec and types.text(argument.spec, true) or ""
  file:add("---@param %s%s %s%s", argument.name, argument.optional and "?" or "", TYPES[argument.role](argument, m),
    text ~= "" and " # " .. text or "")
end

local function method(file, variable, m)
  local names = {}
  for i, argument in ipairs(m.arguments) do
    names[i] = argument.name
    if CLASSES[argument.role] then CLASSES[argument.role](file, m) end
  end
  describe(file, m)
  for _, argument in ipairs(m.arguments) do parameter(file, m, argument) end
  local result = returned(m)
  if result then file:add("---@return %s", result) end
  if m.arguments[1] and m.arguments[1].role == "target" then overload(file, m) end
  if m.request.refused then file:add("---@deprecated") end
  file:add("function %s:%s(%s) end\n", variable, m.verb, table.concat(names, ", "))
end

-- ---------------------------------------------------------------------------
-- A service

local function page_class(file, m)
  file:add("---@class %s.page\n---@field items %s[]\n---@field number integer\n---@field total? integer\n",
    class_of(m), record_of(m))
end

local function resource(file, service, name)
  local variable = name:gsub("%.", "_")
  file:add("---%s\n---@class moonlever.%s.%s\nlocal %s = {}\n", service.resources[name].title, service.name, name,
    variable)
  for _, m in ipairs(methods.of(service, name)) do
    if m.kind == "pages" then page_class(file, m) end
    method(file, variable, m)
  end
end

-- Keys of records by the name of their shape, where a resource has it.
local function keys_of(service)
  local keys = {}
  for _, one in pairs(service.resources) do keys[one.record] = one.key end
  return keys
end

local function shapes(file, service)
  local keys = keys_of(service)
  for _, name in ipairs(methods.names(service.shapes)) do
    local context = { service = service, input = false, key = keys[name] or false, defaults = {} }
    write_class(file, context, ("moonlever.%s.%s"):format(service.name, name), service.shapes[name].fields)
  end
end

-- Classes of what stands between the client and resources with a dot: "scim".
local function branches(file, service)
  local seen = {}
  for _, name in ipairs(methods.names(service.resources)) do
    local head, rest = name:match("^([^.]+)%.(.+)$")
    if head then
      if not seen[head] then file:add("---@class moonlever.%s.%s", service.name, head) end
      seen[head] = true
      file:add("---@field %s moonlever.%s.%s", rest, service.name, name)
    end
  end
  if next(seen) then file:add("") end
end

local function client(file, service)
  branches(file, service)
  file:add("---A client of %s.\n---@class moonlever.%s: moonlever.client", service.title, service.name)
  local seen = {}
  for _, name in ipairs(methods.names(service.resources)) do
    local head = name:match("^[^.]+")
    if not seen[head] then file:add("---@field %s moonlever.%s.%s", head, service.name, head) end
    seen[head] = true
  end
end

--- The definition file of a service.
function stubs.service(service)
  local file = new_file("_")
  shapes(file, service)
  for _, name in ipairs(methods.names(service.resources)) do resource(file, service, name) end
  client(file, service)
  return file:text()
end

-- ---------------------------------------------------------------------------
-- The public table

local function typed(name) return name:gsub("%?$", ""), name:find("%?$") and "?" or "" end

local function public_params(file, params)
  local names = {}
  for i, param in ipairs(params) do
    local name, mark = typed(param[1])
    names[i] = name
    file:add("---@param %s%s %s # %s", name, mark, param[2], param[3])
  end
  return table.concat(names, ", ")
end

local function public_function(file, entry, variable, separator)
  file:say(entry.summary)
  if entry.text then file:say(entry.text) end
  file:add("---\n---```lua\n---%s\n---```", entry.example)
  if entry.name == "connect" then
    for _, name in ipairs(methods.SERVICES) do
      file:add('---@overload fun(service: "%s"): moonlever.%s', name, name)
      file:add('---@overload fun(options: { service: "%s", profile?: string, url?: string, rate?: number, '
        .. "concurrency?: integer, headroom?: number }): moonlever.%s", name, name)
    end
  end
  local names = public_params(file, entry.params)
  for _, result in ipairs(entry.returns) do file:add("---@return %s # %s", result[1], result[2]) end
  file:add("function %s%s%s(%s) end\n", variable, separator, entry.name, names)
end

local function class_methods(file, class, variable)
  file:add("local %s = {}\n", variable)
  for _, one in ipairs(class.methods) do
    local name, params, results, text = table.unpack(one)
    local names = {}
    file:say(text)
    for i, param in ipairs(params) do
      names[i] = param[1]
      file:add("---@param %s %s", param[1], param[2])
    end
    for _, result in ipairs(results) do file:add("---@return %s", result) end
    file:add("function %s:%s(%s) end\n", variable, name, table.concat(names, ", "))
  end
end

local function public_class(file, class)
  file:say(class.summary)
  file:add("---@class moonlever.%s", class.name)
  for _, field in ipairs(class.fields) do
    local name, mark = typed(field[1])
    file:add("---@field %s%s %s # %s", name, mark, field[2], field[3])
  end
  if class.call then file:add("---@overload %s", class.call) end
  if class.methods then return class_methods(file, class, class.name) end
  file:add("")
end

local function groups(file)
  local seen = {}
  for _, entry in ipairs(api.functions) do
    local head = entry.name:match("^(.-)%.")
    if head and not seen[head] then
      seen[head] = true
      file:add("moonlever.%s = {}\n", head)
    end
  end
end

--- The definition file of the public table.
function stubs.public()
  local file = new_file("moonlever")
  file:add("---What JSON has for null.\n---@alias moonlever.null lightuserdata\n")
  for _, class in ipairs(api.classes) do public_class(file, class) end
  file:add("---What every client has.\n---@class moonlever.client\nlocal client = {}\n")
  public_function(file, api.client, "client", ":")
  file:add("---@class moonlever")
  for _, value in ipairs(api.values) do file:add("---@field %s %s # %s", value.name, value.value, value.summary) end
  file:add("local moonlever = {}\n")
  groups(file)
  for _, entry in ipairs(api.functions) do public_function(file, entry, "moonlever", ".") end
  file:add("return moonlever")
  return file:text()
end

--- All definition files: an array of { name, text }.
function stubs.files()
  local files = { { name = "moonlever.lua", text = stubs.public() } }
  for _, name in ipairs(methods.SERVICES) do
    files[#files + 1] = { name = name .. ".lua", text = stubs.service(methods.catalogue(name)) }
  end
  return files
end

return stubs
