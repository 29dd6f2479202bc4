-- SPDX-License-Identifier: MIT
-- Every operation of the catalogues once, through the client, against a practice account.
-- The last check fails for an operation that is not in `calls`, and for a call that is no
-- operation any more. `--service NAME` calls those of one service only, for
-- cli.test_described, which holds the requests against the descriptions.
-- run: --practice --yes --confirm 1000 --rate 0
local check = require "check"
local moonlever = require "moonlever"
local catalogue = require "moonlever.catalogue"

local opt = moonlever.script {
  summary = "call every operation once",
  switches = { "messages", "notifications" },
  args = { service = { "the operations of this service only", type = "string" } },
}

local TEAM = { team = true }
local SPAN = { fromDate = "2024-01-01T00:00:00", toDate = "2027-01-01T00:00:00" }

-- The n-th record of a list that fits.
local function nth(iterator, n, fits)
  for record in iterator do
    if not fits or fits(record) then
      n = n - 1
      if n == 0 then return record end
    end
  end
  error("the practice account has too few of these", 2)
end

-- What a call gives back: a list is walked to its end and shows something, anything else is
-- an object with its members, or nothing at all.
local function listed(iterator)
  local count = 0
  for record in iterator do
    check.equal(type(record), "table")
    count = count + 1
  end
  check.ok(count > 0, "an empty list")
end

local function shown(object, members)
  check.equal(type(object), "table")
  for name, value in pairs(members or {}) do check.equal(object[name], value, name) end
end

local function nothing(...)
  check.equal({ ... }, {})
end

-- The names of a table in order, so that each run makes the same calls.
local function sorted(map)
  local names = {}
  for name in pairs(map) do names[#names + 1] = name end
  table.sort(names)
  return names
end

local calls = {}

-- ---------------------------------------------------------------------------
-- Screendesk

function calls.screendesk(sd)
  local recording, user = nth(sd.recordings:list(), 1), nth(sd.users:list(), 1)
  local person = nth(sd.scim.users:list(), 5)
  local function new(name)
    return { userName = name, name = { givenName = "A", familyName = "B" }, emails = { { value = name } },
      externalId = "hr-" .. name, active = true, roles = { admin = false, member = true, editor = false } }
  end
  return {
    { "recordings.list", function() listed(sd.recordings:list { limit = 150 }) end },
    { "recordings.get", function() shown(sd.recordings:get(recording.uuid), { uuid = recording.uuid }) end },
    { "recordings.update", function()
      shown(sd.recordings:update(recording, { title = "New" }), { title = "New" })
    end },
    { "users.list", function() listed(sd.users:list()) end },
    { "users.search", function() shown(sd.users:search(user.email), { email = user.email }) end },
    { "scim.users.list", function() listed(sd.scim.users:list()) end },
    { "scim.users.get", function() shown(sd.scim.users:get(person.id), { id = person.id }) end },
    { "scim.users.create", function()
      shown(sd.scim.users:create(new "a@example.com"), { userName = "a@example.com" })
    end },
    { "scim.users.replace", function()
      shown(sd.scim.users:replace(person, new "b@example.com"), { userName = "b@example.com" })
    end },
    { "scim.users.update", function()
      shown(sd.scim.users:update(person.id, { userName = "c@example.com" }), { userName = "c@example.com" })
    end },
    { "scim.users.set_roles", function()
      check.equal(sd.scim.users:set_roles(person.id, { editor = true }).roles.editor, true)
    end },
    { "scim.users.replace_roles", function()
      check.equal(sd.scim.users:replace_roles(person.id, { admin = true }).roles.editor, false)
    end },
    { "scim.users.set_active", function() shown(sd.scim.users:set_active(person.id, false), { active = false }) end },
    { "scim.users.delete", function() nothing(sd.scim.users:delete(person.id)) end },
  }
end

-- ---------------------------------------------------------------------------
-- Screendragon

function calls.screendragon(sg)
  local active = {} -- by their place when all begins
  for one in sg.users:list { active = true } do active[#active + 1] = one.userID end
  local function user(n)
    return nth(sg.users:list(), 1, function(one) return one.userID == active[n] end)
  end
  return {
    { "users.list", function() listed(sg.users:list { includeGroups = true, nameFilter = "a" }) end },
    { "users.get", function() shown(sg.users:get(user(3).userID), { userID = user(3).userID }) end },
    { "users.get_by_username", function()
      shown(sg.users:get_by_username(user(3).UserName), { userID = user(3).userID })
    end },
    { "users.create", function()
      shown(sg.users:create { userName = "ada", firstName = "Ada", lastName = "L", email = "ada@example.com",
        ssoUser = true }, { UserName = "ada" })
    end },
    { "users.update", function()
      shown(sg.users:update(user(4), { firstName = "New" }), { FirstName = "New", email = user(4).email })
    end },
    { "users.bulk_update", function()
      local one, two = user(5).userID, user(6).userID
      sg.users:bulk_update { { UserId = one, LastName = "X" }, { UserId = two, Email = "x@example.com" } }
      check.equal({ user(5).LastName, user(6).email }, { "X", "x@example.com" })
    end },
    { "users.delete", function()
      sg.users:delete(user(7).userID, { query = { assignUserID = user(3).userID } })
      check.ok(user(7).status ~= "active")
    end },
    { "users.bulk_delete", function()
      sg.users:bulk_delete { user(8).userID, user(9).userID }
      check.ok(user(9).status ~= "active")
    end },
  }
end

-- ---------------------------------------------------------------------------
-- WorkDrive

-- Lists that take no more than their options.
local LISTS = {
  posts = {}, news = {}, events = SPAN, videos = { search = "a" }, photos = { filter = "team_photos" }, documents = {},
  faqs = {}, categories = { moduleCode = 1 }, enforcement_templates = {}, module_codes = {}, courses = {},
  tasks = { published = true }, group_chats = { group_type = "ROOM", include_participants = true },
  departments = {}, locations = {}, security_groups = {}, sso = { manage = true }, users = {},
}

-- Content that is created, changed and deleted in the same way: what a new one has, what changes.
local CONTENT = {
  posts = { { postText = "Hi", tags = { "x" }, permissions = TEAM }, { postText = "Ho" } },
  news = { { newsTitle = "N", tags = { "one" }, permissions = TEAM }, { newsTitle = "M" } },
  videos = { { title = "V", source = 3, permissions = TEAM }, { title = "W" } },
  photos = { { title = "P", permissions = TEAM }, { title = "Q" } },
  group_chats = { { title = "G", groupType = "CHAT_GROUP", description = "d" }, { title = "H" } },
  locations = { { name = "L" }, { name = "M" } },
  events = {
    { title = "E", startDateTime = "2025-01-20T10:00:00.000Z", endDateTime = "2025-01-20T11:00:00.000Z", type = 2,
      isMeeting = true, permissions = TEAM },
    { title = "F" },
  },
  tasks = { { title = "T", status = "draft", task_type = "Article", content = "c" }, { title = "U" } },
}

local function content(wd, list)
  for _, name in ipairs(sorted(CONTENT)) do
    local fields, made = CONTENT[name], nil
    list[#list + 1] = { name .. ".create", function()
      made = wd[name]:create(fields[1])
      shown(made, { title = fields[1].title, name = fields[1].name })
      check.ok(made.id)
    end }
    list[#list + 1] = { name .. ".update", function()
      made = wd[name]:update(made, fields[2])
      shown(made, fields[2])
    end }
    list[#list + 1] = { name .. ".delete", function() nothing(wd[name]:delete(made)) end }
  end
end

local function documents(wd, list, user)
  local made
  local more = {
    { "documents.create", function()
      made = wd.documents:create { name = "D", category = "Safety", query = { publish = true }, permissions = TEAM }
      check.ok(made.id)
    end },
    { "documents.update", function()
      shown(wd.documents:update(made, { kb = { name = "E", newOwnerIds = { user(3).id } }, permissions = TEAM }),
        { name = "E" })
    end },
    { "documents.delete", function() nothing(wd.documents:delete(made.id)) end },
  }
  table.move(more, 1, #more, #list + 1, list)
end

local function organization(wd, list, user)
  local org
  local more = {
    { "organizations.create", function()
      org = wd.organizations:create { name = "Org", admin = { firstName = "A", email = "o@example.com" },
        auth = { method = "ldap" } }
      shown(org, { name = "Org" })
    end },
    { "organizations.update", function()
      shown(wd.organizations:update(org.id, { name = "New" }), { name = "New" })
    end },
    { "tokens.generate", function() check.ok(wd.tokens:generate(user(4).id).token) end },
    { "sso.create", function() check.ok(wd.sso:create { type = "QUICK_LINK", link = "https://a.example/" }.id) end },
    { "courses.delete", function() nothing(wd.courses:delete(nth(wd.courses:list(), 2).id)) end },
  }
  table.move(more, 1, #more, #list + 1, list)
end

local function people(wd, list, user)
  local made
  local more = {
    { "users.list_supervisors", function() listed(wd.users:list_supervisors()) end },
    { "users.create", function()
      made = wd.users:create { email = "new@example.com", firstName = "N", query = { bulk = true } }
      shown(made, { email = "new@example.com" })
    end },
    { "users.update", function() shown(wd.users:update(made, { status = "ARCHIVE" }), { status = "ARCHIVE" }) end },
    { "users.delete", function() nothing(wd.users:delete(made.id)) end },
    { "users.bulk_create", function()
      local two = wd.users:bulk_create { { email = "b@example.com" }, { email = "c@example.com" } }
      check.equal({ #two, two[2].email }, { 2, "c@example.com" })
    end },
    { "users.bulk_delete", function() wd.users:bulk_delete { user(39).id, user(40).id } end },
  }
  table.move(more, 1, #more, #list + 1, list)
end

local function groups(wd, list, user)
  local made
  local more = {
    { "departments.list_members", function()
      listed(wd.departments:list_members(nth(wd.departments:list(), 1).id))
    end },
    { "departments.create", function()
      made = wd.departments:create { name = "New", members = { { id = user(20).id, isDepartmentHead = true } } }
      shown(made, { name = "New" })
    end },
    { "departments.update_heads", function()
      shown(wd.departments:update_heads(made.id, { add = { { id = user(21).id } } }), { id = made.id })
    end },
    { "departments.update_members", function()
      wd.departments:update_members(made.id, { addMembers = { { id = user(22).id } } })
      check.ok(nth(wd.departments:list_members(made.id), 1, function(one) return one.id == user(22).id end))
    end },
    { "departments.update", function()
      shown(wd.departments:update(made.id, { name = "Newer" }), { name = "Newer" })
    end },
    { "departments.delete", function() nothing(wd.departments:delete(made.id)) end },
    { "locations.list_members", function() listed(wd.locations:list_members(nth(wd.locations:list(), 1).id)) end },
    { "locations.update_members", function()
      local place = nth(wd.locations:list(), 2)
      wd.locations:update_members(place.id, { addMembers = { user(23).id } })
      check.ok(nth(wd.locations:list_members(place.id), 1, function(one) return one.id == user(23).id end))
    end },
    { "security_groups.add_members", function()
      wd.security_groups:add_members(nth(wd.security_groups:list(), 1).id, { ids = { user(24).id } })
      check.equal(nth(wd.security_groups:list(), 1).memberCount, 2)
    end },
    { "security_groups.remove_members", function()
      wd.security_groups:remove_members(nth(wd.security_groups:list(), 1).id, { ids = { user(24).id } })
      check.equal(nth(wd.security_groups:list(), 1).memberCount, 1)
    end },
  }
  table.move(more, 1, #more, #list + 1, list)
end

local function work(wd, list, user)
  local entry
  local function published(task) return task.status == "published" end
  local more = {
    { "tasks.create_and_assign", function()
      shown(wd.tasks:create_and_assign { title = "T2", userIds = { user(5).id } })
    end },
    { "tasks.assign", function()
      wd.tasks:assign(nth(wd.tasks:list(), 1, published), { userIds = { user(6).id } })
    end },
    { "faqs.create", function()
      local new = { kb = { name = "K" }, qas = { { question = "q", answer = "a" } }, permissions = TEAM }
      check.equal(wd.faqs:create(new), new)
      -- No call shows the id of an entry (WD-28): scripts know it from elsewhere, this one from the account.
      entry = wd:request { method = "GET", path = "/practice/records", query = { of = "workdrive.entries" } }[1]
    end },
    { "faqs.update", function()
      shown(wd.faqs:update(entry.id, { kb = { name = "L" } }), { kb = { name = "L" } })
    end },
    { "faqs.delete", function() nothing(wd.faqs:delete(entry.id)) end },
    { "messages.send", function()
      shown(wd.messages:send(nth(wd.group_chats:list(), 1).id, { message = "m" }), { message = "m" })
    end },
    { "messages.create_meeting", function()
      local err = check.raises("usage", wd.messages.create_meeting, wd.messages, "x", { title = "t" })
      check.match(err.message, "events:create")
    end },
    { "notifications.send", function()
      nothing(wd.notifications:send { title = "T", medium = "EMAIL", emails = { "a@example.com" } })
    end },
    { "media.create", function()
      local code = nth(wd.module_codes:list(), 1).moduleCode
      check.ok(wd.media:create { mime = "text/plain", name = "a b.txt", moduleCode = code }.fileId)
    end },
    { "media.upload", function()
      check.ok(wd.media:upload(arg[0], { module = "POST", mime = "text/plain", name = "b.txt" }))
    end },
  }
  table.move(more, 1, #more, #list + 1, list)
end

function calls.workdrive(wd)
  local list = {}
  local function user(n) return nth(wd.users:list(), n) end
  for _, name in ipairs(sorted(LISTS)) do
    list[#list + 1] = { name .. ".list", function() listed(wd[name]:list(LISTS[name])) end }
  end
  content(wd, list)
  documents(wd, list, user)
  organization(wd, list, user)
  people(wd, list, user)
  groups(wd, list, user)
  work(wd, list, user)
  return list
end

-- ---------------------------------------------------------------------------
-- All of them, and whether they are all

-- The operations of a service, as "resource.verb"; and how many of them are documented ones.
local function operations(name)
  local found, documented = {}, {}
  for resource, entry in pairs(catalogue.load(name).resources) do
    for verb, op in pairs(entry.operations) do
      found[resource .. "." .. verb] = true
      if op.id then documented[#documented + 1] = op.id end
    end
  end
  return found, #documented
end

local total = 0
for _, name in ipairs { "screendesk", "screendragon", "workdrive" } do
  if not opt.service or opt.service == name then
    local called = {}
    for _, call in ipairs(calls[name](moonlever.connect(name))) do
      local ok, err = pcall(call[2])
      if not ok then error(("%s.%s: %s"):format(name, call[1], err), 0) end
      check.equal(called[call[1]], nil, call[1] .. " is called twice")
      called[call[1]] = true
    end
    local there, documented = operations(name)
    check.equal(called, there, "the operations of " .. name)
    total = total + documented
  end
end
check.equal(total, ({ screendesk = 10, screendragon = 8, workdrive = 75 })[opt.service] or 93)
check.done(check.count())
