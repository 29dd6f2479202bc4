-- SPDX-License-Identifier: MIT
-- A session at a prompt: what a line is, and what may come next.
-- run:

local check = require "check"
local chunk = require "moonlever.repl.chunk"
local words = require "moonlever.repl.words"

local kept = {}
local env = setmetatable({}, { __index = _G })

local function compile(text)
  return chunk.compile(text, env, function(name, value) kept[name] = value end)
end

-- ---------------------------------------------------------------------------
-- Values

local function value(text, want)
  local made = check.ok(compile(text), text)
  check.ok(made.shows, text .. " is shown")
  check.equal({ made.call() }, want, text)
end

value("1 + 1", { 2 })
value("= 1 + 1", { 2 })
value("  =  'a'", { "a" })
value("1, 'b'", { 1, "b" })
value("-- nothing but a remark", {})
value("{ 1,\n 2 }", { { 1, 2 } })
value("x = 5; return x", { 5 })

check.equal(compile("1 + 1;").shows, false, "a semicolon is for silence")

-- ---------------------------------------------------------------------------
-- Statements, and what becomes of their locals

local function statement(text, want)
  kept = {}
  local made = check.ok(compile(text), text)
  check.ok(not made.shows, text .. " is not shown")
  made.call()
  check.equal(kept, want, text)
end

statement("y = 1", {})
check.equal(env.y, 1)
statement("local a, b = 1, 'two'", { a = 1, b = "two" })
statement("local a = 1\nlocal a = 2 -- the last one", { a = 2 })
statement("local c <const>, d = #'abc', 4;", { c = 3, d = 4 })
statement("for i = 1, 3 do local inner = i end", {})
statement("do local inner = 1 end local outer = 2", { outer = 2 })
statement("local _ = 1", {})
kept = {}
compile("local function twice(n) return 2 * n end").call()
check.equal(kept.twice(4), 8)
kept = {}
compile("local function down(n) return n == 0 and 0 or down(n - 1) end").call()
check.equal(kept.down(5), 0, "a local function that calls itself")

-- ---------------------------------------------------------------------------
-- Not finished, and wrong

local function unfinished(text)
  local made, why, open = compile(text)
  check.equal(made, nil, text)
  check.equal(why, "more", text)
  check.match(open, "<eof>", text)
end

for _, text in ipairs {
  "for i = 1, 3 do", "if x then", "f(", "{ 1,", "x = {", "x =", "1 +", "local function f()", "s = [[", "--[[",
  "sd.recordings:list {", "while true do -- remark", "return {", "function f() return 1",
} do unfinished(text) end

local function wrong(text, pattern)
  local made, why = compile(text)
  check.equal(made, nil, text)
  check.match(why, "^input:%d+: ", text)
  check.match(why, pattern, text)
end

wrong("x = = 1", "near '='")
wrong("x y", "near 'y'")
wrong("x = 'abc", "unfinished string")
wrong(")", "near '%)'")
check.match(select(2, compile "\27Lua"), "binary chunk")

-- ---------------------------------------------------------------------------
-- Words

local calls = 0
local function trapped() calls = calls + 1 end
local trap = setmetatable({}, { __index = trapped, __pairs = trapped })
local values = {
  rec = { title = "x", tags = 1, ["not a name"] = 1, metadata = { url = "y" } }, trap = trap, twice = print,
}
local session = {
  variables = { sd = "screendesk" }, commands = { "plan", "quit" },
  peek = function(name) return rawget(values, name) end,
  globals = function() return { "rec", "trap", "twice", "sd" } end,
}

local function line(marked, ...)
  local from = marked:find("^", 1, true)
  local text = marked:gsub("%^", "")
  local list, at = words.find(text, session)
  check.equal(list, { ... }, marked)
  check.equal(at, from, marked)
end

line("^:", ":plan", ":quit")
line("^:pl", ":plan")
line("^:nothing")
line("^t", "trap", "twice")
line("print(^tw", "twice")
line("x = ^r", "rec")
line("rec.^ti", "title")
line("rec.^t", "tags", "title")
line("print(rec.metadata.^u", "url")
line("rec.title.^x")
line("nobody.^x")
line("trap.^x")
line("sd.recordings:^up", "update")
line("sd.recordings:update(rec, { ^ti", "title")
line('moonlever.connect "^screende', "screendesk")
line('print "^re')
check.equal(calls, 0, "metamethods are left alone")

check.done(134)
