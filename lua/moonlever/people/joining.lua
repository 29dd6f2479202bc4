-- SPDX-License-Identifier: MIT
-- Bringing people into the services, and keeping what they are called up to date.
--
-- Only what the file says is sent: an empty cell sets nothing and changes nothing, and no
-- name, username or password is made up. Departments, locations, security groups and
-- supervisors of WorkDrive are given by name or address and sent as ids (WD-13); who cannot
-- be found is refused before anything is sent.
--
--   local places = joining.places(account, rows)
--   joining.create(person, account, row, places)
--   joining.update(person, account, user, row, places)

local accounts = require "moonlever.people.accounts"

local joining = {}

local function shown(value)
  return value ~= nil and value ~= "" and tostring(value) or "nothing"
end

-- Places ----------------------------------------------------------------------

-- Column of the roster -> resource that lists such places.
local PLACES = { department = "departments", location = "locations", security_group = "security_groups" }

-- Places by name in lower case, and by id; false for a name that is there twice.
local function index(list)
  local ids, names = {}, {}
  for place in list do
    local name = type(place.name) == "string" and place.name:lower()
    if name then ids[name] = ids[name] == nil and place.id or false end
    names[place.id] = place.name or place.id
  end
  return { ids = ids, names = names }
end

local function is_used(rows, column)
  for _, row in ipairs(rows) do
    if row[column] then return true end
  end
  return false
end

--- The places of WorkDrive that rows speak of; nothing is read for columns that are empty,
-- nor for other services.
function joining.places(account, rows)
  local places = {}
  for column, resource in pairs(PLACES) do
    if account.name == "workdrive" and is_used(rows, column) then
      places[column] = index(account.client[resource]:list())
    end
  end
  return places
end

-- The id of what a row names in a column; nil and why there is none.
local function place_id(places, row, column)
  local known = places[column]
  if known.names[row[column]] then return row[column] end
  local id = known.ids[row[column]:lower()]
  local what = column:gsub("_", " ")
  if id == nil then return nil, ("workdrive: there is no %s '%s'"):format(what, row[column]) end
  if id == false then return nil, ("workdrive: there are several of %s '%s'; give its id"):format(what, row[column]) end
  return id
end

local function supervisor_id(account, row)
  local user = account:find(row.reports_to)
  if user then return user.id end
  if user == false then return nil, ("workdrive: several people have the address %s"):format(row.reports_to) end
  return nil, ("workdrive: the supervisor %s is not there (yet): create them first"):format(row.reports_to)
end

-- The ids of all that a row names, by column. Returns nil and why one has none.
local function ids_of(account, row, places, columns)
  local ids = {}
  for _, column in ipairs(columns) do
    local id, why
    if row[column] and column == "reports_to" then
      id, why = supervisor_id(account, row)
    elseif row[column] then
      id, why = place_id(places, row, column)
    end
    if why then return nil, why end
    ids[column] = id
  end
  return ids
end

-- Creating --------------------------------------------------------------------

local create = {}

function create.screendesk(person, account, row)
  local name = (row.first or row.last) and { givenName = row.first, familyName = row.last } or nil
  local fields = {
    userName = row.address, emails = { { value = row.address, primary = true } }, name = name,
    roles = row.roles, externalId = row.external_id,
  }
  local users = account.users
  person:step("screendesk new, " .. (row.roles and accounts.roles_text(row.roles) or "member"),
    function() users:create(fields) end)
end

-- Usernames are not addresses: whose it is is looked up without regard to case.
local function has_username(account, username)
  for _, user in ipairs(account.list) do
    if type(user.UserName) == "string" and user.UserName:lower() == username:lower() then return user end
  end
end

function create.screendragon(person, account, row, _, how)
  if not row.username then
    return person:refuse("screendragon: a new user needs a name in the column username; none is made up")
  end
  local other = has_username(account, row.username)
  if other then
    return person:refuse(("screendragon: the username %s is that of %s"):format(row.username, shown(other.email)))
  end
  local fields = {
    userName = row.username, firstName = row.first, lastName = row.last, email = row.address,
    groupTags = row.groups, ssoUser = how.sso and 1 or nil,
  }
  local users = account.users
  person:step("screendragon new, " .. row.username, function() users:create(fields) end)
end

-- To whom the onboarding mail goes (WD-16).
local function mail_goes_to(row)
  local whole = row.security_group and row.designation and row.visibility
  return whole and "mail to them" or "mail to the supervisor"
end

function create.workdrive(person, account, row, places)
  local ids, why = ids_of(account, row, places, { "department", "location", "security_group", "reports_to" })
  if not ids then return person:refuse(why) end
  local fields = {
    email = row.address, firstName = row.first, lastName = row.last, phone = row.phone,
    designation = row.designation, defaultVisibility = row.visibility, department = ids.department,
    location = ids.location, securityGroup = ids.security_group, reportsTo = ids.reports_to,
  }
  local users = account.users
  person.mails = (person.mails or 0) + 1
  person:step("workdrive new, " .. mail_goes_to(row), function() users:create(fields) end)
end

--- Adds to a person what creates them in a service.
-- row  as roster.read makes it
-- how  { sso = true: Screendragon's users sign in through SSO }
function joining.create(person, account, row, places, how)
  return create[account.name](person, account, row, places, how or {})
end

-- Updating --------------------------------------------------------------------

-- Notes what is to change: only what the row gives, and only where it differs.
local function differ(changes, what, old, new, put)
  if new == nil or new == old then return end
  changes[#changes + 1] = ("%s %s -> %s"):format(what, shown(old), shown(new))
  put(new)
end

local function field(fields, name)
  return function(value) fields[name] = value end
end

local update = {}

function update.screendesk(changes, user, row)
  local fields, name, was = {}, {}, user.roles or {}
  local function part(member)
    return function(value) name[member], fields.name = value, name end
  end
  differ(changes, "first name", user.name.givenName, row.first, part "givenName")
  differ(changes, "last name", user.name.familyName, row.last, part "familyName")
  differ(changes, "roles", accounts.roles_text(was), row.roles and accounts.roles_text(row.roles),
    function() fields.roles = row.roles end)
  return fields
end

function update.screendragon(changes, user, row)
  local fields = {}
  differ(changes, "first name", user.FirstName, row.first, field(fields, "firstName"))
  differ(changes, "last name", user.LastName, row.last, field(fields, "lastName"))
  return fields
end

function update.workdrive(changes, user, row, ids, places)
  local fields = {}
  differ(changes, "first name", user.firstName, row.first, field(fields, "firstName"))
  differ(changes, "last name", user.lastName, row.last, field(fields, "lastName"))
  differ(changes, "phone", user.phone, row.phone, field(fields, "phone"))
  differ(changes, "designation", user.designation, row.designation, field(fields, "designation"))
  if ids.department and ids.department ~= user.department then
    local names = places.department.names
    changes[#changes + 1] = ("department %s -> %s"):format(shown(names[user.department]), names[ids.department])
    fields.department = ids.department
  end
  if ids.reports_to and ids.reports_to ~= user.reportsTo then
    changes[#changes + 1] = "supervisor -> " .. row.reports_to
    fields.reportsTo = ids.reports_to
  end
  return fields
end

--- Does a row move a user of WorkDrive to another department?
function joining.moves(user, row, places)
  local id = row.department and place_id(places, row, "department")
  return id and id ~= user.department or false
end

--- Adds to a person what brings their record up to date; nothing where it is. Locations and
-- security groups are given at the start only: reads do not show them, so nobody could tell
-- whether they are right.
-- how  { last_heads = user id -> department }: who may not leave a department (WD-38)
function joining.update(person, account, user, row, places, how)
  local columns = account.name == "workdrive" and { "department", "reports_to" } or {}
  local ids, why = ids_of(account, row, places, columns)
  if not ids then return person:refuse(why) end
  local changes, users = {}, account.users
  local fields = update[account.name](changes, user, row, ids, places)
  local headed = fields.department and how and how.last_heads and how.last_heads[user.id]
  if headed then
    return person:refuse(("workdrive: heads the department %s alone; name another head first (WD-38)"):format(headed))
  end
  if #changes == 0 then return person:says(account.name .. " as it should be") end
  person:step(("%s %s"):format(account.name, table.concat(changes, ", ")),
    function() users:update(user, fields) end)
end

--- Adds to a person what lets them in again; Screendragon has no call for it.
function joining.reactivate(person, account, user)
  local users = account.users
  if account.name == "screendesk" then
    person:step("screendesk inactive -> active", function() users:update(user, { active = true }) end)
  elseif account.name == "workdrive" then
    person:step(("workdrive %s -> ACTIVE"):format(user.status),
      function() users:update(user, { status = "ACTIVE" }) end)
  else
    person:refuse("screendragon: inactive, and no call brings a user back")
  end
end

return joining
