-- Vectors of texts that are kept, by collection: `source` is a file's name, `place` its lines (empty for all of it),
-- `digest` the SHA-256 of the text, which itself is not kept, `vector` 32-bit floats in little-endian order.
CREATE TABLE vectors (
    collection TEXT NOT NULL,
    source     TEXT NOT NULL,
    place      TEXT NOT NULL,
    provider   TEXT NOT NULL,
    model      TEXT NOT NULL,
    digest     BLOB NOT NULL,
    vector     BLOB NOT NULL,
    at         INTEGER NOT NULL,
    PRIMARY KEY (collection, source, place)
) STRICT;
