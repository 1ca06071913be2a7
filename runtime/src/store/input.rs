//! The rows that a statement is given, as arrays: one parameter for each column.
//!
//! Deliberately absent: any knowledge of tables.

use campaigns_domain::id::Shard;
use serde::Serialize;
use sqlx::{Arguments, Encode, Postgres, Type, postgres::PgArguments};
use std::borrow::Cow;

/// Parameters as they are collected; columns gather until [`Input::rows`] names them as one table.
#[derive(Default)]
pub(super) struct Input {
    arguments: PgArguments,
    columns: Vec<(&'static str, String)>,
}

impl Input {
    /// Adds a column of the next table; its placeholder.
    pub(super) fn column<T>(&mut self, name: &'static str, values: Vec<T>) -> Result<String, String>
    where
        Vec<T>: for<'q> Encode<'q, Postgres> + Type<Postgres>,
    {
        self.arguments.add(values).map_err(|error| format!("{name}: {error}"))?;
        let placeholder = format!("${}", self.arguments.len());
        self.columns.push((name, placeholder.clone()));
        Ok(placeholder)
    }

    /// The columns added since the last table, as the table `alias`.
    pub(super) fn rows(&mut self, alias: &str) -> String {
        let columns = std::mem::take(&mut self.columns);
        let names: Vec<&str> = columns.iter().map(|column| column.0).collect();
        let values: Vec<&str> = columns.iter().map(|column| column.1.as_str()).collect();
        format!("unnest({}) AS {alias}({})", values.join(", "), names.join(", "))
    }

    /// All parameters, in the order of their placeholders.
    pub(super) fn into_arguments(self) -> PgArguments {
        self.arguments
    }
}

/// A text as Postgres can hold it: it has no character for NUL.
pub(super) fn text(text: &str) -> Cow<'_, str> {
    if text.as_bytes().contains(&0) { text.replace('\0', "\u{fffd}").into() } else { text.into() }
}

/// A value as JSON that Postgres can hold.
pub(super) fn json(value: &impl Serialize) -> String {
    without_nul_text(serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned()))
}

/// A document as JSON that Postgres can hold.
pub(super) fn document(document: &serde_json::Value) -> String {
    without_nul_text(document.to_string())
}

fn without_nul_text(json: String) -> String {
    if !json.contains("\\u0000") {
        return json;
    }
    // The same six characters may also be an escaped backslash before `u0000`, which is why this walks the value.
    match serde_json::from_str(&json) {
        Ok(mut value) => {
            without_nul(&mut value);
            value.to_string()
        }
        Err(_) => json,
    }
}

fn without_nul(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::String(held) => *held = text(held).into_owned(),
        serde_json::Value::Array(values) => values.iter_mut().for_each(without_nul),
        serde_json::Value::Object(fields) => {
            let held = std::mem::take(fields);
            fields.extend(held.into_iter().map(|(name, mut value)| {
                without_nul(&mut value);
                (text(&name).into_owned(), value)
            }));
        }
        _ => {}
    }
}

/// A count as an `integer`.
pub(super) fn small<N: TryInto<i32> + Copy + std::fmt::Display>(number: N) -> Result<i32, String> {
    number.try_into().map_err(|_| format!("{number} is more than the database keeps here ({})", i32::MAX))
}

/// An id of the code host as a `bigint`.
pub(super) fn big(number: u64) -> Result<i64, String> {
    i64::try_from(number).map_err(|_| format!("{number} is more than the database keeps here ({})", i64::MAX))
}

/// A shard as a `smallint`.
pub(super) fn shard(shard: Shard) -> Result<i16, String> {
    i16::try_from(shard.0).map_err(|_| format!("there is no shard {shard}"))
}
