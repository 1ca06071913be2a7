//! Rollouts case by case: what goes, what waits, in which words, and when the answer changes.

use campaigns_domain::{
    execution::rollout::{HaltCause, Progress, RolloutEvent},
    publish::rollout::{On, Situation, Step, WaveCounts, decide, is_open, next_change},
    spec::{Caps, Rollout, Spec},
};
use chrono::{DateTime, Utc};

pub(crate) fn rollout(text: &str) -> Rollout {
    Spec::parse(&format!("name: a\nrollout: {text}\n"))
        .unwrap_or_else(|errors| panic!("{errors}"))
        .rollout
        .unwrap()
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// Monday, noon.
const MONDAY: &str = "2026-03-02T12:00:00Z";

fn step(rollout: &Rollout, progress: &Progress, waves: &[WaveCounts], now: &str) -> Step {
    decide(&Situation { campaign: "deps", rollout, progress, waves, ahead: 100, now: at(now) })
}

fn reasons(step: &Step) -> Vec<&str> {
    step.waits.iter().map(|wait| wait.as_ref().map_or("", |wait| wait.reason.as_str())).collect()
}

/// A wave of nothing.
pub(crate) const NOTHING: WaveCounts = WaveCounts {
    targets: 0,
    unfinished: 0,
    failed: 0,
    waiting: 0,
    updates: 0,
    coming: 0,
    updating: 0,
    open: 0,
    merged: 0,
    closed: 0,
    blocked: 0,
    kept: 0,
    passed: 0,
    checks_failed: 0,
    pending: 0,
};

const CANARY: &str = "{waves: [{name: canary, targets: 10, gate: {merged: 90%, within: 2d}}]}";

#[test]
fn a_wave_waits_for_the_one_before_it() {
    let rollout = rollout(CANARY);
    let canary = WaveCounts { targets: 10, waiting: 10, ..NOTHING };
    let rest = WaveCounts { targets: 90, unfinished: 80, waiting: 10, ..NOTHING };
    let first = step(&rollout, &Progress::default(), &[canary, rest], MONDAY);
    let release = first.release.unwrap();
    assert_eq!((release.up_to, release.new, release.updates), (0, 10, 0));
    assert_eq!(
        reasons(&first),
        ["", "wave `rest` waits until wave `canary` has been sent: 10 of 10 changesets are not sent yet"]
    );

    // All of it was sent: the gate's time begins.
    let canary = WaveCounts { targets: 10, open: 3, merged: 7, ..NOTHING };
    let sent = step(&rollout, &first.progress, &[canary, rest], MONDAY);
    assert_eq!(sent.events, [RolloutEvent::WaveSent { wave: 0, at: at(MONDAY) }]);
    assert_eq!(sent.release, None);
    assert_eq!(
        reasons(&sent)[1],
        "wave `rest` waits until 90 % of wave `canary` have merged: 7 of 10 so far"
    );
    assert_eq!(sent.waits[1].as_ref().unwrap().on, On::Reviews);
    assert_eq!(sent.again, Some(at("2026-03-04T12:00:00Z")));

    let canary = WaveCounts { targets: 10, open: 1, merged: 9, ..NOTHING };
    let opened = step(&rollout, &sent.progress, &[canary, rest], "2026-03-04T11:59:59Z");
    assert_eq!(opened.events, [RolloutEvent::WaveOpened { wave: 1 }]);
    assert_eq!(opened.release.unwrap().new, 10);
    assert_eq!(reasons(&opened), ["", ""]);
}

#[test]
fn a_gate_that_does_not_hold_in_time_halts_and_a_person_opens_it() {
    let rollout = rollout(CANARY);
    let canary = WaveCounts { targets: 10, open: 3, merged: 7, ..NOTHING };
    let rest = WaveCounts { targets: 5, waiting: 5, ..NOTHING };
    let sent = step(&rollout, &Progress::default(), &[canary, rest], MONDAY);
    let late = step(&rollout, &sent.progress, &[canary, rest], "2026-03-04T12:00:00Z");
    let halt = late.progress.halt.clone().unwrap();
    assert_eq!(halt.cause, HaltCause::Gate);
    assert_eq!(
        reasons(&late)[1],
        "halted: wave `rest` does not open: 2d have passed, and it takes that 90 % of wave `canary` have merged: 7 of 10 so \
         far (resume with `campaigns resume deps`)"
    );
    assert_eq!(late.waits[1].as_ref().unwrap().on, On::Resume);
    // Nothing but a person lifts it, even where the gate would hold now.
    let canary = WaveCounts { targets: 10, merged: 10, ..NOTHING };
    let still = step(&rollout, &late.progress, &[canary, rest], "2026-03-05T12:00:00Z");
    assert_eq!((still.release, still.events.len()), (None, 0));
    let resumed = still.progress.resumed();
    assert_eq!(step(&rollout, &resumed, &[canary, rest], "2026-03-05T12:00:00Z").release.unwrap().new, 5);
}

#[test]
fn a_gate_that_cannot_hold_any_more_halts_at_once() {
    let rest = WaveCounts { targets: 5, waiting: 5, ..NOTHING };
    let said = |text: &str, canary: WaveCounts| {
        let step = step(&rollout(text), &Progress::default(), &[canary, rest], MONDAY);
        step.progress.halt.map(|halt| halt.reason).unwrap_or_default()
    };
    assert_eq!(
        said(CANARY, WaveCounts { targets: 10, open: 5, merged: 3, closed: 2, ..NOTHING }),
        "wave `rest` does not open: 90 % of wave `canary` cannot have merged any more: at most 8 of 10 can"
    );
    assert_eq!(
        said(
            "{waves: [{name: a, targets: 10, gate: {checksPassed: 8, closed: 1}}]}",
            WaveCounts { targets: 10, open: 3, closed: 2, coming: 5, ..NOTHING }
        ),
        "wave `rest` does not open: 2 of 5 pull requests of wave `a` were closed, more than 1"
    );
    assert_eq!(
        said(CANARY, WaveCounts { targets: 10, failed: 10, ..NOTHING }),
        "wave `rest` does not open: 10 of 10 targets of wave `canary` failed, and it has no pull request"
    );
    // Nothing to change in it, and nothing went wrong: it holds nothing up.
    assert_eq!(said(CANARY, WaveCounts { targets: 10, ..NOTHING }), "");
}

#[test]
fn too_much_that_went_wrong_halts() {
    let halted = |text: &str, waves: WaveCounts| {
        let step = step(&rollout(text), &Progress::default(), &[waves], MONDAY);
        step.progress.halt.map(|halt| halt.reason)
    };
    let closed = |opened, closed| WaveCounts {
        targets: 1_000,
        waiting: 900,
        open: opened - closed,
        closed,
        ..NOTHING
    };
    let share = "{haltOn: {closed: 20%}}";
    assert_eq!(halted(share, closed(10, 3)).unwrap(), "3 of 10 pull requests were closed, more than 20 %");
    assert_eq!(halted(share, closed(10, 2)), None);
    // One of one is not yet all.
    assert_eq!(halted(share, closed(1, 1)), None);
    assert_eq!(halted(share, closed(3, 3)).unwrap(), "3 of 3 pull requests were closed, more than 20 %");
    assert_eq!(
        halted("{haltOn: {closed: 0}}", closed(100, 1)).unwrap(),
        "1 pull requests were closed, more than 0"
    );
    let failed = WaveCounts { targets: 100, unfinished: 60, failed: 4, blocked: 1, ..NOTHING };
    assert_eq!(halted("{haltOn: {failed: 12%}}", failed).unwrap(), "5 of 40 targets failed, more than 12 %");
    let red = WaveCounts { targets: 100, open: 20, checks_failed: 3, ..NOTHING };
    assert_eq!(
        halted("{haltOn: {checksFailed: 2}}", red).unwrap(),
        "3 pull requests have failing checks, more than 2"
    );
}

#[test]
fn what_was_accepted_does_not_halt_again_and_one_more_does() {
    let rollout = rollout("{haltOn: {closed: 20%}}");
    let closed = |closed| WaveCounts { targets: 50, waiting: 40, open: 10 - closed, closed, ..NOTHING };
    let halted = step(&rollout, &Progress::default(), &[closed(3)], MONDAY);
    assert_eq!(halted.release, None);
    assert_eq!(
        reasons(&halted),
        ["halted: 3 of 10 pull requests were closed, more than 20 % (resume with `campaigns resume deps`)"]
    );
    let resumed = halted.progress.resumed();
    assert_eq!(step(&rollout, &resumed, &[closed(3)], MONDAY).release.unwrap().new, 40);
    assert!(step(&rollout, &resumed, &[closed(4)], MONDAY).progress.halt.is_some());
}

#[test]
fn caps_leave_room_for_what_is_on_its_way() {
    let rollout = rollout("{maxOpen: 30, maxPendingChecks: 5}");
    let wave =
        |open, coming, pending| WaveCounts { targets: 100, waiting: 50, open, coming, pending, ..NOTHING };
    let said = |wave: WaveCounts| {
        let step = step(&rollout, &Progress::default(), &[wave], MONDAY);
        (step.release.map_or(0, |release| release.new), reasons(&step)[0].to_owned())
    };
    assert_eq!(said(wave(30, 0, 0)), (0, "30 pull requests are open, at most 30 may be".to_owned()));
    assert_eq!(said(wave(27, 2, 0)).0, 1);
    assert_eq!(said(wave(27, 2, 0)).1, "27 pull requests are open and 2 are on their way, at most 30 may be");
    assert_eq!(
        said(wave(10, 1, 4)),
        (0, "the checks of 5 pull requests have not ended, at most 5 may be under way".to_owned())
    );
    // An update opens nothing.
    let update = WaveCounts { updates: 7, ..wave(30, 0, 5) };
    let step = step(&rollout, &Progress::default(), &[update], MONDAY);
    assert_eq!((step.release.unwrap().new, step.release.unwrap().updates), (0, 7));
}

#[test]
fn people_set_the_pace() {
    let rollout = rollout("{maxOpen: 30}");
    let mut progress = Progress::default();
    progress.pace.caps = Caps { max_open: Some(32), ..Caps::default() };
    let wave = WaveCounts { targets: 100, waiting: 50, open: 30, ..NOTHING };
    assert_eq!(step(&rollout, &progress, &[wave], MONDAY).release.unwrap().new, 2);
}

#[test]
fn outside_its_windows_nothing_goes_and_it_is_said_when_it_will() {
    let rollout = rollout("{windows: [{days: Mo-Fr, from: 09:00, to: 17:00, timeZone: Europe/Berlin}]}");
    let wave = WaveCounts { targets: 5, waiting: 5, ..NOTHING };
    let friday = step(&rollout, &Progress::default(), &[wave], "2026-03-06T16:00:00Z");
    assert_eq!(friday.release, None);
    assert_eq!(
        reasons(&friday),
        ["outside the window Mo-Fr 09:00-17:00 Europe/Berlin: opens on Monday 09:00"]
    );
    assert_eq!(friday.again, Some(at("2026-03-09T08:00:00Z")));
    let before = step(&rollout, &Progress::default(), &[wave], "2026-03-06T15:59:59Z");
    assert_eq!((before.release.unwrap().new, before.again), (5, Some(at("2026-03-06T16:00:00Z"))));
}

/// A window, a moment, whether it is open, and when that changes.
const CLOCKS: &[(&str, &str, bool, &str)] = &[
    // The clock goes forward at 01:00 UTC on 29 March 2026 in Berlin: nine o'clock is an hour earlier in UTC.
    (
        "{days: Mo-Fr, from: 09:00, to: 17:00, timeZone: Europe/Berlin}",
        "2026-03-27T17:00:00Z",
        false,
        "2026-03-30T07:00:00Z",
    ),
    (
        "{days: Mo-Fr, from: 09:00, to: 17:00, timeZone: Europe/Berlin}",
        "2026-03-30T07:00:00Z",
        true,
        "2026-03-30T15:00:00Z",
    ),
    // 02:00-03:00 does not exist that day.
    (
        "{days: Su, from: 02:00, to: 03:00, timeZone: Europe/Berlin}",
        "2026-03-29T00:59:59Z",
        false,
        "2026-04-05T00:00:00Z",
    ),
    // A window that begins within the skipped hour opens when the clock is put forward.
    (
        "{days: Su, from: 02:30, to: 04:00, timeZone: Europe/Berlin}",
        "2026-03-29T00:30:00Z",
        false,
        "2026-03-29T01:00:00Z",
    ),
    // And one that ends within it closes then.
    (
        "{days: Su, from: 01:00, to: 02:30, timeZone: Europe/Berlin}",
        "2026-03-29T00:30:00Z",
        true,
        "2026-03-29T01:00:00Z",
    ),
    // The clock goes back at 01:00 UTC on 25 October 2026: 02:00-03:00 comes twice.
    (
        "{days: Su, from: 02:00, to: 03:00, timeZone: Europe/Berlin}",
        "2026-10-25T00:00:00Z",
        true,
        "2026-10-25T02:00:00Z",
    ),
    // 02:00-02:30 is over, and then there again.
    (
        "{days: Su, from: 02:00, to: 02:30, timeZone: Europe/Berlin}",
        "2026-10-25T00:15:00Z",
        true,
        "2026-10-25T00:30:00Z",
    ),
    (
        "{days: Su, from: 02:00, to: 02:30, timeZone: Europe/Berlin}",
        "2026-10-25T00:30:00Z",
        false,
        "2026-10-25T01:00:00Z",
    ),
    (
        "{days: Su, from: 02:00, to: 02:30, timeZone: Europe/Berlin}",
        "2026-10-25T01:29:59Z",
        true,
        "2026-10-25T01:30:00Z",
    ),
    // The other half of the world: forward on 4 October 2026, at 16:00 UTC the day before.
    (
        "{days: Mo-Su, from: 09:00, to: 17:00, timeZone: Australia/Sydney}",
        "2026-10-03T12:00:00Z",
        false,
        "2026-10-03T22:00:00Z",
    ),
    // All of it is skipped when the clock is put forward on 29 March: the Sunday after counts.
    (
        "{days: Su, from: 02:00, to: 02:15, timeZone: Europe/Berlin}",
        "2026-03-23T12:00:00Z",
        false,
        "2026-04-05T00:00:00Z",
    ),
    // The day's end is the next day's beginning.
    (
        "{days: Sa, from: 12:00, to: '24:00', timeZone: UTC}",
        "2026-03-07T12:00:00Z",
        true,
        "2026-03-08T00:00:00Z",
    ),
];

#[test]
fn windows_go_by_the_clock_on_the_wall() {
    for (window, now, open, next) in CLOCKS {
        let windows = rollout(&format!("{{windows: [{window}]}}")).windows;
        assert_eq!(is_open(&windows, at(now)), *open, "{window} at {now}");
        assert_eq!(next_change(&windows, at(now)), Some(at(next)), "{window} after {now}");
    }
    let always = rollout("{windows: [{days: Mo-Su, from: 00:00, to: '24:00', timeZone: UTC}]}").windows;
    assert!(is_open(&always, at(MONDAY)) && next_change(&always, at(MONDAY)).is_none());
    assert!(is_open(&[], at(MONDAY)) && next_change(&[], at(MONDAY)).is_none());
}
