-- Following pull requests: what was seen of each, when it is read the next time, and what came of a sync. Besides, a
-- state for those whose base branch has moved over the same lines.

ALTER TABLE changesets
    ADD COLUMN seen jsonb,
    ADD COLUMN due timestamptz;
ALTER TABLE changesets DROP CONSTRAINT changesets_state_check;
ALTER TABLE changesets ADD CONSTRAINT changesets_state_check CHECK (state IN ('unpublished', 'scheduled', 'publishing',
    'draft', 'open', 'conflicted', 'merged', 'closed', 'handed_over', 'blocked'));
ALTER TABLE run_parts ADD COLUMN changesets_conflicted bigint NOT NULL DEFAULT 0;

-- What is due is asked for by shard, and the answer costs the same however much is waiting.
CREATE INDEX changesets_due ON changesets (shard, due) WHERE due IS NOT NULL;
CREATE INDEX changesets_in_repository ON changesets (organization, repository_id)
    WHERE pull_request IS NOT NULL AND state <> 'merged';

-- Whatever is open already is read soon, spread over an hour.
UPDATE changesets SET due = campaigns_now() + random() * interval '1 hour'
    WHERE pull_request IS NOT NULL AND state NOT IN ('merged', 'closed');

-- What came of a command in one organisation, written by the organisation's owner when it has seen to it.
CREATE TABLE command_outcomes (
    command uuid NOT NULL,
    organization text NOT NULL CHECK (organization = lower(organization)),
    report jsonb NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (command, organization)
);
