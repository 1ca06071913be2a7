-- Rows of every table as version 1 wrote them. Later migrations are replayed over them.
UPDATE shards SET epoch = 3, owner = '00000000-0000-4000-8000-0000000000aa', owned_since = '2026-01-02T03:04:05Z' WHERE id = 7;

INSERT INTO campaigns (id, name, owner) VALUES ('00000000-0000-4000-8000-000000000001', 'licence-headers', 'ada');
INSERT INTO specs (digest, campaign, version, raw, normalised) VALUES
    (repeat('ab', 32), '00000000-0000-4000-8000-000000000001', 1, 'name: licence-headers',
     '{"name": "licence-headers", "description": "", "on": [], "steps": [], "changesetTemplate": null}');
INSERT INTO runs (id, shard, campaign, spec, state, window_size, options, total, next_position, ended, proposed, created_by) VALUES
    ('00000000-0000-4000-8000-000000000002', 7, '00000000-0000-4000-8000-000000000001', repeat('ab', 32), 'running', 4,
     '{"only": null, "dryRun": false}', 1, 1, 1, 1, 'ada');
INSERT INTO run_parts (run, shard, last_sequence, targets_selected) VALUES ('00000000-0000-4000-8000-000000000002', 7, 2, 1);
INSERT INTO run_parts (run, shard, last_sequence, targets_selected, targets_changed) VALUES
    ('00000000-0000-4000-8000-000000000002', 9, 1, -1, 1);
INSERT INTO repo_targets (id, shard, run, campaign, position, takes_part, repository_id, repository, branch, base, workspace,
    state, reason, attempt, version) VALUES
    ('00000000-0000-4000-8000-000000000003', 9, '00000000-0000-4000-8000-000000000002',
     '00000000-0000-4000-8000-000000000001', 0, true, 41, 'acme/anvil', 'main', repeat('c', 40), '', 'changed',
     'the spec names it', 1, 4),
    ('00000000-0000-4000-8000-000000000004', 11, '00000000-0000-4000-8000-000000000002',
     '00000000-0000-4000-8000-000000000001', 1, false, 42, 'acme/old', 'main', '', '', 'skipped',
     'left out: it is archived', 0, 1);
INSERT INTO executions (id, target, attempt, state, manifest, finished) VALUES
    ('00000000-0000-4000-8000-000000000005', '00000000-0000-4000-8000-000000000003', 1, 'changed', '{"version": 1}', now());
INSERT INTO admissions (run, target, attempt, state) VALUES
    ('00000000-0000-4000-8000-000000000002', '00000000-0000-4000-8000-000000000003', 1, 'closed');
INSERT INTO changesets (id, shard, organization, campaign, run, target, repository_id, repository, base_branch, head_branch,
    state, generation, wanted, head, pull_request, pull_request_node, pull_request_url, queue_number, version) VALUES
    ('00000000-0000-4000-8000-000000000006', 12, 'acme', '00000000-0000-4000-8000-000000000001',
     '00000000-0000-4000-8000-000000000002', '00000000-0000-4000-8000-000000000003', 41, 'acme/anvil', 'main', 'headers',
     'open', 1, '{"run": "00000000-0000-4000-8000-000000000002"}', repeat('d', 40), 5, 'PR_1', 'https://host/acme/anvil/pull/5',
     nextval('changeset_queue'), 3);
INSERT INTO effects (id, shard, epoch, run, subject_kind, subject, kind, generation, state) VALUES
    ('00000000-0000-4000-8000-000000000007', 12, 3, '00000000-0000-4000-8000-000000000002', 'changeset',
     '00000000-0000-4000-8000-000000000006', 'publish', 1, 'done');
INSERT INTO events (run, shard, sequence, at, subject_kind, subject, kind, data) VALUES
    ('00000000-0000-4000-8000-000000000002', 7, 1, now(), 'run', '00000000-0000-4000-8000-000000000002', 'run.created', '{}'),
    ('00000000-0000-4000-8000-000000000002', 7, 2, now(), 'run', '00000000-0000-4000-8000-000000000002', 'run.selected', '{}'),
    ('00000000-0000-4000-8000-000000000002', 9, 1, now(), 'target', '00000000-0000-4000-8000-000000000003', 'target.changed', '{}');
INSERT INTO inbox (id, shard, run, recipient, body, consumed_at) VALUES
    ('00000000-0000-4000-8000-000000000008', 7, '00000000-0000-4000-8000-000000000002',
     '{"type": "run", "id": "00000000-0000-4000-8000-000000000002"}', '{"kind": "start"}', now());
INSERT INTO commands (id, kind, run, requested_by) VALUES
    ('00000000-0000-4000-8000-000000000009', 'cancel', '00000000-0000-4000-8000-000000000002', 'ada');
INSERT INTO idempotency_keys (key, body_digest, run) VALUES ('k-1', repeat('ef', 32), '00000000-0000-4000-8000-000000000002');
INSERT INTO installations (id, organization) VALUES (77, 'acme');
INSERT INTO api_tokens (sha256, name, role) VALUES (decode(repeat('01', 32), 'hex'), 'first', 'admin');
INSERT INTO audit_log (actor, action, subject_kind, subject) VALUES
    ('ada', 'run.create', 'run', '00000000-0000-4000-8000-000000000002');
INSERT INTO permits (id, shard, epoch, organization, campaign, run, opens_pull_request, granted, expires, answered, counts_from) VALUES
    ('00000000-0000-4000-8000-00000000000a', 12, 3, 'acme', '00000000-0000-4000-8000-000000000001',
     '00000000-0000-4000-8000-000000000002', true, now(), now() + interval '2 s', now(), now());
