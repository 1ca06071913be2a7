//! What we put to GitHub, as far as it tells a human's hand from ours: words, readiness, and the base that our head
//! holds.
//!
//! Deliberately absent: what is wanted next (`Proposal`), and reading GitHub.

use super::{Changeset, OwnersAsked, Worn};
use crate::id::{CommitSha, Digest};
use serde::{Deserialize, Serialize};

/// A pull request's words. The text counts by its digest, line ends and blanks at its end aside: GitHub's page sends
/// `\r\n`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words {
    /// The title.
    pub title: String,
    /// The text's digest.
    pub body: Digest,
}

impl Words {
    /// The words as they are written or read.
    pub fn new(title: &str, body: &str) -> Self {
        let plain = body.replace("\r\n", "\n");
        Self { title: title.trim().to_owned(), body: Digest::of(plain.trim_end().as_bytes()) }
    }
}

/// What we put to GitHub.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Shown {
    /// Words of ours that the pull request may have: those recorded last, and those on their way since.
    pub words: Vec<Words>,
    /// Whether it was ready for review when that was recorded last; back to a draft only a human takes it.
    pub ready: bool,
    /// The base that our head holds.
    pub base: Option<CommitSha>,
    /// What we have put on it, ever: what a person takes off since then stays off.
    #[serde(skip_serializing_if = "Worn::is_empty")]
    pub worn: Worn,
    /// What of that which it is to wear GitHub does not allow, for people.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What came of asking code owners the last time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owners: Option<OwnersAsked>,
}

impl Changeset {
    /// The words that the pull request is wanted to have.
    pub fn words(&self) -> Words {
        Words::new(&self.wanted.title, &self.wanted.body)
    }

    /// The words of the current proposal are about to be sent.
    pub(super) fn sends_words(&mut self) {
        let words = self.words();
        if !self.is_on_errand() && !self.shown.words.contains(&words) {
            self.shown.words.push(words);
        }
    }
}
