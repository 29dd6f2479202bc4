# SPDX-License-Identifier: MIT
"""The documents do what they say: every marked block is run (tests/lib/docs.py says which are).

With arguments, only these documents: `python3 tests/cli/test_docs.py docs/cookbook/retag.md`.
"""
import concurrent.futures
import glob
import os
import sys
import unittest

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "tests"))
from lib import docs, wire  # noqa: E402

ALWAYS = ("README.md", "docs/tutorial.md", "docs/why.md")
AT_ONCE = 4  # most of their time is waiting


def documents():
    pages = glob.glob(os.path.join(ROOT, "docs", "cookbook", "*.md"))
    return list(ALWAYS) + sorted(os.path.relpath(path, ROOT) for path in pages)


class Documents(unittest.TestCase):
    chosen = None  # paths, from the command line

    def test_every_document(self):
        def problems(name):
            return docs.Document(os.path.join(ROOT, name), name).run(wire.program())

        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            running = {name: pool.submit(problems, name) for name in self.chosen or documents()}
        for name, ended in running.items():
            with self.subTest(name):
                found = ended.result()
                if found:
                    self.fail("\n".join(found))


if __name__ == "__main__":
    Documents.chosen = [os.path.relpath(path, ROOT) for path in sys.argv[1:]]
    unittest.main(argv=sys.argv[:1])
