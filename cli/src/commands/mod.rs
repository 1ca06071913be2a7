//! The commands, each a file of its own: it reads, asks the server, and prints.
//!
//! Deliberately absent: parsing of arguments (`arguments`) and everything about campaigns themselves.

pub(crate) mod apply;
pub(crate) mod ask;
pub(crate) mod budget;
pub(crate) mod completions;
pub(crate) mod demo;
pub(crate) mod diff;
pub(crate) mod github;
pub(crate) mod installations;
pub(crate) mod logs;
pub(crate) mod pace;
pub(crate) mod replicas;
pub(crate) mod run;
pub(crate) mod runs;
pub(crate) mod serve;
pub(crate) mod spec;
pub(crate) mod status;
pub(crate) mod steer;
pub(crate) mod sync;
pub(crate) mod twin;
pub(crate) mod validate;
pub(crate) mod version;
pub(crate) mod watch;
