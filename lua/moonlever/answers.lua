-- SPDX-License-Identifier: MIT
-- What the answer to a write proves, by the catalogue's `answer`.
--
--   object   the object: it must be the one that was meant, with what was sent
--   id       a bare number or digits: the object has that id, and is read (SG-05)
--   list     objects in the order of the body; here one of them, the job's `place`
--   echo     the request without an id: the object is looked for, or, where nothing shows it,
--            the answer is the only proof there is, and what the call returns (WD-25, WD-28)
--   message  words, none: nothing that counts
--
-- A success without a body is one where the catalogue says so (WD-02); it shows nothing.
--
--   local verdict, result = answers.judge(job, call)

local endpoint = require "moonlever.endpoint"
local raw = require "moonlever.raw"

local answers = {}

-- "done", object | "differs", what is wrong, object | "unknown", error
local function judge_object(job, object)
  local good, got = pcall(job.op.res.shape.dress, job.op.res.shape, object)
  if not good then return "unknown", got end
  local right, why = job:matches(object)
  if right then return "done", object end
  return "differs", why, object
end

local JUDGES = {}

function JUDGES.none()
  return "done", nil
end

JUDGES.message = JUDGES.none

function JUDGES.object(job, call)
  if call:body() == "" and job.op.ctx.catalogue.retries == "reads" then return "differs", "showed nothing" end
  local ok, object = pcall(endpoint.decode_object, job.op, job.request, call)
  if not ok then return "unknown", object end
  return judge_object(job, object)
end

function JUDGES.id(job, call)
  local text = call:body():match('^%s*"?(%d+)"?%s*$')
  if not text then return "differs", "answered no number" end
  return "differs", "the user does not show it", { [job.op.res.key] = math.tointeger(tonumber(text)) or text }
end

function JUDGES.echo(job, call)
  if job.op.spec.read then return "differs", "it is not in the list" end
  if call:body() == "" then return "done", nil end
  local ok, answer = pcall(endpoint.decode_object, job.op, job.request, call)
  if not ok then return "unknown", answer end
  return "done", answer
end

function JUDGES.list(job, call)
  local ok, list = pcall(endpoint.decode, job.op, job.request, call)
  local object = ok and raw.json.is_array(list) and list[job.place or 1] or nil
  if type(object) ~= "table" then return "differs", "the answer does not show it" end
  return judge_object(job, object)
end

-- Judges the complete answer of a success. Returns "done", object; "differs", what is wrong,
-- and the object that came (or nil); or "unknown", an error.
function answers.judge(job, call)
  return (JUDGES[job.op.spec.answer] or JUDGES.none)(job, call)
end

return answers
