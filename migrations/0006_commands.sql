-- What people ask for in bulk: pausing, and commands on a selection of changesets.
--
-- A campaign's pause is its own row's matter, which the API writes: it holds whatever is asked of its changesets, also
-- when no run is under way. A run's pause is its owner's, told by a message. `command` says which command a message is
-- of; how far a command is, is how many of its messages wait.

ALTER TABLE campaigns
    ADD COLUMN paused_by text CHECK (paused_by <> ''),
    ADD COLUMN paused_at timestamptz,
    ADD CHECK ((paused_by IS NULL) = (paused_at IS NULL));

ALTER TABLE runs ADD COLUMN paused_by text CHECK (paused_by <> '');

ALTER TABLE inbox ADD COLUMN command uuid;
UPDATE inbox SET command = (body->>'command')::uuid WHERE consumed_at IS NULL AND body ? 'command';
CREATE INDEX inbox_of_command ON inbox (command) WHERE command IS NOT NULL AND consumed_at IS NULL;

-- What is asked of a run and not taken up by its owner yet is read before every effect of the run.
CREATE INDEX inbox_steering ON inbox (run, number)
    WHERE consumed_at IS NULL AND body->>'kind' IN ('pause_run', 'resume_run', 'cancel_run');
