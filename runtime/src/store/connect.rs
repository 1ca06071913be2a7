//! Opening the store: settings, migrations, and the checks that keep two versions or two installations apart.
//!
//! Deliberately absent: finding or starting a server (`embedded`).

use super::{
    Postgres, clock::Clock, connections::Connections, failure::words, gathering::Gathering, lines::Lines,
};
use campaigns_domain::id::SHARDS;
use sqlx::{
    Connection as _, PgConnection,
    migrate::{MigrateError, Migrator},
    postgres::PgConnectOptions,
};
use std::{str::FromStr as _, sync::Arc, time::Duration};
use uuid::Uuid;

static MIGRATOR: Migrator = sqlx::migrate!("../migrations");
/// One lock for every process that migrates this database; the number is arbitrary and never changes.
const MIGRATION_LOCK: i64 = 0x4341_4d50_4149_474e;

/// How much longer the program waits for the answer of a statement than the server lets it run.
const ANSWER: Duration = Duration::from_secs(2);

/// The migrations that this program knows, oldest first.
pub fn migrator() -> &'static Migrator {
    &MIGRATOR
}

/// How the database is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Connections for reads, at most.
    pub connections: u32,
    /// Connections for commits, at most. One batch at a time goes over each; a few are as fast as many.
    pub commit_connections: u32,
    /// Connections kept apart for ownership and permits, at most.
    pub fence_connections: u32,
    /// How long somebody waits for a free connection.
    pub acquire_timeout: Duration,
    /// How long one statement may take before the server ends it. Bounds how long a takeover may wait for a commit, except
    /// for one that plans a large run, which has longer by its size (docs/adr/0019).
    pub statement_timeout: Duration,
    /// How long one statement of ownership or permits may take.
    pub fence_timeout: Duration,
    /// How long a transaction of an owner may stay open without doing anything before the server ends it.
    pub idle_in_transaction_timeout: Duration,
    /// The same for one of whoever asks over the API. It holds nothing of a shard's, so no takeover waits for it, and a
    /// process to which a busy machine gives no time for a moment answers all the same.
    pub idle_asking_timeout: Duration,
    /// How long a migration waits for another process that migrates.
    pub migration_timeout: Duration,
    /// How long a migration waits for one lock; it gives up rather than hold up everybody behind it.
    pub migration_lock_timeout: Duration,
}

impl Default for Options {
    /// 12, 4 and 3 connections; 5 s for a connection, 10 s for a statement, 5 s for ownership, 1 s of idleness within
    /// a transaction of an owner and 5 s within one of the API.
    fn default() -> Self {
        Self {
            connections: 12,
            commit_connections: 4,
            fence_connections: 3,
            acquire_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(10),
            fence_timeout: Duration::from_secs(5),
            idle_in_transaction_timeout: Duration::from_secs(1),
            idle_asking_timeout: Duration::from_secs(5),
            migration_timeout: Duration::from_secs(120),
            migration_lock_timeout: Duration::from_secs(5),
        }
    }
}

/// How long the program waits for the answer of a statement that the server lets run so long.
pub(super) fn answer_within(timeout: Duration) -> Duration {
    timeout + ANSWER
}

/// Why the store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL is not one of a PostgreSQL database.
    #[error("the database URL cannot be read ({0}): write postgres://USER@HOST:PORT/NAME")]
    Url(String),
    /// There is no answer, or no entry.
    #[error("the database does not answer: {0}. Is it running, and may this user connect?")]
    Unreachable(String),
    /// The database has migrations that this program does not know.
    #[error(
        "the database was written by a newer version of Campaigns (schema {found}; this version knows up to {known}): \
         start a newer version"
    )]
    NewerSchema {
        /// The newest migration in the database.
        found: i64,
        /// The newest one known here.
        known: i64,
    },
    /// A migration could not be carried out; what was there before is unchanged.
    #[error("the database could not be brought to this version's schema: {0}")]
    Migration(String),
    /// The installation was made with another number of shards.
    #[error(
        "this installation has {found} shards and this version works with {wanted}: every replica of an installation \
         must agree on them, and they cannot be changed afterwards"
    )]
    Shards {
        /// The number in the database.
        found: i64,
        /// The number here.
        wanted: u16,
    },
}

impl Postgres {
    /// Opens the store at `url`: brings the schema to this version's, one process at a time, and checks that the
    /// installation is one that this program can work with.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub async fn connect(url: &str, options: Options) -> Result<Self, ConnectError> {
        // The parser's error may quote the URL, and with it a password.
        let to =
            PgConnectOptions::from_str(url).map_err(|error| ConnectError::Url(without_url(&error, url)))?;
        let to = to.application_name("campaigns").statement_cache_capacity(256);
        migrate(&to, &options).await?;
        let idling = |timeout: Duration, idle: Duration| {
            to.clone().options([
                ("statement_timeout", timeout.as_millis().to_string()),
                ("idle_in_transaction_session_timeout", idle.as_millis().to_string()),
                ("jit", "off".to_owned()),
            ])
        };
        let settings = |timeout: Duration| idling(timeout, options.idle_in_transaction_timeout);
        // A commit's statement is planned once: its plan is right for any number of rows, and planning it again for
        // each would cost more than carrying it out.
        let planned_once =
            settings(options.statement_timeout).options([("plan_cache_mode", "force_generic_plan")]);
        let open = async |connections: u32, timeout: Duration, to: PgConnectOptions| {
            Connections::open(to, connections, options.acquire_timeout, answer_within(timeout))
                .await
                .map_err(|error| ConnectError::Unreachable(words(&error)))
        };
        let (statement, fence) = (options.statement_timeout, options.fence_timeout);
        let asking = idling(statement, options.idle_asking_timeout);
        let pool = open(options.connections, statement, asking).await?;
        let lines = Arc::new(Lines::new(planned_once, options.acquire_timeout, statement));
        let fence_pool = open(options.fence_connections, fence, settings(fence)).await?;
        let clock = Clock::follow(settings(options.statement_timeout));
        let gathering = Arc::new(Gathering::new(options.commit_connections));
        let store = Self { pool, lines, fence_pool, clock, gathering, listener: Arc::default() };
        store.check_shards().await?;
        store.purge_left_over().await;
        Ok(store)
    }

    /// The installation that the database belongs to.
    ///
    /// # Errors
    /// [`ConnectError::Unreachable`].
    pub async fn installation(&self) -> Result<Uuid, ConnectError> {
        let id = sqlx::query_scalar("SELECT id FROM installation").fetch_one(&self.pool).await;
        id.map_err(|error| ConnectError::Unreachable(words(&error)))
    }

    async fn check_shards(&self) -> Result<(), ConnectError> {
        let unreachable = |error: sqlx::Error| ConnectError::Unreachable(words(&error));
        let stored: i32 = sqlx::query_scalar("SELECT shards FROM installation")
            .fetch_one(&self.pool)
            .await
            .map_err(unreachable)?;
        let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM shards")
            .fetch_one(&self.pool)
            .await
            .map_err(unreachable)?;
        match [i64::from(stored), rows].into_iter().find(|found| *found != i64::from(SHARDS)) {
            Some(found) => Err(ConnectError::Shards { found, wanted: SHARDS }),
            None => Ok(()),
        }
    }

    /// Removes consumed messages of runs that ended without their purge, as far as one statement goes.
    async fn purge_left_over(&self) {
        let purged = sqlx::query(
            "DELETE FROM inbox WHERE id IN (SELECT i.id FROM inbox i JOIN runs r ON r.id = i.run \
             WHERE i.consumed_at IS NOT NULL AND r.state IN ('completed', 'cancelled', 'failed') LIMIT 20000)",
        )
        .execute(&self.pool)
        .await;
        if let Err(error) = purged {
            tracing::warn!(error = %words(&error), "consumed messages of ended runs were not removed");
        }
    }
}

async fn migrate(to: &PgConnectOptions, options: &Options) -> Result<(), ConnectError> {
    use sqlx::ConnectOptions as _;
    // A network may fail without a word, and then nothing else ends the wait.
    let within =
        |limit: Duration| ConnectError::Unreachable(format!("no answer within {} s", limit.as_secs()));
    let mut connection = tokio::time::timeout(options.acquire_timeout, to.connect())
        .await
        .map_err(|_| within(options.acquire_timeout))?
        .map_err(|error| ConnectError::Unreachable(words(&error)))?;
    // Waiting for who migrates just now, and migrating.
    let limit = options.migration_timeout * 2;
    let migrated = tokio::time::timeout(limit, migrate_locked(&mut connection, options)).await;
    // Closing the session also gives up the lock.
    let _ = tokio::time::timeout(options.acquire_timeout, connection.close()).await;
    migrated.map_err(|_| within(limit))?
}

async fn migrate_locked(connection: &mut PgConnection, options: &Options) -> Result<(), ConnectError> {
    let failed = |error: sqlx::Error| ConnectError::Migration(words(&error));
    lock_timeout(connection, options.migration_timeout).await.map_err(failed)?;
    sqlx::query("SELECT pg_advisory_lock($1)")
        .bind(MIGRATION_LOCK)
        .execute(&mut *connection)
        .await
        .map_err(failed)?;
    lock_timeout(connection, options.migration_lock_timeout).await.map_err(failed)?;
    let known = MIGRATOR.iter().map(|migration| migration.version).max().unwrap_or_default();
    MIGRATOR.run(&mut *connection).await.map_err(|error| match error {
        MigrateError::VersionMissing(found) => ConnectError::NewerSchema { found, known },
        MigrateError::VersionMismatch(version) => ConnectError::Migration(format!(
            "migration {version} was carried out with another text than this version's; the database belongs to a \
             different build"
        )),
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => failed(error),
        other => ConnectError::Migration(other.to_string()),
    })
}

async fn lock_timeout(connection: &mut PgConnection, timeout: Duration) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT set_config('lock_timeout', $1, false)")
        .bind(timeout.as_millis().to_string())
        .execute(connection)
        .await
        .map(drop)
}

fn without_url(error: &sqlx::Error, url: &str) -> String {
    let said = error.to_string();
    if said.contains(url) { "it is not a URL".to_owned() } else { said }
}
