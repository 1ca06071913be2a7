//! What running the steps for one target means: the target's machine, the window that admits targets, the run
//! they belong to, and the result they yield.
//!
//! Deliberately absent: how steps run (the runner and the executors), and what becomes of the diff
//! (`changeset`).

mod admit;
pub mod manifest;
mod options;
pub mod order;
pub mod path;
pub mod prune;
pub mod rollout;
pub mod run;
pub mod target;

pub use manifest::{Blob, Change, FileMode, Manifest, ManifestRefused, StepReport};
pub use order::{Limits, Order, OrderedStep};
pub use path::{PathRefused, RepositoryPath};
