-- SPDX-License-Identifier: MIT
-- Clients from OpenAPI documents: names, requests, checks, and a real account.
-- run: --practice --yes --rate 0 --recordings 120 --users 6
local check = require "check"
local moonlever = require "moonlever"
local raw = require "moonlever.raw"
local openapi = require "moonlever.openapi"

local HERE = debug.getinfo(1, "S").source:match("^@(.*)/[^/]*$")

local function document(name)
  local file = assert(io.open(("%s/../data/openapi/%s.json"):format(HERE, name)))
  local text = file:read("a")
  file:close()
  return raw.json.decode(text, { null = "drop" })
end

-- Every operation of the three descriptions is there, under its name, with method and path.
for name, count in pairs { screendesk = 10, screendragon = 8, workdrive = 77 } do
  local doc = document(name)
  local catalogue = openapi.catalogue(doc, { name = name, url = "https://x.example" })
  local found, by_id = 0, {}
  for resource_name, resource in pairs(catalogue.resources) do
    check.ok(catalogue.shapes[resource.record])
    for verb, entry in pairs(resource.operations) do
      found = found + 1
      by_id[entry.id] = { resource_name, verb, entry }
    end
  end
  check.equal(found, count)
  for path, item in pairs(doc.paths) do
    for method, operation in pairs(item) do
      local got = by_id[operation.operationId]
      if type(operation) == "table" and operation.operationId then
        check.equal({ got[3].method, got[3].path, got[3].effect }, { method:upper(), path, operation["x-effect"] })
        check.equal(got[1] .. "_" .. got[2], operation.operationId)
      end
    end
  end
end

-- Names of documents that were written otherwise.
local pets = {
  openapi = "3.0.3", info = { title = "Pet Shop" }, servers = { { url = "https://pets.example/v2/" } },
  components = {
    schemas = {
      Pet = { type = "object", required = { "name" }, properties = {
        id = { type = "integer", readOnly = true }, name = { type = "string" },
        tag = { type = "string", nullable = true },
        parent = { ["$ref"] = "#/components/schemas/Pet" } } },
      Pets = { type = "array", items = { ["$ref"] = "#/components/schemas/Pet" } },
    },
    securitySchemes = { key = { type = "apiKey", ["in"] = "header", name = "X-Pet-Key" } },
  },
  security = { { key = {} } },
  paths = {
    ["/pets"] = {
      get = { operationId = "listPets", tags = { "pets" }, responses = { ["200"] = { content = {
        ["application/json"] = { schema = { ["$ref"] = "#/components/schemas/Pets" } } } } } },
      post = { tags = { "pets" }, requestBody = { content = { ["application/json"] = {
        schema = { ["$ref"] = "#/components/schemas/Pet" } } } }, responses = { ["201"] = {} } },
    },
    ["/pets/{petId}"] = {
      parameters = { { name = "petId", ["in"] = "path", required = true, schema = { type = "integer" } } },
      get = { operationId = "showPetById", tags = { "pets" }, responses = { ["200"] = { content = {
        ["application/json"] = { schema = { ["$ref"] = "#/components/schemas/Pet" } } } } } },
      delete = { responses = { ["204"] = {} } },
    },
  },
}
local catalogue = openapi.catalogue(pets)
check.equal({ catalogue.name, catalogue.origin, catalogue.env.url },
  { "pet_shop", "https://pets.example", "PET_SHOP_URL" })
check.equal(catalogue.credentials.default.header, "X-Pet-Key")
check.equal(catalogue.credentials.default.env, "PET_SHOP_TOKEN")
local operations = catalogue.resources.pets.operations
check.equal({ operations.list_pets.path, operations.list_pets.pages.items }, { "/v2/pets", { "$" } })
check.equal(operations.create.fields.name, { type = "string", required = true })
check.equal(operations.create.fields.id, nil) -- read only
check.equal(operations.create.fields.parent.type, "object")
check.equal(operations.show_pet_by_id.params[1].name, "petId")
check.equal(operations.delete.effect, "delete")

-- What cannot be used is said.
local function refused(pattern, root, options)
  check.match(check.raises("usage", openapi.catalogue, root, options).message, pattern)
end
refused("no OpenAPI 3 document", { swagger = "2.0" })
refused("no operation", { openapi = "3.1.0", paths = {} })
refused("nothing at '#/components/schemas/None'", { openapi = "3.0.0", paths = { ["/a"] = { get = { responses = {
  ["200"] = { ["$ref"] = "#/components/schemas/None" } } } } } })
refused("cannot be followed", { openapi = "3.0.0", paths = { ["/a"] = { get = { responses = {
  ["200"] = { ["$ref"] = "other.json#/x" } } } } } })
refused("path parameter 'id' is not described", { openapi = "3.0.0", paths = { ["/a/{id}"] = { get = {} } } })
check.match(check.raises("usage", moonlever.openapi, "/no/such.json").message, "cannot read")

-- A real account, from its description alone.
local sd = moonlever.openapi(document "screendesk", {
  name = "desk", url = raw.setting "SCREENDESK_URL", token_env = "SCREENDESK_TOKEN",
  tokens = { scimToken = "SCREENDESK_SCIM_TOKEN" },
})
local first, n
for rec in sd.recordings:list() do
  first, n = first or rec, (n or 0) + 1
end
check.equal(n, 120)
check.equal(sd.recordings:get(first.uuid).title, first.title)
local changed = sd.recordings:update(first.uuid, { recording = { title = "by description" } })
check.ok(changed)
check.equal(sd.recordings:get(first.uuid).title, "by description")
check.match(check.raises("usage", sd.recordings.update, sd.recordings, first.uuid, { recordng = {} }).message,
  "did you mean 'recording'")
local users = 0
for user in sd.scim_users:list() do
  check.ok(user.id)
  users = users + 1
end
check.equal(users, 6)
check.done(254)
