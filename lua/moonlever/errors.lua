-- SPDX-License-Identifier: MIT
-- Error objects: what every failure looks like to a script.
--
-- An error is a table with the metatable that C uses as well. Members:
--   kind        network timeout auth forbidden notfound invalid conflict
--               throttled remote decode nodata cancelled guard usage
--   message     one line for people, without a final stop
--   reason      its last part: what went wrong, without operation and target
--   status      HTTP status, when there was an answer
--   detail      the service's own words, cut to one short line
--   operation   such as "screendesk.recordings.update"
--   target      what it was about (uuid, id, userName)
--   fix         what to do next, one line
--   outcome     of a write: failed, conflict or unknown
--   request_id  the service's id of the request, attempts: how often it was sent
--   where       "script.lua:17" for wrong arguments
-- tostring(err) puts them together. No member ever holds a credential.
--
--   local ok, err = pcall(sd.recordings.get, sd.recordings, "no-such-id")
--   if errors.is(err) and err.kind == "notfound" then … end

local raw = require "moonlever.raw"

local errors = { NOWHERE = "?" } -- what `nowhere` is while the script runs in another process

local meta = raw.error_metatable()

local DETAIL_LENGTH = 300

-- Where luaL_where would say that the function at this level is running.
local function position(level)
  local _, text = pcall(error, "", level + 1)
  return text
end

-- Moonlever's own files share what comes before "errors" in this file's name.
local own_prefix = position(2):match("^(.-)errors")

-- The first place outside Moonlever's own files: "retag.lua:17", or nil.
local function where()
  if not own_prefix or own_prefix == "" then return nil end
  for level = 3, 25 do
    local text = position(level)
    if type(text) == "string" and text ~= "" and text:sub(1, #own_prefix) ~= own_prefix then
      return (text:gsub(": $", ""))
    end
  end
  return errors.nowhere
end

errors.where = where

-- One printable line of at most `length` bytes, never cut inside a character.
local function one_line(text, length)
  text = text:gsub("[%c%s]+", " "):gsub("^ ", ""):gsub(" $", "")
  if #text <= length then return text end
  local cut = length
  while cut > 1 and text:byte(cut + 1) & 0xC0 == 0x80 do cut = cut - 1 end
  return text:sub(1, cut) .. "…"
end
errors.one_line = one_line

-- The service's own words. A credential in them goes first: cut in half it would not be known.
local function detail_line(text)
  return one_line(raw.redacted(text), DETAIL_LENGTH)
end

-- Why a change ended as it did, for the journal: one line, with the service's own words,
-- and without a credential that the service may have sent back.
function errors.why(err)
  local text = tostring(err.message or err)
  if err.detail then text = text .. ": " .. err.detail end
  return one_line(raw.redacted(text), 300)
end

-- Is this one of Moonlever's error objects?
function errors.is(value)
  return type(value) == "table" and getmetatable(value) == meta
end

local PASSING = { network = true, timeout = true, remote = true, throttled = true, decode = true }

-- Is it the kind of error that may be gone a little later?
function errors.passing(value)
  return errors.is(value) and PASSING[value.kind] == true
end

-- A new error object; `fields` (may be nil) is copied into it.
function errors.new(kind, message, fields)
  local err = { kind = kind, message = message }
  for name, value in pairs(fields or {}) do err[name] = value end
  return setmetatable(err, meta)
end

-- Raises a new error object.
function errors.raise(kind, message, fields)
  error(errors.new(kind, message, fields), 0)
end

-- Raises "usage": the script passed something wrong. Says where.
function errors.usage(message, fix)
  error(errors.new("usage", message, { fix = fix, where = where() }), 0)
end

-- Adds members to an error object that has none of that name yet.
function errors.add(err, fields)
  for name, value in pairs(fields) do
    if rawget(err, name) == nil then err[name] = value end
  end
  return err
end

local REASONS = {
  [400] = "Bad Request", [401] = "Unauthorized", [403] = "Forbidden", [404] = "Not Found",
  [405] = "Method Not Allowed", [408] = "Request Timeout", [409] = "Conflict", [410] = "Gone",
  [412] = "Precondition Failed", [413] = "Content Too Large", [415] = "Unsupported Media Type",
  [422] = "Unprocessable Content", [429] = "Too Many Requests", [500] = "Internal Server Error",
  [502] = "Bad Gateway", [503] = "Service Unavailable", [504] = "Gateway Timeout",
}

local KINDS = {
  [401] = "auth", [403] = "forbidden", [404] = "notfound", [408] = "timeout", [409] = "conflict",
  [410] = "notfound", [412] = "conflict", [429] = "throttled",
}

-- The kind that an HTTP status stands for (RFC 9110 15).
function errors.kind_of(status)
  if KINDS[status] then return KINDS[status] end
  if status >= 400 and status < 500 then return "invalid" end
  return "remote"
end

-- "404 Not Found"
function errors.status_text(status)
  local reason = REASONS[status]
  return reason and ("%d %s"):format(status, reason) or tostring(status)
end

-- The service's own words from a decoded error body: {"error":{"message"}} and
-- {"error":"text"} (SD-09), {"detail"} (SD-22), {"message"}; nil when there are none.
local function words(body)
  if type(body) ~= "table" then return nil end
  local err = body.error
  if type(err) == "table" then err = err.message end
  for _, text in ipairs { err or false, body.detail or false, body.message or false } do
    if type(text) == "string" and text ~= "" then return text end
  end
  return nil
end

-- The service's own words in the body of an error answer, one short line, or nil.
-- Survives empty, HTML and broken bodies (SD-09). The second result tells HTML.
function errors.detail(body)
  if body == nil or body:find("^%s*$") then return nil, false end
  if body:find("^%s*<") then
    local title = body:match("<[tT][iI][tT][lL][eE]>(.-)</")
    return title and detail_line(title) or nil, true
  end
  local ok, value = pcall(raw.json.decode, body, { null = "drop" })
  if not ok then return detail_line(body), false end
  local text = words(value)
  return text and detail_line(text) or nil, false
end

-- "what failed" in the first line, the service's words, the remedy and the id below.
function meta.__tostring(err)
  local lines = { tostring(err.message or err.kind or "unknown error") }
  if err.where then lines[1] = err.where .. ": " .. lines[1] end
  if err.detail then lines[#lines + 1] = "  the service says: " .. err.detail end
  if err.fix then lines[#lines + 1] = "  fix: " .. err.fix end
  local trail = {}
  if err.request_id then trail[#trail + 1] = "request id " .. err.request_id end
  if math.type(err.attempts) == "integer" and err.attempts > 1 then
    trail[#trail + 1] = err.attempts .. " attempts"
  end
  if #trail > 0 then lines[#lines + 1] = "  " .. table.concat(trail, ", ") end
  return table.concat(lines, "\n")
end

meta.__name = "moonlever.error"

return errors
