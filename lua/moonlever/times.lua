-- SPDX-License-Identifier: MIT
-- Moments as services write them (RFC 3339, also without a zone), as microseconds.
--
-- Lists that are walked by time need to compare moments, to go a little back and to cut
-- spans. No clock here: now is an argument.
--
--   local us, zone = times.parse "2025-01-20T10:00:00.250Z"   --> 1737367200250000, "Z"
--   times.format(us + 1000, zone)                             --> "2025-01-20T10:00:00.251Z"

local times = {}

times.SECOND = 1000000
times.DAY = 86400 * times.SECOND

-- Days since 1970-01-01 of a date of the Gregorian calendar, and back (H. Hinnant,
-- "chrono-Compatible Low-Level Date Algorithms").
local function days_of(y, m, d)
  if m <= 2 then y = y - 1 end
  local era = y // 400
  local yoe = y - era * 400
  local doy = (153 * (m + (m > 2 and -3 or 9)) + 2) // 5 + d - 1
  return era * 146097 + yoe * 365 + yoe // 4 - yoe // 100 + doy - 719468
end

local function date_of(days)
  days = days + 719468
  local era = days // 146097
  local doe = days - era * 146097
  local yoe = (doe - doe // 1460 + doe // 36524 - doe // 146096) // 365
  local doy = doe - (365 * yoe + yoe // 4 - yoe // 100)
  local mp = (5 * doy + 2) // 153
  local m = mp + (mp < 10 and 3 or -9)
  return yoe + era * 400 + (m <= 2 and 1 or 0), m, doy - (153 * mp + 2) // 5 + 1
end

local LENGTHS = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }

local function clock_of(text)
  if text == "" then return 0, "" end
  local h, min, s, rest = text:match("^[Tt ](%d%d):(%d%d):?(%d?%d?)(.*)$")
  if not h then return nil end
  local fraction, zone = rest:match("^%.(%d+)(.*)$")
  local us = fraction and tonumber((fraction .. "000000"):sub(1, 6)) or 0
  h, min, s = tonumber(h), tonumber(min), tonumber(s) or 0
  if h > 24 or min > 59 or s > 60 then return nil end
  return ((h * 60 + min) * 60 + s) * times.SECOND + math.tointeger(us), zone or rest
end

local function offset_of(zone)
  if zone == "" or zone == "Z" or zone == "z" then return 0 end
  local sign, h, min = zone:match("^([+-])(%d%d):?(%d%d)$")
  if not sign then return nil end
  local us = (tonumber(h) * 60 + tonumber(min)) * 60 * times.SECOND
  return sign == "-" and -us or us
end

-- Microseconds since 1970 in UTC, and the zone as it stood there ("Z", "+02:00", "" for
-- none, which is taken for UTC); nil for what is no moment. A date is its first moment.
function times.parse(text)
  if type(text) ~= "string" then return nil end
  local y, m, d, rest = text:match("^(%d%d%d%d)-(%d%d)-(%d%d)(.*)$")
  if not y then return nil end
  y, m, d = tonumber(y), tonumber(m), tonumber(d)
  if m < 1 or m > 12 or d < 1 or d > LENGTHS[m] then return nil end
  local us, zone = clock_of(rest)
  local offset = us and offset_of(zone)
  if not offset then return nil end
  return days_of(y, m, d) * times.DAY + us - offset, zone
end

-- The moment in UTC: "2025-01-20T10:00:00.250Z"; for the zone "" without fraction and Z.
function times.format(us, zone)
  local y, m, d = date_of(us // times.DAY)
  local rest = us % times.DAY
  local seconds = rest // times.SECOND
  local text = ("%04d-%02d-%02dT%02d:%02d:%02d"):format(y, m, d, seconds // 3600, seconds // 60 % 60, seconds % 60)
  if zone == "" then return text end
  return ("%s.%03dZ"):format(text, rest % times.SECOND // 1000)
end

-- Are two texts the same moment?
function times.same(a, b)
  if a == b then return true end
  local at = times.parse(a)
  return at ~= nil and at == times.parse(b)
end

return times
