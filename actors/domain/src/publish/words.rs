//! The words of a changeset: title, text, branch and commit message, rendered for one target.
//!
//! Under the author's text stands where the pull request comes from, and a hidden marker that names its changeset.
//! Deliberately absent: checking templates (done when the spec was read).

use super::neutral::{neutral, one_line};
use crate::{
    changeset::{Place, Proposal},
    execution::{Manifest, run::RunOptions, target::Target},
    id::{ChangesetId, Digest},
    selection::{OPT_OUT_FILE, OPT_OUT_LABEL, OPT_OUT_TOPIC, why},
    spec::{Publication, Spec, Variable, render},
};

/// The longest title that GitHub takes, in characters.
const LONGEST_TITLE: usize = 256;

/// The longest text that GitHub takes, in characters ("body is too long (maximum is 65536 characters)").
const LONGEST_BODY: usize = 65_536;

/// Room for what closes an open comment and code fence.
const LONGEST_CLOSING: usize = 32;

const CUT: &str = "\n\n_The rest was cut off: GitHub takes at most 65,536 characters._";

/// What begins the marker in a comment; an id and ` -->` follow.
const EFFECT: &str = "<!-- campaigns:effect=";

/// A comment's hidden marker, by which it is found again, and its whole text.
pub fn comment(effect: uuid::Uuid, text: &str) -> (String, String) {
    let marker = format!("{EFFECT}{effect} -->");
    let text = closed(&unmarked(text.trim()));
    let room = LONGEST_BODY - marker.chars().count() - 2;
    let text: String = text.chars().take(room).collect();
    (marker.clone(), format!("{text}\n\n{marker}"))
}

/// What begins the marker in a pull request's text; the changeset's id and ` -->` follow.
const MARKER: &str = "<!-- campaigns:changeset=";

impl Proposal {
    /// What a target's result proposes: `spec`, whose digest is `version`, carried out with `options`, gave
    /// `manifest`. None where the spec has no `changesetTemplate`.
    pub fn new(
        spec: &Spec,
        version: &Digest,
        options: &RunOptions,
        target: &Target,
        manifest: &Manifest,
    ) -> Option<Self> {
        let template = spec.changeset_template.as_ref()?;
        let place = place(spec, target)?;
        let rendered = |text: &str| render(text, |variable| value(variable, spec, target).into());
        let publication = if options.dry_run { Publication::Unpublished } else { template.published };
        Some(Self {
            run: target.run,
            target: target.id,
            attempt: target.attempt,
            base: manifest.base.clone(),
            title: title(&rendered(&template.title), spec),
            body: body(
                &rendered(&template.body),
                &footer(spec, version, target, manifest, place.changeset()),
            ),
            message: rendered(&template.commit.message).trim().to_owned(),
            author: template.commit.author.clone(),
            publication,
            keep_branch: template.keep_branch,
            dress: template.dress.rendered(|variable| plain(variable, spec, target)),
            gated: spec.rollout.is_some(),
            auto_merge: template.auto_merge,
            made_by: None,
        })
    }
}

/// The branch that carries a target's commit; none where the spec has no `changesetTemplate`.
pub fn head_branch(spec: &Spec, target: &Target) -> Option<String> {
    spec.head_branch(&target.repository, &target.branch)
}

/// Where a target's changeset belongs; none where the spec has no `changesetTemplate`.
pub fn place(spec: &Spec, target: &Target) -> Option<Place> {
    Some(Place {
        campaign: target.campaign,
        repository_id: target.repository_id,
        repository: target.repository.clone(),
        base_branch: target.branch.clone(),
        head_branch: head_branch(spec, target)?,
    })
}

impl Place {
    /// The id of the changeset that belongs here.
    pub fn changeset(&self) -> ChangesetId {
        ChangesetId::of(self.campaign, self.repository_id, &self.head_branch)
    }
}

/// A variable's value: the author's own words as they are, those of a repository without effect.
fn value(variable: Variable, spec: &Spec, target: &Target) -> String {
    match variable {
        Variable::RepositoryName => neutral(&target.repository.to_string()),
        Variable::RepositoryBranch => neutral(&target.branch),
        Variable::CampaignName => spec.name.clone(),
        Variable::CampaignDescription => spec.description.clone(),
    }
}

/// A variable's value as it is, for what GitHub acts on nothing in.
fn plain(variable: Variable, spec: &Spec, target: &Target) -> String {
    match variable {
        Variable::RepositoryName => target.repository.to_string(),
        Variable::RepositoryBranch => target.branch.clone(),
        Variable::CampaignName | Variable::CampaignDescription => value(variable, spec, target),
    }
}

/// One line of at most 256 characters, and never nothing.
fn title(rendered: &str, spec: &Spec) -> String {
    let line = one_line(rendered);
    if line.is_empty() {
        return spec.name.clone();
    }
    if line.chars().nth(LONGEST_TITLE).is_none() {
        return line;
    }
    let kept: String = line.chars().take(LONGEST_TITLE - 1).collect();
    format!("{}…", kept.trim_end())
}

/// Where the pull request comes from, and the marker.
fn footer(
    spec: &Spec,
    version: &Digest,
    target: &Target,
    manifest: &Manifest,
    changeset: ChangesetId,
) -> String {
    let short: String = version.0.chars().take(12).collect();
    let files = match manifest.changes.len() {
        1 => "1 file".to_owned(),
        n => format!("{n} files"),
    };
    format!(
        "---\nProposed by campaign **{}** (run `{}`, spec `{short}`, {files} changed). Why here: {}.\n\nTo opt out: `optOut: true` in \
         `{OPT_OUT_FILE}` keeps campaigns out of this repository, `optOut: [{}]` this one; the topic \
         `{OPT_OUT_TOPIC}` and the label `{OPT_OUT_LABEL}` do so too.\n\n{MARKER}{changeset} -->",
        spec.name,
        target.run,
        neutral(&why(spec, &target.repository)),
        spec.name,
    )
}

/// The author's text, cut where it is too long, with the footer under it.
fn body(rendered: &str, footer: &str) -> String {
    let author = closed(&unmarked(rendered.trim()));
    let room = LONGEST_BODY - footer.chars().count() - 2;
    let author = if author.chars().nth(room).is_none() {
        author
    } else {
        let end = |text: &str, most| text.chars().take(most).collect::<String>();
        let kept = end(&author, room - CUT.chars().count() - LONGEST_CLOSING);
        // A fence that is too long to be closed loses its closing rather than the footer its place.
        end(&closed(&kept), room - CUT.chars().count()) + CUT
    };
    match author.is_empty() {
        true => footer.to_owned(),
        false => format!("{author}\n\n{footer}"),
    }
}

/// The text without anything that looks like a marker of ours.
fn unmarked(text: &str) -> String {
    let mut unmarked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("<!--") {
        let (before, comment) = rest.split_at(at + 4);
        unmarked.push_str(before);
        let name = comment.trim_start().get(..10);
        if name.is_some_and(|name| name.eq_ignore_ascii_case("campaigns:")) {
            unmarked.push_str(" not ours: ");
        }
        rest = comment;
    }
    unmarked + rest
}

/// The text with an open comment or code fence closed, so that it does not swallow what follows.
fn closed(text: &str) -> String {
    let mut closed = text.to_owned();
    let mut fence: Option<&str> = None;
    for line in text.lines().map(str::trim) {
        let mark = fence_mark(line);
        fence = match fence {
            None => mark,
            // A fence ends with a line of the same character, at least as long, and nothing else.
            Some(open) => {
                mark.filter(|mark| *mark == line && mark.starts_with(open)).map_or(Some(open), |_| None)
            }
        };
    }
    if let Some(mark) = fence {
        closed.push('\n');
        closed.push_str(mark);
    }
    let open = text.rfind("<!--");
    if open.is_some_and(|open| !text[open..].contains("-->")) {
        closed.push_str("\n-->");
    }
    closed
}

/// The three or more backticks or tildes that a line begins with.
fn fence_mark(line: &str) -> Option<&str> {
    let first = line.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let mark = &line[..line.len() - line.trim_start_matches(first).len()];
    (mark.len() >= 3).then_some(mark)
}
