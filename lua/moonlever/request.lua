-- SPDX-License-Identifier: MIT
-- client:request{…}: the way out for what no catalogue names.
--
-- The same origin, credential, pacing, guards and reports as everything else; only
-- the meaning of the call is not known. So a write of unknown outcome cannot be
-- read back: PUT and DELETE, which end the same when repeated (RFC 9110 9.2.2), are
-- sent again, at most 4 times; POST and PATCH are not, and are raised as unknown.
--
--   local body, answer = sd:request { path = "/api/v2/recordings", query = { page = 2 } }
--   print(answer.status, answer.headers["content-type"])

local raw = require "moonlever.raw"
local check = require "moonlever.check"
local endpoint = require "moonlever.endpoint"
local errors = require "moonlever.errors"
local memory = require "moonlever.memory"
local settle = require "moonlever.settle"

local request = {}

local SENDS = 4
local KEEP = {} -- nulls stay moonlever.null

local OPTIONS = {
  method = "string", path = "string", query = true, headers = "table", body = true,
  credential = "string", timeout = "number",
}

local EFFECTS = {
  GET = "read", HEAD = "read", POST = "create", PUT = "replace", PATCH = "update", DELETE = "delete",
}

local REPEATABLE = { PUT = true, DELETE = true }

local function method_of(options)
  local method = (options.method or "GET"):upper()
  if not EFFECTS[method] then
    errors.usage(("request: the method '%s' is not known"):format(options.method),
      "use GET, HEAD, POST, PUT, PATCH or DELETE")
  end
  return method
end

-- Path and query of the call. A whole URL is taken when it is of this origin.
local function address_of(ctx, options)
  local path = options.path
  if not path or path == "" then errors.usage("request: 'path' is missing", 'write path = "/api/…"') end
  if path:sub(1, #ctx.origin + 1) == ctx.origin .. "/" then path = path:sub(#ctx.origin + 1) end
  if path:sub(1, 1) ~= "/" or path:sub(1, 2) == "//" then
    errors.usage(("request: the path '%s' is not on %s"):format(errors.one_line(path, 80), ctx.origin),
      "start it with one slash; another origin needs its own connect")
  end
  if path:find("[%s%c#]") then
    errors.usage(("request: the path '%s' has characters that must be encoded"):format(errors.one_line(path, 80)))
  end
  local before, query = path:match("^([^?]*)%?(.*)$")
  if before and options.query ~= nil then
    errors.usage("request: the path has a query of its own; give it in 'query' or in the path, not in both")
  end
  if before then return before, query ~= "" and query or nil end
  return path, nil
end

local function query_of(options, from_path)
  local query = options.query
  if query == nil then return from_path end
  if type(query) == "string" then return query ~= "" and query or nil end
  if type(query) == "table" then return endpoint.query(query) end
  errors.usage("request: 'query' must be a table or an encoded string, not " .. check.describe(query))
end

local function body_of(options)
  local body = options.body
  if body == nil or type(body) == "string" then return body end
  return raw.json.encode(body)
end

-- The credential of the resource whose paths this one continues: /api/v2/scim/…
-- goes with the SCIM token.
local function credential_of(ctx, options, path)
  if options.credential then
    if not ctx.catalogue.credentials[options.credential] then
      errors.usage(("request: there is no credential '%s'"):format(options.credential))
    end
    return options.credential
  end
  local best, length = "default", 0
  for _, resource in pairs(ctx.catalogue.resources) do
    for _, entry in pairs(resource.operations) do
      local prefix = entry.path and entry.path:match("^[^{]*")
      if prefix and #prefix > length and (path .. "/"):sub(1, #prefix) == prefix then
        best, length = resource.credential or "default", #prefix
      end
    end
  end
  return best
end

local function prepare(ctx, options)
  options = check.options("request", options, OPTIONS)
  local method = method_of(options)
  local path, query = address_of(ctx, options)
  local call = {
    method = method, path = path, query = query_of(options, query), headers = options.headers,
    body = body_of(options), timeout = options.timeout, effect = EFFECTS[method],
    target = method .. " " .. path, credential = credential_of(ctx, options, path),
  }
  if call.body and call.effect == "read" then errors.usage("request: a " .. method .. " has no body") end
  local op = { ctx = ctx, name = ctx.name .. ".request", call = "request", spec = {}, credential = call.credential }
  return op, call
end

-- What a script gets: the decoded body (nil for none, text for what is not JSON)
-- and the status and headers, which are looked up without regard to case.
local function result_of(op, sent, call, status)
  local headers = setmetatable({}, { __index = function(_, name) return call:header(name) end })
  local info = { status = status, headers = headers }
  local body = call:body()
  if body == "" then return nil, info end
  local media = (call:header("content-type") or "application/json"):lower()
  if not media:find("json", 1, true) then return body, info end
  return endpoint.decode(op, sent, call, KEEP), info
end

local function read(op, sent)
  local call = endpoint.guard(op, sent, endpoint.start, op, sent)
  local status = endpoint.guard(op, sent, endpoint.wait, op, sent, call)
  return result_of(op, sent, call, status)
end

local function fail(change, state, err)
  change:finish(state, errors.why(err), errors.is(err) and err.kind or nil)
  error(err, 0)
end

-- One send: "done", call, status | "unknown", error | "refused", error
local function exchange(op, sent)
  local ok, call = pcall(endpoint.guard, op, sent, endpoint.start, op, sent)
  if not ok then return "refused", call end
  local status, fault = call:wait()
  if not status then return fault.sent and "unknown" or "refused", endpoint.fault_error(op, sent, fault) end
  if status >= 200 and status < 300 then return "done", call, status end
  local err = endpoint.status_error(op, sent, call, status)
  local open = status == 408 or status >= 500 or (status == 401 and call:doubt())
  return open and "unknown" or "refused", err
end

local function in_doubt(sent, err)
  if REPEATABLE[sent.method] then return err end
  err.message = err.message .. "; whether it was applied is not known"
  err.fix = "look at the object before sending it again"
  return err
end

-- A write without a meaning: PUT and DELETE end the same when repeated.
local function write(op, sent)
  local change = sent.change
  for sends = 1, SENDS do
    local verdict, result, status = exchange(op, sent)
    if verdict == "done" then
      change:finish(status == 202 and "accepted" or "confirmed")
      return result_of(op, sent, result, status)
    end
    if sends > 1 and sent.method == "DELETE" and errors.is(result) and result.status == 404 then
      change:finish("confirmed", "gone after an earlier send")
      return nil, { status = 404, headers = {} }
    end
    if verdict == "refused" and (not result.status or result.kind == "auth") and settle.ends_run(result) then
      return fail(change, "planned", result)
    end
    if verdict == "refused" then
      return fail(change, result.kind == "conflict" and "conflict" or "failed", result)
    end
    if not REPEATABLE[sent.method] or sends == SENDS then return fail(change, "unknown", in_doubt(sent, result)) end
    raw.sleep(0.2 * 3 ^ (sends - 1) * (0.5 + raw.random()))
    change:again()
  end
end

local function row_of(op, sent, old)
  local ctx = op.ctx
  return {
    service = ctx.name, operation = op.name, resource = op.name, target = sent.target, method = sent.method,
    path = sent.query and sent.path .. "?" .. sent.query or sent.path, effect = sent.effect, body = sent.body,
    rkey = ctx.origin .. " " .. op.name .. " " .. sent.target,
    adopt = old and old.adopt, attempts = old and old.attempts, state = old and old.state,
    redoes = old and old.redoes,
  }
end

-- Sends a write that is written down (apply, undo): job.row names method and path.
function request.resend(job)
  local row, sent = job.row, job.request
  sent.method, sent.effect, sent.credential = row.method, row.effect, credential_of(job.ctx, {}, sent.path)
  write({ ctx = job.ctx, name = row.operation, call = "request", spec = {}, credential = sent.credential }, sent)
end

-- Sends a request; see the head of this file. A write that this run made before it was
-- resumed is not sent again: nil and { earlier = true } are returned. Returns the body and { status, headers }.
-- In a dry run a write is planned, and nil and { planned = true } are returned.
function request.send(ctx, options)
  local op, sent = prepare(ctx, options)
  if sent.effect == "read" then return read(op, sent) end
  local old = memory.take { op = op, target = sent.target, request = sent, repeatable = REPEATABLE[sent.method] }
  if old and old.done then return nil, { status = 200, headers = {}, earlier = true } end
  while raw.must_wait() do raw.sleep(0.01) end
  sent.change = raw.change(ctx.handle, row_of(op, sent, old))
  if not sent.change:planned() then return write(op, sent) end
  sent.change:finish("planned")
  return nil, { planned = true }
end

return request
