//! What of a rollout can be foreseen, and the forecast of what campaigns have set for themselves.

use super::publish_rollout::{NOTHING, rollout};
use campaigns_domain::{
    execution::rollout::{Pace, Progress},
    id::{CampaignId, ChangesetId},
    publish::{
        budget::{Budget, Counted, Own, OwnRules, Planned, Present, Waits, WriteKind, forecast, used},
        rollout::{On, Outlook, Situation, WaveCounts, depends_on, outlook},
        standing::AdaptivePace,
    },
    spec::{Caps, Priority},
};
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

/// A Monday at noon.
fn now() -> DateTime<Utc> {
    "2026-03-02T12:00:00Z".parse().unwrap()
}

fn foreseen(text: &str, waves: &[WaveCounts], alone: bool) -> Outlook {
    let (rollout, progress) = (rollout(text), Progress::default());
    let situation =
        Situation { campaign: "deps", rollout: &rollout, progress: &progress, waves, ahead: 2, now: now() };
    outlook(&situation, alone)
}

#[test]
fn what_needs_nobody_is_foreseen_and_what_needs_somebody_is_not() {
    let waits = |count| WaveCounts { targets: count, waiting: count, ..NOTHING };
    let words = |outlook: &Outlook, wave: usize| {
        let wait = outlook.waits[wave].clone().unwrap();
        (wait.on, wait.reason)
    };
    // A few at a time, outside the hours, wave by wave: all of it passes by itself.
    let free = "{waves: [{name: a, targets: 3}, {name: b, targets: 4}], windows: [{days: Su, from: 01:00, to: 02:00, timeZone: UTC}]}";
    let all = foreseen(free, &[waits(3), waits(4), waits(5)], true);
    assert_eq!((all.new, all.waits), (12, vec![None, None, None]));
    // In several organisations, nobody knows when a wave has been sent.
    assert_eq!(foreseen(free, &[waits(3), waits(4), waits(5)], false).new, 3);
    // Steps run as long as they run.
    let running = WaveCounts { unfinished: 1, ..waits(3) };
    assert_eq!(foreseen(free, &[running, waits(4), waits(5)], true).new, 3);

    let gated = "{waves: [{name: a, targets: 3}, {name: b, targets: 4, gate: {merged: 100%}}]}";
    let gate = foreseen(gated, &[waits(3), waits(4), waits(5)], true);
    assert_eq!(gate.new, 7);
    assert_eq!(words(&gate, 2).1, "wave `rest` waits until wave `b` has been sent");
    let sent = WaveCounts { targets: 3, open: 3, ..NOTHING };
    let canary = "{waves: [{name: a, targets: 3, gate: {merged: 1}}]}";
    let gate = foreseen(canary, &[sent, waits(5)], true);
    let reason = "wave `rest` waits until 1 of wave `a` have merged: 0 of 3 so far".to_owned();
    assert_eq!((gate.new, words(&gate, 1)), (0, (On::Reviews, reason)));

    let capped = foreseen("{maxOpen: 5}", &[WaveCounts { open: 2, updates: 1, ..waits(9) }], true);
    assert_eq!((capped.new, capped.updates), (2, 1));
    assert_eq!(words(&capped, 0), (On::Reviews, "3 pull requests are open, at most 5 may be".to_owned()));
    let later = foreseen("{waves: [{name: a, targets: 3}], maxOpen: 5}", &[waits(3), waits(5)], true);
    assert_eq!((later.new, words(&later, 1).0), (5, On::Reviews));

    let halted = foreseen("{haltOn: {closed: 0}}", &[WaveCounts { closed: 1, ..waits(9) }], true);
    assert_eq!((halted.new, words(&halted, 0).0), (0, On::Resume));
    assert_eq!(words(&halted, 0).1, "about to halt: 1 pull requests were closed, more than 0");

    let all = "{waves: [{name: a, targets: 3, gate: {checksPassed: 1}}], maxOpen: 2, maxPendingChecks: 4}";
    assert_eq!(
        depends_on(&rollout(all)),
        [
            "the gate of wave `a`",
            "at most 2 pull requests open at a time",
            "the checks of at most 4 at a time"
        ]
    );
}

#[test]
fn what_campaigns_have_set_for_themselves_is_foreseen() {
    let campaign = |n: u128| CampaignId(Uuid::from_u128(n));
    let planned = |n: u128, of: u128| Planned {
        changeset: ChangesetId(Uuid::from_u128(n)),
        campaign: campaign(of),
        writes: vec![WriteKind::Tree, WriteKind::PullRequest],
    };
    let waiting: Vec<_> = (0..3)
        .map(|n| planned(n, 1))
        .chain((10..13).map(|n| planned(n, 2)))
        .chain((20..23).map(|n| planned(n, 3)))
        .collect();
    let budget = Budget { spacing: 1_000, ..Budget::unlimited() };
    let mut own = OwnRules::default();
    let daily = Pace { caps: Caps { per_day: Some(1), ..Caps::default() }, priority: None };
    own.add(campaign(1), Own::of(None, &daily));
    let hours = rollout("{windows: [{days: Mo, from: 13:00, to: 14:00, timeZone: UTC}]}");
    own.add(campaign(2), Own::of(Some(&hours), &Pace::default()));
    own.add(campaign(3), Own::of(None, &Pace { priority: Some(Priority::Urgent), ..Pace::default() }));
    let present = Present {
        now: now(),
        not_before: None,
        budget: &budget,
        own: &own,
        pace: AdaptivePace::default(),
        organization: "acme",
        history: &[],
        at_once: 1,
        sending: &[],
        waiting: &waiting,
    };
    let foreseen = forecast(&present);
    let order: Vec<_> = foreseen.iter().map(|one| one.changeset.0.as_u128()).collect();
    assert_eq!(order, [20, 21, 22, 0, 10, 11, 12, 1, 2]);
    let of = |n: u128| foreseen.iter().find(|one| one.changeset.0.as_u128() == n).unwrap();
    assert_eq!(of(10).begins, now() + TimeDelta::hours(1));
    assert_eq!(of(10).held_by, Some(Waits::Hours));
    assert!(of(1).open >= of(0).open + TimeDelta::days(1) && of(2).open >= of(1).open + TimeDelta::days(1));
    let cap = used(&present, campaign(1));
    assert_eq!((cap.len(), cap[0].cap.counted, cap[0].used), (1, Counted::PullRequests, 0));
    assert_eq!(used(&present, campaign(2)), []);
}
