-- SPDX-License-Identifier: MIT
-- Swaps, adds and removes tags of recordings, and puts ticket numbers into titles.
--
-- Tags are kept in texts, since the service has no field for them: [tag] in the
-- title or #tag in the description. Everything here is idempotent: a second run
-- finds nothing to do.

local moonlever = require "moonlever"
local tags = moonlever.tags

local opt = moonlever.script {
  summary = "Swap, add or remove tags of recordings, and put ticket numbers into titles",
  description = [[
    Tags are kept as [tag] in the title (--where title) or as #tag in the description (--where
    description). A tag is whole or not there: billing is not part of [billing-old].

    --from and --to go together: where the first tag is found, the second takes its place. --add
    and --remove may be given again, or as a list with commas. --tickets puts the number of the
    recording's ticket in front of the title, as in "[ZD-48211] Export hangs". What is already
    right is left alone, so the script may be run again at any time.]],
  examples = {
    "moonlever run retag --from billing-old --to billing --dry-run",
    "moonlever run retag --add reviewed --only onboarding --limit 100",
    "moonlever run retag --tickets --practice",
  },
  shows = true,
  writes = { "screendesk.recordings" },
  args = {
    from = { "tag to replace", value = "TAG" },
    to = { "tag to put in its place", value = "TAG" },
    add = { "tags to add", type = "list", value = "TAG" },
    remove = { "tags to remove", type = "list", value = "TAG" },
    where = { "where the tags are kept", type = "enum", values = { "title", "description" },
      default = "title" },
    tickets = { "put the ticket number in front of the title", type = "boolean" },
    prefix = { "what stands before the ticket number; by default ZD- for Zendesk, and the name of"
      .. " the platform for others", value = "TEXT" },
    only = { "only recordings whose title holds TEXT, in whatever case", value = "TEXT" },
    limit = { "look at N recordings at most", type = "integer", min = 1 },
  },
}

if (opt.from == nil) ~= (opt.to == nil) then
  opt:fail("--from and --to go together: --from OLD --to NEW")
end
if not (opt.from or opt.add or opt.remove or opt.tickets) then
  opt:fail("nothing to do; give --from and --to, --add, --remove or --tickets")
end

-- Refuses before the first request what no text could hold.
local function check_tag(flag, tag, style)
  local _, err = moonlever.try(tags.has, "", tag, style)
  if err then opt:fail(("--%s: %s"):format(flag, err.message:gsub("^tags: ", ""))) end
end

if opt.from then
  check_tag("from", opt.from, opt.where)
  check_tag("to", opt.to, opt.where)
end
for _, tag in ipairs(opt.add or {}) do check_tag("add", tag, opt.where) end
for _, tag in ipairs(opt.remove or {}) do check_tag("remove", tag, opt.where) end
if opt.prefix then check_tag("prefix", opt.prefix .. "1", "title") end

local PREFIXES = { zendesk = "ZD-" }

local function ticket_tag(rec)
  local info = rec.metadata.helpdesk_info
  local ticket = info.ticket_id
  if ticket == nil or ticket == "" then return nil end
  local platform = info.platform or "zendesk"
  return (opt.prefix or PREFIXES[platform] or platform:upper() .. "-") .. ticket
end

-- The text with all that was asked for.
local function retagged(text)
  if opt.from then text = tags.swap(text, opt.from, opt.to, opt.where) end
  for _, tag in ipairs(opt.remove or {}) do text = tags.remove(text, tag, opt.where) end
  for _, tag in ipairs(opt.add or {}) do text = tags.add(text, tag, opt.where) end
  return text
end

-- The fields of a recording that have to change, or nil when none has.
local function changes(rec)
  local fields = {}
  local text = retagged(rec[opt.where])
  if text ~= rec[opt.where] then fields[opt.where] = text end
  local ticket = opt.tickets and ticket_tag(rec)
  if ticket then
    local title = fields.title or rec.title
    local numbered, changed = tags.add(title, ticket, "title", { front = true })
    if changed then fields.title = numbered end
  end
  return next(fields) and fields or nil
end

local sd = moonlever.connect "screendesk"

-- The first changes are shown in the report, so that a dry run shows what it means.
local EXAMPLES = 5
local examples = {}

local function show(rec, fields)
  if #examples >= EXAMPLES then return end
  local name = fields.title and "title" or opt.where
  examples[#examples + 1] = ("%s: %s -> %s"):format(name,
    moonlever.json.encode(rec[name] or ""), moonlever.json.encode(fields[name]))
end

local function retag(rec)
  if opt.only and not (rec.title or ""):lower():find(opt.only:lower(), 1, true) then return false end
  local fields = changes(rec)
  if not fields then return false end
  if fields.title and not fields.title:find("%S") then
    return nil, "its title would be empty; give it a title first"
  end
  sd.recordings:update(rec, fields)
  show(rec, fields)
end

local report, err = moonlever.try(moonlever.each, sd.recordings:list { limit = opt.limit }, retag)
-- A run that was stopped says as well how far it came.
local sums = report or err.report
if sums then
  if sums.ok > #examples then examples[#examples + 1] = ("… and %d more"):format(sums.ok - #examples) end
  moonlever.report {
    title = "retag, recordings looked at", total = sums.total,
    { "changed", sums.ok }, { "with nothing to change", sums.skipped }, { "failed", sums.failed },
    lines = examples, failures = sums.failures,
  }
end
if err then error(err, 0) end
