//! Webhooks of the app: what changes in the world is told to one address, signed, and every attempt is kept in a
//! log that outlives the program. As at GitHub, nobody tries again by itself: a delivery that failed is delivered
//! again when it is asked for. Deliveries on their way when the program is killed are lost, as there.
//!
//! What is told is in `event` and `payload`, the sending in `send`, what goes wrong with it in `loss`. Hooks of
//! repositories and organisations are not here.

pub mod event;
pub mod log;
pub mod loss;
pub mod payload;
pub mod send;
mod verdict;

use crate::rest::urls::{Layout, Urls};
use crate::secrets::write_private;
use event::Happening;
use log::DeliveryLog;
use loss::{Dice, Loss};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};
use tokio::sync::{Notify, mpsc};
use uuid::Uuid;

/// Where webhooks go and what they are signed with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// The address; without one nothing is told.
    #[serde(default)]
    pub url: Option<String>,
    /// The secret; without one nothing is signed.
    #[serde(default)]
    pub secret: Option<String>,
}

/// A delivery on its way.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// The same for every attempt.
    pub guid: String,
    /// Has it been attempted before?
    pub redelivery: bool,
    /// `pull_request`, `push`, …
    pub event: String,
    /// How, where the event has several ways.
    pub action: Option<String>,
    /// The installation that is told.
    pub installation: Option<u64>,
    /// The repository it is about.
    pub repository: Option<u64>,
    /// The body.
    pub payload: Value,
}

/// The app's webhooks.
#[derive(Debug)]
pub struct Hooks {
    file: PathBuf,
    config: RwLock<Config>,
    urls: RwLock<Urls>,
    dice: Mutex<Dice>,
    /// Every attempt.
    pub log: DeliveryLog,
    queue: mpsc::UnboundedSender<Outgoing>,
    sender: Mutex<Option<mpsc::UnboundedReceiver<Outgoing>>>,
    under_way: AtomicUsize,
    settled: Notify,
}

impl Hooks {
    /// Reads what a data folder says about webhooks.
    pub fn open(dir: &Path) -> io::Result<Self> {
        let file = dir.join("secrets").join("webhook.json");
        let config = match std::fs::read(&file) {
            Ok(text) => serde_json::from_slice(&text).map_err(io::Error::other)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Config::default(),
            Err(error) => return Err(error),
        };
        let (queue, sender) = mpsc::unbounded_channel();
        Ok(Self {
            file,
            config: RwLock::new(config),
            urls: RwLock::new(Urls::new("localhost", Layout::Dotcom)),
            dice: Mutex::new(Dice::new(Loss::default())),
            log: DeliveryLog::open(&dir.join("deliveries.jsonl"))?,
            queue,
            sender: Mutex::new(Some(sender)),
            under_way: AtomicUsize::new(0),
            settled: Notify::new(),
        })
    }

    /// Where they go.
    pub fn config(&self) -> Config {
        self.config.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sends them elsewhere from now on; kept on disk.
    pub fn configure(&self, config: Config) -> io::Result<()> {
        write_private(&self.file, &serde_json::to_string(&config).map_err(io::Error::other)?)?;
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(())
    }

    /// Is anybody told?
    pub fn is_on(&self) -> bool {
        self.config.read().unwrap_or_else(PoisonError::into_inner).url.is_some()
    }

    /// The host that payloads name in addresses.
    pub fn at(&self, host: &str) {
        *self.urls.write().unwrap_or_else(PoisonError::into_inner) = Urls::new(host, Layout::Dotcom);
    }

    /// How payloads write addresses.
    pub fn urls(&self) -> Urls {
        self.urls.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What goes wrong with deliveries from now on.
    pub fn lose(&self, loss: Loss) {
        *self.dice.lock().unwrap_or_else(PoisonError::into_inner) = Dice::new(loss);
    }

    /// What goes wrong with deliveries.
    pub fn loss(&self) -> Loss {
        self.dice.lock().unwrap_or_else(PoisonError::into_inner).loss.clone()
    }

    /// Tells what happened, in this order.
    pub fn tell(&self, happenings: Vec<Happening>) {
        for happening in happenings {
            let Happening { event, action, installation, repository, payload } = happening;
            self.send(Outgoing {
                guid: Uuid::new_v4().to_string(),
                redelivery: false,
                event: event.to_owned(),
                action,
                installation,
                repository,
                payload,
            });
        }
    }

    /// Sends one delivery.
    pub fn send(&self, outgoing: Outgoing) {
        self.under_way.fetch_add(1, Ordering::SeqCst);
        if self.queue.send(outgoing).is_err() {
            self.done();
        }
    }

    /// Waits until nothing is under way.
    pub async fn settled(&self) {
        loop {
            let settled = self.settled.notified();
            tokio::pin!(settled);
            settled.as_mut().enable();
            if self.under_way.load(Ordering::SeqCst) == 0 {
                return;
            }
            settled.await;
        }
    }

    fn more(&self) {
        self.under_way.fetch_add(1, Ordering::SeqCst);
    }

    fn done(&self) {
        if self.under_way.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.settled.notify_waiters();
        }
    }
}
