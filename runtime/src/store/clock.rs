//! Hearing that the database's clock was moved: one connection that listens.
//!
//! Production never moves it, so a listener that cannot connect costs nothing and only tries again. Deliberately
//! absent: moving the clock, which is a function of the schema.

use super::failure::words;
use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgListener, PgPoolOptions},
};
use std::{sync::Arc, time::Duration};
use tokio::{sync::watch, task::AbortHandle};

/// The channel that `campaigns_move_clock` notifies.
const CHANNEL: &str = "campaigns_clock";
/// How long until a listener that could not connect tries again.
const AGAIN: Duration = Duration::from_secs(5);

/// How far ahead the database's clock is, followed for as long as a clone lives.
#[derive(Debug, Clone)]
pub(super) struct Clock {
    ahead: watch::Receiver<Duration>,
    listening: Arc<Listening>,
}

/// Ends with its last user.
#[derive(Debug)]
struct Listening(AbortHandle);

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Clock {
    /// Follows the clock of the database at `to`. Call it inside a tokio runtime.
    pub(super) fn follow(to: PgConnectOptions) -> Self {
        let (tell, ahead) = watch::channel(Duration::ZERO);
        let listening = tokio::spawn(listen(to, tell)).abort_handle();
        Self { ahead, listening: Arc::new(Listening(listening)) }
    }

    pub(super) fn ahead(&self) -> watch::Receiver<Duration> {
        self.ahead.clone()
    }

    /// Gives the connection back.
    pub(super) fn close(&self) {
        self.listening.0.abort();
    }
}

async fn listen(to: PgConnectOptions, tell: watch::Sender<Duration>) {
    // The listener keeps the one connection, the other reads.
    let pool = PgPoolOptions::new().max_connections(2).connect_lazy_with(to);
    loop {
        if let Err(error) = hear(&pool, &tell).await {
            tracing::debug!(error = %words(&error), "the database's clock is not listened to: it is tried again");
        }
        tokio::time::sleep(AGAIN).await;
    }
}

async fn hear(pool: &PgPool, tell: &watch::Sender<Duration>) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(CHANNEL).await?;
    loop {
        let microseconds: i64 =
            sqlx::query_scalar("SELECT (extract(epoch FROM ahead) * 1000000)::bigint FROM clock")
                .fetch_one(&mut listener)
                .await?;
        let ahead = Duration::from_micros(microseconds.unsigned_abs());
        tell.send_if_modified(|known| std::mem::replace(known, ahead) != ahead);
        // Nothing also stands for a connection that was lost and is had again: something may have been missed.
        listener.try_recv().await?;
    }
}
