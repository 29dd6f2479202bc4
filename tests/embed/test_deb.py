#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""cpack -G DEB: four packages, what is in them, and what they depend on."""
import glob
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from embed_kit import BUILD, ROOT, cached, command, environment

PACKAGES = {"moonlever", "libmoonlever0", "libmoonlever-dev", "lua-moonlever"}


@unittest.skipIf(shutil.which("dpkg-shlibdeps") is None or shutil.which("file") is None,
                 "needs Debian's dpkg-dev and file")
class Packages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="moonlever-deb-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        command("cpack", "-G", "DEB", "-B", cls.folder, "--config", os.path.join(BUILD, "CPackConfig.cmake"),
                cwd=cls.folder)
        cls.files = {}
        for path in glob.glob(os.path.join(cls.folder, "*.deb")):
            cls.files[os.path.basename(path).split("_")[0]] = path

    def control(self, package):
        text = command("dpkg-deb", "--field", self.files[package])
        return dict(re.findall(r"^([A-Z][\w-]+): (.*)$", text, re.M))

    def contents(self, package):
        """path -> mode, for everything that is no directory."""
        found = {}
        for line in command("dpkg-deb", "--contents", self.files[package]).splitlines():
            mode, owner, _, _, _, path = line.split(None, 5)
            self.assertEqual(owner, "root/root", line)
            if mode[0] != "d":
                found[path.split(" -> ")[0][2:]] = mode
        return found

    def test_four_of_them(self):
        self.assertEqual(set(self.files), PACKAGES)
        for package, path in self.files.items():
            self.assertRegex(os.path.basename(path), r"^%s_0\.1\.0_\w+\.deb$" % package)
            control = self.control(package)
            self.assertEqual((control["Package"], control["Version"]), (package, "0.1.0"))
            self.assertTrue(control["Maintainer"])

    def test_sections(self):
        self.assertEqual({name: self.control(name)["Section"] for name in PACKAGES},
                         {"moonlever": "admin", "libmoonlever0": "libs", "libmoonlever-dev": "libdevel",
                          "lua-moonlever": "interpreters"})

    def test_dependencies(self):
        def names(package):
            return {word.split()[0] for word in self.control(package)["Depends"].split(", ")}
        self.assertLessEqual({"libc6", "libcurl4", "libsqlite3-0", "liblua5.4-0", "lua-cjson"}, names("libmoonlever0"))
        self.assertLessEqual({"libc6", "libcurl4", "libmicrohttpd12", "libedit2"}, names("moonlever"))
        self.assertNotIn("libmoonlever0", names("moonlever"))  # it is one file
        self.assertNotIn("liblua5.4-0", names("lua-moonlever"))  # lua5.4 brings its own
        self.assertIn("libmoonlever0 (= 0.1.0)", self.control("libmoonlever-dev")["Depends"])
        self.assertLessEqual({"libcurl4-openssl-dev", "liblua5.4-dev", "libsqlite3-dev", "lua-cjson-dev", "libssl-dev"},
                             names("libmoonlever-dev"))

    def test_contents(self):
        lib = "usr/" + cached("CMAKE_INSTALL_LIBDIR")
        wanted = {
            "moonlever": ["usr/bin/moonlever", "usr/share/bash-completion/completions/moonlever",
                          "usr/share/moonlever/meta/moonlever.lua"],
            "libmoonlever0": [lib + "/libmoonlever.so.0", lib + "/libmoonlever.so.0.1.0",
                              lib + "/moonlever/moonlever-isolate"],
            "libmoonlever-dev": [lib + "/libmoonlever.so", lib + "/libmoonlever.a", lib + "/pkgconfig/moonlever.pc",
                                 "usr/include/moonlever.h", lib + "/cmake/moonlever/moonleverConfig.cmake"],
            "lua-moonlever": ["usr/" + cached("MOONLEVER_LUA_CMODDIR") + "/moonlever.so"]}
        seen = {}
        for package in PACKAGES:
            files = self.contents(package)
            for path in wanted[package] + ["usr/share/doc/%s/copyright" % package,
                                           "usr/share/doc/%s/changelog.gz" % package]:
                self.assertIn(path, files, package)
            for path, mode in files.items():
                self.assertNotIn(path, seen, "in two packages")
                seen[path] = package
                self.assertTrue(path.startswith("usr/"), path)
                if mode[0] == "-":
                    runs = path.startswith("usr/bin/") or path.endswith("/moonlever-isolate")
                    self.assertEqual(mode, "-rwxr-xr-x" if runs else "-rw-r--r--", path)

    def test_scripts_of_the_library(self):
        folder = os.path.join(self.folder, "control")
        command("dpkg-deb", "--control", self.files["libmoonlever0"], folder)
        with open(os.path.join(folder, "triggers"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "activate-noawait ldconfig\n")
        with open(os.path.join(folder, "shlibs"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "libmoonlever 0 libmoonlever0 (>= 0.1.0)\n")

    def test_unpacked_they_work_together(self):
        root = os.path.join(self.folder, "root")
        for path in self.files.values():
            command("dpkg-deb", "--extract", path, root)
        self.assertIn("moonlever 0.1.0", command(os.path.join(root, "usr/bin/moonlever"), "--version"))
        lib = os.path.join(root, "usr", cached("CMAKE_INSTALL_LIBDIR"))
        env = environment(PKG_CONFIG_PATH=os.path.join(lib, "pkgconfig"), LD_LIBRARY_PATH=lib)
        program = os.path.join(self.folder, "program")
        command("sh", "-ec", 'cc "$1" -o "$2" $(pkg-config --cflags --libs moonlever-static)', "-",
                os.path.join(ROOT, "examples", "c-blocking", "main.c"), program, env=env)
        done = subprocess.run([program, "no-such-script"], env=env, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("no-such-script", done.stderr)
        for path in glob.glob(os.path.join(lib, "*.so.*.*")) + [os.path.join(root, "usr/bin/moonlever")]:
            sections = command("readelf", "-S", "-W", path)
            self.assertNotIn(".debug_info", sections)  # stripped


if __name__ == "__main__":
    unittest.main()
