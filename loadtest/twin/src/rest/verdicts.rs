//! Commit statuses and check runs: setting them, and reading what a commit has. Suites and annotations
//! are not here, and re-runs are in `workflows`.

use super::call::{Call, Outcome, Reply, not_a};
use super::refusal::Refusal;
use super::shape::verdicts as shape;
use crate::git::{full_oid, resolve_commit};
use crate::paging::cut;
use crate::standing;
use crate::world::change::Change;
use crate::world::model::RepositoryRecord;
use crate::world::verdict::{CheckRun, CheckStatus, Status, Verdict};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The commit that the path's `ref` or `sha` names.
fn commit(call: &Call<'_>, record: &RepositoryRecord) -> Result<String, Refusal> {
    let name = if call.param("ref").is_empty() { call.param("sha") } else { call.param("ref") };
    let git = call.git(record)?;
    let found = resolve_commit(&git, name.strip_prefix("heads/").unwrap_or(name));
    let found = found.ok_or_else(|| Refusal::unprocessable(format!("No commit found for SHA: {name}")))?;
    Ok(found.id().to_string())
}

/// A word of the body that must be one of an enumeration's.
fn word<T: serde::de::DeserializeOwned>(call: &Call<'_>, field: &str) -> Result<Option<T>, Refusal> {
    match call.body.get(field).filter(|value| !value.is_null()) {
        None => Ok(None),
        Some(value) => {
            serde_json::from_value(value.clone()).map(Some).map_err(|_| not_a(field, value, "possible value"))
        }
    }
}

/// `POST …/statuses/{sha}`
pub fn create_status(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    let sha = full_oid(call.param("sha")).map(|oid| oid.to_string()).unwrap_or_default();
    if call.git(&record)?.find_commit(full_oid(&sha).ok_or_else(Refusal::not_found)?).is_err() {
        return Err(Refusal::unprocessable(format!("No commit found for SHA: {sha}")));
    }
    let state = word(call, "state")?
        .ok_or_else(|| Refusal::unprocessable("Invalid request.\n\n\"state\" wasn't supplied."))?;
    let text = |field| Ok::<_, Refusal>(call.optional_text(field)?.map(str::to_owned));
    let (description, target_url) = (text("description")?, text("target_url")?);
    let context = text("context")?.unwrap_or_else(|| "default".into());
    let creator = call.actor()?;
    let status = call.world.decide::<_, Refusal>(|known| {
        let id = known.next_id();
        let created_at = call.now;
        let status = Status { id, sha, context, state, description, target_url, creator, created_at };
        let verdict = Verdict::Status(status.clone());
        Ok((vec![Change::Judged { repository: record.id, verdict }], status))
    })?;
    let full = call.full_name(&record);
    Ok(Reply::json(201, call.world.read(|state| shape::status(&call.urls, state, &full, &status))))
}

/// `GET …/commits/{ref}/statuses`
pub fn statuses(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    let (sha, full) = (commit(call, &record)?, call.full_name(&record));
    let all: Vec<Value> = call.world.read(|state| {
        let found = state.repositories.get(&record.id).and_then(|found| found.statuses.get(&sha));
        let newest_first = found.into_iter().flatten().rev();
        newest_first.map(|status| shape::status(&call.urls, state, &full, status)).collect()
    });
    let page = cut(call, all);
    Ok(Reply::ok(page.items.into()).link(page.link))
}

/// `GET …/commits/{ref}/status`
pub fn combined(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    let sha = commit(call, &record)?;
    let newest: BTreeMap<String, Status> = call.world.read(|state| {
        let found = state.repositories.get(&record.id).and_then(|found| found.statuses.get(&sha));
        let all = found.into_iter().flatten().cloned();
        all.map(|status| (status.context.clone(), status)).collect()
    });
    let worst = newest.values().map(|status| standing::says(status.state)).max();
    let page = cut(call, newest.into_values().collect());
    let value = call.world.read(|state| {
        let owner = state.org().ok_or_else(Refusal::not_found)?;
        let repository = state.repositories.get(&record.id).ok_or_else(Refusal::not_found)?;
        let shown = (page.items.as_slice(), page.total);
        Ok::<_, Refusal>(shape::combined(&call.urls, owner, repository, &sha, shown, worst))
    })?;
    Ok(Reply::ok(value).link(page.link))
}

/// `GET …/commits/{ref}/check-runs`: the newest of each name.
pub fn check_runs(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    let (sha, full) = (commit(call, &record)?, call.full_name(&record));
    let all = call.query("filter") == Some("all");
    let found: Vec<Value> = call.world.read(|state| {
        let Some(repository) = state.repositories.get(&record.id) else { return Vec::new() };
        let mut found: Vec<&CheckRun> = Vec::new();
        for run in repository.check_runs.values().filter(|run| run.sha == sha) {
            if call.query("check_name").is_none_or(|name| name == run.name)
                && call.query("status").is_none_or(|status| json!(run.status) == status)
            {
                found.retain(|known| all || known.name != run.name);
                found.push(run);
            }
        }
        found.into_iter().map(|run| shape::check_run(&call.urls, state, &full, run)).collect()
    });
    let page = cut(call, found);
    Ok(Reply::ok(json!({"total_count": page.total, "check_runs": page.items})).link(page.link))
}

fn run(call: &Call<'_>, record: &RepositoryRecord) -> Result<CheckRun, Refusal> {
    let id: u64 = call.param("check_run_id").parse().map_err(|_| Refusal::not_found())?;
    let found = call.world.read(|state| state.repositories.get(&record.id)?.check_runs.get(&id).cloned());
    found.ok_or_else(Refusal::not_found)
}

fn shown_run(call: &Call<'_>, record: &RepositoryRecord, run: &CheckRun, status: u16) -> Outcome {
    let full = call.full_name(record);
    Ok(Reply::json(status, call.world.read(|state| shape::check_run(&call.urls, state, &full, run))))
}

/// `GET …/check-runs/{check_run_id}`
pub fn check_run(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    shown_run(call, &record, &run(call, &record)?, 200)
}

/// Check runs are an app's: GitHub lets nobody else write them.
fn app_alone(call: &Call<'_>) -> Result<(), Refusal> {
    if call.caller.is_installation() {
        return Ok(());
    }
    Err(Refusal::new(403, "You must authenticate via a GitHub App."))
}

/// What the body says of a run.
fn told(call: &Call<'_>, run: &mut CheckRun) -> Result<(), Refusal> {
    let text = |field, known: &Option<String>| {
        Ok::<_, Refusal>(call.optional_text(field)?.map(str::to_owned).or_else(|| known.clone()))
    };
    if let Some(name) = call.optional_text("name")? {
        name.clone_into(&mut run.name);
    }
    run.external_id = text("external_id", &run.external_id)?;
    run.details_url = text("details_url", &run.details_url)?;
    let output = |field: &str| call.body["output"][field].as_str().map(str::to_owned);
    run.title = output("title").or_else(|| run.title.clone());
    run.summary = output("summary").or_else(|| run.summary.clone());
    run.status = word(call, "status")?.unwrap_or(run.status);
    if let Some(conclusion) = word(call, "conclusion")? {
        (run.status, run.conclusion) = (CheckStatus::Completed, Some(conclusion));
        run.completed_at = Some(call.now);
    }
    if run.status == CheckStatus::Completed && run.conclusion.is_none() {
        return Err(Refusal::unprocessable("Invalid request.\n\n\"conclusion\" wasn't supplied."));
    }
    Ok(())
}

fn recorded(call: &Call<'_>, record: &RepositoryRecord, run: CheckRun, status: u16) -> Outcome {
    let verdict = Verdict::CheckRun(run.clone());
    call.world.record(vec![Change::Judged { repository: record.id, verdict }])?;
    shown_run(call, record, &run, status)
}

/// `POST …/check-runs`
pub fn create_check_run(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    app_alone(call)?;
    let sha = call.text("head_sha")?.to_owned();
    if full_oid(&sha).is_none_or(|oid| call.git(&record).is_ok_and(|git| git.find_commit(oid).is_err())) {
        return Err(Refusal::unprocessable(format!("No commit found for SHA: {sha}")));
    }
    let mut run = CheckRun {
        id: call.world.read(crate::world::state::State::next_id),
        sha,
        name: call.text("name")?.to_owned(),
        status: CheckStatus::Queued,
        conclusion: None,
        external_id: None,
        details_url: None,
        title: None,
        summary: None,
        started_at: call.now,
        completed_at: None,
        workflow: None,
    };
    told(call, &mut run)?;
    recorded(call, &record, run, 201)
}

/// `PATCH …/check-runs/{check_run_id}`
pub fn update_check_run(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    app_alone(call)?;
    let mut run = run(call, &record)?;
    told(call, &mut run)?;
    recorded(call, &record, run, 200)
}
