//! `campaigns pause`, `resume` and `cancel`: of a campaign, of one run by its id, or of a selection of changesets, which
//! is asked of them as anything else is (`ask`).
//!
//! Deliberately absent: asking back where all of it is meant. Pausing and resuming undo each other, and `cancel` leaves
//! every pull request as it is.

use super::ask::{self, Asking};
use crate::{
    Verdict,
    arguments::{Connection, Output, Steer},
    client::Client,
    connection,
    output::{self, Paint},
};
use anyhow::{Result, bail};
use campaigns_wire::{AskAction, Command, CommandState};
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

/// How often it is asked whether every owner has heard of it.
const PERIOD: Duration = Duration::from_millis(100);
/// How long that is waited for.
const LONGEST: Duration = Duration::from_secs(30);

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Pause,
    Resume,
    Cancel,
}

impl Verb {
    fn action(self) -> AskAction {
        match self {
            Self::Pause => AskAction::Pause,
            Self::Resume => AskAction::Resume,
            Self::Cancel => AskAction::Cancel,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Cancel => "cancel",
        }
    }

    /// What has come of it, and what to do next.
    fn done(self, name: &str) -> String {
        match self {
            Self::Pause => format!(
                "{name} is paused: what was sent already finishes, nothing more begins; `campaigns resume {name}` lets it go on"
            ),
            Self::Resume => format!("{name} goes on; `campaigns watch {name}` follows it"),
            Self::Cancel => format!(
                "{name} is cancelled: pull requests that are open stay as they are; `campaigns status {name}` shows them"
            ),
        }
    }
}

/// Asks for it, and waits until every owner has heard of it.
pub(crate) async fn run(
    arguments: Steer,
    verb: Verb,
    connection: &Connection,
    form: Output,
) -> Result<Verdict> {
    let name = arguments.words.campaign.as_str();
    let kind = if name.parse::<Uuid>().is_ok() { "runs" } else { "campaigns" };
    if arguments.selects() {
        if kind == "runs" {
            bail!("{name} is a run: a selection is made in a campaign, so say the campaign's name");
        }
        return ask::run(arguments.words, Asking::plain(verb.action()), connection, form).await;
    }
    let client = connection::client(connection)?;
    let mut command = client.steer(&[kind, name], verb.word()).await?;
    if !arguments.words.no_wait {
        command = heard(&client, command).await?;
    }
    match form {
        Output::Json => output::json(&command)?,
        Output::Table if command.state == CommandState::Done => output::note(&verb.done(name)),
        Output::Table => {
            let paint = Paint::for_stderr();
            let word = paint.yellow("recorded");
            output::note(&format!(
                "{word}: {} of {} runs have not heard of it yet",
                command.left, command.covers
            ));
        }
    }
    Ok(Verdict::Well)
}

/// The command once every owner has acted on it, or as it stands after a while.
pub(crate) async fn heard(client: &Client, mut command: Command) -> Result<Command> {
    let deadline = Instant::now() + LONGEST;
    while command.state != CommandState::Done && Instant::now() < deadline {
        tokio::time::sleep(PERIOD).await;
        command = client.command(command.id).await?;
    }
    Ok(command)
}
