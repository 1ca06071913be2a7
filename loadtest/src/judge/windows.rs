//! Exact sliding windows over times: how much the fullest one holds, and how many arrivals find theirs too full. A
//! window is half-open: what happened exactly its length ago is out. Deliberately absent: which times are looked at.

use super::SECOND;

/// At most so much in any time of this length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// Microseconds.
    pub(crate) length: i64,
    /// The most that it may hold.
    pub(crate) most: u64,
}

impl Window {
    /// At most `most` in any `seconds`.
    pub(crate) fn of(most: u64, seconds: i64) -> Self {
        Self { length: seconds * SECOND, most }
    }
}

/// What arrivals make of a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filled {
    /// The most that any window of the length held.
    pub(crate) fullest: u64,
    /// How many arrivals were over it, themselves counted.
    pub(crate) over: u64,
}

/// Slides a window over arrivals, each a time in microseconds and an amount. They need not be in order.
pub(crate) fn slide(window: Window, arrivals: impl Iterator<Item = (i64, u64)>) -> Filled {
    let mut arrivals: Vec<(i64, u64)> = arrivals.collect();
    arrivals.sort_unstable();
    let (mut filled, mut sum, mut oldest) = (Filled::default(), 0, 0);
    for (at, amount) in &arrivals {
        sum += amount;
        while arrivals[oldest].0 + window.length <= *at {
            sum -= arrivals[oldest].1;
            oldest += 1;
        }
        filled.fullest = filled.fullest.max(sum);
        filled.over += u64::from(sum > window.most);
    }
    filled
}

/// How much time of `within` there is in which at least one of several counters is full: each with the most that it may
/// hold and the spans, from a beginning to before an end, in which something counts. Spans may overlap.
pub(crate) fn full(counters: &[(u64, Vec<(i64, i64)>)], within: &[(i64, i64)]) -> i64 {
    let full = counters.iter().flat_map(|(most, spans)| stretches(*most, spans)).collect::<Vec<_>>();
    let (full, within) = (stretches(1, &full), stretches(1, within));
    let (mut sum, mut others) = (0, within.iter().peekable());
    for (begin, end) in full {
        while let Some((from, to)) = others.peek() {
            sum += (end.min(*to) - begin.max(*from)).max(0);
            if *to > end {
                break;
            }
            others.next();
        }
    }
    sum
}

/// The stretches in which at least `most` of the spans lie, apart from each other and in order.
fn stretches(most: u64, spans: &[(i64, i64)]) -> Vec<(i64, i64)> {
    let spans = spans.iter().filter(|(begin, end)| begin < end);
    // At one moment what ends comes before what begins.
    let mut turns: Vec<(i64, i64)> = spans.flat_map(|(begin, end)| [(*begin, 1), (*end, -1)]).collect();
    turns.sort_unstable();
    let (mut stretches, mut held, mut since) = (vec![], 0_i64, None);
    for (at, turn) in turns {
        held += turn;
        let is_full = held >= most.cast_signed();
        match since {
            None if is_full => since = Some(at),
            Some(begin) if !is_full => {
                stretches.push((begin, at));
                since = None;
            }
            _ => {}
        }
    }
    stretches
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_burst_at_the_border_of_two_minutes_is_seen() {
        let window = Window::of(80, 60);
        // 80 at the end of one minute and 80 at the beginning of the next: each minute by the clock is kept.
        let burst = |at| (0..80).map(move |_| (at, 1));
        assert_eq!(
            slide(window, burst(59 * SECOND).chain(burst(61 * SECOND))),
            Filled { fullest: 160, over: 80 }
        );
        assert_eq!(slide(window, burst(0).chain(burst(60 * SECOND))), Filled { fullest: 80, over: 0 });
        assert_eq!(slide(window, burst(0).chain(burst(60 * SECOND - 1))), Filled { fullest: 160, over: 80 });
        assert_eq!(slide(window, std::iter::empty()), Filled::default());
    }

    #[test]
    fn time_is_counted_once_whichever_counter_is_full_and_only_within_the_bounds() {
        let two = (2, vec![(0, 10), (4, 14), (20, 30)]);
        // Full from 4 to 10; the other one from 8 to 12.
        let one = (1, vec![(8, 12)]);
        assert_eq!(full(std::slice::from_ref(&two), &[(0, 100)]), 6);
        assert_eq!(full(&[two.clone(), one.clone()], &[(0, 100)]), 8);
        assert_eq!(full(&[two.clone(), one.clone()], &[(5, 11)]), 6);
        assert_eq!(full(&[two, one], &[(0, 5), (3, 6), (9, 10), (11, 40)]), 4);
        // What follows at once keeps it full; nothing was full before anything was there.
        assert_eq!(full(&[(1, vec![(0, 5), (5, 9)])], &[(0, 100)]), 9);
        assert_eq!(full(&[], &[(0, 100)]), 0);
    }

    proptest! {
        #[test]
        fn a_counter_is_full_for_as_many_ticks_as_hold_enough(
            spans_of in prop::collection::vec((0..40_i64, 1..20_i64), 0..20),
            within in prop::collection::vec((0..40_i64, 1..20_i64), 0..6),
            most in 1..5_u64,
        ) {
            let spans = |spans: Vec<(i64, i64)>| -> Vec<_> {
                spans.into_iter().map(|(begin, length)| (begin, begin + length)).collect()
            };
            let (spans, within) = (spans(spans_of), spans(within));
            let held = |spans: &[(i64, i64)], tick: i64| {
                spans.iter().filter(|(begin, end)| *begin <= tick && tick < *end).count() as u64
            };
            let ticks = (0..60).filter(|tick| held(&spans, *tick) >= most && held(&within, *tick) > 0).count();
            prop_assert_eq!(full(&[(most, spans.clone())], &within), ticks as i64);
        }

        #[test]
        fn the_fullest_window_is_the_fullest_of_all_that_begin_anywhere(
            arrivals in prop::collection::vec((0..60_i64, 1..4_u64), 0..40),
            length in 1..30_i64,
            most in 0..12_u64,
        ) {
            let held = |end: i64| {
                arrivals.iter().filter(|(at, _)| *at <= end && *at > end - length).map(|(_, amount)| amount).sum::<u64>()
            };
            let filled = slide(Window { length, most }, arrivals.iter().copied());
            prop_assert_eq!(filled.fullest, (0..60).map(held).max().unwrap_or(0));
            prop_assert_eq!(filled.over > 0, filled.fullest > most);
        }
    }
}
