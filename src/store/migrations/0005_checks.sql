-- What was found when providers were checked, for a short while; and what was brought over from other tools.

CREATE TABLE checks (
    provider TEXT NOT NULL PRIMARY KEY,
    asked    TEXT NOT NULL,    -- where and as whom, as a short hash: what it was changes the answer
    at       INTEGER NOT NULL,
    found    TEXT NOT NULL     -- JSON
) STRICT, WITHOUT ROWID;

-- A conversation of another tool's, so that it is not brought over twice. Its row stays when it is forgotten here.
CREATE TABLE imports (
    tool            TEXT NOT NULL,
    source          TEXT NOT NULL,    -- SHA-256 of its name there: it outlives what is forgotten
    conversation_id INTEGER NOT NULL,
    turns           INTEGER NOT NULL, -- so many of its turns are here
    at              INTEGER NOT NULL,
    PRIMARY KEY (tool, source)
) STRICT, WITHOUT ROWID;
