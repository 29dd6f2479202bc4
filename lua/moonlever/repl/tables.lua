-- SPDX-License-Identifier: MIT
-- Records as aligned tables, upright when they are too wide, and as TSV for programs.
--
-- Invariant: no line of a table is wider than the columns it was given.
--
--   tables.text({ { id = 1, title = "Hello" } }, 80)
--     --> id  title
--         --  -----
--          1  Hello
--   tables.text(rows, 0)          -- TSV: a line a record, nothing cut

local raw = require "moonlever.raw"
local cells = require "moonlever.repl.cells"

local tables = {}

local WIDEST, COMFORTABLE, TIGHT = 48, 24, 12 -- how wide a column may be
local GAP = 2
local NARROWEST = 20 -- of a value in an upright record
local WHOLE = { uuid = true, id = true, ID = true } -- a cut key is of no use to anybody

--- The keys that any of the rows has, in their order.
function tables.keys(rows)
  local all = {}
  for _, row in ipairs(rows) do
    for key, value in next, row do
      if all[key] == nil or type(value) == "table" then all[key] = value end
    end
  end
  return cells.keys(all)
end

local function is_nested(rows, key)
  for _, row in ipairs(rows) do
    if type(rawget(row, key)) == "table" then return true end
  end
  return false
end

local function is_number(rows, key)
  for _, row in ipairs(rows) do
    if rawget(row, key) ~= nil and type(rawget(row, key)) ~= "number" then return false end
  end
  return true
end

local function is_empty(rows, key)
  for _, row in ipairs(rows) do
    if cells.cell(rawget(row, key)) ~= "-" then return false end
  end
  return true
end

-- "2025-05-31T23:51:00.000Z" to the minute, or to the day where that is all.
local function short_time(text)
  local day, time = text:match("^(%d%d%d%d%-%d%d%-%d%d)T(%d%d:%d%d):[%d.]+Z$")
  if not day then return text end
  return time == "00:00" and day or day .. " " .. time
end

-- Every cell of a column, and how wide it would like to be.
local function column(rows, key)
  local made = { right = is_number(rows, key), [0] = cells.clean(tostring(key)) }
  made.width = raw.width(made[0])
  for i, row in ipairs(rows) do
    made[i] = short_time(cells.cell(rawget(row, key)))
    made.width = math.max(made.width, raw.width(made[i]))
  end
  made.whole = WHOLE[key]
  return made
end

local function total(made, cap)
  local sum = -GAP
  for _, one in ipairs(made) do sum = sum + GAP + (one.whole and one.width or math.min(one.width, cap)) end
  return sum
end

-- Cuts all cells of a column to a width.
local function cut(one, width)
  if one.whole or one.width <= width then return end
  one.width = width
  for i = 0, #one do one[i] = cells.fit(one[i], width) end
end

-- The columns, the widest of them cut until all fit, but none below `least`; nil where they
-- do not fit.
local function layout(rows, keys, least, width)
  local made = {}
  for i, key in ipairs(keys) do made[i] = column(rows, key) end
  for cap = WIDEST, least, -1 do
    if total(made, cap) <= width then
      for _, one in ipairs(made) do cut(one, cap) end
      return made
    end
  end
  return nil
end

local function line(made, i)
  local parts = {}
  for n, one in ipairs(made) do parts[n] = cells.pad(one[i], one.width, one.right) end
  return (table.concat(parts, (" "):rep(GAP)):gsub("%s+$", ""))
end

local function rule(made)
  local parts = {}
  for n, one in ipairs(made) do parts[n] = ("-"):rep(one.width) end
  return table.concat(parts, (" "):rep(GAP))
end

local function flat(made, count)
  local lines = { line(made, 0), rule(made) }
  for i = 1, count do lines[#lines + 1] = line(made, i) end
  return table.concat(lines, "\n") .. "\n"
end

--- One record, a member a line.
function tables.upright(record, width, keys)
  local names, widest, lines = keys or cells.keys(record), 0, {}
  for _, key in ipairs(names) do widest = math.max(widest, raw.width(cells.clean(tostring(key)))) end
  widest = math.min(widest, math.max(8, width - GAP - NARROWEST))
  for i, key in ipairs(names) do
    local value = rawget(record, key)
    local text = type(value) == "string" and cells.clean(value) or value == nil and "-" or cells.plain(value, 2)
    local name = cells.fit(cells.clean(tostring(key)), widest)
    lines[i] = cells.fit((cells.pad(name, widest) .. (" "):rep(GAP) .. text):gsub("%s+$", ""), width)
  end
  return table.concat(lines, "\n") .. "\n"
end

local function all_upright(rows, keys, width, first)
  local parts = {}
  for i, row in ipairs(rows) do
    local present = {}
    for _, key in ipairs(keys) do
      if rawget(row, key) ~= nil then present[#present + 1] = key end
    end
    parts[i] = ("[%d]\n"):format(first + i - 1) .. tables.upright(row, width, present)
  end
  return table.concat(parts)
end

local function without(rows, keys, test)
  local kept, left = {}, {}
  for _, key in ipairs(keys) do
    local list = test(rows, key) and left or kept
    list[#list + 1] = key
  end
  return kept, left
end

-- Only tables within the records, or members that nobody has, may be left out to make it fit:
-- their cells would say next to nothing.
local function shorter(rows, keys, width)
  local kept, left = without(rows, keys, is_empty)
  local nested
  kept, nested = without(rows, kept, is_nested)
  table.move(nested, 1, #nested, #left + 1, left)
  if #kept == 0 or #left == 0 then return nil end
  return layout(rows, kept, TIGHT, width), left
end

local function tsv(rows, keys)
  local lines = { table.concat(keys, "\t") }
  for i, row in ipairs(rows) do
    local parts = {}
    for n, key in ipairs(keys) do
      local value = rawget(row, key)
      local plain = value == nil or value == raw.null
      parts[n] = plain and "" or type(value) == "table" and raw.json.encode(value, { sorted = true })
        or cells.clean(tostring(value))
    end
    lines[i + 1] = table.concat(parts, "\t")
  end
  return table.concat(lines, "\n") .. "\n"
end

--- The text of records. `width`: columns there are, 0 for TSV. `keys`: which members, in
-- their order; nil: all. `first`: number of the first record, for upright ones.
function tables.text(rows, width, keys, first)
  local names = keys or tables.keys(rows)
  if width == 0 then return tsv(rows, names) end
  local made = layout(rows, names, keys and TIGHT or COMFORTABLE, width)
  if made then return flat(made, #rows) end
  if not keys then
    local left
    made, left = shorter(rows, names, width)
    if made then
      return flat(made, #rows) .. cells.fit("and in each: " .. table.concat(left, ", "), width) .. "\n"
    end
  end
  return all_upright(rows, names, width, first or 1)
end

return tables
