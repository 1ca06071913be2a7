//! Many at once: numbering stays without gaps, and one of several wins a row.

use super::{
    StoreHarness,
    fixture::{World, event, moved},
};
use crate::ports::{CommitError, Fence, Subject};
use campaigns_domain::{execution::target::TargetState, id::Shard};
use futures::future::join_all;
use std::{collections::BTreeSet, sync::Arc};

const WRITERS: usize = 8;
const EACH: i64 = 25;

pub(super) async fn eight_writers_leave_no_gap<H: StoreHarness>(harness: Arc<H>) {
    let world = Arc::new(World::new(harness).await);
    let shard = Shard::of_run(world.run.id);
    world.fence(shard).await;
    let writers = (0..WRITERS).map(|writer| {
        let world = Arc::clone(&world);
        tokio::spawn(async move {
            let mut sequences = vec![];
            for count in 0..EACH {
                let mut transition = world.transition(shard).await;
                let mut event = event(Subject::Run(world.run.id), "run.noted");
                event.data = serde_json::json!({"writer": writer, "count": count});
                transition.events.push(event);
                sequences.push(world.commit(transition).await.sequence);
            }
            sequences
        })
    });
    let answers: Vec<Vec<i64>> = join_all(writers).await.into_iter().map(|writer| writer.unwrap()).collect();
    assert!(answers.iter().all(|sequences| sequences.is_sorted()), "a writer's events are in its order");
    let all: BTreeSet<i64> = answers.iter().flatten().copied().collect();
    let most = EACH * i64::try_from(WRITERS).unwrap();
    assert_eq!(all, (1..=most).collect(), "each number was given once");
    let dump = world.harness.dump().await;
    for (writer, sequences) in answers.iter().enumerate() {
        for (count, sequence) in sequences.iter().enumerate() {
            let stored = &dump.events[&(world.run.id, shard, *sequence)];
            assert_eq!(stored.data, serde_json::json!({"writer": writer, "count": count}));
        }
    }
    world.assert_sound().await;
}

pub(super) async fn one_of_many_wins_a_row<H: StoreHarness>(harness: Arc<H>) {
    let (world, targets) = World::with_targets(harness, 3).await;
    for target in &targets {
        let transition = world.moved(target, TargetState::Queued).await;
        let commits = (0..WRITERS).map(|_| {
            let (store, transition) = (world.store(), transition.clone());
            tokio::spawn(async move { store.commit(transition).await })
        });
        let answers: Vec<_> = join_all(commits).await.into_iter().map(|answer| answer.unwrap()).collect();
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");
        let refused = answers.iter().filter(|answer| matches!(answer, Err(CommitError::Refused(_)))).count();
        assert_eq!(refused, WRITERS - 1, "{answers:?}");
    }
    world.assert_sound().await;
}

/// What came of one target's way.
enum Way {
    Done(Vec<i64>),
    Refused,
    Fenced(Fence),
}

pub(super) async fn of_many_at_once_none_is_lost_and_none_happens_twice<H: StoreHarness>(harness: Arc<H>) {
    const STATES: [TargetState; 3] = [TargetState::Queued, TargetState::Executing, TargetState::Changed];
    let (world, targets) = World::with_targets(harness, 160).await;
    let world = Arc::new(world);
    let lost = Shard::of_target(targets[0].id);
    let old = world.fence(lost).await;
    for target in &targets {
        world.fence(Shard::of_target(target.id)).await;
    }
    let new = world.take_over(lost).await;
    // All targets go their ways at once: those of the lost shard under the old epoch, every seventh of the others from
    // a state that it is not in, and the rest one step after another.
    let ways = targets.iter().enumerate().map(|(place, target)| {
        let (world, mut target) = (Arc::clone(&world), target.clone());
        tokio::spawn(async move {
            let mut sequences = vec![];
            if place.is_multiple_of(7) {
                target = moved(&target, TargetState::Executing);
            }
            for state in STATES {
                let mut transition = world.moved(&target, state).await;
                if transition.fence == new {
                    transition.fence = old;
                }
                match world.store().commit(transition).await {
                    Ok(committed) => sequences.push(committed.sequence),
                    Err(CommitError::Refused(_)) => return Way::Refused,
                    Err(CommitError::Fenced(fence)) => return Way::Fenced(fence),
                    Err(other) => panic!("{other}"),
                }
                target = moved(&target, state);
            }
            Way::Done(sequences)
        })
    });
    let ways: Vec<Way> = join_all(ways).await.into_iter().map(|way| way.unwrap()).collect();
    let dump = world.harness.dump().await;
    let mut told = BTreeSet::new();
    for (place, (target, way)) in targets.iter().zip(&ways).enumerate() {
        let shard = Shard::of_target(target.id);
        match way {
            Way::Fenced(fence) => assert_eq!((shard, *fence), (lost, old), "{place}"),
            Way::Refused => assert!(place.is_multiple_of(7) && shard != lost, "{place}"),
            Way::Done(sequences) => {
                assert!(!place.is_multiple_of(7) && shard != lost, "{place}");
                assert!(sequences.is_sorted());
                for sequence in sequences {
                    assert!(told.insert((world.run.id, shard, *sequence)), "{place} shares a number");
                    assert_eq!(
                        dump.events[&(world.run.id, shard, *sequence)].subject,
                        Subject::Target(target.id)
                    );
                }
                assert_eq!(dump.targets[&target.id].state, TargetState::Changed);
                continue;
            }
        }
        assert_eq!(dump.targets[&target.id], *target, "{place}");
    }
    assert_eq!(dump.events.keys().copied().collect::<BTreeSet<_>>(), told, "an event for each, and no other");
    world.assert_sound().await;
}
