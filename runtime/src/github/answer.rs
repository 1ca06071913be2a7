//! What an answer that is no success means: status, headers and GitHub's words become a [`CodeHostError`] that
//! says what happened, to what, and what to do.
//!
//! Pure, so that a table of recorded answers tests it. Deliberately absent: doing anything about it. GitHub
//! documents few of its texts; those matched here are the ones seen, matched loosely, and what matches none
//! keeps GitHub's own words.

use super::{limits, whereabouts::away, wire::text};
use campaigns_actors::ports::CodeHostError;
use campaigns_domain::{
    changeset::AwayCause,
    publish::standing::{OutOfUse, PauseCause},
};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

/// What was asked, for the words of the error.
#[derive(Debug, Clone)]
pub struct About {
    /// What it was about, as a noun: "the branch `x` of acme/a".
    pub subject: String,
    /// What was being done: "opening a pull request in acme/a".
    pub doing: String,
    /// Whether it changes something at GitHub.
    pub write: bool,
    /// Whether it was sent as a GitHub App's installation.
    pub app: bool,
}

#[derive(Deserialize, Default)]
struct Said {
    #[serde(default)]
    message: String,
    #[serde(default)]
    errors: serde_json::Value,
    #[serde(default)]
    documentation_url: String,
}

/// GitHub's words: its message, and that of every entry of `errors`.
fn words(said: &Said) -> String {
    let mut all = vec![said.message.trim().to_owned()];
    let entry = |error: &serde_json::Value| match error {
        serde_json::Value::String(text) => text.clone(),
        other => {
            let part = |name: &str| other.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
            match (part("message"), part("field"), part("code")) {
                ("", "", code) => code.to_owned(),
                ("", field, code) => format!("{field}: {code}"),
                (message, _, _) => message.to_owned(),
            }
        }
    };
    match &said.errors {
        serde_json::Value::Array(errors) => all.extend(errors.iter().map(entry)),
        serde_json::Value::Null => {}
        other => all.push(entry(other)),
    }
    all.retain(|word| !word.is_empty());
    let joined = all.join("; ");
    let plain: String = joined.chars().map(|c| if c.is_control() { ' ' } else { c }).take(600).collect();
    super::redact(&plain)
}

/// Turns an answer that is no success into what it means.
pub fn refusal(about: &About, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> CodeHostError {
    let said: Said = serde_json::from_slice(body).unwrap_or_default();
    let words = words(&said);
    let lower = words.to_lowercase();
    let code = status.as_u16();
    if let Some(limited) = limited(code, headers, &lower, &words, &said.documentation_url) {
        return limited;
    }
    let doing = &about.doing;
    match code {
        401 => out_of_use(
            PauseCause::BadCredentials,
            format!(
                "GitHub does not accept the {} ({}): {}",
                if about.app { "GitHub App's token" } else { "token" },
                or_status(&words, status),
                if about.app {
                    "check that the App is still installed and that its private key is current"
                } else {
                    "it may have expired or been revoked; make a new one"
                }
            ),
        ),
        403 => forbidden(about, headers, &lower, &words),
        404 => CodeHostError::NotFound(about.subject.clone()),
        409 if lower.contains("empty") => {
            CodeHostError::Refused(format!("{} is empty ({words}): push a first commit to it", about.subject))
        }
        409 => CodeHostError::Conflict(format!("{doing} met a conflict: {}", or_status(&words, status))),
        410 | 451 => CodeHostError::Refused(format!(
            "GitHub has taken {} out of use: {}",
            about.subject,
            or_status(&words, status)
        )),
        422 => unprocessable(about, &lower, &words),
        300..=399 => CodeHostError::Refused(format!(
            "GitHub answered {doing} with a redirect that is not followed ({}): check the address of the server",
            text(headers, "location").split('?').next().unwrap_or_default()
        )),
        501 => CodeHostError::Refused(format!("this server cannot do it: {}", or_status(&words, status))),
        // Whoever answers this has not heard from GitHub itself, which may take the write later.
        504 | 408 if about.write => CodeHostError::Unknown(format!("{doing}: {}", or_status(&words, status))),
        500..=599 if about.write => {
            CodeHostError::Inconclusive(format!("{doing}: {}", or_status(&words, status)))
        }
        500..=599 | 408 => CodeHostError::Unavailable(format!("{doing}: {}", or_status(&words, status))),
        _ => {
            CodeHostError::Refused(format!("GitHub refused {doing} ({code}): {}", or_status(&words, status)))
        }
    }
}

/// The credential is out of use in the whole organisation.
pub(super) fn out_of_use(cause: PauseCause, reason: String) -> CodeHostError {
    CodeHostError::Unauthorized(OutOfUse { cause, reason })
}

fn or_status(words: &str, status: StatusCode) -> String {
    if words.is_empty() { status.to_string() } else { words.to_owned() }
}

/// Primary limit: 403 or 429 with nothing remaining. Secondary: 403, 429 or 422 with a message, often without
/// `Retry-After` and with much remaining; then at least a minute.
fn limited(
    code: u16,
    headers: &HeaderMap,
    lower: &str,
    words: &str,
    documentation: &str,
) -> Option<CodeHostError> {
    let said = limits::said(headers);
    let too_fast = ["secondary rate limit", "abuse detection", "submitted too quickly", "abuse-rate-limits"]
        .iter()
        .any(|phrase| lower.contains(phrase))
        || documentation.contains("secondary-rate-limits");
    let primary = lower.contains("api rate limit exceeded") || said.remaining == Some(0);
    let reason = if words.is_empty() { "the rate limit is used up".to_owned() } else { words.to_owned() };
    match code {
        403 | 429 | 422 if too_fast => {
            let reset = if said.remaining == Some(0) { said.reset } else { None };
            let wait = said.retry_after.or(reset).unwrap_or(limits::A_MINUTE);
            Some(CodeHostError::Limited { wait, reason })
        }
        403 | 429 if primary => {
            let wait = said.reset.into_iter().chain(said.retry_after).max().unwrap_or(limits::A_MINUTE);
            Some(CodeHostError::Limited { wait, reason })
        }
        429 => Some(CodeHostError::Limited { wait: said.retry_after.unwrap_or(limits::A_MINUTE), reason }),
        403 => said.retry_after.map(|wait| CodeHostError::Limited { wait, reason }),
        _ => None,
    }
}

/// A limit that GraphQL tells of in an answer that looks like success.
pub(super) fn limit(headers: &HeaderMap, message: &str) -> CodeHostError {
    let said = limits::said(headers);
    let reset = if said.remaining == Some(0) { said.reset } else { None };
    let wait = reset.into_iter().chain(said.retry_after).max().unwrap_or(limits::A_MINUTE);
    CodeHostError::Limited { wait, reason: super::redact(message) }
}

fn forbidden(about: &About, headers: &HeaderMap, lower: &str, words: &str) -> CodeHostError {
    let About { subject, doing, app, .. } = about;
    if lower.contains("suspended") {
        return out_of_use(
            PauseCause::Suspended,
            format!(
                "GitHub has suspended us ({words}): an owner of the organisation has to lift the suspension of the \
             installation or account"
            ),
        );
    }
    let sso = text(headers, "x-github-sso");
    if !sso.is_empty() || lower.contains("saml") {
        // The address carries a grant in its query, so only the way to it is told.
        return out_of_use(
            PauseCause::SingleSignOn,
            format!(
                "the organisation demands single sign-on of this token ({words}): authorise the token for it in \
             GitHub under Settings, Developer settings, \"Configure SSO\""
            ),
        );
    }
    if lower.contains("ip allow list") {
        return out_of_use(
            PauseCause::IpAllowList,
            format!(
                "the organisation's IP allow list leaves this machine out ({words}): have its address added"
            ),
        );
    }
    if lower.contains("maximum number of login attempts") {
        return out_of_use(
            PauseCause::LockedOut,
            format!(
                "GitHub has locked this credential out after failed attempts ({words}): correct it and wait a while"
            ),
        );
    }
    if lower.contains("archived") {
        return away(
            AwayCause::Archived,
            format!("{subject} is archived and read-only: unarchive it, and it goes on by itself"),
        );
    }
    if is_about_workflows(lower) {
        return CodeHostError::Refused(workflows_words(about, words));
    }
    if let Some(protection) = protection(doing, lower, words) {
        return CodeHostError::Refused(protection);
    }
    let needed = text(headers, "x-accepted-github-permissions");
    if !needed.is_empty() || lower.contains("resource not accessible") || lower.contains("permission") {
        let needed =
            if needed.is_empty() { String::new() } else { format!(" `{}`", needed.replace("; ", "` or `")) };
        let installation_wide = *app && lower.contains("resource not accessible by integration");
        let who = if *app { "the GitHub App's installation" } else { "the token" };
        let reason = format!(
            "{who} lacks the permission{needed} that {doing} needs ({words}): grant it{}",
            if *app { " in the App's settings and have an owner approve it" } else { "" }
        );
        return if installation_wide {
            out_of_use(PauseCause::PermissionMissing, reason)
        } else {
            CodeHostError::Refused(reason)
        };
    }
    let (has, accepted) = (text(headers, "x-oauth-scopes"), text(headers, "x-accepted-oauth-scopes"));
    if !accepted.is_empty() && !accepted.split(", ").any(|scope| has.split(", ").any(|own| own == scope)) {
        return CodeHostError::Refused(format!(
            "the token has the scopes `{has}`, and {doing} needs `{accepted}` ({words})"
        ));
    }
    CodeHostError::Refused(format!("GitHub refused {doing}: {}", or_status(words, StatusCode::FORBIDDEN)))
}

/// Whether GitHub refuses because a workflow file would change.
pub(super) fn is_about_workflows(lower: &str) -> bool {
    lower.contains("workflow") && (lower.contains("permission") || lower.contains("scope"))
}

fn workflows_words(about: &About, words: &str) -> String {
    let needed = if about.app { "the permission `workflows: write`" } else { "the scope `workflow`" };
    format!("{} changes files under .github/workflows, which needs {needed} ({words})", about.doing)
}

/// Rules of the repository that stand in the way, named for what they are.
fn protection(doing: &str, lower: &str, words: &str) -> Option<String> {
    let any = |phrases: &[&str]| phrases.iter().any(|phrase| lower.contains(phrase));
    let cause = if any(&["push protection", "gh013", "cannot contain secrets", "secret scanning"]) {
        "the change holds what looks like a secret, and push protection refuses it"
    } else if any(&["protected branch", "protected ref"]) {
        "the branch is protected"
    } else if any(&["repository rule violations", "ruleset", "rule violation"]) {
        "a ruleset of the repository stands in the way"
    } else if any(&["verified signatures", "signed commits", "must be signed"]) {
        "the branch demands signed commits"
    } else {
        return None;
    };
    Some(format!("GitHub refused {doing}: {cause} ({words}); Campaigns never goes around it"))
}

fn unprocessable(about: &About, lower: &str, words: &str) -> CodeHostError {
    let About { doing, .. } = about;
    let any = |phrases: &[&str]| phrases.iter().any(|phrase| lower.contains(phrase));
    if is_about_workflows(lower) {
        return CodeHostError::Refused(workflows_words(about, words));
    }
    if let Some(protection) = protection(doing, lower, words) {
        return CodeHostError::Refused(protection);
    }
    if any(&[
        "already exists",
        "not a fast forward",
        "reference does not exist",
        "reference cannot be updated",
    ]) {
        return CodeHostError::Conflict(format!("{doing}: {words}"));
    }
    if any(&["no commits between"]) {
        return CodeHostError::Refused(format!(
            "GitHub refused {doing}: there is nothing to propose ({words})"
        ));
    }
    if any(&["input was too large", "too large"]) {
        return CodeHostError::Refused(format!(
            "GitHub refused {doing}: the change is too large for its API ({words}); propose less at once"
        ));
    }
    CodeHostError::Refused(format!(
        "GitHub refused {doing}: {}",
        or_status(words, StatusCode::UNPROCESSABLE_ENTITY)
    ))
}
