-- For a list of three SQLite builds a table in memory each time a row is checked, which takes longer than to write the
-- row; two comparisons more take nothing. The constraints say what they said before, and no row is touched.
PRAGMA writable_schema = ON;

UPDATE sqlite_schema SET sql = replace(replace(sql,
    'state IN (''running'', ''done'', ''orphaned'')', 'state = ''running'' OR state = ''done'' OR state = ''orphaned'''),
    'cache IN (''hit'', ''miss'', ''off'')', 'cache = ''hit'' OR cache = ''miss'' OR cache = ''off''')
WHERE type = 'table' AND name = 'requests';

UPDATE sqlite_schema SET sql = replace(sql,
    'outcome IN (''ok'', ''failed'', ''cancelled'')', 'outcome = ''ok'' OR outcome = ''failed'' OR outcome = ''cancelled''')
WHERE type = 'table' AND name = 'attempts';

UPDATE sqlite_schema SET sql = replace(sql,
    'kind IN (''tag'', ''tier'', ''answered'')', 'kind = ''tag'' OR kind = ''tier'' OR kind = ''answered''')
WHERE type = 'table' AND name = 'day_labels';

-- Off again, and this connection reads the definitions anew.
PRAGMA writable_schema = RESET;
