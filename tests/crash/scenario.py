# SPDX-License-Identifier: MIT
"""One run from its start, through its kills, to its rest.

Everything that is chosen follows from the seed; where exactly a kill strikes does not, since
processes are never twice as fast. A scenario that found something may have to be repeated.

    result = Scenario(options, seed=7, folder=folder).play()
    result.kills, result.mutations, result.findings
"""
import collections
import random
import time

import account as accounts
import checks
import client
import work as works

LATE_MS = 60        # changes that come late are there by then ...
SETTLE = 0.4        # ... with room for a busy machine
WAIT_SECONDS = 2    # --wait: how long an accepted change is polled
RESUMES = 25        # more than this to come to rest is a finding
FINISHED = (0, 3)  # exit codes of a run that is at rest
GOES_ON = (5, 6, 75)  # ... and of one that stopped, so that it can be resumed

# Share of the requests in percent, times the weather of a scenario.
FAULTS = {"429": 2, "500": 2, "502": 1, "503": 1, "reset": 2, "500-after-apply": 2, "reset-after-apply": 2,
          "close-after-apply": 2, "half-body": 1, "half-body-chunked": 1, "garbage": 1, "empty": 1, "drip": 1,
          "stale": 1, "accept-drop": 1}
TIMED = {"late-apply": (2, LATE_MS), "accept": (1, LATE_MS), "slow": (2, 300)}
HANG_PERCENT = 1  # only while there is somebody who kills


def fault_text(weather, latency_ms, hang):
    parts = ["%s=%g%%" % (name, share * weather) for name, share in FAULTS.items() if weather]
    parts += ["%s=%g%%:%d" % (name, share * weather, ms) for name, (share, ms) in TIMED.items() if weather]
    if hang and weather:
        parts.append("hang=%g%%" % HANG_PERCENT)
    return ",".join(parts + ["latency=%d" % latency_ms, "retry-after=0.02", "429-form=decimal", "twins"])


class Scenario:
    def __init__(self, options, seed, folder):
        self.options, self.seed, self.folder = options, seed, folder
        self.chance = random.Random(seed)
        self.kind = options.kind or self.chance.choice(sorted(works.KINDS))
        self.count = self.chance.randint(25, 60)
        self.weather = self.chance.choice((0, 1, 1, 1.5))
        self.latency_ms = self.chance.choice((5, 10, 20))
        self.wanted_kills = self.chance.randint(4, 14)
        # Deletes need their number, else each process stops at the guard (6) and the next goes on.
        self.has_number = self.kind == "delete" and self.chance.random() < 0.7
        self.kills, self.mutations, self.sums = 0, 0, collections.Counter()
        self.struck = collections.Counter()
        self.run, self.code, self.last = None, None, None

    def play(self):
        with accounts.Account(self.options.practice, self.count, self.count, self.seed, self.folder) as account:
            self.account = account
            self.work = works.KINDS[self.kind](account, self.count, str(self.seed))
            self.mutations = len(self.work.wanted)
            self.program = client.Program(self.options.program, account.env, self.folder, SETTLE)
            self.checks = checks.Checks(self.work, account, self.program)
            try:
                self._killing()
                self._to_rest()
            except RuntimeError as error:
                self.checks.find("illegal", str(error))
            self.struck = account.faults_struck()
        self.findings = self.checks.findings
        return self

    # --- starting and killing ---

    def _start(self):
        flags = ["--yes", "--json", "--rate", "0", "--concurrency", str(self.chance.choice((1, 2, 4, 8)))]
        if self.options.has_wait:
            flags += ["--wait", str(WAIT_SECONDS)]
        if self.has_number:
            flags += ["--confirm", str(self.count)]
        if self.run:
            return self.program.start("resume", self.run, *flags)
        return self.program.start("run", self.work.path(), *flags, *self.work.arguments)

    def _killing(self):
        self.account.set_faults(fault_text(self.weather, self.latency_ms, hang=True))
        while self.kills < self.wanted_kills and self.code not in FINISHED:
            process = self._start()
            self._let_it_work(process)
            if process.kill():
                self.kills += 1
            else:
                self._ended(process)
            self._after(process)

    def _let_it_work(self, process):
        """Until a moment of writing, or anywhere from the start on; less if it ends before."""
        if self.chance.random() < 0.7:
            if process.wait_for_run(timeout=2 * SETTLE + 1) and self.run and self.chance.random() < 0.2:
                self._second_process(process)
            process.wait(self.chance.uniform(0.005, 0.15))
        else:
            process.wait(self.chance.uniform(0, SETTLE + 0.2 if self.run else 0.06))

    def _ended(self, process):
        """It has come to an end by itself."""
        self.last, self.code = process, process.code
        if self.code not in FINISHED + GOES_ON:
            self.checks.find("illegal", "%s" % process)

    def _after(self, process):
        first = self.run
        self.run = self.run or process.run
        if first and process.run not in (None, first):
            self.checks.find("illegal", "resume of %s calls itself %s" % (first, process.run))
        if not self.run:
            self.sums["killed before the run had a name"] += 1
            self.checks.nothing_written()
            return
        self.sums["resumes"] += first is not None
        self.checks.look(self.run)

    def _second_process(self, first):
        """While the first is at work (it wrote its line and lives on), a second one is refused."""
        second = self.program.run("resume", self.run, "--yes", "--json")
        if not first.is_running():
            return
        self.sums["second processes"] += 1
        if second.code != 75:
            self.checks.find("illegal", "a second process on the run: %s" % second)

    # --- coming to rest ---

    def _to_rest(self):
        self.account.set_faults(fault_text(self.weather, self.latency_ms, hang=False))
        for _ in range(RESUMES):
            if self.code in FINISHED:
                break
            process = self._start()
            process.finish()
            self._ended(process)
            self._after(process)
            self.sums["exit %s on the way" % self.code] += self.code not in FINISHED
        else:
            self.checks.find("lost", "it did not come to rest: %s" % self.last)
        time.sleep(2 * LATE_MS / 1000)  # nobody can write now but what comes late
        self.account.set_faults("twins")
        if self.run is None:
            self.checks.find("lost", "it ended with exit %s and has no run" % self.code)
            return
        report = self.checks.at_rest(self.run, self.last)
        self._resume_of_the_finished(report)

    def _resume_of_the_finished(self, report):
        before = sum(accounts.received(self.account.log()).values())
        again = self.program.run("resume", self.run, "--yes", "--json")
        sent = sum(accounts.received(self.account.log()).values()) - before
        if sent:
            self.checks.find("duplicated", "the finished run was resumed and sent %d writes" % sent)
        if again.code != self.code:
            self.checks.find("illegal", "the finished run ended with %s; resumed: %s" % (self.code, again))
        line = again.result() or {}
        said = {state: n for state, n in line.get("counts", {}).items() if n}
        kept = {state: n for state, n in report["counts"].items() if n}
        if said != kept or line.get("exit", again.code) != again.code:
            self.checks.find("illegal", "resume says %s, runs says %s" % (line, kept))
