-- How answers turned out, as far as anybody said or did: what the choice of a tier learns from.
ALTER TABLE requests ADD COLUMN intent TEXT;        -- what kind of prompt it was
ALTER TABLE requests ADD COLUMN expected REAL;      -- the chance that its tier would do, as it was judged
ALTER TABLE requests ADD COLUMN prompt_digest BLOB; -- of what was asked, to know it again when it is asked once more
ALTER TABLE requests ADD COLUMN rating TEXT;        -- good, bad
ALTER TABLE requests ADD COLUMN rated_by TEXT;      -- user, schema, truncated, retried

-- Faded sums, as the engine's `Record` defines them.
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
