-- All sums of a day and a name are one column (JSON) of one table: every process reads every column's definition when it
-- begins, and each answer changes several names. A name is that of a candidate ('provider/model'), of a tag, a tier, or
-- of who answered; '' where there is none.
CREATE TABLE day_sums (
    kind TEXT NOT NULL,
    day  INTEGER NOT NULL,
    name TEXT NOT NULL,
    sums TEXT NOT NULL,
    PRIMARY KEY (kind, day, name)
) STRICT, WITHOUT ROWID;

INSERT INTO day_sums (kind, day, name, sums)
SELECT 'candidate', day, provider || '/' || model, json_object(
    'ok', max(0, ok), 'failed', max(0, failed), 'cancelled', max(0, cancelled), 'presumed', max(0, presumed), 'latency_ms', max(0, latency_ms),
    'attempts', max(0, attempts), 'unpriced', max(0, unpriced), 'cost_nanousd', max(0, cost_nanousd), 'input_tokens', max(0, input_tokens),
    'cached_input_tokens', max(0, cached_input_tokens), 'cache_write_tokens', max(0, cache_write_tokens),
    'output_tokens', max(0, output_tokens), 'reasoning_tokens', max(0, reasoning_tokens),
    'latencies', json((SELECT json_group_object(CAST(bucket AS TEXT), answers) FROM latencies AS l
        WHERE l.day = c.day AND l.provider = c.provider AND l.model = c.model AND answers > 0)))
FROM day_candidates AS c;

INSERT INTO day_sums (kind, day, name, sums)
SELECT kind, day, name, json_object(
    'requests', max(0, requests), 'ok', max(0, ok), 'failed', max(0, failed), 'cancelled', max(0, cancelled), 'cache_hits', max(0, cache_hits),
    'saved_nanousd', max(0, saved_nanousd), 'latency_ms', max(0, latency_ms),
    'attempts', max(0, attempts), 'unpriced', max(0, unpriced), 'cost_nanousd', max(0, cost_nanousd), 'input_tokens', max(0, input_tokens),
    'cached_input_tokens', max(0, cached_input_tokens), 'cache_write_tokens', max(0, cache_write_tokens),
    'output_tokens', max(0, output_tokens), 'reasoning_tokens', max(0, reasoning_tokens),
    'latencies', json((SELECT json_group_object(CAST(bucket AS TEXT), answers) FROM label_latencies AS l
        WHERE l.kind = s.kind AND l.day = s.day AND l.name = s.name AND answers > 0)))
FROM day_labels AS s WHERE requests > 0 OR attempts > 0;

DROP TABLE day_candidates;
DROP TABLE latencies;
DROP TABLE day_labels;
DROP TABLE label_latencies;
