-- SPDX-License-Identifier: MIT
-- Tags in titles and descriptions: whole tags, untouched surroundings, idempotence.
local check = require "check"
local tags = require "moonlever.tags"

local function list(text, style) return table.concat(tags.parse(text, style), "|") end

-- What is a tag and what is not.
check.equal(list("[a] Export [b c] hangs [ a ] [x"), "a|b c", "brackets")
check.equal(list("[] [ ] [[n]] a[b]c"), "n|b", "empty and nested brackets")
check.equal(list("[Prüfung] [日本] [🎬]"), "Prüfung|日本|🎬", "any script in brackets")
check.equal(list("two\n[li\nnes] [ok]"), "ok", "no line break inside brackets")
check.equal(list(nil), "", "no text")
check.equal(list("#a, #b-c (#d.) \"#e\" #f", "description"), "a|b-c|d|e|f", "hash tags")
check.equal(list("a#b &#39; https://h/#part ##x # y C#", "description"), "", "no hash tags")
check.equal(list("#v1.2 #team:billing #x/y. #z- #a#b", "description"), "v1.2|team:billing|x/y|z", "joined")
check.equal(list("#größe #日本、#東京 #नमस्ते\u{A0}#éa…", "description"), "größe|日本|東京|नमस्ते|éa", "any script")
check.equal(list("#ok\xff #\xc3", "description"), "ok", "bytes that are no text end a tag")

-- A tag is not a substring.
check.equal(tags.has("[billing-old] x", "billing"), false)
check.equal(tags.has("x [billing] y", "billing"), true)
check.equal(tags.has("#billing-old", "billing", "description"), false)
check.equal(tags.has("see #billing.", "billing", "description"), true)
check.equal(tags.has("[Billing]", "billing"), false, "case counts")
check.equal(tags.has("[a.c]", "a.c"), true)
check.equal(tags.has("[abc]", "a.c"), false, "no patterns")
check.equal(tags.has("[a%d]", "a%d"), true)

-- Each change: text, whether changed; then the same again changes nothing.
local function changes(want, fn, text, ...)
  local got, changed = fn(text, ...)
  check.equal(got, want)
  check.equal(changed, true, want)
  local again, more = fn(got, ...)
  check.equal(again, want)
  check.equal(more, false, want .. " again")
end

changes("Export hangs [a]", tags.add, "Export hangs", "a")
changes("[ZD-1] Export", tags.add, "Export", "ZD-1", "title", { front = true })
changes("[a]", tags.add, nil, "a")
changes("text #a", tags.add, "text", "#a", "description")
changes("line\n#a", tags.add, "line\n", "a", "description")
changes("Export hangs", tags.remove, "Export [a] hangs", "a")
changes("Export", tags.remove, "[a] Export", "a")
changes("Export", tags.remove, "Export [a]", "a")
changes("", tags.remove, "[a]", "a")
changes("two  spaces stay", tags.remove, "two  spaces [a] stay [a]", "a")
changes("(x)", tags.remove, "(x[a])", "a")
changes("", tags.remove, "[a[a]]", "a")
changes("see , it", tags.remove, "see #a, it", "a", "description")
changes("one\ntwo", tags.remove, "one #a\ntwo", "a", "description")
changes("[new] Export", tags.swap, "[old] Export", "old", "new")
changes("Export [new]", tags.swap, "[old] Export [new]", "old", "new")
changes("[new] x", tags.swap, "[old] x [old]", "old", "new")
changes("see #new.", tags.swap, "see #old.", "old", "new", "description")
changes("[größer] x", tags.swap, "[groß] x", "groß", "größer")
changes("x [c] [a]", tags.set, "x [b] [c]", { "c", "a" })
changes("x", tags.set, "x [b] [c]", {})

-- Nothing to do gives the very same text back.
check.equal(tags.swap("[b] x", "a", "c"), "[b] x")
check.equal(tags.swap("[a] x", "a", "a"), "[a] x")
check.equal(tags.remove(nil, "a"), nil)
check.equal(tags.add("[a]", "[a]"), "[a]")

-- What cannot be kept as a tag is refused with the way to write it.
for _, bad in ipairs { "", " ", "a]b", "a[b", "a\nb" } do
  check.raises("usage", tags.add, "x", bad)
end
for _, bad in ipairs { "", "a b", "-a", "a.", "a#b", "a\xff" } do
  check.raises("usage", tags.add, "x", bad, "description")
end
check.match(check.raises("usage", tags.add, "x", "a b", "description").message, "letters, digits")
check.match(check.raises("usage", tags.has, "x", "a", "summary").message, '"description"')
check.raises("usage", tags.has, 42, "a")
check.raises("usage", tags.has, "x", 42)
check.raises("usage", tags.set, "x", "a")

-- Random texts: the laws hold whatever stands around the tags.
local seed = 20240229
local function random(n)
  seed = (seed * 1103515245 + 12345) & 0x7fffffff
  return (seed >> 8) % n + 1
end
local pieces = {
  title = { "[a]", "[b]", "[ a ]", "[", "]", "a", " ", "  ", "\n", "é", "[ab]", "[[", "]]", "#a" },
  description = { "#a", "#b", "#", "a", " ", "\n", ".", "-", "é", "…", "#ab", "(", "\"", "&", "#a-" },
}
local function random_text(style)
  local words = {}
  for index = 1, random(10) do words[index] = pieces[style][random(#pieces[style])] end
  return table.concat(words)
end
local function holds(style, text)
  local added = tags.add(text, "a", style)
  local removed = tags.remove(text, "a", style)
  local swapped = tags.swap(text, "a", "b", style)
  return tags.has(added, "a", style) and tags.add(added, "a", style) == added
    and not tags.has(removed, "a", style) and tags.remove(removed, "a", style) == removed
    and not tags.has(swapped, "a", style) and tags.swap(swapped, "a", "b", style) == swapped
    and (not tags.has(text, "a", style) or tags.has(swapped, "b", style))
    and table.concat(tags.parse(tags.set(text, { "b", "c" }, style), style), "|"):len() == 3
end
for _, style in ipairs { "title", "description" } do
  local broken
  for _ = 1, 3000 do
    local text = random_text(style)
    if not holds(style, text) then broken = text end
  end
  check.equal(broken, nil, style)
end

check.done(126)
