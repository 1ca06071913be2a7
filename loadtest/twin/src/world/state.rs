//! The state: what a fold of the journal yields, and the questions the handlers ask of it. Reading only;
//! what changes it is in `change`.

use super::model::{Account, App, Grant, Installation, Pull, Repository};
use std::collections::{BTreeMap, HashMap};

/// Everything that is known, apart from what the bare repositories hold.
#[derive(Debug, Default)]
pub struct State {
    /// The organisation's account.
    pub organization: u64,
    /// Accounts by id.
    pub accounts: BTreeMap<u64, Account>,
    /// The app.
    pub app: Option<App>,
    /// Its installation.
    pub installation: Option<Installation>,
    /// Grants by digest of their token.
    pub grants: HashMap<String, Grant>,
    /// Repositories by id.
    pub repositories: BTreeMap<u64, Repository>,
    /// Lower-case names, former ones too, to ids.
    pub names: HashMap<String, u64>,
    /// Ids of pull requests to their repositories and numbers.
    pub pull_ids: HashMap<u64, (u64, u64)>,
    last_id: u64,
}

/// How a name led to a repository.
#[derive(Debug)]
pub enum Found<'a> {
    /// It is its name.
    Here(&'a Repository),
    /// It was its name.
    Moved(&'a Repository),
}

impl State {
    /// Has the world begun?
    pub fn is_founded(&self) -> bool {
        self.app.is_some()
    }

    /// The organisation.
    pub fn org(&self) -> Option<&Account> {
        self.accounts.get(&self.organization)
    }

    /// An account by login, without regard to case.
    pub fn account(&self, login: &str) -> Option<&Account> {
        self.accounts.values().find(|account| account.login.eq_ignore_ascii_case(login))
    }

    /// People who may be assigned or asked for a review.
    pub fn is_collaborator(&self, id: u64) -> bool {
        self.accounts.get(&id).is_some_and(|account| account.kind == super::model::AccountKind::User)
    }

    /// A repository by owner and name.
    pub fn repository(&self, owner: &str, name: &str) -> Option<Found<'_>> {
        if !self.org()?.login.eq_ignore_ascii_case(owner) {
            return None;
        }
        let repository = self.repositories.get(self.names.get(&name.to_lowercase())?)?;
        Some(if repository.record.name.eq_ignore_ascii_case(name) {
            Found::Here(repository)
        } else {
            Found::Moved(repository)
        })
    }

    /// `owner/name` of a repository.
    pub fn full_name(&self, repository: &Repository) -> String {
        format!("{}/{}", self.org().map_or("", |org| &org.login), repository.record.name)
    }

    /// A pull request.
    pub fn pull(&self, repository: u64, number: u64) -> Option<&Pull> {
        self.repositories.get(&repository)?.pulls.get(&number)
    }

    /// The next free id.
    pub fn next_id(&self) -> u64 {
        self.last_id.max(1000) + 1
    }

    /// Remembers that an id is taken.
    pub fn see_id(&mut self, id: u64) {
        self.last_id = self.last_id.max(id);
    }
}
