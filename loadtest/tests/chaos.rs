//! The scenario `chaos` in its short form: 40 targets and a storm of 16 seconds.
//!
//! Deliberately absent: its figures at full size, which `make chaos` takes ten minutes for.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

#[test]
fn after_a_storm_everything_is_as_if_nothing_had_been() {
    let words = ["chaos", "--targets", "40", "--per-hour", "20", "--storm", "16", "--seed", "5"];
    support::run(&words).whole();
}
