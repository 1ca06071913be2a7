//! A commit's tree as GitHub lists it: at once where it is small enough, folder by folder where the answer was
//! truncated (100,000 entries or 7 MB, "Get a tree" in the REST documentation).
//!
//! Deliberately absent: contents.

use super::File;
use crate::github::{
    GitHub,
    call::{Ask, Route},
    paid::Paid,
};
use campaigns_actors::ports::{CodeHostError, ReadBudget, RepositoryRef};
use serde::Deserialize;

#[derive(Deserialize)]
struct Tree {
    tree: Vec<Entry>,
    #[serde(default)]
    truncated: bool,
}

#[derive(Deserialize)]
struct Entry {
    path: String,
    mode: String,
    sha: String,
    #[serde(default)]
    size: u64,
}

/// A file that the tree lists.
pub(super) struct Listed {
    pub(super) file: File,
    pub(super) size: u64,
}

impl GitHub {
    /// Every file of the tree (a tree's or commit's id); submodules left out.
    pub(super) async fn list_tree(
        &self,
        repository: &RepositoryRef,
        root: &str,
        doing: &str,
        budget: &ReadBudget,
    ) -> Result<Vec<Listed>, CodeHostError> {
        let mut listed = Vec::new();
        let mut folders = vec![(String::new(), root.to_owned())];
        while let Some((prefix, id)) = folders.pop() {
            let mut tree = self.tree(repository, &id, true, budget).await?;
            let whole = !tree.truncated;
            if !whole {
                tree = self.tree(repository, &id, false, budget).await?;
                if tree.truncated {
                    return Err(CodeHostError::Refused(format!(
                        "{doing}: GitHub does not list the folder `{prefix}` completely, it has too many entries"
                    )));
                }
            }
            for entry in tree.tree {
                let path = format!("{prefix}{}", entry.path);
                let mode = match entry.mode.as_str() {
                    "100644" | "100664" => "100644",
                    "100755" => "100755",
                    "120000" => "120000",
                    "040000" if !whole => {
                        folders.push((format!("{path}/"), entry.sha));
                        continue;
                    }
                    _ => continue,
                };
                let mut id = [0; 20];
                hex::decode_to_slice(&entry.sha, &mut id).map_err(|_| {
                    CodeHostError::Unavailable(format!("{doing}: GitHub's tree names no object for `{path}`"))
                })?;
                listed.push(Listed { file: File { path: path.into_bytes(), mode, id }, size: entry.size });
            }
        }
        Ok(listed)
    }

    async fn tree(
        &self,
        repository: &RepositoryRef,
        id: &str,
        recursive: bool,
        budget: &ReadBudget,
    ) -> Result<Tree, CodeHostError> {
        let name = self.name(repository);
        let rest = format!("/git/trees/{id}{}", if recursive { "?recursive=1" } else { "" });
        let subject = format!("the tree {id} of {name}");
        let route = Route::Repository(repository, rest);
        self.json(Ask::get("git/get-tree", route, name.owner(), subject, Paid::Reads(budget))).await
    }
}
