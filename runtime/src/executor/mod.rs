//! Where steps run: on this machine, in a sandbox; or nowhere, for load tests.
//!
//! Deliberately absent: the running itself, which is the `runner` crate's, and every decision about attempts.

mod local;
mod null;
mod session;

pub use local::{ContainerPolicy, LocalExecutor, LocalExecutorError};
pub use null::NullExecutor;
