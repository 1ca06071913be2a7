//! The app and its installation: who it is, where it is installed, and tokens that act for it, narrowed to
//! repositories and permissions. User-to-server tokens and app manifests are not here.

use super::call::{Call, Outcome, Reply};
use super::refusal::Refusal;
use super::{repos, shape};
use crate::clock::stamp;
use crate::paging::cut;
use crate::secrets;
use crate::world::change::Change;
use crate::world::model::{Account, App, Grant, Holder, Installation, Level, Permissions, RepositoryRecord};
use crate::world::state::Found;
use chrono::Duration;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// GitHub's cap on the repositories that one token request names.
const MOST_REPOSITORIES: usize = 500;

fn known(call: &Call<'_>) -> Result<(App, Installation, Account), Refusal> {
    call.world
        .read(|state| Some((state.app.clone()?, state.installation.clone()?, state.org().cloned()?)))
        .ok_or_else(Refusal::not_found)
}

fn shown(call: &Call<'_>) -> Result<Value, Refusal> {
    let (app, installation, org) = known(call)?;
    Ok(shape::apps::installation(&call.urls, &installation, &app, &org))
}

/// `GET /app`
pub fn get(call: &Call<'_>) -> Outcome {
    let (app, org) = call
        .world
        .read(|state| Some((state.app.clone()?, state.org().cloned()?)))
        .ok_or_else(Refusal::not_found)?;
    Ok(Reply::ok(shape::apps::integration(&call.urls, &app, &org)))
}

/// `GET /app/installations`
pub fn installations(call: &Call<'_>) -> Outcome {
    let installed = call.world.read(|state| state.installation.is_some());
    let page = cut(call, if installed { vec![shown(call)?] } else { Vec::new() });
    Ok(Reply::ok(page.items.into()).link(page.link))
}

/// `GET /app/installations/{installation_id}`
pub fn installation(call: &Call<'_>) -> Outcome {
    named(call)?;
    Ok(Reply::ok(shown(call)?))
}

/// `GET /orgs/{org}/installation`
pub fn of_org(call: &Call<'_>) -> Outcome {
    let (_, _, org) = known(call)?;
    if !org.login.eq_ignore_ascii_case(call.param("org")) {
        return Err(Refusal::not_found());
    }
    Ok(Reply::ok(shown(call)?))
}

/// `GET /users/{username}/installation`: no person has installed the app in this world.
pub fn of_user(_: &Call<'_>) -> Outcome {
    Err(Refusal::not_found())
}

/// `GET /repos/{owner}/{repo}/installation`
pub fn of_repository(call: &Call<'_>) -> Outcome {
    // The app itself may ask about a private repository, which `Call::repository` would hide from it.
    let installed = call.world.read(|state| {
        let (Found::Here(found) | Found::Moved(found)) =
            state.repository(call.param("owner"), call.param("repo"))?;
        Some(state.installation.as_ref()?.reaches(&found.record))
    });
    if installed != Some(true) {
        return Err(Refusal::not_found());
    }
    Ok(Reply::ok(shown(call)?))
}

fn named(call: &Call<'_>) -> Result<Installation, Refusal> {
    let (_, installation, _) = known(call)?;
    if call.param("installation_id").parse() != Ok(installation.id) {
        return Err(Refusal::not_found());
    }
    Ok(installation)
}

/// `POST /app/installations/{installation_id}/access_tokens`
pub fn create_token(call: &Call<'_>) -> Outcome {
    let installation = named(call)?;
    let (app, _, org) = known(call)?;
    if installation.suspended_at.is_some() {
        return Err(Refusal::suspended());
    }
    let chosen = chosen(call, &installation)?;
    let permissions = permissions(call, &installation.permissions)?;
    let token = secrets::installation_token(app.id);
    let expires_at = call.now + Duration::hours(1);
    let grant = Grant {
        digest: secrets::digest(&token),
        holder: Holder::Installation {
            installation: installation.id,
            repositories: chosen.as_ref().map(|records| records.iter().map(|record| record.id).collect()),
            permissions: permissions.clone(),
        },
        expires_at: Some(expires_at),
    };
    call.world.record(vec![Change::TokenIssued { grant }])?;
    let mut body = json!({
        "token": token,
        "expires_at": stamp(expires_at),
        "permissions": shape::apps::permissions(&permissions),
        "repository_selection": if chosen.is_some() { "selected" } else { shape::apps::selection(&installation) },
    });
    if let Some(records) = chosen {
        body["repositories"] = records
            .iter()
            .map(|record| shape::repos::listed(&call.urls, &org, record, 0, repos::access(call, record.id)))
            .collect();
    }
    Ok(Reply::json(201, body))
}

/// The repositories that the body names; `None` when it names none, which means all.
fn chosen(call: &Call<'_>, installation: &Installation) -> Result<Option<Vec<RepositoryRecord>>, Refusal> {
    let names = call.texts("repositories")?;
    let ids: Option<Vec<u64>> = match call.body.get("repository_ids") {
        None | Some(Value::Null) => None,
        Some(Value::Array(ids)) => Some(ids.iter().filter_map(Value::as_u64).collect()),
        Some(other) => return Err(super::call::not_a("repository_ids", other, "array")),
    };
    if names.is_none() && ids.is_none() {
        return Ok(None);
    }
    let inaccessible = || {
        Refusal::unprocessable(
            "There is at least one repository that does not exist or is not accessible to the parent installation.",
        )
    };
    call.world.read(|state| {
        let mut found = BTreeSet::new();
        for name in names.unwrap_or_default() {
            found.insert(*state.names.get(&name.to_lowercase()).ok_or_else(inaccessible)?);
        }
        found.extend(ids.unwrap_or_default());
        if found.len() > MOST_REPOSITORIES {
            return Err(Refusal::unprocessable("Too many repositories for installation."));
        }
        found
            .iter()
            .map(|id| {
                let found = state.repositories.get(id).map(|found| &found.record);
                found.filter(|record| installation.reaches(record)).cloned().ok_or_else(inaccessible)
            })
            .collect::<Result<Vec<_>, _>>()
            .map(Some)
    })
}

/// What the body asks for, if the installation has it all; everything when it asks for nothing.
fn permissions(call: &Call<'_>, granted: &Permissions) -> Result<Permissions, Refusal> {
    let asked = match call.body.get("permissions") {
        None | Some(Value::Null) => return Ok(granted.clone()),
        Some(Value::Object(asked)) => asked,
        Some(other) => return Err(super::call::not_a("permissions", other, "object")),
    };
    let mut permissions = Permissions::new();
    for (name, level) in asked {
        let level: Level = serde_json::from_value(level.clone())
            .map_err(|_| Refusal::unprocessable(format!("Invalid request.\n\nFor 'properties/{name}', {level} is not a possible value. Must be one of the following: read, write.")))?;
        if granted.get(name) < Some(&level) {
            return Err(Refusal::unprocessable(
                "The permissions requested are not granted to this installation.",
            ));
        }
        permissions.insert(name.clone(), level);
    }
    // Whoever may see anything may see that the repository exists.
    permissions.entry("metadata".into()).or_insert(Level::Read);
    Ok(permissions)
}

/// `DELETE /installation/token`
pub fn revoke_token(call: &Call<'_>) -> Outcome {
    if let crate::auth::Caller::Token(grant) = &call.caller {
        call.world.record(vec![Change::TokenRevoked { digest: grant.digest.clone() }])?;
    }
    Ok(Reply::empty(204))
}

/// `GET /installation/repositories`
pub fn repositories(call: &Call<'_>) -> Outcome {
    let (_, installation, _) = known(call)?;
    let page = repos::page(
        call,
        "reached",
        |state, record| state.installation.as_ref().is_some_and(|installed| installed.reaches(record)),
        |_| {},
    );
    let body = json!({
        "total_count": page.total,
        "repository_selection": shape::apps::selection(&installation),
        "repositories": repos::rendered(call, &page.items)?,
    });
    Ok(Reply::ok(body).link(page.link))
}
