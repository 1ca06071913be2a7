//! The runtime: the only crate that knows vendors. It implements the ports of `actors` and `http` on Postgres,
//! Redis, GitHub, object storage and local processes, and wires a replica together.
//!
//! Deliberately absent: decisions about campaigns. An `if` about campaigns here is a bug.

pub mod artifacts;
pub mod audit;
pub mod cluster;
pub mod config;
pub mod embedded;
pub mod executor;
mod folder_lock;
pub mod github;
mod keeper;
pub mod queries;
pub mod replica;
pub mod store;
pub mod telemetry;
pub mod webhooks;
