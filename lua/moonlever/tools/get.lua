-- SPDX-License-Identifier: MIT
-- Started by the program as `moonlever get`; what it does is in get.lua. Its arguments stand
-- at fixed places: format and width, limit and fields ("" = none), the number of filters,
-- the filters, service, resource, ids.

local raw = require "moonlever.raw"

local words = raw.args()
local format, width = words[1]:match("^(%a+) (%d+)$")
local count = math.tointeger(tonumber(words[4]))
require("moonlever.get").main({
  format = format, width = math.tointeger(tonumber(width)), limit = math.tointeger(tonumber(words[2])),
  fields = words[3] ~= "" and words[3] or nil,
  filters = table.move(words, 5, 4 + count, 1, {}),
  service = words[5 + count], resource = words[6 + count],
  ids = table.move(words, 7 + count, #words, 1, {}),
}, require "moonlever.history.host")
