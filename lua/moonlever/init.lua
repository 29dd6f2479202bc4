-- SPDX-License-Identifier: MIT
-- The public table: what `require "moonlever"` returns. Nothing else is promised.
--
-- Its members are loaded when they are first used, so that a script which needs
-- little starts fast. A name that is not there is an error that says what was meant.
--
--   local moonlever = require "moonlever"
--   local sd = moonlever.connect "screendesk"
--   for rec in sd.recordings:list { limit = 10 } do print(rec.title) end

local raw = require "moonlever.raw"

local require = require -- scripts may be given another one

-- Public name -> module and its member (nil: the module itself).
local MEMBERS = {
  connect = { "moonlever.clients", "connect" },
  openapi = { "moonlever.clients", "openapi" },
  script = { "moonlever.script", "script" },
  each = { "moonlever.flow", "each" },
  map = { "moonlever.flow", "map" },
  all = { "moonlever.flow", "all" },
  spawn = { "moonlever.flow", "spawn" },
  sleep = { "moonlever.flow", "sleep" },
  try = { "moonlever.flow", "try" },
  report = { "moonlever.report", "report" },
  help = { "moonlever.help", "help" },
  csv = { "moonlever.csv" },
  tags = { "moonlever.tags" },
  host = { "moonlever.host" },
}

local moonlever = {
  json = { encode = raw.json.encode, decode = raw.json.decode }, -- nulls are moonlever.null
  null = raw.null,
  array = raw.json.array, -- moonlever.array {} is encoded as []
}

local function load_member(t, name)
  if name == "jsonl" then
    t.jsonl = { writer = require("moonlever.out").jsonl }
    return t.jsonl
  end
  local entry = MEMBERS[name]
  if not entry then
    local suggest = require "moonlever.suggest"
    local known = { json = true, null = true, array = true, jsonl = true }
    for member in pairs(MEMBERS) do known[member] = true end
    require("moonlever.errors").usage(
      ("moonlever has no '%s'%s"):format(tostring(name), suggest.phrase(name, known)))
  end
  local value = require(entry[1])
  if entry[2] then value = value[entry[2]] end
  t[name] = value
  return value
end

return setmetatable(moonlever, { __index = load_member })
