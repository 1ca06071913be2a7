//! Carrying changesets out again by themselves because their bases moved: what one page of reads calls for becomes one
//! run for each run that proposed them, and what such a run leaves without a word is settled.
//!
//! Beginning is one commit: the run, the message that starts it, and that each of its changesets waits for it. So there
//! is all of it or nothing. Deliberately absent: what calls for it (`perform::moved`), and the run itself.

use super::fold::Fold;
use crate::{
    perform::{moved::Called, sync::Fresh},
    ports::{Message, MessageBody, Recipient},
    scope::{Scope, Setback},
};
use campaigns_domain::{
    changeset::{Changeset, ChangesetEvent, News},
    execution::run::{Again, Run, RunOptions},
    id::{ChangesetId, MessageId, RunId, TargetId},
    reconcile::Due,
};
use std::{collections::BTreeMap, time::Duration};

/// How soon one is looked at again for which there was no room.
const NO_ROOM: Duration = Duration::from_secs(60);

/// What is said of it meanwhile.
const WAITS: &str = "as soon as others of its organisation are done, it is carried out again";

/// How long nothing has happened to a changeset whose run has ended before that run is taken to have left no word.
const WORDLESS: Duration = Duration::from_secs(60);

/// Records what a look at the base of a pull request lets be said of it; whether that was anything new.
pub(super) async fn based(fold: &mut Fold<'_>, id: ChangesetId, fresh: &Fresh) -> Result<bool, Setback> {
    let Some(said) = &fresh.based.says else { return Ok(false) };
    says(fold, id, said.clone()).await
}

async fn says(fold: &mut Fold<'_>, id: ChangesetId, said: Option<String>) -> Result<bool, Setback> {
    let known = fold.row(&id).and_then(|row| row.seen.as_ref()?.base.clone());
    let open = fold.row(&id).is_some_and(|row| row.state.is_open());
    if !open || known == said {
        return Ok(false);
    }
    fold.happened(id, &ChangesetEvent::Noticed { news: News::Base(said) }).await
}

/// Begins the runs that carry these out again.
pub(super) async fn begin(
    fold: &mut Fold<'_>,
    scope: &Scope,
    organization: &str,
    called: Vec<(ChangesetId, Called)>,
) -> Result<(), Setback> {
    // What was recorded of the same read may have ended it, shown a human's hand, or that it is another organisation's.
    let fits = |row: &Changeset| row.state.is_open() && row.errand.redo.is_none() && row.is_of(organization);
    let mut called: Vec<_> = called.into_iter().filter(|(id, _)| fold.row(id).is_some_and(fits)).collect();
    if called.is_empty() {
        return Ok(());
    }
    let store = &scope.world.ports.store;
    let most = scope.world.settings.redone_at_once;
    let room = most.saturating_sub(store.redoing(organization).await?);
    let room = usize::try_from(room).unwrap_or(usize::MAX).min(called.len());
    for (id, called) in called.split_off(room) {
        says(fold, id, Some(format!("{}; {WAITS}", called.why))).await?;
        fold.due(id, Due::In(NO_ROOM));
    }
    let mut of_runs: BTreeMap<RunId, Vec<(ChangesetId, Called)>> = BTreeMap::new();
    for (id, called) in called {
        if let Some(row) = fold.row(&id) {
            of_runs.entry(row.wanted.run).or_default().push((id, called));
        }
    }
    // What others did to them is committed first, so that nothing parts what follows.
    fold.flush().await?;
    for (proposed_by, called) in of_runs {
        let Some(before) = store.run(proposed_by).await? else { continue };
        let rows: Vec<&Changeset> = called.iter().filter_map(|(id, _)| fold.row(id)).collect();
        let Some(first) = rows.first() else { continue };
        let id = RunId::of_moved_base(first.id, first.version);
        let place =
            |row: &&Changeset| Again { repository: row.repository.clone(), branch: row.base_branch.clone() };
        let again = rows.iter().map(place).collect();
        let no_container = before.options.no_container;
        let options = RunOptions { again, rebase: true, no_container, ..RunOptions::default() };
        let run = Run::new(id, before.campaign, before.spec, before.window, options);
        tracing::info!(run = %id, changesets = called.len(), "their bases moved: they are carried out again");
        let to = Recipient::Run(id);
        let start = Message { id: MessageId::of(id.0, "start", 0), to, body: MessageBody::Start };
        fold.begin_run(proposed_by, run, start);
        for (changeset, Called { base, why, at }) in called {
            fold.happened(changeset, &ChangesetEvent::RedoBegun { run: id, base, why, at }).await?;
        }
    }
    Ok(())
}

/// Settles a changeset whose run has ended without a word about it: its target was left out, or cancelled.
pub(super) async fn wordless(
    fold: &mut Fold<'_>,
    scope: &Scope,
    row: &Changeset,
    quiet: Duration,
) -> Result<bool, Setback> {
    let Some(run) = row.errand.redo.filter(|_| quiet >= WORDLESS) else { return Ok(false) };
    if !scope.world.control_of(run).await?.state.is_end() {
        return Ok(false);
    }
    let target = TargetId::of(run, row.repository_id, &row.base_branch, "");
    let why = match scope.world.ports.store.target(target).await? {
        Some(target) if !target.reason.is_empty() => target.reason,
        Some(target) => format!("its target is {}", target.state.as_str()),
        None => format!("run {run} has no target for it"),
    };
    let first = why.lines().next().unwrap_or_default();
    let reason = format!("it was not carried out again on the base as it is now: {first}");
    fold.happened(row.id, &ChangesetEvent::Redone { run, content: None, reason }).await
}
