-- Who makes the requests under way, so that those of a process that died do not stay under way for ever: it may have
-- held nothing when it died. A row leaves when its request ends, or after its owner.
CREATE TABLE running (
    request_id  INTEGER PRIMARY KEY REFERENCES requests (id),
    owner_pid   INTEGER NOT NULL,
    owner_start INTEGER NOT NULL,
    owner_boot  TEXT NOT NULL,
    owner_pidns TEXT NOT NULL
) STRICT;

-- Of those from before nobody knows whose they are; none is under way for a day. What is held is charged by itself.
UPDATE requests SET state = 'orphaned'
WHERE state = 'running' AND at < (SELECT max(at) FROM requests) - 86400000
  AND id NOT IN (SELECT request_id FROM holds);
