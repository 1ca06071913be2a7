//! Accounts: people, bots and the organisation.

use super::call::{Call, Outcome, Reply};
use super::refusal::Refusal;
use super::shape;
use crate::world::model::{Account, AccountKind};

/// `GET /user`
pub fn me(call: &Call<'_>) -> Outcome {
    if call.caller.is_installation() {
        return Err(Refusal::new(403, "Resource not accessible by integration"));
    }
    let id = call.actor()?;
    let (account, repositories) = call
        .world
        .read(|state| Some((state.accounts.get(&id).cloned()?, state.repositories.len())))
        .ok_or_else(Refusal::not_found)?;
    Ok(Reply::ok(shape::users::full(&call.urls, &account, repositories, true)).modified(account.created_at))
}

/// `GET /users/{username}`
pub fn by_login(call: &Call<'_>) -> Outcome {
    let account = call.world.read(|state| state.account(call.param("username")).cloned());
    public(call, account)
}

/// `GET /user/{account_id}`
pub fn by_id(call: &Call<'_>) -> Outcome {
    let id = call.param("account_id").parse().map_err(|_| Refusal::not_found())?;
    let account = call.world.read(|state| state.accounts.get(&id).cloned());
    public(call, account)
}

fn public(call: &Call<'_>, account: Option<Account>) -> Outcome {
    let account = account.ok_or_else(Refusal::not_found)?;
    Ok(Reply::ok(shape::users::full(&call.urls, &account, 0, false)).modified(account.created_at))
}

/// `GET /orgs/{org}`
pub fn organization(call: &Call<'_>) -> Outcome {
    let (account, public, private) = call
        .world
        .read(|state| {
            let account = state.account(call.param("org"))?.clone();
            let private = state.repositories.values().filter(|found| found.record.private).count();
            Some((account, state.repositories.len() - private, private))
        })
        .filter(|(account, ..)| account.kind == AccountKind::Organization)
        .ok_or_else(Refusal::not_found)?;
    Ok(Reply::ok(shape::users::organization(&call.urls, &account, public, private))
        .modified(account.created_at))
}
