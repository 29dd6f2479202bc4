-- SPDX-License-Identifier: MIT
-- Records on their way out of `moonlever get`: table, json, ndjson, csv or tsv.
--
-- A field is named by its path ("metadata.duration"). Where none is asked for, tables, CSV
-- and TSV have the plain members of a record, key and label first; personal ones are left
-- out (they are in JSON, and may be asked for).
--
-- TSV has no heading, and is made for cut, sort and awk: a tab, line break or backslash in
-- a value is written \t, \n, \r, \\. CSV is safe for spreadsheets (csv.lua).
--
--   local out = views.new(method, nil, { format = "ndjson" }, write)
--   out:record(rec)
--   out:close()

local raw = require "moonlever.raw"
local csv = require "moonlever.csv"
local grids = require "moonlever.grid"
local suggest = require "moonlever.suggest"
local text = require "moonlever.history.text"

local views = {}

local null = raw.null

-- ---------------------------------------------------------------------------
-- Fields of the records of a method

local function shape_of(m)
  local shape = m.service.shapes[m.record]
  return shape and shape.fields or {}
end

local function spec_at(fields, path)
  local spec
  for name in path:gmatch("[^.]+") do
    spec = fields and fields[name]
    if not spec then return nil end
    fields = spec.fields
  end
  return spec
end

--- Does the shape of the records have this path?
function views.has(m, path)
  return not path:find("..", 1, true) and spec_at(shape_of(m), path) ~= nil
end

local function add_names(list, fields, prefix)
  for _, name in ipairs(suggest.names(fields)) do
    list[#list + 1] = prefix .. name
    if fields[name].fields then add_names(list, fields[name].fields, prefix .. name .. ".") end
  end
  return list
end

--- All paths of the shape.
function views.names(m)
  return add_names({}, shape_of(m), "")
end

local STRUCTURED = { object = true, list = true, any = true }

local function usual(m)
  local resource, fields, list = m.service.resources[m.resource], shape_of(m), {}
  local first = { [resource.key or ""] = true, [resource.label or ""] = true }
  for _, name in ipairs { resource.key or false, resource.label or false } do
    if name and fields[name] and name ~= list[1] then list[#list + 1] = name end
  end
  for _, name in ipairs(suggest.names(fields)) do
    local spec = fields[name]
    if not first[name] and not STRUCTURED[spec.type] and not spec.personal then list[#list + 1] = name end
  end
  return list
end

--- The fields that were asked for, as an array of paths; fails where one is not there.
function views.check(host, m, words)
  local list, seen, known = {}, {}, views.names(m)
  for word in words:gmatch("[^,]+") do
    local name = word:match("^%s*(.-)%s*$")
    if #known > 0 and not views.has(m, name) then
      local near = suggest.closest(name, known)
      host.fail(2, ("%s has no field '%s'.%s\nsee: moonlever help %s"):format(m.name, text.safe(text.cut(name, 60)),
        near and (" Did you mean '%s'?"):format(near) or "", m.name))
    end
    if not seen[name] then list[#list + 1] = name end
    seen[name] = true
  end
  if #list == 0 then host.fail(2, "--fields names no field.") end
  return list
end

-- ---------------------------------------------------------------------------
-- Values

local function at(record, path)
  local value = record
  for name in path:gmatch("[^.]+") do
    if type(value) ~= "table" then return nil end
    value = rawget(value, name)
  end
  if value == null then return nil end
  return value
end

--- A value as one text; a structure as JSON.
function views.plain(value)
  if value == nil or value == null then return "" end
  if type(value) == "table" and getmetatable(value) and getmetatable(value).__name == "moonlever.number" then
    return tostring(value)
  end
  if type(value) == "table" then return raw.json.encode(value, { sorted = true }) end
  if math.type(value) == "float" and value == math.floor(value) and math.abs(value) < 1e15 then
    return ("%.0f"):format(value)
  end
  return tostring(value)
end

--- The text of a field of a record.
function views.text(record, path)
  return views.plain(at(record, path))
end

-- The named fields of a record, in objects as they were.
local function picked(record, fields)
  local result = {}
  for _, path in ipairs(fields) do
    local inner, value = result, at(record, path)
    local parents, last = path:match("^(.*)%.([^.]+)$")
    for name in (parents or ""):gmatch("[^.]+") do
      if type(inner[name]) ~= "table" then inner[name] = {} end
      inner = inner[name]
    end
    if value == nil then value = null end
    inner[last or path] = value
  end
  return result
end

-- ---------------------------------------------------------------------------
-- Formats: record() takes one of a list, only() the one that was asked for by its id

local formats = {}

local Json = {}
Json.__index = Json

local function encode(self, record)
  return raw.json.encode(self.fields and picked(record, self.fields) or record, { sorted = true })
end

function Json:record(record)
  self.write((self.count == 0 and "[" or ",\n") .. encode(self, record))
  self.count = self.count + 1
end

function Json:close()
  self.write(self.count == 0 and "[]\n" or "]\n")
end

function Json:only(record) self.write(encode(self, record) .. "\n") end

function formats.json(out) return setmetatable(out, Json) end

local Lines = { close = function() end }
Lines.__index = Lines

function Lines:record(record) self.write(encode(self, record) .. "\n") end

Lines.only = Lines.record

function formats.ndjson(out) return setmetatable(out, Lines) end

-- What all formats with columns have in common.
local Cells = {}

local function cells_of(self, record)
  local cells = {}
  for index, path in ipairs(self.columns) do cells[index] = views.text(record, path) end
  return cells
end

-- Records whose shape is not known have the columns of the first one.
local function columns_of(self, record)
  if self.columns then return end
  local names = {}
  for _, name in ipairs(suggest.names(record)) do
    if type(record[name]) ~= "table" then names[#names + 1] = name end
  end
  self.columns = #names > 0 and names or suggest.names(record)
end

function Cells.record(self, record)
  columns_of(self, record)
  self:line(cells_of(self, record))
end

local Tsv = { record = Cells.record, only = Cells.record, close = function() end }
Tsv.__index = Tsv

local ESCAPES = { ["\\"] = "\\\\", ["\t"] = "\\t", ["\n"] = "\\n", ["\r"] = "\\r" }

function Tsv:line(cells)
  for index, cell in ipairs(cells) do cells[index] = cell:gsub("[\\\t\n\r]", ESCAPES) end
  self.write(table.concat(cells, "\t") .. "\n")
end

function formats.tsv(out) return setmetatable(out, Tsv) end

local Csv = { record = Cells.record }
Csv.__index = Csv

function Csv:line(cells)
  self.file = self.file or csv.writer("-", self.columns) -- "-": the output of the run
  local row = {}
  for index, name in ipairs(self.columns) do row[name] = cells[index] end
  self.file:write(row)
end

-- An empty list is a file with its heading.
function Csv:close()
  if not self.file and self.columns then self.file = csv.writer("-", self.columns) end
  if self.file then self.file:close() end
end

function Csv:only(record)
  self:record(record)
  self:close()
end

function formats.csv(out) return setmetatable(out, Csv) end

local Table = { record = Cells.record }
Table.__index = Table

function Table:line(cells)
  self.grid = self.grid or grids.new(self.columns, self.width, self.write)
  self.grid:row(cells)
end

function Table:close()
  if self.grid then self.grid:close() end
end

local function leaves(list, value, prefix)
  for _, name in ipairs(suggest.names(value)) do
    local inner = rawget(value, name)
    if type(inner) == "table" and inner ~= null and not raw.json.is_array(inner) and getmetatable(inner) == nil
      and next(inner) ~= nil then
      leaves(list, inner, prefix .. name .. ".")
    else
      list[#list + 1] = { prefix .. name, views.plain(inner) }
    end
  end
  return list
end

-- One object: a line a field, everything that there is.
function Table:only(record)
  local rows, widest = {}, 0
  if self.fields then
    for index, path in ipairs(self.fields) do rows[index] = { path, views.text(record, path) } end
  else
    leaves(rows, raw.json.decode(raw.json.encode(record)), "")
  end
  for _, row in ipairs(rows) do widest = math.max(widest, grids.width(text.safe(row[1]))) end
  for _, row in ipairs(rows) do
    self.write((grids.fit(text.safe(row[1]), widest) .. "  " .. text.safe(row[2])):gsub("%s+$", "") .. "\n")
  end
end

function formats.table(out) return setmetatable(out, Table) end

--- A view of the records of a method. fields: array of paths, or nil for the usual ones;
-- opt: format and width; write: takes the text.
function views.new(m, fields, opt, write)
  local columns = fields or usual(m)
  return formats[opt.format] {
    fields = fields, columns = #columns > 0 and columns or nil, width = opt.width, write = write, count = 0,
  }
end

return views
