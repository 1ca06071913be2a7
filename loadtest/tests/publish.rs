//! The scenario `publish` in its short form: the programs as processes, the limits of an hour in seconds.
//!
//! Deliberately absent: its figures at full size, which `bin/loadtest run publish` takes minutes for, and how much longer
//! a run takes than the limits ask for: the clocks run on with the system's while a busy machine works.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

/// Runs a scenario over 20 repositories with 25 writes an hour, so that their 80 writes take three hours and some.
///
/// The seed is one whose faults lose and refuse some of the first 60 writes.
fn figures(scenario: &str) -> Vec<(String, f64)> {
    let words = [scenario, "--targets", "20", "--per-hour", "25", "--seed", "46"];
    let figures = support::run(&words).counts().into_iter().map(|figure| {
        let name = figure["name"].as_str().unwrap().to_owned();
        (name, figure["value"].as_f64().unwrap())
    });
    figures.collect()
}

fn value(figures: &[(String, f64)], name: &str) -> f64 {
    figures.iter().find(|figure| figure.0 == name).unwrap().1
}

#[test]
fn limits_are_used_up_and_not_exceeded() {
    let figures = figures("publish");
    let seconds = value(&figures, "time of 20 pull requests");
    assert!(seconds >= 3.0 * 3_600.0, "80 writes at 25 an hour took {seconds} s");
    let most = value(&figures, "the most writes in an hour, of those allowed");
    assert!(most > 20.0, "no hour has more than {most} writes of 25");
}

#[test]
fn lost_answers_and_refusals_end_in_one_pull_request_each() {
    let figures = figures("publish-faults");
    let value = |name: &str| value(&figures, name);
    assert_eq!(value("repositories with exactly one open pull request"), 20.0);
    assert_eq!(value("changesets that stand where people took them"), 20.0);
    assert!(
        value("writes executed and then lost") > 0.0 && value("writes refused by a fault") > 1.0,
        "{figures:#?}"
    );
}
