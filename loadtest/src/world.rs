//! Several replicas of the product, and a proxy before each of the three things that they depend on.
//!
//! Deliberately absent: when what happens, and judging it (the scenarios).

use crate::{
    ask::Asked,
    campaign::{self, ORGANIZATION},
    programs::{Database, Environment, Redis, Server, Session, Twin},
    proxy::{Proxy, Upstream, Weather},
};
use anyhow::{Context as _, Result, ensure};
use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// What a network is before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Before {
    /// Before Postgres.
    Postgres,
    /// Before Redis.
    Redis,
    /// Before the code host.
    Host,
}

/// How a network is bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Badness {
    /// Everything comes late.
    Late,
    /// Connections are reset.
    Reset,
    /// Packets vanish.
    BlackHole,
    /// The far side is gone and nobody is told.
    HalfOpen,
}

/// The replicas.
pub(crate) const REPLICAS: usize = 3;
/// Into how many shards the work is split.
const SHARDS: usize = 64;
/// How long the slowest machine may take to answer where nothing is broken.
const PATIENCE: Duration = Duration::from_secs(120);
/// How late everything comes where it comes late.
const LATE: Duration = Duration::from_millis(150);

/// Replicas, and what they depend on.
pub(crate) struct World {
    twin: Twin,
    database: Option<Database>,
    redis: Redis,
    postgres: Proxy,
    leases: Proxy,
    host: Proxy,
    flags: Vec<String>,
    replicas: Vec<Option<Server>>,
    /// Those that are being started again, which may take as long as what they depend on is away.
    starting: BTreeMap<usize, JoinHandle<Result<Server>>>,
    /// When one was taken away last.
    taken: Option<Instant>,
    token: String,
    // Removed when everything that is in it has ended.
    room: TempDir,
}

impl World {
    /// Starts everything over an organisation with so many repositories.
    pub(crate) fn start(targets: u32, twin_flags: &[String], flags: Vec<String>) -> Result<Self> {
        let room = tempfile::Builder::new().prefix("loadtest-").tempdir()?;
        // A database that runs as another user has to get through to its folder.
        fs::set_permissions(room.path(), std::os::unix::fs::PermissionsExt::from_mode(0o711))?;
        let (trees, folder) = (room.path().join("trees"), room.path().join("world"));
        campaign::seed(&trees, targets)?;
        let twin = Twin::start_with(ORGANIZATION, &trees, targets, &folder, twin_flags)?;
        Self::around(room, twin, flags)
    }

    fn around(room: TempDir, twin: Twin, flags: Vec<String>) -> Result<Self> {
        let database = Database::start(&room.path().join("database"))?;
        let redis = Redis::start(&room.path().join("redis"))?;
        let address = twin.said.url.strip_prefix("http://").context("the twin has another address")?;
        let host: SocketAddr = address.parse().context("the twin's address is no address")?;
        let mut world = Self {
            room,
            postgres: Proxy::start(Upstream::Unix(database.socket()?))?,
            leases: Proxy::start(Upstream::Unix(redis.socket()))?,
            host: Proxy::start(Upstream::Tcp(host))?,
            twin,
            database: Some(database),
            redis,
            flags,
            replicas: vec![],
            starting: BTreeMap::new(),
            taken: None,
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
        self.starter(number)?()
    }

    /// What starts a replica.
    fn starter(&self, number: usize) -> Result<impl FnOnce() -> Result<Server> + Send + 'static> {
        let database = self.database.as_ref().context("there is no database")?;
        let environment = Environment {
            database_url: database.url_at(self.postgres.address())?,
            redis_url: Some(format!("redis://{}", self.leases.address())),
            github_url: format!("http://{}", self.host.address()),
            github_token: self.twin.said.token.clone(),
        };
        let mut flags = self.flags.clone();
        flags.push(format!("--artifacts={}", self.room.path().join("artifacts").display()));
        let folder = self.room.path().join(format!("replica-{number}"));
        Ok(move || Server::start_in(&folder, &environment, &flags))
    }

    /// The twin.
    pub(crate) fn twin(&self) -> &Twin {
        &self.twin
    }

    /// The API of the first replica that is up and answers; none where none does just now.
    pub(crate) fn api(&self) -> Option<Asked> {
        self.answers().map(|(_, api)| api)
    }

    /// The same where nothing is broken: one answers sooner or later, and each question is waited for.
    pub(crate) fn answering(&self) -> Result<Asked> {
        let begun = Instant::now();
        loop {
            if let Some((replica, _)) = self.answers() {
                return Asked::new(format!("{}/api/v1", replica.url), self.token.clone());
            }
            ensure!(begun.elapsed() < PATIENCE, "no replica answers");
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn answers(&self) -> Option<(&Server, Asked)> {
        self.up().find_map(|replica| {
            let api = Asked::hasty(format!("{}/api/v1", replica.url), self.token.clone()).ok()?;
            api.get::<serde_json::Value>("/campaigns").ok().map(|_| (replica, api))
        })
    }

    /// One more replica.
    pub(crate) fn add(&mut self) -> Result<()> {
        self.replicas.push(Some(self.replica(self.replicas.len())?));
        Ok(())
    }

    /// The replicas that are up.
    pub(crate) fn up(&self) -> impl Iterator<Item = &Server> {
        self.replicas.iter().flatten()
    }

    /// What the API of one replica answers about itself.
    pub(crate) fn of(&self, replica: &Server) -> Result<Asked> {
        Asked::new(replica.url.clone(), self.token.clone())
    }

    /// Takes a replica away, for it to be ended; it is started again by `mend`.
    pub(crate) fn take(&mut self, number: usize) -> Result<Server> {
        self.taken = Some(Instant::now());
        self.replicas[number].take().context("that replica is not up")
    }

    /// A session in the database.
    pub(crate) fn session(&self) -> Result<Session> {
        Session::open(self.database.as_ref().context("there is no database")?)
    }

    /// Waits until the replicas that are up share the shards as evenly as it can be.
    pub(crate) fn until_even(&self, patience: Duration) -> Result<()> {
        let replicas = self.up().count();
        let most = SHARDS.div_ceil(replicas.max(1));
        let statement = format!(
            "SELECT count(*) = {replicas} AND max(held) <= {most} FROM \
             (SELECT count(*) AS held FROM shards GROUP BY owner) AS each"
        );
        let (mut session, begun) = (self.session()?, Instant::now());
        while session.ask(&statement)? != "t" {
            ensure!(begun.elapsed() < patience, "the replicas do not come to share the shards evenly");
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Has Redis forget what it keeps under a pattern.
    pub(crate) fn forget(&self, pattern: &str) -> Result<()> {
        let each =
            "for _, key in ipairs(redis.call('KEYS', ARGV[1])) do redis.call('DEL', key) end return 'OK'";
        self.redis.ask(&format!("EVAL \"{each}\" 0 {pattern}")).map(|_| ())
    }

    /// Kills a replica and starts it again, without waiting until it is up.
    pub(crate) fn kill(&mut self, number: usize) {
        self.replicas[number] = None;
        self.taken = Some(Instant::now());
        self.mend();
    }

    /// Waits until the leases of whoever was killed have run out: those are nobody's to give back.
    fn outlive(&self) {
        if let Some(left) = self.taken.and_then(|taken| self.life().checked_sub(taken.elapsed())) {
            thread::sleep(left);
        }
    }

    /// How long a lease lives without being renewed.
    fn life(&self) -> Duration {
        let flag = |flag: &String| flag.strip_prefix("--lease-seconds=").and_then(|life| life.parse().ok());
        Duration::from_secs(self.flags.iter().find_map(flag).unwrap_or(10))
    }

    /// Starts again what is not up. It may find the database away just now, as whoever starts it in production may.
    pub(crate) fn mend(&mut self) {
        for number in 0..self.replicas.len() {
            if self.replicas[number].is_some() {
                continue;
            }
            match self.starting.remove(&number) {
                Some(start) if start.is_finished() => {
                    self.replicas[number] = start.join().ok().and_then(Result::ok);
                }
                Some(start) => drop(self.starting.insert(number, start)),
                None => {
                    if let Ok(start) = self.starter(number) {
                        self.starting.insert(number, thread::spawn(start));
                    }
                }
            }
        }
    }

    /// Waits until every replica is up.
    pub(crate) fn complete(&mut self, patience: Duration) -> Result<()> {
        let begun = Instant::now();
        while self.replicas.iter().any(Option::is_none) {
            ensure!(begun.elapsed() < patience, "a replica does not come up again");
            self.mend();
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Freezes a replica, or has it go on.
    pub(crate) fn freeze(&self, number: usize, frozen: bool) {
        if let Some(replica) = &self.replicas[number] {
            replica.freeze(frozen);
        }
    }

    /// Has Redis forget everything.
    pub(crate) fn flush(&self) -> Result<()> {
        self.redis.ask("FLUSHALL").map(|_| ())
    }

    /// Kills Postgres and starts it again.
    pub(crate) fn restart_database(&mut self) -> Result<()> {
        self.database = None;
        self.database = Some(Database::start(&self.room.path().join("database"))?);
        Ok(())
    }

    /// Changes the network before something.
    pub(crate) fn network(&self, before: Before, badness: Option<Badness>) {
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
    pub(crate) fn leave(mut self) -> Result<Left> {
        for start in std::mem::take(&mut self.starting).into_values() {
            self.replicas.push(start.join().ok().and_then(Result::ok));
        }
        self.outlive();
        for replica in self.replicas.drain(..).flatten() {
            replica.stop()?;
        }
        let database = self.database.as_ref().context("there is no database")?;
        Ok(Left { leases: self.redis.leases(self.life())?, broken: database.audit()? })
    }
}

/// What is left when every replica has been stopped.
pub(crate) struct Left {
    /// Leases that nobody has given back and that do not lapse.
    pub(crate) leases: u64,
    /// What breaks a rule, a line each.
    pub(crate) broken: Vec<String>,
}
