//! The twin: a GitHub that is a small true world over real bare git repositories. It serves github.com's layout
//! and GitHub Enterprise Server's, keeps its world on disk through kill -9, has faults as fields, and answers
//! what it does not do with a 501 that names the operation. It enforces GitHub's documented primary and secondary
//! limits by a clock that can be moved or held. Forks are not here yet.

// One JSON shape is a long `json!`.
#![recursion_limit = "256"]

pub mod admin;
pub mod arrival;
pub mod auth;
pub mod build;
pub mod clock;
pub mod codeowners;
pub mod command;
pub mod conditional;
pub mod faults;
pub mod follow;
pub mod founding;
pub mod git;
pub mod graphql;
pub mod hooks;
pub mod limits;
pub mod log;
pub mod merging;
#[cfg(feature = "oracle")]
pub mod oracle;
pub mod pages;
pub mod paging;
pub mod people;
pub mod plant;
pub mod raw;
pub mod record;
pub mod rest;
pub mod secrets;
pub mod seed;
pub mod serve;
pub mod settle;
pub mod standing;
pub mod together;
pub mod twin;
pub mod world;

pub use clock::Going;
pub use faults::{Effect, Fault};
pub use limits::{Creating, Settings, Wording};
pub use log::Entry;
pub use people::{Maintainer, Refused};
pub use together::Together;
pub use twin::{AppAccess, Options, StartError, Twin};
pub use world::rules::{Bypass, Demands};
pub use world::verdict::{Conclusion, StatusState};
