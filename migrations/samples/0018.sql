-- Rows as version 18 wrote them, where they differ from those before.
UPDATE changesets SET errand = errand || jsonb_build_object('redo', run) WHERE state = 'open';
UPDATE changesets SET seen = seen || '{"base": "the base branch has changed `README.md`", "redone":
    {"on": "1111111111111111111111111111111111111111", "at": "2026-11-28T05:00:00Z", "times": 1}}' WHERE state = 'open';
