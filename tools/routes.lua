-- SPDX-License-Identifier: MIT
-- Turns catalogues into the practice server's tables of routes, resources and shapes, so
-- that its paths, methods, fields and records cannot drift from what the client knows.
--
--   lua5.4 tools/routes.lua OUT.c lua/moonlever/services/screendesk.lua …
--
-- A catalogue is pure data: it is loaded in an empty environment, and so are its parts,
-- which stand in a folder of its name. Operations without method and path are derived ones
-- (a strategy over another) and have no route, nor have those that are never sent
-- (`refused`); one with `methods` has a route for each. The order is sorted, so the same
-- catalogues give the same file.

local TYPES = {
  string = "ML_FIELD_STRING", integer = "ML_FIELD_INTEGER", number = "ML_FIELD_NUMBER",
  boolean = "ML_FIELD_BOOLEAN", object = "ML_FIELD_OBJECT", list = "ML_FIELD_LIST", any = "ML_FIELD_ANY",
}
-- Shapes that records name by id, and the server fills in.
local REFS = { UserRef = "ML_REF_USER", File = "ML_REF_FILE" }

-- The second form of a member by the type that it has besides.
local FORMS = { string = "ML_FORM_ID", object = "ML_FORM_SINGLE" }

local function fail(...)
  io.stderr:write("routes.lua: ", string.format(...), "\n")
  os.exit(1)
end

local function sorted_keys(t)
  local keys = {}
  for key in pairs(t) do keys[#keys + 1] = key end
  table.sort(keys)
  return keys
end

-- A C string literal, or NULL.
local function literal(s)
  if s == nil then return "NULL" end
  return '"' .. s:gsub('[%c"\\]', function(c) return ("\\%03o"):format(c:byte()) end) .. '"'
end

local function type_of(field, name, where)
  local type_name = TYPES[field.type] and (field.or_type and TYPES.any or TYPES[field.type])
  if not type_name then
    fail("%s: the field '%s' has the type '%s'; there are: %s", where, name, tostring(field.type),
      table.concat(sorted_keys(TYPES), ", "))
  end
  return type_name
end

-- The member of the record that keeps a field: as records show it, else one with an
-- underscore, which is never shown.
local function stored_as(name, field, shape)
  if field.shows then return field.shows end
  local shown = field.shows == nil and shape and shape.fields[name]
  return shown and name or "_" .. name
end

-- Adds rows for the fields, those of objects with their path in front. `kept`: these are
-- members of the record, not of an object in it.
local function add_fields(rows, fields, prefix, kept, shape, where)
  for _, name in ipairs(sorted_keys(fields)) do
    local field = fields[name]
    local opened = field.shows == "$" -- its members stand at the top of the record
    rows[#rows + 1] = ("    {%s, %s, %s, %s},"):format(literal(prefix .. name),
      type_of(field, prefix .. name, where), tostring(field.null ~= nil),
      literal(kept and not opened and stored_as(name, field, shape) or nil))
    if field.type == "object" and field.fields then
      add_fields(rows, field.fields, prefix .. name .. ".", kept and opened, shape, where)
    end
  end
end

local function check_route(op, where)
  if type(op.method) ~= "string" or type(op.path) ~= "string" then
    fail("%s: a request needs both a method and a path", where)
  end
  if not op.path:find("^/") then
    fail("%s: the path '%s' does not begin with a slash", where, op.path)
  end
  if type(op.success) ~= "table" or math.type(op.success[1]) ~= "integer" then
    fail("%s: success has to list at least one status", where)
  end
end

local function add_array(out, kind, type_name, rows)
  local symbol = ("%s_%d"):format(kind, #out.arrays)
  out.arrays[#out.arrays + 1] = ("static const struct %s %s[] = {\n%s\n    {0},\n};\n")
    :format(type_name, symbol, table.concat(rows, "\n"))
  return symbol
end

-- The fields of a body, or of one item of a body that is a list, as an array of C.
local function add_body(out, op, shape, where)
  local fields = op.fields or op.items and op.items.fields
  if not fields then return "NULL" end
  local rows = {}
  add_fields(rows, fields, "", true, shape, where)
  return add_array(out, "fields", "ml_route_field", rows)
end

-- What of the body adds to a list and takes from it, as an initialiser of C.
local function moves_of(op)
  local moves = op.moves
  if not moves then return "{0}" end
  return ("{%s, %s, %s, %s}"):format(literal(moves.list), literal(moves.count), literal(moves.add),
    literal(moves.remove))
end

-- One operation of a resource: its fields, if it has any, and its rows.
local function add_route(out, at, verb, op)
  local name = table.concat({ at.service, at.resource, verb }, ".")
  check_route(op, name)
  local shape = op.record and at.shapes[op.record] or at.shape
  local fields = add_body(out, op, shape, name)
  local pages, credential = op.pages or {}, op.credential or at.credential
  local header = at.credentials[credential]
  for _, method in ipairs(op.methods or { op.method }) do
    local row = "    {%s, %s, %s, %s,\n     %s, %s, %s, %d, %s,\n     %s, %s, %s, %s, %s, %s, %s},"
    out.rows[#out.rows + 1] = row:format(
      literal(name), literal(method), literal(op.path), literal(credential),
      literal(pages.style), literal(pages.items and pages.items[1]), literal(op.wrap), op.success[1], fields,
      literal(at.service), literal(at.resource), literal(header and header.header),
      shape and "&ml_shapes[" .. shape.number .. "]" or "NULL", literal(op.answer),
      tostring((op.effect or "read") ~= "read"), moves_of(op))
  end
end

-- A shape as an array of C. Where a record has no text of a known form, answers have none.
local function add_shape(out, service, name, shape)
  local rows = {}
  for _, member in ipairs(sorted_keys(shape.fields)) do
    local field = shape.fields[member]
    local gap = field.null and "ML_GAP_NULL" or field.format and "ML_GAP_ABSENT" or "ML_GAP_EMPTY"
    local inner = field.type == "list" and field.items or field
    rows[#rows + 1] = ("    {%s, %s, %s, %s, %s},"):format(literal(member), TYPES[field.type] or
      type_of(field, member, name), gap,
      inner.shape and REFS[inner.shape] or "ML_REF_NONE", FORMS[field.or_type] or "ML_FORM_ONE")
  end
  local symbol = add_array(out, "shape", "ml_shape_field", rows)
  shape.number = #out.shapes
  out.shapes[#out.shapes + 1] = ("    {%s, %s},"):format(literal(service .. "." .. name), symbol)
end

local function load_data(file)
  local chunk, message = loadfile(file, "t", {})
  if not chunk then fail("%s", message) end
  local ok, catalogue = pcall(chunk)
  if not ok then fail("%s does more than return data: %s", file, catalogue) end
  if type(catalogue) ~= "table" or type(catalogue.resources) ~= "table" then
    fail("%s: a catalogue returns a table with resources", file)
  end
  return catalogue
end

-- A catalogue together with its parts.
local function load_whole(file)
  local whole = load_data(file)
  whole.shapes = whole.shapes or {}
  for _, name in ipairs(whole.parts or {}) do
    local part = load_data(file:gsub("%.lua$", "") .. "/" .. name .. ".lua")
    for _, kind in ipairs { "shapes", "resources" } do
      for key, value in pairs(part[kind] or {}) do whole[kind][key] = value end
    end
  end
  return whole
end

local function add_catalogue(out, file)
  local catalogue = load_whole(file)
  for _, name in ipairs(sorted_keys(catalogue.shapes)) do
    add_shape(out, catalogue.name, name, catalogue.shapes[name])
  end
  for _, name in ipairs(sorted_keys(catalogue.resources)) do
    local resource = catalogue.resources[name]
    local shape = resource.record and catalogue.shapes[resource.record]
    local at = {
      service = catalogue.name, resource = name, shape = shape, shapes = catalogue.shapes,
      credential = resource.credential or "default", credentials = catalogue.credentials or {},
    }
    out.resources[#out.resources + 1] = ("    {%s, %s, %s, %s},"):format(literal(catalogue.name), literal(name),
      literal(resource.key), shape and "&ml_shapes[" .. shape.number .. "]" or "NULL")
    for _, verb in ipairs(sorted_keys(resource.operations)) do
      local op = resource.operations[verb]
      if (op.method or op.path) and not op.refused then add_route(out, at, verb, op) end
    end
  end
end

local function table_of(declaration, rows)
  return ("\n%s = {\n%s\n    {0},\n};\n"):format(declaration, table.concat(rows, "\n"))
end

local function main(target, ...)
  if not target or select("#", ...) == 0 then fail("say: routes.lua OUT.c CATALOGUE…") end
  local out = { arrays = {}, rows = {}, shapes = {}, resources = {} }
  for _, file in ipairs { ... } do add_catalogue(out, file) end
  local handle, message = io.open(target, "w")
  if not handle then fail("%s", message) end
  local written, trouble = handle:write(
    "/* Made by tools/routes.lua; do not edit. */\n#include \"practice/route.h\"\n\n",
    table.concat(out.arrays, "\n"), table_of("const struct ml_shape ml_shapes[]", out.shapes),
    table_of("const struct ml_resource ml_resources[]", out.resources),
    table_of("const struct ml_route ml_routes[]", out.rows))
  if not (written and handle:close()) then fail("%s: %s", target, trouble or "cannot be written") end
end

main(...)
