//! Settings of stores for tests.
//!
//! Deliberately absent: databases for them, which are `embedded::testing`'s.

use super::Options;
use std::time::Duration;

/// How long a machine that is busy, or stands still for a moment, may take for anything.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// No limit that a busy machine reaches by itself, for tests that are not about one.
pub fn patient() -> Options {
    Options {
        acquire_timeout: PATIENCE,
        statement_timeout: PATIENCE,
        fence_timeout: PATIENCE,
        idle_in_transaction_timeout: PATIENCE,
        idle_asking_timeout: PATIENCE,
        migration_lock_timeout: PATIENCE,
        ..Options::default()
    }
}
