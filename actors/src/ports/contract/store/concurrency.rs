//! Many at once: numbering stays without gaps, and one of several wins a row.

use super::{
    StoreHarness,
    fixture::{World, event},
};
use crate::ports::{CommitError, Subject};
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
