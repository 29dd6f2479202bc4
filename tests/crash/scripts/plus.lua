-- SPDX-License-Identifier: MIT
-- Adds one "+" to each title: run twice, it would add two.
local moonlever = require "moonlever"

local sd = moonlever.connect "screendesk"
moonlever.each(sd.recordings:list(), function(rec)
  sd.recordings:update(rec, { title = (rec.title or "") .. "+" })
end)
