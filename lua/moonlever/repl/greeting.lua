-- SPDX-License-Identifier: MIT
-- What a session says when it begins: which clients work here, or how to get a token.
--
-- Nothing is sent, and no token_cmd is run for it. What is wrong with the profiles is said when a
-- client is used.
--
--   raw.write(greeting.text({ sd = "screendesk" }, false))

local raw = require "moonlever.raw"
local config = require "moonlever.config"
local methods = require "moonlever.derived.methods"
local suggest = require "moonlever.suggest"

local greeting = {}

-- Would a plain connect find a token? One of several credentials is enough.
local function has_token(catalogue, profile)
  local origin = profile and (profile.origin or catalogue.origin)
  local environment = config.environment_counts(profile, catalogue, origin)
  for name, credential in pairs(catalogue.credentials) do
    if environment and raw.has_credential(credential.env) then return true end
    if profile and (profile.commands[name] or (profile.stored or {})[credential.env]) then return true end
  end
  return false
end

local function is_ready(catalogue)
  local ok, profile = pcall(config.choose, {}, catalogue)
  profile = ok and profile or nil
  local url = profile and profile.origin or raw.setting(catalogue.env.url) or catalogue.origin
  return url and url ~= "" and has_token(catalogue, profile)
end

local function ready(variables)
  local list = {}
  for _, variable in ipairs(suggest.names(variables)) do
    local catalogue = methods.catalogue(variables[variable])
    if is_ready(catalogue) then list[#list + 1] = ("%s (%s)"):format(variable, catalogue.title) end
  end
  return list
end

--- The text. variables: service by the name of its client; live: changes are sent at once.
function greeting.text(variables, live)
  local list = ready(variables)
  return ("Lua at a prompt. %s\n%s\n%s\n"):format(
    #list > 0 and ("Ready: %s."):format(table.concat(list, ", "))
      or "No token is set: moonlever login screendesk stores one,\nand moonlever repl --practice needs none.",
    live and "Changes are sent at once (--live)." or "Changes are planned; commit() sends them.",
    "Try sd.users:list(), help(sd), :help; Tab completes, :quit leaves.")
end

return greeting
