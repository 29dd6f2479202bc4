-- SPDX-License-Identifier: MIT
-- The pure parts below the client: shapes, comparison, checks, suggestions, strict globals.
-- run: --practice
local check = require "check"
local moonlever = require "moonlever"
local checks = require "moonlever.check"
local errors = require "moonlever.errors"
local shape = require "moonlever.shape"
local strict = require "moonlever.strict"
local suggest = require "moonlever.suggest"

local null = moonlever.null

-- Reading what is not there (SD-12)
local fields = {
  a = { type = "object", fields = { b = { type = "object", fields = { c = { type = "string" } } } } },
  list = { type = "list", items = { type = "string" } },
}
local s = shape.compile("Thing", { fields = fields })
local one = s:dress {}
check.equal(one.a.b.c, nil)
check.equal(#one.list, 0)
check.equal(next(one), nil)
check.raises(nil, function() one.a.x = 1 end)
local two = s:dress { a = { b = { c = "x" } } }
check.equal(s:dress(two).a.b.c, "x") -- twice is as good as once
check.equal(s:with(two, { a = null }).a.b.c, nil)
check.equal(two.a.b.c, "x")

-- Roles (SD-14)
local off = { admin = false, member = false, editor = false }
check.equal(shape.roles(moonlever.array { "admin", "owner" }),
  { admin = true, member = false, editor = false, owner = true })
check.equal(shape.roles({ member = true }), { admin = false, member = true, editor = false })
check.equal(shape.roles(moonlever.array {}), off)
check.equal(shape.roles {}, off)
check.equal(shape.roles(null), nil)
for _, bad in ipairs { "admin", 5, { admin = 1 }, moonlever.array { 1 } } do
  check.raises("remote", shape.roles, bad)
end

-- Comparison
local specs = {
  emails = {
    type = "list", items = { type = "object", fields = { value = { type = "string", format = "email" } } },
  },
  name = { type = "object", fields = {} },
}
local got = { emails = { { value = "A@b.example", type = "work" } }, name = { x = 1, y = 2 }, n = 4 }
local sent = { emails = { { value = "a@B.example" } }, name = { x = 1 }, n = 4, gone = null }
check.equal(shape.covers(specs, sent, got), true)
local ok, at = shape.covers(specs, { name = { x = 2 } }, got)
check.equal({ ok, at }, { false, "name.x" })
check.equal(shape.covers(specs, { emails = {} }, got), false)
check.equal(shape.already(specs, { name = { x = 1 } }, got), false)
check.equal(shape.already(specs, { name = { x = 1, y = 2 }, gone = null }, got), true)
check.equal(shape.already({}, { n = "4" }, got), false)

-- Addresses (SD-23)
for _, good in ipairs { "a@b.example", "first.last+tag@sub.example.com", "o'neil@example.com" } do
  check.equal(checks.is_email(good), true, good)
end
for _, bad in ipairs { "", "a", "a@b", "a@@b.example", "a b@c.example", "a@b..example", ".a@b.example", "a@-b.example",
  "a@b.example ", "a@b.example\n", "<a@b.example>", "a,b@c.example", ("x"):rep(65) .. "@b.example" } do
  check.equal(checks.is_email(bad), false, bad)
end

-- Suggestions
check.equal(suggest.closest("titel", { "summary", "title" }), "title")
check.equal(suggest.closest("TITLE", { title = true }), "title")
check.equal(suggest.closest("banana", { "title" }), nil)
check.equal(suggest.closest("", { "a" }), nil)
check.equal(suggest.phrase("zzz", { "b", "a" }), "; known: b, a")

-- Errors
local err = errors.new("remote", "it broke", { detail = "why", fix = "do this", request_id = "r1", attempts = 4 })
check.equal(tostring(err), "it broke\n  the service says: why\n  fix: do this\n  request id r1, 4 attempts")
check.equal({ errors.is(err), errors.is("text"), errors.is {} }, { true, false, false })
for body, want in pairs {
  ['{"error":"flat"}'] = "flat", ['{"error":{"message":"deep","code":"404"}}'] = "deep", ['{"detail":"scim"}'] = "scim",
  ["<html><title>Log\n in</title>"] = "Log in", ["plain text"] = "plain text",
} do
  check.equal(errors.detail(body), want)
end
for _, body in ipairs { "", "  ", "[]", "{}", '{"error":null}', "<html>", '{"error":{"message":5}}' } do
  check.equal(errors.detail(body), nil, body)
end
check.equal(errors.one_line("a\n\27b  c", 100), "a b c")
check.equal(errors.one_line("ää", 3), "ä…")

-- Strict globals
local env = strict.apply { print = print }
check.match(check.raises(nil, function() return env.prnt end), "undefined variable 'prnt'; did you mean 'print'")
env.mine = nil
check.equal(env.mine, nil)
env.mine = 5
check.equal(env.mine, 5)
check.raises(nil, function() return undefined_name end) -- luacheck: ignore

check.done(64)
