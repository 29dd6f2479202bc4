-- SPDX-License-Identifier: MIT
-- One endpoint: builds a request from an operation, sends it, decodes the answer
-- or raises.
--
-- An operation (`op`) is what service.lua binds from a catalogue: `name`
-- ("screendesk.recordings.get"), `spec` (the catalogue's entry), `res` (the
-- resource: name, key, shape, credential) and `ctx` (the client: handle, origin,
-- catalogue, overlay). A request is { path=, query=, body=, target=, change= }
-- with path and query percent-encoded.
--
-- Invariants: ids are encoded as one path segment and never empty; what is raised
-- is always an error object that names operation, target and remedy; credentials
-- are not known here.
--
--   local rec = endpoint.read(op, { path = endpoint.path(op, { "81c5…" }), target = "81c5…" })

local raw = require "moonlever.raw"
local check = require "moonlever.check"
local errors = require "moonlever.errors"

local endpoint = {}

local DROP = { null = "drop" } -- in records, null reads as nil

-- The path of `op` with its parameters put in, in their order.
function endpoint.path(op, ids)
  local path = op.spec.path
  for i, param in ipairs(op.spec.params or {}) do
    if (param["in"] or "path") == "path" then
      local from, to = path:find("{" .. param.name .. "}", 1, true)
      path = path:sub(1, from - 1) .. raw.escape(check.id(op.call, param.name, ids[i])) .. path:sub(to + 1)
    end
  end
  return path
end

local function query_value(name, value)
  if type(value) == "boolean" or math.type(value) == "integer" then return tostring(value) end
  if type(value) == "string" then return raw.escape(value) end
  if type(value) == "number" then return raw.escape(("%.17g"):format(value)) end
  errors.usage(("the query parameter '%s' must be a string, number or boolean, not %s")
    :format(name, check.describe(value)))
end

-- "a=1&b=x%20y" from a table, sorted by name; nil for an empty one. Every byte
-- outside RFC 3986's unreserved set is encoded (SD-26).
function endpoint.query(parameters)
  local names = {}
  for name in pairs(parameters) do names[#names + 1] = name end
  if #names == 0 then return nil end
  table.sort(names)
  for i, name in ipairs(names) do
    names[i] = raw.escape(name) .. "=" .. query_value(name, parameters[name])
  end
  return table.concat(names, "&")
end

-- The method of an operation; where the service leaves it open, a setting chooses (WD-31).
function endpoint.method(op)
  local methods, variable = op.spec.methods, op.ctx.catalogue.env.method
  local chosen = methods and raw.setting(variable)
  if not chosen or chosen == "" then return op.spec.method end
  for _, method in ipairs(methods) do
    if method == chosen:upper() then return method end
  end
  errors.raise("usage", ("%s is '%s'; %s is sent with %s"):format(variable, errors.one_line(chosen, 20), op.call,
    table.concat(methods, " or ")), { config = true, fix = ("set it to %s"):format(methods[1]) })
end

-- Starts the request; raises at once when it may not be sent.
function endpoint.start(op, request)
  local effect = request.effect or op.spec.effect
  -- Where nothing says that a write was shed, it is looked for before it is sent again (WD-50).
  if op.ctx.catalogue.retries == "reads" and effect ~= "read" then effect = "create" end
  return op.ctx.handle:start {
    method = request.method or op.spec.methods and endpoint.method(op) or op.spec.method,
    path = request.path, query = request.query, body = request.body, headers = request.headers,
    timeout = request.timeout,
    credential = request.credential or op.credential,
    effect = op.spec.once and "once" or effect,
    operation = op.name, change = request.change, changes = request.changes, any_type = request.any_type,
  }
end

-- ---------------------------------------------------------------------------
-- Errors

-- "screendesk.recordings.get 81c5…"
local function subject(op, request)
  if request.target then return op.name .. " " .. errors.one_line(tostring(request.target), 80) end
  return op.name
end

-- What says where the service is, and what it says; of a context that was made later than the
-- request (history/page/remedy.lua) no more is known than the profile.
local function url_name(op)
  local ctx = op.ctx
  local variable = ctx.catalogue.env and ctx.catalogue.env.url or "the url given to connect"
  local place = ctx.place or { what = ctx.profile and ("the origin of profile '%s'"):format(ctx.profile) or variable }
  return ("%s (now %s%s)"):format(place.what, ctx.origin, place.from or "")
end

local function credential_of(op, request)
  return op.ctx.catalogue.credentials[request.credential or op.credential or "default"] or {}
end

local function token_fix(op, request)
  local credential = credential_of(op, request)
  if not credential.env then return nil end
  local login = ("moonlever login %s%s"):format(op.ctx.name, op.ctx.profile and " --profile " .. op.ctx.profile or "")
  local fix = ("put a valid token into %s, or sign in with %s"):format(credential.env, login)
  return credential.source and ("%s. Where to get one: %s"):format(fix, credential.source) or fix
end

local FIXES = {
  [401] = token_fix,
  [429] = function() return "lower the rate with --rate N, or run it again later" end,
}

-- A 403 is most often that: who may do it, where the catalogue says so.
local function hint_for(op, status)
  local hint = (op.spec.hints or {})[status] or (op.ctx.catalogue.hints or {})[status]
  if status ~= 403 or not op.spec.admin then return hint end
  local who = require("moonlever.derived.effects").who(op.spec) -- nothing else here needs it
  return hint and ("%s; %s"):format(who, hint) or who
end

local function fix_for(op, request, status, html)
  if FIXES[status] then return FIXES[status](op, request) end
  if html then return "the answer is a web page: check that " .. url_name(op) .. " is the API" end
  local hint = hint_for(op, status)
  if hint then return hint end
  if status == 404 and not request.target then
    return "nothing is served there: check " .. url_name(op)
  end
  if status >= 500 then return "the service failed; run it again later" end
  if status >= 300 and status < 400 then return "the service sends elsewhere: check " .. url_name(op) end
  return nil
end

local function plain(text)
  return (text:lower():gsub("%p", ""):gsub("%s+", " "))
end

-- The kind of an error answer: some services tell more by their words than by the status (SG-09,
-- SG-11).
local function kind_of(op, status, detail)
  for _, meaning in ipairs(detail and op.ctx.catalogue.meanings or {}) do
    if meaning.status == status and plain(detail):find(plain(meaning.text), 1, true) then return meaning.kind end
  end
  return errors.kind_of(status)
end

-- The error object for an answer that is no success.
function endpoint.status_error(op, request, call, status)
  local detail, html = errors.detail(call:body())
  local reason = errors.status_text(status)
  return errors.new(kind_of(op, status, detail), ("%s: %s"):format(subject(op, request), reason), {
    status = status, reason = reason, detail = detail, operation = op.name, target = request.target,
    request_id = call:request_id(), attempts = call:attempts(),
    fix = fix_for(op, request, status, html),
  })
end

local function fault_fix(op, request, kind, message)
  if kind == "auth" then return token_fix(op, request) end
  if message:lower():find("certificate", 1, true) then
    return ("the certificate of %s is not trusted: correct the address in %s or install the missing authority")
      :format(op.ctx.origin, url_name(op))
  end
  if kind == "network" or kind == "timeout" then return "check the connection and " .. url_name(op) end
  return nil
end

-- The error object for a request without an answer.
function endpoint.fault_error(op, request, fault)
  local message = tostring(fault.message or fault.kind)
  return errors.new(fault.kind, ("%s: %s"):format(subject(op, request), message), {
    operation = op.name, target = request.target, attempts = fault.attempts, reason = message,
    fix = fault_fix(op, request, fault.kind, message),
  })
end

--- What to do about an answer of this status, and about a request without an answer; nil where
-- nothing is known. For an error that is told of later: of `op` are needed name, spec, credential
-- and ctx (catalogue, name, origin, profile), of `request` the target.
function endpoint.remedy(op, request, status) return fix_for(op, request, status) end

endpoint.fault_remedy = fault_fix -- (op, request, kind, message)

local function guarded(op, request, ok, ...)
  if ok then return ... end
  local err = ...
  if errors.is(err) then
    errors.add(err, { operation = op.name, target = request.target })
    errors.add(err, { fix = fault_fix(op, request, err.kind, tostring(err.message)) })
  end
  error(err, 0)
end

-- Runs f; an error object from C gets operation, target and remedy.
function endpoint.guard(op, request, f, ...)
  return guarded(op, request, pcall(f, ...))
end

-- An answer that should have been JSON and is not.
local function decode_error(op, request, call, why)
  local body = call:body()
  local html = body:find("^%s*<") ~= nil
  local message = body == "" and "the answer is empty" or html and "the answer is a web page, not JSON" or why
  return errors.new("decode", ("%s: %s"):format(subject(op, request), message), {
    operation = op.name, target = request.target, request_id = call:request_id(), attempts = call:attempts(),
    reason = message, fix = "check that " .. url_name(op) .. " is the API",
  })
end

-- Decodes the body of a complete answer; nulls in objects are left out unless
-- `opts` says otherwise. Raises "decode".
function endpoint.decode(op, request, call, opts)
  local ok, value = pcall(call.json, call, opts or DROP)
  if ok then return value end
  if not errors.is(value) or value.kind ~= "decode" then error(value, 0) end
  error(decode_error(op, request, call, value.message), 0)
end

-- Decodes the body of a complete answer that must be an object. Raises "decode".
function endpoint.decode_object(op, request, call)
  local value = endpoint.decode(op, request, call)
  if type(value) == "table" and not raw.json.is_array(value) then return value end
  error(decode_error(op, request, call, "the answer is no JSON object"), 0)
end

-- Waits for a read; raises unless the answer is a success.
function endpoint.wait(op, request, call)
  local status, fault = call:wait()
  if not status then error(endpoint.fault_error(op, request, fault), 0) end
  if status < 200 or status > 299 then error(endpoint.status_error(op, request, call, status), 0) end
  return status
end

-- Sends a read and returns its decoded object and the call.
function endpoint.read(op, request)
  local call = endpoint.guard(op, request, endpoint.start, op, request)
  endpoint.guard(op, request, endpoint.wait, op, request, call)
  return endpoint.decode_object(op, request, call), call
end

return endpoint
