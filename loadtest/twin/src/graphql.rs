//! GraphQL at `/graphql` and `/api/graphql`. Nothing of the schema is served yet, so every query is answered with
//! a 501 that names it; nothing is made up.

use crate::rest::call::{Facts, Payload};
use crate::rest::refusal::Refusal;
use crate::rest::{Answered, Incoming};
use crate::world::World;
use serde_json::Value;

/// Answers a query.
pub fn answer(world: &World, incoming: &Incoming) -> Answered {
    let caller = crate::auth::identify(world, incoming.header("authorization"), &incoming.address);
    let refusal = match &caller {
        Err(refusal) => refusal.clone(),
        Ok(crate::auth::Caller::Anonymous(_)) => {
            Refusal::new(401, "This endpoint requires you to be authenticated.")
        }
        Ok(_) => Refusal::not_implemented("graphql", &first_field(&incoming.body)),
    };
    Answered {
        status: refusal.status,
        headers: vec![("x-github-request-id", incoming.request_id.clone())],
        body: Payload::Json(refusal.body),
        subject: caller
            .as_ref()
            .map_or_else(|_| format!("ip:{}", incoming.address), crate::auth::Caller::subject),
        token: caller.as_ref().ok().and_then(crate::auth::Caller::token_id),
        counted: false,
        created: false,
        facts: Facts::default(),
    }
}

fn first_field(body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let query = body["query"].as_str().unwrap_or_default();
    let kind = if query.trim_start().starts_with("mutation") { "mutation" } else { "query" };
    let inside = query.split_once('{').map_or("", |(_, inside)| inside).trim_start();
    let name: String =
        inside.chars().take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '_').collect();
    format!("{kind} {name}")
}
