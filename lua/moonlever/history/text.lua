-- SPDX-License-Identifier: MIT
-- Words, numbers and times for people; pure.
--
-- Titles, names and reasons come from other people, and a terminal obeys what it
-- is shown. So whatever is not ours passes safe() on its way out: one line, valid
-- UTF-8, nothing that moves a cursor or turns text around (src/cli/render.h does
-- the same for what scripts print, but must leave their newlines alone).
--
--   text.safe("a\27[2J\nb")            --> a\x1B[2J\nb, all of it visible
--   text.number(1170)                  --> 1,170
--   text.duration(320)                 --> 5 min 20 s
--   text.rfc3339(0)                    --> 1970-01-01T00:00:00.000Z

local text = {}

-- Safe text -------------------------------------------------------------------

local NAMES = { ["\n"] = "\\n", ["\t"] = "\\t", ["\r"] = "\\r" }

local function control(char)
  return NAMES[char] or ("\\x%02X"):format(char:byte())
end

-- C1 controls, the twelve of Unicode's Bidi_Control, and the separators that
-- break a line.
local function is_treacherous(code)
  return code <= 0x9F or code == 0x061C or code == 0x200E or code == 0x200F
    or (code >= 0x2028 and code <= 0x202E) or (code >= 0x2066 and code <= 0x2069)
end

local function wide(char)
  local code = utf8.codepoint(char)
  return is_treacherous(code) and ("\\u{%X}"):format(code) or nil
end

-- Calls good(piece) for valid UTF-8 and bad(byte) for each byte that is none; the
-- results one after the other.
local function repaired(s, good, bad)
  local parts, at = {}, 1
  while at <= #s do
    local length, wrong = utf8.len(s, at)
    parts[#parts + 1] = good(s:sub(at, length and #s or wrong - 1))
    if length then break end
    parts[#parts + 1] = bad(s:byte(wrong))
    at = wrong + 1
  end
  return table.concat(parts)
end

local function visible(piece)
  return (piece:gsub("[\xC2-\xF4][\x80-\xBF]+", wide):gsub("%c", control))
end

local function visible_byte(byte) return ("\\x%02X"):format(byte) end

--- One line that a terminal can only show. Made visible: control characters,
-- bidirectional controls, and bytes that are not UTF-8.
function text.safe(value)
  local s = tostring(value)
  if not s:find("[%c\x80-\xFF]") then return s end
  return repaired(s, visible, visible_byte)
end

local function itself(piece) return piece end
local function replacement() return "\u{FFFD}" end

--- The same text as valid UTF-8, as JSON needs it.
function text.valid(s)
  return utf8.len(s) and s or repaired(s, itself, replacement)
end

--- At most `length` bytes of a text, never cut inside a character.
function text.cut(s, length)
  if #s <= length then return s end
  while length > 0 and s:byte(length + 1) & 0xC0 == 0x80 do length = length - 1 end
  return s:sub(1, length) .. "…"
end

--- A word as a shell reads it; quoted where that is needed.
function text.shell_word(word)
  if word:find("^[%w%-%._~:/@%%+=,]+$") then return word end
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

--- An array of words as a shell reads them; "" for what is no array.
function text.shell_words(list)
  local words = {}
  for index, word in ipairs(type(list) == "table" and list or {}) do
    words[index] = text.shell_word(tostring(word))
  end
  return table.concat(words, " ")
end

-- Numbers ---------------------------------------------------------------------

--- 1170 --> "1,170"
function text.number(n)
  local digits = ("%d"):format(n)
  local head = (#digits - 1) % 3 + 1
  return digits:sub(1, head) .. digits:sub(head + 1):gsub("%d%d%d", ",%0")
end

--- 1, "change" --> "1 change"; 2, "change" --> "2 changes"
function text.plural(n, noun)
  return ("%s %s%s"):format(text.number(n), noun, n == 1 and "" or "s")
end

local UNITS = { { 86400, "d", 3600, "h" }, { 3600, "h", 60, "min" }, { 60, "min", 1, "s" } }

--- Seconds as at most two units: "8 s", "5 min 20 s", "3 d 4 h".
function text.duration(seconds)
  seconds = math.max(0, seconds // 1 | 0)
  for _, unit in ipairs(UNITS) do
    local size, name, small, small_name = table.unpack(unit)
    if seconds >= size then
      local rest = seconds % size // small
      return rest == 0 and ("%d %s"):format(seconds // size, name)
        or ("%d %s %d %s"):format(seconds // size, name, rest, small_name)
    end
  end
  return ("%d s"):format(seconds)
end

-- Times: milliseconds since 1970 ----------------------------------------------

--- In UTC, for programs; nil for nil.
function text.rfc3339(ms)
  if not ms then return nil end
  return os.date("!%Y-%m-%dT%H:%M:%S", ms // 1000) .. (".%03dZ"):format(ms % 1000)
end

--- Local time to the minute, for people.
function text.when(ms)
  return os.date("%Y-%m-%d %H:%M", ms // 1000)
end

-- Days from 1970-01-01 to a date of the Gregorian calendar.
local function days(year, month, day)
  if month <= 2 then year, month = year - 1, month + 12 end
  return 365 * year + year // 4 - year // 100 + year // 400 + (153 * month - 457) // 5 + day - 719469
end

--- The milliseconds of an RFC 3339 text in UTC, nil for anything else.
function text.parse_time(s)
  local parts = { s:match("^(%d%d%d%d)%-(%d%d)%-(%d%d)T(%d%d):(%d%d):(%d%d)%.?%d*Z$") }
  if #parts == 0 then return nil end
  for index, part in ipairs(parts) do parts[index] = math.tointeger(tonumber(part)) end
  local year, month, day, hour, minute, second = table.unpack(parts)
  if month < 1 or month > 12 or day > 31 then return nil end
  return (days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second) * 1000
end

-- Tables ----------------------------------------------------------------------

local function pad(cell, width)
  return cell .. (" "):rep(width - (utf8.len(cell) or #cell))
end

--- Rows of safe cells in columns, as one text; nothing stands behind the last cell.
function text.columns(rows)
  local widths, lines = {}, {}
  for _, row in ipairs(rows) do
    for index, cell in ipairs(row) do
      widths[index] = math.max(widths[index] or 0, utf8.len(cell) or #cell)
    end
  end
  for _, row in ipairs(rows) do
    local cells = {}
    for index, cell in ipairs(row) do cells[index] = pad(cell, widths[index]) end
    lines[#lines + 1] = table.concat(cells, "  "):gsub("%s+$", "") .. "\n"
  end
  return table.concat(lines)
end

return text
