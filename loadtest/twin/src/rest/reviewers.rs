//! Who is asked to review a pull request: people and teams. Reviews themselves are not here.

use super::call::{Call, Outcome, Reply};
use super::refusal::Refusal;
use super::shape::{pulls, users};
use crate::world::change::{Change, Edit};
use crate::world::model::{Pull, RepositoryRecord};
use serde_json::json;

/// `GET …/pulls/{pull_number}/requested_reviewers`
pub fn list(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    let pull = call.pull(&record)?;
    let value = call.world.read(|state| {
        let owner = state.org().ok_or_else(Refusal::not_found)?;
        let people = pull.reviewers.iter().filter_map(|id| state.accounts.get(id));
        let teams = pull.teams.iter().filter_map(|id| state.teams.get(id));
        Ok::<_, Refusal>(json!({
            "users": people.map(|account| users::simple(&call.urls, account)).collect::<Vec<_>>(),
            "teams": teams.map(|team| pulls::team(&call.urls, owner, team)).collect::<Vec<_>>(),
        }))
    })?;
    Ok(Reply::ok(value))
}

/// `POST …/pulls/{pull_number}/requested_reviewers`
pub fn request(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    let pull = call.pull(&record)?;
    let (people, asked_teams) = named(call, &record)?;
    if people.contains(&pull.author) {
        return Err(Refusal::unprocessable("Review cannot be requested from pull request author."));
    }
    let (mut reviewers, mut teams) = (pull.reviewers.clone(), pull.teams.clone());
    reviewers.extend(people.into_iter().filter(|id| !pull.reviewers.contains(id)));
    teams.extend(asked_teams.into_iter().filter(|id| !pull.teams.contains(id)));
    settle(call, &record, &pull, (reviewers, teams), 201)
}

/// `DELETE …/pulls/{pull_number}/requested_reviewers`
pub fn remove(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    let pull = call.pull(&record)?;
    let (people, teams) = named(call, &record)?;
    let without =
        |from: &[u64], named: &[u64]| from.iter().copied().filter(|id| !named.contains(id)).collect();
    settle(call, &record, &pull, (without(&pull.reviewers, &people), without(&pull.teams, &teams)), 200)
}

/// The accounts and the teams that the body names.
fn named(call: &Call<'_>, record: &RepositoryRecord) -> Result<(Vec<u64>, Vec<u64>), Refusal> {
    let logins = call.texts("reviewers")?.unwrap_or_default();
    let slugs = call.texts("team_reviewers")?.unwrap_or_default();
    let full_name = call.full_name(record);
    let (people, teams): (Vec<u64>, Vec<u64>) = call.world.read(|state| {
        let people = logins.iter().filter_map(|login| state.account(login)).map(|account| account.id);
        let team = |slug: &String| state.teams.values().find(|team| team.slug.eq_ignore_ascii_case(slug));
        let teams = slugs.iter().filter_map(team).map(|team| team.id);
        (people.filter(|id| state.is_collaborator(*id)).collect(), teams.collect())
    });
    if people.len() < logins.len() || teams.len() < slugs.len() {
        return Err(Refusal::unprocessable(format!(
            "Reviews may only be requested from collaborators. One or more of the users or teams you specified \
             is not a collaborator of the {full_name} repository."
        )));
    }
    Ok((people, teams))
}

fn settle(
    call: &Call<'_>,
    record: &RepositoryRecord,
    pull: &Pull,
    (reviewers, teams): (Vec<u64>, Vec<u64>),
    status: u16,
) -> Outcome {
    let edit = Box::new(Edit { reviewers: Some(reviewers), teams: Some(teams), ..Edit::default() });
    call.world.record(vec![Change::PullEdited { repository: record.id, number: pull.number, edit }])?;
    let value = call.world.read(|state| {
        let owner = state.org().ok_or_else(Refusal::not_found)?;
        let repository = state.repositories.get(&record.id).ok_or_else(Refusal::not_found)?;
        let pull = repository.pulls.get(&pull.number).ok_or_else(Refusal::not_found)?;
        Ok::<_, Refusal>(pulls::listed_pull(&call.urls, state, owner, repository, pull))
    })?;
    Ok(Reply::json(status, value))
}
