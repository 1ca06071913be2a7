//! The API over HTTP, on a real PostgreSQL: every route of its description, its errors, its gate, what it writes,
//! what it reads, and its live events.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says so by failing")]

mod access;
mod budget;
mod events;
mod reads;
mod routes;
mod specs;
mod stage;
mod steering;
mod writes;
