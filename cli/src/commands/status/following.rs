//! What is known of an open pull request in a few words: checks, review, what stands in the way of a merge, and when it
//! is read the next time.
//!
//! Deliberately absent: pull requests that have ended, of which the state says it all.

use campaigns_wire::{Changeset, ChangesetState, Checks, MergeState, Mergeability, Review};
use chrono::{DateTime, Utc};

/// The words; empty where there is nothing to say.
pub(super) fn seen(changeset: &Changeset, now: DateTime<Utc>) -> String {
    let followed = !matches!(changeset.state, ChangesetState::Merged | ChangesetState::Closed);
    let Some(seen) = changeset.seen.as_ref().filter(|_| followed) else { return String::new() };
    let mut words = vec![];
    words.push(match seen.checks {
        Checks::None => "no checks".to_owned(),
        checks => format!("checks {checks}"),
    });
    words.push(match seen.review {
        Review::None => String::new(),
        Review::Required => "review required".to_owned(),
        Review::Approved => "approved".to_owned(),
        Review::ChangesRequested => "changes requested".to_owned(),
    });
    words.push(match (seen.mergeability, seen.merge_state) {
        (Mergeability::Conflicting, _) => "conflict".to_owned(),
        (_, MergeState::Behind) => "behind its base".to_owned(),
        (_, MergeState::Blocked) => "not mergeable yet".to_owned(),
        (Mergeability::Unknown, _) => String::new(),
        (Mergeability::Mergeable, _) => "mergeable".to_owned(),
    });
    words.push(match (&seen.queue, &seen.auto_merge) {
        (Some(queue), _) => {
            let place = seen.queue_position.map(|place| format!("place {place}, ")).unwrap_or_default();
            format!("in the queue ({place}{})", queue.to_string().replace('_', " "))
        }
        (None, Some(_)) => "merges by itself".to_owned(),
        (None, None) => String::new(),
    });
    words.push(changeset.next_read_at.map(|at| next(at, now)).unwrap_or_default());
    words.retain(|word| !word.is_empty());
    words.join(", ")
}

/// When it is read the next time.
fn next(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    match (at - now).num_seconds() {
        ..=5 => "is read now".to_owned(),
        seconds @ ..=119 => format!("next read in {seconds} s"),
        seconds @ ..=7_199 => format!("next read in {} min", seconds / 60),
        seconds => format!("next read in {} h", seconds / 3_600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    #[test]
    fn times_are_told_in_the_unit_that_suits_them() {
        let now = Utc::now();
        for (seconds, words) in [
            (-70, "is read now"),
            (3, "is read now"),
            (60, "next read in 60 s"),
            (600, "next read in 10 min"),
            (7_300, "next read in 2 h"),
            (86_400, "next read in 24 h"),
        ] {
            assert_eq!(next(now + TimeDelta::seconds(seconds), now), words);
        }
    }
}
