-- What we put to GitHub, by which a human's hand is told from ours: words, readiness, and the base that our head holds.

ALTER TABLE changesets ADD COLUMN shown jsonb NOT NULL DEFAULT '{}';
