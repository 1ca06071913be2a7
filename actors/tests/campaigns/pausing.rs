//! Pausing, resuming, cancelling: what begins and what does not, across crashes, and who is not kept waiting.

use crate::support::{House, spec};
use campaigns_actors::ports::memory::Script;
use campaigns_domain::{
    changeset::ChangesetState,
    execution::{
        run::{RunOptions, RunState},
        target::TargetState,
    },
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
