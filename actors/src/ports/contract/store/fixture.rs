//! A small world for the cases: a campaign with a run, targets, changesets, and the owners of their shards.
//!
//! Deliberately absent: decisions. Cases say what is committed.

use super::StoreHarness;
use crate::ports::{
    CommitError, Committed, Effect, EffectChange, EffectKind, EffectState, Execution, Fence, Lease, Message,
    MessageBody, NewEvent, Recipient, RowChange, Store, Subject, Transition,
    memory::{Counts, Dump},
};
use campaigns_domain::{
    changeset::{
        Aim, Changeset, ChangesetState, Errand, LeftOut, OwedComment, OwnersAsked, Place, Proposal,
        PullRequestRef, Shown, Words, Worn,
    },
    execution::{
        run::{Run, RunOptions, RunState},
        target::{Target, TargetState},
    },
    id::{
        CampaignId, ChangesetId, CommandId, CommitSha, Digest, EffectId, Epoch, ExecutionId, MessageId,
        RepositoryId, RunId, Shard, TargetId,
    },
    spec::{Dress, Policy, Priority, Publication, Spec},
};
use std::{collections::BTreeMap, sync::Arc};
use tokio::sync::Mutex;
use uuid::Uuid;

/// The organisation whose repositories the targets are.
pub const ORGANIZATION: &str = "Acme";

/// A store under test with one run in it, and an owner of every shard that a case has asked for.
pub struct World<H> {
    /// The store under test.
    pub harness: Arc<H>,
    /// The run as it was created.
    pub run: Run,
    owned: Mutex<BTreeMap<Shard, Epoch>>,
}

impl<H: StoreHarness> World<H> {
    /// A store with one run that selects.
    pub async fn new(harness: Arc<H>) -> Self {
        let run = new_run(CampaignId(Uuid::new_v4()));
        harness.add_run(&spec(), &run).await;
        Self { harness, run, owned: Mutex::default() }
    }

    /// A store with one run of `count` selected targets.
    pub async fn with_targets(harness: Arc<H>, count: u32) -> (Self, Vec<Target>) {
        let world = Self::new(harness).await;
        let targets: Vec<Target> = (0..count).map(|position| world.new_target(position)).collect();
        let mut transition = world.transition(Shard::of_run(world.run.id)).await;
        transition.changes.push(RowChange::AddTargets(targets.clone()));
        world.commit(transition).await;
        (world, targets)
    }

    /// The store.
    pub fn store(&self) -> Arc<dyn Store> {
        self.harness.store()
    }

    /// The fence of a shard, which is taken over the first time.
    pub async fn fence(&self, shard: Shard) -> Fence {
        if let Some(epoch) = self.owned.lock().await.get(&shard) {
            return Fence { shard, epoch: *epoch };
        }
        self.take_over(shard).await
    }

    /// A new owner of a shard.
    pub async fn take_over(&self, shard: Shard) -> Fence {
        let epoch = self.store().take_over(shard, Uuid::new_v4()).await.expect("a takeover");
        self.owned.lock().await.insert(shard, epoch);
        Fence { shard, epoch }
    }

    /// A lease on the organisation's shard.
    pub async fn lease(&self, organization: &str) -> Lease {
        Lease::new(self.fence(Shard::of_organization(organization)).await, None)
    }

    /// An empty transition of the run in a shard, by its owner.
    pub async fn transition(&self, shard: Shard) -> Transition {
        Transition::new(self.fence(shard).await, self.run.id)
    }

    /// Commits what has to hold.
    pub async fn commit(&self, transition: Transition) -> Committed {
        self.store().commit(transition).await.expect("a transition that holds")
    }

    /// Commits what has to be refused, and shows that nothing came of it.
    pub async fn refused(&self, transition: Transition, why: &str) {
        let before = self.harness.dump().await;
        let answer = self.store().commit(transition).await;
        assert!(matches!(answer, Err(CommitError::Refused(_))), "{why}: {answer:?}");
        assert_eq!(self.harness.dump().await, before, "{why}");
    }

    /// A target of the run that takes part.
    pub fn new_target(&self, position: u32) -> Target {
        let repository_id = RepositoryId(1000 + u64::from(position));
        Target {
            id: TargetId::of(self.run.id, repository_id, "main", ""),
            run: self.run.id,
            campaign: self.run.campaign,
            position,
            repository_id,
            repository: format!("{ORGANIZATION}/repo-{position}").parse().expect("a repository's name"),
            branch: "main".to_owned(),
            base: CommitSha("a".repeat(40)),
            workspace: String::new(),
            state: TargetState::Selected,
            reason: "the spec names it".to_owned(),
            attempt: 0,
            infrastructure_failures: 0,
            version: 1,
        }
    }

    /// A transition that moves a target on, with its event.
    pub async fn moved(&self, target: &Target, to: TargetState) -> Transition {
        let mut transition = self.transition(Shard::of_target(target.id)).await;
        transition.changes.push(RowChange::Target { before: target.state, after: moved(target, to) });
        transition.events.push(event(Subject::Target(target.id), "target.moved"));
        transition
    }

    /// A changeset of the run as a target's result proposes it.
    pub fn new_changeset(&self, target: &Target, publication: Publication) -> Changeset {
        self.changeset_of(target, publication, self.run.id)
    }

    /// A changeset of another run of the campaign.
    pub fn changeset_of(&self, target: &Target, publication: Publication, run: RunId) -> Changeset {
        let place = Place {
            campaign: self.run.campaign,
            repository_id: target.repository_id,
            repository: target.repository.clone(),
            base_branch: "main".to_owned(),
            head_branch: "campaigns/licence".to_owned(),
        };
        let proposal = Proposal {
            run,
            target: target.id,
            attempt: 1,
            base: target.base.clone(),
            title: "Add a licence".to_owned(),
            body: "Every repository has one.".to_owned(),
            message: "Add a licence".to_owned(),
            author: None,
            publication,
            keep_branch: false,
            dress: Dress { labels: vec!["automated".to_owned()], ..Dress::default() },
            gated: false,
            auto_merge: campaigns_domain::spec::AutoMerge::Off,
            made_by: None,
        };
        Changeset::propose(place, proposal).0
    }

    /// Commits a new changeset by the organisation's owner.
    pub async fn propose(&self, changeset: &Changeset) {
        let mut transition = self.transition(Shard::of_organization(changeset.repository.owner())).await;
        transition.changes.push(RowChange::AddChangeset(changeset.clone()));
        self.commit(transition).await;
    }

    /// A transition that moves a changeset on.
    pub async fn moved_changeset(&self, before: &Changeset, after: Changeset) -> Transition {
        let mut transition = self.transition(Shard::of_organization(before.repository.owner())).await;
        transition.changes.push(RowChange::Changeset { before: before.state, after: Box::new(after) });
        transition
    }

    /// The store holds together: no gap in any part, and counters that a recount confirms.
    pub async fn assert_sound(&self) {
        assert_sound(&self.harness.dump().await);
    }
}

/// No part has a gap in its events, and every run's counters are what counting its rows gives.
pub fn assert_sound(dump: &Dump) {
    for ((run, shard), part) in &dump.parts {
        let sequences: Vec<i64> =
            dump.events.keys().filter(|key| (key.0, key.1) == (*run, *shard)).map(|key| key.2).collect();
        assert_eq!(
            sequences,
            (1..=part.last_sequence).collect::<Vec<_>>(),
            "events of {run} in shard {shard}"
        );
    }
    for run in dump.runs.keys() {
        let mut counted = Counts::default();
        dump.targets
            .values()
            .filter(|target| target.run == *run)
            .for_each(|target| counted.target(target.state, 1));
        let changesets = dump.changesets.values().filter(|changeset| changeset.wanted.run == *run);
        changesets.for_each(|changeset| counted.changeset(changeset.state, 1));
        let mut kept = Counts::default();
        dump.parts.iter().filter(|((of, _), _)| of == run).for_each(|(_, part)| kept.add(&part.counts));
        assert_eq!(kept, counted, "counters of {run}");
    }
}

/// A run of a campaign that selects.
pub fn new_run(campaign: CampaignId) -> Run {
    let digest = Digest::of(campaign.0.as_bytes());
    Run::new(
        RunId(Uuid::new_v4()),
        campaign,
        digest,
        4,
        RunOptions {
            only: Some("repo-*".to_owned()),
            dry_run: false,
            prune: true,
            no_container: true,
            again: vec![],
            rebase: false,
            each: true,
        },
    )
}

/// A spec without much in it.
pub fn spec() -> Spec {
    Spec {
        name: "licence".to_owned(),
        description: "Every repository has a licence.".to_owned(),
        on: vec![],
        steps: vec![],
        changeset_template: None,
        rollout: None,
        priority: Priority::Normal,
        policy: Policy::default(),
    }
}

/// A target one version on, in another state.
pub fn moved(target: &Target, to: TargetState) -> Target {
    Target {
        state: to,
        reason: format!("now {}", to.as_str()),
        version: target.version + 1,
        ..target.clone()
    }
}

/// A changeset one version on, in another state.
pub fn moved_changeset(changeset: &Changeset, to: ChangesetState) -> Changeset {
    let publishing = (to == ChangesetState::Publishing).then_some(changeset.generation);
    let errand = Errand {
        aim: Aim::Closed,
        by: "ada".to_owned(),
        comments: vec![OwedComment { command: CommandId(changeset.id.0), body: "Please look.".to_owned() }],
        ..Errand::default()
    };
    Changeset {
        state: to,
        publishing,
        errand,
        told: to.is_settled(),
        shown: Shown {
            words: vec![Words::new("A title", "Words with a NUL \0 and \"quotes\"")],
            ready: true,
            base: Some(CommitSha("c".repeat(40))),
            worn: Worn { labels: vec!["automated".to_owned()], ..Worn::default() },
            notes: vec!["reviewer `ada` not put on: no access".to_owned()],
            owners: Some(OwnersAsked {
                of: changeset.wanted.execution(),
                generation: changeset.generation,
                asked: vec!["ada".to_owned()],
                waiting: vec!["acme/core".to_owned()],
                passed: vec![],
                left_out: vec![LeftOut::new("a@example.com", "an address")],
            }),
        },
        version: changeset.version + 1,
        ..changeset.clone()
    }
}

/// A changeset one version on, with an open pull request.
pub fn opened(changeset: &Changeset, number: u64) -> Changeset {
    Changeset {
        head: Some(CommitSha("b".repeat(40))),
        pull_request: Some(PullRequestRef {
            number,
            node_id: format!("PR_{number}"),
            url: format!("https://host/{}/pull/{number}", changeset.repository),
        }),
        ..moved_changeset(changeset, ChangesetState::Open)
    }
}

/// A run one version on, in another state.
pub fn moved_run(run: &Run, state: RunState) -> Run {
    Run { state, version: run.version + 1, ..run.clone() }
}

/// An event.
pub fn event(subject: Subject, kind: &'static str) -> NewEvent {
    NewEvent {
        subject,
        kind,
        data: serde_json::json!({"kind": "moved", "text": "with \"quotes\" and \\ and ü"}),
    }
}

/// An effect on a target.
pub fn execute(target: &Target, attempt: u32) -> Effect {
    Effect {
        id: EffectId::of(target.id.0, "execute", attempt),
        shard: Shard::of_target(target.id),
        run: target.run,
        subject: Subject::Target(target.id),
        kind: EffectKind::Execute,
        generation: attempt,
        state: EffectState::InFlight,
    }
}

/// The beginning of an effect.
pub fn begin(effect: &Effect) -> EffectChange {
    EffectChange::Begin(effect.clone())
}

/// An execution of a target.
pub fn execution(target: &Target, attempt: u32, state: TargetState) -> Execution {
    Execution {
        id: ExecutionId::of(target.id, attempt),
        target: target.id,
        attempt,
        state,
        reason: String::new(),
        manifest: (state == TargetState::Changed).then(|| serde_json::json!({"version": 1, "changes": []})),
    }
}

/// A message to a target that an attempt is admitted.
pub fn admitted(target: TargetId, attempt: u32) -> Message {
    Message {
        id: MessageId::of(target.0, "admitted", attempt),
        to: Recipient::Target(target),
        body: MessageBody::Admitted { attempt },
    }
}

/// A message to an organisation about a changeset, one of many.
pub fn settled(run: RunId, changeset: ChangesetId, generation: u32) -> Message {
    Message {
        id: MessageId::of(changeset.0, "settled", generation),
        to: Recipient::Run(run),
        body: MessageBody::ChangesetSettled { changeset },
    }
}
