-- SPDX-License-Identifier: MIT
-- Gives many recordings a new title. The records are made up here, so that nothing
-- but the writes is measured; each serves as the before-image of its change.
local moonlever = require "moonlever"

local opt = moonlever.script {
  summary = "Change the title of made-up recordings",
  writes = { "screendesk.recordings" },
  args = {
    count = { "how many recordings", type = "integer", default = 10000 },
    together = { "how many at once", type = "integer", default = 32 },
  },
}

local sd = moonlever.connect "screendesk"
local made = 0

local function next_record()
  if made < opt.count then
    made = made + 1
    return { uuid = ("%08x-4453-446d-9e79-000000000000"):format(made), title = "old" }
  end
end

local report = moonlever.each(next_record, function(rec)
  sd.recordings:update(rec, { title = "new" })
end, { concurrency = opt.together })
print("patches " .. report.ok)
