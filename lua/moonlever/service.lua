-- SPDX-License-Identifier: MIT
-- From a catalogue to a client: `sd.recordings:list{…}`.
--
-- A client is made from data alone: each resource of the catalogue becomes an
-- object, each operation a method of it, dotted names ("scim.users") nest. What a
-- method does follows from the operation's `effect`, `pages` and `strategy`, so a
-- new service is a new catalogue. A name that is not there is an error that says
-- what was meant.
--
--   local sd = service.connect("screendesk")
--   local rec = sd.recordings:get("81c5a150-e11f-4b49-b84d-af4b7a9b8c90")

local raw = require "moonlever.raw"
local args = require "moonlever.args"
local bulk = require "moonlever.bulk"
local catalogues = require "moonlever.catalogue"
local change = require "moonlever.change"
local check = require "moonlever.check"
local config = require "moonlever.config"
local endpoint = require "moonlever.endpoint"
local errors = require "moonlever.errors"
local lists = require "moonlever.lists"
local memory = require "moonlever.memory"
local objects = require "moonlever.objects"
local overlay = require "moonlever.overlay"
local replace = require "moonlever.replace"
local request = require "moonlever.request"
local shape = require "moonlever.shape"
local suggest = require "moonlever.suggest"
local updates = require "moonlever.updates"
local upload = require "moonlever.upload"
local views = require "moonlever.views"

local service = {}

local contexts = setmetatable({}, { __mode = "k" }) -- of all clients that are still in use

-- The services there are; each has its catalogue in moonlever.services.<name>.
service.NAMES = { "screendesk", "screendragon", "workdrive" }

-- ---------------------------------------------------------------------------
-- Operations

-- The resource as one of its lists shows it that has other records.
local function other_shape(ctx, res, verb, record)
  return setmetatable({
    name = res.name .. "." .. verb, shape = shape.compile(record, ctx.catalogue.shapes[record]),
  }, { __index = res })
end

-- Are bodies, answers and reads of an operation spelled alike, and is its object read singly?
-- Then what is compared are whole objects, member by member.
local function is_plain(op)
  local reader = op.res.spec.operations[op.spec.read]
  if op.spec.moves or op.res.shape.spelling or (reader and reader.pages) then return false end
  for name, spec in pairs(op.fields or {}) do
    if views.shown(op, name, spec) ~= name then return false end
  end
  return true
end

-- Binds an operation of a resource. A derived one is bound as the request it is
-- made of, with its own catalogue entry in `derived`.
local function bind(ctx, res, verb)
  local entry = res.spec.operations[verb]
  local spec = entry.via and res.spec.operations[entry.via] or entry
  local op = {
    ctx = ctx, res = entry.record and other_shape(ctx, res, verb, entry.record) or res,
    spec = spec, derived = entry.strategy and entry or nil,
    fields = spec.fields or (spec.items and (spec.items.fields or {})),
    name = ("%s.%s.%s"):format(ctx.name, res.name, verb),
    call = ("%s:%s"):format(res.name, verb),
    resource = ("%s.%s"):format(ctx.name, res.name),
    credential = res.spec.credential or "default",
    sibling = function(other) return service.operation(ctx, res, other) end,
  }
  op.plain = is_plain(op)
  return op
end

-- The bound operation of that name, made once.
function service.operation(ctx, res, verb)
  local op = res.bound[verb]
  if not op then
    op = bind(ctx, res, verb)
    res.bound[verb] = op
  end
  return op
end

-- Splits the arguments of a read: path parameters in path order, then one table.
local function split(op, ...)
  local params = op.spec.params or {}
  local ids, options = { ... }, select(#params + 1, ...)
  if select("#", ...) > #params + 1 then
    errors.usage(("%s takes %d argument(s) and a table of options"):format(op.call, #params))
  end
  return ids, options
end

-- The options of a list: ours, and the parameters that the catalogue documents.
-- Others go into query = {…}: a filter that the service does not know would be
-- ignored in silence, and everything listed.
local function list_options(op, options)
  options = check.options(op.call, options, setmetatable({}, {
    __index = function(_, name)
      return lists.OPTIONS[name] or (op.spec.query and op.spec.query[name] and true) or nil
    end,
    __pairs = function()
      local all = {}
      for name in pairs(lists.OPTIONS) do all[name] = true end
      for name in pairs(op.spec.query or {}) do all[name] = true end
      return next, all
    end,
  }))
  local query = {}
  for name in pairs(op.spec.query or {}) do query[name] = options[name] end
  for name, value in pairs(args.query(op, query)) do
    if options[name] ~= nil then options[name] = value end
  end
  args.rules(op, nil, args.with_defaults(op, query))
  return options
end

local function list_with(iterate)
  return function(op, ...)
    local ids, options = split(op, ...)
    for i, param in ipairs(op.spec.params or {}) do ids[i] = args.target(op, param, ids[i]) end
    local path = endpoint.path(op, ids)
    return iterate(op, path, list_options(op, options))
  end
end

local STRATEGIES = {
  merge_put = replace.merge_put, bulk = bulk.write, members = updates.members, upload = upload.write,
}


-- Does the plain update do: the same names in bodies and records, and a read of the object?
local function is_simple(op)
  local reader = op.spec.read and op.sibling(op.spec.read)
  return op.plain and reader ~= nil and not reader.spec.pages and not op.spec.only_if and not op.spec.query
    and not op.spec.rules
end

local function update(op, ...)
  if op.simple == nil then op.simple = is_simple(op) end
  return (op.simple and change.update or updates.update)(op, ...)
end

local WRITES = { create = change.create, update = update, replace = replace.replace, delete = change.delete }

local function handler(entry)
  if entry.strategy then return STRATEGIES[entry.strategy] end
  if entry.pages then return list_with(lists.records) end
  if entry.effect ~= "read" then return WRITES[entry.effect] end
  return entry.absent == "nil" and objects.search or objects.get
end

-- ---------------------------------------------------------------------------
-- Resources and clients

-- Raises when a method was called with a dot.
local function check_self(self, resource, call)
  if self ~= resource then
    errors.usage(("%s was called with a dot; methods are called with a colon"):format(call),
      ("write %s(…)"):format(call))
  end
end

local function method(ctx, res, resource, verb, f)
  return function(self, ...)
    local op = service.operation(ctx, res, verb)
    check_self(self, resource, op.call)
    return f(op, ...)
  end
end

-- All methods of a resource: its operations, and `pages` beside each `list`.
local function methods_of(ctx, res, resource)
  local methods = {}
  for verb, entry in pairs(res.spec.operations) do
    methods[verb] = method(ctx, res, resource, verb, handler(entry))
    if verb == "list" and entry.pages then
      methods.pages = method(ctx, res, resource, verb, list_with(lists.pages))
    end
  end
  return methods
end

local function unknown_member(what, members)
  return function(_, name)
    errors.usage(("%s has no '%s'%s"):format(what, tostring(name), suggest.phrase(name, members)))
  end
end

local function closed(what)
  return function(_, name)
    errors.usage(("cannot set '%s' on %s"):format(tostring(name), what))
  end
end

-- An object with these members that refuses other names.
local function sealed(what, object, members)
  for name, value in pairs(members) do object[name] = value end
  return setmetatable(object, {
    __index = unknown_member(what, members), __newindex = closed(what),
    __name = what, __tostring = function() return what end,
  })
end

local function resource_of(ctx, name)
  local res = ctx.resources[name]
  if not res then
    local spec = ctx.catalogue.resources[name]
    res = {
      name = name, spec = spec, key = spec.key, fold = spec.fold, bound = {},
      shape = shape.compile(spec.record, ctx.catalogue.shapes[spec.record]),
    }
    ctx.resources[name] = res
  end
  return res
end

local function new_resource(ctx, name)
  local res, resource = resource_of(ctx, name), {}
  return sealed(("%s.%s"):format(ctx.name, name), resource, methods_of(ctx, res, resource))
end

-- Puts "scim.users" at tree.scim.users.
local function place(tree, dotted, value)
  local branch, last = tree, dotted
  for name, rest in dotted:gmatch("([^.]+)%.([^.]+)") do
    branch[name] = branch[name] or {}
    branch, last = branch[name], rest
  end
  branch[last] = value
end

local function new_client(ctx)
  local tree = {}
  for name in pairs(ctx.catalogue.resources) do place(tree, name, new_resource(ctx, name)) end
  for name, branch in pairs(tree) do
    if getmetatable(branch) == nil then tree[name] = sealed(ctx.name .. "." .. name, {}, branch) end
  end
  local client = {}
  tree.request = function(self, options)
    check_self(self, client, "client:request")
    return request.send(ctx, options)
  end
  return sealed(ctx.name, client, tree)
end

-- ---------------------------------------------------------------------------
-- Connecting

local OPTIONS = {
  service = "string", url = "string", rate = "number", concurrency = "integer",
  headroom = "number", profile = "string",
}

local function connect_options(argument)
  if type(argument) == "string" then return { service = argument } end
  local options = check.options("connect", argument, OPTIONS)
  if options.profile and options.url then
    errors.usage("connect: a profile says where it is: leave out 'url'")
  end
  if not options.service and options.profile and raw.config_directory() then
    options.service = config.named(options.profile).service
  end
  if not options.service then errors.usage("connect: 'service' is missing", 'write connect "screendesk"') end
  return options
end

local function check_numbers(options)
  if options.rate and options.rate < 0 then
    errors.usage(("connect: 'rate' must be 0 (no limit) or more, not %s"):format(options.rate))
  end
  local headroom = options.headroom
  if headroom and not (headroom >= 1 and headroom <= 100) then
    errors.usage(("connect: 'headroom' is a percentage from 1 to 100, not %s"):format(headroom))
  end
end

-- The catalogue of a service.
function service.catalogue(name)
  for _, known in ipairs(service.NAMES) do
    if known == name then return catalogues.load(name) end
  end
  errors.usage(("connect: unknown service '%s'%s"):format(tostring(name), suggest.phrase(name, service.NAMES)))
end

-- The origin to talk to: option, profile, setting or environment, catalogue. A profile never
-- takes the environment's: that may be the one of another account.
local function origin_of(options, catalogue, profile)
  local url = options.url or (profile and profile.origin) or (not profile and raw.setting(catalogue.env.url))
    or catalogue.origin
  if not url or url == "" then
    errors.raise("usage", ("connect: the address of %s is not known"):format(catalogue.title), {
      fix = profile and ("give profile '%s' an origin"):format(profile.name)
        or ("set %s, or pass url = …"):format(catalogue.env.url), config = true,
    })
  end
  return (url:gsub("/+$", ""))
end

local DEFAULT_CONCURRENCY = 32 -- of a run whose flags and host say nothing

-- How many requests of a service are in flight where nobody has said it.
local function usual_concurrency(catalogue)
  return raw.concurrency() == DEFAULT_CONCURRENCY and catalogue.concurrency or nil
end

-- The credentials of a catalogue, with the commands of a profile.
local function credentials_of(catalogue, profile)
  if not profile then return catalogue.credentials end
  local credentials = {}
  for name, spec in pairs(catalogue.credentials) do
    credentials[name] = { env = spec.env, header = spec.header, prefix = spec.prefix, command = profile.commands[name] }
  end
  return credentials
end

local function place_of_origin(options, catalogue, profile)
  if options.url then return "url" end
  return profile and ("the origin of profile '%s'"):format(profile.name) or catalogue.env.url
end

-- What says where the service is, for errors that come later; nil = the environment, if anything.
local function origin_place(options, profile)
  if options.url then return { what = "the url given to connect" } end
  if not profile then return nil end
  local from = profile.origin_from or profile.from
  return {
    what = ("the origin of profile '%s'"):format(profile.name),
    from = not profile.origin and ", the service's own" or from == profile.stored_in and ", stored by moonlever login"
      or ", from " .. from,
  }
end

local function connect_handle(options, catalogue, origin, profile)
  local headroom = options.headroom or (profile and profile.headroom)
  local ok, handle = pcall(raw.connect, {
    service = catalogue.name, origin = origin, credentials = credentials_of(catalogue, profile),
    profile = profile and profile.name, environment = config.environment_counts(profile, catalogue, origin),
    rate = options.rate or (profile and profile.rate),
    concurrency = options.concurrency or usual_concurrency(catalogue), headroom = headroom and headroom / 100,
    chosen = options.url ~= nil or catalogue.chosen,
  })
  if ok then return handle end
  if errors.is(handle) then
    errors.add(handle, {
      fix = handle.message:find("not an address", 1, true) and ("give %s only scheme and host, such as %s"):format(
        place_of_origin(options, catalogue, profile), catalogue.origin or "https://host.example") or nil,
      config = not options.url and handle.kind ~= "forbidden", -- a setting is wrong, not the script: exit code 2
    })
  end
  error(handle, 0)
end

-- A client of a service: a name, or { service=, profile= (config.lua), url= (scheme and
-- host), rate= (requests a second at most, 0 = no limit), concurrency= (requests in flight at
-- most), headroom= (use at most this percentage of a known quota) }. Sends nothing.
-- Raises usage.
function service.connect(argument, ...)
  if select("#", ...) > 0 then
    errors.usage("connect: takes one argument; options go into its table: connect { service = …, url = … }")
  end
  return new_client(service.context(argument))
end

-- The bound operation of that name ("screendesk.recordings.update") in a context, or
-- nil where the catalogue has none.
function service.find(ctx, name)
  local resource, verb = name:match("^[^.]*%.(.*)%.([^.]*)$")
  local spec = resource and ctx.catalogue.resources[resource]
  return spec and spec.operations[verb] and service.operation(ctx, resource_of(ctx, resource), verb) or nil
end

-- A context for one catalogue, whose options were checked.
local function context_of(catalogue, options)
  local profile = config.choose(options, catalogue)
  local origin = origin_of(options, catalogue, profile)
  local handle = connect_handle(options, catalogue, origin, profile)
  if profile then raw.use_profile(profile.name, profile.production) end
  local ctx = {
    name = catalogue.name, catalogue = catalogue, handle = handle, origin = handle:origin(),
    profile = profile and profile.name, place = origin_place(options, profile),
    overlay = raw.mode() == "dry-run" and overlay.new() or nil,
    resources = {}, -- by name, made when they are needed
    busy = {},    -- objects with a write under way, and some that had one: false
    names = 0,    -- how many stand there
    room = 0,     -- how many may, before those that are free go
    walks = {},   -- lists that are just looked through
    made = {},    -- creates so far, by their names
    claims = {},  -- addresses given away in this run
    aliases = {}, -- external ids seen in this run
    written = setmetatable({}, { __mode = "k" }), -- records that are no longer what the service has
  }
  if not options.url then memory.check_origin(ctx) end
  contexts[ctx] = true
  return ctx
end

-- What a client is made of, for Moonlever's own use; arguments as for connect.
function service.context(argument)
  local options = connect_options(argument)
  check_numbers(options)
  return context_of(service.catalogue(options.service), options)
end

-- A client from a catalogue that is not one of ours; `options` as for connect, without
-- service.
function service.client(catalogue, options)
  check_numbers(options)
  return new_client(context_of(catalogue, options))
end

-- Forgets what a dry run has planned so far: it was sent by somebody else, or was dropped.
function service.forget_plans()
  for ctx in pairs(contexts) do
    ctx.overlay = ctx.overlay and overlay.new()
    ctx.made, ctx.claims = {}, {}
  end
end

return service
