-- SPDX-License-Identifier: MIT
-- moonlever undo RUN: the inverse of a run, from its before-images.
--
-- An undo is a run of its own. Newest change first; what somebody has changed since
-- is a conflict and left alone (apply.lua), what cannot be undone is named and fails.
-- Once an undo of a change is confirmed, the change counts as undone.
--
--   undo.main("hdye0c3d4a1k")

local raw = require "moonlever.raw"
local apply = require "moonlever.apply"
local config = require "moonlever.config"
local errors = require "moonlever.errors"
local inverses = require "moonlever.inverses"
local planned = require "moonlever.planned"
local recover = require "moonlever.recover"
local resume = require "moonlever.resume"
local service = require "moonlever.service"

local undo = {}

local null = raw.null

local function impossible(row, why)
  return { method = apply.IMPOSSIBLE, body = why, effect = row.effect, operation = row.operation, path = row.path,
    target = row.target }
end

local function encode(op, body)
  if op.spec.wrap then body = { [op.spec.wrap] = body } end
  return raw.json.encode(body, { sorted = true })
end

local function sibling(row, op, verb)
  return row.operation:match("^(.*)%.[^.]*$") .. "." .. verb, op.sibling(verb)
end

-- Sets back the members that were changed.
local function inverse_of_update(row, op)
  local before = raw.json.decode(row.before)
  for name, value in pairs(before) do
    local spec = op.spec.fields[name]
    if value == null and not (spec and spec.null) then
      return impossible(row, ("'%s' was empty before, and the service takes no null"):format(name))
    end
  end
  return { method = row.method, path = row.path, effect = row.effect, operation = row.operation, target = row.target,
    body = encode(op, before), before = row.after, after = row.before }
end

-- What may be sent of an object: the members that the operation knows.
local function body_from(op, object)
  local body = {}
  for name in pairs(op.spec.fields) do body[name] = object[name] end
  for name, value in pairs(op.spec.defaults or {}) do body[name] = raw.json.array { table.unpack(value) } end
  return body
end

local function inverse_of_replace(row, op)
  local body = body_from(op, raw.json.decode(row.before, { null = "drop" }))
  local text = encode(op, body)
  return { method = row.method, path = row.path, effect = row.effect, operation = row.operation, target = row.target,
    body = text, before = row.after, after = text }
end

local function inverse_of_create(row, op)
  local object = raw.json.decode(row.after)
  local id = object[op.res.key]
  if id == nil or not op.spec.inverse then return impossible(row, "the id of what was created is not known") end
  local name, other = sibling(row, op, "delete")
  return { method = other.spec.method, effect = "delete", operation = name, target = tostring(id),
    path = require("moonlever.endpoint").path(other, { tostring(id) }), before = row.after }
end

local function inverse_of_delete(row, op)
  local name, other = sibling(row, op, "create")
  local body = body_from(other, raw.json.decode(row.before, { null = "drop" }))
  for field, spec in pairs(other.spec.fields) do
    if spec.required and body[field] == nil then
      return impossible(row, ("'%s' of what was deleted is not known"):format(field))
    end
  end
  local target = body[op.res.spec.natural_key]
  return { method = other.spec.method, effect = "create", operation = name, target = target, path = other.spec.path,
    body = encode(other, body), after = raw.json.encode(body, { sorted = true }) }
end

local INVERSES = {
  update = inverse_of_update, replace = inverse_of_replace, create = inverse_of_create, delete = inverse_of_delete,
}

-- Is the body of this operation spelled as the records of its object?
local function is_spelled_alike(op)
  return op.plain and op.spec.strategy == nil and not op.spec.query
end

-- The changes that take `row` back: mostly one.
local function inverse(row, open)
  local op = service.find(recover.context(row), row.operation)
  local new
  if open[row.rkey] then
    new = { impossible(row, "a change of it is of unknown outcome") }
  elseif not op then
    new = { impossible(row, "there is no way to take it back") }
  elseif not is_spelled_alike(op) or not op.spec.inverse then
    local rows, why = inverses.of(row, op)
    new = rows or { impossible(row, why) }
  elseif row.effect ~= "create" and not row.before then
    new = { impossible(row, "how it was before is not in the journal") }
  else
    new = { INVERSES[row.effect](row, op) }
  end
  for i, one in ipairs(new) do
    one.service, one.origin, one.resource = row.service, row.origin, row.resource
    one.undo_of = i == #new and row.id or nil -- it counts as undone with the last of them
  end
  return new
end

-- Raises guard where the run cannot be undone now.
local function check(run)
  if run.kind == "plan" then
    errors.raise("usage", ("run %s is a plan: nothing was sent"):format(run.run), { config = true })
  end
  for other in raw.query("undo_of", run.run) do
    errors.raise("guard", ("run %s was undone by run %s"):format(run.run, other.run), {
      fix = "moonlever resume " .. other.run .. " goes on with it, if it was stopped",
    })
  end
  if raw.running(run.no) then
    errors.raise("guard", ("run %s is still at work"):format(run.run), { fix = "wait for its end" })
  elseif not run.ended then
    errors.raise("guard", ("run %s was broken off"):format(run.run), {
      fix = ("moonlever resume %s first: what it had sent must be settled"):format(run.run),
    })
  end
end

local OPEN = { S = true, U = true, A = true }

-- Objects on which a change has no outcome: an undo there could be overtaken by it.
local function open_keys(rows)
  local keys = {}
  for _, row in ipairs(rows) do
    if OPEN[row.state] then keys[row.rkey] = true end
  end
  return keys
end

-- The inverse of all confirmed changes, newest first.
local function inverses_of(run)
  local rows, new = resume.changes(run.run), {}
  local open = open_keys(rows)
  for i = #rows, 1, -1 do
    for _, one in ipairs(rows[i].state == "C" and inverse(rows[i], open) or {}) do new[#new + 1] = one end
  end
  return new
end

-- What was deleted comes back as another object: whoever knows the old one must be told.
local function say_new_ids(rows)
  local count = 0
  for _, row in ipairs(rows) do
    if row.effect == "create" then count = count + 1 end
  end
  if count > 0 then raw.log(1, ("%d deleted objects are created anew: they get a new id"):format(count)) end
end

-- The script of `moonlever undo RUN`.
function undo.main(id)
  local run = resume.find(id)
  check(run)
  config.bind(run, "run " .. run.run)
  local rows = inverses_of(run)
  if #rows == 0 then
    raw.log(1, ("run %s has changed nothing that could be undone"):format(run.run))
    return
  end
  raw.log(2, ("undoing %d changes of run %s"):format(#rows, run.run))
  say_new_ids(rows)
  if raw.asks() then planned.preview(rows) end
  raw.count("expect", #rows)
  local new = raw.begin {
    undo_of = run.run, operation = rows[1].operation, origin = rows[1].origin, target = rows[1].target,
  }
  apply.go_on(nil, apply.write_down(new, rows))
end

local function identity(row)
  return table.concat({ row.operation, row.target, row.method, row.path, row.body or "" }, "\0")
end

-- The inverses of a run without those that are written down in `rows`. One change may
-- have several, and two may be alike: each row stands for one of them.
local function without(rows, run)
  local written, missing = {}, {}
  for _, row in ipairs(rows) do written[identity(row)] = (written[identity(row)] or 0) + 1 end
  for _, row in ipairs(inverses_of(run)) do
    local left = written[identity(row)] or 0
    written[identity(row)] = left - 1
    if left <= 0 then missing[#missing + 1] = row end
  end
  return missing
end

-- Goes on with an undo that was broken off. A process that died while it wrote its changes
-- down has sent nothing: the rest follows.
function undo.resume(run, rows)
  if not apply.has_begun(rows) then
    rows = apply.write_down(run.run, without(rows, resume.find(run.undo_of)))
  end
  apply.go_on(run, rows)
end

return undo
