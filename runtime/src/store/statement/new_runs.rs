//! The part of the statement that adds runs: those that an owner of something else begins, and not the API.
//!
//! Deliberately absent: changing runs (`rows`).

use super::{
    super::input::{json, shard, small},
    Sql,
    batch::Batch,
};
use campaigns_domain::id::Shard;

/// Who has begun such a run, where the API names a person.
const BEGUN_BY: &str = "campaigns";

impl Sql {
    pub(super) fn new_runs(&mut self, batch: &Batch<'_>) -> Result<(), String> {
        let rows = &batch.new_runs;
        if rows.is_empty() {
            return Ok(());
        }
        let shards: Vec<i16> =
            rows.iter().map(|row| shard(Shard::of_run(row.1.id))).collect::<Result<_, _>>()?;
        let windows: Vec<i32> = rows.iter().map(|row| small(row.1.window)).collect::<Result<_, _>>()?;
        self.owned(rows.iter().map(|row| row.0))?;
        self.input.column("id", rows.iter().map(|row| row.1.id.0).collect::<Vec<_>>())?;
        self.input.column("home", shards)?;
        self.input.column("campaign", rows.iter().map(|row| row.1.campaign.0).collect::<Vec<_>>())?;
        self.input.column("spec", rows.iter().map(|row| row.1.spec.0.clone()).collect::<Vec<_>>())?;
        self.input.column("state", rows.iter().map(|row| row.1.state.as_str()).collect::<Vec<_>>())?;
        self.input.column("window_size", windows)?;
        self.input.column("options", rows.iter().map(|row| json(&row.1.options)).collect::<Vec<_>>())?;
        self.input.column("version", rows.iter().map(|row| row.1.version).collect::<Vec<_>>())?;
        self.input.column("pruned", rows.iter().map(|row| row.1.pruned).collect::<Vec<bool>>())?;
        let i = self.input.rows("i");
        let holds = self.holds();
        // The campaign's row is locked until the commit, as the API does it: whoever pauses the campaign meanwhile waits
        // and then tells this run too, or has paused it before and is seen here. The words are `Run::of_paused`'s.
        self.part(
            "new_runs",
            &format!(
                "INSERT INTO runs (id, shard, campaign, spec, state, window_size, options, version, created_by, \
                 pruned, paused_by, reason) SELECT i.id, i.home, i.campaign, i.spec, i.state, i.window_size, \
                 i.options::jsonb, i.version, '{BEGUN_BY}', i.pruned, p.paused_by, \
                 coalesce('paused by ' || p.paused_by, '') \
                 FROM {i} {holds} JOIN campaigns p ON p.id = i.campaign FOR SHARE OF p ON CONFLICT (id) DO NOTHING"
            ),
        );
        Ok(())
    }
}
