//! In-memory ports that keep the real rules, for tests of the actors and as the second implementation under
//! every contract suite.

mod artifacts;
mod cluster;
mod code_host;
mod executor;
mod pool;
mod store;

pub use artifacts::MemoryArtifacts;
pub use cluster::{MemoryCluster, MemoryInstallation};
pub use code_host::{Call, Fault, FaultEffect, MemoryCodeHost, Operation, SeedFile};
pub use executor::{Ending, MemoryExecutor, Script};
pub use pool::{MemoryPool, MemoryPoolMember};
pub use store::{Counts, Dump, DumpedEffect, DumpedEvent, DumpedPart, MemoryStore};
