-- SPDX-License-Identifier: MIT
-- What a script iterates over: records or pages of a list.
--
-- Between the pages of pages.lua and the `for` of a script stand, in this order:
-- the snapshot (where the run may write what it lists), the plans of a dry run,
-- the shape of the records, and `limit`. Nothing is sent before the first record
-- is asked for. A list that has failed fails again when asked again: it never
-- looks like one that has ended.
--
--   for rec in lists.records(op, path, { limit = 10 }) do … end

local raw = require "moonlever.raw"
local endpoint = require "moonlever.endpoint"
local errors = require "moonlever.errors"
local memory = require "moonlever.memory"
local pages = require "moonlever.pages"
local snapshot = require "moonlever.snapshot"

local lists = {}

local DROP = { null = "drop" }

-- Which options are ours; all others are parameters of the request. `ahead` is for a list
-- that is known to be long: so many pages may be asked for before the first answer says how
-- many there are. It is no default, because a short list would cost requests for nothing.
lists.OPTIONS = { limit = "integer", snapshot = "boolean", query = "table", ahead = "integer" }

-- May this run move records of `res` between its pages?
local function may_write(op)
  if raw.licensed(op.resource) then return true end
  for _, other in ipairs(op.res.spec.changed_by or {}) do
    if raw.licensed(op.ctx.name .. "." .. other) then return true end
  end
  return false
end

-- ---------------------------------------------------------------------------
-- A snapshot is a source as well: next() and close().

local Snapshot = {}
Snapshot.__index = Snapshot

local function new_snapshot(op, source)
  return setmetatable({
    op = op, source = source, spool = snapshot.spool(),
    home = {},  -- key of a record -> number of the page on which it came first
    facts = {}, -- totals of the pages
  }, Snapshot)
end

local function key_of(res, record)
  local key = record[res.key]
  if key ~= nil and res.fold then return tostring(key):lower() end
  return key
end

-- Notes the records of page `n` that are new; returns how many there are.
local function note(self, page, n)
  local res, home, new = self.op.res, self.home, 0
  for _, record in ipairs(page.items) do
    local key = key_of(res, record)
    if key == nil or not home[key] then new = new + 1 end
    if key ~= nil and not home[key] then home[key] = n end
  end
  return new
end

-- Reads the list to its end (or as far as the limit needs).
local function fill(self)
  local wanted, n = self.left, 0
  raw.log(2, ("reading %s to its end first, since this run may change it"):format(self.op.name))
  repeat
    self.source.left = wanted
    local page = self.source:next()
    if page then
      n = n + 1
      self.spool:put(page.call:body())
      self.facts[n] = page.total or false
      local new = note(self, page, n)
      if wanted then wanted = wanted - new end
    end
  until not page or (wanted and wanted <= 0)
  self.total = self.source:promised()
  self.source:close()
  self.read, self.state = self.spool:each()
  self.number = 0
end

-- The records of page `n` that came there first.
local function first_seen(self, items, n)
  local res, home, kept = self.op.res, self.home, raw.json.array {}
  for _, record in ipairs(items) do
    local key = key_of(res, record)
    if key == nil or home[key] == n then kept[#kept + 1] = record end
    if key ~= nil and home[key] == n then home[key] = 0 end -- handed out
  end
  return kept
end

function Snapshot:next()
  if not self.read then fill(self) end
  local body = self.read(self.state)
  if not body then return nil end
  self.number = self.number + 1
  local items = pages.items(self.op, raw.json.decode(body, DROP))
  return { items = first_seen(self, items, self.number), total = self.facts[self.number] or nil, number = self.number }
end

function Snapshot:promised()
  return self.total
end

function Snapshot:close()
  self.source:close()
  self.spool:close()
  self.read = function() return nil end
end

-- ---------------------------------------------------------------------------
-- The feed: a source with plans, shape and limit applied.

local Feed = {}
Feed.__index = Feed

local function new_feed(op, path, options)
  local query = {}
  for name, value in pairs(options.query or {}) do query[name] = value end
  for name, value in pairs(options) do
    if not lists.OPTIONS[name] then query[name] = value end
  end
  local source = pages.source(op, path, query)
  source.ahead = options.ahead
  local keep = options.snapshot
  if keep == nil then keep = may_write(op) end
  if keep then source = new_snapshot(op, source) end
  return setmetatable({ op = op, source = source, left = options.limit, counted = 0, handed = 0 }, Feed)
end

-- Tells the progress display what is promised.
local function count_total(self)
  local promised = self.source:promised()
  if not promised then return end
  if self.left then promised = math.min(promised, self.handed + self.left) end
  if promised > self.counted then
    raw.count("total", promised - self.counted)
    self.counted = promised
  end
end

local function dress(op, items)
  endpoint.guard(op, {}, op.res.shape.dress_all, op.res.shape, items)
  return items
end

-- The page behind the last: what a dry run has planned to create.
local function planned_page(self, number)
  local plans = self.op.ctx.overlay
  if not plans or self.planned then return nil end
  self.planned = true
  local items = plans:new_objects(self.op.res)
  return #items > 0 and { items = items, number = number } or nil
end

local function cut(self, items)
  if not self.left or #items <= self.left then return items end
  return table.move(items, 1, self.left, 1, raw.json.array {})
end

local function next_page(self)
  if self.left and self.left <= 0 then return nil end
  self.source.left = self.left
  local page = self.source:next()
  if page then
    self.last_number = page.number
    if self.op.ctx.overlay then page.items = self.op.ctx.overlay:apply_all(self.op.res, page.items) end
    memory.rewind_all(self.op, page.items)
    dress(self.op, page.items)
  else
    page = planned_page(self, (self.last_number or 0) + 1)
  end
  if not page then return nil end
  count_total(self)
  page.items = cut(self, page.items)
  self.handed = self.handed + #page.items
  if self.left then self.left = self.left - #page.items end
  raw.count("items", #page.items)
  return page
end

-- The next page, or nil at the end. One caller at a time.
function Feed:next()
  if self.failed then error(self.failed, 0) end
  if self.closed then return nil end
  if self.busy then
    errors.usage("two tasks take from one list at the same time", "use moonlever.each, or one list a task")
  end
  self.busy = true
  local ok, page = pcall(next_page, self)
  self.busy = false
  if not ok then
    self.failed = page
    self.source:close()
    error(page, 0)
  end
  if not page then self:close() end
  return page
end

-- Cancels what is under way and gives everything back.
function Feed:close()
  if not self.closed then self.source:close() end
  self.closed = true
end

-- An iterator over the records of a list. `path` is encoded; `options` holds
-- limit, snapshot, query and the parameters of the request.
function lists.records(op, path, options)
  local feed = new_feed(op, path, options)
  return raw.iterator(function()
    local page
    repeat page = feed:next() until not page or #page.items > 0
    return page and page.items
  end, function() feed:close() end)
end

-- An iterator over pages { items, total, number }.
function lists.pages(op, path, options)
  local feed = new_feed(op, path, options)
  return raw.iterator(function()
    local page = feed:next()
    if not page then return nil end
    return { { items = page.items, total = page.total, number = page.number } }
  end, function() feed:close() end)
end

-- Calls visit(record) for all records of a list, read fresh and page by page, until it
-- returns true. Records are as they came: not yet of their shape.
function lists.visit(op, query, visit)
  local source = pages.source(op, endpoint.path(op, {}), query)
  local ok, err = pcall(function()
    for page in source.next, source do
      for _, record in ipairs(page.items) do
        if visit(record) then return end
      end
    end
  end)
  source:close()
  if not ok then error(err, 0) end
end

-- All records for which `test` is true, an array, read fresh.
function lists.find(op, test)
  local found = {}
  lists.visit(op, {}, function(record)
    if test(record) then found[#found + 1] = op.res.shape:dress(record) end
  end)
  return found
end

return lists
