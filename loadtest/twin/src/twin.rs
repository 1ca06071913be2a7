//! The twin as a value: started in this process on a port of its own, or by the `twin` program on the one it is
//! given. Tests and harnesses build small worlds with it, act as people, break things and read the log.

use crate::clock::Going;
use crate::faults::{Fault, Faults};
use crate::founding::{FoundingError, found};
use crate::limits::{Limits, Settings};
use crate::log::Entry;
use crate::people::{FileEdit, Maintainer, Refused};
use crate::record::Recorder;
use crate::serve::{Server, router};
use crate::world::model::Pull;
use crate::world::{OpenError, World};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// How to start a twin.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The organisation's login.
    pub org: String,
    /// A folder whose subfolders become repositories.
    pub from: Option<PathBuf>,
    /// How many of them; absent means all.
    pub repos: Option<usize>,
    /// Where the world lives; absent means a folder of its own that is removed when the twin is dropped.
    pub data: Option<PathBuf>,
    /// Enforce the limits?
    pub limited: bool,
    /// Their numbers.
    pub limits: Settings,
    /// How the clock of a new world goes; one that exists has a clock already.
    pub clock: Going,
    /// What is broken from the start.
    pub faults: Vec<Fault>,
    /// A file to record exchanges in.
    pub record: Option<PathBuf>,
    /// Where webhooks go from now on; absent leaves it as the world has it.
    pub webhooks: Option<crate::hooks::Config>,
    /// The worlds of the same GitHub that a new one begins beside.
    pub beside: Option<crate::founding::Beside>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            org: "acme".into(),
            from: None,
            repos: None,
            data: None,
            limited: false,
            limits: Settings::default(),
            clock: Going::Ahead(0),
            faults: Vec::new(),
            record: None,
            webhooks: None,
            beside: None,
        }
    }
}

/// Why a twin did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The world could not begin.
    #[error(transparent)]
    Founding(#[from] FoundingError),
    /// The address.
    #[error("cannot listen on {address}: {source}; give another --listen address (port 0 takes a free one)")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The recording.
    #[error("cannot record to {path}: {source}")]
    Record {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Pull requests could not catch up with their branches.
    #[error("the stored world cannot be brought up to date: {0}")]
    CatchUp(#[from] crate::follow::FollowError),
    /// The blocking part of the start died.
    #[error("the start was interrupted: {0}")]
    Interrupted(#[from] tokio::task::JoinError),
}

/// What an app needs to act here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppAccess {
    /// Numeric app id.
    pub id: u64,
    /// Client id.
    pub client_id: String,
    /// Its private key, PEM.
    pub private_key_file: PathBuf,
    /// Its installation in the organisation.
    pub installation_id: u64,
}

/// A running twin. Dropping it stops it.
#[derive(Debug)]
pub struct Twin {
    world: Arc<World>,
    address: SocketAddr,
    stop: watch::Sender<bool>,
    served: Option<tokio::task::JoinHandle<()>>,
    sending: tokio::task::JoinHandle<()>,
    temporary: Option<Temporary>,
}

#[derive(Debug)]
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Twin {
    /// Opens or begins the world and serves it.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let listen = |source| StartError::Listen { address: options.listen, source };
        // The port first: finding it taken must not leave a half-seeded folder behind.
        let listener = TcpListener::bind(options.listen).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let temporary = options.data.is_none().then(|| {
            Temporary(std::env::temp_dir().join(format!("campaigns-twin-{}", uuid::Uuid::new_v4().simple())))
        });
        let dir = options.data.clone().or_else(|| temporary.as_ref().map(|folder| folder.0.clone()));
        let dir = dir.unwrap_or_default();
        let recorder = match &options.record {
            Some(path) => Some(
                Recorder::open(path).map_err(|source| StartError::Record { path: path.clone(), source })?,
            ),
            None => None,
        };
        let world = tokio::task::spawn_blocking(move || {
            let world = World::open(&dir, Limits::new(options.limited, options.limits), options.clock)?;
            options.faults.into_iter().for_each(|fault| world.faults.add(fault));
            let (from, beside) = (options.from.as_deref(), options.beside.as_ref());
            found(&world, &options.org, from, options.repos, beside)?;
            let maintainer = world.read(|state| {
                let person = |account: &&crate::world::model::Account| {
                    account.kind == crate::world::model::AccountKind::User
                };
                state.accounts.values().find(person).map_or(0, |account| account.id)
            });
            crate::follow::catch_up(&world, maintainer)?;
            world.hooks.at(&address.to_string());
            if let Some(webhooks) = options.webhooks {
                world.hooks.configure(webhooks).map_err(|source| OpenError::Io { path: dir, source })?;
            }
            Ok::<_, StartError>(Arc::new(world))
        })
        .await??;
        let (stop, mut stopped) = watch::channel(false);
        let sending = tokio::spawn(crate::hooks::send::run(Arc::clone(&world)));
        let service = router(Arc::new(Server { world: Arc::clone(&world), recorder }));
        let service = service.into_make_service_with_connect_info::<SocketAddr>();
        let served = tokio::spawn(async move {
            use axum::serve::ListenerExt;
            let listener = listener.tap_io(|stream| {
                let _ = stream.set_nodelay(true);
            });
            let ending = async move {
                let _ = stopped.wait_for(|stop| *stop).await;
            };
            if let Err(error) = axum::serve(listener, service).with_graceful_shutdown(ending).await {
                tracing::error!(error = %error, "the listener failed");
            }
        });
        Ok(Self { world, address, stop, served: Some(served), sending, temporary })
    }

    /// Stops serving: finishes what is being answered, for at most two seconds.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        if let Some(mut served) = self.served.take()
            && tokio::time::timeout(std::time::Duration::from_secs(2), &mut served).await.is_err()
        {
            served.abort();
        }
    }

    /// `http://127.0.0.1:PORT`: github.com's layout. GitHub Enterprise Server's API is under `/api/v3`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The maintainer's personal token.
    pub fn token(&self) -> &str {
        self.world.secrets.token()
    }

    /// The token for `/_twin/`.
    pub fn admin_token(&self) -> &str {
        self.world.secrets.admin()
    }

    /// What an app needs to act here.
    pub fn app(&self) -> AppAccess {
        let (id, client_id, installation_id) = self.world.read(|state| {
            let app = state.app.as_ref();
            (
                app.map_or(0, |app| app.id),
                app.map(|app| app.client_id.clone()).unwrap_or_default(),
                state.installation.as_ref().map_or(0, |installation| installation.id),
            )
        });
        let private_key_file = self.world.secrets.key_file().to_owned();
        AppAccess { id, client_id, private_key_file, installation_id }
    }

    /// The organisation's login.
    pub fn org(&self) -> String {
        self.world.read(|state| state.org().map(|org| org.login.clone()).unwrap_or_default())
    }

    /// Where the world lives.
    pub fn data_dir(&self) -> &Path {
        self.world.dir()
    }

    /// The log so far.
    pub fn log(&self) -> std::io::Result<Vec<Entry>> {
        self.world.log.entries()
    }

    /// Where the log is.
    pub fn log_file(&self) -> &Path {
        self.world.log.path()
    }

    /// What is broken.
    pub fn faults(&self) -> &Faults {
        &self.world.faults
    }

    /// Sends webhooks to this address from now on, signed with this secret.
    pub fn send_webhooks(&self, url: &str, secret: &str) -> std::io::Result<()> {
        let config = crate::hooks::Config { url: Some(url.to_owned()), secret: Some(secret.to_owned()) };
        self.world.hooks.configure(config)
    }

    /// What goes wrong with webhooks from now on.
    pub fn lose_webhooks(&self, loss: crate::hooks::loss::Loss) {
        self.world.hooks.lose(loss);
    }

    /// Waits until no webhook is under way.
    pub async fn webhooks_settled(&self) {
        self.world.hooks.settled().await;
    }

    /// The world itself: clock, limits, state.
    pub fn world(&self) -> &Arc<World> {
        &self.world
    }

    /// Begins a repository with files of one's choice; `create` plants it.
    pub fn repository(&self, name: &str) -> crate::build::RepositoryBuilder {
        crate::build::RepositoryBuilder::new(Arc::clone(&self.world), name)
    }

    /// Names of the repositories, sorted.
    pub fn repositories(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .world
            .read(|state| state.repositories.values().map(|found| found.record.name.clone()).collect());
        names.sort();
        names
    }

    /// The pull requests of a repository, by number.
    pub fn pulls(&self, repository: &str) -> Vec<Pull> {
        self.world.read(|state| {
            let id = state.names.get(&repository.to_lowercase());
            let found = id.and_then(|id| state.repositories.get(id));
            found.map(|found| found.pulls.values().cloned().collect()).unwrap_or_default()
        })
    }

    /// Where a repository's bare repository is on disk.
    pub fn bare(&self, repository: &str) -> Option<PathBuf> {
        let id = self.world.read(|state| state.names.get(&repository.to_lowercase()).copied())?;
        Some(self.world.git.path(id))
    }

    /// Does something as the maintainer, off the async threads.
    pub async fn as_maintainer<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Maintainer<'_>) -> Result<T, Refused> + Send + 'static,
    ) -> Result<T, Refused> {
        let world = Arc::clone(&self.world);
        tokio::task::spawn_blocking(move || act(&Maintainer::of(&world)))
            .await
            .map_err(|error| Refused(error.to_string()))?
    }

    /// Does something as another of its people, by login.
    pub async fn as_person<T: Send + 'static>(
        &self,
        login: &str,
        act: impl FnOnce(&Maintainer<'_>) -> Result<T, Refused> + Send + 'static,
    ) -> Result<T, Refused> {
        let (world, login) = (Arc::clone(&self.world), login.to_owned());
        tokio::task::spawn_blocking(move || act(&Maintainer::named(&world, &login)))
            .await
            .map_err(|error| Refused(error.to_string()))?
    }

    /// Merges a pull request as a person does; returns the base's new commit.
    pub async fn merge(&self, repository: &str, number: u64) -> Result<String, Refused> {
        let repository = repository.to_owned();
        self.as_maintainer(move |person| person.merge(&repository, number)).await
    }

    /// Closes a pull request as a person does.
    pub async fn close(&self, repository: &str, number: u64) -> Result<(), Refused> {
        let repository = repository.to_owned();
        self.as_maintainer(move |person| person.close(&repository, number)).await
    }

    /// Pushes one commit with these files as a person does; returns the commit.
    pub async fn push(
        &self,
        repository: &str,
        branch: &str,
        files: &[FileEdit<'_>],
    ) -> Result<String, Refused> {
        let (repository, branch) = (repository.to_owned(), branch.to_owned());
        let files: Vec<(String, Option<Vec<u8>>)> =
            files.iter().map(|(path, content)| ((*path).to_owned(), content.map(<[u8]>::to_vec))).collect();
        self.as_maintainer(move |person| {
            let files: Vec<FileEdit<'_>> =
                files.iter().map(|(path, content)| (path.as_str(), content.as_deref())).collect();
            person.push(&repository, &branch, "A change by hand", &files)
        })
        .await
    }
}

impl Drop for Twin {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        self.sending.abort();
        if let Some(served) = self.served.take() {
            served.abort();
        }
        drop(self.temporary.take());
    }
}
