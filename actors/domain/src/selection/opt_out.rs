//! A repository that wants no campaigns, or not this one: by a file on its default branch, by a label that it has, or by
//! one of its topics.
//!
//! Deliberately absent: what is done about it where something is proposed already (`perform` and `reconcile`).

use crate::spec::keeps_out;

/// The file that says so.
pub const OPT_OUT_FILE: &str = ".github/campaigns.yml";

/// The label that says so, in the repository's list of labels or on a pull request.
pub const OPT_OUT_LABEL: &str = "campaigns:opt-out";

/// The topic that says so.
pub const OPT_OUT_TOPIC: &str = "campaigns-opt-out";

/// What a repository says about campaigns.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OptOut {
    /// The file's text; none where there is no such file.
    pub file: Option<String>,
    /// Whether the repository has the label.
    pub label: bool,
    /// Whether the repository has the topic.
    pub topic: bool,
}

impl OptOut {
    /// Why the campaign of this name is not wanted there, for people; none where nothing keeps it out.
    pub fn reason(&self, campaign: &str) -> Option<String> {
        if self.label {
            return Some(format!("the repository opts out by its label `{OPT_OUT_LABEL}`"));
        }
        if self.topic {
            return Some(format!("the repository opts out by its topic `{OPT_OUT_TOPIC}`"));
        }
        let kept_out = self.file.as_ref().is_some_and(|file| keeps_out(file, campaign));
        kept_out.then(|| format!("the repository opts out by its `{OPT_OUT_FILE}`"))
    }
}

/// Whether one of a pull request's labels is the one that opts out.
pub fn opts_out(labels: &[String]) -> bool {
    labels.iter().any(|label| label.eq_ignore_ascii_case(OPT_OUT_LABEL))
}
