//! The state: what a fold of the journal yields, and the questions the handlers ask of it. Reading only;
//! what changes it is in `change`.

use super::model::{Account, AccountKind, App, Grant, Installation, Pull, Repository, RepositoryRecord};
use super::rules::Team;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

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
    /// Lower-case `owner/name` that repositories had at another organisation, to ids.
    pub former: HashMap<String, u64>,
    /// Teams by id.
    pub teams: BTreeMap<u64, Team>,
    /// Ids of pull requests to their repositories and numbers.
    pub pull_ids: HashMap<u64, (u64, u64)>,
    last_id: u64,
    listings: Mutex<HashMap<String, Arc<Vec<u64>>>>,
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
        if let Some(id) = self.former.get(&format!("{owner}/{name}").to_lowercase()) {
            return self.repositories.get(id).map(Found::Moved);
        }
        let repository = self.repositories.get(self.names.get(&name.to_lowercase())?)?;
        let org = &self.org()?.login;
        let its = repository.record.transferred_to.as_ref().unwrap_or(org).eq_ignore_ascii_case(owner);
        if !its && !org.eq_ignore_ascii_case(owner) {
            return None;
        }
        Some(if its && repository.record.name.eq_ignore_ascii_case(name) {
            Found::Here(repository)
        } else {
            Found::Moved(repository)
        })
    }

    /// `owner/name` of a repository.
    pub fn full_name(&self, repository: &Repository) -> String {
        let org = self.org().map_or("", |org| &org.login);
        let owner = repository.record.transferred_to.as_deref().unwrap_or(org);
        format!("{owner}/{}", repository.record.name)
    }

    /// Whose a repository is. Of an owner outside of this world no more is known than the login.
    pub fn owner_of(&self, record: &RepositoryRecord) -> Option<Account> {
        let org = self.org()?.clone();
        let Some(login) = &record.transferred_to else { return Some(org) };
        let elsewhere =
            || Account { id: 0, login: login.clone(), kind: AccountKind::Organization, name: None, ..org };
        Some(self.account(login).cloned().unwrap_or_else(elsewhere))
    }

    /// The ids of a listing, made once for all of its pages until anything changes: made for each page, a listing would
    /// cost with the square of its length. `what` names who lists what in which order.
    pub fn listing(&self, what: &str, make: impl FnOnce() -> Vec<u64>) -> Arc<Vec<u64>> {
        let mut listings = self.listings.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(listings.entry(what.to_owned()).or_insert_with(|| Arc::new(make())))
    }

    /// Forgets the listings that were made, since something changes.
    pub(super) fn forget_listings(&mut self) {
        self.listings.get_mut().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// A pull request.
    pub fn pull(&self, repository: u64, number: u64) -> Option<&Pull> {
        self.repositories.get(&repository)?.pulls.get(&number)
    }

    /// The administrator of the organisation: the first of its people.
    pub fn admin(&self) -> u64 {
        let person = |account: &&Account| account.kind == super::model::AccountKind::User;
        self.accounts.values().find(person).map_or(0, |account| account.id)
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
