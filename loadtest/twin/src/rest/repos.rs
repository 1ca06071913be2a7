//! Repositories and their branches: listing, reading. Creating and administering them is not here.

use super::call::{Call, Outcome, Reply};
use super::refusal::Refusal;
use super::shape;
use super::shape::git::{Home, path};
use super::shape::repos::Access;
use crate::auth::Caller;
use crate::git::refs;
use crate::paging::{Page, cut, cut_by};
use crate::standing::sources;
use crate::world::model::{Account, AccountKind, Holder, Level, RepositoryRecord};
use crate::world::rules::Protection;
use crate::world::state::State;
use serde_json::{Value, json};

impl Call<'_> {
    /// `owner/name` of a repository.
    pub fn full_name(&self, record: &RepositoryRecord) -> String {
        self.world.read(|state| format!("{}/{}", state.org().map_or("", |org| &org.login), record.name))
    }

    /// Where its objects are addressed.
    pub fn home(&self, record: &RepositoryRecord) -> Home {
        Home::new(&self.urls, &self.full_name(record), record.id)
    }

    /// The account that an address in a commit belongs to: GitHub's `id+login@users.noreply.github.com`.
    pub fn account_of_email(&self, email: &str) -> Option<Account> {
        let id: u64 = email.strip_suffix("@users.noreply.github.com")?.split('+').next()?.parse().ok()?;
        self.world.read(|state| state.accounts.get(&id).cloned())
    }
}

/// What the caller may do with a repository.
pub fn access(call: &Call<'_>, id: u64) -> Access {
    let person =
        matches!(&call.caller, Caller::Token(grant) if matches!(grant.holder, Holder::Person { .. }));
    Access { push: call.caller.may(id, &[("contents", Level::Write)]), admin: person }
}

/// The page that is asked for of those repositories that the caller may know of and that `wanted` takes, put in `order`
/// where that is not by id. `what` names which they are, and in which order.
pub fn page(
    call: &Call<'_>,
    what: &str,
    wanted: impl Fn(&State, &RepositoryRecord) -> bool,
    order: impl FnOnce(&mut Vec<&RepositoryRecord>),
) -> Page<RepositoryRecord> {
    let who = match &call.caller {
        Caller::Token(grant) => grant.digest.as_str(),
        Caller::Anonymous(_) | Caller::App(_) => "",
    };
    call.world.read(|state| {
        let all = state.listing(&format!("{who} {what}"), || {
            let records = state.repositories.values().map(|found| &found.record);
            let mut records: Vec<_> =
                records.filter(|record| call.caller.sees(record) && wanted(state, record)).collect();
            order(&mut records);
            records.into_iter().map(|record| record.id).collect()
        });
        let Page { items, total, link } = cut(call, all.to_vec());
        let records = items.iter().filter_map(|id| state.repositories.get(id));
        Page { items: records.map(|found| found.record.clone()).collect(), total, link }
    })
}

/// Repositories as a list shows them.
pub fn rendered(call: &Call<'_>, records: &[RepositoryRecord]) -> Result<Vec<Value>, Refusal> {
    call.world.read(|state| {
        let owner = state.org().ok_or_else(Refusal::not_found)?;
        Ok(records
            .iter()
            .map(|record| {
                let open = state
                    .repositories
                    .get(&record.id)
                    .map_or(0, |found| found.pulls.values().filter(|pull| pull.is_open()).count());
                shape::repos::listed(&call.urls, owner, record, open, access(call, record.id))
            })
            .collect())
    })
}

/// `GET /orgs/{org}/repos`
pub fn of_org(call: &Call<'_>) -> Outcome {
    let is_org = call
        .world
        .read(|state| state.org().is_some_and(|org| org.login.eq_ignore_ascii_case(call.param("org"))));
    if !is_org {
        return Err(Refusal::not_found());
    }
    listing(call, "org", |record| record.transferred_to.is_none(), "created")
}

/// `GET /users/{username}/repos`
pub fn of_user(call: &Call<'_>) -> Outcome {
    let account = call.world.read(|state| state.account(call.param("username")).cloned());
    let account = account.ok_or_else(Refusal::not_found)?;
    // Everything belongs to the organisation; people and bots have none of their own.
    let (of, owns) = match account.kind {
        AccountKind::Organization => ("owner", true),
        AccountKind::User | AccountKind::Bot => ("nobody", false),
    };
    listing(call, of, |_| owns, "full_name")
}

/// `GET /user/repos`
pub fn mine(call: &Call<'_>) -> Outcome {
    if call.caller.is_installation() {
        return Err(Refusal::new(403, "Resource not accessible by integration"));
    }
    listing(call, "owner", |_| true, "full_name")
}

fn listing(
    call: &Call<'_>,
    of: &str,
    owned: impl Fn(&RepositoryRecord) -> bool,
    by_default: &str,
) -> Outcome {
    let kind = call.query("type").or(call.query("visibility")).unwrap_or("all");
    let sort = call.query("sort").unwrap_or(by_default);
    let ascending = if sort == "full_name" { "asc" } else { "desc" };
    let direction = call.query("direction").unwrap_or(ascending);
    let of_kind = |record: &RepositoryRecord| match kind {
        "public" => !record.private,
        "private" => record.private,
        // There are no forks, and all are the organisation's.
        "forks" => false,
        _ => true,
    };
    let page = page(
        call,
        &format!("{:?}", (of, kind, sort, direction)),
        |_, record| owned(record) && of_kind(record),
        |records| {
            match sort {
                "full_name" => records.sort_by_key(|record| record.name.to_lowercase()),
                "updated" => records.sort_by_key(|record| record.updated_at),
                "pushed" => records.sort_by_key(|record| record.pushed_at),
                _ => records.sort_by_key(|record| record.id),
            }
            if direction == "desc" {
                records.reverse();
            }
        },
    );
    Ok(Reply::ok(rendered(call, &page.items)?.into()).link(page.link))
}

/// `GET /repos/{owner}/{repo}`
pub fn get(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    let body = call.world.read(|state| {
        let open = state
            .repositories
            .get(&record.id)
            .map_or(0, |found| found.pulls.values().filter(|pull| pull.is_open()).count());
        let owner = state.owner_of(&record).ok_or_else(Refusal::not_found)?;
        Ok::<_, Refusal>(shape::repos::full(&call.urls, &owner, &record, open, access(call, record.id)))
    })?;
    Ok(Reply::ok(body).modified(record.updated_at))
}

/// `GET /repos/{owner}/{repo}/topics`
pub fn topics(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    let page = cut_by(call, record.topics, 30);
    Ok(Reply::ok(json!({"names": page.items})))
}

/// Is a branch protected, by rulesets or classically, and how by the latter?
fn guarded(call: &Call<'_>, record: &RepositoryRecord, branch: &str) -> (bool, Option<Protection>) {
    call.world.read(|state| {
        let Some(found) = state.repositories.get(&record.id) else { return (false, None) };
        (!sources(found, branch).is_empty(), found.protections.get(branch).cloned())
    })
}

/// `GET /repos/{owner}/{repo}/branches`
pub fn branches(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    let home = call.home(&record);
    let mut all: Vec<(String, git2::Oid)> = refs::all(&call.git(&record)?)?
        .into_iter()
        .filter_map(|(name, oid)| Some((name.strip_prefix("refs/heads/")?.to_owned(), oid)))
        .collect();
    if let Some(wanted) = call.query("protected") {
        all.retain(|(name, _)| guarded(call, &record, name).0.to_string() == wanted);
    }
    let page = cut(call, all);
    let items: Vec<Value> = page
        .items
        .iter()
        .map(|(name, oid)| {
            json!({
                "name": name,
                "commit": {"sha": oid.to_string(), "url": format!("{}/commits/{oid}", home.api)},
                "protected": guarded(call, &record, name).0,
            })
        })
        .collect();
    Ok(Reply::ok(items.into()).link(page.link))
}

/// `GET /repos/{owner}/{repo}/branches/{branch}`
pub fn branch(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    let git = call.git(&record)?;
    let name = call.param("branch");
    let tip = refs::tip(&git, name).ok_or_else(|| Refusal::new(404, "Branch not found"))?;
    let home = call.home(&record);
    let commit = git.find_commit(tip)?;
    let account = |email: &str| call.account_of_email(email);
    let (protected, classic) = guarded(call, &record, name);
    let checks = classic.as_ref().map(|found| found.demands.checks.clone()).unwrap_or_default();
    let level = match &classic {
        Some(_) if checks.is_empty() => "off",
        Some(found) if found.enforce_admins => "everyone",
        Some(_) => "non_admins",
        None => "off",
    };
    let own = format!("{}/branches/{}", home.api, path(name));
    Ok(Reply::ok(json!({
        "name": name,
        "commit": shape::git::commit(&home, &call.urls, &git, &commit, &call.world.secrets, &account),
        "_links": {"self": own, "html": format!("{}/tree/{}", home.web, path(name))},
        "protected": protected,
        "protection": {
            "enabled": classic.is_some(),
            "required_status_checks": {
                "enforcement_level": level,
                "contexts": checks,
                "checks": checks.iter().map(|name| json!({"context": name, "app_id": null})).collect::<Vec<_>>(),
            },
        },
        "protection_url": format!("{own}/protection"),
    })))
}
