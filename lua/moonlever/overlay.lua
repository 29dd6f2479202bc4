-- SPDX-License-Identifier: MIT
-- What a dry run has planned so far, laid over what is read later.
--
-- In a dry run nothing is sent, yet a script that reads back what it wrote must
-- see it. One overlay belongs to one client; for each resource it keeps patches
-- by key, deleted keys and planned new objects. It covers the resource that was
-- written, not other views of the same thing (a planned SCIM delete leaves the
-- REST list of users as it is).
--
--   overlay:patch(res, "81c5…", { title = "new" })
--   overlay:apply(res, record)        --> the record with the title in it

local raw = require "moonlever.raw"

local overlay = {}

local null = raw.null

-- Stand-ins given so far: one row of numbers for all clients, whose plans end in one file.
local created = 0

local Overlay = {}
Overlay.__index = Overlay

-- An empty overlay.
function overlay.new()
  return setmetatable({ resources = {} }, Overlay)
end

local function of(self, res)
  local layer = self.resources[res.name]
  if not layer then
    layer = { patches = {}, deleted = {}, new = {} }
    self.resources[res.name] = layer
  end
  return layer
end

-- Plans member values of an object; null takes a member out.
function Overlay:patch(res, key, changes)
  local layer = of(self, res)
  local new = layer.new[key]
  if new then
    for name, value in next, changes do
      if value == null then value = nil end
      new[name] = value
    end
    return
  end
  local patch = layer.patches[key] or {}
  for name, value in next, changes do patch[name] = value end
  layer.patches[key] = patch
end

-- Plans the end of an object.
function Overlay:delete(res, key)
  local layer = of(self, res)
  if layer.new[key] then
    layer.new[key] = nil
  else
    layer.deleted[key] = true
  end
end

-- The stand-in key that the next planned object gets.
function Overlay:next_key() -- luacheck: ignore self
  return ("planned-%d"):format(created + 1)
end

-- Plans a new object, which gets a stand-in key ("planned-1"); returns it dressed.
-- `fills`: what the service gives it where the script gives nothing.
function Overlay:create(res, object, fills)
  local key, copy = self:next_key(), {}
  created = created + 1
  for name, value in next, fills or {} do copy[name] = value end
  for name, value in next, object do
    if value ~= null then copy[name] = value end
  end
  copy[res.key] = key
  of(self, res).new[copy[res.key]] = copy
  return res.shape:with(copy, {})
end

-- Is this object planned to be gone?
function Overlay:is_deleted(res, key)
  local layer = self.resources[res.name]
  return layer ~= nil and layer.deleted[key] == true
end

-- A planned new object by its key or its external id, or nil.
function Overlay:find_new(res, id)
  local layer = self.resources[res.name]
  if not layer then return nil end
  for key, object in pairs(layer.new) do
    if key == id or object.externalId == id then return res.shape:with(object, {}) end
  end
  return nil
end

-- Lays the plans over a record just read; changes and returns the record.
function Overlay:apply(res, record)
  local layer = self.resources[res.name]
  local patch = layer and layer.patches[rawget(record, res.key)]
  if patch then
    for name, value in next, patch do
      if value == null then value = nil end
      record[name] = value
    end
    res.shape:dress(record)
  end
  return record
end

-- Lays the plans over a page of records: an array without the deleted ones.
function Overlay:apply_all(res, items)
  local layer = self.resources[res.name]
  if not layer then return items end
  local kept = raw.json.array {}
  for _, record in ipairs(items) do
    if not layer.deleted[rawget(record, res.key)] then kept[#kept + 1] = self:apply(res, record) end
  end
  return kept
end

-- The planned new objects of a resource in order of planning.
function Overlay:new_objects(res)
  local layer = self.resources[res.name]
  local list = {}
  if not layer then return list end
  for i = 1, created do
    local object = layer.new[("planned-%d"):format(i)]
    if object then list[#list + 1] = res.shape:with(object, {}) end
  end
  return list
end

return overlay
