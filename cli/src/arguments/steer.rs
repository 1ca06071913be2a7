//! The words of `campaigns pause`, `resume`, `cancel` and `pace`.
//!
//! Deliberately absent: everything else that is asked of a selection, whose words are `AskWords`.

use super::{AskWords, campaign};
use clap::{ArgGroup, Args};

/// What is paused, resumed or cancelled: all of it, or a selection of its changesets.
#[derive(Debug, Args)]
#[command(
    group(ArgGroup::new("selection").args(["only", "state", "label"]).multiple(true)),
    mut_arg("campaign", |campaign| campaign.help("The campaign, or the id of one of its runs")),
    mut_arg("yes", |yes| yes.requires("selection").help("Do not ask back, where there is a selection")),
    mut_arg("dry_run", |dry_run| dry_run.requires("selection").help("Only show what the selection covers")),
)]
pub(crate) struct Steer {
    #[command(flatten)]
    pub(crate) words: AskWords,
}

impl Steer {
    /// Whether it is about a selection of changesets, and not about all of it.
    pub(crate) fn selects(&self) -> bool {
        let AskWords { only, state, label, .. } = &self.words;
        [only, state, label].iter().any(|words| !words.is_empty())
    }
}

#[derive(Debug, Args)]
pub(crate) struct Pace {
    /// The campaign.
    #[arg(value_parser = campaign)]
    pub(crate) campaign: String,
    /// perMinute, perHour (writes), perDay (pull requests), maxOpen or maxPendingChecks with a number, or with `spec` for
    /// what the spec says; priority=urgent or normal.
    #[arg(required_unless_present_any = ["only", "state", "label"], value_name = "NAME=VALUE")]
    pub(crate) settings: Vec<String>,
    /// A pace is a whole run's: `campaigns pause NAME --only GLOB` holds a part of it back.
    #[arg(long, value_name = "GLOB", hide = true)]
    pub(crate) only: Vec<String>,
    /// As `--only`.
    #[arg(long, value_name = "STATE", hide = true)]
    pub(crate) state: Vec<String>,
    /// As `--only`.
    #[arg(long, value_name = "LABEL", hide = true)]
    pub(crate) label: Vec<String>,
    /// Return as soon as it is recorded, without waiting until every owner has heard of it.
    #[arg(long)]
    pub(crate) no_wait: bool,
}
