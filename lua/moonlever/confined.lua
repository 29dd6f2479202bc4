-- SPDX-License-Identifier: MIT
-- What a confined script may require: name -> function that returns the module.
--
-- The modules are shown through tables that cannot be changed, so that what a script does to
-- them never reaches the code of Moonlever that uses the same ones.
--
--   confined["moonlever"]().connect("screendesk")

local raw = require "moonlever.raw"
local moonlever = require "moonlever"

local shown = {}

-- A table with the members of `module`, which are looked up when they are first used.
local function show(name, module)
  local function refuse(_, member)
    error(("%s cannot be changed: '%s'"):format(name, tostring(member)), 2)
  end
  local members = {}
  return setmetatable({}, {
    __index = function(_, member)
      local value = members[member]
      if value == nil then
        value = module[member]
        if type(value) == "table" and value ~= raw.null then
          value = show(name .. "." .. tostring(member), value)
        end
        members[member] = value
      end
      return value
    end,
    __newindex = refuse, __pairs = function() return next, members end, __metatable = false, __name = name,
  })
end

local function once(name, make)
  return function()
    shown[name] = shown[name] or show(name, make())
    return shown[name]
  end
end

-- lua-cjson has functions that end the process, or change it for everybody: these are ours, with
-- integers that stay integers.
local function cjson()
  return {
    _NAME = "cjson", null = raw.null, encode = raw.json.encode, decode = raw.json.decode,
  }
end

local function safe(f)
  return function(...)
    local ok, value = pcall(f, ...)
    if ok then return value end
    return nil, tostring(value)
  end
end

local function cjson_safe()
  return { _NAME = "cjson.safe", null = raw.null, encode = safe(raw.json.encode), decode = safe(raw.json.decode) }
end

return {
  moonlever = once("moonlever", function() return moonlever end),
  ["moonlever.csv"] = once("moonlever.csv", function() return moonlever.csv end),
  ["moonlever.tags"] = once("moonlever.tags", function() return moonlever.tags end),
  cjson = once("cjson", cjson),
  ["cjson.safe"] = once("cjson.safe", cjson_safe),
}
