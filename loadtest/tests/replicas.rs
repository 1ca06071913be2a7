//! The scenarios of several replicas in their short forms: wake-ups alone, looking alone, Redis cut off, spreading.
//!
//! Deliberately absent: their figures at full size, and figures of time, which say nothing on a busy machine.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use support::run;

#[test]
fn wake_ups_alone_carry_a_campaign_to_its_end_though_one_who_hears_them_is_killed() {
    run(&["streams", "--targets", "16", "--seed", "3"]).counts();
}

#[test]
fn looking_alone_carries_a_campaign_to_its_end() {
    run(&["polling", "--targets", "16"]).counts();
}

#[test]
fn a_redis_that_is_cut_off_costs_time_and_nothing_else() {
    run(&["partition", "--targets", "16", "--lease", "2"]).counts();
}

#[test]
fn a_run_of_which_nothing_is_run_is_shared_and_ends() {
    let figures = run(&["spread", "--targets", "90", "--lease", "2"]).counts();
    let carried_out = figures.iter().find(|figure| figure["name"] == "targets that are unchanged").unwrap();
    assert_eq!(carried_out["value"], 90.0);
}
