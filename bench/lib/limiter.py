# SPDX-License-Identifier: MIT
"""Pacing against a limit that nobody told us: how much of it is used, how much is rejected.

Real nginx `limit_req` on one door for each limit, all at once, one Moonlever for each door. The
access log tells what the server let through and when, so the client's own opinion does not count.

    for row in measure(build, bench, directory, seconds=60):
        print(row.rate, row.burst, row.used, row.rejected)
"""
import subprocess

import contenders
import servers

LIMITS = [(rate, burst) for burst in (0, 5) for rate in (5, 20, 50, 100)]


class Row:
    """One limit: `used` is what was let through over what could have been, `rejected` the share of
    all requests that was refused; `late_*` the same without the first third, when the limit was
    still being looked for."""

    def __init__(self, rate, burst, log):
        self.rate, self.burst = rate, burst
        with open(log, encoding="ascii") as f:
            lines = [(float(at), int(status)) for at, status in (line.split() for line in f)]
        if not lines:
            raise RuntimeError(f"no request came in at {rate}/s")
        lines.sort()
        first, last = lines[0][0], lines[-1][0]
        self.used, self.rejected = _shares(lines, first, last, rate, burst)
        third = first + (last - first) / 3
        self.late_used, self.late_rejected = _shares(
            [line for line in lines if line[0] >= third], third, last, rate, 0)


def _shares(lines, start, end, rate, burst):
    passed = sum(1 for _, status in lines if status == 200)
    rejected = sum(1 for _, status in lines if status == 429)
    allowed = rate * (end - start) + 1 + burst
    return passed / allowed, rejected / len(lines)


def measure(build, bench, directory, seconds):
    """Runs for `seconds` and returns a Row for each limit."""
    with servers.LimitedNginx(directory, LIMITS) as nginx:
        running = [_start(build, bench, directory, origin, seconds) for origin, _ in nginx.doors]
        for process in running:
            output, _ = process.communicate()
            if process.returncode != 0:
                raise RuntimeError(f"Moonlever ended with exit {process.returncode}: {output[-2000:]}")
        return [Row(rate, burst, log) for (rate, burst), (_, log) in zip(LIMITS, nginx.doors)]


def _start(build, bench, directory, origin, seconds):
    return subprocess.Popen(
        contenders.script(build, bench, "paced", "--seconds", str(seconds)),
        env=contenders.environment(origin, directory), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
