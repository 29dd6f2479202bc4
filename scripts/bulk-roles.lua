-- SPDX-License-Identifier: MIT
-- Gives and takes roles after a CSV file: email, role, on or off.
--
-- People are looked up in one list of all SCIM users, never by a filter, since
-- none is documented (SD-19). A role changes only where the file names it: the
-- others are kept as a fresh read shows them (SD-15).

local moonlever = require "moonlever"

local opt = moonlever.script {
  summary = "Give and take roles in bulk, after a CSV file of email, role and on or off",
  description = [[
    The file has one change a row: an email address, a role (admin, member or editor) and on or
    off. A first line with the names email, role and on is understood and not needed; commas,
    semicolons and tabs are.

    Roles that the file does not name are kept. Rows that ask for what is already so change
    nothing. Unknown people, rows that cannot be understood, and people whom the service does not
    let change (the owner of the account) are reported, and the rest goes on; the exit code is
    then 3. Rows that contradict each other are refused together.]],
  examples = {
    "moonlever run bulk-roles people.csv --dry-run",
    "moonlever run bulk-roles people.csv --yes",
  },
  shows = true,
  writes = { "screendesk.scim.users" },
  args = {
    file = { "the CSV file, or - for standard input", type = "file", required = true, positional = 1 },
  },
}

local ROLES = { admin = true, member = true, editor = true }
local VALUES = {
  on = true, ["true"] = true, yes = true, ["1"] = true,
  off = false, ["false"] = false, no = false, ["0"] = false,
}
-- Names under which the three columns are known, in lower case.
local COLUMNS = {
  email = "email", ["e-mail"] = "email", mail = "email", username = "email", user = "email",
  role = "role",
  on = "value", ["on/off"] = "value", state = "value", value = "value", enabled = "value",
}

local function trimmed(text)
  return (text or ""):match("^%s*(.-)%s*$")
end

-- Reading the file ------------------------------------------------------------

-- Where the columns stand: { email =, role =, value = }, and whether the row was
-- a header. A first row with an address in it is data.
local function layout(cells)
  for _, cell in ipairs(cells) do
    if cell:find("@", 1, true) then return { email = 1, role = 2, value = 3 }, false end
  end
  local places = {}
  for index, cell in ipairs(cells) do
    local name = COLUMNS[trimmed(cell):lower()]
    if name and places[name] then opt:fail(("%s: two columns for the %s"):format(opt.file, name)) end
    if name then places[name] = index end
  end
  if not (places.email and places.role and places.value) then
    opt:fail(("%s: the first line must name the columns email, role and on; it has: %s")
      :format(opt.file, table.concat(cells, ", ")))
  end
  return places, true
end

-- What is wrong with a row, or nil.
local function fault(row, cells, width)
  if #cells ~= width then return ("%d cells where %d are expected"):format(#cells, width) end
  if not row.email:find("^[^@%s]+@[^@%s]+$") then return "no email address" end
  if not ROLES[row.role] then return ("unknown role '%s'; known: admin, editor, member"):format(row.role) end
  if row.value == nil then return "the third cell is on or off" end
end

-- All rows of the file: { line, email, role, value, fault }.
local function read_rows(path)
  local rows, places, width = {}, nil, nil
  for cells, line in moonlever.csv.reader(path, { header = false }) do
    local header = false
    if not places then
      places, header = layout(cells)
      width = #cells
    end
    if not header then
      local row = {
        line = line, email = trimmed(cells[places.email]):lower(),
        role = trimmed(cells[places.role]):lower(), value = VALUES[trimmed(cells[places.value]):lower()],
      }
      row.fault = fault(row, cells, width)
      rows[#rows + 1] = row
    end
  end
  return rows
end

-- Matching people -------------------------------------------------------------

-- Users by every address they have, in lower case. An address that two users
-- share leads to neither.
local function index_users(users)
  local by_email = {}
  local function note(address, user)
    if type(address) ~= "string" then return end
    address = address:lower()
    local known = by_email[address]
    by_email[address] = (known == nil or known == user) and user or false
  end
  for user in users do
    note(user.userName, user)
    for _, email in ipairs(user.emails or {}) do note(email.value, user) end
  end
  return by_email
end

-- The user's flags, from a list of names or an object of flags (SD-14).
local function flags_of(user)
  local flags = {}
  for role in pairs(ROLES) do flags[role] = false end
  for key, value in pairs(user.roles or {}) do
    if type(key) == "number" then flags[value] = true elseif value == true then flags[key] = true end
  end
  return flags
end

-- Adds a row to its person's changes; a row that says the same again is folded in.
local function merge(person, row)
  local earlier = person.rows[row.role]
  if not earlier then
    person.rows[row.role] = row
    person.count = person.count + 1
    return
  end
  earlier.more = earlier.more or {}
  table.insert(earlier.more, row)
  if earlier.value ~= row.value then
    earlier.contradicted = true
  end
end

-- People with their rows, in the order of the file; rows that lead nowhere get a fault.
local function match(rows, by_email)
  local people, by_user = {}, {}
  for _, row in ipairs(rows) do
    local user = by_email[row.email]
    if row.fault then
      user = nil
    elseif user == nil then
      row.fault = "no user has this address"
    elseif user == false then
      row.fault = "more than one user has this address"
    end
    if user then
      local person = by_user[user]
      if not person then
        person = { user = user, email = row.email, rows = {}, count = 0 }
        by_user[user], people[#people + 1] = person, person
      end
      merge(person, row)
    end
  end
  return people
end

-- Rows of one person and role that say on and off: none of them is done.
local function refuse_contradictions(person)
  for role, row in pairs(person.rows) do
    if row.contradicted then
      local lines = { row.line }
      for _, other in ipairs(row.more) do lines[#lines + 1] = other.line end
      local text = ("on and off for the same role in lines %s"):format(table.concat(lines, ", "))
      row.fault = text
      for _, other in ipairs(row.more) do other.fault = text end
      person.rows[role] = nil
      person.count = person.count - 1
    end
  end
end

-- Changing --------------------------------------------------------------------

local function on_off(value) return value and "on" or "off" end

local sums = { changed = 0, same = 0, repeated = 0, failed = 0 }

-- Books every row of a person: "failed", or what each was.
local function book(person, before, failed)
  for role, row in pairs(person.rows) do
    local state = failed and "failed" or (before[role] == row.value and "same" or "changed")
    sums[state] = sums[state] + 1
    sums.repeated = sums.repeated + #(row.more or {})
  end
end

local function change(sd, person)
  local before, wanted, shown = flags_of(person.user), {}, {}
  for role, row in pairs(person.rows) do
    wanted[role] = row.value
    if before[role] ~= row.value then
      shown[#shown + 1] = ("%s %s -> %s"):format(role, on_off(before[role]), on_off(row.value))
    end
  end
  table.sort(shown)
  local done, err = moonlever.try(sd.scim.users.set_roles, sd.scim.users, person.user, wanted)
  book(person, before, err ~= nil)
  if err then return done, err end
  if #shown == 0 then return false end
  print(("%s: %s"):format(person.email, table.concat(shown, ", ")))
end

local rows = read_rows(opt.file)
if #rows == 0 then opt:fail(opt.file .. ": no rows") end

local sd = moonlever.connect "screendesk"
local by_email = index_users(sd.scim.users:list())
local people = match(rows, by_email)
local todo, refused = {}, {}
for _, person in ipairs(people) do
  refuse_contradictions(person)
  person.label = person.email
  if person.count > 0 then todo[#todo + 1] = person end
end
for _, row in ipairs(rows) do
  if row.fault then
    row.label = ("line %d, %s"):format(row.line, row.email ~= "" and row.email or "no address")
    refused[#refused + 1] = row
  end
end
sums.failed = #refused

-- Rows that cannot be done are failures of the file, not of the service: however
-- many there are, they do not stop the others.
local faulty = moonlever.each(refused, function(row) return nil, row.fault end,
  { stop_after = false, expect = 0 })
local report, err = moonlever.try(moonlever.each, todo, function(person) return change(sd, person) end)

-- A run that was stopped says as well how far it came.
local failures, more = faulty.failures, (report or err.report or { failures = {} }).failures
table.move(more, 1, #more, #failures + 1, failures)
local parts = {
  title = "bulk-roles, rows", total = #rows, failures = failures,
  { "changed", sums.changed }, { "already so", sums.same }, { "said twice", sums.repeated },
  { "failed", sums.failed },
}
local reached = sums.changed + sums.same + sums.repeated + sums.failed
if reached < #rows then parts[#parts + 1] = { "not reached", #rows - reached } end
moonlever.report(parts)
if err then error(err, 0) end
