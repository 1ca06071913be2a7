//! The parts of the statement that write changesets.

use super::{
    super::input::{big, json, small, text},
    Sql,
    batch::{Batch, changeset_counter},
};
use campaigns_domain::{changeset::Changeset, id::Shard, reconcile::Due};

impl Sql {
    pub(super) fn changesets(&mut self, batch: &Batch<'_>) -> Result<(), String> {
        if !batch.new_changesets.is_empty() {
            self.new_changesets(&batch.new_changesets)?;
        }
        let rows = &batch.changesets;
        if rows.is_empty() {
            return Ok(());
        }
        self.owned(rows.iter().map(|row| row.0))?;
        self.input.column("before", rows.iter().map(|row| row.1.as_str()).collect::<Vec<_>>())?;
        self.input.column("leaves", rows.iter().map(|row| changeset_counter(row.1)).collect::<Vec<_>>())?;
        self.input
            .column("enters", rows.iter().map(|row| changeset_counter(row.2.state)).collect::<Vec<_>>())?;
        // Whoever has the repository now has the changeset.
        let owners: Vec<String> =
            rows.iter().map(|row| row.2.repository.owner().to_ascii_lowercase()).collect();
        let homes: Vec<i16> = owners.iter().map(|owner| home(owner)).collect::<Result<_, _>>()?;
        self.input.column("organization", owners)?;
        self.input.column("home", homes)?;
        let due: Vec<Due> = rows.iter().map(|row| row.3.unwrap_or(Due::Never)).collect();
        self.input.column("moves", rows.iter().map(|row| row.3.is_some()).collect::<Vec<bool>>())?;
        self.input.column("due", due.iter().map(microseconds).collect::<Vec<_>>())?;
        self.changeset_columns(&rows.iter().map(|row| row.2).collect::<Vec<_>>())?;
        let i = self.input.rows("i");
        let holds = self.holds();
        // The old row is joined for the run it was counted under: a proposal of another run moves it over there.
        self.guard(
            "changed_changesets",
            &format!(
                "UPDATE changesets c SET shard = i.home, organization = i.organization, run = i.of_run, target = i.target, repository = i.repository, state = i.state, \
                 reason = i.reason, generation = i.generation, publishing = i.publishing, wanted = i.wanted::jsonb, \
                 held = i.held, away = i.away, errand = i.errand::jsonb, told = i.told, shown = i.shown::jsonb, head = i.head, \
                 pull_request = i.number, pull_request_node = i.node, pull_request_url = i.url, \
                 seen = i.seen::jsonb, version = i.version, changed = campaigns_now(), checks = i.checks, \
                 checks_since = CASE WHEN i.checks IS NULL THEN NULL \
                 WHEN c.checks = i.checks THEN c.checks_since ELSE campaigns_now() END, \
                 due = CASE WHEN i.moves THEN campaigns_now() + i.due * interval '1 microsecond' ELSE c.due END, \
                 queue_number = CASE WHEN i.state = 'scheduled' AND i.before <> 'scheduled' \
                 THEN nextval('changeset_queue') ELSE c.queue_number END \
                 FROM {i} {holds} JOIN changesets o ON o.id = i.id \
                 WHERE c.id = i.id AND c.shard = h.shard AND c.version = i.version - 1 AND c.state = i.before \
                 AND o.version = c.version \
                 RETURNING o.run AS old_run, c.run AS new_run, h.shard, i.leaves, i.enters"
            ),
        );
        Ok(())
    }

    /// When pull requests are read the next time, where nothing else of their changesets changes. Not guarded: a row
    /// that has moved on meanwhile has a time of its own.
    pub(super) fn due(&mut self, batch: &Batch<'_>) -> Result<(), String> {
        let rows = &batch.due;
        if rows.is_empty() {
            return Ok(());
        }
        self.owned(rows.iter().map(|row| row.0))?;
        self.input.column("id", rows.iter().map(|row| row.1.0).collect::<Vec<_>>())?;
        self.input.column("due", rows.iter().map(|row| microseconds(&row.2)).collect::<Vec<_>>())?;
        let i = self.input.rows("i");
        let holds = self.holds();
        self.part(
            "due_changesets",
            &format!(
                "UPDATE changesets c SET due = campaigns_now() + i.due * interval '1 microsecond' \
                 FROM {i} {holds} WHERE c.id = i.id AND c.shard = h.shard"
            ),
        );
        Ok(())
    }

    /// What came of commands; the first word stands.
    pub(super) fn outcomes(&mut self, batch: &Batch<'_>) -> Result<(), String> {
        let rows = &batch.outcomes;
        if rows.is_empty() {
            return Ok(());
        }
        self.owned(rows.iter().map(|row| row.0))?;
        self.input.column("command", rows.iter().map(|row| row.1.command.0).collect::<Vec<_>>())?;
        self.input
            .column("organization", rows.iter().map(|row| text(&row.1.organization)).collect::<Vec<_>>())?;
        self.input.column("report", rows.iter().map(|row| json(&row.1.report)).collect::<Vec<_>>())?;
        let i = self.input.rows("i");
        let holds = self.holds();
        self.part(
            "new_outcomes",
            &format!(
                "INSERT INTO command_outcomes (command, organization, report) \
                 SELECT i.command, i.organization, i.report::jsonb FROM {i} {holds} ON CONFLICT DO NOTHING"
            ),
        );
        Ok(())
    }

    fn new_changesets(&mut self, rows: &[(i32, &Changeset)]) -> Result<(), String> {
        let changesets: Vec<&Changeset> = rows.iter().map(|row| row.1).collect();
        let repositories: Vec<i64> =
            changesets.iter().map(|c| big(c.repository_id.0)).collect::<Result<_, _>>()?;
        let organizations: Vec<String> =
            changesets.iter().map(|c| c.repository.owner().to_ascii_lowercase()).collect();
        self.owned(rows.iter().map(|row| row.0))?;
        self.input.column("place", (0..).take(rows.len()).collect::<Vec<i32>>())?;
        self.input.column("campaign", changesets.iter().map(|c| c.campaign.0).collect::<Vec<_>>())?;
        self.input.column("organization", organizations)?;
        self.input.column("repository_id", repositories)?;
        self.input
            .column("base_branch", changesets.iter().map(|c| text(&c.base_branch)).collect::<Vec<_>>())?;
        self.input
            .column("head_branch", changesets.iter().map(|c| text(&c.head_branch)).collect::<Vec<_>>())?;
        self.input
            .column("enters", changesets.iter().map(|c| changeset_counter(c.state)).collect::<Vec<_>>())?;
        self.changeset_columns(&changesets)?;
        let i = self.input.rows("i");
        let holds = self.holds();
        self.part("added_changesets", &format!("SELECT i.*, h.shard FROM {i} {holds}"));
        self.part(
            "new_changesets",
            "INSERT INTO changesets (id, shard, organization, campaign, run, target, repository_id, repository, \
             base_branch, head_branch, state, reason, generation, publishing, wanted, held, away, errand, told, shown, head, pull_request, \
             pull_request_node, pull_request_url, seen, queue_number, version, changed) \
             SELECT i.id, i.shard, i.organization, i.campaign, i.of_run, i.target, i.repository_id, i.repository, \
             i.base_branch, i.head_branch, i.state, i.reason, i.generation, i.publishing, i.wanted::jsonb, i.held, i.away, i.errand::jsonb, i.told, i.shown::jsonb, \
             i.head, i.number, i.node, i.url, i.seen::jsonb, \
             CASE WHEN i.state = 'scheduled' THEN nextval('changeset_queue') END, i.version, campaigns_now() \
             FROM added_changesets i ORDER BY i.place",
        );
        Ok(())
    }

    /// The columns that a new and a changed changeset share.
    fn changeset_columns(&mut self, rows: &[&Changeset]) -> Result<(), String> {
        let generations: Vec<i32> = rows.iter().map(|c| small(c.generation)).collect::<Result<_, _>>()?;
        let publishing: Vec<Option<i32>> =
            rows.iter().map(|c| c.publishing.map(small).transpose()).collect::<Result<_, _>>()?;
        let wanted: Vec<String> = rows.iter().map(|c| json(&c.wanted)).collect();
        let pull = || rows.iter().map(|c| c.pull_request.as_ref());
        let numbers: Vec<Option<i64>> =
            pull().map(|pull| pull.map(|pull| big(pull.number)).transpose()).collect::<Result<_, _>>()?;
        self.input.column("id", rows.iter().map(|c| c.id.0).collect::<Vec<_>>())?;
        self.input.column("of_run", rows.iter().map(|c| c.wanted.run.0).collect::<Vec<_>>())?;
        self.input.column("target", rows.iter().map(|c| c.wanted.target.0).collect::<Vec<_>>())?;
        self.input.column("repository", rows.iter().map(|c| c.repository.to_string()).collect::<Vec<_>>())?;
        self.input.column("state", rows.iter().map(|c| c.state.as_str()).collect::<Vec<_>>())?;
        self.input.column("reason", rows.iter().map(|c| text(&c.reason)).collect::<Vec<_>>())?;
        self.input.column("generation", generations)?;
        self.input.column("publishing", publishing)?;
        self.input.column("wanted", wanted)?;
        self.input.column("held", rows.iter().map(|c| c.held).collect::<Vec<_>>())?;
        self.input.column("away", rows.iter().map(|c| c.away.map(|a| a.as_str())).collect::<Vec<_>>())?;
        self.input.column("errand", rows.iter().map(|c| json(&c.errand)).collect::<Vec<_>>())?;
        self.input.column("shown", rows.iter().map(|c| json(&c.shown)).collect::<Vec<_>>())?;
        self.input.column("told", rows.iter().map(|c| c.told).collect::<Vec<_>>())?;
        self.input.column(
            "head",
            rows.iter().map(|c| c.head.as_ref().map(|h| text(&h.0).into_owned())).collect::<Vec<_>>(),
        )?;
        self.input.column("number", numbers)?;
        self.input.column(
            "node",
            pull().map(|pull| pull.map(|p| text(&p.node_id).into_owned())).collect::<Vec<_>>(),
        )?;
        self.input
            .column("url", pull().map(|pull| pull.map(|p| text(&p.url).into_owned())).collect::<Vec<_>>())?;
        let read = |c: &&Changeset| c.seen.as_ref().filter(|s| s.checks_read).map(|s| s.checks.as_str());
        self.input.column("checks", rows.iter().map(read).collect::<Vec<_>>())?;
        self.input.column("seen", rows.iter().map(|c| c.seen.as_ref().map(json)).collect::<Vec<_>>())?;
        self.input.column("version", rows.iter().map(|c| c.version).collect::<Vec<_>>())?;
        Ok(())
    }
}

/// The shard of an organisation, as its column has it.
fn home(organization: &str) -> Result<i16, String> {
    let Shard(shard) = Shard::of_organization(organization);
    i16::try_from(shard).map_err(|_| format!("shard {shard} does not fit"))
}

/// A wait as the statement adds it to now; NULL is never.
fn microseconds(due: &Due) -> Option<i64> {
    match due {
        Due::In(wait) => Some(i64::try_from(wait.as_micros()).unwrap_or(i64::MAX)),
        Due::Never => None,
    }
}
