-- SPDX-License-Identifier: MIT
-- moonlever.host: the functions that the embedding program lends to scripts.
--
-- Arguments are held against the signature before the host hears of the call; a call waits
-- for the answer like a request does, so other tasks go on meanwhile. Values cross as JSON.
--
--   local booked = moonlever.host.book("T-1", 5)

local raw = require "moonlever.raw"

local call = raw.host_call

local host = {}

for name in pairs(raw.host_functions()) do
  host[name] = function(...) return call(name, ...) end
end

local function missing(_, name)
  local suggest = require "moonlever.suggest"
  local text = next(host) and ("the host has no function '%s'%s"):format(tostring(name), suggest.phrase(name, host))
    or ("there is no host that lends functions, so no '%s'"):format(tostring(name))
  require("moonlever.errors").usage(text)
end

return setmetatable(host, { __index = missing })
