-- SPDX-License-Identifier: MIT
-- What the command line does about accounts: sign in, list and choose profiles, show which
-- setting holds and where it comes from.
--
-- No secret passes here. `moonlever login` reads and stores the token in C; Lua tells for
-- what it is, and tries it out.
--
--   accounts.main({ "list" }, host)

local raw = require "moonlever.raw"
local config = require "moonlever.config"
local errors = require "moonlever.errors"
local grids = require "moonlever.grid"
local methods = require "moonlever.derived.methods"
local out = require "moonlever.out"
local service = require "moonlever.service"
local suggest = require "moonlever.suggest"
local text = require "moonlever.history.text"

local accounts = {}

local function near(word, known)
  local best = suggest.closest(word, known)
  return best and (" Did you mean '%s'?"):format(best) or ""
end

local function catalogue_of(host, name)
  if suggest.has(service.NAMES, name) then return methods.catalogue(name) end
  local guess = near(name, service.NAMES)
  host.fail(2, ("there is no service '%s'.%s\nsee: moonlever login --help"):format(errors.one_line(name, 60),
    guess ~= "" and guess or (" There are %s."):format(suggest.listed(service.NAMES, "and"))))
end

-- The profile of that name if there is one that can be read; login repairs a broken one.
local function known_profile(name)
  local ok, profile = pcall(config.find, name)
  return ok and profile or config.load().profiles[name]
end

-- ---------------------------------------------------------------------------
-- Signing in

local function credential_of(host, catalogue, name)
  local credential = catalogue.credentials[name]
  if credential then return credential end
  local known = suggest.names(catalogue.credentials)
  host.fail(2, ("%s has no credential '%s': there is %s.%s"):format(catalogue.name, errors.one_line(name, 60),
    table.concat(known, ", "), near(name, known)))
end

local function service_name(host, word, profile, name)
  if word == "" and profile then return profile.service end
  if word == "" then
    host.fail(2, ("which service? %s: moonlever login SERVICE%s"):format(suggest.listed(service.NAMES, "or"),
      name ~= "" and " --profile " .. name or ""))
  end
  if profile and profile.service ~= word then
    host.fail(2, ("profile '%s' is of the service %s, not of %s."):format(name, profile.service, word))
  end
  return word
end

local function origin_of(host, catalogue, profile, url)
  if url == "" then url = profile and profile.origin or raw.setting(catalogue.env.url) or catalogue.origin or "" end
  if url == "" then
    host.fail(2, ("where is %s? Say --url https://host.example"):format(catalogue.title))
  end
  return raw.connect({ service = catalogue.name, origin = url, credentials = {} }):origin()
end

-- login SERVICE PROFILE CREDENTIAL URL ("" = not said): what a token is for, a line each:
-- profile, service, origin, the variables of the origin and of the token, and where people get one.
local COMMANDS = {}

function COMMANDS.login(host, word, name, credential, url)
  if name ~= "" and not config.is_name(name) then
    host.fail(2, ("'%s' is no name for a profile: letters, digits, and . _ -"):format(errors.one_line(name, 60)))
  end
  local profile = known_profile(name ~= "" and name or word)
  local catalogue = catalogue_of(host, service_name(host, word, profile, name))
  local spec = credential_of(host, catalogue, credential ~= "" and credential or "default")
  local origin = origin_of(host, catalogue, profile, url)
  local chosen = name ~= "" and name or catalogue.name
  for _, line in ipairs { chosen, catalogue.name, origin, catalogue.env.url, spec.env, spec.source or "" } do
    host.write(line:gsub("\n", " ") .. "\n")
  end
end

-- A list that needs nothing but the credential; what everybody may read goes first.
local function probe_of(catalogue, credential)
  local found
  for _, name in ipairs(suggest.names(catalogue.resources)) do
    local resource = catalogue.resources[name]
    local list = resource.operations.list
    if (resource.credential or "default") == credential and list and list.pages and not (list.params and list.params[1])
      and (not found or (catalogue.resources[found].operations.list.admin and not list.admin)) then
      local needs = false
      for _, spec in pairs(list.query or {}) do needs = needs or (spec.required and spec.default == nil) end
      if not needs then found = name end
    end
  end
  return found
end

--- The path that a token is tried out with.
function accounts.probe(catalogue, credential)
  return catalogue.resources[probe_of(catalogue, credential)].operations.list.path
end

-- Asks for one record. Returns true; nil and the error where that fails.
local function try(catalogue, credential, options)
  local client = service.connect(options)
  local list = client
  for part in probe_of(catalogue, credential):gmatch "[^.]+" do list = list[part] end
  local ok, err = pcall(function()
    local records <close> = list:list { limit = 1 }
    return records()
  end)
  if ok then return true end
  if not errors.is(err) then error(err, 0) end
  -- "No data" and the like: the token was good enough to be told so.
  if err.kind == "nodata" or err.kind == "notfound" then return true end
  return nil, err
end
accounts.try = try

-- verify SERVICE CREDENTIAL URL: tries the token that the host has set.
function COMMANDS.verify(host, name, credential, url)
  raw.licence {}
  local catalogue = catalogue_of(host, name)
  local ok, err = try(catalogue, credential, { service = name, url = url })
  if not ok then error(err, 0) end
end

-- ---------------------------------------------------------------------------
-- Profiles

-- The names of all profiles, of either place.
local function all_names(host, settings)
  local names = {}
  for name in pairs(settings.profiles) do names[name] = true end
  for _, name in ipairs(host.stored or {}) do names[name] = true end
  return suggest.names(names)
end

local function sources_of(profile)
  local parts = {}
  if next(profile.commands) then parts[1] = "token_cmd" end
  if profile.stored then parts[#parts + 1] = "login" end
  return #parts > 0 and table.concat(parts, ", ") or "-"
end

local function is_default(settings, profile)
  local entry = settings.defaults[profile.service]
  return entry and entry.name == profile.name or (not entry and profile.name == profile.service)
end

local function profile_row(settings, name)
  local ok, profile = pcall(config.find, name)
  if not ok then return { name, "?", tostring(profile.message), "", "" } end
  return {
    name, profile.service, profile.origin or "-", sources_of(profile),
    (is_default(settings, profile) and "default " or "") .. (profile.production and "production" or ""),
  }
end

-- list STORED…: names of the files of credentials.
function COMMANDS.list(host, width, ...)
  host.stored = { ... }
  local settings = config.load()
  local names = all_names(host, settings)
  if #names == 0 then return raw.log(1, "there are no profiles yet: moonlever login SERVICE makes one") end
  local grid = grids.new({ "profile", "service", "origin", "token", "is" }, math.tointeger(tonumber(width)), host.write)
  for _, name in ipairs(names) do grid:row(profile_row(settings, name)) end
  grid:close()
end

-- The choices of `profile use`, service -> profile.
local function chosen(settings)
  local path, list = settings.directory .. "/defaults", {}
  for name, entry in pairs(settings.defaults) do
    if entry.from == path then list[name] = entry.name end
  end
  return path, list
end

local function write_chosen(path, list)
  local file <close> = out.file(path)
  for _, name in ipairs(suggest.names(list)) do file:write(("%s=%s\n"):format(name, list[name])) end
  file:close()
end

function COMMANDS.use(host, name)
  local profile = config.named(name)
  local path, list = chosen(config.load())
  list[profile.service] = name
  write_chosen(path, list)
  host.write(("%s is the default of %s now\n"):format(name, profile.service))
end

-- remove NAME: what the program itself has written about it.
function COMMANDS.remove(host, name)
  local settings = config.load()
  local profile = known_profile(name)
  if not profile then config.named(name) end
  local path, list = chosen(settings)
  local file, changed = ("%s/credentials/%s"):format(settings.directory, name), false
  if profile.stored or raw.stored(name) then
    local ok, why = os.remove(file)
    if not ok then host.fail(2, ("cannot remove %s: %s"):format(file, (tostring(why):gsub("^.*: ", "")))) end
  end
  for key, value in pairs(list) do
    if value == name then list[key], changed = nil, true end
  end
  if changed then write_chosen(path, list) end
  if settings.profiles[name] then
    return host.write(("the stored token of %s is gone; the profile itself is in %s\n"):format(name, settings.path))
  end
  host.write(("profile %s is gone; its token is still valid until the service takes it back\n"):format(name))
end

-- ---------------------------------------------------------------------------
-- Which setting holds

local function place_of_default(settings, name)
  local entry = settings.defaults[name]
  return entry and entry.from or "it is named as the service"
end

-- Where the profile of a plain connect comes from.
local function chosen_profile(settings, catalogue)
  local profile = config.choose({}, catalogue)
  if not profile then return nil, "" end
  local flag = raw.setting "MOONLEVER_PROFILE"
  if flag and flag == profile.name then return profile, "--profile or MOONLEVER_PROFILE" end
  return profile, place_of_default(settings, catalogue.name)
end

local function origin_line(profile, catalogue)
  if profile then return profile.origin or catalogue.origin, profile.origin and profile.from or "built in" end
  local url = raw.setting(catalogue.env.url)
  if url and url ~= "" then return url, "environment, " .. catalogue.env.url end
  return catalogue.origin, "built in"
end

-- Where a secret would come from; nil where there is none.
local function secret_place(profile, catalogue, name, origin, environment)
  local variable = catalogue.credentials[name].env
  if profile and profile.commands[name] then return "token_cmd of " .. profile.from end
  if environment[variable] and config.environment_counts(profile, catalogue, origin) then
    return "environment, " .. variable
  end
  return profile and profile.stored and profile.stored[variable] and profile.stored_in or nil
end

local Lines = {}
Lines.__index = Lines

function Lines:put(name, value, from)
  if value == nil then return end
  self[#self + 1] = { name, text.safe(tostring(value)), self.origins and from and text.safe(from) or "" }
end

local function put_service(lines, settings, name, environment)
  local catalogue = methods.catalogue(name)
  local profile, from = chosen_profile(settings, catalogue)
  local origin, place = origin_line(profile, catalogue)
  lines:put(name .. ".profile", profile and profile.name, from)
  lines:put(name .. ".origin", origin or "not set", origin and place or nil)
  for _, credential in ipairs(suggest.names(catalogue.credentials)) do
    local found = secret_place(profile, catalogue, credential, origin, environment)
    lines:put(("%s.token%s"):format(name, credential == "default" and "" or "." .. credential),
      found and "set" or "not set", found)
  end
  for _, key in ipairs { "rate", "headroom", "production" } do
    lines:put(("%s.%s"):format(name, key), profile and profile[key] or nil, profile and profile.from)
  end
end

local function place_of(variables)
  for _, name in ipairs(variables) do
    if raw.setting(name) then return "environment, " .. name end
  end
  return "built in"
end

-- show ORIGINS VARIABLE…: "1" to name the places; the credentials that the environment has.
function COMMANDS.show(host, origins, ...)
  local lines, environment = setmetatable({ origins = origins == "1" }, Lines), {}
  for _, variable in ipairs { ... } do environment[variable] = true end
  local settings = config.load()
  lines:put("config", settings.path or "none", place_of { "MOONLEVER_CONFIG_DIR", "XDG_CONFIG_HOME" })
  lines:put("state", raw.setting "XDG_STATE_HOME" or "~/.local/state", place_of { "XDG_STATE_HOME" })
  for _, name in ipairs(service.NAMES) do put_service(lines, settings, name, environment) end
  host.write(text.columns(lines))
end

--- The commands: login, verify, list, use, remove, show; `words` are their arguments.
function accounts.main(words, host)
  local ok, err = pcall(COMMANDS[words[1]], host, table.unpack(words, 2))
  if ok then return end
  -- There is no script here that could be wrong: it is the words or the settings (exit code 2).
  if errors.is(err) and err.kind == "usage" then err.config, err.where = true, nil end
  error(err, 0)
end

return accounts
