-- SPDX-License-Identifier: MIT
-- Tags kept in text: [tag] in a title, #tag in a description.
--
-- The service has no tag field, so people write tags into the texts they see.
-- This module reads and changes them without touching anything else.
--
-- Invariants
--   1. A tag is whole or not there: "billing" is not in "[billing-old]".
--   2. Every function is idempotent: done twice is done once.
--   3. Text around the tags stays byte for byte, but for the one space that a
--      removed tag leaves behind.
--   4. Comparison is exact: bytes and case. A tag with a trailing full stop,
--      bracket or quote in a sentence ("see #billing.") is the tag alone.
--
-- Styles: "title" writes [tag] (anything but brackets and control characters
-- inside), "description" writes #tag (letters and digits of any script, "_",
-- and "-", ".", ":", "/", "+" between them). The default is "title".
--
-- Example
--   tags.swap("[old] Export hangs", "old", "new")        --> "[new] Export hangs", true
--   tags.add("see ticket", "billing", "description")     --> "see ticket #billing", true

local errors = require "moonlever.errors"

local tags = {}

local function usage(message, ...)
  errors.usage(message:format(...))
end

-- [tag] ----------------------------------------------------------------------

local bracket = { name = "title" }

function bracket.find(text, init)
  local first, inner, past = text:match("()%[([^%[%]%c]*)%]()", init)
  while first do
    local tag = inner:match("^%s*(.-)%s*$")
    if tag ~= "" then return first, past - 1, tag end
    first, inner, past = text:match("()%[([^%[%]%c]*)%]()", past)
  end
end

function bracket.write(tag)
  return "[" .. tag .. "]"
end

function bracket.strip(tag)
  return (tag:match("^%[(.*)%]$") or tag):match("^%s*(.-)%s*$")
end

bracket.rule = "text without brackets or line breaks"

-- #tag -----------------------------------------------------------------------

local hash = { name = "description" }

-- Characters beyond ASCII that end a tag: spaces, punctuation, controls. Letters
-- of all scripts, marks, joiners and emoji stay part of it.
local SEPARATORS = {
  { 0x80, 0xA9 }, { 0xAB, 0xB4 }, { 0xB6, 0xB9 }, { 0xBB, 0xBF }, { 0xD7, 0xD7 }, { 0xF7, 0xF7 },
  { 0x1680, 0x1680 }, { 0x2000, 0x200B }, { 0x200E, 0x206F }, { 0x2E00, 0x2E7F },
  { 0x3000, 0x3004 }, { 0x3008, 0x3020 }, { 0x3030, 0x3030 }, { 0xFE10, 0xFE19 },
  { 0xFE30, 0xFE6F }, { 0xFEFF, 0xFEFF }, { 0xFF01, 0xFF0F }, { 0xFF1A, 0xFF20 },
  { 0xFF3B, 0xFF40 }, { 0xFF5B, 0xFF65 }, { 0xFFF9, 0xFFFF },
}

local function is_word_code(code)
  for _, range in ipairs(SEPARATORS) do
    if code < range[1] then return true end
    if code <= range[2] then return false end
  end
  return true
end

-- The end of the word character at `at`, or nil. Invalid UTF-8 is no character.
local function word_char(text, at)
  local byte = text:byte(at)
  if not byte then return nil end
  if byte < 0x80 then return text:find("^[%w_]", at) end
  local ok, code = pcall(utf8.codepoint, text, at)
  if not ok or not is_word_code(code) then return nil end
  return at + #utf8.char(code) - 1
end

-- The end of the longest tag name that starts at `at`, or nil.
local function name_end(text, at)
  local last = nil
  while true do
    local past = last and last + 1 or at
    local joined = last and text:find("^[-.:/+]", past)
    local stop = word_char(text, joined and past + 1 or past)
    if not stop then return last end
    last = stop
  end
end

-- "#" opens a tag at the start, after white space and after opening marks, so
-- that "a#b", "&#39;" and "https://host/#part" hold none.
local function opens(text, at)
  if at == 1 then return true end
  if text:find("^[%s(%[{,;\"'>]", at - 1) then return true end
  local start = utf8.offset(text, -1, at)
  if not start or text:byte(start) < 0x80 then return false end
  local ok, code = pcall(utf8.codepoint, text, start)
  return ok and not is_word_code(code)
end

function hash.find(text, init)
  local at = text:find("#", init, true)
  while at do
    local last = opens(text, at) and name_end(text, at + 1)
    if last and text:sub(last + 1, last + 1) ~= "#" then
      return at, last, text:sub(at + 1, last)
    end
    at = text:find("#", at + 1, true)
  end
end

function hash.write(tag)
  return "#" .. tag
end

function hash.strip(tag)
  return (tag:match("^%s*#?(.-)%s*$"))
end

hash.rule = "letters, digits, _ and between them - . : / +"

-- Arguments ------------------------------------------------------------------

local STYLES = { title = bracket, description = hash }

local function style_of(name)
  local style = STYLES[name or "title"]
  if not style then
    usage("tags: the style is \"title\" for [tag] or \"description\" for #tag, got %s",
      tostring(name))
  end
  return style
end

local function check_text(text)
  if text == nil then return "" end
  if type(text) ~= "string" then usage("tags: the text is a string, got %s", type(text)) end
  return text
end

-- The bare name of a tag that can be written in this style. "[x]" and "#x" are
-- taken as they are meant.
local function check_tag(tag, style)
  if type(tag) ~= "string" then usage("tags: a tag is a string, got %s", type(tag)) end
  local bare = style.strip(tag)
  local first, last, found = style.find(style.write(bare), 1)
  if first ~= 1 or last ~= #style.write(bare) or found ~= bare then
    usage("tags: '%s' cannot be kept as %s: use %s", tag, style.write("tag"), style.rule)
  end
  return bare
end

-- Changes --------------------------------------------------------------------

local function find_tag(text, tag, style, init)
  local first, last, found = style.find(text, init or 1)
  while first and found ~= tag do
    first, last, found = style.find(text, last + 1)
  end
  return first, last
end

-- Takes out text[first..last] and the one space that it would leave doubled or
-- at an end of the line.
local function cut(text, first, last)
  local before, after = text:sub(1, first - 1), text:sub(last + 1)
  local gap_after = after == "" or after:find("^%s")
  if before:find("[ \t]$") and gap_after then
    before = before:sub(1, -2)
  elseif (before == "" or before:find("\n$")) and after:find("^[ \t]") then
    after = after:sub(2)
  end
  return before .. after
end

-- Again from the start each time: what is left may have closed up to the same
-- tag once more ("[a[a]]").
local function cut_all(text, tag, style)
  local first, last = find_tag(text, tag, style)
  while first do
    text = cut(text, first, last)
    first, last = find_tag(text, tag, style)
  end
  return text
end

local function put(text, tag, style, front)
  local mark = style.write(tag)
  if text == "" then return mark end
  if front then return mark .. (text:find("^%s") and "" or " ") .. text end
  return text .. (text:find("%s$") and "" or " ") .. mark
end

--- The tags of a text, in order, each once.
-- text: string or nil; style: "title" (default) or "description".
function tags.parse(text, style)
  style, text = style_of(style), check_text(text)
  local list, seen = {}, {}
  local first, last, tag = style.find(text, 1)
  while first do
    if not seen[tag] then
      seen[tag] = true
      list[#list + 1] = tag
    end
    first, last, tag = style.find(text, last + 1)
  end
  return list
end

--- Does the text hold this tag? Returns a boolean.
function tags.has(text, tag, style)
  style, text = style_of(style), check_text(text)
  return find_tag(text, check_tag(tag, style), style) ~= nil
end

--- The text with the tag in it. Returns the text, and whether it changed.
-- options.front = true puts it in front instead of behind.
function tags.add(text, tag, style, options)
  local kind, given = style_of(style), check_text(text)
  local bare = check_tag(tag, kind)
  if find_tag(given, bare, kind) then return text, false end
  return put(given, bare, kind, options and options.front), true
end

--- The text without the tag. Returns the text, and whether it changed.
function tags.remove(text, tag, style)
  local kind, given = style_of(style), check_text(text)
  local bare = check_tag(tag, kind)
  if not find_tag(given, bare, kind) then return text, false end
  return cut_all(given, bare, kind), true
end

--- The text with `to` in the place of `from`. A text without `from` stays as it
-- is; one that has `to` already only loses `from`. Returns text, changed.
function tags.swap(text, from, to, style)
  local kind, given = style_of(style), check_text(text)
  from, to = check_tag(from, kind), check_tag(to, kind)
  local first, last = find_tag(given, from, kind)
  if not first or from == to then return text, false end
  if not find_tag(given, to, kind) then
    given = given:sub(1, first - 1) .. kind.write(to) .. given:sub(last + 1)
  end
  return cut_all(given, from, kind), true
end

--- The text with exactly these tags (an array): others are removed, missing
-- ones are added behind, in order. Returns text, changed.
function tags.set(text, list, style)
  if type(list) ~= "table" then usage("tags: set takes an array of tags, got %s", type(list)) end
  local kind, result = style_of(style), check_text(text)
  local wanted = {}
  for index, tag in ipairs(list) do wanted[index] = check_tag(tag, kind) end
  local keep = {}
  for _, tag in ipairs(wanted) do keep[tag] = true end
  local surplus = true
  while surplus do
    surplus = false
    for _, tag in ipairs(tags.parse(result, kind.name)) do
      if not keep[tag] then
        result, surplus = cut_all(result, tag, kind), true
      end
    end
  end
  for _, tag in ipairs(wanted) do
    if not find_tag(result, tag, kind) then result = put(result, tag, kind) end
  end
  if result == (text or "") then return text, false end
  return result, true
end

return tags
