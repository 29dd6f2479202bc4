-- SPDX-License-Identifier: MIT
-- Started by the program as `moonlever help NAME` for names that are no commands or topics
-- of its own; those are the further arguments, so that a slip finds them as well.

local raw = require "moonlever.raw"
local help = require "moonlever.help"
local host = require "moonlever.history.host"
local suggest = require "moonlever.suggest"

local words = raw.args()
local name = table.remove(words, 1)
local text, meant, several = help.text(name)
if text then
  raw.write(text)
else
  meant = suggest.closest(name, words) or meant
  host.fail(2, ("%s.\nsee: moonlever help"):format(help.problem(name, meant, several)):gsub("%?%.\n", "?\n"))
end
