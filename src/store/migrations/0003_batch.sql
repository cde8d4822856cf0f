-- Files of prompts under way, and how fast providers may be asked.

CREATE TABLE batches (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    name        TEXT NOT NULL UNIQUE, -- what makes two runs the same batch
    at          INTEGER NOT NULL,
    owner_pid   INTEGER,              -- who runs it now; NULL: nobody
    owner_start INTEGER,
    owner_boot  TEXT,
    owner_pidns TEXT
) STRICT;

-- A line is answered when one of its requests has contents with an answer.
CREATE TABLE batch_lines (
    batch_id   INTEGER NOT NULL REFERENCES batches (id),
    line       INTEGER NOT NULL, -- from 1, as it was when it was asked
    request_id INTEGER NOT NULL REFERENCES requests (id),
    digest     BLOB NOT NULL,    -- of everything that can change its answer
    PRIMARY KEY (batch_id, line, request_id)
) STRICT, WITHOUT ROWID;

-- What was asked of a provider that has a limit, by seconds; older ones than a window are dropped.
CREATE TABLE rates (
    provider TEXT NOT NULL,
    begins   INTEGER NOT NULL, -- the first moment of that second
    requests INTEGER NOT NULL,
    tokens   INTEGER NOT NULL,
    PRIMARY KEY (provider, begins)
) STRICT, WITHOUT ROWID;
