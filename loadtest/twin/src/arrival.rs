//! A request's arrival: who asks, what it counts as, which limit refuses it, and the refusal. A ticket is taken when
//! the request has been read and held until it is answered. Deliberately absent: carrying the request out.

use crate::auth::{Caller, identify};
use crate::faults::Effect;
use crate::limits::told::Telling;
use crate::limits::{Arrival, Asked, Flying, Wording, graphql_subject};
use crate::rest::call::{Facts, Payload};
use crate::rest::refusal::Refusal;
use crate::rest::{Answered, Incoming};
use crate::world::World;

/// What is known of a request while it is answered.
#[derive(Debug)]
pub struct Ticket {
    /// When, and what it counts as.
    pub arrival: Arrival,
    graphql: bool,
    caller: Caller,
    _flying: Option<Flying>,
}

impl Ticket {
    /// Takes a ticket for a request that has just arrived.
    pub fn take(world: &World, incoming: &Incoming, operation: &str) -> Self {
        let graphql = incoming.path == "/graphql";
        let asked = match graphql {
            true => Asked::graphql(&incoming.body),
            false => Asked::rest(&incoming.method, operation),
        };
        let caller = caller(world, incoming);
        let (arrival, flying) = world.limits.arrive(&world.clock, &caller.subject(), asked);
        Self { arrival, graphql, caller, _flying: Some(flying) }
    }

    /// A ticket for a request that no limit is about.
    pub fn apart(world: &World, incoming: &Incoming) -> Self {
        let arrival = Arrival::apart(world.clock.now());
        Self { arrival, graphql: false, caller: caller(world, incoming), _flying: None }
    }

    /// The answer to a request that a limit refuses.
    pub fn refusal(&self, world: &World, incoming: &Incoming) -> Option<Answered> {
        let reached = self.arrival.refused?;
        let told = world.limits.telling(self.graphql, Some(reached)).refusal(&incoming.request_id);
        Some(self.answered(world, incoming, told, Some(reached.word())))
    }

    /// The answer to a request that a fault refuses, if that is the fault's effect.
    pub fn struck(&self, world: &World, incoming: &Incoming, effect: &Effect) -> Option<Answered> {
        let telling = world.limits.telling(self.graphql, None);
        let (told, limit) = match effect {
            Effect::Refuse { status, message, retry_after } => {
                let told = Refusal::new(*status, message.clone().unwrap_or_else(|| "Server Error".into()));
                return Some(self.plain(incoming, with_retry(told, *retry_after)));
            }
            Effect::SecondaryLimit { retry_after } => {
                let retry_after = retry_after.unwrap_or(0);
                let telling = Telling { wording: Wording::Secondary, retry_after, ..telling };
                (telling.refusal(&incoming.request_id), Some("fault"))
            }
            Effect::TooQuickly => {
                let telling = Telling { wording: Wording::TooQuickly, ..telling };
                (telling.refusal(&incoming.request_id), Some("fault"))
            }
            _ => return None,
        };
        Some(self.answered(world, incoming, told, limit))
    }

    /// A refusal by something in front of GitHub, which knows nothing of budgets.
    fn plain(&self, incoming: &Incoming, told: Refusal) -> Answered {
        let mut headers = vec![("x-github-request-id", incoming.request_id.clone())];
        headers.extend(told.headers);
        Answered {
            status: told.status,
            headers,
            body: Payload::Json(told.body),
            subject: self.caller.subject(),
            token: self.caller.token_id(),
            counted: false,
            created: false,
            facts: Facts::default(),
        }
    }

    fn answered(
        &self,
        world: &World,
        incoming: &Incoming,
        told: Refusal,
        limit: Option<&'static str>,
    ) -> Answered {
        let subject = self.caller.subject();
        let (subject, resource) = match self.graphql {
            true => (graphql_subject(&subject), "graphql"),
            false => (subject, "core"),
        };
        // A secondary refusal comes with a primary budget that is not used up.
        let budget = world.limits.look(&subject, self.arrival.at);
        let mut answered = self.plain(incoming, told);
        answered.headers.extend([
            ("x-ratelimit-limit", budget.limit.to_string()),
            ("x-ratelimit-remaining", budget.remaining().to_string()),
            ("x-ratelimit-used", budget.used.to_string()),
            ("x-ratelimit-reset", budget.reset.to_string()),
            ("x-ratelimit-resource", resource.to_owned()),
        ]);
        answered.subject = subject;
        answered.facts.limit = limit;
        answered
    }
}

fn caller(world: &World, incoming: &Incoming) -> Caller {
    identify(world, incoming.header("authorization"), &incoming.address)
        .unwrap_or(Caller::Anonymous(incoming.address.clone()))
}

fn with_retry(refusal: Refusal, seconds: Option<u64>) -> Refusal {
    match seconds {
        Some(seconds) => refusal.header("retry-after", seconds.to_string()),
        None => refusal,
    }
}
