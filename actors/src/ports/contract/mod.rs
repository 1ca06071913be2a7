//! Contract suites: what every implementation of a port has to hold to, in memory or real.

#[allow(missing_docs, reason = "said in the file")]
pub mod artifacts;
pub mod cluster;
pub mod code_host;
pub mod pool;
#[allow(missing_docs, reason = "said in the file")]
pub mod store;
