-- SPDX-License-Identifier: MIT
-- Files: ask for a signed form, then send it with the file to the storage host (WD-45).
--
-- The service reserves an id and answers with an address and fields. They go out as they came,
-- in their order, with the file last; no credential goes along, and the address must be https.
-- The file is read while it is sent, so its size does not count in memory. When the storage
-- host fails, a new form is asked for: a signature is used once.
--
-- Both requests are one change. It is confirmed when the storage host has taken the file, and
-- never in doubt: what came of a send that broke off has an id that nobody knows.
--
--   local id = wd.media:upload("talk.mp4", { module = "POST" })

local raw = require "moonlever.raw"
local args = require "moonlever.args"
local change = require "moonlever.change"
local check = require "moonlever.check"
local endpoint = require "moonlever.endpoint"
local errors = require "moonlever.errors"

local open = io and io.open

local upload = {}

local SENDS = 4
local LONGEST_PAUSE = 4

local TYPES = {
  txt = "text/plain", csv = "text/csv", pdf = "application/pdf", doc = "application/msword",
  docx = "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
  xls = "application/vnd.ms-excel",
  xlsx = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
  ppt = "application/vnd.ms-powerpoint",
  pptx = "application/vnd.openxmlformats-officedocument.presentationml.presentation",
  mp4 = "video/mp4", mov = "video/quicktime", webm = "video/webm", avi = "video/x-msvideo", mkv = "video/x-matroska",
  jpg = "image/jpeg", jpeg = "image/jpeg", png = "image/png", gif = "image/gif", webp = "image/webp",
  svg = "image/svg+xml", mp3 = "audio/mpeg", wav = "audio/wav", zip = "application/zip", json = "application/json",
}

-- ---------------------------------------------------------------------------
-- What is given

local OPTIONS = { module = true, mime = "string", name = "string" }

local function mime_of(op, path, given)
  if given then return given end
  local extension = path:match("%.([%w]+)$")
  local mime = extension and TYPES[extension:lower()]
  if not mime then
    errors.usage(("%s: the MIME type of '%s' is not known"):format(op.call, errors.one_line(path, 80)),
      "give it: mime = \"video/mp4\"")
  end
  return mime
end

-- Codes are not documented: a name is looked up when it is needed (WD-32).
local function module_of(op, given)
  if math.type(given) == "integer" then return given end
  if type(given) ~= "string" then
    errors.usage(("%s: 'module' must be the name or number of a module, not %s"):format(op.call, check.describe(given)),
      "the names are in module_codes:list()")
  end
  local lists = require "moonlever.lists"
  local codes = require("moonlever.service").find(op.ctx, op.ctx.name .. ".module_codes.list")
  local names = {}
  for _, code in ipairs(lists.find(codes, function() return true end)) do
    if type(code.name) == "string" and code.name:lower() == given:lower() then return code.moduleCode end
    names[#names + 1] = tostring(code.name)
  end
  errors.usage(("%s: there is no module '%s'; there are: %s"):format(op.call, given, table.concat(names, ", ")))
end

local function check_path(op, path)
  if type(path) ~= "string" or path == "" then
    errors.usage(("%s: the path of the file must be a string, not %s"):format(op.call, check.describe(path)))
  end
  raw.use_file(op.call)
  local file, why = nil, "this program does not let scripts read files"
  if open then file, why = open(path, "rb") end
  if not file then errors.usage(("%s: cannot read %s"):format(op.call, tostring(why))) end
  local size = file:seek("end")
  file:close()
  if not size or size == math.maxinteger then errors.usage(("%s: '%s' is no file"):format(op.call, path)) end
  return size
end

-- ---------------------------------------------------------------------------
-- The form

-- Names of the fields in the order in which they stand in the text of the answer.
local function ordered(fields, text)
  local names, at = {}, {}
  local from = text:find('"fields"', 1, true) or 1
  for name in pairs(fields) do
    local quoted = raw.json.encode(name)
    local place = text:find(quoted .. "%s*:", from)
    if not place then place = select(1, text:find(quoted:gsub("%p", "%%%0") .. "%s*:", from)) end
    names[#names + 1], at[name] = name, place or #text
  end
  table.sort(names, function(a, b) return at[a] < at[b] or (at[a] == at[b] and a < b) end)
  return names
end

local function no_form(op, job, why)
  return errors.new("remote", ("%s %s: the answer has no form to send: %s"):format(op.name, job.target, why), {
    operation = op.name, target = job.target, fix = "nothing was uploaded",
  })
end

-- The form of an answer: { origin=, target=, fields=, id= }, or nil and an error.
local function form_of(op, job, call)
  local ok, doc = pcall(endpoint.decode_object, op, job.request, call)
  if not ok then return nil, doc end
  local spec = op.derived.form
  local url, fields, id = args.at(doc, spec.url), args.at(doc, spec.fields), doc[op.res.key]
  if type(url) ~= "string" or type(fields) ~= "table" or type(id) ~= "string" then
    return nil, no_form(op, job, "an address, fields and an id are needed")
  end
  local origin, target = url:match("^(%a+://[^/?#]+)([^#]*)$")
  if not origin then return nil, no_form(op, job, "the address is none") end
  local pairs_of = {}
  for i, name in ipairs(ordered(fields, call:body())) do
    if type(fields[name]) == "table" then return nil, no_form(op, job, ("'%s' is no text"):format(name)) end
    pairs_of[i] = { name, tostring(fields[name]) }
  end
  if target:sub(1, 1) ~= "/" then target = "/" .. target end
  return { origin = origin, target = target, fields = pairs_of, id = id }
end

-- ---------------------------------------------------------------------------
-- Sending

-- Asks for a form. Raises where there is none.
local function reserve(op, job)
  local call = endpoint.guard(op, job.request, endpoint.start, op, job.request)
  endpoint.guard(op, job.request, endpoint.wait, op, job.request, call)
  local form, err = form_of(op, job, call)
  if not form then error(err, 0) end
  return form
end

-- Sends form and file; returns nil, or an error.
local function send(op, job, form)
  local request = { target = job.target }
  local call = endpoint.guard(op, request, raw.upload, {
    origin = form.origin, target = form.target, fields = form.fields, part = op.derived.form.file, path = job.path,
    name = job.name, type = job.mime, operation = op.name, change = job.change,
  })
  local status, fault = call:wait()
  if not status then return endpoint.fault_error(op, request, fault) end
  if status >= 200 and status <= 299 then return nil end
  local err = endpoint.status_error(op, request, call, status)
  err.message = err.message .. " from the storage host"
  err.fix = status >= 500 and "run it again later" or nil
  return err
end

-- May another signature help?
local function worth_it(err)
  local status = err.status
  if not status then return errors.passing(err) end
  return status >= 500 or status == 408 or status == 429
end

local function fail(job, err)
  if errors.is(err) then err.outcome = "failed" end
  job.change:finish("failed", errors.one_line(tostring(err.message or err), 300), errors.is(err) and err.kind or nil)
  error(err, 0)
end

-- One form and one send. Returns the id, or nil and an error.
local function attempt(op, job)
  local ok, form = pcall(reserve, op, job)
  if not ok then return fail(job, form) end
  job.change:again() -- the form has had no effect yet; what follows is the same change
  local sent, err = pcall(send, op, job, form)
  if not sent then return fail(job, err) end
  if err then return nil, err end
  return form.id
end

local function transfer(op, job)
  for sends = 1, SENDS do
    local id, err = attempt(op, job)
    if id then
      job.change:finish("confirmed", nil, nil, raw.json.encode { [op.res.key] = id })
      raw.log(2, ("%s %s: %d bytes are there as %s"):format(op.name, job.target, job.size, id))
      return id
    end
    if sends == SENDS or not worth_it(err) then return fail(job, err) end
    job.change:again()
    raw.log(1, ("%s; trying again with a new signature"):format(err.message))
    raw.sleep(math.min(LONGEST_PAUSE, 0.2 * 3 ^ (sends - 1)) * (0.5 + raw.random()))
  end
end

-- The strategy "upload". Returns the id of the file.
function upload.write(op, path, options)
  options = check.options(op.call, options, OPTIONS)
  local size = check_path(op, path)
  local name = options.name or path:match("([^/]+)$")
  local mime = mime_of(op, path, options.mime)
  local query = args.query(op, { mime = mime, name = name, moduleCode = module_of(op, options.module) })
  local job = {
    op = op, target = name, sent = {}, patch = { name = name, size = size }, changed = { "name", "size" },
    path = path, name = name, mime = mime, size = size,
    request = { path = op.spec.path, query = endpoint.query(query), target = name },
  }
  return change.run(job, function() return transfer(op, job) end, function()
    return op.ctx.overlay:create(op.res, job.patch)[op.res.key]
  end, function(old) return old.after and raw.json.decode(old.after)[op.res.key] end)
end

return upload
