-- Which spec version a campaign has in force: a person may go back to an earlier one, whose digest is there already,
-- so "the newest" does not say it. Besides, who applied a version, and an index for reading a campaign's changesets
-- page by page.

ALTER TABLE campaigns
    ADD COLUMN spec text REFERENCES specs,
    ADD COLUMN changed timestamptz NOT NULL DEFAULT clock_timestamp();
UPDATE campaigns c SET spec = (SELECT s.digest FROM specs s WHERE s.campaign = c.id ORDER BY s.version DESC LIMIT 1),
    changed = c.created;

ALTER TABLE specs ADD COLUMN created_by text NOT NULL DEFAULT '';

CREATE INDEX changesets_of_campaign ON changesets (campaign, id);
