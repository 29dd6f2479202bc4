-- SPDX-License-Identifier: MIT
-- Moonlever as a module of the lua5.4 that is there already: `lua5.4 titles.lua [N]` prints the
-- titles of the first N recordings, with the seconds that each takes to play.
--
-- The services and their credentials are in the environment (SCREENDESK_TOKEN); changes would need
-- MOONLEVER_YES=1 there, as nobody can be asked.
local moonlever = require "moonlever"

local sd = moonlever.connect "screendesk"
local uuids = {}
for rec in sd.recordings:list { limit = tonumber(arg[1] or 10) } do
  uuids[#uuids + 1] = rec.uuid
end

-- Many at once, in order: outside of a task, map waits for all of them.
local recordings = moonlever.map(uuids, function(uuid)
  return sd.recordings:get(uuid)
end)
for _, rec in ipairs(recordings) do
  print(rec.title)
end
