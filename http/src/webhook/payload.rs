//! What a payload says about where to look. Only the fields for that are read, each by itself: one that is missing,
//! or is not what it used to be, costs a hint and nothing else.
//!
//! Source: GitHub's "Webhook events and payloads". Deliberately absent: belief in anything a payload says.

use crate::ports::{Hint, Whereabouts};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::value::RawValue;

/// How many of anything one delivery names at most.
const MOST: usize = 200;

/// How long a name may be.
const LONGEST: usize = 255;

/// A field that may be anything.
#[derive(Debug)]
struct Loose<T>(Option<T>);

impl<T> Default for Loose<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Loose<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(from)?;
        Ok(Self(serde_json::from_str(raw.get()).ok()))
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Payload {
    action: Loose<String>,
    repository: Loose<Repository>,
    organization: Loose<Account>,
    installation: Loose<Installation>,
    pull_request: Loose<PullRequest>,
    check_run: Loose<Check>,
    check_suite: Loose<Check>,
    merge_group: Loose<MergeGroup>,
    #[serde(rename = "ref")]
    reference: Loose<String>,
    ref_type: Loose<String>,
    sha: Loose<String>,
    branches: Loose<Vec<Branch>>,
    repositories_removed: Loose<Vec<Identified>>,
    repositories_added: Loose<Vec<Identified>>,
}

#[derive(Debug, Deserialize)]
struct Identified {
    id: u64,
}

#[derive(Debug, Deserialize)]
struct Repository {
    id: u64,
    #[serde(default)]
    full_name: String,
}

#[derive(Debug, Deserialize)]
struct Account {
    login: String,
}

#[derive(Debug, Deserialize)]
struct Installation {
    id: u64,
    #[serde(default)]
    account: Loose<Account>,
}

#[derive(Debug, Deserialize)]
struct PullRequest {
    number: u64,
    #[serde(default)]
    head: Loose<Head>,
}

#[derive(Debug, Deserialize)]
struct Head {
    #[serde(rename = "ref")]
    reference: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Check {
    head_sha: Loose<String>,
    pull_requests: Loose<Vec<Numbered>>,
}

#[derive(Debug, Deserialize)]
struct Numbered {
    number: u64,
}

#[derive(Debug, Deserialize)]
struct Branch {
    name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct MergeGroup {
    base_ref: Loose<String>,
}

/// What is kept of a payload.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) action: String,
    pub(crate) installation: Option<u64>,
    pub(crate) organization: String,
    pub(crate) hint: Hint,
}

/// Reads the payload of an event.
///
/// # Errors
/// Where it is no JSON object.
pub(crate) fn read(event: &str, body: &[u8]) -> Result<Told, serde_json::Error> {
    // A list would be read as the fields in their order, and means nothing to anybody.
    if body.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        return Err(serde::de::Error::custom("it begins with something else"));
    }
    let payload: Payload = serde_json::from_slice(body)?;
    let owner = payload.repository.0.as_ref().and_then(|found| found.full_name.split_once('/'));
    let account = payload.installation.0.as_ref().and_then(|found| found.account.0.as_ref());
    let login = owner.map(|(owner, _)| owner).filter(|owner| !owner.is_empty());
    let login = login.or(payload.organization.0.as_ref().map(|found| found.login.as_str()));
    let organization = login.or(account.map(|found| found.login.as_str())).unwrap_or_default();
    Ok(Told {
        action: kept(payload.action.0.as_deref().unwrap_or_default()).unwrap_or_default(),
        installation: payload.installation.0.as_ref().map(|found| found.id).filter(fits),
        organization: kept(&organization.to_ascii_lowercase()).unwrap_or_default(),
        hint: hint(event, payload),
    })
}

fn hint(event: &str, payload: Payload) -> Hint {
    let mut there = Whereabouts::default();
    let repository = payload.repository.0.map(|found| found.id);
    match event {
        "installation" | "installation_target" => return Hint::Installation(there),
        "installation_repositories" => {
            // What was added may be what somebody waits for.
            let (removed, added) = (payload.repositories_removed.0, payload.repositories_added.0);
            let all = removed.into_iter().chain(added).flatten().map(|found| found.id);
            there.repositories.extend(all.filter(fits).take(MOST));
            there.all = true;
            return Hint::Installation(there);
        }
        "pull_request" | "pull_request_review" | "pull_request_review_thread" => {
            if let Some(found) = payload.pull_request.0 {
                there.pull_requests.push(found.number);
                // One that a person opened from our branch has a number that nobody here knows.
                there.branches.extend(found.head.0.map(|head| head.reference));
            }
        }
        "check_run" => checked(&mut there, payload.check_run),
        "check_suite" => checked(&mut there, payload.check_suite),
        "status" => {
            there.commits.extend(payload.sha.0);
            there.branches.extend(payload.branches.0.into_iter().flatten().map(|branch| branch.name));
        }
        "push" => there.branches.extend(payload.reference.0.as_deref().and_then(branch)),
        "delete" if payload.ref_type.0.as_deref() == Some("branch") => {
            there.branches.extend(payload.reference.0);
        }
        "merge_group" => {
            let base = payload.merge_group.0.and_then(|group| group.base_ref.0);
            there.branches.extend(base.as_deref().and_then(branch));
        }
        "repository" | "repository_ruleset" | "branch_protection_rule" => there.all = true,
        _ => return Hint::Nothing,
    }
    there.repositories.extend(repository.filter(fits));
    there.pull_requests.retain(fits);
    there.branches = there.branches.iter().filter_map(|name| kept(name)).collect();
    there.commits = there.commits.iter().filter_map(|name| kept(name)).collect();
    for names in [&mut there.branches, &mut there.commits] {
        names.truncate(MOST);
    }
    there.pull_requests.truncate(MOST);
    let named = there.all
        || !there.pull_requests.is_empty()
        || !there.branches.is_empty()
        || !there.commits.is_empty();
    if named && !there.repositories.is_empty() { Hint::PullRequests(there) } else { Hint::Nothing }
}

fn checked(there: &mut Whereabouts, check: Loose<Check>) {
    let check = check.0.unwrap_or_default();
    there.commits.extend(check.head_sha.0);
    there.pull_requests.extend(check.pull_requests.0.into_iter().flatten().map(|found| found.number));
}

/// The branch that a reference names; tags are none.
fn branch(reference: &str) -> Option<String> {
    reference.strip_prefix("refs/heads/").map(str::to_owned)
}

/// A text as it can be kept: not longer than any name, and without the one character that databases have no room for.
fn kept(text: &str) -> Option<String> {
    let sound = !text.is_empty() && text.len() <= LONGEST && !text.contains('\0');
    sound.then(|| text.to_owned())
}

/// Whether an id is one that the database has room for.
fn fits(id: &u64) -> bool {
    i64::try_from(*id).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::EVENTS;
    use serde_json::{Value, json};

    fn told(event: &str, payload: Value) -> Told {
        read(event, payload.to_string().as_bytes()).unwrap()
    }

    fn there(event: &str, payload: Value) -> Whereabouts {
        match told(event, payload).hint {
            Hint::PullRequests(there) => there,
            other => panic!("{other:?}"),
        }
    }

    fn at(mut payload: Value) -> Value {
        payload["repository"] = json!({ "id": 7, "full_name": "Acme/Anvil" });
        payload
    }

    #[test]
    fn what_an_event_names_is_where_to_look() {
        let opened = json!({ "action": "opened", "pull_request": { "number": 3, "head": { "ref": "fix" } } });
        let found = there("pull_request", at(opened));
        assert_eq!((found.repositories, found.pull_requests), (vec![7], vec![3]));
        assert_eq!((found.branches, found.all), (vec!["fix".to_owned()], false));
        let checked = json!({ "check_suite": { "head_sha": "abc", "pull_requests": [{ "number": 4 }, { "number": 5 }] } });
        let found = there("check_suite", at(checked));
        assert_eq!((found.pull_requests, found.commits), (vec![4, 5], vec!["abc".to_owned()]));
        let found = there("status", at(json!({ "sha": "abc", "branches": [{ "name": "fix" }] })));
        assert_eq!((found.commits, found.branches), (vec!["abc".to_owned()], vec!["fix".to_owned()]));
        assert_eq!(there("push", at(json!({ "ref": "refs/heads/a/b" }))).branches, ["a/b"]);
        assert_eq!(there("delete", at(json!({ "ref": "a/b", "ref_type": "branch" }))).branches, ["a/b"]);
        let group = json!({ "merge_group": { "base_ref": "refs/heads/main" } });
        assert_eq!(there("merge_group", at(group)).branches, ["main"]);
        assert!(there("repository", at(json!({ "action": "archived" }))).all);
    }

    #[test]
    fn every_event_that_is_asked_for_leads_somewhere() {
        for event in EVENTS {
            let pull_requests = json!([{ "number": 1 }]);
            let check = json!({ "head_sha": "abc", "pull_requests": pull_requests });
            let payload = json!({
                "ref": "refs/heads/x", "ref_type": "branch", "sha": "abc", "check_run": check, "check_suite": check,
                "pull_request": { "number": 1 }, "merge_group": { "base_ref": "refs/heads/main" },
            });
            assert_ne!(told(event, at(payload)).hint, Hint::Nothing, "{event}");
        }
    }

    #[test]
    fn who_it_is_about_is_in_lower_case_and_the_repositorys_owner_first() {
        let told =
            told("push", at(json!({ "organization": { "login": "other" }, "installation": { "id": 9 } })));
        assert_eq!((told.organization.as_str(), told.installation), ("acme", Some(9)));
    }

    #[test]
    fn an_installation_is_looked_at_itself() {
        let payload =
            json!({ "action": "suspend", "installation": { "id": 9, "account": { "login": "Acme" } } });
        let told = told("installation", payload);
        assert_eq!((told.organization.as_str(), told.installation), ("acme", Some(9)));
        assert_eq!(
            (told.action.as_str(), told.hint),
            ("suspend", Hint::Installation(Whereabouts::default()))
        );
        let changed = json!({ "installation": { "id": 9 }, "repositories_removed": [{ "id": 7 }, { "id": 8 }],
            "repositories_added": [{ "id": 9 }] });
        let Hint::Installation(there) = self::told("installation_repositories", changed).hint else {
            panic!()
        };
        assert_eq!((there.repositories, there.all), (vec![7, 8, 9], true));
    }

    #[test]
    fn what_is_not_as_it_should_be_costs_a_hint_and_nothing_else() {
        let odd = json!({ "action": 5, "repository": "x", "installation": [], "pull_request": { "number": "three" } });
        let told = told("pull_request", odd);
        assert_eq!((told.action.as_str(), told.installation, told.hint), ("", None, Hint::Nothing));
        let large = at(json!({ "pull_request": { "number": u64::MAX, "head": { "ref": "a\u{0}b" } } }));
        assert_eq!(self::told("pull_request", large).hint, Hint::Nothing);
        assert_eq!(self::told("push", at(json!({ "ref": "refs/tags/v1" }))).hint, Hint::Nothing);
        assert_eq!(self::told("sponsorship", at(json!({}))).hint, Hint::Nothing);
        for body in [&b""[..], b"[]", b"null", b"{", b"\xff\xfe", b"payload=%7B%7D"] {
            assert!(read("push", body).is_err(), "{body:?}");
        }
        let deep = format!("{{\"action\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
        let _ = read("push", deep.as_bytes());
    }
}
