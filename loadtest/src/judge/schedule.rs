//! The shortest schedule: how soon the last write can be sent when every window and the time between writes are kept
//! jointly. It is what a run's own time is measured against. Deliberately absent: anything about how a run is carried
//! out; a request takes no time here, so that no run can be shorter.
//!
//! **Why it is the shortest.** Writes are alike for the windows over all writes, so only their number matters. Let
//! `s(k)` be the earliest time of the k-th write: `s(1) = 0`, and `s(k)` is the latest of `s(k-1) + spacing` and, for
//! each window of `most` in `length`, `s(k-most) + length`. In any schedule that keeps the rules, the k-th write's time
//! `t(k)` satisfies the same inequalities with `t` on the right, and by induction `t(i) >= s(i)` for `i < k`; all of
//! them are monotone, so `t(k) >= s(k)`. Sending each write at `s(k)` keeps the rules, so `s` is the shortest.
//!
//! Windows over pull requests alone come on top. The j-th pull request needs `before` writes of its own first, as every
//! one before it did, so it is at the earliest the `j * (before + 1)`-th write: `p(j)` is the latest of
//! `s(j * (before + 1))`, `p(j-1) + spacing` and, for each such window, `p(j-most) + length`. The same induction gives
//! `t >= p`. After the last one its own `after` writes still follow. So [`shortest`] is never longer than what is
//! possible. The tests hold it to every schedule of small cases, and to one that keeps all rules target by target: where
//! that one is as short, the shortest is exact.

use super::windows::Window;

/// What one target takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Writes {
    /// Before its pull request is opened.
    pub(crate) before: usize,
    /// After that.
    pub(crate) after: usize,
}

impl Writes {
    /// All of them, the opening with them.
    pub(crate) fn all(self) -> usize {
        self.before + 1 + self.after
    }
}

/// What has to be kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rules {
    /// The least time between two writes, microseconds.
    pub(crate) spacing: i64,
    /// Over all writes.
    pub(crate) writes: Vec<Window>,
    /// Over pull requests that are opened.
    pub(crate) pulls: Vec<Window>,
}

/// The earliest time that windows and spacing allow after `earlier` (in order), each of which counts one.
pub(crate) fn allowed(windows: &[Window], spacing: i64, earlier: &[i64]) -> i64 {
    let spaced = earlier.last().map_or(0, |last| last + spacing);
    windows.iter().fold(spaced, |soonest, window| {
        let most = usize::try_from(window.most).unwrap_or(usize::MAX);
        match earlier.len().checked_sub(most) {
            Some(at) => soonest.max(earlier[at] + window.length),
            None => soonest,
        }
    })
}

/// Microseconds from the first write to the last one in the shortest schedule.
pub(crate) fn shortest(rules: &Rules, targets: usize, each: Writes) -> i64 {
    let (mut writes, mut pulls) = (Vec::new(), Vec::new());
    for _ in 0..targets * each.all() {
        let at = allowed(&rules.writes, rules.spacing, &writes);
        writes.push(at);
    }
    for pull in 1..=targets {
        let ready = writes[pull * (each.before + 1) - 1];
        let at = allowed(&rules.pulls, rules.spacing, &pulls).max(ready);
        pulls.push(at);
    }
    let after = i64::try_from(each.after).unwrap_or(i64::MAX) * rules.spacing;
    let last = pulls.last().map_or(0, |last| last + after);
    last.max(writes.last().copied().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::SECOND;
    use proptest::prelude::*;

    /// The same of a schedule that keeps every rule and takes target after target.
    fn in_turn(rules: &Rules, targets: usize, each: Writes) -> i64 {
        let (mut writes, mut pulls) = (Vec::new(), Vec::new());
        for _ in 0..targets {
            for write in 0..each.all() {
                let mut at = allowed(&rules.writes, rules.spacing, &writes);
                if write == each.before {
                    at = at.max(allowed(&rules.pulls, 0, &pulls));
                    pulls.push(at);
                }
                writes.push(at);
            }
        }
        writes.last().copied().unwrap_or(0)
    }

    const ONE: Writes = Writes { before: 0, after: 0 };

    fn github() -> Rules {
        let writes = vec![Window::of(80, 60), Window::of(500, 3_600)];
        Rules { spacing: 0, writes, pulls: vec![] }
    }

    #[test]
    fn it_agrees_with_the_formula_for_githubs_two_windows() {
        for targets in [1, 2, 79, 80, 81, 160, 161, 499, 500, 501, 580, 581, 1_000, 1_001, 2_345, 10_000] {
            let (hours, rest) = ((targets - 1) / 500, (targets - 1) % 500);
            let formula = 3_600 * hours + 60 * (rest / 80);
            assert_eq!(shortest(&github(), targets, ONE), formula as i64 * SECOND, "{targets}");
        }
        assert_eq!(shortest(&github(), 1_000, ONE), 3_960 * SECOND);
        assert_eq!(shortest(&github(), 10_000, ONE), 68_760 * SECOND);
    }

    #[test]
    fn a_second_between_writes_makes_the_minute_idle_and_leaves_the_hour() {
        let rules = Rules { spacing: SECOND, ..github() };
        assert_eq!(shortest(&rules, 500, ONE), 499 * SECOND);
        // 1,000 targets of 4 writes: seven full hours, and 500 writes of the eighth.
        let four = Writes { before: 3, after: 0 };
        assert_eq!(shortest(&rules, 1_000, four), (7 * 3_600 + 499) * SECOND);
    }

    #[test]
    fn a_daily_cap_on_pull_requests_is_one_more_window() {
        let daily = vec![Window::of(150, 86_400)];
        let rules = Rules { spacing: SECOND, pulls: daily, ..github() };
        let four = Writes { before: 3, after: 0 };
        // The 1,000th is the 100th of the seventh day: six days after the 100th, which is the 400th write.
        assert_eq!(shortest(&rules, 1_000, four), (6 * 86_400 + 399) * SECOND);
        assert_eq!(shortest(&rules, 1_000, four), in_turn(&rules, 1_000, four));
    }

    /// Is there any schedule on whole ticks that ends at `last` or before? Tries each of them.
    fn possible(rules: &Rules, targets: usize, each: Writes, last: i64) -> bool {
        search(rules, targets, each, last, &mut vec![], &mut vec![])
    }

    /// Can the writes after those in `writes` (times) and `pulls` be sent until `last`?
    fn search(
        rules: &Rules,
        targets: usize,
        each: Writes,
        last: i64,
        writes: &mut Vec<i64>,
        pulls: &mut Vec<i64>,
    ) -> bool {
        if writes.len() == targets * each.all() {
            return true;
        }
        let soonest = allowed(&rules.writes, rules.spacing, writes);
        for at in soonest..=last {
            writes.push(at);
            // The next write is a pull request's opening, one before an opening, or one after one.
            let opens = pulls.len();
            let plain = writes.len() - 1 - opens;
            let ready = opens < targets && plain >= (opens + 1) * each.before;
            if ready && at >= allowed(&rules.pulls, 0, pulls) {
                pulls.push(at);
                if search(rules, targets, each, last, writes, pulls) {
                    return true;
                }
                pulls.pop();
            }
            let open_to_come = targets * each.before + opens * each.after;
            if plain < open_to_come && search(rules, targets, each, last, writes, pulls) {
                return true;
            }
            writes.pop();
        }
        false
    }

    fn window() -> impl Strategy<Value = Window> {
        (1..5_i64, 1..3_u64).prop_map(|(length, most)| Window { length, most })
    }

    fn rules() -> impl Strategy<Value = Rules> {
        let writes = prop::collection::vec(window(), 0..3);
        let pulls = prop::collection::vec(window(), 0..2);
        (0..2_i64, writes, pulls).prop_map(|(spacing, writes, pulls)| Rules { spacing, writes, pulls })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_schedule_of_equal_writes_is_shorter_and_one_is_as_short(rules in rules(), targets in 1..6_usize) {
            let least = shortest(&rules, targets, ONE);
            prop_assert!(possible(&rules, targets, ONE, least) && !possible(&rules, targets, ONE, least - 1));
            prop_assert_eq!(least, in_turn(&rules, targets, ONE));
        }

        #[test]
        fn no_schedule_with_writes_around_the_opening_is_shorter(
            rules in rules(),
            targets in 1..3_usize,
            before in 0..3_usize,
            after in 0..2_usize,
        ) {
            let each = Writes { before, after };
            let least = shortest(&rules, targets, each);
            prop_assert!(!possible(&rules, targets, each, least - 1));
            prop_assert!(least <= in_turn(&rules, targets, each));
        }

        #[test]
        fn a_tighter_rule_never_shortens_it(rules in rules(), more in window(), targets in 1..30_usize) {
            let each = Writes { before: 2, after: 0 };
            let least = shortest(&rules, targets, each);
            let mut tighter = rules.clone();
            tighter.writes.push(more);
            prop_assert!(shortest(&tighter, targets, each) >= least);
            let mut tighter = rules;
            tighter.pulls.push(more);
            prop_assert!(shortest(&tighter, targets, each) >= least);
        }
    }
}
