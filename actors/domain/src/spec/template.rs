//! Templates: `${{ repository.name }}` in titles, bodies, branches, commit messages, commands, environment values
//! and file contents.
//!
//! A template is checked when the spec is read, so that none is found bad while steps run. `${{` always begins
//! one; a literal `${{` is written as a text inside a template, in Go's form: `${{ "${{" }}`. Deliberately absent:
//! functions, conditions and loops, and what only exists while steps run (`steps.*`, `outputs.*`): refused.

use super::{names::nearest, report::quoted};
use std::borrow::Cow;

/// What begins a template.
pub(super) const BEGIN: &str = "${{";

/// How many errors of one text are told.
const MOST_ERRORS: usize = 20;

/// A text with its templates read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Variable(Variable),
}

/// What a template may refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variable {
    /// `repository.name`: `owner/name`.
    RepositoryName,
    /// `repository.branch`: the base branch.
    RepositoryBranch,
    /// `batch_change.name`, `campaign.name`.
    CampaignName,
    /// `batch_change.description`, `campaign.description`.
    CampaignDescription,
}

impl Variable {
    const ALL: [(&'static str, Self); 6] = [
        ("repository.name", Self::RepositoryName),
        ("repository.branch", Self::RepositoryBranch),
        ("batch_change.name", Self::CampaignName),
        ("batch_change.description", Self::CampaignDescription),
        ("campaign.name", Self::CampaignName),
        ("campaign.description", Self::CampaignDescription),
    ];

    /// Whether its value comes from the repository and not from the spec's author.
    pub fn is_foreign(self) -> bool {
        matches!(self, Self::RepositoryName | Self::RepositoryBranch)
    }
}

/// A template that cannot be rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TemplateError {
    /// Which `${{` of the text it is, from 0.
    pub(super) nth: usize,
    pub(super) message: String,
    pub(super) help: String,
}

impl Template {
    /// Reads a text with templates in it.
    pub(super) fn parse(text: &str) -> Result<Self, Vec<TemplateError>> {
        let (mut parts, mut errors) = (vec![], vec![]);
        let (mut rest, mut nth) = (text, 0);
        while let Some(begin) = rest.find(BEGIN) {
            if begin > 0 {
                parts.push(Part::Text(rest[..begin].to_owned()));
            }
            let inside = &rest[begin + BEGIN.len()..];
            let Some(end) = end_of(inside) else {
                errors.push(TemplateError {
                    nth,
                    message: "`${{` begins a template that no `}}` ends".to_owned(),
                    help: LITERAL.to_owned(),
                });
                break;
            };
            match expression(inside[..end].trim()) {
                Ok(part) => parts.push(part),
                Err((message, help)) => errors.push(TemplateError { nth, message, help }),
            }
            if errors.len() == MOST_ERRORS {
                break;
            }
            rest = &inside[end + 2..];
            // A template may hold `${{` as text, which counts too.
            nth += 1 + inside[..end].matches(BEGIN).count();
        }
        if errors.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
            Ok(Self { parts })
        } else {
            Err(errors)
        }
    }

    /// The text as it stands, whatever it holds.
    fn verbatim(text: &str) -> Self {
        Self { parts: vec![Part::Text(text.to_owned())] }
    }

    fn variables(&self) -> impl Iterator<Item = Variable> {
        self.parts.iter().filter_map(|part| match part {
            Part::Variable(variable) => Some(*variable),
            Part::Text(_) => None,
        })
    }
}

/// The text with every variable replaced by what `value` says. A text that is no good template, which
/// `Spec::parse` never lets through, stays as it is.
pub(crate) fn render<'v>(text: &str, value: impl Fn(Variable) -> Cow<'v, str>) -> String {
    let template = Template::parse(text).unwrap_or_else(|_| Template::verbatim(text));
    let mut rendered = String::with_capacity(text.len());
    for part in &template.parts {
        match part {
            Part::Text(text) => rendered.push_str(text),
            Part::Variable(variable) => rendered.push_str(&value(*variable)),
        }
    }
    rendered
}

/// Whether a text refers to a variable.
pub(crate) fn refers(text: &str, variable: Variable) -> bool {
    Template::parse(text).is_ok_and(|template| template.variables().any(|used| used == variable))
}

/// A template that renders to exactly `text`.
pub(super) fn literal(text: &str) -> String {
    text.replace(BEGIN, "${{ \"${{\" }}")
}

const LITERAL: &str = "for a `${{` that stays as it is (a GitHub Actions workflow's), write `${{ \"${{\" }}`";

/// Where the `}}` is that ends a template: not one inside a text.
fn end_of(inside: &str) -> Option<usize> {
    let mut within: Option<char> = None;
    let mut characters = inside.char_indices();
    while let Some((at, c)) = characters.next() {
        match (within, c) {
            (None, '"' | '`') => within = Some(c),
            (None, '}') if inside[at..].starts_with("}}") => return Some(at),
            (Some('"'), '\\') => {
                characters.next();
            }
            (Some(quote), c) if c == quote => within = None,
            _ => {}
        }
    }
    // A stray quote must not hide the end of a template from the message about it.
    within.and_then(|_| inside.find("}}"))
}

fn expression(expression: &str) -> Result<Part, (String, String)> {
    let known = Variable::ALL.iter().map(|(name, _)| *name);
    if let Some((_, variable)) = Variable::ALL.iter().find(|(name, _)| *name == expression) {
        return Ok(Part::Variable(*variable));
    }
    let shown = quoted(expression);
    if let Some(text) = text_literal(expression) {
        return text.map(Part::Text).ok_or_else(|| {
            let help = "a text in a template ends with the quote it began with; `\\\"`, `\\\\`, `\\n` and `\\t` are its \
                        escapes";
            (format!("the text {shown} cannot be read"), help.to_owned())
        });
    }
    if expression.is_empty() {
        return Err(("the template is empty".to_owned(), LITERAL.to_owned()));
    }
    let word =
        expression.split(|c: char| c.is_whitespace() || c == '(' || c == '|').next().unwrap_or_default();
    let family = word.trim_start_matches(['.', '-', '(']).split('.').next().unwrap_or_default();
    let (message, help) = match family {
        "secrets" | "github" | "matrix" | "env" | "vars" | "runner" | "inputs" | "needs" | "job"
        | "strategy" | "hashFiles" => {
            (format!("{shown} is GitHub Actions' and not a variable of a spec"), LITERAL.to_owned())
        }
        "steps" | "step" | "previous_step" | "outputs" => (
            format!("{shown} is not supported yet: what steps leave behind cannot be referred to"),
            "write it to a file in one step and read it in the next".to_owned(),
        ),
        "batch_change_link" => (
            format!("{shown} is not supported yet"),
            "leave it out: every pull request's text ends with where it comes from".to_owned(),
        ),
        _ if word != expression => (
            format!("{shown} is not supported yet: a template holds one variable or one text"),
            "write the function's result out, or compute it in the step's command".to_owned(),
        ),
        _ => match nearest(expression, known) {
            Some(near) => (format!("{shown} is not a variable"), format!("did you mean `{near}`?")),
            None => (
                format!("{shown} is not a variable"),
                format!(
                    "there are repository.name, repository.branch, campaign.name, campaign.description; {LITERAL}"
                ),
            ),
        },
    };
    Err((message, help))
}

/// A quoted text, if the expression begins like one; inside it, `None` where it cannot be read.
fn text_literal(expression: &str) -> Option<Option<String>> {
    if let Some(rest) = expression.strip_prefix('`') {
        return Some(rest.strip_suffix('`').filter(|text| !text.contains('`')).map(str::to_owned));
    }
    let rest = expression.strip_prefix('"')?;
    let mut text = String::new();
    let mut characters = rest.chars();
    Some(loop {
        match characters.next() {
            None => break None,
            Some('"') => break characters.next().is_none().then_some(text),
            Some('\\') => match characters.next() {
                Some(c @ ('"' | '\\')) => text.push(c),
                Some('n') => text.push('\n'),
                Some('t') => text.push('\t'),
                _ => break None,
            },
            Some(c) => text.push(c),
        }
    })
}
