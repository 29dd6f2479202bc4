-- SPDX-License-Identifier: MIT
-- How a session shows the value of a line.
--
-- Lists and arrays of records come as tables, PAGE rows at a time; the rest of them waits
-- until somebody asks for it, and a list is read no further than that.
--
--   local view = show.new(write, columns)   -- columns(): of the terminal, 0 = none (TSV, all rows)
--   view:value(sd.recordings:list())        --> the first 20 rows; returns them
--   view:more()                             --> the next 20
--   view:value({ a = 1 })                   --> { a = 1 }

local raw = require "moonlever.raw"
local errors = require "moonlever.errors"
local cells = require "moonlever.repl.cells"
local tables = require "moonlever.repl.tables"

local show = {}

local PAGE = 20
local INLINE = 60 -- a table that is no wider is written in one line

local View = {}
View.__index = View

--- A view that writes with write(text); columns() says how wide it may be.
function show.new(write, columns)
  return setmetatable({ write = write, columns = columns }, View)
end

local function metatable_name(value)
  local meta = getmetatable(value)
  return type(meta) == "table" and rawget(meta, "__name") or nil
end

--- Is the value a list that hands out one thing after another?
function show.is_list(value)
  return type(value) == "userdata" and metatable_name(value) == "moonlever.iterator"
end

local function is_record(value)
  return type(value) == "table" and next(value) ~= nil and not cells.is_array(value)
    and not errors.is(value) and metatable_name(value) == nil
end

local function are_records(rows)
  for _, row in ipairs(rows) do
    if not is_record(row) then return false end
  end
  return #rows > 0
end

-- ---------------------------------------------------------------------------
-- Rows

-- The next rows of a source, at most `most`.
local function take(source, most)
  local rows = {}
  while #rows < most do
    local row = source.ahead
    source.ahead = nil
    if row == nil then row = source.next() end
    if row == nil then break end
    rows[#rows + 1] = row
  end
  return rows
end

local function write_rows(self, rows, source)
  if are_records(rows) then
    self.write(tables.text(rows, self.columns(), source.keys, source.seen + 1))
    return
  end
  for i, row in ipairs(rows) do self.write(("[%d] %s\n"):format(source.seen + i, cells.plain(row))) end
end

-- For programs: all of it, in pieces, under one line of names.
local function write_all(self, source)
  local first = take(source, PAGE)
  if not are_records(first) then
    for row in function() return table.remove(first, 1) or take(source, 1)[1] end do
      self.write(cells.plain(row) .. "\n")
    end
    return {}
  end
  local keys = source.keys or tables.keys(first)
  local rows, head = first, true
  repeat
    local text = tables.text(rows, 0, keys)
    self.write(head and text or (text:gsub("^[^\n]*\n", "")))
    rows, head = take(source, PAGE), false
  until #rows == 0
  return first
end

local function page(self, source)
  if self.columns() == 0 then return write_all(self, source) end
  local rows = take(source, PAGE)
  if #rows == 0 then
    self.write(source.seen == 0 and "(nothing)\n" or "(that was all)\n")
  else
    write_rows(self, rows, source)
  end
  source.seen = source.seen + #rows
  source.ahead = #rows == PAGE and source.next() or nil
  self.source = source.ahead ~= nil and source or nil
  if self.source then self.write(("-- %d shown; it: the next %d\n"):format(source.seen, PAGE)) end
  return rows
end

local function source_of(value)
  if show.is_list(value) then return function() return value:next() end end
  local i = 0
  return function()
    i = i + 1
    return value[i]
  end
end

--- Shows the next rows of what was shown last. Returns them, nil where there are none.
function View:more()
  if not self.source then return nil end
  return page(self, self.source)
end

--- Is there more to show?
function View:has_more()
  return self.source ~= nil
end

--- Shows a list or an array; keys: which members, nil: all. Returns the rows shown.
function View:rows(value, keys)
  return page(self, { next = source_of(value), keys = keys, seen = 0 })
end

-- ---------------------------------------------------------------------------
-- Single values

-- "screendesk.recordings: get, list, pages, update" for what has a name of its own.
local function named(value)
  local name = require("moonlever.clients").name_of(value)
  if not name then return nil end
  if type(value) == "function" then return name .. ": a method; help(…) tells how it is called" end
  local members = {}
  for member in next, value do members[#members + 1] = member end
  table.sort(members)
  return ("%s: %s"):format(name, table.concat(members, ", "))
end

local function block(value, width)
  local lines = { "{" }
  for _, key in ipairs(cells.keys(value)) do
    local text = cells.is_array(value) and "" or (cells.clean(tostring(key)) .. " = ")
    lines[#lines + 1] = cells.fit("  " .. text .. cells.plain(rawget(value, key)), width - 1) .. ","
  end
  lines[#lines + 1] = "}"
  return table.concat(lines, "\n") .. "\n"
end

local function table_value(self, value)
  if errors.is(value) then return self.write(tostring(value) .. "\n") end
  local width = self.columns()
  if width == 0 then return self.write(raw.json.encode(value, { sorted = true }) .. "\n") end
  local text = cells.plain(value)
  if raw.width(text) <= math.min(INLINE, width) then return self.write(text .. "\n") end
  if is_record(value) then return self.write(tables.upright(value, width)) end
  if metatable_name(value) then return self.write(text .. "\n") end
  return self.write(block(value, width))
end

local function single(self, value)
  local kind = type(value)
  local text = (kind == "table" or kind == "function") and named(value)
  if text then return self.write(text .. "\n") end
  if kind == "table" then return table_value(self, value) end
  if kind == "userdata" and metatable_name(value) == "moonlever.task" then
    return self.write(("a task (%s)\n"):format(value:status()))
  end
  if kind == "string" and self.columns() == 0 then return self.write(cells.clean(value) .. "\n") end
  self.write(cells.plain(value) .. "\n")
end

--- Shows a value. Returns what it is remembered as: of a list the rows that were shown.
function View:value(value)
  if show.is_list(value) then return self:rows(value) end
  if type(value) == "table" and cells.is_array(value) and are_records(value) then
    self:rows(value)
    return value
  end
  single(self, value)
  return value
end

return show
