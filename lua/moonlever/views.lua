-- SPDX-License-Identifier: MIT
-- How the body of a write shows in the records of its object.
--
-- Most members stand in a record under their own name. The catalogue says where that is
-- otherwise (`shows`), services spell names in several ways (`case_blind`), and some
-- members add to and take from a list (`moves`). Everything that compares a body with an
-- object asks here: is it applied, what would it change, what was there before.
--
-- Images (before, after) are always spelled as in records. A member that records do not
-- show is in none; whether it was applied cannot be seen, so it does not count.
--
--   views.applied(op, { firstName = "Ada" }, { FirstName = "Ada" })   --> true
--   views.patch(op, { kb = { name = "New" } }, record)                --> { name = "New" }

local raw = require "moonlever.raw"
local args = require "moonlever.args"
local shape = require "moonlever.shape"

local rawget = rawget

local views = {}

local null = raw.null

-- Where records show the member `name`: a name, "$" for a whole object, or false.
function views.shown(op, name, spec)
  if spec.shows ~= nil then return spec.shows end
  local fields = op.res.shape.fields
  if fields[name] or name == op.res.spec.alias then return name end
  local spelling = op.res.shape.spelling
  return spelling and spelling[name:lower()] or false
end

-- Members of a body that a list shows, by their dotted names.
local function is_move(op, dotted)
  local moves = op.spec.moves
  return moves ~= nil and (dotted == moves.add or dotted == moves.remove)
end

-- Calls f(shown, value, spec, dotted) for each member of a body that records can show;
-- returns false and f's second result when f returns false.
local function each_shown(op, sent, f, fields, prefix)
  fields, prefix = fields or op.fields or {}, prefix or ""
  for name, value in next, sent do
    local spec = fields[name]
    local shown = spec and not is_move(op, prefix .. name) and views.shown(op, name, spec)
    local go_on, why = true, nil
    if shown == "$" and type(value) == "table" and value ~= null then
      go_on, why = each_shown(op, value, f, spec.fields, prefix .. name .. ".")
    elseif shown then
      go_on, why = f(shown, value, spec, prefix .. name)
    end
    if go_on == false then return false, why end
  end
  return true
end
views.each = each_shown

-- ---------------------------------------------------------------------------
-- Values

-- The id of an item of a list, which is an id or an object that has one.
local function id_of(item)
  if type(item) == "table" and item ~= null then return rawget(item, "id") and tostring(rawget(item, "id")) end
  return item ~= nil and item ~= null and tostring(item) or nil
end

-- A list of ids or objects as a set of ids; nil for what is no list.
function views.ids(list)
  if type(list) ~= "table" or list == null then return nil end
  local set = {}
  for _, item in ipairs(list) do
    local id = id_of(item)
    if id then set[id] = true end
  end
  return set
end

local function same_ids(a, b)
  a, b = views.ids(a), views.ids(b)
  for id in pairs(a) do
    if not b[id] then return false end
  end
  for id in pairs(b) do
    if not a[id] then return false end
  end
  return true
end

local function holds_objects(list)
  return type(list) == "table" and type(list[1]) == "table" and list[1] ~= null
end

-- One thing and a list of it are the same where either form is taken (WD-09, WD-11).
local function in_one_form(spec, value, there)
  if spec.or_type and type(value) ~= type(there) and value ~= null and there ~= nil then
    if type(value) ~= "table" then value = raw.json.array { value } end
    if type(there) ~= "table" then there = raw.json.array { there } end
  end
  return value, there
end

-- Does `there` show the value that was sent?
function views.shows(spec, value, there)
  if spec.type == "list" and holds_objects(there) and not holds_objects(value) and type(value) == "table" then
    return same_ids(value, there)
  end
  value, there = in_one_form(spec, value, there)
  local list = spec.type == "list" and spec or { type = "list", items = spec.items }
  if type(value) == "table" and spec.type ~= "list" and raw.json.is_array(value) then spec = list end
  return (shape.covers_member({ it = spec }, "it", value, { it = there }))
end

-- ---------------------------------------------------------------------------
-- Moves

-- The ids that a body adds to and takes from its list, as arrays of items.
function views.moved(op, sent)
  local moves = op.spec.moves
  local function items(dotted)
    local value = dotted and args.at(sent, dotted)
    if value == nil or value == null then return {} end
    return type(value) == "table" and value or { value }
  end
  return items(moves.add), items(moves.remove)
end

local function moves_applied(op, sent, got)
  local name = op.spec.moves.list
  local there = name and views.ids(rawget(got, name))
  if not there then return true end
  local add, remove = views.moved(op, sent)
  for _, item in ipairs(add) do
    if not there[id_of(item)] then return false, name end
  end
  for _, item in ipairs(remove) do
    if there[id_of(item)] then return false, name end
  end
  return true
end

-- The list as the moves leave it: an array of ids, or nil where nothing is moved or shown.
local function list_after(op, sent, before)
  local name = op.spec.moves.list
  local there = name and before and views.ids(rawget(before, name))
  local add, remove = views.moved(op, sent)
  if not there or #add + #remove == 0 then return nil end
  for _, item in ipairs(add) do there[id_of(item)] = true end
  for _, item in ipairs(remove) do there[id_of(item)] = nil end
  local ids = {}
  for id in pairs(there) do ids[#ids + 1] = id end
  table.sort(ids)
  return raw.json.array(ids)
end

-- Which image do the members of an object show? `was` and `will` are { list = { id = is in } }
-- or { count = number }. A list that moves nobody any more shows both.
function views.moves_image(op, was, will, got)
  local moves = op.spec.moves
  if moves.count then
    local number = rawget(got, moves.count)
    return number == will[moves.count] and "after" or number == was[moves.count] and "before" or "other"
  end
  local there = views.ids(rawget(got, moves.list) or {})
  local as_before, as_after = true, true
  for id, is_in in pairs(will[moves.list]) do
    if (there[id] or false) == is_in then as_before = false else as_after = false end
  end
  return as_after and "after" or as_before and "before" or "other"
end

-- ---------------------------------------------------------------------------
-- Bodies and objects

-- Does `got` show everything that was sent? Returns true, or false and the member.
function views.applied(op, sent, got)
  local alias = op.res.spec.alias
  local ok, member = each_shown(op, sent, function(shown, value, spec)
    if shown == alias and got[shown] == nil then return true end
    if not views.shows(spec, value, rawget(got, shown)) then return false, shown end
    return true
  end)
  if ok and op.spec.moves then return moves_applied(op, sent, got) end
  return ok, member
end

-- What a body makes of an object: members as records spell them -> value.
function views.patch(op, sent, before)
  local patch = {}
  each_shown(op, sent, function(shown, value) patch[shown] = value end)
  if op.spec.moves then
    local list = list_after(op, sent, before)
    if list then patch[op.spec.moves.list] = list end
  end
  return patch
end

local function is_moved_list(op, name)
  return op.spec.moves ~= nil and op.spec.moves.list == name
end

-- Does `got` show the value of an image?
function views.image_shows(op, name, value, got)
  if is_moved_list(op, name) then return same_ids(value ~= null and value or {}, rawget(got, name) or {}) end
  return views.shows(op.res.shape.fields[name] or { type = "any" }, value, rawget(got, name))
end

-- Which image does an object show, by what the journal keeps: "after", "before", "other", or
-- "blind" where nothing of it can be seen.
function views.image(op, before, after, got)
  if next(after) == nil then return "blind" end
  local as_after, as_before = true, true
  for name, value in next, after do
    if not views.image_shows(op, name, value, got) then as_after = false end
    local was = before and rawget(before, name)
    if not views.image_shows(op, name, was == nil and null or was, got) then as_before = false end
  end
  return as_after and "after" or as_before and "before" or "other"
end

-- The members of a patch that differ in the object.
function views.differing(op, patch, before)
  local names = {}
  for name, value in next, patch do
    if not views.image_shows(op, name, value, before) then names[#names + 1] = name end
  end
  return names
end

-- Is there a member that records do not show? Such a write is always sent.
function views.hides(op, sent)
  local function walk(members, fields, prefix)
    for name, value in next, members do
      local spec = fields[name]
      local shown = spec and views.shown(op, name, spec)
      if shown == "$" then
        if walk(value, spec.fields, prefix .. name .. ".") then return true end
      elseif not shown and not is_move(op, prefix .. name) then
        return true
      end
    end
    return false
  end
  return walk(sent, op.fields or {}, "")
end

-- What an object has of the members that these operations take: a body.
function views.body(op, object, fields)
  local body = {}
  for name, spec in pairs(fields or op.fields or {}) do
    local shown = views.shown(op, name, spec)
    if shown == "$" then
      body[name] = views.body(op, object, spec.fields)
    elseif shown then
      body[name] = rawget(object, shown)
    end
  end
  return body
end

-- Does an object show that it was taken away, though it is still there?
function views.is_gone(op, object)
  local gone = op.spec.gone
  local value = gone and rawget(object, gone.field)
  return value ~= nil and value ~= gone.isnt
end

-- An object as records spell it, of a body.
function views.object(op, sent)
  return views.patch(op, sent, {})
end

-- ---------------------------------------------------------------------------
-- Secrets

local function without(fields, object)
  local copy = object
  for name, spec in pairs(fields) do
    local value = rawget(object, name)
    if value ~= nil then
      local new = value
      if spec.secret and value ~= null then
        new = "***"
      elseif spec.fields and type(value) == "table" and value ~= null then
        new = without(spec.fields, value)
      end
      if new ~= value then
        if copy == object then
          copy = {}
          for key, member in next, object do copy[key] = member end
        end
        copy[name] = new
      end
    end
  end
  return copy
end

-- Has a body of the journal lost a secret?
function views.holds_masked(op, body)
  for name, spec in pairs(op.fields or {}) do
    if spec.secret and type(body) == "table" and body[name] == "***" then return true end
  end
  return false
end

-- The object with its secrets masked; the same table where it has none.
function views.masked(fields, object)
  return without(fields or {}, object)
end

return views
