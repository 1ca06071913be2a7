//! Webhooks as they come in: who sent one ([`WebhookSecrets`]) and what it is about ([`payload`]).
//!
//! A delivery is a hint and never truth: what it names is read afresh. Deliberately absent: keeping deliveries
//! (`ports::Webhooks`) and acting on them, which is the owners'.

pub(crate) mod payload;
mod secrets;

pub use secrets::{BadSecrets, WebhookSecrets};
