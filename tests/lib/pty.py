# SPDX-License-Identifier: MIT
"""A program in a terminal of a given size: send keys, read the screen.

    with pty.Terminal([program, "run", "retag", "--practice"], rows=24, columns=80) as term:
        term.wait_for("Send them?")
        term.send("n\\r")
        assert term.wait() == 6
        assert "nothing was sent" in term.text()

`screen()` is what a person would see now (carriage returns and the usual control sequences are
obeyed), `output` every byte that came. Import it as `from lib import pty`: a folder of ours in
sys.path would hide the standard module of that name.
"""
import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import termios
import time
import unicodedata


class Screen:
    """The part of a VT100 that command lines use. Lines that scroll off the top are kept."""

    SEQUENCE = re.compile(r"\x1b\[([?0-9;]*)([@A-Za-z])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[()].|\x1b[=>78]")
    PARTIAL = re.compile(r"\x1b(\[[?0-9;]*|\][^\x07]*|[()])?$")

    def __init__(self, rows, columns):
        self.rows, self.columns = rows, columns
        self.lines = [[" "] * columns for _ in range(rows)]
        self.gone = []
        self.row = self.column = 0
        self._rest = ""

    def feed(self, text):
        text = self._rest + text
        self._rest = ""
        position = 0
        while position < len(text):
            match = self.SEQUENCE.match(text, position)
            if match:
                if match.group(2):
                    self._control(match.group(1), match.group(2))
                position = match.end()
            elif text[position] == "\x1b" and self.PARTIAL.match(text, position):
                self._rest = text[position:]
                return
            else:
                self._put(text[position])
                position += 1

    def resize(self, rows, columns):
        """Rows at the top scroll away where there are too many; lines are cut."""
        while len(self.lines) > rows:
            self.gone.append("".join(self.lines.pop(0)).rstrip())
            self.row = max(0, self.row - 1)
        self.lines = [(line + [" "] * columns)[:columns] for line in self.lines]
        self.lines += [[" "] * columns for _ in range(rows - len(self.lines))]
        self.rows, self.columns = rows, columns
        self.column = min(self.column, columns)

    def _put(self, char):
        if char == "\r":
            self.column = 0
        elif char == "\n":
            self._down()
        elif char == "\b":
            self.column = max(0, self.column - 1)
        elif char == "\t":
            self.column = min(self.columns - 1, (self.column // 8 + 1) * 8)
        elif char >= " ":
            cells = [char, ""] if unicodedata.east_asian_width(char) in "WF" else [char]
            if self.column + len(cells) > self.columns:
                self.column = 0
                self._down()
            for cell in cells:  # the right half of a wide character is an empty one
                self.lines[self.row][self.column] = cell
                self.column += 1

    def _down(self):
        if self.row + 1 < self.rows:
            self.row += 1
            return
        self.gone.append("".join(self.lines.pop(0)).rstrip())
        self.lines.append([" "] * self.columns)

    def _control(self, numbers, letter):
        values = [int(part) if part.isdigit() else 0 for part in numbers.lstrip("?").split(";")]
        first = values[0]
        if letter == "K":
            self._erase_line(first)
        elif letter == "J":
            self._erase_screen(first)
        elif letter in "@P":
            self._shift(max(1, first) if letter == "@" else -max(1, first))
        elif letter in "ABCD":
            self._move(letter, max(1, first))
        elif letter == "G":
            self.column = min(self.columns, max(1, first)) - 1
        elif letter in "Hf":
            column = values[1] if len(values) > 1 else 1
            self.row = min(self.rows, max(1, first)) - 1
            self.column = min(self.columns, max(1, column)) - 1

    def _move(self, letter, count):
        self.row += {"A": -count, "B": count}.get(letter, 0)
        self.column += {"C": count, "D": -count}.get(letter, 0)
        self.row = min(max(self.row, 0), self.rows - 1)
        self.column = min(max(self.column, 0), self.columns - 1)

    def _shift(self, count):
        """Makes room for characters at the cursor, or takes some out."""
        line, at = self.lines[self.row], self.column
        rest = line[at - count:] if count < 0 else [" "] * count + line[at:]
        self.lines[self.row] = (line[:at] + rest + [" "] * self.columns)[:self.columns]

    def _erase_line(self, how):
        start = 0 if how else self.column
        end = self.column + 1 if how == 1 else self.columns
        for column in range(start, min(end, self.columns)):
            self.lines[self.row][column] = " "

    def _erase_screen(self, how):
        self._erase_line(how)
        rows = {0: range(self.row + 1, self.rows), 1: range(self.row)}.get(how, range(self.rows))
        for row in rows:
            self.lines[row] = [" "] * self.columns

    def text(self):
        """What stands on the screen now, without blank lines at its end."""
        return "\n".join("".join(line).rstrip() for line in self.lines).rstrip("\n")


class Terminal:
    """A program with a terminal as stdin, stdout, stderr and controlling terminal."""

    def __init__(self, command, rows=24, columns=80, env=None, cwd=None, stdout=None):
        master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        environment = dict(os.environ if env is None else env)
        environment.setdefault("TERM", "xterm")

        def own_terminal():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(command, stdin=slave, stdout=slave if stdout is None else stdout,
                                        stderr=slave, env=environment, cwd=cwd, close_fds=True,
                                        preexec_fn=own_terminal)
        os.close(slave)
        self.master = master
        self.output = b""
        self._screen = Screen(rows, columns)
        self._open = True

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)

    def _read(self, seconds):
        """Takes what has come, waiting at most that long; False at the end."""
        if not self._open:
            return False
        ready, _, _ = select.select([self.master], [], [], seconds)
        if not ready:
            return True
        try:
            data = os.read(self.master, 65536)
        except OSError:
            data = b""  # Linux: EIO when the last one has closed the terminal
        if not data:
            self._open = False
            return False
        self.output += data
        self._screen.feed(data.decode("utf-8", "replace"))
        return True

    def send(self, keys):
        """Types: "\\r" is Enter, "\\x03" Ctrl-C, "\\x04" Ctrl-D."""
        os.write(self.master, keys.encode())

    def resize(self, rows, columns):
        self._screen.resize(rows, columns)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.process.send_signal(signal.SIGWINCH)

    def wait_for(self, wanted, seconds=60):
        """Reads until the text is there (blanks at its end do not count); an error when the
        program ends or is silent."""
        wanted = wanted.rstrip()
        end = time.monotonic() + seconds
        while wanted not in self.text():
            assert time.monotonic() < end, "no %r within %d s:\n%s" % (wanted, seconds, self.text())
            if not self._read(0.2):
                assert wanted in self.text(), "ended without %r:\n%s" % (wanted, self.text())

    def wait_for_line(self, number, beginning, seconds=60):
        """Reads until the last line there is, which is line `number` (from 0) or below it, begins
        so: a prompt that has come back."""
        end = time.monotonic() + seconds
        while True:
            lines = self.text().split("\n")
            if len(lines) > number and (lines[-1] + " ").startswith(beginning):
                return
            assert time.monotonic() < end, "no prompt within %d s:\n%s" % (seconds, self.text())
            assert self._read(0.2), "ended without a prompt:\n%s" % self.text()

    def wait(self, seconds=120):
        """Reads to the end; the exit code, negative for a signal."""
        end = time.monotonic() + seconds
        while self._read(0.2):
            assert time.monotonic() < end, "did not end within %d s:\n%s" % (seconds, self.text())
        return self.process.wait(max(1, end - time.monotonic()))

    def screen(self):
        return self._screen.text()

    def text(self):
        """The screen and everything that has scrolled off it."""
        return "\n".join(self._screen.gone + [self.screen()])
