//! Random transitions, right and wrong, on the store in memory and on PostgreSQL: the answers are alike and the
//! ends are equal.

use super::harness::PostgresHarness;
use campaigns_actors::ports::{
    AdmissionState, CommitError, Committed, EffectChange, Fence, Message, MessageBody, Recipient, RowChange,
    Store, Subject, Transition,
    contract::store::{
        StoreHarness,
        fixture::{
            ORGANIZATION, World, admitted, assert_sound, begin, event, execute, execution, moved,
            moved_changeset, moved_run, opened,
        },
    },
    memory::MemoryStore,
};
use campaigns_domain::{
    changeset::{Changeset, ChangesetState},
    execution::{
        run::{Run, RunState},
        target::{Target, TargetState},
    },
    id::{Epoch, MessageId, Shard},
    spec::Publication,
};
use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, TestRunner},
};
use std::{cell::Cell, collections::BTreeMap, sync::Arc};

const TARGETS: u32 = 6;

/// One thing that somebody tries. `wrong` makes it one that may not hold.
#[derive(Debug, Clone)]
enum Step {
    Target { target: usize, to: usize, wrong: u8, extras: u8 },
    Changeset { target: usize, to: usize, wrong: u8 },
    Run { to: usize, wrong: u8 },
    Admission { target: usize, attempt: u32, state: u8 },
    Message { target: usize, attempt: u32 },
    Consume { target: usize, attempt: u32 },
    TakeOver { target: usize },
    Organization,
}

fn step() -> impl Strategy<Value = Step> {
    let (target, wrong) = (0..TARGETS as usize, 0..8_u8);
    prop_oneof![
        6 => (target.clone(), 0..8_usize, wrong.clone(), any::<u8>())
            .prop_map(|(target, to, wrong, extras)| Step::Target { target, to, wrong, extras }),
        4 => (target.clone(), 0..9_usize, wrong.clone())
            .prop_map(|(target, to, wrong)| Step::Changeset { target, to, wrong }),
        2 => (0..5_usize, wrong).prop_map(|(to, wrong)| Step::Run { to, wrong }),
        2 => (target.clone(), 1..3_u32, 0..3_u8)
            .prop_map(|(target, attempt, state)| Step::Admission { target, attempt, state }),
        3 => (target.clone(), 1..4_u32).prop_map(|(target, attempt)| Step::Message { target, attempt }),
        3 => (target.clone(), 1..4_u32).prop_map(|(target, attempt)| Step::Consume { target, attempt }),
        1 => target.prop_map(|target| Step::TakeOver { target }),
        1 => Just(Step::Organization),
    ]
}

/// What whoever tries believes, and the epochs there were.
struct Player {
    world: World<Arc<MemoryStore>>,
    postgres: PostgresHarness,
    run: Run,
    targets: Vec<Target>,
    changesets: BTreeMap<usize, Changeset>,
    epochs: BTreeMap<Shard, Epoch>,
    answers: Answers,
}

/// How transitions fared.
#[derive(Debug, Default, Clone, Copy)]
struct Answers {
    held: u32,
    refused: u32,
    fenced: u32,
}

impl Player {
    async fn new() -> Self {
        let world = World::new(Arc::new(Arc::new(MemoryStore::new()))).await;
        let postgres = PostgresHarness::new().await;
        let run = world.run.clone();
        postgres.add_run(&campaigns_actors::ports::contract::store::fixture::spec(), &run).await;
        let targets: Vec<Target> = (0..TARGETS).map(|position| world.new_target(position)).collect();
        let mut player = Self {
            world,
            postgres,
            run,
            targets,
            changesets: BTreeMap::new(),
            epochs: BTreeMap::new(),
            answers: Answers::default(),
        };
        let mut add = player.transition(Shard::of_run(player.run.id), 0).await;
        let skipped = Target { state: TargetState::Skipped, ..player.world.new_target(TARGETS) };
        add.changes.push(RowChange::AddTargets(player.targets.iter().cloned().chain([skipped]).collect()));
        assert!(player.commit(add).await);
        player
    }

    async fn take_over(&mut self, shard: Shard) -> Epoch {
        let owner = uuid::Uuid::new_v4();
        let one = self.world.store().take_over(shard, owner).await.expect("a takeover");
        let other = self.postgres.store.take_over(shard, owner).await.expect("a takeover");
        assert_eq!(one, other);
        self.epochs.insert(shard, one);
        one
    }

    /// An empty transition; `wrong` = 7 is one of an owner before.
    async fn transition(&mut self, shard: Shard, wrong: u8) -> Transition {
        let epoch = match self.epochs.get(&shard) {
            Some(epoch) => *epoch,
            None => self.take_over(shard).await,
        };
        let epoch = if wrong == 7 { Epoch(epoch.0 - 1) } else { epoch };
        Transition::new(Fence { shard, epoch }, self.run.id)
    }

    /// Commits to both; whether it held.
    async fn commit(&mut self, transition: Transition) -> bool {
        let one = self.world.store().commit(transition.clone()).await;
        let other = self.postgres.store.commit(transition.clone()).await;
        let alike = |answer: &Result<Committed, CommitError>| match answer {
            // Each store refuses in its own words.
            Err(CommitError::Refused(_)) => Err(CommitError::Refused(String::new())),
            other => other.clone(),
        };
        assert_eq!(alike(&one), alike(&other), "{one:?} in memory, {other:?} on PostgreSQL: {transition:#?}");
        let answers = &mut self.answers;
        *match &one {
            Ok(_) => &mut answers.held,
            Err(CommitError::Refused(_)) => &mut answers.refused,
            Err(_) => &mut answers.fenced,
        } += 1;
        one.is_ok()
    }

    async fn play(&mut self, step: &Step) {
        match step {
            Step::Target { target, to, wrong, extras } => self.target(*target, *to, *wrong, *extras).await,
            Step::Changeset { target, to, wrong } => self.changeset(*target, *to, *wrong).await,
            Step::Run { to, wrong } => {
                let states = [
                    RunState::Selecting,
                    RunState::Running,
                    RunState::Completed,
                    RunState::Cancelled,
                    RunState::Failed,
                ];
                let mut after = moved_run(&self.run, states[*to]);
                after.total = TARGETS;
                after.version += i64::from(*wrong == 1);
                let mut transition = self.transition(Shard::of_run(self.run.id), *wrong).await;
                transition.changes.push(RowChange::Run(after.clone()));
                transition.events.push(event(Subject::Run(self.run.id), "run.moved"));
                if self.commit(transition).await {
                    self.run = after;
                }
            }
            Step::Admission { target, attempt, state } => {
                let state = [AdmissionState::Asked, AdmissionState::Open, AdmissionState::Closed]
                    [usize::from(*state)];
                let (target, attempt) = (self.targets[*target].id, *attempt);
                let mut transition = self.transition(Shard::of_run(self.run.id), 0).await;
                transition.changes.push(RowChange::Admission { target, attempt, state });
                self.commit(transition).await;
            }
            Step::Message { target, attempt } => {
                let mut transition = self.transition(Shard::of_run(self.run.id), 0).await;
                transition.messages.push(admitted(self.targets[*target].id, *attempt));
                transition.messages.push(Message {
                    id: MessageId::of(self.run.id.0, "cancel", *attempt),
                    to: Recipient::Organization(ORGANIZATION.to_owned()),
                    body: MessageBody::Cancel,
                });
                self.commit(transition).await;
            }
            Step::Consume { target, attempt } => {
                let target = self.targets[*target].id;
                let mut transition = self.transition(Shard::of_target(target), 0).await;
                transition.consumed.push(admitted(target, *attempt).id);
                transition.events.push(event(Subject::Target(target), "target.told"));
                self.commit(transition).await;
            }
            Step::TakeOver { target } => {
                self.take_over(Shard::of_target(self.targets[*target].id)).await;
            }
            Step::Organization => {
                self.take_over(Shard::of_organization(ORGANIZATION)).await;
            }
        }
    }

    async fn target(&mut self, place: usize, to: usize, wrong: u8, extras: u8) {
        let target = self.targets[place].clone();
        let mut after = moved(&target, TargetState::ALL[to]);
        after.attempt += u32::from(extras & 1);
        let before = if wrong == 2 { TargetState::ALL[(to + 1) % 8] } else { target.state };
        after.version += i64::from(wrong == 1);
        let mut transition = self.transition(Shard::of_target(target.id), wrong).await;
        transition.changes.push(RowChange::Target { before, after: after.clone() });
        if extras & 2 > 0 {
            transition.changes.push(RowChange::Execution(execution(&target, 1, TargetState::Changed)));
        }
        if extras & 4 > 0 {
            transition.effects.push(begin(&execute(&target, u32::from(extras >> 6))));
        }
        if extras & 8 > 0 {
            transition.effects.push(EffectChange::Done(execute(&target, u32::from(extras >> 5) & 3).id));
        }
        for _ in 0..(extras >> 4) & 3 {
            transition.events.push(event(Subject::Target(target.id), "target.moved"));
        }
        if self.commit(transition).await {
            self.targets[place] = after;
        }
    }

    async fn changeset(&mut self, place: usize, to: usize, wrong: u8) {
        let mut transition = self.transition(Shard::of_organization(ORGANIZATION), wrong).await;
        let after = match self.changesets.get(&place) {
            None => {
                let publication =
                    if to.is_multiple_of(2) { Publication::Ready } else { Publication::Unpublished };
                let new = self
                    .world
                    .new_changeset(&self.world.new_target(u32::try_from(place).expect("small")), publication);
                transition.changes.push(RowChange::AddChangeset(new.clone()));
                new
            }
            Some(before) => {
                let state = ChangesetState::ALL[to];
                let mut after = match state {
                    ChangesetState::Open => opened(before, to as u64 + 1),
                    other => moved_changeset(before, other),
                };
                after.version += i64::from(wrong == 1);
                let claimed = if wrong == 2 { ChangesetState::ALL[(to + 1) % 9] } else { before.state };
                transition
                    .changes
                    .push(RowChange::Changeset { before: claimed, after: Box::new(after.clone()) });
                after
            }
        };
        transition.events.push(event(Subject::Changeset(after.id), "changeset.moved"));
        if self.commit(transition).await {
            self.changesets.insert(place, after);
        }
    }

    async fn compare(&self) {
        let one = self.world.harness.dump().await;
        let other = self.postgres.dump().await;
        assert_eq!(one, other);
        assert_sound(&one);
        let (memory, postgres) = (self.world.store(), &self.postgres.store);
        let organization = ORGANIZATION;
        assert_eq!(
            memory.scheduled(organization, 3).await.expect("memory"),
            postgres.scheduled(organization, 3).await.expect("PostgreSQL")
        );
        for shard in self.epochs.keys() {
            assert_eq!(
                memory.backlog(*shard).await.expect("memory"),
                postgres.backlog(*shard).await.expect("PostgreSQL")
            );
        }
    }
}

#[test]
fn random_transitions_end_alike_in_memory_and_on_postgres() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let all = Cell::new(Answers::default());
    let mut runner = TestRunner::new(Config { cases: 24, failure_persistence: None, ..Config::default() });
    runner
        .run(&vec(step(), 20..80), |steps| {
            runtime.block_on(async {
                let mut player = Player::new().await;
                for step in &steps {
                    player.play(step).await;
                }
                player.compare().await;
                let (before, now) = (all.get(), player.answers);
                all.set(Answers {
                    held: before.held + now.held,
                    refused: before.refused + now.refused,
                    fenced: before.fenced + now.fenced,
                });
            });
            Ok(())
        })
        .expect("alike");
    let all = all.get();
    assert!(all.held > 100 && all.refused > 50 && all.fenced > 20, "too much of one kind: {all:?}");
}
