-- Changesets that are being carried out again are counted for each organisation.

CREATE INDEX changesets_redoing ON changesets (organization) WHERE errand->>'redo' IS NOT NULL;
