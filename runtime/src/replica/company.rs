//! Who may work on one database: any number of replicas that share it through Redis, or one without. A lock of the
//! database's says so for as long as its connection lives, which is as long as the process.
//!
//! It keeps a mistake from being made: two processes that each believe to be alone would take the shards from one
//! another. What is safe it does not decide; the epochs do. Deliberately absent: getting a lost lock back.

use crate::store::Postgres;
use anyhow::{Context as _, Result, bail};
use sqlx::PgConnection;
use std::time::Duration;
use tokio::time::Instant;

/// One lock for every replica of an installation; the number is arbitrary and never changes.
const LOCK: i64 = 0x4341_4d50_5245_504c;
/// How long the lock of a process that has just ended may last.
const PATIENCE: Duration = Duration::from_secs(5);
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// The right to work on a database; it ends with this value.
#[derive(Debug)]
pub(super) struct Place(#[expect(dead_code, reason = "it is held, not used")] PgConnection);

/// Takes a place on a database, alone or among replicas that share it.
///
/// # Errors
/// Where somebody else works on it and either of the two is without Redis.
pub(super) async fn take(postgres: &Postgres, alone: bool) -> Result<Place> {
    let statement =
        if alone { "SELECT pg_try_advisory_lock($1)" } else { "SELECT pg_try_advisory_lock_shared($1)" };
    let mut connection = postgres.pool().take().await.context("the database does not answer")?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let asked = sqlx::query_scalar(statement).bind(LOCK).fetch_one(&mut connection);
        // A network may fail without a word.
        let answered = tokio::time::timeout(PATIENCE, asked).await.context("the database does not answer")?;
        let taken: bool = answered.context("the database does not answer")?;
        if taken {
            return Ok(Place(connection));
        }
        if Instant::now() >= deadline {
            bail!(
                "another process works on this database, and one of the two is without Redis: stop that one, or start \
                 both with the same REDIS_URL, by which they share the work"
            );
        }
        tokio::time::sleep(ASK_AGAIN).await;
    }
}
