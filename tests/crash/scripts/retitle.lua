-- SPDX-License-Identifier: MIT
-- Gives each recording a title that can be checked.
local moonlever = require "moonlever"

local sd = moonlever.connect "screendesk"
moonlever.each(sd.recordings:list(), function(rec)
  sd.recordings:update(rec, { title = "crash " .. rec.uuid })
end)
