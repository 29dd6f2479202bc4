-- SPDX-License-Identifier: MIT
-- Tables on a terminal: widths, cuts, and text from outside.
local check = require "check"
local grids = require "moonlever.grid"

local function table_of(columns, width, rows)
  local parts = {}
  local grid = grids.new(columns, width, function(text) parts[#parts + 1] = text end)
  for _, row in ipairs(rows) do grid:row(row) end
  grid:close()
  return table.concat(parts)
end

check.equal(grids.width "abc", 3)
check.equal(grids.width "é", 1)
check.equal(grids.width "漢字", 4)
check.equal(grids.width "e\u{301}", 1)
check.equal(grids.fit("abc", 5), "abc  ")
check.equal(grids.fit("abcdef", 4), "abc…")
check.equal(grids.fit("漢字漢字", 4), "漢… ")
check.equal(grids.fit("漢字漢字", 5), "漢字…")

check.equal(table_of({ "id", "title" }, 80, { { "1", "one" }, { "22", "" } }), "id  title\n1   one\n22\n")
check.equal(table_of({ "id" }, 80, {}), "")
check.equal(table_of({ "id", "t" }, 80, { { "1", "a\27[2J\nb" } }), "id  t\n1   a\\x1B[2J\\nb\n")
check.equal(table_of({ "id", "title" }, 20, { { "12345678", ("x"):rep(40) } }),
  "id        title\n12345678  xxxxxxxxx…\n")

-- What does not fit at all is counted, and the first column stays whole.
local narrow = table_of({ "uuid", "a", "b", "c" }, 30, { { ("u"):rep(12), ("a"):rep(9), ("b"):rep(9), ("c"):rep(9) } })
check.equal(narrow, "uuid          a\n(2 more: --fields)\nuuuuuuuuuuuu  aaaaaaaaa\n")
check.equal(table_of({ "uuid", "a" }, 5, { { ("u"):rep(12), "a" } }), "uuid\n(1 m…\nuuuu…\n")
for width = 1, 60 do
  local text = table_of({ "a", "b", "c" }, width, { { ("漢"):rep(9), ("y"):rep(30), "z" } })
  for line in text:gmatch "[^\n]+" do
    if grids.width(line) > width then check.equal(grids.width(line), width) end
  end
end

-- Long lists are written as they come, in the columns of their beginning.
local lines = {}
local grid = grids.new({ "n" }, 80, function(text) lines[#lines + 1] = text end)
for n = 1, 150 do grid:row { tostring(n) } end
check.equal(#lines, 151, "the heading and all rows, before close")
grid:close()
check.equal(#lines, 151)

check.done(16)
