//! Sending: one POST for each attempt, ten seconds for the answer, and a line in the log whatever comes of it. As at
//! GitHub several are under way at once, so that their order is not promised; what is meant to go wrong does here.

use super::log::{Attempt, Said};
use super::loss::Fate;
use super::{Hooks, Outgoing};
use crate::world::World;
use hmac::{Hmac, Mac};
use reqwest::Client;
use serde_json::{Map, Value, json};
use sha2::Sha256;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// How long GitHub waits for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many are under way at once.
const AT_ONCE: usize = 16;

/// How long what is held back waits where nothing happens after it.
const HELD: Duration = Duration::from_millis(300);

/// How much of an answer is kept.
const KEPT: usize = 4096;

/// Sends what is told, for as long as the world is served.
pub async fn run(world: Arc<World>) {
    let taken = world.hooks.sender.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(mut queue) = taken else { return };
    let client =
        Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).timeout(PATIENCE).build();
    let client = match client {
        Ok(client) => client,
        Err(error) => {
            tracing::error!(error = %error, "webhooks cannot be sent");
            return;
        }
    };
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let go = |outgoing: Outgoing, after: Duration| {
        let (world, client, room) = (Arc::clone(&world), client.clone(), Arc::clone(&room));
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            if let Ok(_place) = room.acquire().await {
                attempt(&world, &client, outgoing).await;
            }
            world.hooks.done();
        });
    };
    let mut held: Vec<Outgoing> = Vec::new();
    loop {
        let next = if held.is_empty() {
            queue.recv().await
        } else {
            match tokio::time::timeout(HELD, queue.recv()).await {
                Ok(next) => next,
                Err(_) => {
                    while !held.is_empty() {
                        let one = dice(&world.hooks, |dice| dice.one_of(held.len()));
                        go(held.swap_remove(one), Duration::ZERO);
                    }
                    continue;
                }
            }
        };
        let Some(outgoing) = next else { return };
        for fate in dice(&world.hooks, super::loss::Dice::roll) {
            world.hooks.more();
            let outgoing = outgoing.clone();
            match fate {
                Fate::Held => held.push(outgoing),
                Fate::Later(ms) => go(outgoing, Duration::from_millis(ms)),
                Fate::Lost => world.hooks.done(),
                Fate::Failed => {
                    let config = world.hooks.config();
                    let headers = headers(&world, &outgoing, None);
                    let url = config.url.unwrap_or_default();
                    write(
                        &world,
                        &outgoing,
                        url,
                        headers,
                        Came::nothing("failed to connect to host", 502, 0.0),
                    );
                    world.hooks.done();
                }
                Fate::Sent => {
                    go(outgoing, Duration::ZERO);
                    // One that was held back overtakes nobody: it goes after this one.
                    if !held.is_empty() {
                        let one = dice(&world.hooks, |dice| dice.one_of(held.len()));
                        go(held.swap_remove(one), Duration::from_millis(20));
                    }
                }
            }
        }
        world.hooks.done();
    }
}

fn dice<T>(hooks: &Hooks, roll: impl FnOnce(&mut super::loss::Dice) -> T) -> T {
    roll(&mut hooks.dice.lock().unwrap_or_else(PoisonError::into_inner))
}

/// What came back.
struct Came {
    status: String,
    code: u16,
    seconds: f64,
    headers: Value,
    body: Option<String>,
}

impl Came {
    fn nothing(status: &str, code: u16, seconds: f64) -> Self {
        Self { status: status.to_owned(), code, seconds, headers: json!({}), body: None }
    }
}

async fn attempt(world: &World, client: &Client, outgoing: Outgoing) {
    let config = world.hooks.config();
    let Some(url) = config.url else { return };
    let body = outgoing.payload.to_string();
    let signature = config.secret.as_deref().map(|secret| sign(secret, body.as_bytes()));
    let headers = headers(world, &outgoing, signature);
    let mut request = client.post(&url).body(body);
    for (name, value) in &headers {
        request = request.header(name, value.as_str().unwrap_or_default());
    }
    let began = Instant::now();
    let came = match request.send().await {
        Ok(answer) => {
            let status = answer.status();
            let named = answer
                .headers()
                .iter()
                .map(|(name, value)| (name.to_string(), json!(String::from_utf8_lossy(value.as_bytes()))));
            let headers = Value::Object(named.collect());
            let body = answer.text().await.unwrap_or_default().chars().take(KEPT).collect();
            let words = status.canonical_reason().unwrap_or("Unknown").to_owned();
            let seconds = began.elapsed().as_secs_f64();
            Came { status: words, code: status.as_u16(), seconds, headers, body: Some(body) }
        }
        Err(error) if error.is_timeout() => Came::nothing("timed out", 504, began.elapsed().as_secs_f64()),
        Err(_) => Came::nothing("failed to connect to host", 502, began.elapsed().as_secs_f64()),
    };
    write(world, &outgoing, url, headers, came);
}

/// The headers that GitHub sends, but for the signature that is made with SHA-1.
fn headers(world: &World, outgoing: &Outgoing, signature: Option<String>) -> Map<String, Value> {
    let app = world.read(|state| state.app.as_ref().map_or(0, |app| app.id));
    let mut headers = Map::new();
    for (name, value) in [
        ("Accept", "*/*"),
        ("Content-Type", "application/json"),
        ("User-Agent", "GitHub-Hookshot/5a1e5c0"),
        ("X-GitHub-Delivery", outgoing.guid.as_str()),
        ("X-GitHub-Event", outgoing.event.as_str()),
        ("X-GitHub-Hook-ID", app.to_string().as_str()),
        ("X-GitHub-Hook-Installation-Target-ID", app.to_string().as_str()),
        ("X-GitHub-Hook-Installation-Target-Type", "integration"),
    ] {
        headers.insert(name.to_owned(), json!(value));
    }
    headers.extend(signature.map(|signature| ("X-Hub-Signature-256".to_owned(), json!(signature))));
    headers
}

/// `X-Hub-Signature-256` of a body.
pub fn sign(secret: &str, body: &[u8]) -> String {
    // HMAC takes keys of any length, so this constructor cannot fail.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

fn write(world: &World, outgoing: &Outgoing, url: String, headers: Map<String, Value>, came: Came) {
    let attempt = Attempt {
        id: 0,
        guid: outgoing.guid.clone(),
        delivered_at: world.clock.now(),
        redelivery: outgoing.redelivery,
        duration: (came.seconds * 100.0).round() / 100.0,
        status: came.status,
        status_code: came.code,
        event: outgoing.event.clone(),
        action: outgoing.action.clone(),
        installation_id: outgoing.installation,
        repository_id: outgoing.repository,
        url,
    };
    let said = Said {
        request_headers: headers.into(),
        request: outgoing.payload.clone(),
        response_headers: came.headers,
        response: came.body,
    };
    if let Err(error) = world.hooks.log.add(attempt, said) {
        tracing::error!(error = %error, "the log of deliveries cannot be written");
    }
}
