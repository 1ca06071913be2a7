//! The parts of the statement that write runs, targets and executions.

use super::{
    super::input::{big, json, shard, small, text},
    Sql,
    batch::Batch,
};
use campaigns_domain::{
    execution::{run::Run, target::Target},
    id::Shard,
};

impl Sql {
    pub(super) fn runs(&mut self, batch: &Batch<'_>) -> Result<(), String> {
        let rows = &batch.runs;
        if rows.is_empty() {
            return Ok(());
        }
        let numbers =
            |of: fn(&Run) -> u32| rows.iter().map(|(_, run)| small(of(run))).collect::<Result<Vec<_>, _>>();
        self.owned(rows.iter().map(|row| row.0))?;
        self.input.column("id", rows.iter().map(|(_, run)| run.id.0).collect::<Vec<_>>())?;
        self.input.column("state", rows.iter().map(|(_, run)| run.state.as_str()).collect::<Vec<_>>())?;
        self.input.column("ends", rows.iter().map(|(_, run)| run.state.is_end()).collect::<Vec<_>>())?;
        self.input.column("reason", rows.iter().map(|(_, run)| text(&run.reason)).collect::<Vec<_>>())?;
        let paused = rows.iter().map(|(_, run)| run.paused.as_deref().map(|by| text(by).into_owned()));
        self.input.column("paused_by", paused.collect::<Vec<_>>())?;
        self.input.column("rollout", rows.iter().map(|(_, run)| json(&run.rollout)).collect::<Vec<_>>())?;
        self.input.column("window_size", numbers(|run| run.window)?)?;
        self.input.column("total", numbers(|run| run.total)?)?;
        self.input.column("next_position", numbers(|run| run.next_position)?)?;
        self.input.column("ended", numbers(|run| run.ended)?)?;
        self.input.column("proposed", numbers(|run| run.proposed)?)?;
        self.input.column("settled", numbers(|run| run.settled)?)?;
        self.input.column("pruned", rows.iter().map(|(_, run)| run.pruned).collect::<Vec<bool>>())?;
        self.input.column("version", rows.iter().map(|(_, run)| run.version).collect::<Vec<_>>())?;
        let i = self.input.rows("i");
        let holds = self.holds();
        self.guard(
            "changed_runs",
            &format!(
                "UPDATE runs r SET state = i.state, reason = i.reason, paused_by = i.paused_by, rollout = i.rollout::jsonb, \
                 window_size = i.window_size, total = i.total, next_position = i.next_position, ended = i.ended, proposed = i.proposed, settled = i.settled, pruned = i.pruned, \
                 version = i.version, finished = CASE WHEN i.ends THEN clock_timestamp() END \
                 FROM {i} {holds} \
                 WHERE r.id = i.id AND r.shard = h.shard AND r.version = i.version - 1 RETURNING 1"
            ),
        );
        Ok(())
    }

    pub(super) fn targets(&mut self, batch: &Batch<'_>) -> Result<(), String> {
        if !batch.new_targets.is_empty() {
            self.new_targets(&batch.new_targets)?;
        }
        let rows = &batch.targets;
        if rows.is_empty() {
            return Ok(());
        }
        let numbers =
            |of: fn(&Target) -> u32| rows.iter().map(|row| small(of(row.2))).collect::<Result<Vec<_>, _>>();
        self.owned(rows.iter().map(|row| row.0))?;
        self.input.column("id", rows.iter().map(|row| row.2.id.0).collect::<Vec<_>>())?;
        self.input.column("before", rows.iter().map(|row| row.1.as_str()).collect::<Vec<_>>())?;
        self.input.column("state", rows.iter().map(|row| row.2.state.as_str()).collect::<Vec<_>>())?;
        self.input.column("reason", rows.iter().map(|row| text(&row.2.reason)).collect::<Vec<_>>())?;
        self.input.column("attempt", numbers(|target| target.attempt)?)?;
        self.input.column("lost", numbers(|target| target.infrastructure_failures)?)?;
        self.input.column("version", rows.iter().map(|row| row.2.version).collect::<Vec<_>>())?;
        let i = self.input.rows("i");
        let holds = self.holds();
        self.guard(
            "changed_targets",
            &format!(
                "UPDATE repo_targets r SET state = i.state, reason = i.reason, attempt = i.attempt, \
                 infrastructure_failures = i.lost, version = i.version FROM {i} {holds} \
                 WHERE r.id = i.id AND r.shard = h.shard AND r.run = h.run AND r.version = i.version - 1 \
                 AND r.state = i.before RETURNING 1"
            ),
        );
        Ok(())
    }

    fn new_targets(&mut self, rows: &[(i32, &Target)]) -> Result<(), String> {
        let numbers =
            |of: fn(&Target) -> u32| rows.iter().map(|row| small(of(row.1))).collect::<Result<Vec<_>, _>>();
        let shards: Vec<i16> =
            rows.iter().map(|row| shard(Shard::of_target(row.1.id))).collect::<Result<_, _>>()?;
        let repositories: Vec<i64> =
            rows.iter().map(|row| big(row.1.repository_id.0)).collect::<Result<_, _>>()?;
        self.owned(rows.iter().map(|row| row.0))?;
        self.input.column("id", rows.iter().map(|row| row.1.id.0).collect::<Vec<_>>())?;
        self.input.column("home", shards)?;
        self.input.column("campaign", rows.iter().map(|row| row.1.campaign.0).collect::<Vec<_>>())?;
        self.input.column("position", numbers(|target| target.position)?)?;
        self.input.column("repository_id", repositories)?;
        self.input
            .column("repository", rows.iter().map(|row| row.1.repository.to_string()).collect::<Vec<_>>())?;
        self.input.column("branch", rows.iter().map(|row| text(&row.1.branch)).collect::<Vec<_>>())?;
        self.input.column("base", rows.iter().map(|row| text(&row.1.base.0)).collect::<Vec<_>>())?;
        self.input.column("workspace", rows.iter().map(|row| text(&row.1.workspace)).collect::<Vec<_>>())?;
        self.input.column("state", rows.iter().map(|row| row.1.state.as_str()).collect::<Vec<_>>())?;
        self.input.column("reason", rows.iter().map(|row| text(&row.1.reason)).collect::<Vec<_>>())?;
        self.input.column("attempt", numbers(|target| target.attempt)?)?;
        self.input.column("lost", numbers(|target| target.infrastructure_failures)?)?;
        self.input.column("version", rows.iter().map(|row| row.1.version).collect::<Vec<_>>())?;
        let i = self.input.rows("i");
        let holds = self.holds();
        self.part(
            "new_targets",
            &format!(
                "INSERT INTO repo_targets (id, shard, run, campaign, position, takes_part, repository_id, repository, \
                 branch, base, workspace, state, reason, attempt, infrastructure_failures, version) \
                 SELECT i.id, i.home, h.run, i.campaign, i.position, i.state <> 'skipped', i.repository_id, \
                 i.repository, i.branch, i.base, i.workspace, i.state, i.reason, i.attempt, i.lost, i.version \
                 FROM {i} {holds}"
            ),
        );
        Ok(())
    }

    pub(super) fn executions(&mut self, batch: &Batch<'_>) -> Result<(), String> {
        let rows = &batch.executions;
        if rows.is_empty() {
            return Ok(());
        }
        let attempts: Vec<i32> = rows.iter().map(|row| small(row.1.attempt)).collect::<Result<_, _>>()?;
        let manifests: Vec<_> = rows.iter().map(|row| row.1.manifest.as_ref().map(json)).collect();
        self.owned(rows.iter().map(|row| row.0))?;
        self.input.column("id", rows.iter().map(|row| row.1.id.0).collect::<Vec<_>>())?;
        self.input.column("target", rows.iter().map(|row| row.1.target.0).collect::<Vec<_>>())?;
        self.input.column("attempt", attempts)?;
        self.input.column("state", rows.iter().map(|row| row.1.state.as_str()).collect::<Vec<_>>())?;
        self.input.column("reason", rows.iter().map(|row| text(&row.1.reason)).collect::<Vec<_>>())?;
        self.input.column("manifest", manifests)?;
        let i = self.input.rows("i");
        let holds = self.holds();
        self.part(
            "new_executions",
            &format!(
                "INSERT INTO executions (id, target, attempt, state, reason, manifest, finished) \
                 SELECT i.id, i.target, i.attempt, i.state, i.reason, i.manifest::jsonb, \
                 CASE WHEN i.state <> 'executing' THEN clock_timestamp() END FROM {i} {holds} \
                 ON CONFLICT (id) DO UPDATE SET state = excluded.state, reason = excluded.reason, \
                 manifest = excluded.manifest, finished = excluded.finished"
            ),
        );
        Ok(())
    }
}
