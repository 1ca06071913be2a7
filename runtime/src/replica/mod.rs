//! A replica: every part of the running system, wired together, started in order and stopped in reverse.
//!
//! The port is taken first and the data folder locked, so that what a person can mend is said before a database is
//! started. Deliberately absent: decisions, and any talk with the terminal.

mod company;
mod database;
mod folder;
mod live;

pub use folder::{FolderError, ensure_unused, make_folder};

use crate::{
    artifacts::LocalArtifacts,
    cluster::{self, RedisCluster},
    config::{DatabaseUrl, RedisUrl},
    executor::{ContainerPolicy, LocalExecutor, NullExecutor},
    github::{GitHub, GithubConfig},
    queries::Queries,
    store::Postgres,
    telemetry,
    webhooks::{Keeper, Rhythm, Work},
};
use anyhow::{Context as _, Result, anyhow};
use campaigns_actors::{
    Settings, System,
    ports::{Artifacts, Cluster, CodeHost, Executor, Ports, ReadLimits, Store, memory::MemoryCluster},
};
use campaigns_domain::publish::budget::{Budget, POINTS_A_MINUTE, Window, split_points};
use campaigns_http::{ApiParts, ApiState, WebhookSecrets, auth::Bootstrap, auth::bootstrap_token};
use company::Place;
use database::Database;
use folder::Folder;
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

/// The name of the file with the first API token, in the data folder.
pub const TOKEN_FILE: &str = "api-token";

/// How long the first token may take to be written: nothing else of a start has no end where a network fails without a
/// word.
const FIRST_TOKEN: Duration = Duration::from_secs(30);

/// How long work in flight may take to finish when the replica is stopped.
const DRAIN: Duration = Duration::from_secs(20);

/// How long the program's threads may take to end once the replica has.
pub const THREADS: Duration = Duration::from_secs(2);

/// The longest that a server takes to stop whose database is another's: whoever ends servers waits so long and a little
/// more before killing one (`terminationGracePeriodSeconds`). The embedded database has [`EmbeddedPostgres`]'s own time.
///
/// [`EmbeddedPostgres`]: crate::embedded::EmbeddedPostgres
pub const STOPS_WITHIN: Duration = Duration::from_secs(50);

/// What a replica is made of.
#[derive(Debug, Clone)]
pub struct ReplicaSettings {
    /// Where everything local is kept.
    pub data: PathBuf,
    /// A database elsewhere; without one the embedded server is started in the data folder.
    pub database_url: Option<DatabaseUrl>,
    /// The Redis by which replicas on one database share the work; without one this replica is alone.
    pub redis_url: Option<RedisUrl>,
    /// How leases are kept there.
    pub leases: cluster::Settings,
    /// A folder for artifacts that every replica can reach; without one they are in the data folder.
    pub artifacts: Option<PathBuf>,
    /// How GitHub is reached.
    pub github: GithubConfig,
    /// Where the API listens.
    pub listen: SocketAddr,
    /// How many targets run at once.
    pub parallelism: u32,
    /// How long an attempt takes of which nothing is run, for load tests; without it steps are run.
    pub null_executor: Option<Duration>,
    /// How often it looks for work that no wake-up has told of.
    pub poll: Duration,
    /// Whether steps that name a container run in the plain sandbox instead.
    pub no_container: bool,
    /// The limits that are kept on writes.
    pub budget: Budget,
    /// How many REST points a minute may be spent on reading one organisation.
    pub read_points: u32,
    /// How many changesets of one organisation are carried out again by themselves at the same time.
    pub redone_at_once: u64,
    /// Whether no limits of our own are kept.
    pub unlimited: bool,
    /// What GitHub signs webhooks with; none takes no webhooks.
    pub webhook_secrets: WebhookSecrets,
    /// How often what belongs to webhooks is looked after.
    pub webhook_rhythm: Rhythm,
}

impl ReplicaSettings {
    /// A replica on `data` for this GitHub, with everything else as usual: loopback, any free port, a target a core.
    pub fn new(data: PathBuf, github: GithubConfig) -> Self {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self {
            data,
            database_url: None,
            redis_url: None,
            leases: cluster::Settings::default(),
            artifacts: None,
            github,
            listen: ([127, 0, 0, 1], 0).into(),
            parallelism: u32::try_from(cores).unwrap_or(2),
            null_executor: None,
            poll: Duration::from_secs(1),
            no_container: false,
            budget: Budget::default(),
            read_points: split_points(POINTS_A_MINUTE).1,
            redone_at_once: Settings::default().redone_at_once,
            unlimited: false,
            webhook_secrets: WebhookSecrets::default(),
            webhook_rhythm: Rhythm::default(),
        }
    }
}

/// A running replica.
pub struct Replica {
    id: Uuid,
    address: SocketAddr,
    token: String,
    token_file: PathBuf,
    system: System,
    api: JoinHandle<std::io::Result<()>>,
    phase: watch::Sender<Phase>,
    ended: watch::Receiver<bool>,
    webhooks: AbortOnDropHandle<()>,
    postgres: Postgres,
    _place: Place,
    database: Database,
    _folder: Folder,
}

impl Replica {
    /// Starts everything.
    ///
    /// # Errors
    /// What could not be started, why, and what to do.
    pub async fn start(settings: ReplicaSettings) -> Result<Self> {
        let listener = bind(settings.listen).await?;
        let address = listener.local_addr()?;
        let folder = Folder::take(&settings.data)?;
        let github = Arc::new(GitHub::new(settings.github.clone()).context("GitHub cannot be reached")?);
        let database =
            Database::start(settings.database_url.as_ref().map(DatabaseUrl::expose), folder.path()).await?;
        let postgres = Postgres::connect(database.url(), crate::store::Options::default()).await?;
        let kept = settings.artifacts.clone().unwrap_or_else(|| folder.path().join("artifacts"));
        let artifacts: Arc<dyn Artifacts> = Arc::new(LocalArtifacts::open(&kept)?);
        let executor = executor(&settings, &folder.path().join("work"), &artifacts)?;
        let store: Arc<dyn Store> = Arc::new(postgres.clone());
        let place = company::take(&postgres, settings.redis_url.is_none()).await?;
        let (id, cluster) = join(&settings, &postgres, Arc::clone(&store)).await?;
        let ports = Ports {
            store,
            cluster: Arc::clone(&cluster),
            code_host: Arc::clone(&github) as Arc<dyn CodeHost>,
            executor,
            artifacts: Arc::clone(&artifacts),
        };
        let actors = actor_settings(&settings, folder.scratch()?);
        let (budget, publish_at_once) = (actors.budget.clone(), actors.publish_at_once);
        let system = System::start(ports, actors).await?;

        let webhooks = Keeper {
            work: Work { postgres: postgres.clone(), github, permits_count_for: budget.longest() },
            shards: system.shards(),
            receives: !settings.webhook_secrets.is_empty(),
            rhythm: Rhythm { poll: settings.poll, ..settings.webhook_rhythm },
        };
        let webhooks = AbortOnDropHandle::new(tokio::spawn(webhooks.run()));

        let queries = Arc::new(Queries::new(&postgres));
        let token_file = folder.path().join(TOKEN_FILE);
        let token = tokio::time::timeout(FIRST_TOKEN, first_token(&queries, &token_file)).await;
        let token = token.context("the database does not answer")??;
        let api = ApiState::new(ApiParts {
            reads: queries.clone(),
            events: queries.clone(),
            queues: queries.clone(),
            writes: queries.clone(),
            access: queries.clone(),
            webhooks: queries.clone(),
            probe: queries,
            artifacts,
            wake: Arc::new(cluster),
            metrics: telemetry::metrics(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            settings: campaigns_http::Settings {
                window: settings.parallelism * 2,
                no_container: settings.no_container,
                budget,
                publish_at_once,
                webhook_secrets: settings.webhook_secrets.clone(),
                live: live::settings(settings.poll),
                ..Default::default()
            },
        });
        live::tell(&settings, &postgres, api.hub()).await?;
        let (phase, told) = watch::channel(Phase::Serving);
        let (say_ended, ended) = watch::channel(false);
        let api = tokio::spawn(async move {
            let (leaving, stopping) = (reached(told.clone(), Phase::Leaving), reached(told, Phase::Stopping));
            let outcome =
                campaigns_http::serve(listener, campaigns_http::router(api), leaving, stopping).await;
            let _ = say_ended.send(true);
            outcome
        });
        tracing::info!(%address, replica = %id, data = %settings.data.display(), "the replica is up");
        Ok(Self {
            id,
            address,
            token,
            token_file,
            system,
            api,
            phase,
            ended,
            webhooks,
            postgres,
            _place: place,
            database,
            _folder: folder,
        })
    }

    /// What it is known by among the replicas of an installation, and in the database as a shard's owner.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// Where the API listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The first API token, which may do everything.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The file that holds it; none where another replica of the same database wrote it.
    pub fn token_file(&self) -> Option<&Path> {
        self.token_file.exists().then_some(&*self.token_file)
    }

    /// Resolves when a part that nothing works without has ended by itself.
    pub async fn failed(&self) -> anyhow::Error {
        let mut ended = self.ended.clone();
        tokio::select! {
            _ = ended.wait_for(|ended| *ended) => anyhow!("the API stopped serving; the log says why"),
            () = self.system.ended() => anyhow!("the actors stopped; the log says why"),
            error = self.database.failed() => error,
        }
    }

    /// Stops everything: it is not ready any more, takes no new work, what is in flight finishes, leases are handed to
    /// the others, then the API ends and last the database.
    ///
    /// # Errors
    /// Where the embedded database did not stop.
    pub async fn stop(self) -> Result<()> {
        let _ = self.phase.send(Phase::Leaving);
        drop(self.webhooks);
        self.system.drain(DRAIN).await;
        let _ = self.phase.send(Phase::Stopping);
        if let Ok(Err(error)) = self.api.await {
            tracing::warn!(%error, "the API did not stop well");
        }
        self.postgres.close().await;
        self.database.stop().await
    }
}

/// How far the end of a replica has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Serving,
    /// It is not ready any more, and answers whoever asks all the same.
    Leaving,
    Stopping,
}

async fn reached(mut told: watch::Receiver<Phase>, phase: Phase) {
    // An error means that the replica has gone: that is a reason to stop as well.
    let _ = told.wait_for(|now| *now >= phase).await;
}

/// How this replica comes to its shards: through Redis among others, or all of them where it is alone.
async fn join(
    settings: &ReplicaSettings,
    postgres: &Postgres,
    store: Arc<dyn Store>,
) -> Result<(Uuid, Arc<dyn Cluster>)> {
    let Some(url) = &settings.redis_url else {
        let alone = MemoryCluster::alone(store);
        return Ok((alone.id(), Arc::new(alone)));
    };
    let installation = postgres.installation().await?;
    let member = RedisCluster::connect(url, installation, store, settings.leases).await?;
    Ok((member.id(), Arc::new(member)))
}

async fn bind(listen: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(listen).await.map_err(|cause| match cause.kind() {
        std::io::ErrorKind::AddrInUse => {
            anyhow!("{listen} is in use by another program: stop it, or name another address with --listen")
        }
        _ => anyhow!("{listen} cannot be listened on ({cause}): name another address with --listen"),
    })
}

async fn first_token(access: &Queries, file: &Path) -> Result<String> {
    match bootstrap_token(access, file).await? {
        Bootstrap::Written | Bootstrap::Kept => {
            let text = std::fs::read_to_string(file)
                .with_context(|| format!("{} cannot be read", file.display()))?;
            Ok(text.trim().to_owned())
        }
        // Another replica of the same database has it; whoever uses this one brings a token along.
        Bootstrap::Elsewhere => Ok(std::env::var("CAMPAIGNS_TOKEN").unwrap_or_default()),
    }
}

/// Where steps are run.
fn executor(
    settings: &ReplicaSettings,
    work: &Path,
    artifacts: &Arc<dyn Artifacts>,
) -> Result<Arc<dyn Executor>> {
    if let Some(takes) = settings.null_executor {
        return Ok(Arc::new(NullExecutor::new(takes, settings.parallelism)));
    }
    let policy = if settings.no_container { ContainerPolicy::Ignore } else { ContainerPolicy::Require };
    Ok(Arc::new(LocalExecutor::new(work, settings.parallelism, policy, Arc::clone(artifacts))?))
}

fn actor_settings(settings: &ReplicaSettings, scratch: PathBuf) -> Settings {
    let mut actors = Settings { scratch, budget: settings.budget.clone(), ..Settings::default() };
    actors.poll_every = settings.poll;
    actors.redone_at_once = settings.redone_at_once;
    actors.reads.rest = vec![Window { seconds: 60, cap: settings.read_points }];
    // The distance between writes is the operator's to set, and is the pace.
    actors.writes_per_second = None;
    if settings.unlimited {
        actors.budget = Budget::unlimited();
        actors.reads = ReadLimits::default();
        actors.publish_at_once = actors.publish_at_once.max(settings.parallelism as usize * 2);
    }
    actors
}

#[cfg(test)]
mod tests {
    use super::*;
    use campaigns_actors::{GIVING_BACK, LEAVING};

    #[test]
    fn the_parts_of_a_stop_fit_into_what_is_promised_of_it() {
        let parts = [LEAVING, DRAIN, GIVING_BACK, campaigns_http::LAST, crate::store::CLOSING, THREADS];
        assert!(parts.into_iter().sum::<Duration>() <= STOPS_WITHIN);
    }
}
