//! What serves the demo: one replica in this process, or several as processes of their own on one database and one
//! Redis, which this process starts for them.
//!
//! The replicas are this program under the word `serve`, so that the demo has no way in that others have not.
//! Deliberately absent: starting again what has ended. The others take its work over, which is the point.

use crate::output;
use anyhow::{Context as _, Result, anyhow, bail};
use campaigns_runtime::{
    cluster::server::RedisServer,
    config::RedisUrl,
    embedded::EmbeddedPostgres,
    replica::{Replica, make_folder},
};
use serde::Deserialize;
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

/// How far apart the ports of the replicas are.
const PORTS: u16 = 10;
/// How often a look is taken at who still runs.
const LOOK: Duration = Duration::from_secs(1);

/// What serves the demo.
pub(crate) enum Served {
    /// One replica, in this process.
    Here(Box<Replica>),
    /// Several, as processes.
    Apart(Box<Replicas>),
}

/// Replicas as processes, and what they share.
pub(crate) struct Replicas {
    replicas: Vec<Process>,
    token: String,
    postgres: EmbeddedPostgres,
    redis: Option<RedisServer>,
}

/// What replicas are started with.
pub(crate) struct Common<'a> {
    pub(crate) count: u16,
    pub(crate) data: &'a Path,
    /// Where the first listens; port 0 takes any free one for each.
    pub(crate) listen: SocketAddr,
    pub(crate) github_url: &'a str,
    pub(crate) github_token: &'a str,
    pub(crate) webhook_secret: &'a str,
    /// A Redis that is there already.
    pub(crate) redis_url: Option<RedisUrl>,
}

struct Process {
    child: Child,
    pid: Option<u32>,
    said: Greeting,
    ended: bool,
}

/// The line that `serve` prints when it is up.
#[derive(Debug, Deserialize)]
struct Greeting {
    url: String,
    token_file: Option<PathBuf>,
}

impl Served {
    /// The address of the server, or of the first.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::Here(replica) => format!("http://{}", replica.address()),
            Self::Apart(replicas) => replicas.replicas[0].said.url.clone(),
        }
    }

    /// The addresses of the others and their process ids.
    pub(crate) fn others(&self) -> Vec<(String, Option<u32>)> {
        match self {
            Self::Here(_) => vec![],
            Self::Apart(all) => {
                all.replicas[1..].iter().map(|each| (each.said.url.clone(), each.pid)).collect()
            }
        }
    }

    /// The first API token.
    pub(crate) fn token(&self) -> &str {
        match self {
            Self::Here(replica) => replica.token(),
            Self::Apart(replicas) => &replicas.token,
        }
    }

    /// The file that holds it.
    pub(crate) fn token_file(&self) -> Option<&Path> {
        match self {
            Self::Here(replica) => replica.token_file(),
            Self::Apart(replicas) => replicas.replicas[0].said.token_file.as_deref(),
        }
    }

    /// Resolves when the demo cannot go on. A replica that ended is told of; the others go on.
    pub(crate) async fn failed(&mut self) -> anyhow::Error {
        match self {
            Self::Here(replica) => replica.failed().await,
            Self::Apart(replicas) => replicas.failed().await,
        }
    }

    /// Stops everything.
    ///
    /// # Errors
    /// Where something did not stop well.
    pub(crate) async fn stop(self) -> Result<()> {
        match self {
            Self::Here(replica) => replica.stop().await,
            Self::Apart(replicas) => replicas.stop().await,
        }
    }
}

impl Replicas {
    /// Starts a database, a Redis unless one is named, and the replicas on them.
    ///
    /// # Errors
    /// What could not be started, and why.
    pub(crate) async fn start(common: Common<'_>) -> Result<Self> {
        let folder = common.data.join("postgres");
        let postgres = tokio::task::spawn_blocking(move || EmbeddedPostgres::start(&folder))
            .await
            .context("starting the database was interrupted")??;
        let (redis_url, redis) = match common.redis_url.clone() {
            Some(url) => (url, None),
            None => {
                let folder = common.data.join("redis");
                make_folder(&folder)?;
                let redis = tokio::task::spawn_blocking(move || RedisServer::start(&folder))
                    .await
                    .context("starting Redis was interrupted")??;
                (redis.url()?, Some(redis))
            }
        };
        let mut replicas = vec![];
        for number in 0..common.count {
            // The first brings the schema and the token; the others wait for neither.
            replicas.push(start(&common, number, &postgres.url(), &redis_url).await?);
        }
        let first = replicas.first().and_then(|first: &Process| first.said.token_file.as_deref());
        let file = first.context("the first replica has written no API token")?;
        let token =
            std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
        Ok(Self { replicas, token: token.trim().to_owned(), postgres, redis })
    }

    async fn failed(&mut self) -> anyhow::Error {
        loop {
            tokio::time::sleep(LOOK).await;
            for (number, process) in (1..).zip(&mut self.replicas) {
                if !process.ended && !matches!(process.child.try_wait(), Ok(None)) {
                    process.ended = true;
                    output::note(&format!("replica {number} has ended: the others take its work over"));
                }
            }
            if self.replicas.iter().all(|process| process.ended) {
                return anyhow!("every replica has ended; what they said stands above");
            }
            if !self.postgres.runs() {
                return anyhow!("the embedded database ended by itself; its log is in the data folder");
            }
        }
    }

    async fn stop(mut self) -> Result<()> {
        for process in &mut self.replicas {
            // Its end is how it is asked to stop.
            drop(process.child.stdin.take());
        }
        for process in &mut self.replicas {
            process.child.wait().await.context("a replica did not stop")?;
        }
        let Self { postgres, redis, .. } = self;
        tokio::task::spawn_blocking(move || {
            drop(redis);
            postgres.stop()
        })
        .await
        .context("stopping the database was interrupted")??;
        Ok(())
    }
}

async fn start(
    common: &Common<'_>,
    number: u16,
    database_url: &str,
    redis_url: &RedisUrl,
) -> Result<Process> {
    let program = std::env::current_exe().context("this program does not know where it is")?;
    let mut listen = common.listen;
    if listen.port() != 0 {
        listen.set_port(listen.port().saturating_add(number * PORTS));
    }
    let mut child = Command::new(program)
        .args(["serve", "-o", "json", "--unlimited", "--end-with-stdin", "--github-url", common.github_url])
        .args(["--listen", &listen.to_string()])
        .arg("--data")
        .arg(common.data.join(format!("replica-{}", number + 1)))
        .arg("--artifacts")
        .arg(common.data.join("artifacts"))
        .env("GITHUB_TOKEN", common.github_token)
        .env("CAMPAIGNS_WEBHOOK_SECRET", common.webhook_secret)
        .env("DATABASE_URL", database_url)
        .env("REDIS_URL", redis_url.expose())
        .env_remove("CAMPAIGNS_TOKEN")
        .env("RUST_LOG", std::env::var_os("RUST_LOG").unwrap_or_else(|| "error".into()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // A Ctrl-C at the terminal is for this process; it stops the replicas when it is done with them.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .context("a replica could not be started")?;
    let stdout = child.stdout.take().context("a replica has no standard output")?;
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).await?;
    if line.is_empty() {
        let status = child.wait().await?;
        bail!("replica {} ended at once ({status}); what it said stands above", number + 1);
    }
    let said = serde_json::from_str(&line).context("a replica said something unexpected")?;
    Ok(Process { pid: child.id(), child, said, ended: false })
}
