//! The conversation side of a pull request: labels, assignees, comments, and the issue view of it. Issues that
//! are not pull requests do not exist in this world.

use super::call::{Call, Outcome, Reply};
use super::refusal::Refusal;
use super::shape::pulls as shape;
use crate::paging::cut;
use crate::world::change::{Change, Edit};
use crate::world::model::{Comment, Label, Pull, RepositoryRecord};
use crate::world::state::State;
use serde_json::Value;

/// GitHub's colour for a label that is made by using it.
const PLAIN: &str = "ededed";
/// No label's name is longer, in characters.
const LONGEST_LABEL: usize = 50;
/// At most so many assignees.
const MOST_ASSIGNEES: usize = 10;

fn shown(call: &Call<'_>, record: &RepositoryRecord, number: u64) -> Result<Value, Refusal> {
    call.world.read(|state| {
        let owner = state.org().ok_or_else(Refusal::not_found)?;
        let repository = state.repositories.get(&record.id).ok_or_else(Refusal::not_found)?;
        let pull = repository.pulls.get(&number).ok_or_else(Refusal::not_found)?;
        Ok(shape::issue(&call.urls, state, owner, repository, pull))
    })
}

fn found(call: &Call<'_>) -> Result<(RepositoryRecord, Pull), Refusal> {
    let record = call.repository()?;
    let pull = call.pull(&record)?;
    Ok((record, pull))
}

fn edited(record: &RepositoryRecord, pull: &Pull, edit: Edit) -> Change {
    Change::PullEdited { repository: record.id, number: pull.number, edit: Box::new(edit) }
}

/// `GET …/issues/{issue_number}`
pub fn get(call: &Call<'_>) -> Outcome {
    let (record, pull) = found(call)?;
    Ok(Reply::ok(shown(call, &record, pull.number)?).modified(pull.updated_at))
}

/// `PATCH …/issues/{issue_number}`
pub fn update(call: &Call<'_>) -> Outcome {
    let (record, pull) = found(call)?;
    let mut edit = Edit { title: call.optional_text("title")?.map(str::to_owned), ..Edit::default() };
    if call.body.get("body").is_some() {
        edit.body = Some(call.optional_text("body")?.map(str::to_owned));
    }
    edit.labels = names(call)?;
    if let Some(logins) = call.texts("assignees")? {
        edit.assignees = Some(accounts(call, &logins));
    }
    let state_change = super::pulls_write::state_change(call, &call.git(&record)?, &record, &pull)?;
    call.world.decide::<_, Refusal>(|state| {
        let mut changes = new_labels(state, &record, edit.labels.as_deref().unwrap_or_default());
        changes.push(edited(&record, &pull, edit));
        changes.extend(state_change);
        Ok((changes, ()))
    })?;
    Ok(Reply::ok(shown(call, &record, pull.number)?))
}

/// The labels that the body names: texts, or objects with a `name`.
fn names(call: &Call<'_>) -> Result<Option<Vec<String>>, Refusal> {
    let list = match (&call.body, call.body.get("labels")) {
        (Value::Array(list), _) | (_, Some(Value::Array(list))) => list,
        (_, None | Some(Value::Null)) => return Ok(None),
        (_, Some(other)) => return Err(super::call::not_a("labels", other, "array")),
    };
    let mut names: Vec<String> = Vec::new();
    for item in list {
        let name = item.as_str().or_else(|| item.get("name").and_then(Value::as_str));
        let name = name.map(str::trim).filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| Refusal::validation("Label", "missing_field", Some("name"), None))?;
        if name.chars().count() > LONGEST_LABEL {
            let message = format!("name is too long (maximum is {LONGEST_LABEL} characters)");
            return Err(Refusal::validation("Label", "invalid", Some("name"), Some(message)));
        }
        if !names.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            names.push(name.to_owned());
        }
    }
    Ok(Some(names))
}

/// Using a label that does not exist makes it.
fn new_labels(state: &State, record: &RepositoryRecord, names: &[String]) -> Vec<Change> {
    let Some(repository) = state.repositories.get(&record.id) else { return Vec::new() };
    names
        .iter()
        .filter(|name| !repository.labels.contains_key(&name.to_lowercase()))
        .enumerate()
        .map(|(index, name)| Change::LabelCreated {
            repository: record.id,
            label: Label {
                id: state.next_id() + index as u64,
                name: name.clone(),
                color: PLAIN.into(),
                description: None,
            },
        })
        .collect()
}

fn relabel(call: &Call<'_>, choose: impl FnOnce(&Pull) -> Result<Vec<String>, Refusal>) -> Outcome {
    let (record, pull) = found(call)?;
    let labels = choose(&pull)?;
    call.world.decide::<_, Refusal>(|state| {
        let mut changes = new_labels(state, &record, &labels);
        changes.push(edited(&record, &pull, Edit { labels: Some(labels), ..Edit::default() }));
        Ok((changes, ()))
    })?;
    Ok(Reply::ok(labels_of(call, &record, pull.number)?.into()))
}

fn labels_of(call: &Call<'_>, record: &RepositoryRecord, number: u64) -> Result<Vec<Value>, Refusal> {
    let full_name = call.full_name(record);
    call.world.read(|state| {
        let repository = state.repositories.get(&record.id).ok_or_else(Refusal::not_found)?;
        let pull = repository.pulls.get(&number).ok_or_else(Refusal::not_found)?;
        Ok(shape::labels(&call.urls, &full_name, repository, pull))
    })
}

/// `GET …/issues/{issue_number}/labels`
pub fn labels(call: &Call<'_>) -> Outcome {
    let (record, pull) = found(call)?;
    let page = cut(call, labels_of(call, &record, pull.number)?);
    Ok(Reply::ok(page.items.into()).link(page.link))
}

/// `POST …/issues/{issue_number}/labels`
pub fn add_labels(call: &Call<'_>) -> Outcome {
    let more = names(call)?
        .ok_or_else(|| Refusal::unprocessable("Invalid request.\n\n\"labels\" wasn't supplied."))?;
    relabel(call, |pull| {
        let mut all = pull.labels.clone();
        all.extend(
            more.into_iter().filter(|name| !pull.labels.iter().any(|known| known.eq_ignore_ascii_case(name))),
        );
        Ok(all)
    })
}

/// `PUT …/issues/{issue_number}/labels`
pub fn set_labels(call: &Call<'_>) -> Outcome {
    let all = names(call)?.unwrap_or_default();
    relabel(call, |_| Ok(all))
}

/// `DELETE …/issues/{issue_number}/labels/{name}`
pub fn remove_label(call: &Call<'_>) -> Outcome {
    let name = call.param("name");
    relabel(call, |pull| {
        let rest: Vec<String> =
            pull.labels.iter().filter(|known| !known.eq_ignore_ascii_case(name)).cloned().collect();
        if rest.len() == pull.labels.len() {
            Err(Refusal::new(404, "Label does not exist"))
        } else {
            Ok(rest)
        }
    })
}

/// `DELETE …/issues/{issue_number}/labels`
pub fn clear_labels(call: &Call<'_>) -> Outcome {
    relabel(call, |_| Ok(Vec::new()))?;
    Ok(Reply::empty(204))
}

/// The people behind logins; whoever cannot be assigned is left out silently, as at GitHub.
fn accounts(call: &Call<'_>, logins: &[String]) -> Vec<u64> {
    call.world.read(|state| {
        logins
            .iter()
            .filter_map(|login| state.account(login))
            .map(|account| account.id)
            .filter(|id| state.is_collaborator(*id))
            .take(MOST_ASSIGNEES)
            .collect()
    })
}

fn reassign(call: &Call<'_>, status: u16, change: impl FnOnce(&mut Vec<u64>, Vec<u64>)) -> Outcome {
    let (record, pull) = found(call)?;
    let named = accounts(call, &call.texts("assignees")?.unwrap_or_default());
    let mut assignees = pull.assignees.clone();
    change(&mut assignees, named);
    assignees.truncate(MOST_ASSIGNEES);
    call.world.record(vec![edited(
        &record,
        &pull,
        Edit { assignees: Some(assignees), ..Edit::default() },
    )])?;
    Ok(Reply::json(status, shown(call, &record, pull.number)?))
}

/// `POST …/issues/{issue_number}/assignees`
pub fn add_assignees(call: &Call<'_>) -> Outcome {
    reassign(call, 201, |assignees, named| {
        for id in named {
            if !assignees.contains(&id) {
                assignees.push(id);
            }
        }
    })
}

/// `DELETE …/issues/{issue_number}/assignees`
pub fn remove_assignees(call: &Call<'_>) -> Outcome {
    reassign(call, 200, |assignees, named| assignees.retain(|id| !named.contains(id)))
}

/// `GET …/issues/{issue_number}/comments`
pub fn comments(call: &Call<'_>) -> Outcome {
    let (record, pull) = found(call)?;
    let since = call.query("since").and_then(|text| chrono::DateTime::parse_from_rfc3339(text).ok());
    let full_name = call.full_name(&record);
    let all: Vec<Value> = call.world.read(|state| {
        let Some(repository) = state.repositories.get(&record.id) else { return Vec::new() };
        repository
            .comments
            .values()
            .filter(|comment| comment.pull == pull.number)
            .filter(|comment| since.is_none_or(|since| comment.updated_at >= since))
            .map(|comment| shape::comment(&call.urls, state, &full_name, comment))
            .collect()
    });
    let page = cut(call, all);
    Ok(Reply::ok(page.items.into()).link(page.link))
}

fn comment_of(call: &Call<'_>, record: &RepositoryRecord) -> Result<Comment, Refusal> {
    let id: u64 = call.param("comment_id").parse().map_err(|_| Refusal::not_found())?;
    call.world
        .read(|state| state.repositories.get(&record.id)?.comments.get(&id).cloned())
        .ok_or_else(Refusal::not_found)
}

fn shown_comment(call: &Call<'_>, record: &RepositoryRecord, comment: &Comment) -> Value {
    let full_name = call.full_name(record);
    call.world.read(|state| shape::comment(&call.urls, state, &full_name, comment))
}

/// `POST …/issues/{issue_number}/comments`
pub fn create_comment(call: &Call<'_>) -> Outcome {
    let (record, pull) = found(call)?;
    let body = non_empty(call)?;
    let author = call.actor()?;
    let comment = call.world.decide::<_, Refusal>(|state| {
        let comment = Comment {
            id: state.next_id(),
            pull: pull.number,
            author,
            body,
            created_at: call.now,
            updated_at: call.now,
        };
        Ok((vec![Change::CommentWritten { repository: record.id, comment: comment.clone() }], comment))
    })?;
    Ok(Reply::json(201, shown_comment(call, &record, &comment)))
}

fn non_empty(call: &Call<'_>) -> Result<String, Refusal> {
    let body = call.text("body")?;
    if body.trim().is_empty() {
        return Err(Refusal::validation("IssueComment", "missing_field", Some("body"), None));
    }
    Ok(body.to_owned())
}

/// `GET …/issues/comments/{comment_id}`
pub fn comment(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    let comment = comment_of(call, &record)?;
    Ok(Reply::ok(shown_comment(call, &record, &comment)).modified(comment.updated_at))
}

/// `PATCH …/issues/comments/{comment_id}`
pub fn update_comment(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    let comment = Comment { body: non_empty(call)?, updated_at: call.now, ..comment_of(call, &record)? };
    call.world.record(vec![Change::CommentWritten { repository: record.id, comment: comment.clone() }])?;
    Ok(Reply::ok(shown_comment(call, &record, &comment)))
}

/// `DELETE …/issues/comments/{comment_id}`
pub fn delete_comment(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    let comment = comment_of(call, &record)?;
    call.world.record(vec![Change::CommentDeleted { repository: record.id, id: comment.id }])?;
    Ok(Reply::empty(204))
}
