-- SPDX-License-Identifier: MIT
-- The clients that a script has made, so that help can tell what a method is: a function
-- does not know its own name, but its place in a client does.
--
-- Invariant: a client that the script has let go is forgotten.
--
--   local sd = clients.connect "screendesk"
--   clients.name_of(sd.recordings.update)   --> "screendesk.recordings.update"
--   clients.name_of(sd.recordings)          --> "screendesk.recordings"

local service = require "moonlever.service"

local clients = {}

local known = setmetatable({}, { __mode = "k" }) -- client -> true

local function remember(client)
  known[client] = true
  return client
end

--- As service.connect: this is moonlever.connect.
function clients.connect(...)
  return remember(service.connect(...))
end

--- As openapi.connect: this is moonlever.openapi.
function clients.openapi(...)
  return remember(require("moonlever.openapi").connect(...))
end

-- The place of `wanted` below `object`, whose name is `name`. Clients hold plain tables
-- without cycles.
local function search(object, name, wanted)
  if rawequal(object, wanted) then return name end
  if type(object) ~= "table" then return nil end
  for member, value in next, object do
    local found = search(value, name .. "." .. member, wanted)
    if found then return found end
  end
  return nil
end

--- The dotted name of a client, a resource or a method; nil for anything else.
function clients.name_of(value)
  for client in pairs(known) do
    local found = search(client, tostring(client), value)
    if found then return found end
  end
  return nil
end

return clients
