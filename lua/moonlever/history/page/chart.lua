-- SPDX-License-Identifier: MIT
-- A laid-out timeline (timeline.lua) as a drawing, in words, and as a table; pure.
--
-- Places along the time are percentages and everything else is in pixels, so that the drawing
-- fits any width without its letters being stretched. Colours come from the style of the page.
--
--   chart.svg(plan, write)

local markup = require "moonlever.history.page.markup"
local text = require "moonlever.history.text"
local timeline = require "moonlever.history.page.timeline"

local chart = {}

local HEIGHT, TOP, BASE = 196, 22, 146 -- px: all of it; the bars, from and to
local STRIP = 152                      -- px: where what was sent again is marked
local LABELS = 186                     -- px: the line of the times
local SHORTEST = 2                     -- px: of a bar that is there
local TICKS = 6
local NEAR = 9                         -- per cent: labels that are closer would touch
local STEPS = { 500, 1000, 2000, 5000, 10000, 15000, 30000, 60000, 120000, 300000, 600000, 900000, 1800000, 3600000,
  7200000, 14400000, 43200000, 86400000 }
local PARTS = { "bad", "good", "planned" } -- of a bar, from the ground up
chart.NAMES = { bad = "not well", good = "well", planned = "planned", again = "sent again" }

--- A time of the run, from its start: 2:05, 1:02:05, 2 d 1:02:05; with tenths of a second (2:05.5)
-- where they matter.
function chart.clock(ms, tenths)
  local s = ms // 1000
  local rest = tenths and (".%d"):format(ms % 1000 // 100) or ""
  local days, h, min = s // 86400, s // 3600 % 24, s // 60 % 60
  if s < 3600 then return ("%d:%02d%s"):format(min, s % 60, rest) end
  local clock = ("%d:%02d:%02d%s"):format(h, min, s % 60, rest)
  return days == 0 and clock or ("%d d %s"):format(days, clock)
end

-- When a column begins.
local function start_of(plan, column)
  return chart.clock(column.at, plan.width < 1000)
end

--- A rate: 0.4/s, 12/s, 1,200/s.
function chart.rate(n)
  if n >= 100 then return text.number(math.floor(n + 0.5)) .. "/s" end
  return ("%.3g/s"):format(n)
end

local function seconds(ms)
  return ms < 10000 and ("%.1f s"):format(ms / 1000) or text.duration(ms / 1000)
end

local function height_of(column)
  local n = 0
  for _, part in ipairs(PARTS) do n = n + (column[part] or 0) end
  return n
end

-- The next of 1, 1.5, 2, 3 ... 10, 15 ... (or 0.1, 0.15 ...) that is not below n.
local function ceiling(n)
  local power = 10 ^ math.floor(math.log(n, 10) + 1e-9)
  for _, step in ipairs { 1, 1.5, 2, 3, 4, 5, 6, 8, 10 } do
    if step * power >= n - 1e-9 then return step * power end
  end
  return 10 * power
end

-- The most changes a second that a column shows; 0 where none does.
local function peak(plan)
  local most = 0
  for _, column in ipairs(plan.columns) do most = math.max(most, height_of(column)) end
  return most * 1000 / plan.width
end

--- The most changes a second over a whole second at least: columns may be shorter.
function chart.fastest(plan)
  if plan.width >= 1000 then return peak(plan) end
  local most, second, count = 0, nil, 0
  for _, column in ipairs(plan.columns) do
    if column.at // 1000 ~= second then second, count = column.at // 1000, 0 end
    count = count + height_of(column)
    most = math.max(most, count)
  end
  return most
end

local function percent(plan, place)
  return ("%.2f%%"):format(100 * place / plan.places)
end

-- "0:12, for 1 s: 12 well, 1 sent again"
local function words_of(plan, column)
  local parts = {}
  for _, part in ipairs { "good", "bad", "planned", "again" } do
    if column[part] then parts[#parts + 1] = ("%s %s"):format(text.number(column[part]), chart.NAMES[part]) end
  end
  return ("%s, for %s: %s"):format(start_of(plan, column), seconds(plan.width), table.concat(parts, ", "))
end

local function bar(plan, column, top, write)
  if height_of(column) == 0 and not column.again then return end
  local x, width = percent(plan, column.place + 0.08), percent(plan, 0.84)
  write(("<g><title>%s</title>"):format(markup.escape(words_of(plan, column))))
  local ground = BASE
  for _, part in ipairs(PARTS) do
    if column[part] then
      local height = math.max(SHORTEST, column[part] * 1000 / plan.width / top * (BASE - TOP))
      ground = ground - height
      write(('<rect class="%s" x="%s" y="%.1f" width="%s" height="%.1f"/>'):format(part, x, ground, width, height))
    end
  end
  if column.again then
    write(('<rect class="again" x="%s" y="%d" width="%s" height="7"/>'):format(x, STRIP, width))
  end
  write "</g>\n"
end

local function anchor(at)
  return at < 6 and "start" or at > 94 and "end" or "middle"
end

local function label(plan, place, y, words, class, write)
  local at = 100 * place / plan.places
  write(('<text class="%s" x="%.2f%%" y="%d" text-anchor="%s">%s</text>\n'):format(class, at, y, anchor(at),
    markup.escape(words)))
end

local function silence(plan, gap, write)
  local from = gap.place or timeline.place(plan, gap.from)
  local to = gap.place and gap.place + gap.columns or timeline.place(plan, gap.to)
  write(('<g><title>%s</title><rect class="%s" x="%s" y="%d" width="%s" height="%d"/></g>\n'):format(
    markup.escape(("nothing was sent or answered for %s"):format(seconds(gap.to - gap.from))),
    gap.cut and "cut" or "quiet", percent(plan, from), TOP, percent(plan, to - from), BASE - TOP))
  if gap.cut then label(plan, (from + to) / 2, TOP - 8, "⋯ " .. seconds(gap.to - gap.from), "note", write) end
end

local function step_of(plan)
  local drawn = 0
  for _, stretch in ipairs(plan.stretches) do drawn = drawn + stretch.to - stretch.from end
  for _, step in ipairs(STEPS) do
    if drawn / step <= TICKS then return step end
  end
  return STEPS[#STEPS] * math.ceil(drawn / STEPS[#STEPS] / TICKS)
end

local function times(plan, write)
  local step, last = step_of(plan), -NEAR
  for number, stretch in ipairs(plan.stretches) do
    local ms = number == 1 and 0 or stretch.from
    while ms <= stretch.to do
      local place = timeline.place(plan, ms)
      local at = 100 * place / plan.places
      if at - last >= NEAR then
        label(plan, place, LABELS, chart.clock(ms, step < 1000), "time", write)
        last = at
      end
      ms = (ms // step + 1) * step
    end
  end
end

local function scale(top, write)
  for _, share in ipairs { 0.5, 1 } do
    local y = BASE - share * (BASE - TOP)
    write(('<line class="grid" x1="0" x2="100%%" y1="%d" y2="%d"/>\n<text class="rate" x="-6" y="%d">%s</text>\n')
      :format(y, y, y + 4, chart.rate(share * top)))
  end
  write(('<line class="ground" x1="0" x2="100%%" y1="%d" y2="%d"/>\n'):format(BASE, BASE))
end

--- Draws a layout. summary: what it shows, in words, for those who do not see it.
function chart.svg(plan, summary, write)
  local highest = peak(plan)
  local top = ceiling(highest > 0 and highest or 1)
  write(('<svg class="chart" xmlns="http://www.w3.org/2000/svg" width="100%%" height="%d" role="img" '
    .. 'aria-labelledby="chart-title">\n<title id="chart-title">%s</title>\n'):format(HEIGHT, markup.escape(summary)))
  scale(top, write)
  for _, gap in ipairs(plan.quiet) do silence(plan, gap, write) end
  for _, column in ipairs(plan.columns) do bar(plan, column, top, write) end
  times(plan, write)
  write "</svg>\n"
end

--- Which of good, bad, planned and again a layout has.
function chart.parts(plan)
  local has = {}
  for _, column in ipairs(plan.columns) do
    for part in pairs(chart.NAMES) do has[part] = has[part] or column[part] ~= nil end
  end
  return has
end

--- The same figures as a table.
function chart.table(plan, write)
  local has, heads, parts = chart.parts(plan), {}, {}
  for _, part in ipairs { "good", "bad", "planned", "again" } do
    if has[part] then
      parts[#parts + 1] = part
      heads[#heads + 1] = ('<th scope="col" class="n">%s</th>'):format(chart.NAMES[part])
    end
  end
  write(('<table class="figures">\n<caption>%s from the start, columns of %s</caption>\n<thead><tr>'
    .. '<th scope="col">from</th>%s</tr></thead>\n<tbody>\n'):format("Time", seconds(plan.width), table.concat(heads)))
  for _, column in ipairs(plan.columns) do
    if height_of(column) > 0 or column.again then
      write(('<tr><th scope="row">%s</th>'):format(start_of(plan, column)))
      for _, part in ipairs(parts) do write(('<td class="n">%s</td>'):format(text.number(column[part] or 0))) end
      write "</tr>\n"
    end
  end
  write "</tbody>\n</table>\n"
end

chart.seconds = seconds

return chart
