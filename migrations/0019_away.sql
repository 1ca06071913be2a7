-- Changesets whose repository is out of reach: why, so that they go on by themselves once it is back. They are looked at
-- like those with a pull request, also where they have none yet.

ALTER TABLE changesets ADD COLUMN away text CHECK (away IN ('gone', 'closed', 'moved', 'replaced', 'archived')),
    ADD CONSTRAINT away_is_blocked CHECK (away IS NULL OR state = 'blocked');

DROP INDEX changesets_followed;
CREATE INDEX changesets_followed ON changesets (campaign, organization, id)
    WHERE (pull_request IS NOT NULL OR away IS NOT NULL) AND state <> 'merged';
DROP INDEX changesets_in_repository;
CREATE INDEX changesets_in_repository ON changesets (organization, repository_id)
    WHERE (pull_request IS NOT NULL OR away IS NOT NULL) AND state <> 'merged';
