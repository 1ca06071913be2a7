//! More than one process: takeover from one that does not know it is replaced, handing over, and losing a shard.

use crate::support::{House, tap::Tap};
use campaigns_actors::{
    System,
    ports::memory::{Fault, FaultEffect, MemoryInstallation, Operation, Script},
};
use campaigns_domain::{
    changeset::{Changeset, ChangesetState},
    execution::{run::RunState, target::TargetState},
    id::Shard,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::sync::Semaphore;

#[tokio::test(start_paused = true)]
async fn a_zombie_writes_nothing() {
    let house = House::new().with_repositories(12);
    // The first process waits for the answers of pull requests that were accepted, while it is replaced.
    let answers = Arc::new(Semaphore::new(0));
    let fault = Fault {
        times: 4,
        ..Fault::next(Operation::CreatePullRequest, FaultEffect::HoldAnswer(answers.clone()))
    };
    house.host.add_fault(fault);
    let run = house.begin("zombie");
    let tap = Tap::open(None);
    let zombie = System::start(tap.behind(house.ports()), house.settings.clone()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(30)).await;
    let accepted: usize = house.pull_requests().values().sum();
    assert_eq!(accepted, 4, "four answers are held");

    let successor = house.start().await;
    house.rest(&successor).await;
    let committed = tap.committed.load(Ordering::SeqCst);
    let before = house.store.dump();
    let calls = house.host.calls().iter().filter(|call| call.operation.writes()).count();
    assert_eq!(house.run_state(run), RunState::Completed);

    answers.add_permits(4);
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert_eq!(tap.committed.load(Ordering::SeqCst), committed, "the zombie has committed something");
    // The successor goes on following what it opened; whatever was sent is as it was.
    let after = house.store.dump();
    assert_eq!((after.runs, after.targets, after.effects), (before.runs, before.targets, before.effects));
    let sent = |changesets: BTreeMap<_, Changeset>| -> Vec<_> {
        let each = changesets.into_values();
        each.map(|each| (each.id, each.state, each.head, each.pull_request)).collect()
    };
    assert_eq!(sent(after.changesets), sent(before.changesets));
    let later = house.host.calls().iter().filter(|call| call.operation.writes()).count();
    assert_eq!(later, calls, "the zombie has written something");
    drop(zombie);
    assert_eq!(house.changesets(), [(ChangesetState::Open, 12)].into());
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn work_is_handed_over_and_drained_without_loss() {
    let house = House::new().with_repositories(24);
    for n in 0..24 {
        let script = Script::writes("a.txt", "a").taking(Duration::from_secs(3));
        house.executor.script(&house.repository(&format!("r{n}")).name, script);
    }
    let installation = MemoryInstallation::new(house.store.clone());
    let run = house.begin("handed-over");
    let join = || async {
        let ports = house.ports_with(house.store.clone(), Arc::new(installation.member()));
        System::start(ports, house.settings.clone()).await.unwrap()
    };
    let first = join().await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    let second = join().await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    first.drain(Duration::from_secs(30)).await;
    house.rest(&second).await;
    assert_eq!(house.run_state(run), RunState::Completed);
    assert_eq!(house.targets(run), [(TargetState::Changed, 24)].into());
    assert!(house.executor.began().values().all(|began| *began == 1), "drained steps ran to their end, once");
    second.drain(Duration::from_secs(30)).await;
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn a_lost_shard_is_resumed_when_it_comes_back() {
    let house = House::new().with_repositories(10);
    for n in 0..10 {
        let script = Script::writes("a.txt", "a").taking(Duration::from_secs(10));
        house.executor.script(&house.repository(&format!("r{n}")).name, script);
    }
    let cluster = Arc::new(MemoryInstallation::new(house.store.clone()).member());
    let run = house.begin("lost");
    let ports = house.ports_with(house.store.clone(), cluster.clone());
    let system = System::start(ports, house.settings.clone()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    for shard in Shard::all() {
        cluster.lose(shard);
    }
    house.rest(&system).await;
    assert_eq!(house.run_state(run), RunState::Completed);
    assert_eq!(house.targets(run), [(TargetState::Changed, 10)].into());
    house.audit();
}
