-- The first schema: what is wanted, what is being done about it, who owns which part of it, and what happened.
--
-- Rules that stand behind it: a row has one writer, the owner of its shard. Times are the database's. Events and
-- effects carry no foreign keys (they cost about half of the throughput), nor does the inbox: checking one would
-- make every shard of a run lock the run's one row. What has an id that says where it belongs keeps its shard in a
-- column, so that a write can be fenced by a join.

-- The installation itself, one row. Every replica has to agree on the number of shards for ever.
CREATE TABLE installation (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    shards integer NOT NULL CHECK (shards > 0),
    created timestamptz NOT NULL DEFAULT clock_timestamp()
);
INSERT INTO installation (shards) VALUES (64);

-- Ownership: the fence of every commit. The epoch only grows.
CREATE TABLE shards (
    id smallint PRIMARY KEY CHECK (id >= 0),
    epoch bigint NOT NULL DEFAULT 0 CHECK (epoch >= 0),
    owner uuid,
    owned_since timestamptz
) WITH (fillfactor = 50);
INSERT INTO shards (id) SELECT generate_series(0, 63);

CREATE TABLE campaigns (
    id uuid PRIMARY KEY,
    name text NOT NULL UNIQUE CHECK (name <> ''),
    owner text NOT NULL,
    created timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Immutable spec versions. `normalised` is the form that the digest is taken over.
CREATE TABLE specs (
    digest text PRIMARY KEY CHECK (digest ~ '^[0-9a-f]{64}$'),
    campaign uuid NOT NULL REFERENCES campaigns,
    version integer NOT NULL CHECK (version >= 1),
    raw text NOT NULL,
    normalised jsonb NOT NULL,
    created timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (campaign, version)
);

CREATE TABLE runs (
    id uuid PRIMARY KEY,
    shard smallint NOT NULL CHECK (shard >= 0),
    campaign uuid NOT NULL REFERENCES campaigns,
    spec text NOT NULL REFERENCES specs,
    state text NOT NULL CHECK (state IN ('selecting', 'running', 'completed', 'cancelled', 'failed')),
    reason text NOT NULL DEFAULT '',
    window_size integer NOT NULL CHECK (window_size >= 1),
    options jsonb NOT NULL DEFAULT '{}',
    total integer NOT NULL DEFAULT 0 CHECK (total >= 0),
    next_position integer NOT NULL DEFAULT 0 CHECK (next_position >= 0 AND next_position <= total),
    ended integer NOT NULL DEFAULT 0 CHECK (ended >= 0 AND ended <= total),
    proposed integer NOT NULL DEFAULT 0 CHECK (proposed >= 0),
    settled integer NOT NULL DEFAULT 0 CHECK (settled >= 0),
    version bigint NOT NULL DEFAULT 1 CHECK (version >= 1),
    created_by text NOT NULL DEFAULT '',
    created timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished timestamptz
) WITH (fillfactor = 70);
CREATE INDEX runs_of_campaign ON runs (campaign, created DESC);
CREATE INDEX runs_by_time ON runs (created DESC, id);

-- One run's share of one shard: numbers its events and counts what its owner moved. A target is counted where it
-- was added (the run's own shard) and moved where it lives, so a single part's count may be negative; the sum over
-- a run's parts is the run's count and never is.
CREATE TABLE run_parts (
    run uuid NOT NULL REFERENCES runs,
    shard smallint NOT NULL CHECK (shard >= 0),
    last_sequence bigint NOT NULL DEFAULT 0 CHECK (last_sequence >= 0),
    targets_selected bigint NOT NULL DEFAULT 0,
    targets_queued bigint NOT NULL DEFAULT 0,
    targets_executing bigint NOT NULL DEFAULT 0,
    targets_unchanged bigint NOT NULL DEFAULT 0,
    targets_changed bigint NOT NULL DEFAULT 0,
    targets_failed bigint NOT NULL DEFAULT 0,
    targets_skipped bigint NOT NULL DEFAULT 0,
    targets_cancelled bigint NOT NULL DEFAULT 0,
    changesets_unpublished bigint NOT NULL DEFAULT 0,
    changesets_scheduled bigint NOT NULL DEFAULT 0,
    changesets_publishing bigint NOT NULL DEFAULT 0,
    changesets_draft bigint NOT NULL DEFAULT 0,
    changesets_open bigint NOT NULL DEFAULT 0,
    changesets_merged bigint NOT NULL DEFAULT 0,
    changesets_closed bigint NOT NULL DEFAULT 0,
    changesets_handed_over bigint NOT NULL DEFAULT 0,
    changesets_blocked bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (run, shard)
) WITH (fillfactor = 50);

-- Nothing that a transition changes is indexed, so that its update stays in the page (HOT).
CREATE TABLE repo_targets (
    id uuid PRIMARY KEY,
    shard smallint NOT NULL CHECK (shard >= 0),
    run uuid NOT NULL REFERENCES runs,
    campaign uuid NOT NULL,
    position integer NOT NULL CHECK (position >= 0),
    takes_part boolean NOT NULL,
    repository_id bigint NOT NULL CHECK (repository_id >= 0),
    repository text NOT NULL,
    branch text NOT NULL,
    base text NOT NULL,
    workspace text NOT NULL DEFAULT '',
    state text NOT NULL CHECK (state IN
        ('selected', 'queued', 'executing', 'unchanged', 'changed', 'failed', 'skipped', 'cancelled')),
    reason text NOT NULL DEFAULT '',
    attempt integer NOT NULL DEFAULT 0 CHECK (attempt >= 0),
    infrastructure_failures integer NOT NULL DEFAULT 0 CHECK (infrastructure_failures >= 0),
    version bigint NOT NULL DEFAULT 1 CHECK (version >= 1),
    CHECK (takes_part = (state <> 'skipped'))
) WITH (fillfactor = 75);
CREATE INDEX repo_targets_of_run ON repo_targets (run, position, id);

CREATE TABLE executions (
    id uuid PRIMARY KEY,
    target uuid NOT NULL REFERENCES repo_targets,
    attempt integer NOT NULL CHECK (attempt >= 1),
    state text NOT NULL CHECK (state IN ('executing', 'unchanged', 'changed', 'failed', 'cancelled')),
    reason text NOT NULL DEFAULT '',
    manifest jsonb,
    started timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished timestamptz,
    UNIQUE (target, attempt)
) WITH (fillfactor = 80);

-- An attempt that was asked for, or counts against its run's window, or has done so. `number` is the order of asking.
CREATE TABLE admissions (
    run uuid NOT NULL REFERENCES runs,
    target uuid NOT NULL REFERENCES repo_targets,
    attempt integer NOT NULL CHECK (attempt >= 1),
    state text NOT NULL CHECK (state IN ('asked', 'open', 'closed')),
    number bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (run, target, attempt)
);
CREATE INDEX admissions_not_closed ON admissions (run, number) WHERE state <> 'closed';

-- `organization` is the owner's login in lower case, the key of its shard and its limits. `run` is the run that
-- proposed last, and in whose parts the changeset is counted. `queue_number` is the order of scheduling.
CREATE SEQUENCE changeset_queue;
CREATE TABLE changesets (
    id uuid PRIMARY KEY,
    shard smallint NOT NULL CHECK (shard >= 0),
    organization text NOT NULL CHECK (organization = lower(organization)),
    campaign uuid NOT NULL REFERENCES campaigns,
    run uuid NOT NULL REFERENCES runs,
    target uuid NOT NULL REFERENCES repo_targets,
    repository_id bigint NOT NULL CHECK (repository_id >= 0),
    repository text NOT NULL,
    base_branch text NOT NULL,
    head_branch text NOT NULL,
    state text NOT NULL CHECK (state IN ('unpublished', 'scheduled', 'publishing', 'draft', 'open', 'merged',
        'closed', 'handed_over', 'blocked')),
    reason text NOT NULL DEFAULT '',
    generation integer NOT NULL CHECK (generation >= 1),
    publishing integer CHECK (publishing >= 1),
    wanted jsonb NOT NULL,
    head text,
    pull_request bigint CHECK (pull_request >= 1),
    pull_request_node text,
    pull_request_url text,
    queue_number bigint,
    version bigint NOT NULL DEFAULT 1 CHECK (version >= 1),
    created timestamptz NOT NULL DEFAULT clock_timestamp(),
    changed timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (campaign, repository_id, head_branch),
    CHECK ((pull_request IS NULL) = (pull_request_node IS NULL)),
    CHECK ((pull_request IS NULL) = (pull_request_url IS NULL)),
    CHECK ((publishing IS NULL) = (state <> 'publishing')),
    CHECK (state <> 'scheduled' OR queue_number IS NOT NULL)
) WITH (fillfactor = 75);
CREATE INDEX changesets_of_run ON changesets (run, id);
CREATE INDEX changesets_of_target ON changesets (target);
CREATE INDEX changesets_scheduled ON changesets (organization, queue_number) WHERE state = 'scheduled';
CREATE INDEX changesets_scheduled_by_shard ON changesets (shard) WHERE state = 'scheduled';
CREATE INDEX changesets_followed ON changesets (campaign, organization, id)
    WHERE pull_request IS NOT NULL AND state <> 'merged';

-- Intended effects on the world. `epoch` is that of the last owner that began it.
CREATE TABLE effects (
    id uuid PRIMARY KEY,
    number bigint GENERATED ALWAYS AS IDENTITY,
    shard smallint NOT NULL CHECK (shard >= 0),
    epoch bigint NOT NULL CHECK (epoch >= 0),
    run uuid NOT NULL,
    subject_kind text NOT NULL CHECK (subject_kind IN ('run', 'target', 'changeset')),
    subject uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('select', 'execute', 'publish')),
    generation integer NOT NULL CHECK (generation >= 0),
    state text NOT NULL CHECK (state IN ('in_flight', 'unknown', 'done')),
    begun timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished timestamptz
) WITH (fillfactor = 80);
CREATE INDEX effects_undone ON effects (shard, number) WHERE state <> 'done';

-- What happened, numbered without gaps within a part. The events of one target or changeset are found through the
-- part they live in, so that no second index has to be kept up with every event.
CREATE TABLE events (
    run uuid NOT NULL,
    shard smallint NOT NULL CHECK (shard >= 0),
    sequence bigint NOT NULL CHECK (sequence >= 1),
    at timestamptz NOT NULL,
    subject_kind text NOT NULL CHECK (subject_kind IN ('run', 'target', 'changeset')),
    subject uuid NOT NULL,
    kind text NOT NULL CHECK (kind <> ''),
    data jsonb NOT NULL,
    PRIMARY KEY (run, shard, sequence)
);

-- What one shard tells another. A consumed message stays, so that sending it again is still sending it once; it goes
-- when its run has ended. `run` is the run of the transition that sent it, if any.
CREATE TABLE inbox (
    id uuid PRIMARY KEY,
    number bigint GENERATED ALWAYS AS IDENTITY,
    shard smallint NOT NULL CHECK (shard >= 0),
    run uuid,
    recipient jsonb NOT NULL,
    body jsonb NOT NULL,
    sent timestamptz NOT NULL DEFAULT clock_timestamp(),
    consumed_at timestamptz
) WITH (fillfactor = 80);
CREATE INDEX inbox_waiting ON inbox (shard, number) WHERE consumed_at IS NULL;
CREATE INDEX inbox_consumed ON inbox (run) WHERE consumed_at IS NOT NULL;

-- What a person asked for through the API, beside the message that tells an owner.
CREATE TABLE commands (
    id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind <> ''),
    campaign uuid REFERENCES campaigns,
    run uuid REFERENCES runs,
    requested_by text NOT NULL,
    data jsonb NOT NULL DEFAULT '{}',
    created timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX commands_of_run ON commands (run, created);
CREATE INDEX commands_of_campaign ON commands (campaign, created);

-- The same key with the same body is the same run; with another body it is refused.
CREATE TABLE idempotency_keys (
    key text PRIMARY KEY CHECK (key <> ''),
    body_digest text NOT NULL CHECK (body_digest ~ '^[0-9a-f]{64}$'),
    run uuid NOT NULL REFERENCES runs,
    created timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Where the GitHub App is installed.
CREATE TABLE installations (
    id bigint PRIMARY KEY CHECK (id >= 0),
    organization text NOT NULL UNIQUE CHECK (organization = lower(organization)),
    suspended boolean NOT NULL DEFAULT false,
    seen timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE api_tokens (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    sha256 bytea NOT NULL UNIQUE CHECK (length(sha256) = 32),
    name text NOT NULL CHECK (name <> ''),
    role text NOT NULL CHECK (role IN ('viewer', 'author', 'publisher', 'admin')),
    created timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires timestamptz,
    revoked timestamptz
);

-- Who did what. Rows are only ever added.
CREATE TABLE audit_log (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor text NOT NULL,
    action text NOT NULL CHECK (action <> ''),
    subject_kind text NOT NULL,
    subject text NOT NULL,
    request_id text,
    data jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_log_of_subject ON audit_log (subject, number);

CREATE FUNCTION campaigns_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION campaigns_append_only();

-- Ends a commit whose rows were not as it expected: the one statement fails, and all of it is undone.
CREATE FUNCTION campaigns_refuse(what text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'CM001', MESSAGE = what;
END $$;

-- A new owner's epoch. Two statements, because the first may wait for a commit of the old owner that is under way,
-- and the second has to see the effects which that commit began.
CREATE FUNCTION campaigns_take_over(a_shard smallint, an_owner uuid) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    minted bigint;
BEGIN
    UPDATE shards SET epoch = epoch + 1, owner = an_owner, owned_since = clock_timestamp()
        WHERE id = a_shard RETURNING epoch INTO minted;
    UPDATE effects SET state = 'unknown' WHERE shard = a_shard AND state = 'in_flight' AND epoch < minted;
    RETURN minted;
END $$;

-- Permits: the right to send one content-creating write. `counts_from` is the time after which it still counts for
-- the length of a window: the recorded answer, or until there is one the last moment at which the request can have
-- reached the host.
CREATE TABLE permits (
    id uuid PRIMARY KEY,
    shard smallint NOT NULL CHECK (shard >= 0),
    epoch bigint NOT NULL CHECK (epoch >= 0),
    organization text NOT NULL CHECK (organization = lower(organization)),
    campaign uuid NOT NULL REFERENCES campaigns,
    run uuid NOT NULL REFERENCES runs,
    opens_pull_request boolean NOT NULL,
    granted timestamptz NOT NULL,
    expires timestamptz NOT NULL CHECK (expires >= granted),
    answered timestamptz,
    counts_from timestamptz NOT NULL
);
CREATE INDEX permits_writes ON permits (organization, counts_from DESC);
CREATE INDEX permits_pull_requests ON permits (organization, counts_from DESC) WHERE opens_pull_request;

-- The time that permits go by. A function of its own, so that a test can move it.
CREATE FUNCTION campaigns_now() RETURNS timestamptz LANGUAGE sql VOLATILE AS 'SELECT clock_timestamp()';

-- Takes a permit, or says how long to wait. `seconds`, `caps` and `pull_requests_only` describe one window each.
-- Locks the fence, then the organisation; every statement of the body sees what was committed before the lock was
-- had, which a single statement would not.
CREATE FUNCTION campaigns_take_permit(
    a_permit uuid, a_shard smallint, an_epoch bigint, an_organization text, a_campaign uuid, a_run uuid,
    opens boolean, seconds bigint[], caps bigint[], pull_requests_only boolean[], life interval, answer_within interval,
    OUT outcome text, OUT wait_microseconds bigint
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
    PERFORM pg_advisory_xact_lock(hashtextextended('campaigns.permits.organization:' || an_organization, 0));
    moment := campaigns_now();
    FOR i IN 1 .. cardinality(seconds) LOOP
        free := NULL;
        IF caps[i] = 0 THEN
            free := moment + make_interval(secs => seconds[i]);
        ELSIF pull_requests_only[i] THEN
            SELECT p.counts_from + make_interval(secs => seconds[i]) INTO free FROM permits p
                WHERE p.organization = an_organization AND p.opens_pull_request
                    AND p.counts_from > moment - make_interval(secs => seconds[i])
                ORDER BY p.counts_from DESC OFFSET caps[i] - 1 LIMIT 1;
        ELSE
            SELECT p.counts_from + make_interval(secs => seconds[i]) INTO free FROM permits p
                WHERE p.organization = an_organization
                    AND p.counts_from > moment - make_interval(secs => seconds[i])
                ORDER BY p.counts_from DESC OFFSET caps[i] - 1 LIMIT 1;
        END IF;
        latest := greatest(latest, free);
    END LOOP;
    IF latest IS NOT NULL THEN
        outcome := 'wait';
        wait_microseconds := greatest(ceil(extract(epoch FROM latest - moment) * 1000000)::bigint, 1);
        RETURN;
    END IF;
    INSERT INTO permits (id, shard, epoch, organization, campaign, run, opens_pull_request, granted, expires, counts_from)
        VALUES (a_permit, a_shard, an_epoch, an_organization, a_campaign, a_run, opens, moment, moment + life,
            moment + life + answer_within);
    outcome := 'granted';
END $$;
