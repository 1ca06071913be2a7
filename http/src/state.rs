//! What the handlers share, put together by the runtime. Deliberately absent: anything a single request owns.

use crate::{
    auth::Gate,
    live::{Hub, LiveSettings},
    ports::{Access, Events, Probe, Queues, Reads, Wake, Webhooks, Writes},
    readiness::Readiness,
    webhook::WebhookSecrets,
};
use campaigns_actors::ports::Artifacts;
use campaigns_domain::publish::budget::Budget;
use std::{ops::Deref, sync::Arc, time::Duration};

/// What the API is made of.
pub struct ApiParts {
    /// What people read.
    pub reads: Arc<dyn Reads>,
    /// What happened in runs.
    pub events: Arc<dyn Events>,
    /// What forecasts are made from.
    pub queues: Arc<dyn Queues>,
    /// What people ask for.
    pub writes: Arc<dyn Writes>,
    /// Whose token it is.
    pub access: Arc<dyn Access>,
    /// Where deliveries of webhooks are kept.
    pub webhooks: Arc<dyn Webhooks>,
    /// Whether the database answers.
    pub probe: Arc<dyn Probe>,
    /// Diffs and logs.
    pub artifacts: Arc<dyn Artifacts>,
    /// The wake-up of the owners.
    pub wake: Arc<dyn Wake>,
    /// The metrics in Prometheus' text format.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// The version that is running.
    pub version: String,
    /// Bounds and defaults.
    pub settings: Settings,
}

/// Bounds and defaults.
#[derive(Debug, Clone)]
pub struct Settings {
    /// A run's window where its creator names none.
    pub window: u32,
    /// Whether steps that name a container run without one here; every run records it.
    pub no_container: bool,
    /// The limits that are kept on writes.
    pub budget: Budget,
    /// How many changesets of one organisation are sent at the same time.
    pub publish_at_once: usize,
    /// How long a request may take to be answered; live streams may last longer.
    pub timeout: Duration,
    /// What deliveries of webhooks are signed with; none takes no webhooks.
    pub webhook_secrets: WebhookSecrets,
    /// The live events.
    pub live: LiveSettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            window: 8,
            no_container: false,
            budget: Budget::default(),
            publish_at_once: 4,
            timeout: Duration::from_secs(30),
            webhook_secrets: WebhookSecrets::default(),
            live: LiveSettings::default(),
        }
    }
}

/// The state of the API, cheap to clone.
#[derive(Clone)]
pub struct ApiState(Arc<Shared>);

/// What [`ApiState`] points to.
pub struct Shared {
    pub(crate) reads: Arc<dyn Reads>,
    pub(crate) events: Arc<dyn Events>,
    pub(crate) queues: Arc<dyn Queues>,
    pub(crate) writes: Arc<dyn Writes>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) webhooks: Arc<dyn Webhooks>,
    pub(crate) readiness: Readiness,
    pub(crate) artifacts: Arc<dyn Artifacts>,
    pub(crate) wake: Arc<dyn Wake>,
    pub(crate) metrics: Arc<dyn Fn() -> String + Send + Sync>,
    pub(crate) version: String,
    pub(crate) settings: Settings,
    pub(crate) hub: Arc<Hub>,
}

impl ApiState {
    /// The state made of these parts.
    pub fn new(parts: ApiParts) -> Self {
        let ApiParts {
            reads,
            events,
            queues,
            writes,
            access,
            webhooks,
            probe,
            artifacts,
            wake,
            metrics,
            version,
            settings,
        } = parts;
        let hub = Arc::new(Hub::new(events.clone(), settings.live.clone()));
        Self(Arc::new(Shared {
            reads,
            events,
            queues,
            writes,
            gate: Arc::new(Gate::new(access)),
            webhooks,
            readiness: Readiness::new(probe),
            artifacts,
            wake,
            metrics,
            version,
            settings,
            hub,
        }))
    }

    /// The hub of live events; the store's commits tell it which runs have news ([`Hub::committed`]).
    pub fn hub(&self) -> Arc<Hub> {
        self.0.hub.clone()
    }
}

impl Deref for ApiState {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}
