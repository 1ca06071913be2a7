//! Tables: one file for each part of the domain, one `check`-like function a suite, the cases as data.
//!
//! Deliberately absent: what holds for every sequence of events, which is `laws`.
#![allow(clippy::unwrap_used, reason = "what a test unwraps is what it asserts")]

mod asks;
mod away;
mod budget;
mod changeset;
mod code_owners;
mod commit;
mod dress;
mod examples;
mod follow;
mod held;
mod installation;
mod merging;
mod moved;
mod opt_out;
mod outlook;
mod parse;
mod paths;
mod pausing;
mod prune;
mod publish;
mod publish_rollout;
mod reviewers;
mod rollout;
mod run;
mod samples;
mod select;
mod spec;
mod standing;
mod target;
mod template;
mod which;
mod words;
