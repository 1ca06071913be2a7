//! Where targets and changesets stand, a line each: what needs a person first, what is done last.
//!
//! A line fits a terminal of 100 columns; into a pipe it is written whole. Deliberately absent: reading them.

use super::{following, one_line};
use crate::output::{Cell, Paint, Table};
use campaigns_wire::{Changeset, ChangesetState, PullRequest, Target, TargetState};
use chrono::Utc;
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    io::IsTerminal as _,
};
use uuid::Uuid;

/// How wide a line may be on a terminal.
const WIDTH: usize = 100;
/// How wide a repository's name may be there.
const NAME: usize = 40;

/// Where one of them stands: by its changeset, where there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Target(TargetState),
    Changeset(ChangesetState),
}

impl State {
    fn as_str(self) -> &'static str {
        match self {
            Self::Target(state) => state.as_str(),
            Self::Changeset(state) => state.as_str(),
        }
    }

    /// What comes first.
    fn rank(self) -> usize {
        use {ChangesetState as C, TargetState as T};
        let order = [
            Self::Target(T::Failed),
            Self::Changeset(C::Blocked),
            Self::Changeset(C::HandedOver),
            Self::Changeset(C::Conflicted),
            Self::Changeset(C::Publishing),
            Self::Changeset(C::Scheduled),
            Self::Target(T::Executing),
            Self::Target(T::Queued),
            Self::Target(T::Selected),
            Self::Target(T::Changed),
            Self::Changeset(C::Unpublished),
            Self::Changeset(C::Draft),
            Self::Changeset(C::Open),
            Self::Changeset(C::Closed),
            Self::Changeset(C::Merged),
            Self::Target(T::Unchanged),
            Self::Target(T::Cancelled),
        ];
        order.iter().position(|other| *other == self).unwrap_or(order.len())
    }

    fn paint(self, paint: Paint, text: &str) -> String {
        match self {
            Self::Target(state) => target_colour(paint, state, text),
            Self::Changeset(state) => changeset_colour(paint, state, text),
        }
    }
}

/// One line.
struct Standing {
    state: State,
    repository: String,
    pull_request: Option<PullRequest>,
    why: String,
    target: Option<Uuid>,
    changeset: Option<Uuid>,
}

/// All of them, in order.
pub(super) struct Standings(Vec<Standing>);

impl Standings {
    /// Targets with their changesets, and changesets without a target among these, in one of these states (none is
    /// all).
    pub(super) fn of(targets: &[Target], changesets: &[Changeset], states: &[String]) -> Self {
        let by_target: HashMap<Uuid, &Changeset> =
            changesets.iter().map(|each| (each.target_id, each)).collect();
        let mut all = vec![];
        let mut shown = HashSet::new();
        for target in targets {
            all.push(match by_target.get(&target.id) {
                Some(changeset) => {
                    shown.insert(changeset.id);
                    Standing { target: Some(target.id), ..of_changeset(changeset) }
                }
                None => Standing {
                    state: State::Target(target.state),
                    repository: target.repository.clone(),
                    pull_request: None,
                    why: one_line(&target.why),
                    target: Some(target.id),
                    changeset: None,
                },
            });
        }
        all.extend(changesets.iter().filter(|each| !shown.contains(&each.id)).map(of_changeset));
        all.retain(|each| states.is_empty() || states.iter().any(|state| state == each.state.as_str()));
        all.sort_by(|one, other| {
            (one.state.rank(), &one.repository).cmp(&(other.state.rank(), &other.repository))
        });
        Self(all)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many stand where.
    pub(super) fn summary(&self) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for each in &self.0 {
            *counts.entry(each.state.as_str().to_owned()).or_default() += 1;
        }
        counts
    }

    /// The ids of what is shown.
    pub(super) fn shown(&self) -> (HashSet<Uuid>, HashSet<Uuid>) {
        let targets = self.0.iter().filter_map(|each| each.target);
        (targets.collect(), self.0.iter().filter_map(|each| each.changeset).collect())
    }

    /// The same as a line, in the order of the table.
    pub(super) fn line(&self, paint: Paint) -> String {
        let mut counts: Vec<(State, usize)> = vec![];
        for each in &self.0 {
            match counts.last_mut() {
                Some((state, count)) if *state == each.state => *count += 1,
                _ => counts.push((each.state, 1)),
            }
        }
        let words = |(state, count): &(State, usize)| {
            state.paint(paint, &format!("{count} {}", state.as_str().replace('_', " ")))
        };
        counts.iter().map(words).collect::<Vec<_>>().join(" · ")
    }

    /// A line each.
    pub(super) fn table(&self) -> String {
        let terminal = std::io::stdout().is_terminal();
        render(&self.0, if terminal { Paint::for_stdout() } else { Paint::plain() }, terminal)
    }
}

/// Where changesets stand.
pub(crate) fn changesets(changesets: &[Changeset]) -> String {
    Standings::of(&[], changesets, &[]).table()
}

/// A changeset's state as it is shown everywhere.
pub(crate) fn changeset_state(state: ChangesetState, paint: Paint) -> Cell {
    Cell::painted(state.as_str(), |text| changeset_colour(paint, state, text))
}

fn of_changeset(changeset: &Changeset) -> Standing {
    let mut why = vec![one_line(&changeset.why), following::seen(changeset, Utc::now())];
    why.retain(|words| !words.is_empty());
    Standing {
        state: State::Changeset(changeset.state),
        repository: changeset.repository.clone(),
        pull_request: changeset.pull_request.clone(),
        why: why.join(", "),
        target: None,
        changeset: Some(changeset.id),
    }
}

/// On a terminal a pull request is its number, which leads to its page; into a pipe it is its address.
fn render(standings: &[Standing], paint: Paint, terminal: bool) -> String {
    let link = |each: &Standing| match &each.pull_request {
        None => Cell::plain(""),
        Some(pull) if terminal => {
            let number = format!("#{}", pull.number);
            Cell::painted(&number, |text| paint.link(&pull.url, &paint.cyan(text)))
        }
        Some(pull) => Cell::painted(&pull.url, |text| paint.cyan(text)),
    };
    let widest = |of: &dyn Fn(&Standing) -> usize| standings.iter().map(of).max().unwrap_or_default();
    let name =
        |each: &Standing| each.repository.chars().count().min(if terminal { NAME } else { usize::MAX });
    let number =
        |each: &Standing| each.pull_request.as_ref().map_or(0, |pull| pull.number.to_string().len() + 1);
    let taken = widest(&|each| each.state.as_str().len()) + widest(&name) + widest(&number) + 6;
    let left = if terminal { WIDTH.saturating_sub(taken) } else { usize::MAX };
    let mut table = Table::default();
    for each in standings {
        table.row([
            Cell::painted(each.state.as_str(), |text| each.state.paint(paint, text)),
            Cell::plain(shortened(&each.repository, if terminal { NAME } else { usize::MAX })),
            link(each),
            Cell::painted(&shortened(&each.why, left), |text| paint.dim(text)),
        ]);
    }
    table.render()
}

/// A text that is at most so many characters wide.
fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(most.saturating_sub(1)).collect();
    short.push('…');
    short
}

fn target_colour(paint: Paint, state: TargetState, text: &str) -> String {
    match state {
        TargetState::Failed | TargetState::Cancelled => paint.red(text),
        TargetState::Changed => paint.green(text),
        TargetState::Unchanged | TargetState::Skipped => paint.dim(text),
        TargetState::Selected | TargetState::Queued | TargetState::Executing => paint.yellow(text),
    }
}

fn changeset_colour(paint: Paint, state: ChangesetState, text: &str) -> String {
    match state {
        ChangesetState::Open | ChangesetState::Draft => paint.green(text),
        ChangesetState::Merged => paint.magenta(text),
        ChangesetState::Conflicted
        | ChangesetState::Closed
        | ChangesetState::Blocked
        | ChangesetState::HandedOver => paint.red(text),
        ChangesetState::Unpublished => paint.dim(text),
        ChangesetState::Scheduled | ChangesetState::Publishing => paint.yellow(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(state: State, repository: &str, number: Option<u64>, why: &str) -> Standing {
        let url = |number| format!("https://github.example/{repository}/pull/{number}");
        let pull_request = number.map(|number| PullRequest { number, url: url(number) });
        let (repository, why) = (repository.to_owned(), why.to_owned());
        Standing { state, repository, pull_request, why, target: None, changeset: None }
    }

    #[test]
    fn every_state_has_its_place_and_a_person_is_needed_first() {
        let targets = TargetState::ALL.iter().map(|state| State::Target(*state));
        let changesets = ChangesetState::ALL.iter().map(|state| State::Changeset(*state));
        let mut all: Vec<_> = targets.chain(changesets).collect();
        all.sort_by_key(|state| state.rank());
        let first: Vec<_> = all.iter().take(3).map(|state| state.as_str()).collect();
        assert_eq!(first, ["failed", "blocked", "handed_over"]);
        assert_eq!(all.last().map(|state| state.as_str()), Some("skipped"));
        assert!(all.windows(2).all(|pair| pair[0].rank() < pair[1].rank()), "{all:?}");
    }

    #[test]
    fn lines_fit_a_terminal_and_are_whole_in_a_pipe() {
        let long = "the branch is protected: ".repeat(9);
        let name = format!("acme/{}", "very-".repeat(14));
        let rows = [
            standing(State::Changeset(ChangesetState::HandedOver), &name, Some(1234), &long),
            standing(State::Target(TargetState::Unchanged), "acme/api", None, "the steps changed nothing"),
        ];
        let shown = render(&rows, Paint::plain(), true);
        assert!(shown.lines().all(|line| line.chars().count() <= WIDTH), "{shown}");
        assert!(shown.contains("#1234  the branch") && shown.contains('…'), "{shown}");
        let piped = render(&rows, Paint::plain(), false);
        assert!(piped.contains(&name) && piped.contains("/pull/1234") && piped.contains(long.trim_end()));
    }
}
