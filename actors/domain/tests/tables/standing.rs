//! What an organisation's refusals and successes lead to.

use campaigns_domain::publish::standing::{AdaptivePace, OutOfUse, Pause, PauseCause};
use std::time::Duration;

fn why(cause: PauseCause) -> OutOfUse {
    OutOfUse { cause, reason: "mend it".to_owned() }
}

#[test]
fn a_paused_organisation_is_tried_ever_more_rarely() {
    let mut pause = Pause::after(None, why(PauseCause::Suspended));
    let mut waits = vec![];
    for _ in 0..6 {
        waits.push(pause.next_probe().as_secs());
        pause = Pause::after(Some(&pause), why(PauseCause::Suspended));
    }
    assert_eq!(waits, [60, 120, 240, 480, 900, 900]);
    let other = Pause::after(Some(&pause), why(PauseCause::SingleSignOn));
    assert_eq!(other.next_probe().as_secs(), 60, "another cause begins anew");
    let stored = serde_json::to_value(&other).unwrap();
    assert_eq!(stored, serde_json::json!({"cause": "single_sign_on", "reason": "mend it", "probes": 1}));
}

#[test]
fn refusals_widen_the_distance_and_success_narrows_it_slowly() {
    let minute = Duration::from_secs(60);
    let mut pace = AdaptivePace::default();
    let mut seen = vec![];
    for _ in 0..9 {
        let (next, wait) = pace.refused(minute, 1_000);
        pace = next;
        seen.push((pace.extra, wait.as_secs()));
    }
    let expected = [
        (1_000, 60),
        (2_000, 120),
        (4_000, 240),
        (8_000, 480),
        (16_000, 960),
        (32_000, 1_920),
        (60_000, 3_600),
        (60_000, 3_600),
        (60_000, 3_600),
    ];
    assert_eq!(seen, expected);
    let asked = Duration::from_secs(7_200);
    assert_eq!(pace.refused(asked, 1_000).1, asked, "what GitHub asks for is never cut short");
    // It stays wide for a few writes, and is gone in the end.
    for _ in 0..7 {
        pace = pace.succeeded(1_000);
        assert_eq!((pace.extra, pace.refusals), (60_000, 0));
    }
    pace = pace.succeeded(1_000);
    assert_eq!(pace.extra, 40_000);
    let near = AdaptivePace { extra: 1_000, ..AdaptivePace::default() };
    assert_eq!(
        (0..19).fold(near, |pace, _| pace.succeeded(1_000)).extra,
        1_000,
        "twenty, where they take less long"
    );
    let mut writes = 0;
    while pace.extra > 0 {
        pace = pace.succeeded(1_000);
        writes += 1;
    }
    assert!((100..300).contains(&writes), "{writes}");
    assert_eq!(pace.succeeded(1_000), AdaptivePace::default());
}

#[test]
fn a_refusal_in_fifty_writes_costs_no_more_than_a_small_distance() {
    let mut pace = AdaptivePace::default();
    let mut widest = 0;
    for write in 1..=10_000 {
        pace = match write % 50 {
            0 => pace.refused(Duration::from_secs(60), 1_000).0,
            _ => pace.succeeded(1_000),
        };
        widest = widest.max(pace.extra);
    }
    assert!(widest <= 2_000, "{widest} ms");
    // Where settings keep writes closer, so does the first step.
    assert_eq!(AdaptivePace::default().refused(Duration::from_secs(1), 10).0.extra, 10);
}
