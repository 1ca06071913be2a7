-- Organisations that pause and return with the App's installation: since when an organisation has been paused, for which
-- cause, and since when an installation has stood where it stands.

ALTER TABLE organizations ADD COLUMN paused_since timestamptz;
ALTER TABLE installations ADD COLUMN since timestamptz;

-- Records where an organisation stands, and takes the messages that led to it out of the inbox; false where the shard has
-- another owner. The function without messages stays for replicas of the version before.
CREATE FUNCTION campaigns_set_standing(
    a_shard smallint, an_epoch bigint, a_login text, quiet interval, a_reason text, a_pause jsonb, a_pace jsonb, seen uuid[]
) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM FROM shards WHERE id = a_shard AND epoch = an_epoch FOR SHARE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO organizations AS o (login, shard, not_before, reason, pause, pace, paused_since)
        VALUES (a_login, a_shard, campaigns_now() + quiet, a_reason, a_pause, a_pace,
            CASE WHEN a_pause IS NOT NULL THEN campaigns_now() END)
        ON CONFLICT (login) DO UPDATE SET not_before = excluded.not_before, reason = excluded.reason,
            pause = excluded.pause, pace = excluded.pace, changed = clock_timestamp(),
            paused_since = CASE WHEN o.pause->>'cause' = excluded.pause->>'cause'
                THEN coalesce(o.paused_since, excluded.paused_since) ELSE excluded.paused_since END;
    UPDATE inbox SET consumed_at = clock_timestamp()
        WHERE id = ANY (seen) AND shard = a_shard AND consumed_at IS NULL;
    RETURN true;
END $$;
