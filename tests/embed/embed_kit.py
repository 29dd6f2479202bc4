# SPDX-License-Identifier: MIT
"""An installation of the build under test in a folder of its own, and the tools to build against it.

    with Prefix() as prefix:
        prefix.make("c-blocking", static=True)
"""
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
from cli_kit import Account, environment, script  # noqa: E402,F401

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("MOONLEVER_BUILD", os.path.join(ROOT, "build"))
STRICT = ["-Wall", "-Wextra", "-Werror", "-pedantic"]


def command(*words, env=None, cwd=None, stdin=None, timeout=250):
    """Runs it; what it wrote to both outputs. It has to end well."""
    done = subprocess.run(words, env=env, cwd=cwd, input=stdin, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=timeout, check=False)
    assert done.returncode == 0, "%s ended with %d:\n%s" % (" ".join(words), done.returncode, done.stdout)
    return done.stdout


def cached(name):
    """A variable of the build's configuration."""
    with open(os.path.join(BUILD, "CMakeCache.txt"), encoding="utf-8") as file:
        for line in file:
            if line.startswith(name + ":"):
                return line.rstrip("\n").split("=", 1)[1]
    raise AssertionError("no %s in the cache" % name)


class Prefix:
    """cmake --install into a new folder. `moved` moves it afterwards: nothing in it may mind."""

    def __init__(self, moved=False):
        self.folder = tempfile.mkdtemp(prefix="moonlever-prefix-")
        self.path = os.path.join(self.folder, "usr")
        command("cmake", "--install", BUILD, "--prefix", self.path)
        if moved:
            elsewhere = os.path.join(self.folder, "opt", "else where")
            os.makedirs(os.path.dirname(elsewhere))
            os.rename(self.path, elsewhere)
            self.path = elsewhere
        self.lib = os.path.join(self.path, cached("CMAKE_INSTALL_LIBDIR"))
        self.cmod = os.path.join(self.path, cached("MOONLEVER_LUA_CMODDIR"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder)

    def environment(self, **more):
        """For programs that are built or run against the prefix."""
        return environment(LD_LIBRARY_PATH=self.lib, PKG_CONFIG_PATH=os.path.join(self.lib, "pkgconfig"),
                           LUA_CPATH=os.path.join(self.cmod, "?.so"), **more)

    def files(self):
        """Every installed file, below the prefix."""
        return {os.path.relpath(os.path.join(folder, name), self.path)
                for folder, _, names in os.walk(self.path) for name in names}

    def flags(self, *modules):
        return command("pkg-config", "--cflags", "--libs", *modules, env=self.environment())

    def compile(self, source, *flags, module="moonlever", name="program"):
        """Compiles one C file against the prefix with pkg-config; the path of the program."""
        out = os.path.join(self.folder, name)
        command("sh", "-ec", 'out=$1 module=$2 source=$3; shift 3; cc "$@" "$source" -o "$out" '
                '$(pkg-config --cflags --libs $module)', "-", out, module, source, *flags,
                env=self.environment())
        return out

    def make(self, static):
        """The examples with make and pkg-config; the folder they are in."""
        out = tempfile.mkdtemp(dir=self.folder)
        command("make", "-C", os.path.join(ROOT, "examples"), "OUT=" + out,
                "MODULE=" + ("moonlever-static" if static else "moonlever"), env=self.environment())
        return out

    def cmake(self, static):
        """The examples with CMake and find_package; the folder they are in."""
        out = tempfile.mkdtemp(dir=self.folder)
        command("cmake", "-S", os.path.join(ROOT, "examples"), "-B", out,
                "-DCMAKE_PREFIX_PATH=" + self.path, "-DMOONLEVER_STATIC=%s" % ("ON" if static else "OFF"))
        command("cmake", "--build", out)
        return out
