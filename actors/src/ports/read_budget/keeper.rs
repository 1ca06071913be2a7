//! The task that sees to one counter's pool, for as long as anything of this process counts in it or is wanted.
//!
//! One exchange at a time, so that nothing overtakes. Deliberately absent: when to ask and for how much (`purse`).

use super::{Pool, ReadBudget, Resource, Signals, purse::Next};
use std::future::Future;
use tokio::{sync::futures::Notified, time::Instant};

impl ReadBudget {
    /// Has the pool asked, if nobody does so already.
    pub(super) fn see_to_pool(&self, resource: Resource) {
        let Some(pool) = &self.0.pool else { return };
        let was_kept = std::mem::replace(&mut self.lock().of(resource).kept, true);
        if !was_kept {
            tokio::spawn(self.clone().keep(resource));
        }
        pool.signals(resource).news.notify_one();
    }

    /// Something was spent, or is not wanted any more.
    pub(super) fn tell(&self, resource: Resource) {
        if let Some(pool) = &self.0.pool {
            pool.signals(resource).news.notify_one();
        }
    }

    /// The end of the next exchange that ends from now on.
    pub(super) fn told(&self, resource: Resource) -> Option<Notified<'_>> {
        self.0.pool.as_ref().map(|pool| pool.signals(resource).told.notified())
    }

    async fn keep(self, resource: Resource) {
        let Some(pool) = &self.0.pool else { return };
        let signals = pool.signals(resource);
        while let Some(next) = self.next(resource) {
            match next {
                Next::Ask(want) => self.exchange(pool, resource, want).await,
                Next::Wait(then) => {
                    tokio::select! {
                        () = tokio::time::sleep_until(then) => {}
                        () = signals.news.notified() => {}
                    }
                }
                Next::Rest => return,
            }
        }
    }

    /// What is to be done; at its end it is not kept any more.
    fn next(&self, resource: Resource) -> Option<Next> {
        let (clock, windows) = (self.now(), self.windows(resource));
        let mut book = self.lock();
        let page = book.of(resource);
        let next = page.purse.next(&page.spent, windows, clock, Instant::now());
        page.kept = next != Next::Rest;
        page.kept.then_some(next)
    }

    fn exchange<'a>(
        &'a self,
        pool: &'a Pool,
        resource: Resource,
        want: u32,
    ) -> impl Future<Output = ()> + Send + 'a {
        let (asked, windows) = (Instant::now(), self.windows(resource));
        let account = {
            let clock = self.now();
            let mut book = self.lock();
            let page = book.of(resource);
            page.purse.say(&page.spent, (&pool.owner, resource), windows, want, (clock, asked))
        };
        async move {
            let answer = pool.points.exchange(&account).await;
            let mut book = self.lock();
            let purse = &mut book.of(resource).purse;
            match answer {
                Ok(lent) if purse.hear(lent, want, windows, (asked, Instant::now())) => {
                    tracing::info!(owner = pool.owner, "the points of reads are shared again");
                }
                Err(silent) if purse.miss(asked) => {
                    tracing::warn!(owner = pool.owner, %silent, "it is read by this replica's share of the points");
                }
                _ => {}
            }
            drop(book);
            pool.signals(resource).told.notify_waiters();
        }
    }
}

impl Pool {
    fn signals(&self, resource: Resource) -> &Signals {
        match resource {
            Resource::Rest => &self.rest,
            Resource::GraphQl => &self.graphql,
        }
    }
}
