-- SPDX-License-Identifier: MIT
-- Completion over the catalogues: what may come next. For shells (names of help) and for
-- people at a prompt (a line of Lua up to the cursor).
--
-- Invariants: pure; nothing is called, connected or sent; words come sorted, each once,
-- and each begins with what is there.
--
--   complete.names("screendesk.rec")                         --> { "screendesk.recordings" }
--   complete.line("sd.recordings:update(r, { ti", { sd = "screendesk" })
--     --> { "title" }, 27      the words, and where the one that they replace begins

local api = require "moonlever.derived.api"
local methods = require "moonlever.derived.methods"
local types = require "moonlever.derived.types"

local complete = {}

local function starts_with(text, head)
  return text:sub(1, #head) == head
end

-- The members of `set` that begin with `word`, sorted.
local function matching(set, word)
  local list = {}
  for _, name in ipairs(methods.names(set)) do
    if starts_with(name, word) then list[#list + 1] = name end
  end
  return list
end

local function service_set()
  local set = {}
  for _, name in ipairs(methods.SERVICES) do set[name] = true end
  return set
end

local function service_of(name)
  return service_set()[name] and methods.catalogue(name) or nil
end

-- ---------------------------------------------------------------------------
-- Members by name

-- What may stand behind "moonlever." or "moonlever.csv.": `path` is what follows.
local function public_members(path)
  local set = {}
  for _, list in ipairs { api.functions, api.values } do
    for _, entry in ipairs(list) do
      if starts_with(entry.name, path) then set[entry.name:sub(#path + 1):match("^[^.]+")] = true end
    end
  end
  return set
end

-- The methods of a resource, and resources below this name.
local function resource_members(service, path)
  local set = {}
  for name in pairs(service.resources) do
    if path == "" or starts_with(name, path .. ".") then
      local rest = path == "" and name or name:sub(#path + 2)
      set[rest:match("^[^.]+")] = true
    end
  end
  for _, m in ipairs(service.resources[path] and methods.of(service, path) or {}) do set[m.verb] = true end
  if path == "" then set.request = true end
  return set
end

-- What may stand behind a dotted name whose first part is a service or "moonlever".
local function members_of(base)
  local head, path = base:match("^([^.]+)%.?(.*)$")
  if head == "moonlever" then return public_members(path == "" and "" or path .. ".") end
  local service = service_of(head)
  return service and resource_members(service, path) or {}
end

--- The dotted names, a level at a time, that begin with a prefix: services, then their
-- resources, then their methods; "moonlever" and its members.
function complete.names(prefix)
  local base, word = prefix:match("^(.*)%.([^.]*)$")
  if not base then
    local set = service_set()
    set.moonlever = true
    return matching(set, prefix)
  end
  local list = matching(members_of(base), word)
  for i, name in ipairs(list) do list[i] = base .. "." .. name end
  return list
end

-- ---------------------------------------------------------------------------
-- A line of Lua up to the cursor: which brackets are open, and what stands before

local Scan = {}
Scan.__index = Scan

function Scan:top() return self.frames[#self.frames] end

-- Reads a string; false where it is not closed.
function Scan:string(quote)
  local at = self.at + 1
  while at <= #self.text do
    local char = self.text:sub(at, at)
    if char == quote then
      self.at, self.chain = at + 1, nil
      return true
    end
    at = at + (char == "\\" and 2 or 1)
  end
  self.open = self.at + 1
  return false
end

local OPENERS = { ["("] = true, ["{"] = true }
local CLOSERS = { [")"] = true, ["}"] = true }

-- A bracket opens a frame: `callee` is the name in front of it, `of` the member of the
-- table around it that it is the value of, `key` the member that is being given in it.
function Scan:bracket(char)
  if OPENERS[char] then
    local around = self:top()
    self.frames[#self.frames + 1] = {
      table = char == "{", callee = self.chain, of = around and around.key, given = {},
    }
  else
    self.frames[#self.frames] = nil
  end
end

function Scan:symbol(char)
  local frame = self:top()
  if OPENERS[char] or CLOSERS[char] then
    self:bracket(char)
  elseif frame and char == "," then
    frame.key = nil
  elseif frame and char == "=" and self.chain then
    frame.key = self.chain
    frame.given[self.chain] = true
  end
  self.at, self.chain = self.at + 1, nil
end

function Scan:step()
  local char = self.text:sub(self.at, self.at)
  if char:find("%s") then
    self.at = self.at + 1
  elseif char == '"' or char == "'" then
    return self:string(char)
  elseif char:find("[%w_]") then
    local first, last = self.text:find("^[%w_.:]+", self.at)
    self.chain, self.word, self.at = self.text:sub(first, last), first, last + 1
  else
    self:symbol(char)
  end
  return true
end

local function scan(text)
  local state = setmetatable({ text = text, at = 1, frames = {} }, Scan)
  while state.at <= #text do
    if not state:step() then break end
  end
  return state
end

-- ---------------------------------------------------------------------------
-- What the open tables are

-- "sd.recordings:update" --> "screendesk.recordings.update"
local function full_name(chain, variables)
  local head, rest = chain:match("^([%w_]+)(.*)$")
  if not head then return nil end
  return (variables[head] or head) .. rest:gsub(":", ".")
end

local function specs_of_write(m)
  local specs = {}
  for name, spec in pairs(m.fields or {}) do specs[name] = spec end
  if next(m.query) then specs.query = { type = "object", fields = m.query } end
  return { type = "object", fields = specs }
end

local SPECS = {}
function SPECS.fields(m) return specs_of_write(m) end
function SPECS.value(_, argument) return argument.spec end
function SPECS.items(_, argument) return argument.spec end

function SPECS.options(m)
  return { type = "object", fields = m.kind == "upload" and methods.UPLOAD_OPTIONS or m.query }
end

-- The specification of the table that a method is called with last.
local function spec_of_call(m)
  local argument = m and m.arguments[#m.arguments]
  local maker = argument and SPECS[argument.role]
  return maker and maker(m, argument)
end

-- One bracket further in: the member of that key, or an item of a list.
local function inner(spec, frame)
  if not spec then return nil end
  if spec.type == "list" then return spec.items end
  return frame.of and (spec.fields or {})[frame.of] or nil
end

-- The specification of the innermost open table, nil where nothing is known of it.
local function spec_here(frames, variables)
  local spec
  for i, frame in ipairs(frames) do
    local name = frame.callee and full_name(frame.callee, variables)
    local m = name and methods.find(name)
    if m then
      spec = spec_of_call(m)
    elseif frame.table and not (frames[i - 1] and frames[i - 1].callee and not frames[i - 1].table) then
      spec = inner(spec, frame)
    end
  end
  return spec
end

-- ---------------------------------------------------------------------------
-- Words

local function member_words(spec, frame, word)
  local set = {}
  for name in pairs(spec and spec.fields or {}) do
    if not frame.given[name] then set[types.key(name)] = true end
  end
  return matching(set, word)
end

local function value_words(spec, word)
  local set = {}
  for _, value in ipairs(spec and (spec.enum or spec.known) or {}) do set[tostring(value)] = true end
  return matching(set, word)
end

-- In a string: the values of the member that it is given to, or services for connect.
local function in_string(state, variables)
  local word, frame = state.text:sub(state.open), state:top()
  local callee = state.chain or (frame and not frame.table and frame.callee)
  if callee == "moonlever.connect" then return matching(service_set(), word), state.open end
  if callee == "moonlever.help" then return complete.names(word), state.open end
  local spec = frame and frame.table and spec_here(state.frames, variables)
  if not spec then return {}, state.open end
  return value_words(spec.type == "list" and spec.items or (spec.fields or {})[frame.key], word), state.open
end

-- Behind a dot or colon: ":" is for methods alone.
local function member_name(chain, variables, start)
  local base, sign, word = chain:match("^(.*)([.:])([%w_]*)$")
  local name = full_name(base, variables)
  local set = name and members_of(name) or {}
  if sign == ":" and not name:find("^moonlever") then
    for member in pairs(set) do
      if not methods.find(name .. "." .. member) and member ~= "request" then set[member] = nil end
    end
  end
  return matching(set, word), start + #base + 1
end

--- What may come next in a line of Lua that is cut off at the cursor. `variables` are the
-- names of clients: name -> service; a service's own name stands for it as well. Returns
-- an array of words, and the position where the word begins that they would replace.
function complete.line(text, variables)
  variables = variables or {}
  local state = scan(text)
  if state.open then return in_string(state, variables) end
  local at_word = state.chain ~= nil and text:find("[%w_.:]$") ~= nil
  local word, start = at_word and state.chain or "", at_word and state.word or #text + 1
  if word:find("[.:]") then return member_name(word, variables, start) end
  local frame = state:top()
  if frame and frame.table and not frame.key then
    return member_words(spec_here(state.frames, variables), frame, word), start
  end
  local set = { moonlever = true }
  for name in pairs(variables) do set[name] = true end
  return word == "" and {} or matching(set, word), start
end

return complete
