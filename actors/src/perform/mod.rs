//! Performing effects on the world, off the mailboxes: each is a future that observes, acts, and yields an
//! outcome for its actor to record.
//!
//! Deliberately absent: recording. Nothing here commits a transition.

mod base;
pub(crate) mod branch_end;
mod closer;
mod dress;
mod errand;
pub(crate) mod execute;
mod halt;
mod heads;
mod merging;
pub(crate) mod moved;
mod opting;
mod owners;
pub(crate) mod pace;
mod permits;
pub(crate) mod prune;
pub(crate) mod publish;
mod reads;
mod rerun;
pub(crate) mod select;
pub(crate) mod sync;
mod tree;
mod whereabouts;
