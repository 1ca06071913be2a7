//! The scenario `leases`: how long one renewal of the leases of all shards takes that one replica holds, as a part of the
//! life of a lease, and against `SET NX PX` of as many keys, sent in one go over the same way.
//!
//! Deliberately absent: what is done under the leases (`failover`).

use super::Settings;
use crate::{
    campaign::{self, ORGANIZATION},
    programs::{Database, Environment, Redis, Server, Session, Twin},
    proxy::{Proxy, Upstream},
    report::{Figure, Report},
};
use anyhow::{Context as _, Result, ensure};
use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

/// How long a lease lives unless it is said: as shipped.
const LEASE: u64 = 10;
/// How many shards there are.
const SHARDS: u32 = 64;

/// Measures it.
pub(super) fn measure(settings: &Settings) -> Result<Report> {
    let lease = settings.lease.unwrap_or(LEASE);
    eprintln!("leases: {SHARDS} shards, leases of {lease} s, {} renewals", settings.pairs);
    let room = tempfile::Builder::new().prefix("loadtest-").tempdir()?;
    fs::set_permissions(room.path(), std::os::unix::fs::PermissionsExt::from_mode(0o711))?;
    let trees = room.path().join("trees");
    campaign::seed(&trees, 1)?;
    let twin = Twin::start(ORGANIZATION, &trees, 1, &room.path().join("world"))?;
    let database = Database::start(&room.path().join("database"))?;
    let redis = Redis::start(&room.path().join("redis"))?;
    let way = Proxy::start(Upstream::Unix(redis.socket()))?;
    let environment = Environment {
        database_url: database.url.clone(),
        redis_url: Some(format!("redis://{}", way.address())),
        github_url: twin.said.url.clone(),
        github_token: twin.said.token.clone(),
    };
    let flags = [format!("--lease-seconds={lease}")];
    let server = Server::start_in(&room.path().join("data"), &environment, &flags)?;
    let (mut session, begun) = (Session::open(&database)?, Instant::now());
    let patience = Duration::from_secs(60 + 3 * lease);
    while session.ask("SELECT count(*) FROM shards WHERE owner IS NOT NULL")? != SHARDS.to_string() {
        ensure!(begun.elapsed() < patience, "the replica does not come to hold every shard");
        thread::sleep(Duration::from_millis(50));
    }
    let metrics = crate::ask::Asked::new(server.url.clone(), server.token.clone())?;
    let (mut pairs, mut before) = (vec![], renewals(&metrics.text("/metrics")?)?);
    let mut keys = Keys { stream: TcpStream::connect(way.address())?, rounds: 0 };
    keys.set(lease)?;
    while pairs.len() < settings.pairs as usize {
        let waited = Instant::now();
        let after = loop {
            let now = renewals(&metrics.text("/metrics")?)?;
            if now.0 > before.0 {
                break now;
            }
            ensure!(waited.elapsed() < patience, "the leases are not renewed");
            thread::sleep(Duration::from_millis(20));
        };
        pairs.push(((after.1 - before.1) / (after.0 - before.0), keys.set(lease)?));
        before = after;
    }
    drop(session);
    server.stop()?;
    let life: Vec<_> = pairs.iter().map(|(renewal, _)| (*renewal, lease as f64)).collect();
    Ok(Report {
        scenario: "leases".to_owned(),
        figures: vec![
            Figure::at_most("a renewal of all shards, by the life of a lease", "s", &life, 0.05),
            Figure::never_over("the same, the longest", "s", &life, 0.05),
            Figure::against("the same against SET NX PX of as many keys in one go", "s", &pairs),
            Figure::exactly("leases held at the end", "leases", redis.leases(Duration::from_secs(lease))?, 0),
        ],
    })
}

/// How many renewals there were, and the seconds that they took together.
fn renewals(metrics: &str) -> Result<(f64, f64)> {
    let value = |end: &str| {
        let name = format!("campaigns_lease_renewal_seconds_{end} ");
        metrics.lines().find_map(|line| line.strip_prefix(&name)?.parse::<f64>().ok())
    };
    Ok((value("count").unwrap_or(0.0), value("sum").unwrap_or(0.0)))
}

/// Keys that are set all at once, others each time.
struct Keys {
    stream: TcpStream,
    rounds: u32,
}

impl Keys {
    fn set(&mut self, life: u64) -> Result<f64> {
        self.rounds += 1;
        let all: String = (0..SHARDS)
            .map(|key| format!("SET reference:{}:{key} value NX PX {}\r\n", self.rounds, 1_000 * life))
            .collect();
        let begun = Instant::now();
        self.stream.write_all(all.as_bytes())?;
        let mut answers = BufReader::new(&self.stream);
        for _ in 0..SHARDS {
            let mut line = String::new();
            answers.read_line(&mut line).context("Redis does not answer")?;
            ensure!(line.trim() == "+OK", "Redis answered with {line:?}");
        }
        Ok(begun.elapsed().as_secs_f64())
    }
}
