-- SPDX-License-Identifier: MIT
-- Asks for one recording after the other, as fast as the pacing lets it, for some time.
-- A request that is given up after its retries is no reason to stop: the server counts.
local moonlever = require "moonlever"

local opt = moonlever.script {
  summary = "Read recordings for some seconds",
  writes = {},
  args = {
    seconds = { "how long", type = "integer", default = 60 },
    together = { "how many at once", type = "integer", default = 16 },
  },
}

local sd = moonlever.connect "screendesk"
local stop = os.time() + opt.seconds
local made = 0

local function next_uuid()
  if os.time() < stop then
    made = made + 1
    return ("%08x-4453-446d-9e79-000000000000"):format(made)
  end
end

local answered = 0
moonlever.each(next_uuid, function(uuid)
  if moonlever.try(sd.recordings.get, sd.recordings, uuid) then
    answered = answered + 1
  end
end, { concurrency = opt.together })
print("answered " .. answered)
