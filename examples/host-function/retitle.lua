-- SPDX-License-Identifier: MIT
-- For host-function: asks its user what to put in front of the first three titles.
local moonlever = require "moonlever"

local mark = moonlever.host.ask_user 'What shall stand before the titles (such as "new")?'
if mark == "" then
  print("nothing to do")
  return
end

local sd = moonlever.connect "screendesk"
for rec in sd.recordings:list { limit = 3 } do
  sd.recordings:update(rec, { title = mark .. ": " .. (rec.title or "") })
end
