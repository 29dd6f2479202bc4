-- SPDX-License-Identifier: MIT
-- A service more is a catalogue more: help, definitions, reference and completion of one
-- that has only what a catalogue must have come without a line of code.
-- run:

local check = require "check"
local complete = require "moonlever.complete"
local help = require "moonlever.help"
local reference = require "moonlever.reference"
local service = require "moonlever.service"
local stubs = require "moonlever.stubs"

local text = { type = "string" }

package.loaded["moonlever.services.shelf"] = {
  format = 1, name = "shelf", title = "Shelf", env = { url = "SHELF_URL" },
  credentials = { default = { env = "SHELF_KEY", header = "X-Key", prefix = "" } },
  shapes = { Book = { fields = { id = { type = "integer" }, title = text, ["end"] = text } } },
  resources = {
    books = {
      title = "Books", key = "id", record = "Book",
      operations = {
        list = {
          id = "books_list", method = "GET", path = "/books", effect = "read", summary = "List books",
          pages = { style = "none", items = { "$" } }, success = { 200 },
        },
        change = {
          id = "books_change", method = "PATCH", path = "/books/{id}", effect = "update", summary = "Change a book",
          params = { { name = "id", type = "integer" } }, fields = { title = text, ["end"] = text },
          answer = "object", read = "list", inverse = "change", success = { 200 },
        },
      },
    },
  },
  notes = {},
}
service.NAMES[#service.NAMES + 1] = "shelf"

check.match(help.text("shelf"), "\n  books       Books: change, list, pages\n", nil, true)
check.match(help.text("shelf"), "SHELF_URL", nil, true)
check.match(help.text("books"), 'shelf.books: Books', nil, true)
check.match(help.text("shelf.books.change"), 'shelf.books:change(42, { ["end"] = "end" })', nil, true)
check.match(help.text("shelf.books.change"), "id          record or integer\n", nil, true)
local _, meant = help.text("shelf.boks")
check.equal(meant, "shelf.books")

local file = stubs.files()[5]
check.equal(file.name, "shelf.lua")
check.ok(load(file.text))
check.match(file.text, '---@field ["end"]? string\n---@field id integer\n---@field title? string\n', nil, true)
check.match(file.text, "function books:change(id, fields) end", nil, true)
check.match(stubs.files()[1].text, '---@overload fun(service: "shelf"): moonlever.shelf\n', nil, true)

local page = reference.files()[6]
check.equal(page.name, "shelf.md")
check.match(page.text, "| [`books:change(id, fields)`](#books.change) | change | Change a book |", nil, true)
check.match(reference.files()[1].text, "| [shelf](shelf.md) | Shelf: 2 operations | change 1, read 1 |", nil, true)

check.equal(complete.names "she", { "shelf" })
check.equal((complete.line("s.books:change(1, { t", { s = "shelf" })), { "title" })

check.done(16)
