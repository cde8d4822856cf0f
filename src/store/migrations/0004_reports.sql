-- Sums that reports over weeks read.

ALTER TABLE requests ADD COLUMN saved_nanousd INTEGER; -- what a hit of the cache would have cost

-- Sums of a day and a label of its requests: the user's tag, the tier of the answer, who answered
-- ('provider/model'); '' where there is none. Requests count when they end, on the day they began; attempts on
-- their own day, under the tag and the tier of their request.
CREATE TABLE day_labels (
    kind                TEXT NOT NULL CHECK (kind IN ('tag', 'tier', 'answered')),
    day                 INTEGER NOT NULL,
    name                TEXT NOT NULL,
    requests            INTEGER NOT NULL DEFAULT 0,
    ok                  INTEGER NOT NULL DEFAULT 0,
    failed              INTEGER NOT NULL DEFAULT 0,
    cancelled           INTEGER NOT NULL DEFAULT 0,
    cache_hits          INTEGER NOT NULL DEFAULT 0,
    saved_nanousd       INTEGER NOT NULL DEFAULT 0,
    latency_ms          INTEGER NOT NULL DEFAULT 0, -- of those that a provider answered
    attempts            INTEGER NOT NULL DEFAULT 0,
    unpriced            INTEGER NOT NULL DEFAULT 0,
    cost_nanousd        INTEGER NOT NULL DEFAULT 0,
    input_tokens        INTEGER NOT NULL DEFAULT 0,
    cached_input_tokens INTEGER NOT NULL DEFAULT 0,
    cache_write_tokens  INTEGER NOT NULL DEFAULT 0,
    output_tokens       INTEGER NOT NULL DEFAULT 0,
    reasoning_tokens    INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (kind, day, name)
) STRICT, WITHOUT ROWID;

-- How many of its requests a provider answered in how long; buckets as in `latencies`.
CREATE TABLE label_latencies (
    kind    TEXT NOT NULL,
    day     INTEGER NOT NULL,
    name    TEXT NOT NULL,
    bucket  INTEGER NOT NULL,
    answers INTEGER NOT NULL,
    PRIMARY KEY (kind, day, name, bucket)
) STRICT, WITHOUT ROWID;

-- What the other strategies would have chosen, over the requests of mode `shadow` that ended.
CREATE TABLE day_shadows (
    day              INTEGER NOT NULL,
    strategy         TEXT NOT NULL,
    requests         INTEGER NOT NULL,
    same_choice      INTEGER NOT NULL,
    expected_nanousd INTEGER NOT NULL, -- of its choice
    chosen_nanousd   INTEGER NOT NULL, -- of the choice that was made
    PRIMARY KEY (day, strategy)
) STRICT, WITHOUT ROWID;

-- What was recorded before these tables were there.

-- One pass over each table makes sums by all labels at once, which are few; the kinds are summed up from those.
CREATE TABLE ended AS
SELECT day, coalesce(tag, '') AS tag, coalesce(tier, '') AS tier,
       coalesce(provider || '/' || coalesce(model, ''), '') AS answered,
       count(*) AS requests, sum(exit_code = 0) AS ok, sum(exit_code NOT IN (0, 130, 143)) AS failed,
       sum(exit_code IN (130, 143)) AS cancelled, sum(cache = 'hit') AS hits,
       coalesce(sum(CASE WHEN exit_code = 0 AND cache <> 'hit' THEN latency_ms END), 0) AS latency
FROM requests WHERE finished_at IS NOT NULL GROUP BY 1, 2, 3, 4;

INSERT INTO day_labels (kind, day, name, requests, ok, failed, cancelled, cache_hits, latency_ms)
SELECT kind, day, CASE kind WHEN 'tag' THEN tag WHEN 'tier' THEN tier ELSE answered END,
       sum(requests), sum(ok), sum(failed), sum(cancelled), sum(hits), sum(latency)
FROM ended, (SELECT 'tag' AS kind UNION ALL SELECT 'tier' UNION ALL SELECT 'answered') GROUP BY 1, 2, 3;

CREATE TABLE settled AS
SELECT a.day, coalesce(r.tag, '') AS tag, coalesce(r.tier, '') AS tier, count(*) AS attempts,
       sum(a.cost_nanousd IS NULL) AS unpriced, coalesce(sum(a.cost_nanousd), 0) AS cost,
       coalesce(sum(a.input_tokens), 0) AS input, coalesce(sum(a.cached_input_tokens), 0) AS cached,
       coalesce(sum(a.cache_write_tokens), 0) AS written, coalesce(sum(a.output_tokens), 0) AS output,
       coalesce(sum(a.reasoning_tokens), 0) AS reasoning
FROM attempts AS a JOIN requests AS r ON r.id = a.request_id GROUP BY 1, 2, 3;

INSERT INTO day_labels (kind, day, name, attempts, unpriced, cost_nanousd, input_tokens, cached_input_tokens,
                        cache_write_tokens, output_tokens, reasoning_tokens)
SELECT kind, day, CASE kind WHEN 'tag' THEN tag ELSE tier END, sum(attempts), sum(unpriced), sum(cost), sum(input),
       sum(cached), sum(written), sum(output), sum(reasoning)
FROM settled, (SELECT 'tag' AS kind UNION ALL SELECT 'tier') WHERE true GROUP BY 1, 2, 3
ON CONFLICT DO UPDATE SET
    attempts = excluded.attempts, unpriced = excluded.unpriced, cost_nanousd = excluded.cost_nanousd,
    input_tokens = excluded.input_tokens, cached_input_tokens = excluded.cached_input_tokens,
    cache_write_tokens = excluded.cache_write_tokens, output_tokens = excluded.output_tokens,
    reasoning_tokens = excluded.reasoning_tokens;

-- Where each bucket begins, in whole milliseconds; where two begin at the same one the later is meant.
CREATE TABLE bucket_edges (ms INTEGER PRIMARY KEY, bucket INTEGER NOT NULL);
INSERT OR REPLACE INTO bucket_edges
WITH RECURSIVE edges (bucket, ms) AS (SELECT 0, 1.0 UNION ALL SELECT bucket + 1, ms * 1.05 FROM edges WHERE bucket < 600)
SELECT CAST(ms AS INTEGER) + (CAST(ms AS INTEGER) < ms), bucket FROM edges ORDER BY bucket;

CREATE TABLE timed AS
SELECT day, coalesce(tag, '') AS tag, coalesce(tier, '') AS tier,
       coalesce(provider || '/' || coalesce(model, ''), '') AS answered,
       (SELECT bucket FROM bucket_edges WHERE ms <= max(latency_ms, 1) ORDER BY ms DESC LIMIT 1) AS slot,
       count(*) AS answers
FROM requests WHERE exit_code = 0 AND cache <> 'hit' AND latency_ms IS NOT NULL GROUP BY 1, 2, 3, 4, 5;

INSERT INTO label_latencies (kind, day, name, bucket, answers)
SELECT kind, day, CASE kind WHEN 'tag' THEN tag WHEN 'tier' THEN tier ELSE answered END, slot, sum(answers)
FROM timed, (SELECT 'tag' AS kind UNION ALL SELECT 'tier' UNION ALL SELECT 'answered') GROUP BY 1, 2, 3, 4;

INSERT INTO day_shadows (day, strategy, requests, same_choice, expected_nanousd, chosen_nanousd)
SELECT day, other.value ->> '$.strategy', count(*),
       sum(other.value ->> '$.provider' IS decision ->> '$.candidates[0].provider'
           AND other.value ->> '$.model' IS decision ->> '$.candidates[0].model'),
       sum(CAST(round(coalesce(other.value ->> '$.expected_cost_usd', 0) * 1e9) AS INTEGER)),
       sum(CAST(round(coalesce(decision ->> '$.candidates[0].expected_cost_usd', 0) * 1e9) AS INTEGER))
FROM requests, json_each(CASE WHEN json_valid(decision) THEN decision ELSE '{}' END, '$.shadow') AS other
WHERE mode = 'shadow' AND finished_at IS NOT NULL AND other.value ->> '$.strategy' IS NOT NULL GROUP BY 1, 2;

DROP TABLE ended;
DROP TABLE settled;
DROP TABLE timed;
DROP TABLE bucket_edges;
