//! Tokens as they are stored. Deliberately absent: the tokens themselves, of which only SHA-256 is kept.

use super::StoreError;
use crate::wire::Role;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// A stored token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its id.
    pub id: Uuid,
    /// SHA-256 of its text.
    pub sha256: [u8; 32],
    /// What it is called; the audit log's actor.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// When it ends, if it does.
    pub expires: Option<DateTime<Utc>>,
    /// Whether it may be used now: not revoked, and not over by the database's clock.
    pub usable: bool,
}

/// A token to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// Its id.
    pub id: Uuid,
    /// SHA-256 of its text.
    pub sha256: [u8; 32],
    /// What it is called, 1 to 100 characters.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// When it ends, if it does.
    pub expires: Option<DateTime<Utc>>,
}

/// The stored tokens.
#[async_trait]
pub trait Access: Send + Sync + 'static {
    /// The token with this digest, usable or not.
    async fn token(&self, sha256: &[u8; 32]) -> Result<Option<Token>, StoreError>;

    /// Stores a token unless there is a usable one with the role admin already; whether it was stored. Of several
    /// callers at once one stores.
    async fn add_first_token(&self, token: NewToken) -> Result<bool, StoreError>;

    /// Stores a token.
    async fn add_token(&self, by: &super::Signed, token: NewToken) -> Result<(), StoreError>;

    /// Revokes a token; whether there was one that was not revoked yet.
    async fn revoke_token(&self, by: &super::Signed, id: Uuid) -> Result<bool, StoreError>;
}
