//! Which messages are in hand: read from the store, handed to an actor and not consumed yet. Shared by the one
//! who polls and those who consume, so that a message is not handed out twice.
//!
//! This saves work and is no truth: after a crash everything is read again, and a message that was consumed is
//! gone. Deliberately absent: reading the store (`root`).

use crate::ports::{Fence, Message, Recipient};
use campaigns_domain::id::{MessageId, SHARDS, Shard};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};
use tokio::sync::Notify;

/// The messages in hand.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    state: Mutex<State>,
    look: Notify,
    looked: Notify,
}

#[derive(Debug, Default)]
struct State {
    held: BTreeMap<Shard, Fence>,
    taken: HashMap<MessageId, Recipient>,
    /// Consumed since the last look began; a look that began before may still show them.
    consumed: Vec<MessageId>,
    /// How many looks have begun.
    looks: u64,
    /// How often something in hand has been given back.
    returned: u64,
    /// How many looks in a row have shown nothing.
    empty: u64,
}

/// A look at the store that is under way.
#[derive(Debug)]
pub(crate) struct Look {
    /// Its number; looks are one after another.
    pub(crate) number: u64,
    /// The shards to look for.
    pub(crate) shards: Vec<Shard>,
    stale: Vec<MessageId>,
    returned: u64,
}

impl Inbox {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks for this shard's messages too.
    pub(crate) fn hold(&self, fence: Fence) {
        self.state().held.insert(fence.shard, fence);
        self.look.notify_one();
    }

    /// The shards that are looked for.
    pub(crate) fn held(&self) -> Vec<Fence> {
        self.state().held.values().copied().collect()
    }

    /// No longer looks for this shard's messages; those in hand are given back.
    pub(crate) fn let_go(&self, shard: Shard) {
        self.state().held.remove(&shard);
        self.give_back(|recipient| recipient.shard() == shard);
    }

    /// Asks for a look at once.
    pub(crate) fn look(&self) {
        self.look.notify_one();
    }

    /// Waits until a look is asked for.
    pub(crate) async fn asked(&self) {
        self.look.notified().await;
    }

    /// Begins a look; the caller ends it.
    pub(crate) fn begin(&self) -> Look {
        let mut state = self.state();
        state.looks += 1;
        Look {
            number: state.looks,
            shards: state.held.keys().copied().collect(),
            stale: std::mem::take(&mut state.consumed),
            returned: state.returned,
        }
    }

    /// Ends a look: the messages of it that are to be handed out, which are in hand from now on.
    pub(crate) fn end(&self, look: Look, mut messages: Vec<Message>) -> Vec<Message> {
        let mut state = self.state();
        // Something was given back while this look was under way, perhaps because nobody knows whether a commit
        // took place: what it shows may have been consumed meanwhile.
        if state.returned == look.returned {
            messages.retain(|message| {
                let shard = message.to.shard();
                state.held.contains_key(&shard) && !state.taken.contains_key(&message.id)
            });
            for message in &messages {
                state.taken.insert(message.id, message.to.clone());
            }
        } else {
            messages.clear();
            self.look.notify_one();
        }
        for id in look.stale {
            state.taken.remove(&id);
        }
        let nothing = messages.is_empty() && state.taken.len() == state.consumed.len();
        let whole = look.shards.len() == usize::from(SHARDS) && state.held.len() == usize::from(SHARDS);
        state.empty = if nothing && whole { state.empty + 1 } else { 0 };
        drop(state);
        self.looked.notify_waiters();
        messages
    }

    /// Gives up a look that failed.
    pub(crate) fn failed(&self, look: Look) {
        let mut state = self.state();
        state.consumed.extend(look.stale);
        state.empty = 0;
    }

    /// These have left the inbox.
    pub(crate) fn consumed(&self, ids: &[MessageId]) {
        let mut state = self.state();
        for id in ids {
            if state.taken.contains_key(id) {
                state.consumed.push(*id);
            }
        }
    }

    /// What a recipient had in hand is looked for again.
    pub(crate) fn return_of(&self, recipient: &Recipient) {
        self.give_back(|taken| taken == recipient);
    }

    /// The number of the last look that has begun.
    pub(crate) fn looks(&self) -> u64 {
        self.state().looks
    }

    fn give_back(&self, whose: impl Fn(&Recipient) -> bool) {
        let mut state = self.state();
        let consumed = std::mem::take(&mut state.consumed);
        let before = state.taken.len();
        state.taken.retain(|id, recipient| !whose(recipient) || consumed.contains(id));
        let returned = before - state.taken.len();
        state.consumed = consumed;
        if returned > 0 {
            state.returned += 1;
            state.empty = 0;
            drop(state);
            self.look.notify_one();
        }
    }

    /// Waits until two looks in a row, at every shard, have shown nothing while nothing was in hand.
    pub(crate) async fn empty(&self) {
        self.state().empty = 0;
        self.look.notify_one();
        loop {
            let looked = self.looked.notified();
            tokio::pin!(looked);
            looked.as_mut().enable();
            match self.state().empty {
                0 => {}
                1 => self.look.notify_one(),
                _ => return,
            }
            // Whatever is in hand takes its time; a look that is not asked for comes soon enough.
            looked.await;
        }
    }
}
