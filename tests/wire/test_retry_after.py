# SPDX-License-Identifier: MIT
"""A hundred forms of Retry-After, all survived: each 429 is followed by one more request, and a
wait that was asked for is kept.

Only lower bounds of time are looked at: they hold on a slow machine too.
"""
import email.utils
import os
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib import wire  # noqa: E402
from lib.fixtures import recording, uuid  # noqa: E402

PAST = 784111777  # the example of RFC 9110, 5.6.7
SCRIPT = """
local sd = require("moonlever").connect "screendesk"
for n = 1, %d do
  assert(sd.recordings:get(("00000000-0000-4000-8000-%%012x"):format(n)).title)
end
print "all"
"""


def seconds():
    """Numbers, well written and badly."""
    good = ["0", "00", "000", "0.0", "0.01", "0.05", ".01", "0.", "0.001", "0.0000001", "1e-3", " 0 ", "\t0", "0\t"]
    bad = ["-1", "-0", "+0", "- 1", "--1", "0x0", "0x10", "1e", "e1", "NaN", "nan", "inf", "Infinity", "-inf",
           "1_000", "1,5", "0,1", "0 0", "0;0", "0, 0", "0s", "0 s", "0ms", "zero", "soon", "later", "null", "true",
           "", " ", "\t", '"0"', "'0'", "{}", "[]", "0 GMT", "0;a=b", "1e999", "%00", "\xe9", "\xff\xfe", "1/2", "0.0.0", "0..0", "."]
    return good + bad


def dates():
    """The three forms of RFC 9110, 5.6.7, in the past, and what looks like them."""
    fixed = email.utils.formatdate(PAST, usegmt=True)
    good = [fixed, "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", " " + fixed, fixed + " "]
    bad = [fixed.replace("GMT", zone) for zone in ("UTC", "Z", "+0000", "PST", "")]
    bad += [fixed.replace("Nov", month) for month in ("nov", "NOV", "November", "Foo", "11", "")]
    bad += [fixed.replace("06", day) for day in ("00", "31", "32", "99", "6", "-1")]
    bad += [fixed.replace("08:49:37", clock) for clock in ("24:00:00", "08:60:00", "08:49:60", "08:49", "8:49:37", "")]
    bad += [fixed.replace("1994", year) for year in ("0000", "94", "19944", "-1994", "")]
    bad += [fixed.replace("Sun", day) for day in ("Mon", "sun", "Sunday", "")]
    bad += ["1994-11-06T08:49:37Z", "1994-11-06", "06/11/1994", fixed * 2, fixed[:-3], fixed[:10], ", " + fixed]
    return good + bad


FORMS = [form for form in seconds() + dates()]


class RetryAfter(unittest.TestCase):
    def share(self, forms, failures):
        """One run over some of the forms: per form one 429 and one answer."""
        answers = []
        for number, form in enumerate(forms, 1):
            headers = [("Retry-After", form)]
            answers += [wire.json(429, {"error": "slow"}, headers), wire.json(200, recording(number))]
        try:
            with wire.Server(answers) as server:
                done = wire.run(server, SCRIPT % len(forms), "--rate", "0")
            if done.code != 0 or done.out != "all\n":
                failures.append("%r\n%r" % (done, server.requests[-3:]))
        except AssertionError as error:
            failures.append(str(error))

    def test_every_form(self):
        self.assertGreaterEqual(len(set(FORMS)), 100)
        failures, threads = [], []
        for first in range(16):  # side by side, because what is malformed waits up to a second
            threads.append(threading.Thread(target=self.share, args=(FORMS[first::16], failures)))
            threads[-1].start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])

    def waited(self, headers):
        """Seconds between the 429 and the next request."""
        answers = [wire.json(429, {"error": "slow"}, headers), wire.json(200, recording(1))]
        with wire.Server(answers) as server:
            done = wire.run(server, SCRIPT % 1)
        self.assertEqual(done.code, 0, done)
        return server.requests[1].at - server.requests[0].at

    def test_seconds_are_kept(self):
        self.assertGreaterEqual(self.waited([("Retry-After", "2")]), 2)
        self.assertGreaterEqual(self.waited([("Retry-After", "1.5")]), 1.5)

    def test_a_date_counts_from_the_date_of_the_answer(self):
        now = time.time() - 86400  # a server whose clock is a day behind
        headers = [("Date", email.utils.formatdate(now, usegmt=True)),
                   ("Retry-After", email.utils.formatdate(now + 2, usegmt=True))]
        self.assertGreaterEqual(self.waited(headers), 1.9)

    def test_uuid_of_fixture_and_script_agree(self):
        self.assertEqual(uuid(26), "00000000-0000-4000-8000-00000000001a")


if __name__ == "__main__":
    unittest.main()
