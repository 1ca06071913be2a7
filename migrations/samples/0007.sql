-- Rows as version 7 wrote them, where they differ from earlier ones': a run in its second wave, and one that is held.
UPDATE runs SET rollout = '{"ends": [1, 2], "wave": 1, "sent": null, "halt": null, "accepted": {"failed": 0, "closed": 0,
    "checksFailed": 0}, "pace": {"perDay": 30, "priority": "urgent"}, "releasing": [], "waits": ["", ""]}'
    WHERE id = '00000000-0000-4000-8000-000000000002';
INSERT INTO changesets (id, shard, organization, campaign, run, target, repository_id, repository, base_branch, head_branch,
    state, held, generation, wanted, queue_number) VALUES
    ('00000000-0000-4000-8000-000000000071', 12, 'acme', '00000000-0000-4000-8000-000000000001',
     '00000000-0000-4000-8000-000000000002', '00000000-0000-4000-8000-000000000003', 43, 'acme/bellows', 'main', 'headers',
     'scheduled', true, 1, '{"run": "00000000-0000-4000-8000-000000000002", "gated": true}', nextval('changeset_queue'));
