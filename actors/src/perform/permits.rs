//! Permits: before every content-creating write one is taken from the store, inside an even pace, and while the
//! organisation is not asked to wait.
//!
//! Deliberately absent: what is written (`publish`), how fast at most (`pace`), and who goes first (`limiter`).

use super::pace::{Pace, Turn};
use crate::{
    ports::{CodeHostError, CommitError, Permit, PermitAnswer, PermitRequest, ReadBudget},
    scope::{Closed, Scope},
};
use campaigns_domain::{
    changeset::Changeset,
    id::{CampaignId, RunId},
    publish::{
        budget::{Budget, CapScope, Counted, HeldBy, WriteKind},
        rollout::windows_of,
    },
};
use futures::future::BoxFuture;
use std::time::Duration;

/// How long a campaign's own cap is waited for before it is asked again: a person may have set another.
const SETTABLE: Duration = Duration::from_secs(10);

/// How often it is looked whether a window has opened.
const SHUT: Duration = Duration::from_secs(1);

/// Why no permit was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// It may not be done now.
    Closed(Closed),
    /// The shard has another owner.
    Fenced,
}

/// The writes of one changeset.
pub(crate) struct Writes<'a> {
    pub(crate) scope: &'a Scope,
    pub(crate) pace: &'a Pace,
    /// For what is read beside the writes.
    pub(crate) reads: ReadBudget,
    organization: String,
    campaign: CampaignId,
    run: RunId,
    beyond: bool,
    changeset: &'a Changeset,
}

impl<'a> Writes<'a> {
    pub(crate) fn new(scope: &'a Scope, pace: &'a Pace, changeset: &'a Changeset) -> Self {
        Self {
            scope,
            pace,
            reads: scope.world.reads_of(changeset.repository.owner()),
            organization: changeset.repository.owner().to_owned(),
            campaign: changeset.campaign,
            run: changeset.wanted.run,
            beyond: changeset.errand.beyond,
            changeset,
        }
    }

    /// Waits until something may be sent for the changeset.
    pub(crate) async fn gate(&self) -> Result<(), Closed> {
        loop {
            self.scope.gate_of_changeset(self.run, self.beyond).await?;
            if !self.scope.world.is_shut(self.changeset).await {
                return Ok(());
            }
            self.scope.pause(SHUT).await?;
        }
    }

    /// Sends one write by one permit. A permit that was too old to be used is replaced: nothing had left. The
    /// write itself is sent once.
    pub(crate) async fn send<'c, T>(
        &self,
        kind: WriteKind,
        write: impl Fn(Permit) -> BoxFuture<'c, Result<T, CodeHostError>> + Send,
    ) -> Result<Result<T, CodeHostError>, Stopped> {
        loop {
            // The turn is kept until the answer is recorded: the next write's distance is counted from there.
            let (permit, _turn) = self.take(kind).await?;
            let receipt = Permit { id: permit.id, expires: permit.expires };
            let answer = write(permit).await;
            match &answer {
                Err(CodeHostError::PermitExpired) => {
                    if let Err(error) = self.scope.world.ports.store.return_permit(receipt).await {
                        tracing::debug!(%error, "a permit that was not used counts all the same");
                    }
                    continue;
                }
                // It may arrive yet: counted as unanswered, which is longer.
                Err(CodeHostError::Unknown(_)) => {}
                _ => {
                    if answer.is_ok() {
                        self.pace.answered(true);
                    }
                    if let Err(error) = self.scope.world.ports.store.answer_permit(&receipt).await {
                        tracing::debug!(%error, "a permit stays without its answer and counts for longer");
                    }
                }
            }
            return Ok(answer);
        }
    }

    async fn take(&self, kind: WriteKind) -> Result<(Permit, Option<Turn>), Stopped> {
        let settings = &self.scope.world.settings.budget;
        let mut tries = 0;
        let mut turn = self.turn(settings.spacing + self.pace.extra()).await?;
        loop {
            self.pace.wait(self).await.map_err(Stopped::Closed)?;
            self.gate().await.map_err(Stopped::Closed)?;
            let mut budget = Budget { spacing: settings.spacing + self.pace.extra(), ..settings.clone() };
            budget.campaign.extend(windows_of(&self.scope.world.caps_of(self.run).await));
            let spacing = budget.spacing;
            let request = PermitRequest {
                organization: self.organization.clone(),
                campaign: self.campaign,
                run: self.run,
                kind,
                budget,
            };
            let wait = match self.scope.world.ports.store.take_permit(&self.scope.lease, request).await {
                Ok(PermitAnswer::Granted(permit)) if self.scope.lease.is_trusted() => {
                    metrics::counter!("campaigns_permits_total", "kind" => kind.as_str()).increment(1);
                    return Ok((permit.under(&self.scope.lease), turn));
                }
                Ok(PermitAnswer::Granted(_)) => continue,
                Ok(PermitAnswer::Wait(wait, by)) => {
                    self.count_wait(wait, by);
                    if !holds_everybody(by) {
                        // Others go first meanwhile.
                        drop(turn.take());
                        let _capped = of_campaign(by).then(|| self.pace.capped(self.changeset.id));
                        self.wait(wait.min(SETTABLE)).await?;
                        turn = self.turn(spacing).await?;
                        continue;
                    }
                    wait
                }
                Err(CommitError::Fenced(_)) => return Err(Stopped::Fenced),
                Err(error) => {
                    tries += 1;
                    tracing::warn!(%error, "no permit could be taken: it is asked for again");
                    self.scope.world.settings.patience.wait(tries)
                }
            };
            self.wait(wait).await?;
        }
    }

    /// Waits by the store's clock, for hours if need be, and hears meanwhile that nothing is to be sent any more.
    pub(super) async fn pause(&self, wait: Duration) -> Result<(), Closed> {
        let clock = &self.scope.world.clock;
        let then = clock.now() + wait;
        while !clock.until(then).is_zero() {
            self.scope.rest(then).await?;
            self.gate().await?;
        }
        Ok(())
    }

    async fn turn(&self, spacing: u32) -> Result<Option<Turn>, Stopped> {
        self.pace.turn(self, spacing).await.map_err(Stopped::Closed)
    }

    async fn wait(&self, wait: Duration) -> Result<(), Stopped> {
        self.pause(wait.max(Duration::from_millis(1))).await.map_err(Stopped::Closed)
    }

    fn count_wait(&self, wait: Duration, by: HeldBy) {
        let by = match by {
            HeldBy::Spacing => "spacing",
            HeldBy::Window { scope, .. } => scope.as_str(),
        };
        metrics::counter!("campaigns_permit_waits_total", "organization" => self.organization.clone(), "by" => by)
            .increment(1);
        metrics::histogram!("campaigns_permit_wait_seconds", "by" => by).record(wait.as_secs_f64());
    }
}

/// Whether it is a cap of the campaign's own that holds.
fn of_campaign(by: HeldBy) -> bool {
    matches!(by, HeldBy::Window { scope: CapScope::Campaign, .. })
}

/// Whether whoever comes next would have to wait as long: then the place in the line is kept.
fn holds_everybody(by: HeldBy) -> bool {
    match by {
        HeldBy::Spacing => true,
        HeldBy::Window { scope: CapScope::Campaign, .. } => false,
        HeldBy::Window { cap, .. } => cap.counted != Counted::PullRequests,
    }
}
