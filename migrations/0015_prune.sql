-- What a run closes of earlier versions: whether that is known, and the effect of finding it out. Runs that began before
-- close nothing.

ALTER TABLE runs ADD COLUMN pruned boolean NOT NULL DEFAULT true;

ALTER TABLE effects DROP CONSTRAINT effects_kind_check;
ALTER TABLE effects ADD CONSTRAINT effects_kind_check CHECK (kind IN ('select', 'execute', 'publish', 'prune'));
