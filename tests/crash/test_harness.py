# SPDX-License-Identifier: MIT
"""crash.py itself: it finds nothing in a program without mistakes, and each mistake in one with it.

The program is model.py, which makes the mistake that it is told to make; the practice accounts
are the real ones.
"""
import concurrent.futures
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
CLOSING = re.compile(r"^(\d+) kills, (\d+) mutations: (\d+) lost, (\d+) duplicated, (\d+) unjournalled, (\d+) illegal$")

# Mistake, script that shows it, and what has to be found at least.
MISTAKES = [("retry-on-timeout", "create", "duplicated"),
            ("no-guard", "create", "unjournalled"),
            ("no-settle", "create", "duplicated"),
            ("accepted-is-done", "retitle", "lost"),
            ("journal-after", "delete", "unjournalled"),
            ("no-lock", "roles", "illegal"),
            ("forgets-its-end", "retitle", "duplicated")]


def crash(mistake, *options):
    env = dict(os.environ, MODEL_MISTAKE=mistake)
    command = [sys.executable, os.path.join(HERE, "crash.py"), "--program", os.path.join(HERE, "model.py"),
               "--practice", os.environ["MOONLEVER"], "--jobs", "2", *options]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=250, check=False)
    closing = CLOSING.match((done.stdout.splitlines() or [""])[-1])
    assert closing, "%s: no closing line\n%s%s" % (mistake, done.stdout, done.stderr)
    return done, dict(zip(("kills", "mutations", "lost", "duplicated", "unjournalled", "illegal"),
                          map(int, closing.groups())))


def check_good():
    done, sums = crash("", "--kills", "30", "--mutations", "100", "--seed", "2")
    assert done.returncode == 0, done.stdout
    assert sums["kills"] >= 30 and sums["mutations"] >= 100, sums
    assert not any(sums[kind] for kind in ("lost", "duplicated", "unjournalled", "illegal")), sums


def check_mistake(mistake, kind, finding):
    done, sums = crash(mistake, "--kills", "400", "--mutations", "400", "--kind", kind, "--stop")
    assert done.returncode == 1 and sums[finding], "%s was not found: %s" % (mistake, done.stdout)
    assert "--scenario " in done.stdout, done.stdout


def check_patches():
    """Each planted mistake still has its place in the source."""
    folder, root = os.path.join(HERE, "mistakes"), os.path.dirname(os.path.dirname(HERE))
    names = [name for name in os.listdir(folder) if name.endswith(".patch")]
    assert len(names) == 5, names
    for name in names:
        done = subprocess.run(["patch", "--batch", "--forward", "--fuzz=0", "--dry-run", "-p1", "-i",
                               os.path.join(folder, name)], cwd=root, capture_output=True, text=True, check=False)
        assert done.returncode == 0, "%s does not apply: %s" % (name, done.stdout)


def check_options():
    for wrong in (["--kind", "nothing"], ["--kills", "x"]):
        done = subprocess.run([sys.executable, os.path.join(HERE, "crash.py"), *wrong], capture_output=True,
                              timeout=60, check=False)
        assert done.returncode == 2, done


def main():
    check_options()
    check_patches()
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        tasks = [pool.submit(check_good)] + [pool.submit(check_mistake, *row) for row in MISTAKES]
        for task in tasks:
            task.result()
    print("1 good program, %d mistakes, all patches: as they should be" % len(MISTAKES))


if __name__ == "__main__":
    main()
