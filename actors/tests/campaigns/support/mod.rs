//! A house to run campaigns in: a store, a code host, an executor and artifacts that outlive any one process, and
//! the verbs that tests speak in.
//!
//! Deliberately absent: expectations about calls. A test looks at what is there in the end.

#![allow(dead_code, reason = "every test uses its part")]

mod audit;
pub(crate) mod rollouts;
pub(crate) mod tap;

use campaigns_actors::{
    Patience, Settings, System,
    ports::{
        Cluster, Message, MessageBody, Ports, Recipient, RepositoryRef, Store, SyncReport,
        memory::{
            MemoryArtifacts, MemoryCluster, MemoryCodeHost, MemoryExecutor, MemoryStore, Script, SeedFile,
        },
    },
};
use campaigns_domain::{
    changeset::{Ask, Changeset, ChangesetState},
    execution::{
        run::{Again, Run, RunOptions, RunState},
        target::TargetState,
    },
    id::{CampaignId, CommandId, MessageId, RepositoryName, RunId},
    publish::{budget::Budget, installation::InstallationState, standing::PauseCause},
    spec::Spec,
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use uuid::Uuid;

/// The owner of every repository unless a test says otherwise.
pub(crate) const ACME: &str = "acme";

/// What outlives a process.
pub(crate) struct House {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) host: Arc<MemoryCodeHost>,
    pub(crate) executor: Arc<MemoryExecutor>,
    pub(crate) artifacts: Arc<MemoryArtifacts>,
    pub(crate) repositories: BTreeMap<String, RepositoryRef>,
    pub(crate) settings: Settings,
    pub(crate) window: u32,
}

impl House {
    /// A house without limits of its own, where things that pass are tried again soon.
    pub(crate) fn new() -> Self {
        let artifacts = Arc::new(MemoryArtifacts::new());
        let settings = Settings {
            budget: Budget::unlimited(),
            writes_per_second: None,
            patience: Patience {
                first: Duration::from_millis(50),
                longest: Duration::from_secs(2),
                tries: 8,
            },
            ..Settings::default()
        };
        Self {
            store: Arc::new(MemoryStore::new()),
            host: Arc::new(MemoryCodeHost::new()),
            executor: Arc::new(MemoryExecutor::new(artifacts.clone(), 4)),
            artifacts,
            repositories: BTreeMap::new(),
            settings,
            window: 8,
        }
    }

    /// Adds `count` repositories `r0`, `r1`, ... to [`ACME`].
    pub(crate) fn with_repositories(mut self, count: usize) -> Self {
        for n in 0..count {
            self.add(&format!("{ACME}/r{n}"));
        }
        self
    }

    pub(crate) fn add(&mut self, name: &str) -> RepositoryRef {
        let parsed: RepositoryName = name.parse().unwrap();
        let files = [
            SeedFile::new("README.md", format!("# {name}\n")),
            SeedFile::new("src/lib.rs", "//! Nothing.\n"),
        ];
        let repository = self.host.add_repository(&parsed, &files);
        self.repositories.insert(name.to_owned(), repository.clone());
        repository
    }

    pub(crate) fn repository(&self, name: &str) -> RepositoryRef {
        self.repositories[&full(name)].clone()
    }

    pub(crate) fn ports(&self) -> Ports {
        let cluster = Arc::new(MemoryCluster::alone(self.store.clone()));
        self.ports_with(self.store.clone(), cluster)
    }

    pub(crate) fn ports_with(&self, store: Arc<dyn Store>, cluster: Arc<dyn Cluster>) -> Ports {
        Ports {
            store,
            cluster,
            code_host: self.host.clone(),
            executor: self.executor.clone(),
            artifacts: self.artifacts.clone(),
        }
    }

    pub(crate) async fn start(&self) -> System {
        System::start(self.ports(), self.settings.clone()).await.unwrap()
    }

    /// Waits until a process has nothing to do, for two days at most.
    pub(crate) async fn rest(&self, system: &System) {
        let rested = tokio::time::timeout(Duration::from_secs(48 * 3600), system.idle()).await;
        assert!(rested.is_ok(), "it does not come to rest: {system:#?}\n{:#?}", self.store.dump());
    }

    /// Creates a run of a spec that selects all of [`ACME`] and publishes, and asks for its start.
    pub(crate) fn begin(&self, name: &str) -> RunId {
        self.begin_spec(&spec(name, ACME, "true"), RunOptions::default())
    }

    pub(crate) fn begin_spec(&self, yaml: &str, options: RunOptions) -> RunId {
        let spec = Spec::parse(yaml).unwrap_or_else(|errors| panic!("{errors}"));
        let campaign = CampaignId(Uuid::new_v5(&Uuid::NAMESPACE_OID, spec.name.as_bytes()));
        let runs = self.store.dump().runs.len();
        let run = RunId(Uuid::new_v5(&campaign.0, runs.to_string().as_bytes()));
        self.store
            .add_run(&spec, &Run::new(run, campaign, spec.digest(), self.window, options).that_prunes());
        self.tell(run, MessageId::of(run.0, "start", 1), Recipient::Run(run), MessageBody::Start);
        run
    }

    pub(crate) fn cancel(&self, run: RunId) {
        let body = MessageBody::CancelRun { by: "ada".to_owned(), command: CommandId(Uuid::nil()) };
        self.tell(run, MessageId::of(run.0, "cancel", 1), Recipient::Run(run), body);
    }

    /// Pauses a run; each word about it is the `nth`.
    pub(crate) fn pause(&self, run: RunId, nth: u32) {
        let body = MessageBody::PauseRun { by: "ada".to_owned(), command: CommandId(Uuid::nil()) };
        self.tell(run, MessageId::of(run.0, "steer", nth), Recipient::Run(run), body);
    }

    /// Resumes a run.
    pub(crate) fn resume(&self, run: RunId, nth: u32) {
        let body = MessageBody::ResumeRun { by: "ada".to_owned(), command: CommandId(Uuid::nil()) };
        self.tell(run, MessageId::of(run.0, "steer", nth), Recipient::Run(run), body);
    }

    /// Asks for a fresh read of a run's campaign.
    pub(crate) fn sync(&self, run: RunId, nth: u32) {
        let campaign = self.store.dump().runs[&run].campaign;
        let body = MessageBody::Sync { campaign, run, command: sync_command(nth) };
        let to = Recipient::Organization(ACME.to_owned());
        self.tell(run, MessageId::of(campaign.0, "sync", nth), to, body);
    }

    /// A person asks something of a repository's changeset.
    pub(crate) fn ask(&self, name: &str, ask: Ask) {
        let changeset = self.changeset(name);
        let command = CommandId(Uuid::new_v4());
        let body = MessageBody::Ask {
            changeset: changeset.id,
            ask,
            by: "ada".to_owned(),
            command,
            run: changeset.wanted.run,
        };
        let to = Recipient::Organization(changeset.repository.owner().to_owned());
        self.tell(changeset.wanted.run, MessageId(command.0), to, body);
    }

    /// A person has a repository's changeset carried out again on the base as it is now; the run that does it.
    pub(crate) async fn rebase(&self, name: &str) -> RunId {
        let changeset = self.changeset(name);
        let before = self.store.dump().runs[&changeset.wanted.run].clone();
        let again =
            vec![Again { repository: changeset.repository.clone(), branch: changeset.base_branch.clone() }];
        let command = CommandId(Uuid::new_v4());
        let run = RunId::of_command(command);
        let options = RunOptions { again, rebase: true, ..RunOptions::default() };
        let spec = self.store.spec(&before.spec).await.unwrap().unwrap();
        self.store.add_run(&spec, &Run::new(run, before.campaign, before.spec, self.window, options));
        let (ask, by) = (Ask::Rebase, "ada".to_owned());
        let body = MessageBody::Ask { changeset: changeset.id, ask, by, command, run: changeset.wanted.run };
        let to = Recipient::Organization(changeset.repository.owner().to_owned());
        self.tell(changeset.wanted.run, MessageId(command.0), to, body);
        self.tell(run, MessageId::of(run.0, "start", 1), Recipient::Run(run), MessageBody::Start);
        run
    }

    /// Every repository's steps write something else from now on.
    pub(crate) fn changes_again(&self, text: &str) {
        for repository in self.repositories.values() {
            self.executor.script(&repository.name, Script::writes("CAMPAIGN.md", text));
        }
    }

    /// What came of the `nth` sync.
    pub(crate) fn outcome(&self, nth: u32) -> SyncReport {
        self.store.outcome(sync_command(nth), ACME).expect("the sync has ended")
    }

    /// Hints at pull requests of a repository, as a webhook does.
    pub(crate) fn hint(&self, name: &str, pull_requests: &[u64], nth: u32) {
        let changeset = self.changeset(name);
        let run = changeset.wanted.run;
        let body = MessageBody::Look {
            repository_id: changeset.repository_id,
            pull_requests: pull_requests.to_vec(),
            run,
        };
        let to = Recipient::Organization(changeset.repository.owner().to_owned());
        self.tell(run, MessageId::of(changeset.id.0, "look", nth), to, body);
    }

    /// GitHub says this of the App's installation in an organisation.
    pub(crate) fn installation(&self, organization: &str, state: InstallationState) {
        let to = Recipient::Organization(organization.to_owned());
        let body = MessageBody::Installation { state };
        self.store.send(None, &Message { id: MessageId(Uuid::new_v4()), to, body });
    }

    /// Why an organisation is paused, if it is.
    pub(crate) async fn pause_of(&self, organization: &str) -> Option<PauseCause> {
        self.store.standing(organization).await.unwrap().pause.map(|pause| pause.why.cause)
    }

    /// Lets time go by until something is so, for two days at most.
    pub(crate) async fn until(&self, what: &str, is: impl Fn(&Self) -> bool) {
        let waits = async {
            while !is(self) {
                tokio::time::sleep(Duration::from_secs(5)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(48 * 3600), waits).await;
        assert!(waited.is_ok(), "it does not come to be that {what}: {:#?}", self.store.dump().changesets);
    }

    fn tell(&self, run: RunId, id: MessageId, to: Recipient, body: MessageBody) {
        self.store.send(Some(run), &Message { id, to, body });
    }

    pub(crate) fn run(&self, run: RunId) -> Run {
        self.store.dump().runs[&run].clone()
    }

    pub(crate) fn run_state(&self, run: RunId) -> RunState {
        self.run(run).state
    }

    /// How many targets of a run are in each state.
    pub(crate) fn targets(&self, run: RunId) -> BTreeMap<TargetState, usize> {
        let mut counts = BTreeMap::new();
        for target in self.store.dump().targets.values().filter(|target| target.run == run) {
            *counts.entry(target.state).or_default() += 1;
        }
        counts
    }

    /// How many changesets are in each state.
    pub(crate) fn changesets(&self) -> BTreeMap<ChangesetState, usize> {
        let mut counts = BTreeMap::new();
        for changeset in self.store.dump().changesets.values() {
            *counts.entry(changeset.state).or_default() += 1;
        }
        counts
    }

    /// The one changeset of a repository.
    pub(crate) fn changeset(&self, name: &str) -> Changeset {
        let repository = self.repository(name);
        let found: Vec<_> = self.store.dump().changesets.into_values().collect();
        let mut found = found.into_iter().filter(|changeset| changeset.repository_id == repository.id);
        let one = found.next().unwrap_or_else(|| panic!("{name} has no changeset"));
        assert!(found.next().is_none(), "{name} has more than one changeset");
        one
    }

    /// How many pull requests were ever opened in each repository.
    pub(crate) fn pull_requests(&self) -> BTreeMap<String, usize> {
        let count = |repository| self.host.pulls(repository).len();
        self.repositories.iter().map(|(name, repository)| (name.clone(), count(repository))).collect()
    }
}

/// A campaign with one open pull request.
pub(crate) async fn open(name: &str) -> (House, System, Changeset) {
    let house = House::new().with_repositories(1);
    house.begin(name);
    let system = house.start().await;
    house.rest(&system).await;
    let changeset = house.changeset("r0");
    assert_eq!(changeset.state, ChangesetState::Open);
    (house, system, changeset)
}

/// The number of a changeset's pull request.
pub(crate) fn number(changeset: &Changeset) -> u64 {
    changeset.pull_request.as_ref().unwrap().number
}

fn full(name: &str) -> String {
    if name.contains('/') { name.to_owned() } else { format!("{ACME}/{name}") }
}

/// A spec that selects an owner's repositories.
pub(crate) fn spec(name: &str, owner: &str, published: &str) -> String {
    format!(
        "name: {name}
description: A change for every repository
on:
  - organization: {owner}
steps:
  - run: echo hello > CAMPAIGN.md
changesetTemplate:
  title: Say hello
  body: Hello from ${{{{ repository.name }}}}
  branch: campaigns/{name}
  commit:
    message: Say hello
  published: {published}
"
    )
}

/// The command of the `nth` sync.
fn sync_command(nth: u32) -> CommandId {
    CommandId(Uuid::from_u128(u128::from(nth)))
}
