-- What all migrations come to: a fresh database is made of this at once, and is the same as one that was brought up step by
-- step (a test compares them). Written by SQLite itself; changed by no hand.

CREATE TABLE settings (
    name  TEXT NOT NULL PRIMARY KEY, -- seed, limit
    value TEXT NOT NULL,
    at    INTEGER                    -- NULL: at the first migration
) STRICT, WITHOUT ROWID;

CREATE TABLE requests (
    id                  INTEGER PRIMARY KEY AUTOINCREMENT,
    at                  INTEGER NOT NULL,
    day                 INTEGER NOT NULL,
    state               TEXT NOT NULL CHECK (state = 'running' OR state = 'done' OR state = 'orphaned'),
    mode                TEXT NOT NULL,
    stream              INTEGER NOT NULL,
    tag                 TEXT,
    requested_model     TEXT,
    decision            TEXT,
    finished_at         INTEGER,
    exit_code           INTEGER,
    error_kind          TEXT,
    cache               TEXT CHECK (cache = 'hit' OR cache = 'miss' OR cache = 'off'),
    provider            TEXT,
    model               TEXT,
    tier                TEXT,
    finish_reason       TEXT,
    cost_nanousd        INTEGER CHECK (cost_nanousd >= 0),
    latency_ms          INTEGER,
    first_token_ms      INTEGER,
    input_tokens        INTEGER,
    cached_input_tokens INTEGER,
    cache_write_tokens  INTEGER,
    output_tokens       INTEGER,
    reasoning_tokens    INTEGER,
    usage_estimated     INTEGER
, cache_key TEXT, saved_nanousd INTEGER, intent TEXT, expected REAL, prompt_digest BLOB, rating TEXT, rated_by TEXT) STRICT;

CREATE TABLE holds (
    request_id     INTEGER NOT NULL REFERENCES requests (id),
    attempt        INTEGER NOT NULL,
    at             INTEGER NOT NULL,
    day            INTEGER NOT NULL,
    provider       TEXT NOT NULL,
    model          TEXT NOT NULL,
    amount_nanousd INTEGER NOT NULL CHECK (amount_nanousd >= 0),
    lease_until    INTEGER NOT NULL,
    owner_pid      INTEGER NOT NULL,
    owner_start    INTEGER NOT NULL,
    owner_boot     TEXT NOT NULL,
    owner_pidns    TEXT NOT NULL, expected_tokens INTEGER, hedge INTEGER NOT NULL DEFAULT 0 CHECK (hedge IN (0, 1)),
    PRIMARY KEY (request_id, attempt)
) STRICT, WITHOUT ROWID;

CREATE TABLE attempts (
    request_id          INTEGER NOT NULL REFERENCES requests (id),
    attempt             INTEGER NOT NULL,
    at                  INTEGER NOT NULL, -- when its money was held
    day                 INTEGER NOT NULL, -- the day of that
    settled_at          INTEGER NOT NULL,
    provider            TEXT NOT NULL,
    model               TEXT NOT NULL,
    answered_model      TEXT,
    outcome             TEXT NOT NULL CHECK (outcome = 'ok' OR outcome = 'failed' OR outcome = 'cancelled'),
    failure             TEXT,
    status              INTEGER,
    latency_ms          INTEGER,
    first_token_ms      INTEGER,
    input_tokens        INTEGER,
    cached_input_tokens INTEGER,
    cache_write_tokens  INTEGER,
    output_tokens       INTEGER,
    reasoning_tokens    INTEGER,
    usage_estimated     INTEGER,
    held_nanousd        INTEGER NOT NULL,
    cost_nanousd        INTEGER CHECK (cost_nanousd >= 0), -- NULL: the price is unknown
    cost_source         TEXT NOT NULL,
    estimated           INTEGER NOT NULL CHECK (estimated IN (0, 1)),
    presumed            INTEGER NOT NULL CHECK (presumed IN (0, 1)), -- 1: its owner died, charged in full
    wiped               INTEGER NOT NULL DEFAULT 0, hedge INTEGER NOT NULL DEFAULT 0 CHECK (hedge IN (0, 1)),                  -- 1: presumed before the day was last reset
    PRIMARY KEY (request_id, attempt)
) STRICT, WITHOUT ROWID;

CREATE INDEX attempts_day ON attempts (day);

CREATE TRIGGER settled_attempts_stay BEFORE UPDATE ON attempts WHEN old.presumed = 0
BEGIN SELECT RAISE(ABORT, 'an attempt is settled once'); END;

CREATE TRIGGER settled_attempts_are_kept BEFORE DELETE ON attempts WHEN old.presumed = 0
BEGIN SELECT RAISE(ABORT, 'a settled attempt is never removed'); END;

CREATE TRIGGER settled_attempts_are_not_held BEFORE INSERT ON holds
WHEN EXISTS (SELECT 1 FROM attempts WHERE request_id = new.request_id AND attempt = new.attempt)
BEGIN SELECT RAISE(ABORT, 'a settled attempt cannot be held again'); END;

CREATE TABLE days (
    day              INTEGER PRIMARY KEY,
    ledger_nanousd   INTEGER NOT NULL, -- attempts.cost_nanousd
    adjusted_nanousd INTEGER NOT NULL, -- adjustments.amount_nanousd; spent is the sum of both
    requests         INTEGER NOT NULL,
    attempts         INTEGER NOT NULL,
    cache_hits       INTEGER NOT NULL,
    cache_misses     INTEGER NOT NULL,
    cache_integrity  INTEGER NOT NULL,
    cache_foreign    INTEGER NOT NULL,
    saved_nanousd    INTEGER NOT NULL
) STRICT;

CREATE TABLE adjustments (
    id             INTEGER PRIMARY KEY,
    at             INTEGER NOT NULL,
    day            INTEGER NOT NULL,
    amount_nanousd INTEGER NOT NULL,
    reason         TEXT NOT NULL
) STRICT;

CREATE TABLE breakers (
    provider        TEXT NOT NULL PRIMARY KEY,
    failures        INTEGER NOT NULL DEFAULT 0,
    open_until      INTEGER,
    trial_until     INTEGER,
    trial_request   INTEGER, -- whose trial it is
    trial_attempt   INTEGER,
    last_failure    TEXT,
    last_failure_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE rests (
    provider   TEXT NOT NULL,
    model      TEXT NOT NULL, -- '': every model of the provider
    rest_until INTEGER NOT NULL,
    class      TEXT NOT NULL,
    PRIMARY KEY (provider, model)
) STRICT, WITHOUT ROWID;


CREATE TABLE cache (
    key                 TEXT NOT NULL PRIMARY KEY, -- lower-case hex
    provider            TEXT NOT NULL,
    model               TEXT NOT NULL,
    answered_model      TEXT,
    tier                TEXT,
    content             TEXT NOT NULL,
    finish_reason       TEXT NOT NULL,
    input_tokens        INTEGER,
    cached_input_tokens INTEGER,
    cache_write_tokens  INTEGER,
    output_tokens       INTEGER,
    reasoning_tokens    INTEGER,
    usage_estimated     INTEGER,
    cost_nanousd        INTEGER,
    cost_source         TEXT NOT NULL,
    created_at          INTEGER NOT NULL,
    expires_at          INTEGER NOT NULL,
    used_at             INTEGER NOT NULL,
    hits                INTEGER NOT NULL DEFAULT 0,
    key_id              TEXT NOT NULL, -- which key made the seal
    seal                BLOB NOT NULL
) STRICT;

CREATE INDEX cache_used ON cache (used_at);

CREATE INDEX cache_expires ON cache (expires_at);

CREATE VIEW ledger (request_id, attempt, at, day, provider, model, outcome, failure, cost_nanousd, estimated) AS
SELECT 'r' || request_id,
       attempt,
       strftime('%Y-%m-%dT%H:%M:%S', at / 1000, 'unixepoch') || printf('.%03dZ', at % 1000),
       strftime('%Y-%m-%d', day * 86400, 'unixepoch'),
       provider,
       model,
       outcome,
       failure,
       cost_nanousd,
       estimated
FROM attempts;

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

CREATE TABLE condensations (
    conversation_id INTEGER NOT NULL REFERENCES conversations (id),
    request_id      INTEGER NOT NULL REFERENCES requests (id),
    upto            INTEGER NOT NULL, -- the last turn that is in it
    summary         TEXT,             -- NULL: it only cost something (it failed, was a step on the way, or is void since)
    PRIMARY KEY (conversation_id, request_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX condensations_request ON condensations (request_id);

CREATE TABLE batches (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    name        TEXT NOT NULL UNIQUE, -- what makes two runs the same batch
    at          INTEGER NOT NULL,
    owner_pid   INTEGER,              -- who runs it now; NULL: nobody
    owner_start INTEGER,
    owner_boot  TEXT,
    owner_pidns TEXT
) STRICT;

CREATE TABLE batch_lines (
    batch_id   INTEGER NOT NULL REFERENCES batches (id),
    line       INTEGER NOT NULL, -- from 1, as it was when it was asked
    request_id INTEGER NOT NULL REFERENCES requests (id),
    digest     BLOB NOT NULL,    -- of everything that can change its answer
    PRIMARY KEY (batch_id, line, request_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE rates (
    provider TEXT NOT NULL,
    begins   INTEGER NOT NULL, -- the first moment of that second
    requests INTEGER NOT NULL,
    tokens   INTEGER NOT NULL,
    PRIMARY KEY (provider, begins)
) STRICT, WITHOUT ROWID;

CREATE TABLE day_shadows (
    day              INTEGER NOT NULL,
    strategy         TEXT NOT NULL,
    requests         INTEGER NOT NULL,
    same_choice      INTEGER NOT NULL,
    expected_nanousd INTEGER NOT NULL, -- of its choice
    chosen_nanousd   INTEGER NOT NULL, -- of the choice that was made
    PRIMARY KEY (day, strategy)
) STRICT, WITHOUT ROWID;

CREATE TABLE checks (
    provider TEXT NOT NULL PRIMARY KEY,
    asked    TEXT NOT NULL,    -- where and as whom, as a short hash: what it was changes the answer
    at       INTEGER NOT NULL,
    found    TEXT NOT NULL     -- JSON
) STRICT, WITHOUT ROWID;

CREATE TABLE imports (
    tool            TEXT NOT NULL,
    source          TEXT NOT NULL,    -- SHA-256 of its name there: it outlives what is forgotten
    conversation_id INTEGER NOT NULL,
    turns           INTEGER NOT NULL, -- so many of its turns are here
    at              INTEGER NOT NULL,
    PRIMARY KEY (tool, source)
) STRICT, WITHOUT ROWID;

CREATE TABLE running (
    request_id  INTEGER PRIMARY KEY REFERENCES requests (id),
    owner_pid   INTEGER NOT NULL,
    owner_start INTEGER NOT NULL,
    owner_boot  TEXT NOT NULL,
    owner_pidns TEXT NOT NULL
) STRICT;

CREATE TABLE outcomes (
    intent   TEXT NOT NULL,
    tier     TEXT NOT NULL,
    provider TEXT NOT NULL,
    model    TEXT NOT NULL,
    good     REAL NOT NULL,
    bad      REAL NOT NULL,
    expected REAL NOT NULL,
    updated  INTEGER NOT NULL,
    PRIMARY KEY (intent, tier, provider, model)
) STRICT, WITHOUT ROWID;
CREATE TABLE beliefs (
    provider TEXT NOT NULL,
    model    TEXT NOT NULL,
    belief   TEXT NOT NULL, -- JSON
    PRIMARY KEY (provider, model)
) STRICT, WITHOUT ROWID;
CREATE INDEX attempts_hedged ON attempts (day) WHERE hedge = 1;
CREATE TABLE collections (
    name       TEXT NOT NULL PRIMARY KEY,
    provider   TEXT NOT NULL,
    model      TEXT NOT NULL,
    dimensions INTEGER NOT NULL,
    asked      INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE vectors (
    collection TEXT NOT NULL,
    source     TEXT NOT NULL,
    start      INTEGER NOT NULL,
    first      INTEGER,
    last       INTEGER,
    digest     BLOB NOT NULL,
    vector     BLOB NOT NULL,
    PRIMARY KEY (collection, source, start)
) STRICT;
CREATE INDEX vectors_of_text ON vectors (collection, digest);
CREATE TABLE day_sums (
    kind TEXT NOT NULL,
    day  INTEGER NOT NULL,
    name TEXT NOT NULL,
    sums TEXT NOT NULL,
    PRIMARY KEY (kind, day, name)
) STRICT, WITHOUT ROWID;
