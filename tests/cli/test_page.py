# SPDX-License-Identifier: MIT
"""runs RUN --html: a page about a run. Its sums against --json, its file, a run at work, what is refused;
that it is HTML and XML at once; and in Chromium, where that is installed: it loads without a word on the
console and without a request, searches and filters, fits a telephone, and runs nothing but its own script."""
import html.parser
import json
import os
import re
import stat
import unittest
import xml.etree.ElementTree as ElementTree

from cli_kit import FOLDER, RETITLE, Account, moonlever, script
from place_kit import TITLES, Desk
from lib import chromium

X = "{http://www.w3.org/1999/xhtml}"
LIB = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib", "?.lua")
VOID = {"meta", "col", "input", "br", "link", "img"}

# Every other title is too long for the service; the last but one recording is hostile.
FRAIL = """
local moonlever = require "moonlever"
local sd = moonlever.connect "screendesk"
local n = 0
for rec in sd.recordings:list() do
  n = n + 1
  local title = n % 3 == 0 and ("x"):rep(5000) or ("%d <b>&amp;</b> %s"):format(n, rec.title or "")
  moonlever.try(function() sd.recordings:update(rec, { title = title }) end)
end
"""
# The page about a made-up journal in which every text is hostile.
HOSTILE = """
local made_up = require "made_up"
local data, id = made_up.hostile()
require("moonlever.history.runs").main({ id, "--html", arg[1] }, made_up.host(data))
"""


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def text_of(element):
    return "".join(element.itertext())


def tiles(page):
    """The words and figures of the totals."""
    names = [text_of(element) for element in page.iter(X + "dt")]
    return dict(zip(names, [text_of(element) for element in page.iter(X + "dd")]))


class Balanced(html.parser.HTMLParser):
    """Are all elements closed in the order in which they were opened?"""

    def __init__(self):
        super().__init__()
        self.open, self.scripts, self.handlers, self.addresses = [], 0, [], []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)
        self.scripts += tag == "script"
        self.handlers += [name for name, _ in attrs if name.startswith("on") or name == "style"]
        self.addresses += [value for name, value in attrs if name in ("href", "src", "action", "data", "xlink:href")]

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, (tag, self.open)
        self.open.pop()


def hostile_page():
    path = os.path.join(FOLDER, "hostile.html")
    done = moonlever("run", script(HOSTILE), "-q", path, LUA_PATH_5_4=LIB + ";;")
    assert done.code == 0, done
    return path


class Pages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.account = Account("--recordings", "40", "--faults", "429=10%,only=write")
        cls.addClassCleanup(cls.account.__exit__)
        cls.account.moonlever("run", script(FRAIL), "--yes", "--rate", "0", "--from", "a b")
        cls.ran = cls.account.json("runs")["runs"][0]["run"]

    def page(self, *flags, run=None):
        path = os.path.join(FOLDER, "page.html")
        done = self.account.moonlever("runs", run or self.ran, "--html", path, *flags)
        self.assertEqual((done.code, done.err), (0, ""), done)
        self.assertRegex(done.out, r"^wrote .*page\.html: \d+ changes of run %s\n$" % (run or self.ran))
        return path

    def test_the_sums_are_those_of_json(self):
        run = self.account.json("runs", self.ran)
        page = ElementTree.parse(self.page()).getroot()
        found = tiles(page)
        self.assertEqual(int(found["changes"]), len(run["changes"]))
        for state in ("confirmed", "failed"):
            self.assertEqual(int(found[state]), run["counts"][state])
            self.assertGreater(run["counts"][state], 0)
        sent = [sum(row["sent"] for row in change["log"]) for change in run["changes"]]
        self.assertEqual(int(found["requests that write"]), sum(sent))
        self.assertEqual(int(found["sent again"]), sum(n - 1 for n in sent))
        listed = {body.get("id"): body for body in page.iter(X + "tbody") if body.get("data-s")}
        self.assertEqual(list(listed), ["c%d" % change["seq"] for change in run["changes"]])
        for change in run["changes"]:
            body = listed["c%d" % change["seq"]]
            self.assertEqual(body.get("data-s"), change["state"])
            cells = [text_of(cell) for cell in body.iter(X + "td")]
            if change["state"] == "confirmed":
                self.assertEqual(cells[0], change["before"]["title"] or "nothing")
                self.assertEqual(cells[1], change["after"]["title"])
        reasons = [text_of(element) for element in page.iter(X + "h3")]
        self.assertEqual(reasons, ["422 Unprocessable Content: Title is too long"])

    def test_html_and_xml(self):
        for path in (self.page(), self.page("--failed"), hostile_page()):
            text = read(path)
            ElementTree.fromstring(text)
            parser = Balanced()
            parser.feed(text)
            parser.close()
            self.assertEqual((parser.open, parser.scripts, parser.handlers), ([], 1, []))
            self.assertEqual([address for address in parser.addresses if not re.fullmatch(r"#\w+", address)], [])

    def test_the_file_is_private_and_whole(self):
        path = os.path.join(FOLDER, "page.html")
        with open(path, "w", encoding="utf-8") as file:
            file.write("before")
        os.chmod(path, 0o644)
        self.page()
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        self.assertTrue(read(path).endswith("</html>\n"))
        self.assertEqual([name for name in os.listdir(FOLDER) if name.startswith("page.html.")], [])
        with open(path, "w", encoding="utf-8") as file:
            file.write("before")
        self.assertEqual(self.account.moonlever("runs", "nosuchrun", "--html", path).code, 2)
        self.assertEqual(read(path), "before")

    def test_to_standard_output(self):
        done = self.account.moonlever("runs", self.ran, "--html", "-")
        self.assertEqual((done.code, done.err), (0, ""))
        self.assertTrue(done.out.startswith("<!DOCTYPE html>\n") and done.out.endswith("</html>\n"))
        ElementTree.fromstring(done.out)

    def test_where_there_is_no_room(self):
        done = self.account.moonlever("runs", self.ran, "--html", "/dev/full")
        self.assertEqual((done.code, done.out), (2, ""), done)
        self.assertIn("cannot write /dev/full: No space left on device", done.err)

    def test_only_what_failed(self):
        page = ElementTree.parse(self.page("--failed")).getroot()
        states = {body.get("data-s") for body in page.iter(X + "tbody") if body.get("data-s")}
        self.assertEqual(states, {"failed"})
        self.assertEqual(int(tiles(page)["changes"]), len(self.account.json("runs", self.ran)["changes"]))

    def test_what_is_refused(self):
        path = os.path.join(FOLDER, "none.html")
        for words, why in (((self.ran, "--html", path, "--json"), "--html does not go together with --json or --csv"),
                           ((self.ran, "--html", path, "--csv"), "--html does not go together with --json or --csv"),
                           (("--html", path), "are about the changes of one run: name it"),
                           ((self.ran, "--html", ""), "--html"),
                           (("nosuchrun", "--html", path), "there is no run 'nosuchrun'"),
                           ((self.ran, "--html", path + "/x"), "cannot write %s/x" % path)):
            done = self.account.moonlever("runs", *words)
            self.assertEqual((done.code, done.out), (2, ""), done)
            self.assertIn(why, done.err)
            self.assertFalse(os.path.exists(path))

    def test_plan_apply_and_undo(self):
        with Account("--recordings", "4") as account:
            plan = os.path.join(FOLDER, "some.plan")
            account.moonlever("plan", script(RETITLE % 4), "-o", plan)
            account.moonlever("apply", plan, "--yes")
            first = account.json("runs")["runs"][0]["run"]
            account.moonlever("undo", first, "--yes")
            for run, words in ((first, "was taken back</strong> by run"), ("last", "<h1>Undo of %s</h1>" % first)):
                done = account.moonlever("runs", run, "--html", "-")
                self.assertEqual(done.code, 0, done)
                self.assertIn(words, done.out)
                self.assertIn('class="chart"', done.out)
            planned = account.json("runs")["runs"][-1]
            self.assertEqual(planned["kind"], "plan")
            text = account.moonlever("runs", planned["run"], "--html", "-").out
            self.assertIn("Nothing was sent.", text)
            self.assertNotIn('class="chart"', text)

    def test_a_run_at_work(self):
        with Account("--recordings", "60") as account:
            child, run = account.start("run", script(RETITLE % 60), "--yes", "--rate", "5")
            try:
                text = account.moonlever("runs", run, "--html", "-").out
            finally:
                child.kill()
                child.communicate()
            self.assertIn("This run is still at work.", text)
            page = ElementTree.fromstring(text)  # of one moment: as many are listed as are counted
            self.assertEqual(int(tiles(page)["changes"]),
                             len([body for body in page.iter(X + "tbody") if body.get("data-s")]))
            self.assertNotIn("moonlever resume", text)
            text = account.moonlever("runs", run, "--html", "-").out
            self.assertIn("This run was broken off:", text)
            self.assertIn("moonlever resume %s" % run, text)

    def test_help(self):
        text = moonlever("runs", "--help").out
        self.assertIn("--html FILE", text)
        self.assertIn("moonlever runs last --html run.html", text)


class NoCredential(unittest.TestCase):
    def test_also_where_the_service_echoes_it(self):
        def bend(service, request):
            for record in service.recordings:
                record["summary"] = "leaked " + request.headers.get("Authorization")
            if request.method not in ("GET", "HEAD"):
                return 422, {"error": {"message": "you sent " + request.headers.get("Authorization")}}
            return None
        with Desk(recordings=3, bend=bend) as place:
            place.ended(3, "run", script(TITLES), "--yes", "--token", "hush-hush-hush")
            text = place.moonlever("runs", "last", "--html", "-").out  # which looks for tokens
            self.assertIn("you sent", text)
            self.assertNotIn("hush-hush-hush", text)
            self.assertIn("--token", text)


class Large(unittest.TestCase):
    """10,000 changes, as a plan: the page holds all of them and stays below 10 MB."""

    def test_it(self):
        with Account("--recordings", "10000") as account:
            plan = os.path.join(FOLDER, "large.plan")
            done = account.moonlever("plan", script(TITLES), "-o", plan, "--rate", "0", "-q")
            self.assertEqual(done.code, 0, done)
            path = os.path.join(FOLDER, "large.html")
            self.assertEqual(account.moonlever("runs", "last", "--html", path).code, 0)
        text = read(path)
        self.assertLess(len(text.encode()), 10_000_000)
        self.assertEqual(text.count('<tbody id="c'), 10000)
        self.assertIn("10,000 changes = 10,000 planned", text)


@unittest.skipUnless(chromium.installed(), "chromium is not installed: nothing was looked at in a browser")
class InABrowser(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.browser = chromium.Browser()
        cls.addClassCleanup(cls.browser.__exit__)
        with Account("--recordings", "40", "--faults", "429=10%,only=write") as account:
            account.moonlever("run", script(FRAIL), "--yes", "--rate", "0")
            cls.ran = account.json("runs", "last")
            cls.path = os.path.join(FOLDER, "shown.html")
            assert account.moonlever("runs", "last", "--html", cls.path).code == 0
        cls.failed = cls.ran["counts"]["failed"]
        cls.all = len(cls.ran["changes"])

    def quiet(self, page):
        self.assertEqual(page.problems, [])
        self.assertEqual(page.requests, [page.url.partition("#")[0]])

    def listed(self, page):
        return page.evaluate("Array.from(document.querySelectorAll('#list tbody')).filter(b => !b.hidden && "
                             "b.getClientRects().length > 0).map(b => b.dataset.s)")

    def test_it_loads_and_fits(self):
        for path in (self.path, hostile_page()):
            for width in (390, 1280):
                page = self.browser.open(path, width=width)
                self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), width, path)
                self.assertEqual(page.evaluate("document.compatMode"), "CSS1Compat")
                self.quiet(page)

    def test_nothing_hostile_has_run(self):
        page = self.browser.open(hostile_page())
        title = page.evaluate("document.title")
        self.assertIn(": run h1eeeeeeeeee, partial", title)
        self.assertTrue(title.startswith("textarea>&lt;b&gt;&amp;&#60;"))
        self.assertEqual(page.evaluate("[document.scripts.length, document.images.length, "
                                       "document.querySelectorAll('style').length]"), [1, 0, 1])
        self.assertEqual(len(self.listed(page)), 23)
        page.evaluate("document.querySelectorAll('*').forEach(e => e.dispatchEvent(new MouseEvent('mouseover')))")
        self.assertEqual(page.evaluate("document.title"), title)
        self.quiet(page)

    def test_the_policy_holds(self):
        page = self.browser.open(self.path)
        page.evaluate("(() => { const s = document.createElement('script'); s.textContent = 'document.title = 1';"
                      "document.body.append(s); })()")
        page.evaluate("document.body.insertAdjacentHTML('beforeend', '<p id=y style=\"color:red\" "
                      "onclick=\"document.title=2\">x</p><img src=\"http://127.0.0.1:9/x.png\">')")
        page.evaluate("document.getElementById('y').click()")
        page.evaluate("new Promise(done => setTimeout(done, 100))")
        self.assertRegex(page.evaluate("document.title"), "^script.lua: run ")
        self.assertGreaterEqual(len([p for p in page.problems if "Content Security Policy" in p]), 3)
        self.assertEqual(page.refused, ["csp"], "the picture")

    def test_search_and_filter(self):
        page = self.browser.open(self.path)
        self.assertEqual(len(self.listed(page)), self.all)
        self.assertFalse(page.evaluate("document.getElementById('filter').hidden"))
        page.evaluate("document.querySelector('button[data-s=failed]').click()")
        self.assertEqual(self.listed(page), ["failed"] * self.failed)
        self.assertEqual(page.evaluate("document.getElementById('shown').textContent"),
                         "%d of %d shown" % (self.failed, self.all))
        self.assertEqual(page.evaluate("location.hash"), "#state=failed")
        self.assertEqual(page.evaluate("document.querySelector('button[data-s=failed]').getAttribute('aria-pressed')"),
                         "true")
        page.evaluate("document.querySelector('button[data-s=failed]').click()")
        self.assertEqual(len(self.listed(page)), self.all)
        wanted = self.ran["changes"][1]["target"]
        page.evaluate("(() => { const s = document.getElementById('search'); s.value = ' %s  CONFIRMED ';"
                      "s.dispatchEvent(new Event('input')); })()" % wanted.upper())
        page.evaluate("new Promise(done => setTimeout(done, 400))")
        self.assertEqual(self.listed(page), ["confirmed"])
        self.quiet(page)

    def test_from_the_address(self):
        page = self.browser.open(self.path + "#state=failed&q=too+long")
        self.assertEqual(self.listed(page), ["failed"] * self.failed)
        page = self.browser.open(self.path + "#q=" + self.ran["changes"][0]["target"])
        self.assertEqual(len(self.listed(page)), 1)
        page.evaluate("location.hash = '#c3'")  # a link to a change that is filtered away
        page.evaluate("new Promise(done => setTimeout(done, 100))")
        self.assertEqual(len(self.listed(page)), self.all)
        page = self.browser.open(self.path + "#state=nosuch,%22%3E%3Cscript%3E&q=%3Cb%3E%26amp%3B%3C/b%3E")
        self.assertEqual(set(self.listed(page)), {"confirmed"})
        self.quiet(page)

    def test_without_scripts(self):
        page = self.browser.open(self.path, scripts=False)
        self.assertEqual(len(self.listed(page)), self.all)
        self.assertTrue(page.evaluate("document.getElementById('filter').hidden"))
        self.quiet(page)

    def test_names_for_those_who_do_not_see_it(self):
        page = self.browser.open(self.path)
        nodes = page.call("Accessibility.getFullAXTree")["nodes"]
        roles = [node["role"]["value"] for node in nodes if not node["ignored"]]
        for role in ("banner", "main", "contentinfo", "search", "table", "columnheader", "rowheader", "status"):
            self.assertIn(role, roles)
        for node in nodes:
            role = node.get("role", {}).get("value")
            if role in ("button", "link", "searchbox", "image", "region") and not node["ignored"]:
                self.assertTrue(node.get("name", {}).get("value"), node)

    def test_contrast(self):
        """Every text against what is behind it: 4.5 to 1, in light and in dark."""
        for dark in (False, True):
            page = self.browser.open(self.path, dark=dark)
            worst = page.evaluate(CONTRAST)
            self.assertGreaterEqual(worst[0], 4.5, worst)


# The worst contrast (WCAG 2) of the texts of the page, and where it is.
CONTRAST = """
(() => {
  const part = (c) => { c /= 255; return c <= 0.03928 ? c / 12.92 : Math.pow((c + 0.055) / 1.055, 2.4); };
  const light = (rgb) => 0.2126 * part(rgb[0]) + 0.7152 * part(rgb[1]) + 0.0722 * part(rgb[2]);
  const rgb = (text) => text.match(/[0-9.]+/g).map(Number);
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const c = rgb(getComputedStyle(e).backgroundColor);
      if (c.length < 4 || c[3] > 0) return c;
    }
    return [255, 255, 255];
  };
  let worst = [99, ""];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    if (!walk.currentNode.textContent.trim() || e.getClientRects().length === 0) continue;
    const style = getComputedStyle(e);
    const a = light(rgb(e.closest("svg") ? style.fill : style.color)), b = light(behind(e));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < worst[0]) worst = [ratio, e.outerHTML.slice(0, 200)];
  }
  return worst;
})()
"""

if __name__ == "__main__":
    unittest.main()
