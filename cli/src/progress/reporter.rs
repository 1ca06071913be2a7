//! What is shown while a run goes on: two bars under scrolling lines on a terminal, lines alone elsewhere.
//!
//! Everything goes to standard error, so that standard output stays data. Deliberately absent: reading events.

use super::line;
use crate::{
    commands::installations::paused,
    output::{self, Paint},
};
use campaigns_wire::{Event, OrganizationPause, Run};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::{io::IsTerminal as _, time::Duration};

/// Shows a run's progress.
pub(crate) struct Reporter {
    paint: Paint,
    bars: Option<Bars>,
    said_waiting: bool,
    /// The organisations that were said to be paused, and for what.
    paused: Vec<(String, String)>,
}

struct Bars {
    all: MultiProgress,
    targets: ProgressBar,
    pulls: ProgressBar,
}

impl Reporter {
    /// Bars where standard error is a terminal, lines otherwise.
    pub(crate) fn new() -> Self {
        let bars = std::io::stderr().is_terminal().then(Bars::new);
        Self { paint: Paint::for_stderr(), bars, said_waiting: false, paused: vec![] }
    }

    /// Says something between the lines.
    pub(crate) fn say(&self, text: &str) {
        match &self.bars {
            // Drawing may fail where the terminal has gone away; then nobody reads it either.
            Some(bars) => drop(bars.all.println(text)),
            None => output::note(text),
        }
    }

    pub(super) fn event(&mut self, event: &Event) {
        self.said_waiting = false;
        if let Some(line) = line::of(event, self.paint) {
            self.say(&line);
        }
    }

    /// Says which organisations have paused, and which go on.
    pub(super) fn paused(&mut self, pauses: &[OrganizationPause]) {
        let key = |pause: &OrganizationPause| (pause.organization.clone(), pause.cause.clone());
        for pause in pauses.iter().filter(|pause| !self.paused.contains(&key(pause))) {
            self.say(&self.paint.red(&paused(pause)));
        }
        for (organization, _) in &self.paused {
            if pauses.iter().all(|pause| pause.organization != *organization) {
                self.say(&format!("{organization} goes on"));
            }
        }
        self.paused = pauses.iter().map(key).collect();
    }

    pub(super) fn totals(&mut self, run: &Run) {
        let Some(bars) = &self.bars else { return };
        let count = |state: &str| run.totals.by_state.get(state).copied().unwrap_or_default();
        let waiting = count("selected") + count("queued") + count("executing");
        let all = run.totals.targets - count("skipped");
        bars.targets.set_length(all);
        bars.targets.set_position(all - waiting.min(all));
        let paused = run.paused_by.as_ref().map(|by| format!("paused by {by}, ")).unwrap_or_default();
        let message = format!("{paused}{} executing, {} failed", count("executing"), count("failed"));
        bars.targets.set_message(message);
        let changesets: u64 = run.totals.changesets.values().sum();
        let of = |state: &str| run.totals.changesets.get(state).copied().unwrap_or_default();
        let sent = changesets - of("scheduled") - of("publishing");
        bars.pulls.set_length(changesets);
        bars.pulls.set_position(sent);
        bars.pulls
            .set_message(format!("{} open", of("open") + of("draft") + of("conflicted") + of("merged")));
    }

    pub(super) fn waiting_for_server(&mut self) {
        if !self.said_waiting {
            self.say("the server does not answer; waiting for it to come back");
            self.said_waiting = true;
        }
    }

    pub(super) fn finish(&mut self, run: &Run) {
        self.totals(run);
        self.leave();
    }

    /// Takes the bars away.
    fn leave(&mut self) {
        if let Some(bars) = self.bars.take() {
            bars.targets.finish_and_clear();
            bars.pulls.finish_and_clear();
        }
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        self.leave();
    }
}

impl Bars {
    fn new() -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(12));
        let bar = |name: &'static str| {
            let bar = all.add(ProgressBar::new(0));
            let style = "{prefix:>14} {bar:32.green/238} {pos}/{len}  {msg:.dim}  {elapsed:.dim}";
            if let Ok(style) = ProgressStyle::with_template(style) {
                bar.set_style(style.progress_chars("━━╌"));
            }
            bar.set_prefix(name);
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        };
        Self { targets: bar("targets"), pulls: bar("pull requests"), all: all.clone() }
    }
}
