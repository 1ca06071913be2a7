-- Review requests of a campaign: places that are taken before somebody is asked, so that a cap for each person holds
-- over replicas, organisations and crashes. What is asked already is in `changesets.seen`.

CREATE TABLE review_places (
    changeset uuid NOT NULL REFERENCES changesets,
    -- A login, or organisation/slug of a team, in lower case.
    reviewer text NOT NULL CHECK (reviewer = lower(reviewer)),
    campaign uuid NOT NULL REFERENCES campaigns,
    generation integer NOT NULL CHECK (generation >= 1),
    taken timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (changeset, reviewer)
);
CREATE INDEX review_places_of_campaign ON review_places (campaign);

-- Who has an open review request on which changeset of a campaign: on open pull requests as they were seen last, and
-- places of a sending whose outcome is not on record.
CREATE FUNCTION campaigns_open_reviews(a_campaign uuid) RETURNS TABLE (reviewer text, changeset uuid)
LANGUAGE sql STABLE AS $$
    SELECT lower(r), c.id FROM changesets c, jsonb_array_elements_text(c.seen -> 'requested') r
        WHERE c.campaign = a_campaign AND c.pull_request IS NOT NULL AND c.state NOT IN ('merged', 'closed')
    UNION
    SELECT p.reviewer, p.changeset FROM review_places p JOIN changesets c ON c.id = p.changeset
        WHERE p.campaign = a_campaign AND c.state IN ('scheduled', 'publishing')
            AND p.generation > coalesce((c.shown -> 'owners' ->> 'generation')::integer, 0)
$$;

-- Takes places with at most `at_most` of the reviewers: whoever this changeset has a place with already, then the least
-- loaded, then the earlier in the list; nobody with `max_open` or more. Locks the fence, then the campaign; every statement
-- of the body sees what was committed before the locks were had. `places` are positions in the list, from 1.
CREATE FUNCTION campaigns_take_reviews(
    a_shard smallint, an_epoch bigint, a_campaign uuid, a_changeset uuid, a_generation integer, reviewers text[],
    at_most bigint, max_open bigint, OUT outcome text, OUT places integer[]
) LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM FROM shards WHERE id = a_shard AND epoch = an_epoch FOR SHARE;
    IF NOT FOUND THEN
        outcome := 'fenced';
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('campaigns.reviews:' || a_campaign, 0));
    -- Whatever is settled is counted by what was seen of it.
    DELETE FROM review_places p USING changesets c
        WHERE p.campaign = a_campaign AND c.id = p.changeset AND c.state NOT IN ('scheduled', 'publishing');
    places := ARRAY(
        WITH open AS MATERIALIZED (SELECT o.reviewer, o.changeset FROM campaigns_open_reviews(a_campaign) o),
        own AS (
            SELECT p.reviewer FROM review_places p JOIN changesets c ON c.id = p.changeset
                WHERE p.changeset = a_changeset
                    AND p.generation > coalesce((c.shown -> 'owners' ->> 'generation')::integer, 0)
        ),
        loads AS (
            SELECT w.place, w.reviewer IN (SELECT own.reviewer FROM own) AS own,
                (SELECT count(*) FROM open WHERE open.reviewer = w.reviewer AND open.changeset <> a_changeset) AS load
                FROM unnest(reviewers) WITH ORDINALITY AS w (reviewer, place)
        )
        SELECT l.place::integer FROM loads l WHERE l.own OR l.load < max_open
            ORDER BY NOT l.own, l.load, l.place LIMIT at_most);
    INSERT INTO review_places (changeset, reviewer, campaign, generation)
        SELECT a_changeset, reviewers[n], a_campaign, a_generation FROM unnest(places) n
        ON CONFLICT ON CONSTRAINT review_places_pkey DO UPDATE SET generation = excluded.generation, taken = excluded.taken;
    outcome := 'taken';
END $$;
