//! What every [`Store`] has to hold to: fences, guards, numbering, counters, messages, permits.
//!
//! Each case is given a fresh store by the caller's `make`, which also says what the port does not: how a run is
//! created, and everything that is stored. Deliberately absent: what only a database can do (lost connections,
//! frozen owners), which its own tests show.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a suite of tests that two crates run"
)]

mod batches;
mod concurrency;
mod fences;
pub mod fixture;
mod following;
mod guards;
mod messages;
mod numbering;
mod pauses;
mod permits;
mod pruning;
mod reads;
mod redoing;
mod reviews;
mod rollouts;
mod scopes;
mod standing;
mod transfers;

use super::super::{
    CommitError, Committed, Message, Store, SyncReport, Transition, memory::Dump, memory::MemoryStore,
};
use async_trait::async_trait;
use campaigns_domain::{execution::run::Run, id::CampaignId, id::CommandId, id::RunId, spec::Spec};
use std::{sync::Arc, time::Duration};

/// A store under test, with what the port leaves out.
#[async_trait]
pub trait StoreHarness: Send + Sync + 'static {
    /// The store.
    fn store(&self) -> Arc<dyn Store>;

    /// Commits transitions together; the same as one after the other.
    async fn commit_batch(&self, transitions: &[Transition]) -> Vec<Result<Committed, CommitError>>;

    /// Creates campaign (named after the run's campaign id), spec version and run, as the API does.
    async fn add_run(&self, spec: &Spec, run: &Run);

    /// Puts a message into the inbox without a lease, as the API does.
    async fn send(&self, run: Option<RunId>, message: &Message);

    /// Pauses the campaign or lets it go on, as the API does.
    async fn pause_campaign(&self, campaign: CampaignId, by: Option<&str>);

    /// Everything that is stored.
    async fn dump(&self) -> Dump;

    /// What came of a command in an organisation.
    async fn outcome(&self, command: CommandId, organization: &str) -> Option<SyncReport>;

    /// Moves the clock that permits go by; it stands still otherwise.
    async fn move_clock(&self, by: Duration);
}

/// Its clock stands still where tokio's does: run the suite on a runtime with paused time.
#[async_trait]
impl StoreHarness for Arc<MemoryStore> {
    fn store(&self) -> Arc<dyn Store> {
        Arc::<MemoryStore>::clone(self)
    }

    async fn commit_batch(&self, transitions: &[Transition]) -> Vec<Result<Committed, CommitError>> {
        let mut answers = vec![];
        for transition in transitions {
            answers.push(self.commit(transition.clone()).await);
        }
        answers
    }

    async fn add_run(&self, spec: &Spec, run: &Run) {
        MemoryStore::add_run(self, spec, run);
    }

    async fn send(&self, run: Option<RunId>, message: &Message) {
        MemoryStore::send(self, run, message);
    }

    async fn pause_campaign(&self, campaign: CampaignId, by: Option<&str>) {
        MemoryStore::pause_campaign(self, campaign, by);
    }

    async fn dump(&self) -> Dump {
        MemoryStore::dump(self)
    }

    async fn outcome(&self, command: CommandId, organization: &str) -> Option<SyncReport> {
        MemoryStore::outcome(self, command, organization)
    }

    async fn move_clock(&self, by: Duration) {
        MemoryStore::move_clock(self, by);
    }
}

/// Runs every case, each on a store of its own.
///
/// # Panics
/// Where the store does not hold to the contract; the last line printed names the case.
pub async fn store_suite<H, M, F>(make: M)
where
    H: StoreHarness,
    M: Fn() -> F,
    F: Future<Output = H>,
{
    macro_rules! run {
        ($($case:path),* $(,)?) => {$(
            println!("store: {}", stringify!($case));
            $case(Arc::new(make().await)).await;
        )*};
    }
    run!(
        fences::an_old_epoch_changes_nothing_of_any_kind,
        fences::a_takeover_mints_a_higher_epoch_and_doubts_what_was_in_flight,
        fences::a_row_of_another_shard_is_refused,
        guards::a_row_that_moved_on_refuses_the_whole_transition,
        guards::rows_that_are_not_there_refuse,
        guards::a_row_is_written_once_in_a_transition,
        guards::effects_are_begun_done_and_begun_again,
        numbering::events_are_numbered_in_order_without_gaps,
        numbering::counters_are_what_a_recount_says,
        numbering::a_changeset_counts_for_the_run_that_proposed_last,
        numbering::ten_thousand_targets_are_added_at_once,
        messages::messages_wait_in_order_until_consumed,
        messages::a_message_sent_again_is_sent_once_even_after_it_was_consumed,
        messages::a_message_is_consumed_once,
        messages::what_a_run_consumed_is_forgotten_with_its_end,
        reads::a_run_is_read_with_its_admissions,
        reads::targets_are_read_by_position_and_end,
        reads::changesets_are_read_by_turn_and_by_id,
        pauses::a_pause_holds_before_its_owner_has_heard_of_it,
        pauses::what_a_pause_holds_keeps_its_turn,
        following::what_is_due_is_told_in_its_order_and_not_before,
        following::a_change_sets_the_time_of_the_next_read,
        following::only_the_owner_says_when,
        following::hints_find_what_is_followed_in_a_repository,
        following::an_outcome_is_written_once,
        rollouts::checks_are_counted_and_none_at_all_only_after_a_while,
        rollouts::waves_are_counted_and_what_is_held_is_in_no_queue,
        rollouts::what_is_proposed_and_not_taken_up_is_not_done,
        rollouts::a_mark_moves_with_whatever_happens,
        rollouts::who_is_urgent_is_read_first,
        redoing::a_run_begun_by_another_owner_is_there_once,
        redoing::what_is_carried_out_again_is_counted,
        pruning::what_a_version_may_close_is_read_with_its_targets,
        batches::a_refused_transition_stands_alone,
        batches::a_fenced_transition_loses_only_its_own_writes,
        batches::one_row_changes_several_times_in_a_batch,
        concurrency::eight_writers_leave_no_gap,
        concurrency::one_of_many_wins_a_row,
        concurrency::of_many_at_once_none_is_lost_and_none_happens_twice,
        transfers::a_row_goes_over_to_another_organisation_in_one_commit,
        transfers::a_row_that_went_over_is_its_new_owners_alone,
        reviews::places_go_to_the_least_loaded_up_to_the_cap,
        reviews::a_place_counts_until_its_outcome_is_on_record,
        reviews::a_cap_holds_whoever_asks_at_once,
        reviews::an_old_epoch_takes_no_place,
        permits::a_full_window_waits_until_its_oldest_leaves,
        permits::an_unanswered_permit_counts_until_it_cannot_arrive_any_more,
        permits::pull_requests_have_windows_of_their_own,
        permits::organisations_are_counted_apart_and_without_regard_to_case,
        permits::an_old_epoch_gets_no_permit,
        permits::windows_hold_under_concurrency,
        permits::whoever_waits_hears_that_the_clock_was_moved,
        scopes::a_write_has_to_fit_into_every_scope,
        scopes::points_and_distance_hold_for_what_creates_no_content_too,
        scopes::a_write_that_never_left_is_given_back,
        scopes::a_cap_over_everything_holds_whoever_asks_at_once,
        scopes::what_counts_is_what_the_windows_hold,
        standing::where_an_organisation_stands_is_kept_and_its_quiet_passes,
        standing::only_the_owner_records_where_an_organisation_stands,
        standing::a_message_of_no_run_is_consumed_with_what_it_led_to,
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_store_in_memory_holds_to_the_contract() {
        store_suite(|| async { Arc::new(MemoryStore::new()) }).await;
    }
}
