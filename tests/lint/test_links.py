# SPDX-License-Identifier: MIT
"""Links between the documents lead somewhere: to a file that is there, and a heading in it."""
import glob
import os
import re
import tempfile
import unittest

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
LINK = re.compile(r"\]\(([^()\s]+)\)")
FENCED = re.compile(r"^ *(```|~~~).*?^ *\1 *$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ +(.*)$", re.MULTILINE)
ANCHOR = re.compile(r'<a id="([^"]+)"')


def text_of(path):
    """A document without its fenced blocks and code spans, which hold no links."""
    with open(path, encoding="utf-8") as file:
        return FENCED.sub("", file.read())


def anchors_of(path):
    """What #name may be in a link to this document, as GitHub makes them from headings."""
    text = text_of(path)
    found = set(ANCHOR.findall(text))
    for heading in HEADING.findall(text):
        words = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        found.add(re.sub(r"[^\w\- ]", "", words).replace(" ", "-"))
    return found


def dead_links(path):
    dead = []
    for target in LINK.findall(re.sub(r"`[^`]*`", "", text_of(path))):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        there = os.path.normpath(os.path.join(os.path.dirname(path), name)) if name else path
        if not os.path.exists(there) or anchor and anchor not in anchors_of(there):
            dead.append(target)
    return dead


class Links(unittest.TestCase):
    def test_every_document(self):
        paths = [path for pattern in ("*.md", "bench/*.md", "docs/**/*.md")
                 for path in glob.glob(os.path.join(ROOT, pattern), recursive=True)]
        self.assertGreater(len(paths), 8)
        for path in paths:
            with self.subTest(os.path.relpath(path, ROOT)):
                self.assertEqual(dead_links(path), [])

    def test_dead_ones_are_noticed(self):
        text = ("# One\n## A `code` heading, with words\n[a](#one) [b](#a-code-heading-with-words) [c](here.md#two)\n"
                "[d](nowhere.md) [e](#none) [f](here.md#one) [g](https://example.com/x) `[h](code.md)`\n"
                "```\n[i](fenced.md)\n```\n[j](there/)\n")
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "page.md")
            for name, content in (("page.md", text), ("here.md", "# Two\n")):
                with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                    file.write(content)
            self.assertEqual(dead_links(path), ["nowhere.md", "#none", "here.md#one", "there/"])


if __name__ == "__main__":
    unittest.main()
