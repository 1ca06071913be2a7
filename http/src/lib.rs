//! The HTTP API: routes under `/api/v1`, live events, webhooks, probes, and everything a request passes through before it
//! reaches a handler.
//!
//! It speaks to the world through its own ports ([`ports`]); the runtime implements them. Deliberately absent:
//! databases, GitHub, and decisions about campaigns.

pub mod auth;
pub mod live;
pub mod ports;

mod body;
mod cursor;
mod error;
mod json;
mod openapi;
mod passage;
mod query;
mod readiness;
mod response;
mod router;
mod routes;
mod serve;
mod state;
mod webhook;

pub use campaigns_wire as wire;
pub use error::ApiError;
pub use openapi::document;
pub use router::router;
pub use serve::{Draining, LAST, serve};
pub use state::{ApiParts, ApiState, Settings};
pub use webhook::{BadSecrets, WebhookSecrets};
