-- SPDX-License-Identifier: MIT
-- Loads the catalogue of a service: joins its parts and completes what it says once.
--
-- A catalogue is pure data (docs/catalogue.md). A large service has its resources in
-- parts, services/NAME/PART.lua, of the same form. Three things are filled in, so that
-- readers find them where they look:
--   * resources and shapes of the parts, as if they stood in the one file
--   * `pages` of each list, from `paging` of its style
--   * `fields` of each specification that names a `shape`
-- Invariants: nothing is overwritten, a name that comes twice is an error; loading again
-- changes nothing.
--
--   local workdrive = catalogue.load("workdrive")
--   print(workdrive.resources.posts.operations.list.pages.size_param)   --> per_page

local catalogue = {}

local function add_all(head, part, kind, name)
  for key, value in pairs(part[kind] or {}) do
    if head[kind][key] ~= nil and head[kind][key] ~= value then
      error(("the part '%s' of %s has the %s '%s' once more"):format(name, head.name, kind, key))
    end
    head[kind][key] = value
  end
end

local function join(head)
  for _, name in ipairs(head.parts or {}) do
    local part = require(("moonlever.services.%s.%s"):format(head.name, name))
    add_all(head, part, "resources", name)
    add_all(head, part, "shapes", name)
  end
end

-- Gives every specification below `specs` (name -> specification) the fields of the
-- shape that it names. Shapes may name each other; each table is visited once.
local function resolve(shapes, specs, seen)
  for _, spec in pairs(specs) do
    if not seen[spec] then
      seen[spec] = true
      if spec.shape then
        local shape = shapes[spec.shape] or error(("there is no shape '%s'"):format(spec.shape))
        spec.fields = shape.fields
      end
      if spec.fields then resolve(shapes, spec.fields, seen) end
      if spec.items then resolve(shapes, { spec.items }, seen) end
    end
  end
end

local function complete_pages(head, pages)
  for key, value in pairs(head.paging and head.paging[pages.style] or {}) do
    if pages[key] == nil then pages[key] = value end
  end
end

local function complete(head)
  local seen = {}
  for _, shape in pairs(head.shapes) do resolve(head.shapes, shape.fields, seen) end
  for _, resource in pairs(head.resources) do
    for _, operation in pairs(resource.operations) do
      if operation.pages then complete_pages(head, operation.pages) end
      resolve(head.shapes, operation.fields or {}, seen)
      resolve(head.shapes, { operation.items }, seen)
    end
  end
end

-- The whole catalogue of a service whose data is in moonlever.services.NAME.
function catalogue.load(name)
  local head = require("moonlever.services." .. name)
  join(head)
  complete(head)
  return head
end

return catalogue
