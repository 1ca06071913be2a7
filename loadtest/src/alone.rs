//! One replica of the product with all that it depends on, and nothing between.
//!
//! Deliberately absent: several of them, and bad networks (`world`).

use crate::{
    ask::Asked,
    campaign::{self, ORGANIZATION},
    programs::{Database, Server, Session, Twin},
};
use anyhow::{Context as _, Result, ensure};
use campaigns_wire::Run;
use serde_json::{Value, json};
use std::{
    fs, thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// A replica, its database, and a twin without limits.
pub(crate) struct Alone {
    pub(crate) server: Server,
    pub(crate) database: Database,
    pub(crate) twin: Twin,
    token: String,
    flags: Vec<String>,
    // Removed when everything that is in it has ended.
    room: TempDir,
}

impl Alone {
    /// Starts it over an organisation with so many repositories.
    pub(crate) fn start(targets: u32, flags: &[&str]) -> Result<Self> {
        let room = tempfile::Builder::new().prefix("loadtest-").tempdir()?;
        // A database that runs as another user has to get through to its folder.
        fs::set_permissions(room.path(), std::os::unix::fs::PermissionsExt::from_mode(0o711))?;
        let trees = room.path().join("trees");
        campaign::seed(&trees, targets)?;
        let twin = Twin::start(ORGANIZATION, &trees, targets, &room.path().join("world"))?;
        let database = Database::start(&room.path().join("database"))?;
        let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let server = Server::start(&room.path().join("data"), &database, &twin, &flags)?;
        let token = server.token.clone();
        Ok(Self { server, database, twin, token, flags, room })
    }

    /// Stops the server, does something to what it left, and starts it again.
    pub(crate) fn meanwhile(self, what: impl FnOnce(&mut Session) -> Result<()>) -> Result<Self> {
        let Self { server, database, twin, token, flags, room } = self;
        server.stop()?;
        what(&mut Session::open(&database)?)?;
        let server = Server::start(&room.path().join("data"), &database, &twin, &flags)?;
        Ok(Self { server, database, twin, token, flags, room })
    }

    /// Its API.
    pub(crate) fn api(&self) -> Result<Asked> {
        Asked::new(format!("{}/api/v1", self.server.url), self.token.clone())
    }

    /// Carries a campaign out; how it ended, and the seconds from the question to the end.
    pub(crate) fn carry_out(&self, name: &str, spec: &str, patience: Duration) -> Result<(Run, f64)> {
        let api = self.api()?;
        let _: Value = api.put(&format!("/campaigns/{name}"), &json!({"spec": spec}))?;
        let (begun, mut told) = (Instant::now(), Instant::now());
        let mut run: Run = api.post(&format!("/campaigns/{name}/runs"), &json!({}))?;
        let path = format!("/runs/{}", run.id);
        while !run.state.is_end() {
            ensure!(begun.elapsed() < patience, "the run does not end: {:?}", run.totals);
            if told.elapsed() > Duration::from_secs(15) {
                told = Instant::now();
                eprintln!("{name}: {:?} {:?}", run.totals.by_state, run.totals.changesets);
            }
            thread::sleep(Duration::from_millis(50));
            run = api.get(&path)?;
        }
        Ok((run, begun.elapsed().as_secs_f64()))
    }

    /// Stops it; what of its database breaks a rule at rest, each told.
    pub(crate) fn leave(self) -> Result<u64> {
        self.server.stop()?;
        let broken = self.database.audit()?;
        broken.iter().for_each(|line| eprintln!("at rest: {line}"));
        u64::try_from(broken.len()).context("too many rows break a rule")
    }
}
