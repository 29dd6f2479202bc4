# SPDX-License-Identifier: MIT
"""One run from its start, through its kills, to its rest.

    leg = Leg(scenario, work, ["run", path])
    leg.play(kills=7)
    leg.run, leg.code, leg.kills, leg.checks.findings
"""
import collections
import time

import account as accounts
import checks
import client

SETTLE = 0.4        # seconds; what comes late is there by then, with room for a busy machine
WAIT_SECONDS = 2    # --wait: how long an accepted change is polled
RESUMES = 25        # more than this to come to rest is a finding
FINISHED = (0, 3)  # exit codes of a run that is at rest
GOES_ON = (5, 6, 75)  # ... and of one that stopped, so that it can be resumed


class Leg:
    def __init__(self, scenario, work, command, flags=()):
        """`command` starts it; once it has a name, it is resumed. `flags` go along with either."""
        self.scenario, self.account, self.program = scenario, scenario.account, scenario.program
        self.chance, self.work = scenario.chance, work
        self.command, self.flags = command, list(flags)
        self.checks = checks.Checks(work, self.account, self.program)
        self.kills, self.sums = 0, collections.Counter()
        self.run, self.code, self.last = None, None, None

    def play(self, kills):
        try:
            self._killing(kills)
            self._to_rest()
        except RuntimeError as error:
            self.checks.find("illegal", str(error))

    # --- starting and killing ---

    def _start(self):
        flags = ["--yes", "--confirm", "1000", "--json", "--rate", "0",
                 "--concurrency", str(self.chance.choice((1, 2, 4, 8)))]
        if self.scenario.options.is_whole:
            flags += ["--wait", str(WAIT_SECONDS)]
        # An apply goes on by itself, and has to where its plan was not yet written down (6).
        if not self.run or (self.command[0] == "apply" and (self.code == 6 or self.chance.random() < 0.5)):
            return self.program.start(*self.command, *flags, *self.flags)
        return self.program.start("resume", self.run, *flags, *self.flags)

    def _killing(self, wanted):
        self.account.set_faults(self.scenario.faults(hang=True))
        while self.kills < wanted and self.code not in FINISHED:
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
            process.wait(self.chance.choice((0, self.chance.uniform(0.005, 0.15), self.chance.uniform(0.005, 0.15))))
        else:
            process.wait(self.chance.uniform(0, SETTLE + 0.2 if self.run else 0.06))

    def _ended(self, process):
        """It has come to an end by itself."""
        self.last, self.code = process, process.code
        if self.code not in FINISHED + GOES_ON:
            self.checks.find("illegal", "%s" % process)

    def _after(self, process):
        first = self.run
        self.run = self.run or process.run or self._undo_without_a_line()
        if first and process.run not in (None, first):
            self.checks.find("illegal", "resume of %s calls itself %s" % (first, process.run))
        if not self.run:
            self.sums["killed before the run had a name"] += 1
            self.checks.nothing_written()
            return
        self.sums["resumes"] += first is not None
        self.checks.look(self.run)

    def _undo_without_a_line(self):
        """A run is undone once: one that was killed before it could say its name is in the list."""
        if self.command[0] != "undo":
            return None
        listed = self.program.run("runs", "--json").result()
        return next((run["run"] for run in listed["runs"] if run["undo_of"] == self.command[1]), None)

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
        self.account.set_faults(self.scenario.faults(hang=False))
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
        time.sleep(2 * self.scenario.late_ms / 1000)  # nobody can write now but what comes late
        self.account.set_faults("twins")
        if self.run is None:
            self.checks.find("lost", "it ended with exit %s and has no run" % self.code)
            return
        self.report = self.checks.at_rest(self.run, self.last)
        self._resume_of_the_finished()

    def _resume_of_the_finished(self):
        before = sum(accounts.received(self.account.log()).values())
        again = self.program.run("resume", self.run, "--yes", "--json")
        sent = sum(accounts.received(self.account.log()).values()) - before
        if sent:
            self.checks.find("duplicated", "the finished run was resumed and sent %d writes" % sent)
        if again.code != self.code:
            self.checks.find("illegal", "the finished run ended with %s; resumed: %s" % (self.code, again))
        line = again.result() or {}
        said = {state: n for state, n in line.get("counts", {}).items() if n}
        kept = {state: n for state, n in self.report["counts"].items() if n}
        if said != kept or line.get("exit", again.code) != again.code:
            self.checks.find("illegal", "resume says %s, runs says %s" % (line, kept))
