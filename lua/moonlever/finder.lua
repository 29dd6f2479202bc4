-- SPDX-License-Identifier: MIT
-- Shows an object as it is now, through whatever reads the service has.
--
-- Where a single object can be read, that is done. Where it cannot (WD-46), the object is
-- looked for in a list; several that are wanted at the same time share one walk, which began
-- after all of them were wanted, and ends when all are found. Absence counts only at the end
-- of a whole list. Where a write changes the members of something, the list of members is
-- read as its object.
--
--   finder.fresh(op, "42")          -- what the service shows now; raises notfound
--   finder.get(op, "42", record)    -- the same as a script sees it: with its plans

local raw = require "moonlever.raw"
local endpoint = require "moonlever.endpoint"
local errors = require "moonlever.errors"
local lists = require "moonlever.lists"
local memory = require "moonlever.memory"
local objects = require "moonlever.objects"
local pages = require "moonlever.pages"
local times = require "moonlever.times"

local finder = {}

local YEAR = 366 * times.DAY

-- The operation that shows the object of `op`, or nil.
local function reader_of(op)
  return op.spec.read and op.sibling(op.spec.read) or nil
end

-- Can anybody look at the object of this operation?
function finder.can_look(op)
  return op.spec.read ~= nil
end

local function absent(op, id, where)
  errors.raise("notfound", ("%s %s: not found%s"):format(op.name, id, where or " in the list"), {
    operation = op.name, target = id, status = 404, reason = "not found" .. (where or " in the list"),
  })
end

-- ---------------------------------------------------------------------------
-- Walks

-- Walks a list until all wanted keys are found. Returns key -> record.
local function walk(reader, wanted, query)
  local found, left = {}, 0
  for _ in pairs(wanted) do left = left + 1 end
  if left == 0 then return found end
  lists.visit(reader, query or {}, function(record)
    reader.res.shape:dress(record)
    local key = record[reader.res.key]
    key = key ~= nil and tostring(key)
    if key and wanted[key] and not found[key] then
      found[key], left = record, left - 1
    end
    return left == 0
  end)
  return found
end

-- Starts the walk that those who wait now share, and puts its outcome into `turn`.
local function run_turn(board, reader)
  local turn = board.waiting
  board.waiting, board.running = nil, true -- who comes from now on waits for the next one
  turn.ok, turn.result = pcall(walk, reader, turn.wanted)
  turn.done, board.running = true, false
end

-- A walk of the whole list that begins from now on, shared with all who ask meanwhile.
local function shared(reader, ids)
  local mine = false
  local boards = reader.ctx.walks
  local board = boards[reader.name] or {}
  boards[reader.name] = board
  local turn = board.waiting or { wanted = {} }
  board.waiting = turn
  for _, id in ipairs(ids) do turn.wanted[id] = true end
  while not turn.done do
    if not board.running and board.waiting == turn then
      mine = true
      run_turn(board, reader)
    else
      raw.sleep(0.005)
    end
  end
  if turn.ok then return turn.result end
  -- Whoever walked was cancelled: that is not the end of the others.
  if errors.is(turn.result) and turn.result.kind == "cancelled" and not mine then return shared(reader, ids) end
  error(turn.result, 0)
end

-- Several objects at once: id -> record, as the service shows them now.
function finder.all(op, ids)
  if #ids == 0 then return {} end
  return shared(reader_of(op), ids)
end

-- ---------------------------------------------------------------------------
-- Where to look

-- Parameters that narrow a walk by time down to what is known of the object.
local function narrowed(reader, hint)
  local spec = reader.spec.pages
  if spec.style ~= "time_cursor" then return nil end
  if spec.cursor then
    local at = hint and times.parse(hint[spec.cursor])
    return at and { [spec.param] = times.format(at + times.SECOND, "Z") } or nil
  end
  local least, most
  for _, name in ipairs { "startDateTime", "endDateTime" } do
    for _, object in ipairs { hint or {}, hint and hint.moved or {} } do
      local at = times.parse(object[name])
      if at and (not least or at < least) then least = at end
      if at and (not most or at > most) then most = at end
    end
  end
  local now = raw.wall_ms() * 1000
  return {
    [spec.window.from] = times.format(least and least - times.DAY or now - YEAR, ""),
    [spec.window.to] = times.format(most and most + times.DAY or now + YEAR, ""),
  }
end

-- The list of members of an object, as an object.
local function members(op, reader, id)
  local source = pages.source(reader, endpoint.path(reader, { id }), {})
  local all = raw.json.array {}
  local ok, err = pcall(function()
    for page in source.next, source do
      for _, item in ipairs(page.items) do all[#all + 1] = item end
    end
  end)
  source:close()
  if not ok then error(err, 0) end
  return { [op.res.key] = id, [op.spec.moves.list] = all }
end

local function in_list(op, reader, id, hint)
  local query = narrowed(reader, hint)
  local found
  if query then
    found = walk(reader, { [id] = true }, query)[id]
  else
    found = shared(reader, { id })[id]
  end
  if found then return found end
  local span = query and query[(reader.spec.pages.window or {}).from]
  absent(op, id, span and (" between %s and %s"):format(span, query[reader.spec.pages.window.to]))
end

-- The object as the service shows it now, dressed. `hint` is a record of it that tells where
-- to look. Raises notfound, and whatever goes wrong.
function finder.fresh(op, id, hint)
  local reader = reader_of(op)
  if not reader.spec.pages then
    local record = op.res.shape:dress(endpoint.read(reader, { path = endpoint.path(reader, { id }), target = id }))
    objects.check_shown(reader, id, record)
    return record
  end
  if #(reader.spec.params or {}) > 0 then return members(op, reader, id) end
  return in_list(op, reader, id, hint)
end

local function with_plans(op, record)
  local plans = op.ctx.overlay
  if plans then
    local key = record[op.res.key]
    if plans:is_deleted(op.res, key) then
      absent(op, tostring(key), ": deleted earlier in this dry run")
    end
    record = plans:apply(op.res, record)
  end
  memory.rewind(op, record)
  return op.res.shape:dress(record)
end

-- The object as a script sees it: with what a dry run has planned, and as it was before
-- where a run is resumed.
function finder.get(op, id, hint)
  local reader = reader_of(op)
  if not reader.spec.pages then return objects.get(reader, id) end
  local plans = op.ctx.overlay
  local new = plans and plans:find_new(op.res, id)
  if new then return new end
  return with_plans(op, finder.fresh(op, id, hint))
end

-- ---------------------------------------------------------------------------
-- By natural key

-- The values of the natural key in an object or a body, or nil where one is missing.
function finder.natural_key(op, object)
  local names = op.res.spec.natural_key
  if not names then return nil end
  local values = {}
  for _, name in ipairs(type(names) == "table" and names or { names }) do
    local value = object[name]
    if type(value) ~= "string" then return nil end
    values[#values + 1] = value
  end
  return table.concat(values, " / ")
end

-- Of several, those with the largest value of the member `newest`.
local function newest(op, found)
  local name = op.res.spec.newest
  if not name or #found < 2 then return found end
  local best, kept = nil, {}
  for _, record in ipairs(found) do
    local at = times.parse(record[name]) or math.mininteger
    if not best or at > best then best, kept = at, {} end
    if at == best then kept[#kept + 1] = record end
  end
  return kept
end

-- All objects with the natural key of `object`, read fresh: an array.
function finder.twins(op, object)
  local wanted = finder.natural_key(op, object)
  if not wanted then return {} end
  wanted = wanted:lower()
  local reader = op.sibling "list"
  return newest(op, lists.find(reader, function(record)
    reader.res.shape:dress(record)
    local key = finder.natural_key(op, record)
    return key ~= nil and key:lower() == wanted
  end))
end

return finder
