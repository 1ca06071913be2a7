//! Several organisations as one GitHub: a world for each, one App installed in all of them, and one address in front
//! that sends every request to the world it is about. Tests of what spans organisations use it.
//!
//! Each world has ids, limits, webhooks and a log of its own; people, their tokens and the App are the same in all.
//! Which world a request is about is `front`'s. Deliberately absent: the deliveries of the App's webhooks, which each
//! world keeps for itself.

mod front;

use crate::founding::Beside;
use crate::hooks::loss::Loss;
use crate::twin::{AppAccess, Options, StartError, Twin};
use crate::world::{OpenError, VERSION};
use front::{Front, pass_on};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;

/// How far apart the ids of two worlds begin.
const APART: u64 = 1_000_000;

/// Several twins behind one address. Dropping it stops them.
#[derive(Debug)]
pub struct Together {
    /// The worlds, in the order of their names as given.
    pub twins: Vec<Twin>,
    address: SocketAddr,
    serving: tokio::task::JoinHandle<()>,
}

impl Together {
    /// Begins a world for each organisation in `folder`, seeded as `options` says, and serves them as one.
    pub async fn start(folder: &Path, organizations: &[&str], options: Options) -> Result<Self, StartError> {
        let mut twins: Vec<Twin> = Vec::new();
        for (number, org) in (0..).zip(organizations) {
            let data = folder.join(org);
            if let Some(first) = twins.first() {
                adopt_secrets(&data, first).map_err(|source| OpenError::Io { path: data.clone(), source })?;
            }
            let listen = SocketAddr::from(([127, 0, 0, 1], 0));
            let beside = twins.first().and_then(|first| beside(first, APART * number));
            let own = Options { listen, org: (*org).to_owned(), data: Some(data), beside, ..options.clone() };
            twins.push(Twin::start(own).await?);
        }
        for twin in &twins {
            let others = twins.iter().map(Twin::world).filter(|other| !Arc::ptr_eq(other, twin.world()));
            twin.world().set_neighbours(others.map(Arc::downgrade).collect());
        }
        let listen = |source| StartError::Listen { address: options.listen, source };
        let listener = TcpListener::bind(options.listen).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let front = Front::new(&twins).map_err(|error| listen(std::io::Error::other(error)))?;
        let router = axum::Router::new().fallback(pass_on).with_state(Arc::new(front));
        let serving = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(error = %error, "the listener failed");
            }
        });
        Ok(Self { twins, address, serving })
    }

    /// The address of all of them.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What the App needs to act here; its installation is the one in the first organisation.
    pub fn app(&self) -> Option<AppAccess> {
        self.twins.first().map(Twin::app)
    }

    /// The world of an organisation, by its login.
    pub fn of(&self, organization: &str) -> Option<&Twin> {
        self.twins.iter().find(|twin| twin.org().eq_ignore_ascii_case(organization))
    }

    /// Sends the webhooks of all of them to this address from now on, signed with this secret.
    pub fn send_webhooks(&self, url: &str, secret: &str) -> std::io::Result<()> {
        self.twins.iter().try_for_each(|twin| twin.send_webhooks(url, secret))
    }

    /// What goes wrong with webhooks from now on.
    pub fn lose_webhooks(&self, loss: &Loss) {
        self.twins.iter().for_each(|twin| twin.lose_webhooks(loss.clone()));
    }
}

impl Drop for Together {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn beside(first: &Twin, ids: u64) -> Option<Beside> {
    first.world().read(|state| {
        let app = state.app.clone()?;
        let bot = state.accounts.get(&app.bot)?.clone();
        Some(Beside { app, bot, ids })
    })
}

/// Gives a folder that no world lives in yet the App's key and the maintainer's token.
fn adopt_secrets(data: &Path, first: &Twin) -> std::io::Result<()> {
    std::fs::create_dir_all(data.join("secrets"))?;
    std::fs::write(data.join("VERSION"), format!("{VERSION}\n"))?;
    let secrets = &first.world().secrets;
    for file in [secrets.key_file(), secrets.token_file()] {
        let to: PathBuf = data.join("secrets").join(file.file_name().unwrap_or_default());
        std::fs::copy(file, to)?;
    }
    Ok(())
}
