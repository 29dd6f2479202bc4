-- SPDX-License-Identifier: MIT
-- run: --practice --yes --rate 0 --concurrency 32 --faults latency=300
-- exit: 1
--
-- The run ends by an error while a thousand calls are queued or under way: everything that they
-- own is given back.
local check = require "check"
local moonlever = require "moonlever"

local sd = moonlever.connect "screendesk"
local first
for rec in sd.recordings:list { limit = 1 } do
  first = rec.uuid
end
local ended = 0
for _ = 1, 1000 do
  moonlever.spawn(function()
    sd.recordings:get(first)
    ended = ended + 1
  end)
end
moonlever.sleep(0.05)
check.ok(ended < 1000, "calls are pending")
check.done(1)
error("the end, with calls pending")
