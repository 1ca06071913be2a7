//! The actors of Campaigns and the ports they speak through: supervision, the loop of decide → record → act, and
//! nothing of any vendor.
//!
//! [`System`] is what a process starts. Below it stand one root actor, a shard actor for every lease, and beneath
//! each of those a campaign actor for every run at work, a repo actor for every admitted target, and a limiter
//! actor for every organisation. Every one of them takes what has come to it, lets the domain decide, records the
//! decision in one fenced commit, and only then acts. Deliberately absent: names and groups of actors; a child is
//! found in its parent's map.

pub mod ports;

mod bases;
mod campaign;
mod clock;
mod inbox;
mod limiter;
mod perform;
mod repo;
mod restarts;
mod root;
mod scope;
mod settings;
mod shard;
mod system;
mod tasks;
mod world;

pub use settings::{Patience, RestartPolicy, Settings};
pub use system::{GIVING_BACK, LEAVING, NotStarted, Shards, System};
