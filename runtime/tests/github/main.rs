//! GitHub behind its port, held against the twin in this process: the contract in both layouts, exact
//! snapshots, tokens, secrets, certificates, and what is never followed.

#![allow(clippy::unwrap_used, reason = "a test reports by panicking")]

mod answers;
mod bases;
mod contract;
mod foreign;
mod organizations;
mod secrets;
mod snapshots;
mod tls;
mod tokens;
mod world;
