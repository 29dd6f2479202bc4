-- SPDX-License-Identifier: MIT
-- Words for the completion of shells, with what they are; tools/complete.lua says which.
--
-- Invariants: no script is run, nothing is sent; what comes from files is safe to show, and
-- a word that a shell would have to quote is not offered.
--
--   words.main({ "services", "scr" }, host)

local raw = require "moonlever.raw"
local complete = require "moonlever.complete"
local config = require "moonlever.config"
local methods = require "moonlever.derived.methods"
local script = require "moonlever.script"
local suggest = require "moonlever.suggest"
local text = require "moonlever.history.text"

local words = {}

local RUNS = 20               -- so many are offered
local LARGEST = 1024 * 1024   -- of a script that is looked at
local READS = { list = true, get = true, search = true }

-- Collects what begins with the word so far.
local function offer(list, word, candidate, brief)
  if candidate:sub(1, #word) ~= word or not candidate:find("^[%w._-]+$") then return end
  list[#list + 1] = ("%s\t%s\n"):format(candidate, text.safe(text.cut(brief or "", 70)))
end

local OFFERS = {}

function OFFERS.profiles(list, word, ...)
  local all, names = config.load(), {}
  for name, profile in pairs(all.profiles) do names[name] = profile.service end
  for _, name in ipairs { ... } do names[name] = names[name] or "signed in" end
  for _, name in ipairs(suggest.names(names)) do offer(list, word, name, names[name]) end
end

function OFFERS.services(list, word)
  for _, name in ipairs(methods.SERVICES) do offer(list, word, name, methods.catalogue(name).title) end
end

-- Methods come once their resource has been typed: there are many.
function OFFERS.resources(list, word, name)
  if not suggest.has(methods.SERVICES, name) then return end
  local service = methods.catalogue(name)
  for _, resource in ipairs(suggest.names(service.resources)) do
    offer(list, word, resource, service.resources[resource].title)
    if word:sub(1, #resource + 1) == resource .. "." then
      for _, m in ipairs(methods.of(service, resource)) do
        if READS[m.kind] then offer(list, word, resource .. "." .. m.verb, m.entry.summary) end
      end
    end
  end
end

function OFFERS.names(list, word)
  for _, name in ipairs(complete.names(word)) do offer(list, word, name) end
end

function OFFERS.runs(list, word)
  local left = RUNS
  for run in raw.query "runs" do
    if left == 0 then break end
    left = left - 1
    offer(list, word, run.run, ("%s %s"):format(text.when(run.started), run.script or run.kind))
  end
end

-- The table that a script gives to moonlever.script: read as data, in an empty environment.
local function header_of(source)
  local body = source:match("moonlever%.script%s*(%b{})")
  local chunk = body and load("return " .. body, "=header", "t", {})
  local ok, header = pcall(chunk or error)
  return ok and type(header) == "table" and header or nil
end

local function source_of(path, ready)
  if ready and ready ~= "" then return ready end
  local file = io.open(path, "rb")
  if not file then return "" end
  local source = file:read(LARGEST) or ""
  file:close()
  return source
end

function OFFERS.arguments(list, word, path, ready)
  local header = header_of(source_of(path, ready))
  local spec = header and script.build(header)
  for _, arg in ipairs(spec and spec.args or {}) do offer(list, word, "--" .. arg.flag, arg.text) end
end

--- Writes what may stand there. words: what is wanted, the word so far, and more.
function words.main(arguments, host)
  local list = {}
  local ok = pcall(OFFERS[arguments[1]], list, table.unpack(arguments, 2))
  if ok then host.write(table.concat(list)) end
end

return words
