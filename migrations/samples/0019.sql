-- Rows as version 19 wrote them, where they differ from those before.
INSERT INTO changesets (id, shard, organization, campaign, run, target, repository_id, repository, base_branch, head_branch,
    state, reason, generation, wanted, away, version) VALUES
    ('00000000-0000-4000-8000-000000000019', 12, 'acme', '00000000-0000-4000-8000-000000000001',
     '00000000-0000-4000-8000-000000000002', '00000000-0000-4000-8000-000000000003', 42, 'acme/hammer', 'main', 'headers',
     'blocked', 'acme/hammer is archived and read-only', 1, '{"run": "00000000-0000-4000-8000-000000000002"}', 'archived', 3);
