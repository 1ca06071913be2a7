//! What a scenario reports: figures, each with its reference, its ratio, its target and whether that holds.
//!
//! Deliberately absent: absolute targets. A figure is judged by its ratio to something of the same run, or by being
//! nothing at all.

use serde::{Deserialize, Serialize};
use std::fmt::Write as _;

/// A scenario's result.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    /// The scenario's name.
    pub(crate) scenario: String,
    /// What was measured.
    pub(crate) figures: Vec<Figure>,
}

/// What came of all scenarios.
#[derive(Debug, Serialize)]
pub(crate) struct Whole {
    /// Those that could be measured.
    pub(crate) reports: Vec<Report>,
    /// Those that could not.
    pub(crate) failed: Vec<Failed>,
}

/// A scenario that did not come to its end.
#[derive(Debug, Serialize)]
pub(crate) struct Failed {
    /// The scenario's name.
    pub(crate) scenario: String,
    /// What went wrong.
    pub(crate) error: String,
}

impl Whole {
    /// Whether every scenario was measured, and every figure holds.
    pub(crate) fn holds(&self) -> bool {
        self.failed.is_empty() && self.reports.iter().all(Report::holds)
    }

    /// One document for people.
    pub(crate) fn markdown(&self) -> String {
        let mut text: String = self.reports.iter().map(Report::markdown).collect();
        for failed in &self.failed {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "## {}\n\nIt could not be measured: {}\n", failed.scenario, failed.error);
        }
        text
    }
}

/// One figure.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Figure {
    /// What it is.
    pub(crate) name: String,
    /// The median of the subject's values.
    pub(crate) value: f64,
    /// Their unit.
    pub(crate) unit: String,
    /// The median of the reference's values, in the same unit.
    pub(crate) reference: f64,
    /// The median of the pairs' ratios, subject to reference.
    pub(crate) ratio: f64,
    /// The most (or least) that the ratio may be, as text: "<= 0.5".
    pub(crate) target: String,
    /// Whether it is so.
    pub(crate) holds: bool,
}

impl Figure {
    /// A figure that holds where the median ratio of the pairs is at most `most`. Each pair is (subject, reference).
    pub(crate) fn at_most(name: &str, unit: &str, pairs: &[(f64, f64)], most: f64) -> Self {
        let ratio = median(pairs.iter().map(|(subject, reference)| subject / reference));
        Self {
            name: name.to_owned(),
            value: median(pairs.iter().map(|pair| pair.0)),
            unit: unit.to_owned(),
            reference: median(pairs.iter().map(|pair| pair.1)),
            ratio,
            target: format!("<= {most}"),
            holds: ratio <= most,
        }
    }

    /// A figure that holds where the median ratio of the pairs is at least `least`.
    pub(crate) fn at_least(name: &str, unit: &str, pairs: &[(f64, f64)], least: f64) -> Self {
        let figure = Self::at_most(name, unit, pairs, f64::INFINITY);
        Self { target: format!(">= {least}"), holds: figure.ratio >= least, ..figure }
    }

    /// A figure whose ratio is shown and not judged.
    pub(crate) fn against(name: &str, unit: &str, pairs: &[(f64, f64)]) -> Self {
        Self { target: "shown".to_owned(), ..Self::at_most(name, unit, pairs, f64::INFINITY) }
    }

    /// A figure that holds where every value is at most `most` times its reference: the greatest ratio is quoted.
    pub(crate) fn never_over(name: &str, unit: &str, pairs: &[(f64, f64)], most: f64) -> Self {
        let worst = pairs.iter().max_by(|one, other| (one.0 / one.1).total_cmp(&(other.0 / other.1)));
        Self::at_most(name, unit, &worst.copied().into_iter().collect::<Vec<_>>(), most)
    }

    /// A figure that has to be exactly its reference. Its ratio is their difference, so that none is 0.
    pub(crate) fn exactly(name: &str, unit: &str, value: u64, reference: u64) -> Self {
        Self {
            name: name.to_owned(),
            value: value as f64,
            unit: unit.to_owned(),
            reference: reference as f64,
            ratio: value as f64 - reference as f64,
            target: format!("exactly {reference}"),
            holds: value == reference,
        }
    }

    /// A figure that is shown and not judged.
    pub(crate) fn shown(name: &str, unit: &str, value: f64) -> Self {
        Self {
            name: name.to_owned(),
            value,
            unit: unit.to_owned(),
            reference: value,
            ratio: 1.0,
            target: "shown".to_owned(),
            holds: true,
        }
    }
}

impl Report {
    /// Whether every figure holds.
    pub(crate) fn holds(&self) -> bool {
        self.figures.iter().all(|figure| figure.holds)
    }

    /// The report as a Markdown table.
    pub(crate) fn markdown(&self) -> String {
        let mut text =
            format!("## {}\n\n| figure | value | reference | ratio | target | holds |\n", self.scenario);
        text.push_str("|---|---|---|---|---|---|\n");
        for figure in &self.figures {
            let Figure { name, value, unit, reference, ratio, target, holds } = figure;
            let holds = if *holds { "yes" } else { "no" };
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "| {name} | {value:.2} {unit} | {reference:.2} {unit} | {ratio:.3} | {target} | {holds} |"
            );
        }
        text
    }
}

/// The middle value; the mean of the middle two where their number is even; NaN of nothing.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[n / 2],
        n => f64::midpoint(values[n / 2 - 1], values[n / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_and_ratios_are_taken_pair_by_pair() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), 2.0);
        assert_eq!(median([4.0, 1.0].into_iter()), 2.5);
        // The machine slowed down by ten in the middle: the ratio does not care.
        let figure = Figure::at_most("wall", "s", &[(1.0, 4.0), (10.0, 40.0), (2.0, 4.0)], 0.3);
        assert_eq!(figure.ratio, 0.25);
        assert!(figure.holds);
        assert!(!Figure::at_most("wall", "s", &[(1.0, 2.0)], 0.3).holds);
        assert!(Figure::exactly("refusals", "requests", 0, 0).holds);
        assert!(!Figure::exactly("refusals", "requests", 1, 0).holds);
    }
}
