-- Times are milliseconds since 1970-01-01T00:00:00Z, days are UTC days since 1970-01-01, money is nano-dollars
-- (10^-9 USD). A released migration is never edited: a change is a new file.

CREATE TABLE settings (
    name  TEXT NOT NULL PRIMARY KEY, -- seed, limit
    value TEXT NOT NULL,
    at    INTEGER                    -- NULL: at the first migration
) STRICT, WITHOUT ROWID;

-- AUTOINCREMENT: a number is never given twice, also after its row was removed; decisions are drawn from it.
CREATE TABLE requests (
    id                  INTEGER PRIMARY KEY AUTOINCREMENT,
    at                  INTEGER NOT NULL,
    day                 INTEGER NOT NULL,
    state               TEXT NOT NULL CHECK (state IN ('running', 'done', 'orphaned')),
    mode                TEXT NOT NULL,
    stream              INTEGER NOT NULL,
    tag                 TEXT,
    requested_model     TEXT,
    decision            TEXT,
    finished_at         INTEGER,
    exit_code           INTEGER,
    error_kind          TEXT,
    cache               TEXT CHECK (cache IN ('hit', 'miss', 'off')),
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
) STRICT;

-- Money set aside for an attempt that is under way. A row leaves when its attempt is settled, released or
-- presumed lost with its owner.
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
    owner_pidns    TEXT NOT NULL,
    PRIMARY KEY (request_id, attempt)
) STRICT, WITHOUT ROWID;

-- One row an attempt, written once; only a presumed charge may be replaced, once.
CREATE TABLE attempts (
    request_id          INTEGER NOT NULL REFERENCES requests (id),
    attempt             INTEGER NOT NULL,
    at                  INTEGER NOT NULL, -- when its money was held
    day                 INTEGER NOT NULL, -- the day of that
    settled_at          INTEGER NOT NULL,
    provider            TEXT NOT NULL,
    model               TEXT NOT NULL,
    answered_model      TEXT,
    outcome             TEXT NOT NULL CHECK (outcome IN ('ok', 'failed', 'cancelled')),
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
    wiped               INTEGER NOT NULL DEFAULT 0,                  -- 1: presumed before the day was last reset
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

-- Sums of a day, changed in the transaction that changes the rows they sum up.
CREATE TABLE days (
    day              INTEGER PRIMARY KEY,
    ledger_nanousd   INTEGER NOT NULL DEFAULT 0, -- attempts.cost_nanousd
    adjusted_nanousd INTEGER NOT NULL DEFAULT 0, -- adjustments.amount_nanousd; spent is the sum of both
    requests         INTEGER NOT NULL DEFAULT 0,
    attempts         INTEGER NOT NULL DEFAULT 0,
    cache_hits       INTEGER NOT NULL DEFAULT 0,
    cache_misses     INTEGER NOT NULL DEFAULT 0,
    cache_integrity  INTEGER NOT NULL DEFAULT 0,
    cache_foreign    INTEGER NOT NULL DEFAULT 0,
    saved_nanousd    INTEGER NOT NULL DEFAULT 0
) STRICT;

-- What a person (`budget reset`) changed of a day's spending: the ledger itself stays as it is.
CREATE TABLE adjustments (
    id             INTEGER PRIMARY KEY,
    at             INTEGER NOT NULL,
    day            INTEGER NOT NULL,
    amount_nanousd INTEGER NOT NULL,
    reason         TEXT NOT NULL
) STRICT;

-- Sums of a day and candidate, so that no report over weeks reads the ledger.
CREATE TABLE day_candidates (
    day                 INTEGER NOT NULL,
    provider            TEXT NOT NULL,
    model               TEXT NOT NULL,
    attempts            INTEGER NOT NULL DEFAULT 0,
    ok                  INTEGER NOT NULL DEFAULT 0,
    failed              INTEGER NOT NULL DEFAULT 0,
    cancelled           INTEGER NOT NULL DEFAULT 0,
    presumed            INTEGER NOT NULL DEFAULT 0,
    unpriced            INTEGER NOT NULL DEFAULT 0,
    cost_nanousd        INTEGER NOT NULL DEFAULT 0,
    input_tokens        INTEGER NOT NULL DEFAULT 0,
    cached_input_tokens INTEGER NOT NULL DEFAULT 0,
    cache_write_tokens  INTEGER NOT NULL DEFAULT 0,
    output_tokens       INTEGER NOT NULL DEFAULT 0,
    reasoning_tokens    INTEGER NOT NULL DEFAULT 0,
    latency_ms          INTEGER NOT NULL DEFAULT 0, -- of the answered ones
    PRIMARY KEY (day, provider, model)
) STRICT, WITHOUT ROWID;

-- How many answers of a day and candidate took how long; bucket n holds [1.05^n, 1.05^(n+1)) milliseconds.
CREATE TABLE latencies (
    day      INTEGER NOT NULL,
    provider TEXT NOT NULL,
    model    TEXT NOT NULL,
    bucket   INTEGER NOT NULL,
    answers  INTEGER NOT NULL,
    PRIMARY KEY (day, provider, model, bucket)
) STRICT, WITHOUT ROWID;

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

-- Faded sums, as the engine's `Health` defines them.
CREATE TABLE health (
    provider           TEXT NOT NULL,
    model              TEXT NOT NULL,
    attempts           REAL NOT NULL,
    successes          REAL NOT NULL,
    first_token_weight REAL NOT NULL,
    first_token_ms     REAL NOT NULL,
    token_weight       REAL NOT NULL,
    token_ms           REAL NOT NULL,
    written_tokens     REAL NOT NULL,
    updated            INTEGER NOT NULL,
    PRIMARY KEY (provider, model)
) STRICT, WITHOUT ROWID;

-- One row an answer that may be served again. `seal` authenticates everything but used_at and hits.
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

-- For SQL users; part of the contract.
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
