# SPDX-License-Identifier: MIT
"""The journal as it lies on disk: a copy is opened, so that nothing here can disturb the program.

    rows = read(path, "run id")       # None: there is no such run
    rows[0].state, rows[0].attempts   # "C", [1, 2]: the numbers of its attempts
    problems(rows, at_rest=True)      # ["change 3 is ...", ...]
"""
import collections
import os
import shutil
import sqlite3
import tempfile

Row = collections.namedtuple("Row", "seq rkey target state attempts counted redoes")

NAMES = {"P": "planned", "S": "sent", "A": "accepted", "U": "unknown", "C": "confirmed", "F": "failed",
         "K": "conflict", "N": "noop", "V": "undone"}
ENDED = set("CFKNV")
OPEN = set("SAU")


def read(path, run):
    """The changes of the run in order; what a killed process left in the WAL counts as well."""
    if not os.path.exists(path):
        return None
    with tempfile.TemporaryDirectory(prefix="moonlever-journal-") as folder:
        copy = os.path.join(folder, "journal.db")
        for suffix in ("", "-wal"):
            if os.path.exists(path + suffix):
                shutil.copyfile(path + suffix, copy + suffix)
        database = sqlite3.connect(copy)
        try:
            return _changes(database, run)
        finally:
            database.close()


def _changes(database, run):
    found = database.execute("SELECT no FROM run WHERE run = ?", (run,)).fetchone()
    if not found:
        return None
    attempts = collections.defaultdict(list)
    for change, n in database.execute(
            "SELECT mut, n FROM attempt WHERE mut IN (SELECT id FROM change WHERE run = ?) ORDER BY mut, n", found):
        attempts[change].append(n)
    rows = database.execute(
        "SELECT id, seq, rkey, target, state, attempts, redoes FROM change WHERE run = ? ORDER BY seq", found)
    return [Row(seq, rkey, target, state, attempts[id_], counted, redoes)
            for id_, seq, rkey, target, state, counted, redoes in rows]


def attempts_of(rows):
    """Attempt rows, a count for each target."""
    counts = collections.Counter()
    for row in rows or ():
        counts[row.target] += len(row.attempts)
    return counts


def _tries(row, by_seq):
    """Attempts of the change and of those that it tries again."""
    count = len(row.attempts)
    return count + _tries(by_seq[row.redoes], by_seq) if row.redoes else count


def problems(rows, at_rest):
    """What contradicts the state machine in one look at the rows."""
    found, by_seq = [], {row.seq: row for row in rows}
    still_open = collections.Counter(row.rkey for row in rows if row.state in OPEN)
    for rkey, count in still_open.items():
        if count > 1:
            found.append("%s has %d open changes" % (rkey, count))
    for row in rows:
        what = "change %d (%s, %s)" % (row.seq, row.target, NAMES.get(row.state, row.state))
        if row.state not in NAMES:
            found.append(what + " is in no known state")
        if row.attempts != list(range(1, len(row.attempts) + 1)):
            found.append("%s has the attempts %s" % (what, row.attempts))
        if row.counted != _tries(row, by_seq):
            found.append("%s says %d attempts, there are %d" % (what, row.counted, _tries(row, by_seq)))
        if row.state in "SAUC" and not row.attempts:
            found.append(what + " was never sent")
        if row.state == "N" and row.attempts:
            found.append(what + " was sent")
        if at_rest and row.state == "S":
            found.append(what + " was left under way")
    return found


def moved_back(before, rows):
    """Changes that left a state which is final."""
    last = {row.seq: row.state for row in before or ()}
    return ["change %d (%s) was %s and is %s" % (row.seq, row.target, NAMES[last[row.seq]], NAMES.get(row.state))
            for row in rows if last.get(row.seq) in ENDED and row.state not in (last[row.seq], "V")]
