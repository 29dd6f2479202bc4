-- SPDX-License-Identifier: MIT
-- Takes people out of all three services, by their addresses.
--
-- Nothing is removed that could be archived, unless it is asked for; Screendragon has no
-- such way, so there it is final (SG-16). All that is known before the first change is said
-- before it: who is unknown, and whose department would have no head (WD-38). Nothing in a
-- record marks the owner of a Screendesk account: the service refuses it with 403, and the
-- others go on (SD-25).

local moonlever = require "moonlever"
local accounts = require "moonlever.people.accounts"
local check = require "moonlever.check"
local leaving = require "moonlever.people.leaving"
local roster = require "moonlever.people.roster"
local times = require "moonlever.times"
local work = require "moonlever.people.work"

local opt = moonlever.script {
  summary = "Take people out of Screendesk, Screendragon and WorkDrive, by their addresses",
  description = [[
    Screendesk: roles to plain member, and inactive. Screendragon: removed, which is final, at
    once or on --date, with --heir to take over. WorkDrive: archived. With --delete people are
    deleted in Screendesk and WorkDrive as well.

    Addresses are arguments or the column email of a CSV file. They are matched in lower case. An
    address that nobody or several have is named, and the rest goes on; the exit code is then 3.
    So it is with the owner of a Screendesk account, whom the service protects, and with heads of
    WorkDrive departments that would have none left: these stay in WorkDrive.

    Services that are not set up are left out, and the report says so; --services names those that
    must be there. Who is out already is left alone, so the script may be run again at any time.
    Only a removal for a day to come is asked for again, since Screendragon does not show it.

    More than ten deletes (Screendragon's count as such) need --confirm N. The undo of a run brings
    back roles, status and Screendesk users, and names what cannot be brought back.]],
  examples = {
    "moonlever run offboard ada@example.com --dry-run",
    "moonlever run offboard --file leavers.csv --plan leavers.plan",
    "moonlever run offboard --file leavers.csv --services workdrive,screendesk --yes",
  },
  shows = true,
  writes = { "screendesk.scim.users", "screendragon.users", "workdrive.users" },
  args = {
    emails = { "addresses of those who leave", type = "list", positional = 1, value = "EMAIL" },
    file = { "a CSV file with a column email, or - for standard input", type = "file" },
    services = { "only these services, which must be set up", type = "list",
      values = { "screendesk", "screendragon", "workdrive" } },
    delete = { "delete for good in Screendesk and WorkDrive", type = "boolean" },
    date = { "the day of the removal in Screendragon, such as 2026-01-31", value = "DATE" },
    heir = { "who takes over in Screendragon", value = "EMAIL" },
  },
}

if not opt.emails and not opt.file then opt:fail("nobody is named; give addresses, or --file") end
if opt.date and not times.parse(opt.date) then
  opt:fail(("--date: '%s' is no date; write it as 2026-01-31"):format(opt.date))
end
if opt.heir and not check.is_email(opt.heir) then opt:fail(("--heir: '%s' is no email address"):format(opt.heir)) end

-- Everybody who is named: { email, label, fault }.
local function named()
  local rows = {}
  for _, address in ipairs(opt.emails or {}) do
    if not check.is_email(address) then opt:fail(("'%s' is no email address"):format(address)) end
    rows[#rows + 1] = { email = address:lower(), label = address }
  end
  if opt.file then
    for _, row in ipairs((roster.load(opt, opt.file))) do rows[#rows + 1] = row end
  end
  return rows
end

-- Rows by address: a file may say other things of a person twice, but here only who it is counts.
local function once(rows)
  local list, seen, repeated = {}, {}, 0
  for _, row in ipairs(rows) do
    local valid = check.is_email(row.email)
    if valid and seen[row.email] then
      repeated = repeated + 1
    else
      list[#list + 1] = valid and { email = row.email, label = row.email } or { label = row.label, fault = row.fault }
      if valid then seen[row.email] = true end
    end
  end
  return list, repeated
end

local people, repeated = once(named())
local open, lines = accounts.open(opt.services)
local how = { delete = opt.delete, date = opt.date }

local leaves = {}
for _, person in ipairs(people) do
  if person.email then leaves[person.email] = true end
end

-- The number of the heir, who must be there and stay.
local function heir_of(account)
  local email = opt.heir:lower()
  local heir = account:find(email)
  if not heir then opt:fail(("--heir: Screendragon does not know %s for certain"):format(email)) end
  if not account:is_active(heir) or leaves[email] then opt:fail(("--heir: %s is not there to stay"):format(email)) end
  return heir.userID
end

local dragon, drive = accounts.named(open, "screendragon"), accounts.named(open, "workdrive")
if (opt.heir or opt.date) and not dragon then opt:fail("--heir and --date go with Screendragon, which is left out") end
if opt.heir then how.heir = heir_of(dragon) end

if drive then
  local ids = {}
  for email in pairs(leaves) do
    local user = drive:find(email)
    if user then ids[user.id] = true end
  end
  how.last_heads = next(ids) and leaving.last_heads(drive, ids) or nil
end

-- What is to be done for one person, in every service that is open.
local taken = {} -- record -> who takes it: a user may have several addresses
local function plan(row)
  local person, found = work.person(row.label), false
  if row.fault then
    person:refuse(row.fault)
    return person
  end
  for _, account in ipairs(open) do
    local user = account:find(row.email)
    found = found or user ~= nil
    if user == nil then
      person:says(account.name .. " not there")
    elseif user == false then
      person:refuse(("%s: more than one user has this address"):format(account.name))
    elseif taken[user] then
      person:says(("%s is %s"):format(account.name, taken[user]))
    else
      taken[user] = row.label
      leaving.add(person, account, user, how)
    end
  end
  if not found then person:refuse("nobody has this address") end
  return person
end

local list = {}
for _, row in ipairs(people) do list[#list + 1] = plan(row) end
if repeated > 0 then lines[#lines + 1] = ("%d named again"):format(repeated) end
work.carry_out("offboard, people", list, lines)
