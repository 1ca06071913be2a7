//! The task that keeps a member's leases: it looks every so often who is there and what is free, renews everything in
//! one round trip, and gives up by the local clock what it could not renew.
//!
//! What it says is liveness and no more: between an answer of Redis and its use a lease can be anybody's, and the epoch
//! in Postgres is what fences. Deliberately absent: what is done with a shard, and the wording of commands (`look`).

use super::{Settings, View, look::Look};
use campaigns_actors::ports::{Fence, Lease, Ownership, Store, StoreError};
use campaigns_domain::id::{Epoch, Shard};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};
use uuid::Uuid;

/// How long nothing is claimed after the database gave no epoch: another member may be served better.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// A shard that still gets no epoch is told of again only after so long in which none was asked for.
const SAID: Duration = Duration::from_secs(60);

/// What the task is asked, besides the time.
pub(super) enum Request {
    /// Give a shard up; everything of it has stopped.
    Release(Shard, oneshot::Sender<()>),
    /// Take nothing more, and count for no share.
    Leave(oneshot::Sender<()>),
    /// The database's answer about the epoch of what was claimed with this token.
    Minted(Shard, String, Result<Epoch, StoreError>),
}

/// A shard that we have the lease of.
struct Held {
    token: String,
    /// When it was claimed.
    claimed: Instant,
    /// Until when it may be trusted.
    until: Instant,
    /// None until its epoch is minted.
    lease: Option<Lease>,
    /// Whether it was asked to be handed over.
    asked: bool,
}

/// The keeper of one member's leases.
pub(super) struct Leases {
    pub(super) look: Look,
    pub(super) me: Uuid,
    pub(super) settings: Settings,
    pub(super) store: Arc<dyn Store>,
    pub(super) view: Arc<View>,
    pub(super) changes: mpsc::UnboundedSender<Ownership>,
    pub(super) requests: mpsc::UnboundedSender<Request>,
}

struct State {
    held: BTreeMap<Shard, Held>,
    takes_part: bool,
    claims_from: Instant,
    renew_at: Instant,
    /// Since when Redis has not answered.
    away: Option<Instant>,
    /// When each shard went last without the epoch that was asked for.
    without_epoch: BTreeMap<Shard, Instant>,
}

impl State {
    /// Says that no epoch came for a shard: once, and not each time that it is tried again.
    fn none_came(&mut self, shard: Shard, error: &StoreError) {
        if is_news(&mut self.without_epoch, shard, Instant::now()) {
            tracing::warn!(%shard, %error, "the shard cannot be taken over yet: the database does not answer, or a large \
                commit of its former owner is under way there; its work waits, and it is tried again until it can be");
        } else {
            tracing::debug!(%shard, %error, "the shard cannot be taken over yet");
        }
    }
}

impl Leases {
    /// Keeps the leases for as long as anybody can ask for something.
    pub(super) async fn keep(mut self, mut asked: mpsc::UnboundedReceiver<Request>) {
        let now = Instant::now();
        let mut state = State {
            held: BTreeMap::new(),
            takes_part: true,
            claims_from: now,
            renew_at: now,
            away: None,
            without_epoch: BTreeMap::new(),
        };
        let mut next = now;
        loop {
            tokio::select! {
                request = asked.recv() => match request {
                    Some(request) => self.answer(&mut state, request).await,
                    None => return,
                },
                () = tokio::time::sleep_until(next) => next = self.tick(&mut state).await,
            }
        }
    }

    /// One look, and its consequences; returns when to look next.
    async fn tick(&mut self, state: &mut State) -> Instant {
        self.give_up_what_lapsed(state);
        let begun = Instant::now();
        let renew = begun >= state.renew_at;
        let claim = begun >= state.claims_from;
        let tokens = |shard: Shard| state.held.get(&shard).map(|held| held.token.as_str());
        let seen = self.look.look(state.takes_part, renew, claim, tokens).await;
        self.give_up_what_lapsed(state);
        let usual = begun + self.settings.look_every();
        let seen = match seen {
            Ok(seen) => seen,
            Err(away) => {
                // Neither lost nor held: what is trusted stays so until its time is over.
                if state.away.is_none() {
                    tracing::warn!(%away, held = state.held.len(), "the leases could not be looked at");
                    state.away = Some(begun);
                }
                return usual.max(Instant::now() + self.settings.look_every() / 2);
            }
        };
        if let Some(since) = state.away.take() {
            tracing::info!(after = ?since.elapsed(), held = state.held.len(), "Redis answers again");
        }
        if renew {
            state.renew_at = begun + self.settings.renew_every();
            metrics::histogram!("campaigns_lease_renewal_seconds").record(begun.elapsed().as_secs_f64());
        }
        // Counted from before the question, so that it never outlives what Redis counts.
        let until = begun + self.settings.trusted_for();
        self.lose(state, &seen.lost, "others have them, or Redis has lost them");
        if renew {
            for held in state.held.values_mut() {
                held.until = until;
                if let Some(lease) = &held.lease {
                    lease.trust_until(until);
                }
            }
        }
        for shard in seen.claimed {
            let token = seen.token.clone();
            let held = Held { token, claimed: begun, until, lease: None, asked: false };
            state.held.insert(shard, held);
            self.mint(shard, seen.token.clone());
        }
        self.view.count(seen.members);
        self.hand_over(state, seen.share);
        match seen.lapses_in {
            Some(left) if state.held.len() < seen.share => {
                usual.min(Instant::now() + left + Duration::from_millis(2))
            }
            _ => usual,
        }
    }

    /// Asks for whatever is held beyond the fair share, what came last first: where somebody was away for a moment, the
    /// others give back what they have taken over, and work that has gone on all the while is left in peace.
    fn hand_over(&self, state: &mut State, share: usize) {
        if !state.takes_part {
            return;
        }
        let asked = state.held.values().filter(|held| held.asked).count();
        let over = state.held.len().saturating_sub(share).saturating_sub(asked);
        for shard in last_claimed(&state.held, over) {
            if let Some(held) = state.held.get_mut(&shard) {
                held.asked = true;
                let _ = self.changes.send(Ownership::Release(shard));
            }
        }
    }

    fn give_up_what_lapsed(&self, state: &mut State) {
        let now = Instant::now();
        let lapsed: Vec<Shard> =
            state.held.iter().filter(|(_, held)| held.until <= now).map(|(shard, _)| *shard).collect();
        self.lose(state, &lapsed, "they could not be renewed in time");
    }

    fn lose(&self, state: &mut State, shards: &[Shard], why: &str) {
        if shards.is_empty() {
            return;
        }
        tracing::warn!(count = shards.len(), ?shards, why, "leases are lost: the work under them stops here");
        metrics::counter!("campaigns_leases_lost_total").increment(shards.len() as u64);
        for shard in shards {
            let Some(held) = state.held.remove(shard) else { continue };
            self.view.forget(*shard);
            if let Some(lease) = held.lease {
                lease.trust_until(Instant::now());
                let _ = self.changes.send(Ownership::Lost(*shard));
            }
        }
    }

    /// Has the epoch minted off this task, which has renewals to see to.
    fn mint(&self, shard: Shard, token: String) {
        let (store, me, requests) = (self.store.clone(), self.me, self.requests.clone());
        tokio::spawn(async move {
            let minted = store.take_over(shard, me).await;
            let _ = requests.send(Request::Minted(shard, token, minted));
        });
    }

    async fn answer(&mut self, state: &mut State, request: Request) {
        match request {
            Request::Minted(shard, token, minted) => {
                let Some(held) = state.held.get_mut(&shard).filter(|held| held.token == token) else {
                    return;
                };
                match minted {
                    Ok(epoch) if Instant::now() < held.until => {
                        state.without_epoch.remove(&shard);
                        let lease = Lease::new(Fence { shard, epoch }, Some(held.until));
                        held.lease = Some(lease.clone());
                        self.view.hold(&lease);
                        let _ = self.changes.send(Ownership::Acquired(lease));
                    }
                    // It is given up at the next look.
                    Ok(_) => {}
                    Err(error) => {
                        // Whoever reaches the database can have it.
                        state.none_came(shard, &error);
                        state.claims_from = Instant::now() + ASK_AGAIN;
                        self.free(state, shard).await;
                    }
                }
            }
            Request::Release(shard, done) => {
                self.free(state, shard).await;
                let _ = done.send(());
            }
            Request::Leave(done) => {
                state.takes_part = false;
                // Said at once, so that the others make room for what is handed over.
                state.renew_at = Instant::now();
                self.tick(state).await;
                // Nothing was begun under what was claimed a moment ago: nobody will ask to have it released.
                let claimed = state.held.iter().filter(|(_, held)| held.lease.is_none());
                for shard in claimed.map(|(shard, _)| *shard).collect::<Vec<_>>() {
                    self.free(state, shard).await;
                }
                let _ = done.send(());
            }
        }
    }

    /// Frees a shard here, and in Redis if it answers; if it does not, the lease lapses.
    async fn free(&mut self, state: &mut State, shard: Shard) {
        let Some(held) = state.held.remove(&shard) else { return };
        self.view.forget(shard);
        if let Some(lease) = held.lease {
            lease.trust_until(Instant::now());
        }
        if let Err(away) = self.look.release(shard, &held.token).await {
            tracing::debug!(%shard, %away, "the lease was not freed: it lapses");
        }
    }
}

/// Whether a shard that goes without its epoch now has not done so a while ago already; keeps when it was.
fn is_news(without: &mut BTreeMap<Shard, Instant>, shard: Shard, now: Instant) -> bool {
    without.insert(shard, now).is_none_or(|last| now.duration_since(last) >= SAID)
}

/// So many of the shards that are worked on and not asked for yet, the last claimed first.
fn last_claimed(held: &BTreeMap<Shard, Held>, count: usize) -> Vec<Shard> {
    let workable = held.iter().filter(|(_, held)| !held.asked && held.lease.is_some());
    let mut shards: Vec<(Instant, Shard)> = workable.map(|(shard, held)| (held.claimed, *shard)).collect();
    shards.sort_unstable_by(|one, other| other.cmp(one));
    shards.into_iter().take(count).map(|(_, shard)| shard).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn that_no_epoch_comes_is_said_once_for_as_long_as_none_does() {
        let (mut without, now) = (BTreeMap::new(), Instant::now());
        let mut said =
            |shard: u16, after: u64| is_news(&mut without, Shard(shard), now + Duration::from_secs(after));
        assert!(said(1, 0) && said(2, 0));
        assert!(!(1..200).any(|second| said(1, second)));
        assert!(!said(2, 59) && said(2, 59 + 60));
    }

    #[test]
    fn what_came_last_is_handed_over_first() {
        let now = Instant::now();
        let of = |shard: u16, after: u64, works: bool, asked: bool| {
            let claimed = now + Duration::from_secs(after);
            let fence = Fence { shard: Shard(shard), epoch: Epoch(1) };
            let lease = works.then(|| Lease::new(fence, None));
            (Shard(shard), Held { token: String::new(), claimed, until: claimed, lease, asked })
        };
        let held = BTreeMap::from([
            of(1, 0, true, false),
            of(2, 9, false, false),
            of(3, 5, true, false),
            of(4, 7, true, true),
            of(5, 6, true, false),
        ]);
        assert_eq!(last_claimed(&held, 2), [Shard(5), Shard(3)]);
        assert_eq!(last_claimed(&held, 9), [Shard(5), Shard(3), Shard(1)]);
        assert_eq!(last_claimed(&held, 0), []);
    }
}
