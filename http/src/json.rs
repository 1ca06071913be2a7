//! JSON bodies, and what is said of one that cannot be read: at which field, what was given, and what is wanted, in words
//! of our own.
//!
//! Deliberately absent: what a value means, which its route says.

use crate::{
    body::{SMALL_BODY, media_type, read},
    error::{ApiError, shown},
};
use axum::{
    extract::{FromRequest, Request},
    http::StatusCode,
};
use serde::de::{DeserializeOwned, IgnoredAny};

/// Reads a JSON object, and says where it is not what is wanted.
pub(crate) fn object<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let refused = |why: String| {
        let detail = format!("the body is not what is wanted here: {why}");
        ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "bad-body", detail)
    };
    if let Err(error) = serde_json::from_slice::<IgnoredAny>(bytes) {
        let (line, column) = (error.line(), error.column());
        return Err(refused(format!("it is no JSON (line {line}, column {column})")));
    }
    // A list of values in the order of the fields would be read too, and means nothing to anybody.
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        return Err(refused("it is no object, `{…}`".to_owned()));
    }
    if holds_nul(bytes) {
        return Err(refused("it holds a NUL character (`\\u0000`), which no text here may".to_owned()));
    }
    serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_slice(bytes)).map_err(|error| {
        let place = error.path().to_string();
        let words = words(&error.inner().to_string());
        refused(if place == "." { words } else { format!("`{}`: {words}", shown(&place)) })
    })
}

/// Whether a text of the JSON holds the one character that the database keeps in none.
fn holds_nul(json: &[u8]) -> bool {
    let nul = br"\u0000";
    json.windows(nul.len()).enumerate().filter(|(_, window)| *window == nul).any(|(at, _)| {
        // After another backslash it is that one's, and the digits are digits.
        json[..at].iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 0
    })
}

/// What the reading library says, in our words; each of its sentences has a few parts that matter.
fn words(said: &str) -> String {
    let said = said.rsplit_once(" at line ").map_or(said, |(said, _)| said);
    if let Some((kind, wanted)) = said.rsplit_once(", expected ") {
        let wanted = wanted.trim_start_matches("one of ");
        return match kind.split_once(' ') {
            Some(("unknown", rest)) => match rest.split_once(' ') {
                Some(("field", name)) => format!("there is no field {}; there are {wanted}", quoted(name)),
                Some((_, given)) => format!("it is none of {wanted}, but {}", quoted(given)),
                None => format!("it has to be {}", kind_of(wanted)),
            },
            Some(("invalid", rest)) => {
                let given = rest.split_once(": ").map_or(rest, |(_, given)| given);
                format!("it has to be {}, not {}", kind_of(wanted), value(given))
            }
            _ => format!("it has to be {}", kind_of(wanted)),
        };
    }
    if let Some(name) = said.strip_prefix("missing field ") {
        return format!("the field {name} is missing");
    }
    if let Some(name) = said.strip_prefix("duplicate field ") {
        return format!("the field {name} is there more than once");
    }
    // A type's own words, which are ours.
    if said.starts_with("it has to be ") {
        return said.to_owned();
    }
    "it is of another kind than what is wanted; GET /api/v1/openapi.json describes it".to_owned()
}

/// What was given, between backticks as it came, in short.
fn quoted(name: &str) -> String {
    format!("`{}`", shown(name.trim_matches('`')))
}

/// What is wanted, for people.
fn kind_of(wanted: &str) -> &str {
    match wanted {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number that is not negative",
        "a boolean" => "true or false",
        "a string" => "a text",
        "a sequence" => "a list",
        wanted if wanted.starts_with("struct ") => "an object",
        wanted => wanted,
    }
}

/// A value that was given, without what the library calls its kind.
fn value(given: &str) -> String {
    match given {
        "null" => "null".to_owned(),
        "map" => "an object".to_owned(),
        "sequence" => "a list".to_owned(),
        given => {
            let kinds = ["boolean ", "integer ", "floating point ", "string ", "number "];
            let bare = kinds.iter().find_map(|kind| given.strip_prefix(kind)).unwrap_or(given);
            quoted(bare.trim_matches('"'))
        }
    }
}

/// A small JSON body; an empty one is the default.
pub(crate) struct JsonBody<T> {
    /// What it says.
    pub(crate) value: T,
}

impl<S: Send + Sync, T: DeserializeOwned + Default> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let bytes = read(body, &parts.headers, SMALL_BODY).await?;
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self { value: T::default() });
        }
        match media_type(&parts.headers).as_str() {
            "application/json" => Ok(Self { value: object(&bytes)? }),
            _ => Err(ApiError::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                "the body has to be JSON: send it with `Content-Type: application/json`",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{AskChangesets, CreateRun, SetPace};

    fn said<T: DeserializeOwned + std::fmt::Debug>(body: &str) -> String {
        let detail = object::<T>(body.as_bytes()).unwrap_err().detail;
        detail.strip_prefix("the body is not what is wanted here: ").unwrap().to_owned()
    }

    #[test]
    fn a_body_that_cannot_be_read_is_told_of_in_words_of_our_own() {
        for (body, says) in [
            ("{", "it is no JSON (line 1, column 1)"),
            ("[]", "it is no object, `{…}`"),
            ("{}{}", "it is no JSON (line 1, column 3)"),
            (
                "{\"window\": \"many\"}",
                "`window`: it has to be a whole number that is not negative, not `many`",
            ),
            (
                "{\"window\": \"a, expected b\"}",
                "`window`: it has to be a whole number that is not negative, not `a, expected b`",
            ),
            ("{\"window\": -1}", "`window`: it has to be a whole number that is not negative, not `-1`"),
            ("{\"window\": 1.5}", "`window`: it has to be a whole number that is not negative, not `1.5`"),
            ("{\"dry_run\": 3}", "`dry_run`: it has to be true or false, not `3`"),
            ("{\"dry_run\": true, \"dry_run\": true}", "the field `dry_run` is there more than once"),
        ] {
            assert_eq!(said::<CreateRun>(body), says, "{body}");
        }
        let nul = "it holds a NUL character (`\\u0000`), which no text here may";
        assert_eq!(said::<CreateRun>(r#"{"only": "a\\\u0000"}"#), nul);
        let digits = object::<CreateRun>(br#"{"only": "a\\u0000"}"#).unwrap();
        assert_eq!(digits.only.as_deref(), Some(r"a\u0000"));
        let nonsense = said::<CreateRun>("{\"nonsense\": 1}");
        assert!(nonsense.contains("there is no field `nonsense`; there are `only`, "), "{nonsense}");
        for (body, says) in [
            ("{}", "the field `action` is missing"),
            ("{\"action\": \"publish\", \"selection\": 3}", "`selection`: it has to be an object, not `3`"),
            (
                "{\"action\": \"publish\", \"selection\": {\"states\": [\"open\", 7]}}",
                "`selection.states[1]`: it has to be a text, not `7`",
            ),
        ] {
            assert_eq!(said::<AskChangesets>(body), says, "{body}");
        }
        let action = said::<AskChangesets>("{\"action\": \"explode\"}");
        assert!(action.starts_with("`action`: it is none of `publish`, "), "{action}");
        assert!(action.ends_with(", but `explode`"), "{action}");
        let number = said::<AskChangesets>("{\"action\": 3}");
        assert!(number.starts_with("`action`: it is of another kind"), "{number}");
        let cap = said::<SetPace>("{\"per_day\": \"many\"}");
        assert_eq!(cap, "`per_day`: it has to be a whole number of at least 1, or \"spec\"");
    }
}
