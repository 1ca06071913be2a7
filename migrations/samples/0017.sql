-- Rows as version 17 wrote them, where they differ from those before.
INSERT INTO organizations (login, shard, not_before, reason, pause, paused_since) VALUES
    ('globex', 13, now() + interval '1 minute', 'not installed', '{"cause": "not_installed", "reason": "install it", "probes": 1}', now());
UPDATE installations SET suspended = true, since = now() WHERE id = 77;
