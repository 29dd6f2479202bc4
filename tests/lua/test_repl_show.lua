-- SPDX-License-Identifier: MIT
-- A session at a prompt: how values are shown.
-- run: --practice

local check = require "check"
local cells = require "moonlever.repl.cells"
local moonlever = require "moonlever"
local raw = require "moonlever.raw"
local show = require "moonlever.repl.show"
local tables = require "moonlever.repl.tables"

local null = moonlever.null

-- ---------------------------------------------------------------------------
-- One line

for _, case in ipairs {
  { 1, "1" }, { 1.5, "1.5" }, { true, "true" }, { null, "null" }, { "a\"b\\c\n", [["a\"b\\c\n"]] },
  { {}, "{}" }, { { 1, "b", { true } }, '{ 1, "b", { true } }' },
  { { b = 1, a = { 1 }, ["not a name"] = 2 }, '{ b = 1, ["not a name"] = 2, a = { 1 } }' },
  { { z = 1, name = 2, id = 3 }, "{ id = 3, name = 2, z = 1 }" },
  { { [1] = "x", [3] = "y" }, '{ [1] = "x", [3] = "y" }' },
  { "\27[2J\xFF", [["\x1B[2J\xFF"]] }, { { { { { { 1 } } } } }, "{ { { { {…} } } } }" },
} do check.equal(cells.plain(case[1]), case[2]) end

for _, case in ipairs {
  { nil, "-" }, { null, "-" }, { "text", "text" }, { "a\tb\nc", "a\\tb\\nc" }, { 12, "12" }, { {}, "-" },
  { { 1, 2 }, "[2]" }, { { a = 1, b = 2 }, "{2}" },
} do check.equal(cells.cell(case[1]), case[2]) end

check.equal(cells.fit("grüße aus Köln", 8), "grüße a…")
check.equal(cells.fit("grüße", 5), "grüße")
check.equal(cells.fit("abc", 1), "…")

-- ---------------------------------------------------------------------------
-- Tables

local people = {
  { id = 1, name = "Anna", age = 9, tags = { "x" } },
  { id = 22, name = "Günther", age = 101, tags = {}, left = "2025-05-31T23:51:00.000Z" },
}

local function lines(...) return table.concat({ ... }, "\n") .. "\n" end

check.equal(tables.text(people, 80), lines(
  "id  name     age  left              tags",
  "--  -------  ---  ----------------  ----",
  " 1  Anna       9  -                 [1]",
  "22  Günther  101  2025-05-31 23:51  -"))

check.equal(tables.text(people, 80, { "name", "id" }), lines(
  "name     id",
  "-------  --",
  "Anna      1",
  "Günther  22"))

check.equal(tables.text(people, 34), lines(
  "id  name     age  left",
  "--  -------  ---  ----------------",
  " 1  Anna       9  -",
  "22  Günther  101  2025-05-31 23:51",
  "and in each: tags"))

check.equal(tables.text(people, 22, nil, 21), lines(
  "[21]",
  "id    1",
  "name  Anna",
  "age   9",
  "tags  { \"x\" }",
  "[22]",
  "id    22",
  "name  Günther",
  "age   101",
  "left  2025-05-31T23:5…",
  "tags  {}"))

check.equal(tables.text(people, 0, { "name", "tags", "left" }), lines(
  "name\ttags\tleft", "Anna\t[\"x\"]\t", "Günther\t[]\t2025-05-31T23:51:00.000Z"):gsub("%[%]", "{}"))

-- Whatever the width: nothing is wider, every record is there, and keys are whole.
local wide = {}
for i = 1, 3 do
  wide[i] = { uuid = ("%08d-0000-0000-0000-000000000000"):format(i) }
  for j = 1, 9 do wide[i]["member_" .. j] = ("value "):rep(j) end
end
for width = 20, 200, 7 do
  local text = tables.text(wide, width)
  for one in text:gmatch("[^\n]+") do check.ok(raw.width(one) <= width, width .. ": " .. one) end
  for i = 1, 3 do
    check.ok(width < 44 or text:find(wide[i].uuid, 1, true), width .. " has key " .. i)
  end
end

-- ---------------------------------------------------------------------------
-- A view

local out = {}
local columns = 80
local view = show.new(function(text) out[#out + 1] = text end, function() return columns end)

local function shown(value)
  out = {}
  local remembered = view:value(value)
  return table.concat(out), remembered
end

local function numbers(n)
  local list = {}
  for i = 1, n do list[i] = { id = i } end
  return list
end

check.equal(shown(nil), "nil\n")
check.equal(shown("x"), '"x"\n')
check.equal(shown({ a = 1 }), "{ a = 1 }\n")
check.equal(shown({ 1, 2 }), "{ 1, 2 }\n")
check.match(shown({ name = ("long "):rep(30), z = 1 }), "^name  long long")
local text, rows = shown(numbers(45))
check.match(text, "^id\n%-%-\n 1\n 2\n")
check.match(text, "%-%- 20 shown; it: the next 20\n$")
check.equal(#rows, 45, "an array is remembered as it is")
out = {}
check.equal(#view:more(), 20)
check.match(table.concat(out), "^id\n%-%-\n21\n")
out = {}
check.equal(#view:more(), 5)
check.equal(view:more(), nil)
check.ok(not table.concat(out):find("it: the next", 1, true), "there is no more")
check.equal(shown(numbers(20)):find("it: the next", 1, true), nil, "exactly one page")

-- A list is read no further than it is shown.
local asked = 0
local function counting(n)
  return raw.iterator(function()
    asked = asked + 1
    if asked > n then return nil end
    return { { id = asked } }
  end)
end

check.ok(show.is_list(counting(1)))
check.ok(not show.is_list({}))
text, rows = shown(counting(50))
check.equal(asked, 21, "one more, to know that there is more")
check.equal(#rows, 20)
check.match(text, "it: the next 20")
asked = 0
check.equal(shown(counting(0)), "(nothing)\n")

-- For programs: all of it under one line of names.
columns = 0
asked = 0
text = shown(counting(45))
check.equal(select(2, text:gsub("\n", "")), 46)
check.equal(select(2, text:gsub("id\n", "")), 1)
check.equal(shown({ 1, 2 }), "[1,2]\n")
check.equal(shown("x\n"), "x\\n\n")
columns = 80

-- What has a name of its own.
local sd = moonlever.connect "screendesk"
check.equal(shown(sd.recordings), "screendesk.recordings: get, list, pages, update\n")
check.match(shown(sd.recordings.update), "^screendesk.recordings.update: a method")
check.match(shown(raw.spawn(function() end)), "^a task %(%a+%)\n$")
local _, err = pcall(sd.recordings.get, sd.recordings, "")
check.match(shown(err), "empty")

text, rows = shown(sd.recordings:list { limit = 3 })
check.equal(#rows, 3)
check.match(text, "f5a28b62%-4cb8%-4f19%-a284%-0cb2f1289e09")

check.done(994)
