//! Objects by their node ids: one, or up to a hundred, where those that cannot be found are nulls with an error
//! each beside the others. Rules from the answers GitHub gives; its documentation does not state the hundred.

use super::execute::{Execution, unserved};
use super::lex::Place;
use super::parse::{Field, Selection};
use crate::rest::refusal::Refusal;
use crate::rest::shape::read_node_id;
use crate::world::model::{Level, RepositoryRecord};
use serde_json::{Value, json};

/// At most so many ids in one `nodes`.
const MOST: usize = 100;

impl Execution<'_> {
    pub(super) fn node(&mut self, field: &Field) -> Result<Value, Refusal> {
        let id = field.text("id").unwrap_or_default().to_owned();
        self.by_id(&id, &field.selection, field.at)
    }

    pub(super) fn nodes(&mut self, field: &Field) -> Result<Value, Refusal> {
        let ids: Vec<String> = match field.argument("ids") {
            Value::Array(ids) => ids.iter().map(|id| id.as_str().unwrap_or_default().to_owned()).collect(),
            // One value stands for a list of one.
            other => vec![other.as_str().unwrap_or_default().to_owned()],
        };
        if ids.len() > MOST {
            let message =
                format!("You may not provide more than {MOST} node ids; you provided {}.", ids.len());
            self.error("ARGUMENT_LIMIT", field.at, message);
            self.void = true;
            return Ok(Value::Null);
        }
        let mut found = Vec::with_capacity(ids.len());
        for (index, id) in ids.iter().enumerate() {
            self.path.push(json!(index));
            found.push(self.by_id(id, &field.selection, field.at)?);
            self.path.pop();
        }
        Ok(found.into())
    }

    fn by_id(&mut self, id: &str, selection: &[Selection], at: Place) -> Result<Value, Refusal> {
        let found = match read_node_id(id) {
            Some(("PR", number)) => match self.pull_by_id(number, at)? {
                Some((record, pull)) => Some(self.pull(&record, pull, selection)?),
                None => None,
            },
            Some(("R", number)) => {
                let record = self.world.read(|state| {
                    state.repositories.get(&number).map(|repository| repository.record.clone())
                });
                match record.filter(|record| self.reads(record, "metadata")) {
                    Some(record) => Some(self.one_repository(&record, selection)?),
                    None => None,
                }
            }
            Some(("U" | "BOT" | "O", number)) => {
                let account = self.world.read(|state| state.accounts.get(&number).cloned());
                account.map(|account| self.account(&account, selection)).transpose()?
            }
            Some((kind, _)) => return Err(unserved(&format!("node of kind {kind}"))),
            None => None,
        };
        Ok(match found {
            Some(value) => value,
            // Whoever may not read it was told so already.
            None if self.errors.last().is_some_and(|error| error["path"] == json!(self.path)) => Value::Null,
            None => {
                let message = format!("Could not resolve to a node with the global id of '{id}'");
                self.error("NOT_FOUND", at, message)
            }
        })
    }

    /// May the caller read this of a repository?
    pub(super) fn reads(&self, record: &RepositoryRecord, permission: &str) -> bool {
        self.caller.sees(record) && self.caller.may_in(record, &[(permission, Level::Read)])
    }
}
