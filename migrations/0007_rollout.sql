-- Rollouts: where the rollout of a run stands, and which scheduled changesets wait to be let through by it.

ALTER TABLE runs ADD COLUMN rollout jsonb NOT NULL DEFAULT '{}';
-- What a new owner of a shard has to go on looking at.
CREATE INDEX runs_rolling_out ON runs (shard) WHERE state IN ('running', 'cancelled') AND rollout ? 'ends';

ALTER TABLE changesets ADD COLUMN held boolean NOT NULL DEFAULT false;
ALTER TABLE changesets ADD CONSTRAINT only_what_is_to_be_sent_is_held CHECK (NOT held OR state IN ('scheduled', 'publishing'));
CREATE INDEX changesets_held ON changesets (run) WHERE held;
-- What waits to be let through is no part of an organisation's queue, however much it is.
DROP INDEX changesets_scheduled;
CREATE INDEX changesets_scheduled ON changesets (organization, queue_number) WHERE state = 'scheduled' AND NOT held;
-- Whose changesets go before all others.
CREATE INDEX runs_urgent ON runs (id)
    WHERE rollout #>> '{pace,priority}' = 'urgent' AND state IN ('selecting', 'running');
