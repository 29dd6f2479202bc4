-- SPDX-License-Identifier: MIT
-- "Did you mean …?": the nearest of a few known words.
--
-- Pure; used for unknown fields, options, methods, resources, flags and globals.
-- A word is suggested only when it is near enough to be a slip of the fingers:
-- at most a third of its length in edits (a swap of neighbours counts as one).
--
--   suggest.closest("titel", { "title", "summary" })     --> "title"
--   suggest.phrase("titel", { "title", "summary" })      --> "; did you mean 'title'?"

local suggest = {}

-- Words longer than this are cut: a hostile word must not cost quadratic time.
local MAX_LENGTH = 64

-- Damerau's distance (optimal string alignment) between two short strings.
local function distance(a, b)
  local before, previous, current = {}, {}, {}
  for j = 0, #b do previous[j] = j end
  for i = 1, #a do
    current[0] = i
    for j = 1, #b do
      local cost = a:byte(i) == b:byte(j) and 0 or 1
      local best = math.min(previous[j] + 1, current[j - 1] + 1, previous[j - 1] + cost)
      if i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
        best = math.min(best, before[j - 2] + 1)
      end
      current[j] = best
    end
    before, previous, current = previous, current, before
  end
  return previous[#b]
end

-- The nearest candidate, or nil when none is near.
-- `candidates` is an array of strings, or a table whose string keys are meant.
-- Case is ignored, so "Title" finds "title". Ties go to the first in order.
function suggest.closest(word, candidates)
  if type(word) ~= "string" or word == "" then return nil end
  local list = candidates
  if #candidates == 0 then list = suggest.names(candidates) end
  local wanted = word:sub(1, MAX_LENGTH):lower()
  local best, best_distance
  for _, candidate in ipairs(list) do
    local d = distance(wanted, candidate:sub(1, MAX_LENGTH):lower())
    local allowed = math.max(1, math.max(#wanted, #candidate) // 3)
    if d <= allowed and (not best or d < best_distance) then
      best, best_distance = candidate, d
    end
  end
  return best
end

-- Is the word one of an array of words?
function suggest.has(list, word)
  for _, known in ipairs(list) do
    if known == word then return true end
  end
  return false
end

-- The string keys of a table, sorted.
function suggest.names(t)
  local names = {}
  for name in pairs(t) do
    if type(name) == "string" then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

-- An array of words as one text: "a, b and c" with `last` = "and".
function suggest.listed(words, last)
  if #words < 2 then return words[1] or "" end
  return ("%s %s %s"):format(table.concat(words, ", ", 1, #words - 1), last, words[#words])
end

-- What to append to "unknown field 'titel'": a suggestion, else what is known.
function suggest.phrase(word, candidates)
  local best = suggest.closest(word, candidates)
  if best then return ("; did you mean '%s'?"):format(best) end
  local names = #candidates > 0 and candidates or suggest.names(candidates)
  if #names == 0 then return "" end
  return "; known: " .. table.concat(names, ", ")
end

return suggest
