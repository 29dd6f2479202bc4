-- SPDX-License-Identifier: MIT
-- Reads every recording and counts them, as the first line of any report would.
-- No resource is written, so the list streams: no snapshot is taken first.
local moonlever = require "moonlever"

local opt = moonlever.script {
  summary = "Count the recordings",
  writes = {},
  args = { ahead = { "how many pages there are at least", type = "integer" } },
}

local sd = moonlever.connect "screendesk"
local records = 0
for _ in sd.recordings:list { ahead = opt.ahead } do
  records = records + 1
end
print("records " .. records)
