//! Scenarios of one replica in their short forms: runs of which nothing is run, and the leases of all shards.
//!
//! Deliberately absent: `idle`, which waits for minutes, and figures of time, which say nothing on a busy machine.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use support::run;

#[test]
fn runs_of_which_nothing_is_run_end_and_are_held_against_their_rows() {
    let figures = run(&["large", "--targets", "60"]).counts();
    let written =
        figures.iter().find(|figure| figure["name"].as_str().unwrap().contains("once more")).unwrap();
    let number = |name: &str| written[name].as_f64().unwrap();
    assert!(number("value") > 0.0 && number("reference") > 0.0, "{written}");
    let ratio = number("value") / number("reference");
    assert!((number("ratio") / ratio - 1.0).abs() < 1e-6, "{written}");
}

#[test]
fn every_renewal_of_leases_is_seen_and_held_against_as_many_keys() {
    let figures = run(&["leases", "--lease", "3", "--pairs", "2"]).counts();
    for figure in figures.iter().filter(|figure| figure["unit"] == "s") {
        let (value, reference) = (figure["value"].as_f64().unwrap(), figure["reference"].as_f64().unwrap());
        assert!(value > 0.0 && reference > 0.0, "{figure}");
    }
}
