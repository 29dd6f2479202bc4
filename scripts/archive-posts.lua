-- SPDX-License-Identifier: MIT
-- Writes old WorkDrive posts to a file, and deletes them when asked.
--
-- WorkDrive has no archive for posts: the only status is PUBLISHED, and who may see a post is
-- shown by no read, so hiding them could neither be repeated safely nor undone. What is left is
-- a file with all that reads show, and the delete, which is final. The file is whole and on disk
-- before the first post is deleted, and no file is ever written over: a second run, or one that
-- is resumed, takes the next free name.

local moonlever = require "moonlever"
local times = require "moonlever.times"

local opt = moonlever.script {
  summary = "Write WorkDrive posts older than a date to a file, and delete them when asked",
  description = [[
    Posts that were posted before --before go to posts-before-DATE.jsonl in the directory --out, one
    a line, with all that the service shows of them; a number is added where the name is taken.
    With --delete they are deleted after that, which is final: WorkDrive has no archive of its own.
    Comments, reactions beyond their list, and the files themselves are not saved: no call
    shows them.

    The file is written in a dry run and with --plan as well, so that a plan that is applied later
    deletes nothing that was not saved. Where no post is old enough there is no file, so a second
    run with --delete does nothing. More than ten deletes need --confirm N.]],
  examples = {
    "moonlever run archive-posts --before 2025-01-01 --out archive",
    "moonlever run archive-posts --before 2025-01-01 --out archive --delete --dry-run",
    "moonlever run archive-posts --before 2025-01-01 --out archive --delete --confirm 500",
    "moonlever run archive-posts --before 2025-01-01 --out archive --except pinned,policy",
  },
  shows = true,
  writes = { "workdrive.posts" },
  args = {
    before = { "posts before this day (its beginning in UTC) or moment", required = true, value = "DATE" },
    out = { "an existing directory for the file", required = true, value = "DIR" },
    delete = { "delete the posts after they were written to the file", type = "boolean" },
    except = { "posts with one of these tags stay out of it", type = "list", value = "TAGS" },
    limit = { "the newest N of them at most", type = "integer", min = 1 },
  },
}

local before = times.parse(opt.before)
if not before then opt:fail(("--before: '%s' is no date; write it as 2025-01-31"):format(opt.before)) end

-- Tags in the form in which they are compared: without # and in lower case.
local function bare(tag) return (tostring(tag):lower():gsub("^#", "")) end

local spared = {}
for _, tag in ipairs(opt.except or {}) do spared[bare(tag)] = true end

local function is_spared(post)
  for _, tag in ipairs(post.tags or {}) do
    if spared[bare(tag)] then return true end
  end
  return false
end

local sums = { newer = 0, spared = 0, undated = 0 }

-- Is a post old enough? Whether the service counts the moment itself is not documented (WD-05),
-- so that is decided here.
local function is_old(post)
  local at = times.parse(post.postedAt)
  if not at then
    sums.undated = sums.undated + 1
  elseif at >= before then
    sums.newer = sums.newer + 1
  elseif is_spared(post) then
    sums.spared = sums.spared + 1
  else
    return true
  end
  return false
end

-- A file that is not there yet.
local function free_name()
  local folder, day = opt.out:gsub("/+$", ""), opt.before:gsub("[^%w-]", "-")
  for number = 1, math.huge do
    local name = ("%s/posts-before-%s%s.jsonl"):format(folder, day, number > 1 and "-" .. number or "")
    local taken = io.open(name, "rb")
    if not taken then return name end
    taken:close()
  end
end

local name = free_name()
local file
do
  local opened, err = moonlever.try(moonlever.jsonl.writer, name)
  if err then opt:fail(err.message .. (err.fix and "; " .. err.fix or "")) end
  file = opened
end

local drive = moonlever.connect "workdrive"
local old = {}

-- Finds the posts and writes them down.
local function save()
  for post in drive.posts:list { time = times.format(before, "Z") } do
    if is_old(post) then
      file:write(post)
      old[#old + 1] = post
      if opt.limit and #old == opt.limit then break end
    end
  end
  if #old > 0 then file:close() else file:discard() end
end

local _, trouble = moonlever.try(save)
if trouble then
  file:discard()
  error(trouble, 0)
end

local report, stopped
if opt.delete and #old > 0 then
  report, stopped = moonlever.try(moonlever.each, old, function(post) drive.posts:delete(post) end, { expect = #old })
end
local outcome = report or stopped and stopped.report or { ok = 0, failed = 0, total = 0, failures = {} }

local lines = {}
if #old > 0 then lines[#lines + 1] = ("%d posts in %s"):format(#old, name) end
if sums.spared > 0 then lines[#lines + 1] = ("%d stay for their tags"):format(sums.spared) end
if sums.undated > 0 then lines[#lines + 1] = ("%d have no date and stay"):format(sums.undated) end
local parts = {
  title = ("archive-posts, posts before %s"):format(opt.before), total = #old, lines = lines,
  failures = outcome.failures, { "deleted", outcome.ok }, { "failed", outcome.failed },
}
parts[#parts + 1] = { "kept", #old - outcome.ok - outcome.failed }
for _, failure in ipairs(outcome.failures) do failure.item = failure.item.id end
moonlever.report(parts)
if stopped then error(stopped, 0) end
