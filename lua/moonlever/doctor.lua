-- SPDX-License-Identifier: MIT
-- `moonlever doctor`: the part that Lua knows. Whatever is broken is said, never raised:
-- this is what people run when nothing else works.
--
--   doctor.main({ "online", "SCREENDESK_TOKEN" }, host)

local raw = require "moonlever.raw"
local accounts = require "moonlever.accounts"
local config = require "moonlever.config"
local errors = require "moonlever.errors"
local methods = require "moonlever.derived.methods"
local service = require "moonlever.service"
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

local function profiles()
  local settings = config.load()
  local count = 0
  for name in pairs(settings.profiles) do
    config.find(name)
    count = count + 1
  end
  for name, entry in pairs(settings.defaults) do
    if config.named(entry.name).service ~= name then
      errors.raise("usage", ("%s: the default of %s is a profile of another service"):format(entry.from, name))
    end
  end
  if not settings.directory then return "there is no place for profiles" end
  return ("%s in %s"):format(text.plural(count, "profile"), settings.path)
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

local function reach(name, credential)
  local catalogue = methods.catalogue(name)
  local ok, err = accounts.try(catalogue, credential, name)
  if not ok then error(err, 0) end
  local client = service.connect(name)
  local ahead = skew(client, accounts.probe(catalogue, credential))
  if ahead and math.abs(ahead) > SKEW then
    errors.raise("usage", ("answers, but its clock is %d s from ours"):format(ahead))
  end
  return "answers, and takes the token"
end

-- Only what has a credential is asked: the others are not in use.
local function online(host, environment)
  for _, name in ipairs(service.NAMES) do
    local catalogue = methods.catalogue(name)
    local variable = catalogue.credentials.default.env
    local ok, profile = pcall(config.choose, {}, catalogue)
    profile = ok and profile or { commands = {} }
    if environment[variable] or profile.commands.default or (profile.stored or {})[variable] then
      check(host, name, reach, name, "default")
    else
      line(host, "-", name, "no token is set")
    end
  end
end

--- The command. words: "online" or "offline", then the credentials that the environment has.
function doctor.main(words, host)
  raw.licence {}
  local environment = {}
  for index = 2, #words do environment[words[index]] = true end
  check(host, "numbers", numbers)
  check(host, "config", profiles)
  check(host, "journal", journal)
  if words[1] == "online" then online(host, environment) end
end

return doctor
