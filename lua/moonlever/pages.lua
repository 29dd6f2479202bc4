-- SPDX-License-Identifier: MIT
-- Walks the pages of a list: in order, read ahead, and never ending as if all
-- were there when they were not.
--
-- A source hands out checked pages { items, total, number, call }:
--   "page"  numbered pages (SD-05 … SD-08). Once the last page is known, the next
--           ones are fetched ahead in parallel and handed out in order.
--   "scim"  one answer, continued with startIndex only if it was not all (SD-19).
-- Lists that are one answer ("none") or walked by time ("time_cursor") are in walks.lua.
--
-- Invariants, each an error of kind "remote" that says what was seen:
--   * the answer has its items, under a key that is known
--   * the page that came is the one that was asked for, and no page comes twice
--   * a next page is the one after this, except on the last page
--   * every page before the last is as long as promised
--   * the total never shrinks below what an earlier answer promised
--   * at the end there are as many items as the total promised
-- When the total grows, something was inserted: pages read ahead before that was
-- known are dropped and read again, and items that moved to the next page are not
-- handed out twice. What is kept per page is one integer, so memory stays flat.
--
-- How many pages there are is known with the first answer only, and nothing is asked for
-- before that unless the script says that there are many (`ahead = N`): the first N pages
-- then go out at once, which saves one round trip. A page that turns out to be none is
-- cancelled, whatever became of it; an early answer counts only if it promises the same
-- total as the first page, and is asked for again otherwise.
--
--   local source = pages.source(op, { status = "open" })
--   repeat local page = source:next() until not page
--   source:close()

local raw = require "moonlever.raw"
local args = require "moonlever.args"
local endpoint = require "moonlever.endpoint"
local errors = require "moonlever.errors"

local pages = {}

-- Pages waiting to be handed out may hold about this many bytes.
local AHEAD_BYTES = 8 << 20
-- How often the size of a page is measured (it is copied for that).
local MEASURE_EVERY = 64

-- ---------------------------------------------------------------------------
-- The guard against pages that repeat or overlap.

local Watch = {}
Watch.__index = Watch

local function new_watch(res)
  return setmetatable({ key = res.key, fold = res.fold, previous = {}, seen = {} }, Watch)
end

local function mix(hash, text)
  local n = #text
  for i = 1, n - 7, 8 do
    hash = (hash ~ string.unpack("<i8", text, i)) * 0x9E3779B97F4A7C15
    hash = hash ~ (hash >> 29)
  end
  for i = n - n % 8 + 1, n do hash = (hash ~ text:byte(i)) * 0x100000001B3 end
  return hash
end

-- The key of a record as text; an object without one is named by its content.
local function key_text(self, record)
  local key = record[self.key]
  if key == nil then return raw.json.encode(record, { sorted = true }) end
  key = tostring(key)
  return self.fold and key:lower() or key
end

-- One integer for a page: the number of its items and five of their keys.
function Watch:fingerprint(items)
  local n = #items
  local hash = n
  for i = 0, 4 do hash = mix(hash, key_text(self, items[1 + (n - 1) * i // 4])) end
  return hash
end

-- Was a page with these keys here before? `grown` is by how much the total grew:
-- a page that moved on as a whole because of that is no repetition.
function Watch:repeated(items, grown)
  if #items == 0 then return false end
  local print = self:fingerprint(items)
  if self.seen[print] and grown < #items then return true end
  self.seen[print] = true
  return false
end

-- As raw.records.keys, with the keys in lower case.
local function folded_keys(items, key, previous)
  local current, twice = {}, 0
  for i = 1, #items do
    local name = items[i][key]
    if name ~= nil then
      name = tostring(name):lower()
      if previous[name] then twice = twice + 1 end
      current[name] = true
    end
  end
  return current, twice
end

-- The items that were not on the page before; the same table when all are new.
function Watch:fresh(items)
  local previous, key, fold = self.previous, self.key, self.fold
  local current, twice
  if fold then
    current, twice = folded_keys(items, key, previous)
  else
    current, twice = raw.records.keys(items, key, previous)
  end
  self.previous = current
  if twice == 0 then return items end
  local kept = raw.json.array {}
  for i = 1, #items do
    local name = items[i][key]
    if fold and name ~= nil then name = tostring(name):lower() end
    if name == nil or not previous[name] then kept[#kept + 1] = items[i] end
  end
  return kept
end

-- ---------------------------------------------------------------------------
-- What both styles need of an answer.

-- The items of an answer, and the key under which they stood; "$" is the answer itself.
function pages.items(op, doc)
  local keys = op.spec.pages.items
  for _, key in ipairs(keys) do
    local items = key ~= "$" and doc[key] or nil
    if key == "$" and raw.json.is_array(doc) then items = doc end
    if type(items) == "table" and (#items > 0 or next(items) == nil) then
      for i = 1, #items do
        if type(items[i]) ~= "table" then return nil, ("item %d of '%s' is no object"):format(i, key) end
      end
      return items, key
    end
  end
  local names = {}
  for name in pairs(doc) do names[#names + 1] = tostring(name) end
  table.sort(names)
  return nil, ("the answer has no list '%s' (it has: %s)")
    :format(table.concat(keys, "' or '"), #names > 0 and table.concat(names, ", ") or "nothing")
end

-- The integer at a dotted path of an answer; nil when it is missing or null.
local function integer_at(doc, path)
  local value = doc
  for name in (path or ""):gmatch("[^.]+") do
    if type(value) ~= "table" then return nil end
    value = value[name]
  end
  if value == nil or path == nil then return nil end
  local number = math.tointeger(tonumber(value))
  if not number then return nil, ("'%s' is %s, not a number"):format(path, tostring(value)) end
  return number
end

-- Raises "remote": what was seen, on which page, and how far the list had come.
local function refuse(self, request, why)
  local at = self.last and ("page %d of %d"):format(self.number, self.last) or ("page %d"):format(self.number)
  errors.raise("remote", ("%s: %s: %s"):format(self.op.name, at, why), {
    operation = self.op.name, request_id = request.call and request.call:request_id(),
    fix = ("the list is not complete (%d items came before): run it again"):format(self.received),
  })
end

-- Runs f; a failure says at which page it happened.
local function located(self, f, ...)
  local results = table.pack(pcall(f, ...))
  if results[1] then return table.unpack(results, 2, results.n) end
  local err = results[2]
  if errors.is(err) and err.kind ~= "cancelled" and not err.page then
    err.page = self.number
    err.message = ("%s (page %d, after %d items)"):format(err.message, self.number, self.received)
  end
  error(err, 0)
end

local function send(self, parameters)
  local request = {
    path = self.path, query = endpoint.query(parameters), floor = self.total or 0,
    parameters = parameters,
  }
  request.call = endpoint.guard(self.op, request, endpoint.start, self.op, request)
  return request
end

local function answer(self, request)
  local decode = self.spec.items[1] == "$" and endpoint.decode or endpoint.decode_object
  local doc = located(self, decode, self.op, request, request.call)
  if type(doc) ~= "table" then refuse(self, request, "the answer is neither list nor object") end
  local items, why = pages.items(self.op, doc)
  if not items then refuse(self, request, why) end
  return doc, items
end

-- Notes the total of an answer; returns by how much it grew. The total may not be
-- below what was promised when the request was sent.
local function note_total(self, request, total)
  if not total then return 0 end
  if total < request.floor then
    refuse(self, request, ("the list shrank from %d to %d items while it was read"):format(request.floor, total))
  end
  local grown = self.total and math.max(0, total - self.total) or 0
  self.total = math.max(self.total or 0, total)
  return grown
end

local function parameters_with(query, extra)
  local all = {}
  for name, value in pairs(query) do all[name] = value end
  for name, value in pairs(extra) do all[name] = value end
  return all
end

-- ---------------------------------------------------------------------------
-- Numbered pages

local Numbered = {}
Numbered.__index = Numbered

local function new_numbered(op, path, query)
  local spec = op.spec.pages
  local filters = parameters_with(query, {})
  local first = filters[spec.param] or spec.first
  filters[spec.param] = nil
  if spec.want and filters[spec.size_param] == nil then filters[spec.size_param] = spec.want end -- (WD-48)
  return setmetatable({
    op = op, path = path, spec = spec, filters = filters, watch = new_watch(op.res),
    start = first, number = first, -- the page that is handed out next
    queue = {},                    -- requests of pages number, number + 1, …
    received = 0, measured = 0, largest = 1,
  }, Numbered)
end

-- Every filter goes with every page.
local function send_page(self, number)
  return send(self, parameters_with(self.filters, { [self.spec.param] = number }))
end

-- How long the queue may be. Nothing beyond the limit of the list is fetched.
local function queue_length(self, in_hand)
  if not self.last then return 1 end
  local most = in_hand + math.min(raw.concurrency(), math.max(1, AHEAD_BYTES // self.largest))
  if self.left and self.size and self.size > 0 then
    most = math.min(most, (self.left + self.size - 1) // self.size)
  end
  return most
end

-- Sends the pages behind the first one that the script counts on. Nobody knows yet how
-- long a page is, so not with a limit: it might need the first page only.
local function send_early(self)
  local most = self.left and 0 or math.min(self.ahead or 0, raw.concurrency())
  for i = #self.queue + 1, most do
    local request = send_page(self, self.number + i - 1)
    request.early = true
    self.queue[i] = request
  end
end

-- Fills the queue up to the last page that is known; of its requests, `in_hand`
-- (0 or 1) are answered and about to be decoded.
local function read_ahead(self, in_hand)
  local most = queue_length(self, in_hand)
  while #self.queue < most do
    local number = self.number + #self.queue
    if self.last and number > self.last then return end
    self.queue[#self.queue + 1] = send_page(self, number)
  end
end

local function cancel_from(self, place)
  for i = #self.queue, place, -1 do
    self.queue[i].call:cancel()
    self.queue[i] = nil
  end
end

local function cancel_ahead(self)
  cancel_from(self, 1)
end

local function measure(self, request)
  if self.measured % MEASURE_EVERY == 0 then
    self.largest = math.max(self.largest, #request.call:body())
  end
  self.measured = self.measured + 1
end

local function member(self, request, doc, name)
  local value, why = integer_at(doc, self.spec[name])
  if why then refuse(self, request, why) end
  return value
end

-- Where the list ends, by the answer's own account; nil when it does not say.
local function last_page(self, request, doc, items)
  local last = member(self, request, doc, "last")
  if last and (last > 0 or not self.spec.loose) then return last end
  local size = self.size or #items
  if self.total and size > 0 then return (self.total + size - 1) // size end
  return nil
end

-- Where the last page is marked in ways that are not documented (WD-47): a next page that is
-- missing, null, 0 or not above this one ends the list, and so do the last page and an empty
-- one. An answer that says nothing at all is followed as long as pages are full.
local function is_loose_end(self, request, items, next_page)
  if #items == 0 or (self.last and self.number >= self.last) then return true end
  if next_page == nil and not self.last and not self.total then return #items < self.filters[self.spec.size_param] end
  if not next_page or next_page <= self.number then return true end
  if next_page ~= self.number + 1 then
    refuse(self, request, ("it names page %d as the next one, which would leave pages out"):format(next_page))
  end
  return false
end

-- Is this the last page? A missing or null next page ends the list (SD-07), and
-- so does reaching the last page.
local function is_end(self, request, doc, items)
  local next_page = member(self, request, doc, "next")
  if self.spec.loose then return is_loose_end(self, request, items, next_page) end
  if not next_page or (self.last and self.number >= self.last) then return true end
  if next_page <= self.number then
    refuse(self, request, ("it names page %d as the next one, which would go round for ever"):format(next_page))
  elseif next_page ~= self.number + 1 then
    refuse(self, request, ("it names page %d as the next one, which would leave pages out"):format(next_page))
  end
  return false
end

local function check_length(self, request, items, ended)
  if not ended and not self.spec.loose and (#items == 0 or (self.size and #items < self.size)) then
    refuse(self, request, ("it has %d items where %s were promised, and is not the last")
      :format(#items, self.size or "some"))
  end
  if not ended or not self.total or (self.start > 1 and not self.size) then return end
  local promised = self.total - (self.start - self.spec.first) * (self.size or 0)
  if self.received < promised then
    refuse(self, request, ("the list ended with %d items, but %d were promised"):format(self.received, promised))
  end
end

-- Checks an answer and makes it a page.
local function accept(self, request, doc, items)
  local number = member(self, request, doc, "page")
  if number and number ~= self.number then
    refuse(self, request, ("page %d was asked for, page %d came"):format(self.number, number))
  end
  local grown = note_total(self, request, member(self, request, doc, "total"))
  self.size = member(self, request, doc, "size") or self.size
  self.last = last_page(self, request, doc, items)
  if grown > 0 then cancel_ahead(self) end
  if self.watch:repeated(items, grown) then
    refuse(self, request, "its items came before: the service repeats pages")
  end
  self.received = self.received + #items
  local ended = is_end(self, request, doc, items)
  check_length(self, request, items, ended)
  return self.watch:fresh(items), ended
end

-- Drops the early pages that are behind the last one; all where no total tells whether
-- something came or went since.
local function drop_early(self)
  local first = self.queue[1]
  if not first or not first.early then return end
  cancel_from(self, self.total and self.last and math.max(1, self.last - self.number + 1) or 1)
end

-- Hands the wire its next requests when a page has been accepted.
local function go_on(self, items, ended)
  if self.number == self.start then drop_early(self) end
  self.ended, self.number = ended, self.number + 1
  if self.left then self.left = self.left - #items end
  if ended or (self.left and self.left <= 0) then return cancel_ahead(self) end
  read_ahead(self, 0)
end

local REFUSED = { [403] = true, [404] = true, [405] = true }

-- Is there another path to try, before anything was read (WD-29)?
local function may_fall_back(self, err)
  local other = self.op.spec.fallback
  return other ~= nil and self.path ~= other and self.received == 0 and errors.is(err) and REFUSED[err.status] == true
end

-- Waits for the page that is due. What has been read so far is worth another try when
-- its attempts are used up, unless it is the first; and what was asked for before the
-- page was known to exist proves nothing.
local function wait_page(self)
  local request = self.queue[1]
  local ok, err = pcall(endpoint.guard, self.op, request, endpoint.wait, self.op, request, request.call)
  if not ok and self.received > 0 and (request.early or errors.passing(err)) then
    request = send_page(self, self.number)
    self.queue[1] = request
    ok, err = pcall(endpoint.guard, self.op, request, endpoint.wait, self.op, request, request.call)
  end
  if not ok and may_fall_back(self, err) then
    self.path = self.op.spec.fallback
    request = send_page(self, self.number)
    self.queue[1] = request
    ok, err = pcall(endpoint.guard, self.op, request, endpoint.wait, self.op, request, request.call)
  end
  if not ok then located(self, error, err, 0) end
  return request
end

-- The answer to an early request, if it promises what the first page promised.
local function answer_as_promised(self, request)
  local doc, items = answer(self, request)
  if member(self, request, doc, "total") == self.total then return doc, items end
end

-- The page that is due and its answer; an early one that does not count is asked for again.
local function take_page(self)
  local request = wait_page(self)
  measure(self, request)
  read_ahead(self, 1) -- before decoding, so that the wire is not idle meanwhile
  table.remove(self.queue, 1)
  if not request.early then return request, answer(self, request) end
  local ok, doc, items = pcall(answer_as_promised, self, request)
  if ok and doc then return request, doc, items end
  table.insert(self.queue, 1, send_page(self, self.number))
  return take_page(self)
end

-- The next page, or nil after the last.
function Numbered:next()
  if self.ended then return nil end
  if not self.queue[1] then
    self.queue[1] = send_page(self, self.number)
    if self.number == self.start then send_early(self) end
  end
  local request, doc, items = take_page(self)
  local page = { number = self.number, call = request.call }
  local ended
  items, ended = accept(self, request, doc, items)
  page.items, page.total = items, self.total
  go_on(self, items, ended)
  return page
end

-- How many items are promised from the first page read on; nil when unknown.
function Numbered:promised()
  if not self.total then return nil end
  return math.max(0, self.total - (self.start - self.spec.first) * (self.size or 0))
end

-- Cancels what is under way.
function Numbered:close()
  self.ended = true
  cancel_ahead(self)
end

-- ---------------------------------------------------------------------------
-- SCIM

local Scim = {}
Scim.__index = Scim

local function new_scim(op, path, query)
  return setmetatable({
    op = op, path = path, spec = op.spec.pages, filters = query, watch = new_watch(op.res),
    number = 1, received = 0,
  }, Scim)
end

local function send_from(self)
  if self.received == 0 then return send(self, self.filters) end
  return send(self, parameters_with(self.filters, {
    [self.spec.start] = self.received + 1, [self.spec.count] = self.size,
  }))
end

-- The next part, or nil when all have come.
function Scim:next()
  if self.ended then return nil end
  self.request = send_from(self)
  local request = self.request
  located(self, endpoint.guard, self.op, request, endpoint.wait, self.op, request, request.call)
  local doc, items = answer(self, request)
  local grown = note_total(self, request, member(self, request, doc, "total"))
  local fresh = not self.watch:repeated(items, grown) and self.watch:fresh(items) or {}
  local missing = (self.total or 0) - self.received - #fresh
  if #fresh == 0 and (missing > 0 or self.received > 0) then
    refuse(self, request, ("it brings nothing new, and %d of %d are missing"):format(missing, self.total))
  end
  local page = { items = fresh, total = self.total, number = self.number, call = request.call }
  self.size = self.size or #items
  self.received, self.number, self.request = self.received + #fresh, self.number + 1, nil
  self.ended = missing <= 0
  return page
end

-- As Numbered:promised.
function Scim:promised()
  return self.total
end

-- Cancels what is under way.
function Scim:close()
  self.ended = true
  if self.request then self.request.call:cancel() end
  self.request = nil
end

local STYLES = { page = new_numbered, scim = new_scim }

-- For the styles in walks.lua.
pages.tools = {
  send = send, answer = answer, refuse = refuse, located = located, member = member, note_total = note_total,
  parameters_with = parameters_with,
}

-- A source of pages for a list operation: `path` encoded, `query` the parameters
-- that go with every page. `source.left`, when set before next(), is how many
-- records are still wanted; `source.ahead` how many pages there are at least.
function pages.source(op, path, query)
  local new = STYLES[op.spec.pages.style] or require("moonlever.walks")[op.spec.pages.style]
  return new(op, path, args.with_defaults(op, query), query)
end

return pages
