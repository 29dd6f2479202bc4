-- SPDX-License-Identifier: MIT
-- What the page says above its list of changes, a function for each slot of page.html.
--
--   local about = sections.facts(host, run, found, false)
--   sections.slots.heading(about, write)

local errors = require "moonlever.errors"
local chart = require "moonlever.history.page.chart"
local journal = require "moonlever.history.journal"
local markup = require "moonlever.history.page.markup"
local survey = require "moonlever.history.page.survey"
local text = require "moonlever.history.text"

local sections = { slots = {} }

local slots = sections.slots
local format = markup.format

local COLUMNS = 72
local SILENCES = 5 -- that are named
local REASONS = 40 -- that are shown

-- Arguments ---------------------------------------------------------------------

local SECRETS = { "token", "passw", "secret", "api%-?_?key", "credential", "authorization", "bearer" }

local function is_secret(name)
  name = name:lower()
  for _, word in ipairs(SECRETS) do
    if name:find(word) then return true end
  end
  return false
end

--- The arguments of a run with *** for the value of each whose name speaks of a secret: no
-- credential of ours is in the journal, but people give scripts what they like.
function sections.harmless(words)
  local list, hides = {}, false
  for i, word in ipairs(words or {}) do
    local name = word:match("^(%-%-?[^=]+)=") or word:match("^%-%-?[^=]+$")
    if hides and not (name and word:find("^%-%-")) then
      list[i] = "***"
    else
      list[i] = name and #name < #word and is_secret(name) and name .. "=***" or word
    end
    hides = name == word and is_secret(name)
  end
  return list
end

-- What the sections are about -----------------------------------------------------

--- Gathers what the sections need.
-- found     the survey of the run
-- only_bad  the list holds only what did not come out well
function sections.facts(host, run, found, only_bad)
  local undone_by = {}
  for other in host.query("undo_of", run.run) do undone_by[#undone_by + 1] = other.run end
  return {
    run = run, found = found, only_bad = only_bad, undone_by = undone_by, now = host.wall_ms(),
    words = text.shell_words(sections.harmless(journal.arguments(host, run))),
    plan = found.line:layout(COLUMNS), total = journal.total(found.counts),
    bad = found.counts.failed + found.counts.conflict + found.counts.unknown,
  }
end

local function moment(ms)
  return format('<time datetime="%s">%s UTC</time>', text.rfc3339(ms), os.date("!%Y-%m-%d %H:%M:%S", ms // 1000))
end

local function subject(run)
  if run.kind == "undo" and run.undo_of then return "Undo of " .. run.undo_of end
  local hash = journal.plan_hash(run)
  if hash then return ("Apply of plan %s"):format(hash) end
  local script = (run.script or "run"):match("[^/]+/?$") or "run" -- its whole path stands below
  return run.kind == "plan" and "Plan of " .. script or script
end

-- "running", "done": the first word of it.
local function state_of(run)
  return run.state or "stopped"
end

function slots.title(about, write)
  write(format("%s: run %s, %s", subject(about.run), about.run.run, state_of(about.run)))
end

function slots.heading(about, write)
  local run = about.run
  write(format('<div class="head"><h1>%s</h1> <span class="s %s">%s</span></div>\n', subject(run),
    state_of(run):match("^%a+$") or "", state_of(run)))
  write(format('<p class="lead">Run <code>%s</code>', run.run))
  if run.service or run.origin then write(format(", %s at %s", run.service or "?", run.origin or "?")) end
  write((", %s</p>\n"):format(moment(run.started)))
end

-- Notices -------------------------------------------------------------------------

local function notice(write, ...)
  write '<div class="notice">\n'
  for _, line in ipairs { ... } do write(("<p>%s</p>\n"):format(line)) end
  write "</div>\n"
end

local function code(...)
  return format("<code>%s</code>", (...):format(select(2, ...)))
end

function slots.notices(about, write)
  local run = about.run
  if run.running then
    notice(write, "<strong>This run is still at work.</strong> The page shows it as it was at "
      .. moment(about.now) .. ".",
      "Make it again when the run has ended: " .. code("moonlever runs %s --html FILE", run.run))
  elseif not run.ended then
    notice(write, "<strong>This run was broken off:</strong> its process ended before the run did. What it had sent "
      .. "last counts as unknown until it is looked at.", "Go on with it: " .. code("moonlever resume %s", run.run))
  elseif run.kind == "plan" then
    notice(write, "<strong>Nothing was sent.</strong> This is what would change.")
  end
  if #about.undone_by > 0 then
    notice(write, ("<strong>This run was taken back</strong> by run %s."):format(code("%s", about.undone_by[1])))
  end
end

-- Totals --------------------------------------------------------------------------

local function states_of(counts)
  local list = {}
  for _, state in ipairs(journal.STATES) do
    if (counts[state] or 0) > 0 then list[#list + 1] = state end
  end
  return list
end

-- "1,208 changes = 1,200 confirmed + 7 already so + 1 failed"
local function sum(counts)
  local parts = {}
  for i, state in ipairs(states_of(counts)) do
    parts[i] = ("%s %s"):format(text.number(counts[state]), journal.word(state))
  end
  return ("%s = %s"):format(text.plural(journal.total(counts), "change"), table.concat(parts, " + "))
end

local function share(about, write)
  if about.total == 0 then return end
  write(format('<svg class="share" xmlns="http://www.w3.org/2000/svg" width="100%%" height="12" role="img" '
    .. 'aria-label="%s">\n', sum(about.found.counts)))
  local at = 0
  for _, state in ipairs(states_of(about.found.counts)) do
    local width = 100 * about.found.counts[state] / about.total
    write(('<rect class="%s" x="%.3f%%" y="0" width="%.3f%%" height="12"/>\n'):format(state, at, width))
    at = at + width
  end
  write "</svg>\n"
end

local function tile(write, class, name, value)
  write(format('<div class="%s"><dt>%s</dt><dd>%s</dd></div>\n', class, name, value))
end

-- A run that never ended is as long as its last sign of life.
local function duration(about)
  local run, plan = about.run, about.plan
  if run.ended then return "duration", chart.seconds(run.ended - run.started) end
  if run.running then return "so far", chart.seconds(math.max(0, about.now - run.started)) end
  local last = plan and plan.columns[#plan.columns]
  return "until it was last heard of", last and chart.seconds(last.at + plan.width) or "?"
end

local function answers(about)
  local parts = {}
  for i, answer in ipairs(about.found.answers) do
    local status = math.tointeger(tonumber(answer.name))
    parts[i] = ("%s\u{A0}×\u{A0}%s"):format(text.number(answer.count),
      status and errors.status_text(status) or answer.name)
  end
  return table.concat(parts, ", ")
end

function slots.totals(about, write)
  local found, run = about.found, about.run
  share(about, write)
  write '<dl class="tiles">\n'
  tile(write, "", "changes", text.number(about.total))
  for _, state in ipairs(states_of(found.counts)) do
    tile(write, state, journal.word(state), text.number(found.counts[state]))
  end
  if found.attempts > 0 then
    tile(write, "", "requests that write", text.number(found.requests))
    tile(write, "", "sent again", text.number(found.again))
  end
  tile(write, "", duration(about))
  if about.plan and found.attempts > 0 and chart.fastest(about.plan) > 0 then
    tile(write, "", "changes a second, at most", chart.rate(chart.fastest(about.plan)))
  end
  write "</dl>\n"
  if about.total > 0 then write(format('<p class="sum">%s</p>\n', sum(found.counts))) end
  if found.attempts > 0 then
    write(format('<p class="sum">Answers to these requests: %s. Requests that only read are not in the journal.</p>\n',
      answers(about)))
  end
  if run.noop and run.noop > 0 then
    write(format('<p class="sum">%s already so: nothing was sent for them, and they are not listed below.</p>\n',
      run.noop == 1 and "1 object was" or text.number(run.noop) .. " objects were"))
  end
end

-- What was run --------------------------------------------------------------------

-- value: markup, or nil for what is not known
local function fact(write, name, value)
  if value then write(("<dt>%s</dt><dd>%s</dd>\n"):format(name, value)) end
end

local function plain(value)
  return value and markup.escape(value) or nil
end

local function kind_of(run)
  local kind = plain(run.kind)
  if run.undo_of then return ("%s of run %s"):format(kind, code("%s", run.undo_of)) end
  if run.kind == "apply" and run.plan then return format("%s of plan <code>%s</code>", run.kind, run.plan) end
  return kind
end

local function steps(about, write)
  local run, verb = about.run, journal.next_step(about.run, about.found.counts)
  write '<dl class="facts steps">\n'
  if verb == "resume" then fact(write, "Go on with it", code("moonlever resume %s", run.run)) end
  if verb == "undo" and #about.undone_by == 0 then fact(write, "Take it back", code("moonlever undo %s", run.run)) end
  if run.kind == "run" and run.ended and not journal.goes_on(run) and about.found.counts.failed > 0 then
    fact(write, "Try again", code("moonlever run --only-failed %s", run.run) .. " runs the script for what failed")
  end
  fact(write, "Look closer", code("moonlever runs %s", run.run) .. ", with " .. code("--csv") .. " or "
    .. code("--json") .. " for programs")
  write "</dl>\n"
end

-- What the exit codes of runs mean that did not simply end well.
local EXITS = {
  [1] = "an error of the script", [3] = "some changes failed, conflicted or are unknown",
  [4] = "not signed in, or forbidden", [5] = "the service or the network failed", [6] = "stopped by a guard",
  [75] = "an outage, or a lock", [130] = "interrupted",
}

local function state_text(run)
  local why = run.ended and EXITS[run.exit]
  return journal.state_text(run) .. (why and ": " .. why or "")
end

function slots.about(about, write)
  local run = about.run
  write '<dl class="facts">\n'
  fact(write, "Script", run.script and code("%s", run.script))
  fact(write, "Arguments", about.words ~= "" and code("%s", about.words) or nil)
  fact(write, "Kind", kind_of(run))
  fact(write, "State", plain(state_text(run)))
  fact(write, "Service", plain(run.service))
  fact(write, "Origin", plain(run.origin))
  fact(write, "Profile", plain(run.profile))
  fact(write, "Started", moment(run.started))
  fact(write, "Ended", run.ended and moment(run.ended))
  fact(write, "Run", code("%s", run.run))
  write "</dl>\n"
  steps(about, write)
end

-- Timeline ------------------------------------------------------------------------

local LEGEND = {
  { "good", "came to rest well" }, { "bad", "failed, in conflict or unknown" }, { "planned", "planned" },
  { "again", "requests sent again" },
}

local function swatch(write, class, words)
  write(format('<li><svg xmlns="http://www.w3.org/2000/svg" width="12" height="12" aria-hidden="true">'
    .. '<rect class="%s" width="12" height="12"/></svg>%s</li>\n', class, words))
end

local function legend(plan, write)
  local has = chart.parts(plan)
  write '<ul class="legend">\n'
  for _, entry in ipairs(LEGEND) do
    if has[entry[1]] then swatch(write, entry[1], entry[2]) end
  end
  if #plan.quiet > 0 then swatch(write, "quiet", "nothing sent or answered") end
  write "</ul>\n"
end

local function silences(about, write)
  local list, parts = about.plan.quiet, {}
  for i = 1, math.min(#list, SILENCES) do
    local gap = list[i]
    parts[i] = ("at %s for %s"):format(chart.clock(gap.from), chart.seconds(gap.to - gap.from))
  end
  if #list > SILENCES then parts[#parts + 1] = ("and %d times more"):format(#list - SILENCES) end
  write '<ul class="plain">\n'
  if #parts > 0 then write(format("<li>Nothing was sent or answered %s.</li>\n", table.concat(parts, ", "))) end
  if about.found.longest_wait > 0 and not about.plan.is_cut then -- else it is how long the run was left alone
    write(format("<li>Between an answer and the next attempt of the same change lay %s at most.</li>\n",
      chart.seconds(about.found.longest_wait)))
  end
  write "</ul>\n"
end

function slots.timeline(about, write)
  local plan = about.plan
  if not plan or about.run.kind == "plan" then return end -- how fast it was planned is no news
  write '<section aria-labelledby="timeline">\n<h2 id="timeline">Changes a second, from the start of the run</h2>\n'
  legend(plan, write)
  write '<div class="plot">\n'
  chart.svg(plan, ("Changes a second over the time of the run: %s, at most %s"):format(sum(about.found.counts),
    chart.rate(chart.fastest(plan))), write)
  write "</div>\n"
  silences(about, write)
  write "<details>\n<summary>The figures as a table</summary>\n"
  chart.table(plan, write)
  write "</details>\n</section>\n"
end

-- Failures --------------------------------------------------------------------------

local function target(about, example)
  local name = text.cut(example.target or "?", 60)
  local state = { seq = example.seq, state = "failed" }
  local label = example.label and format(" <q>%s</q>", text.cut(example.label, 60)) or ""
  if survey.shows(about.found, state) then
    return format('<a href="#c%d"><code>%s</code></a>', example.seq, name) .. label
  end
  return format("<code>%s</code>", name) .. label
end

local function counts_of(one)
  local parts = {}
  for i, state in ipairs(states_of(one.states)) do
    parts[i] = format('<b class="s %s">%s %s</b>', state, text.number(one.states[state]), state)
  end
  return table.concat(parts, ", ")
end

local function operations_of(one)
  local names = {}
  for name in pairs(one.operations) do names[#names + 1] = name end
  table.sort(names)
  return table.concat(names, ", ")
end

local function reason(about, one, write)
  write(format('<div class="fail">\n<h3>%s</h3>\n', one.name))
  write(("<p>%s, %s</p>\n"):format(counts_of(one), markup.escape(operations_of(one))))
  local whole = one.examples[1].reason
  if whole and whole:sub(-#one.name) ~= one.name then -- it says more than which change it was
    write(format("<p>For example: %s</p>\n", whole))
  end
  if one.remedy then write(format("<p><strong>What to do:</strong> %s</p>\n", one.remedy)) end
  write '<ul class="targets">\n'
  for _, example in ipairs(one.examples) do write(("<li>%s</li>\n"):format(target(about, example))) end
  if one.count > #one.examples then
    write(("<li>and %s more</li>\n"):format(text.number(one.count - #one.examples)))
  end
  write "</ul>\n</div>\n"
end

function slots.failures(about, write)
  local reasons = about.found.reasons
  if #reasons == 0 then return end
  write(format('<section aria-labelledby="failures">\n<h2 id="failures">%s did not come out well, by reason</h2>\n',
    text.plural(about.bad, "change")))
  for i = 1, math.min(#reasons, REASONS) do reason(about, reasons[i], write) end
  if #reasons > REASONS then
    write(format("<p>… and %s more: <code>moonlever runs %s --failed</code></p>\n",
      text.plural(#reasons - REASONS, "reason"), about.run.run))
  end
  write "</section>\n"
end

-- Operations ------------------------------------------------------------------------

function slots.operations(about, write)
  local list = about.found.operations
  if #list < 2 then return end
  local seen = {}
  for _, one in ipairs(list) do
    for state in pairs(one.states) do seen[state] = 1 end
  end
  local states = states_of(seen)
  write '<section aria-labelledby="operations">\n<h2 id="operations">Operations</h2>\n'
  write '<div class="scroll" role="region" aria-labelledby="operations" tabindex="0">\n'
  write '<table class="figures">\n<thead><tr><th scope="col">operation</th><th scope="col" class="n">changes</th>'
  for _, state in ipairs(states) do write(format('<th scope="col" class="n">%s</th>', journal.word(state))) end
  write "</tr></thead>\n<tbody>\n"
  for _, one in ipairs(list) do
    write(format('<tr><th scope="row">%s</th><td class="n">%s</td>', one.name, text.number(one.count)))
    for _, state in ipairs(states) do write(format('<td class="n">%s</td>', text.number(one.states[state] or 0))) end
    write "</tr>\n"
  end
  write "</tbody>\n</table>\n</div>\n</section>\n"
end

-- The list of changes ---------------------------------------------------------------

--- What stands above the list: what is not in it.
function slots.rest(about, write)
  local found, run = about.found, about.run
  if about.only_bad then
    write(format("<p class=\"sum\">Only what failed, is in conflict or unknown is listed (--failed): %s of %s.</p>\n",
      text.number(about.bad), text.plural(about.total, "change")))
  end
  if found.left_out > 0 then
    notice(write, format("<strong>Not all of them fit into a page:</strong> %s are listed, %s are left out. Those that "
      .. "did not come out well are kept before others; the figures above are about all of them.",
      text.number(found.shown), text.number(found.left_out)),
      ("All of them: %s, with their fields: %s."):format(code("moonlever runs %s --csv", run.run),
        code("moonlever runs %s --json", run.run)))
  end
  if found.shown == 0 then write '<p class="sum">There is no change to list.</p>\n' end
end

--- A button for each state that is in the list.
function slots.states(about, write)
  for _, state in ipairs(states_of(about.found.shown_states)) do
    write(format('<button type="button" data-s="%s" aria-pressed="false">%s %s</button>\n', state, journal.word(state),
      text.number(about.found.shown_states[state])))
  end
end

function slots.made(about, write)
  write(("<p>Made by Moonlever from its journal at %s. All times are UTC.</p>\n"):format(moment(about.now)))
  write "<p>The page holds values of the account from before and after: give it to those only who may see them.</p>\n"
end

return sections
