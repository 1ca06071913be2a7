//! The two clocks of a run, the twin's and the database's, which run with the system's and are moved ahead together
//! whenever the run waits for a limit. When the next write may come is told from the twin's log and the rules, not from
//! what the server says of itself. Deliberately absent: when a run has ended.

use crate::{
    ask::Asked,
    campaign::ORGANIZATION,
    judge::{
        SECOND,
        schedule::{Rules, allowed},
    },
    programs::{Database, Session, Twin},
};
use anyhow::{Context as _, Result, ensure};
use campaigns_twin::Entry;
use serde_json::{Value, json};
use std::{
    fs::File,
    io::{BufRead as _, BufReader},
    time::{Duration, Instant},
};

/// So long without a request, a run waits for something.
const QUIET: Duration = Duration::from_millis(15);
/// So long, it does not wait for what the rules say alone.
const STUCK: Duration = Duration::from_millis(250);
/// So long, while steps are being executed and nothing may be to be sent yet.
const BUSY: Duration = Duration::from_secs(3);
/// The first step of a search for what it waits for, and the longest, microseconds.
const STEP: i64 = 20_000;
const STRIDE: i64 = 60 * SECOND;

/// Both clocks, and what the twin's log says so far.
pub(super) struct Clocks {
    twin: Asked,
    session: Session,
    tail: BufReader<File>,
    torn: String,
    rules: Rules,
    /// When the writes and the openings so far were decided, by the twin's clock.
    writes: Vec<i64>,
    pulls: Vec<i64>,
    heard: Instant,
    step: i64,
    /// Whether a search may begin near where the last one found something, and so go past what it looks for.
    hasty: bool,
    /// What was skipped when the last write came.
    found: i64,
    /// Microseconds that were skipped.
    pub(super) skipped: i64,
}

impl Clocks {
    pub(super) fn new(twin: &Twin, database: &Database, rules: Rules) -> Result<Self> {
        let log = &twin.said.log;
        let file = File::open(log).with_context(|| format!("{} cannot be read", log.display()))?;
        Ok(Self {
            twin: twin.admin()?,
            session: Session::open(database)?,
            tail: BufReader::new(file),
            torn: String::new(),
            rules,
            writes: vec![],
            pulls: vec![],
            heard: Instant::now(),
            step: STEP,
            hasty: false,
            found: 0,
            skipped: 0,
        })
    }

    /// Where nothing is told from how long it takes: whoever waits long between two writes is not searched for anew in
    /// small steps each time.
    pub(super) fn hasty(self) -> Self {
        Self { hasty: true, ..self }
    }

    /// Moves the clocks to where the next write may come, if the run waits for that.
    pub(super) fn turn(&mut self, executing: bool) -> Result<()> {
        self.listen()?;
        let quiet = self.heard.elapsed();
        if quiet < QUIET {
            return Ok(());
        }
        let limits: Value = self.twin.get("/limits")?;
        if limits["at_the_same_time"] != json!(0) {
            return Ok(());
        }
        let clock: Value = self.twin.get("/clock")?;
        let now = clock["micros"].as_i64().context("the twin's clock has no time")?;
        let writes = allowed(&self.rules.writes, self.rules.spacing, &self.writes);
        if writes > now {
            return self.skip(writes - now).map(drop);
        }
        // From here on a write might be about to be sent, and must not find that the time has jumped meanwhile.
        if quiet < if executing { BUSY } else { STUCK } {
            return Ok(());
        }
        let pulls = allowed(&self.rules.pulls, 0, &self.pulls);
        if pulls > now {
            return self.skip(pulls - now).map(drop);
        }
        if self.skip(self.step)? {
            self.step = (self.step * 2).min(STRIDE);
        }
        Ok(())
    }

    /// Reads what is new in the log.
    fn listen(&mut self) -> Result<()> {
        while self.tail.read_line(&mut self.torn)? > 0 {
            if !self.torn.ends_with('\n') {
                return Ok(());
            }
            let entry: Entry = serde_json::from_str(&self.torn).context("the twin's log cannot be read")?;
            self.torn.clear();
            self.heard = Instant::now();
            if entry.creates || !self.hasty {
                let waited = if self.hasty { (self.skipped - self.found) * 3 / 4 } else { 0 };
                (self.step, self.found) = (waited.clamp(STEP, STRIDE), self.skipped);
            }
            if entry.creates {
                self.writes.push(entry.decided);
                if entry.operation == "pulls/create" {
                    self.pulls.push(entry.decided);
                }
            }
        }
        Ok(())
    }

    /// Moves both clocks and says whether it did: not while a write is permitted that has not been answered. To the
    /// server it counts until it has been, and clocks that ran past that would have the next one permitted while this
    /// one is still to arrive.
    fn skip(&mut self, micros: i64) -> Result<bool> {
        ensure!(micros > 0, "a clock is not moved back");
        let key = format!("hashtextextended('campaigns.permits.organization:{ORGANIZATION}', 0)");
        // No permit is given meanwhile.
        self.session.ask(&format!("SELECT pg_advisory_lock({key})"))?;
        let open =
            "SELECT EXISTS (SELECT FROM permits WHERE answered IS NULL AND counts_from > campaigns_now())";
        let moves = self.session.ask(open)? == "f";
        if moves {
            let seconds = format!("{}.{:06}", micros / SECOND, micros % SECOND);
            // The twin's first: whoever is woken by the other one must not arrive too early.
            let advance: f64 = seconds.parse()?;
            let _: Value = self.twin.post("/clock", &json!({"advance_seconds": advance}))?;
            self.session.ask(&format!("SELECT campaigns_move_clock(interval '{seconds} seconds')"))?;
            self.skipped += micros;
            self.heard = Instant::now();
        }
        self.session.ask(&format!("SELECT pg_advisory_unlock({key})"))?;
        Ok(moves)
    }
}
