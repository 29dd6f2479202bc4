-- SPDX-License-Identifier: MIT
-- Catalogues as data: pure, spelled as docs/catalogue.md says, whole after loading.
-- run:
local check = require "check"
local catalogue = require "moonlever.catalogue"

local SERVICES = { "screendesk", "screendragon", "workdrive" }

local function read(path)
  local file = assert(io.open(path))
  local text = file:read("a")
  file:close()
  return text
end

-- The keys that the tables under a heading of the page explain.
local function documented_keys(page, heading)
  local section = page:match("\n##+ " .. heading .. "\n(.-)\n##") or page:match("\n##+ " .. heading .. "\n(.*)$")
  local keys = {}
  for cell in section:gmatch("\n| ([^|]+) |") do
    for key in cell:gmatch("`([^`]+)`") do keys[key:match('^%["(.+)"%]$') or key] = true end
  end
  return keys
end

local page = read "../docs/catalogue.md"
local KEYS = {
  service = documented_keys(page, "The service"), shape = documented_keys(page, "A shape"),
  resource = documented_keys(page, "A resource"), operation = documented_keys(page, "An operation"),
  pages = documented_keys(page, "Paging"), specification = documented_keys(page, "A specification"),
  rule = { need = true, refuse = true, when = true, unless = true, together = true, at_most_one = true,
    some_of = true, note = true },
  condition = { field = true, is = true, isnt = true, unset = true, unless_query = true, why = true },
}
check.ok(KEYS.operation.strategy and KEYS.specification["in"] and KEYS.pages.window and KEYS.service.meanings)
for key in pairs(KEYS.rule) do check.match(page, key, nil, true) end
for key in pairs(KEYS.condition) do check.match(page, key, nil, true) end

-- ---------------------------------------------------------------------------
-- Every key is one that is explained, and refers to something that is there.

local problems, used

local function problem(where, text, ...) problems[#problems + 1] = where .. ": " .. text:format(...) end

local function keys(kind, where, t)
  for key in pairs(t) do
    if not KEYS[kind][key] then problem(where, "the key '%s' is not explained", tostring(key)) end
    used[kind .. " " .. key] = true
  end
end

local TYPES = { string = 1, integer = 1, number = 1, boolean = 1, object = 1, list = 1, any = 1 }
local specifications

local function specification(where, spec, seen)
  if seen[spec] then return end
  seen[spec] = true
  keys("specification", where, spec)
  if not TYPES[spec.type] or (spec.or_type and not TYPES[spec.or_type]) then problem(where, "type %s", spec.type) end
  if spec.type == "list" and not spec.items then problem(where, "a list of what?") end
  if spec.items then specification(where .. "[]", spec.items, seen) end
  specifications(where, spec.fields or {}, seen)
end

function specifications(where, specs, seen)
  for name, spec in pairs(specs) do specification(where .. "." .. name, spec, seen) end
end

-- Does a dotted name lead to a member?
local function leads(fields, name)
  local spec
  for part in name:gmatch("[^.]+") do
    spec = (fields or {})[part]
    fields = spec and spec.fields
  end
  return spec ~= nil
end

local function rules(where, operation)
  for _, rule in ipairs(operation.rules or {}) do
    keys("rule", where, rule)
    local names = {}
    for _, list in ipairs { "need", "refuse", "together", "at_most_one", "some_of" } do
      for _, name in ipairs(rule[list] or {}) do names[name] = true end
    end
    for _, condition in ipairs { "when", "unless" } do
      for name in pairs(rule[condition] or {}) do names[name] = true end
    end
    for name in pairs(names) do
      if not (operation.fields or {})[name] and not (operation.query or {})[name] then
        problem(where, "a rule names '%s'", name)
      end
    end
  end
end

-- What refers to members of the body, the query or the record.
local function members(where, operation, record)
  for name in pairs(operation.defaults or {}) do
    if not operation.fields[name] and name ~= "schemas" then problem(where, "defaults: '%s'", name) end
  end
  for name in pairs(operation.fills or {}) do
    if not operation.fields[name] then problem(where, "fills: '%s'", name) end
  end
  for _, name in ipairs(operation.same or {}) do
    if not leads(operation.fields, name) then problem(where, "same: '%s'", name) end
  end
  local moves = operation.moves or {}
  for _, name in ipairs { moves.add or false, moves.remove or false } do
    if name and not leads(operation.fields, name) then problem(where, "moves: '%s'", name) end
  end
  for _, name in ipairs { moves.list or moves.count or false, (operation.gone or {}).field or false } do
    if name and not leads(record, name) then problem(where, "the record has no '%s'", name) end
  end
  if operation.later and not operation.query[operation.later] then problem(where, "later: '%s'", operation.later) end
  for _, condition in ipairs(operation.only_if or {}) do
    keys("condition", where, condition)
    for _, name in ipairs(condition.unset or { condition.field }) do
      if not record[name] then problem(where, "only_if: '%s'", name) end
    end
  end
end

local ANSWERS = { object = 1, none = 1, id = 1, message = 1, echo = 1, list = 1 }
local STRATEGIES = { merge_put = 1, members = 1, bulk = 1, upload = 1 }

-- What every write says of itself.
local function write(where, operation, operations)
  if not ANSWERS[operation.answer] then problem(where, "answer %s", tostring(operation.answer)) end
  if operation.finish ~= "done" and operation.finish ~= "accepted" then problem(where, "finish") end
  for _, name in ipairs { operation.read or false, operation.inverse or false } do
    if name and not operations[name] then problem(where, "there is no operation '%s'", name) end
  end
  if not operation.inverse and not operation.irreversible then
    problem(where, "it has neither inverse nor irreversible")
  end
  if (operation.effect == "create") and not operation.once and where:find("workdrive", 1, true) then
    problem(where, "a create that may be repeated (WD-50)")
  end
end

local function operation_is_whole(where, whole, resource, operation, seen)
  local entry = operation.via and resource.operations[operation.via] or operation
  keys("operation", where, operation)
  if not operation.summary then problem(where, "no summary") end
  if operation.strategy and not STRATEGIES[operation.strategy] then problem(where, "strategy") end
  for _, param in ipairs(operation.params or {}) do specification(where, param, seen) end
  specifications(where, operation.query or {}, seen)
  specifications(where, operation.fields or {}, seen)
  if operation.items then specification(where, operation.items, seen) end
  if operation.pages then keys("pages", where, operation.pages) end
  local record = whole.shapes[operation.record or resource.record]
  if not record then return problem(where, "there is no shape for its records") end
  rules(where, operation)
  members(where, operation, record.fields)
  if entry == operation and operation.effect ~= "read" then write(where, operation, resource.operations) end
  for _, note in ipairs(operation.notes or {}) do
    if not whole.notes[note] then problem(where, "there is no note %s", note) end
  end
end

local function whole_catalogue(whole)
  problems = {}
  local seen = {}
  keys("service", whole.name, whole)
  for name, shape in pairs(whole.shapes) do
    keys("shape", name, shape)
    specifications(name, shape.fields, seen)
  end
  for name, resource in pairs(whole.resources) do
    local fields = whole.shapes[resource.record].fields
    keys("resource", name, resource)
    local natural = resource.natural_key or {}
    for _, member in ipairs(type(natural) == "table" and natural or { natural }) do
      if not fields[member] then problem(name, "natural_key '%s'", member) end
    end
    if next(fields) and not fields[resource.key] then problem(name, "key '%s'", resource.key) end
    for verb, operation in pairs(resource.operations) do
      operation_is_whole(("%s.%s.%s"):format(whole.name, name, verb), whole, resource, operation, seen)
    end
  end
  return problems
end

used = {}
for _, name in ipairs(SERVICES) do check.equal(whole_catalogue(catalogue.load(name)), {}, name) end

-- Each kind of slip is seen.
local function slip(name, change, expected)
  local whole = dofile(("../lua/moonlever/services/%s.lua"):format(name))
  change(whole, whole.resources.users.operations, whole.shapes.User.fields)
  check.equal(whole_catalogue(whole), { expected })
end
local G = "screendragon.users."
slip("screendragon", function(whole) whole.colour = 1 end, "screendragon: the key 'colour' is not explained")
slip("screendragon", function(_, users) users.get.colour = 1 end, G .. "get: the key 'colour' is not explained")
slip("screendragon", function(_, users) users.get.notes = { "SG-99" } end, G .. "get: there is no note SG-99")
slip("screendragon", function(_, users) users.update.read = "show" end, G .. "update: there is no operation 'show'")
slip("screendragon", function(_, users) users.update.inverse = nil end,
  G .. "update: it has neither inverse nor irreversible")
slip("screendragon", function(_, users) users.delete.finish = nil end, G .. "delete: finish")
slip("screendragon", function(_, users) users.delete.later = "on" end, G .. "delete: later: 'on'")
slip("screendragon", function(_, users) users.delete.gone.field = "x" end, G .. "delete: the record has no 'x'")
slip("screendragon", function(_, users) users.create.answer = "number" end, G .. "create: answer number")
slip("screendragon", function(_, users) users.create.defaults.x = 1 end, G .. "create: defaults: 'x'")
slip("screendragon", function(_, users) users.create.rules[1].need[1] = "x" end, G .. "create: a rule names 'x'")
slip("screendragon", function(_, users) users.bulk_delete.strategy = "x" end, G .. "bulk_delete: strategy")
slip("screendragon", function(_, users) users.bulk_delete.items.type = "x" end, G .. "bulk_delete: type x")
slip("screendragon", function(_, _, user) user.groups.items = nil end, "User.groups: a list of what?")
slip("screendragon", function(whole) whole.resources.users.key = "id" end, "users: key 'id'")
slip("screendragon", function(whole) whole.resources.users.natural_key = "id" end, "users: natural_key 'id'")

-- Nothing is explained that no catalogue uses.
local unused = {}
for kind, known in pairs(KEYS) do
  for key in pairs(known) do
    if not used[kind .. " " .. key] then unused[#unused + 1] = kind .. " " .. key end
  end
end
check.equal(unused, {})

-- ---------------------------------------------------------------------------
-- Pure data: each file loads in an empty environment, and gives the same every time.

for _, file in ipairs { "screendesk", "screendragon", "workdrive", "workdrive/people", "workdrive/content",
  "workdrive/work" } do
  local chunk = check.ok(loadfile(("../lua/moonlever/services/%s.lua"):format(file), "t", {}))
  check.equal(chunk(), chunk(), file)
end

-- All ambiguities of the notes have their sentence.
local function count(t)
  local n = 0
  for _ in pairs(t) do n = n + 1 end
  return n
end
for name, want in pairs { screendragon = 23, workdrive = 51 } do
  local notes = catalogue.load(name).notes
  check.equal(count(notes), want, name)
  for n = 1, want do
    check.ok(notes[("%s-%02d"):format(name == "workdrive" and "WD" or "SG", n)], name .. n)
  end
end

-- ---------------------------------------------------------------------------
-- Loading

local workdrive = catalogue.load "workdrive"
check.equal(count(workdrive.resources), 23)
check.equal(workdrive.resources.posts.operations.list.pages.size_param, "per_page")
check.equal(workdrive.resources.users.operations.list.pages.next, "meta.nextPage")
check.equal(workdrive.resources.sso.operations.list.pages.param, nil)
check.equal(workdrive.shapes.Post.fields.user.fields.email.format, "email")
check.equal(workdrive.shapes.News.fields.files.items.fields.owner.fields.id.type, "string")
check.equal(catalogue.load "workdrive", workdrive)
check.equal(catalogue.load("screendesk").resources.recordings.operations.list.pages.loose, nil)

-- A service of our own, from preloaded modules.
local function service(parts)
  local names = {}
  for name, part in pairs(parts) do
    package.preload["moonlever.services.mine." .. name] = function() return part end
    package.loaded["moonlever.services.mine." .. name] = nil
    names[#names + 1] = name
  end
  table.sort(names)
  package.loaded["moonlever.services.mine"] = nil
  package.preload["moonlever.services.mine"] = function()
    return { name = "mine", parts = names, shapes = { A = { fields = {} } }, resources = {} }
  end
  return catalogue.load "mine"
end

local joined = service {
  one = { resources = { x = { operations = {} } } }, two = { shapes = { B = { fields = {} } } },
}
check.equal({ joined.resources.x ~= nil, joined.shapes.B ~= nil }, { true, true })
local twice = check.raises(nil, service, {
  one = { resources = { x = { operations = {} } } }, two = { resources = { x = { operations = {} } } },
})
check.match(twice, "resources 'x' once more")
local lost = { resources = { x = { operations = { v = { fields = { f = { type = "object", shape = "Z" } } } } } } }
check.match(check.raises(nil, service, { one = lost }), "no shape 'Z'")

check.done(136)
