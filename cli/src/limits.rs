//! How fast GitHub is written to and read, and how much is carried out again at once: the words of the command line for it.
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
    /// Pull requests of one organisation that are carried out again by themselves at the same time, because their bases
    /// moved.
    #[arg(long, env = "CAMPAIGNS_REDONE_AT_ONCE", default_value_t = 20, value_name = "PULL_REQUESTS", value_parser = value_parser!(u64).range(1..))]
    redone_at_once: u64,
    /// The least time between two writes to one organisation, in milliseconds.
    #[arg(long, env = "CAMPAIGNS_WRITE_SPACING", default_value_t = 1_000, value_name = "MILLISECONDS")]
    write_spacing: u32,
    /// Which writes count as content-creating: `all`, `none`, or kinds such as `pull-request,comment`.
    #[arg(long, env = "CAMPAIGNS_CONTENT_WRITES", default_value = "all", value_name = "KINDS", value_parser = ContentWrites::parse)]
    content_writes: ContentWrites,
    /// A further limit of each organisation: `content`, `pull-requests` or `points`, at most so many in any time that
    /// long, such as `content=80/20s` or `pull-requests=30/6h`. May be given several times.
    #[arg(long = "cap", value_name = "WHAT=MOST/TIME", value_parser = further)]
    caps: Vec<Cap>,
}

/// Reads a further limit.
fn further(text: &str) -> Result<Cap, String> {
    let wrong = || format!("`{text}` is no limit; `content=80/20s` is one");
    let (what, window) = text.split_once('=').ok_or_else(wrong)?;
    let (most, time) = window.split_once('/').ok_or_else(wrong)?;
    let counted = match what {
        "content" => Counted::Content,
        "pull-requests" => Counted::PullRequests,
        "points" => Counted::Points,
        other => {
            return Err(format!("`{other}` is not counted: `content`, `pull-requests` and `points` are"));
        }
    };
    let no_time = || format!("`{time}` is no time; `20s`, `5m`, `6h` and `1d` are");
    let units = [('s', 1), ('m', 60), ('h', 3_600), ('d', 86_400)];
    let unit = units.iter().find_map(|(unit, seconds)| Some((time.strip_suffix(*unit)?, *seconds)));
    let (number, unit) = unit.ok_or_else(no_time)?;
    let number: u32 = number.parse().map_err(|_| no_time())?;
    let seconds = number.checked_mul(unit).filter(|seconds| (1..=30 * 86_400).contains(seconds));
    let seconds = seconds.ok_or_else(|| format!("`{time}` is not between a second and thirty days"))?;
    match most.parse().map_err(|_| wrong())? {
        0 => Err(format!("`{text}` would let nothing through")),
        most => Ok(Cap::new(counted, seconds, most)),
    }
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
            ]
            .into_iter()
            .chain(self.caps.iter().copied())
            .collect(),
            spacing: self.write_spacing,
            content: self.content_writes.clone(),
        };
        settings.read_points = reads;
        settings.redone_at_once = self.redone_at_once;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(clap::Parser)]
    struct Words {
        #[command(flatten)]
        limits: Limits,
    }

    #[test]
    fn what_is_carried_out_again_at_once_is_the_operators_to_set() {
        use clap::Parser as _;
        let words = |words: &[&str]| Words::try_parse_from([&["limits"], words].concat());
        assert_eq!(words(&[]).map(|words| words.limits.redone_at_once).ok(), Some(20));
        assert_eq!(words(&["--redone-at-once", "3"]).map(|words| words.limits.redone_at_once).ok(), Some(3));
        assert!(words(&["--redone-at-once", "0"]).is_err());
    }

    #[test]
    fn a_further_limit_is_read_or_refused_in_words() {
        assert_eq!(further("content=80/20s"), Ok(Cap::new(Counted::Content, 20, 80)));
        assert_eq!(further("pull-requests=30/6h"), Ok(Cap::new(Counted::PullRequests, 21_600, 30)));
        assert_eq!(further("points=900/1m"), Ok(Cap::new(Counted::Points, 60, 900)));
        for (text, said) in [
            ("content", "is no limit"),
            ("content=80", "is no limit"),
            ("words=80/20s", "`words` is not counted"),
            ("content=80/20", "`20` is no time"),
            ("content=80/s", "`s` is no time"),
            ("content=80/31d", "between a second and thirty days"),
            ("content=0/1m", "would let nothing through"),
        ] {
            let refused = further(text).unwrap_err();
            assert!(refused.contains(said), "{text}: {refused}");
        }
    }
}
