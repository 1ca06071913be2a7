-- What people ask of a changeset besides its content, and whether its run was told that nothing is left to send: what
-- is asked for later brings a changeset back to the queue without its run waiting again.

ALTER TABLE changesets
    ADD COLUMN errand jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN told boolean NOT NULL DEFAULT false;
UPDATE changesets SET told = true WHERE state NOT IN ('scheduled', 'publishing');
