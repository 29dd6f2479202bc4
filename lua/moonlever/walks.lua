-- SPDX-License-Identifier: MIT
-- Sources for lists that have no numbered pages.
--
--   "none"         one answer, which is all
--   "time_cursor"  with `cursor`: walked back by time, as posts and news. The next time is the
--                  smallest that was seen; whether the service means "up to and with" is not
--                  documented (WD-05), so what was seen is dropped and a moment that does not
--                  come again is asked for once more, a little later.
--                  with `window`: cut into spans of time, as events. A span that promises more
--                  than came is halved.
--
-- Invariants, each an error of kind "remote":
--   * a walk ends only when nothing new comes, and then all that was promised has come
--   * no record is handed out twice
--   * more records of one moment than one answer holds are never passed over
--
--   local source = walks.time_cursor(op, "/api/posts", { time = "…", per_page = 100 })

local raw = require "moonlever.raw"
local endpoint = require "moonlever.endpoint"
local errors = require "moonlever.errors"
local pages = require "moonlever.pages"
local times = require "moonlever.times"

local walks = {}

local tools = pages.tools

local LARGEST = 10000 -- items that are asked for at once, at most
local SLACKS = { 0, 1000, times.SECOND } -- microseconds behind the smallest moment seen

-- Sends one request and waits for its answer.
local function ask(self, parameters)
  local request = tools.send(self, parameters)
  self.request = request
  tools.located(self, endpoint.guard, self.op, request, endpoint.wait, self.op, request, request.call)
  self.request = nil
  local doc, items = tools.answer(self, request)
  return request, doc, items
end

local function close(self)
  self.ended = true
  if self.request then self.request.call:cancel() end
  self.request = nil
end

local function new_source(kind, op, path, query)
  return setmetatable({
    op = op, path = path, spec = op.spec.pages, filters = query, number = 1, received = 0,
    seen = {}, -- ids that were handed out
  }, kind)
end

-- The items that did not come before.
local function fresh(self, items)
  local key, kept = self.op.res.key, raw.json.array {}
  for _, item in ipairs(items) do
    local id = item[key]
    if id == nil or not self.seen[tostring(id)] then kept[#kept + 1] = item end
    if id ~= nil then self.seen[tostring(id)] = true end
  end
  return kept
end

local function page_of(self, request, items)
  local page = { items = items, total = self.total, number = self.number, call = request.call }
  self.received, self.number = self.received + #items, self.number + 1
  return page
end

-- ---------------------------------------------------------------------------
-- One answer

local None = {}
None.__index = None

function None:next()
  if self.ended then return nil end
  local request, _, items = ask(self, self.filters)
  self.ended, self.total = true, #items
  return page_of(self, request, items)
end

function None:promised()
  return self.total
end

None.close = close

function walks.none(op, path, query)
  return new_source(None, op, path, query)
end

-- ---------------------------------------------------------------------------
-- Back in time

local Cursor = {}
Cursor.__index = Cursor

-- The moments of a page: the smallest and the largest, as they are compared and written.
local function moments(self, request, items)
  local least, most, text, zone
  for _, item in ipairs(items) do
    local value = item[self.spec.cursor]
    local at, in_zone = times.parse(value)
    if not at then
      tools.refuse(self, request, ("an item has the %s '%s', which is no moment"):format(self.spec.cursor,
        errors.one_line(tostring(value), 40)))
    end
    if not least or at < least then least, text, zone = at, value, in_zone end
    if not most or at > most then most = at end
  end
  return least, most, text, zone
end

-- How long a full page is, by the answer's own account.
local function page_length(self, request, doc)
  local said = tools.member(self, request, doc, "size")
  return said and said > 0 and math.min(said, self.size) or self.size
end

-- A service that hands out less than it was asked for and says nothing of it: a page as long
-- as the longest, all of one moment, may be cut.
local function may_be_cut(self, items, least, most)
  return not self.total and #items >= math.max(10, self.longest) and least == most
end

-- Asks for more at once, from the same moment; raises where more does not come.
local function enlarge(self, request, items)
  if self.size >= LARGEST or (self.largest and #items <= self.largest) then
    tools.refuse(self, request, ("more than %d items have the same moment (%s), and more do not come at once")
      :format(#items, tostring(self.time)))
  end
  self.largest, self.size = #items, math.min(LARGEST, self.size * 2)
end

-- Where the next answer begins. The moment itself as it was written; a little later once the
-- service was seen to leave out what is of that very moment.
local function set_time(self, at, text, zone)
  self.bound = at
  local slack = SLACKS[self.slack]
  self.time = slack == 0 and text or times.format(at + slack, zone == "" and "" or "Z")
  self.text, self.zone = text, zone
end

-- Does an answer leave out the moment that was asked for, though a record of it was seen?
local function leaves_out(self, most)
  if not self.bound or self.slack >= #SLACKS or self.settled then return false end
  return most == nil or most < self.bound
end

local function end_walk(self, request)
  self.ended = true
  if self.total and self.from_now and self.received < self.total then
    tools.refuse(self, request, ("the list ended with %d items, but %d were promised")
      :format(self.received, self.total))
  end
end

-- Takes in one answer; returns the new items, or nil where it has to be asked for again.
local function take(self, request, doc, items)
  if self.number == 1 and not self.bound then self.total = tools.member(self, request, doc, "total") end
  local least, most, text, zone = moments(self, request, items)
  if leaves_out(self, most) then
    self.slack = self.slack + 1
    set_time(self, self.bound, self.text, self.zone)
    return nil
  end
  self.settled = self.bound ~= nil
  local full = #items >= page_length(self, request, doc)
  local new = fresh(self, items)
  if least and (not self.bound or least < self.bound) then
    set_time(self, least, text, zone)
    self.size, self.largest = self.want, nil
  elseif full and #items > 0 then
    enlarge(self, request, items)
  elseif #new == 0 then
    if may_be_cut(self, items, least, most) then enlarge(self, request, items) else end_walk(self, request) end
  end
  self.longest = math.max(self.longest, #items)
  return new
end

-- The next page with something new on it, or nil at the end.
function Cursor:next()
  while not self.ended do
    local request, doc, items = ask(self, tools.parameters_with(self.filters, {
      [self.spec.param] = self.time, [self.spec.size_param] = self.size,
    }))
    local new = take(self, request, doc, items)
    if new and #new > 0 then return page_of(self, request, new) end
  end
  return nil
end

function Cursor:promised()
  return self.from_now and self.total or nil
end

Cursor.close = close

-- Values that a walk needs; others would leave items out (WD-06).
local function check_walk(op, query)
  for name, value in pairs(op.spec.pages.walk or {}) do
    if query[name] ~= nil and query[name] ~= value then
      errors.usage(("%s: with '%s' = %s a walk by time leaves items out"):format(op.call, name, tostring(query[name])),
        ("leave it out, or give '%s'"):format(tostring(value)))
    end
    query[name] = value
  end
end

local function new_cursor(op, path, query, given)
  local self = new_source(Cursor, op, path, query)
  check_walk(op, query)
  self.time, self.want = query[self.spec.param], query[self.spec.size_param] or self.spec.want
  self.size, self.slack, self.longest = self.want, 1, 0
  self.from_now = given[self.spec.param] == nil -- else the promise may be of all there are
  query[self.spec.param], query[self.spec.size_param] = nil, nil
  return self
end

-- ---------------------------------------------------------------------------
-- Windows

local Window = {}
Window.__index = Window

local function window_parameters(self, span)
  local spec, extra = self.spec, {}
  extra[spec.size_param] = self.size
  if span.from then
    extra[spec.window.from] = times.format(span.from, self.zone)
    extra[spec.window.to] = times.format(span.to, self.zone)
    if not self.time then extra[spec.param] = times.format(span[span.side], "Z") end
  end
  if self.time then extra[spec.param] = self.time end
  return tools.parameters_with(self.filters, extra)
end

local function halve(self, span)
  local middle = span.from + (span.to - span.from) // 2 // times.SECOND * times.SECOND
  table.insert(self.spans, { from = middle, to = span.to, side = span.side })
  table.insert(self.spans, { from = span.from, to = middle, side = span.side })
end

-- What is left out of an answer is asked for in smaller spans, or in larger pages.
local function divide(self, span, request, items)
  if span.from and span.to - span.from > times.SECOND then return halve(self, span) end
  if self.size >= LARGEST or (self.largest and #items <= self.largest) then
    tools.refuse(self, request, span.from and "more items fall into one second than come at once"
      or ("there are more than %d: give %s and %s"):format(#items, self.spec.window.from, self.spec.window.to))
  end
  self.largest, self.size = #items, math.min(LARGEST, self.size * 10)
  table.insert(self.spans, span)
end

function Window:next()
  while #self.spans > 0 do
    local span = table.remove(self.spans)
    local request, doc, items = ask(self, window_parameters(self, span))
    local total = tools.member(self, request, doc, "total")
    local cut = total and total > #items or (not total and #items >= self.size)
    if cut then
      divide(self, span, request, items)
    else
      self.largest = nil
      local new = fresh(self, items)
      if #new > 0 then return page_of(self, request, new) end
    end
  end
  self.ended = true
  return nil
end

function Window:promised()
  return nil
end

function Window:close()
  self.spans = {}
  close(self)
end

local function moment(op, name, text)
  local at, zone = times.parse(text)
  if not at then
    errors.usage(("%s: '%s' is '%s', which is no date"):format(op.call, name, errors.one_line(tostring(text), 40)),
      "write it as 2025-01-20T00:00:00")
  end
  return at, zone
end

local function new_window(op, path, query, given)
  local self = new_source(Window, op, path, query)
  local window = self.spec.window
  local from, to = query[window.from], query[window.to]
  self.size = query[self.spec.size_param] or self.spec.want
  self.time = given[self.spec.param]
  local span = {}
  if from and to then
    span.from, self.zone = moment(op, window.from, from)
    span.to = moment(op, window.to, to)
    if span.to < span.from then errors.usage(("%s: '%s' is behind '%s'"):format(op.call, window.from, window.to)) end
    query[window.from], query[window.to] = nil, nil
  elseif not self.time then
    self.time = query[self.spec.param]
  end
  query[self.spec.param], query[self.spec.size_param] = nil, nil
  self.spans = { span }
  if span.from and not self.time then
    -- Whether the moment bounds above or below is not documented (WD-05): each window is asked
    -- for with its start and with its end.
    self.spans = { { from = span.from, to = span.to, side = "to" }, span }
    span.side = "from"
  end
  return self
end

function walks.time_cursor(op, path, query, given)
  local new = op.spec.pages.cursor and new_cursor or new_window
  return new(op, path, query, given)
end

return walks
