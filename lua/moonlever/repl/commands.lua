-- SPDX-License-Identifier: MIT
-- What a session understands besides Lua: lines that begin with a colon, and help().
--
--   commands.run(session, "plan", "")

local raw = require "moonlever.raw"
local changes = require "moonlever.repl.changes"
local clients = require "moonlever.clients"
local errors = require "moonlever.errors"
local suggest = require "moonlever.suggest"

local commands = {}

local HELP = [[
  sd.users:list()                a list shows 20 rows; it: the next 20
  _                              the last value; of a list the rows it showed
  show(sd.recordings:list(), "uuid", "title")    only these members
  rec = _[1]  sd.recordings:update(rec, { title = "New" })
                                 a change is planned; commit() sends what is planned
  commit() commit(N) discard()   send (up to N deletes) or drop what is planned
  help(sd.recordings)  sd.recordings?  help "moonlever.each"
  moonlever.spawn(f)             goes on while you type; Ctrl-C stops the line at work

  :help              this
  :plan              what is planned
  :commit [N]        as commit()
  :discard           as discard()
  :live              how to send changes at once
  :trace             where the last error came from
  :history [N]       the last lines
  :quit              leave; Ctrl-D too
]]

local RUN = {}

function RUN.help() raw.write(HELP) end
function RUN.plan(session) session.changes:show() end
function RUN.discard(session) session.changes:discard() end

function RUN.commit(session, rest)
  local number = rest ~= "" and math.tointeger(tonumber(rest)) or nil
  if rest ~= "" and not number then errors.usage(":commit takes nothing, or a number") end
  session.last = session.changes:commit(number)
end

function RUN.quit(session) session.done = true end

function RUN.live()
  raw.write(changes.is_live() and "this session sends changes at once\n"
    or "this session plans changes; moonlever repl --live starts one that sends them at once\n")
end

function RUN.trace(session)
  raw.write((session.failed or "the last line has not failed within Lua code") .. "\n")
end

function RUN.history(_, rest)
  local lines = {}
  for line in (raw.ask "history" or ""):gmatch("[^\n]+") do lines[#lines + 1] = line end
  local first = math.max(1, #lines - (math.tointeger(tonumber(rest)) or 20) + 1)
  for i = first, #lines do raw.write(("%5d  %s\n"):format(i, lines[i])) end
end

commands.names = suggest.names(RUN)

local typed = {} -- the names as people type them
for i, name in ipairs(commands.names) do typed[i] = ":" .. name end

local function hint_at_quit() raw.write "(:quit or Ctrl-D leaves)\n" end

local BARE = { help = RUN.help, quit = hint_at_quit, exit = hint_at_quit }

--- What to do about a line that holds this word and nothing else: a function, or nil where it is
-- Lua. Names that people have given a value of their own are theirs.
function commands.bare(session, word)
  local value = session.peek(word)
  if word == "help" and value ~= session.help then return nil end
  if word ~= "help" and (value ~= nil or not session.host.terminal) then return nil end
  return BARE[word]
end

--- Runs a command; :q is :quit.
function commands.run(session, word, rest)
  local run = RUN[word]
  if not run and word == "q" then run = RUN.quit end
  if not run then
    errors.usage(("there is no command ':%s'%s"):format(word, suggest.phrase(":" .. word, typed)), ":help lists them")
  end
  run(session, rest)
end

-- The service of a client by its variable: a client that was not used yet is not made for this.
local function service_of(session, variable)
  local value = rawget(session.env, variable)
  if value == nil then return session.variables[variable] end
  return clients.name_of(value)
end

-- The names that clients have here, by service.
local function variables_of(session)
  local found = {}
  for variable, service in pairs(session.variables) do
    if service_of(session, variable) == service then found[service] = variable end
  end
  return found
end

-- "sd.recordings" as the catalogues call it.
local function full_name(session, name)
  local head, rest = name:match("^([%a_][%w_]*)(.*)$")
  local service = head and service_of(session, head)
  return service and service .. rest or name
end

--- The function help of a session: without an argument about the session itself. Names begin
-- with those of its clients, and the examples too.
function commands.help_function(session)
  return function(...)
    if select("#", ...) == 0 then return raw.write(HELP) end
    local about = ...
    if type(about) == "string" then about = full_name(session, about) end
    require("moonlever.help").print(about, variables_of(session))
  end
end

return commands
