-- SPDX-License-Identifier: MIT
-- Rows in columns on a terminal.
--
-- The first rows say how wide the columns are, so a long list is shown while it is
-- still read and is never held in memory. Whatever comes in is made safe (one line, no
-- control characters) before it is measured: titles and names come from other people.
--
-- Invariants: no line is wider than the terminal; a cell that does not fit ends in "…",
-- and columns that do not fit at all are counted in the heading.
--
--   local grid = grids.new({ "uuid", "title" }, 80, write)
--   grid:row { "81c5a150", "How to reset a password" }
--   grid:close()

local text = require "moonlever.history.text"

local grids = {}

local FIRST = 100     -- rows that are looked at before the first line is written
local WIDEST = 60     -- of a column that has neighbours
local NARROWEST = 8   -- a column is dropped rather than made narrower
local LONG_HEADING = 14
local GAP = "  "

-- Characters that take two columns, and those that take none: blocks of Unicode, near
-- enough for a table (East Asian Width W and F; combining marks and joiners).
local WIDE = {
  { 0x1100, 0x115F }, { 0x2E80, 0x303E }, { 0x3041, 0xA4CF }, { 0xAC00, 0xD7A3 }, { 0xF900, 0xFAFF },
  { 0xFE30, 0xFE6F }, { 0xFF00, 0xFF60 }, { 0xFFE0, 0xFFE6 }, { 0x1F300, 0x1F64F }, { 0x1F680, 0x1F6FF },
  { 0x1F900, 0x1FAFF }, { 0x20000, 0x3FFFD },
}
local NONE = { { 0x0300, 0x036F }, { 0x200B, 0x200D }, { 0x20D0, 0x20FF }, { 0xFE00, 0xFE0F } }

local function is_in(ranges, code)
  for _, range in ipairs(ranges) do
    if code >= range[1] and code <= range[2] then return true end
  end
  return false
end

local function width_of(code)
  if code < 0x300 then return 1 end
  return is_in(NONE, code) and 0 or is_in(WIDE, code) and 2 or 1
end

--- Columns that a safe text takes on a terminal.
function grids.width(s)
  if not s:find("[\x80-\xFF]") then return #s end
  local width = 0
  for _, code in utf8.codes(s) do width = width + width_of(code) end
  return width
end

--- The text in exactly `width` columns: cut, or filled up with blanks.
function grids.fit(s, width)
  local own = grids.width(s)
  if own <= width then return s .. (" "):rep(width - own) end
  local used, last = 0, 0
  for at, code in utf8.codes(s) do
    used = used + width_of(code)
    if used > width - 1 then break end
    last = utf8.offset(s, 2, at) - 1
  end
  local head = s:sub(1, last)
  return head .. "…" .. (" "):rep(width - 1 - grids.width(head))
end

local Grid = {}
Grid.__index = Grid

--- A grid of named columns. width: of the terminal; write: takes the text.
function grids.new(columns, width, write)
  return setmetatable({ columns = columns, width = width, write = write, rows = {}, count = 0 }, Grid)
end

local function line_of(self, cells)
  local parts = {}
  for index, width in ipairs(self.widths) do parts[index] = grids.fit(cells[index], width) end
  return table.concat(parts, GAP):gsub("%s+$", "") .. "\n"
end

local function natural(self)
  local widths = {}
  for index, name in ipairs(self.columns) do
    local widest = grids.width(name)
    for _, row in ipairs(self.rows) do widest = math.max(widest, grids.width(row[index])) end
    widths[index] = #self.columns > 1 and math.min(widest, WIDEST) or widest
  end
  return widths
end

local function sum(widths)
  local total = #GAP * (#widths - 1)
  for _, width in ipairs(widths) do total = total + width end
  return total
end

-- How narrow the columns may get: the first names the row and stays whole, the others keep
-- their heading, if that is not long itself.
local function least(self, widths)
  local list = {}
  for index, width in ipairs(widths) do
    local heading = math.min(grids.width(self.columns[index]), LONG_HEADING)
    list[index] = index == 1 and width or math.min(width, math.max(NARROWEST, heading))
  end
  return list
end

-- Leaves out the last columns where even narrow ones do not fit.
local function drop(narrow, widths, width)
  while #narrow > 1 and sum(narrow) > width do
    narrow[#narrow] = nil
    widths[#widths] = nil
  end
  widths[1] = math.min(widths[1], math.max(1, width - (sum(narrow) - narrow[1])))
end

-- Takes from the widest columns until the line fits.
local function squeeze(narrow, widths, width)
  while sum(widths) > width do
    local best
    for index = 2, #widths do
      if widths[index] > narrow[index] and (not best or widths[index] >= widths[best]) then best = index end
    end
    if not best then return end
    widths[best] = widths[best] - 1
  end
end

local function heading(self)
  local names = {}
  for index, name in ipairs(self.columns) do names[index] = name end
  local left_out = #self.columns - #self.widths
  self.write(line_of(self, names))
  if left_out > 0 then
    self.write(grids.fit(("(%d more: --fields)"):format(left_out), self.width):gsub("%s+$", "") .. "\n")
  end
end

local function start(self)
  self.widths = natural(self)
  local narrow = least(self, self.widths)
  drop(narrow, self.widths, self.width)
  squeeze(narrow, self.widths, self.width)
  heading(self)
  for _, row in ipairs(self.rows) do self.write(line_of(self, row)) end
  self.rows = nil
end

--- Adds a row of texts.
function Grid:row(cells)
  local safe = {}
  for index = 1, #self.columns do safe[index] = text.safe(cells[index]) end
  self.count = self.count + 1
  if not self.rows then return self.write(line_of(self, safe)) end
  self.rows[#self.rows + 1] = safe
  if #self.rows >= FIRST then start(self) end
end

--- Writes what is left. A grid without rows writes nothing.
function Grid:close()
  if self.rows and self.count > 0 then start(self) end
end

return grids
