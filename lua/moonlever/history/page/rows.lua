-- SPDX-License-Identifier: MIT
-- A change as rows of the table of changes: what became of it, and field by field what was
-- before and after; pure.
--
-- A long text is shown around the place where the two differ. Whatever is left out is said.
--
--   write(rows.of(change, attempts))

local raw = require "moonlever.raw"
local errors = require "moonlever.errors"
local images = require "moonlever.history.images"
local journal = require "moonlever.history.journal"
local markup = require "moonlever.history.page.markup"
local text = require "moonlever.history.text"

local rows = {}

local MOST_FIELDS = 16
local MOST_ATTEMPTS = 12
local LONGEST = 300 -- bytes of what differs
local LEAST = 3     -- bytes in common that are worth a mark
local AROUND = 120  -- bytes of what both sides have in common, before and behind it

-- What a cell shows of a value: a text as it is, anything else as JSON.
local function shown(value)
  if type(value) == "string" then return text.valid(value) end
  return raw.json.encode(value, { sorted = true })
end

local function is_inside(s, at)
  return (s:byte(at) or 0) & 0xC0 == 0x80
end

-- Bytes that both texts begin with, and bytes behind those that both end with; whole characters.
local function common(a, b)
  local most = math.min(#a, #b)
  local head, tail = 0, 0
  while head < most and a:byte(head + 1) == b:byte(head + 1) do head = head + 1 end
  while head > 0 and (is_inside(a, head + 1) or is_inside(b, head + 1)) do head = head - 1 end
  while tail < most - head and a:byte(-tail - 1) == b:byte(-tail - 1) do tail = tail + 1 end
  while tail > 0 and is_inside(a, #a - tail + 1) do tail = tail - 1 end
  return head, tail
end

-- Where something was only put in or taken out it may often stand in several places: "[new] [a]"
-- of "[a]" is "[new] " in front of it, not "new] [" behind its bracket. A place where a word
-- begins is better than one where none does.
local function aligned(a, b, head, tail)
  local longer = #a > #b and a or b
  if head + tail ~= math.min(#a, #b) or #a == #b then return head, tail end
  local good = head
  while head > 0 and longer:byte(head) == longer:byte(#longer - tail) do
    head, tail = head - 1, tail + 1
    if head == 0 or longer:find("^%s", head) then good = head end
  end
  return good, math.min(#a, #b) - good
end

-- The end of a text, and its beginning, of at most AROUND bytes.
local function ending(s)
  if #s <= AROUND then return markup.escape(s) end
  local at = #s - AROUND + 1
  while is_inside(s, at) do at = at + 1 end
  return "…" .. markup.escape(s:sub(at))
end

local function beginning(s)
  return markup.escape(text.cut(s, AROUND))
end

local function cut(s)
  local piece = text.cut(s, LONGEST)
  if #piece == #s then return markup.escape(s) end
  return markup.format("%s <i>(%s)</i>", piece, text.plural(#s - #piece + #"…", "more byte"))
end

local function marked(s, head, tail, element)
  local middle = s:sub(head + 1, #s - tail)
  return ending(s:sub(1, head)) .. (middle ~= "" and ("<%s>%s</%s>"):format(element, cut(middle), element) or "")
    .. beginning(tail > 0 and s:sub(-tail) or "")
end

local NOTHING = "<i>nothing</i>"

local function cell(value)
  if images.is_nothing(value) then return NOTHING end
  if value == "" then return "<i>empty</i>" end
  return cut(shown(value))
end

-- Texts and lists are compared; of numbers no digits.
local function is_comparable(old, new)
  if images.is_nothing(old) or images.is_nothing(new) or type(old) ~= type(new) then return false end
  return type(old) == "table" or type(old) == "string" and old ~= "" and new ~= ""
end

-- Both cells of a field, with what differs marked in them where they have something in common.
local function cells(field)
  if not is_comparable(field.old, field.new) then return cell(field.old), cell(field.new) end
  local old, new = shown(field.old), shown(field.new)
  local head, tail = common(old, new)
  if head + tail < LEAST then return cut(old), cut(new) end
  head, tail = aligned(old, new, head, tail)
  return marked(old, head, tail, "del"), marked(new, head, tail, "ins")
end

local function field_rows(change, fields, parts)
  for i = 1, math.min(#fields, MOST_FIELDS) do
    parts[#parts + 1] = ('<tr><th scope="row">%s</th><td>%s</td><td>%s</td></tr>\n'):format(
      markup.escape(fields[i].path), cells(fields[i]))
  end
  if #fields > MOST_FIELDS then
    parts[#parts + 1] = ('<tr class="x"><td colspan="3">… and %s</td></tr>\n'):format(
      text.plural(#fields - MOST_FIELDS, "more field"))
  end
  if #fields == 0 then
    parts[#parts + 1] = markup.format('<tr class="x"><td colspan="3">%s %s '
      .. '<i>no fields are in the journal</i></td></tr>\n', change.method or "", change.path or "")
  end
end

-- "429 Too Many Requests", or why there was no answer.
local function outcome(attempt)
  local parts = {}
  if (attempt.status or 0) > 0 then parts[1] = errors.status_text(attempt.status) end
  if attempt.error then parts[#parts + 1] = attempt.error end
  if not attempt.ended then parts[#parts + 1] = "no answer was noted" end
  if (attempt.sends or 0) == 0 and attempt.ended then parts[#parts + 1] = "it did not leave" end
  return table.concat(parts, ", ")
end

local function attempts_row(change, attempts, parts)
  if #attempts < 2 and not journal.is_bad(change) and not (attempts[1] and attempts[1].error) then return end
  if #attempts == 0 then return end
  local list = {}
  for n = 1, math.min(#attempts, MOST_ATTEMPTS) do
    list[n] = markup.format("<li>%s: %s</li>", os.date("!%H:%M:%S", attempts[n].started // 1000), outcome(attempts[n]))
  end
  if #attempts > MOST_ATTEMPTS then list[#list + 1] = ("<li>… and %d more</li>"):format(#attempts - MOST_ATTEMPTS) end
  parts[#parts + 1] = ('<tr class="a"><td colspan="3"><ol>%s</ol></td></tr>\n'):format(table.concat(list))
end

-- What people call the object, where none of the fields says so.
local function name_of(change, fields)
  local name, value = images.label(change.before)
  if not name then name, value = images.label(change.after) end
  if not name or value == change.target then return "" end
  for _, field in ipairs(fields) do
    if field.path == name then return "" end
  end
  return markup.format(" <q>%s</q>", text.cut(value, 80))
end

--- The markup of a change.
-- change    as journal.changes gives it
-- attempts  its attempts, in order
function rows.of(change, attempts)
  local fields = images.fields(change.effect, change.before, change.after)
  local parts = {
    markup.format('<tbody id="c%d" data-s="%s"><tr class="h"><th colspan="3" scope="rowgroup"><a href="#c%d">%d</a> '
      .. '<b class="s %s">%s</b> <code>%s</code>', change.seq, change.state, change.seq, change.seq, change.state,
      journal.word(change.state), change.target or ""),
    name_of(change, fields),
    markup.format(" <span>%s</span>", change.operation or "?"),
    change.reason and markup.format("<p>%s</p>", journal.reason(change)) or "",
    "</th></tr>\n",
  }
  field_rows(change, fields, parts)
  attempts_row(change, attempts, parts)
  parts[#parts + 1] = "</tbody>\n"
  return table.concat(parts)
end

return rows
