-- SPDX-License-Identifier: MIT
-- One write at a time for each object (change.hold), however many objects there were before.
-- run:
local change = require "moonlever.change"
local check = require "check"
local moonlever = require "moonlever"

local op = { res = { name = "things" }, ctx = { busy = {}, names = 0, room = 0 } }

local function kept()
  local n = 0
  for _ in pairs(op.ctx.busy) do n = n + 1 end
  return n
end

-- Names that are free again make room before there are too many; those that are held stay.
do
  local held <close> = change.hold(op, "long") -- luacheck: ignore
  for i = 1, 5000 do
    local one <close> = change.hold(op, tostring(i)) -- luacheck: ignore
  end
  check.equal(op.ctx.busy["things long"], true)
  check.ok(kept() <= 1001, "free names do not pile up")
end
check.equal(op.ctx.busy["things long"], false)

-- Whoever comes second waits until the first is done, under a name that was used before as well.
local order = {}
local function write(name)
  return moonlever.spawn(function()
    local held <close> = change.hold(op, "long") -- luacheck: ignore
    order[#order + 1] = name .. " begins"
    moonlever.sleep(0.01)
    order[#order + 1] = name .. " ends"
  end)
end
moonlever.all { write "one", write "two" }
check.equal(table.concat(order, ", "), "one begins, one ends, two begins, two ends")

-- Many that are held at once are all kept, and still there at the end.
for i = 1, 3000 do change.hold(op, "many " .. i) end
for i = 1, 3000 do check.equal(op.ctx.busy["things many " .. i], true) end
check.done(3004)
