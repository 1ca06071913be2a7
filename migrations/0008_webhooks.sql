-- What the code host tells by itself: a row for each delivery of a webhook, kept before it is acknowledged and acted
-- on by the owner of its shard. A delivery is a hint: the columns say what is to be read afresh, and nothing else of
-- the payload is kept. `concerns` is `nothing` for events that campaigns have no use for; those are never waiting.

CREATE TABLE webhooks (
    app bigint NOT NULL CHECK (app >= 0),
    delivery uuid NOT NULL,
    shard smallint NOT NULL CHECK (shard >= 0),
    event text NOT NULL CHECK (event <> ''),
    action text NOT NULL DEFAULT '',
    concerns text NOT NULL CHECK (concerns IN ('nothing', 'installation', 'pull_requests')),
    installation bigint CHECK (installation >= 0),
    organization text NOT NULL DEFAULT '' CHECK (organization = lower(organization)),
    repositories bigint[] NOT NULL DEFAULT '{}',
    all_of_them boolean NOT NULL DEFAULT false,
    pull_requests bigint[] NOT NULL DEFAULT '{}',
    branches text[] NOT NULL DEFAULT '{}',
    commits text[] NOT NULL DEFAULT '{}',
    times integer NOT NULL DEFAULT 1 CHECK (times >= 1),
    received timestamptz NOT NULL DEFAULT campaigns_now(),
    processed timestamptz,
    PRIMARY KEY (delivery, app)
) WITH (fillfactor = 80);
CREATE INDEX webhooks_waiting ON webhooks (shard, received) WHERE processed IS NULL;
CREATE INDEX webhooks_by_time ON webhooks (received);

-- A webhook names repositories, wherever their changesets are kept.
CREATE INDEX changesets_of_repository ON changesets (repository_id)
    WHERE pull_request IS NOT NULL AND state <> 'merged';

-- Where the App is installed, as the code host said when it was last asked. Rows are changed by the owner of the
-- App's own shard alone; one that was uninstalled stays, so that it can be said why its organisation is left alone.
ALTER TABLE installations
    ADD COLUMN account_kind text NOT NULL DEFAULT '',
    ADD COLUMN permissions jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN repository_selection text NOT NULL DEFAULT '',
    ADD COLUMN events jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN removed boolean NOT NULL DEFAULT false;

-- How far the deliveries that the code host keeps have been looked through for ones that never arrived. One row for
-- each App; `upto` is its number of the last attempt that nothing more is to be done about.
CREATE TABLE webhook_sweeps (
    app bigint PRIMARY KEY CHECK (app >= 0),
    upto bigint NOT NULL DEFAULT 0 CHECK (upto >= 0),
    swept timestamptz NOT NULL DEFAULT campaigns_now()
);

-- Deliveries that were asked for again, and how often.
CREATE TABLE webhook_redeliveries (
    delivery uuid PRIMARY KEY,
    times integer NOT NULL CHECK (times >= 1),
    asked timestamptz NOT NULL DEFAULT campaigns_now()
);
CREATE INDEX webhook_redeliveries_by_time ON webhook_redeliveries (asked);
