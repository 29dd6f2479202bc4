#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The protocol of moonlever's writes as a small program, to try crash.py itself.

It knows the scripts of this directory by their names and does what the design says: intent
first, one send an attempt, what is unknown is read back after the settle time. With
MODEL_MISTAKE=NAME it makes one of the classic mistakes, which crash.py has to find:

    retry-on-timeout  no-guard  no-settle  accepted-is-done  journal-after  no-lock  forgets-its-end

    tests/crash/crash.py --program tests/crash/model.py --practice build/moonlever
"""
import fcntl
import json
import os
import random
import sqlite3
import sys
import time

from model_http import Http, Unknown

SETTLE = float(os.environ.get("MOONLEVER_SETTLE", "5"))
MISTAKE = os.environ.get("MODEL_MISTAKE", "")
FOLDER = os.path.join(os.environ.get("XDG_STATE_HOME", "."), "moonlever")
SENDS = 8
NAMES = {"P": "planned", "S": "sent", "A": "accepted", "U": "unknown", "C": "confirmed", "F": "failed",
         "K": "conflict", "N": "noop"}
SCHEMA = """
CREATE TABLE IF NOT EXISTS run(no INTEGER PRIMARY KEY, run TEXT UNIQUE, exit INT) STRICT;
CREATE TABLE IF NOT EXISTS mut(id INTEGER PRIMARY KEY, run INT, seq INT, rkey TEXT, target TEXT, method TEXT,
  path TEXT, body TEXT, before TEXT, after TEXT, state TEXT, attempts INT DEFAULT 0, redoes INT) STRICT;
CREATE VIEW IF NOT EXISTS change AS SELECT * FROM mut;
CREATE TABLE IF NOT EXISTS attempt(mut INT, n INT, PRIMARY KEY(mut, n)) STRICT;
"""


def open_journal():
    os.makedirs(FOLDER, mode=0o700, exist_ok=True)
    database = sqlite3.connect(os.path.join(FOLDER, "journal.db"), isolation_level=None, timeout=30)
    database.row_factory = sqlite3.Row
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.executescript(SCHEMA)
    return database


# --- what the scripts want: (target, method, path, body, before, after) --------------------------


def retitled(http, title_of):
    for rec in http.recordings():
        title = title_of(rec)
        yield (rec["uuid"], "PATCH", "/api/v2/recordings/" + rec["uuid"], {"recording": {"title": title}},
               rec["title"], title)


def with_roles(http):
    for user in http.users():
        wanted = dict(user["roles"], editor=True, admin=False)
        body = {key: user[key] for key in ("userName", "name", "emails", "active")}
        yield (user["id"], "PUT", "/api/v2/scim/Users/" + user["id"], dict(body, roles=wanted),
               user["roles"], wanted)


def created(arguments):
    for name in arguments:
        yield name, "POST", "/api/v2/scim/Users", {"userName": name}, 0, 1


def deleted(arguments):
    for id_ in arguments:
        yield id_, "DELETE", "/api/v2/scim/Users/" + id_, None, True, False


def plan_of(script, arguments, http):
    if script == "retitle.lua":
        return retitled(http, lambda rec: "crash " + rec["uuid"])
    if script == "plus.lua":
        return retitled(http, lambda rec: (rec["title"] or "") + "+")
    if script == "roles.lua":
        return with_roles(http)
    return created(arguments) if script == "create.lua" else deleted(arguments)


class Run:
    def __init__(self, database, http, id_):
        self.database, self.http, self.id = database, http, id_
        self.lock = open(os.path.join(FOLDER, id_ + ".lock"), "w", encoding="utf-8")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if MISTAKE != "no-lock":
                sys.exit(75)

    def plan(self, changes):
        self.database.execute("BEGIN IMMEDIATE")
        no = self.database.execute("INSERT INTO run(run) VALUES(?)", (self.id,)).lastrowid
        for seq, (target, method, path, body, before, after) in enumerate(changes, 1):
            state = "N" if before == after else "P"
            values = (no, seq, path + target, target, method, path, body and json.dumps(body), json.dumps(before),
                      json.dumps(after), state)
            self.database.execute("INSERT INTO mut(run, seq, rkey, target, method, path, body, before, after, state)"
                                  " VALUES(?,?,?,?,?,?,?,?,?,?)", values)
        self.database.execute("COMMIT")

    def rows(self, states):
        return self.database.execute(
            "SELECT mut.* FROM mut JOIN run ON run.no = mut.run WHERE run.run = ? AND instr(?, state) ORDER BY seq",
            (self.id, states)).fetchall()

    def move(self, row, state):
        self.database.execute("UPDATE mut SET state = ? WHERE id = ?", (state, row["id"]))

    def attempts(self, row):
        return self.database.execute("SELECT attempts FROM mut WHERE id = ?", (row["id"],)).fetchone()[0]

    def intend(self, row):
        self.database.execute("BEGIN IMMEDIATE")
        self.database.execute("INSERT INTO attempt VALUES(?, ?)", (row["id"], self.attempts(row) + 1))
        self.database.execute("UPDATE mut SET attempts = attempts + 1 WHERE id = ?", (row["id"],))
        self.move(row, "S")
        self.database.execute("COMMIT")

    def start_over(self):
        for row in self.rows("C"):
            self.move(row, "P")

    # --- one change ---

    def change(self, row):
        while self.attempts(row) < SENDS:
            if MISTAKE != "journal-after":
                self.intend(row)
            state = self.exchange(row)
            if MISTAKE == "journal-after":
                self.intend(row)
            if state in "UA":
                self.move(row, state)
                state = self.settle(row)
            self.move(row, state)
            if state != "P":
                return
        self.move(row, "F")

    def exchange(self, row):
        """One send. The state that its answer proves."""
        try:
            status, answer = self.http.exchange(row["method"], row["path"], row["body"])
        except Unknown:
            return "U"
        except TimeoutError:
            return "P" if MISTAKE == "retry-on-timeout" else "U"
        if status == 429:
            time.sleep(0.02)
            return "P"
        if status == 202 and MISTAKE != "accepted-is-done":
            return "A"
        if status < 300:
            shown = MISTAKE == "accepted-is-done" or self.http.shows(row, answer)
            return "C" if shown else "U"
        return "F" if status < 500 else "U"

    def settle(self, row):
        """What a read shows once nothing can be on the way any more."""
        if MISTAKE != "no-settle":
            time.sleep(SETTLE)
        now = self.http.image(row)
        if now == json.loads(row["after"]):
            return "C"
        return "P" if now == json.loads(row["before"]) else "K"

    def work(self):
        print("run: " + self.id, file=sys.stderr, flush=True)
        for row in self.rows("S"):
            self.move(row, "U")
        left = self.rows("UA")
        if left and MISTAKE != "no-settle":
            time.sleep(SETTLE)
        for row in left:
            now = self.http.image(row)
            self.move(row, "C" if now == json.loads(row["after"]) else
                      "P" if now == json.loads(row["before"]) else "K")
        for row in self.rows("P"):
            self.change(row)
        code = 3 if self.rows("FKUA") else 0
        self.database.execute("UPDATE run SET exit = ? WHERE run = ?", (code, self.id))
        return code


def report(database, id_):
    found = database.execute("SELECT * FROM run WHERE run = ?", (id_,)).fetchone()
    if not found:
        sys.exit(2)
    rows = database.execute("SELECT * FROM mut WHERE run = ? ORDER BY seq", (found["no"],)).fetchall()
    changes = [{"seq": row["seq"], "target": row["target"], "state": NAMES[row["state"]], "attempts": row["attempts"]}
               for row in rows]
    counts = {}
    for change in changes:
        counts[change["state"]] = counts.get(change["state"], 0) + 1
    return {"run": id_, "exit": found["exit"], "counts": counts, "changes": changes}


def positional(arguments):
    """Without --yes and --json, and without the flags that take a value."""
    rest, words = [], iter(arguments)
    for word in words:
        if word in ("--rate", "--concurrency", "--wait", "--confirm"):
            next(words)
        elif word not in ("--yes", "--json"):
            rest.append(word)
    return rest


def main():
    command, *rest = positional(sys.argv[1:])
    if "--help" in rest:
        return 0
    database, http = open_journal(), Http(MISTAKE)
    if command == "run":
        plan = list(plan_of(os.path.basename(rest[0]), rest[1:], http))
        run = Run(database, http, "%08x" % random.getrandbits(32))
        run.plan(plan)
        code = run.work()
    elif command == "resume":
        run = Run(database, http, rest[0])
        code = report(database, rest[0])["exit"]
        if code is not None and MISTAKE == "forgets-its-end":
            run.start_over()
            code = None
        if code is None:
            code = run.work()
    else:
        code = 0
    print(json.dumps(report(database, run.id if command != "runs" else rest[0])))
    return code


if __name__ == "__main__":
    sys.exit(main())
