-- SPDX-License-Identifier: MIT
-- People out of a CSV file: one a row, named by their address.
--
-- Exports of personnel systems name their columns in many ways, so the header is read
-- loosely ("E-Mail", "First name", "job_title"), and columns that mean nothing here are
-- passed over and named. What a cell says is never guessed at: an empty cell is nil, and a
-- cell that cannot be understood is the row's `fault`, for the script to act upon.
--
--   local rows, unused = roster.read("people.csv")
--   rows[1]   --> { line = 2, email = "ada@example.com", address = "Ada@example.com", first = "Ada" }

local check = require "moonlever.check"
local csv = require "moonlever.csv"
local errors = require "moonlever.errors"
local flow = require "moonlever.flow"

local roster = {}

-- What a column may be called, in lower case and without anything but letters.
local COLUMNS = {
  email = { "email", "mail", "emailaddress", "workemail" },
  first = { "first", "firstname", "given", "givenname", "forename" },
  last = { "last", "lastname", "family", "familyname", "surname" },
  roles = { "roles", "role" },
  external_id = { "externalid", "employeeid", "personnelnumber" },
  username = { "username", "login" },
  groups = { "groups", "group", "grouptags" },
  designation = { "designation", "jobtitle", "title", "position" },
  department = { "department" },
  location = { "location", "site" },
  security_group = { "securitygroup" },
  reports_to = { "reportsto", "supervisor", "manager", "manageremail" },
  phone = { "phone", "phonenumber" },
  visibility = { "visibility", "defaultvisibility" },
  services = { "services", "service" },
}

local ROLES = { admin = true, editor = true, member = true }
local SERVICES = { screendesk = true, screendragon = true, workdrive = true }
local VISIBILITIES = { public = true, restricted = true }

local NAMES = {}
for name, spellings in pairs(COLUMNS) do
  for _, spelling in ipairs(spellings) do NAMES[spelling] = name end
end

local function refuse(path, message, ...)
  errors.raise("usage", ("%s: %s"):format(path, message:format(...)), { config = true })
end

-- Column of the file -> name here, and the columns that mean nothing here.
local function layout(path, columns)
  local names, taken, unused = {}, {}, {}
  for _, column in ipairs(columns) do
    local name = NAMES[column:lower():gsub("%A", "")]
    if name and taken[name] then
      refuse(path, "two columns for the same: '%s' and '%s'", taken[name], column)
    elseif name then
      names[column], taken[name] = name, column
    elseif column ~= "" then
      unused[#unused + 1] = column
    end
  end
  if not taken.email then
    refuse(path, "no column with addresses; the first line must name one 'email', and it has: %s",
      table.concat(columns, ", "))
  end
  return names, unused
end

-- The words of a cell; `known` are the only ones there are. Returns nil and what is wrong.
local function words(cell, known, what)
  local list = {}
  for word in cell:gmatch("[^%s,;|+/]+") do
    if known then
      word = word:lower()
      if not known[word] then return nil, ("unknown %s '%s'"):format(what, errors.one_line(word, 40)) end
    end
    list[#list + 1] = word
  end
  return list
end

local function flags(list)
  local set = {}
  for _, word in ipairs(list) do set[word] = true end
  return set
end

local parse = {}

function parse.roles(cell)
  local list, why = words(cell, ROLES, "role")
  if not list then return nil, why .. "; known: admin, editor, member" end
  local set = flags(list)
  return { admin = set.admin or false, editor = set.editor or false, member = set.member or false }
end

function parse.services(cell)
  local list, why = words(cell, SERVICES, "service")
  return list and flags(list), why
end

function parse.groups(cell)
  return words(cell)
end

function parse.reports_to(cell)
  if not check.is_email(cell) then return nil, ("'%s' is no email address"):format(errors.one_line(cell, 40)) end
  return cell:lower()
end

function parse.visibility(cell)
  local word = cell:lower()
  if not VISIBILITIES[word] then return nil, "visibility is public or restricted" end
  return word
end

-- A row of the file as a person.
local function person_of(cells, line, names)
  local row = { line = line }
  for column, name in pairs(names) do
    local cell = cells[column]:match("^%s*(.-)%s*$")
    if cell ~= "" then
      local value, why = cell, nil
      if parse[name] then value, why = parse[name](cell) end
      row[name] = value
      row.fault = row.fault or why
    end
  end
  local address = row.email
  row.address, row.email = address, address and address:lower()
  if not check.is_email(address) then row.fault = "no email address" end
  row.label = ("line %d, %s"):format(line, errors.one_line(address or "no address", 80))
  return row
end

local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  for key, value in pairs(a) do
    if not same(value, b[key]) then return false end
  end
  for key in pairs(b) do
    if a[key] == nil then return false end
  end
  return true
end

-- Do two rows say the same of a person?
local function agree(a, b)
  for name in pairs(COLUMNS) do
    if not same(a[name], b[name]) then return false end
  end
  return true
end

-- Folds rows that say the same again into one; those that contradict each other get a fault.
local function fold(rows)
  local people, first, repeated = {}, {}, 0
  for _, row in ipairs(rows) do
    local earlier = row.email and first[row.email]
    if not earlier then
      people[#people + 1] = row
      if row.email then first[row.email] = row end
    elseif agree(earlier, row) then
      repeated = repeated + 1
    else
      local why = ("lines %d and %d say different things of %s"):format(earlier.line, row.line, row.email)
      earlier.fault, row.fault = earlier.fault or why, row.fault or why
      people[#people + 1] = row
    end
  end
  return people, repeated
end

--- The people of a CSV file ("-" is standard input), in its order. Returns the rows, the
-- names of columns that mean nothing here, and how many rows said again what one before
-- them had. Raises usage for what cannot be read for certain, and for a file without rows.
function roster.read(path)
  local rows = {}
  local reader <close> = csv.reader(path)
  local names, unused = layout(path, reader.columns)
  for cells, line in reader do rows[#rows + 1] = person_of(cells, line, names) end
  if #rows == 0 then refuse(path, "no rows") end
  local people, repeated = fold(rows)
  return people, unused, repeated
end

--- As read, for a script: what cannot be read ends the run with exit code 2. opt: what
-- moonlever.script returned.
function roster.load(opt, path)
  local rows, unused, repeated
  local _, err = flow.try(function() rows, unused, repeated = roster.read(path) end)
  if err then opt:fail(err.message .. (err.fix and "; " .. err.fix or "")) end
  return rows, unused, repeated
end

return roster
