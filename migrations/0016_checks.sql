-- The checks of pull requests, which rollouts count: what was read of them last, and since when they stand so.

ALTER TABLE changesets ADD COLUMN checks text CHECK (checks IN ('none', 'pending', 'passed', 'failed')),
    ADD COLUMN checks_since timestamptz;
-- That there were none was recorded before anybody had read them, too, and says nothing.
UPDATE changesets SET checks = seen ->> 'checks', checks_since = changed WHERE seen ->> 'checks' <> 'none';
ALTER TABLE changesets ADD CONSTRAINT checks_have_a_time CHECK ((checks IS NULL) = (checks_since IS NULL));
