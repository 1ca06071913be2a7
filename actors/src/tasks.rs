//! What is under way off the mailboxes: effects as tokio tasks that can be stopped together and waited for, and
//! counts of everything unfinished, so that drain and idleness are facts and not guesses.
//!
//! Deliberately absent: what the tasks do (`perform`).

use futures::FutureExt;
use std::{
    future::Future,
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::{
    sync::watch,
    task::{AbortHandle, JoinHandle},
};
use tracing::Instrument;

/// A count of what is unfinished; counts of a shard also count in their system's.
#[derive(Debug, Clone)]
pub(crate) struct Activity {
    count: Arc<watch::Sender<usize>>,
    begun: Arc<AtomicU64>,
    whole: Option<Arc<Activity>>,
}

impl Activity {
    pub(crate) fn new() -> Self {
        Self { count: Arc::new(watch::Sender::new(0)), begun: Arc::default(), whole: None }
    }

    /// A count of its own that also counts here.
    pub(crate) fn part(&self) -> Self {
        Self { whole: Some(Arc::new(self.clone())), ..Self::new() }
    }

    /// One more, until the guard is dropped.
    pub(crate) fn busy(&self) -> Busy {
        self.begun.fetch_add(1, Ordering::SeqCst);
        self.count.send_modify(|count| *count += 1);
        Busy { _whole: self.whole.as_ref().map(|whole| Box::new(whole.busy())), count: self.count.clone() }
    }

    /// Whether nothing is unfinished now.
    pub(crate) fn is_none(&self) -> bool {
        *self.count.borrow() == 0
    }

    /// How often anything has begun. Where nothing was unfinished and this has not moved, nothing has happened.
    pub(crate) fn begun(&self) -> u64 {
        self.begun.load(Ordering::SeqCst)
    }

    /// Waits until nothing is unfinished.
    pub(crate) async fn none(&self) {
        let mut count = self.count.subscribe();
        // The sender lives as long as `self`, so that this cannot end early.
        let _ = count.wait_for(|count| *count == 0).await;
    }
}

/// Something unfinished.
#[derive(Debug)]
pub(crate) struct Busy {
    count: Arc<watch::Sender<usize>>,
    _whole: Option<Box<Busy>>,
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.count.send_modify(|count| *count -= 1);
    }
}

/// The tasks of one shard.
#[derive(Debug, Clone)]
pub(crate) struct Tasks {
    stop: Arc<watch::Sender<bool>>,
    /// Whether the whole process stops.
    stopped: watch::Receiver<bool>,
    running: Activity,
    /// What the shard has not finished: tasks and outcomes that are not recorded yet.
    pub(crate) activity: Activity,
}

/// A task; dropping it stops it.
#[derive(Debug)]
pub(crate) struct Task(AbortHandle);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A task ended by a panic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the program failed while doing it (a panic; the log has its place)")]
pub(crate) struct Panicked;

impl Tasks {
    pub(crate) fn new(activity: Activity, stopped: watch::Receiver<bool>) -> Self {
        Self { stop: Arc::new(watch::Sender::new(false)), stopped, running: Activity::new(), activity }
    }

    /// Performs `work` off the mailbox and hands its outcome over. What is handed over counts as unfinished
    /// until the guard that comes with it is dropped, which is after the outcome has been recorded.
    pub(crate) fn perform<T, F, D>(&self, work: F, deliver: D) -> Task
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
        D: FnOnce(Result<T, Panicked>, Busy) + Send + 'static,
    {
        let (running, busy) = (self.running.busy(), self.activity.busy());
        let (mut stop, mut stopped) = (self.stop.subscribe(), self.stopped.clone());
        let task = async move {
            let outcome = {
                let work = AssertUnwindSafe(work).catch_unwind();
                tokio::pin!(work);
                tokio::select! {
                    biased;
                    _ = stop.wait_for(|stop| *stop) => None,
                    _ = stopped.wait_for(|stopped| *stopped) => None,
                    outcome = &mut work => Some(outcome),
                }
            };
            drop(running);
            if let Some(outcome) = outcome {
                deliver(outcome.map_err(|_| Panicked), busy);
            }
        };
        let handle: JoinHandle<()> = tokio::spawn(task.in_current_span());
        Task(handle.abort_handle())
    }

    /// Stops every task, and returns when none is left. No task can be started afterwards.
    pub(crate) async fn close(&self) {
        self.stop.send_replace(true);
        self.running.none().await;
    }
}
