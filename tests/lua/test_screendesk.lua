-- SPDX-License-Identifier: MIT
-- The Screendesk client from end to end against a practice account.
-- run: --practice --yes --rate 0 --recordings 250 --users 12
-- exit: 3
local check = require "check"
local moonlever = require "moonlever"

local sd = moonlever.connect "screendesk"

-- Lists
local seen, first = {}, nil
for rec in sd.recordings:list() do
  first = first or rec
  check.equal(seen[rec.uuid], nil, "a recording that came twice")
  seen[rec.uuid] = true
  check.ok(pcall(function() return rec.metadata.helpdesk_info.ticket_id end))
end
local pages = 0
for page in sd.recordings:pages { snapshot = false } do
  pages = pages + 1
  check.equal(page.number, pages)
  check.equal(page.total, 250)
end
check.equal(pages, 3)
local limited = 0
for _ in sd.recordings:list { limit = 101 } do limited = limited + 1 end
check.equal(limited, 101)

-- Single objects
check.equal(sd.recordings:get(first.uuid), first)
local err = check.raises("notfound", sd.recordings.get, sd.recordings, "no-such-recording")
check.equal({ err.status, err.operation, err.target }, { 404, "screendesk.recordings.get", "no-such-recording" })
check.match(tostring(err), "No recording with this id")
check.ok(err.request_id)
check.raises("usage", sd.recordings.get, sd.recordings, "")
check.raises("usage", sd.recordings.get, sd.recordings, 42.0)
check.raises("usage", sd.recordings.get, sd.recordings, "..")
check.raises("usage", sd.recordings.get, sd.recordings)
check.match(check.raises("usage", sd.recordings.get, first.uuid).message, "colon")
check.match(check.raises("usage", function() return sd.recordings.gte end).message, "did you mean 'get'")
check.match(check.raises("usage", function() return sd.recording end).message, "did you mean 'recordings'")
check.raises("usage", function() sd.recordings.gte = print end)
check.match(check.raises("usage", sd.recordings.list, sd.recordings, { limt = 1 }).message, "did you mean 'limit'")
check.raises("usage", sd.recordings.list, sd.recordings, { page = 0 })
local where = check.raises("usage", function() sd.recordings:list { limit = 1.5 } end).where
check.match(where, "test_screendesk.lua:%d+$")

-- Writes
local new = sd.recordings:update(first, { title = "Tïtle", summary = moonlever.null })
check.equal({ new.title, new.summary }, { "Tïtle", nil })
check.equal(sd.recordings:get(first.uuid).title, "Tïtle")
check.equal(sd.recordings:update(new, { title = "Tïtle" }), new) -- nothing to do: the same object
check.raises("invalid", sd.recordings.update, sd.recordings, new, { title = ("x"):rep(300) })
check.equal(sd.recordings:get(first.uuid).title, "Tïtle")

-- Users
local owner
for user in sd.users:list { limit = 1 } do owner = user end
check.equal(sd.users:search(owner.email), owner)
check.equal(sd.users:search("nobody+here@example.com"), nil)
check.raises("usage", sd.users.search, sd.users, "")

-- SCIM
local user = sd.scim.users:create {
  userName = "ines.duarte@example.com", externalId = "hr-20417",
  name = { givenName = "Ines", familyName = "Duarte" },
  emails = { { value = "ines.duarte@example.com", primary = true, type = "work" } },
}
check.equal(user.roles, { admin = false, member = true, editor = false })
check.equal(sd.scim.users:set_roles(user, { editor = true }).roles, { admin = false, member = true, editor = true })
check.equal(sd.scim.users:update("hr-20417", { name = { givenName = "Inês" } }).roles.editor, true)
check.equal(sd.scim.users:get(user.id).name.familyName, "Duarte")
check.equal(sd.scim.users:get("hr-20417").id, user.id)
check.equal(sd.scim.users:replace_roles(user, { "admin" }).roles, { admin = true, member = false, editor = false })
check.equal(sd.scim.users:set_active(user.id, false).active, false)
check.raises("usage", sd.scim.users.set_roles, sd.scim.users, user, { edtor = true })
sd.scim.users:delete(user)
check.raises("notfound", sd.scim.users.get, sd.scim.users, user.id)
check.raises("notfound", sd.scim.users.delete, sd.scim.users, user.id)

-- The way out
local body, answer = sd:request { path = "/api/v2/recordings", query = { page = 3 } }
check.equal({ #body.records, answer.status }, { 50, 200 })
check.raises("usage", sd.request, sd, { path = "recordings" })
check.raises("usage", sd.request, sd, { path = "/api/v2/users", method = "BREW" })
check.raises("notfound", sd.request, sd, { path = "/api/v2/nowhere" })

check.done(250 * 2 + 3 * 2 + 2 + 43)
