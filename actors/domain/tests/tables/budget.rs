//! Sliding windows, to the second.

use campaigns_domain::publish::budget::{
    Budget, ContentWrites, Counted, NotBefore, Window, WriteKind, next_slot,
};
use chrono::{DateTime, Utc};

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(second, 0).unwrap()
}

fn check(history: &[i64], windows: &[(u32, u32)], now: i64, expected: Option<i64>) {
    let history: Vec<_> = history.iter().copied().map(at).collect();
    let windows: Vec<_> =
        windows.iter().map(|(seconds, cap)| Window { seconds: *seconds, cap: *cap }).collect();
    let expected = expected.map_or(Ok(()), |second| Err(NotBefore(at(second))));
    assert_eq!(next_slot(&history, &windows, at(now)), expected);
}

#[test]
fn one_window() {
    check(&[], &[(60, 2)], 0, None);
    check(&[0], &[(60, 2)], 0, None);
    check(&[0, 1], &[(60, 2)], 59, Some(60));
    check(&[1, 0], &[(60, 2)], 60, None);
    check(&[0, 1, 2, 3], &[(60, 2)], 10, Some(62));
    // A clock that was set back does not make room.
    check(&[100, 101], &[(60, 2)], 0, Some(160));
    check(&[], &[(60, 0)], 5, Some(65));
    check(&[1, 2, 3], &[(60, 0)], 5, Some(65));
}

#[test]
fn several_windows_hold_together() {
    check(&[0, 1, 2], &[(10, 2), (100, 3)], 11, Some(100));
    check(&[0, 1, 2], &[(10, 2), (100, 4)], 5, Some(11));
    check(&[0, 1, 2], &[(10, 2), (100, 4)], 11, None);
    check(&[0, 1, 2], &[], 2, None);
}

#[test]
fn githubs_hour_is_used_to_the_full() {
    let windows: Vec<_> = Budget::default()
        .organization
        .into_iter()
        .filter(|cap| cap.counted == Counted::Content)
        .map(|cap| cap.window)
        .collect();
    let mut now = at(0);
    let mut history = vec![];
    while history.len() < 1000 {
        match next_slot(&history, &windows, now) {
            Ok(()) => history.push(now),
            Err(NotBefore(later)) => {
                assert!(later > now);
                now = later;
            }
        }
    }
    // 80, 160, … 480 in six minutes, 20 more in the seventh, and the same again an hour later.
    assert_eq!(history[79], at(0));
    assert_eq!(history[80], at(60));
    assert_eq!(history[499], at(360));
    assert_eq!(history[500], at(3600));
    assert_eq!(history[999], at(3960));
}

#[test]
fn which_writes_count_is_a_setting() {
    let all = Budget::default();
    for kind in WriteKind::ALL {
        let charge = all.charge(kind);
        assert!(charge.content && charge.points == 5, "{kind:?}");
        assert_eq!(charge.pull_request, kind == WriteKind::PullRequest);
    }
    let content = ContentWrites::parse("pull-request, comment").unwrap();
    let some = Budget { content, ..Budget::default() };
    assert!(some.charge(WriteKind::PullRequest).content && some.charge(WriteKind::Comment).content);
    let tree = some.charge(WriteKind::Tree);
    assert!(!tree.content);
    let caps: Vec<_> = some.caps(tree).map(|(_, cap)| cap.counted).collect();
    assert_eq!(caps, [Counted::Points], "it costs points all the same");
    assert!(ContentWrites::parse("none").unwrap().kinds().next().is_none());
    assert_eq!(ContentWrites::parse("all"), Ok(ContentWrites::default()));
    let wrong = ContentWrites::parse("pull-request,tea").unwrap_err();
    assert!(wrong.contains("`tea` is no kind of write") && wrong.contains("branch-update"), "{wrong}");
}
