# SPDX-License-Identifier: MIT
"""Running contenders side by side, and what came of it.

    table = race(jobs, runs=5, tool="build/bench/measure")
    table["Moonlever"].wall        # median, seconds

The runs are interleaved, one of each contender after the other, so that whatever else the machine
does falls on all of them. A run that answers another number than was asked for, or that made
another number of requests than it needed, is an error and not a time.
"""
import os
import statistics
import subprocess


class RunError(Exception):
    """A contender failed; the text holds the end of what it printed."""


class Sample:
    """One run: seconds of wall clock and of processor, and peak memory in MB."""

    def __init__(self, line):
        wall_us, cpu_us, peak_kb, self.exit = (int(field) for field in line.split())
        self.wall, self.cpu, self.peak = wall_us / 1e6, cpu_us / 1e6, peak_kb / 1024


class Summary:
    """Many runs of one contender: medians of the times, the highest peak."""

    def __init__(self, samples):
        self.wall = statistics.median(s.wall for s in samples)
        self.cpu = statistics.median(s.cpu for s in samples)
        self.peak = max(s.peak for s in samples)


class Job:
    """What one contender has to do once: the command, its environment, the last line that it must
    print (None = do not look), and a server with the number of requests that this must take."""

    def __init__(self, name, command, environment, expect=None, server=None, requests=0):
        self.name, self.command, self.environment = name, command, environment
        self.expect, self.server, self.requests = expect, server, requests


def run_once(job, tool):
    """One run of a job; raises RunError."""
    read_end, write_end = os.pipe()
    before = job.server.requests() if job.server else 0
    done = subprocess.run([tool, str(write_end), *job.command], env=job.environment,
                          pass_fds=[write_end], capture_output=True, text=True)
    os.close(write_end)
    with os.fdopen(read_end) as f:
        line = f.read()
    _check(job, done, before)
    return Sample(line)


def _check(job, done, before):
    printed = (done.stdout + done.stderr).strip()[-2000:]
    if done.returncode != 0:
        raise RunError(f"{job.name} ended with exit {done.returncode}: {' '.join(job.command)}\n{printed}")
    if job.expect is not None and job.expect not in done.stdout.splitlines():
        raise RunError(f"{job.name} did not print '{job.expect}' but:\n{printed}")
    if job.server:
        made = job.server.requests() - before
        if made != job.requests:
            raise RunError(f"{job.name} made {made} requests where {job.requests} are needed")


def race(jobs, runs, tool):
    """{name: Summary}, each job run `runs` times in turns. A job whose runs fail is left out and
    in the second result: {name: why}."""
    samples, failed = {job.name: [] for job in jobs}, {}
    for _ in range(runs):
        for job in jobs:
            if job.name in failed:
                continue
            try:
                samples[job.name].append(run_once(job, tool))
            except RunError as why:
                failed[job.name] = str(why)
    return {name: Summary(s) for name, s in samples.items() if name not in failed}, failed
