-- What is kept of prompts and answers: where the user wants them in the log, and where something needs them.

ALTER TABLE requests ADD COLUMN cache_key TEXT; -- the cache entry that it made or was answered from

CREATE TABLE contents (
    request_id INTEGER PRIMARY KEY REFERENCES requests (id),
    logged     INTEGER NOT NULL, -- 1: kept because the log keeps texts
    system     TEXT,
    prompt     TEXT NOT NULL,
    images     TEXT,             -- JSON: [{name, media_type, width, height, data (base64)}]
    answer     TEXT,             -- NULL: none has come
    partial    INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE conversations (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    name      TEXT UNIQUE,
    at        INTEGER NOT NULL,
    used_at   INTEGER NOT NULL,
    system    TEXT,
    model     TEXT,
    providers TEXT NOT NULL DEFAULT '[]' -- JSON
) STRICT;

CREATE INDEX conversations_used ON conversations (used_at);

CREATE TABLE turns (
    conversation_id INTEGER NOT NULL REFERENCES conversations (id),
    number          INTEGER NOT NULL, -- from 1
    request_id      INTEGER NOT NULL REFERENCES requests (id),
    dropped         INTEGER NOT NULL DEFAULT 0, -- 1: taken back, kept but not sent any more
    PRIMARY KEY (conversation_id, number)
) STRICT, WITHOUT ROWID;

CREATE INDEX turns_request ON turns (request_id);

-- The requests that a conversation needed beside its turns: what older turns were condensed into, for models whose
-- window they outgrew. The turns themselves stay.
CREATE TABLE condensations (
    conversation_id INTEGER NOT NULL REFERENCES conversations (id),
    request_id      INTEGER NOT NULL REFERENCES requests (id),
    upto            INTEGER NOT NULL, -- the last turn that is in it
    summary         TEXT,             -- NULL: it only cost something (it failed, was a step on the way, or is void since)
    PRIMARY KEY (conversation_id, request_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX condensations_request ON condensations (request_id);
