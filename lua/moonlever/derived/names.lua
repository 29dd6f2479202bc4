-- SPDX-License-Identifier: MIT
-- What a dotted name means: the public table, a service, a resource, a method.
--
-- A topic is { kind, name, … } with `service`, `resource`, `method` or `entry` by kind:
--   table      "moonlever"                      function   "moonlever.each", "each"
--   group      "moonlever.csv", "csv"           service    "screendesk"
--   branch     "screendesk.scim"                resource   "screendesk.scim.users"
--   method     "screendesk.recordings.update"   request    "screendesk.request"
-- A name without its beginning is taken where it is the end of one name alone
-- ("recordings.update").
-- ":" reads as ".".
--
--   names.find("recordings.update").method.name        --> "screendesk.recordings.update"
--   names.find("screendesk.recordngs")                  --> nil, "screendesk.recordings"

local api = require "moonlever.derived.api"
local methods = require "moonlever.derived.methods"
local suggest = require "moonlever.suggest"

local names = {}

local function starts_with(text, head)
  return text:sub(1, #head) == head
end

-- ---------------------------------------------------------------------------
-- Members of the public table

local function group_members(name)
  local list = {}
  for _, entry in ipairs(api.functions) do
    if starts_with(entry.name, name .. ".") then list[#list + 1] = entry end
  end
  return list
end

local function find_public(name)
  name = name:gsub("^moonlever%.", "")
  local entry = api.find(name)
  if entry then return { kind = "function", name = "moonlever." .. name, entry = entry } end
  local members = group_members(name)
  if #members > 0 then return { kind = "group", name = "moonlever." .. name, entries = members } end
  return nil
end

-- ---------------------------------------------------------------------------
-- Services

local function branch(service, prefix)
  local list = {}
  for _, name in ipairs(methods.names(service.resources)) do
    if starts_with(name, prefix .. ".") then list[#list + 1] = name end
  end
  return #list > 0 and { kind = "branch", name = service.name .. "." .. prefix, service = service, resources = list }
end

local function find_in(service, rest)
  if rest == "request" then
    return { kind = "request", name = service.name .. ".request", service = service, entry = api.client }
  end
  if service.resources[rest] then
    return { kind = "resource", name = service.name .. "." .. rest, service = service, resource = rest }
  end
  local m = methods.find(service.name .. "." .. rest)
  if m then return { kind = "method", name = m.name, service = service, method = m } end
  return branch(service, rest)
end

local function find_service(name)
  local head, rest = name:match("^([^.]+)%.?(.*)$")
  for _, known in ipairs(methods.SERVICES) do
    if known == head then
      local service = methods.catalogue(known)
      if rest == "" then return { kind = "service", name = known, service = service } end
      return find_in(service, rest)
    end
  end
  return nil
end

-- ---------------------------------------------------------------------------
-- Slips

local function put(set, name, prefix)
  if starts_with(name, prefix) then set[name] = true end
end

-- All full names that begin with `prefix`.
local function all_names(prefix)
  local set = {}
  for _, known in ipairs(methods.SERVICES) do
    local service = methods.catalogue(known)
    put(set, known, prefix)
    for resource in pairs(service.resources) do
      put(set, known .. "." .. resource, prefix)
      for _, m in ipairs(methods.of(service, resource)) do put(set, m.name, prefix) end
    end
  end
  for _, entry in ipairs(api.functions) do put(set, "moonlever." .. entry.name, prefix) end
  return set
end

-- The full names that a name without its beginning may mean.
local function endings(name)
  local list = {}
  for _, full in ipairs(methods.names(all_names(""))) do
    if full:sub(-#name - 1) == "." .. name then list[#list + 1] = full end
  end
  return list
end

-- Candidates of one level: what may stand in the place of the first part that is wrong.
local function level(prefix, set)
  local parts = {}
  for name in pairs(set) do
    local part = name:sub(#prefix + 1):match("^[^.]+")
    if part then parts[part] = true end
  end
  return methods.names(parts)
end

-- The name with its wrong parts put right, one after the other; nil where a part is
-- near to nothing.
local function corrected(name)
  local prefix = ""
  for part in name:gmatch("[^.]+") do
    local candidates = level(prefix, all_names(prefix))
    local best = suggest.closest(part, candidates)
    if not best then return nil end
    prefix = prefix .. best .. "."
  end
  local right = prefix:sub(1, -2)
  return right ~= name and right or nil
end

-- What was meant by a name that leads nowhere; nil for something far off.
local function meant(name)
  if not name:find("[^.]") then return nil end
  local right = corrected(name) or corrected("moonlever." .. name)
  if right then return right end
  for _, known in ipairs(methods.SERVICES) do
    right = corrected(known .. "." .. name)
    if right and names.find(right) then return right end
  end
  return nil
end

--- The topic of a name; or nil, and what was probably meant (a name, or nil), and an
-- array of names where it may mean several.
function names.find(name)
  name = name:gsub(":", ".")
  if name == "moonlever" then return { kind = "table", name = name } end
  local topic = find_public(name) or find_service(name)
  if topic then return topic end
  local several = endings(name)
  if #several == 1 then return names.find(several[1]) end
  if #several == 0 then return nil, meant(name), nil end
  return nil, nil, several
end

return names
