//! Reading columns and ending pages, the same way for every list.
//!
//! Deliberately absent: queries. A row that says what no version of this program writes is an error, never a guess.

use crate::store::{Borrowed, Connections};
use campaigns_http::ports::{Listed, RepositoryFilter, StoreError};
use sqlx::{Decode, Postgres, Row, Type, postgres::PgRow};
use std::{collections::BTreeMap, str::FromStr};

/// What a failed statement means.
pub(super) fn failed(error: sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::ColumnNotFound(_) => {
            StoreError::Corrupt(error.to_string())
        }
        sqlx::Error::PoolTimedOut => StoreError::Unavailable(String::from("every connection is in use")),
        // Details are left out: they quote rows.
        sqlx::Error::Database(database) => StoreError::Unavailable(database.message().to_owned()),
        other => StoreError::Unavailable(other.to_string()),
    }
}

/// A connection of the pool.
pub(super) async fn connection(pool: &Connections) -> Result<Borrowed, StoreError> {
    pool.acquire().await.map_err(failed)
}

/// One column.
pub(super) fn get<'r, T: Decode<'r, Postgres> + Type<Postgres>>(
    row: &'r PgRow,
    name: &str,
) -> Result<T, StoreError> {
    row.try_get(name).map_err(failed)
}

/// A count, which the schema keeps from being negative.
pub(super) fn count(row: &PgRow, name: &str) -> Result<u32, StoreError> {
    let number: i32 = get(row, name)?;
    u32::try_from(number).map_err(|_| StoreError::Corrupt(format!("{name} is {number}")))
}

/// A state or other word by its name.
pub(super) fn named<T: FromStr<Err: std::fmt::Display>>(row: &PgRow, name: &str) -> Result<T, StoreError> {
    let text: &str = get(row, name)?;
    text.parse().map_err(|error| StoreError::Corrupt(format!("{name}: {error}")))
}

/// A state or other word of the domain by its name.
pub(super) fn named_as<T: serde::de::DeserializeOwned>(row: &PgRow, name: &str) -> Result<T, StoreError> {
    let text: String = get(row, name)?;
    serde_json::from_value(serde_json::Value::String(text))
        .map_err(|error| StoreError::Corrupt(format!("{name}: {error}")))
}

/// Counts by state from a JSON object; states without any are not in it.
pub(super) fn counts(row: &PgRow, name: &str) -> Result<BTreeMap<String, u64>, StoreError> {
    get::<sqlx::types::Json<BTreeMap<String, u64>>>(row, name).map(|counts| counts.0)
}

/// One more row than a page has, so that it is known whether another one follows.
pub(super) fn one_more(limit: u32) -> i64 {
    i64::from(limit) + 1
}

/// The page of these rows, which are up to one more than `limit`.
pub(super) fn page<T, K>(
    rows: &[PgRow],
    limit: u32,
    item: impl Fn(&PgRow) -> Result<T, StoreError>,
    key: impl Fn(&T) -> K,
) -> Result<Listed<T, K>, StoreError> {
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let items = rows.iter().take(most).map(item).collect::<Result<Vec<T>, StoreError>>()?;
    let next = (rows.len() > most).then(|| items.last().map(key)).flatten();
    Ok(Listed { items, next })
}

/// A pattern over repositories as `LIKE` reads it, over lower case; everything where there is none.
pub(super) fn like(filter: Option<&RepositoryFilter>) -> String {
    let Some(filter) = filter else { return String::from("%") };
    let mut like = String::new();
    for character in filter.pattern().chars() {
        match character {
            '*' => like.push('%'),
            '?' => like.push('_'),
            '_' | '%' | '\\' => {
                like.push('\\');
                like.push(character);
            }
            other => like.extend(other.to_lowercase()),
        }
    }
    like
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_become_like() {
        let like = |text: &str| like(Some(&RepositoryFilter::new(text).unwrap()));
        assert_eq!(like("acme/*"), "acme/%");
        assert_eq!(like("Acme/snake_case"), "acme/snake\\_case%");
        assert_eq!(like("web-?"), "%/web-_");
        assert_eq!(like("web"), "%/web%");
        assert!(RepositoryFilter::new("a%b").is_err());
    }
}
