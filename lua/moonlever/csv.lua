-- SPDX-License-Identifier: MIT
-- CSV files as people really have them: a reader and a writer.
--
-- RFC 4180, plus what spreadsheets add to it: a byte order mark, ";" or a tab
-- between cells, a line "sep=;" in front, CRLF, LF or CR. What could be misread
-- is an error that names file and line, never a guess.
--
-- Invariants
--   1. What the writer wrote, the reader gives back, cell for cell.
--   2. A cell that a spreadsheet would run as a formula is written with "'" in
--      front; the reader takes away exactly what the writer puts there. Both
--      leave it alone with raw = true. Plain numbers are no formulas.
--   3. A row has as many cells as the header has names, or it is an error. The
--      reader has passed the bad row by then and may be called on.
--   4. Memory is bounded: one piece of the file and one row of at most 16 MiB.
--   5. A file is there whole or not at all (see out.lua).
--
-- Example
--   for row, line in csv.reader("people.csv") do print(line, row.email) end
--
--   local file <close> = csv.writer("out.csv", { "uuid", "metadata.created_at" })
--   file:write(rec)
--   file:close()

local raw = require "moonlever.raw"
local errors = require "moonlever.errors"
local suggest = require "moonlever.suggest"
local out = require "moonlever.out"

local open, stdin = io.open, io.stdin

local csv = {}

local PIECE = 64 * 1024
local MAX_ROW = 16 * 1024 * 1024
local BOM = "\xEF\xBB\xBF"
local SAVE_AS = "save the file as \"CSV UTF-8\""
local SEPARATORS = { ",", ";", "\t" }

local function usage(message, ...)
  errors.usage(message:format(...))
end

local function check_options(who, options, known)
  if options == nil then return {} end
  if type(options) ~= "table" then usage("%s: options are a table, got %s", who, type(options)) end
  for key, value in pairs(options) do
    local wanted = known[key]
    if not wanted then
      usage("%s: unknown option '%s'%s", who, tostring(key), suggest.phrase(key, known))
    end
    if type(value) ~= wanted then
      usage("%s: option %s is a %s, got %s", who, key, wanted, type(value))
    end
  end
  local separator = options.separator
  if separator and (#separator ~= 1 or separator:find("[\"\r\n%w\x80-\xff]")) then
    usage("%s: separator is one character such as \",\" or \";\"", who)
  end
  return options
end

-- Formulas -------------------------------------------------------------------

-- What makes a spreadsheet run a cell: = + - @, tab, CR, LF and the full-width
-- forms of the signs.
local TRIGGERS = {
  ["="] = true, ["+"] = true, ["-"] = true, ["@"] = true, ["\t"] = true, ["\r"] = true, ["\n"] = true,
}
local WIDE = { ["\u{FF1D}"] = true, ["\u{FF0B}"] = true, ["\u{FF0D}"] = true, ["\u{FF20}"] = true }

local function runs_at(cell, at)
  return TRIGGERS[cell:sub(at, at)] or WIDE[cell:sub(at, at + 2)] or false
end

local function is_number(cell)
  return cell:find("^%-?%d+$") or cell:find("^%-?%d+%.%d+$")
    or cell:find("^%-?%d+%.?%d*[eE][+-]?%d+$")
end

-- A cell that already starts with quotes before such a sign gets one more, so
-- that the reader can tell whose quote it is.
local function guard(cell)
  local at = cell:find("[^']") or #cell + 1
  if runs_at(cell, at) and not (at == 1 and is_number(cell)) then return "'" .. cell end
  return cell
end

local function unguard(cell)
  if cell:sub(1, 1) ~= "'" then return cell end
  local at = cell:find("[^']") or #cell + 1
  return runs_at(cell, at) and cell:sub(2) or cell
end

-- Reader: bytes to rows ------------------------------------------------------

local Reader = {}
Reader.__index = Reader
Reader.__name = "moonlever.csv.reader"

local function bad(self, line, message, fix)
  errors.raise("usage", ("%s:%d: %s"):format(self.path, line, message),
    { path = self.path, line = line, fix = fix })
end

-- A fault in the quotes leaves no way to tell where the next row starts.
local function hopeless(self, line, message, fix)
  self:close()
  bad(self, line, message, fix)
end

-- Reads another piece behind what is left of the last one. As large as the rest,
-- so that a long row is scanned a constant number of times.
local function fill(self)
  local rest = self.text:sub(self.at)
  if #rest > MAX_ROW then
    hopeless(self, self.line, "a row of more than 16 MiB",
      "look for a closing quote that is missing")
  end
  local piece, reason = self.file:read(math.max(PIECE, #rest))
  if reason then hopeless(self, self.line, "cannot read on: " .. reason) end
  self.text, self.at, self.ended = rest .. (piece or ""), 1, piece == nil
end

local function count_lines(cell)
  local _, crlf = cell:gsub("\r\n", "")
  local _, breaks = cell:gsub("[\r\n]", "")
  return breaks - crlf
end

-- A quoted cell from its opening quote on. Returns the cell and the place behind
-- its closing quote, or nil when the text ends too early to tell.
local function quoted_cell(self, at)
  local text, start, pieces = self.text, at + 1, nil
  while true do
    local quote = text:find('"', start, true)
    if not quote or (quote == #text and not self.ended) then return nil end
    if text:byte(quote + 1) ~= 34 then
      local cell = text:sub(start, quote - 1)
      if pieces then cell = table.concat(pieces) .. cell end
      return cell, quote + 1
    end
    pieces = pieces or {}
    pieces[#pieces + 1] = text:sub(start, quote)
    start = quote + 2
  end
end

local function plain_cell(self, at, line)
  local stop = self.text:find(self.stops, at)
  if not stop then
    if not self.ended then return nil end
    stop = #self.text + 1
  end
  if self.text:byte(stop) == 34 then
    hopeless(self, line, "a quote inside a cell that does not start with one",
      "put the whole cell in quotes and double the quotes inside it")
  end
  return self.text:sub(at, stop - 1), stop
end

-- The place behind the line break at `at`, or nil when more text is needed.
local function past_break(self, at)
  local text = self.text
  if at > #text then return self.ended and at or nil end
  if text:byte(at) == 10 then return at + 1 end
  if at == #text and not self.ended then return nil end
  return text:byte(at + 1) == 10 and at + 2 or at + 1
end

-- One row from self.at on. Returns its cells and the place behind it and the
-- number of lines it takes, or nil when more text is needed.
local function parse_row(self)
  local cells, count, at, lines = {}, 0, self.at, 1
  while true do
    local cell, stop
    local quoted = self.text:byte(at) == 34
    if quoted then
      cell, stop = quoted_cell(self, at)
      if not cell and self.ended then
        hopeless(self, self.line + lines - 1, "a quote is opened here and never closed",
          "close it, or double it if it belongs to the text")
      end
    else
      cell, stop = plain_cell(self, at, self.line + lines - 1)
    end
    if not cell then return nil end
    if quoted then lines = lines + count_lines(cell) end
    count = count + 1
    cells[count] = cell
    if self.text:sub(stop, stop) == self.separator then
      at = stop + 1
    elseif stop > #self.text or self.text:find("^[\r\n]", stop) then
      local past = past_break(self, stop)
      if not past then return nil end
      return cells, past, lines
    else
      hopeless(self, self.line + lines - 1, "text behind a closing quote",
        "double the quotes inside a quoted cell")
    end
  end
end

local function check_cells(self, cells, line)
  for index = 1, #cells do
    local cell = cells[index]
    if cell:find("\0", 1, true) then
      hopeless(self, line, "a NUL byte; the file may be UTF-16", SAVE_AS)
    end
    if not utf8.len(cell) then
      hopeless(self, line, ("cell %d is not UTF-8"):format(index), SAVE_AS)
    end
    if not self.raw then cells[index] = unguard(cell) end
  end
end

-- The next row as an array, and its first line; nil at the end. Empty lines are
-- passed over.
local function next_cells(self)
  while self.file do
    if self.at > #self.text and not self.ended then fill(self) end
    if self.at > #self.text then break end
    local cells, past, lines = parse_row(self)
    if not cells then
      fill(self)
    else
      local line, quoted = self.line, self.text:byte(self.at) == 34
      self.at, self.line = past, line + lines
      if #cells > 1 or cells[1] ~= "" or quoted then
        check_cells(self, cells, line)
        return cells, line
      end
    end
  end
  self:close()
end

-- Reader: header -------------------------------------------------------------

-- Which separator stands most often outside quotes in the first line?
local function detect(text)
  local first = text:gsub('"[^"]*"', ""):match("^[^\r\n]*")
  local best, most = ",", 0
  for _, separator in ipairs(SEPARATORS) do
    local _, times = first:gsub(separator, "")
    if times > most then best, most = separator, times end
  end
  return best
end

local function start(self, separator)
  fill(self)
  if self.text:find("^\xFF\xFE") or self.text:find("^\xFE\xFF") then
    hopeless(self, 1, "the file is UTF-16", SAVE_AS)
  end
  if self.text:sub(1, 3) == BOM then self.at = 4 end
  local named, past = self.text:match("^sep=([^%w\r\n])\r?\n()", self.at)
  if named then self.at, self.line = past, 2 end
  self.separator = separator or named or detect(self.text:sub(self.at))
  self.stops = '["\r\n%' .. self.separator .. "]"
end

local function read_header(self)
  local names, line = next_cells(self)
  if not names then bad(self, 1, "the file is empty", "its first line names the columns") end
  local seen = {}
  for index, name in ipairs(names) do
    name = name:match("^%s*(.-)%s*$")
    if name ~= "" and seen[name] then
      hopeless(self, line, ("the column '%s' is there twice"):format(name),
        "give each column a name of its own")
    end
    seen[name], names[index] = true, name
  end
  self.columns = names
end

local function keyed(self, cells, line)
  local columns = self.columns
  if #cells ~= #columns then
    bad(self, line, ("%d cells, but the header has %d columns"):format(#cells, #columns),
      "look for a separator too many or too few, or a missing quote")
  end
  local row = {}
  for index = 1, #columns do
    local name = columns[index]
    if name ~= "" then
      row[name] = cells[index]
    elseif cells[index] ~= "" then
      bad(self, line, ("cell %d has no name in the header"):format(index),
        "name the column in the first line, or empty the cell")
    end
  end
  return row
end

-- A text that is read like a file.
local function text_file(text)
  local at = 1
  local function read(_, size)
    local piece = text:sub(at, at + size - 1)
    at = at + size
    return piece ~= "" and piece or nil
  end
  return { read = read, close = function() return true end }
end

--- Reads a CSV file row by row.
--
-- path     file name, or "-" for standard input
-- options  header     true (default): the first row names the columns and rows
--                     are tables keyed by them; false: rows are arrays
--          separator  one character; default: found out from the first line
--          raw        true: keep the "'" in front of formulas
--          text       read this text; path is then only its name in messages
-- Returns an iterator for the generic `for`: row, line (number of the row's
-- first line). It has columns (the names in order, with a header) and :close().
-- Cells are strings; an empty cell is "". Raises usage with file and line.
function csv.reader(path, options)
  options = check_options("csv.reader", options,
    { header = "boolean", separator = "string", raw = "boolean", text = "string" })
  if type(path) ~= "string" or path == "" then
    usage("csv.reader: a file name is needed, got %s", path == "" and "an empty one" or type(path))
  end
  if not options.text then raw.use_file("csv.reader") end
  local self = setmetatable({
    path = path, raw = options.raw, text = "", at = 1, line = 1, ended = false,
  }, Reader)
  if options.text then
    self.file = text_file(options.text)
  elseif path == "-" then
    self.file, self.path, self.shared = stdin, "standard input", true
  else
    local reason
    self.file, reason = open(path, "rb")
    if not self.file then usage("cannot read %s: %s", path, (reason:gsub("^.*: ", ""))) end
  end
  start(self, options.separator)
  if options.header ~= false then read_header(self) end
  return self
end

function Reader:__call()
  local cells, line = next_cells(self)
  if not cells then return nil end
  if not self.columns then return cells, line end
  return keyed(self, cells, line), line
end

--- Ends the reading. A closed reader gives no more rows.
function Reader:close()
  local file = self.file
  self.file = nil
  if file and not self.shared then file:close() end
end

Reader.__close = Reader.close
Reader.__gc = Reader.close

-- Writer ---------------------------------------------------------------------

local Writer = {}
Writer.__index = Writer
Writer.__name = "moonlever.csv.writer"

-- row["a.b"], or row.a.b where that is nothing: columns may be paths.
local function value_at(row, column)
  local value = row[column]
  if value ~= nil or not column:find(".", 1, true) then return value end
  value = row
  for name in column:gmatch("[^.]+") do
    if type(value) ~= "table" then return nil end
    value = value[name]
  end
  return value
end

local function number_text(value)
  if math.type(value) == "integer" then return tostring(value) end
  if value ~= value or value == math.huge or value == -math.huge then return nil end
  local short = ("%.15g"):format(value)
  return tonumber(short) == value and short or ("%.17g"):format(value)
end

-- The text of a value, and whether it may be a formula.
local function cell_text(self, column, value)
  local kind = type(value)
  if value == nil or value == raw.null then return "", false end
  if kind == "string" then return value, true end
  if kind == "boolean" then return tostring(value), false end
  if kind == "number" then
    local text = number_text(value)
    if text then return text, false end
    usage("%s: column '%s' of row %d is not a finite number", self.path, column, self.count + 1)
  end
  local meta = getmetatable(value)
  if type(meta) == "table" and meta.__name == "moonlever.number" then return tostring(value), false end
  errors.usage(("%s: column '%s' of row %d is a %s"):format(self.path, column, self.count + 1, kind),
    ("name one of its fields, as in '%s.name', or encode it with moonlever.json.encode"):format(column))
end

local function quoted(self, text)
  -- The other separators too, since a spreadsheet may split by its own idea of
  -- one; and what a reader would take for a mark at the start of the file.
  if text:find(self.special) or text:find("^%s") or text:find("%s$")
    or text:find("^sep=") or text:sub(1, 3) == BOM then
    return '"' .. text:gsub('"', '""') .. '"'
  end
  return text
end

local function write_cells(self, cells)
  local line = table.concat(cells, self.separator)
  -- A lone empty cell would read as an empty line.
  if line == "" then line = '""' end
  self.file:write(line .. "\r\n")
end

local function check_columns(columns)
  if type(columns) ~= "table" or #columns == 0 then
    usage("csv.writer: columns are an array of names, such as { \"email\", \"role\" }")
  end
  local seen = {}
  for index, name in ipairs(columns) do
    if type(name) ~= "string" or name == "" then
      usage("csv.writer: column %d needs a name", index)
    end
    if seen[name] then usage("csv.writer: the column '%s' is there twice", name) end
    seen[name] = true
  end
end

--- Writes a CSV file (UTF-8, CRLF), header first.
--
-- path     file name, or "-" for the run's output
-- columns  array of names; "a.b" takes the field b of the field a
-- options  separator  one character, default ","
--          raw        true: write formulas as they are
--          bom        true: byte order mark in front, which Excel needs to see UTF-8
--          header     false: no line of names
-- Returns a writer with :write(row), :close() and :discard(), which may stand in
-- a `local … <close>`. Raises usage when the file cannot be written.
function csv.writer(path, columns, options)
  options = check_options("csv.writer", options,
    { separator = "string", raw = "boolean", bom = "boolean", header = "boolean" })
  check_columns(columns)
  local separator = options.separator or ","
  local self = setmetatable({
    path = path, columns = { table.unpack(columns) }, separator = separator, raw = options.raw,
    special = '[",;\t\r\n%' .. separator .. "]", count = 0,
  }, Writer)
  self.file = out.file(path)
  if options.bom then self.file:write(BOM) end
  if options.header ~= false then
    local cells = {}
    for index, name in ipairs(columns) do
      cells[index] = quoted(self, self.raw and name or guard(name))
    end
    write_cells(self, cells)
  end
  return self
end

--- Writes one row: a table keyed by column (other keys are left out), or an
-- array of cells. nil and null are empty cells; tables are refused.
function Writer:write(row)
  if type(row) ~= "table" then
    usage("%s: a row is a table, got %s", self.path, type(row))
  end
  local cells, by_place = {}, row[1] ~= nil and row[self.columns[1]] == nil
  if by_place and #row > #self.columns then
    usage("%s: row %d has %d cells for %d columns", self.path, self.count + 1, #row, #self.columns)
  end
  for index, column in ipairs(self.columns) do
    local value
    if by_place then value = row[index] else value = value_at(row, column) end
    local text, check = cell_text(self, column, value)
    if check and not self.raw then text = guard(text) end
    cells[index] = quoted(self, text)
  end
  write_cells(self, cells)
  self.count = self.count + 1
end

--- Writes the rest and gives the file its name. Raises when the disk is full.
function Writer:close() self.file:close() end

--- Leaves no file behind.
function Writer:discard() self.file:discard() end

function Writer:__close(err) self.file:__close(err) end

return csv
