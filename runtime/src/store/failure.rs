//! What an error of the database means for whoever asked.
//!
//! Deliberately absent: trying again (`commit`).

use campaigns_actors::ports::{CommitError, StoreError};

/// What is to be concluded from a failed statement.
#[derive(Debug)]
pub(super) enum Failure {
    /// It was undone and may be sent again as it is: a deadlock or a serialisation failure.
    Again(String),
    /// It was undone because of what it says: sending it again would end the same.
    Refused(String),
    /// It was undone, and what it says may or may not be why: a statement over its time, or one that the database
    /// cannot carry out. A part of it may fare better.
    Undone(String),
    /// There was no answer, or one that does not speak of the statement: whether it took place is unknown.
    Unavailable(String),
}

impl Failure {
    /// Reads an error. Classes of SQLSTATE: 22 data, 23 constraints, 40 rolled back; CM001 is our own refusal.
    pub(super) fn of(error: &sqlx::Error) -> Self {
        let words = words(error);
        let sqlx::Error::Database(database) = error else {
            return match error {
                sqlx::Error::Encode(_) => Self::Refused(words),
                _ => Self::Unavailable(words),
            };
        };
        match database.code().as_deref() {
            Some("40001" | "40P01" | "55P03") => Self::Again(words),
            Some(code) if code == "CM001" || code.starts_with("22") || code.starts_with("23") => {
                Self::Refused(words)
            }
            // Out of time or memory, or a program limit: an error that the server answers with undid the statement.
            Some("57014" | "53200") => Self::Undone(words),
            Some(code) if ["0A", "21", "42", "54", "P0"].iter().any(|class| code.starts_with(class)) => {
                Self::Undone(words)
            }
            _ => Self::Unavailable(words),
        }
    }
}

impl From<Failure> for CommitError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(words) => Self::Refused(words),
            Failure::Again(words) | Failure::Undone(words) | Failure::Unavailable(words) => {
                Self::Unavailable(words)
            }
        }
    }
}

/// An error in the database's own words. Details are left out: they quote rows.
pub(super) fn words(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(database) => match database.code() {
            Some(code) if code != "CM001" => format!("{} ({code})", database.message()),
            _ => database.message().to_owned(),
        },
        sqlx::Error::PoolTimedOut => "every connection is in use".to_owned(),
        other => other.to_string(),
    }
}

/// What a failed read means.
pub(super) fn read(error: sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::ColumnNotFound(_) => {
            StoreError::Corrupt(error.to_string())
        }
        other => StoreError::Unavailable(words(&other)),
    }
}
