-- Vectors of texts that are kept. All of a collection are of one model and one length; `asked` is the length that was asked
-- for, NULL for the model's own.
CREATE TABLE collections (
    name       TEXT NOT NULL PRIMARY KEY,
    provider   TEXT NOT NULL,
    model      TEXT NOT NULL,
    dimensions INTEGER NOT NULL,
    asked      INTEGER
) STRICT, WITHOUT ROWID;

-- `source` is a file, empty for a vector whose place is not settled yet; `start` the code point where the text begins there;
-- `first` and `last` its lines, NULL for all of the file; `digest` the SHA-256 of the text, which itself is not kept; `vector`
-- 32-bit floats in little-endian order.
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
