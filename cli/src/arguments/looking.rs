//! The arguments of the commands that only look: `status`, `budget`, `watch`, `runs`, `spec`, `diff`, `logs`, `sync`.
//!
//! Deliberately absent: what they print.

use super::campaign;
use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct Sync {
    /// The campaign.
    #[arg(value_parser = campaign)]
    pub(crate) campaign: String,
}

#[derive(Debug, Args)]
pub(crate) struct Status {
    /// The campaign; without one, all of them.
    #[arg(value_parser = campaign)]
    pub(crate) campaign: Option<String>,
    /// Only repositories that this glob matches; may be given more than once.
    #[arg(long, value_name = "GLOB", requires = "campaign")]
    pub(crate) only: Vec<String>,
    /// Only what stands in this state, a target's or a changeset's; may be given more than once.
    #[arg(long, value_name = "STATE", requires = "campaign")]
    pub(crate) state: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Budget {
    /// The campaign; without one, every campaign in which something waits.
    #[arg(value_parser = campaign)]
    pub(crate) campaign: Option<String>,
    /// An organisation instead, whatever is written there.
    #[arg(long, value_name = "LOGIN", conflicts_with = "campaign")]
    pub(crate) organization: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// The campaign, whose latest run is followed, or a run's id.
    #[arg(value_parser = campaign)]
    pub(crate) campaign: String,
}

#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// The campaign.
    #[arg(value_parser = campaign)]
    pub(crate) campaign: String,
    /// Only repositories that match this name or glob.
    pub(crate) repository: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Logs {
    /// The campaign.
    #[arg(value_parser = campaign)]
    pub(crate) campaign: String,
    /// The repository, `owner/name` or `name`.
    pub(crate) repository: String,
}

#[derive(Debug, Args)]
pub(crate) struct Runs {
    /// The campaign.
    #[arg(value_parser = campaign)]
    pub(crate) campaign: String,
}

#[derive(Debug, Args)]
pub(crate) struct SpecOf {
    /// The campaign.
    #[arg(value_parser = campaign)]
    pub(crate) campaign: String,
    /// The number of an earlier version; without it, the one in force.
    pub(crate) number: Option<u32>,
}
