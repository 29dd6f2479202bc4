-- SPDX-License-Identifier: MIT
-- Started by the program as `moonlever stubs`: writes the definition files for editors, or
-- with --markdown the reference pages, into a directory that is there.

local raw = require "moonlever.raw"
local out = require "moonlever.out"
local script = require "moonlever.script"

local spec = assert(script.build {
  summary = "Files made from the catalogues",
  args = {
    out = { "the directory", required = true },
    markdown = { "the reference pages", type = "boolean" },
  },
})

local values = assert(script.parse(spec, raw.args())).values
local maker = require(values.markdown and "moonlever.reference" or "moonlever.stubs")
for _, file in ipairs(maker.files()) do
  local path = ("%s/%s"):format(values.out:gsub("(.)/+$", "%1"), file.name)
  local handle <close> = out.file(path)
  handle:write(file.text)
  handle:close()
  raw.print(path)
end
