-- Files of prompts under way, and how fast providers may be asked.

CREATE TABLE batches (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    name   TEXT NOT NULL UNIQUE, -- what makes two runs the same batch
    at     INTEGER NOT NULL
) STRICT;

-- A line is answered when one of its requests has contents with an answer.
CREATE TABLE batch_lines (
    batch_id   INTEGER NOT NULL REFERENCES batches (id),
    line       INTEGER NOT NULL, -- from 1
    request_id INTEGER NOT NULL REFERENCES requests (id),
    PRIMARY KEY (batch_id, line, request_id)
) STRICT, WITHOUT ROWID;
