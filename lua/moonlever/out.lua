-- SPDX-License-Identifier: MIT
-- Files that are there whole or not at all, and JSON lines on top of them.
--
-- An export that breaks off must not look like a finished one. So the text goes
-- to a temporary file beside the target, and takes its name only on close.
--
-- Invariants
--   1. Until close() has succeeded, a file that stood at the path before is
--      untouched; after a failure or without close() nothing of ours is left.
--   2. Every error of writing and of closing is raised (a full disk shows up
--      there); nothing is written after the first one.
--   3. The path "-" is the run's own output, and pipes and devices are written as
--      they are: neither can be taken back, and neither is ever replaced by a file.
--
-- Example
--   local lines <close> = out.jsonl("recordings.jsonl")
--   for rec in sd.recordings:list() do lines:write(rec) end
--   lines:close()

local raw = require "moonlever.raw"
local errors = require "moonlever.errors"

local open, rename, remove = io.open, os.rename, os.remove

local out = {}

local BUFFER_SIZE = 64 * 1024

-- The system's text without the name in front of it: the temporary name means
-- nothing to people.
local function why(reason)
  return (tostring(reason):gsub("^.*: ", ""))
end

local File = {}
File.__index = File
File.__name = "moonlever.file"

-- Forgets the file and takes away what was written of it.
local function drop(self)
  local handle, temporary = self.handle, self.temporary
  self.handle, self.state, self.parts, self.size = nil, "discarded", {}, 0
  if handle then pcall(handle.close, handle) end -- its own finalizer may have been first
  if temporary then remove(temporary) end
end

local function broken(self, what, reason)
  drop(self)
  errors.raise("usage", ("cannot %s %s: %s"):format(what, self.path, why(reason)),
    { path = self.path, fix = "make room or choose another place, then run again" })
end

local function flush(self)
  if self.size == 0 then return end
  local text = table.concat(self.parts)
  self.parts, self.size = {}, 0
  if not self.handle then
    raw.write(text)
    return
  end
  local ok, reason = self.handle:write(text)
  if not ok then broken(self, "write", reason) end
end

-- Is this a pipe, a terminal or a device? Opening for update neither blocks on a
-- pipe nor creates or empties anything.
local function is_stream(path)
  if path:find("^/dev/") or path:find("^/proc/") then return true end
  local handle = open(path, "r+b")
  if not handle then return false end
  local place = handle:seek("end")
  handle:close()
  return place == nil
end

--- Opens `path` for writing ("-": the run's output). Raises when that cannot be. With
-- options.private nobody but its owner may read the file (0600), whatever stood there before;
-- pipes and devices have rights of their own.
function out.file(path, options)
  if type(path) ~= "string" or path == "" or path:find("\0", 1, true) then
    errors.usage("a file name is needed, or \"-\" for the output; got "
      .. (type(path) == "string" and ("%q"):format(path) or type(path)))
  end
  local self = setmetatable({ path = path, state = "open", parts = {}, size = 0 }, File)
  if path == "-" then return self end
  raw.use_file(path)
  if not is_stream(path) then
    self.temporary = ("%s.part-%08x"):format(path, math.floor(raw.random() * 0xffffffff))
  end
  local private, reason = self.temporary and options and options.private
  self.handle, reason = (private and raw.private_file or open)(self.temporary or path, "wb")
  if not self.handle then
    self.state, self.temporary = "discarded", nil
    errors.raise("usage", ("cannot write %s: %s"):format(path, why(reason)),
      { path = path, fix = "the directory must exist and be writable" })
  end
  self.handle:setvbuf("no")
  return self
end

--- Appends a text.
function File:write(text)
  if self.state ~= "open" then
    errors.usage(self.path .. " is closed; write before close()")
  end
  self.parts[#self.parts + 1] = text
  self.size = self.size + #text
  if self.size >= BUFFER_SIZE then flush(self) end
end

--- Writes the rest and gives the file its name. A second close does nothing.
function File:close()
  if self.state ~= "open" then return end
  flush(self)
  self.state = "closed"
  if not self.handle then return end
  local ok, reason = self.handle:close()
  self.handle = nil
  if not ok then broken(self, "write", reason) end
  if not self.temporary then return end
  ok, reason = rename(self.temporary, self.path)
  if not ok then broken(self, "finish", reason) end
end

--- Drops the file: nothing of it is left. Does nothing once it is closed.
function File:discard()
  if self.state == "open" then drop(self) end
end

-- Leaving the block by an error discards, leaving it otherwise closes.
function File:__close(err)
  if err ~= nil then self:discard() else self:close() end
end

File.__gc = File.discard

-- JSON lines -----------------------------------------------------------------

local Lines = {}
Lines.__index = Lines
Lines.__name = "moonlever.jsonl"

--- A writer of JSON lines: one value a line, members sorted by name.
-- path: file name, or "-". Returns a writer with :write(value), :close() and
-- :discard(), which may stand in a `local … <close>`.
function out.jsonl(path)
  return setmetatable({ file = out.file(path), count = 0 }, Lines)
end

--- Writes one value as a line. Raises usage when it has no JSON form.
function Lines:write(value)
  local text = raw.json.encode(value, { sorted = true })
  self.file:write(text .. "\n")
  self.count = self.count + 1
end

function Lines:close() self.file:close() end

function Lines:discard() self.file:discard() end

function Lines:__close(err) self.file:__close(err) end

-- The public form, beside moonlever.csv: moonlever.jsonl.writer(path).
out.jsonl_format = { writer = out.jsonl }

return out
