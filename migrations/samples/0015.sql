-- Rows as version 15 wrote them, where they differ from those before.
UPDATE runs SET pruned = false WHERE state = 'running';
