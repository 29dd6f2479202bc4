# SPDX-License-Identifier: MIT
"""The documents, run: every marked block of a Markdown file, in order, against a practice account.

What a block means stands behind the language of its fence:

    ```sh run              run with `bash -e`; the exit code must be 0
    ```sh run exit=3       ... must be 3
    ```text output         what the run block before it printed, on stdout and stderr
    ```console run         a session at a terminal of 80 columns; see below
    ```lua file=NAME       written to NAME first; any language. The text before it says `NAME`
    ```sh norun            not run, on purpose: a command with moonlever must say so

In expected output a line that is only `…` stands for any lines, `…` within a line for any text.
Blanks at the end of a line do not count.

A console block is both what is typed and what is seen. Its first line is `$ COMMAND`; what stands
behind a later prompt (`practice> `, `[y/N] `) is typed when that prompt has come.

The blocks of a document share a scratch directory and are one shell session: variables,
functions and the directory are handed on (aliases, traps and shell options are not). But for
console blocks there is no terminal and no input, and there is nothing of the caller's environment;
a practice account of the document's own is running and its environment is set. What a block leaves
running is ended with the document.

    problems = Document("docs/tutorial.md").run(program)

As a command it prints each block with what it did, which is how expected output is written down:

    MOONLEVER=build/moonlever python3 tests/lib/docs.py docs/tutorial.md
"""
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib import pty  # noqa: E402

FENCE = re.compile(r"^( *)(`{3,}|~{3,})\s*([^`]*)$")
SHELLS = ("sh", "bash", "shell", "console")
COMMAND = re.compile(r"\s*(\$ )?(\./)?(build/)?moonlever\b")
SECONDS = 120  # a block that takes longer hangs
ANY = "…"
PROMPT = re.compile(r"([\w.-]+(?: \(\d+ planned\))?> |.*\[y/N\] )(.*)")
ROWS, COLUMNS = 24, 80

# A block runs in a shell of its own, so that -e and an exit end the block only. What it leaves in
# variables and functions is written down when it ends, however it ends, and read by the next one.
# Read-only variables and those of bash itself stay out: they cannot be set again.
SHELL = """
docs_shell_save() {
  local docs_shell_name
  for docs_shell_name in $(compgen -v); do
    case $docs_shell_name in
    BASH* | COLUMNS | COMP_* | DIRSTACK | EPOCH* | FUNCNAME | GROUPS | LINENO | LINES | OPT* | \\
      OLDPWD | PIPESTATUS | PWD | RANDOM | SECONDS | SHLVL | SRANDOM | TERM | _ | docs_shell_*) continue ;;
    esac
    [[ ${!docs_shell_name@a} == *r* ]] || declare -p "$docs_shell_name"
  done
  declare -f
  printf 'cd -- %q\\n' "$PWD"
}
docs_shell_end() {
  docs_shell_code=$?
  set +e
  docs_shell_save >STATE 2>/dev/null
  exit $docs_shell_code
}
. STATE
trap docs_shell_end EXIT
set -e
. BLOCK
"""


class Block:
    """A fenced block: `line` (of its opening fence, from 1), `language`, `marks`, `text`, and `prose`,
    what stands between the block before and this one."""

    def __init__(self, line, info, text, prose=""):
        self.line, self.text, self.prose = line, text, prose
        words = info.split()
        self.language = words[0] if words else ""
        self.marks = words[1:]

    def value(self, name):
        """What stands behind NAME= in the marks; None without it."""
        for mark in self.marks:
            if mark.startswith(name + "="):
                return mark[len(name) + 1:]
        return None

    @property
    def runs(self):
        return "run" in self.marks

    @property
    def expected(self):
        return "output" in self.marks

    def complaint(self):
        """What is wrong with the marks themselves; None when nothing is."""
        for mark in self.marks:
            if mark not in ("run", "norun", "output") and not re.fullmatch(r"exit=\d+|file=\S+", mark):
                return "unknown mark '%s'" % mark
        name = self.value("file")
        if name is not None and (os.path.isabs(name) or ".." in name.split("/")):
            return "file=%s leads out of the scratch directory" % name
        if name is not None and "`%s`" % name not in self.prose:
            return "nothing before it says `%s`: who reads the page does not see what stands behind a fence" % name
        if len({"run", "norun", "output"} & set(self.marks)) + (name is not None) > 1:
            return "only one of run, norun, output and file="
        if self.value("exit") and not self.runs:
            return "exit= without run"
        if (self.runs or "norun" in self.marks) and self.language not in ("sh", "console"):
            return "run and norun are for the languages sh and console"
        if self.runs and self.language == "console" and not self.text.startswith("$ "):
            return "a session begins with '$ COMMAND'"
        if not self.marks and self.language in SHELLS and any(map(COMMAND.match, self.text.split("\n"))):
            return "a moonlever command that is marked neither run nor norun"
        return None


def blocks_of(text):
    """Every fenced block of a Markdown text. A fence that is never closed is an error."""
    blocks, opened, prose = [], None, []
    for number, line in enumerate(text.split("\n"), 1):
        match = FENCE.match(line)
        if opened is None:
            if not match:
                prose.append(line)
            else:
                opened = (number, len(match[1]), match[2], match[3], [])
        elif match and match[2].startswith(opened[2]) and not match[3].strip():
            blocks.append(Block(opened[0], opened[3], "".join(row + "\n" for row in opened[4]),
                                "\n".join(prose)))
            opened, prose = None, []
        else:
            indent = len(line) - len(line.lstrip(" "))
            opened[4].append(line[min(indent, opened[1]):])
    assert opened is None, "line %d: this block has no end" % opened[0]
    return blocks


def missing_line(expected, actual):
    """The first expected line that the output does not have where it is due, from 0; None when all
    of it matches. What is left over at the end is reported as len(expected)."""
    reached = {0}  # how many lines of the output what was expected so far may have used up
    for number, line in enumerate(expected):
        if line.strip() == ANY:
            reached = set(range(min(reached), len(actual) + 1))
            continue
        pattern = re.compile(".*".join(map(re.escape, line.rstrip().split(ANY))))
        reached = {at + 1 for at in reached if at < len(actual) and pattern.fullmatch(actual[at].rstrip())}
        if not reached:
            return number
    return None if len(actual) in reached else len(expected)


def difference(block, output):
    """What to say when the output is not what stands in this block; None when it is."""
    expected, actual = block.text.splitlines(), output.splitlines()
    number = missing_line(expected, actual)
    if number is None:
        return None
    if number == len(expected):
        what = "more was printed than is expected here"
    else:
        what = "line %d was not printed there: %r" % (block.line + 1 + number, expected[number])
    return "%s; printed was:\n%s" % (what, output.rstrip("\n"))


class Session:
    """The shell of a document: a scratch directory, a practice account, blocks one after the other.
    `end()` ends every process that a block has left, and takes the directory away."""

    def __init__(self, program, seconds=SECONDS):
        self.program, self.seconds = os.path.abspath(program), seconds
        self.scratch = tempfile.mkdtemp(prefix="moonlever-docs-")
        self.work = self._folder("work")
        self.shells, self.account = [], None
        self.state = os.path.join(self.scratch, "state")
        with open(self.state, "w", encoding="utf-8"):
            pass
        self.env = self._environment()

    def _folder(self, name):
        path = os.path.join(self.scratch, name)
        os.makedirs(path)
        return path

    def _environment(self):
        home = self._folder("home")
        env = {key: value for key, value in os.environ.items() if key.endswith("SAN_OPTIONS")}
        env.update(PATH=os.path.dirname(self.program) + ":/usr/local/bin:/usr/bin:/bin", HOME=home,
                   LANG="C.UTF-8", TZ="UTC", TMPDIR=self._folder("tmp"), XDG_RUNTIME_DIR=self._folder("run"),
                   XDG_CONFIG_HOME=os.path.join(home, ".config"), XDG_CACHE_HOME=os.path.join(home, ".cache"),
                   XDG_DATA_HOME=os.path.join(home, ".local/share"),
                   XDG_STATE_HOME=os.path.join(home, ".local/state"))
        return env

    def start_account(self):
        """Begins the practice account and takes up the environment that it prints."""
        path = os.path.join(self.scratch, "account")
        with open(path, "wb") as out:
            self.account = subprocess.Popen([self.program, "practice", "-q"], stdin=subprocess.DEVNULL,
                                            stdout=out, stderr=subprocess.STDOUT, env=self.env)
        end = time.monotonic() + self.seconds
        text = ""
        while not text.endswith("\n"):  # the lines are written as one
            assert self.account.poll() is None, "the practice account did not start: " + text
            assert time.monotonic() < end, "the practice account does not start"
            time.sleep(0.02)
            with open(path, encoding="utf-8") as lines:
                text = lines.read()
        self.env.update(re.findall(r"^export (\w+)=(.*)$", text, re.MULTILINE))

    def write(self, name, text):
        path = os.path.join(self.work, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def _shell(self, text):
        """The command that runs this text, and the environment for it: only the first block needs
        one, the others have what it left."""
        block = os.path.join(self.scratch, "block")
        with open(block, "w", encoding="utf-8") as file:
            file.write(text)
        command = SHELL.replace("STATE", shlex.quote(self.state)).replace("BLOCK", shlex.quote(block))
        env, self.env = self.env, {}
        return ["/bin/bash", "--norc", "--noprofile", "-c", command], env

    def converse(self, text):
        """Holds the session that a console block shows; the exit code, and the session as it was."""
        first, *lines = text.splitlines()
        command, env = self._shell(first[2:] + "\n")
        with pty.Terminal(command, ROWS, COLUMNS, env, self.work) as term:
            shown = 0
            for prompt in filter(None, map(PROMPT.fullmatch, lines)):
                term.wait_for_line(shown, prompt[1], self.seconds)
                shown = term.text().count("\n") + 1
                term.send(prompt[2] + "\r")
            code = term.wait(self.seconds)
        return code, first + "\n" + term.text()

    def run(self, text):
        """Runs a block; its exit code (None when it hung and was ended) and its output."""
        command, env = self._shell(text)
        output = os.path.join(self.scratch, "output")
        with open(output, "wb") as out:  # a file: who still runs in the background holds nothing up
            shell = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                                     env=env, cwd=self.work, start_new_session=True)
        self.shells.append(shell)
        code = self._wait(shell)
        with open(output, encoding="utf-8", errors="replace") as file:
            return code, file.read()

    def _wait(self, shell):
        """The exit code. The shell is left unwaited for: its number, which is that of the group of
        all that it started, stays taken until end()."""
        end = time.monotonic() + self.seconds
        while True:
            ended = os.waitid(os.P_PID, shell.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if ended is not None:
                return ended.si_status if ended.si_code == os.CLD_EXITED else 128 + ended.si_status
            if time.monotonic() > end:
                os.killpg(shell.pid, signal.SIGKILL)
                return None
            time.sleep(0.01)

    def end(self):
        for shell in self.shells:
            os.killpg(shell.pid, signal.SIGKILL)
            shell.wait()
        if self.account is not None:
            self.account.kill()
            self.account.wait()
        shutil.rmtree(self.scratch, ignore_errors=True)


class Document:
    """A Markdown file. `name` is what it is called in problems."""

    def __init__(self, path, name=None):
        self.name = name or path
        with open(path, encoding="utf-8") as file:
            self.blocks = blocks_of(file.read())

    def problem(self, block, text):
        return "%s:%d: %s" % (self.name, block.line, text)

    def complaints(self):
        """What is wrong before anything is run."""
        found, before = [], None
        for block in self.blocks:
            text = block.complaint()
            if text is None and block.expected and not (before and before.runs):
                text = "expected output without a run block before it"
            if text:
                found.append(self.problem(block, text))
            before = block
        if not any(block.runs for block in self.blocks):
            found.append("%s: no block of it is run" % self.name)
        return found

    def run(self, program, seconds=SECONDS, tell=None):
        """Runs it; a list of problems, empty when it is right. tell(block, output) is called after
        each block that was run."""
        found = self.complaints()
        if found:
            return found
        session = Session(program, seconds)
        try:
            session.start_account()
            self._run_blocks(session, found, tell)
        finally:
            session.end()
        return found

    def _run_blocks(self, session, found, tell):
        output = None
        for block in self.blocks:
            text = ended = None
            if block.value("file"):
                session.write(block.value("file"), block.text)
            elif block.expected:
                text = difference(block, output)
            elif block.runs:
                ended, output = self._run_block(session, block)
                if tell:
                    tell(block, output)
                if ended is None and block.language == "console":
                    text = difference(block, output)
            if ended or text:
                found.append(self.problem(block, ended or text))
            if ended:  # what follows would build on sand
                return

    @staticmethod
    def _run_block(session, block):
        """What is wrong with how it ended (None: nothing), and its output."""
        if block.language == "console":
            try:
                code, output = session.converse(block.text)
            except AssertionError as err:  # the terminal waited in vain; it says for what
                return str(err), ""
        else:
            code, output = session.run(block.text)
        if code == int(block.value("exit") or 0):
            return None, output
        what = "did not end within %d s" % session.seconds if code is None else "exit code %d" % code
        return "%s; printed was:\n%s" % (what, output.rstrip("\n")), output


def main(paths):
    failed = False
    for path in paths:
        found = Document(path).run(os.environ["MOONLEVER"], tell=lambda block, output: print(
            "--- line %d\n%s--- prints\n%s" % (block.line, block.text, output)))
        print("".join("PROBLEM %s\n" % problem for problem in found), end="")
        failed = failed or bool(found)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
