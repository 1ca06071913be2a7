//! The rows that a statement is given, one parameter for each column: an array, or the value itself where a statement
//! of one transition has one row.
//!
//! Deliberately absent: any knowledge of tables.

use campaigns_domain::id::Shard;
use serde::Serialize;
use sqlx::{Arguments, Encode, Postgres, Type, postgres::PgArguments};
use std::{borrow::Cow, fmt::Write as _};

/// Parameters as they are collected; columns gather until [`Input::rows`] names them as one table.
#[derive(Default)]
pub(super) struct Input {
    arguments: PgArguments,
    columns: Vec<Column>,
    /// Whether the statement is of one transition.
    lone: bool,
}

struct Column {
    name: &'static str,
    placeholder: String,
    /// Whether the parameter is an array of values, and not the one value.
    many: bool,
}

impl Input {
    /// The input of a statement of so many transitions. A row of a lone one is given as plain values: the database
    /// takes apart no array for it, and plans it as what it is. In a crowd it stays an array whatever its length, so
    /// that there are few different texts.
    pub(super) fn of(transitions: usize) -> Self {
        Self { lone: transitions == 1, ..Self::default() }
    }

    /// Whether the statement is of one transition.
    pub(super) fn is_lone(&self) -> bool {
        self.lone
    }

    /// The parameter of the column that was added last.
    pub(super) fn last(&self) -> String {
        self.columns.last().map_or_else(String::new, |added| added.placeholder.clone())
    }

    /// Adds a column of the next table; a condition that `column` is among its values.
    pub(super) fn among<T>(
        &mut self,
        column: &str,
        name: &'static str,
        values: Vec<T>,
    ) -> Result<String, String>
    where
        T: for<'q> Encode<'q, Postgres> + Type<Postgres>,
        Vec<T>: for<'q> Encode<'q, Postgres> + Type<Postgres>,
    {
        self.column(name, values)?;
        Ok(self.columns.last().map_or_else(String::new, |added| match added.many {
            true => format!("{column} = ANY({})", added.placeholder),
            false => format!("{column} = {}", added.placeholder),
        }))
    }

    /// Adds a column of the next table.
    pub(super) fn column<T>(&mut self, name: &'static str, mut values: Vec<T>) -> Result<(), String>
    where
        T: for<'q> Encode<'q, Postgres> + Type<Postgres>,
        Vec<T>: for<'q> Encode<'q, Postgres> + Type<Postgres>,
    {
        let one = if self.lone && values.len() == 1 { values.pop() } else { None };
        let many = one.is_none();
        let added = match one {
            Some(value) => self.arguments.add(value),
            None => self.arguments.add(values),
        };
        added.map_err(|error| format!("{name}: {error}"))?;
        let placeholder = format!("${}", self.arguments.len());
        self.columns.push(Column { name, placeholder, many });
        Ok(())
    }

    /// The columns added since the last table, as the table `alias`.
    pub(super) fn rows(&mut self, alias: &str) -> String {
        let mut columns = String::new();
        for (place, Column { name, placeholder, many }) in
            std::mem::take(&mut self.columns).iter().enumerate()
        {
            let comma = if place == 0 { "" } else { ", " };
            // All arrays of a table are of one length, so that they are taken apart side by side.
            let value = if *many { format!("unnest({placeholder})") } else { placeholder.clone() };
            // Writing to a string cannot fail.
            let _ = write!(columns, "{comma}{value} AS {name}");
        }
        format!("(SELECT {columns}) AS {alias}")
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
