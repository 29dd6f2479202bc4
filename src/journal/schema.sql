-- SPDX-License-Identifier: MIT
-- The journal on disk, version 1. src/journal/machine.h draws the states; here the database
-- itself holds the same edges, so that no mistake above can put an illegal one on the disk.
--
-- Small columns come first and texts last: a list of states need not read bodies. The columns
-- that change on the way of most changes (state, attempts, moved) keep their width, so that
-- SQLite overwrites the row in place and leaves the pages of long bodies alone.

CREATE TABLE run(
  no      INTEGER PRIMARY KEY AUTOINCREMENT, -- never used twice: ids of changes contain it
  run     TEXT NOT NULL UNIQUE,
  kind    TEXT NOT NULL,
  undo_of TEXT,
  plan    TEXT,
  script  TEXT,
  service TEXT,
  origin  TEXT,
  started INTEGER NOT NULL,
  ended   INTEGER, -- NULL: at work, or its process died (the lock tells which)
  state   TEXT,
  exit    INTEGER,
  noop    INTEGER NOT NULL DEFAULT 0,
  args    TEXT,
  source  TEXT,
  profile TEXT -- names of the profiles in use, apart by commas; NULL = none
) STRICT;

-- A change. Its number is made of its run and its place in it, which keeps the rows of a run
-- together, costs no index, and is never used again once a run is purged.
CREATE TABLE mut(
  id         INTEGER PRIMARY KEY CHECK(id = run << 32 | seq),
  run        INTEGER NOT NULL,
  seq        INTEGER NOT NULL CHECK(seq > 0),
  state      TEXT NOT NULL DEFAULT 'P' CHECK(state GLOB '[PSAUCFKNV]'),
  attempts   INTEGER NOT NULL DEFAULT 0, -- rows in attempt, those of redone changes included
  started    INTEGER NOT NULL,           -- when it was planned
  moved      INTEGER NOT NULL,           -- when it came into its state
  redoes     INTEGER,                    -- seq of the failed change that this one tries again
  undo_of    INTEGER,                    -- id of the change that this one takes back
  reason     TEXT,
  kind       TEXT,
  rkey       TEXT NOT NULL,
  service    TEXT,
  origin     TEXT,
  operation  TEXT,
  resource   TEXT,
  target     TEXT,
  method     TEXT,
  path       TEXT,
  effect     TEXT,
  body       BLOB,
  before     TEXT,
  after      TEXT
) STRICT;

CREATE TABLE attempt(
  mut     INTEGER NOT NULL,
  n       INTEGER NOT NULL CHECK(n > 0),
  started INTEGER NOT NULL,
  ended   INTEGER, -- NULL: never heard of again
  sends   INTEGER,
  status  INTEGER,
  error   TEXT,
  PRIMARY KEY(mut, n)
) STRICT, WITHOUT ROWID;

-- T11: one open change on an object, whatever run it belongs to.
CREATE UNIQUE INDEX one_open ON mut(rkey) WHERE state GLOB '[SAU]';
-- A failed change is tried again once; the next try redoes the try.
CREATE UNIQUE INDEX redone ON mut(run, redoes) WHERE redoes IS NOT NULL;

-- Each trigger that stands on a statement costs as much as the statement's own work, whether its
-- WHEN holds or not: so there is one for each, and behind it, since one before would have the row
-- read twice. A row that is refused is taken back with its statement.

-- A change begins as planned. One that is sent in the very transaction that plans it is written
-- as sent at once: nobody could have seen it in between.
CREATE TRIGGER born AFTER INSERT ON mut
WHEN NEW.redoes IS NOT NULL OR (NEW.state <> 'P' AND (NEW.state <> 'S' OR NEW.attempts <> 1))
BEGIN
  SELECT RAISE(ABORT, 'a change begins as planned') WHERE NEW.state <> 'P';
  SELECT RAISE(ABORT, 'only a failed change is tried again') WHERE NOT EXISTS
    (SELECT 1 FROM mut WHERE id = NEW.run << 32 | NEW.redoes AND state IN ('F', 'K'));
END;

-- P, A and U may stay what they are with another reason.
-- T10: an undo that is confirmed makes the change undone, in the same transaction. (Triggers need
-- not be recursive: that this is an edge is asked for by itself.)
CREATE TRIGGER edge AFTER UPDATE OF state ON mut
WHEN (NEW.state = 'C' AND NEW.undo_of IS NOT NULL) OR 0 = instr(
  'PS PN PK PF SP SC SF SK SA SU AC AP AK AF AU UC UP UK UF CV PP AA UU', OLD.state || NEW.state)
BEGIN
  SELECT RAISE(ABORT, 'the state machine has no such edge') WHERE 0 = instr(
    'PS PN PK PF SP SC SF SK SA SU AC AP AK AF AU UC UP UK UF CV PP AA UU', OLD.state || NEW.state);
  SELECT RAISE(ABORT, 'the change that was undone is not there')
    WHERE NOT EXISTS (SELECT 1 FROM mut WHERE id = NEW.undo_of AND state = 'C');
  UPDATE mut SET state = 'V' WHERE id = NEW.undo_of;
END;
