-- SPDX-License-Identifier: MIT
-- Brings people of a CSV file into the services, where they are missing.
--
-- Only what the file says is sent; nothing is made up, no password among it (SG-18). WorkDrive
-- mails everybody who is created, or their supervisor (WD-16), so the report says how many
-- mails that are, and Moonlever asks.

local moonlever = require "moonlever"
local accounts = require "moonlever.people.accounts"
local joining = require "moonlever.people.joining"
local roster = require "moonlever.people.roster"
local work = require "moonlever.people.work"

local opt = moonlever.script {
  summary = "Bring the people of a CSV file into Screendesk, Screendragon and WorkDrive",
  description = [[
    One person a row; the first line names the columns. Needed: email. Understood as well, under
    these and usual other names: first_name, last_name, roles (Screendesk: admin, editor, member;
    left empty a plain member), external_id (Screendesk), username and groups (Screendragon),
    designation, department, location, security_group, reports_to, phone and visibility
    (WorkDrive). Departments, locations and groups are named as in WorkDrive or by id, supervisors
    by address. A column services (such as "screendesk workdrive") limits a row to these.

    People are matched by their address in lower case and created only where they are missing; who
    is there already is left alone, whether active or not. Addresses are checked, and rows that
    cannot be understood or contradict each other are named while the rest goes on; the exit code
    is then 3. A new user of Screendragon needs a username: none is made up, nor any password.

    WorkDrive sends a mail to everybody who is created, or to their supervisor where
    security_group, designation or visibility is empty. Without reports_to the admins of the
    department or location become supervisors. Look first with --dry-run.]],
  examples = {
    "moonlever run onboard people.csv --dry-run",
    "moonlever run onboard people.csv --services screendesk,workdrive",
  },
  shows = true,
  writes = { "screendesk.scim.users", "screendragon.users", "workdrive.users" },
  args = {
    file = { "the CSV file, or - for standard input", type = "file", required = true, positional = 1 },
    services = { "only these services, which must be set up", type = "list",
      values = { "screendesk", "screendragon", "workdrive" } },
    sso = { "new users of Screendragon sign in through SSO", type = "boolean" },
  },
}

local rows, unused, repeated = roster.load(opt, opt.file)
local open, lines = accounts.open(opt.services)

-- What is to be done for one person in one service.
local function add(person, account, row, places)
  local user = account:find(row.email)
  if user == false then
    person:refuse(("%s: more than one user has this address"):format(account.name))
  elseif user then
    person:says(account.name .. (account:is_active(user) and " there already" or " there already, but not active"))
  else
    joining.create(person, account, row, places, { sso = opt.sso })
  end
end

local function plan(row, places)
  local person = work.person(row.fault and row.label or row.email)
  if row.fault then
    person:refuse(row.fault)
    return person
  end
  for _, account in ipairs(open) do
    if not row.services or row.services[account.name] then add(person, account, row, places[account]) end
  end
  for name in pairs(row.services or {}) do
    if not accounts.named(open, name) then person:refuse(("%s is asked for and not open here"):format(name)) end
  end
  return person
end

local places, people, mails = {}, {}, 0
for _, account in ipairs(open) do places[account] = joining.places(account, rows) end
for _, row in ipairs(rows) do
  people[#people + 1] = plan(row, places)
  mails = mails + (people[#people].mails or 0)
end

if mails > 0 then
  lines[#lines + 1] = ("WorkDrive sends an onboarding mail for each of %d new people (WD-16)"):format(mails)
end
if #unused > 0 then lines[#lines + 1] = "columns that are not used: " .. table.concat(unused, ", ") end
if repeated > 0 then lines[#lines + 1] = ("%d rows said the same again"):format(repeated) end
work.carry_out("onboard, people", people, lines)
