//! How a campaign that replicas shared has ended, judged by the twin's log, the twin's state and the database's rows.
//!
//! Deliberately absent: what happened on the way (the scenarios).

use crate::{
    campaign,
    judge::verdict::{self, Limits},
    report::Figure,
    world::World,
};
use anyhow::Result;
use campaigns_twin::Entry;
use campaigns_wire::Run;
use serde_json::Value;

/// The figures that hold where every target of a run has got exactly one pull request, and the twin's log.
pub(crate) fn of(
    world: World,
    ended: &Run,
    targets: u32,
    limits: &Limits,
) -> Result<(Vec<Figure>, Vec<Entry>)> {
    let state: Value = world.twin().admin()?.get("/state")?;
    let log = campaign::log(world.twin())?;
    let left = world.leave()?;
    left.broken.iter().for_each(|line| eprintln!("at rest: {line}"));
    let verdict = verdict::judge(&log, limits);
    let targets = u64::from(targets);
    let changed = ended.totals.by_state.get("changed").copied().unwrap_or(0);
    let open = ended.totals.changesets.get("open").copied().unwrap_or(0);
    let one_each = campaign::one_each(&state);
    let figures = vec![
        Figure::exactly("targets that are changed", "targets", changed, targets),
        Figure::exactly("changesets that are open", "changesets", open, targets),
        Figure::exactly("repositories with exactly one open pull request", "repositories", one_each, targets),
        Figure::exactly("pull requests beyond the first of a branch", "pull requests", verdict.duplicates, 0),
        Figure::exactly("requests over a limit", "requests", verdict.over, 0),
        Figure::exactly("refused by a secondary limit", "requests", verdict.refused, 0),
        Figure::exactly("leases held at the end", "leases", left.leases, 0),
        Figure::exactly("rows that break a rule at rest", "rows", left.broken.len() as u64, 0),
    ];
    Ok((figures, log))
}
