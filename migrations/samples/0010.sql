-- Rows as version 10 wrote them, where they differ from those before.
INSERT INTO organizations (login, shard, not_before, reason, pause, pace) VALUES
    ('acme', 12, now() + interval '1 minute', 'secondary rate limit',
     '{"cause": "suspended", "reason": "GitHub has suspended us", "probes": 2}', '{"extra": 2000, "refusals": 1, "successes": 3}');
