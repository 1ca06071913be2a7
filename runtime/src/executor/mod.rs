//! Where steps run: on this machine, in a sandbox.
//!
//! Deliberately absent: the running itself, which is the `runner` crate's, and every decision about attempts.

mod local;
mod session;

pub use local::{ContainerPolicy, LocalExecutor, LocalExecutorError};
