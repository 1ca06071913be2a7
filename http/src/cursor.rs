//! Cursors of lists: a key as an opaque text. What a caller made up is refused, not guessed at.
//!
//! Deliberately absent: the cursor of events, which is a vector (`live::cursor`).

use crate::error::ApiError;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Serialize, de::DeserializeOwned};

/// The longest cursor that is read, in bytes.
const MOST: usize = 1024;

/// The key as a text that is safe in a query.
pub(crate) fn encode<K: Serialize>(key: &K) -> String {
    // Keys are texts, numbers, times and ids, all of which JSON can hold.
    BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(key).unwrap_or_default())
}

/// The key of a cursor.
pub(crate) fn decode<K: DeserializeOwned>(text: Option<&str>) -> Result<Option<K>, ApiError> {
    let Some(text) = text else { return Ok(None) };
    let key = (text.len() <= MOST)
        .then(|| BASE64_URL_SAFE_NO_PAD.decode(text).ok())
        .flatten()
        .and_then(|json| serde_json::from_slice(&json).ok());
    match key {
        Some(key) => Ok(Some(key)),
        None => Err(ApiError::bad_request(
            "`cursor` is not one of this list: take it from `next` of the page before, or leave it out to begin anew",
        )),
    }
}
