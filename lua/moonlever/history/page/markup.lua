-- SPDX-License-Identifier: MIT
-- Text into markup that is HTML and XML at once, templates, and the policy of the page; pure.
--
-- Titles, names and reasons come from other people, and a browser runs what it takes for
-- markup. So whatever is not ours passes escape() on its way into text, an attribute or the
-- drawing. None of it ever goes into a script or a style: those are fixed files, and the
-- policy lets no others run, by their hashes.
--
--   markup.escape('<b title="x">\u{202E}')   --> &lt;b title=&quot;x&quot;&gt;\u{202E}, all of it visible
--   markup.fill("<p>{{name}}</p>", { name = "Ann" }, write)

local raw = require "moonlever.raw"
local text = require "moonlever.history.text"

local markup = {}

local ENTITIES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;" }
-- Two characters that no XML document may hold.
local BARRED = { ["\u{FFFE}"] = "\\u{FFFE}", ["\u{FFFF}"] = "\\u{FFFF}" }

--- A value as text between tags or between the quotes of an attribute: one line of valid UTF-8
-- in which control characters, bidirectional controls and broken bytes are visible escapes.
function markup.escape(value)
  local s = text.safe(value)
  if s:find("\xEF\xBF[\xBE\xBF]") then s = s:gsub("\xEF\xBF[\xBE\xBF]", BARRED) end
  return (s:gsub("[&<>\"']", ENTITIES))
end

--- string.format whose %s are escaped. What is markup already goes into the format itself.
function markup.format(format, ...)
  local values = table.pack(...)
  for i = 1, values.n do
    if type(values[i]) == "string" then values[i] = markup.escape(values[i]) end
  end
  return format:format(table.unpack(values, 1, values.n))
end

--- Writes a template. slots: for each {{name}} in it a text that is markup, or a function that
-- writes one. What a slot writes is not looked into again.
function markup.fill(template, slots, write)
  local at = 1
  while true do
    local first, last, name = template:find("{{(%a+)}}", at)
    write(template:sub(at, (first or 0) - 1))
    if not first then return end
    local slot = assert(slots[name], name)
    if type(slot) == "function" then slot(write) else write(slot) end
    at = last + 1
  end
end

--- The text of an embedded file, without the comment that it begins with.
function markup.file(name)
  local whole = require("moonlever.history.page." .. name)
  return (whole:gsub("^<!%-%-.-%-%->\n", ""):gsub("^/%*.-%*/\n", ""))
end

--- A style or script as the inside of its element: XML must not look for markup in it.
function markup.inside(source)
  return "/*<![CDATA[*/\n" .. source .. "/*]]>*/"
end

local DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

local function base64(bytes)
  local parts = {}
  for at = 1, #bytes, 3 do
    local a, b, c = bytes:byte(at, at + 2)
    local n = a << 16 | (b or 0) << 8 | (c or 0)
    for place = 0, 3 do
      local digit = n >> (18 - 6 * place) & 63
      parts[#parts + 1] = place > (c and 3 or b and 2 or 1) and "=" or DIGITS:sub(digit + 1, digit + 1)
    end
  end
  return table.concat(parts)
end

--- The hash of the inside of an element as a content security policy names it.
function markup.hash(inside)
  return "sha256-" .. base64((raw.sha256(inside):gsub("%x%x", function(hex)
    return string.char(tonumber(hex, 16))
  end)))
end

return markup
