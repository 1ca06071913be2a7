//! Why a changeset stands where it stands, in words for people.
//!
//! Deliberately absent: when it goes on, which only the limits know.

use super::{ChangesetState as State, Errand};

impl State {
    /// Why it stands there: the recorded reason, or what it waits for, or nothing where the state says it all; where
    /// nothing is left to send, also what GitHub did not allow beside the content. `paused` says who or what holds its
    /// run or campaign, as [`crate::execution::run::paused`] does.
    pub fn why(self, reason: &str, paused: Option<&str>, notes: &[String]) -> String {
        let or = |words: &str| if reason.is_empty() { words.to_owned() } else { reason.to_owned() };
        match (self, paused) {
            (Self::Scheduled | Self::Publishing, Some(paused)) => paused.to_owned(),
            (Self::Unpublished, _) => or("kept back until somebody publishes it"),
            (Self::Scheduled, _) if reason.is_empty() => "waits for its turn".to_owned(),
            (Self::Scheduled, _) => format!("waits for another turn: {reason}"),
            (Self::Publishing, _) => or("is being sent"),
            _ => {
                let all = std::iter::once(reason).chain(notes.iter().map(String::as_str));
                all.filter(|words| !words.is_empty()).collect::<Vec<_>>().join("; ")
            }
        }
    }

    /// What is said besides, after [`State::why`]: of an open pull request's base (`base` is what was last said of it),
    /// of what is on its way for it, and of a pause of the changeset's own.
    pub fn besides(self, base: Option<&str>, errand: &Errand) -> Vec<String> {
        let paused = errand.pause();
        if !self.is_open() {
            // Of one that is to be sent, `why` says it.
            let waits = matches!(self, Self::Scheduled | Self::Publishing);
            return paused.filter(|_| !waits).into_iter().collect();
        }
        let redo = errand.redo.map(|_| "it is being carried out again on the base as it is now".to_owned());
        let merge = errand.merge.as_ref().map(|merge| merge.stands.words());
        base.map(str::to_owned).into_iter().chain(redo).chain(merge).chain(paused).collect()
    }

    /// Whether it goes no further before a person has decided something.
    pub fn needs_a_person(self) -> bool {
        matches!(self, Self::HandedOver | Self::Blocked)
    }
}
