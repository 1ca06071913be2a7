//! The words of `campaigns pause`, `resume`, `cancel` and `pace`.
//!
//! Deliberately absent: everything else that is asked of a selection, whose words are `AskWords`.

use super::{AskWords, campaign};
use clap::{ArgGroup, Args};

/// What is paused, resumed or cancelled: all of it, or a selection of its changesets.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("selection").args(["only", "state", "label"]).multiple(true)))]
pub(crate) struct Steer {
    /// The campaign, or the id of one of its runs.
    #[arg(value_parser = campaign)]
    pub(crate) campaign: String,
    /// Only the pull requests of repositories that this glob matches; may be given more than once.
    #[arg(long, value_name = "GLOB")]
    pub(crate) only: Vec<String>,
    /// Only changesets in this state; may be given more than once.
    #[arg(long, value_name = "STATE")]
    pub(crate) state: Vec<String>,
    /// Only pull requests with this label; may be given more than once.
    #[arg(long, value_name = "LABEL")]
    pub(crate) label: Vec<String>,
    /// Do not ask back, where there is a selection.
    #[arg(short, long, requires = "selection")]
    pub(crate) yes: bool,
    /// Only show what the selection covers.
    #[arg(long, requires = "selection")]
    pub(crate) dry_run: bool,
    /// Return as soon as it is recorded, without waiting until every owner has heard of it.
    #[arg(long)]
    pub(crate) no_wait: bool,
}

impl Steer {
    /// What is asked of changesets, where some are selected.
    pub(crate) fn selects(&self) -> Option<AskWords> {
        let Self { campaign, only, state, label, .. } = self;
        let all = only.is_empty() && state.is_empty() && label.is_empty();
        (!all).then(|| AskWords {
            campaign: campaign.clone(),
            only: only.clone(),
            state: state.clone(),
            label: label.clone(),
            yes: self.yes,
            dry_run: self.dry_run,
            no_wait: self.no_wait,
        })
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
