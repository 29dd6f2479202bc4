-- SPDX-License-Identifier: MIT
-- Updates where records and bodies are not alike, and changes of members of a list.
--
-- change.update is for bodies whose members stand in a record under the same names, on
-- objects that can be read singly. Here is the rest: bodies with parts that records do not
-- show, conditions on the object, query parameters, objects that are found in lists or not
-- at all, and bodies that add to and take from a list (`moves`).
--
-- Of a move only what has an effect is sent: who is in already is not added, who is not in
-- is not taken out, so the same call twice sends nothing, and an undo brings back exactly
-- what was changed. Where only the number of members is shown, all is sent, and the number
-- compared (WD-43).
--
--   updates.update(op, rec, { status = "ARCHIVE" })
--   updates.members(op, department, { addMembers = { { id = "…" } } })

local raw = require "moonlever.raw"
local args = require "moonlever.args"
local change = require "moonlever.change"
local errors = require "moonlever.errors"
local finder = require "moonlever.finder"
local memory = require "moonlever.memory"
local settle = require "moonlever.settle"
local views = require "moonlever.views"

local updates = {}

-- The object as it was: the record, unless it was written through since, or shows how it was
-- before this run was resumed.
local function before_image(op, id, record)
  if not finder.can_look(op) then return nil end
  local whole = record and not op.ctx.written[record] and not memory.show_as_is(op, id)
  if whole and (not op.spec.moves or not op.spec.moves.list or rawget(record, op.spec.moves.list) ~= nil) then
    local plans = op.ctx.overlay
    return plans and plans:apply(op.res, op.res.shape:with(record, {})) or record
  end
  return finder.get(op, id, record)
end

-- ---------------------------------------------------------------------------
-- Moves

local function id_of(item)
  return tostring(type(item) == "table" and item.id or item)
end

-- Those of the items of which `wanted` is true, in the form that the body had; nil for none.
local function kept(value, wanted)
  if value == nil then return nil end
  if type(value) ~= "table" then return wanted(id_of(value)) and value or nil end
  local list = raw.json.array {}
  for _, item in ipairs(value) do
    if wanted(id_of(item)) then list[#list + 1] = item end
  end
  return #list > 0 and list or nil
end

-- Leaves out of a body what changes nothing.
local function reduce(op, body, there)
  local moves = op.spec.moves
  if moves.add and args.at(body, moves.add) ~= nil then
    args.put(body, moves.add, kept(args.at(body, moves.add), function(id) return not there[id] end))
  end
  if moves.remove and args.at(body, moves.remove) ~= nil then
    args.put(body, moves.remove, kept(args.at(body, moves.remove), function(id) return there[id] end))
  end
end

-- The members before, as a set, where they are shown.
local function shown_members(op, before)
  local name = op.spec.moves and op.spec.moves.list
  return name and before and views.ids(rawget(before, name) or {})
end

-- ---------------------------------------------------------------------------
-- Updates

local function is_noop(job, given)
  return job.before ~= nil and #job.changed == 0 and next(given.query) == nil and not views.hides(job.op, job.sent)
end

local function run_unseen(job)
  return change.run(job, settle.absolute, function() return job.op.res.shape:with(job.patch, {}) end,
    function() return job.op.res.shape:with(job.patch, {}) end)
end

-- Has this run made the change before it was resumed?
local function was_made(op, id, body)
  return memory.is_resumed() and memory.made(op, id, change.encode(op, change.outgoing(op.fields, body)))
end

local function made_object(op, id, record, body)
  local object = record or finder.can_look(op) and finder.get(op, id) or { [op.res.key] = id }
  return op.res.shape:with(object, views.patch(op, body, object))
end

-- Sets members of an object, by record or id, as change.update. Returns the new object.
function updates.update(op, ...)
  local given = args.write(op, ...)
  local body = args.checked_body(op, given)
  local id, record = given.id, given.record
  local held <close> = change.hold(op, id) -- luacheck: ignore
  if was_made(op, id, body) then return made_object(op, id, record, body) end
  local before = before_image(op, id, record)
  if before then args.only_if(op, id, before, given.query) end
  local there = shown_members(op, before)
  if there then reduce(op, body, there) end
  local job = change.new_job(op, held, id, change.outgoing(op.fields, body), before, given)
  if is_noop(job, given) then
    raw.noop(op.name, id)
    return before
  end
  local object = before and change.run_patch(job, job.changed) or not before and run_unseen(job)
  if record then op.ctx.written[record] = true end
  return object or nil
end

-- ---------------------------------------------------------------------------
-- Members

local function is_empty(op, body)
  local add, remove = views.moved(op, body)
  return #add == 0 and #remove == 0
end

-- Refuses to take the last ones out (WD-38).
local function keep_enough(op, id, body, there)
  local keep = op.spec.moves.keep
  if not keep or not there then return end
  local left = 0
  for _ in pairs(there) do left = left + 1 end
  local add, remove = views.moved(op, body)
  if #remove > 0 and left + #add - #remove < keep then
    errors.raise("invalid", ("%s %s: at least %d must be left"):format(op.name, id, keep), {
      operation = op.name, target = id, fix = "add another one first: nothing was sent (WD-38)",
    })
  end
end

-- Who is in and who is not, of those that a body moves: for the journal.
local function list_images(op, body)
  local add, remove = views.moved(op, body)
  local before, after = {}, {}
  for _, item in ipairs(add) do before[id_of(item)], after[id_of(item)] = false, true end
  for _, item in ipairs(remove) do before[id_of(item)], after[id_of(item)] = true, false end
  local name = op.spec.moves.list
  return { [name] = before }, { [name] = after }
end

local function count_images(op, body, before)
  local name = op.spec.moves.count
  local add, remove = views.moved(op, body)
  local number = math.tointeger(rawget(before, name)) or 0
  return { [name] = number }, { [name] = number + #add - #remove }
end

local function job_of(op, held, given, body, before)
  local job = change.new_job(op, held, given.id, body, before, given)
  local make = op.spec.moves.list and list_images or count_images
  job.was, job.will = make(op, body, before)
  job.images = {
    before = raw.json.encode(job.was, { sorted = true }), after = raw.json.encode(job.will, { sorted = true }),
  }
  job.effect, job.verify = "update", true
  job.image = function(_, got) return views.moves_image(op, job.was, job.will, got) end
  job.matches = function(_, object)
    local id = object[op.res.key]
    if id ~= nil and tostring(id) ~= job.target then return false, ("shows the object '%s'"):format(tostring(id)) end
    return true
  end
  return job
end

-- The strategy "members": adds to and takes from a list of the object. Returns the object
-- as it is then.
function updates.members(op, ...)
  local given = args.write(op, ...)
  local body = args.checked_body(op, given)
  local id = given.id
  local held <close> = change.hold(op, id) -- luacheck: ignore
  local before = before_image(op, id, given.record)
  args.only_if(op, id, before, given.query)
  local there = shown_members(op, before)
  if there then reduce(op, body, there) end
  if is_empty(op, body) then
    raw.noop(op.name, id)
    return before
  end
  keep_enough(op, id, body, there)
  local job = job_of(op, held, given, change.outgoing(op.fields, body), before)
  local object = change.run(job, settle.absolute, function() return before end, function() return before end)
  if given.record then op.ctx.written[given.record] = true end
  return object
end

return updates
