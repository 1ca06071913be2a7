//! The settings that more than one program shares: where files go, and the addresses of the database and of Redis.
//!
//! Deliberately absent: the command line's words, which are `cli`'s, and a settings file.

mod address;
mod database_url;
pub mod paths;
mod redis_url;

pub use campaigns_http::{BadSecrets, WebhookSecrets};
pub use database_url::{DatabaseUrl, NotADatabase};
pub use redis_url::{NotRedis, RedisUrl};
