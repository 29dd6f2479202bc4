-- SPDX-License-Identifier: MIT
-- `moonlever doctor`: the part that Lua knows. Whatever is broken is said, never raised:
-- this is what people run when nothing else works.
--
--   doctor.main({ "online", "SCREENDESK_TOKEN", "--", "acme" }, host)

local raw = require "moonlever.raw"
local accounts = require "moonlever.accounts"
local config = require "moonlever.config"
local errors = require "moonlever.errors"
local methods = require "moonlever.derived.methods"
local service = require "moonlever.service"
local suggest = require "moonlever.suggest"
local text = require "moonlever.history.text"

local doctor = {}

local SKEW = 120 -- seconds that clocks may differ

local function line(host, mark, what, detail)
  host.write(("%-5s %-12s %s\n"):format(mark, what, text.safe(detail)))
end

-- Runs a check that returns what is well, or raises what is not.
local function check(host, what, f, ...)
  local ok, result = pcall(f, ...)
  if ok then return line(host, "ok", what, result) end
  local message = errors.is(result) and result.message or tostring(result)
  line(host, "bad", what, errors.one_line(tostring(message), 400))
  if errors.is(result) and result.fix then line(host, "", "", "fix: " .. result.fix) end
end

-- The names of all profiles, of either place.
local function all_names(settings, stored)
  local set = {}
  for name in pairs(settings.profiles) do set[name] = true end
  for _, name in ipairs(stored) do set[name] = true end
  return suggest.names(set)
end

local function check_defaults(settings)
  for name, entry in pairs(settings.defaults) do
    if config.named(entry.name).service ~= name then
      errors.raise("usage", ("%s: the default of %s is a profile of another service"):format(entry.from, name))
    end
  end
end

-- How many profiles there are, and where: one that is in config.lua may have a stored token, too.
local function profiles(stored)
  local settings = config.load()
  if not settings.directory then return "there is no place for profiles" end
  local names = all_names(settings, stored)
  for _, name in ipairs(names) do config.find(name) end
  check_defaults(settings)
  local parts, written = {}, #suggest.names(settings.profiles)
  if written > 0 then parts[1] = ("%d of %s"):format(written, settings.path) end
  if #stored > 0 then parts[#parts + 1] = ("%d of %s/credentials (login)"):format(#stored, settings.directory) end
  if #parts == 0 then return ("no profiles in %s; moonlever login makes one"):format(settings.directory) end
  return ("%s: %s"):format(text.plural(#names, "profile"), table.concat(parts, ", "))
end

-- A run of the future shows a clock that has gone back since.
local function journal()
  local count, newest = 0, 0
  for run in raw.query("runs") do
    count, newest = count + 1, math.max(newest, run.ended or run.started)
  end
  if newest > raw.wall_ms() + SKEW * 1000 then
    errors.raise("usage", ("the last run is of %s, which is still to come: the clock was wrong, or is")
      :format(text.rfc3339(newest)))
  end
  return text.plural(count, "run")
end

local function numbers()
  local id = raw.json.decode('{"id":360012345678901234}').id
  if raw.json.encode(id) ~= "360012345678901234" then errors.raise("usage", "large ids are not kept") end
  return "large ids stay whole"
end

-- ---------------------------------------------------------------------------
-- Online

local MONTHS = {
  Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6, Jul = 7, Aug = 8, Sep = 9, Oct = 10, Nov = 11, Dec = 12,
}

-- The seconds that the service's clock is ahead; nil where it does not say.
local function skew(client, path)
  local ok, _, answer = pcall(function() return client:request { method = "GET", path = path } end)
  local date = ok and answer and answer.headers and answer.headers.date
  local day, month, year, time = tostring(date):match("^%a+, (%d+) (%a+) (%d+) (%d+:%d+:%d+) GMT$")
  if not day or not MONTHS[month] then return nil end
  local ms = text.parse_time(("%s-%02d-%sT%sZ"):format(year, MONTHS[month], day, time))
  return ms and (ms - raw.wall_ms()) / 1000
end

-- Does the account answer, and take the token? profile: nil = the one of the environment.
local function reach(name, profile)
  local catalogue = methods.catalogue(name)
  local options = { service = name, profile = profile and profile.name }
  local who = profile and ("profile %s: "):format(profile.name) or ""
  local ok, err = accounts.try(catalogue, "default", options)
  if not ok then
    if errors.is(err) then err.message = who .. tostring(err.message) end
    error(err, 0)
  end
  local ahead = skew(service.connect(options), accounts.probe(catalogue, "default"))
  if ahead and math.abs(ahead) > SKEW then
    errors.raise("usage", ("%sanswers, but its clock is %d s from ours"):format(who, ahead))
  end
  return who .. "answers, and takes the token"
end

-- Has the profile a token of its own, or does that of the environment go to it?
local function has_token(profile, catalogue, environment)
  local variable = catalogue.credentials.default.env
  if profile.commands.default or (profile.stored or {})[variable] then return true end
  local origin = profile.origin or catalogue.origin
  return environment[variable] and config.environment_counts(profile, catalogue, origin)
end

-- The profile of --profile, nil where none is named. Raises usage where there is none of that name.
local function named_profile()
  local wanted = raw.setting "MOONLEVER_PROFILE"
  return wanted and wanted ~= "" and config.named(wanted) or nil
end

-- The profiles of each service; `only`: of its service that one alone.
local function by_service(stored, only)
  local lists = {}
  local good, settings = pcall(config.load) -- what is wrong with it has been said
  for _, name in ipairs(good and all_names(settings, stored) or {}) do
    local ok, profile = pcall(config.find, name)
    if ok and profile and (not only or only.service ~= profile.service or only.name == name) then
      lists[profile.service] = lists[profile.service] or {}
      table.insert(lists[profile.service], profile)
    end
  end
  return lists
end

-- Is the account that the environment names the one that a plain connect means?
local function means_environment(catalogue)
  local ok, profile = pcall(config.choose, {}, catalogue)
  return not ok or profile == nil
end

-- Only what has a credential is asked: the others are not in use.
local function online(host, environment, stored)
  local good, only = pcall(named_profile)
  if not good then check(host, "profile", error, only, 0) end
  local lists = by_service(stored, good and only or nil)
  for _, name in ipairs(service.NAMES) do
    local catalogue = methods.catalogue(name)
    local list = lists[name] or {}
    local own = environment[catalogue.credentials.default.env] and means_environment(catalogue)
    if own then check(host, name, reach, name) end
    for _, profile in ipairs(list) do
      if has_token(profile, catalogue, environment) then
        check(host, name, reach, name, profile)
      else
        line(host, "-", name, ("profile %s: no token is set"):format(profile.name))
      end
    end
    if not own and #list == 0 then line(host, "-", name, "no token is set") end
  end
end

-- The words behind the first: credentials of the environment, and behind "--" stored profiles.
local function words_of(words)
  local environment, stored, names = {}, {}, false
  for index = 2, #words do
    local word = words[index]
    if names then stored[#stored + 1] = word else environment[word] = true end
    names = names or word == "--"
  end
  return environment, stored
end

--- The command. words: "online" or "offline", the credentials that the environment has, "--",
-- and the profiles that have a file of credentials.
function doctor.main(words, host)
  raw.licence {}
  local environment, stored = words_of(words)
  check(host, "numbers", numbers)
  check(host, "config", profiles, stored)
  check(host, "journal", journal)
  if words[1] == "online" then online(host, environment, stored) end
end

return doctor
