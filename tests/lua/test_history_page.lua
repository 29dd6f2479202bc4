-- SPDX-License-Identifier: MIT
-- run: -q
-- `moonlever runs RUN --html`: the page over a made-up journal. Nothing from outside becomes
-- markup; the sums add up; what does not fit is said; the timeline loses nothing.
local check = require "check"
local made_up = require "made_up"
local raw = require "moonlever.raw"
local csv = require "moonlever.csv"
local runs = require "moonlever.history.runs"
local chart = require "moonlever.history.page.chart"
local markup = require "moonlever.history.page.markup"
local remedy = require "moonlever.history.page.remedy"
local rows = require "moonlever.history.page.rows"
local sections = require "moonlever.history.page.sections"
local survey = require "moonlever.history.page.survey"
local timeline = require "moonlever.history.page.timeline"
local text_of = require "moonlever.history.text"

local T = made_up.T
local path = os.tmpname()

local function page(data, ...)
  local host = made_up.host(data)
  runs.main({ "--html", path, ... }, host)
  local file <close> = assert(io.open(path, "rb"))
  return file:read("a"), host.text
end

-- As check.match, but a page is too long to be shown.
local function has(s, what)
  check.ok(s:find(what, 1, true), what)
end

local function count(s, what)
  local n, at = 0, 1
  while true do
    at = s:find(what, at, true)
    if not at then return n end
    n, at = n + 1, at + #what
  end
end

-- Escaping --------------------------------------------------------------------

check.equal(markup.escape("<b a=\"x\" c='y'>&amp;"), "&lt;b a=&quot;x&quot; c=&#39;y&#39;&gt;&amp;amp;")
check.equal(markup.escape("grüße 日本"), "grüße 日本")
check.equal(markup.escape("a\0\27\n\127\u{202E}\u{2028}\u{85}\xFF\u{FFFE}\u{FFFF}"),
  "a\\x00\\x1B\\n\\x7F\\u{202E}\\u{2028}\\u{85}\\xFF\\u{FFFE}\\u{FFFF}")
check.equal(markup.escape(7), "7")
check.equal(markup.format("<i>%s</i>%d%%", "<", 5), "<i>&lt;</i>5%")
for byte = 0, 255 do
  local shown = markup.escape(string.char(byte))
  if shown:find("[<>\"'%c]") or not utf8.len(shown) or shown == "&" then
    error(("byte %d is shown as %q"):format(byte, shown))
  end
end

local pieces = {}
local function keep(piece) pieces[#pieces + 1] = piece end
markup.fill("a{{x}}b{{y}}{{x}}", { x = "{{y}}", y = function(write) write "1" write "2" end }, keep)
check.equal(table.concat(pieces), "a{{y}}b12{{y}}", "what a slot writes is not looked into")
check.equal(markup.hash(""), "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")
check.equal(markup.hash("abc"), "sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=")
check.ok(not markup.file("script.js"):find("SPDX", 1, true))

-- A hostile journal -----------------------------------------------------------

local evil, id = made_up.hostile()
local text = page(evil, id)
check.ok(utf8.len(text), "UTF-8")
check.ok(not text:gsub("\n", ""):find("%c"), "no control character")
for _, code in ipairs { 0x85, 0x9F, 0x2028, 0x2029, 0x202E, 0x2066, 0x2069, 0xFFFE, 0xFFFF } do
  check.ok(not text:find(utf8.char(code), 1, true), ("U+%04X"):format(code))
end
check.equal({ count(text, "<script"), count(text, "</script"), count(text, "<style"), count(text, "</style"),
  count(text, "<!--"), count(text, "<img"), count(text, "{{") }, { 1, 1, 1, 1, 0, 0, count(text, "{{changes}}") })
check.equal(count(text, "]]>"), 2, "the ends of the script and the style")
check.equal(count(text, 'data-s="'), #made_up.HOSTILE + 6, "each change, and a button for each state")
check.ok(not text:find("hush-hush", 1, true), "the value of --token")
has(text, "--token &#39;***&#39;")
has(text, "\\u{202E}gnp.exe")
has(text, "&lt;/script&gt;&lt;script&gt;document.title=&#39;taken&#39;")
check.ok(not text:lower():find("src%s*=%s*[\"']?http"))
check.equal(count(text, "url("), 0)
check.equal(count(text, "@import"), 0)
check.ok(text:find("default%-src 'none'; script%-src 'sha256%-[%w+/=]+'; style%-src 'sha256%-[%w+/=]+';"))
for element, name in pairs { script = "script.js", style = "style.css" } do
  local inside = text:match(("<%s>(.-)</%s>"):format(element, element))
  check.equal(inside, markup.inside(markup.file(name)), "none of it is ours to change: " .. element)
  has(text, ("'%s'"):format(markup.hash(inside)))
end

-- Random bytes, everywhere at once.
local seed = 7
local function random(n)
  seed = (seed * 1103515245 + 12345) % 2147483648
  return seed // 65536 % n
end
local function noise(length)
  local bytes = {}
  for i = 1, length do
    bytes[i] = string.char(random(3) == 0 and random(256) or ("<>&\"'-!]{}\\/ a"):byte(random(14) + 1))
  end
  return table.concat(bytes)
end
for _ = 1, 40 do
  local change = made_up.change(1, "F", { target = noise(30), reason = noise(60), operation = noise(9),
    before = { x = text_of.valid("a" .. noise(40)) }, after = { x = "a" } })
  change.state = "failed"
  local row = rows.of(change, { { n = 1, started = T, ended = T, sends = 1, status = 500, error = noise(20) } })
  local rest = row:gsub("</?[a-z]+[^<>]*>", "")
  if rest:find("[<>\"']") or not utf8.len(row) or rest:gsub("\n", ""):find("%c") then error(("%q"):format(row)) end
end

-- What it says ----------------------------------------------------------------

local long = ("word "):rep(40)
local data = {
  held = { [4] = true },
  runs = {
    made_up.run(4, "q4aaaaaaaaaa"), made_up.run(3, "k3bbbbbbbbbb", { noop = 7, state = "partial", exit = 3 }),
    made_up.run(2, "u2cccccccccc", { kind = "undo", undo_of = "m1dddddddddd" }),
    made_up.run(1, "m1dddddddddd", { kind = "apply", plan = "sha256:0123456789abcdef" }),
    made_up.run(5, "p5eeeeeeeeee", { kind = "plan", state = "planned" }),
    made_up.run(6, "s6ffffffffff"),
  },
  changes = {
    k3bbbbbbbbbb = {
      made_up.change(1, "C", { before = raw.json.encode { title = "[a] x", note = long, n = 1 },
        after = raw.json.encode { title = "[b] [a] x", note = long .. "#tag", n = 2 } }),
      made_up.change(2, "F", { target = "rec-two", kind = "throttled",
        reason = "screendesk.recordings.update rec-two: 429 Too Many Requests" }),
      made_up.change(3, "F", { target = "rec-three", kind = "throttled",
        reason = "screendesk.recordings.update rec-three: 429 Too Many Requests" }),
      made_up.change(4, "U", { reason = "no answer" }),
      made_up.change(5, "C", { operation = "screendesk.scim.users.create", effect = "create", before = false,
        after = '{"userName":"ann","roles":[]}', target = "ann" }),
      made_up.change(6, "V", { effect = "delete", after = false, ended = T + 50 * made_up.DAY }),
    },
    p5eeeeeeeeee = { made_up.change(1, "P") },
    s6ffffffffff = { made_up.change(1, "C"), made_up.change(2, "S") },
    q4aaaaaaaaaa = { made_up.change(1, "S") },
    m1dddddddddd = { made_up.change(1, "V") },
  },
  attempts = {
    k3bbbbbbbbbb = {
      { seq = 1, n = 1, started = T + 180000, ended = T + 180100, sends = 1, status = 200 },
      { seq = 2, n = 1, started = T + 180200, ended = T + 180300, sends = 1, status = 429 },
      { seq = 2, n = 2, started = T + 183300, ended = T + 183400, sends = 1, status = 429 },
      { seq = 3, n = 1, started = T + 183500, ended = T + 183500, sends = 0, error = "refused" },
      { seq = 3, n = 2, started = T + 183600, ended = T + 183700, sends = 1, status = 429 },
      { seq = 4, n = 1, started = T + 190000, sends = 1 },
      { seq = 6, n = 1, started = T + 190100, ended = T + 190200, sends = 1, status = 204 },
    },
  },
}
for _, at in ipairs { 1, 6 } do data.runs[at].ended, data.runs[at].state, data.runs[at].exit = nil, nil, nil end
data.changes.k3bbbbbbbbbb[5].before, data.changes.k3bbbbbbbbbb[6].after = nil, nil

local said
text, said = page(data, "k3bb")
check.equal(said, ("wrote %s: 6 changes of run k3bbbbbbbbbb\n"):format(path))
has(text, "<title>retag: run k3bbbbbbbbbb, partial</title>")
has(text, "13 changes = 2 confirmed + 7 already so + 2 failed + 1 unknown + 1 undone")
has(text, "7 objects were already so: nothing was sent for them, and they are not listed below")
has(text, "<dt>requests that write</dt><dd>6</dd>")
has(text, "<dt>sent again</dt><dd>1</dd>")
has(text, "<dt>duration</dt><dd>4 min 31 s</dd>")
has(text, "3\u{A0}×\u{A0}429 Too Many Requests, 1\u{A0}×\u{A0}200, 1\u{A0}×\u{A0}204, "
  .. "1\u{A0}×\u{A0}no answer, 1\u{A0}×\u{A0}no answer noted")
has(text, "partial (exit code 3): some changes failed, conflicted or are unknown")
has(text, "<dt>Arguments</dt><dd><code>--from &#39;a b&#39; -n</code></dd>")
has(text, "<code>moonlever undo k3bbbbbbbbbb</code>")
has(text, "<code>moonlever run --only-failed k3bbbbbbbbbb</code>")
check.ok(not text:find("moonlever resume", 1, true))
has(text, '<h2 id="failures">3 changes did not come out well, by reason</h2>')
has(text, "<h3>429 Too Many Requests</h3>\n"
  .. '<p><b class="s failed">2 failed</b>, screendesk.recordings.update</p>\n'
  .. "<p><strong>What to do:</strong> lower the rate with --rate N, or run it again later</p>")
check.equal(count(text, "<h3>"), 2, "two reasons")
has(text, "<code>rec-two</code> <span>screendesk.recordings.update</span><p>429 Too Many Requests</p>")
has(text, '<a href="#c3"><code>rec-three</code></a>')
has(text, "look at the object before writing to it again")
has(text, "Nothing was sent or answered at 0:00 for 3.0 s, at 0:03 for 6.2 s.")
has(text, "Between an answer and the next attempt of the same change lay 3.0 s at most.")
has(text, "for 0.2 s: 2 well")
has(text, '<tr><th scope="row">title</th><td>[a] x</td><td><ins>[b] </ins>[a] x</td></tr>')
has(text, '<tr><th scope="row">n</th><td>1</td><td>2</td></tr>')
has(text, "<td>…" .. long:sub(-120) .. "</td>")
has(text, "word word <ins>#tag</ins></td>")
has(text, '<tr><th scope="row">roles</th><td><i>nothing</i></td><td>[]</td></tr>')
has(text, '<tr><th scope="row">title</th><td>old</td><td><i>nothing</i></td></tr>')
has(text, "<li>10:03:00: 429 Too Many Requests</li><li>10:03:03: 429 Too Many Requests</li>")
has(text, "<li>10:03:03: refused, it did not leave</li>")
check.equal(count(text, "<tbody id="), 6)
has(text, '<th scope="row">screendesk.scim.users.create</th><td class="n">1</td>')

text = page(data, "k3bb", "--failed")
check.equal(count(text, "<tbody id="), 3)
has(text, "Only what failed, is in conflict or unknown is listed (--failed): 3 of 13 changes.")
has(text, "13 changes = 2 confirmed")
text = page(data, "p5ee")
has(text, "<h1>Plan of retag</h1>")
has(text, "Nothing was sent.")
check.equal(count(text, 'class="chart"'), 0)
text = page(data, "q4aa")
has(text, "This run is still at work.")
has(text, "moonlever runs q4aaaaaaaaaa --html FILE")
has(text, "1 change = 1 sent")
check.ok(not text:find("moonlever resume", 1, true))
text = page(data, "s6ff")
has(text, "This run was broken off:")
has(text, "moonlever resume s6ffffffffff")
has(text, "2 changes = 1 confirmed + 1 unknown")
text = page(data, "m1dd")
has(text, "<h1>Apply of plan 01234567</h1>")
text = page(data, "u2cc")
has(text, "<h1>Undo of m1dddddddddd</h1>")
has(text, "There is no change to list.")
local undone = made_up.host(data)
local query = undone.query
undone.query = function(name, parameter)
  return query(name == "undo_of" and "run" or name, name == "undo_of" and "u2cccccccccc" or parameter)
end
runs.main({ "m1dd", "--html", path }, undone)
local file <close> = assert(io.open(path, "rb"))
has(file:read("a"), "was taken back</strong> by run <code>u2cccccccccc</code>")

-- To the output, and words that do not go together.
local host = made_up.host(data)
local printed = {}
local write = raw.write
raw.write = function(s) printed[#printed + 1] = s end
runs.main({ "k3bb", "--html", "-" }, host)
raw.write = write
check.ok(table.concat(printed):find("^<!DOCTYPE html>\n.*</html>\n$"))
check.equal(host.text, "", "nothing behind the page")
for _, words in ipairs {
  { "k3bb", "--html", path, "--json" }, { "k3bb", "--html", path, "--csv" }, { "--html", path },
} do
  local ok, err = pcall(runs.main, words, made_up.host(data))
  check.equal({ ok, err.code }, { false, 2 })
end
local ok, err = pcall(page, data, "nosuchrun")
check.equal({ ok, err.code }, { false, 2 })

-- Failed changes have room where the others have none any more.
local many = { runs = { made_up.run(1, "many00000000") }, changes = { many00000000 = {} } }
for seq = 1, 300 do many.changes.many00000000[seq] = made_up.change(seq, seq > 290 and "F" or "C", { reason = "r" }) end
local budget = survey.BUDGET
survey.BUDGET = { well = 20000, all = 30000 }
text = page(many, "last")
survey.BUDGET = budget
local well, bad = count(text, 'data-s="confirmed">'), count(text, 'data-s="failed">')
check.equal(bad, 10)
check.ok(well > 30 and well < 290)
has(text, ("%d are listed, %d are left out"):format(well + 10, 290 - well))
has(text, "moonlever runs many00000000 --csv")
has(text, "300 changes = 290 confirmed + 10 failed")

-- The figures are those of --json.
local found = survey.of(made_up.host(data), { run = "k3bbbbbbbbbb", started = T + 180000, kind = "run", noop = 7,
  ended = T }, function() return true end, function() return 1 end)
host = made_up.host(data)
runs.main({ "k3bb", "--json" }, host)
check.equal(found.counts, raw.json.decode(host.text).counts)
local sums = { 0, 0 }
for _, one in ipairs(found.operations) do sums[1] = sums[1] + one.count end
for _, one in ipairs(found.reasons) do sums[2] = sums[2] + one.count end
check.equal({ sums, found.shown, found.left_out, found.attempts }, { { 6, 3 }, 6, 0, 7 })

-- Parts -------------------------------------------------------------------------

check.equal(
  sections.harmless { "--from", "a", "--token", "x", "--api-key=y", "-p", "--password", "--yes", "--secret=", "z" },
  { "--from", "a", "--token", "***", "--api-key=***", "-p", "--password", "--yes", "--secret=***", "z" })

local function cells_of(old, new)
  local change = { seq = 1, state = "confirmed", effect = "update", before = { f = old }, after = { f = new } }
  return rows.of(change, {}):match('<th scope="row">f</th><td>(.-)</td><td>(.-)</td></tr>')
end
check.equal({ cells_of("abc def", "abc xyz") }, { "abc <del>def</del>", "abc <ins>xyz</ins>" })
check.equal({ cells_of("one", "two") }, { "one", "two" })
check.equal({ cells_of("grün", "grüß dich") }, { "grü<del>n</del>", "grü<ins>ß dich</ins>" })
check.equal({ cells_of("xxä", "xxö") }, { "xx\u{E4}", "xx\u{F6}" }, "no half characters, and too little in common")
check.equal({ cells_of("aaa", "aaaa") }, { "aaa", "<ins>a</ins>aaa" })
check.equal({ cells_of("", "x") }, { "<i>empty</i>", "x" })
check.equal({ cells_of(true, false) }, { "true", "false" })
check.equal({ cells_of({ "a" }, { "a", "b" }) }, { '[&quot;a&quot;]', '[&quot;a&quot;<ins>,&quot;b&quot;</ins>]' })
check.match(select(2, cells_of("x", ("y"):rep(1000))), "y… <i>(700 more bytes)</i>", nil, true)
local wide = { seq = 1, state = "confirmed", effect = "create", after = {} }
for i = 1, 40 do wide.after["f" .. i] = i end
check.match(rows.of(wide, {}), "… and 24 more fields", nil, true)
check.match(rows.of({ seq = 1, state = "sent", method = "POST", path = "/x" }, {}),
  "POST /x <i>no fields are in the journal</i>", nil, true)

local run = { run = "k3bbbbbbbbbb", ended = 1, exit = 3, kind = "run" }
local function remedy_of(change, status)
  return remedy.of(run, change, { { status = status } }) or "none"
end
local change = { state = "failed", operation = "screendesk.recordings.update", service = "screendesk", target = "x",
  origin = "https://app.screendesk.io", reason = "r" }
check.match(remedy_of(change, 401), "moonlever login screendesk", nil, true)
check.match(remedy_of(change, 503), "the service failed; run it again later", nil, true)
check.equal(remedy_of(change, 422), "none")
change.kind = "network"
check.match(remedy_of(change, 0), "check the connection and SCREENDESK_URL", nil, true)
check.match(remedy.of({ run = "r", exit = 3, ended = 1, profile = "acme" }, change, {}),
  "check the connection and the origin of profile 'acme' (now https://app.screendesk.io)", nil, true)
check.equal(remedy.of(run, { state = "failed", operation = "other.thing" }, {}), nil)
check.equal(remedy.of(run, { state = "conflict" }, {}), nil)
check.match(remedy.of({ run = "r", exit = 130, ended = 1 }, { state = "unknown" }, {}), "moonlever resume r", nil, true)

-- Timeline: nothing is lost, whatever the span; a silence of days is cut out.
local function total(plan, what)
  local n = 0
  for _, column in ipairs(plan.columns) do n = n + (column[what] or 0) end
  return n
end
for _, span in ipairs { 10, 3000, 60000, 86400000, 30 * made_up.DAY } do
  local line = timeline.new(T)
  for i = 0, 9999 do line:add(T + span * i // 9999, "good") end
  line:add(T - 5000, "bad") -- a clock that went back
  local plan = line:layout(72)
  check.equal({ total(plan, "good"), total(plan, "bad") }, { 10000, 1 })
  check.ok(line.count <= 4096 and plan.places <= 75, span)
  for _, column in ipairs(plan.columns) do
    if column.place < 0 or column.place >= plan.places then error("a column outside of the drawing") end
  end
end
local line = timeline.new(T)
for i = 0, 99 do
  line:add(T + i * 100, "good")
  line:add(T + 3 * made_up.DAY + i * 100, "good")
end
local plan = line:layout(72)
check.equal({ plan.width, #plan.stretches, #plan.quiet, plan.quiet[1].cut, total(plan, "good") },
  { 500, 2, 1, true, 200 })
check.ok(math.abs(timeline.place(plan, 3 * made_up.DAY) - plan.stretches[2].place) < 0.2)
check.equal(chart.fastest(plan), 10)
check.equal(timeline.new(T):layout(72), nil)
check.equal({ chart.clock(125500), chart.clock(125500, true), chart.clock(3725000), chart.clock(176525000) },
  { "2:05", "2:05.5", "1:02:05", "2 d 1:02:05" })
check.equal({ chart.rate(0.375), chart.rate(12.5), chart.rate(20), chart.rate(6597.4) },
  { "0.375/s", "12.5/s", "20/s", "6,597/s" })

-- The file is private, whole or not there, and takes the place of another one.
csv.writer(path, { "a" }):close()
local folder = path .. ".d/run.html"
ok, err = pcall(runs.main, { "k3bb", "--html", folder }, made_up.host(data))
check.equal(ok, false)
check.match(tostring(err), "cannot write " .. folder, nil, true)
check.equal(raw.private_file(path), nil, "never a file that is there")
os.remove(path)

check.done(136)
