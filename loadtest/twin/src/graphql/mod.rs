//! GraphQL at `/graphql` and `/api/graphql`, by the names of GitHub's schema: who asks, the budget that pays, and
//! the answer with its errors beside its data. What is not served is answered with a 501 that names it; nothing
//! is made up.

mod blobs;
pub mod execute;
pub mod lex;
pub mod mutations;
mod nodes;
mod objects;
pub mod parse;
mod pulls;
mod refs;

use crate::auth::{Caller, identify};
use crate::limits::{graphql_subject, told};
use crate::rest::call::{Facts, Payload};
use crate::rest::refusal::Refusal;
use crate::rest::urls::Urls;
use crate::rest::{Answered, Incoming};
use crate::world::World;
use execute::Execution;
use parse::ParseError;
use serde_json::{Value, json};

/// Answers a request.
pub fn answer(world: &World, incoming: &Incoming) -> Answered {
    let identified = identify(world, incoming.header("authorization"), &incoming.address);
    let caller = identified.as_ref().ok().cloned().unwrap_or(Caller::Anonymous(incoming.address.clone()));
    // GraphQL has a budget of its own; a query without connections costs one point.
    let subject = graphql_subject(&caller.subject());
    let budget = world.limits.charge(&subject, world.clock.now());
    let mut facts = Facts::default();
    let mut created = false;
    let outcome = identified.and_then(|caller| match caller {
        Caller::Anonymous(_) | Caller::App(_) => {
            Err(Refusal::new(401, "This endpoint requires you to be authenticated."))
        }
        Caller::Token(_) => {
            let urls = Urls::new(&incoming.host, incoming.layout);
            let mut execution = Execution::new(world, caller, urls, budget);
            let body = carry_out(&mut execution, &incoming.body);
            (facts, created) = (execution.facts, execution.created);
            body
        }
    });
    let (status, body) = match outcome {
        Ok(body) => (200, body),
        Err(refusal) => (refusal.status, refusal.body),
    };
    Answered {
        status,
        headers: vec![
            ("x-github-request-id", incoming.request_id.clone()),
            ("x-github-media-type", "github.v4; format=json".to_owned()),
            ("x-ratelimit-limit", budget.limit.to_string()),
            ("x-ratelimit-remaining", budget.remaining().to_string()),
            ("x-ratelimit-used", budget.used.to_string()),
            ("x-ratelimit-reset", budget.reset.to_string()),
            ("x-ratelimit-resource", "graphql".to_owned()),
        ],
        body: Payload::Json(body),
        subject,
        token: caller.token_id(),
        counted: !budget.exceeded,
        created,
        facts: Facts { limit: budget.exceeded.then_some("primary"), ..facts },
    }
}

fn carry_out(execution: &mut Execution<'_>, body: &[u8]) -> Result<Value, Refusal> {
    if execution.budget.exceeded {
        // GitHub says this with status 200.
        return Ok(told::graphql_primary());
    }
    let body: Value = serde_json::from_slice(body).map_err(|_| Refusal::new(400, "Problems parsing JSON"))?;
    let text = body["query"]
        .as_str()
        .ok_or_else(|| Refusal::new(400, "A query attribute must be specified and must be a string."))?;
    match parse::parse(text, body["operationName"].as_str(), &body["variables"]) {
        Ok(document) => execution.answer(&document),
        Err(ParseError::Unread(what)) => Err(execute::unserved(what)),
        Err(error) => Ok(json!({"errors": [{"message": error.to_string()}]})),
    }
}
