-- SPDX-License-Identifier: MIT
-- Headers of scripts: what they may say, how the command line is read, the help;
-- and what a script adds to the closing report.
local check = require "check"
local script = require "moonlever.script"
local report = require "moonlever.report"

local header = {
  summary = "Try arguments",
  description = "First part.\n\nSecond part.",
  examples = { "moonlever run try people.csv" },
  writes = { "screendesk.recordings" },
  args = {
    from = { "tag to replace", value = "TAG" },
    limit = { "stop after N", type = "integer", min = 1, max = 100, short = "l" },
    share = { "a part", type = "number" },
    loud = { "say more", type = "boolean", short = "x" },
    fast = { "hurry", type = "boolean", default = true },
    where = { "which text", type = "enum", values = { "title", "description" }, default = "title" },
    fields = { "what to show", type = "list" },
    ticket_prefix = { "before the number", default = "ZD-" },
    kind = { "what", required = true, positional = 1 },
    rest = { "more", type = "list", positional = 2 },
  },
}
local taken = { "dry-run", "yes", "users" }

local function parse(...)
  local spec = assert(script.build(header, taken))
  local parsed, problem = script.parse(spec, { ... })
  return parsed and parsed.values, problem
end

local function value(name, ...)
  local values, problem = parse(...)
  if problem then error(problem) end
  return values[name]
end

-- Values and their types.
check.equal(parse("k"), { kind = "k", loud = false, fast = true, where = "title", ticket_prefix = "ZD-" })
check.equal(value("from", "k", "--from", "a"), "a")
check.equal(value("from", "k", "--from=a=b"), "a=b")
check.equal(value("from", "k", "--from="), "")
check.equal(value("from", "k", "--from", "-x y"), "-x y")
check.equal(value("limit", "k", "--limit", "7"), 7)
check.equal(value("limit", "k", "-l", "7"), 7)
check.equal(value("limit", "k", "-l7"), 7)
check.equal(value("limit", "k", "-xl=7"), 7)
check.equal(value("loud", "k", "-xl=7"), true)
check.equal(value("share", "k", "--share", "-.5e1"), -5.0)
check.equal(value("loud", "k", "--loud"), true)
check.equal(value("loud", "k", "--loud=no"), false)
check.equal(value("fast", "k", "--no-fast"), false)
check.equal(value("where", "k", "--where", "description"), "description")
check.equal(value("fields", "k", "--fields", "a, b", "--fields", "c,"), { "a", "b", "c" })
check.equal(value("ticket_prefix", "k", "--ticket-prefix", "JIRA-"), "JIRA-")
check.equal(value("ticket_prefix", "k", "--ticket_prefix=X"), "X")
check.equal(value("rest", "k", "a", "--loud", "b,c"), { "a", "b", "c" })
check.equal(value("rest", "--kind", "k", "a"), { "a" }, "a place that is filled by name")
check.equal(value("rest", "k", "--", "--from"), { "--from" })
check.equal(value("kind", "-5"), "-5", "a negative number is no flag")
check.equal(script.parse(script.build(header, taken), { "--from", "a", "--help" }), { help = true })
check.equal(script.parse(script.build(header, taken), { "-h" }), { help = true })

-- What is wrong is named, with the remedy where there is one.
local function refused(words, ...)
  local values, problem = parse(...)
  check.equal(values, nil)
  check.match(problem, words, nil, true)
end
refused(" has no argument --form. Did you mean --from?", "k", "--form", "a")
refused(" has no argument --form. Did you mean --from?", "k", "--form=a")
refused(" has no argument --zzzzzz", "k", "--zzzzzz")
refused(" has no argument -z", "k", "-z")
refused(" needs --kind (what)")
refused("--from needs a value", "k", "--from")
refused("--from needs a value (write --from=--loud if that is one)", "k", "--from", "--loud")
refused("--from needs a value", "k", "--from", "--")
refused("--from is given twice", "k", "--from", "a", "--from", "b")
refused("--limit needs a whole number, got '7x'", "k", "--limit", "7x")
refused("--limit needs a whole number, got '99999999999999999999'", "k", "--limit", "99999999999999999999")
refused("--limit needs a whole number, got '0x1'", "k", "--limit", "0x1")
refused("--limit must be at least 1, got 0", "k", "--limit", "0")
refused("--limit must be at most 100, got 101", "k", "--limit", "101")
refused("--share needs a number, got 'nan'", "k", "--share", "nan")
refused("--share needs a number, got '1e999'", "k", "--share", "1e999")
refused("--share needs a number, got '0x10'", "k", "--share", "0x10")
refused("--loud is true or false, got 'maybe'", "k", "--loud=maybe")
refused("--where is one of title, description; got 'titel'. Did you mean title?", "k", "--where", "titel")
refused("--fields needs a value", "k", "--fields", ",")

-- A place too many.
local one = assert(script.build({ summary = "s", args = { a = { positional = 1 } } }, {}))
check.equal({ script.parse(one, { "x", "y" }) }, { [2] = " does not take 'y'" })

-- Files.
local file_spec = assert(script.build({ summary = "s", args = { file = { "f", type = "file" } } }, {}))
local path = os.tmpname()
check.equal(script.parse(file_spec, { "--file", path }).values.file, path)
check.equal(script.parse(file_spec, { "--file", "-" }).values.file, "-")
os.remove(path)
check.equal({ script.parse(file_spec, { "--file", path }) },
  { [2] = "--file: cannot read " .. path .. ": No such file or directory" })
check.equal({ script.parse(file_spec, { "--file", "/tmp" }) }, { [2] = "--file: cannot read /tmp: Is a directory" })

-- Lists of known words, and defaults that are given as tables.
local list_spec = assert(script.build({ summary = "s", args = {
  what = { "w", type = "list", values = { "recordings", "users" }, default = { "users" } },
} }, {}))
check.equal(script.parse(list_spec, {}).values.what, { "users" })
check.equal({ script.parse(list_spec, { "--what", "user" }) },
  { [2] = "--what is one of recordings, users; got 'user'. Did you mean users?" })

-- Headers that are refused.
local function bad_header(words, args, more)
  local bad = { summary = "s", args = args }
  for key, what in pairs(more or {}) do bad[key] = what end
  local spec, problem = script.build(bad, taken)
  check.equal(spec, nil)
  check.match(problem, words, nil, true)
end
bad_header("'yes', but --yes is a flag of Moonlever; rename it", { yes = { "sure" } })
bad_header("'dry_run', but --dry-run is a flag of Moonlever", { dry_run = { "sure" } })
bad_header("'users', but --users is a flag of Moonlever", { users = { "sure" } })
bad_header("'help', but --help is a flag of Moonlever", { help = { "sure" } })
bad_header("-n for 'number', but -n is Moonlever's --dry-run", { number = { "n", short = "n" } })
bad_header("short of argument 'number' is one letter", { number = { "n", short = "nn" } })
bad_header("unknown type 'int'", { number = { "n", type = "int" } })
bad_header("did you mean 'required'?", { number = { "n", requierd = true } })
bad_header("needs values", { number = { "n", type = "enum" } })
bad_header("its type is enum or list", { number = { "n", values = { "a" } } })
bad_header("a name of letters", { ["a b"] = { "n" } })
bad_header("a name of letters", { "n" })
bad_header("'a-b'", { ["a-b"] = { "x" }, a_b = { "y" } })
bad_header("-a stands for", { b = { "x", short = "a" }, c = { "y", short = "a" } })
bad_header("places count from 1", { b = { "x", positional = 2 } })
bad_header("must be at least 1", { b = { "x", type = "integer", min = 1, default = 0 } })
bad_header("did you mean 'writes'?", nil, { write = {} })
bad_header("as \"service.resource\", got 'recordings'", nil, { writes = { "recordings" } })
bad_header("writes is a list", nil, { writes = "screendesk.recordings" })
bad_header("args is a table", 1)
bad_header("needs a summary", nil, { summary = "" })
check.equal({ script.build("x", {}) }, { [2] = "the header is a table, got string" })

-- The help text: examples first, every argument, what it may write.
local help = script.help(script.build(header, taken), "try")
local at = 1
for _, part in ipairs {
  "Try arguments\n", "EXAMPLES\n  $ moonlever run try people.csv\n",
  "USAGE\n  moonlever run try KIND [REST...] [arguments] [flags]\n",
  "--kind TEXT", "what (required)", "--rest A,B", "--from TAG", "tag to replace",
  "-l, --limit N", "-x, --loud ", "--ticket-prefix TEXT", "(default: ZD-)",
  "--where title|description", "-h, --help", "DESCRIPTION\n  First part.\n\n  Second part.\n",
  "WRITES\n  screendesk.recordings;",
} do
  local first, last = help:find(part, at, true)
  check.ok(first, "help has " .. part)
  at = last
end
for line in help:gmatch("[^\n]+") do
  if #line > 80 then error("a line of the help is too long: " .. line) end
end

-- The run itself: this file has no arguments, and a licence that holds.
local moonlever = require "moonlever"
local opt = moonlever.script {
  summary = "A test", writes = { "screendesk.scim.users" },
  args = { limit = { "n", type = "integer" }, only = { "x", default = "all" } },
}
check.equal({ opt.limit == nil, opt.only }, { true, "all" })
check.match(check.raises("usage", function() return opt.lmit end).message, "did you mean 'limit'")

-- Reports: parts that add up, or show what is missing.
check.equal(report.text { title = "t", total = 5, { "changed", 3 }, { "failed", 2 } }, "t: 5 = 3 changed + 2 failed\n")
check.equal(report.text { title = "t", total = 5, { "changed", 3 } }, "t: 5 = 3 changed + 2 unaccounted\n")
check.equal(report.text { title = "t", ok = 1, failed = 2, from = "a" }, "t: 3 = 2 failed + 1 ok\n  from: a\n")
check.equal(report.text { title = "t" }, "t\n")
check.equal(report.text { title = "t", total = 2 }, "t: 2\n")
local failures = {}
for index = 1, 25 do failures[index] = { item = { title = "T" .. index }, error = "no\n  fix: x" } end
local text = report.text { title = "t", lines = { "more" }, failures = failures }
check.match(text, "^t\n  more\n  failed: T1: no; fix: x\n  failed: T2: ")
check.match(text, "  failed: T20: no; fix: x\n  … and 5 more that failed\n$")
check.raises("usage", report.text, {})
check.raises("usage", report.text, "t")
check.raises("usage", report.text, { title = "t", { "x" } })
check.raises("usage", report.text, { title = "t", total = 1.5 })
check.raises("usage", report.text, { title = "t", failures = 1 })

check.done(145)
