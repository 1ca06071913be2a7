-- Rows as version 8 wrote them.
INSERT INTO webhooks (app, delivery, shard, event, action, concerns, installation, organization, repositories, pull_requests, branches) VALUES
    (5, '00000000-0000-4000-8000-000000000081', 12, 'pull_request', 'closed', 'pull_requests', 77, 'acme', '{41}', '{5}', '{headers}');
INSERT INTO webhooks (app, delivery, shard, event, concerns, times, processed) VALUES
    (5, '00000000-0000-4000-8000-000000000082', 12, 'star', 'nothing', 2, now());
UPDATE installations SET account_kind = 'Organization', permissions = '{"contents": "write"}', repository_selection = 'all',
    events = '["push"]' WHERE id = 77;
INSERT INTO webhook_sweeps (app, upto) VALUES (5, 12345678901);
INSERT INTO webhook_redeliveries (delivery, times) VALUES ('00000000-0000-4000-8000-000000000083', 2);
