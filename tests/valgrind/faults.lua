-- SPDX-License-Identifier: MIT
-- run: --practice --yes --recordings 150 --rate 0 --faults 500=5%,reset=5%,half-body=5%,reset-after-apply=5%
--
-- Reads and writes through retries, read-backs and broken connections, all to the end.
local check = require "check"
local moonlever = require "moonlever"

local sd = moonlever.connect "screendesk"
local report = moonlever.each(sd.recordings:list(), function(rec)
  sd.recordings:update(rec, { title = "[seen] " .. (rec.title or "") })
end)
check.equal(report.failed, 0)
check.equal(report.ok, 150)
local seen = 0
for rec in sd.recordings:list() do
  if rec.title:sub(1, 7) == "[seen] " then seen = seen + 1 end
end
check.equal(seen, 150)
check.done(3)
