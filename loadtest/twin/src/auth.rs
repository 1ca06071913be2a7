//! Who is asking: an app with its JWT, an installation or a person with a token, or nobody. Also what each may
//! do, with GitHub's refusals. Rules from GitHub's "Generating a JSON Web Token" and its permissions table.

use crate::rest::refusal::Refusal;
use crate::secrets;
use crate::world::World;
use crate::world::model::{Grant, Holder, Level, RepositoryRecord};
use base64::Engine;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Who is asking.
#[derive(Clone, Debug)]
pub enum Caller {
    /// Nobody, from an address.
    Anonymous(String),
    /// The app itself.
    App(u64),
    /// Somebody with a token.
    Token(Arc<Grant>),
}

impl Caller {
    /// Whose rate-limit budget is charged.
    pub fn subject(&self) -> String {
        match self {
            Self::Anonymous(address) => format!("ip:{address}"),
            Self::App(id) => format!("app:{id}"),
            Self::Token(grant) => match &grant.holder {
                Holder::Person { user } => format!("user:{user}"),
                Holder::Installation { installation, .. } => format!("installation:{installation}"),
            },
        }
    }

    /// The first digits of the token's digest, for the log.
    pub fn token_id(&self) -> Option<String> {
        match self {
            Self::Token(grant) => Some(grant.digest[..12].to_owned()),
            _ => None,
        }
    }

    /// May it know of a repository at all?
    pub fn sees(&self, record: &RepositoryRecord) -> bool {
        match self {
            Self::Anonymous(_) | Self::App(_) => !record.private,
            Self::Token(grant) => match &grant.holder {
                Holder::Person { .. } => true,
                Holder::Installation { repositories, .. } => {
                    let chosen = repositories.as_ref().is_none_or(|only| only.contains(&record.id));
                    // The app is not installed where a repository was transferred to.
                    !record.private || (chosen && record.transferred_to.is_none())
                }
            },
        }
    }

    /// May it do with a repository what needs any one of these permissions? A public one is read by everybody; an
    /// installation does nothing else where it does not reach.
    pub fn may_in(&self, record: &RepositoryRecord, any_of: &[(&str, Level)]) -> bool {
        let reads = any_of.iter().all(|(_, level)| *level == Level::Read);
        let strange = self.is_installation() && record.transferred_to.is_some();
        !strange && self.may(record.id, any_of) || reads && !record.private
    }

    /// May it do something that needs any one of these permissions?
    pub fn may(&self, repository: u64, any_of: &[(&str, Level)]) -> bool {
        match self {
            Self::Anonymous(_) | Self::App(_) => any_of.iter().all(|(_, level)| *level == Level::Read),
            Self::Token(grant) => match &grant.holder {
                Holder::Person { .. } => true,
                Holder::Installation { repositories, permissions, .. } => {
                    repositories.as_ref().is_none_or(|only| only.contains(&repository))
                        && any_of.iter().any(|(name, level)| permissions.get(*name) >= Some(level))
                }
            },
        }
    }

    /// The account that acts, for authorship.
    pub fn account(&self, world: &World) -> Option<u64> {
        match self {
            Self::Anonymous(_) => None,
            Self::App(_) => world.read(|state| state.app.as_ref().map(|app| app.bot)),
            Self::Token(grant) => match &grant.holder {
                Holder::Person { user } => Some(*user),
                Holder::Installation { .. } => world.read(|state| state.app.as_ref().map(|app| app.bot)),
            },
        }
    }

    /// Does it act as the app (with an installation token)?
    pub fn is_installation(&self) -> bool {
        matches!(self, Self::Token(grant) if matches!(grant.holder, Holder::Installation { .. }))
    }
}

/// `any_of` as `X-Accepted-GitHub-Permissions` writes it.
pub fn accepted(any_of: &[(&str, Level)]) -> String {
    any_of.iter().map(|(name, level)| format!("{name}={}", level.word())).collect::<Vec<_>>().join("; ")
}

/// Finds out who is asking, from the `Authorization` header.
pub fn identify(world: &World, header: Option<&str>, address: &str) -> Result<Caller, Refusal> {
    let Some(header) = header else { return Ok(Caller::Anonymous(address.to_owned())) };
    let (scheme, value) = header.split_once(' ').ok_or_else(Refusal::bad_credentials)?;
    let value = value.trim();
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" if value.split('.').count() == 3 && !value.starts_with("gh") => app_jwt(world, value),
        "bearer" | "token" => token(world, value),
        "basic" => {
            let decoded = base64::engine::general_purpose::STANDARD
                .decode(value)
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .ok_or_else(Refusal::bad_credentials)?;
            let (user, password) = decoded.split_once(':').unwrap_or((&decoded, ""));
            token(world, if password.is_empty() || password == "x-oauth-basic" { user } else { password })
        }
        _ => Err(Refusal::bad_credentials()),
    }
}

fn token(world: &World, token: &str) -> Result<Caller, Refusal> {
    let digest = secrets::digest(token);
    let Some(grant) = world.read(|state| state.grants.get(&digest).cloned()) else {
        return stranger(world, token, &digest);
    };
    if grant.expires_at.is_some_and(|at| at <= world.clock.now()) {
        return Err(Refusal::bad_credentials());
    }
    Ok(Caller::Token(Arc::new(as_granted(world, grant)?)))
}

/// A token of another organisation of this GitHub reaches nothing here: it reads what is public, and whatever else it asks
/// for is not found.
fn stranger(world: &World, token: &str, digest: &str) -> Result<Caller, Refusal> {
    let knows = |other: &Arc<World>| other.read(|state| state.grants.contains_key(digest));
    let home = world.neighbours().into_iter().find(knows).ok_or_else(Refusal::bad_credentials)?;
    let Caller::Token(known) = self::token(&home, token)? else { return Err(Refusal::bad_credentials()) };
    let mut grant = Grant::clone(&known);
    if let Holder::Installation { repositories, .. } = &mut grant.holder {
        *repositories = Some(BTreeSet::new());
    }
    Ok(Caller::Token(Arc::new(grant)))
}

/// An installation's token is worth what the installation is worth now: nothing when it is gone or suspended, and no
/// permission that was taken away since.
fn as_granted(world: &World, mut grant: Grant) -> Result<Grant, Refusal> {
    if let Holder::Installation { installation: of, permissions, repositories } = &mut grant.holder {
        let installation = world.read(|state| state.installation.clone());
        // One that took the place of the one it was issued for knows nothing of it.
        let installation = installation.filter(|installation| installation.id == *of);
        let installation = installation.ok_or_else(Refusal::bad_credentials)?;
        if installation.suspended_at.is_some() {
            return Err(Refusal::suspended());
        }
        *repositories = match (repositories.take(), &installation.selected) {
            (Some(asked), Some(selected)) => Some(asked.intersection(selected).copied().collect()),
            (None, Some(selected)) => Some(selected.clone()),
            (asked, None) => asked,
        };
        permissions.retain(|name, level| match installation.permissions.get(name) {
            Some(granted) => {
                *level = (*level).min(*granted);
                true
            }
            None => false,
        });
    }
    Ok(grant)
}

/// Ten minutes, and a minute for clocks that differ.
const LONGEST_LIFE: i64 = 600;
const DRIFT: i64 = 60;

fn app_jwt(world: &World, jwt: &str) -> Result<Caller, Refusal> {
    let undecodable = || Refusal::new(401, "A JSON web token could not be decoded");
    let mut rules = Validation::new(Algorithm::RS256);
    rules.validate_exp = false;
    rules.validate_aud = false;
    rules.required_spec_claims.clear();
    let key = DecodingKey::from_rsa_der(world.secrets.public_key());
    let claims = jsonwebtoken::decode::<Value>(jwt, &key, &rules).map_err(|_| undecodable())?.claims;
    let app = world
        .read(|state| state.app.as_ref().map(|app| (app.id, app.client_id.clone())))
        .ok_or_else(undecodable)?;
    let issuer_matches = match &claims["iss"] {
        Value::String(text) => *text == app.1 || text.parse() == Ok(app.0),
        Value::Number(number) => number.as_u64() == Some(app.0),
        _ => return Err(Refusal::new(401, "Missing 'issuer' claim ('iss') in assertion")),
    };
    if !issuer_matches {
        return Err(Refusal::new(404, "Integration not found"));
    }
    let now = world.clock.now().timestamp();
    let whole = |claim: &Value| claim.as_i64().or_else(|| claim.as_f64().map(|seconds| seconds as i64));
    let expires = whole(&claims["exp"]).ok_or_else(|| {
        Refusal::new(401, "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires")
    })?;
    let issued = whole(&claims["iat"]).ok_or_else(|| {
        Refusal::new(401, "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued")
    })?;
    if expires <= now {
        return Err(Refusal::new(
            401,
            "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
        ));
    }
    if expires > now + LONGEST_LIFE + DRIFT {
        return Err(Refusal::new(401, "'Expiration time' claim ('exp') is too far in the future"));
    }
    if issued > now + DRIFT {
        return Err(Refusal::new(
            401,
            "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
        ));
    }
    Ok(Caller::App(app.0))
}
