-- Where an organisation stands with GitHub, for every replica: until when it has asked for quiet, what has to be
-- mended before anything is sent again, and how far apart its writes are kept beyond what the settings say. Written by
-- the owner of its shard.

CREATE TABLE organizations (
    login text PRIMARY KEY CHECK (login = lower(login)),
    shard smallint NOT NULL CHECK (shard >= 0),
    not_before timestamptz,
    reason text NOT NULL DEFAULT '',
    pause jsonb,
    pace jsonb NOT NULL DEFAULT '{}',
    changed timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Records where an organisation stands; false where the shard has another owner.
CREATE FUNCTION campaigns_set_standing(
    a_shard smallint, an_epoch bigint, a_login text, quiet interval, a_reason text, a_pause jsonb, a_pace jsonb
) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM FROM shards WHERE id = a_shard AND epoch = an_epoch FOR SHARE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO organizations (login, shard, not_before, reason, pause, pace)
        VALUES (a_login, a_shard, campaigns_now() + quiet, a_reason, a_pause, a_pace)
        ON CONFLICT (login) DO UPDATE SET not_before = excluded.not_before, reason = excluded.reason,
            pause = excluded.pause, pace = excluded.pace, changed = clock_timestamp();
    RETURN true;
END $$;
