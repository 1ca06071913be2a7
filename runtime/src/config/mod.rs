//! The settings of a replica as typed data. Being built.

pub mod paths;
