-- SPDX-License-Identifier: MIT
-- Each catalogue against the description of its service: every documented operation once, with
-- its method, path, parameters, body, effect, paging, statuses, rights, records and notes.
-- run:
local check = require "check"
local catalogue = require "moonlever.catalogue"
local drift = require "drift"

-- What differs on purpose, with the note that says why (tests/lib/drift.lua). A line that is
-- not needed fails the test as well.
local deviations = {
  screendesk = {
    renamed = { scim_users_update = "scim.users.replace" }, -- update is the careful way (SD-16)
    left_out = {
      ["scim_users_create body.id"] = "SD-17", ["scim_users_update body.id"] = "SD-17",
      -- Added to every body by `defaults`.
      ["scim_users_create body.schemas"] = "SD-16", ["scim_users_update body.schemas"] = "SD-16",
    },
    different = {
      ["scim_users_create body.userName format"] = "SD-23", ["scim_users_create body.userName required"] = "SD-23",
      ["scim_users_create body.emails[].value format"] = "SD-23",
      ["scim_users_create body.emails[].value required"] = "SD-23",
      ["scim_users_create body.externalId null"] = "SD-16",
      ["scim_users_update body.userName format"] = "SD-23", ["scim_users_update body.userName required"] = "SD-23",
      ["scim_users_update body.emails[].value format"] = "SD-23",
      ["scim_users_update body.emails[].value required"] = "SD-23",
      ["scim_users_update body.externalId null"] = "SD-16",
      -- Read as flags, whatever the form.
      ["scim_users_create record.roles shape"] = "SD-14", ["scim_users_update record.roles shape"] = "SD-14",
      ["scim_users_get record.roles shape"] = "SD-14", ["scim_users_list record.roles shape"] = "SD-14",
    },
  },
  screendragon = {
    different = {
      ["users_create body.encryptPassword values"] = "SG-18", -- only true
      ["users_bulk_update body[].UserId required"] = "SG-07", -- without it nobody is named
    },
  },
  workdrive = {
    corrected = {
      documents_update = "WD-26", documents_delete = "WD-27", courses_list = "WD-29", locations_create = "WD-41",
    },
    left_out = {
      ["posts_create body.newsTitle"] = "WD-10", ["posts_update body.newsTitle"] = "WD-10",
      ["posts_create body.category"] = "WD-10", ["posts_update body.category"] = "WD-10",
      ["posts_create body.coverImage"] = "WD-10", ["posts_update body.coverImage"] = "WD-10",
      ["locations_create body.addedBy"] = "WD-41", ["locations_create body.orgId"] = "WD-41",
    },
    different = {
      ["users_bulk_create body[].email required"] = "WD-15",
      ["security_groups_add_members body.ids required"] = "WD-43",
      ["security_groups_remove_members body.ids required"] = "WD-43",
      ["tasks_create_and_assign body.userIds required"] = "WD-33", -- tells it from tasks_create
      ["sso_list query.manage values"] = "WD-44", ["sso_create query.manage values"] = "WD-44", -- only true
      ["messages_send path.conversationId format"] = "WD-35", -- only a UUID
      ["group_chats_delete query.id type"] = "WD-34",         -- one id, not a list
    },
  },
}

local function compare(name, whole)
  return drift.compare(whole or catalogue.load(name), drift.spec(name), deviations[name])
end

local total = 0
for name, count in pairs { screendesk = 10, screendragon = 8, workdrive = 75 } do
  local problems, compared = compare(name)
  check.equal(problems, {}, name)
  check.equal(compared, count, name)
  total = total + compared
end
check.equal(total, 93)

-- Every change of a catalogue that matters is noticed, so nothing above was skipped.
local function copy(value, copies)
  if type(value) ~= "table" then return value end
  if copies[value] then return copies[value] end
  local new = {}
  copies[value] = new
  for key, member in pairs(value) do new[key] = copy(member, copies) end
  return new
end

local function noticed(name, change, expected)
  local whole = copy(catalogue.load(name), {})
  change(whole.resources, whole)
  local problems = compare(name, whole)
  check.match(table.concat(problems, "\n"), expected, expected, true)
end

noticed("workdrive", function(r) r.faqs.operations.delete = nil end,
  "faqs_delete: it is documented and not in the catalogue")
noticed("workdrive", function(r) r.faqs.operations.again = r.faqs.operations.list end, "'faqs_list' is there already")
noticed("workdrive", function(r) r.faqs.operations.remove = r.faqs.operations.delete end,
  "the operation 'faqs_delete' should be called otherwise")
noticed("workdrive", function(r) r.tasks.operations.delete.path = "/api/task/{id}" end,
  "tasks_delete: path /api/task/{id}, documented /api/tasks/{id}")
noticed("workdrive", function(r) r.documents.operations.update.path = "/api/documnents" end,
  "documents_update: path /api/documnents, documented /api/documents/{id}")
noticed("workdrive", function(r) r.messages.operations.send.methods = nil end, "messages_send: methods ''")
noticed("screendragon", function(r) r.users.operations.update.method = "PATCH" end, "method PATCH, documented PUT")
noticed("screendragon", function(r) r.users.operations.get.params = nil end, "in the catalogue 'nothing'")
noticed("screendragon", function(r) r.users.operations.list.query.groupID.type = "string" end,
  "users_list query.groupID: type 'string', documented 'integer'")
noticed("screendragon", function(r) r.users.operations.list.query.active = nil end,
  "users_list query.active: it is documented and not in the catalogue")
noticed("screendragon", function(r) r.users.operations.create.fields.nick = { type = "string" } end,
  "users_create body.nick: it is not documented")
noticed("screendragon", function(r) r.users.operations.create.fields.password.secret = nil end, "secret 'false'")
noticed("screendragon", function(r) r.users.operations.bulk_delete.finish = "done" end, "it is queued")
noticed("screendragon", function(r) r.users.operations.delete.admin = nil end, "users_delete: admin nil")
noticed("screendragon", function(r) r.users.operations.delete.effect = "update" end, "effect update, documented delete")
noticed("screendragon", function(r) r.users.operations.delete.errors = { 400 } end, "users_delete: errors 400")
noticed("screendragon", function(_, whole) whole.shapes.User.fields.Username = { type = "string" } end,
  "shape User: no answer shows 'Username'")
noticed("screendragon", function(_, whole) whole.shapes.User.fields.status = nil end,
  "the shape User does not have it")
noticed("workdrive", function(r) r.tasks.operations.create.fields.task_type.enum[1] = "Essay" end,
  "tasks_create body.task_type: values 'Document Essay")
noticed("workdrive", function(r) r.posts.operations.create.fields.status.required = nil end,
  "posts_create body.status: required 'false', documented 'true'")
noticed("workdrive", function(r) r.posts.operations.create.fields.tags.or_type = nil end,
  "posts_create body.tags: type 'list', documented 'list string'")
noticed("workdrive", function(r) r.departments.operations.update_heads.fields.add.items.fields.isAdmin.type = "x" end,
  "departments_update_heads body.add[].isAdmin: type 'x'")
noticed("workdrive", function(r) r.users.operations.bulk_create.wrap = "users" end, "wrapped in 'users'")
noticed("workdrive", function(r) r.users.operations.bulk_delete.body = nil end, "the body is documented as array")
noticed("workdrive", function(r) r.sso.operations.create.fields = nil end, "documented, and none in the catalogue")
noticed("workdrive", function(r) r.photos.operations.list.pages.items = { "pictures" } end, "items are in 'pictures'")
noticed("workdrive", function(r) r.photos.operations.list.pages.total = nil end, "pages.total is nil")
noticed("workdrive", function(r) r.news.operations.list.pages.cursor = "createdAt" end, "pages.cursor is createdAt")
noticed("workdrive", function(r) r.events.operations.list.pages.window = nil end, "the window differs")
noticed("workdrive", function(r) r.sso.operations.list.pages = nil end, "paging is not in the catalogue")
noticed("workdrive", function(r) r.notifications.operations.send.once = nil end, "it must never be repeated")
noticed("workdrive", function(r) r.users.operations.create.side_effects = nil end, "side effects ''")
noticed("workdrive", function(r) r.events.operations.delete.notes = {} end, "events_delete: the note WD-21 is missing")
noticed("workdrive", function(_, whole) whole.notes["WD-34"] = nil end, "there is no note WD-34")
noticed("screendesk", function(r) r.recordings.operations.update.fields.title.null = true end,
  "recordings_update body.title: null 'true', documented 'false'")
noticed("screendesk", function(r) r["scim.users"].operations.create.fields.id = { type = "string" } end,
  "body.id: listed as left_out for nothing")

check.done(43)
