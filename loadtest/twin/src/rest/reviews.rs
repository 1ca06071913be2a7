//! Reviews of pull requests: submitting, reading, dismissing. Pending reviews and comments on lines are not here.

use super::call::{Call, Outcome, Reply};
use super::refusal::Refusal;
use super::shape::verdicts as shape;
use crate::paging::cut;
use crate::world::change::Change;
use crate::world::model::{Pull, RepositoryRecord};
use crate::world::verdict::{Review, ReviewState, Verdict};
use serde_json::Value;

fn shown(call: &Call<'_>, record: &RepositoryRecord, pull: &Pull, review: &Review) -> Value {
    let full = call.full_name(record);
    call.world.read(|state| shape::review(&call.urls, state, &full, pull, review))
}

fn recorded(call: &Call<'_>, record: &RepositoryRecord, pull: &Pull, review: Review) -> Outcome {
    let verdict = Verdict::Review(review.clone());
    call.world.record(vec![Change::Judged { repository: record.id, verdict }])?;
    Ok(Reply::ok(shown(call, record, pull, &review)))
}

/// `GET …/pulls/{pull_number}/reviews`
pub fn list(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    let pull = call.pull(&record)?;
    let all: Vec<Review> = call.world.read(|state| {
        let found = state.repositories.get(&record.id).map(|found| found.reviews.values());
        found.into_iter().flatten().filter(|review| review.pull == pull.number).cloned().collect()
    });
    let page = cut(call, all);
    let items: Vec<Value> = page.items.iter().map(|review| shown(call, &record, &pull, review)).collect();
    Ok(Reply::ok(items.into()).link(page.link))
}

fn found(call: &Call<'_>, record: &RepositoryRecord, pull: &Pull) -> Result<Review, Refusal> {
    let id: u64 = call.param("review_id").parse().map_err(|_| Refusal::not_found())?;
    let review = call.world.read(|state| state.repositories.get(&record.id)?.reviews.get(&id).cloned());
    review.filter(|review| review.pull == pull.number).ok_or_else(Refusal::not_found)
}

/// `GET …/pulls/{pull_number}/reviews/{review_id}`
pub fn get(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    let pull = call.pull(&record)?;
    Ok(Reply::ok(shown(call, &record, &pull, &found(call, &record, &pull)?)))
}

/// `POST …/pulls/{pull_number}/reviews`
pub fn create(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    let pull = call.pull(&record)?;
    let author = call.actor()?;
    let (state, verb) = match call.optional_text("event")? {
        Some("APPROVE") => (ReviewState::Approved, "approve"),
        Some("REQUEST_CHANGES") => (ReviewState::ChangesRequested, "request changes on"),
        Some("COMMENT") => (ReviewState::Commented, "comment"),
        None => return Err(Refusal::not_implemented("pulls/create-review", "a pending review")),
        Some(_) => return Err(Refusal::unprocessable("Variable $event was provided invalid value")),
    };
    if call.body["comments"].as_array().is_some_and(|comments| !comments.is_empty()) {
        return Err(Refusal::not_implemented("pulls/create-review", "comments on lines"));
    }
    if author == pull.author && state != ReviewState::Commented {
        return Err(Refusal::unprocessable(format!("Can not {verb} your own pull request")));
    }
    let body = call.optional_text("body")?.unwrap_or_default().to_owned();
    if body.trim().is_empty() && state != ReviewState::Approved {
        return Err(Refusal::unprocessable("Review body is required"));
    }
    let commit = call.optional_text("commit_id")?.unwrap_or(&pull.head_sha).to_owned();
    let id = call.world.read(crate::world::state::State::next_id);
    let review = Review { id, pull: pull.number, author, state, body, commit, submitted_at: call.now };
    recorded(call, &record, &pull, review)
}

/// `PUT …/pulls/{pull_number}/reviews/{review_id}/dismissals`
pub fn dismiss(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    let pull = call.pull(&record)?;
    call.text("message")?;
    let review = found(call, &record, &pull)?;
    if !matches!(review.state, ReviewState::Approved | ReviewState::ChangesRequested) {
        return Err(Refusal::unprocessable("Can not dismiss a commented pull request review"));
    }
    recorded(call, &record, &pull, Review { state: ReviewState::Dismissed, ..review })
}
