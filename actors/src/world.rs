//! What every actor of one process shares: ports, settings, the messages in hand, and copies of what never
//! changes (a run's spec and options) or may be a second old (a run's control state).
//!
//! Deliberately absent: state of the actors. Losing all of this costs reads and nothing else.

use crate::{
    bases::Bases,
    clock::StoreClock,
    inbox::Inbox,
    ports::{Ports, ReadBudget, RunControl, Standing, StoreError},
    settings::Settings,
    tasks::Activity,
};
use campaigns_domain::{
    changeset::{Aim, Changeset},
    execution::run::{RunOptions, RunState},
    id::{Digest, RunId, Shard},
    publish::{rollout::is_open, standing::OutOfUse},
    spec::{Caps, Spec},
};
use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
};
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};

/// How many runs' plans and states are kept before all are forgotten and read again.
const MOST_RUNS: usize = 256;

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World")
            .field("inbox", &self.inbox)
            .field("activity", &self.activity)
            .finish_non_exhaustive()
    }
}

/// What every actor of one process shares.
pub(crate) struct World {
    pub(crate) ports: Ports,
    pub(crate) settings: Settings,
    pub(crate) inbox: Inbox,
    pub(crate) activity: Activity,
    /// The clock that limits go by.
    pub(crate) clock: StoreClock,
    /// The owner of a shard held here was told that there is something for it.
    pub(crate) woken: Notify,
    stopped: watch::Sender<bool>,
    plans: Mutex<HashMap<RunId, Arc<Plan>>>,
    controls: Mutex<HashMap<RunId, (Instant, RunControl)>>,
    read_budgets: Mutex<HashMap<String, ReadBudget>>,
    /// When the store was last asked where an organisation stands.
    looked: Mutex<HashMap<String, (Instant, Option<OutOfUse>)>>,
    /// What is known of base branches that moved.
    pub(crate) bases: Bases,
    wakes: Mutex<BTreeSet<Shard>>,
    woke: Notify,
}

/// What a run carries out; it never changes.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) spec: Arc<Spec>,
    pub(crate) version: Digest,
    pub(crate) options: RunOptions,
}

impl World {
    pub(crate) fn new(ports: Ports, settings: Settings) -> Self {
        Self {
            clock: StoreClock::of(ports.store.as_ref()),
            ports,
            settings,
            inbox: Inbox::default(),
            activity: Activity::new(),
            woken: Notify::new(),
            stopped: watch::Sender::new(false),
            plans: Mutex::default(),
            controls: Mutex::default(),
            read_budgets: Mutex::default(),
            looked: Mutex::default(),
            bases: Bases::default(),
            wakes: Mutex::default(),
            woke: Notify::new(),
        }
    }

    /// What a run carries out.
    pub(crate) async fn plan(&self, run: RunId) -> Result<Arc<Plan>, StoreError> {
        if let Some(plan) = self.plans.lock().unwrap_or_else(PoisonError::into_inner).get(&run) {
            return Ok(plan.clone());
        }
        let row = self.ports.store.run(run).await?;
        let row = row.ok_or_else(|| StoreError::Corrupt(format!("run {run} is not there")))?;
        let spec = self.spec(&row.spec).await?;
        let plan = Arc::new(Plan { spec, version: row.spec, options: row.options });
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        if plans.len() >= MOST_RUNS {
            plans.clear();
        }
        plans.insert(run, plan.clone());
        Ok(plan)
    }

    async fn spec(&self, digest: &Digest) -> Result<Arc<Spec>, StoreError> {
        let spec = self.ports.store.spec(digest).await?;
        spec.map(Arc::new).ok_or_else(|| StoreError::Corrupt(format!("spec {digest} is not there")))
    }

    /// What a run may do, by a copy no older than the settings allow.
    pub(crate) async fn control_of(&self, run: RunId) -> Result<RunControl, StoreError> {
        let known = self.controls.lock().unwrap_or_else(PoisonError::into_inner).get(&run).cloned();
        if let Some((at, control)) = known
            && at.elapsed() <= self.settings.control_age
        {
            // As old as the copy is, so much later it is now.
            let now = control.at.map(|then| then + at.elapsed());
            return Ok(RunControl { at: now, ..control });
        }
        self.read_control(run).await
    }

    /// The same, with the store's time: a copy that was noted here at the run's end has none.
    pub(crate) async fn control_at(&self, run: RunId) -> Result<RunControl, StoreError> {
        match self.control_of(run).await? {
            control if control.at.is_some() => Ok(control),
            _ => self.read_control(run).await,
        }
    }

    async fn read_control(&self, run: RunId) -> Result<RunControl, StoreError> {
        // The copy is as old as the question, not as the answer.
        let asked = Instant::now();
        let control = self.ports.store.run_control(run).await?;
        let control = control.ok_or_else(|| StoreError::Corrupt(format!("run {run} is not there")))?;
        self.note(run, asked, control.clone());
        Ok(control)
    }

    /// Whether a pause holds the run's effects, by that copy. Where it cannot be read nothing is said; the gate before
    /// every effect waits then.
    pub(crate) async fn is_paused(&self, run: RunId) -> bool {
        self.control_of(run).await.is_ok_and(|control| control.paused.is_some())
    }

    /// What may be read of an organisation or user; one budget for everything in this process, out of the pool
    /// where others share the work.
    pub(crate) fn reads_of(&self, owner: &str) -> ReadBudget {
        let (limits, clock, owner) = (&self.settings.reads, &self.clock, owner.to_ascii_lowercase());
        let mut budgets = self.read_budgets.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || match self.ports.cluster.points() {
            Some(pool) => ReadBudget::of_pool(limits.clone(), clock.clone(), pool, &owner),
            None => ReadBudget::new(limits.clone(), clock.clone()),
        };
        let budget = budgets.entry(owner.clone()).or_insert_with(new).clone();
        budget.share(self.ports.cluster.members());
        budget
    }

    /// The same after a look, no older than the settings allow, at where the organisation stands; with what has to be
    /// mended while nothing is sent there because of that.
    pub(crate) async fn reading(&self, owner: &str) -> (ReadBudget, Option<OutOfUse>) {
        let (budget, owner) = (self.reads_of(owner), owner.to_ascii_lowercase());
        let asked = Instant::now();
        let looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner).get(&owner).cloned();
        if let Some((_, paused)) = looked.filter(|(at, _)| at.elapsed() <= self.settings.control_age) {
            return (budget, paused);
        }
        match self.ports.store.standing(&owner).await {
            Ok(Standing { quiet, pause, .. }) => {
                // A pause may be over before its quiet is: it is not kept for that long by what is only read.
                let paused = pause.filter(|_| quiet.is_some()).map(|pause| pause.why);
                if let (Some((wait, reason)), None) = (quiet, &paused) {
                    budget.quiet_for(wait, &reason);
                }
                let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
                looked.insert(owner, (asked, paused.clone()));
                (budget, paused)
            }
            Err(error) => {
                tracing::debug!(owner, %error, "where the organisation stands could not be read");
                (budget, None)
            }
        }
    }

    /// Whether nothing is sent for a changeset now: a pause holds it, or its rollout's windows are shut.
    pub(crate) async fn rests(&self, changeset: &Changeset) -> bool {
        self.is_paused(changeset.wanted.run).await || self.is_shut(changeset).await
    }

    /// Whether the windows of its rollout are shut for a changeset. What a person has asked for besides its content is
    /// not kept waiting for them.
    pub(crate) async fn is_shut(&self, changeset: &Changeset) -> bool {
        let errand = &changeset.errand;
        let asked =
            errand.aim != Aim::Open || errand.adopt || errand.back.is_some() || !errand.comments.is_empty();
        if !changeset.wanted.gated || asked {
            return false;
        }
        let Ok(plan) = self.plan(changeset.wanted.run).await else { return false };
        let Some(rollout) = plan.spec.rollout.as_ref().filter(|rollout| !rollout.windows.is_empty()) else {
            return false;
        };
        match self.control_of(changeset.wanted.run).await {
            Ok(RunControl { at: Some(now), .. }) => !is_open(&rollout.windows, now),
            _ => false,
        }
    }

    /// The caps of a changeset's campaign: what people have set for its run, and what the spec says besides.
    pub(crate) async fn caps_of(&self, run: RunId) -> Caps {
        let spec = self.plan(run).await.ok().and_then(|plan| Some(plan.spec.rollout.as_ref()?.caps));
        let set = self.control_of(run).await.map(|control| control.pace.caps).unwrap_or_default();
        set.or(spec.unwrap_or_default())
    }

    /// Whether a run goes before others, by the same copy. Before it has selected that is not known, and no copy from
    /// then will do.
    pub(crate) async fn is_urgent(&self, run: RunId) -> bool {
        let control = match self.control_of(run).await {
            Ok(control) if control.state == RunState::Selecting => self.read_control(run).await,
            other => other,
        };
        control.is_ok_and(|control| control.pace.priority.is_some_and(|it| it.is_urgent()))
    }

    /// Stops every task of the process where it is.
    pub(crate) fn stop(&self) {
        self.stopped.send_replace(true);
    }

    /// Whether every task is to stop.
    pub(crate) fn stopped(&self) -> watch::Receiver<bool> {
        self.stopped.subscribe()
    }

    /// Takes note of what a run may do.
    pub(crate) fn note(&self, run: RunId, at: Instant, control: RunControl) {
        let mut controls = self.controls.lock().unwrap_or_else(PoisonError::into_inner);
        if controls.len() >= MOST_RUNS {
            controls.clear();
        }
        controls.insert(run, (at, control));
    }

    /// Has the owners of these shards woken. Wakes are gathered, so that many commits cost few calls.
    pub(crate) fn wake(&self, shards: impl IntoIterator<Item = Shard>) {
        let mut wakes = self.wakes.lock().unwrap_or_else(PoisonError::into_inner);
        wakes.extend(shards);
        if !wakes.is_empty() {
            self.woke.notify_one();
        }
    }

    /// Passes gathered wakes on to the cluster, for as long as the process lives.
    pub(crate) async fn pass_on_wakes(&self) {
        loop {
            self.woke.notified().await;
            let shards = std::mem::take(&mut *self.wakes.lock().unwrap_or_else(PoisonError::into_inner));
            self.ports.cluster.wake(&shards.into_iter().collect::<Vec<_>>()).await;
        }
    }
}
