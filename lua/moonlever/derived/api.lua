-- SPDX-License-Identifier: MIT
-- The public table of `require "moonlever"` as data: what each member takes and returns.
--
-- The catalogues describe the services; this describes the rest. Types are spelled as
-- the language server of Lua spells them, which people can read as well. A test holds
-- this against the table itself, both ways.
--
-- A function is { name, summary, params = { { name, type, text } }, returns = { { type,
-- text } }, example }; a value is { name, value = type, summary, example }. A class is
-- { name, summary, fields, methods, call }; types of options are classes as well.
--
--   api.find("csv.reader").summary

local api = {}

local STYLE = { "style?", '"title"|"description"', "how tags are written: [tag] or #tag; \"title\" unless given" }
local CHANGED = { { "string", "the new text" }, { "boolean", "whether it changed" } }
local SOURCE = { "source", "table|fun(): any", "an array, or an iterator such as recordings:list()" }

api.functions = {
  {
    name = "connect", summary = "A client of a service. Sends nothing.",
    params = { { "service", "string|moonlever.connect_options", "the name of a service, or a table of options" } },
    returns = { { "moonlever.client", "its members are the resources of the service" } },
    example = 'local screendesk = moonlever.connect "screendesk"',
  },
  {
    name = "openapi", summary = "A client from an OpenAPI 3 document in JSON.",
    text = "Resources and methods are named after the operationIds: users_list is client.users:list(). Writes are "
      .. "journalled like all others; resume, apply and undo know the services that Moonlever brings along only.",
    params = {
      { "document", "string|table", "path of a JSON file, or the decoded document" },
      { "options?", "moonlever.openapi_options", "what the document leaves open" },
    },
    returns = { { "moonlever.client", "its members are the resources of the document" } },
    example = 'local shop = moonlever.openapi("shop.json", { url = "https://shop.example", token_env = "SHOP_TOKEN" })',
  },
  {
    name = "script", summary = "The header of a script: its arguments, its help, and what it may write.",
    text = "To be called once, before anything is read or changed. A wrong argument ends the run with exit code 2.",
    params = { { "header", "moonlever.script_header", "what the script is for, and what it takes" } },
    returns = { { "table", "the values by argument name; opt:fail(message) ends the run with exit code 2" } },
    example = 'local opt = moonlever.script { summary = "Retag", writes = { "screendesk.recordings" }, '
      .. 'args = { from = { "old tag", required = true } } }',
  },
  {
    name = "each", summary = "Calls fn(item) for every item, several at a time, and goes on after failures.",
    text = "What fn returns decides: false or \"skip\" is skipped; nil and a reason has failed; anything else is ok. "
      .. "A raised error object is a failure as well. Failures make the run exit with 3. Raises guard when too many "
      .. "have failed.",
    params = {
      SOURCE, { "fn", "fun(item: any, ...): any", "what to do with one item" },
      { "options?", "moonlever.each_options", "how many at a time, and when to stop" },
    },
    returns = { { "moonlever.each_report", "how the items went" } },
    example = "moonlever.each(screendesk.recordings:list(), function(rec) print(rec.title) end, { concurrency = 16 })",
  },
  {
    name = "map", summary = "Calls fn(item) for every item, several at a time, and collects the results.",
    text = "Raises the first error, after cancelling the rest.",
    params = {
      SOURCE, { "fn", "fun(item: any, ...): any", "what to do with one item" },
      { "options?", "{ concurrency?: integer }", "how many at a time" },
    },
    returns = { { "any[]", "the results, in the order of the source" }, { "integer", "how many there are" } },
    example = "local titles = moonlever.map(screendesk.recordings:list(), function(rec) return rec.title end)",
  },
  {
    name = "all", summary = "Waits for several tasks.",
    text = "Raises the first error to happen, after cancelling the rest.",
    params = { { "tasks", "(moonlever.task|fun(): any)[]", "tasks, or functions that are started here" } },
    returns = { { "any[]", "the first result of each, in the order given" } },
    example = "local results = moonlever.all { function() return 1 end, function() return 2 end }",
  },
  {
    name = "spawn", summary = "Starts fn(...) as a task of its own.",
    params = { { "fn", "fun(...): any", "what to run" }, { "...", "any", "its arguments" } },
    returns = { { "moonlever.task", "to wait for, or to cancel" } },
    example = "local task = moonlever.spawn(function() return 42 end)",
  },
  {
    name = "sleep", summary = "Waits without holding up other tasks.",
    params = { { "seconds", "number", "from 0" } }, returns = {},
    example = "moonlever.sleep(0.5)",
  },
  {
    name = "try", summary = "Calls fn(...), and returns nil and the error object where one was raised.",
    text = "Programming errors (plain texts) pass through: hiding them would hide bugs of the script.",
    params = { { "fn", "fun(...): any", "what to call" }, { "...", "any", "its arguments" } },
    returns = { { "any", "what fn returns, or nil" }, { "moonlever.error?", "the error object" } },
    example = 'local rec, err = moonlever.try(screendesk.recordings.get, screendesk.recordings, "no-such-id")',
  },
  {
    name = "report", summary = "Adds sums to the closing report of the run.",
    text = "What is missing between the total and its parts is shown as unaccounted.",
    params = { { "options", "moonlever.report_options", "a title, a total, and its parts in order" } }, returns = {},
    example = 'moonlever.report { title = "retag", total = 3, { "changed", 2 }, { "already so", 1 } }',
  },
  {
    name = "help", summary = "Prints help about a client, a resource, a method, or a name.",
    params = { { "about?", "any", "a client, a resource or a method of one, or a name; left out: what there is" } },
    returns = {},
    example = 'moonlever.help "screendesk.recordings.update"',
  },
  {
    name = "array", summary = "Marks a table as a list, so that it is sent as [] even when it is empty.",
    params = { { "list", "table", "a table without a metatable" } }, returns = { { "table", "the same table" } },
    example = "print(moonlever.json.encode(moonlever.array {}))",
  },
  {
    name = "json.encode", summary = "A value as JSON.",
    params = {
      { "value", "any", "moonlever.null is null" },
      { "options?", "{ sorted?: boolean, depth?: integer }", "sorted: members in the order of their names" },
    },
    returns = { { "string", "the text" } },
    example = "print(moonlever.json.encode({ b = 1, a = 2 }, { sorted = true }))",
  },
  {
    name = "json.decode", summary = "JSON as a value; integers stay integers, null is moonlever.null.",
    params = {
      { "text", "string", "JSON" },
      { "options?", '{ null?: "keep"|"drop", depth?: integer }', 'null = "drop" leaves null members out' },
    },
    returns = { { "any", "the value" } },
    example = 'print(moonlever.json.decode("[1, 2]")[1])',
  },
  {
    name = "jsonl.writer", summary = "Writes JSON lines: one value a line, members in the order of their names.",
    text = "The file is there whole or not at all: it takes its name on close.",
    params = { { "path", "string", 'file name, or "-" for the output' } },
    returns = { { "moonlever.jsonl_writer", "may stand in a local … <close>" } },
    example = 'local lines <close> = moonlever.jsonl.writer("recordings.jsonl")',
  },
  {
    name = "csv.reader", summary = "Reads a CSV file row by row: an iterator for the generic for.",
    text = "Cells are strings; an empty cell is \"\". What could be misread is an error with file and line.",
    params = {
      { "path", "string", 'file name, or "-" for standard input' },
      { "options?", "moonlever.csv_reader_options", "how the file is written" },
    },
    returns = { { "moonlever.csv_reader", "gives a row, keyed by the header, and its line" } },
    example = 'for row, line in moonlever.csv.reader("people.csv") do print(line, row.email) end',
  },
  {
    name = "csv.writer", summary = "Writes a CSV file, header first.",
    text = "Cells that a spreadsheet would run as formulas get a ' in front. The file is there whole or not at all.",
    params = {
      { "path", "string", 'file name, or "-" for the output' },
      { "columns", "string[]", '"a.b" takes the field b of the field a' },
      { "options?", "moonlever.csv_writer_options", "how to write it" },
    },
    returns = { { "moonlever.csv_writer", "may stand in a local … <close>" } },
    example = 'local file <close> = moonlever.csv.writer("out.csv", { "uuid", "title" })',
  },
  {
    name = "tags.parse", summary = "The tags of a text, in order, each once.",
    params = { { "text?", "string", "a title or description" }, STYLE }, returns = { { "string[]", "the tags" } },
    example = 'print(moonlever.tags.parse("[a] x [b]")[2])',
  },
  {
    name = "tags.has", summary = "Does the text hold this tag?",
    params = { { "text?", "string", "a title or description" }, { "tag", "string", "without its mark" }, STYLE },
    returns = { { "boolean", "true where it does" } },
    example = 'print(moonlever.tags.has("[billing] Export", "billing"))',
  },
  {
    name = "tags.add", summary = "The text with the tag in it.",
    params = {
      { "text?", "string", "a title or description" }, { "tag", "string", "without its mark" }, STYLE,
      { "options?", "{ front?: boolean }", "front = true puts it in front instead of behind" },
    },
    returns = CHANGED, example = 'print(moonlever.tags.add("Export", "billing"))',
  },
  {
    name = "tags.remove", summary = "The text without the tag.",
    params = { { "text?", "string", "a title or description" }, { "tag", "string", "without its mark" }, STYLE },
    returns = CHANGED, example = 'print(moonlever.tags.remove("[old] Export", "old"))',
  },
  {
    name = "tags.swap", summary = "The text with one tag in the place of another.",
    text = "A text without the first tag stays as it is.",
    params = {
      { "text?", "string", "a title or description" }, { "from", "string", "the tag that goes" },
      { "to", "string", "the tag that comes" }, STYLE,
    },
    returns = CHANGED, example = 'print(moonlever.tags.swap("[old] Export", "old", "new"))',
  },
  {
    name = "tags.set", summary = "The text with exactly these tags.",
    params = {
      { "text?", "string", "a title or description" }, { "list", "string[]", "the tags that are to be there" }, STYLE,
    },
    returns = CHANGED, example = 'print(moonlever.tags.set("[old] Export", { "a", "b" }))',
  },
}

api.values = {
  {
    name = "null", value = "moonlever.null", summary = "JSON's null: to clear a member, since nil means \"not named\".",
    example = "screendesk.recordings:update(uuid, { summary = moonlever.null })",
  },
  {
    name = "host", value = "table<string, fun(...): any>",
    summary = "Functions that the program around Moonlever lends to its scripts; none on the command line.",
    example = 'local booked = moonlever.host.book("T-1", 5)',
  },
}

api.client = {
  name = "request", summary = "Sends what no catalogue names: same address, credential, pace, journal and guards.",
  text = "A script with a licence needs \"SERVICE.request\" in writes for anything but GET and HEAD.",
  params = { { "options", "moonlever.request_options", "method, path and what goes with it" } },
  returns = {
    { "any", "the decoded body, nil where there is none" }, { "moonlever.answer", "status and headers" },
  },
  example = 'local body, answer = screendesk:request { path = "/api/v2/recordings", query = { page = 2 } }',
}

api.classes = {
  {
    name = "connect_options", summary = "What connect takes.",
    fields = {
      { "service?", "string", "the name of the service; may be left out with a profile" },
      { "profile?", "string", "the account: a profile of config.lua, or one that login has made" },
      { "url?", "string", "scheme and host; else from the profile or the environment" },
      { "rate?", "number", "requests a second at most; 0 = no limit" },
      { "concurrency?", "integer", "requests in flight at most" },
      { "headroom?", "number", "use at most this percentage of a known quota" },
    },
  },
  {
    name = "openapi_options", summary = "What openapi takes.",
    fields = {
      { "name?", "string", "what the service is called; from the title unless given" },
      { "url?", "string", "scheme and host; else the first server of the document" },
      { "token_env?", "string", "environment variable with the credential; NAME_TOKEN unless given" },
      { "tokens?", "table", "scheme name -> variable, where there are several" },
      { "rate?", "number", "requests a second at most; 0 = no limit" },
      { "concurrency?", "integer", "requests in flight at most" },
      { "headroom?", "number", "use at most this percentage of a known quota" },
    },
  },
  {
    name = "script_header", summary = "What script takes.",
    fields = {
      { "summary", "string", "one line: what the script is for" },
      { "description?", "string", "more, for --help" },
      { "writes?", "string[]", "\"service.resource\": any other write is refused" },
      { "switches?", "string[]", "what reaches people and is off otherwise: \"messages\", \"notifications\"" },
      { "args?", "table<string, moonlever.script_argument>", "what it takes" },
      { "examples?", "string[]", "command lines, for --help" },
      { "shows?", "boolean", "the script itself says what a dry run would change" },
    },
  },
  {
    name = "script_argument", summary = "An argument of a script; the text comes first in the table.",
    fields = {
      { "[1]", "string", "what it is" },
      { "type?", '"string"|"integer"|"number"|"boolean"|"file"|"list"|"enum"', "string unless given" },
      { "required?", "boolean", "must be given" },
      { "default?", "any", "where it is not given" },
      { "short?", "string", "one letter" },
      { "value?", "string", "what its value is called in help" },
      { "values?", "string[]", "of enum and list: the only values" },
      { "min?", "number", "smallest number" },
      { "max?", "number", "largest number" },
      { "positional?", "integer", "its place, where it may stand without its name" },
    },
  },
  {
    name = "each_options", summary = "What each takes.",
    fields = {
      { "concurrency?", "integer", "1 to 1000; as set for the run unless given" },
      { "stop_after?", "integer|false", "stop when this many have failed; false = never" },
      { "expect?", "integer", "changes to expect, for the question before the first one" },
    },
  },
  {
    name = "each_report", summary = "How the items of each went; ok + failed + skipped is the total.",
    fields = {
      { "ok", "integer", "done" }, { "failed", "integer", "failed" }, { "skipped", "integer", "nothing to be done" },
      { "total", "integer", "all" }, { "failures", "{ item: any, error: moonlever.error }[]", "what failed, and why" },
    },
  },
  {
    name = "report_options", summary = "What report takes: { name, number } in order, then these.",
    fields = {
      { "title", "string", "what was done" }, { "total?", "integer", "how many items there were" },
      { "lines?", "string[]", "further lines" },
      { "failures?", "{ item: any, error: moonlever.error }[]", "as each returns them" },
      { "[integer]", "{ [1]: string, [2]: integer }", "a part of the total" },
      { "[string]", "any", "a whole number: one more part; anything else: a remark" },
    },
  },
  {
    name = "task", summary = "A task that was started with spawn.",
    fields = {},
    methods = {
      { "await", {}, { "any" }, "Waits for its end: the results, or its error is raised." },
      { "cancel", {}, {}, "Stops it." },
      { "status", {}, { '"running"|"done"|"failed"|"cancelled"' }, "How it is." },
    },
  },
  {
    name = "error", summary = "What is raised when something fails; tostring(err) says it all in words.",
    fields = {
      {
        "kind",
        '"network"|"timeout"|"auth"|"forbidden"|"notfound"|"invalid"|"conflict"|"throttled"|"remote"|"decode"'
          .. '|"nodata"|"cancelled"|"guard"|"usage"', "what it is about",
      },
      { "message", "string", "one line" },
      { "reason?", "string", "its last part: what went wrong" },
      { "status?", "integer", "the status, when there was an answer" },
      { "detail?", "string", "the service's own words" },
      { "operation?", "string", "such as \"screendesk.recordings.update\"" },
      { "target?", "string", "what it was about" },
      { "fix?", "string", "what to do next" },
      { "outcome?", '"failed"|"conflict"|"unknown"', "of a write" },
      { "request_id?", "string", "the service's id of the request" },
      { "attempts?", "integer", "how often it was sent" },
      { "where?", "string", "the line of the script, for wrong arguments" },
    },
  },
  {
    name = "request_options", summary = "What client:request takes.",
    fields = {
      { "method?", '"GET"|"HEAD"|"POST"|"PUT"|"PATCH"|"DELETE"', "GET unless given" },
      { "path", "string", "begins with a slash" },
      { "query?", "table|string", "a table, or an encoded string" },
      { "headers?", "table<string, string>", "further headers" },
      { "body?", "any", "a string as it is, anything else as JSON" },
      { "credential?", "string", "a name out of the catalogue; told from the path unless given" },
      { "timeout?", "number", "seconds" },
    },
  },
  {
    name = "answer", summary = "What came beside a body.",
    fields = {
      { "status", "integer", "the HTTP status" },
      { "headers", "table<string, string>", "looked up without regard to case" },
      { "planned?", "boolean", "a dry run: nothing was sent" },
    },
  },
  {
    name = "jsonl_writer", summary = "A file of JSON lines.", fields = {},
    methods = {
      { "write", { { "value", "any" } }, {}, "Writes one value as a line." },
      { "close", {}, {}, "Writes the rest and gives the file its name." },
      { "discard", {}, {}, "Leaves no file behind." },
    },
  },
  {
    name = "csv_reader_options", summary = "How a CSV file is read.",
    fields = {
      { "header?", "boolean", "false: rows are arrays" }, { "separator?", "string", "found out unless given" },
      { "raw?", "boolean", "keep the ' in front of formulas" }, { "text?", "string", "read this text" },
    },
  },
  {
    name = "csv_writer_options", summary = "How a CSV file is written.",
    fields = {
      { "separator?", "string", '"," unless given' }, { "raw?", "boolean", "write formulas as they are" },
      { "bom?", "boolean", "byte order mark in front, for Excel" }, { "header?", "boolean", "false: no line of names" },
    },
  },
  {
    name = "csv_reader", summary = "The rows of a CSV file.", call = "fun(): table<string, string>, integer",
    fields = { { "columns", "string[]", "the names in order, with a header" } },
    methods = { { "close", {}, {}, "Ends the reading." } },
  },
  {
    name = "csv_writer", summary = "A CSV file that is being written.", fields = {},
    methods = {
      { "write", { { "row", "table" } }, {}, "Writes a row: keyed by column, or an array of cells." },
      { "close", {}, {}, "Writes the rest and gives the file its name." },
      { "discard", {}, {}, "Leaves no file behind." },
    },
  },
}

--- The entry of a public name ("csv.reader", "null"), or nil.
function api.find(name)
  for _, list in ipairs { api.functions, api.values } do
    for _, entry in ipairs(list) do
      if entry.name == name then return entry end
    end
  end
  return nil
end

--- The class of that name, or nil.
function api.class(name)
  for _, class in ipairs(api.classes) do
    if class.name == name then return class end
  end
  return nil
end

--- "moonlever.csv.reader(path, [options])"; values have no parentheses.
function api.signature(entry)
  if entry.value then return "moonlever." .. entry.name end
  local names = {}
  for i, param in ipairs(entry.params) do
    local name = param[1]
    names[i] = name:find("%?$") and ("[%s]"):format(name:sub(1, -2)) or name
  end
  local front = entry == api.client and "client:" or "moonlever."
  return ("%s%s(%s)"):format(front, entry.name, table.concat(names, ", "))
end

return api
