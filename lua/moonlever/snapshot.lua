-- SPDX-License-Identifier: MIT
-- A list read to its end before the first record is handed out.
--
-- A script that changes what it lists would otherwise skip records: a retagged
-- recording may move to another page, a deleted user pulls the next ones forward.
-- So the pages of such a list are kept first, as the bytes that came, and decoded
-- again when handed out. Small lists stay in memory, larger ones go to an unnamed
-- temporary file, which vanishes with the process. Records that came twice, on
-- any two pages, are handed out once.
--
-- Invariant: nothing is handed out before the last page is there and all checks
-- of pages.lua have passed.
--
--   local spool = snapshot.spool()
--   spool:put(body)            -- as often as there are pages
--   for body in spool:each() do … end
--   spool:close()

local errors = require "moonlever.errors"

local snapshot = {}

-- Taken now: a confined script environment must not be able to change it.
local tmpfile = io and io.tmpfile

local MEMORY = 1 << 20 -- bytes of pages kept in memory before a file is used

local Spool = {}
Spool.__index = Spool

-- An empty spool.
function snapshot.spool()
  return setmetatable({ texts = {}, size = 0, file = nil }, Spool)
end

local function write(file, text)
  local ok, why = file:write(string.pack("<s4", text))
  if not ok then
    errors.raise("usage", "cannot keep the pages of a list in a temporary file: " .. tostring(why), {
      fix = "make room in the directory for temporary files, or list with { snapshot = false }",
    })
  end
end

local function spill(self)
  local file, why = nil, "there is no way to make one here"
  if tmpfile then file, why = tmpfile() end
  if not file then
    errors.raise("usage", "cannot make a temporary file for the pages of a list: " .. tostring(why), {
      fix = "make the directory for temporary files writable, or list with { snapshot = false }",
    })
  end
  self.file = file
  for _, text in ipairs(self.texts) do write(file, text) end
  self.texts = nil
end

-- Keeps one text.
function Spool:put(text)
  self.size = self.size + #text
  if self.file then return write(self.file, text) end
  self.texts[#self.texts + 1] = text
  if self.size > MEMORY then spill(self) end
end

local function read_back(file)
  local head = file:read(4)
  if not head then return nil end
  local length = string.unpack("<I4", head)
  local text = length == 0 and "" or file:read(length)
  if not text or #text ~= length then
    errors.raise("usage", "the temporary file with the pages of a list is cut off", {
      fix = "make room in the directory for temporary files, or list with { snapshot = false }",
    })
  end
  return text
end

-- Iterates over the texts in the order in which they were put, once.
function Spool:each()
  if self.file then
    local ok, why = self.file:seek("set", 0)
    if not ok then errors.raise("usage", "cannot read the temporary file: " .. tostring(why)) end
    return read_back, self.file
  end
  local texts, i = self.texts, 0
  return function()
    i = i + 1
    local text = texts[i]
    texts[i] = false
    return text or nil
  end
end

-- Gives memory and file back; may be called again.
function Spool:close()
  if self.file then self.file:close() end
  self.file, self.texts = nil, {}
end

return snapshot
