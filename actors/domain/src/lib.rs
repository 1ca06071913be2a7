//! The domain of Campaigns: what is wanted, what was selected, what happened to each target and changeset,
//! and what has to happen next. Everything here is pure: machines of the form `apply(event) -> effects`.
//!
//! Deliberately absent: clocks, randomness, the environment, async and I/O. Times and fresh ids are passed in
//! as data. Modules import only leftward in spec → selection → execution → changeset → publish → reconcile
//! (`id` and `machine` are everybody's).

pub mod changeset;
pub mod execution;
pub mod id;
pub mod machine;
pub mod publish;
pub mod reconcile;
pub mod selection;
pub mod spec;
