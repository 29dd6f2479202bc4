-- SPDX-License-Identifier: MIT
-- The journal on disk, version 1. src/journal/machine.h draws the states; here the database
-- itself holds the same edges, so that no mistake above can put an illegal one on the disk.
--
-- A change that goes well costs one INSERT and one UPDATE, and all is made for these two: what is
-- the same for all changes of a kind stands in `action`, the first attempt in the change's own row.
-- Whoever reads finds it put together in the views `change` and `attempt`.

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

-- What a run does to a kind of object. A process writes down each once.
CREATE TABLE action(
  no        INTEGER PRIMARY KEY,
  run       INTEGER NOT NULL, -- it goes with its run
  service   TEXT,
  origin    TEXT,
  operation TEXT,
  resource  TEXT,
  method    TEXT,
  effect    TEXT
) STRICT;
CREATE INDEX action_of_run ON action(run);

-- A change. Its number is made of its run and its place in it, which keeps the rows of a run
-- together, costs no index, and is never used again once a run is purged.
--
-- Small columns come first and texts last: a list of states need not read bodies. A row keeps its
-- width on the way of most changes (`room` gives way to what comes later), so that SQLite overwrites
-- it in place.
CREATE TABLE mut(
  id       INTEGER PRIMARY KEY CHECK(id >> 32 > 0 AND id & 4294967295 > 0), -- run << 32 | seq
  state    TEXT NOT NULL DEFAULT 'P',
  attempts INTEGER NOT NULL DEFAULT 0, -- all there were, those of redone changes included
  started  INTEGER NOT NULL,           -- when it was planned
  moved    INTEGER NOT NULL,           -- when it came into its state
  first    INTEGER,                    -- number of the first attempt, NULL = there is none
  sent     INTEGER,                    -- when it began; then as in `again`
  ended    INTEGER,
  sends    INTEGER,
  status   INTEGER,
  error    TEXT,
  room     BLOB,
  redoes   INTEGER,                    -- id of the failed change that this one tries again
  undo_of  INTEGER,                    -- id of the change that this one takes back
  reason   TEXT,
  kind     TEXT,                       -- of an error, NULL = none
  action   INTEGER NOT NULL,
  rkey     TEXT NOT NULL,
  target   TEXT,
  path     TEXT,
  body     BLOB,
  before   TEXT,
  after    TEXT
) STRICT;

-- The attempts of a change behind its first.
CREATE TABLE again(
  mut     INTEGER NOT NULL,
  n       INTEGER NOT NULL,
  started INTEGER NOT NULL,
  ended   INTEGER, -- NULL: never heard of again
  sends   INTEGER,
  status  INTEGER,
  error   TEXT,
  PRIMARY KEY(mut, n)
) STRICT, WITHOUT ROWID;

CREATE VIEW attempt AS
  SELECT id AS mut, first AS n, sent AS started, ended, sends, status, error
    FROM mut WHERE first IS NOT NULL
  UNION ALL SELECT mut, n, started, ended, sends, status, error FROM again;

CREATE VIEW change AS
  SELECT m.id, m.id >> 32 AS run, m.id & 4294967295 AS seq, m.state, m.attempts, m.started, m.moved,
    m.redoes & 4294967295 AS redoes, m.undo_of, m.reason, m.kind, m.rkey, a.service, a.origin,
    a.operation, a.resource, m.target, a.method, m.path, a.effect, m.body, m.before, m.after
  FROM mut m JOIN action a ON a.no = m.action;

-- T11: one open change on an object, whatever run it belongs to.
CREATE UNIQUE INDEX one_open ON mut(rkey) WHERE state = 'S' OR state = 'A' OR state = 'U';
-- A failed change is tried again once; the next try redoes the try.
CREATE UNIQUE INDEX redone ON mut(redoes) WHERE redoes IS NOT NULL;

-- Each trigger that stands on a statement costs half as much as the statement's own work, whether
-- its WHEN holds or not: so there is one for each, small, and behind it, since one before would have
-- the row read twice. No function is called in them, and what they refuse takes back the whole
-- transaction: else SQLite would keep a copy of each page, to take back the statement alone.

-- A change begins as planned. One that is sent in the very transaction that plans it is written
-- as sent at once, with its attempt: nobody could have seen it in between.
CREATE TRIGGER born AFTER INSERT ON mut
WHEN NEW.redoes IS NOT NULL
  OR (NEW.state <> 'P' AND (NEW.state <> 'S' OR NEW.attempts <> 1 OR NEW.first IS NULL))
BEGIN
  SELECT RAISE(ROLLBACK, 'a change begins as planned') WHERE NEW.state <> 'P';
  SELECT RAISE(ROLLBACK, 'only a failed change is tried again') WHERE NOT EXISTS
    (SELECT 1 FROM mut WHERE id = NEW.redoes AND id >> 32 = NEW.id >> 32 AND state IN ('F', 'K'));
END;

-- P, A and U may stay what they are with another reason.
CREATE TRIGGER edge AFTER UPDATE OF state ON mut
WHEN (NEW.state = 'C' AND NEW.undo_of IS NOT NULL) OR NOT CASE OLD.state
  WHEN 'S' THEN NEW.state = 'C' OR NEW.state = 'A' OR NEW.state = 'U' OR NEW.state = 'P'
             OR NEW.state = 'F' OR NEW.state = 'K'
  WHEN 'P' THEN NEW.state = 'S' OR NEW.state = 'N' OR NEW.state = 'P'
             OR NEW.state = 'F' OR NEW.state = 'K'
  WHEN 'A' THEN NEW.state = 'C' OR NEW.state = 'A' OR NEW.state = 'U' OR NEW.state = 'P'
             OR NEW.state = 'F' OR NEW.state = 'K'
  WHEN 'U' THEN NEW.state = 'C' OR NEW.state = 'U' OR NEW.state = 'P'
             OR NEW.state = 'F' OR NEW.state = 'K'
  WHEN 'C' THEN NEW.state = 'V'
  ELSE 0 END
BEGIN
  SELECT RAISE(ROLLBACK, 'the state machine has no such edge')
    WHERE NEW.state <> 'C' OR NEW.undo_of IS NULL
       OR (OLD.state <> 'S' AND OLD.state <> 'A' AND OLD.state <> 'U');
  INSERT INTO undone VALUES(NEW.undo_of);
END;

-- T10: an undo that is confirmed makes the change undone, in the same transaction. By way of a view,
-- because an UPDATE within `edge` would make all that it is for larger. (Triggers need not be
-- recursive: that this is an edge is asked for by itself.)
CREATE VIEW undone AS SELECT id FROM mut WHERE state = 'V';
CREATE TRIGGER undo INSTEAD OF INSERT ON undone
BEGIN
  SELECT RAISE(ROLLBACK, 'the change that was undone is not there')
    WHERE NOT EXISTS (SELECT 1 FROM mut WHERE id = NEW.id AND state = 'C');
  UPDATE mut SET state = 'V' WHERE id = NEW.id;
END;
