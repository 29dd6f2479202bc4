-- SPDX-License-Identifier: MIT
-- What takes back a change whose body is not spelled as the records of its object.
--
-- The images in the journal are spelled as in records, so each member of the body that was
-- sent is looked up there. A member that records do not show cannot be taken back, since what
-- it was is not known; nor can one that the catalogue calls irreversible. Moves are turned
-- round: who was added is taken out again.
--
-- An inverse is a row for apply.lua; `inverses.of` returns a list of them, or nil and why
-- there is none.
--
--   local rows, why = inverses.of(row, op)

local raw = require "moonlever.raw"
local args = require "moonlever.args"
local change = require "moonlever.change"
local endpoint = require "moonlever.endpoint"
local views = require "moonlever.views"

local inverses = {}

local null = raw.null

-- Where the request for an object of that id goes.
local function address(op, id)
  local path, query = endpoint.path(op, { id }), {}
  local param = op.spec.params and op.spec.params[1]
  if param and param["in"] == "query" then query[param.name] = id end
  query = endpoint.query(query)
  return query and path .. "?" .. query or path
end

local function operation_name(row, verb)
  return row.operation:match("^(.*)%.[^.]*$") .. "." .. verb
end

-- A row of this operation on the object of `row`.
local function new_row(row, op, verb, body, before, after)
  return {
    method = op.spec.method, path = address(op, row.target), effect = op.spec.strategy == "members" and "update"
      or op.spec.effect, operation = operation_name(row, verb), target = row.target,
    body = body ~= nil and change.encode(op, body) or nil, before = before, after = after,
  }
end

local function sent_body(op, row)
  local body = raw.json.decode(row.body)
  if op.spec.wrap then body = body[op.spec.wrap] end
  if op.spec.body == "list" then body = body[1] end
  return body
end

-- Sets the members of `sent` in `body` as they were; returns false and why one cannot be.
local function restore(op, sent, before, body, fields, prefix)
  for name in pairs(sent) do
    local spec, dotted = fields[name], prefix .. name
    local moves = op.spec.moves
    local moved = moves and (dotted == moves.add or dotted == moves.remove)
    local shown = spec and views.shown(op, name, spec)
    if spec and spec.irreversible then return false, ("'%s': %s"):format(dotted, spec.irreversible) end
    if shown == "$" then
      body[name] = {}
      local ok, why = restore(op, sent[name], before, body[name], spec.fields, dotted .. ".")
      if not ok then return false, why end
    elseif shown and name ~= op.spec.member then
      local value = before[shown]
      if value == nil or value == null then
        if not spec.null then return false, ("'%s' was empty before, and the service takes no null"):format(dotted) end
        value = null
      end
      body[name] = value
    elseif not shown and not moved then
      return false, ("'%s' is not shown by any read, so what it was is not known"):format(dotted)
    end
  end
  return true
end

local function ids_that(before, after)
  local list = raw.json.array {}
  for id in pairs(before) do
    if not after[id] then list[#list + 1] = id end
  end
  table.sort(list)
  return list
end

-- Turns the moves of an update round, from the lists before and after.
local function turn_round(op, before, after, body)
  local moves = op.spec.moves
  local was, is = moves and views.ids(before[moves.list]), moves and views.ids(after[moves.list])
  if not was or not is then return end
  local back, away = ids_that(was, is), ids_that(is, was)
  if #back > 0 then args.put(body, moves.add, back) end
  if #away > 0 then args.put(body, moves.remove, away) end
end

local function of_update(row, op)
  local before, after, body = raw.json.decode(row.before), raw.json.decode(row.after), {}
  local ok, why = restore(op, sent_body(op, row), before, body, op.fields, "")
  if not ok then return nil, why end
  turn_round(op, before, after, body)
  if next(body) == nil then return nil, "nothing of it is shown by any read" end
  if op.spec.member and op.spec.member ~= "$" then body[op.spec.member] = sent_body(op, row)[op.spec.member] end
  local back = new_row(row, op, row.operation:match("[^.]*$"), body, row.after, nil)
  local patch = views.patch(op, body, after)
  for name in pairs(after) do
    if patch[name] == nil then patch[name] = before[name] end
  end
  back.after = raw.json.encode(patch, { sorted = true })
  back.path = row.path
  return { back }
end

local function of_create(row, op)
  local id = row.after and raw.json.decode(row.after)[op.res.key]
  if id == nil or id == null then return nil, "the id of what was created is not known" end
  local other = op.sibling(op.spec.inverse)
  local back = new_row({ operation = row.operation, target = tostring(id) }, other, op.spec.inverse, nil, row.after)
  return { back }
end

-- ---------------------------------------------------------------------------
-- Members

-- An id as an item of the list that a field takes.
local function item_of(spec, id)
  return spec.items and spec.items.type == "object" and { id = id } or id
end

-- What the body of the other operation adds or takes out, by field: items and ids. A field that
-- takes a single value makes a request of its own for each.
local function parts_of(other, added, removed)
  local moves, parts = other.spec.moves, { {} }
  -- Who is to come back comes first, so that nobody is the last one in between (WD-38).
  for _, side in ipairs { { moves.add, removed, false }, { moves.remove, added, true } } do
    local field, ids, was_in = side[1], side[2], side[3]
    local spec = field and other.fields[field]
    if spec and spec.type == "list" and #ids > 0 then
      local items = raw.json.array {}
      for i, id in ipairs(ids) do items[i] = item_of(spec, id) end
      parts[1][#parts[1] + 1] = { field = field, value = items, ids = ids, was_in = was_in }
    end
    for _, id in ipairs(spec and spec.type ~= "list" and ids or {}) do
      parts[#parts + 1] = { { field = field, value = id, ids = { id }, was_in = was_in } }
    end
  end
  return parts
end

-- One row of the other operation.
local function row_of(row, verb, other, part)
  local body, was, will = {}, {}, {}
  for _, one in ipairs(part) do
    body[one.field] = one.value
    for _, id in ipairs(one.ids) do was[id], will[id] = one.was_in, not one.was_in end
  end
  local list, before, after = other.spec.moves.list, row.after, row.before
  if list then
    before = raw.json.encode({ [list] = was }, { sorted = true })
    after = raw.json.encode({ [list] = will }, { sorted = true })
  end
  return new_row(row, other, verb, body, before, after)
end

local function sorted_ids(items)
  local list = {}
  for id in pairs(views.ids(items)) do list[#list + 1] = id end
  table.sort(list)
  return list
end

local function of_members(row, op)
  local other = op.sibling(op.spec.inverse)
  local added, removed = views.moved(op, sent_body(op, row))
  local rows = {}
  for _, part in ipairs(parts_of(other, sorted_ids(added), sorted_ids(removed))) do
    if #part > 0 then rows[#rows + 1] = row_of(row, op.spec.inverse, other, part) end
  end
  return rows
end

-- The rows that take `row` back, or nil and why there are none.
function inverses.of(row, op)
  if not op.spec.inverse then return nil, op.spec.irreversible or "there is no way to take it back" end
  if op.spec.effect == "create" then return of_create(row, op) end
  if not row.before then return nil, op.spec.irreversible or "how it was before is not in the journal" end
  if op.spec.strategy == "members" then return of_members(row, op) end
  return of_update(row, op)
end

return inverses
