-- SPDX-License-Identifier: MIT
-- Definition files for editors: Lua, complete, and without a type that nobody defines.
-- run:

local check = require "check"
local methods = require "moonlever.derived.methods"
local stubs = require "moonlever.stubs"
local api = require "moonlever.derived.api"

local files, names = stubs.files(), {}
local all = {}
for i, file in ipairs(files) do
  names[i] = file.name
  all[i] = file.text
end
check.equal(names, { "moonlever.lua", "screendesk.lua", "screendragon.lua", "workdrive.lua" })
for i, file in ipairs(stubs.files()) do check.equal(file.text, files[i].text, "made twice: " .. file.name) end
for _, file in ipairs(files) do
  check.match(file.text, "^%-%-%-@meta %S+\n")
  check.ok(load(file.text, "=" .. file.name), file.name .. " is Lua")
end
local text = table.concat(all)

-- ---------------------------------------------------------------------------
-- Types

local defined, problems = {}, {}
for kind, name in text:gmatch("\n%-%-%-@(%l+) (moonlever[%w_.]*)") do
  if kind == "class" or kind == "alias" then
    if defined[name] then problems[#problems + 1] = "defined twice: " .. name end
    defined[name] = true
  end
end
for line in text:gmatch("[^\n]+") do
  -- What stands behind " # " is text; examples have no ---@.
  local annotation = line:match("^%-%-%-@(.-) # ") or line:match("^%-%-%-@(.*)$") or ""
  for name in annotation:gmatch("%f[%w_]moonlever%.[%w_.]*[%w_]") do
    if not defined[name] then problems[#problems + 1] = "not defined: " .. name end
  end
end
check.equal(problems, {}, "types")

-- ---------------------------------------------------------------------------
-- Every operation of every catalogue is a method, with a parameter for each argument.

local missing, operations = {}, 0
for _, name in ipairs(methods.SERVICES) do
  local service = methods.catalogue(name)
  local stub = stubs.service(service)
  for resource, spec in pairs(service.resources) do
    local variable = resource:gsub("%.", "_")
    for verb, operation in pairs(spec.operations) do
      operations = operations + (operation.id and 1 or 0)
      local head = stub:match("(%f[^\n][^\n]*)\nfunction " .. variable .. ":" .. verb .. "%(")
      if not head then missing[#missing + 1] = ("%s.%s.%s"):format(name, resource, verb) end
    end
    for _, m in ipairs(methods.of(service, resource)) do
      for member in pairs(m.fields or {}) do
        local class = ("moonlever.%s.%s.%s.fields"):format(name, resource, m.verb)
        local body = stub:match("\n%-%-%-@class " .. class:gsub("%p", "%%%0") .. "\n(.-)\n\n")
        if not (body and ("\n" .. body):find("\n---@field " .. member, 1, true)) and member ~= "repeat" then
          missing[#missing + 1] = class .. " " .. member
        end
      end
    end
  end
end
check.equal(missing, {}, "operations and fields without a definition")
check.equal(operations, 93, "operations")
for _, entry in ipairs(api.functions) do
  if not files[1].text:find(("\nfunction moonlever.%s("):format(entry.name), 1, true) then
    missing[#missing + 1] = entry.name
  end
end
check.equal(missing, {}, "functions of the public table without a definition")

-- ---------------------------------------------------------------------------
-- Some lines, as editors need them

local function holds(line) check.match(text, "\n" .. line .. "\n", nil, true) end

holds '---@overload fun(service: "screendesk"): moonlever.screendesk'
holds "---A client of Screendesk.\n---@class moonlever.screendesk: moonlever.client"
holds "---@field recordings moonlever.screendesk.recordings"
holds "---@class moonlever.screendesk.scim\n---@field users moonlever.screendesk.scim.users"
holds "---@return fun(): moonlever.screendesk.Recording\nfunction recordings:list(options) end"
holds "---@return fun(): moonlever.screendesk.recordings.page\nfunction recordings:pages(options) end"
holds "---@return moonlever.screendesk.User?\nfunction users:search(email) end"
holds "---@field helpdesk_info moonlever.screendesk.Recording.metadata.helpdesk_info"
holds "---@field uuid string"
holds "---@field title? string"
holds "---@field summary? string|moonlever.null # short summary"
holds '---@field status? "ACTIVE"|"ARCHIVE"|"PRE_INVITED"|"INVITED"|"BLOCKED"'
holds '---@field ["repeat"]? moonlever.workdrive.events.update.fields.repeat'
holds("---@overload fun(self: moonlever.screendesk.recordings, record: moonlever.screendesk.Recording, "
  .. "fields: moonlever.screendesk.recordings.update.fields): moonlever.screendesk.Recording\n"
  .. "function recordings:update(uuid, fields) end")
holds "---@param items moonlever.screendragon.users.bulk_update.item[]"
holds "function media:upload(path, options) end"

check.done(33)
