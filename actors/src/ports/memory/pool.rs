//! A pool in memory that keeps the real rule, by tokio's clock, and is silent or forgets when a test says so.
//!
//! Deliberately absent: rounding. Its windows are exact to the moment at which it is told.

use super::super::{AFTER_LOSS, Account, HELD_AFTER_SILENCE, Lent, PointPool, PoolSilent, Resource, grain};
use async_trait::async_trait;
use campaigns_domain::publish::budget::Window;
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;
use uuid::Uuid;

/// The points of an installation. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct MemoryPool(Arc<Mutex<State>>);

/// The pool as one process sees it.
#[derive(Clone, Debug)]
pub struct MemoryPoolMember {
    id: Uuid,
    pool: MemoryPool,
}

#[derive(Debug, Default)]
struct State {
    counters: HashMap<(String, bool), Counter>,
    /// When it was found that nothing was known.
    lost: Option<Instant>,
    silent: bool,
    exchanges: u64,
}

#[derive(Debug, Default)]
struct Counter {
    /// Answered points, by when that was told.
    answered: Vec<(Instant, u32)>,
    members: BTreeMap<Uuid, Standing>,
}

#[derive(Debug)]
struct Standing {
    number: u64,
    held: u32,
    answered: u64,
    /// When it is taken for gone.
    until: Instant,
}

impl MemoryPool {
    /// A further process.
    pub fn member(&self) -> MemoryPoolMember {
        MemoryPoolMember { id: Uuid::new_v4(), pool: self.clone() }
    }

    /// Answers nobody, or everybody again.
    pub fn silence(&self, silent: bool) {
        self.lock().silent = silent;
    }

    /// Loses all that it knows.
    pub fn forget(&self) {
        let mut state = self.lock();
        state.counters.clear();
        state.lost = Some(Instant::now());
    }

    /// How many exchanges there were.
    pub fn exchanges(&self) -> u64 {
        self.lock().exchanges
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counter {
    /// What the processes other than `but` hold and what was answered, in a window.
    fn in_window(&self, window: Window, but: Uuid, now: Instant) -> u32 {
        let length = Duration::from_secs(window.seconds.into());
        let answered = self.answered.iter().filter(|(at, _)| *at + length > now).map(|(_, points)| points);
        let others = self.members.iter().filter(|(id, _)| **id != but).map(|(_, member)| &member.held);
        answered.chain(others).sum()
    }
}

#[async_trait]
impl PointPool for MemoryPoolMember {
    async fn exchange(&self, account: &Account) -> Result<Lent, PoolSilent> {
        let now = Instant::now();
        let mut state = self.pool.lock();
        if state.silent {
            return Err(PoolSilent("it is silent".to_owned()));
        }
        state.exchanges += 1;
        let lost = state.lost;
        let key = (account.owner.clone(), account.resource == Resource::Rest);
        let counter = state.counters.entry(key).or_default();
        let mut gone = vec![];
        counter.members.retain(|id, member| {
            let stays = *id == self.id || member.until > now;
            if !stays {
                gone.push((member.until, member.held));
            }
            stays
        });
        counter.answered.append(&mut gone);
        let known = counter.members.get(&self.id);
        if known.is_some_and(|known| known.number >= account.number) {
            return Err(PoolSilent("a later word of this process has come before this one".to_owned()));
        }
        let spent = known.map_or(account.recent, |known| {
            u32::try_from(account.answered.saturating_sub(known.answered)).unwrap_or(u32::MAX)
        });
        counter.answered.push((now, spent));
        let rooms = account
            .windows
            .iter()
            .map(|window| window.cap.saturating_sub(counter.in_window(*window, self.id, now) + account.held));
        let room = rooms.min().unwrap_or(u32::MAX);
        let waits = lost.map(|at| at + AFTER_LOSS).filter(|until| *until > now);
        let points = if waits.is_some() { 0 } else { account.want.min(room) };
        let (number, held, answered) = (account.number, account.held + points, account.answered);
        let standing = Standing { number, held, answered, until: now + HELD_AFTER_SILENCE };
        counter.members.insert(self.id, standing);
        let again = waits.map_or(grain(&account.windows), |until| until - now);
        Ok(Lent { points, room: room - points, again })
    }
}
