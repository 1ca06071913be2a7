//! What every code host has to hold to, in memory or real: a stage arranges a world, and each function here
//! checks one promise of the port on it.
//!
//! Run it whole with [`hold`]. Deliberately absent: what only one implementation has (tokens, pages, archives),
//! which its own tests check.

mod dressing;
mod ending;
mod finding;
mod following;
mod merging;
mod observing;
mod opting;
mod owning;
mod publishing;
mod stage;

pub use stage::{Stage, WriteKind};

/// Checks every promise on one stage; panics at the first that is broken.
pub async fn hold(stage: &dyn Stage) {
    observing::finds_repositories(stage).await;
    observing::tells_empty_repositories(stage).await;
    observing::reads_branches(stage).await;
    observing::snapshots_are_the_tree(stage).await;
    observing::follows_a_rename(stage).await;
    observing::compares_commits(stage).await;
    publishing::publishes_a_change(stage).await;
    publishing::appends_to_a_branch(stage).await;
    publishing::never_overwrites(stage).await;
    publishing::opens_one_pull_request(stage).await;
    publishing::mirrors_what_people_do(stage).await;
    following::reads_many_pull_requests_at_once(stage).await;
    publishing::a_lost_answer_is_unknown(stage).await;
    publishing::a_limit_says_how_long(stage).await;
    publishing::an_expired_permit_sends_nothing(stage).await;
    publishing::archived_is_refused(stage).await;
    ending::closes_and_opens_again(stage).await;
    ending::says_what_it_is_told(stage).await;
    merging::marks_a_draft_ready(stage).await;
    dressing::wears_what_it_is_given(stage).await;
    dressing::asks_nobody_where_one_cannot_be_asked(stage).await;
    merging::arranges_a_merge(stage).await;
    merging::merges_what_it_was_told(stage).await;
    opting::tells_who_opts_out(stage).await;
    owning::reads_who_owns_what(stage).await;
    finding::finds_a_repository_by_its_id(stage).await;
}
