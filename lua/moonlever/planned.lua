-- SPDX-License-Identifier: MIT
-- Shows what a dry run would change: the first changes in the closing report,
-- each of them in the log (-v).
--
--   planned.note(op, "81c5…", { title = "old" }, { title = "new" }, { "title" })
--   --> ~ screendesk.recordings 81c5…  title: "old" -> "new"

local raw = require "moonlever.raw"

local planned = {}

local SHOWN = 10      -- lines in the report
local WIDTH = 60      -- bytes of one value
local MARKS = { create = "+", delete = "-" }

local silent = false
local shown = 0
local listener -- told each line instead of the report

--- The script shows its changes itself (`shows = true` in its header).
function planned.silence()
  silent = true
end

--- From now on each line goes to fn(line), and none to the report: a session shows them itself.
function planned.listen(fn)
  listener = fn
end

-- A value as one short line; never cut within a character.
local function brief(value)
  if value == nil then return "nothing" end
  local text = raw.json.encode(value, { sorted = true })
  if #text <= WIDTH then return text end
  local cut = utf8.offset(text, 0, WIDTH) - 1
  return text:sub(1, cut) .. "…"
end

-- Is that to be sent what is there already? A whole replacement has many such members.
local function stays(old, new)
  if old == nil or new == nil then return false end
  return old == new or raw.json.encode(old, { sorted = true }) == raw.json.encode(new, { sorted = true })
end

local function describe(op, target, before, sent, members)
  local parts = {}
  table.sort(members)
  for _, name in ipairs(members) do
    local old, new = before and rawget(before, name), sent[name]
    if not before then
      parts[#parts + 1] = ("%s: %s"):format(name, brief(new))
    elseif not stays(old, new) then
      parts[#parts + 1] = ("%s: %s -> %s"):format(name, brief(old), brief(new))
    end
  end
  return ("%s %s %s  %s"):format(MARKS[op.spec.effect] or "~", op.resource, target, table.concat(parts, ", "))
    :gsub("%s+$", "")
end

--- Notes one planned change.
-- op       the operation, with resource and spec.effect
-- target   id of the object, or its natural key
-- before   the object as it is, nil where there is none
-- sent     the members that would be sent
-- members  the names of those that would change
function planned.note(op, target, before, sent, members)
  if silent then return end
  local line = describe(op, target, before, sent or {}, members)
  if listener then return listener(line) end
  raw.log(2, "planned: " .. line)
  if shown >= SHOWN then return end
  shown = shown + 1
  raw.plan_line("  " .. line .. "\n")
end

-- One line for a change as the journal holds it.
local function describe_row(row)
  if row.method == "-" then return ("! %s %s  cannot be undone: %s"):format(row.resource, row.target, row.body) end
  local before = row.before and raw.json.decode(row.before, { null = "drop" }) or {}
  local after = row.after and raw.json.decode(row.after) or {}
  local members = {}
  for name in pairs(after) do members[#members + 1] = name end
  local op = { spec = { effect = row.effect }, resource = row.resource }
  return describe(op, row.target, row.effect ~= "create" and before or nil, after, members)
end

--- Writes the first of these changes to the output, before anybody is asked.
function planned.preview(rows)
  for i = 1, math.min(#rows, SHOWN) do raw.write("  " .. describe_row(rows[i]) .. "\n") end
  if #rows > SHOWN then raw.write(("  … and %d more\n"):format(#rows - SHOWN)) end
end

return planned
