//! GraphQL at `/graphql` and `/api/graphql`: `viewer`, `rateLimit` and the basics of `repository`, by the names of
//! GitHub's schema. Any other field is answered with a 501 that names it; nothing is made up. Mutations, nodes
//! and points by cost are not here.

pub mod parse;

use crate::auth::{Caller, identify};
use crate::clock::stamp;
use crate::git::{is_empty, refs};
use crate::limits::Budget;
use crate::rest::call::{Facts, Payload};
use crate::rest::refusal::Refusal;
use crate::rest::shape::node_id;
use crate::rest::urls::Urls;
use crate::rest::{Answered, Incoming};
use crate::world::World;
use crate::world::model::{Account, AccountKind, Level, RepositoryRecord};
use crate::world::state::Found;
use chrono::{DateTime, Utc};
use parse::{Document, Field, ParseError};
use serde_json::{Map, Value, json};

struct Query<'a> {
    world: &'a World,
    caller: Caller,
    urls: Urls,
    budget: Budget,
    errors: Vec<Value>,
}

/// Answers a query.
pub fn answer(world: &World, incoming: &Incoming) -> Answered {
    let identified = identify(world, incoming.header("authorization"), &incoming.address);
    let caller = identified.as_ref().ok().cloned().unwrap_or(Caller::Anonymous(incoming.address.clone()));
    // GraphQL has a budget of its own; a query without connections costs one point.
    let subject = format!("{}/graphql", caller.subject());
    let budget = world.limits.charge(&subject, world.clock.now());
    let outcome = identified.and_then(|caller| match caller {
        Caller::Anonymous(_) | Caller::App(_) => {
            Err(Refusal::new(401, "This endpoint requires you to be authenticated."))
        }
        Caller::Token(_) => {
            let urls = Urls::new(&incoming.host, incoming.layout);
            Query { world, caller, urls, budget, errors: Vec::new() }.answer(&incoming.body)
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
        created: false,
        facts: Facts::default(),
    }
}

fn unknown(path: &str) -> Refusal {
    Refusal::not_implemented("graphql", path)
}

impl Query<'_> {
    fn answer(mut self, body: &[u8]) -> Result<Value, Refusal> {
        if self.budget.exceeded {
            // GitHub says this with status 200.
            return Ok(json!({"errors": [{"type": "RATE_LIMITED", "message": "API rate limit exceeded"}]}));
        }
        let body: Value =
            serde_json::from_slice(body).map_err(|_| Refusal::new(400, "Problems parsing JSON"))?;
        let text = body["query"]
            .as_str()
            .ok_or_else(|| Refusal::new(400, "A query attribute must be specified and must be a string."))?;
        let document: Document = match parse::parse(text, &body["variables"]) {
            Ok(document) => document,
            Err(ParseError::Unread(what)) => return Err(unknown(what)),
            Err(error) => return Ok(json!({"errors": [{"message": error.to_string()}]})),
        };
        if document.kind != "query" {
            let name = document.selection.first().map_or("", |field| &field.name);
            return Err(unknown(&format!("mutation {name}")));
        }
        let mut data = Map::new();
        for field in &document.selection {
            let value = match field.name.as_str() {
                "viewer" => self.viewer(field)?,
                "rateLimit" => self.rate_limit(field)?,
                "repository" => self.repository(field)?,
                "__typename" => json!("Query"),
                other => return Err(unknown(&format!("query {other}"))),
            };
            data.insert(field.alias.clone(), value);
        }
        let mut answer = json!({"data": data});
        if !self.errors.is_empty() {
            answer["errors"] = self.errors.into();
        }
        Ok(answer)
    }

    fn viewer(&self, field: &Field) -> Result<Value, Refusal> {
        let id = self.caller.account(self.world).unwrap_or_default();
        let account =
            self.world.read(|state| state.accounts.get(&id).cloned()).ok_or_else(Refusal::not_found)?;
        pick(field, "User", |field| self.account(&account, field))
    }

    fn account(&self, account: &Account, field: &Field) -> Option<Value> {
        let kind = match account.kind {
            AccountKind::User => "U",
            AccountKind::Bot => "BOT",
            AccountKind::Organization => "O",
        };
        Some(match field.name.as_str() {
            "id" => json!(node_id(kind, account.id)),
            "login" => json!(account.login),
            "name" if account.kind == AccountKind::User => json!(account.name),
            "databaseId" => json!(account.id),
            "url" => json!(format!("{}/{}", self.urls.web, account.login)),
            _ => return None,
        })
    }

    fn rate_limit(&self, field: &Field) -> Result<Value, Refusal> {
        pick(field, "RateLimit", |field| {
            Some(match field.name.as_str() {
                "cost" => json!(1),
                "limit" => json!(self.budget.limit),
                "nodeCount" => json!(0),
                "remaining" => json!(self.budget.remaining()),
                "used" => json!(self.budget.used),
                "resetAt" => json!(stamp(DateTime::<Utc>::from_timestamp(self.budget.reset, 0)?)),
                _ => return None,
            })
        })
    }

    fn repository(&mut self, field: &Field) -> Result<Value, Refusal> {
        let (owner, name) = (field.text("owner").unwrap_or_default(), field.text("name").unwrap_or_default());
        let found = self.world.read(|state| {
            let (Found::Here(found) | Found::Moved(found)) = state.repository(owner, name)?;
            Some((found.record.clone(), state.org()?.clone()))
        });
        let readable = |record: &RepositoryRecord| {
            self.caller.sees(record.id, record.private)
                && self.caller.may(record.id, &[("metadata", Level::Read)])
        };
        let Some((record, org)) = found.filter(|(record, _)| readable(record)) else {
            self.errors.push(json!({
                "type": "NOT_FOUND",
                "path": [field.alias],
                "message": format!("Could not resolve to a Repository with the name '{owner}/{name}'."),
            }));
            return Ok(Value::Null);
        };
        let git = self.world.git.open(record.id)?;
        let full = format!("{}/{}", org.login, record.name);
        let mut below = None;
        let value = pick(field, "Repository", |field| {
            Some(match field.name.as_str() {
                "id" => json!(node_id("R", record.id)),
                "databaseId" => json!(record.id),
                "name" => json!(record.name),
                "nameWithOwner" => json!(full),
                "description" => json!(record.description),
                "url" => json!(format!("{}/{full}", self.urls.web)),
                "isPrivate" => json!(record.private),
                "isArchived" => json!(record.archived),
                "isFork" | "isDisabled" | "isTemplate" | "isMirror" | "isLocked" => json!(false),
                "isEmpty" => json!(is_empty(&git)),
                "visibility" => json!(if record.private { "PRIVATE" } else { "PUBLIC" }),
                "diskUsage" => json!(record.size),
                "createdAt" => json!(stamp(record.created_at)),
                "updatedAt" => json!(stamp(record.updated_at)),
                "pushedAt" => json!(stamp(record.pushed_at)),
                "owner" => deeper(&mut below, pick(field, "Organization", |field| self.account(&org, field))),
                "defaultBranchRef" => deeper(&mut below, self.branch(&git, &record.default_branch, field)),
                _ => return None,
            })
        })?;
        match below {
            Some(refusal) => Err(refusal),
            None => Ok(value),
        }
    }

    fn branch(&self, git: &git2::Repository, name: &str, field: &Field) -> Result<Value, Refusal> {
        let Some(tip) = refs::tip(git, name) else { return Ok(Value::Null) };
        let mut below = None;
        let value = pick(field, "Ref", |field| {
            Some(match field.name.as_str() {
                "name" => json!(name),
                "prefix" => json!("refs/heads/"),
                "target" => deeper(
                    &mut below,
                    pick(field, "Commit", |field| (field.name == "oid").then(|| json!(tip.to_string()))),
                ),
                _ => return None,
            })
        })?;
        match below {
            Some(refusal) => Err(refusal),
            None => Ok(value),
        }
    }
}

/// Keeps the refusal of a selection further down.
fn deeper(kept: &mut Option<Refusal>, value: Result<Value, Refusal>) -> Value {
    value.unwrap_or_else(|refusal| {
        kept.get_or_insert(refusal);
        Value::Null
    })
}

/// The fields asked of an object; the first that is not served is refused by name.
fn pick(field: &Field, kind: &str, mut read: impl FnMut(&Field) -> Option<Value>) -> Result<Value, Refusal> {
    let mut out = Map::new();
    for wanted in &field.selection {
        let value = match wanted.name.as_str() {
            "__typename" => json!(kind),
            name => read(wanted).ok_or_else(|| unknown(&format!("{kind}.{name}")))?,
        };
        out.insert(wanted.alias.clone(), value);
    }
    Ok(out.into())
}
