-- SPDX-License-Identifier: MIT
-- CSV under random tables and hostile files: what was written is read back cell
-- for cell, and any bytes at all give rows or an error that names file and line.
-- The generator is seeded: a failure shows its number and happens again.
local check = require "check"
local csv = require "moonlever.csv"
local errors = require "moonlever.errors"

local seed = 1
local function random(n)
  seed = (seed * 1103515245 + 12345) & 0x7fffffff
  return (seed >> 8) % n + 1
end

local PIECES = {
  "a", "1", "-", "=", "+", "@", "'", '"', '""', ",", ";", "\t", "\r", "\n", "\r\n", " ", "é", "＝",
  "日本", "\xEF\xBB\xBF", "sep=", "x.y", "-1", "-1e5", "", "long " .. ("z"):rep(300),
}

local function random_cell()
  local parts = {}
  for index = 1, random(4) - 1 do parts[index] = PIECES[random(#PIECES)] end
  return table.concat(parts)
end

local function random_table()
  local columns, rows = random(5), {}
  for row = 1, random(8) do
    rows[row] = {}
    for column = 1, columns do rows[row][column] = random_cell() end
  end
  return rows, columns
end

local path = os.tmpname()

local function write(rows, columns, options)
  local names = {}
  for index = 1, columns do names[index] = "c" .. index end
  local file = csv.writer(path, names, options)
  for _, row in ipairs(rows) do file:write(row) end
  file:close()
end

local function same(rows, reader)
  local count = 0
  for row in reader do
    count = count + 1
    if not rows[count] or #row ~= #rows[count] then return false end
    for index, cell in ipairs(row) do
      if cell ~= rows[count][index] then return false end
    end
  end
  return count == #rows
end

-- Round trips with every separator and with formulas guarded or not.
local SEPARATORS = { ",", ";", "\t", "|" }
local broken
for number = 1, 1500 do
  local rows, columns = random_table()
  local separator, as_is = SEPARATORS[random(4)], random(2) == 1
  write(rows, columns, { separator = separator, raw = as_is, header = false })
  local reader = csv.reader(path, { header = false, separator = separator, raw = as_is })
  if not same(rows, reader) then broken = number end
end
check.equal(broken, nil, "a table that came back otherwise")

-- With a header, the separator is found out.
for number = 1, 500 do
  local rows, columns = random_table()
  write(rows, columns, { separator = SEPARATORS[random(3)], bom = random(2) == 1 })
  local reader = csv.reader(path)
  local count = 0
  for row in reader do
    count = count + 1
    for index = 1, columns do
      if row["c" .. index] ~= rows[count][index] then broken = number end
    end
  end
  if count ~= #rows then broken = number end
end
check.equal(broken, nil, "a table with a header that came back otherwise")

-- Cells and rows across the pieces that the file is read in.
local big = {}
for row = 1, 40 do big[row] = { ("x"):rep(row * 997) .. '"', "\r\n" .. ("é"):rep(row * 501) } end
write(big, 2, { header = false })
check.equal(same(big, csv.reader(path, { header = false })), true, "large cells")
big = {}
for row = 1, 70000 do big[row] = { tostring(row), "" } end
write(big, 2, { header = false })
check.equal(same(big, csv.reader(path, { header = false })), true, "many rows")

-- No spreadsheet finds a formula in what the writer wrote.
write({ { "=1", "＋1" }, { "@x", "\t=x" }, { "-x", "\r=x" } }, 2, { header = false })
local loose = 0
for row in csv.reader(path, { header = false, raw = true }) do
  for _, cell in ipairs(row) do
    if not cell:find("^'") then loose = loose + 1 end
  end
end
check.equal(loose, 0, "unguarded formulas")
os.remove(path)

-- Hostile bytes: rows or an error object with file and line, never anything else.
local BYTES = { '"', '"', ",", ";", "\r", "\n", "\0", "\xff", "\xc3", "é", "a", "'", "=", " ", "\xEF\xBB\xBF" }
local strange
local outcomes = { rows = 0, errors = 0 }
for _ = 1, 20000 do
  local parts = {}
  for index = 1, random(12) do parts[index] = BYTES[random(#BYTES)] end
  local text = table.concat(parts)
  local ok, err = pcall(function()
    for row, line in csv.reader("f.csv", { text = text, header = random(2) == 1 }) do
      if type(row) ~= "table" or math.type(line) ~= "integer" then error("not a row") end
    end
  end)
  if ok then
    outcomes.rows = outcomes.rows + 1
  elseif errors.is(err) and err.message:find("^f%.csv:%d+: ") then
    outcomes.errors = outcomes.errors + 1
  else
    strange = text
  end
end
check.equal(strange, nil, "bytes that broke the reader")
check.ok(outcomes.rows > 1000 and outcomes.errors > 1000, "both outcomes were met")

check.done(7)
