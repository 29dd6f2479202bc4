-- SPDX-License-Identifier: MIT
-- The changes that a session has planned, and what becomes of them.
--
-- A session is a dry run: the transport sends no write of it, whatever is typed. commit()
-- makes a plan of what was planned since the last commit and asks the host to apply it, as
-- `moonlever apply` would: a run of its own, journalled, with a look at each object first.
--
-- Invariant: what was handed over, or dropped, is not handed over again.
--
--   local changes = changes.new(write)
--   changes:count()        --> 3
--   changes:commit()       --> { run = "…", state = "done", counts = { confirmed = 3 }, exit = 0 }

local raw = require "moonlever.raw"
local errors = require "moonlever.errors"
local plan = require "moonlever.plan"
local planned = require "moonlever.planned"
local resume = require "moonlever.resume"
local service = require "moonlever.service"

local changes = {}

local SHOWN = 10
local DELETES = 10 -- that need no number: as --yes allows (src/bind/door.c)

local Changes = {}
Changes.__index = Changes

--- Watches what the session plans; tells it with write(text).
function changes.new(write)
  local self = setmetatable({ write = write, before = 0, last = 0, part = 0, lines = {}, told = 0 }, Changes)
  planned.listen(function(line)
    if #self.lines < SHOWN then self.lines[#self.lines + 1] = line end
  end)
  return self
end

--- Are changes sent at once?
function changes.is_live()
  return raw.mode() == "run"
end

--- How many changes wait to be sent.
function Changes:count()
  return raw.planned() - self.before
end

local function amount(n)
  return n == 1 and "1 change" or ("%d changes"):format(n)
end

--- Says what has been planned since it was said last.
function Changes:tell()
  local new = raw.planned() - self.told
  if new == 0 then return end
  for _, line in ipairs(self.lines) do self.write("  " .. line .. "\n") end
  if new > #self.lines and #self.lines > 0 then self.write(("  … and %d more\n"):format(new - #self.lines)) end
  self.lines, self.told = {}, raw.planned()
  self.write(("%s planned, nothing is sent yet: commit() sends, discard() drops\n"):format(amount(self:count())))
end

-- The rows that wait, in order.
local function rows_of(self)
  local rows = {}
  if not raw.run_id() then return rows end
  raw.flush()
  for _, row in ipairs(resume.changes(raw.run_id())) do
    if row.state == "P" and row.seq > self.last then rows[#rows + 1] = row end
  end
  return rows
end

--- Shows what waits.
function Changes:show()
  if changes.is_live() then return self.write("nothing waits: this session sends at once\n") end
  local rows = rows_of(self)
  if #rows == 0 then return self.write("nothing is planned\n") end
  planned.preview(rows)
  self.write(("%s planned: commit() sends, discard() drops\n"):format(amount(#rows)))
end

-- What has been planned so far is done with.
local function forget(self)
  local rows = rows_of(self)
  self.last = #rows > 0 and rows[#rows].seq or self.last
  self.before, self.told, self.lines = raw.planned(), raw.planned(), {}
  service.forget_plans()
end

--- Drops what waits; nothing was sent of it.
function Changes:discard()
  local n = self:count()
  forget(self)
  self.write(n == 0 and "nothing was planned\n" or ("%s dropped, nothing was sent\n"):format(amount(n)))
end

--- At the end of a session: says what is dropped with it.
function Changes:drop()
  local n = self:count()
  if n == 0 or changes.is_live() then return end
  self.write(n == 1 and "1 planned change was dropped, nothing was sent\n"
    or ("%d planned changes were dropped, nothing was sent\n"):format(n))
end

local SENT = { "confirmed", "accepted", "unknown", "failed", "conflict", "noop" }

local function was_begun(result)
  for _, state in ipairs(SENT) do
    if (result.counts and result.counts[state] or 0) > 0 then return true end
  end
  return false
end

-- Deletes cannot be taken back: many of them need their number, before any is sent.
local function check_deletes(self, number)
  local deletes = 0
  for _, row in ipairs(rows_of(self)) do
    if row.effect == "delete" then deletes = deletes + 1 end
  end
  if deletes <= math.max(DELETES, number or 0) then return end
  errors.raise("guard", ("nothing was sent: there are %d deletes among the changes"):format(deletes), {
    fix = ("commit(%d) sends them as well"):format(deletes),
  })
end

local function check(self, number)
  if changes.is_live() then errors.usage("commit: this session sends at once, nothing waits") end
  if number ~= nil and math.type(number) ~= "integer" then
    errors.usage("commit: takes nothing, or the number of deletes that you expect")
  end
  if self:count() == 0 then return false end
  check_deletes(self, number)
  return true
end

--- Sends what waits. `number`: up to so many deletes are meant, where they are many. Returns
-- what came of it; nil where nothing waited. What a guard has stopped before anything was sent
-- goes on waiting.
function Changes:commit(number)
  if not check(self, number) then
    self.write("nothing is planned\n")
    return nil
  end
  raw.flush()
  self.part = self.part + 1
  local head, body = plan.text(raw.run_id(), { first = self.last + 1, number = self.part })
  local answer = raw.ask(("commit %d\n%s%s"):format(number or 0, head, body))
  local result = raw.json.decode(answer or "{}", { null = "drop" })
  if was_begun(result) then forget(self) end
  return result
end

return changes
