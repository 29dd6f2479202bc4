-- SPDX-License-Identifier: MIT
-- Every title right in the end, whatever the service does on the way.
-- run: --practice --yes --rate 0 --recordings 300 --faults 500=5%,500-after-apply=5%,reset-after-apply=5%,garbage=2%
local check = require "check"
local moonlever = require "moonlever"

local sd = moonlever.connect "screendesk"
local report = moonlever.each(sd.recordings:list(), function(rec)
  local new = sd.recordings:update(rec, { title = "title of " .. rec.uuid })
  check.equal(new.title, "title of " .. rec.uuid)
end, { concurrency = 16 })
check.equal({ report.ok, report.failed }, { 300, 0 })

for rec in sd.recordings:list { snapshot = false } do check.equal(rec.title, "title of " .. rec.uuid) end
check.done(601)
