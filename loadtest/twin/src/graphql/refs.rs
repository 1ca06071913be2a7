//! The mutation `updateRefs`, as far as it deletes: each ref is compared with where it is said to be before any is
//! touched, and all of them go or none. Rules from its description in GitHub's schema. Moving and making refs by it is
//! not served.

use super::execute::{Execution, no_field, unserved};
use super::parse::Field;
use crate::follow::follow;
use crate::git::{full_oid, refs};
use crate::rest::refusal::Refusal;
use crate::rest::shape::read_node_id;
use crate::world::model::{Level, RepositoryRecord};
use git2::{Oid, Repository};
use serde_json::Value;

/// No object: as `beforeOid` that there is no such ref, as `afterOid` that it is to go.
const NOTHING: &str = "0000000000000000000000000000000000000000";

impl Execution<'_> {
    pub(super) fn update_refs(&mut self, field: &Field) -> Result<Value, Refusal> {
        let input = field.argument("input").clone();
        let id = input["repositoryId"].as_str().unwrap_or_default();
        let record = match read_node_id(id) {
            Some(("R", number)) => self
                .world
                .read(|state| state.repositories.get(&number).map(|repository| repository.record.clone())),
            _ => None,
        };
        let Some(record) = record.filter(|record| self.caller.sees(record)) else {
            let message = format!("Could not resolve to a node with the global id of '{id}'");
            return Ok(self.error("NOT_FOUND", field.at, message));
        };
        if !self.caller.may(record.id, &[("contents", Level::Write)]) {
            return Ok(self.error("FORBIDDEN", field.at, "Resource not accessible by integration".into()));
        }
        if record.archived {
            let message = "Repository was archived so is read-only.".to_owned();
            return Ok(self.error("FORBIDDEN", field.at, message));
        }
        let by = self.caller.account(self.world).ok_or_else(Refusal::requires_authentication)?;
        let lock = self.world.lock_of(record.id);
        let held = lock.blocking_lock();
        let git = self.world.git.open(record.id)?;
        let refused = match compared(&git, &record, &input["refUpdates"])? {
            Ok(names) => {
                let mut moves = Vec::with_capacity(names.len());
                for name in names {
                    moves.push(refs::delete(&git, &name)?);
                }
                follow(self.world, &git, record.id, &moves, by)?;
                None
            }
            Err(message) => Some(message),
        };
        drop(held);
        if let Some(message) = refused {
            return Ok(self.error("UNPROCESSABLE", field.at, message));
        }
        self.facts.repo = self
            .world
            .read(|state| state.repositories.get(&record.id).map(|repository| state.full_name(repository)));
        self.pick(&field.selection, "UpdateRefsPayload", |_, wanted| match wanted.name.as_str() {
            "clientMutationId" => Ok(input["clientMutationId"].clone()),
            _ => Err(no_field("UpdateRefsPayload", wanted)),
        })
    }
}

/// The refs that are to go, each where it is said to be; or why none of them goes.
fn compared(
    git: &Repository,
    record: &RepositoryRecord,
    updates: &Value,
) -> Result<Result<Vec<String>, String>, Refusal> {
    let mut names = Vec::new();
    for update in updates.as_array().into_iter().flatten() {
        let name = update["name"].as_str().unwrap_or_default();
        if update["afterOid"].as_str() != Some(NOTHING) {
            return Err(unserved("mutation updateRefs with an `afterOid`"));
        }
        let at = git.find_reference(name).ok().and_then(|found| found.target());
        let expected = match update["beforeOid"].as_str() {
            None => at,
            Some(NOTHING) => None,
            Some(text) => Some(full_oid(text).unwrap_or(Oid::ZERO_SHA1)),
        };
        if expected != at {
            return Ok(Err(format!("Reference {name} is not at the expected object")));
        }
        if name == format!("refs/heads/{}", record.default_branch) {
            return Ok(Err("Cannot delete the default branch".to_owned()));
        }
        if at.is_none() {
            return Ok(Err("Reference does not exist".to_owned()));
        }
        names.push(name.to_owned());
    }
    Ok(Ok(names))
}
