-- SPDX-License-Identifier: MIT
-- `moonlever show FILE`: what a saved plan would do. What is no plan, or one that was
-- edited, raises (plan.lua).
--
-- host: write(text), fail(code, text).
--
--   show.main({ "retag.plan", "--all" }, host)

local raw = require "moonlever.raw"
local script = require "moonlever.script"
local plan = require "moonlever.plan"
local images = require "moonlever.history.images"
local text = require "moonlever.history.text"

local show = {}

local SHOWN = 50 -- changes of one operation
-- The pace of writes that Moonlever begins with, and where it stops doubling.
local FIRST_RATE, LAST_RATE = 5, 50

local header_spec = assert(script.build {
  summary = "Show a saved plan",
  args = {
    plan = { "the file", required = true, positional = 1 },
    json = { "header and totals as one line of JSON", type = "boolean" },
    all = { "every change", type = "boolean" },
    rate = { "requests a second to reckon with", type = "number", min = 0 },
  },
})

--- Seconds that n requests take: at a given rate, or at the pace of a run that
-- learns it. nil: no limit.
function show.seconds(n, rate)
  if rate then return rate > 0 and n / rate or nil end
  local seconds, pace = 0, FIRST_RATE
  while n > pace and pace < LAST_RATE do
    n, seconds, pace = n - pace, seconds + 1, math.min(2 * pace, LAST_RATE)
  end
  return seconds + n / pace
end

local function image(json)
  return json and raw.json.decode(json) or nil
end

local function line_of(change)
  local what = images.line(change.effect, image(change.before), image(change.after))
  local line = ("  %s %s  %s"):format(images.mark(change.effect), text.safe(change.target), what)
  return line:gsub("%s+$", "") .. "\n"
end

-- Takes a change into its group; of a long group only the first lines are kept.
local function take(groups, change, all)
  local group = groups[change.operation]
  if not group then
    group = { operation = change.operation, effect = change.effect, count = 0, lines = {} }
    groups[change.operation] = group
    groups[#groups + 1] = group
  end
  group.count = group.count + 1
  if all or group.count <= SHOWN then group.lines[#group.lines + 1] = line_of(change) end
end

local function is_loopback(origin)
  local host = type(origin) == "string" and origin:match("^%w+://(.-):?%d*$")
  return host == "localhost" or host == "[::1]" or host and host:find("^127%.%d+%.%d+%.%d+$") ~= nil
end

local function pace_text(header, requests, rate)
  if requests == 0 or not rate and is_loopback(header.origin) then return "" end
  local seconds = show.seconds(requests, rate)
  if not seconds then return "" end
  local pace = rate and ("at %g a second"):format(rate)
    or ("at the pace of a new run: %d a second, rising to %d"):format(FIRST_RATE, LAST_RATE)
  return (", %s or more %s"):format(text.duration(math.ceil(seconds)), pace)
end

-- A text of the header with words around it; "" when it is not there.
local function said(format, value)
  return type(value) == "string" and format:format(text.safe(value)) or ""
end

local function made_text(header)
  local created = type(header.created) == "string" and text.parse_time(header.created)
  return created and text.when(created) or said("%s", header.created)
end

-- The accounts that changes go to beside the one in the header, each once, in their order.
local function other_accounts(header, changes)
  local list, seen = {}, {}
  for _, change in ipairs(changes) do
    local account = ("%s at %s"):format(change.service, change.origin)
    local first = change.service == header.service and change.origin == header.origin
    if not first and not seen[account] then list[#list + 1] = account end
    seen[account] = true
  end
  return list
end

local function head_lines(write, header, changes)
  write(("plan      %s%s%s\n"):format(said("%s", header.script), said(" for %s", header.service),
    said(" at %s", header.origin)))
  for _, account in ipairs(type(header.service) == "string" and other_accounts(header, changes) or {}) do
    write(("          and %s\n"):format(text.safe(account)))
  end
  write(said("profile   %s\n", header.profile))
  local words = text.shell_words(header.args)
  if words ~= "" then write(("arguments %s\n"):format(text.safe(words))) end
  write(("made      %s%s\n"):format(made_text(header), said(" by run %s", header.run)))
end

local function group_lines(write, group)
  write(("\n%s: %s\n"):format(text.safe(group.operation), text.number(group.count)))
  for _, line in ipairs(group.lines) do write(line) end
  if group.count > #group.lines then
    write(("  … and %s more (--all)\n"):format(text.number(group.count - #group.lines)))
  end
end

local function people(write, opt, header, groups, changes)
  local total = #changes
  local requests = math.tointeger(header.requests) or total
  head_lines(write, header, changes)
  for _, group in ipairs(groups) do group_lines(write, group) end
  local looks = requests > 0 and (" and up to %s before"):format(text.plural(requests, "look")) or ""
  write(("\nchanges   %s\nrequests  %s%s%s\n"):format(text.number(total), text.number(requests), looks,
    pace_text(header, requests, opt.rate)))
  if total > 0 then write(("apply it with: moonlever apply %s\n"):format(text.safe(text.shell_word(opt.plan)))) end
end

local function programs(write, header, groups, total)
  local operations, effects = {}, {}
  for _, group in ipairs(groups) do
    operations[group.operation] = group.count
    effects[group.effect] = (effects[group.effect] or 0) + group.count
  end
  header.changes, header.operations, header.effects = total, operations, effects
  write(raw.json.encode(header, { sorted = true }) .. "\n")
end

--- The command.
function show.main(words, host)
  local parsed, trouble = script.parse(header_spec, words)
  if not parsed or parsed.help then
    return host.fail(2, (trouble or "which plan?") .. "\n  see: moonlever show --help")
  end
  local opt, groups = parsed.values, {}
  local header, changes = plan.read(opt.plan)
  for _, change in ipairs(changes) do take(groups, change, opt.all) end
  if opt.json then return programs(host.write, header, groups, #changes) end
  people(host.write, opt, header, groups, changes)
end

return show
