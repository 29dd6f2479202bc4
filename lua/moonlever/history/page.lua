-- SPDX-License-Identifier: MIT
-- A run as one page of HTML, to be looked at in a browser and mailed to a colleague.
--
-- The page needs nothing but itself: no other file, no network, and no script to be read whole;
-- the script that is in it searches and filters. It is written as it goes, so a run may be of
-- any length. It shows what the journal holds and nothing else.
--
-- Invariants
--   1. Whatever comes from the journal passes markup.escape; none of it is in the script.
--   2. All figures and the changes are of one moment, also of a run that is at work: an open
--      query holds the journal at it (raw.query).
--   3. The sums are those of `runs RUN --json`.
--   4. It is HTML and XML at once.
--
--   page.write(host, run, "run.html", function() return true end)

local out = require "moonlever.out"
local journal = require "moonlever.history.journal"
local markup = require "moonlever.history.page.markup"
local rows = require "moonlever.history.page.rows"
local sections = require "moonlever.history.page.sections"
local survey = require "moonlever.history.page.survey"

local page = {}

-- Reads through a query that was begun, which lets go of the moment that it held.
local function release(rest)
  for _ in rest do end -- luacheck: ignore 542
end

local function changes(host, run, wanted, found, write)
  local attempts_of = journal.attempts(host, run)
  for change in journal.changes(host, run) do
    local attempts = attempts_of(change.seq)
    if wanted(change) and survey.shows(found, change) then write(rows.of(change, attempts)) end
  end
end

local function slots_of(host, run, found, wanted, only_bad)
  local about = sections.facts(host, run, found, only_bad)
  local style = markup.inside(markup.file "style.css")
  local script = markup.inside(markup.file "script.js")
  local slots = {
    style = style, styleHash = markup.hash(style), script = script, scriptHash = markup.hash(script),
    changes = function(write) changes(host, run, wanted, found, write) end,
  }
  for name, section in pairs(sections.slots) do
    slots[name] = function(write) section(about, write) end
  end
  return slots
end

--- Writes the page about a run. Returns how many changes it shows. Raises when the file cannot
-- be written; nothing of it is left then.
-- path      the file, private and replaced as a whole; "-" is the output
-- wanted    wanted(change): is it listed? The figures are about all changes in any case.
-- only_bad  what `wanted` wants are the changes that did not come out well; the page says so
function page.write(host, run, path, wanted, only_bad)
  local moment = host.query("runs")
  moment()
  local found = survey.of(host, run, wanted, function(change, attempts) return #rows.of(change, attempts) end)
  local file <close> = out.file(path, { private = true })
  markup.fill(markup.file "page.html", slots_of(host, run, found, wanted, only_bad),
    function(piece) file:write(piece) end)
  file:close()
  release(moment)
  return found.shown
end

return page
