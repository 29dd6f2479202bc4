-- SPDX-License-Identifier: MIT
-- When things happened in a run: gathered as they come, laid out as columns of equal time.
--
-- Changes come in the order of the journal, not of time, and there may be millions. So they
-- are counted in bins, of 50 ms at first; when there are too many, two become one. Bins are
-- there only where something happened: a run that was resumed days later takes no more of
-- them than one that was not.
--
-- Invariants: what was counted is never lost, whatever the width; memory is bounded.
--
--   local line = timeline.new(run.started)
--   line:add(1767348000123, "good")
--   local plan = line:layout(90)
--   for _, column in ipairs(plan.columns) do print(column.at, column.good) end

local timeline = {}

local Line = {}
Line.__index = Line

local FIRST_WIDTH = 50 -- ms
local MOST = 4096      -- bins
local LONG = 10000     -- ms: of a shorter silence the time is drawn
local SHARE = 0.2      -- ... and of one that takes no more than this of what is drawn
local MOST_CUTS = 6
local QUIET = 2000     -- ms without anything that are worth a word
local QUIET_COLUMNS = 2
local FEWEST = 20     -- columns that there is room for: one alone is no wall
local NICE = { 100, 200, 500, 1000, 2000, 5000, 10000, 15000, 30000, 60000, 120000, 300000, 600000, 900000, 1800000,
  3600000, 7200000, 21600000, 43200000, 86400000 }

--- A line that begins at a moment, in milliseconds since 1970.
function timeline.new(start)
  return setmetatable({ start = start, width = FIRST_WIDTH, bins = {}, count = 0 }, Line)
end

local function merge(into, bin)
  for what, n in pairs(bin) do into[what] = (into[what] or 0) + n end
end

-- Twice as wide, half as many.
local function widen(line)
  local bins, count = {}, 0
  for index, bin in pairs(line.bins) do
    local at = index // 2
    if not bins[at] then bins[at], count = {}, count + 1 end
    merge(bins[at], bin)
  end
  line.bins, line.count, line.width = bins, count, line.width * 2
end

--- Counts one `what` ("good", "bad", "planned", "again"; nil: something happened) at a moment. A
-- clock that went back does not lead before the start.
function Line:add(ms, what)
  local index = math.max(0, ms - self.start) // self.width
  local bin = self.bins[index]
  if not bin then
    bin = {}
    self.bins[index], self.count = bin, self.count + 1
    if self.count > MOST then widen(self) end -- the bin lives on in another one
    bin = self.bins[math.max(0, ms - self.start) // self.width]
  end
  if what then bin[what] = (bin[what] or 0) + 1 end
end

local function sorted(bins)
  local list = {}
  for index in pairs(bins) do list[#list + 1] = index end
  table.sort(list)
  return list
end

-- The silences between bins, in ms from the start, the longest first.
local function silences(order, width)
  local list = {}
  for i = 2, #order do
    local from, to = (order[i - 1] + 1) * width, order[i] * width
    if to - from >= QUIET then list[#list + 1] = { from = from, to = to } end
  end
  table.sort(list, function(a, b) return a.to - a.from > b.to - b.from end)
  return list
end

-- Silences that would take most of the drawing are cut out of it. Returns them in order of time,
-- and what is left of the span.
local function cuts_of(list, span)
  local cuts = {}
  for _, gap in ipairs(list) do
    local length = gap.to - gap.from
    if #cuts == MOST_CUTS or length < LONG or length < SHARE * span then break end
    cuts[#cuts + 1] = gap
    gap.cut, span = true, span - length
  end
  table.sort(cuts, function(a, b) return a.from < b.from end)
  return cuts, span
end

local function nice(ms)
  for _, width in ipairs(NICE) do
    if width >= ms then return width end
  end
  return math.ceil(ms / 86400000) * 86400000
end

-- Stretches of time between the cuts, each with the place of its first column.
local function stretches(cuts, span_end, width, gap_columns)
  local list, from, place = {}, 0, 0
  for i = 1, #cuts + 1 do
    local to = cuts[i] and cuts[i].from or span_end
    local columns = math.max(1, math.ceil((to - from) / width))
    list[i] = { from = from, to = to, place = place, columns = columns }
    place = place + columns
    if cuts[i] then
      cuts[i].place, cuts[i].columns = place, gap_columns
      from, place = cuts[i].to, place + gap_columns
    end
  end
  return list, place
end

local function stretch_at(list, ms)
  local found = list[1]
  for _, stretch in ipairs(list) do
    if ms >= stretch.from then found = stretch end
  end
  return found
end

-- Bins into columns; those that nothing fell into are not there.
local function columns_of(line, order, plan)
  local columns, by_place = {}, {}
  for _, index in ipairs(order) do
    local ms = index * line.width
    local stretch = stretch_at(plan.stretches, ms)
    local number = math.min(math.max(0, ms - stretch.from) // plan.width, stretch.columns - 1)
    local place = stretch.place + number
    if not by_place[place] then
      by_place[place] = { place = place, at = stretch.from + number * plan.width }
      columns[#columns + 1] = by_place[place]
    end
    merge(by_place[place], line.bins[index])
  end
  return columns
end

--- Lays the line out. Returns nil when nothing happened, else
--   columns    { place, at, good, bad, planned, again }: place from 0, at in ms from the start
--   stretches  { from, to, place, columns }: the times that are drawn
--   quiet      { from, to, cut, place, columns }: silences, by time; cut: it is drawn short
--   width      ms of a column
--   places     how many columns there is room for
--   is_cut     a silence is drawn short
-- most: how many columns there may be, without those of the cuts.
function Line:layout(most)
  local order = sorted(self.bins)
  if #order == 0 then return nil end
  local span = (order[#order] + 1) * self.width
  local list = silences(order, self.width)
  local cuts, drawn = cuts_of(list, span)
  local plan = { width = math.max(nice(drawn / most), self.width) }
  local gap_columns = math.max(1, math.ceil(drawn / plan.width * 0.04))
  plan.stretches, plan.places = stretches(cuts, span, plan.width, gap_columns)
  plan.places, plan.is_cut = math.max(plan.places, FEWEST), #cuts > 0
  plan.columns = columns_of(self, order, plan)
  plan.quiet = {}
  for _, gap in ipairs(list) do
    if gap.cut or gap.to - gap.from >= QUIET_COLUMNS * plan.width then plan.quiet[#plan.quiet + 1] = gap end
  end
  table.sort(plan.quiet, function(a, b) return a.from < b.from end)
  return plan
end

--- Where a moment (ms from the start) stands in a layout, in columns from the left.
function timeline.place(plan, ms)
  local stretch = stretch_at(plan.stretches, ms)
  return stretch.place + math.min((ms - stretch.from) / plan.width, stretch.columns)
end

return timeline
