//! What is to be said to other replicas, gathered until Redis takes it, so that whoever has something to say never waits
//! and saying it many times is saying it once.
//!
//! Deliberately absent: order, and how it is sent.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};
use tokio::sync::Notify;

#[derive(Debug)]
pub(super) struct Outbox<T> {
    waiting: Mutex<BTreeSet<T>>,
    more: Notify,
}

impl<T> Default for Outbox<T> {
    fn default() -> Self {
        Self { waiting: Mutex::default(), more: Notify::new() }
    }
}

impl<T: Ord> Outbox<T> {
    pub(super) fn send(&self, item: T) {
        self.send_again([item]);
    }

    /// Takes back what could not be sent.
    pub(super) fn send_again(&self, items: impl IntoIterator<Item = T>) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).extend(items);
        self.more.notify_one();
    }

    /// Everything that waits, as soon as something does.
    pub(super) async fn next(&self) -> BTreeSet<T> {
        loop {
            let items = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
            if !items.is_empty() {
                return items;
            }
            self.more.notified().await;
        }
    }
}
