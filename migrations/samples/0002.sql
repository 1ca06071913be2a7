-- Rows as version 2 wrote them, where they differ from version 1's.
INSERT INTO campaigns (id, name, owner) VALUES ('00000000-0000-4000-8000-000000000021', 'pin-actions', 'bea');
INSERT INTO specs (digest, campaign, version, raw, normalised, created_by) VALUES
    (repeat('cd', 32), '00000000-0000-4000-8000-000000000021', 1, 'name: pin-actions', '{"name": "pin-actions"}', 'bea');
UPDATE campaigns SET spec = repeat('cd', 32), changed = clock_timestamp() WHERE name = 'pin-actions';
