//! `campaigns publish`, `ready`, `close`, `reopen`, `retry`, `merge`, `comment`, `rebase`, `rerun` and `takeover`, and
//! `pause`, `resume` and `cancel` of a selection: something that is asked of many changesets at once.
//!
//! What is covered is shown before anything is done, and on a terminal asked about. Deliberately absent: waiting until
//! every pull request is as asked, which may take days; `campaigns status` shows it.

use super::{status, steer::heard};
use crate::{
    Verdict,
    arguments::{AskWords, Connection, Output},
    connection,
    output::{self, Cell, Paint, Table},
};
use anyhow::{Context as _, Result, bail};
use campaigns_wire::{AskAction, AskChangesets, Asked, CommandState, MergeMethod, Selection};
use std::io::{BufRead as _, IsTerminal as _};

/// How many changesets are listed before a person is asked; the rest are counted.
const LISTED: usize = 20;

/// What is asked besides the selection.
pub(crate) struct Asking {
    pub(crate) action: AskAction,
    pub(crate) draft: bool,
    pub(crate) body: Option<String>,
    pub(crate) method: Option<MergeMethod>,
}

impl Asking {
    /// An ask without words of its own.
    pub(crate) fn plain(action: AskAction) -> Self {
        Self { action, draft: false, body: None, method: None }
    }
}

/// Shows what is covered, and asks it.
pub(crate) async fn run(
    words: AskWords,
    asking: Asking,
    connection: &Connection,
    form: Output,
) -> Result<Verdict> {
    let client = connection::client(connection)?;
    let name = words.campaign.as_str();
    let selection = Selection { repositories: words.only, states: words.state, labels: words.label };
    let Asking { action, draft, body, method } = asking;
    let mut request = AskChangesets { action, draft, body, method, selection, preview: true };
    let preview = client.ask(name, &request).await?;
    if words.dry_run {
        match form {
            Output::Json => output::json(&preview)?,
            Output::Table => output::text(&table(&preview, usize::MAX))?,
        }
        if covers_nothing(&preview) && preview.left_out.is_empty() {
            output::note(&empty(action, name));
        }
        return Ok(Verdict::Well);
    }
    if covers_nothing(&preview) {
        return nothing(action, name, &preview, form);
    }
    if !words.yes {
        let terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        if !terminal {
            bail!(
                "{} is about to be asked of {name}, and there is no terminal to ask back on: say --yes, or --dry-run to \
                 see what it covers",
                word(action)
            );
        }
        output::remark(&table(&preview, LISTED));
        if !agreed(&question(action, draft, name, &preview))? {
            output::note("nothing was done");
            return Ok(Verdict::Stopped);
        }
    }
    request.preview = false;
    let mut asked = client.ask(name, &request).await?;
    if let (false, Some(command)) = (words.no_wait, asked.command.take()) {
        asked.command = Some(heard(&client, command).await?);
    }
    match form {
        Output::Json => output::json(&asked)?,
        Output::Table => output::note(&outcome(action, name, &asked)),
    }
    Ok(Verdict::Well)
}

/// Nothing is covered. Where nothing was selected, there was nothing to do, as for whoever asks each night for what is
/// ready by then; where something was, all of it is refused.
fn nothing(action: AskAction, name: &str, asked: &Asked, form: Output) -> Result<Verdict> {
    let selected: u32 = asked.left_out.iter().map(|left| left.count).sum();
    if selected > 0 {
        let reasons: Vec<String> =
            asked.left_out.iter().map(|left| format!("{} ({})", left.reason, left.count)).collect();
        bail!("there is nothing to {} in what is selected of {name}: {}", word(action), reasons.join("; "));
    }
    if form == Output::Json {
        output::json(asked)?;
    }
    output::note(&empty(action, name));
    Ok(Verdict::Well)
}

fn covers_nothing(asked: &Asked) -> bool {
    asked.covers == 0 && asked.targets == 0
}

fn empty(action: AskAction, name: &str) -> String {
    format!("there is nothing to {}: no changeset of {name} fits the selection", word(action))
}

fn word(action: AskAction) -> &'static str {
    match action {
        AskAction::Publish => "publish",
        AskAction::Ready => "ready",
        AskAction::Pause => "pause",
        AskAction::Resume => "resume",
        AskAction::Cancel => "cancel",
        AskAction::Close => "close",
        AskAction::Reopen => "reopen",
        AskAction::Retry => "retry",
        AskAction::Merge => "merge",
        AskAction::Comment => "comment",
        AskAction::Rebase => "rebase",
        AskAction::Rerun => "rerun",
        AskAction::Takeover => "takeover",
    }
}

/// What is covered, a line each, and what is left as it is.
fn table(asked: &Asked, most: usize) -> String {
    let paint = Paint::for_stdout();
    let mut table = Table::default();
    for covered in asked.changesets.iter().take(most) {
        let link = covered.pull_request.as_ref().map(|pull| pull.url.as_str()).unwrap_or_default();
        table.row([
            status::changeset_state(covered.state, paint),
            Cell::plain(&covered.repository),
            Cell::painted(link, |text| paint.cyan(text)),
        ]);
    }
    let left = most.saturating_sub(asked.changesets.len());
    for repository in asked.retried.iter().take(left) {
        table.row([
            Cell::painted("failed", |text| paint.red(text)),
            Cell::plain(repository),
            Cell::plain("its steps are run again"),
        ]);
    }
    let mut text = table.render();
    let all = u64::from(asked.covers) + u64::from(asked.targets);
    let shown = u64::try_from(text.lines().count()).unwrap_or(u64::MAX);
    if all > shown {
        text.push_str(&paint.dim(&format!("… and {} more", all - shown)));
        text.push('\n');
    }
    for left in &asked.left_out {
        let words =
            format!("left as it is: {} {}: {}", left.count, noun(left.count, "changeset"), left.reason);
        text.push_str(&paint.dim(&words));
        text.push('\n');
    }
    text
}

fn noun(count: u32, one: &str) -> String {
    if count == 1 { one.to_owned() } else { format!("{one}s") }
}

/// What is covered, in words: `12 changesets`, `3 failed targets`, or both.
fn covered(asked: &Asked) -> String {
    let changesets = format!("{} {}", asked.covers, noun(asked.covers, "changeset"));
    let targets = format!("{} failed {}", asked.targets, noun(asked.targets, "target"));
    match (asked.covers, asked.targets) {
        (_, 0) => changesets,
        (0, _) => targets,
        _ => format!("{changesets} and {targets}"),
    }
}

fn question(action: AskAction, draft: bool, name: &str, asked: &Asked) -> String {
    let covered = covered(asked);
    let what = match action {
        AskAction::Publish if draft => format!("Open {covered} of {name} as drafts"),
        AskAction::Publish => format!("Open pull requests for {covered} of {name}"),
        AskAction::Ready => format!("Mark {covered} of {name} ready for review"),
        AskAction::Pause => format!("Pause {covered} of {name}"),
        AskAction::Resume => format!("Let {covered} of {name} go on"),
        AskAction::Cancel => format!("Take {covered} of {name} back, so that there is no pull request"),
        AskAction::Close => format!("Close {covered} of {name} and delete their branches"),
        AskAction::Reopen => format!("Reopen {covered} of {name}"),
        AskAction::Retry => format!("Try {covered} of {name} again"),
        AskAction::Merge => format!("Have {covered} of {name} merged by the rules of their branches"),
        AskAction::Comment => format!("Comment on {covered} of {name}"),
        AskAction::Rebase => format!("Carry {covered} of {name} out again on the base as it is now"),
        AskAction::Rerun => format!("Have the failed checks of {covered} of {name} run again"),
        AskAction::Takeover => format!("Take {covered} of {name} over: what people did there is then ours"),
    };
    match &asked.paused_by {
        Some(_) if action == AskAction::Pause => format!("{what}?"),
        Some(by) => format!("{what}? It is paused by {by} and goes out when it is resumed."),
        None => format!("{what}?"),
    }
}

fn outcome(action: AskAction, name: &str, asked: &Asked) -> String {
    let paint = Paint::for_stderr();
    let done = asked.command.as_ref().is_none_or(|command| command.state == CommandState::Done);
    let heard = if done { paint.green("taken up") } else { paint.yellow("recorded") };
    let mut text = format!("{} for {} of {name}: {heard}", word(action), covered(asked));
    if let Some(by) = asked.paused_by.as_ref().filter(|_| action != AskAction::Pause) {
        text.push_str(&format!(
            "; it is paused by {by}, and goes out when `campaigns resume {name}` lets it"
        ));
    } else {
        text.push_str(&format!("; `campaigns status {name}` shows what comes of it"));
    }
    if let Some(run) = asked.run_id {
        text.push_str(&format!("; `campaigns watch {run}` follows the targets that are run again"));
    }
    text
}

fn agreed(question: &str) -> Result<bool> {
    output::remark(&format!("{question} [y/N] "));
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).context("the answer could not be read")?;
    Ok(matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}
