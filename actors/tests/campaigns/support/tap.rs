//! Ports that can be broken: a tap counts the calls that pass and fails or cuts one of them, before or after it is
//! carried out. After a cut nothing passes any more, which is what a process that was killed sees.
//!
//! Deliberately absent: deciding what is right then.

use async_trait::async_trait;
use bytes::Bytes;
use campaigns_actors::ports::{
    ArtifactError, ArtifactKey, Artifacts, Backlog, CodeHost, CodeHostError, CommitDraft, CommitError,
    Committed, EffectChange, Executor, Followed, Held, Lease, Merging, Message, NewPullRequest, Opting,
    Permit, PermitAnswer, PermitRequest, Ports, Prunable, ReadBudget, RepositoryRef, Rerunning,
    ReviewRequest, Reviewing, RolloutCounts, RolloutMark, RunControl, Spending, Standing, Store, StoreError,
    Transition, Wanted, Whereabouts, Wish, Work,
};
use campaigns_domain::{
    changeset::{Changeset, FailedChecks, FailedRun, PullRequestRef},
    execution::{
        Manifest,
        run::Run,
        target::{Failure, FailureCause, Target},
    },
    id::{
        CampaignId, ChangesetId, CommitSha, Digest, EffectId, Epoch, MessageId, RepositoryId, RepositoryName,
        RunId, Shard, TargetId,
    },
    publish::{
        BranchHead, Comparison, MergeMethod, MergeRules, PullRequest, Reading, budget::Budget,
        commit::TreeEntry, dress::Wearer,
    },
    selection::{Answer, Base, Query},
    spec::Spec,
};
use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    future::Future,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, timeout},
};
use uuid::Uuid;

/// Whether a call is broken before or after it is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    Before,
    After,
}

/// What happens to the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// It is answered with an error.
    Fails,
    /// The process is gone.
    Cut,
}

/// Which calls are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    Every,
    Commits,
    HostWrites,
}

/// Breaks the `nth` call of a kind.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Break {
    pub(crate) which: Which,
    pub(crate) nth: usize,
    pub(crate) when: When,
    pub(crate) what: What,
}

/// Whether a transition is poisoned.
pub(crate) type Poison = Box<dyn Fn(&Transition) -> bool + Send>;

/// Where calls pass.
pub(crate) struct Tap {
    broken: Option<Break>,
    passed: AtomicUsize,
    hit: AtomicBool,
    cut: AtomicBool,
    gone: Notify,
    /// Nothing of the store answers while this is set.
    pub(crate) store_down: AtomicBool,
    /// Every effect's outcome is lost once before it is recorded.
    pub(crate) forgetful: AtomicBool,
    forgotten: Mutex<HashSet<EffectId>>,
    /// Commits that took place.
    pub(crate) committed: AtomicUsize,
    /// A commit that this says yes to panics.
    pub(crate) poison: Mutex<Option<Poison>>,
    /// How long the store takes to count what became of a rollout; while there is none, it fails to.
    pub(crate) counting: Mutex<Option<Duration>>,
    /// When that was asked.
    pub(crate) counted: Mutex<Vec<Instant>>,
}

impl Tap {
    pub(crate) fn open(broken: Option<Break>) -> Arc<Self> {
        Arc::new(Self {
            broken,
            passed: AtomicUsize::new(0),
            hit: AtomicBool::new(false),
            cut: AtomicBool::new(false),
            gone: Notify::new(),
            store_down: AtomicBool::new(false),
            forgetful: AtomicBool::new(false),
            forgotten: Mutex::default(),
            committed: AtomicUsize::new(0),
            poison: Mutex::new(None),
            counting: Mutex::new(Some(Duration::ZERO)),
            counted: Mutex::default(),
        })
    }

    /// Whether the call to be broken has come.
    pub(crate) fn was_hit(&self) -> bool {
        self.hit.load(Ordering::SeqCst)
    }

    /// Waits until the process is gone.
    pub(crate) async fn gone(&self) {
        self.gone.notified().await;
    }

    /// The ports behind this tap.
    pub(crate) fn behind(self: &Arc<Self>, ports: Ports) -> Ports {
        let behind = Arc::new(Behind { tap: self.clone(), ports: ports.clone() });
        Ports {
            store: behind.clone(),
            cluster: ports.cluster,
            code_host: behind.clone(),
            executor: behind.clone(),
            artifacts: behind,
        }
    }

    async fn pass<T, E>(
        &self,
        kind: Which,
        call: impl Future<Output = Result<T, E>>,
        error: impl FnOnce(When) -> E,
    ) -> Result<T, E> {
        if self.cut.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        let hit = self.broken.filter(|broken| {
            (broken.which == Which::Every || broken.which == kind)
                && self.passed.fetch_add(1, Ordering::SeqCst) == broken.nth
        });
        let Some(broken) = hit else { return call.await };
        self.hit.store(true, Ordering::SeqCst);
        if broken.when == When::After {
            let _ = call.await;
        }
        if broken.what == What::Cut {
            self.cut.store(true, Ordering::SeqCst);
            self.gone.notify_one();
            std::future::pending::<()>().await;
        }
        Err(error(broken.when))
    }

    async fn store<T>(&self, call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        let error = || StoreError::Unavailable("the test has broken it".to_owned());
        if self.store_down.load(Ordering::SeqCst) {
            return Err(error());
        }
        self.pass(Which::Every, call, |_| error()).await
    }

    async fn host<T>(
        &self,
        kind: Which,
        call: impl Future<Output = Result<T, CodeHostError>>,
    ) -> Result<T, CodeHostError> {
        self.pass(kind, call, |when| match when {
            When::Before => CodeHostError::Unavailable("the test has broken it".to_owned()),
            When::After => CodeHostError::Unknown("the test has lost it".to_owned()),
        })
        .await
    }

    async fn kept<T>(
        &self,
        call: impl Future<Output = Result<T, ArtifactError>>,
    ) -> Result<T, ArtifactError> {
        let error = |_| ArtifactError { key: "any".to_owned(), reason: "the test has broken it".to_owned() };
        self.pass(Which::Every, call, error).await
    }

    /// Whether an outcome in this transition is to be lost now.
    fn forgets(&self, transition: &Transition) -> bool {
        if !self.forgetful.load(Ordering::SeqCst) {
            return false;
        }
        let mut forgotten = self.forgotten.lock().unwrap();
        let mut forgets = false;
        for effect in &transition.effects {
            if let EffectChange::Done(id) = effect {
                forgets |= forgotten.insert(*id);
            }
        }
        forgets
    }
}

struct Behind {
    tap: Arc<Tap>,
    ports: Ports,
}

#[async_trait]
impl Reviewing for Behind {
    async fn take_reviews(&self, lease: &Lease, request: ReviewRequest) -> Result<Vec<String>, CommitError> {
        let error = || CommitError::Unavailable("the test has broken it".to_owned());
        if self.tap.store_down.load(Ordering::SeqCst) {
            return Err(error());
        }
        self.tap.pass(Which::Every, self.ports.store.take_reviews(lease, request), |_| error()).await
    }
    async fn open_reviews(&self, campaign: CampaignId) -> Result<BTreeMap<String, u32>, StoreError> {
        self.tap.store(self.ports.store.open_reviews(campaign)).await
    }
}

#[async_trait]
impl Store for Behind {
    async fn take_over(&self, shard: Shard, owner: Uuid) -> Result<Epoch, StoreError> {
        self.ports.store.take_over(shard, owner).await
    }
    async fn commit(&self, transition: Transition) -> Result<Committed, CommitError> {
        let error = || CommitError::Unavailable("the test has broken it".to_owned());
        if self.tap.store_down.load(Ordering::SeqCst) || self.tap.forgets(&transition) {
            return Err(error());
        }
        let poisoned = self.tap.poison.lock().unwrap().as_ref().is_some_and(|poison| poison(&transition));
        assert!(!poisoned, "the test has poisoned this transition");
        let committed = self.tap.pass(Which::Commits, self.ports.store.commit(transition), |_| error()).await;
        self.tap.committed.fetch_add(usize::from(committed.is_ok()), Ordering::SeqCst);
        committed
    }
    async fn inbox(&self, shards: &[Shard], limit: u32) -> Result<Vec<Message>, StoreError> {
        self.tap.store(self.ports.store.inbox(shards, limit)).await
    }
    async fn backlog(&self, shard: Shard) -> Result<Backlog, StoreError> {
        self.tap.store(self.ports.store.backlog(shard)).await
    }
    async fn run(&self, run: RunId) -> Result<Option<Run>, StoreError> {
        self.tap.store(self.ports.store.run(run)).await
    }
    async fn spec(&self, digest: &Digest) -> Result<Option<Spec>, StoreError> {
        self.tap.store(self.ports.store.spec(digest)).await
    }
    async fn target(&self, target: TargetId) -> Result<Option<Target>, StoreError> {
        self.tap.store(self.ports.store.target(target)).await
    }
    async fn targets_at(&self, run: RunId, from: u32, count: u32) -> Result<Vec<TargetId>, StoreError> {
        self.tap.store(self.ports.store.targets_at(run, from, count)).await
    }
    async fn unfinished_targets(&self, run: RunId) -> Result<Vec<TargetId>, StoreError> {
        self.tap.store(self.ports.store.unfinished_targets(run)).await
    }
    async fn changeset(&self, changeset: ChangesetId) -> Result<Option<Changeset>, StoreError> {
        self.tap.store(self.ports.store.changeset(changeset)).await
    }
    async fn scheduled(&self, organization: &str, limit: u32) -> Result<Vec<Changeset>, StoreError> {
        self.tap.store(self.ports.store.scheduled(organization, limit)).await
    }
    async fn followed(
        &self,
        campaign: CampaignId,
        organization: &str,
        after: Option<ChangesetId>,
        limit: u32,
    ) -> Result<Vec<Followed>, StoreError> {
        self.tap.store(self.ports.store.followed(campaign, organization, after, limit)).await
    }
    async fn rollout_mark(&self, run: RunId) -> Result<RolloutMark, StoreError> {
        self.tap.store(self.ports.store.rollout_mark(run)).await
    }
    async fn rollout_counts(
        &self,
        run: RunId,
        ends: &[u32],
        releasing: &BTreeSet<ChangesetId>,
        long: Duration,
    ) -> Result<RolloutCounts, StoreError> {
        let asked = {
            let mut counted = self.tap.counted.lock().unwrap();
            counted.push(Instant::now());
            counted.len()
        };
        if asked > 1_000 {
            // Whoever asks without a pause keeps paused time from going on, and the test from saying so.
            std::future::pending::<()>().await;
        }
        let counting = *self.tap.counting.lock().unwrap();
        let Some(takes) = counting else {
            return Err(StoreError::Unavailable("the test has broken it".to_owned()));
        };
        let _ = timeout(takes, std::future::pending::<()>()).await;
        self.tap.store(self.ports.store.rollout_counts(run, ends, releasing, long)).await
    }
    async fn held(&self, run: RunId, wanted: &Wanted) -> Result<Vec<Held>, StoreError> {
        self.tap.store(self.ports.store.held(run, wanted)).await
    }
    async fn holds(&self, organization: &str) -> Result<bool, StoreError> {
        self.tap.store(self.ports.store.holds(organization)).await
    }
    async fn due_organizations(&self, shards: &[Shard]) -> Result<Vec<String>, StoreError> {
        self.tap.store(self.ports.store.due_organizations(shards)).await
    }
    async fn due(&self, organization: &str, limit: u32) -> Result<Vec<Followed>, StoreError> {
        self.tap.store(self.ports.store.due(organization, limit)).await
    }
    async fn followed_in(
        &self,
        organization: &str,
        repository: RepositoryId,
    ) -> Result<Vec<Changeset>, StoreError> {
        self.tap.store(self.ports.store.followed_in(organization, repository)).await
    }
    async fn redoing(&self, organization: &str) -> Result<u64, StoreError> {
        self.tap.store(self.ports.store.redoing(organization)).await
    }
    async fn run_control(&self, run: RunId) -> Result<Option<RunControl>, StoreError> {
        self.tap.store(self.ports.store.run_control(run)).await
    }
    async fn prunable(&self, run: RunId) -> Result<Prunable, StoreError> {
        self.tap.store(self.ports.store.prunable(run)).await
    }
    async fn take_permit(&self, lease: &Lease, request: PermitRequest) -> Result<PermitAnswer, CommitError> {
        let error = || CommitError::Unavailable("the test has broken it".to_owned());
        if self.tap.store_down.load(Ordering::SeqCst) {
            return Err(error());
        }
        self.tap.pass(Which::Every, self.ports.store.take_permit(lease, request), |_| error()).await
    }
    async fn answer_permit(&self, permit: &Permit) -> Result<(), StoreError> {
        self.tap.store(self.ports.store.answer_permit(permit)).await
    }
    async fn return_permit(&self, permit: Permit) -> Result<(), StoreError> {
        self.tap.store(self.ports.store.return_permit(permit)).await
    }
    async fn spending(
        &self,
        organization: &str,
        campaigns: &[CampaignId],
        budget: &Budget,
    ) -> Result<Spending, StoreError> {
        self.tap.store(self.ports.store.spending(organization, campaigns, budget)).await
    }
    async fn standing(&self, organization: &str) -> Result<Standing, StoreError> {
        self.tap.store(self.ports.store.standing(organization)).await
    }

    async fn set_standing(
        &self,
        lease: &Lease,
        organization: &str,
        standing: &Standing,
        consumed: &[MessageId],
    ) -> Result<(), CommitError> {
        let error = || CommitError::Unavailable("the test has broken it".to_owned());
        if self.tap.store_down.load(Ordering::SeqCst) {
            return Err(error());
        }
        let set = self.ports.store.set_standing(lease, organization, standing, consumed);
        self.tap.pass(Which::Every, set, |_| error()).await
    }

    fn moved_ahead(&self) -> watch::Receiver<Duration> {
        self.ports.store.moved_ahead()
    }
}

#[async_trait]
impl Merging for Behind {
    async fn mark_ready(
        &self,
        repository: &RepositoryRef,
        pull_request: &PullRequestRef,
        permit: Permit,
    ) -> Result<(), CodeHostError> {
        let call = self.ports.code_host.mark_ready(repository, pull_request, permit);
        self.tap.host(Which::HostWrites, call).await
    }
    async fn merge_rules(
        &self,
        repository: &RepositoryRef,
        branch: &str,
        budget: &ReadBudget,
    ) -> Result<MergeRules, CodeHostError> {
        self.tap.host(Which::Every, self.ports.code_host.merge_rules(repository, branch, budget)).await
    }
    async fn enable_auto_merge(
        &self,
        repository: &RepositoryRef,
        pull_request: &PullRequestRef,
        head: &CommitSha,
        method: MergeMethod,
        permit: Permit,
    ) -> Result<(), CodeHostError> {
        let call = self.ports.code_host.enable_auto_merge(repository, pull_request, head, method, permit);
        self.tap.host(Which::HostWrites, call).await
    }
    async fn enqueue(
        &self,
        repository: &RepositoryRef,
        pull_request: &PullRequestRef,
        head: &CommitSha,
        permit: Permit,
    ) -> Result<(), CodeHostError> {
        let call = self.ports.code_host.enqueue(repository, pull_request, head, permit);
        self.tap.host(Which::HostWrites, call).await
    }
    async fn merge(
        &self,
        repository: &RepositoryRef,
        number: u64,
        head: &CommitSha,
        method: MergeMethod,
        permit: Permit,
    ) -> Result<(), CodeHostError> {
        let call = self.ports.code_host.merge(repository, number, head, method, permit);
        self.tap.host(Which::HostWrites, call).await
    }
}

#[async_trait]
impl Whereabouts for Behind {
    async fn whereabouts(
        &self,
        repository: &RepositoryRef,
        budget: &ReadBudget,
    ) -> Result<RepositoryName, CodeHostError> {
        self.tap.host(Which::Every, self.ports.code_host.whereabouts(repository, budget)).await
    }
}

#[async_trait]
impl Rerunning for Behind {
    async fn failed_checks(
        &self,
        repository: &RepositoryRef,
        head: &CommitSha,
        budget: &ReadBudget,
    ) -> Result<FailedChecks, CodeHostError> {
        self.tap.host(Which::Every, self.ports.code_host.failed_checks(repository, head, budget)).await
    }
    async fn rerun_failed_jobs(
        &self,
        repository: &RepositoryRef,
        failed: &FailedRun,
        permit: Permit,
    ) -> Result<(), CodeHostError> {
        let call = self.ports.code_host.rerun_failed_jobs(repository, failed, permit);
        self.tap.host(Which::HostWrites, call).await
    }
}

#[async_trait]
impl Opting for Behind {
    async fn opt_outs(
        &self,
        owner: &str,
        repositories: &[RepositoryRef],
        budget: &ReadBudget,
    ) -> Result<Vec<Result<Wish, CodeHostError>>, CodeHostError> {
        self.tap.host(Which::Every, self.ports.code_host.opt_outs(owner, repositories, budget)).await
    }
}

#[async_trait]
impl CodeHost for Behind {
    async fn repositories(&self, query: &Query, budget: &ReadBudget) -> Result<Answer, CodeHostError> {
        self.tap.host(Which::Every, self.ports.code_host.repositories(query, budget)).await
    }
    async fn base(
        &self,
        repository: &RepositoryRef,
        branch: &str,
        budget: &ReadBudget,
    ) -> Result<Option<Base>, CodeHostError> {
        self.tap.host(Which::Every, self.ports.code_host.base(repository, branch, budget)).await
    }
    async fn snapshot(
        &self,
        repository: &RepositoryRef,
        commit: &CommitSha,
        file: &Path,
        budget: &ReadBudget,
    ) -> Result<(), CodeHostError> {
        self.tap.host(Which::Every, self.ports.code_host.snapshot(repository, commit, file, budget)).await
    }
    async fn branch(
        &self,
        repository: &RepositoryRef,
        branch: &str,
        budget: &ReadBudget,
    ) -> Result<Option<BranchHead>, CodeHostError> {
        self.tap.host(Which::Every, self.ports.code_host.branch(repository, branch, budget)).await
    }
    async fn create_blob(
        &self,
        repository: &RepositoryRef,
        content: Bytes,
        permit: Permit,
    ) -> Result<String, CodeHostError> {
        let call = self.ports.code_host.create_blob(repository, content, permit);
        self.tap.host(Which::HostWrites, call).await
    }
    async fn create_tree(
        &self,
        repository: &RepositoryRef,
        base: &str,
        entries: &[TreeEntry],
        permit: Permit,
    ) -> Result<String, CodeHostError> {
        let call = self.ports.code_host.create_tree(repository, base, entries, permit);
        self.tap.host(Which::HostWrites, call).await
    }
    async fn create_commit(
        &self,
        repository: &RepositoryRef,
        draft: &CommitDraft,
        permit: Permit,
    ) -> Result<CommitSha, CodeHostError> {
        let call = self.ports.code_host.create_commit(repository, draft, permit);
        self.tap.host(Which::HostWrites, call).await
    }
    async fn create_branch(
        &self,
        repository: &RepositoryRef,
        branch: &str,
        commit: &CommitSha,
        permit: Permit,
    ) -> Result<(), CodeHostError> {
        let call = self.ports.code_host.create_branch(repository, branch, commit, permit);
        self.tap.host(Which::HostWrites, call).await
    }
    async fn advance_branch(
        &self,
        repository: &RepositoryRef,
        branch: &str,
        commit: &CommitSha,
        permit: Permit,
    ) -> Result<(), CodeHostError> {
        let call = self.ports.code_host.advance_branch(repository, branch, commit, permit);
        self.tap.host(Which::HostWrites, call).await
    }
    async fn pull_requests(
        &self,
        repository: &RepositoryRef,
        head: &str,
        base: &str,
        budget: &ReadBudget,
    ) -> Result<Vec<PullRequest>, CodeHostError> {
        self.tap.host(Which::Every, self.ports.code_host.pull_requests(repository, head, base, budget)).await
    }
    async fn create_pull_request(
        &self,
        repository: &RepositoryRef,
        new: &NewPullRequest,
        permit: Permit,
    ) -> Result<PullRequest, CodeHostError> {
        let call = self.ports.code_host.create_pull_request(repository, new, permit);
        self.tap.host(Which::HostWrites, call).await
    }
    async fn update_pull_request(
        &self,
        repository: &RepositoryRef,
        number: u64,
        title: &str,
        body: &str,
        permit: Permit,
    ) -> Result<PullRequest, CodeHostError> {
        let call = self.ports.code_host.update_pull_request(repository, number, title, body, permit);
        self.tap.host(Which::HostWrites, call).await
    }
    async fn set_pull_request_open(
        &self,
        repository: &RepositoryRef,
        number: u64,
        open: bool,
        permit: Permit,
    ) -> Result<PullRequest, CodeHostError> {
        let call = self.ports.code_host.set_pull_request_open(repository, number, open, permit);
        self.tap.host(Which::HostWrites, call).await
    }
    async fn comments(
        &self,
        repository: &RepositoryRef,
        number: u64,
        budget: &ReadBudget,
    ) -> Result<Vec<String>, CodeHostError> {
        self.tap.host(Which::Every, self.ports.code_host.comments(repository, number, budget)).await
    }
    async fn create_comment(
        &self,
        repository: &RepositoryRef,
        number: u64,
        body: &str,
        permit: Permit,
    ) -> Result<(), CodeHostError> {
        let call = self.ports.code_host.create_comment(repository, number, body, permit);
        self.tap.host(Which::HostWrites, call).await
    }
    async fn wearer(
        &self,
        repository: &RepositoryRef,
        number: u64,
        budget: &ReadBudget,
    ) -> Result<Wearer, CodeHostError> {
        self.tap.host(Which::Every, self.ports.code_host.wearer(repository, number, budget)).await
    }
    async fn code_owners(
        &self,
        repository: &RepositoryRef,
        commit: &CommitSha,
        budget: &ReadBudget,
    ) -> Result<Option<String>, CodeHostError> {
        self.tap.host(Which::Every, self.ports.code_host.code_owners(repository, commit, budget)).await
    }
    async fn add_labels(
        &self,
        repository: &RepositoryRef,
        number: u64,
        labels: &[String],
        permit: Permit,
    ) -> Result<Vec<String>, CodeHostError> {
        let call = self.ports.code_host.add_labels(repository, number, labels, permit);
        self.tap.host(Which::HostWrites, call).await
    }
    async fn add_assignees(
        &self,
        repository: &RepositoryRef,
        number: u64,
        logins: &[String],
        permit: Permit,
    ) -> Result<Vec<String>, CodeHostError> {
        let call = self.ports.code_host.add_assignees(repository, number, logins, permit);
        self.tap.host(Which::HostWrites, call).await
    }
    async fn request_reviews(
        &self,
        repository: &RepositoryRef,
        number: u64,
        logins: &[String],
        teams: &[String],
        permit: Permit,
    ) -> Result<(), CodeHostError> {
        let call = self.ports.code_host.request_reviews(repository, number, logins, teams, permit);
        self.tap.host(Which::HostWrites, call).await
    }
    async fn delete_branch(
        &self,
        repository: &RepositoryRef,
        branch: &str,
        at: &CommitSha,
        permit: Permit,
    ) -> Result<(), CodeHostError> {
        let call = self.ports.code_host.delete_branch(repository, branch, at, permit);
        self.tap.host(Which::HostWrites, call).await
    }
    async fn read_pull_requests(
        &self,
        owner: &str,
        node_ids: &[String],
        budget: &ReadBudget,
    ) -> Result<Vec<Result<Reading, CodeHostError>>, CodeHostError> {
        let call = self.ports.code_host.read_pull_requests(owner, node_ids, budget);
        self.tap.host(Which::Every, call).await
    }
    async fn compare(
        &self,
        repository: &RepositoryRef,
        base: &str,
        head: &str,
        budget: &ReadBudget,
    ) -> Result<Comparison, CodeHostError> {
        self.tap.host(Which::Every, self.ports.code_host.compare(repository, base, head, budget)).await
    }
    async fn pull_request(
        &self,
        repository: &RepositoryRef,
        number: u64,
        budget: &ReadBudget,
    ) -> Result<PullRequest, CodeHostError> {
        self.tap.host(Which::Every, self.ports.code_host.pull_request(repository, number, budget)).await
    }
}

#[async_trait]
impl Executor for Behind {
    async fn execute(&self, work: Work, started: Box<dyn FnOnce() + Send>) -> Result<Manifest, Failure> {
        let error =
            |_| Failure { cause: FailureCause::Infrastructure, message: "the test has broken it".to_owned() };
        self.tap.pass(Which::Every, self.ports.executor.execute(work, started), error).await
    }
    fn parallelism(&self) -> u32 {
        self.ports.executor.parallelism()
    }
}

#[async_trait]
impl Artifacts for Behind {
    async fn put(&self, key: &ArtifactKey, content: Bytes) -> Result<(), ArtifactError> {
        self.tap.kept(self.ports.artifacts.put(key, content)).await
    }
    async fn put_file(&self, key: &ArtifactKey, file: &Path) -> Result<(), ArtifactError> {
        self.tap.kept(self.ports.artifacts.put_file(key, file)).await
    }
    async fn get(&self, key: &ArtifactKey) -> Result<Option<Bytes>, ArtifactError> {
        self.tap.kept(self.ports.artifacts.get(key)).await
    }
    async fn get_file(&self, key: &ArtifactKey, file: &Path) -> Result<bool, ArtifactError> {
        self.tap.kept(self.ports.artifacts.get_file(key, file)).await
    }
    async fn get_range(
        &self,
        key: &ArtifactKey,
        from: u64,
        most: u64,
    ) -> Result<Option<Bytes>, ArtifactError> {
        self.tap.kept(self.ports.artifacts.get_range(key, from, most)).await
    }
    async fn size(&self, key: &ArtifactKey) -> Result<Option<u64>, ArtifactError> {
        self.tap.kept(self.ports.artifacts.size(key)).await
    }
}
