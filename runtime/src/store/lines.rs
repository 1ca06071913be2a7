//! The connections that commits go over: as many as there are writers, kept between batches, the one that was used last
//! first.
//!
//! Not a pool, which asks each connection how it is when it comes back, before whoever waits for the commit hears of
//! it, and which hands out the one that has rested longest, whose server has the coldest caches (`connections`).
//! Deliberately absent: how many there are at once, which is the number of writers (`gathering`).

use super::{
    connect::answer_within,
    connections::{ASKED, RESTED, silent},
};
use sqlx::{
    ConnectOptions as _, Connection as _, PgConnection,
    postgres::{PgConnectOptions, PgDatabaseError, PgSeverity},
};
use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// How old a connection grows. What stands between us and the server may want to be gone through anew at times.
const OLDEST: Duration = Duration::from_secs(30 * 60);

/// How many rows a commit writes within the time of any statement.
const ROWS: usize = 10_000;
/// How much more time a commit has for each row that is more: over ten times what the server takes for one.
const EACH_ROW: Duration = Duration::from_micros(100);

/// Where commits go.
#[derive(Debug)]
pub(super) struct Lines {
    to: PgConnectOptions,
    /// How long opening a connection may take.
    within: Duration,
    /// How long the server lets any statement run.
    statement: Duration,
    resting: Mutex<Vec<Line>>,
    closed: AtomicBool,
}

/// A connection that nobody else uses. What is dropped is closed.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) connection: PgConnection,
    opened: Instant,
    used: Instant,
    /// How long the server lets a statement run here.
    statement: Duration,
}

impl Lines {
    /// Lines that are opened within a time, to where the server lets any statement run for as long as `statement`.
    pub(super) fn new(to: PgConnectOptions, within: Duration, statement: Duration) -> Self {
        Self { to, within, statement, resting: Mutex::default(), closed: AtomicBool::new(false) }
    }

    fn resting(&self) -> MutexGuard<'_, Vec<Line>> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection that answers, for a commit of so many rows. It has as long as any statement, and longer in
    /// proportion where it is the targets of a large run (docs/adr/0019): so long may a takeover of the run's shard wait.
    pub(super) async fn take(&self, rows: usize) -> Result<Line, sqlx::Error> {
        let mut line = self.answering().await?;
        let more = u32::try_from(rows.saturating_sub(ROWS)).unwrap_or(u32::MAX);
        if more > 0 {
            line.limit(self.statement + EACH_ROW.saturating_mul(more)).await?;
        }
        Ok(line)
    }

    async fn answering(&self) -> Result<Line, sqlx::Error> {
        if self.closed.load(Ordering::Acquire) {
            return Err(sqlx::Error::PoolClosed);
        }
        // Outside of the loop's condition, so that nothing stays locked while one is asked.
        let next = || self.resting().pop();
        while let Some(mut line) = next() {
            if line.opened.elapsed() >= OLDEST {
                continue;
            }
            if line.used.elapsed() < RESTED {
                return Ok(line);
            }
            if let Ok(Ok(())) = tokio::time::timeout(ASKED, line.connection.ping()).await {
                return Ok(line);
            }
            // The others have rested longer, and are as likely gone.
            self.resting().clear();
        }
        let opened = tokio::time::timeout(self.within, self.to.connect()).await;
        let connection = opened.unwrap_or_else(|_| Err(silent(self.within)))?;
        let now = Instant::now();
        Ok(Line { connection, opened: now, used: now, statement: self.statement })
    }

    /// Takes a connection back that owes no answer; one that has a limit of its own is closed.
    pub(super) fn give_back(&self, mut line: Line) {
        line.used = Instant::now();
        let mut resting = self.resting();
        if line.statement == self.statement && !self.closed.load(Ordering::Acquire) {
            resting.push(line);
        }
    }

    /// Closes what rests; what is in use is closed once it comes back.
    pub(super) async fn close(&self) {
        self.closed.store(true, Ordering::Release);
        let resting = std::mem::take(&mut *self.resting());
        for line in resting {
            // The server finds out by itself otherwise.
            let _ = line.connection.close().await;
        }
    }
}

impl Line {
    /// How long the answer of a statement is waited for.
    pub(super) fn answer_within(&self) -> Duration {
        answer_within(self.statement)
    }

    /// Lets statements run so long from here on.
    async fn limit(&mut self, statement: Duration) -> Result<(), sqlx::Error> {
        let within = self.answer_within();
        let set = sqlx::query("SELECT set_config('statement_timeout', $1, false)")
            .bind(statement.as_millis().to_string())
            .execute(&mut self.connection);
        tokio::time::timeout(within, set).await.unwrap_or_else(|_| Err(silent(within)))?;
        self.statement = statement;
        Ok(())
    }
}

/// Whether a connection on which this was the answer can be used again: the statement failed, and nothing else.
pub(super) fn goes_on(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(error) = error else { return false };
    error.try_downcast_ref::<PgDatabaseError>().is_some_and(|error| error.severity() == PgSeverity::Error)
}
