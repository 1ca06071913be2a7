//! The twin's tests: one program, so that it is linked once. Every test that speaks the API leaves by an audit
//! that holds both sides to GitHub's published description.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod access;
mod crash;
mod desk;
mod follows;
mod git_data;
mod graphql;
mod hooks;
mod limits;
mod oracle;
mod people;
mod program;
mod pulls;
mod reading;
mod rules;
mod verdicts;
mod wire;
