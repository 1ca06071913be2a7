//! Whole campaigns over in-memory ports that keep the real rules, in virtual time.
//!
//! Deliberately absent: real systems, which are held to the same rules by the contract suites.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says so by failing")]

mod asking;
mod branches;
mod breaking;
mod dressing;
mod following;
mod forecast;
mod gates;
mod gone;
mod hands;
mod happy;
mod hints;
mod installing;
mod lives;
mod merging;
mod moving;
mod opting;
mod owners;
mod pausing;
mod pruning;
mod rerunning;
mod reviewing;
mod rollout;
mod schedule;
mod support;
mod transfers;
