//! The routes, one file per thing. A handler reads its inputs, calls a port and writes the answer.
//!
//! Deliberately absent: SQL, and anything two handlers could disagree about (`body`, `response`, `error`).

pub(crate) mod artifacts;
pub(crate) mod ask;
pub(crate) mod audit;
pub(crate) mod budget;
pub(crate) mod campaigns;
pub(crate) mod changesets;
pub(crate) mod commanding;
pub(crate) mod commands;
pub(crate) mod events;
pub(crate) mod installations;
pub(crate) mod pace;
pub(crate) mod probes;
pub(crate) mod runs;
pub(crate) mod steer;
pub(crate) mod targets;
pub(crate) mod webhooks;
pub(crate) mod whoami;

use serde::Deserialize;
use utoipa::IntoParams;

/// How many items a page has where nothing is said, and at most.
const PAGE: (u32, u32) = (100, 500);

/// Which page of a list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Paging {
    /// `next` of the page before.
    cursor: Option<String>,
    /// How many items, 1 to 500 (100).
    limit: Option<u32>,
}
