-- SPDX-License-Identifier: MIT
-- run: -q
-- `moonlever show`: what is a plan and what is none, that an edited one is refused, and what is
-- said about one.
local check = require "check"
local raw = require "moonlever.raw"
local show = require "moonlever.history.show"

local folder = os.tmpname()
os.remove(folder)
local path = folder .. ".plan"

local function change(seq, more)
  local c = {
    seq = seq, operation = "screendesk.recordings.update", service = "screendesk",
    origin = "https://app.screendesk.io", target = "rec-" .. seq, method = "PATCH",
    path = "/api/v2/recordings/rec-" .. seq, effect = "update", body = '{"title":"new"}',
    before = { title = "old", size = 3 }, after = { title = "new", size = 3 },
  }
  for name, value in pairs(more or {}) do c[name] = value end
  return c
end

local function save(content)
  local file <close> = assert(io.open(path, "wb"))
  assert(file:write(content))
end

local function body_of(changes)
  local lines = {}
  for index, c in ipairs(changes) do
    lines[index] = (type(c) == "string" and c or raw.json.encode(c)) .. "\n"
  end
  return table.concat(lines)
end

-- Writes a plan with these changes; `more` changes the header.
local function write(changes, more)
  local body = body_of(changes)
  local header = {
    format = "moonlever-plan", version = 1, run = "k3bbbbbbbbbb", script = "retag",
    args = { "--from", "a b" }, service = "screendesk", origin = "https://app.screendesk.io",
    created = "2026-01-02T10:00:00.000Z", changes = #changes, requests = #changes,
  }
  for name, value in pairs(more or {}) do header[name] = value end
  header.hash = header.hash or require("moonlever.plan").hash(header, body)
  save(raw.json.encode(header) .. "\n" .. body)
end

local function tool(...)
  local host = { text = "" }
  function host.write(s) host.text = host.text .. s end
  function host.fail(code, s) error({ code = code, text = s }, 0) end
  show.main({ path, ... }, host)
  return host.text
end

local CODES = { usage = 2, guard = 6 }

-- Raised by the reader of plans, or said to the host.
local function refused(code, pattern, ...)
  local ok, err = pcall(tool, ...)
  check.equal(ok, false)
  check.equal(type(err) == "table" and (err.code or CODES[err.kind]) or tostring(err), code)
  check.match(err.text or tostring(err), pattern)
end

-- SHA-256 of FIPS 180-4, as Lua sees it.
check.equal(raw.sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")

-- For people.
local null = raw.null
write {
  change(1), change(2, { after = { title = null, size = 3 } }),
  change(3, { operation = "screendesk.scim.users.create", effect = "create", target = "ann@example.com",
    before = null, after = { userName = "ann@example.com", active = true } }),
  change(4, { operation = "screendesk.scim.users.delete", effect = "delete", target = "42",
    before = { userName = "bob" }, after = null }),
  change(5, { operation = "screendesk.request", effect = "update", target = "/x\27", method = "POST", path = "/x",
    before = null, after = null }),
}
local said = tool()
check.match(said, "^plan      retag for screendesk at https://app.screendesk.io\narguments %-%-from 'a b'\n")
check.match(said, "\nmade      2026%-01%-0%d %d%d:%d%d by run k3bbbbbbbbbb\n")
check.match(said, '\n\nscreendesk.recordings.update: 2\n  ~ rec-1  title: "old" -> "new"\n'
  .. '  ~ rec-2  title: "old" -> nothing\n', nil, true)
check.match(said,
  '\n\nscreendesk.scim.users.create: 1\n  + ann@example.com  active: true, userName: "ann@example.com"\n',
  nil, true)
check.match(said, '\n\nscreendesk.scim.users.delete: 1\n  - 42  userName: "bob"\n', nil, true)
check.match(said, "\n\nscreendesk.request: 1\n  ~ /x\\x1B\n", nil, true)
check.match(said,
  "\n\nchanges   5\nrequests  5 and up to 5 looks before, "
  .. "1 s or more at the pace of a new run: 5 a second, rising to 50\n",
  nil, true)
check.match(said, "\napply it with: moonlever apply " .. path:gsub("%p", "%%%0") .. "\n$")
check.match(tool("--rate", "2"), "\nrequests  5 and up to 5 looks before, 3 s or more at 2 a second\n")
check.match(tool("--rate", "0"), "\nrequests  5 and up to 5 looks before\n")

-- For programs.
local object = raw.json.decode((tool("--json")))
check.equal(object.operations, {
  ["screendesk.recordings.update"] = 2, ["screendesk.scim.users.create"] = 1,
  ["screendesk.scim.users.delete"] = 1, ["screendesk.request"] = 1,
})
check.equal(object.effects, { update = 3, create = 1, delete = 1 })
check.equal({ object.changes, object.requests, object.run, object.format }, { 5, 5, "k3bbbbbbbbbb", "moonlever-plan" })
check.equal(select(2, tool("--json"):gsub("\n", "")), 1)

-- More than one account.
write { change(1), change(2, { service = "workdrive", origin = "https://work.example.com" }),
  change(3, { service = "workdrive", origin = "https://work.example.com" }), change(4) }
check.match(tool(), "^plan      retag for screendesk at https://app.screendesk.io\n"
  .. "          and workdrive at https://work.example.com\narguments ")

-- A header may say little.
write({ change(1) }, { script = null, service = 7, origin = null, created = "soon", run = null, args = null,
  requests = null })
said = tool()
check.match(said, "plan      \nmade      soon\n", nil, true)
check.match(said, "\nrequests  1 and up to 1 look before, 1 s or more")

-- Many: the first of each operation.
local changes = {}
for n = 1, 120 do changes[n] = change(n) end
for n = 121, 171 do changes[n] = change(n, { operation = "screendesk.recordings.other" }) end
write(changes)
said = tool()
check.equal(select(2, said:gsub("\n  ~ ", "")), 100)
check.match(said, "\n  … and 70 more (--all)\n", nil, true)
check.match(said, "\n  … and 1 more (--all)\n", nil, true)
said = tool("--all")
check.equal(select(2, said:gsub("\n  ~ ", "")), 171)
check.ok(not said:find("--all", 1, true))

-- Nothing to do; on loopback there is no pace to reckon with.
write({}, { origin = "http://127.0.0.1:8080" })
check.match(tool(), "\nchanges   0\nrequests  0\n$")
for _, origin in ipairs { "http://localhost:1", "http://[::1]:1", "http://127.9.9.9:1", "http://localhost" } do
  write({ change(1) }, { origin = origin })
  check.match(tool(), "\nrequests  1 and up to 1 look before\n")
end
for _, origin in ipairs { "https://localhost.example.com", "https://x127.example.com" } do
  write({ change(1) }, { origin = origin })
  check.match(tool(), "\nrequests  1 and up to 1 look before, ")
end
check.equal({ show.seconds(5), show.seconds(15), show.seconds(75), show.seconds(75 + 500) }, { 1.0, 2.0, 4.0, 14.0 })

-- Edited: every byte counts, in the header too where it can be told.
write { change(1), change(2) }
local file = assert(io.open(path, "rb"))
local whole = file:read("a")
file:close()
local head = #whole:match("^[^\n]*\n")
for _, at in ipairs { head + 1, head + 30, #whole - 1 } do
  save(whole:sub(1, at - 1) .. string.char(whole:byte(at) ~ 1) .. whole:sub(at + 1))
  refused(6, "was changed after it was made: .*\n  fix: make the plan again")
end
save(whole:sub(1, -2))
refused(6, "was changed after it was made")
save(whole .. "\n")
refused(6, "was changed after it was made")
write({ change(1) }, { changes = 2 })
refused(6, "its header speaks of 2 changes, and it has 1\n  fix: make the plan again")
write({ change(1) }, { hash = "sha256:" .. ("0"):rep(64) })
refused(6, "was changed")

-- No plan.
for _, content in ipairs { "", "\n", "x", "{}", "[]\n", '"moonlever-plan"', '{"format":"other"}\n',
  ("["):rep(100000) } do
  save(content)
  refused(2, "is no plan: ")
end
write({}, { version = 2 })
refused(2, "is no plan: it is of version 2, and this program reads 1")
write({}, { version = null })
refused(2, "is no plan")
for _, line in ipairs { "[]", "x", "{}", raw.json.encode(change(1, { target = { 1 } })),
  raw.json.encode(change(1, { effect = 7 })) } do
  write { change(1), line }
  refused(2, "is no plan: a ")
end
os.remove(path)
refused(2, "^cannot read the plan .*: No such file or directory$")
refused(2, "see: moonlever show %-%-help$", "--al")
path = "/"
refused(2, "^/ is no plan: it cannot be read")

check.done(106)
