//! The words of the command line, by clap's derive: one definition for the parser, the help and completions.
//!
//! Deliberately absent: any token. Tokens come from the environment or from a file, never from argv, which other
//! users of the machine can read.

mod help;
mod looking;
mod serve;
mod steer;

pub(crate) use looking::{Budget, Diff, Logs, Runs, SpecOf, Status, Sync, Watch};
pub(crate) use serve::Serve;
pub(crate) use steer::{Pace, Steer};

use crate::limits::Limits;
use campaigns_domain::spec::campaign_flaw;
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use std::{net::SocketAddr, path::PathBuf};

/// Bulk pull requests over thousands of GitHub repositories, followed until they are merged or closed.
#[derive(Debug, Parser)]
#[command(name = "campaigns", version, propagate_version = true, max_term_width = 100, after_help = help::ALL)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// How data is printed on standard output.
    #[arg(short, long, global = true, value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
}

/// The server that a command talks to.
#[derive(Debug, Args)]
pub(crate) struct Connection {
    /// The server's address.
    #[arg(
        long,
        global = true,
        env = "CAMPAIGNS_SERVER",
        default_value = "http://127.0.0.1:7717",
        hide_env_values = true
    )]
    pub(crate) server: String,
    /// A file that holds the server's API token; otherwise CAMPAIGNS_TOKEN, or the file that `serve` wrote.
    #[arg(long, global = true, value_hint = ValueHint::FilePath)]
    pub(crate) api_token_file: Option<PathBuf>,
}

/// How data is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    Table,
    /// One JSON document.
    Json,
}

/// A campaign's name, or an id, which is made of the same letters: what may stand in an address.
fn campaign(text: &str) -> Result<String, String> {
    match campaign_flaw(text) {
        Some(flaw) => Err(format!("no campaign has such a name: {flaw}")),
        None => Ok(text.to_owned()),
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a whole campaign here against a stand-in GitHub, and leave the server up.
    Demo(Demo),
    /// Run the server.
    #[command(after_help = help::SERVE)]
    Serve(Serve),
    /// Check a spec and show what it says, without any server.
    #[command(after_help = help::VALIDATE)]
    Validate(Validate),
    /// Carry a campaign out here, without a server; run it again to continue where it stopped.
    #[command(after_help = help::RUN)]
    Run(Run),
    /// Give a spec to the server and start a run of it.
    #[command(after_help = help::APPLY)]
    Apply(Apply),
    /// Hold a campaign, or a selection of its pull requests: nothing more is written until it is resumed.
    #[command(after_help = help::PAUSE)]
    Pause(Steer),
    /// Let what is paused go on.
    #[command(after_help = help::RESUME)]
    Resume(Steer),
    /// End every run of a campaign that is under way, or take back a selection of what has no pull request yet.
    #[command(after_help = help::CANCEL)]
    Cancel(Steer),
    /// Open the pull requests that were kept back.
    #[command(after_help = help::PUBLISH)]
    Publish(Publish),
    /// Mark drafts ready for review.
    #[command(after_help = help::READY)]
    Ready(AskWords),
    /// Try again what failed or what GitHub did not allow.
    #[command(after_help = help::RETRY)]
    Retry(AskWords),
    /// Close pull requests and delete their branches.
    #[command(after_help = help::CLOSE)]
    Close(Close),
    /// Open closed pull requests again.
    Reopen(AskWords),
    /// Have pull requests merged by GitHub's own rules.
    #[command(after_help = help::MERGE)]
    Merge(Merge),
    /// Say something on pull requests.
    #[command(after_help = help::COMMENT)]
    Comment(Comment),
    /// Carry the change out again on the base as it is now.
    #[command(after_help = help::REBASE)]
    Rebase(AskWords),
    /// Run the failed checks of pull requests again, as far as GitHub Actions ran them.
    Rerun(AskWords),
    /// Go on with pull requests that people have taken over.
    #[command(after_help = help::TAKEOVER)]
    Takeover(AskWords),
    /// Set how fast a campaign's live runs go on: `perDay=30 maxOpen=20 priority=urgent`.
    #[command(after_help = help::PACE)]
    Pace(Pace),
    /// Read a campaign's pull requests afresh.
    Sync(Sync),
    /// Show campaigns, or where every target of one stands and why.
    #[command(after_help = help::STATUS)]
    Status(Status),
    /// Show how full the limits are, what waits for what, and when it will be open.
    #[command(after_help = help::BUDGET)]
    Budget(Budget),
    /// Show where the GitHub App is installed, what it lacks, and what holds an organisation up.
    Installations,
    /// Follow a run live until it ends.
    #[command(after_help = help::WATCH)]
    Watch(Watch),
    /// Show what a campaign changes, as a unified diff.
    #[command(after_help = help::DIFF)]
    Diff(Diff),
    /// Show what a repository's steps wrote, failed ones included.
    #[command(after_help = help::LOGS)]
    Logs(Logs),
    /// List a campaign's runs, newest first.
    Runs(Runs),
    /// Print a campaign's spec as it was applied: the version in force, or an earlier one.
    Spec(SpecOf),
    /// Print a shell's completion script.
    #[command(after_help = help::COMPLETIONS)]
    Completions {
        /// The shell.
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Print the version.
    Version,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// How many repositories the demo's organisation has.
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=5000))]
    pub(crate) repos: u32,
    /// How many servers share the work, each a process of its own, on one database and one Redis.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=16))]
    pub(crate) replicas: u16,
    /// End when the campaign is done, instead of leaving the server up.
    #[arg(long)]
    pub(crate) exit: bool,
    /// Folder of source trees that become the repositories (default: the crates in cargo's registry folder).
    #[arg(long, value_hint = ValueHint::DirPath)]
    pub(crate) from: Option<PathBuf>,
    /// Another spec than the demo's own; it selects from the organisation `acme`.
    #[arg(short = 'f', long, value_hint = ValueHint::FilePath)]
    pub(crate) file: Option<PathBuf>,
    /// Where the server listens.
    #[arg(long, default_value = "127.0.0.1:7717")]
    pub(crate) listen: SocketAddr,
    /// Where the stand-in GitHub listens; port 0 takes any free one.
    #[arg(long, default_value = "127.0.0.1:7718")]
    pub(crate) twin_listen: SocketAddr,
    /// Where the demo keeps its data; what an earlier demo left there is replaced.
    #[arg(long, value_hint = ValueHint::DirPath)]
    pub(crate) data: Option<PathBuf>,
}

/// How GitHub is reached.
#[derive(Debug, Clone, Args)]
pub(crate) struct Github {
    /// GitHub's address: github.com, or a GitHub Enterprise Server.
    #[arg(long, env = "CAMPAIGNS_GITHUB_URL", default_value = "https://api.github.com")]
    pub(crate) github_url: String,
    /// A file that holds a GitHub token; otherwise GITHUB_TOKEN.
    #[arg(long, value_hint = ValueHint::FilePath)]
    pub(crate) token_file: Option<PathBuf>,
    /// A GitHub App's id, used with its private key instead of a token.
    #[arg(long, requires = "app_key_file")]
    pub(crate) app_id: Option<u64>,
    /// The file with the App's private key (PEM).
    #[arg(long, requires = "app_id", value_hint = ValueHint::FilePath)]
    pub(crate) app_key_file: Option<PathBuf>,
    /// Certificates to trust besides the system's (PEM), for a server with a CA of its own.
    #[arg(long, value_hint = ValueHint::FilePath)]
    pub(crate) ca_bundle: Option<PathBuf>,
    /// Keep no limits of our own on writes. Only for a server that has none either.
    #[arg(long)]
    pub(crate) unlimited: bool,
}

/// How steps are run here.
#[derive(Debug, Clone, Args)]
pub(crate) struct Steps {
    /// How many targets run at once (default: the number of cores).
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) parallelism: Option<u32>,
    /// Run steps that name a container in the plain sandbox instead.
    #[arg(long)]
    pub(crate) no_container: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Validate {
    /// The spec; `-` is standard input.
    #[arg(short = 'f', long = "file", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The spec; `-` is standard input.
    #[arg(short = 'f', long = "file", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    /// Select, run the steps and show what would change; write nothing at GitHub.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Close what this version leaves out or leaves unchanged however much that is; more than five and more than a fifth
    /// of the open pull requests are held back otherwise.
    #[arg(long)]
    pub(crate) prune: bool,
    /// Leave out every repository that this glob does not match.
    #[arg(long, value_name = "GLOB")]
    pub(crate) only: Option<String>,
    /// Where the run's state is kept.
    #[arg(long, env = "CAMPAIGNS_DATA", value_hint = ValueHint::DirPath)]
    pub(crate) data: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) github: Github,
    #[command(flatten)]
    pub(crate) steps: Steps,
    #[command(flatten)]
    pub(crate) limits: Limits,
}

#[derive(Debug, Args)]
pub(crate) struct Apply {
    /// The spec; `-` is standard input.
    #[arg(short = 'f', long = "file", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    /// Select, run the steps and keep the diffs; write nothing at GitHub.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Close what this version leaves out or leaves unchanged however much that is; more than five and more than a fifth
    /// of the open pull requests are held back otherwise.
    #[arg(long)]
    pub(crate) prune: bool,
    /// Leave out every repository that this glob does not match.
    #[arg(long, value_name = "GLOB")]
    pub(crate) only: Option<String>,
    /// Return as soon as the run is started.
    #[arg(long)]
    pub(crate) no_wait: bool,
}

/// Which changesets, and how it is asked.
#[derive(Debug, Args)]
pub(crate) struct AskWords {
    /// The campaign.
    #[arg(value_parser = campaign)]
    pub(crate) campaign: String,
    /// Only repositories that this glob matches; may be given more than once.
    #[arg(long, value_name = "GLOB")]
    pub(crate) only: Vec<String>,
    /// Only changesets in this state; may be given more than once.
    #[arg(long, value_name = "STATE")]
    pub(crate) state: Vec<String>,
    /// Only pull requests with this label; may be given more than once.
    #[arg(long, value_name = "LABEL")]
    pub(crate) label: Vec<String>,
    /// Do not ask back.
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Only show what it covers.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Return as soon as it is recorded, without waiting until every owner has taken it up.
    #[arg(long)]
    pub(crate) no_wait: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Publish {
    #[command(flatten)]
    pub(crate) words: AskWords,
    /// Open them as drafts; `campaigns ready` marks them ready.
    #[arg(long)]
    pub(crate) draft: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Close {
    #[command(flatten)]
    pub(crate) words: AskWords,
    /// Say this before, Markdown.
    #[arg(long, value_name = "TEXT")]
    pub(crate) comment: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Merge {
    #[command(flatten)]
    pub(crate) words: AskWords,
    /// How; without it, in a way that the repository allows. A merge queue has a way of its own.
    #[arg(long, value_enum, value_name = "METHOD")]
    pub(crate) method: Option<MergeWay>,
}

/// How a pull request is merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum MergeWay {
    /// With a merge commit.
    Merge,
    /// As one commit.
    Squash,
    /// Commit by commit.
    Rebase,
}

#[derive(Debug, Args)]
pub(crate) struct Comment {
    #[command(flatten)]
    pub(crate) words: AskWords,
    /// What to say, Markdown.
    #[arg(short, long, value_name = "TEXT")]
    pub(crate) body: String,
}
