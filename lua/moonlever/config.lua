-- SPDX-License-Identifier: MIT
-- Profiles: which account of a service is meant, where it is, and how much is allowed.
--
-- config.lua is a Lua chunk that returns a table. It is read as text in an empty
-- environment, so it can neither call nor load anything:
--
--   return {
--     default  = { screendesk = "acme" },
--     profiles = {
--       acme = { service = "screendesk", origin = "https://app.screendesk.io",
--                token_cmd = { "pass", "show", "acme" }, rate = 5, production = true },
--     },
--   }
--
-- Beside it are `credentials/NAME`, written by `moonlever login` (src/bind/credential.h), and
-- `defaults`, written by `moonlever profile use`: lines service=profile, which go before
-- `default`. A profile is what either place knows of a name.
--
-- Which profile a connect means, first that applies: --profile (for its service),
-- connect{profile=}, the profiles that a resumed, applied or undone run was made with, and,
-- unless url= or the environment name an origin, the default of the service.
--
-- Invariants
--   1. No secret passes here: commands and names of credentials do.
--   2. The environment's credential is not used with a profile at another origin than the
--      environment's own.
--
--   local profile = config.choose(options, catalogue)   --> { name=, origin=, rate=, … } or nil

local raw = require "moonlever.raw"
local errors = require "moonlever.errors"
local suggest = require "moonlever.suggest"

local open, load = io and io.open, load

local config = {}

local LARGEST = 256 * 1024
local NAME = "^%w[%w._-]*$"

local KEYS = {
  service = "string", origin = "string", token_cmd = "table", rate = "number", headroom = "number",
  production = "boolean",
}
-- What people would write a token into.
local SECRETS = { token = true, secret = true, password = true, api_key = true, key = true, credential = true }

-- ---------------------------------------------------------------------------
-- Reading

local function bad(path, message, ...)
  errors.raise("usage", ("%s: %s"):format(path, message:format(...)), {
    config = true, fix = "moonlever help config says what may be in it; moonlever doctor looks at all of it",
  })
end

-- The text of a file, nil where there is none; raises for one that cannot be read.
local function read(path)
  local file, why, code = open(path, "rb")
  if not file then
    if code == 2 then return nil end
    bad(path, "cannot be read: %s", (tostring(why):gsub("^.*: ", "")))
  end
  local text, reason = file:read(LARGEST + 1)
  file:close()
  if reason then bad(path, "cannot be read: %s", reason) end
  if text and #text > LARGEST then bad(path, "is larger than %d KiB", LARGEST // 1024) end
  return text or ""
end

local function near(word, known)
  local best = suggest.closest(word, known)
  return best and ("; did you mean '%s'?"):format(best) or ""
end

local function check_key(path, where, name, value)
  if SECRETS[name] then
    bad(path, "%s holds a %s: tokens do not belong there; use token_cmd, or moonlever login", where, name)
  end
  if KEYS[name] == nil then bad(path, "%s has an unknown '%s'%s", where, tostring(name), near(name, KEYS)) end
  if type(value) ~= KEYS[name] then
    bad(path, "%s: '%s' is a %s, and should be a %s", where, name, type(value), KEYS[name])
  end
end

local function is_command(value)
  if type(value) ~= "table" or #value == 0 then return false end
  local n = 0
  for _, word in pairs(value) do
    n = n + 1
    if type(word) ~= "string" or word:find("\0", 1, true) then return false end
  end
  return n == #value and n <= 64 and value[1] ~= ""
end

-- token_cmd as { credential = words }: one command is that of the default credential.
local function commands_of(path, where, value)
  if value == nil then return {} end
  if is_command(value) then return { default = value } end
  for name, words in pairs(value) do
    if type(name) ~= "string" or not is_command(words) then
      bad(path, '%s: token_cmd is { "program", "argument", … }, or one of these for each credential', where)
    end
  end
  if next(value) == nil then bad(path, "%s: token_cmd is empty", where) end
  return value
end

--- Can this be the name of a profile, and so of a file?
function config.is_name(name)
  return type(name) == "string" and #name <= 64 and name:find(NAME) ~= nil
end

local function check_profile(path, name, profile)
  local where = ("profile '%s'"):format(errors.one_line(tostring(name), 40))
  if not config.is_name(name) then
    bad(path, "%s: a name has letters, digits, and . _ - between", where)
  end
  if type(profile) ~= "table" then bad(path, "%s is a %s, and should be a table", where, type(profile)) end
  for key, value in pairs(profile) do check_key(path, where, key, value) end
  local known = require("moonlever.service").NAMES
  if not profile.service then bad(path, "%s has no service, such as service = \"screendesk\"", where) end
  if not suggest.has(known, profile.service) then
    bad(path, "%s: there is no service '%s'%s", where, profile.service, near(profile.service, known))
  end
  if profile.rate and not (profile.rate >= 0 and profile.rate < 1e6) then
    bad(path, "%s: rate is 0 (no limit) or more", where)
  end
  if profile.headroom and not (profile.headroom >= 1 and profile.headroom <= 100) then
    bad(path, "%s: headroom is a percentage from 1 to 100", where)
  end
  return {
    name = name, service = profile.service, origin = profile.origin and profile.origin:gsub("/+$", ""),
    commands = commands_of(path, where, profile.token_cmd), rate = profile.rate, headroom = profile.headroom,
    production = profile.production or false, from = path,
  }
end

local function check_defaults(path, list)
  if type(list) ~= "table" then bad(path, "default is a table such as { screendesk = \"acme\" }") end
  local defaults = {}
  for service, name in pairs(list) do
    if type(service) ~= "string" or type(name) ~= "string" then
      bad(path, "default is a table such as { screendesk = \"acme\" }")
    end
    defaults[service] = { name = name, from = path }
  end
  return defaults
end

local TOP = { default = true, profiles = true }

local function evaluate(path, text)
  if text:find("^\27") then bad(path, "is not a text") end
  local chunk, why = load(text:gsub("^#[^\n]*", ""), "=config.lua", "t", {})
  if not chunk then bad(path, "%s", why) end
  local ok, value = pcall(chunk)
  if not ok then bad(path, "does not come to an end: %s", errors.one_line(tostring(value), 200)) end
  if type(value) ~= "table" then bad(path, "returns a %s, and should return a table", type(value)) end
  for name in pairs(value) do
    if not TOP[name] then bad(path, "has an unknown '%s'%s", tostring(name), near(tostring(name), TOP)) end
  end
  return value
end

-- Lines service=profile.
local function add_chosen(path, text, defaults)
  for line in text:gmatch "[^\n]+" do
    local service, name = line:match("^([%w]+)=(%w[%w._-]*)$")
    if not service then bad(path, "has a line that is not SERVICE=PROFILE") end
    defaults[service] = { name = name, from = path }
  end
end

--- All that is configured: { profiles = { name = profile }, defaults = { service = { name,
-- from } }, directory, path }. `directory` is nil where there is none. Raises usage.
function config.load()
  local directory = raw.config_directory()
  local all = { profiles = {}, defaults = {}, directory = directory }
  if not directory or not open then return all end
  all.path = directory .. "/config.lua"
  local text = read(all.path)
  if text then
    local value = evaluate(all.path, text)
    if value.profiles ~= nil and type(value.profiles) ~= "table" then bad(all.path, "profiles is not a table") end
    for name, profile in pairs(value.profiles or {}) do all.profiles[name] = check_profile(all.path, name, profile) end
    all.defaults = check_defaults(all.path, value.default or {})
  end
  local chosen = read(directory .. "/defaults")
  if chosen then add_chosen(directory .. "/defaults", chosen, all.defaults) end
  return all
end

local loaded, loaded_for

-- Read once for a directory.
local function settings()
  local directory = raw.config_directory() or ""
  if loaded_for ~= directory then
    loaded, loaded_for = config.load(), directory
  end
  return loaded
end

-- ---------------------------------------------------------------------------
-- Profiles

-- What the file of a profile says, put together with its entry. Raises usage.
local function complete(all, name)
  local entry = all.profiles[name]
  if not config.is_name(name) then return entry end
  local stored = all.directory and raw.stored(name)
  if not stored then return entry end
  local from = ("%s/credentials/%s"):format(all.directory, name)
  entry = entry or {
    name = name, service = stored.service, origin = stored.origin, commands = {}, production = false, from = from,
  }
  if stored.service ~= entry.service then
    bad(from, "is of the service %s, and profile '%s' of %s", tostring(stored.service), name, tostring(entry.service))
  end
  entry.stored, entry.stored_in = stored.names, from
  if not entry.origin then entry.origin, entry.origin_from = stored.origin, from end
  return entry
end

local function guarded(all, name)
  local ok, result = pcall(complete, all, name)
  if ok then return result end
  if errors.is(result) then errors.add(result, { config = true }) end
  error(result, 0)
end

--- The profile of that name, or nil. Raises usage where the files are wrong.
function config.find(name)
  return guarded(settings(), name)
end

--- The profile of that name; raises usage where there is none.
function config.named(name)
  local profile = config.find(name)
  if profile then return profile end
  local shown = errors.one_line(name, 60)
  errors.raise("usage", ("there is no profile '%s'%s"):format(shown, near(name, settings().profiles)), {
    config = true, fix = "moonlever profile list names them; moonlever login --profile NAME makes one",
  })
end

-- ---------------------------------------------------------------------------
-- Which profile is meant

local bound -- { names = array, service =, of = words for people } of the run that is gone on with

local function asked(service)
  local name = raw.setting "MOONLEVER_PROFILE"
  if not name or name == "" then return nil end
  local profile = config.named(name)
  return profile.service == service and profile or nil
end

-- The only profile of a service among those of the run; at that origin where there are more.
local function bound_profile(service, origin)
  local found, count = nil, 0
  for _, name in ipairs(bound and bound.names or {}) do
    local profile = config.named(name)
    if profile.service == service and (not origin or not profile.origin or profile.origin == origin) then
      found, count = profile, count + 1
    end
  end
  return count == 1 and found or nil
end

local function default_of(catalogue)
  local all = settings()
  local entry = all.defaults[catalogue.name]
  if not entry then return config.find(catalogue.name) end
  local profile = config.named(entry.name)
  if profile.service ~= catalogue.name then
    bad(entry.from, "the default of %s is '%s', a profile of %s", catalogue.name, entry.name, profile.service)
  end
  return profile
end

-- Does the environment say where the service is?
local function environment_url(catalogue)
  local variable = catalogue.env and catalogue.env.url
  local url = variable and raw.setting(variable)
  return url and url ~= "" and url:gsub("/+$", "") or nil
end

local function check_service(profile, catalogue)
  if profile.service == catalogue.name then return profile end
  errors.raise("usage", ("connect: profile '%s' is of the service %s, not of %s"):format(profile.name, profile.service,
    catalogue.name), { config = true })
end

--- The profile that connect means, or nil: options are those of connect. Raises usage.
function config.choose(options, catalogue)
  if not raw.config_directory() then return nil end
  local profile = asked(catalogue.name)
  if profile then return profile end
  if options.profile then return check_service(config.named(options.profile), catalogue) end
  if options.url then return nil end
  profile = bound_profile(catalogue.name)
  if profile or (bound and bound.service == catalogue.name) then return profile end
  local url = environment_url(catalogue)
  profile = not url and default_of(catalogue) or nil
  return profile
end

--- May the environment's credential go to the profile's origin?
function config.environment_counts(profile, catalogue, origin)
  if not profile then return true end
  local url = environment_url(catalogue)
  return not url or url == origin
end

--- From now on connect means the profiles that a run was made with. run: a row of the
-- journal, or the header of a plan; what: what people call it. Raises guard where --profile
-- names another one.
function config.bind(run, what)
  local names = {}
  local profiles = type(run.profile) == "string" and run.profile or ""
  for name in profiles:gmatch("[^,]+") do names[#names + 1] = name end
  local wanted = raw.setting "MOONLEVER_PROFILE"
  if wanted and wanted ~= "" and raw.config_directory() and not suggest.has(names, wanted) then
    errors.raise("guard", ("%s was made with %s, not with profile %s"):format(what,
      #names > 0 and "profile " .. table.concat(names, ", ") or "no profile", errors.one_line(wanted, 60)), {
      fix = "leave --profile out; nothing was sent",
    })
  end
  bound = { names = names, service = run.service }
end

--- The name of the profile that a change of such a run belongs to, or nil.
function config.of_change(row)
  local profile = bound_profile(row.service, row.origin)
  return profile and profile.name
end

return config
