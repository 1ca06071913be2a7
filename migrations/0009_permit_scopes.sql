-- Permits by scope: everything together, one campaign, one organisation; each with windows over content-creating
-- writes, opened pull requests or points, and a distance between the writes to one organisation.

ALTER TABLE permits
    ADD COLUMN kind text NOT NULL DEFAULT '',
    ADD COLUMN content boolean NOT NULL DEFAULT true,
    ADD COLUMN points integer NOT NULL DEFAULT 5 CHECK (points >= 0);

-- A window is read from its newest permit backwards, as far as its cap, whatever the history holds.
CREATE INDEX permits_of_campaign ON permits (campaign, counts_from DESC);
CREATE INDEX permits_pull_requests_of_campaign ON permits (campaign, counts_from DESC) WHERE opens_pull_request;
CREATE INDEX permits_of_all ON permits (counts_from DESC);
CREATE INDEX permits_pull_requests_of_all ON permits (counts_from DESC) WHERE opens_pull_request;

DROP FUNCTION campaigns_take_permit(uuid, smallint, bigint, text, uuid, uuid, boolean, bigint[], bigint[], boolean[],
    interval, interval);

-- When a full window has room for `weight` more; none where it has room at `moment`.
CREATE FUNCTION campaigns_window_free(
    a_scope text, counted text, seconds bigint, cap bigint, weight bigint, an_organization text, a_campaign uuid,
    moment timestamptz
) RETURNS timestamptz LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    length interval := make_interval(secs => seconds);
    since timestamptz := moment - length;
    room bigint := greatest(cap, weight) - weight;
    found timestamptz;
BEGIN
    IF cap = 0 THEN
        RETURN moment + length;
    END IF;
    IF counted = 'pull_requests' THEN
        IF a_scope = 'organization' THEN
            SELECT p.counts_from INTO found FROM permits p
                WHERE p.organization = an_organization AND p.opens_pull_request AND p.counts_from > since
                ORDER BY p.counts_from DESC OFFSET room LIMIT 1;
        ELSIF a_scope = 'campaign' THEN
            SELECT p.counts_from INTO found FROM permits p
                WHERE p.campaign = a_campaign AND p.opens_pull_request AND p.counts_from > since
                ORDER BY p.counts_from DESC OFFSET room LIMIT 1;
        ELSE
            SELECT p.counts_from INTO found FROM permits p WHERE p.opens_pull_request AND p.counts_from > since
                ORDER BY p.counts_from DESC OFFSET room LIMIT 1;
        END IF;
    ELSIF counted = 'content' THEN
        IF a_scope = 'organization' THEN
            SELECT p.counts_from INTO found FROM permits p
                WHERE p.organization = an_organization AND p.content AND p.counts_from > since
                ORDER BY p.counts_from DESC OFFSET room LIMIT 1;
        ELSIF a_scope = 'campaign' THEN
            SELECT p.counts_from INTO found FROM permits p
                WHERE p.campaign = a_campaign AND p.content AND p.counts_from > since
                ORDER BY p.counts_from DESC OFFSET room LIMIT 1;
        ELSE
            SELECT p.counts_from INTO found FROM permits p WHERE p.content AND p.counts_from > since
                ORDER BY p.counts_from DESC OFFSET room LIMIT 1;
        END IF;
    ELSIF counted = 'points' THEN
        SELECT s.counts_from INTO found FROM (
            SELECT p.counts_from, sum(p.points) OVER (ORDER BY p.counts_from DESC, p.id) AS spent FROM permits p
                WHERE p.counts_from > since AND CASE a_scope WHEN 'organization' THEN p.organization = an_organization
                    WHEN 'campaign' THEN p.campaign = a_campaign ELSE true END) s
            WHERE s.spent > room ORDER BY s.counts_from DESC LIMIT 1;
    ELSE
        RAISE EXCEPTION 'no window counts %', counted;
    END IF;
    RETURN found + length;
END $$;

-- Takes a permit, or says how long to wait and for what. The windows are rows of four arrays; `weights` is what this
-- write takes of each. Locks the fence, then every scope that has a window, global before campaign before
-- organisation; every statement of the body sees what was committed before the locks were had, which a single
-- statement would not. `held_by` is the position of the window that has room last, 0 for the distance to the write
-- before.
CREATE FUNCTION campaigns_take_permit(
    a_permit uuid, a_shard smallint, an_epoch bigint, an_organization text, a_campaign uuid, a_run uuid, a_kind text,
    is_content boolean, opens boolean, costs bigint, scopes text[], counted text[], seconds bigint[], caps bigint[],
    weights bigint[], spacing interval, life interval, answer_within interval,
    OUT outcome text, OUT wait_microseconds bigint, OUT held_by integer
) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    moment timestamptz;
    free timestamptz;
    latest timestamptz;
BEGIN
    wait_microseconds := 0;
    PERFORM FROM shards WHERE id = a_shard AND epoch = an_epoch FOR SHARE;
    IF NOT FOUND THEN
        outcome := 'fenced';
        RETURN;
    END IF;
    IF 'global' = ANY (scopes) THEN
        PERFORM pg_advisory_xact_lock(hashtextextended('campaigns.permits.global', 0));
    END IF;
    IF 'campaign' = ANY (scopes) THEN
        PERFORM pg_advisory_xact_lock(hashtextextended('campaigns.permits.campaign:' || a_campaign, 0));
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('campaigns.permits.organization:' || an_organization, 0));
    moment := campaigns_now();
    IF spacing > interval '0' THEN
        SELECT p.counts_from + spacing INTO free FROM permits p WHERE p.organization = an_organization
            ORDER BY p.counts_from DESC LIMIT 1;
        IF free > moment THEN
            latest := free;
            held_by := 0;
        END IF;
    END IF;
    FOR i IN 1 .. cardinality(seconds) LOOP
        free := campaigns_window_free(scopes[i], counted[i], seconds[i], caps[i], weights[i], an_organization,
            a_campaign, moment);
        IF free IS NOT NULL AND (latest IS NULL OR free > latest) THEN
            latest := free;
            held_by := i;
        END IF;
    END LOOP;
    IF latest IS NOT NULL THEN
        outcome := 'wait';
        wait_microseconds := greatest(ceil(extract(epoch FROM latest - moment) * 1000000)::bigint, 1);
        RETURN;
    END IF;
    INSERT INTO permits (id, shard, epoch, organization, campaign, run, kind, content, opens_pull_request, points,
            granted, expires, counts_from)
        VALUES (a_permit, a_shard, an_epoch, an_organization, a_campaign, a_run, a_kind, is_content, opens, costs,
            moment, moment + life, moment + life + answer_within);
    outcome := 'granted';
END $$;
