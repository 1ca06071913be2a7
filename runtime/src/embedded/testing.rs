//! Support for tests that need a real database: `fresh_database().await?` gives an empty one of the caller's own.
//!
//! One throw-away server serves all tests of a process. Its folder is a *slot* under the temporary folder: a
//! process takes the first slot that nobody holds, so that `initdb` runs once per slot and not once per test
//! program, while programs that run side by side have servers of their own. The server ends with the process: the
//! kernel tells it to. What a killed test left in a slot is removed by the next one that takes it.
//!
//! Absent: anything for production; migrations (the store's tests run them); templates.

use super::{EmbeddedError, EmbeddedPostgres, Options};
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// More test programs side by side than this are a mistake.
const SLOTS: usize = 64;

/// An empty database; it is dropped, with its connections, when this is dropped.
#[derive(Debug)]
pub struct TestDatabase {
    name: String,
    url: String,
    work: mpsc::UnboundedSender<Work>,
}

impl TestDatabase {
    /// The address for sqlx and every other client.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The database's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A pool of connections to it. Pools belong to the runtime that made them: make one per test.
    pub async fn pool(&self) -> Result<PgPool, sqlx::Error> {
        sqlx::postgres::PgPoolOptions::new().max_connections(10).connect(&self.url).await
    }

    /// Moves the clock that everybody on this database goes by ahead, once it has the schema.
    pub async fn move_clock(&self, by: Duration) -> Result<(), sqlx::Error> {
        let mut connection = PgConnection::connect(&self.url).await?;
        sqlx::query("SELECT campaigns_move_clock(make_interval(secs => $1))")
            .bind(by.as_secs_f64())
            .execute(&mut connection)
            .await?;
        connection.close().await
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        // The server may be gone already: then so is the database.
        let _ = self.work.send(Work::Drop(std::mem::take(&mut self.name)));
    }
}

/// Makes an empty database in this process's throw-away server, which the first call starts.
pub async fn fresh_database() -> Result<TestDatabase, EmbeddedError> {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let server = tokio::task::spawn_blocking(server)
        .await
        .map_err(|error| EmbeddedError::Testing(error.to_string()))??;
    let name = format!("test_{}_{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
    let (made, making) = oneshot::channel();
    let gone = |_| EmbeddedError::Testing("the test server's keeper is gone".to_owned());
    server.work.send(Work::Create(name.clone(), made)).map_err(|_| gone(()))?;
    making.await.map_err(|_| gone(()))?.map_err(EmbeddedError::Testing)?;
    let url = server.postgres.url_of(&name);
    Ok(TestDatabase { name, url, work: server.work.clone() })
}

/// The process's server. It is never dropped: the kernel stops it when the process ends.
#[derive(Debug)]
struct Server {
    postgres: EmbeddedPostgres,
    work: mpsc::UnboundedSender<Work>,
}

/// What the one administrating connection is asked to do.
#[derive(Debug)]
enum Work {
    Create(String, oneshot::Sender<Result<(), String>>),
    Drop(String),
}

fn server() -> Result<&'static Server, EmbeddedError> {
    static SERVER: OnceLock<Result<Server, String>> = OnceLock::new();
    SERVER
        .get_or_init(|| start().map_err(|error| error.to_string()))
        .as_ref()
        .map_err(|words| EmbeddedError::Testing(words.clone()))
}

fn start() -> Result<Server, EmbeddedError> {
    let postgres = take_slot(&slots()?)?;
    let (work, todo) = mpsc::unbounded_channel();
    let url = postgres.url_of("postgres");
    // A thread and runtime of its own: every test has another runtime, which ends with it.
    std::thread::Builder::new()
        .name("test-databases".to_owned())
        .spawn(move || administrate(&url, todo))
        .map_err(|error| EmbeddedError::Testing(error.to_string()))?;
    Ok(Server { postgres, work })
}

/// The folder of slots: this user's, under the temporary folder.
fn slots() -> Result<PathBuf, EmbeddedError> {
    let own = rustix::process::geteuid().as_raw();
    let folder = std::env::temp_dir().join(format!("campaigns-test-{own}"));
    // Root's database account passes through; nobody else needs to.
    let mode = if own == 0 { 0o711 } else { 0o700 };
    match std::fs::DirBuilder::new().mode(mode).create(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            return Err(EmbeddedError::file("create", &folder)(error));
        }
        _ => {}
    }
    let found = std::fs::symlink_metadata(&folder).map_err(EmbeddedError::file("open", &folder))?;
    if !found.is_dir() || found.uid() != own {
        return Err(EmbeddedError::file("use", &folder)(std::io::Error::other("it is somebody else's")));
    }
    Ok(folder)
}

/// Starts the server of the first slot that nobody holds.
fn take_slot(slots: &Path) -> Result<EmbeddedPostgres, EmbeddedError> {
    let options = Options::throwaway();
    for number in 0..SLOTS {
        let slot = slots.join(number.to_string());
        match EmbeddedPostgres::start_with(&slot, &options) {
            Err(EmbeddedError::InUse { .. }) => {}
            // Data without fsync does not survive a crash of the machine, nor a change of version: begin anew.
            Err(EmbeddedError::NotStarted { .. } | EmbeddedError::WrongVersion { .. }) => {
                let data = slot.join("data");
                std::fs::remove_dir_all(&data).map_err(EmbeddedError::file("remove", &data))?;
                return EmbeddedPostgres::start_with(&slot, &options);
            }
            other => return other,
        }
    }
    Err(EmbeddedError::InUse { folder: slots.to_owned(), owner: format!("{SLOTS} test programs") })
}

/// Creates and drops databases, one after the other, until nobody can ask any more.
fn administrate(url: &str, mut todo: mpsc::UnboundedReceiver<Work>) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return tracing::error!(%error, "no runtime for the test databases"),
    };
    runtime.block_on(async {
        let mut connection = match PgConnection::connect(url).await {
            Ok(connection) => connection,
            Err(error) => return tracing::error!(%error, "no connection for the test databases"),
        };
        if let Err(error) = drop_left_over(&mut connection).await {
            return tracing::error!(%error, "left-over test databases could not be removed");
        }
        while let Some(work) = todo.recv().await {
            match work {
                Work::Create(name, made) => {
                    let statement = format!("CREATE DATABASE {name} TEMPLATE template0");
                    let result = sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await;
                    // The test may have given up.
                    let _ = made.send(result.map(drop).map_err(|error| error.to_string()));
                }
                Work::Drop(name) => {
                    if let Err(error) = remove(&mut connection, &name).await {
                        tracing::warn!(%error, name, "a test database could not be removed");
                    }
                }
            }
        }
    });
}

/// What tests that were killed left in this slot.
async fn drop_left_over(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let names: Vec<String> =
        sqlx::query_scalar(r"SELECT datname FROM pg_database WHERE datname LIKE 'test\_%'")
            .fetch_all(&mut *connection)
            .await?;
    for name in names {
        remove(connection, &name).await?;
    }
    Ok(())
}

async fn remove(connection: &mut PgConnection, name: &str) -> Result<(), sqlx::Error> {
    let statement = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await.map(drop)
}
