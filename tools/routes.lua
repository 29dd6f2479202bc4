-- SPDX-License-Identifier: MIT
-- Turns catalogues into the practice server's table of routes, so that its
-- paths, methods and fields cannot drift from what the client sends.
--
--   lua5.4 tools/routes.lua OUT.c lua/moonlever/services/screendesk.lua …
--
-- A catalogue is pure data: it is loaded in an empty environment. Operations
-- without method and path are derived ones (a strategy over another) and have
-- no route, nor have those that are never sent (`refused`). The order is sorted,
-- so the same catalogues give the same file.

local TYPES = {
  string = "ML_FIELD_STRING", integer = "ML_FIELD_INTEGER", number = "ML_FIELD_NUMBER",
  boolean = "ML_FIELD_BOOLEAN", object = "ML_FIELD_OBJECT", list = "ML_FIELD_LIST", any = "ML_FIELD_ANY",
}

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

-- Adds rows for the fields, those of objects with their path in front.
local function add_fields(rows, fields, prefix, where)
  for _, name in ipairs(sorted_keys(fields)) do
    local field = fields[name]
    local type_name = TYPES[field.type] and (field.or_type and TYPES.any or TYPES[field.type])
    if not type_name then
      fail("%s: the field '%s%s' has the type '%s'; there are: %s", where, prefix, name,
        tostring(field.type), table.concat(sorted_keys(TYPES), ", "))
    end
    rows[#rows + 1] = ("    {%s, %s, %s},"):format(literal(prefix .. name), type_name,
      tostring(field.null ~= nil))
    if field.type == "object" and field.fields then
      add_fields(rows, field.fields, prefix .. name .. ".", where)
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

-- One operation: its fields as an array of C, if it has any, and its row.
local function add_route(out, name, op, credential)
  check_route(op, name)
  local symbol
  if op.fields then
    local rows = {}
    add_fields(rows, op.fields, "", name)
    symbol = "fields_" .. #out.rows
    out.arrays[#out.arrays + 1] = ("static const struct ml_route_field %s[] = {\n%s\n    {0},\n};\n")
      :format(symbol, table.concat(rows, "\n"))
  end
  local pages = op.pages or {}
  out.rows[#out.rows + 1] = ("    {%s, %s, %s, %s,\n     %s, %s, %s, %d, %s},"):format(
    literal(name), literal(op.method), literal(op.path), literal(op.credential or credential),
    literal(pages.style), literal(pages.items and pages.items[1]), literal(op.wrap),
    op.success[1], symbol or "NULL")
end

local function add_catalogue(out, file)
  local chunk, message = loadfile(file, "t", {})
  if not chunk then fail("%s", message) end
  local ok, catalogue = pcall(chunk)
  if not ok then fail("%s does more than return data: %s", file, catalogue) end
  if type(catalogue) ~= "table" or type(catalogue.resources) ~= "table" then
    fail("%s: a catalogue returns a table with resources", file)
  end
  for _, resource_name in ipairs(sorted_keys(catalogue.resources)) do
    local resource = catalogue.resources[resource_name]
    for _, verb in ipairs(sorted_keys(resource.operations)) do
      local op = resource.operations[verb]
      if (op.method or op.path) and not op.refused then
        add_route(out, table.concat({ catalogue.name, resource_name, verb }, "."), op,
          resource.credential or "default")
      end
    end
  end
end

local function main(target, ...)
  if not target or select("#", ...) == 0 then fail("say: routes.lua OUT.c CATALOGUE…") end
  local out = { arrays = {}, rows = {} }
  for _, file in ipairs { ... } do add_catalogue(out, file) end
  local handle, message = io.open(target, "w")
  if not handle then fail("%s", message) end
  local written, trouble = handle:write(
    "/* Made by tools/routes.lua; do not edit. */\n#include \"practice/route.h\"\n\n",
    table.concat(out.arrays, "\n"), "\nconst struct ml_route ml_routes[] = {\n",
    table.concat(out.rows, "\n"), "\n    {0},\n};\n")
  if not (written and handle:close()) then fail("%s: %s", target, trouble or "cannot be written") end
end

main(...)
