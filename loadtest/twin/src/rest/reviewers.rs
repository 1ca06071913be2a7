//! Who is asked to review a pull request. Teams do not exist in this world, and reviews themselves are not here.

use super::call::{Call, Outcome, Reply};
use super::refusal::Refusal;
use super::shape::{pulls, users};
use crate::world::change::{Change, Edit};
use crate::world::model::{Pull, RepositoryRecord};
use serde_json::{Value, json};

/// `GET …/pulls/{pull_number}/requested_reviewers`
pub fn list(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    let pull = call.pull(&record)?;
    let people: Vec<Value> = call.world.read(|state| {
        pull.reviewers
            .iter()
            .filter_map(|id| state.accounts.get(id))
            .map(|account| users::simple(&call.urls, account))
            .collect()
    });
    Ok(Reply::ok(json!({"users": people, "teams": []})))
}

/// `POST …/pulls/{pull_number}/requested_reviewers`
pub fn request(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    let pull = call.pull(&record)?;
    let named = named(call, &record)?;
    if named.contains(&pull.author) {
        return Err(Refusal::unprocessable("Review cannot be requested from pull request author."));
    }
    let mut reviewers = pull.reviewers.clone();
    reviewers.extend(named.into_iter().filter(|id| !pull.reviewers.contains(id)));
    settle(call, &record, &pull, reviewers, 201)
}

/// `DELETE …/pulls/{pull_number}/requested_reviewers`
pub fn remove(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    let pull = call.pull(&record)?;
    let named = named(call, &record)?;
    let reviewers = pull.reviewers.iter().copied().filter(|id| !named.contains(id)).collect();
    settle(call, &record, &pull, reviewers, 200)
}

fn named(call: &Call<'_>, record: &RepositoryRecord) -> Result<Vec<u64>, Refusal> {
    let logins = call.texts("reviewers")?.unwrap_or_default();
    let teams = call.texts("team_reviewers")?.unwrap_or_default();
    let full_name = call.full_name(record);
    let found: Vec<u64> = call.world.read(|state| {
        let people = logins.iter().filter_map(|login| state.account(login)).map(|account| account.id);
        people.filter(|id| state.is_collaborator(*id)).collect()
    });
    if found.len() < logins.len() || !teams.is_empty() {
        return Err(Refusal::unprocessable(format!(
            "Reviews may only be requested from collaborators. One or more of the users or teams you specified \
             is not a collaborator of the {full_name} repository."
        )));
    }
    Ok(found)
}

fn settle(
    call: &Call<'_>,
    record: &RepositoryRecord,
    pull: &Pull,
    reviewers: Vec<u64>,
    status: u16,
) -> Outcome {
    let edit = Box::new(Edit { reviewers: Some(reviewers), ..Edit::default() });
    call.world.record(vec![Change::PullEdited { repository: record.id, number: pull.number, edit }])?;
    let value = call.world.read(|state| {
        let owner = state.org().ok_or_else(Refusal::not_found)?;
        let repository = state.repositories.get(&record.id).ok_or_else(Refusal::not_found)?;
        let pull = repository.pulls.get(&pull.number).ok_or_else(Refusal::not_found)?;
        Ok::<_, Refusal>(pulls::listed_pull(&call.urls, state, owner, repository, pull))
    })?;
    Ok(Reply::json(status, value))
}
