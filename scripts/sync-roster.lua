-- SPDX-License-Identifier: MIT
-- Makes the accounts of all services what the roster of the personnel department says:
-- joiners are created, movers updated, leavers taken out, as one plan.
--
-- Who is not in the file leaves. So a file that is cut short, filtered or misread would take
-- out half a company; therefore a single row that cannot be understood refuses it as a whole,
-- and so do more leavers than --max-leavers allows. An address that changes looks like one
-- person leaving and one arriving (SD-13): where the name is the same, neither is done.

local moonlever = require "moonlever"
local accounts = require "moonlever.people.accounts"
local check = require "moonlever.check"
local errors = require "moonlever.errors"
local joining = require "moonlever.people.joining"
local leaving = require "moonlever.people.leaving"
local roster = require "moonlever.people.roster"
local work = require "moonlever.people.work"

local opt = moonlever.script {
  summary = "Make the accounts of all services what a personnel roster (CSV) says",
  description = [[
    The file is as for onboard, and holds everybody: who has an account that is active and is not
    in the file is taken out, as by offboard (Screendesk: inactive and a plain member; Screendragon:
    removed, which is final; WorkDrive: archived). Who is in the file and missing is created; who is
    there gets the names, roles (Screendesk), phone, designation, department and supervisor
    (WorkDrive) of the file. Empty cells change nothing. A second run finds nothing to do.

    --keep names accounts that are in no roster and stay: the owner of the account, the user whose
    token this is, machines. People in the file whose account is not active are named, and let in
    again with --reactivate.

    Nothing at all is changed when a row cannot be understood, or when in one of the services more
    than --max-leavers percent of the active accounts would be taken out; the exit code is then 6.
    Somebody who leaves and somebody of the same name who joins may be one person with a new
    address: both are left alone and named.]],
  examples = {
    "moonlever run sync-roster hr.csv --keep owner@example.com --dry-run",
    "moonlever run sync-roster hr.csv --keep owner@example.com --plan monday.plan",
    "moonlever run sync-roster hr.csv --services screendesk --max-leavers 3 --yes",
  },
  shows = true,
  writes = { "screendesk.scim.users", "screendragon.users", "workdrive.users" },
  args = {
    file = { "the CSV file, or - for standard input", type = "file", required = true, positional = 1 },
    services = { "only these services, which must be set up", type = "list",
      values = { "screendesk", "screendragon", "workdrive" } },
    keep = { "addresses of accounts that stay though they are not in the file", type = "list", value = "EMAILS" },
    max_leavers = { "percentage of a service's active accounts that may be taken out", type = "number",
      min = 0, max = 100, default = 10 },
    reactivate = { "let people in the file in again whose account is not active", type = "boolean" },
    sso = { "new users of Screendragon sign in through SSO", type = "boolean" },
  },
}

local MAX_FAULTS = 20

-- The rows of the file; any fault in it ends the run.
local function read_roster()
  local rows, unused = roster.load(opt, opt.file)
  local faults = {}
  for _, row in ipairs(rows) do
    if row.fault then faults[#faults + 1] = ("%s: %s"):format(row.label, row.fault) end
  end
  if #faults > 0 then
    local more = #faults > MAX_FAULTS and ("\n  … and %d more"):format(#faults - MAX_FAULTS) or ""
    opt:fail(("%s: %d rows cannot be understood; nothing is done, since who is in no row would leave:\n  %s%s")
      :format(opt.file, #faults, table.concat(faults, "\n  ", 1, math.min(#faults, MAX_FAULTS)), more))
  end
  return rows, unused
end

local rows, unused = read_roster()
local stays = {}
for _, address in ipairs(opt.keep or {}) do
  if not check.is_email(address) then opt:fail(("--keep: '%s' is no email address"):format(address)) end
  stays[address:lower()] = true
end
for _, row in ipairs(rows) do stays[row.email] = true end

local open, lines = accounts.open(opt.services)

-- What is to be done, by person: each has one line, whatever the service.
local people, by_label = {}, {}
local function person_named(label)
  local person = by_label[label]
  if not person then
    person = work.person(label)
    by_label[label], people[#people + 1] = person, person
  end
  return person
end

-- Who leaves -------------------------------------------------------------------

local function has_place(account, user)
  for _, address in ipairs(account.kind.addresses(user)) do
    if type(address) == "string" and stays[address:lower()] then return true end
  end
  return false
end

-- The active accounts that are not in the file, and how many active ones there are. Who has no
-- address cannot be in any file, so nothing follows from that.
local function find_leavers(account)
  local active, gone = 0, {}
  for _, user in ipairs(account.list) do
    if account:is_active(user) then
      active = active + 1
      if account:email_of(user) ~= "" and not has_place(account, user) then gone[#gone + 1] = user end
    end
  end
  return gone, active
end

local leavers, too_many, shown = {}, {}, {}

local function check_threshold(account, gone, active)
  local share = active > 0 and #gone * 100 / active or 0
  if share <= opt.max_leavers then return end
  too_many[#too_many + 1] = ("%s: %d of %d active accounts are not in the file (%.1f %%)")
    :format(account.name, #gone, active, share)
  for index, user in ipairs(gone) do
    if index <= MAX_FAULTS then shown[#shown + 1] = ("%s: %s"):format(account.name, account:email_of(user)) end
  end
  if #gone > MAX_FAULTS then shown[#shown + 1] = ("%s: … and %d more"):format(account.name, #gone - MAX_FAULTS) end
end

for _, account in ipairs(open) do
  local gone, active = find_leavers(account)
  leavers[account] = gone
  check_threshold(account, gone, active)
end

if #too_many > 0 then
  moonlever.report { title = "sync-roster: nothing was done; not in the file are", lines = shown }
  errors.raise("guard", ("more than %g %% of the accounts would be taken out: %s")
    :format(opt.max_leavers, table.concat(too_many, "; ")), {
      fix = "look whether the file is whole; --keep names accounts that stay, --max-leavers allows more",
    })
end

-- Heads whom a department would miss, be it that they leave or that they move to another.
local function heads_of(account, places)
  local going = {}
  for _, user in ipairs(leavers[account]) do going[user.id] = true end
  for _, row in ipairs(rows) do
    local user = account:find(row.email)
    if user and joining.moves(user, row, places) then going[user.id] = true end
  end
  return next(going) and leaving.last_heads(account, going) or {}
end

-- One person with two addresses? ------------------------------------------------

local function full_name(first, last)
  if (first or "") == "" or (last or "") == "" then return nil end
  return (first .. " " .. last):lower()
end

-- The leavers of a service by name.
local function leavers_by_name(account)
  local names = {}
  for _, user in ipairs(leavers[account]) do
    local name = full_name(account:names(user))
    if name then names[name] = user end
  end
  return names
end

-- The plan ----------------------------------------------------------------------

local doubtful = {} -- record -> address of somebody of the same name who would join

local function add_row(account, row, places, how)
  if row.services and not row.services[account.name] then return end
  local person, user = person_named(row.email), account:find(row.email)
  local namesake = not user and how.namesakes[full_name(row.first, row.last) or false]
  if user == false then
    person:refuse(("%s: more than one user has this address"):format(account.name))
  elseif namesake then
    doubtful[namesake] = row.email
    person:refuse(("%s: may be %s with a new address; change it there, or use onboard and offboard (SD-13)")
      :format(account.name, account:email_of(namesake)))
  elseif not user then
    joining.create(person, account, row, places, { sso = opt.sso })
  elseif account:is_active(user) then
    joining.update(person, account, user, row, places, how)
  elseif opt.reactivate then
    joining.reactivate(person, account, user)
  else
    person:says(account.name .. " not active and left so (--reactivate)")
  end
end

local function add_leaver(account, user, how)
  local label = account:email_of(user)
  local person = person_named(label ~= "" and label or ("%s user %s"):format(account.name, user.id or user.userID))
  if doubtful[user] then
    person:refuse(("%s: may be %s under an old address (SD-13)"):format(account.name, doubtful[user]))
  else
    leaving.add(person, account, user, how)
  end
end

local mails = 0
for _, account in ipairs(open) do
  local places = joining.places(account, rows)
  local how = { namesakes = leavers_by_name(account) }
  if account.name == "workdrive" then how.last_heads = heads_of(account, places) end
  for _, row in ipairs(rows) do add_row(account, row, places, how) end
  for _, user in ipairs(leavers[account]) do add_leaver(account, user, how) end
  lines[#lines + 1] = ("%s: %d accounts, %d of them leave"):format(account.name, #account.list, #leavers[account])
end
for _, person in ipairs(people) do mails = mails + (person.mails or 0) end
if mails > 0 then
  lines[#lines + 1] = ("WorkDrive sends an onboarding mail for each of %d new people (WD-16)"):format(mails)
end
if #unused > 0 then lines[#lines + 1] = "columns that are not used: " .. table.concat(unused, ", ") end
work.carry_out("sync-roster, people", people, lines)
