//! Rollouts: waves, windows, caps, halts and the pace that people set, carried out by the actors.

use crate::support::{
    House,
    rollouts::{begin, merge, opened, stays_at, until},
    spec,
    tap::Tap,
};
use campaigns_actors::{
    System,
    ports::{Message, MessageBody, Recipient, memory::Script},
};
use campaigns_domain::{
    changeset::ChangesetState,
    execution::{
        rollout::{PaceChange, Set},
        run::{RunOptions, RunState},
        target::TargetState,
    },
    id::{CommandId, MessageId, RunId},
    publish::budget::{Budget, Cap, Counted},
    spec::Priority,
};
use std::{collections::BTreeMap, time::Duration};
use tokio::time::Instant;
use uuid::Uuid;

fn pace(house: &House, run: RunId, nth: u32, pace: PaceChange) {
    let body = MessageBody::PaceRun { by: "ada".to_owned(), pace, command: CommandId(Uuid::nil()) };
    let id = MessageId::of(run.0, "pace", nth);
    house.store.send(Some(run), &Message { id, to: Recipient::Run(run), body });
}

#[tokio::test(start_paused = true)]
async fn a_wave_waits_for_what_became_of_the_one_before_it() {
    let house = House::new().with_repositories(6);
    let rollout = "rollout: {waves: [{name: canary, targets: 2, gate: {merged: 100%}}]}";
    let run = begin(&house, "waves", rollout);
    let system = house.start().await;
    stays_at(&house, 2, 5).await;
    let opened_in = |house: &House| -> Vec<String> {
        house.pull_requests().into_iter().filter(|(_, count)| *count > 0).map(|(name, _)| name).collect()
    };
    assert_eq!(opened_in(&house), ["acme/r0", "acme/r1"]);
    let waits = house.run(run).rollout.waits;
    assert_eq!(waits, ["", "wave `rest` waits until 100 % of wave `canary` have merged: 0 of 2 so far"]);

    merge(&house, run, "r0", 1).await;
    stays_at(&house, 2, 5).await;
    assert!(house.run(run).rollout.waits[1].ends_with("1 of 2 so far"), "{:?}", house.run(run).rollout);
    merge(&house, run, "r1", 2).await;
    until("completed", || house.run_state(run) == RunState::Completed).await;
    house.rest(&system).await;
    assert_eq!(house.changesets(), [(ChangesetState::Open, 4), (ChangesetState::Merged, 2)].into());
    assert!(house.pull_requests().values().all(|count| *count == 1));
    system.drain(Duration::from_secs(5)).await;
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn the_first_wave_goes_while_the_steps_of_later_ones_still_run() {
    let mut house = House::new().with_repositories(40);
    house.window = 4;
    for repository in house.repositories.values() {
        let script = Script::writes("CAMPAIGN.md", "hello").taking(Duration::from_secs(2));
        house.executor.script(&repository.name, script);
    }
    // Two targets end in a second, which is more often than a rollout is looked at.
    let rollout = "rollout: {waves: [{name: canary, targets: 2, gate: {merged: 100%}}]}";
    let run = begin(&house, "early", rollout);
    let system = house.start().await;
    until("opened", || opened(&house) == 2).await;
    let targets = house.targets(run);
    let ended = targets.get(&TargetState::Changed).copied().unwrap_or_default();
    assert!(ended < 30, "{targets:?}");
    // What is executed later does not open the gate.
    stays_at(&house, 2, 5).await;
    for (nth, name) in (1..).zip(["r0", "r1"]) {
        merge(&house, run, name, nth).await;
    }
    until("completed", || house.run_state(run) == RunState::Completed).await;
    house.rest(&system).await;
    assert_eq!(opened(&house), 40);
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn looking_at_a_rollout_takes_little_of_the_time_however_long_one_look_takes() {
    let mut house = House::new().with_repositories(100);
    house.window = 2;
    for repository in house.repositories.values() {
        let script = Script::writes("CAMPAIGN.md", "hello").taking(Duration::from_secs(2));
        house.executor.script(&repository.name, script);
    }
    let tap = Tap::open(None);
    let run = begin(&house, "large", "rollout: {waves: [{name: canary, targets: 1, gate: {merged: 1}}]}");
    let system = System::start(tap.behind(house.ports()), house.settings.clone()).await.unwrap();
    let looks = || tap.counted.lock().unwrap().clone();
    let gaps = |looks: &[Instant]| looks.windows(2).map(|two| two[1] - two[0]).collect::<Vec<_>>();

    // A target ends each second.
    until("looked at", || looks().len() >= 3).await;
    let quick = gaps(&looks());
    assert!(quick.iter().all(|gap| *gap < Duration::from_secs(5)), "{quick:?}");
    let (takes, before) = (Duration::from_millis(500), looks().len());
    *tap.counting.lock().unwrap() = Some(takes);
    until("looked at", || looks().len() >= before + 4).await;
    assert!(house.targets(run)[&TargetState::Changed] < 100, "it is busy no more");
    // The first one was still to come when looks began to take long.
    let slow = gaps(&looks()[before..]);
    assert!(slow.iter().all(|gap| *gap >= takes * 21 && *gap < takes * 30), "{slow:?}");

    *tap.counting.lock().unwrap() = Some(Duration::ZERO);
    merge(&house, run, "r0", 1).await;
    until("completed", || house.run_state(run) == RunState::Completed).await;
    house.rest(&system).await;
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn a_rollout_that_cannot_be_looked_at_is_tried_again_after_a_while() {
    let house = House::new().with_repositories(1);
    let tap = Tap::open(None);
    *tap.counting.lock().unwrap() = None;
    let run = begin(&house, "unseen", "rollout: {maxOpen: 1}");
    let system = System::start(tap.behind(house.ports()), house.settings.clone()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    let looks = tap.counted.lock().unwrap().len();
    assert!((10..=31).contains(&looks), "{looks} looks");
    *tap.counting.lock().unwrap() = Some(Duration::ZERO);
    until("completed", || house.run_state(run) == RunState::Completed).await;
    house.rest(&system).await;
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn a_new_owner_goes_on_where_the_rollout_stood() {
    let house = House::new().with_repositories(4);
    let run = begin(
        &house,
        "moved",
        "rollout: {waves: [{name: canary, targets: 1, gate: {merged: 1}}], maxOpen: 2}",
    );
    let system = house.start().await;
    stays_at(&house, 1, 5).await;
    system.drain(Duration::from_secs(5)).await;

    let number = house.changeset("r0").pull_request.unwrap().number;
    house.host.merge(&house.repository("r0"), number);
    // The merge is seen when the pull request is read the next time.
    let system = house.start().await;
    stays_at(&house, 3, 5).await;
    assert_eq!(house.run(run).rollout.waits[1], "2 pull requests are open, at most 2 may be");
    merge(&house, run, "r1", 2).await;
    until("completed", || house.run_state(run) == RunState::Completed).await;
    house.rest(&system).await;
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn a_wave_spans_organisations() {
    let mut house = House::new();
    for name in ["acme/a", "acme/b", "umbrella/a", "umbrella/b"] {
        house.add(name);
    }
    let yaml = spec("both", "acme", "true").replacen(
        "  - organization: acme\n",
        "  - organization: acme\n  - organization: umbrella\n",
        1,
    );
    let rollout = "rollout: {waves: [{name: first, repositories: ['umbrella/*'], gate: {merged: 100%}}]}\n";
    let run = house.begin_spec(&format!("{yaml}{rollout}"), RunOptions::default());
    let system = house.start().await;
    stays_at(&house, 2, 5).await;
    let of_acme: usize = house
        .pull_requests()
        .iter()
        .filter(|(name, _)| name.starts_with("acme/"))
        .map(|(_, count)| count)
        .sum();
    assert_eq!(of_acme, 0);
    for (nth, name) in (1..).zip(["umbrella/a", "umbrella/b"]) {
        let number = house.changeset(name).pull_request.unwrap().number;
        house.host.merge(&house.repository(name), number);
        let campaign = house.run(run).campaign;
        let body = MessageBody::Sync { campaign, run, command: CommandId(Uuid::nil()) };
        let to = Recipient::Organization("umbrella".to_owned());
        house
            .store
            .send(Some(run), &Message { id: MessageId::of(campaign.0, "sync-umbrella", nth), to, body });
    }
    until("completed", || house.run_state(run) == RunState::Completed).await;
    house.rest(&system).await;
    assert_eq!(opened(&house), 4);
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_outside_a_window() {
    let house = House::new().with_repositories(3);
    // The store's first day is a Thursday.
    let window = "rollout: {windows: [{days: Th, from: 02:00, to: 03:00, timeZone: UTC}]}";
    let run = begin(&house, "window", window);
    let system = house.start().await;
    tokio::time::sleep(Duration::from_secs(2 * 3600 - 60)).await;
    assert!(
        house.host.calls().iter().all(|call| !call.operation.writes()),
        "it was written before the window"
    );
    assert_eq!(
        house.run(run).rollout.waits,
        ["outside the window Th 02:00-03:00 UTC: opens on Thursday 02:00"]
    );
    tokio::time::sleep(Duration::from_secs(120)).await;
    until("completed", || house.run_state(run) == RunState::Completed).await;
    house.rest(&system).await;
    assert_eq!(opened(&house), 3);
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn what_was_let_through_and_not_sent_waits_for_the_next_window() {
    let mut house = House::new().with_repositories(4);
    house.settings.budget =
        Budget { organization: vec![Cap::new(Counted::PullRequests, 1800, 1)], ..Budget::unlimited() };
    let window = "rollout: {windows: [{days: Th, from: 02:00, to: 03:00, timeZone: UTC}, {days: Th, from: 07:00, to: 08:00, timeZone: UTC}]}";
    begin(&house, "window", window);
    let system = house.start().await;
    tokio::time::sleep(Duration::from_secs(3 * 3600)).await;
    let by_three = house.host.calls().iter().filter(|call| call.operation.writes()).count();
    assert_eq!(opened(&house), 2);
    tokio::time::sleep(Duration::from_secs(3 * 3600)).await;
    let by_two = house.host.calls().iter().filter(|call| call.operation.writes()).count();
    assert_eq!(by_two, by_three, "it was written outside the window");
    until("opened", || opened(&house) == 4).await;
    house.rest(&system).await;
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn never_more_are_open_than_may_be() {
    let house = House::new().with_repositories(5);
    let run = begin(&house, "few", "rollout: {maxOpen: 2}");
    let system = house.start().await;
    for done in 0..3 {
        stays_at(&house, done + 2, 5).await;
        assert_eq!(house.changesets()[&ChangesetState::Open], 2);
        let open =
            house.store.dump().changesets.into_values().find(|it| it.state == ChangesetState::Open).unwrap();
        merge(&house, run, open.repository.name(), u32::try_from(done).unwrap()).await;
    }
    until("completed", || house.run_state(run) == RunState::Completed).await;
    house.rest(&system).await;
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn it_halts_where_people_close_what_they_are_sent_until_a_person_resumes_it() {
    let house = House::new().with_repositories(3);
    let run = begin(&house, "unwanted", "rollout: {maxOpen: 1, haltOn: {closed: 0}}");
    let system = house.start().await;
    stays_at(&house, 1, 5).await;
    house.host.close(&house.repository("r0"), house.changeset("r0").pull_request.unwrap().number);
    house.sync(run, 1);
    until("halted", || house.run(run).paused.is_some()).await;
    assert_eq!(house.run(run).reason, "halted: 1 pull requests were closed, more than 0");
    let waits = "halted: 1 pull requests were closed, more than 0 (resume with `campaigns resume unwanted`)";
    assert_eq!(house.run(run).rollout.waits, [waits]);
    stays_at(&house, 1, 5).await;

    house.resume(run, 1);
    stays_at(&house, 2, 5).await;
    assert_eq!((house.run(run).paused, house.run(run).reason), (None, String::new()));
    // One more is more than was accepted.
    house.host.close(&house.repository("r1"), house.changeset("r1").pull_request.unwrap().number);
    house.sync(run, 2);
    until("halted", || house.run(run).paused.is_some()).await;
    house.resume(run, 2);
    until("completed", || house.run_state(run) == RunState::Completed).await;
    house.rest(&system).await;
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn a_gate_that_does_not_hold_in_time_is_a_persons_to_open() {
    let house = House::new().with_repositories(3);
    let rollout = "rollout: {waves: [{name: canary, targets: 1, gate: {merged: 1, within: 2h}}]}";
    let run = begin(&house, "late", rollout);
    let system = house.start().await;
    stays_at(&house, 1, 5).await;
    assert_eq!(house.run(run).paused, None);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    until("halted", || house.run(run).paused.is_some()).await;
    assert!(house.run(run).reason.contains("2h have passed"), "{}", house.run(run).reason);
    stays_at(&house, 1, 5).await;
    house.resume(run, 1);
    until("completed", || house.run_state(run) == RunState::Completed).await;
    house.rest(&system).await;
    assert_eq!(opened(&house), 3);
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn people_set_the_pace_of_a_live_run() {
    let house = House::new().with_repositories(5);
    let run = begin(&house, "paced", "rollout: {maxOpen: 1}");
    let system = house.start().await;
    stays_at(&house, 1, 5).await;
    let runs = house.store.dump().runs.len();
    pace(&house, run, 1, PaceChange { max_open: Some(Set::To(3)), ..PaceChange::default() });
    stays_at(&house, 3, 5).await;
    assert_eq!(house.store.dump().runs.len(), runs);
    pace(&house, run, 2, PaceChange { max_open: Some(Set::To(50)), ..PaceChange::default() });
    until("completed", || house.run_state(run) == RunState::Completed).await;
    house.rest(&system).await;
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn a_campaign_has_caps_of_its_own() {
    let house = House::new().with_repositories(4);
    let run = begin(&house, "daily", "rollout: {perDay: 1}");
    let system = house.start().await;
    stays_at(&house, 1, 5).await;
    // Nobody else is held up by it.
    let other = begin(&house, "free", "");
    until("completed", || house.run_state(other) == RunState::Completed).await;
    assert_eq!(opened(&house), 5);
    pace(&house, run, 1, PaceChange { per_day: Some(Set::To(3)), ..PaceChange::default() });
    stays_at(&house, 7, 5).await;
    pace(&house, run, 2, PaceChange { per_day: Some(Set::AsSpec), ..PaceChange::default() });
    tokio::time::sleep(Duration::from_secs(24 * 3600)).await;
    until("completed", || house.run_state(run) == RunState::Completed).await;
    house.rest(&system).await;
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn a_campaign_at_its_own_cap_keeps_no_places_of_others() {
    let mut house = House::new().with_repositories(6);
    house.settings.publish_at_once = 2;
    let slow = begin(&house, "slow", "");
    let few = PaceChange { per_hour: Some(Set::To(2)), ..PaceChange::default() };
    pace(&house, slow, 1, few);
    let system = house.start().await;
    // Two writes an hour: its first changesets are amidst theirs for hours.
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(opened(&house), 0);
    let free = begin(&house, "free", "");
    let begun = tokio::time::Instant::now();
    until("completed", || house.run_state(free) == RunState::Completed).await;
    assert!(begun.elapsed() < Duration::from_secs(120), "{:?}", begun.elapsed());
    assert_eq!(opened(&house), 6);
    // No more of it began than its cap lets through.
    let under_way = house.changesets().get(&ChangesetState::Publishing).copied().unwrap_or_default();
    assert!(under_way <= 2, "{:?}", house.changesets());
    pace(&house, slow, 2, PaceChange { per_hour: Some(Set::AsSpec), ..PaceChange::default() });
    let begun = tokio::time::Instant::now();
    until("completed", || house.run_state(slow) == RunState::Completed).await;
    assert!(begun.elapsed() < Duration::from_secs(120), "{:?}", begun.elapsed());
    house.rest(&system).await;
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn what_is_held_of_a_cancelled_run_is_let_go() {
    let house = House::new().with_repositories(4);
    let run = begin(&house, "gone", "rollout: {maxOpen: 1}");
    let system = house.start().await;
    stays_at(&house, 1, 5).await;
    house.cancel(run);
    until("let go", || !house.changesets().contains_key(&ChangesetState::Scheduled)).await;
    house.rest(&system).await;
    assert_eq!(house.changesets(), [(ChangesetState::Open, 1), (ChangesetState::Blocked, 3)].into());
    assert_eq!(opened(&house), 1);
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn who_is_urgent_goes_first() {
    let mut house = House::new().with_repositories(4);
    house.settings.publish_at_once = 1;
    house.settings.budget =
        Budget { organization: vec![Cap::new(Counted::PullRequests, 3600, 1)], ..Budget::unlimited() };
    let slow = begin(&house, "slow", "");
    let system = house.start().await;
    until("opened", || opened(&house) == 1).await;
    let fast = begin(&house, "fast", "priority: urgent");
    let per_run = |house: &House| -> BTreeMap<RunId, usize> {
        let open = house.store.dump().changesets.into_values().filter(|it| it.pull_request.is_some());
        open.fold(BTreeMap::new(), |mut counts, it| {
            *counts.entry(it.wanted.run).or_default() += 1;
            counts
        })
    };
    // One of the others may have had its turn already.
    until("urgent ones opened", || per_run(&house).get(&fast) == Some(&4)).await;
    assert!(per_run(&house)[&slow] <= 2, "{:?}", per_run(&house));
    // And once a person says so.
    let third = begin(&house, "third", "");
    pace(&house, third, 1, PaceChange { priority: Some(Priority::Urgent), ..PaceChange::default() });
    until("opened", || per_run(&house).get(&third) == Some(&4)).await;
    assert!(per_run(&house)[&slow] <= 3, "{:?}", per_run(&house));
    until("completed", || house.run_state(slow) == RunState::Completed).await;
    house.rest(&system).await;
    house.audit();
}
