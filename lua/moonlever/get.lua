-- SPDX-License-Identifier: MIT
-- `moonlever get`: what a service holds, for people and for pipes.
--
-- Everything is derived from the catalogue: which methods read, what a filter may be
-- called, which fields there are. The run declares that it writes nothing, so the engine
-- would refuse any write.
--
-- A filter that the list takes as a parameter goes to the service with every page; one
-- that names a field of the records is compared here. Anything else is a mistake, since
-- an unknown parameter would be ignored in silence and everything listed.
--
--   get.main({ service = "screendesk", resource = "recordings", ids = {}, filters = {},
--              format = "table", width = 80 }, host)

local raw = require "moonlever.raw"
local clients = require "moonlever.clients"
local errors = require "moonlever.errors"
local methods = require "moonlever.derived.methods"
local suggest = require "moonlever.suggest"
local views = require "moonlever.get.views"

local get = {}

local READS = { list = true, get = true, search = true }

local MANY = 16 -- names that a message lists

-- The names that say most: members of members come last, and only some of many.
local function shown(known)
  local list = { table.unpack(known) }
  local function depth(name) return select(2, name:gsub("%.", "")) end
  table.sort(list, function(a, b) return depth(a) < depth(b) or (depth(a) == depth(b) and a < b) end)
  if #list > MANY then list = { table.unpack(list, 1, MANY) } end
  if #known > MANY then list[#list + 1] = ("%d more"):format(#known - MANY) end
  return list
end

-- Did-you-mean as a sentence of its own, else what there is; and where to look.
local function unknown(host, what, word, known, see)
  local near, list = suggest.closest(word, known), shown(known)
  local hint = near and ("Did you mean '%s'?"):format(near) or ("There is %s."):format(suggest.listed(list, "and"))
  host.fail(2, ("%s %s\nsee: %s"):format(what, hint, see))
end

-- ---------------------------------------------------------------------------
-- What is asked for

local function service_of(host, name)
  for _, known in ipairs(methods.SERVICES) do
    if known == name then return methods.catalogue(name) end
  end
  unknown(host, ("there is no service '%s'."):format(errors.one_line(name, 60)), name, methods.SERVICES,
    "moonlever help get")
end

-- "scim.users" or "departments.list_members": the resource, and the method where one is named.
local function split(service, word)
  if service.resources[word] then return word, nil end
  local resource, verb = word:match("^(.+)%.([^.]+)$")
  if resource and service.resources[resource] then return resource, verb end
  return nil
end

local function readers(service, resource)
  local list = {}
  for _, m in ipairs(methods.of(service, resource)) do
    if READS[m.kind] then list[#list + 1] = m end
  end
  return list
end

-- Ids that stand in front of the options.
local function ids_of(m)
  local n = 0
  for _, argument in ipairs(m.arguments) do
    if argument.role == "id" or argument.role == "target" then n = n + 1 end
  end
  return n
end

-- The method for so many ids: a list for none, else one that reads a single object.
local function usual(list, count)
  local found
  for _, m in ipairs(list) do
    local fits = ids_of(m) == count and (m.kind == "list") == (count == 0)
    if fits and (not found or m.verb == "list" or m.verb == "get") then found = m end
  end
  return found
end

local function ways(service, resource, list)
  local lines = {}
  for index, m in ipairs(list) do
    local words = {}
    for _, argument in ipairs(m.arguments) do
      if argument.role ~= "options" then words[#words + 1] = " " .. argument.name:upper() end
    end
    lines[index] = ("moonlever get %s %s.%s%s"):format(service.name, resource, m.verb, table.concat(words))
  end
  return #lines > 0 and "\n" .. table.concat(lines, "\n") or ""
end

local function named(host, service, resource, verb, list)
  local known = {}
  for _, m in ipairs(list) do
    if m.verb == verb then return m end
    known[#known + 1] = m.verb
  end
  if service.resources[resource].operations[verb] then
    host.fail(2, ("%s.%s.%s changes things: get only reads."):format(service.name, resource, verb))
  end
  unknown(host, ("%s.%s has no '%s' that reads."):format(service.name, resource, errors.one_line(verb, 60)), verb,
    known, ("moonlever help %s.%s"):format(service.name, resource))
end

local function check_ids(host, m, ids)
  if ids_of(m) == #ids then return m end
  local names = {}
  for _, argument in ipairs(m.arguments) do
    if argument.role ~= "options" then names[#names + 1] = argument.name:upper() end
  end
  host.fail(2, ("%s takes %s.\nsee: moonlever help %s"):format(m.name,
    #names == 0 and "no id" or table.concat(names, " "), m.name))
end

-- "get screendesk.recordings" is taken as "get screendesk recordings".
local function split_service(opt)
  local head, rest = (opt.service or ""):match("^([^.]+)%.(.+)$")
  if not suggest.has(methods.SERVICES, head) then return opt end
  if opt.resource then table.insert(opt.ids, 1, opt.resource) end
  opt.service, opt.resource = head, rest
  return opt
end

local function check_words(host, opt)
  if not opt.service then
    host.fail(2, ("which service? %s, and a resource behind it.\nsee: moonlever get --help"):format(
      suggest.listed(methods.SERVICES, "or")))
  end
  if opt.resource then return end
  local service = service_of(host, opt.service)
  host.fail(2, ("which resource of %s? %s.\nsee: moonlever help %s"):format(service.name,
    suggest.listed(methods.names(service.resources), "or"), service.name))
end

local function method_of(host, service, opt)
  local resource, verb = split(service, opt.resource)
  if not resource then
    unknown(host, ("%s has no '%s'."):format(service.name, errors.one_line(opt.resource, 60)), opt.resource,
      methods.names(service.resources), "moonlever help " .. service.name)
  end
  local list = readers(service, resource)
  if verb then return check_ids(host, named(host, service, resource, verb, list), opt.ids) end
  return usual(list, #opt.ids) or host.fail(2, ("%s.%s cannot be read like that.%s"):format(service.name, resource,
    ways(service, resource, list)))
end

-- ---------------------------------------------------------------------------
-- Filters

local NUMBERS = { integer = true, number = true }
local BOOLEANS = { ["true"] = true, ["false"] = false }

-- The text of a filter as the parameter needs it; nil where it cannot be that.
local function typed(spec, word)
  if NUMBERS[spec.type] then
    local number = word:find("^-?%d[%d.]*$") and tonumber(word)
    if spec.type == "integer" then return math.tointeger(number) end
    return number
  end
  if spec.type == "boolean" then return BOOLEANS[word] end
  if spec.type == "list" then
    local items = raw.json.array {}
    for item in word:gmatch("[^,]+") do
      items[#items + 1] = NUMBERS[spec.items and spec.items.type] and tonumber(item) or item
    end
    return items
  end
  return word
end

-- The documented parameters of a list: those that are ours have flags of their own.
local function parameters(m)
  local known = {}
  for name, spec in pairs(m.request.query or {}) do known[name] = spec end
  return known
end

local function add_filter(host, m, filter, query, tests)
  local name, word = filter:match("^([^=]+)=(.*)$")
  local spec = parameters(m)[name]
  if spec then
    query[name] = typed(spec, word)
    if query[name] == nil then
      host.fail(2, ("--filter %s: '%s' is not what it takes (%s)."):format(name, errors.one_line(word, 60), spec.type))
    end
  elseif m.kind == "list" and views.has(m, name) then
    tests[#tests + 1] = { name = name, word = word }
  else
    local known = m.kind == "list" and views.names(m) or {}
    for parameter in pairs(parameters(m)) do known[#known + 1] = parameter end
    unknown(host, ("%s cannot be filtered by '%s'."):format(m.name, errors.one_line(name, 60)), name, known,
      "moonlever help " .. m.name)
  end
end

local function filters(host, m, list)
  local query, tests = {}, {}
  for _, filter in ipairs(list) do add_filter(host, m, filter, query, tests) end
  return query, tests
end

local function passes(tests, record)
  for _, test in ipairs(tests) do
    if views.text(record, test.name) ~= test.word then return false end
  end
  return true
end

-- ---------------------------------------------------------------------------
-- Reading

local function call(m, ids, options)
  local object = clients.connect(m.service.name)
  for part in m.resource:gmatch("[^.]+") do object = object[part] end
  local words = { table.unpack(ids) }
  if options then words[#words + 1] = options end
  return object[m.verb](object, table.unpack(words))
end

local function show_list(m, opt, query, tests, out)
  local left = opt.limit or math.huge
  if #tests == 0 then query.limit = opt.limit end
  if left > 0 then
    local records <close> = call(m, opt.ids, query)
    for record in records do
      if passes(tests, record) then
        out:record(record)
        left = left - 1
        if left <= 0 then break end
      end
    end
  end
  out:close()
end

local function show_one(host, m, opt, query, out)
  local record = call(m, opt.ids, next(query) and query or nil)
  if record == nil then
    errors.raise("notfound", ("%s %s: there is none"):format(m.name, errors.one_line(opt.ids[1], 60)))
  end
  if type(record) ~= "table" then return host.write(views.plain(record) .. "\n") end
  out:only(record)
end

--- The command. opt: service, resource, ids, filters ("name=value"), limit, fields (dotted
-- names or nil), format (table, json, ndjson, csv, tsv) and width, of the terminal.
-- host: write(text), fail(code, text).
function get.main(opt, host)
  raw.licence {}
  check_words(host, split_service(opt))
  local service = service_of(host, opt.service)
  local m = method_of(host, service, opt)
  local query, tests = filters(host, m, opt.filters)
  local fields = opt.fields and views.check(host, m, opt.fields)
  local out = views.new(m, fields, opt, host.write)
  if m.kind == "list" then return show_list(m, opt, query, tests, out) end
  show_one(host, m, opt, query, out)
end

return get
