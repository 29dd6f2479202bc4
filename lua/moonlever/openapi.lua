-- SPDX-License-Identifier: MIT
-- A client from an OpenAPI 3 document, at run time.
--
-- The document becomes a catalogue (docs/catalogue.md) like those that Moonlever
-- brings along, and goes through the same machinery: checks of arguments, pacing,
-- retries, journal, guards. JSON only. What a document does not say is left open: an
-- operation without a way to read its object back stays unknown when its outcome is.
--
--   local shop = openapi.connect("shop.json", { url = "https://shop.example", token_env = "SHOP_TOKEN" })
--   for order in shop.orders:list() do … end

local raw = require "moonlever.raw"
local check = require "moonlever.check"
local errors = require "moonlever.errors"
local service = require "moonlever.service"

local open = io and io.open

local openapi = {}

local METHODS = { "get", "post", "put", "patch", "delete" }
local EFFECTS = { get = "read", post = "create", put = "replace", patch = "update", delete = "delete" }
local TYPES = { string = true, integer = true, number = true, boolean = true, object = true, array = "list" }

-- Words with which a verb begins, as in "users_list_supervisors".
local VERBS = {}
for word in ("list get create update replace delete add remove set search find send assign bulk generate upload"
  .. " archive restore activate deactivate publish"):gmatch "%a+" do VERBS[word] = true end

-- Reading the document --------------------------------------------------------

local function bad(doc, why)
  errors.usage(("openapi: %s: %s"):format(doc.where, why))
end

-- What a "#/components/…" reference names; anything else is returned as it is.
local function resolve(doc, node)
  local hops = 0
  while type(node) == "table" and node["$ref"] do
    local pointer = node["$ref"]
    hops = hops + 1
    if type(pointer) ~= "string" or pointer:sub(1, 2) ~= "#/" or hops > 20 then
      bad(doc, ("the reference '%s' cannot be followed: only those within the document can"):format(tostring(pointer)))
    end
    local place = doc.root
    for part in pointer:sub(3):gmatch("[^/]+") do
      part = part:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end)
      part = part:gsub("~1", "/"):gsub("~0", "~")
      place = type(place) == "table" and place[part] or nil
    end
    if place == nil then bad(doc, ("there is nothing at '%s'"):format(pointer)) end
    node = place
  end
  return node
end

-- A schema as a specification of the catalogue. `depth` ends schemas that contain
-- themselves: what lies deeper is passed on as it is.
local specification

local function fields_of(doc, schema, depth)
  local fields = {}
  for _, part in ipairs(schema.allOf or {}) do
    for name, spec in pairs(fields_of(doc, resolve(doc, part), depth)) do fields[name] = spec end
  end
  for name, member in pairs(schema.properties or {}) do
    if not resolve(doc, member).readOnly then fields[name] = specification(doc, member, depth - 1) end
  end
  for _, name in ipairs(schema.required or {}) do
    if fields[name] then fields[name].required = true end
  end
  return fields
end

function specification(doc, node, depth)
  local schema = resolve(doc, node)
  local kind = TYPES[schema.type or (schema.properties or schema.allOf) and "object"]
  local spec = {
    type = kind == true and (schema.type or "object") or kind or "any",
    format = schema.format, null = schema.nullable or nil, summary = schema.description,
  }
  if depth <= 0 or spec.type == "any" then return { type = "any", null = true } end
  if spec.type == "object" then
    local fields = fields_of(doc, schema, depth)
    if next(fields) then spec.fields = fields else spec.type = "any" end
  elseif spec.type == "list" and schema.items then
    spec.items = specification(doc, schema.items, depth - 1)
  end
  return spec
end

local DEPTH = 8

local function json_schema(doc, node)
  local content = resolve(doc, node or {}).content or {}
  for media, value in pairs(content) do
    if media:lower():find("json", 1, true) then return value.schema and resolve(doc, value.schema) end
  end
  return nil
end

-- The schema of the documented success, and its status.
local function success_of(doc, operation)
  local best
  for status in pairs(operation.responses or {}) do
    local number = tonumber(status)
    if number and number >= 200 and number < 300 and (not best or number < best) then best = number end
  end
  return best and json_schema(doc, operation.responses[tostring(best)]), best
end

-- Names -------------------------------------------------------------------------

local function snake(text)
  text = text:gsub("(%l)(%u)", "%1_%2"):gsub("[^%w]+", "_"):gsub("^_+", ""):gsub("_+$", "")
  return text:lower()
end

-- "group_chats_delete" -> "group_chats", "delete".
local function split_id(id)
  local at = 1
  while true do
    local from, to, word = id:find("_(%l+)", at)
    if not from then break end
    if VERBS[word] then return id:sub(1, from - 1), id:sub(from + 1) end
    at = to + 1
  end
  return id:match("^(.+)_([^_]+)$")
end

local function last_segment(path)
  local last
  for segment in path:gmatch("/([^/{}]+)") do last = segment end
  return last and snake(last) or "root"
end

local function plain_verb(method, path)
  if method == "get" then return path:find("}/?$") and "get" or "list" end
  return EFFECTS[method]
end

-- Resource and verb of an operation: from an operationId such as "users_list"; else the
-- first tag, or the path, and the whole operationId or what the method does.
local function name_of(method, path, operation)
  local id = operation.operationId and snake(operation.operationId)
  local first = id and id:match("^%l+")
  if id and operation.operationId:find("_", 1, true) and not VERBS[first] then
    local resource, verb = split_id(id)
    if resource then return resource, verb end
  end
  return snake(operation.tags and operation.tags[1] or last_segment(path)), id or plain_verb(method, path)
end

-- Operations --------------------------------------------------------------------

local function parameters(doc, item, operation)
  local found, order = {}, {}
  for _, list in ipairs { item.parameters or {}, operation.parameters or {} } do
    for _, node in ipairs(list) do
      local parameter = resolve(doc, node)
      local key = parameter["in"] .. " " .. parameter.name
      if not found[key] then order[#order + 1] = key end
      found[key] = parameter
    end
  end
  local path, query = {}, {}
  for _, key in ipairs(order) do
    local parameter = found[key]
    local spec = specification(doc, parameter.schema or { type = "string" }, 2)
    spec.summary = parameter.description
    if parameter["in"] == "path" then
      spec.name = parameter.name
      path[parameter.name] = spec
    elseif parameter["in"] == "query" then
      spec.required = parameter.required or nil
      query[parameter.name] = spec
    end
  end
  return path, query
end

local function params_in_order(doc, path, specs)
  local params = {}
  for name in path:gmatch("{([^}]+)}") do
    params[#params + 1] = specs[name] or bad(doc, ("%s: the path parameter '%s' is not described"):format(path, name))
  end
  return params
end

local PAGING = {
  style = "style", page_param = "param", first_page = "first", size_param = "size_param", page = "page",
  page_size = "size", next = "next", last = "last", total = "total", start_param = "start",
}

-- From x-pagination, or from what the answer looks like: a list and nothing else.
local function pages_of(doc, operation, schema)
  local said = operation["x-pagination"]
  if type(said) == "table" then
    local pages = { items = { said.items } }
    for theirs, ours in pairs(PAGING) do
      if said[theirs] ~= nil and said[theirs] ~= raw.null then pages[ours] = said[theirs] end
    end
    if pages.style == "scim" then pages.count, pages.size_param = said.size_param, nil end
    return pages
  end
  if not schema then return nil end
  if schema.type == "array" then return { style = "none", items = { "$" } } end
  local lists = {}
  for name, member in pairs(schema.properties or {}) do
    if resolve(doc, member).type == "array" then lists[#lists + 1] = name end
  end
  return #lists == 1 and { style = "none", items = lists } or nil
end

-- The schema of one record of a list.
local function item_schema(doc, pages, schema)
  local name = pages.items[1]
  if name == "$" then return schema and schema.items and resolve(doc, schema.items) end
  local list = schema and schema.properties and schema.properties[name] and resolve(doc, schema.properties[name])
  return list and list.items and resolve(doc, list.items)
end

local function add_body(doc, entry, operation)
  local schema = json_schema(doc, operation.requestBody)
  if not schema then
    entry.fields = {}
  elseif schema.type == "array" then
    entry.body, entry.items, entry.fields = "list", specification(doc, schema.items or {}, DEPTH), {}
  else
    entry.fields = fields_of(doc, schema, DEPTH)
  end
end

local function entry_of(doc, method, path, item, operation)
  local by_name, query = parameters(doc, item, operation)
  local schema, status = success_of(doc, operation)
  local entry = {
    id = operation.operationId, method = method:upper(), path = path, summary = operation.summary,
    effect = operation["x-effect"] or EFFECTS[method], params = params_in_order(doc, path, by_name),
    success = status and { status } or nil, finish = status == 202 and "accepted" or "done",
    answer = schema and schema.type ~= "array" and "object" or "none",
  }
  if next(query) then entry.query = query end
  if entry.effect == "read" then
    if not path:find("}/?$") then entry.pages = pages_of(doc, operation, schema) end
  else
    add_body(doc, entry, operation)
  end
  return entry, entry.pages and item_schema(doc, entry.pages, schema) or schema
end

-- Resources ---------------------------------------------------------------------

-- The member that names a record: what the last path parameter is called, or id.
local function key_of(resource, fields)
  for _, verb in ipairs { "get", "update", "replace", "delete" } do
    local entry = resource.operations[verb]
    local last = entry and entry.params[#entry.params]
    if last and fields[last.name] then return last.name end
  end
  for _, name in ipairs { "id", "uuid", "key" } do
    if fields[name] then return name end
  end
  return "id"
end

local function connect_operations(resource)
  local get, list = resource.operations.get, resource.operations.list
  for _, entry in pairs(resource.operations) do
    if entry.effect ~= "read" then
      entry.read = get and "get" or list and list.pages and "list" or nil
      if entry.effect == "update" then entry.inverse = "update" end
      if entry.effect == "create" and resource.operations.delete then entry.inverse = "delete" end
    end
  end
end

local function complete(doc, catalogue, name, resource, schemas)
  local schema = schemas.get or schemas.list or schemas.update or schemas.create or select(2, next(schemas))
  local fields = schema and fields_of(doc, schema, DEPTH) or {}
  for _, spec in pairs(fields) do spec.required = nil end
  catalogue.shapes[name] = { fields = fields }
  resource.record, resource.key = name, key_of(resource, fields)
  connect_operations(resource)
end

-- Credentials -------------------------------------------------------------------

local function credential_of(doc, name, env)
  local scheme = resolve(doc, ((doc.root.components or {}).securitySchemes or {})[name] or {})
  if scheme.type == "http" and tostring(scheme.scheme):lower() == "bearer" or scheme.type == "oauth2"
    or scheme.type == "openIdConnect" then
    return { env = env, header = "Authorization", prefix = "Bearer ", source = scheme.description }
  elseif scheme.type == "http" and tostring(scheme.scheme):lower() == "basic" then
    return { env = env, header = "Authorization", prefix = "Basic ", source = "user:password in base64" }
  elseif scheme.type == "apiKey" and scheme["in"] == "header" then
    return { env = env, header = scheme.name, prefix = "", source = scheme.description }
  end
  return bad(doc, ("the security scheme '%s' cannot be used: bearer, basic, and keys in a header can"):format(name))
end

-- The scheme of a list of requirements; nil for none.
local function scheme_of(security)
  local first = type(security) == "table" and security[1] or nil
  return type(first) == "table" and next(first) or nil
end

local function add_credentials(doc, catalogue, options)
  local default = scheme_of(doc.root.security)
  local env = options.token_env or catalogue.name:upper() .. "_TOKEN"
  if default then catalogue.credentials.default = credential_of(doc, default, env) end
  return function(operation)
    local name = operation.security and scheme_of(operation.security)
    if not name or name == default then return nil end
    local key = snake(name)
    local own = options.tokens and options.tokens[name] or ("%s_%s"):format(catalogue.name, key):upper()
    catalogue.credentials[key] = catalogue.credentials[key] or credential_of(doc, name, own)
    return key
  end
end

-- The whole ---------------------------------------------------------------------

local function origin_of(doc, options)
  if options.url then return options.url end
  local server = (doc.root.servers or {})[1]
  local url = server and server.url
  if not url or url:find("[{}]") or not url:find("^https?://") then return nil end
  return url:match("^(https?://[^/]+)")
end

local function base_path(doc)
  local server = (doc.root.servers or {})[1]
  local path = server and (server.url:match("^%a+://[^/]*(/.*)$") or server.url:match("^(/.*)$")) or ""
  return (path:gsub("/+$", ""))
end

local function add_operation(doc, catalogue, schemas, credential, method, path, item)
  local operation = item[method]
  local name, verb = name_of(method, path, operation)
  local entry, schema = entry_of(doc, method, base_path(doc) .. path, item, operation)
  local resource = catalogue.resources[name] or { title = name, operations = {} }
  catalogue.resources[name] = resource
  schemas[name] = schemas[name] or {}
  if resource.operations[verb] then verb = verb .. "_" .. method end
  resource.operations[verb] = entry
  resource.credential = resource.credential or credential(operation)
  if schema then schemas[name][verb] = schema end
end

--- The catalogue of a document: a table (decoded JSON) with `openapi` 3.x. `options` as
-- for connect(). Pure: nothing is read or sent. Raises usage.
function openapi.catalogue(root, options, where)
  local doc = { root = root, where = where or "the document" }
  if type(root) ~= "table" or type(root.openapi) ~= "string" or not root.openapi:find("^3%.") then
    bad(doc, "it is no OpenAPI 3 document")
  end
  options = options or {}
  local title = (root.info or {}).title or "api"
  local catalogue = {
    format = 1, name = options.name or snake(title), title = title, origin = origin_of(doc, options),
    credentials = {}, shapes = {}, resources = {},
  }
  catalogue.env = { url = catalogue.name:upper() .. "_URL" }
  local credential, schemas = add_credentials(doc, catalogue, options), {}
  for path, item in pairs(root.paths or {}) do
    item = resolve(doc, item)
    for _, method in ipairs(METHODS) do
      if item[method] then add_operation(doc, catalogue, schemas, credential, method, path, item) end
    end
  end
  if next(catalogue.resources) == nil then bad(doc, "it describes no operation") end
  for name, resource in pairs(catalogue.resources) do complete(doc, catalogue, name, resource, schemas[name]) end
  return catalogue
end

local function read(path)
  raw.use_file("openapi")
  local file, why = open(path, "rb")
  if not file then errors.usage(("openapi: cannot read %s: %s"):format(path, (tostring(why):gsub("^.*: ", "")))) end
  local text = file:read("a")
  file:close()
  local ok, root = pcall(raw.json.decode, text, { null = "drop" })
  if not ok then
    errors.usage(("openapi: %s is not JSON: %s"):format(path, tostring(errors.is(root) and root.message or root)),
      "YAML has to be converted first, for instance with yq -o json")
  end
  return root
end

local OPTIONS = {
  name = "string", url = "string", token_env = "string", tokens = "table", rate = "number", concurrency = "integer",
  headroom = "number",
}

--- A client from an OpenAPI 3 document.
--
-- document  path of a JSON file, or the decoded document
-- options   name         what the service is called (default: from the title)
--           url          scheme and host (default: the document's first server)
--           token_env    environment variable with the credential (default: NAME_TOKEN)
--           tokens       scheme name -> variable, where there are several
--           rate, concurrency, headroom   as for connect
-- Resources and methods are named after the operationIds ("users_list" is
-- client.users:list). Raises usage for a document that cannot be used.
function openapi.connect(document, options)
  options = check.options("openapi", options, OPTIONS)
  local root, where = document, nil
  if type(document) == "string" then root, where = read(document), document end
  local catalogue = openapi.catalogue(root, options, where)
  catalogue.chosen = true -- its address comes from the script, as the document does
  return service.client(catalogue, {
    url = options.url, rate = options.rate, concurrency = options.concurrency, headroom = options.headroom,
  })
end

return openapi
