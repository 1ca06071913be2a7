//! How fast GitHub is written to and read: the words of the command line for it.
//!
//! Deliberately absent: keeping the limits, which the actors and the database do.

use campaigns_domain::publish::budget::{Budget, Cap, ContentWrites, Counted, split_points};
use campaigns_runtime::replica::ReplicaSettings;
use clap::{Args, value_parser};

/// How fast GitHub is written to and read.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct Limits {
    /// Content-creating writes to one organisation in any minute.
    #[arg(long, env = "CAMPAIGNS_PER_MINUTE", default_value_t = 80, value_name = "WRITES", value_parser = value_parser!(u32).range(1..))]
    per_minute: u32,
    /// Content-creating writes to one organisation in any hour.
    #[arg(long, env = "CAMPAIGNS_PER_HOUR", default_value_t = 500, value_name = "WRITES", value_parser = value_parser!(u32).range(1..))]
    per_hour: u32,
    /// Pull requests opened in one organisation in any 24 hours.
    #[arg(long, env = "CAMPAIGNS_PER_DAY", default_value_t = 150, value_name = "PULL_REQUESTS", value_parser = value_parser!(u32).range(1..))]
    per_day: u32,
    /// Content-creating writes everywhere together in any minute (default: no limit).
    #[arg(long, env = "CAMPAIGNS_GLOBAL_PER_MINUTE", value_name = "WRITES", value_parser = value_parser!(u32).range(1..))]
    global_per_minute: Option<u32>,
    /// Content-creating writes everywhere together in any hour (default: no limit).
    #[arg(long, env = "CAMPAIGNS_GLOBAL_PER_HOUR", value_name = "WRITES", value_parser = value_parser!(u32).range(1..))]
    global_per_hour: Option<u32>,
    /// Pull requests opened everywhere together in any 24 hours (default: no limit).
    #[arg(long, env = "CAMPAIGNS_GLOBAL_PER_DAY", value_name = "PULL_REQUESTS", value_parser = value_parser!(u32).range(1..))]
    global_per_day: Option<u32>,
    /// GitHub's points for one organisation in any minute: a write costs 5, a read 1.
    #[arg(long, env = "CAMPAIGNS_POINTS_PER_MINUTE", default_value_t = 900, value_name = "POINTS", value_parser = value_parser!(u32).range(20..))]
    points_per_minute: u32,
    /// The least time between two writes to one organisation, in milliseconds.
    #[arg(long, env = "CAMPAIGNS_WRITE_SPACING", default_value_t = 1_000, value_name = "MILLISECONDS")]
    write_spacing: u32,
    /// Which writes count as content-creating: `all`, `none`, or kinds such as `pull-request,comment`.
    #[arg(long, env = "CAMPAIGNS_CONTENT_WRITES", default_value = "all", value_name = "KINDS", value_parser = ContentWrites::parse)]
    content_writes: ContentWrites,
}

impl Limits {
    /// Has a replica keep these limits.
    pub(crate) fn apply(&self, settings: &mut ReplicaSettings) {
        let (writes, reads) = split_points(self.points_per_minute);
        let global = [
            self.global_per_minute.map(|cap| Cap::new(Counted::Content, 60, cap)),
            self.global_per_hour.map(|cap| Cap::new(Counted::Content, 3600, cap)),
            self.global_per_day.map(|cap| Cap::new(Counted::PullRequests, 86_400, cap)),
        ];
        settings.budget = Budget {
            global: global.into_iter().flatten().collect(),
            campaign: vec![],
            organization: vec![
                Cap::new(Counted::Content, 60, self.per_minute),
                Cap::new(Counted::Content, 3600, self.per_hour),
                Cap::new(Counted::Points, 60, writes),
                Cap::new(Counted::PullRequests, 86_400, self.per_day),
            ],
            spacing: self.write_spacing,
            content: self.content_writes.clone(),
        };
        settings.read_points = reads;
    }
}
