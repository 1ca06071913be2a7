//! What GitHub's answers mean: a table of status, headers and body, as they were seen or are documented.

use campaigns_actors::ports::CodeHostError;
use campaigns_domain::changeset::AwayCause;
use campaigns_runtime::github::{About, refusal};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use std::time::Duration;

/// The kind of error that is expected, and words that have to be in it.
enum Meant {
    Away(AwayCause),
    Conflict(&'static str),
    Refused(&'static [&'static str]),
    Unauthorized(&'static str),
    Limited(u64),
    NotFound,
    Unknown,
    Inconclusive,
    Unavailable,
}
use Meant::{Away, Conflict, Inconclusive, Limited, NotFound, Refused, Unauthorized, Unavailable, Unknown};

type Row = (u16, &'static [(&'static str, &'static str)], &'static str, bool, Meant);

const READ: bool = false;
const WRITE: bool = true;
const DATE: (&str, &str) = ("date", "Mon, 23 Nov 2026 12:00:00 GMT");

const TABLE: &[Row] = &[
    // Limits.
    (
        403,
        &[DATE, ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1795435500")],
        r#"{"message":"API rate limit exceeded for installation ID 1."}"#,
        READ,
        Limited(300),
    ),
    (
        429,
        &[DATE, ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1795435260")],
        "",
        WRITE,
        Limited(60),
    ),
    (
        403,
        &[("x-ratelimit-remaining", "4000"), ("retry-after", "37")],
        r#"{"message":"You have exceeded a secondary rate limit. Please wait a few minutes before you try again."}"#,
        WRITE,
        Limited(37),
    ),
    (
        403,
        &[("x-ratelimit-remaining", "4000")],
        r#"{"message":"You have exceeded a secondary rate limit and have been temporarily blocked from content creation."}"#,
        WRITE,
        Limited(60),
    ),
    (403, &[], r#"{"message":"You have triggered an abuse detection mechanism."}"#, READ, Limited(60)),
    (
        422,
        &[],
        r#"{"message":"Validation Failed","errors":[{"resource":"PullRequest","code":"custom","message":"was submitted too quickly"}]}"#,
        WRITE,
        Limited(60),
    ),
    (
        403,
        &[],
        r#"{"message":"Forbidden","documentation_url":"https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits"}"#,
        WRITE,
        Limited(60),
    ),
    (429, &[("retry-after", "5")], "", READ, Limited(5)),
    // Who we are.
    (401, &[], r#"{"message":"Bad credentials"}"#, READ, Unauthorized("revoked")),
    (403, &[], r#"{"message":"This installation has been suspended"}"#, READ, Unauthorized("suspended")),
    (403, &[], r#"{"message":"Sorry. Your account was suspended"}"#, WRITE, Unauthorized("suspended")),
    (
        403,
        &[("x-github-sso", "required; url=https://github.com/orgs/acme/sso?authorization_request=AAAA")],
        r#"{"message":"Resource protected by organization SAML enforcement. You must grant your OAuth token access to this organization."}"#,
        READ,
        Unauthorized("single sign-on"),
    ),
    (
        403,
        &[],
        r#"{"message":"Although you appear to have the correct authorization credentials, the `acme` organization has an IP allow list enabled, and your IP address is not permitted to access this resource."}"#,
        READ,
        Unauthorized("IP allow list"),
    ),
    // What is not allowed.
    (403, &[], r#"{"message":"Repository was archived so is read-only."}"#, WRITE, Away(AwayCause::Archived)),
    (
        403,
        &[("x-accepted-github-permissions", "contents=write; contents=write,workflows=write")],
        r#"{"message":"Resource not accessible by integration"}"#,
        WRITE,
        Refused(&["`contents=write`", "`contents=write,workflows=write`", "grant it"]),
    ),
    (
        403,
        &[],
        r#"{"message":"refusing to allow a GitHub App to create or update workflow `.github/workflows/ci.yml` without `workflows` permission"}"#,
        WRITE,
        Refused(&[".github/workflows", "scope `workflow`"]),
    ),
    (
        403,
        &[("x-oauth-scopes", "read:org"), ("x-accepted-oauth-scopes", "repo")],
        r#"{"message":"Must have push access to the repository."}"#,
        WRITE,
        Refused(&["`read:org`", "`repo`"]),
    ),
    (
        422,
        &[],
        r#"{"message":"Repository rule violations found\n\nChanges must be made through a pull request."}"#,
        WRITE,
        Refused(&["ruleset", "never goes around"]),
    ),
    (422, &[], r#"{"message":"Cannot update this protected ref."}"#, WRITE, Refused(&["protected"])),
    (
        422,
        &[],
        r#"{"message":"Push cannot contain secrets"}"#,
        WRITE,
        Refused(&["push protection", "looks like a secret"]),
    ),
    (409, &[], r#"{"message":"Git Repository is empty."}"#, WRITE, Refused(&["empty", "first commit"])),
    (451, &[], r#"{"message":"Repository access blocked"}"#, READ, Refused(&["out of use", "blocked"])),
    (
        422,
        &[],
        r#"{"message":"Sorry, your input was too large to process."}"#,
        WRITE,
        Refused(&["too large"]),
    ),
    (
        422,
        &[],
        r#"{"message":"Validation Failed","errors":[{"resource":"PullRequest","field":"base","code":"invalid"}]}"#,
        WRITE,
        Refused(&["base: invalid", "opening a pull request in acme/a"]),
    ),
    (
        422,
        &[],
        r#"{"message":"Validation Failed","errors":[{"resource":"PullRequest","code":"custom","message":"No commits between main and ours"}]}"#,
        WRITE,
        Refused(&["nothing to propose"]),
    ),
    (400, &[], "<html>bad</html>", WRITE, Refused(&["400"])),
    (501, &[], r#"{"message":"not here"}"#, WRITE, Refused(&["not here"])),
    (
        302,
        &[("location", "https://evil.example/x?token=abc")],
        "",
        READ,
        Refused(&["https://evil.example/x", "not followed"]),
    ),
    // What moved meanwhile.
    (
        422,
        &[],
        r#"{"message":"Validation Failed","errors":[{"resource":"PullRequest","code":"custom","message":"A pull request already exists for acme:ours."}]}"#,
        WRITE,
        Conflict("A pull request already exists"),
    ),
    (422, &[], r#"{"message":"Reference already exists"}"#, WRITE, Conflict("Reference already exists")),
    (422, &[], r#"{"message":"Update is not a fast forward"}"#, WRITE, Conflict("fast forward")),
    (422, &[], r#"{"message":"Reference does not exist"}"#, WRITE, Conflict("does not exist")),
    (409, &[], r#"{"message":"Conflict"}"#, WRITE, Conflict("Conflict")),
    // Nothing there, and nobody there.
    (404, &[], r#"{"message":"Not Found"}"#, READ, NotFound),
    (404, &[], r#"{"message":"Not Found"}"#, WRITE, NotFound),
    (500, &[], "", WRITE, Inconclusive),
    (502, &[], "<html>", WRITE, Inconclusive),
    (503, &[("retry-after", "9")], "", WRITE, Inconclusive),
    (504, &[], "", WRITE, Unknown),
    (504, &[], "", READ, Unavailable),
    (503, &[], "<html>", READ, Unavailable),
];

#[test]
fn every_answer_means_something() {
    for (status, headers, body, write, meant) in TABLE {
        let about = About {
            subject: "the repository acme/a".to_owned(),
            doing: "opening a pull request in acme/a".to_owned(),
            write: *write,
            app: false,
        };
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        let error = refusal(&about, StatusCode::from_u16(*status).unwrap(), &headers, body.as_bytes());
        let words = error.to_string();
        let row = format!("{status} {body}: {error:?}");
        match (meant, &error) {
            (Limited(seconds), CodeHostError::Limited { wait, .. }) => {
                assert_eq!(*wait, Duration::from_secs(*seconds), "{row}");
            }
            (Conflict(part), CodeHostError::Conflict(_))
            | (Unauthorized(part), CodeHostError::Unauthorized(_)) => {
                assert!(words.contains(part), "{row}");
            }
            (Refused(parts), CodeHostError::Refused(_)) => {
                assert!(parts.iter().all(|part| words.contains(part)), "{row}");
            }
            (Away(cause), CodeHostError::Away(away)) => assert_eq!(*cause, away.cause, "{row}"),
            (NotFound, CodeHostError::NotFound(_))
            | (Unknown, CodeHostError::Unknown(_))
            | (Inconclusive, CodeHostError::Inconclusive(_))
            | (Unavailable, CodeHostError::Unavailable(_)) => {}
            _ => panic!("{row}"),
        }
        for grant in ["authorization_request=AAAA", "token=abc"] {
            assert!(!words.contains(grant), "{row}");
        }
    }
}

#[test]
fn githubs_words_are_kept_short_plain_and_without_secrets() {
    let about = About { subject: "s".to_owned(), doing: "d".to_owned(), write: true, app: true };
    let token = format!("ghs_{}", "x".repeat(40));
    let body = format!("{{\"message\":\"bad {token}\\u001b[31m\\n{}\"}}", "long ".repeat(1000));
    let words =
        refusal(&about, StatusCode::UNPROCESSABLE_ENTITY, &HeaderMap::new(), body.as_bytes()).to_string();
    assert!(
        words.len() < 800 && !words.contains("xxxx") && !words.contains('\u{1b}') && !words.contains('\n')
    );
}
