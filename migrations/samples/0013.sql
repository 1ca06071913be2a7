-- Rows as version 13 wrote them, where they differ from version 11's.
UPDATE changesets SET seen = seen || '{"requested": ["ada", "acme/core"]}',
    shown = shown || '{"owners": {"of": "00000000-0000-4000-8000-0000000000b1", "generation": 1, "asked": ["ada"]}}'
    WHERE id = '00000000-0000-4000-8000-000000000006';
INSERT INTO review_places (changeset, reviewer, campaign, generation) VALUES
    ('00000000-0000-4000-8000-000000000006', 'ada', '00000000-0000-4000-8000-000000000001', 1);
