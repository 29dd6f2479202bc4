-- SPDX-License-Identifier: MIT
-- CSV files: what is read, what is refused and where, what is written.
local check = require "check"
local csv = require "moonlever.csv"
local out = require "moonlever.out"
local raw = require "moonlever.raw"

local function read(text, options)
  options = options or {}
  options.text = text
  local rows = {}
  for row in csv.reader("people.csv", options) do rows[#rows + 1] = row end
  return rows
end

local function arrays(text, options)
  options = options or {}
  options.header = false
  return read(text, options)
end

local function slurp(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("a")
  file:close()
  return text
end

-- Rows keyed by header, in the forms that files come in.
local want = { { email = "ann@example.com", role = "admin" }, { email = "bo@example.com", role = "" } }
check.equal(read("email,role\nann@example.com,admin\nbo@example.com,\n"), want, "LF")
check.equal(read("email,role\r\nann@example.com,admin\r\nbo@example.com,"), want, "CRLF, no last break")
check.equal(read("email,role\rann@example.com,admin\rbo@example.com,\r"), want, "CR")
check.equal(read("\xEF\xBB\xBFemail;role\nann@example.com;admin\nbo@example.com;\n"), want, "BOM and ;")
check.equal(read("email\trole\nann@example.com\tadmin\nbo@example.com\t\n"), want, "tab")
check.equal(read("sep=;\r\nemail;role\r\nann@example.com;admin\r\nbo@example.com;"), want, "sep=")
check.equal(read("\n email , role \n\nann@example.com,admin\n\nbo@example.com,\n\n"), want, "empty lines")
check.equal(read("email|role\nann@example.com|admin\nbo@example.com|\n", { separator = "|" }), want, "told")
check.equal(read('"a,b;c";x\n1;2\n'), { { ["a,b;c"] = "1", x = "2" } }, "separators inside quotes")
check.equal(read("email\n"), {}, "a header alone")
check.equal(read("a,b,\n1,2,\n"), { { a = "1", b = "2" } }, "an empty last column")

-- Quotes, RFC 4180 2.5 to 2.7.
check.equal(arrays('"a","b ""c""","d\r\ne",""\n'), { { "a", 'b "c"', "d\r\ne", "" } }, "quotes")
check.equal(arrays('""\n"x"'), { { "" }, { "x" } }, "a quoted empty cell is a row")
check.equal(arrays('1,2,3\n4\n', { separator = "," }), { { "1", "2", "3" }, { "4" } }, "rows of any width")

-- The line that comes with a row is where it starts.
local lines = {}
for _, line in csv.reader("x", { text = 'a\n"1\n2"\n3\r\n\r\n4' }) do lines[#lines + 1] = line end
check.equal(lines, { 2, 4, 6 }, "lines")

-- Formulas: the reader takes away what the writer puts there, and nothing else.
check.equal(arrays("'=1+1,'plain,''-x,'-5,-5"), { { "=1+1", "'plain", "'-x", "-5", "-5" } }, "unguard")
check.equal(arrays("'=1+1", { raw = true }), { { "'=1+1" } }, "raw reading")

-- What could be misread is refused, with file and line.
local function refused(text, where, words, options)
  local err = check.raises("usage", options and options.header == false and arrays or read, text, options)
  check.match(err.message, "^people%.csv:" .. where .. ": ")
  check.match(tostring(err), words)
end
refused("", 1, "the file is empty")
refused("a,b\n1,2\n1,2,3\n", 3, "3 cells, but the header has 2 columns")
refused("a,b\n1\n", 2, "1 cells")
refused("a,a\n1,2\n", 1, "'a' is there twice")
refused("a,\n1,2\n", 2, "has no name")
refused('a\n"b\nc', 2, "never closed")
refused('a\n"b"c\n', 2, "behind a closing quote")
refused('a\nb"c"\n', 2, "does not start with one")
refused("a\n\xE4\n", 2, "not UTF%-8")
refused("a\n\0\n", 2, "NUL")
refused("\xFF\xFEa\0", 1, "UTF%-16")
refused('"' .. ("x"):rep(17 * 1024 * 1024), 1, "16 MiB")
check.equal(#arrays((("x"):rep(4095) .. "\n"):rep(5000)), 5000, "a long text of short rows")
check.raises("usage", csv.reader, "")
check.raises("usage", csv.reader, 42)
check.match(check.raises("usage", csv.reader, "/nowhere/x.csv").message, "cannot read /nowhere/x%.csv")
check.match(check.raises("usage", csv.reader, "/tmp", { header = false }).message, "cannot read on")
check.match(check.raises("usage", csv.reader, "x", { seperator = ";" }).message, "did you mean 'separator'")
check.raises("usage", csv.reader, "x", { separator = ";;" })
check.raises("usage", csv.reader, "x", { header = 1 })

-- A row of the wrong width is passed over when the caller goes on.
local reader = csv.reader("people.csv", { text = "a,b\n1\n2,3\n" })
check.raises("usage", reader)
check.equal(reader(), { a = "2", b = "3" }, "the row behind a bad one")
check.equal(reader(), nil, "end")
check.equal(reader(), nil, "still the end")

-- Writing.
local path = os.tmpname()
local function written(columns, rows, options)
  local file = csv.writer(path, columns, options)
  for _, row in ipairs(rows) do file:write(row) end
  file:close()
  return slurp(path)
end
check.equal(written({ "a", "b" }, { { a = "x", b = 1, c = "left out" }, { b = true }, { "y", "z" } }),
  "a,b\r\nx,1\r\n,true\r\ny,z\r\n", "rows by name and by place")
check.equal(written({ "a" }, { { a = 'say "hi"' }, { a = "x,y" }, { a = "x;y" }, { a = "1\n2" }, { a = "" },
  { a = raw.null } }), 'a\r\n"say ""hi"""\r\n"x,y"\r\n"x;y"\r\n"1\n2"\r\n""\r\n""\r\n', "quotes")
check.equal(written({ "n" }, { { n = 28.5 }, { n = 1e300 }, { n = 0.1 + 0.2 }, { n = math.mininteger } }),
  "n\r\n28.5\r\n1e+300\r\n0.30000000000000004\r\n-9223372036854775808\r\n", "numbers")
check.equal(written({ "m.t.id", "m.x" }, { { m = { t = { id = 7 } } }, { ["m.t.id"] = 8 }, {} }),
  "m.t.id,m.x\r\n7,\r\n8,\r\n,\r\n", "paths")
check.equal(written({ "=a" }, { { "=1" }, { "+1" }, { "-1" }, { "-x" }, { "@x" }, { "\tx" }, { "'=1" }, { "＝1" } }),
  "'=a\r\n'=1\r\n'+1\r\n-1\r\n'-x\r\n'@x\r\n\"'\tx\"\r\n''=1\r\n'＝1\r\n", "formulas")
check.equal(written({ "a" }, { { "=1" } }, { raw = true }), "a\r\n=1\r\n", "raw")
check.equal(written({ "a", "b" }, { { 1, 2 } }, { separator = ";", bom = true, header = false }),
  "\xEF\xBB\xBF1;2\r\n", "options")

-- What cannot be written is refused.
local file = csv.writer(path, { "a" })
check.match(tostring(check.raises("usage", file.write, file, { a = {} })), "column 'a' of row 1 is a table")
check.raises("usage", file.write, file, { a = 0 / 0 })
check.raises("usage", file.write, file, { 1, 2 })
check.raises("usage", file.write, file, "x")
file:discard()
check.raises("usage", file.write, file, { a = 1 })
check.raises("usage", csv.writer, path, {})
check.raises("usage", csv.writer, path, { "a", "a" })
check.raises("usage", csv.writer, path, { "a", "" })
check.match(check.raises("usage", csv.writer, "/nowhere/x.csv", { "a" }).message, "cannot write /nowhere/x%.csv")
check.raises("usage", csv.writer, path, { "a" }, { separator = '"' })

-- There whole or not at all.
local function is_there(name)
  local handle = io.open(name, "rb")
  if handle then handle:close() end
  return handle ~= nil
end
written({ "a" }, { { "old" } })
file = csv.writer(path, { "a" })
file:write { "new" }
check.equal(slurp(path), "a\r\nold\r\n", "untouched before close")
file:discard()
check.equal(slurp(path), "a\r\nold\r\n", "untouched after discard")
check.equal(is_there(file.file.temporary), false, "nothing left")
local temporary
local ok = pcall(function()
  local block <close> = csv.writer(path, { "a" })
  temporary = block.file.temporary
  check.equal(is_there(temporary), true, "the temporary file")
  block:write { "new" }
  error("the script broke")
end)
check.equal({ ok, slurp(path), is_there(temporary) }, { false, "a\r\nold\r\n", false }, "after an error")
do
  local block <close> = csv.writer(path, { "a" })
  block:write { "newer" }
end
check.equal(slurp(path), "a\r\nnewer\r\n", "leaving the block closes")
os.remove(path)

-- A full disk is an error: on close, and while writing.
file = csv.writer("/dev/full", { "a" })
check.match(check.raises("usage", file.close, file).message, "cannot write /dev/full: No space")
file = csv.writer("/dev/full", { "a" })
check.raises("usage", function() for _ = 1, 100000 do file:write { "xxxxxxxxxxxxxxxx" } end end)

-- JSON lines.
local jsonl = out.jsonl(path)
jsonl:write { b = 1, a = { raw.null } }
jsonl:write "x"
jsonl:close()
jsonl:close()
check.equal(slurp(path), '{"a":[null],"b":1}\n"x"\n', "JSON lines")
check.raises("usage", jsonl.write, jsonl, 1)
check.raises("usage", out.jsonl, "")
check.raises("usage", out.jsonl, nil)
os.remove(path)

check.done(100)
