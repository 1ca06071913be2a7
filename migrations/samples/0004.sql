-- Rows as version 4 wrote them, where they differ from version 2's.
UPDATE changesets SET seen = '{"title": "Add headers", "base_branch": "main", "checks": "passed", "review": "approved"}',
    due = campaigns_now() + interval '5 minutes' WHERE id = '00000000-0000-4000-8000-000000000006';
INSERT INTO command_outcomes (command, organization, report) VALUES
    ('00000000-0000-4000-8000-000000000009', 'acme', '{"read": 1, "changed": 0, "failed": 0, "failures": []}');
