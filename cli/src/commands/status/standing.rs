//! Where targets and changesets stand, a line each: what needs a person first, what is done last.
//!
//! A line fits the terminal; into a pipe it is written whole. What was left out for one reason is one line once it is many.
//! Deliberately absent: reading them.

use super::{following, one_line};
use crate::output::{self, Cell, Paint, Table};
use campaigns_wire::{Changeset, ChangesetState, PullRequest, Target, TargetState};
use chrono::Utc;
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    io::IsTerminal as _,
};
use uuid::Uuid;

/// How wide a repository's name may be on a terminal, where that has room.
const NAME: usize = 40;
/// So many repositories that were left out for one reason have a line each; more have one together.
const APART: usize = 3;

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
#[derive(Debug, Clone)]
struct Standing {
    state: State,
    repository: String,
    pull_request: Option<PullRequest>,
    why: String,
    target: Option<Uuid>,
    changeset: Option<Uuid>,
    /// Whether it was left out as the spec has it, which nobody has to look at one by one.
    left_out: bool,
}

/// All of them, in order.
pub(super) struct Standings {
    all: Vec<Standing>,
    /// Whether they were asked for by their state, so that each is wanted.
    apart: bool,
}

impl Standings {
    /// Targets with their changesets, and changesets without a target among these, in one of these states (none is
    /// all).
    pub(super) fn of(targets: &[Target], changesets: &[Changeset], states: &[String]) -> Self {
        let by_target: HashMap<Uuid, &Changeset> =
            changesets.iter().map(|each| (each.target_id, each)).collect();
        // Where an earlier run's was merged there is nothing left to change: that is one thing, and one line.
        let merged: HashMap<(&str, &str), &Changeset> = changesets
            .iter()
            .filter(|each| each.state == ChangesetState::Merged)
            .map(|each| ((each.repository.as_str(), each.base_branch.as_str()), each))
            .collect();
        let known = |target: &Target| {
            let over = target.state == TargetState::Unchanged && target.workspace.is_empty();
            let place = (target.repository.as_str(), target.branch.as_str());
            by_target.get(&target.id).or_else(|| merged.get(&place).filter(|_| over)).copied()
        };
        let mut all = vec![];
        let mut shown = HashSet::new();
        for target in targets {
            all.push(match known(target) {
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
                    left_out: target.state == TargetState::Skipped && !target.missing,
                },
            });
        }
        all.extend(changesets.iter().filter(|each| !shown.contains(&each.id)).map(of_changeset));
        all.retain(|each| states.is_empty() || states.iter().any(|state| state == each.state.as_str()));
        all.sort_by(|one, other| {
            (one.state.rank(), &one.repository).cmp(&(other.state.rank(), &other.repository))
        });
        Self { all, apart: !states.is_empty() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// How many stand where.
    pub(super) fn summary(&self) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for each in &self.all {
            *counts.entry(each.state.as_str().to_owned()).or_default() += 1;
        }
        counts
    }

    /// The ids of what is shown.
    pub(super) fn shown(&self) -> (HashSet<Uuid>, HashSet<Uuid>) {
        let targets = self.all.iter().filter_map(|each| each.target);
        (targets.collect(), self.all.iter().filter_map(|each| each.changeset).collect())
    }

    /// The same as a line, in the order of the table.
    pub(super) fn line(&self, paint: Paint) -> String {
        let mut counts: Vec<(State, usize)> = vec![];
        for each in &self.all {
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

    /// A line each, and whether some have one together.
    pub(super) fn table(&self) -> (String, bool) {
        let width = std::io::stdout().is_terminal().then(output::width);
        let paint = if width.is_some() { Paint::for_stdout() } else { Paint::plain() };
        let lines = if self.apart { self.all.clone() } else { together(&self.all) };
        (render(&lines, paint, width), lines.len() < self.all.len())
    }
}

/// Where changesets stand.
pub(crate) fn changesets(changesets: &[Changeset]) -> String {
    Standings::of(&[], changesets, &[]).table().0
}

/// Where many were left out for one reason, one line instead of theirs.
fn together(all: &[Standing]) -> Vec<Standing> {
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for each in all.iter().filter(|each| each.left_out) {
        *reasons.entry(&each.why).or_default() += 1;
    }
    reasons.retain(|_, count| *count > APART);
    let alone = |each: &&Standing| !each.left_out || !reasons.contains_key(each.why.as_str());
    let mut lines: Vec<Standing> = all.iter().filter(alone).cloned().collect();
    lines.extend(reasons.iter().map(|(why, count)| Standing {
        state: State::Target(TargetState::Skipped),
        repository: format!("{count} repositories"),
        pull_request: None,
        why: (*why).to_owned(),
        target: None,
        changeset: None,
        left_out: true,
    }));
    lines
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
        left_out: false,
    }
}

/// On a terminal, which is so wide, a pull request is its number, which leads to its page; into a pipe it is its address.
fn render(standings: &[Standing], paint: Paint, width: Option<usize>) -> String {
    let terminal = width.is_some();
    let longest = width.map_or(usize::MAX, |width| NAME.min(width / 2));
    let link = |each: &Standing| match &each.pull_request {
        None => Cell::plain(""),
        Some(pull) if terminal => {
            let number = format!("#{}", pull.number);
            Cell::painted(&number, |text| paint.link(&pull.url, &paint.cyan(text)))
        }
        Some(pull) => Cell::painted(&pull.url, |text| paint.cyan(text)),
    };
    let widest = |of: &dyn Fn(&Standing) -> usize| standings.iter().map(of).max().unwrap_or_default();
    let name = |each: &Standing| each.repository.chars().count().min(longest);
    let number =
        |each: &Standing| each.pull_request.as_ref().map_or(0, |pull| pull.number.to_string().len() + 1);
    let taken = widest(&|each| each.state.as_str().len()) + widest(&name) + widest(&number) + 6;
    let left = width.map_or(usize::MAX, |width| width.saturating_sub(taken));
    let mut table = Table::default();
    for each in standings {
        table.row([
            Cell::painted(each.state.as_str(), |text| each.state.paint(paint, text)),
            Cell::plain(shortened(&each.repository, longest)),
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
    if most == 0 {
        return String::new();
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
        let left_out = state == State::Target(TargetState::Skipped);
        Standing { state, repository, pull_request, why, target: None, changeset: None, left_out }
    }

    #[test]
    fn many_that_were_left_out_for_one_reason_are_one_line() {
        let skipped = |name: &str, why| standing(State::Target(TargetState::Skipped), name, None, why);
        let mut all = vec![standing(State::Changeset(ChangesetState::Open), "acme/api", Some(7), "approved")];
        all.extend(
            (0..490).map(|n| skipped(&format!("acme/r{n}"), "left out: no `include` of `acme` matches it")),
        );
        all.extend((0..3).map(|n| skipped(&format!("acme/old-{n}"), "left out: it is archived")));
        let ghost = skipped("acme/ghost", "left out: no `include` of `acme` matches it");
        all.push(Standing { left_out: false, ..ghost });
        let shown = render(&together(&all), Paint::plain(), Some(80));
        assert_eq!(
            shown,
            "open     acme/api          #7  approved\n\
             skipped  acme/old-0            left out: it is archived\n\
             skipped  acme/old-1            left out: it is archived\n\
             skipped  acme/old-2            left out: it is archived\n\
             skipped  acme/ghost            left out: no `include` of `acme` matches it\n\
             skipped  490 repositories      left out: no `include` of `acme` matches it\n"
        );
        let apart = Standings { all: all.clone(), apart: true }.table();
        assert_eq!((apart.0.lines().count(), apart.1), (all.len(), false));
        assert!(Standings { all, apart: false }.table().1);
    }

    #[test]
    fn what_was_merged_and_has_nothing_left_to_change_is_one_line() {
        let id = |nth: u128| Uuid::from_u128(nth);
        let target = |nth: u128, name: &str| Target {
            id: id(nth),
            run_id: id(9),
            campaign_id: id(8),
            repository: name.to_owned(),
            branch: "main".to_owned(),
            workspace: String::new(),
            base: String::new(),
            state: TargetState::Unchanged,
            reason: String::new(),
            why: String::new(),
            missing: false,
            attempt: 1,
        };
        let merged: Changeset = serde_json::from_value(serde_json::json!({
            "id": id(7), "campaign_id": id(8), "run_id": id(6), "target_id": id(5), "repository": "acme/api",
            "base_branch": "main", "head_branch": "campaigns/x", "state": "merged", "reason": "", "why": "", "title": "X",
            "generation": 1, "updated_at": "2026-01-02T03:04:05Z"
        }))
        .unwrap();
        let all = Standings::of(&[target(1, "acme/api"), target(2, "acme/web")], &[merged], &[]);
        let lines: Vec<_> =
            all.all.iter().map(|each| (each.state.as_str(), each.repository.as_str())).collect();
        assert_eq!(lines, [("merged", "acme/api"), ("unchanged", "acme/web")]);
        assert_eq!(all.shown(), (HashSet::from([id(1), id(2)]), HashSet::from([id(7)])));
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
        for width in [40, 60, 80, 100, 200] {
            let shown = render(&rows, Paint::plain(), Some(width));
            assert!(shown.lines().all(|line| line.chars().count() <= width), "{width}: {shown}");
            assert!(shown.contains("#1234") && shown.contains('…'), "{width}: {shown}");
        }
        let piped = render(&rows, Paint::plain(), None);
        assert!(piped.contains(&name) && piped.contains("/pull/1234") && piped.contains(long.trim_end()));
    }
}
