//! Pausing, resuming, cancelling: what begins and what does not, across crashes, and who is not kept waiting.

use crate::support::{
    ACME, House,
    rollouts::{begin, merge, stays_at, until},
    spec,
};
use campaigns_actors::{
    System,
    ports::{Store as _, memory::Script},
};
use campaigns_domain::{
    changeset::{Ask, ChangesetState},
    execution::{
        run::{RunOptions, RunState},
        target::TargetState,
    },
    id::RunId,
};
use std::{num::NonZeroU32, time::Duration};

/// A house where a pull request takes seconds, and an attempt too.
fn slow_house(repositories: usize) -> House {
    let mut house = House::new().with_repositories(repositories);
    house.settings.writes_per_second = NonZeroU32::new(1);
    for n in 0..repositories {
        let script = Script::writes("CAMPAIGN.md", "hello\n").taking(Duration::from_secs(2));
        house.executor.script(&house.repository(&format!("r{n}")).name, script);
    }
    house
}

fn writes(house: &House) -> usize {
    house.host.calls().iter().filter(|call| call.operation.writes()).count()
}

fn began(house: &House) -> u32 {
    house.executor.began().values().sum()
}

async fn after(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn a_paused_run_begins_nothing_and_goes_on_when_it_is_resumed() {
    let mut house = slow_house(24);
    house.window = 4;
    let run = house.begin("paused");
    let system = house.start().await;
    after(7).await;
    house.pause(run, 1);
    after(5).await;
    let before = (writes(&house), began(&house));
    assert!(before.0 > 0 && before.1 > 0 && before.1 < 24, "{before:?}: the pause comes in the middle");
    after(3600).await;
    assert_eq!((writes(&house), began(&house)), before, "something has begun");
    assert_eq!(house.run(run).paused.as_deref(), Some("ada"));
    assert_eq!(house.run(run).reason, "paused by ada");
    house.resume(run, 2);
    house.rest(&system).await;
    assert_eq!((house.run_state(run), house.run(run).paused), (RunState::Completed, None));
    assert_eq!(house.changesets(), [(ChangesetState::Open, 24)].into());
    assert!(house.pull_requests().values().all(|count| *count == 1));
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn a_pause_outlives_its_process() {
    let house = slow_house(12);
    let run = house.begin("crash");
    let system = house.start().await;
    after(10).await;
    house.pause(run, 1);
    after(5).await;
    let before = writes(&house);
    drop(system);
    let system = house.start().await;
    after(600).await;
    assert_eq!(writes(&house), before, "the next process has written");
    house.resume(run, 2);
    house.rest(&system).await;
    assert_eq!(house.changesets(), [(ChangesetState::Open, 12)].into());
    assert!(house.pull_requests().values().all(|count| *count == 1));
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn a_paused_campaign_keeps_no_other_waiting() {
    let mut house = slow_house(20);
    // All that is scheduled is of the paused campaign, more of it than is held in memory.
    house.settings.scheduled_page = 4;
    house.window = 20;
    let first = house.begin("first");
    let system = house.start().await;
    after(12).await;
    let campaign = house.run(first).campaign;
    house.store.pause_campaign(campaign, Some("ada"));
    after(5).await;
    let mine = |house: &House, state| {
        let all = house.store.dump().changesets.into_values();
        all.filter(|each| each.campaign == campaign && each.state == state).count()
    };
    let open = mine(&house, ChangesetState::Open);
    assert!(open < 12, "{open} of the first campaign are open already");
    let options = RunOptions { only: Some("r1?".to_owned()), ..RunOptions::default() };
    let second = house.begin_spec(&spec("second", "acme", "true"), options);
    after(600).await;
    assert_eq!(house.run_state(second), RunState::Completed, "the second campaign waits for the first");
    assert_eq!(mine(&house, ChangesetState::Open), open);
    house.store.pause_campaign(campaign, None);
    house.rest(&system).await;
    assert_eq!(mine(&house, ChangesetState::Open), 20);
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn cancelling_wins_over_a_pause() {
    let house = slow_house(12);
    let run = house.begin("cancelled");
    let system = house.start().await;
    after(10).await;
    house.pause(run, 1);
    after(60).await;
    let before = writes(&house);
    house.cancel(run);
    house.resume(run, 2);
    house.rest(&system).await;
    assert_eq!((house.run_state(run), house.run(run).paused), (RunState::Cancelled, None));
    assert_eq!(writes(&house), before);
    let targets = house.targets(run);
    assert!(targets.keys().all(|state| state.is_end()), "{targets:?}");
    assert!(!targets.contains_key(&TargetState::Failed), "{targets:?}");
    house.audit();
}

/// A run whose pull requests are opened one after the other, and those whose turn comes last: four or more wait.
async fn one_by_one(name: &str) -> (House, System, RunId, Vec<String>) {
    let mut house = House::new().with_repositories(8);
    house.settings.writes_per_second = NonZeroU32::new(1);
    house.settings.publish_at_once = 1;
    // The run is under way still when the others are open.
    let slow = Script::writes("CAMPAIGN.md", "hello\n").taking(Duration::from_secs(120));
    house.executor.script(&house.repository("r7").name, slow);
    let run = house.begin(name);
    let system = house.start().await;
    house
        .until("some wait", |house| {
            house.changesets().get(&ChangesetState::Scheduled).is_some_and(|count| *count >= 4)
        })
        .await;
    let waiting = house.store.scheduled(ACME, 100).await.unwrap();
    let mut last: Vec<_> = waiting.iter().map(|each| each.repository.name().to_owned()).collect();
    last.reverse();
    (house, system, run, last)
}

#[tokio::test(start_paused = true)]
async fn what_is_paused_by_itself_waits_alone_and_outlives_its_process() {
    let (house, system, run, last) = one_by_one("some").await;
    let paused = &last[..2];
    for name in paused {
        house.ask(name, Ask::Pause);
    }
    let others = |house: &House| house.changesets().get(&ChangesetState::Open) == Some(&6);
    house.until("the others are open", others).await;
    let before = writes(&house);
    after(600).await;
    drop(system);
    let system = house.start().await;
    after(600).await;
    assert_eq!(writes(&house), before, "something of them was sent");
    assert_eq!(house.run_state(run), RunState::Running);
    for name in paused {
        let changeset = house.changeset(name);
        assert_eq!(
            (changeset.state, changeset.errand.paused.as_deref()),
            (ChangesetState::Scheduled, Some("ada"))
        );
        house.ask(name, Ask::Resume);
    }
    house.rest(&system).await;
    assert_eq!(house.run_state(run), RunState::Completed);
    assert_eq!(house.changesets(), [(ChangesetState::Open, 8)].into());
    assert!(house.pull_requests().values().all(|count| *count == 1));
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn what_is_paused_by_itself_takes_nobodys_place_in_a_rollout() {
    let house = House::new().with_repositories(5);
    let run = begin(&house, "few", "rollout: {maxOpen: 1}");
    let system = house.start().await;
    stays_at(&house, 1, 5).await;
    let changesets = house.store.dump().changesets.into_values();
    let open: Vec<_> = changesets.filter(|it| it.state == ChangesetState::Open).collect();
    let mut held = vec![];
    for id in house.store.targets_at(run, 0, 5).await.unwrap() {
        let target = house.store.target(id).await.unwrap().unwrap();
        held.push(target.repository.name().to_owned());
    }
    held.retain(|name| name != open[0].repository.name());
    // The two whose turn comes next.
    for name in &held[..2] {
        house.ask(name, Ask::Pause);
    }
    until("paused", || held[..2].iter().all(|name| house.changeset(name).errand.paused.is_some())).await;
    let mut last = open[0].repository.name().to_owned();
    for (nth, name) in held[2..].iter().enumerate() {
        merge(&house, run, &last, u32::try_from(nth).unwrap()).await;
        stays_at(&house, nth + 2, 5).await;
        assert_eq!(house.changeset(name).state, ChangesetState::Open);
        name.clone_into(&mut last);
    }
    merge(&house, run, &last, 9).await;
    stays_at(&house, 3, 5).await;
    assert_eq!(house.run_state(run), RunState::Running);
    house.ask(&held[1], Ask::Resume);
    stays_at(&house, 4, 5).await;
    assert_eq!(house.changeset(&held[1]).state, ChangesetState::Open);
    merge(&house, run, &held[1], 10).await;
    house.ask(&held[0], Ask::Resume);
    until("completed", || house.run_state(run) == RunState::Completed).await;
    house.rest(&system).await;
    assert!(house.pull_requests().values().all(|count| *count == 1));
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn what_is_cancelled_by_itself_gets_no_pull_request() {
    let (house, system, run, last) = one_by_one("back").await;
    // It is taken back although it is paused.
    house.ask(&last[0], Ask::Pause);
    house.ask(&last[0], Ask::Cancel);
    house.rest(&system).await;
    let cancelled = house.changeset(&last[0]);
    assert_eq!((cancelled.state, cancelled.reason.as_str()), (ChangesetState::Closed, "closed by ada"));
    assert_eq!(cancelled.pull_request, None);
    assert_eq!(house.run_state(run), RunState::Completed);
    assert_eq!(house.changesets(), [(ChangesetState::Open, 7), (ChangesetState::Closed, 1)].into());
    assert_eq!(house.pull_requests().values().sum::<usize>(), 7);
    house.audit();
}
