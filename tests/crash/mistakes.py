#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Plants the classic mistakes into a copy of the source tree; crash.py has to find each.

With the same options it has to find nothing in the program without mistakes.

    tests/crash/mistakes.py --folder build-mistakes           all of mistakes/*.patch
    tests/crash/mistakes.py --folder build-mistakes no-settle   one of them

A patch begins with lines of its own: what the mistake is, "harness: OPTIONS" with the options of
crash.py that bring it out, and "finds: KIND..." with what has to be found (one of these is
enough). A patch that no longer applies is an error, not a pass.
"""
import argparse
import filecmp
import os
import re
import shlex
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PATCHES = os.path.join(HERE, "mistakes")
COPIED = ("CMakeLists.txt", "cmake", "include", "docs", "lua", "packaging", "scripts", "src", "tests", "tools", "LICENSE",
          "README.md")


class Failed(Exception):
    """Something that is no verdict on a mistake."""


def copy_tree(to):
    """Makes `to` equal to the source tree. What is equal keeps its time, so that builds stay short."""
    for name in COPIED:
        source = os.path.join(ROOT, name)
        if os.path.isfile(source):
            copy_file(source, os.path.join(to, name))
        for folder, _, files in os.walk(source):
            there = os.path.join(to, os.path.relpath(folder, ROOT))
            for file in files:
                copy_file(os.path.join(folder, file), os.path.join(there, file))
            for extra in set(os.listdir(there) if os.path.isdir(there) else ()) - set(os.listdir(folder)):
                remove(os.path.join(there, extra))


def copy_file(source, target):
    if not (os.path.exists(target) and filecmp.cmp(source, target, shallow=False)):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy(source, target)


def remove(path):
    if os.path.isdir(path):
        shutil.rmtree(path)
    else:
        os.unlink(path)


def quietly(what, *command, cwd=None):
    done = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        raise Failed("%s:\n%s" % (what, done.stdout.decode("utf-8", "replace")[-4000:]))


def build(tree, output, jobs):
    quietly("cmake does not configure", "cmake", "-S", tree, "-B", output, "-DCMAKE_BUILD_TYPE=RelWithDebInfo",
            "-DMOONLEVER_TESTS=OFF")
    quietly("it does not build", "cmake", "--build", output, "-j", str(jobs), "--target", "moonlever")
    return os.path.join(output, "moonlever")


def patch_of(name):
    return os.path.join(PATCHES, name + ".patch")


def words_of(patch, name):
    """What stands behind "name:" in the head of the patch."""
    with open(patch, encoding="utf-8") as file:
        found = re.search(r"^%s: (.*)$" % name, file.read(), re.M)
    if not found:
        raise Failed("%s has no line that begins with '%s:'" % (os.path.basename(patch), name))
    return shlex.split(found.group(1))


def crash(program, practice, options, output):
    """Runs crash.py. Returns its closing line."""
    command = [sys.executable, os.path.join(HERE, "crash.py"), "--program", program, "--practice", practice, "--stop",
               *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    text = done.stdout.decode("utf-8", "replace")
    with open(output, "w", encoding="utf-8") as file:
        file.write(text)
    if done.returncode not in (0, 1):
        raise Failed("crash.py ended with %d:\n%s" % (done.returncode, text[-2000:]))
    return text.strip().splitlines()[-1]


def plant(name, folder, practice, jobs):
    """One mistake. Returns whether it was found."""
    began = time.monotonic()
    patch, tree = patch_of(name), os.path.join(folder, "tree")
    options, finds = words_of(patch, "harness"), words_of(patch, "finds")
    copy_tree(tree)
    quietly("the patch does not apply", "patch", "--batch", "--forward", "--fuzz=0", "-p1", "-i", patch, cwd=tree)
    program = build(tree, os.path.join(folder, "build"), jobs)
    closing = crash(program, practice, options, os.path.join(folder, name + ".log"))
    found = any(re.search(r"\b[1-9]\d* %s\b" % re.escape(kind), closing) for kind in finds)
    print("%-8s %-20s %4d s  %s" % ("caught" if found else "MISSED", name, time.monotonic() - began, closing),
          flush=True)
    return found


def find_nothing(names, folder, practice):
    """The program without mistakes, with the options of each patch. Returns whether it is found innocent."""
    innocent = True
    for number, options in enumerate(sorted({tuple(words_of(patch_of(name), "harness")) for name in names}), 1):
        began = time.monotonic()
        closing = crash(practice, practice, options, os.path.join(folder, "unpatched-%d.log" % number))
        is_clean = not re.search(r"\b[1-9]\d* (lost|duplicated|unjournalled|illegal)\b", closing)
        print("%-8s %-20s %4d s  %s" % ("passed" if is_clean else "WRONG", "without a mistake",
                                        time.monotonic() - began, closing), flush=True)
        innocent = innocent and is_clean
    return innocent


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("names", nargs="*", help="patches without .patch (default: all)")
    parser.add_argument("--folder", default=os.path.join(ROOT, "build-mistakes"), help="for the copy and its build")
    parser.add_argument("--practice", default=os.environ.get("MOONLEVER"), help="a program without mistakes")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    options = parser.parse_args()
    there = os.listdir(PATCHES) if os.path.isdir(PATCHES) else ()
    names = options.names or sorted(file[:-6] for file in there if file.endswith(".patch"))
    if not options.practice or not names:
        parser.error("--practice PATH is missing" if names else "there is no patch in " + PATCHES)
    caught, innocent = 0, False
    folder, practice = os.path.abspath(options.folder), os.path.abspath(options.practice)
    for name in names:
        try:
            caught += plant(name, folder, practice, options.jobs)
        except Failed as error:
            print("FAILED   %-20s %s" % (name, error), flush=True)
    try:
        innocent = find_nothing(names, folder, practice)
    except Failed as error:
        print("FAILED   %-20s %s" % ("without a mistake", error), flush=True)
    print("%d of %d caught%s" % (caught, len(names), "" if innocent else ", and the program without them as well"))
    return 0 if caught == len(names) and innocent else 1


if __name__ == "__main__":
    sys.exit(main())
