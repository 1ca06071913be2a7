//! What a storm goes over: three replicas, and a proxy before each of the three things that they depend on.
//!
//! Deliberately absent: when what happens (`plan`), and judging it.

use super::plan::{Badness, Before};
use crate::{
    ask::Asked,
    programs::{Database, Environment, Redis, Server, Twin},
    proxy::{Proxy, Upstream, Weather},
};
use anyhow::{Context as _, Result, ensure};
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

/// The replicas.
pub(super) const REPLICAS: usize = 3;
/// How late everything comes where it comes late.
const LATE: Duration = Duration::from_millis(150);

/// Replicas, and what they depend on.
pub(super) struct World {
    room: PathBuf,
    twin: Twin,
    database: Option<Database>,
    redis: Redis,
    postgres: Proxy,
    leases: Proxy,
    host: Proxy,
    flags: Vec<String>,
    replicas: Vec<Option<Server>>,
    token: String,
}

impl World {
    /// Starts everything in a room.
    pub(super) fn start(room: &Path, twin: Twin, flags: Vec<String>) -> Result<Self> {
        let database = Database::start(&room.join("database"))?;
        let redis = Redis::start(&room.join("redis"))?;
        let address = twin.said.url.strip_prefix("http://").context("the twin has another address")?;
        let host: SocketAddr = address.parse().context("the twin's address is no address")?;
        let mut world = Self {
            room: room.to_owned(),
            postgres: Proxy::start(Upstream::Unix(database.socket()?))?,
            leases: Proxy::start(Upstream::Unix(redis.socket()))?,
            host: Proxy::start(Upstream::Tcp(host))?,
            twin,
            database: Some(database),
            redis,
            flags,
            replicas: vec![],
            token: String::new(),
        };
        for number in 0..REPLICAS {
            let replica = world.replica(number)?;
            if !replica.token.is_empty() {
                world.token.clone_from(&replica.token);
            }
            world.replicas.push(Some(replica));
        }
        ensure!(!world.token.is_empty(), "no replica has an API token");
        Ok(world)
    }

    fn replica(&self, number: usize) -> Result<Server> {
        let database = self.database.as_ref().context("there is no database")?;
        let environment = Environment {
            database_url: database.url_at(self.postgres.address())?,
            redis_url: Some(format!("redis://{}", self.leases.address())),
            github_url: format!("http://{}", self.host.address()),
            github_token: self.twin.said.token.clone(),
        };
        let mut flags = self.flags.clone();
        flags.push(format!("--artifacts={}", self.room.join("artifacts").display()));
        Server::start_in(&self.room.join(format!("replica-{number}")), &environment, &flags)
    }

    /// The twin.
    pub(super) fn twin(&self) -> &Twin {
        &self.twin
    }

    /// The API of the first replica that is up and answers; none where none does just now.
    pub(super) fn api(&self) -> Option<Asked> {
        self.replicas.iter().flatten().find_map(|replica| {
            let api = Asked::hasty(format!("{}/api/v1", replica.url), self.token.clone()).ok()?;
            api.get::<serde_json::Value>("/campaigns").ok().map(|_| api)
        })
    }

    /// Kills a replica and starts it again.
    pub(super) fn kill(&mut self, number: usize) -> Result<()> {
        self.replicas[number] = None;
        // It may find the database away just now, as whoever starts it in production may.
        self.replicas[number] = self.replica(number).ok();
        Ok(())
    }

    /// Starts again what could not be started before.
    pub(super) fn mend(&mut self) {
        for number in 0..self.replicas.len() {
            if self.replicas[number].is_none() {
                self.replicas[number] = self.replica(number).ok();
            }
        }
    }

    /// Freezes a replica, or has it go on.
    pub(super) fn freeze(&self, number: usize, frozen: bool) {
        if let Some(replica) = &self.replicas[number] {
            replica.freeze(frozen);
        }
    }

    /// Has Redis forget everything.
    pub(super) fn flush(&self) -> Result<()> {
        self.redis.ask("FLUSHALL").map(|_| ())
    }

    /// Kills Postgres and starts it again.
    pub(super) fn restart_database(&mut self) -> Result<()> {
        self.database = None;
        self.database = Some(Database::start(&self.room.join("database"))?);
        Ok(())
    }

    /// Changes the network before something.
    pub(super) fn network(&self, before: Before, badness: Option<Badness>) {
        let weather = match badness {
            None => Weather::Clear,
            Some(Badness::Late) => Weather::Late(LATE),
            Some(Badness::Reset) => Weather::Reset,
            Some(Badness::BlackHole) => Weather::BlackHole,
            Some(Badness::HalfOpen) => Weather::HalfOpen,
        };
        match before {
            Before::Postgres => self.postgres.turn(weather),
            Before::Redis => self.leases.turn(weather),
            Before::Host => self.host.turn(weather),
        }
    }

    /// Stops the replicas as whoever looks after them would; what is left of them in Redis, and what their database
    /// breaks of the rules at rest.
    pub(super) fn leave(mut self) -> Result<Left> {
        for replica in self.replicas.drain(..).flatten() {
            replica.stop()?;
        }
        let database = self.database.as_ref().context("there is no database")?;
        Ok(Left { leases: self.redis.count("*:lease:*")?, broken: database.audit()? })
    }
}

/// What is left when every replica has been stopped.
pub(super) struct Left {
    /// Leases that are held.
    pub(super) leases: u64,
    /// What breaks a rule, a line each.
    pub(super) broken: Vec<String>,
}
