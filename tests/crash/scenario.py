# SPDX-License-Identifier: MIT
"""What happens to one practice account: a run or the apply of a plan, and now and then its undo.

Everything that is chosen follows from the seed; where exactly a kill strikes does not, since
processes are never twice as fast. A scenario that found something may have to be repeated.

    result = Scenario(options, seed=7, folder=folder).play()
    result.kills, result.mutations, result.findings
"""
import collections
import os
import random

import account as accounts
import client
import leg as legs
import work as works

LATE_MS = 60  # changes that come late; well below the settle time of a leg

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
    late_ms = LATE_MS

    def __init__(self, options, seed, folder):
        self.options, self.seed, self.folder = options, seed, folder
        self.chance = random.Random(seed)
        self.kind = options.kind or self.chance.choice(sorted(works.KINDS))
        self.count = self.chance.randint(25, 60)
        self.weather = self.chance.choice((0, 1, 1, 1.5))
        self.latency_ms = self.chance.choice((5, 10, 20))
        self.has_plan = options.is_whole and self.chance.random() < 0.3
        self.has_undo = options.is_whole and works.KINDS[self.kind].can_undo and self.chance.random() < 0.3
        self.has_number = self.chance.random() < 0.7
        self.mutations, self.legs, self.findings = 0, [], []
        self.kills, self.open, self.sums = 0, collections.Counter(), collections.Counter()

    def faults(self, hang):
        return fault_text(self.weather, self.latency_ms, hang)

    def play(self):
        with accounts.Account(self.options.practice, self.count, self.count, self.seed, self.folder) as account:
            self.account = account
            self.program = client.Program(self.options.program, account.env, self.folder, legs.SETTLE)
            try:
                self._legs(works.KINDS[self.kind](account, self.count, str(self.seed)))
            except RuntimeError as error:
                self.findings.append(("illegal", str(error)))
            self.struck = account.faults_struck()
        return self

    def _legs(self, work):
        first = self._leg(work, self._command(work), self.kind == "delete")
        if self.has_undo and not self.findings:
            self._leg(works.Undone(work, first.report), ["undo", first.run], self.kind == "create")

    def _command(self, work):
        script = ["run", work.path(), *work.arguments]
        if not self.has_plan:
            return script
        plan = os.path.join(self.folder, "the.plan")
        made = self.program.run(*script, "--plan", plan)
        if made.code != 0:
            raise RuntimeError("no plan was made: %s" % made)
        return ["apply", plan]

    def _leg(self, work, command, deletes):
        """Deletes need their number, else each process stops at the guard (6) and the next goes on."""
        flags = ["--confirm", str(self.count)] if deletes and self.has_number else []
        leg = legs.Leg(self, work, command, flags)
        leg.play(self.chance.randint(4, 14))
        self.kills += leg.kills
        self.mutations += len(work.wanted)
        self.open += leg.checks.open
        self.sums += leg.sums
        self.sums[command[0]] += 1
        self.findings += leg.checks.findings
        return leg
