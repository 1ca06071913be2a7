//! The objects around pull requests: accounts, repositories, refs, the rate limit, and connections with their
//! cursors.

use super::execute::{Execution, no_field, unserved};
use super::parse::{Field, Selection};
use crate::clock::stamp;
use crate::git::{is_empty, refs};
use crate::rest::refusal::Refusal;
use crate::rest::shape::node_id;
use crate::world::model::{Account, AccountKind, RepositoryRecord};
use crate::world::state::Found;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

/// A connection gives at most so many at once.
const MOST: u64 = 100;

impl Execution<'_> {
    pub(super) fn viewer(&mut self, field: &Field) -> Result<Value, Refusal> {
        let id = self.caller.account(self.world).unwrap_or_default();
        let account =
            self.world.read(|state| state.accounts.get(&id).cloned()).ok_or_else(Refusal::not_found)?;
        // Whoever asks is a user by the schema, even where it is an app's bot.
        self.account_as("User", &account, &field.selection)
    }

    pub(super) fn account(&mut self, account: &Account, selection: &[Selection]) -> Result<Value, Refusal> {
        let kind = match account.kind {
            AccountKind::User => "User",
            AccountKind::Bot => "Bot",
            AccountKind::Organization => "Organization",
        };
        self.account_as(kind, account, selection)
    }

    fn account_as(
        &mut self,
        kind: &str,
        account: &Account,
        selection: &[Selection],
    ) -> Result<Value, Refusal> {
        let prefix = match account.kind {
            AccountKind::User => "U",
            AccountKind::Bot => "BOT",
            AccountKind::Organization => "O",
        };
        // Bots have no `[bot]` in GraphQL, except when they look at themselves.
        let login = if kind == "Bot" { account.login.trim_end_matches("[bot]") } else { &account.login };
        self.pick(selection, kind, |me, field| {
            Ok(match field.name.as_str() {
                "id" => json!(node_id(prefix, account.id)),
                "login" => json!(login),
                "name" if kind != "Bot" => json!(account.name),
                "databaseId" => json!(account.id),
                "url" => json!(format!("{}/{login}", me.urls.web)),
                "repositories" if account.kind == AccountKind::Organization => me.repositories(field)?,
                _ => return Err(no_field(kind, field)),
            })
        })
    }

    pub(super) fn rate_limit(&mut self, field: &Field) -> Result<Value, Refusal> {
        let budget = self.budget;
        self.pick(&field.selection, "RateLimit", |_, field| {
            Ok(match field.name.as_str() {
                "cost" => json!(1),
                "limit" => json!(budget.limit),
                "nodeCount" => json!(0),
                "remaining" => json!(budget.remaining()),
                "used" => json!(budget.used),
                "resetAt" => {
                    json!(DateTime::<Utc>::from_timestamp(budget.reset, 0).map(stamp).unwrap_or_default())
                }
                _ => return Err(no_field("RateLimit", field)),
            })
        })
    }

    pub(super) fn organization(&mut self, field: &Field) -> Result<Value, Refusal> {
        let login = field.text("login").unwrap_or_default();
        let org =
            self.world.read(|state| state.org().filter(|org| org.login.eq_ignore_ascii_case(login)).cloned());
        match org {
            Some(org) => self.account(&org, &field.selection),
            None => {
                let message = format!("Could not resolve to an Organization with the login of '{login}'.");
                Ok(self.error("NOT_FOUND", field.at, message))
            }
        }
    }

    fn repositories(&mut self, field: &Field) -> Result<Value, Refusal> {
        let records: Vec<RepositoryRecord> = self.world.read(|state| {
            let all = state.repositories.values().map(|found| &found.record);
            all.filter(|record| self.reads(record, "metadata")).cloned().collect()
        });
        self.connection(field, "RepositoryConnection", records, |me, record, selection| {
            me.one_repository(record, selection)
        })
    }

    pub(super) fn repository(&mut self, field: &Field) -> Result<Value, Refusal> {
        let (owner, name) = (field.text("owner").unwrap_or_default(), field.text("name").unwrap_or_default());
        let found = self.world.read(|state| {
            let (Found::Here(found) | Found::Moved(found)) = state.repository(owner, name)?;
            Some(found.record.clone())
        });
        match found.filter(|record| self.reads(record, "metadata")) {
            Some(record) => self.one_repository(&record, &field.selection),
            None => {
                let message = format!("Could not resolve to a Repository with the name '{owner}/{name}'.");
                Ok(self.error("NOT_FOUND", field.at, message))
            }
        }
    }

    pub(super) fn one_repository(
        &mut self,
        record: &RepositoryRecord,
        selection: &[Selection],
    ) -> Result<Value, Refusal> {
        let org = self.world.read(|state| state.owner_of(record)).ok_or_else(Refusal::not_found)?;
        let full = format!("{}/{}", org.login, record.name);
        self.pick(selection, "Repository", |me, field| {
            Ok(match field.name.as_str() {
                "id" => json!(node_id("R", record.id)),
                "databaseId" => json!(record.id),
                "name" => json!(record.name),
                "nameWithOwner" => json!(full),
                "description" => json!(record.description),
                "url" => json!(format!("{}/{full}", me.urls.web)),
                "isPrivate" => json!(record.private),
                "isArchived" => json!(record.archived),
                "isFork" | "isDisabled" | "isTemplate" | "isMirror" | "isLocked" => json!(false),
                "isEmpty" => json!(is_empty(&me.world.git.open(record.id)?)),
                "visibility" => json!(if record.private { "PRIVATE" } else { "PUBLIC" }),
                "diskUsage" => json!(record.size),
                "createdAt" => json!(stamp(record.created_at)),
                "updatedAt" => json!(stamp(record.updated_at)),
                "pushedAt" => json!(stamp(record.pushed_at)),
                "owner" => me.account(&org, &field.selection)?,
                "object" => me.object(record, field)?,
                "label" => {
                    let name = field.text("name").unwrap_or_default().to_lowercase();
                    let label =
                        me.world.read(|state| state.repositories.get(&record.id)?.labels.get(&name).cloned());
                    label.map_or(Ok(Value::Null), |label| me.label(&label, &field.selection))?
                }
                "repositoryTopics" => me.topics(record, field)?,
                "ref" => match field.text("qualifiedName").unwrap_or_default().strip_prefix("refs/heads/") {
                    Some(branch) => me.branch(record, branch, field)?,
                    None => return Err(unserved("Repository.ref by anything but a branch's full name")),
                },
                "defaultBranchRef" => me.branch(record, &record.default_branch, field)?,
                _ => return Err(no_field("Repository", field)),
            })
        })
    }

    fn topics(&mut self, record: &RepositoryRecord, field: &Field) -> Result<Value, Refusal> {
        let topics = record.topics.clone();
        self.connection(field, "RepositoryTopicConnection", topics, |me, name, selection| {
            me.pick(selection, "RepositoryTopic", |me, field| match field.name.as_str() {
                "topic" => me.pick(&field.selection, "Topic", |_, field| match field.name.as_str() {
                    "name" => Ok(json!(name)),
                    _ => Err(no_field("Topic", field)),
                }),
                _ => Err(no_field("RepositoryTopic", field)),
            })
        })
    }

    pub(super) fn branch(
        &mut self,
        record: &RepositoryRecord,
        name: &str,
        field: &Field,
    ) -> Result<Value, Refusal> {
        let git = self.world.git.open(record.id)?;
        let Some(tip) = refs::tip(&git, name) else { return Ok(Value::Null) };
        self.pick(&field.selection, "Ref", |me, field| {
            Ok(match field.name.as_str() {
                "name" => json!(name),
                "prefix" => json!("refs/heads/"),
                "target" => me.pick(&field.selection, "Commit", |me, field| match field.name.as_str() {
                    "oid" => Ok(json!(tip.to_string())),
                    "tree" => {
                        let tree = git.find_commit(tip)?.tree_id();
                        me.pick(&field.selection, "Tree", |_, field| match field.name.as_str() {
                            "oid" => Ok(json!(tree.to_string())),
                            _ => Err(no_field("Tree", field)),
                        })
                    }
                    _ => Err(no_field("Commit", field)),
                })?,
                _ => return Err(no_field("Ref", field)),
            })
        })
    }

    /// A page of a connection: `first` after a cursor. Pages from the end are not served.
    pub(super) fn connection<T>(
        &mut self,
        field: &Field,
        kind: &str,
        all: Vec<T>,
        mut show: impl FnMut(&mut Self, &T, &[Selection]) -> Result<Value, Refusal>,
    ) -> Result<Value, Refusal> {
        let known = ["first", "after"];
        if let Some((name, _)) = field.arguments.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            return Err(unserved(&format!("{kind} by {name}")));
        }
        let Some(first) = field.argument("first").as_u64() else {
            let message = format!(
                "You must provide a `first` or `last` value to properly paginate the `{}` connection.",
                field.name
            );
            return Ok(self.error("MISSING_PAGINATION_BOUNDARIES", field.at, message));
        };
        if first > MOST {
            let message = format!(
                "Requesting {first} records on the `{}` connection exceeds the `first` limit of {MOST} records.",
                field.name
            );
            return Ok(self.error("EXCESSIVE_PAGINATION", field.at, message));
        }
        let start = field.text("after").map_or(Some(0), read_cursor);
        let Some(start) = start else {
            let cursor = field.text("after").unwrap_or_default();
            let message = format!("`{cursor}` does not appear to be a valid cursor.");
            return Ok(self.error("INVALID_CURSOR_ARGUMENTS", field.at, message));
        };
        let total = all.len();
        let end = start.saturating_add(usize::try_from(first).unwrap_or(usize::MAX)).min(total);
        let page = all.get(start.min(end)..end).unwrap_or_default();
        self.pick(&field.selection, kind, |me, field| {
            Ok(match field.name.as_str() {
                "totalCount" => json!(total),
                "nodes" => {
                    let mut nodes = Vec::with_capacity(page.len());
                    for (index, item) in page.iter().enumerate() {
                        me.path.push(json!(index));
                        nodes.push(show(me, item, &field.selection)?);
                        me.path.pop();
                    }
                    nodes.into()
                }
                "pageInfo" => me.pick(&field.selection, "PageInfo", |_, field| {
                    Ok(match field.name.as_str() {
                        "hasNextPage" => json!(end < total),
                        "hasPreviousPage" => json!(start > 0),
                        "endCursor" => json!((!page.is_empty()).then(|| cursor(end))),
                        "startCursor" => json!((!page.is_empty()).then(|| cursor(start + 1))),
                        _ => return Err(no_field("PageInfo", field)),
                    })
                })?,
                _ => return Err(no_field(kind, field)),
            })
        })
    }
}

/// An opaque text for the item that stands at a place, counted from 1.
fn cursor(place: usize) -> String {
    STANDARD.encode(format!("cursor:v2:{place}"))
}

fn read_cursor(text: &str) -> Option<usize> {
    let text = String::from_utf8(STANDARD.decode(text).ok()?).ok()?;
    text.strip_prefix("cursor:v2:")?.parse().ok()
}
