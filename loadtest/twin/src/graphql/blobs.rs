//! `Repository.object` by an expression: what a path holds at a branch or commit, as far as it is a file. Commits, trees
//! and tags by expression are not served.

use super::execute::{Execution, no_field, unserved};
use super::parse::Field;
use crate::git::{full_oid, refs};
use crate::rest::refusal::Refusal;
use crate::world::model::RepositoryRecord;
use git2::ObjectType;
use serde_json::{Value, json};
use std::path::Path;

/// GitHub gives no more of a text than this, bytes.
const LIMIT: usize = 512_000;

impl Execution<'_> {
    /// What `branch:path` or `sha:path` names; null where there is no such branch, commit or path.
    pub(super) fn object(&mut self, record: &RepositoryRecord, field: &Field) -> Result<Value, Refusal> {
        let expression = field.text("expression").unwrap_or_default();
        let Some((branch, path)) = expression.split_once(':') else {
            return Err(unserved("Repository.object by a name without a path"));
        };
        if !self.reads(record, "contents") {
            let message = "Resource not accessible by integration".to_owned();
            return Ok(self.error("FORBIDDEN", field.at, message));
        }
        let branch = if branch == "HEAD" { &record.default_branch } else { branch };
        let git = self.world.git.open(record.id)?;
        let commit = refs::tip(&git, branch).or_else(|| full_oid(branch));
        let Some(commit) = commit.and_then(|oid| git.find_commit(oid).ok()) else { return Ok(Value::Null) };
        let tree = commit.tree()?;
        let Ok(entry) = tree.get_path(Path::new(path)) else { return Ok(Value::Null) };
        if entry.kind() != Some(ObjectType::Blob) {
            return Err(unserved("Repository.object that is no file"));
        }
        let blob = git.find_blob(entry.id())?;
        let whole = blob.size() <= LIMIT;
        self.pick(&field.selection, "Blob", |_, field| {
            Ok(match field.name.as_str() {
                "oid" => json!(entry.id().to_string()),
                "byteSize" => json!(blob.size()),
                "isBinary" => json!(blob.is_binary()),
                "isTruncated" => json!(!whole),
                "text" if blob.is_binary() => Value::Null,
                "text" => {
                    json!(String::from_utf8_lossy(&blob.content()[..blob.size().min(LIMIT)]).into_owned())
                }
                _ => return Err(no_field("Blob", field)),
            })
        })
    }
}
