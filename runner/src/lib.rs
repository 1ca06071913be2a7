//! Running the steps of one attempt and finding what they changed: unpack a snapshot, run each step in a sandbox or a
//! container, compare the tree without git, write contents, diff, log and manifest.
//!
//! ```text
//! order + snapshot.tar ─► unpack ─► step 1 … step n ─► collect ─► contents/ changes.diff steps.log manifest.json
//!                            └── baseline (path → mode, blob id) ──┘
//! ```
//!
//! The steps and everything they leave behind are taken for hostile. A binary that runs attempts calls [`sandbox::entry`] first
//! thing in `main`. Deliberately absent: async, network, git, and where snapshots and results are kept.

mod beneath;
mod collect;
mod container;
pub mod diff;
mod execution;
mod failure;
mod follow;
mod log;
pub mod sandbox;
mod snapshot;
mod steps;

pub use container::{Containers, Engine};
pub use execution::{CONTENTS, DIFF, LOG, MANIFEST, Runner, remove};
pub use failure::Failure;
pub use sandbox::{Isolation, Sandbox};
