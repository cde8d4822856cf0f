-- Sums are always written whole, so no column of theirs needs a value of its own for when none is given. Every process
-- reads every definition when it begins, word by word. No row is touched.
PRAGMA writable_schema = ON;

UPDATE sqlite_schema SET sql = replace(sql, ' NOT NULL DEFAULT 0', ' NOT NULL')
WHERE type = 'table' AND (name = 'days' OR name = 'day_candidates' OR name = 'day_labels');

-- Off again, and this connection reads the definitions anew.
PRAGMA writable_schema = RESET;

-- And others that have read them.
CREATE TABLE changed (x);
DROP TABLE changed;
