#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Kills moonlever in the middle of its writes, resumes it, and counts what came of it.

    tests/crash/crash.py --program build/moonlever --kills 1000 --mutations 6000

Each scenario has a practice account of its own with most of its faults on, and a journal of its
own. Repeat what was found with --scenario SEED; docs/testing.md says more.
"""
import argparse
import collections
import concurrent.futures
import os
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import checks  # noqa: E402
import scenario  # noqa: E402
import work  # noqa: E402

SHOWN = 8  # findings of one scenario
OPEN_PERCENT = 5  # more changes than this that the runs report as not done need a look


class Totals:
    def __init__(self, options):
        self.options, self.lock = options, threading.Lock()
        self.kills = self.mutations = self.started = 0
        self.findings = []
        self.open, self.sums, self.struck = collections.Counter(), collections.Counter(), collections.Counter()
        self.begun = time.monotonic()

    def next_seed(self):
        """The seed of the next scenario, None when there were enough."""
        with self.lock:
            enough = self.kills >= self.options.kills and self.mutations >= self.options.mutations
            hopeless = self.started >= self.options.kills + self.options.mutations // 10 + 10
            if enough or hopeless or (self.findings and self.options.stop):
                return None
            self.started += 1
            return self.options.seed * 100000 + self.started

    def add(self, played):
        with self.lock:
            self.kills += played.kills
            self.mutations += played.mutations
            self.open += played.open
            self.sums += played.sums
            self.struck += played.struck
            self.findings += [kind for kind, _ in played.findings]
            for kind, text in played.findings[:SHOWN]:
                print("\r%s (--scenario %d, %s): %s" % (kind, played.seed, played.kind, text), flush=True)
            if len(played.findings) > SHOWN:
                print("\r... and %d more in scenario %d" % (len(played.findings) - SHOWN, played.seed), flush=True)
            self.progress()

    def progress(self):
        if sys.stderr.isatty() or self.options.progress:
            sys.stderr.write("\r%d of %d kills, %d of %d mutations, %d s, %d found " % (
                self.kills, self.options.kills, self.mutations, self.options.mutations,
                time.monotonic() - self.begun, len(self.findings)))
            sys.stderr.flush()

    def close(self):
        """The closing lines. Returns the exit code."""
        counts = collections.Counter(self.findings)
        share = 100 * sum(self.open.values()) / max(self.mutations, 1)
        print("\r%d s; faults that struck: %s" % (time.monotonic() - self.begun, words(self.struck)))
        print("on the way: %s; reported as not done: %s (%.1f %%)" % (words(self.sums), words(self.open), share))
        if share > OPEN_PERCENT:
            counts["illegal"] += 1
            print("illegal: more than %d %% of the changes are reported as not done" % OPEN_PERCENT)
        if self.kills < self.options.kills and not (self.findings or self.options.scenario):
            counts["illegal"] += 1
            print("illegal: %d scenarios, and they could not be killed more often" % self.started)
        print("%d kills, %d mutations: %s" % (self.kills, self.mutations,
                                              ", ".join("%d %s" % (counts[kind], kind) for kind in checks.KINDS)))
        return 1 if sum(counts.values()) else 0


def words(counts):
    return ", ".join("%d %s" % (n, name) for name, n in sorted(counts.items()) if n) or "none"


def play(options, totals, seed):
    with tempfile.TemporaryDirectory(prefix="moonlever-crash-") as folder:
        totals.add(scenario.Scenario(options, seed, folder).play())


def worker(options, totals):
    while (seed := totals.next_seed()) is not None:
        play(options, totals, seed)


def run_all(options, totals):
    if options.scenario is not None:
        play(options, totals, options.scenario)
        return
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for done in [pool.submit(worker, options, totals) for _ in range(options.jobs)]:
            done.result()


def read_options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--program", default=os.environ.get("MOONLEVER"), help="the program under test")
    parser.add_argument("--practice", help="the program that serves the practice accounts (default: the same)")
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--mutations", type=int, default=6000)
    parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same choices (default 1)")
    parser.add_argument("--jobs", type=int, default=4, help="scenarios side by side (default 4)")
    parser.add_argument("--kind", choices=sorted(work.KINDS), help="only this script")
    parser.add_argument("--scenario", type=int, metavar="SEED", help="only the scenario with this seed")
    parser.add_argument("--stop", action="store_true", help="stop at the first finding")
    parser.add_argument("--progress", action="store_true", help="a progress line also where there is no terminal")
    options = parser.parse_args()
    if not options.program:
        parser.error("--program PATH is missing, and MOONLEVER is not set")
    options.program = os.path.abspath(options.program)
    options.practice = os.path.abspath(options.practice or options.program)
    said = subprocess.run([options.program, "resume", "--help"], capture_output=True, check=False).stdout
    options.is_whole = b"--wait" in said  # the model of test_harness.py knows `run` and `resume` alone
    return options


def main():
    options = read_options()
    totals = Totals(options)
    run_all(options, totals)
    return totals.close()


if __name__ == "__main__":
    sys.exit(main())
