-- SPDX-License-Identifier: MIT
-- Help texts in lines of at most 80 columns: headings, pairs, paragraphs. The form is
-- that of the help of the program's flags (src/cli/help.c).
--
--   local page = layout.new()
--   page:heading("FIELDS")
--   page:pair("title", "string; new title", 24)
--   io.write(page:text())

local layout = {}

local WIDTH = 80

local Page = {}
Page.__index = Page

--- An empty page.
function layout.new()
  return setmetatable({ lines = {} }, Page)
end

--- Columns of a text in UTF-8.
function layout.width(text)
  return utf8.len(text) or #text
end

--- Text in lines of at most 80 columns; further lines begin at `column`, the first one
-- is taken to stand there. Returns an array.
function layout.wrapped(text, column)
  local lines, line = {}, ""
  for word in text:gmatch("%S+") do
    if line == "" then
      line = word
    elseif column + layout.width(line) + 1 + layout.width(word) > WIDTH then
      lines[#lines + 1] = line
      line = word
    else
      line = line .. " " .. word
    end
  end
  lines[#lines + 1] = line
  return lines
end

--- Code in lines: not broken around "=", nor inside a short table.
function layout.code(text)
  local tied = text:gsub(" = ", "\1=\1"):gsub("{ [^{},]* }", function(part) return (part:gsub(" ", "\1")) end)
  local lines = layout.wrapped(tied, 4)
  for i, line in ipairs(lines) do lines[i] = line:gsub("\1", " ") end
  return lines
end

--- One line as it is.
function Page:line(text)
  self.lines[#self.lines + 1] = (text or ""):gsub("%s+$", "")
end

--- A heading, with an empty line in front.
function Page:heading(title)
  self:line()
  self:line(title)
end

--- A paragraph, `indent` columns in.
function Page:paragraph(text, indent)
  indent = indent or 2
  for _, line in ipairs(layout.wrapped(text, indent)) do self:line((" "):rep(indent) .. line) end
end

--- A list item: its further lines stand below its text.
function Page:item(text)
  for i, line in ipairs(layout.wrapped(text, 4)) do self:line((i == 1 and "  - " or "    ") .. line) end
end

--- "  name    what it is", the name on a line of its own when it is long.
function Page:pair(name, text, column)
  local first = "  " .. name
  if layout.width(first) + 1 > column then
    self:line(first)
    first = ""
  end
  first = first .. (" "):rep(column - layout.width(first))
  for i, line in ipairs(layout.wrapped(text, column)) do
    self:line((i == 1 and first or (" "):rep(column)) .. line)
  end
end

-- Where texts begin: behind the longest name, within reason.
local function column_of(rows)
  local column = 14
  for _, row in ipairs(rows) do column = math.max(column, layout.width(row[1]) + 4) end
  return math.min(column, 28)
end

--- Rows { name, text } in two columns.
function Page:pairs(rows)
  local column = column_of(rows)
  for _, row in ipairs(rows) do self:pair(row[1], row[2], column) end
end

--- The page as one text.
function Page:text()
  return table.concat(self.lines, "\n") .. "\n"
end

return layout
