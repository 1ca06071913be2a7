//! What holds for every sequence of events and every input, by proptest.
//!
//! A law that can only ever see trivial cases proves nothing, so the suites of machines also check that their
//! sequences reach what they are about. Deliberately absent: single cases, which are `tables`.
#![allow(clippy::unwrap_used, reason = "what a test unwraps is what it asserts")]

mod changeset;
mod code_owners;
mod forecast;
mod limits;
mod rollout;
mod run;
#[path = "../tables/samples.rs"]
mod samples;
mod selection;
mod spec;
mod target;
mod words;

/// Everything that can be reached from `start` by `steps`, each once.
fn reachable<S: Clone + PartialEq>(start: S, steps: impl Fn(&S) -> Vec<S>) -> Vec<S> {
    let mut seen = vec![start];
    let mut next = 0;
    while let Some(state) = seen.get(next).cloned() {
        for reached in steps(&state) {
            if !seen.contains(&reached) {
                seen.push(reached);
            }
        }
        next += 1;
    }
    seen
}

/// The states from which no end can be reached.
fn stuck<S: Clone + PartialEq>(
    states: &[S],
    steps: impl Fn(&S) -> Vec<S>,
    is_end: impl Fn(&S) -> bool,
) -> Vec<S> {
    let mut good: Vec<bool> = states.iter().map(is_end).collect();
    loop {
        let mut grown = false;
        for (index, state) in states.iter().enumerate() {
            let leads = |next: &S| states.iter().position(|other| other == next).is_some_and(|to| good[to]);
            if !good[index] && steps(state).iter().any(leads) {
                good[index] = true;
                grown = true;
            }
        }
        if !grown {
            let ended = states.iter().zip(&good).filter(|(_, good)| !**good);
            return ended.map(|(state, _)| state.clone()).collect();
        }
    }
}
