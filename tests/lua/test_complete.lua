-- SPDX-License-Identifier: MIT
-- Completion: names a level at a time, and lines of Lua up to the cursor.
-- run:

local check = require "check"
local complete = require "moonlever.complete"
local methods = require "moonlever.derived.methods"

check.equal(complete.names "scr", { "screendesk", "screendragon" })
check.equal(complete.names "", { "moonlever", "screendesk", "screendragon", "workdrive" })
check.equal(complete.names "screendesk.", {
  "screendesk.recordings", "screendesk.request", "screendesk.scim", "screendesk.users",
})
check.equal(complete.names "screendesk.scim.", { "screendesk.scim.users" })
check.equal(complete.names "screendesk.recordings.up", { "screendesk.recordings.update" })
check.equal(complete.names "moonlever.csv.", { "moonlever.csv.reader", "moonlever.csv.writer" })
check.equal(complete.names "nothing.of.this", {})

-- Whatever is completed leads on, down to every method.
local seen = 0
local function walk(prefix)
  for _, name in ipairs(complete.names(prefix)) do
    if methods.find(name) then seen = seen + 1 end
    walk(name .. ".")
  end
end
walk ""
local all = 0
for _, name in ipairs(methods.SERVICES) do
  local service = methods.catalogue(name)
  for resource in pairs(service.resources) do all = all + #methods.of(service, resource) end
end
check.equal(seen, all, "methods that completion leads to")

-- ---------------------------------------------------------------------------
-- Lines; the cursor is at the end, and ^ is where the word begins.

local CLIENTS = { sd = "screendesk", sg = "screendragon", wd = "workdrive" }

local function line(marked, ...)
  local from = marked:find("^", 1, true)
  local text = marked:gsub("%^", "")
  local words, start = complete.line(text, CLIENTS)
  check.equal(words, { ... }, marked)
  check.equal(start, from, marked)
end

line("^mo", "moonlever")
line("print(^s", "sd", "sg")
line("moonlever.^he", "help")
line("moonlever.csv.^r", "reader")
line("sd.^re", "recordings", "request")
line("sd:^", "request")
line("sd.recordings:^up", "update")
line("sd.recordings.^", "get", "list", "pages", "update")
line("sd.scim:^")
line("screendesk.recordings:^g", "get")
line("nobody.knows:^x")

line("sd.recordings:update(r, { ^ti", "title")
line("sd.recordings:update(r, { title = 'x', ^", "description", "summary")
line("sd.recordings:update(r, { title = ^")
line("sd.recordings:list { ^li", "limit")
line("sd.recordings:list({ limit = 1, ^p", "page")
line("sd.recordings:get(r, { ^")
line("sd.scim.users:create({ emails = { { ^v", "value")
line("sd.scim.users:create({ name = { ^g", "givenName")
line("sd.scim.users:set_roles(u, { ^a", "admin")
line("wd.users:update(f(a, { b = 1 }), { ^des", "designation")
line("wd.users:update(u, { skill = { ^")
line("wd.users:bulk_create({ { ^fi", "firstName")
line("wd.events:update(e, { query = { ^", '["repeat"]')
line("wd.media:upload('x', { ^m", "mime", "module")
line("for x in sd.users:list() do wd.posts:create { permissions = { ^t", "taggedUsers", "team")

line("wd.users:update(u, { status = \"^A", "ACTIVE", "ARCHIVE")
line("wd.users:update(u, { status = '^", "ACTIVE", "ARCHIVE", "BLOCKED", "INVITED", "PRE_INVITED")
line("sd.recordings:update(r, { title = \"^a \\\" { ")
line("moonlever.connect '^scr", "screendesk", "screendragon")
line("moonlever.connect(\"^w", "workdrive")
line("moonlever.help '^screendesk.rec", "screendesk.recordings")
line("print('^")

-- Brackets that do not match, and whatever else people type, is no error.
local STRANGE = { "", ")", "}}}", "{{{{", "= =", "a.b.c:", ":", ".", "..", "sd.recordings:update(r, { } ) {", "'\\" }
for _, text in ipairs(STRANGE) do
  check.ok(complete.line(text, CLIENTS), text)
end

check.done(8 + 2 * 33 + 11)
