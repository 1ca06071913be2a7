-- Rows as version 9 wrote them, where they differ from those before.
INSERT INTO permits (id, shard, epoch, organization, campaign, run, kind, content, opens_pull_request, points, granted, expires, counts_from)
    SELECT '00000000-0000-4000-8000-00000000000b', 12, 3, 'acme', campaign, run, 'tree', true, false, 5, now(),
        now() + interval '2 s', now() + interval '7 s' FROM permits WHERE id = '00000000-0000-4000-8000-00000000000a';
