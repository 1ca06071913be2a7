//! What branches demand, over REST: classic protection, rulesets, the rules of a branch, errors in CODEOWNERS.
//! Rulesets are made by people's verbs; those of organisations are not here.

use super::call::{Call, Outcome, Reply, not_a};
use super::refusal::Refusal;
use super::shape::git::path;
use super::shape::rules as shape;
use crate::auth::Caller;
use crate::codeowners;
use crate::git::refs;
use crate::paging::cut;
use crate::world::change::Change;
use crate::world::model::{Level, RepositoryRecord};
use crate::world::rules::{Bypass, Demands, Protection, Rule, Ruleset};
use serde_json::{Value, json};

fn address(call: &Call<'_>, record: &RepositoryRecord, branch: &str) -> String {
    format!("{}/branches/{}/protection", call.home(record).api, path(branch))
}

/// The branch that the path names.
fn branch<'a>(call: &'a Call<'_>, record: &RepositoryRecord) -> Result<&'a str, Refusal> {
    let name = call.param("branch");
    match refs::tip(&call.git(record)?, name) {
        Some(_) => Ok(name),
        None => Err(Refusal::new(404, "Branch not found")),
    }
}

/// `GET …/branches/{branch}/protection`
pub fn protection(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    let name = branch(call, &record)?;
    let found = call.world.read(|state| state.repositories.get(&record.id)?.protections.get(name).cloned());
    let found = found.ok_or_else(|| Refusal::new(404, "Branch not protected"))?;
    Ok(Reply::ok(shape::protection(&address(call, &record, name), &found)))
}

/// `PUT …/branches/{branch}/protection`
pub fn protect(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    let name = branch(call, &record)?;
    let object = |field: &str| match call.body.get(field) {
        None => Err(Refusal::unprocessable(format!("Invalid request.\n\n\"{field}\" wasn't supplied."))),
        Some(Value::Null) => Ok(&Value::Null),
        Some(value @ Value::Object(_)) => Ok(value),
        Some(other) => Err(not_a(field, other, "object")),
    };
    let (checks, reviews) = (object("required_status_checks")?, object("required_pull_request_reviews")?);
    if !object("restrictions")?.is_null() {
        return Err(Refusal::not_implemented("repos/update-branch-protection", "restrictions on pushing"));
    }
    let texts = |list: &Value, field: Option<&str>| -> Vec<String> {
        let items = list.as_array().into_iter().flatten();
        let item = |item: &Value| field.map_or(item, |field| &item[field]).as_str().map(str::to_owned);
        items.filter_map(item).collect()
    };
    let mut names = texts(&checks["contexts"], None);
    names.extend(texts(&checks["checks"], Some("context")));
    names.dedup();
    let count = reviews["required_approving_review_count"].as_u64();
    let demands = Demands {
        checks: names,
        strict: checks["strict"] == true,
        approvals: usize::try_from(count.unwrap_or(u64::from(!reviews.is_null()))).unwrap_or(usize::MAX),
        code_owners: reviews["require_code_owner_reviews"] == true,
        dismiss_stale: reviews["dismiss_stale_reviews"] == true,
        queue: false,
    };
    let enforce_admins = call.flag("enforce_admins")?.unwrap_or(false);
    let protection = Protection { branch: name.to_owned(), demands, enforce_admins };
    let shown = shape::protection(&address(call, &record, name), &protection);
    call.world.record(vec![Change::Ruled { repository: record.id, rule: Rule::Protected(protection) }])?;
    Ok(Reply::ok(shown))
}

/// `DELETE …/branches/{branch}/protection`
pub fn unprotect(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    let name = branch(call, &record)?.to_owned();
    let known = call.world.read(|state| {
        state.repositories.get(&record.id).is_some_and(|found| found.protections.contains_key(&name))
    });
    if !known {
        return Err(Refusal::new(404, "Branch not protected"));
    }
    let rule = Rule::Unprotected { branch: name };
    call.world.record(vec![Change::Ruled { repository: record.id, rule }])?;
    Ok(Reply::empty(204))
}

fn all(call: &Call<'_>, record: &RepositoryRecord) -> Vec<Ruleset> {
    call.world.read(|state| {
        let found = state.repositories.get(&record.id).map(|found| found.rulesets.values());
        found.into_iter().flatten().cloned().collect()
    })
}

/// `GET …/rulesets`
pub fn rulesets(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    let full = call.full_name(&record);
    let page = cut(call, all(call, &record));
    let items = page.items.iter().map(|found| shape::listed_ruleset(&call.urls, &full, found));
    Ok(Reply::ok(items.collect()).link(page.link))
}

/// `GET …/rulesets/{ruleset_id}`
pub fn ruleset(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    let id: u64 = call.param("ruleset_id").parse().map_err(|_| Refusal::not_found())?;
    let found = all(call, &record).into_iter().find(|found| found.id == id);
    let found = found.ok_or_else(Refusal::not_found)?;
    let account = call.caller.account(call.world);
    let (app, admin) = call.world.read(|state| (state.app.as_ref().map_or(0, |app| app.id), state.admin()));
    let passes = match &call.caller {
        caller if caller.is_installation() => found.bypass.contains(&Bypass::App),
        Caller::Token(_) => found.bypass.contains(&Bypass::Admins) && account == Some(admin),
        _ => false,
    };
    let sees_list = match &call.caller {
        Caller::Token(_) => call.caller.may(record.id, &[("administration", Level::Write)]),
        _ => false,
    };
    Ok(Reply::ok(shape::ruleset(&call.urls, &call.full_name(&record), &found, (app, passes, sees_list))))
}

/// `GET …/rules/branches/{branch}`: those of active rulesets; classic protection is not among them.
pub fn of_branch(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    let (name, full) = (call.param("branch"), call.full_name(&record));
    let on = |ruleset: &Ruleset| ruleset.branch.as_deref().unwrap_or(&record.default_branch) == name;
    let rules = all(call, &record).into_iter().filter(on).flat_map(|found| shape::detailed(&full, &found));
    let page = cut(call, rules.collect());
    Ok(Reply::ok(page.items.into()).link(page.link))
}

/// `GET …/codeowners/errors`
pub fn codeowners_errors(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    let git = call.git(&record)?;
    let at = call.query("ref").unwrap_or(&record.default_branch);
    let (place, text) = codeowners::file(&git, at)?.ok_or_else(Refusal::not_found)?;
    let errors: Vec<Value> = call.world.read(|state| {
        let mut errors = Vec::new();
        for line in codeowners::lines(&text) {
            for owner in &line.owners {
                if codeowners::named(state, owner).is_some() || !owner.starts_with('@') {
                    continue;
                }
                let source = text.lines().nth(line.number - 1).unwrap_or("");
                let column = source.find(owner).map_or(1, |at| at + 1);
                let suggestion = format!("make sure {owner} exists and has write access to the repository");
                errors.push(json!({
                    "line": line.number,
                    "column": column,
                    "kind": "Unknown owner",
                    "source": source,
                    "suggestion": suggestion,
                    "message": format!(
                        "Unknown owner on line {}: {suggestion}\n\n  {source}\n  {}^",
                        line.number,
                        " ".repeat(column - 1)
                    ),
                    "path": place,
                }));
            }
        }
        errors
    });
    Ok(Reply::ok(json!({"errors": errors})))
}
