//! The API over HTTP, on a real PostgreSQL: every route of its description, its errors, its gate, what it writes,
//! what it reads, and its live events.

mod access;
mod events;
mod reads;
mod routes;
mod specs;
mod stage;
mod writes;
