//! How a world begins: the organisation, its app with an installation, its people, their token, and the
//! repositories of a source folder, all journalled in one go with the founding last, so that a world either
//! exists whole or starts anew.

use crate::git::objects::Person;
use crate::rest::catalog::Catalog;
use crate::rest::git_data::as_person;
use crate::secrets;
use crate::seed::{SeedError, seed};
use crate::world::World;
use crate::world::change::Change;
use crate::world::model::{Account, AccountKind, App, Grant, Holder, Installation, Level, Permissions};
use std::path::Path;

const ORGANIZATION: u64 = 1001;
const BOT: u64 = 1002;
const MAINTAINER: u64 = 1003;
const REVIEWER: u64 = 1004;
const APP: u64 = 1010;
const INSTALLATION: u64 = 1020;
const FIRST_REPOSITORY: u64 = 2001;

/// A world that begins beside others of one GitHub: it shares their App and its bot, and has ids of its own.
#[derive(Clone, Debug)]
pub struct Beside {
    /// The App, which is installed here too.
    pub app: App,
    /// Its bot.
    pub bot: Account,
    /// What its ids come after.
    pub ids: u64,
}

/// Why a world cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum FoundingError {
    /// A name that GitHub would not give, or that an API path has taken.
    #[error(
        "{0:?} cannot be an organisation's name: use letters, digits and single hyphens, and none of the API's own words (orgs, repos, users, …)"
    )]
    BadName(String),
    /// The source folder is no use.
    #[error(transparent)]
    Seed(#[from] SeedError),
    /// The journal cannot be written.
    #[error("the journal cannot be written: {0}")]
    Journal(#[from] std::io::Error),
}

/// What an installation may do here: what a campaign needs and no more.
fn permissions() -> Permissions {
    use Level::{Read, Write};
    [
        ("checks", Read),
        ("contents", Write),
        ("issues", Write),
        ("members", Read),
        ("metadata", Read),
        ("pull_requests", Write),
        ("statuses", Read),
        ("workflows", Write),
    ]
    .into_iter()
    .map(|(name, level)| (name.to_owned(), level))
    .collect()
}

/// Begins the world, unless it has begun. Blocks while it seeds.
pub fn found(
    world: &World,
    org: &str,
    from: Option<&Path>,
    count: Option<usize>,
    beside: Option<&Beside>,
) -> Result<(), FoundingError> {
    if world.read(crate::world::state::State::is_founded) {
        return Ok(());
    }
    check_name(org)?;
    let now = world.clock.now();
    let ids = beside.map_or(0, |beside| beside.ids);
    let account = |id, login: &str, kind, name: Option<&str>| Account {
        id,
        login: login.to_owned(),
        kind,
        name: name.map(str::to_owned),
        created_at: now,
    };
    let slug = format!("{}-campaigns", org.to_lowercase());
    let maintainer = account(MAINTAINER, "maintainer", AccountKind::User, Some("Mary Maintainer"));
    let author: Person = as_person(&maintainer, now);
    let mut changes = vec![Change::TokenIssued {
        grant: Grant {
            digest: secrets::digest(world.secrets.token()),
            holder: Holder::Person { user: MAINTAINER },
            expires_at: None,
        },
    }];
    if let Some(from) = from {
        let records = seed(&world.git, from, count, ids + FIRST_REPOSITORY, &author, now)?;
        changes.extend(records.into_iter().map(|record| Change::RepositoryCreated { record }));
    }
    let bot = account(BOT, &format!("{slug}[bot]"), AccountKind::Bot, None);
    let app = App {
        id: APP,
        client_id: format!(
            "Iv23li{}",
            &hex::encode(org)[..].chars().chain("0000000000000000".chars()).take(14).collect::<String>()
        ),
        name: slug.clone(),
        slug,
        bot: BOT,
        permissions: permissions(),
        created_at: now,
    };
    changes.push(Change::Founded {
        organization: account(ids + ORGANIZATION, org, AccountKind::Organization, Some(org)),
        accounts: vec![
            beside.map_or(bot, |beside| beside.bot.clone()),
            maintainer,
            account(REVIEWER, "reviewer", AccountKind::User, Some("Robin Reviewer")),
        ],
        app: beside.map_or(app, |beside| beside.app.clone()),
        installation: Installation {
            id: ids + INSTALLATION,
            permissions: permissions(),
            created_at: now,
            suspended_at: None,
            selected: None,
        },
    });
    Ok(world.record(changes)?)
}

fn check_name(org: &str) -> Result<(), FoundingError> {
    let letters = org.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-');
    let hyphens = org.starts_with('-') || org.ends_with('-') || org.contains("--");
    let taken = Catalog::get().begins(org)
        || ["api", "raw", "graphql", "apps", "maintainer", "reviewer"].contains(&org);
    if org.is_empty() || org.len() > 39 || !letters || hyphens || taken {
        return Err(FoundingError::BadName(org.to_owned()));
    }
    Ok(())
}
