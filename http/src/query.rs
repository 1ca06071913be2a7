//! The query of a request as a type, and what is said of one that cannot be read: which parameter, what it was given,
//! and what it takes, in the words of the API's description.
//!
//! Deliberately absent: what a value means (`body`, `cursor` and the routes), and the words of the reading library.

use crate::error::{ApiError, shown};
use axum::{
    extract::{FromRequestParts, Query},
    http::{Uri, request::Parts},
};
use serde::de::DeserializeOwned;
use utoipa::{IntoParams, openapi::path::Parameter};

/// The query, with unknown names refused. Every parameter of it may be left out.
pub(crate) struct Params<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + IntoParams> FromRequestParts<S> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        match Query::<T>::try_from_uri(&parts.uri) {
            Ok(Query(value)) => Ok(Self(value)),
            Err(_) => Err(ApiError::bad_request(fault::<T>(&parts.uri))),
        }
    }
}

/// What is wrong with a query that cannot be read as a `T`.
fn fault<T: DeserializeOwned + IntoParams>(uri: &Uri) -> String {
    let known = T::into_params(|| None);
    let mut seen: Vec<String> = vec![];
    for piece in uri.query().unwrap_or_default().split('&') {
        let alone: Option<Uri> = format!("/?{piece}").parse().ok();
        let pairs = alone.as_ref().and_then(|uri| Query::<Vec<(String, String)>>::try_from_uri(uri).ok());
        let Some((alone, (name, value))) = alone.zip(pairs.and_then(|Query(pairs)| pairs.into_iter().next()))
        else {
            continue;
        };
        let Some(parameter) = known.iter().find(|parameter| parameter.name == name) else {
            return unknown(&name, &known);
        };
        if seen.contains(&name) {
            return format!("`{name}` is there more than once: say it once");
        }
        // Since no parameter has to be there, a piece that cannot be read alone is what is wrong.
        if Query::<T>::try_from_uri(&alone).is_err() {
            let takes = parameter.description.as_deref().unwrap_or_default();
            return format!("`{name}` cannot be `{}`. It is: {takes}", shown(&value));
        }
        seen.push(name);
    }
    "the query cannot be read: it is made of `name=value`, with `&` between them".to_owned()
}

fn unknown(name: &str, known: &[Parameter]) -> String {
    let known: Vec<String> = known.iter().map(|parameter| format!("`{}`", parameter.name)).collect();
    format!("there is no parameter `{}` here; there are {}", shown(name), known.join(", "))
}
