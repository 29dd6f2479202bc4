-- SPDX-License-Identifier: MIT
-- What to do about a change that did not come out as it should, as far as anything is known.
--
-- The journal keeps the reason of a failure, its kind and the status of the answer, not the
-- remedy that the error named. endpoint.remedy finds that again, with what the catalogue says
-- of the operation. A reason by itself is no remedy: where nothing is known there is none.
--
--   remedy.of(run, change, attempts)   --> "lower the rate with --rate N, or run it again later"

local endpoint = require "moonlever.endpoint"
local journal = require "moonlever.history.journal"
local methods = require "moonlever.derived.methods"

local remedy = {}

local FAULTS = { network = true, timeout = true, auth = true }

-- As much of an operation as the search for a remedy looks at.
local function operation_of(run, change)
  local m = change.operation and methods.find(change.operation)
  local catalogue = m and m.service or { credentials = {} }
  return {
    name = change.operation, spec = m and m.request or {}, credential = m and m.request.credential,
    ctx = { catalogue = catalogue, name = change.service, origin = tostring(change.origin),
      profile = run.profile and not run.profile:find(",", 1, true) and run.profile or nil },
  }
end

--- One sentence, or nil.
-- run       as journal.find gives it
-- change    as journal.changes gives it
-- attempts  its attempts, in order
function remedy.of(run, change, attempts)
  if change.state == "unknown" then
    return journal.goes_on(run) and ("moonlever resume %s looks at the object and settles it"):format(run.run)
      or "look at the object before writing to it again"
  end
  if change.state ~= "failed" then return nil end
  local last = attempts[#attempts]
  local status = last and last.status or 0
  local op, request = operation_of(run, change), { target = change.target }
  if status >= 300 then return endpoint.remedy(op, request, status) end
  if FAULTS[change.kind] then return endpoint.fault_remedy(op, request, change.kind, tostring(change.reason)) end
  return nil
end

return remedy
