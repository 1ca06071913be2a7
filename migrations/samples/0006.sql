-- Rows as version 6 wrote them, where they differ from earlier ones.
UPDATE campaigns SET paused_by = 'bea', paused_at = clock_timestamp() WHERE name = 'pin-actions';
INSERT INTO runs (id, shard, campaign, spec, state, reason, window_size, paused_by, created_by) VALUES
    ('00000000-0000-4000-8000-000000000061', 3, '00000000-0000-4000-8000-000000000021', repeat('cd', 32), 'running',
     'paused by bea', 4, 'bea', 'bea');
INSERT INTO commands (id, kind, campaign, requested_by, data) VALUES
    ('00000000-0000-4000-8000-000000000062', 'pause', '00000000-0000-4000-8000-000000000021', 'bea',
     '{"subject": "campaign/pin-actions", "covers": 1}');
INSERT INTO inbox (id, shard, run, recipient, body, command) VALUES
    ('00000000-0000-4000-8000-000000000063', 3, '00000000-0000-4000-8000-000000000061',
     '{"type": "run", "id": "00000000-0000-4000-8000-000000000061"}',
     '{"kind": "pause_run", "by": "bea", "command": "00000000-0000-4000-8000-000000000062"}',
     '00000000-0000-4000-8000-000000000062');
