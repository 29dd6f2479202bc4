-- SPDX-License-Identifier: MIT
-- The people that the services know, found by their addresses in lower case.
--
-- One whole list of each service is read before anything is changed: no service documents
-- a way to look somebody up by an address for certain (SD-19, SG-10, WD-46). An address that
-- two users of a service share leads to neither of them.
--
-- A service that is not set up (no address, or no credential) is left out, and the caller is
-- told so in order to say it; one that was named must be there.
--
--   local open, left_out = accounts.open { "workdrive" }
--   local user = open[1]:find "ada@example.com"   --> a record; nil: nobody; false: several

local errors = require "moonlever.errors"
local flow = require "moonlever.flow"
local raw = require "moonlever.raw"
local service = require "moonlever.service"

local accounts = {}

local function text(value) return type(value) == "string" and value or "" end

-- What differs between the services: where people are, and how a record shows what.
local KINDS = {
  screendesk = {
    users = function(client) return client.scim.users end,
    addresses = function(user)
      local list = { user.userName }
      for _, email in ipairs(user.emails or {}) do list[#list + 1] = email.value end
      return list
    end,
    is_active = function(user) return user.active ~= false end,
    names = function(user) return text(user.name.givenName), text(user.name.familyName) end,
  },
  screendragon = {
    users = function(client) return client.users end,
    addresses = function(user) return { user.email } end,
    is_active = function(user) return text(user.status) == "" or user.status:lower() == "active" end,
    names = function(user) return text(user.FirstName), text(user.LastName) end,
  },
  workdrive = {
    users = function(client) return client.users end,
    addresses = function(user) return { user.email } end,
    is_active = function(user) return user.status ~= "ARCHIVE" and user.status ~= "BLOCKED" end,
    names = function(user) return text(user.firstName), text(user.lastName) end,
  },
}

local Account = {}
Account.__index = Account

--- The user with this address (in lower case): nil for nobody, false for several.
function Account:find(email)
  return self.by_email[email]
end

--- The address by which people know a user, in lower case; "" for none.
function Account:email_of(user)
  for _, address in ipairs(self.kind.addresses(user)) do
    if text(address) ~= "" then return address:lower() end
  end
  return ""
end

--- Can this user sign in?
function Account:is_active(user) return self.kind.is_active(user) end

--- Given and family name, "" where there is none.
function Account:names(user) return self.kind.names(user) end

local function add(account, user)
  account.list[#account.list + 1] = user
  for _, address in ipairs(account.kind.addresses(user)) do
    if text(address) ~= "" then
      address = address:lower()
      local known = account.by_email[address]
      account.by_email[address] = (known == nil or known == user) and user or false
    end
  end
end

-- The account of a service with all its people.
local function read(name)
  local kind, client = KINDS[name], service.connect(name)
  local account = setmetatable({
    name = name, kind = kind, client = client, users = kind.users(client), list = {}, by_email = {},
  }, Account)
  for user in account.users:list() do add(account, user) end
  return account
end

-- Why a service is not set up, or nil.
local function missing_address(name)
  local catalogue = service.catalogue(name)
  local url = raw.setting(catalogue.env.url) or catalogue.origin
  return (url == nil or url == "") and ("%s is not set"):format(catalogue.env.url) or nil
end

--- Opens services and reads their people.
--
-- names  the services that must be there; nil: all that are set up
-- Returns an array of accounts, and an array of texts that name what was left out. Raises
-- whatever a list raises, and usage where no service is set up.
function accounts.open(names)
  local open, left_out, seen = {}, {}, {}
  for _, name in ipairs(names or service.NAMES) do
    local why = not names and missing_address(name) or nil
    if not why and not seen[name] then
      local account, err = flow.try(read, name)
      -- Without a status nothing was asked: there is no credential to ask with.
      local unset = err and err.kind == "auth" and err.status == nil
      if err and (names or not unset) then error(err, 0) end
      why = err and (err.message:match("([%u_]+ is not set)") or err.message)
      open[#open + 1] = account
    end
    if why then left_out[#left_out + 1] = ("%s is not set up and left out: %s"):format(name, why) end
    seen[name] = true
  end
  if #open == 0 then
    errors.raise("usage", "no service is set up: " .. table.concat(left_out, "; "), {
      fix = "set the environment of the services, or try with --practice", config = true,
    })
  end
  return open, left_out
end

--- The account of that name among those that are open, or nil.
function accounts.named(open, name)
  for _, account in ipairs(open) do
    if account.name == name then return account end
  end
end

--- "admin+member": the roles of a Screendesk user that are on.
function accounts.roles_text(roles)
  local names = {}
  for _, name in ipairs { "admin", "editor", "member" } do
    if roles[name] then names[#names + 1] = name end
  end
  return table.concat(names, "+")
end

return accounts
