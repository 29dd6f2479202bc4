-- SPDX-License-Identifier: MIT
-- Moments, the checks that WorkDrive's specifications need, and where records show a body.
-- run:
local check = require "check"
local times = require "moonlever.times"
local checks = require "moonlever.check"
local shape = require "moonlever.shape"
local views = require "moonlever.views"
local moonlever = require "moonlever"

-- Forth and back over four centuries, leap years included.
for day = -141427, 50000, 97 do
  local us = day * times.DAY + 45296789000
  local text = times.format(us, "Z")
  check.equal(times.parse(text), us, text)
end
check.equal(times.format(0, "Z"), "1970-01-01T00:00:00.000Z")
check.equal(times.format(times.parse "2024-02-29T23:59:59.999Z" + 1000, "Z"), "2024-03-01T00:00:00.000Z")
check.equal(times.format(times.parse "2025-01-20T10:00:00", ""), "2025-01-20T10:00:00")
check.ok(times.same("2025-01-20T10:00:00+02:00", "2025-01-20T08:00:00.000000Z"))
check.ok(times.same("2025-01-20", "2025-01-20T00:00Z"))
check.ok(not times.same("2025-01-20T10:00:00.001Z", "2025-01-20T10:00:00Z"))
for _, wrong in ipairs { "", "soon", "2025-13-01", "2025-02-30x", "2025-01-20T25:00", "2025-01-20Tx", 7, "20250120" } do
  check.equal(times.parse(wrong), nil, tostring(wrong))
end

-- Specifications.
local function refused(value, spec, text)
  local err = check.raises("usage", checks.value, "call", "it", value, spec)
  check.match(err.message, text, nil, true)
end
refused("ACTIV", { type = "string", enum = { "ACTIVE", "AWAY" } }, "did you mean 'ACTIVE'?")
refused(false, { type = "boolean", enum = { true } }, "must be true, not false")
refused("x", { type = "string", strict = true }, "UUID")
refused({}, { type = "list", nonempty = true }, "is empty")
refused({ a = true, b = true }, { type = "object", one_true = { "a", "b" } }, "exactly one of a, b")
refused({ a = false }, { type = "object", one_true = { "a", "b" } }, "exactly one of a, b")
refused(2, { type = "integer", enum = { 0, 1 }, flag = true }, "one of 0, 1")
checks.value("call", "it", true, { type = "integer", enum = { 0, 1 }, flag = true })
checks.value("call", "it", "2", { type = "integer", or_type = "string" })
checks.value("call", "it", { { 1 } }, { type = "any" })
check.ok(checks.is_uuid "81c5a150-e11f-4b49-b84d-af4b7a9b8c90")
check.ok(not checks.is_uuid "81c5a150-e11f-4b49-b84d-af4b7a9b8c9")
check.ok(not checks.is_uuid "../../../../../../../../../../../../..")

-- Bodies and records.
local text, list = { type = "string" }, { type = "list", items = { type = "string" } }
local op = {
  res = { spec = {}, shape = shape.compile("It", { fields = {
    name = text, tags = list, owners = { type = "list", items = { type = "object" } },
    at = { type = "string", format = "date-time" },
  } }) },
  spec = { moves = { list = "owners", add = "kb.add", remove = "kb.remove" } },
  fields = {
    kb = { type = "object", shows = "$", fields = { name = text, add = list, remove = list, hidden = text } },
    tags = { type = "list", items = text, or_type = "string" }, file = text,
    at = { type = "string", format = "date-time" },
  },
}
local record = {
  name = "old", tags = { "a" }, owners = { { id = "1" }, { id = "2" } }, at = "2025-01-20T10:00:00.000Z",
}
check.equal(views.patch(op, { kb = { name = "new", add = { "3" }, remove = { "1" } }, file = "f" }, record),
  { name = "new", owners = moonlever.array { "2", "3" } })
check.ok(views.applied(op, { kb = { name = "old", add = { "1" }, remove = { "3" } }, tags = "a" }, record))
check.ok(views.applied(op, { at = "2025-01-20T12:00:00+02:00", file = "anything" }, record))
check.equal({ views.applied(op, { kb = { remove = { "1" } } }, record) }, { false, "owners" })
check.equal({ views.applied(op, { kb = { name = "new" } }, record) }, { false, "name" })
check.ok(views.hides(op, { file = "f" }))
check.ok(views.hides(op, { kb = { hidden = "h" } }))
check.ok(not views.hides(op, { kb = { name = "n", add = { "1" } }, tags = { "b" } }))
check.equal(views.image(op, { name = "was" }, { name = "old" }, record), "after")
check.equal(views.image(op, { name = "old" }, { name = "new" }, record), "before")
check.equal(views.image(op, { name = "x" }, { name = "new" }, record), "other")
check.equal(views.image(op, nil, {}, record), "blind")
check.equal(views.masked({ a = { secret = true }, b = { fields = { c = { secret = true } } } },
  { a = "s", b = { c = "t", d = 1 }, e = 2 }), { a = "***", b = { c = "***", d = 1 }, e = 2 })

check.done(2018)
