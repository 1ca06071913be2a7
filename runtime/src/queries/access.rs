//! Tokens: looking one up, adding and revoking them. Only digests are stored; nothing here ever sees a token.

use super::{
    audit::{Change, note},
    rows::{failed, get, named},
};
use crate::store::Connections;
use campaigns_http::ports::{NewToken, Signed, StoreError, Token};
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

pub(super) async fn token(pool: &Connections, sha256: &[u8; 32]) -> Result<Option<Token>, StoreError> {
    let row = sqlx::query(
        "SELECT id, sha256, name, role, expires, \
         revoked IS NULL AND (expires IS NULL OR expires > clock_timestamp()) AS usable \
         FROM api_tokens WHERE sha256 = $1",
    )
    .bind(sha256.as_slice())
    .fetch_optional(pool)
    .await
    .map_err(failed)?;
    let Some(row) = row else { return Ok(None) };
    let stored: &[u8] = get(&row, "sha256")?;
    Ok(Some(Token {
        id: get(&row, "id")?,
        sha256: stored.try_into().map_err(|_| StoreError::Corrupt(String::from("a token's digest")))?,
        name: get(&row, "name")?,
        role: named(&row, "role")?,
        expires: get(&row, "expires")?,
        usable: get(&row, "usable")?,
    }))
}

/// Adds a token unless there is a usable admin token already.
pub(super) async fn add_first(pool: &Connections, token: NewToken) -> Result<bool, StoreError> {
    let mut transaction = pool.begin().await.map_err(failed)?;
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('campaigns.first_token', 0))")
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
    let there: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM api_tokens WHERE role = 'admin' AND revoked IS NULL \
         AND (expires IS NULL OR expires > clock_timestamp()))",
    )
    .fetch_one(&mut *transaction)
    .await
    .map_err(failed)?;
    if there {
        return Ok(false);
    }
    let server = Signed { actor: String::from("server"), token: None, request_id: String::new() };
    insert(&mut transaction, &server, &token).await?;
    transaction.commit().await.map_err(failed)?;
    Ok(true)
}

pub(super) async fn add(pool: &Connections, by: &Signed, token: NewToken) -> Result<(), StoreError> {
    let mut transaction = pool.begin().await.map_err(failed)?;
    insert(&mut transaction, by, &token).await?;
    transaction.commit().await.map_err(failed)
}

pub(super) async fn revoke(pool: &Connections, by: &Signed, id: Uuid) -> Result<bool, StoreError> {
    let mut transaction = pool.begin().await.map_err(failed)?;
    let name: Option<String> = sqlx::query_scalar(
        "UPDATE api_tokens SET revoked = clock_timestamp() WHERE id = $1 AND revoked IS NULL RETURNING name",
    )
    .bind(id)
    .fetch_optional(&mut *transaction)
    .await
    .map_err(failed)?;
    let Some(name) = name else { return Ok(false) };
    let change = Change {
        action: "token.revoke",
        kind: "token",
        subject: &id.to_string(),
        before: json!({ "name": name }),
        after: Value::Null,
    };
    note(&mut transaction, by, change).await?;
    transaction.commit().await.map_err(failed)?;
    Ok(true)
}

async fn insert(connection: &mut PgConnection, by: &Signed, token: &NewToken) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO api_tokens (id, sha256, name, role, expires) VALUES ($1, $2, $3, $4, $5)")
        .bind(token.id)
        .bind(token.sha256.as_slice())
        .bind(&token.name)
        .bind(token.role.as_str())
        .bind(token.expires)
        .execute(&mut *connection)
        .await
        .map_err(failed)?;
    let change = Change {
        action: "token.create",
        kind: "token",
        subject: &token.id.to_string(),
        before: Value::Null,
        after: json!({ "name": token.name, "role": token.role, "expires": token.expires }),
    };
    note(connection, by, change).await
}
