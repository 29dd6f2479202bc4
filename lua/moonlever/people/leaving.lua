-- SPDX-License-Identifier: MIT
-- Taking people out of the services, as gently as each of them allows.
--
--   Screendesk     roles to plain member and inactive, or deleted when asked (SD-15, SD-25)
--   Screendragon   there is only the delete, which has a date and an heir and cannot be taken
--                  back (SG-16)
--   WorkDrive      status ARCHIVE, or deleted when asked (WD-17)
--
-- Invariant: no department of WorkDrive loses its last head who is not archived (WD-38); of
-- several heads who would all leave at once, none goes.
--
--   local how = { delete = false, date = "2026-01-31", heir = 1001 }
--   leaving.add(person, account, user, how)

local accounts = require "moonlever.people.accounts"

local leaving = {}

local MEMBER = { admin = false, editor = false, member = true }

local add = {}

local function is_plain(roles)
  return roles.member == true and not roles.admin and not roles.editor
end

function add.screendesk(person, account, user, how)
  local users, roles = account.users, user.roles or {}
  if how.delete then
    person:step("screendesk deleted", function() users:delete(user) end)
  elseif user.active == false and is_plain(roles) then
    person:says("screendesk already inactive")
  else
    local was = ("%s %s"):format(user.active == false and "inactive" or "active", accounts.roles_text(roles))
    person:step(("screendesk %s -> inactive member"):format(was),
      function() users:update(user, { active = false, roles = MEMBER }) end)
  end
end

function add.screendragon(person, account, user, how)
  if not account:is_active(user) then return person:says("screendragon already inactive") end
  local query = { scheduledDate = how.date, assignUserID = how.heir }
  local users = account.users
  person:step(how.date and "screendragon removed on " .. how.date or "screendragon removed", function()
    users:delete(user, next(query) and { query = query } or nil)
  end)
end

function add.workdrive(person, account, user, how)
  local users, department = account.users, how.last_heads and how.last_heads[user.id]
  if not how.delete and user.status == "ARCHIVE" then
    person:says("workdrive already archived")
  elseif department then
    person:refuse(("workdrive: heads the department %s, which would have no head left; name another one first (WD-38)")
      :format(department))
  elseif how.delete then
    person:step("workdrive deleted", function() users:delete(user) end)
  else
    person:step(("workdrive %s -> ARCHIVE"):format(user.status or "?"),
      function() users:update(user, { status = "ARCHIVE" }) end)
  end
end

--- Adds to a person what takes them out of one service.
-- user  the record, as the account's list shows it
-- how   { delete, date, heir, last_heads }
function leaving.add(person, account, user, how)
  return add[account.name](person, account, user, how)
end

local function id_of(ref)
  return type(ref) == "table" and ref.id or ref
end

--- The heads who must stay: user id -> name of the department.
-- account  WorkDrive's
-- leavers  user id -> true: who is about to leave
function leaving.last_heads(account, leavers)
  local stays, last = {}, {}
  for _, user in ipairs(account.list) do
    if user.status ~= "ARCHIVE" and not leavers[user.id] then stays[user.id] = true end
  end
  for department in account.client.departments:list() do
    -- The two lists should name the same people; each of them has to keep one.
    for _, heads in ipairs { department.admins or {}, department.departmentHeads or {} } do
      local kept = false
      for _, head in ipairs(heads) do kept = kept or stays[id_of(head)] end
      for _, head in ipairs(kept and {} or heads) do
        if leavers[id_of(head)] then last[id_of(head)] = department.name or department.id end
      end
    end
  end
  return last
end

return leaving
