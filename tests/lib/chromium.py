# SPDX-License-Identifier: MIT
"""Chromium without a screen, spoken to over a pipe (DevTools protocol): what does a page do?

    with chromium.Browser() as browser:
        page = browser.open("/tmp/run.html#q=text", width=390)
        assert page.evaluate("document.title") == "..."
        assert page.problems == [] and page.requests == [page.url]

A browser has a new profile that is thrown away with it. Whatever a page asks for and whatever its
console says is kept. installed() tells whether there is a Chromium at all.
"""
import base64
import fcntl
import json
import os
import pathlib
import select
import shutil
import subprocess
import tempfile
import time

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--disable-dev-shm-usage", "--remote-debugging-pipe"]
PATIENCE = 120  # seconds for one answer, on a machine with other work


def installed():
    """The path of the program, None where it is not installed."""
    return shutil.which("chromium")


def aside(descriptor):
    """The same file under a number that is out of the way."""
    copy = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 64)
    os.close(descriptor)
    return copy


class Page:
    """A page that was loaded: .url, .requests (every URL that it asked for), .refused (why the browser
    did not let one of them out), .problems (what its console, its log and uncaught exceptions say)."""

    def __init__(self, browser, session):
        self._browser, self._session = browser, session
        self.url, self.requests, self.refused, self.problems, self._loads = None, [], [], [], 0

    def call(self, method, **params):
        return self._browser.call(method, params, self._session)

    def note(self, event):
        params = event["params"]
        if event["method"] == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif event["method"] == "Network.loadingFailed":
            self.refused.append(params.get("blockedReason"))
        elif event["method"] == "Log.entryAdded":
            self.problems.append(params["entry"]["text"])
        elif event["method"] == "Runtime.consoleAPICalled":
            self.problems.append(str(params["args"]))
        elif event["method"] == "Runtime.exceptionThrown":
            self.problems.append(str(params["exceptionDetails"]))
        elif event["method"] == "Page.loadEventFired":
            self._loads += 1

    def load(self, url):
        loads, self.url = self._loads, url
        self.call("Page.navigate", url=url)
        while self._loads == loads:
            self._browser.pump()

    def evaluate(self, expression):
        """The value of an expression in the page; a promise is waited for."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise AssertionError(result["exceptionDetails"])
        return result["result"].get("value")

    def screenshot(self, path, whole=True):
        data = self.call("Page.captureScreenshot", captureBeyondViewport=whole)["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))


class Browser:
    def __init__(self):
        self._folder = tempfile.mkdtemp(prefix="moonlever-chromium-")
        theirs, self._to = os.pipe()
        self._from, ours = os.pipe()
        # The browser reads from its descriptor 3 and writes to 4, which must not be one of these.
        theirs, ours = aside(theirs), aside(ours)
        line = 'exec "$0" "$@" 3<&%d 4>&%d' % (theirs, ours)
        self._errors = tempfile.TemporaryFile()
        self._child = subprocess.Popen(
            ["bash", "-c", line, installed(), *FLAGS, "--user-data-dir=" + self._folder, "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self._errors, pass_fds=(theirs, ours))
        os.close(theirs)
        os.close(ours)
        self._rest, self._answers, self._number, self._pages = b"", {}, 0, {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self._to)  # the end of the pipe ends the browser
        try:
            self._child.wait(30)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        os.close(self._from)
        self._errors.close()
        for _ in range(50):  # its helpers may end, and write, a little later than itself
            shutil.rmtree(self._folder, ignore_errors=True)
            if not os.path.exists(self._folder):
                return
            time.sleep(0.1)
        raise AssertionError("cannot remove " + self._folder)

    def pump(self):
        """Takes in what the browser says next."""
        if not select.select([self._from], [], [], PATIENCE)[0]:
            raise AssertionError("chromium is silent: %s" % self._why())
        piece = os.read(self._from, 1 << 20)
        if not piece:
            raise AssertionError("chromium has ended: %s" % self._why())
        *messages, self._rest = (self._rest + piece).split(b"\0")
        for message in map(json.loads, messages):
            if "id" in message:
                self._answers[message["id"]] = message
            elif message.get("sessionId") in self._pages:
                self._pages[message["sessionId"]].note(message)

    def _why(self):
        self._errors.seek(0)
        return self._errors.read()[-2000:].decode("utf-8", "replace")

    def call(self, method, params, session=None):
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while self._number not in self._answers:
            self.pump()
        answer = self._answers.pop(self._number)
        if "error" in answer:
            raise AssertionError("%s: %s" % (method, answer["error"]))
        return answer["result"]

    def open(self, path, width=1280, height=900, dark=False, scripts=True):
        """A page of its own for a file; `path` may end in a fragment. scripts: may it run its own?"""
        name, _, fragment = path.partition("#")
        target = self.call("Target.createTarget", {"url": "about:blank"})["targetId"]
        session = self.call("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        page = self._pages[session] = Page(self, session)
        for domain in ("Page", "Network", "Log", "Runtime"):
            page.call(domain + ".enable")
        page.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                  mobile=width < 600)
        page.call("Emulation.setEmulatedMedia",
                  features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        page.call("Emulation.setScriptExecutionDisabled", value=not scripts)
        page.load(pathlib.Path(name).resolve().as_uri() + ("#" + fragment if fragment else ""))
        return page
