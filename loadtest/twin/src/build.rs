//! Builds a repository of a small world file by file. Planted like a seeded one and journalled at once.

use crate::people::Refused;
use crate::plant::{Content, Planted, plant};
use crate::rest::git_data::as_person;
use crate::world::World;
use crate::world::change::Change;
use crate::world::model::{AccountKind, RepositoryRecord};
use crate::world::state::Found;
use std::sync::Arc;

/// A repository in the making.
#[derive(Debug)]
pub struct RepositoryBuilder {
    world: Arc<World>,
    name: String,
    description: Option<String>,
    branch: String,
    topics: Vec<String>,
    private: bool,
    files: Vec<Planted>,
}

impl RepositoryBuilder {
    pub(crate) fn new(world: Arc<World>, name: &str) -> Self {
        Self {
            world,
            name: name.to_owned(),
            description: None,
            branch: "main".into(),
            topics: Vec::new(),
            private: true,
            files: Vec::new(),
        }
    }

    fn put(mut self, path: &str, mode: u32, content: impl AsRef<[u8]>) -> Self {
        let content = Content::Bytes(content.as_ref().to_vec());
        self.files.push(Planted { path: path.as_bytes().to_vec(), mode, content });
        self
    }

    /// An ordinary file.
    #[must_use]
    pub fn file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.put(path, 0o100_644, content)
    }

    /// An executable file.
    #[must_use]
    pub fn executable(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.put(path, 0o100_755, content)
    }

    /// A symlink.
    #[must_use]
    pub fn symlink(self, path: &str, target: &str) -> Self {
        self.put(path, 0o120_000, target)
    }

    /// `.gitattributes` at the root.
    #[must_use]
    pub fn attributes(self, text: &str) -> Self {
        self.file(".gitattributes", text)
    }

    /// One line about it.
    #[must_use]
    pub fn description(mut self, text: &str) -> Self {
        self.description = Some(text.to_owned());
        self
    }

    /// Its default branch, instead of `main`.
    #[must_use]
    pub fn default_branch(mut self, name: &str) -> Self {
        self.branch = name.to_owned();
        self
    }

    /// A topic.
    #[must_use]
    pub fn topic(mut self, name: &str) -> Self {
        self.topics.push(name.to_owned());
        self
    }

    /// Visible without a token.
    #[must_use]
    pub fn public(mut self) -> Self {
        self.private = false;
        self
    }

    /// Plants it; without files it is empty, as a new repository is. Returns its id.
    pub async fn create(self) -> Result<u64, Refused> {
        tokio::task::spawn_blocking(move || self.create_now())
            .await
            .map_err(|error| Refused(error.to_string()))?
    }

    pub(crate) fn create_now(self) -> Result<u64, Refused> {
        let world = &self.world;
        let now = world.clock.now();
        let author = world
            .read(|state| state.accounts.values().find(|account| account.kind == AccountKind::User).cloned())
            .ok_or_else(|| Refused("there are no people in this world".into()))?;
        // Decided and planted under one hold of the journal, so that two builders get two ids.
        world.decide(|state| {
            // A former name may be taken, as at GitHub.
            let org = state.org().map_or("", |org| &org.login);
            if matches!(state.repository(org, &self.name), Some(Found::Here(_))) {
                return Err(Refused(format!("there already is a repository {}", self.name)));
            }
            let id = state.next_id();
            let size = if self.files.is_empty() {
                world.git.create(id, &self.branch)?;
                0
            } else {
                plant(&world.git, id, &self.branch, &as_person(&author, now), &self.files)?
            };
            let record = RepositoryRecord {
                id,
                name: self.name.clone(),
                description: self.description.clone(),
                default_branch: self.branch.clone(),
                private: self.private,
                archived: false,
                topics: self.topics.clone(),
                language: None,
                size: size.div_ceil(1024),
                created_at: now,
                updated_at: now,
                pushed_at: now,
                settings: Default::default(),
                transferred_to: None,
            };
            Ok((vec![Change::RepositoryCreated { record }], id))
        })
    }
}
