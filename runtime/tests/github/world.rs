//! A twin and adapters for it.

use campaigns_actors::ports::{Permit, RepositoryRef};
use campaigns_domain::id::{RepositoryId, RepositoryName};
use campaigns_runtime::github::{Credentials, Endpoint, GitHub, GithubConfig, Secret, Timeouts};
use campaigns_twin::{Options, Twin};
use std::time::Duration;
use uuid::Uuid;

/// Which of the two layouts is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    Dotcom,
    Enterprise,
}

pub(crate) async fn twin() -> Twin {
    Twin::start(Options::default()).await.unwrap()
}

pub(crate) fn endpoint(twin: &Twin, layout: Layout) -> Endpoint {
    match layout {
        Layout::Dotcom => Endpoint::exact(&twin.url(), false).unwrap(),
        Layout::Enterprise => Endpoint::resolve(&twin.url(), false).unwrap(),
    }
}

pub(crate) fn token(twin: &Twin) -> Credentials {
    Credentials::Token(Secret::new(twin.token()))
}

pub(crate) fn app(twin: &Twin) -> Credentials {
    let access = twin.app();
    let key = std::fs::read_to_string(access.private_key_file).unwrap();
    Credentials::App { id: access.client_id, private_key: Secret::new(key) }
}

/// An adapter in github.com's layout.
pub(crate) fn github(twin: &Twin, credentials: Credentials) -> GitHub {
    GitHub::new(config(twin, credentials)).unwrap()
}

pub(crate) fn config(twin: &Twin, credentials: Credentials) -> GithubConfig {
    patient(endpoint(twin, Layout::Dotcom), credentials)
}

/// An adapter's settings with more time for an answer than a busy machine takes.
pub(crate) fn patient(endpoint: Endpoint, credentials: Credentials) -> GithubConfig {
    let long = Duration::from_secs(60);
    let timeouts = Timeouts { connect: long, read: long, write: long, stall: long };
    GithubConfig { timeouts, ..GithubConfig::at(endpoint, credentials) }
}

pub(crate) fn named(twin: &Twin, id: u64, name: &str) -> RepositoryRef {
    RepositoryRef { id: RepositoryId(id), name: RepositoryName::new(&twin.org(), name).unwrap() }
}

pub(crate) fn permit() -> Permit {
    Permit::new(Uuid::new_v4(), Duration::from_secs(60))
}

/// How often the twin was asked for an operation.
pub(crate) fn asked(twin: &Twin, operation: &str) -> usize {
    twin.log().unwrap().iter().filter(|entry| entry.operation == operation).count()
}
