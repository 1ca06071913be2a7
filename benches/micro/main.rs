//! Criterion's measurements of single operations: what the domain decides, what the limiter weighs, what is parsed,
//! a diff, a fenced commit, and live events on their way to many clients. `cargo bench -p campaigns-benches` runs them;
//! a word after `--` chooses some.
//!
//! Deliberately absent: targets. These are for comparing a change with what was before it; what has to hold is in
//! the ratios.
#![allow(
    clippy::expect_used,
    clippy::missing_docs_in_private_items,
    reason = "what these stand on has to be there"
)]

mod commit;
mod diff;
mod domain;
mod limiter;
mod live;
mod texts;

use criterion::Criterion;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    domain::bench(&mut criterion);
    limiter::bench(&mut criterion);
    texts::bench(&mut criterion);
    diff::bench(&mut criterion);
    live::bench(&mut criterion);
    commit::bench(&mut criterion);
    criterion.final_summary();
}
