-- What is believed of each candidate, as the engine's `Belief` defines it: the order of candidates follows from it. How
-- often one answered and how much it wrote is taken over; its times were means, and are learned anew.
CREATE TABLE beliefs (
    provider TEXT NOT NULL,
    model    TEXT NOT NULL,
    belief   TEXT NOT NULL, -- JSON
    PRIMARY KEY (provider, model)
) STRICT, WITHOUT ROWID;

INSERT INTO beliefs (provider, model, belief)
SELECT provider,
       model,
       json_object('as_of', updated / 1000.0,
                   'success', json_object('recent', json_object('ok', 0.0, 'bad', 0.0),
                                          'usual', json_object('ok', successes, 'bad', max(attempts - successes, 0.0))),
                   'written', CASE
                       WHEN successes > 0
                       THEN json_object('weight', successes, 'sum', written_tokens,
                                        'squares', written_tokens * written_tokens / successes)
                       ELSE json_object('weight', 0.0, 'sum', 0.0, 'squares', 0.0)
                   END)
FROM health;

DROP TABLE health;

-- Of an open try: how much it is expected to write, and whether it stands by another one.
ALTER TABLE holds ADD COLUMN expected_tokens INTEGER;
ALTER TABLE holds ADD COLUMN hedge INTEGER NOT NULL DEFAULT 0 CHECK (hedge IN (0, 1));

-- 1: it was begun because another one was late.
ALTER TABLE attempts ADD COLUMN hedge INTEGER NOT NULL DEFAULT 0 CHECK (hedge IN (0, 1));
CREATE INDEX attempts_hedged ON attempts (day) WHERE hedge = 1;
