-- SPDX-License-Identifier: MIT
-- The header of a script: its arguments, its --help and its licence to write.
--
-- A script says once what it is for, what it takes and what it may change. From
-- that come the parsing of the command line with checked types, the help text,
-- and the engine's refusal of every write that is not named.
--
-- Invariants
--   1. The script's body runs only with a complete, checked set of arguments.
--   2. A wrong argument ends the run with exit code 2 before anything is sent,
--      in one line that names it and one that says where the help is.
--   3. No argument shares its name with a flag of Moonlever, so that the command
--      line has one meaning.
--   4. build, parse and help are pure; only script.script() touches the run.
--
-- Example
--   local opt = script.script {
--     summary = "Put the ticket number in front of each title",
--     writes = { "screendesk.recordings" },
--     args = {
--       limit = { "stop after N recordings", type = "integer", min = 1, value = "N" },
--       only  = { "recordings whose title holds TEXT", short = "o", value = "TEXT" },
--     },
--   }
--   print(opt.limit, opt.only)
--
-- An argument is { "what it is", type=, required=, default=, short=, value=,
-- values=, min=, max=, positional= }. Types: string (default), integer, number,
-- boolean (--x, --no-x), file (must be readable; "-" is standard input), list
-- (given again or separated by commas), enum (one of values). positional = 1, 2, …
-- lets the argument stand without its name; a list takes all that follow.

local raw = require "moonlever.raw"
local errors = require "moonlever.errors"
local suggest = require "moonlever.suggest"

local open = io.open

local script = {}

local HEADER_KEYS = { "summary", "description", "writes", "switches", "args", "examples", "shows" }
local ARG_KEYS = { "type", "required", "default", "short", "value", "values", "min", "max", "positional" }
local TYPES = { "string", "integer", "number", "boolean", "file", "list", "enum" }
-- Moonlever's own one-letter flags; the long ones come from the program.
local TAKEN_SHORT = { n = "dry-run", y = "yes", q = "quiet", v = "verbose", h = "help" }
-- These two belong to every script, whatever the program calls its flags.
local TAKEN_LONG = { "help", "version" }

local WIDTH = 80

local function contains(list, wanted)
  for _, value in ipairs(list) do
    if value == wanted then return true end
  end
  return false
end

-- A problem of the header or the command line on its way to the caller of build
-- or parse: not an error object, so that it cannot be mistaken for one of ours.
-- A text that starts with a space reads on from the script's name.
local Problem = {}

local function problem(message, ...)
  error(setmetatable({ text = message:format(...) }, Problem), 0)
end

local function caught(ok, result)
  if ok then return result end
  if getmetatable(result) == Problem then return nil, result.text end
  error(result, 0)
end

-- Values ---------------------------------------------------------------------

local convert = {}

function convert.string(_, text) return text end

local function in_range(arg, number, text)
  if arg.min and number < arg.min then problem("%s must be at least %s, got %s", arg.label, arg.min, text) end
  if arg.max and number > arg.max then problem("%s must be at most %s, got %s", arg.label, arg.max, text) end
  return number
end

function convert.integer(arg, text)
  local number = text:find("^[+-]?%d+$") and math.tointeger(tonumber(text))
  if not number then problem("%s needs a whole number, got '%s'", arg.label, text) end
  return in_range(arg, number, text)
end

function convert.number(arg, text)
  local number = text:find("^[+-]?[%d.]") and not text:find("[xX]") and tonumber(text)
  if not number or number == math.huge or number == -math.huge then
    problem("%s needs a number, got '%s'", arg.label, text)
  end
  return in_range(arg, number, text)
end

local BOOLEANS = { ["true"] = true, yes = true, on = true, ["false"] = false, no = false, off = false }

function convert.boolean(arg, text)
  local value = BOOLEANS[text:lower()]
  if value == nil then problem("%s is true or false, got '%s'", arg.label, text) end
  return value
end

function convert.file(arg, text)
  if text == "-" then return text end
  raw.use_file(arg.label)
  local handle, reason = open(text, "rb")
  if not handle then problem("%s: cannot read %s: %s", arg.label, text, (reason:gsub("^.*: ", ""))) end
  -- A directory opens but cannot be read.
  local _, fault = handle:read(0)
  handle:close()
  if fault then problem("%s: cannot read %s: %s", arg.label, text, fault) end
  return text
end

function convert.enum(arg, text)
  if contains(arg.values, text) then return text end
  local near = suggest.closest(text, arg.values)
  problem("%s is one of %s; got '%s'%s", arg.label, table.concat(arg.values, ", "), text,
    near and (". Did you mean " .. near .. "?") or "")
end

function convert.list(arg, text)
  local list = {}
  for piece in (text .. ","):gmatch("([^,]*),") do
    local value = piece:match("^%s*(.-)%s*$")
    if value ~= "" then
      list[#list + 1] = arg.values and convert.enum(arg, value) or value
    end
  end
  if #list == 0 then problem("%s needs a value", arg.label) end
  return list
end

-- Header to specification ----------------------------------------------------

local function check_keys(what, keys, known)
  for key in pairs(keys) do
    if type(key) ~= "number" and not contains(known, key) then
      problem("the header: unknown key '%s' in %s%s", tostring(key), what,
        suggest.phrase(tostring(key), known))
    end
  end
end

local function check_arg_name(name, taken)
  if type(name) ~= "string" or not name:find("^%a[%w_-]*$") then
    problem("the header: an argument needs a name of letters, digits, - and _; got '%s'", tostring(name))
  end
  local flag = name:gsub("_", "-")
  if contains(taken, flag) or contains(TAKEN_LONG, flag) then
    problem("the header declares an argument '%s', but --%s is a flag of Moonlever; rename it", name, flag)
  end
  return flag
end

local function check_values(name, spec, kind)
  local needed = kind == "enum"
  if spec.values == nil and not needed then return end
  if kind ~= "enum" and kind ~= "list" then
    problem("the header: argument '%s' has values, so its type is enum or list", name)
  end
  if type(spec.values) ~= "table" or #spec.values == 0 then
    problem("the header: argument '%s' needs values = { \"a\", \"b\" }", name)
  end
end

local function check_short(name, short)
  if short == nil then return end
  if type(short) ~= "string" or not short:find("^%a$") then
    problem("the header: short of argument '%s' is one letter", name)
  end
  if TAKEN_SHORT[short] then
    problem("the header declares -%s for '%s', but -%s is Moonlever's --%s; choose another letter",
      short, name, short, TAKEN_SHORT[short])
  end
end

-- Defaults are written as values or as on the command line; a wrong one is found
-- now and not when nobody gave the argument.
local function checked_default(arg, value)
  if value == nil then
    if arg.kind == "boolean" then return false end
    return nil
  end
  if arg.kind == "file" then return value end
  if arg.kind == "list" and type(value) == "table" then
    value = table.concat(value, ",")
    if value == "" then return {} end
  end
  return convert[arg.kind](arg, tostring(value))
end

local function build_arg(name, spec, taken)
  if type(spec) == "string" then spec = { spec } end
  if type(spec) ~= "table" then
    problem("the header: argument '%s' is a table such as { \"what it is\", type = \"integer\" }",
      tostring(name))
  end
  local flag = check_arg_name(name, taken)
  check_keys("argument '" .. name .. "'", spec, ARG_KEYS)
  local kind = spec.type or "string"
  if not contains(TYPES, kind) then
    problem("the header: argument '%s' has the unknown type '%s'%s", name, tostring(kind),
      suggest.phrase(tostring(kind), TYPES))
  end
  check_values(name, spec, kind)
  check_short(name, spec.short)
  local arg = {
    name = name, flag = flag, kind = kind, label = "--" .. flag, text = spec[1] or "",
    required = spec.required or false, short = spec.short, values = spec.values,
    min = spec.min, max = spec.max, value = spec.value, place = spec.positional,
  }
  arg.default = checked_default(arg, spec.default)
  return arg
end

-- Positional arguments by their place, then the required ones, then by name.
local function before(a, b)
  if (a.place or math.huge) ~= (b.place or math.huge) then
    return (a.place or math.huge) < (b.place or math.huge)
  end
  if a.required ~= b.required then return a.required end
  return a.flag < b.flag
end

local function index_args(spec)
  for index, arg in ipairs(spec.args) do
    if spec.by_flag[arg.flag] then
      problem("the header: '%s' and '%s' are the same on the command line", arg.name,
        spec.by_flag[arg.flag].name)
    end
    if arg.short and spec.by_short[arg.short] then
      problem("the header: -%s stands for '%s' and for '%s'", arg.short, arg.name,
        spec.by_short[arg.short].name)
    end
    spec.by_flag[arg.flag], spec.by_name[arg.name] = arg, arg
    if arg.short then spec.by_short[arg.short] = arg end
    if arg.place then
      if arg.place ~= index then
        problem("the header: positional of '%s' is %s, but places count from 1 without a gap",
          arg.name, tostring(arg.place))
      end
      spec.places[index] = arg
    end
  end
end

local function check_strings(header, name)
  local list = header[name]
  if list == nil then return nil end
  if type(list) ~= "table" then problem("the header: %s is a list of strings", name) end
  for _, value in ipairs(list) do
    if type(value) ~= "string" then problem("the header: %s is a list of strings", name) end
  end
  return list
end

-- A licence for what is not there would refuse the write that was meant, in the middle
-- of the run. Other services (openapi) are not known here.
local function check_resource(name)
  local service = require "moonlever.service"
  local known, resource = {}, name:match("^[^.]*%.(.*)$")
  for _, one in ipairs(service.NAMES) do known[one] = true end
  if not known[name:match("^[^.]*")] or resource == "request" then return end
  local resources = service.catalogue(name:match("^[^.]*")).resources
  if not resources[resource] then
    problem("the header: writes: there is no resource '%s'%s", name, suggest.phrase(resource, resources))
  end
end

local function check_writes(header)
  local writes = check_strings(header, "writes")
  for _, name in ipairs(writes or {}) do
    if not name:find("^[%w_]+%.[%w_.]+$") then
      problem("the header: writes names resources as \"service.resource\", got '%s'", name)
    end
    check_resource(name)
  end
  return writes
end

local function build(header, taken)
  if type(header) ~= "table" then problem("the header is a table, got %s", type(header)) end
  check_keys("the header", header, HEADER_KEYS)
  if type(header.summary) ~= "string" or header.summary == "" then
    problem("the header needs a summary: one line that says what the script is for")
  end
  if header.args ~= nil and type(header.args) ~= "table" then problem("the header: args is a table") end
  local spec = {
    summary = header.summary, description = header.description,
    examples = check_strings(header, "examples"), writes = check_writes(header),
    switches = check_strings(header, "switches"),
    args = {}, by_flag = {}, by_short = {}, by_name = {}, places = {},
  }
  for name, arg in pairs(header.args or {}) do
    spec.args[#spec.args + 1] = build_arg(name, arg, taken)
  end
  table.sort(spec.args, before)
  index_args(spec)
  return spec
end

--- Checks a header. taken: array of long flag names (without dashes) that
-- arguments must not have. Returns the specification, or nil and the problem.
function script.build(header, taken)
  return caught(pcall(build, header, taken or {}))
end

-- Command line to values -----------------------------------------------------

local function store(state, arg, text)
  local value = convert[arg.kind](arg, text)
  local values = state.values
  if arg.kind == "list" and values[arg.name] then
    table.move(value, 1, #value, #values[arg.name] + 1, values[arg.name])
  elseif values[arg.name] ~= nil then
    problem("%s is given twice", arg.label)
  else
    values[arg.name] = value
  end
end

local function unknown(state, word)
  local names = {}
  for _, arg in ipairs(state.spec.args) do names[#names + 1] = arg.flag end
  local near = suggest.closest(word:gsub("^%-+", ""), names)
  problem(" has no argument %s%s", word, near and (". Did you mean --" .. near .. "?") or "")
end

-- The value of an argument that stands in the next word. A word that is itself an
-- argument's name is a value forgotten, not a value.
local function next_value(state, arg)
  local word = state.words[state.at + 1]
  local flag = word and word:match("^%-%-([%a][%w_-]*)")
  if word == nil or word == "--" or (flag and state.spec.by_flag[flag:gsub("_", "-")]) then
    problem("%s needs a value%s", arg.label,
      word and word ~= "--" and (" (write " .. arg.label .. "=" .. word .. " if that is one)") or "")
  end
  state.at = state.at + 1
  return word
end

local function long(state, word)
  local name, value = word:match("^%-%-([^=]+)=(.*)$")
  name = (name or word:sub(3)):gsub("_", "-")
  local arg = state.spec.by_flag[name]
  local positive = name:match("^no%-(.+)$")
  if not arg and not value and positive and state.spec.by_flag[positive]
    and state.spec.by_flag[positive].kind == "boolean" then
    return store(state, state.spec.by_flag[positive], "false")
  end
  if not arg then unknown(state, "--" .. name) end
  if not value then value = arg.kind == "boolean" and "true" or next_value(state, arg) end
  store(state, arg, value)
end

-- "-o TEXT", "-oTEXT", and switches in a row "-ab".
local function short(state, word)
  local at = 2
  while at <= #word do
    local arg = state.spec.by_short[word:sub(at, at)]
    if not arg then unknown(state, "-" .. word:sub(at, at)) end
    if arg.kind ~= "boolean" then
      local rest = word:sub(at + 1):gsub("^=", "")
      return store(state, arg, rest ~= "" and rest or next_value(state, arg))
    end
    store(state, arg, "true")
    at = at + 1
  end
end

local function positional(state, word)
  local arg = state.spec.places[state.place]
  -- Places that were filled by name are taken.
  while arg and arg.kind ~= "list" and state.values[arg.name] ~= nil do
    state.place = state.place + 1
    arg = state.spec.places[state.place]
  end
  if not arg then problem(" does not take '%s'", word) end
  store(state, arg, word)
  if arg.kind ~= "list" then state.place = state.place + 1 end
end

local function finish(state)
  for _, arg in ipairs(state.spec.args) do
    if state.values[arg.name] == nil then
      if arg.required then
        problem(" needs %s%s", arg.label, arg.text ~= "" and " (" .. arg.text .. ")" or "")
      end
      state.values[arg.name] = arg.default
    end
  end
end

local function parse(spec, words)
  local state = { spec = spec, words = words, values = {}, at = 1, place = 1 }
  local only_values = false
  while state.at <= #words do
    local word = words[state.at]
    if only_values then
      positional(state, word)
    elseif word == "--" then
      only_values = true
    elseif word == "--help" or word == "-h" then
      return { help = true }
    elseif word:find("^%-%-") then
      long(state, word)
    elseif word:find("^%-%a") then
      short(state, word)
    else
      positional(state, word)
    end
    state.at = state.at + 1
  end
  finish(state)
  return { values = state.values }
end

--- Reads the words of the command line. Returns { values = {…} } or
-- { help = true }, or nil and the problem.
function script.parse(spec, words)
  return caught(pcall(parse, spec, words))
end

-- Help -----------------------------------------------------------------------

local PLACEHOLDERS = { integer = "N", number = "N", file = "FILE", list = "A,B" }

local function placeholder(arg)
  if arg.kind == "boolean" then return "" end
  if arg.value then return " " .. arg.value end
  if arg.kind == "enum" then return " " .. table.concat(arg.values, "|") end
  return " " .. (PLACEHOLDERS[arg.kind] or "TEXT")
end

local function left_side(arg)
  local name = (arg.short and "-" .. arg.short .. ", " or "    ") .. "--" .. arg.flag
  return "  " .. name .. placeholder(arg)
end

local function shown_default(arg)
  local value = arg.default
  if value == nil or value == false or value == "" then return "" end
  if type(value) == "table" then
    if #value == 0 then return "" end
    value = table.concat(value, ",")
  end
  return (" (default: %s)"):format(tostring(value))
end

local function right_side(arg)
  local text = arg.text
  if arg.required then text = text .. " (required)" end
  return text .. shown_default(arg)
end

-- Words of `text` in lines of the width that is left right of `indent`.
local function wrapped(text, indent)
  local lines, line = {}, ""
  for word in text:gmatch("%S+") do
    if line ~= "" and indent + #line + 1 + #word > WIDTH then
      lines[#lines + 1] = line
      line = word
    else
      line = line == "" and word or line .. " " .. word
    end
  end
  lines[#lines + 1] = line
  return table.concat(lines, "\n" .. (" "):rep(indent))
end

local function usage_line(spec, name)
  local words = { "  moonlever run " .. name }
  for _, arg in ipairs(spec.places) do
    local word = arg.flag:upper() .. (arg.kind == "list" and "..." or "")
    words[#words + 1] = arg.required and word or "[" .. word .. "]"
  end
  for _, arg in ipairs(spec.args) do
    if arg.required and not arg.place then
      words[#words + 1] = "--" .. arg.flag .. placeholder(arg)
    end
  end
  words[#words + 1] = "[arguments] [flags]"
  return table.concat(words, " ")
end

local function add_arguments(add, spec)
  local column = 22
  local rows = { }
  for _, arg in ipairs(spec.args) do rows[#rows + 1] = { left_side(arg), right_side(arg) } end
  rows[#rows + 1] = { "  -h, --help", "this text" }
  for _, row in ipairs(rows) do column = math.max(column, math.min(#row[1] + 2, 34)) end
  for _, row in ipairs(rows) do
    local gap = #row[1] + 2 > column and "\n" .. (" "):rep(column) or (" "):rep(column - #row[1])
    add(row[1] .. gap .. wrapped(row[2], column))
  end
end

--- The help text of a specification; name is what the user typed after `run`.
function script.help(spec, name)
  local lines = {}
  local function add(line) lines[#lines + 1] = line end
  add(spec.summary)
  add("")
  if spec.examples then
    add("EXAMPLES")
    for _, example in ipairs(spec.examples) do add("  $ " .. example) end
    add("")
  end
  add("USAGE")
  add(usage_line(spec, name))
  add("")
  add("ARGUMENTS")
  add_arguments(add, spec)
  if spec.description then
    local heading = "DESCRIPTION"
    for paragraph in (spec.description .. "\n\n"):gmatch("(.-)\n%s*\n") do
      if paragraph:find("%S") then
        add("")
        if heading then add(heading) end
        heading = nil
        add("  " .. wrapped(paragraph, 2))
      end
    end
  end
  add("")
  if spec.writes then
    add("WRITES")
    add("  " .. (#spec.writes > 0 and table.concat(spec.writes, ", ") .. "; any other write is refused"
      or "nothing; every write is refused"))
    add("")
  end
  add("Moonlever's own flags (--dry-run, --yes, --rate, ...): moonlever run --help")
  return table.concat(lines, "\n") .. "\n"
end

-- The run --------------------------------------------------------------------

local function refuse(name, text)
  local reads_on = text:sub(1, 1) == " "
  raw.log(0, ("%s%s%s\n  see: moonlever run %s --help"):format(name, reads_on and "" or ": ", text, name))
  raw.exit(2)
end

-- Reading an argument that the header does not declare is a slip, not nil.
local function guarded(values, spec, name)
  local function missing(_, key)
    if key == "fail" then
      return function(_, message) refuse(name, tostring(message)) end
    end
    if spec.by_name[key] then return nil end
    errors.usage(("the header declares no argument '%s'%s"):format(tostring(key),
      suggest.phrase(tostring(key), spec.by_name)))
  end
  return setmetatable(values, { __index = missing })
end

--- Declares the script. To be called once, before anything is read or changed.
--
-- header  { summary =, description =, examples = {…}, writes = { "service.resource" },
--           shows = true where the script itself says what a dry run would change,
--           switches = { "messages" } for what reaches people and is off otherwise,
--           args = { name = argument } }; without writes anything may be changed
-- Returns the values by argument name; opt:fail(message) ends the run with exit
-- code 2 for what types cannot check. --help ends the run with the help text and 0.
function script.script(header)
  local name = raw.script_name()
  local spec, trouble = script.build(header, raw.flags())
  if not spec then refuse(name, trouble) end
  local parsed
  parsed, trouble = script.parse(spec, raw.args())
  if not parsed then refuse(name, trouble) end
  if parsed.help then
    raw.write(script.help(spec, name))
    raw.exit(0)
  end
  if header.shows then require("moonlever.planned").silence() end
  if spec.writes then raw.licence(spec.writes) end
  if spec.switches then raw.switch(spec.switches) end
  return guarded(parsed.values, spec, name)
end

return script
