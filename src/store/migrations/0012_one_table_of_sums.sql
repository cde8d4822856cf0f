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
    'ok', ok, 'failed', failed, 'cancelled', cancelled, 'presumed', presumed, 'latency_ms', latency_ms,
    'attempts', attempts, 'unpriced', unpriced, 'cost_nanousd', cost_nanousd, 'input_tokens', input_tokens,
    'cached_input_tokens', cached_input_tokens, 'cache_write_tokens', cache_write_tokens,
    'output_tokens', output_tokens, 'reasoning_tokens', reasoning_tokens,
    'latencies', json((SELECT json_group_object(CAST(bucket AS TEXT), answers) FROM latencies AS l
        WHERE l.day = c.day AND l.provider = c.provider AND l.model = c.model AND answers > 0)))
FROM day_candidates AS c;

INSERT INTO day_sums (kind, day, name, sums)
SELECT kind, day, name, json_object(
    'requests', requests, 'ok', ok, 'failed', failed, 'cancelled', cancelled, 'cache_hits', cache_hits,
    'saved_nanousd', saved_nanousd, 'latency_ms', latency_ms,
    'attempts', attempts, 'unpriced', unpriced, 'cost_nanousd', cost_nanousd, 'input_tokens', input_tokens,
    'cached_input_tokens', cached_input_tokens, 'cache_write_tokens', cache_write_tokens,
    'output_tokens', output_tokens, 'reasoning_tokens', reasoning_tokens,
    'latencies', json((SELECT json_group_object(CAST(bucket AS TEXT), answers) FROM label_latencies AS l
        WHERE l.kind = s.kind AND l.day = s.day AND l.name = s.name AND answers > 0)))
FROM day_labels AS s WHERE requests > 0 OR attempts > 0;

DROP TABLE day_candidates;
DROP TABLE latencies;
DROP TABLE day_labels;
DROP TABLE label_latencies;
