//! The API over HTTP, on a real PostgreSQL: every route of its description, its errors, its gate, what it writes,
//! what it reads, its live events, and the webhooks that come in beside it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says so by failing")]

mod access;
mod announced;
mod asking;
mod budget;
mod events;
mod keeping;
mod pace;
mod reads;
mod routes;
mod specs;
mod stage;
mod steering;
mod streams;
mod webhooks;
mod writes;
