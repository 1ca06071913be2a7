//! The judge: reads the twin's log and says what it shows. It shares no code with what it judges: only the log's
//! line is the twin's, and nothing here is imported by the product. Deliberately absent: anything that a server says of
//! itself.

pub(crate) mod schedule;
pub(crate) mod verdict;
pub(crate) mod windows;

/// Microseconds in a second.
pub(crate) const SECOND: i64 = 1_000_000;
