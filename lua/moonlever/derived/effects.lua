-- SPDX-License-Identifier: MIT
-- What a call does to the account, who may make it, and what is checked before: in
-- sentences, from what the catalogue says of the operation.
--
-- Invariant: every key of an operation that can surprise somebody has a sentence here;
-- the test of this module holds that against docs/catalogue.md.
--
--   effects.sentences(method)   --> { "Changes the object; undo puts it back.", … }
--   effects.word(method)        --> "change", for tables

local types = require "moonlever.derived.types"

local effects = {}

local function words(list) return table.concat(list, ", ") end

local function finished(text)
  return text:find("%.$") and text or text .. "."
end

local DOES = {
  read = "Reads; nothing is changed.", create = "Creates something new.", update = "Changes an object.",
  replace = "Replaces an object as a whole.", delete = "Deletes.",
}

-- A replacement that is made from a fresh read changes what is named and no more.
local function effect_of(m)
  return (m.entry.strategy == "merge_put" or m.entry.complete) and "update" or m.effect
end

local WORDS = { read = "read", create = "create", update = "change", replace = "replace", delete = "delete" }

--- One word for a table.
function effects.word(m) return WORDS[effect_of(m)] end

--- Who may make the call, where the catalogue says so; nil otherwise.
function effects.who(request)
  if request.admin == true then return "only an admin may do this" end
  return request.admin and ("only for: %s"):format(request.admin) or nil
end

--- Can the call not be taken back?
function effects.is_final(m)
  return m.effect ~= "read" and (m.request.irreversible ~= nil or not m.request.inverse) and not m.request.refused
end

-- How it is undone.
local function undo(m, add)
  if m.effect == "read" or m.request.refused then return end
  local inverse = m.request.inverse
  if m.request.irreversible then
    add(("Cannot be undone: %s."):format(m.request.irreversible))
  elseif not inverse then
    add("Cannot be undone.")
  elseif m.effect == "delete" and inverse == "create" then
    add("Undo creates it anew, under a new id.")
  elseif m.effect == "create" then
    add("Undo deletes it.")
  else
    add("Undo puts back what was there.")
  end
end

local function who(m, add)
  local who_may = effects.who(m.request)
  if who_may then add(("%s%s."):format(who_may:sub(1, 1):upper(), who_may:sub(2))) end
  local credential = m.service.resources[m.resource].credential
  if credential then add(("Uses the credential %s."):format(m.service.credentials[credential].env)) end
end

-- How it is sent, and when it counts as done.
local function sending(m, add)
  local request = m.request
  if request.finish == "accepted" then
    add("The service queues it: the call returns when it is accepted, and the run waits until it shows.")
  end
  if request.later then add(("With %s it happens on that day."):format(request.later)) end
  if request.once then add("It is never sent twice by itself: a result that is not known stays unknown.") end
  if request.effect ~= "read" and request.method == "GET" then
    add("It is a GET that changes something, and is treated as a write.")
  end
  if request.complete then add("What an item leaves out is taken from a fresh read.") end
  if m.entry.strategy == "merge_put" then
    add("The object is read first and sent whole, then read again and compared.")
  end
  if request.fallback then add(("If it is refused, %s is tried."):format(request.fallback)) end
end

local function asking(m, add)
  local request = m.request
  if request.switch then
    add(("Off until the header of the script says switches = { \"%s\" }."):format(request.switch))
  end
  if request.side_effects then add(("People hear of it: %s."):format(words(request.side_effects))) end
  if request.confirm then add(("Asks before the first one of a run: %s"):format(finished(request.confirm))) end
end

-- ---------------------------------------------------------------------------
-- What is checked before anything is sent

local function value_words(values)
  return types.words { type = "any", enum = values }
end

local function condition(rule)
  local name, value = next(rule.when or rule.unless or {})
  if name == nil then return nil end
  return ("%s %s = %s"):format(rule.when and "with" or "unless", name, value_words { value })
end

local CHECKS = {
  need = "%s must be given", refuse = "%s cannot be given", together = "%s go together",
  at_most_one = "at most one of %s", some_of = "at least one of %s",
}

local function rule_words(rule)
  for kind, text in pairs(CHECKS) do
    if rule[kind] then
      local said, when = text:format(words(rule[kind])), condition(rule)
      if when then said = ("%s, %s"):format(when, said) end
      return said .. (rule.note and (" (%s)"):format(rule.note) or "")
    end
  end
end

local function moves_words(moves)
  local parts = {}
  if moves.add then parts[1] = moves.add .. " adds" end
  if moves.remove then parts[#parts + 1] = moves.remove .. " removes" end
  local keep = moves.keep and (", and %d must be left"):format(moves.keep) or ""
  return ("%s%s; seen in %s"):format(table.concat(parts, ", "), keep, moves.list or moves.count)
end

--- What is checked before a call is sent, in phrases.
function effects.conditions(m)
  local list = {}
  local function add(text) list[#list + 1] = text end
  for _, rule in ipairs(m.request.rules or {}) do add(rule_words(rule)) end
  for _, rule in ipairs(m.request.only_if or {}) do add("refused otherwise: " .. rule.why) end
  if m.request.unique then add("each only once in a run: " .. words(m.request.unique)) end
  if m.request.same then add("the same value: " .. table.concat(m.request.same, " and ")) end
  if m.request.moves then add(moves_words(m.request.moves)) end
  return list
end

--- The call in sentences: effect first, then undo, rights, sending, questions.
function effects.sentences(m)
  local list = {}
  local function add(text) list[#list + 1] = text end
  if m.request.refused then
    add(("Never sent: %s."):format(m.request.refused))
    return list
  end
  add(DOES[effect_of(m)])
  undo(m, add)
  who(m, add)
  asking(m, add)
  sending(m, add)
  return list
end

return effects
