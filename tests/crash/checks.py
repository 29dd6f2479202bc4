# SPDX-License-Identifier: MIT
"""What has to hold: right after each kill, and when a run has come to rest.

Findings are pairs (kind, text). The kinds are those of the closing line:

    lost         the server does not hold what was wanted, and the run does not say so
    duplicated   something was done twice
    unjournalled a write reached the server without an attempt in the journal (I1)
    illegal      anything else that the contract forbids
"""
import collections
import re

import account as accounts
import journal

KINDS = ("lost", "duplicated", "unjournalled", "illegal")
FINISHED = ("confirmed", "noop")
ITEMS_FAILED = re.compile(r"^items .*\b([1-9]\d*) failed", re.M)  # of the summary


class Checks:
    def __init__(self, work, account, program):
        self.work, self.account, self.program = work, account, program
        self._first = len(account.log())  # what came before is not of this run
        self.findings = []  # each once, however often it is seen
        self.open = collections.Counter()  # ends that the run itself reported as not done
        self._rows = None

    def _log(self):
        return self.account.log()[self._first:]

    def find(self, kind, text):
        if (kind, text) not in self.findings:
            self.findings.append((kind, text))

    # --- at any time that no process is at work ---

    def nothing_written(self):
        """A process that was killed before it named its run has sent no write."""
        for target, count in accounts.received(self._log()).items():
            self.find("unjournalled", "%s: %d writes before the line 'run: ID'" % (target, count))

    def look(self, run, at_rest=False):
        """The journal against the server, in this order: what comes late can only be in the journal."""
        received = accounts.received(self._log())
        report = self.program.report(run)
        rows = journal.read(self.program.journal, run)
        if rows is None:
            self.find("illegal", "run %s is not in the journal" % run)
            return report
        self._each_is_journalled(received, report, rows)
        for text in journal.problems(rows, at_rest) + journal.moved_back(self._rows, rows):
            self.find("illegal", text)
        self._counts_add_up(report)
        self._rows = rows
        return report

    def _each_is_journalled(self, received, report, rows):
        reported = collections.Counter()
        for change in report["changes"]:
            reported[change["target"]] += change["attempts"]
        stored = journal.attempts_of(rows)
        for target in set(received) | set(reported) | set(stored):
            if received[target] > stored[target]:
                self.find("unjournalled", "%s: %d writes received, %d attempts in the journal" %
                          (target, received[target], stored[target]))
            if stored[target] != reported[target]:
                self.find("illegal", "%s: runs --json reports %d attempts, the journal has %d" %
                          (target, reported[target], stored[target]))

    def _counts_add_up(self, report):
        listed = collections.Counter(change["state"] for change in report["changes"])
        counts = collections.Counter({state: n for state, n in report["counts"].items() if n})
        if counts["noop"] > listed["noop"]:
            counts["noop"] = listed["noop"]  # what was so already needs no row of its own
        if +counts != +listed:
            self.find("illegal", "counts %s, but the changes are %s" % (dict(+counts), dict(+listed)))

    # --- at the end ---

    def at_rest(self, run, last):
        """After the process `last`, which has brought the run to rest."""
        code = last.code
        report = self.look(run, at_rest=True)
        states = collections.defaultdict(list)
        for change in report["changes"]:
            states[change["target"]].append(change["state"])
        applied = accounts.applied(self._log())
        actual = self.work.actual(self.account)
        for target in self.work.wanted:
            self._target(target, states[target], applied[target], actual, code)
        self._exit_fits(states, last)
        return report

    def _target(self, target, states, applied, actual, code):
        if self.work.is_create and applied > 1:
            self.find("duplicated", "%s was created %d times" % (target, applied))
        if self.work.is_done(target, actual):
            if states and set(states) == {"failed"} and applied:
                self.find("illegal", "%s is reported as failed and was applied" % target)
            self._count_open(states)
            return
        kind, text = self.work.verdict(target, actual)
        claims_done = any(state in FINISHED for state in states) or (not states and code == 0)
        if kind != "lost" or claims_done or code == 0:
            self.find(kind, "%s %s; the run says %s and exit %s" % (target, text, states or "nothing", code))
        else:
            self._count_open(states or ["unplanned"])

    def _count_open(self, states):
        self.open.update(state for state in states if state not in FINISHED)

    def _exit_fits(self, states, last):
        ends = collections.Counter(state for each in states.values() for state in each)
        left = sum(n for state, n in ends.items() if state not in FINISHED)
        if left and last.code == 0:
            self.find("illegal", "exit 0 with %s" % dict(ends))
        if last.code != 3 or left or self.open:
            return
        without_change = ITEMS_FAILED.search(last.err)  # it could not be read, so nothing was to be sent
        if without_change:
            self.open["unread"] += int(without_change.group(1))
        else:
            self.find("illegal", "exit 3 with nothing but %s\n%s" % (dict(ends), last))
