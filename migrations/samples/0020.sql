-- Rows as version 20 wrote them, where they differ from those before: only in what the database no longer looks at.
UPDATE repo_targets SET version = version + 1;
