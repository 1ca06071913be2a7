//! The arguments of `campaigns serve`.
//!
//! Deliberately absent: secrets, which are taken from the environment and from files.

use super::{Github, Steps};
use crate::limits::Limits;
use clap::{Args, ValueHint};
use std::{net::SocketAddr, path::PathBuf};

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Where to listen. Anything but a loopback address opens the server to the network.
    #[arg(long, env = "CAMPAIGNS_LISTEN", default_value = "127.0.0.1:7717")]
    pub(crate) listen: SocketAddr,
    /// Where the embedded database, artifacts and the first API token are kept.
    #[arg(long, env = "CAMPAIGNS_DATA", value_hint = ValueHint::DirPath)]
    pub(crate) data: Option<PathBuf>,
    /// A folder for artifacts that all replicas on one database can reach (default: in the data folder).
    #[arg(long, env = "CAMPAIGNS_ARTIFACTS", value_hint = ValueHint::DirPath)]
    pub(crate) artifacts: Option<PathBuf>,
    /// How long the work of a replica that ended without a word stands still before others take it over. Only where
    /// REDIS_URL names the Redis by which replicas share the work.
    #[arg(
        long,
        env = "CAMPAIGNS_LEASE_SECONDS",
        default_value_t = 10,
        value_parser = clap::value_parser!(u64).range(1..=60)
    )]
    pub(crate) lease_seconds: u64,
    /// How often work is looked for that no wake-up has told of. Wake-ups may be lost, so that this is how long work waits
    /// at most where they are, and an event that somebody watches five times as long.
    #[arg(
        long,
        env = "CAMPAIGNS_POLL_SECONDS",
        default_value_t = 1,
        value_name = "SECONDS",
        value_parser = clap::value_parser!(u64).range(1..=86_400)
    )]
    pub(crate) poll_seconds: u64,
    /// How often GitHub is asked where the App is installed. Webhooks tell of it at once; where they are lost or not taken,
    /// this is how long it takes until an organisation that has the App again goes on.
    #[arg(
        long,
        env = "CAMPAIGNS_INSTALLATIONS_SECONDS",
        default_value_t = 300,
        value_name = "SECONDS",
        value_parser = clap::value_parser!(u64).range(1..=86_400)
    )]
    pub(crate) installations_seconds: u64,
    /// Run no steps: every attempt takes this long and changes nothing. For load tests of everything else.
    #[arg(long, hide = true, value_name = "MILLISECONDS")]
    pub(crate) null_executor: Option<u64>,
    /// A file with the secret that GitHub signs webhooks with, taken at /webhooks/github; several, one to a line,
    /// while one replaces another. Otherwise CAMPAIGNS_WEBHOOK_SECRET; without either no webhooks are taken.
    #[arg(long, value_hint = ValueHint::FilePath)]
    pub(crate) webhook_secret_file: Option<PathBuf>,
    /// Stop when standard input ends, which is when whoever started this has ended, however it did.
    #[arg(long, hide = true)]
    pub(crate) end_with_stdin: bool,
    #[command(flatten)]
    pub(crate) github: Github,
    #[command(flatten)]
    pub(crate) steps: Steps,
    #[command(flatten)]
    pub(crate) limits: Limits,
}
