//! What people ask of a changeset after its run has ended, carried out at the host.

use crate::support::{ACME, House, spec};
use campaigns_actors::ports::{
    CodeHostError,
    memory::{Fault, FaultEffect, Operation, SeedFile},
};
use campaigns_domain::{
    changeset::{Ask, ChangesetState},
    execution::run::{RunOptions, RunState},
    publish::{
        PullRequestState,
        budget::{Budget, Cap, Counted},
    },
};
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn what_was_kept_back_is_published_when_somebody_asks() {
    let house = House::new().with_repositories(3);
    let run = house.begin_spec(&spec("kept", ACME, "false"), RunOptions::default());
    let system = house.start().await;
    house.rest(&system).await;
    assert_eq!(house.run_state(run), RunState::Completed);
    assert_eq!(house.changesets(), [(ChangesetState::Unpublished, 3)].into());
    house.ask("r0", Ask::Publish { draft: true });
    house.ask("r1", Ask::Publish { draft: false });
    house.rest(&system).await;
    assert_eq!(house.changeset("r0").state, ChangesetState::Draft);
    assert_eq!(house.changeset("r1").state, ChangesetState::Open);
    assert_eq!(house.changeset("r2").state, ChangesetState::Unpublished);
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_is_tried_again_when_somebody_asks() {
    let house = House::new().with_repositories(2);
    let refused = CodeHostError::Refused("the branch is protected: ask its owner".to_owned());
    house.host.add_fault(Fault::next(Operation::CreateBranch, FaultEffect::Refuse(refused)).of("r1"));
    house.begin("refused");
    let system = house.start().await;
    house.rest(&system).await;
    assert_eq!(house.changeset("r1").state, ChangesetState::Blocked);
    house.ask("r1", Ask::Retry);
    house.ask("r0", Ask::Retry);
    house.rest(&system).await;
    assert_eq!(house.changesets(), [(ChangesetState::Open, 2)].into());
    assert_eq!(house.changeset("r0").generation, 1, "nothing stood in its way, so nothing was done");
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_after_a_cancellation_is_done() {
    let mut house = House::new().with_repositories(2);
    house.window = 1;
    house.settings.budget =
        Budget { organization: vec![Cap::new(Counted::PullRequests, 3600, 1)], ..Budget::unlimited() };
    let run = house.begin("cancelled");
    let system = house.start().await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    house.cancel(run);
    house.rest(&system).await;
    let blocked = |name: &str| house.changeset(name).state == ChangesetState::Blocked;
    let name = ["r0", "r1"].into_iter().find(|name| blocked(name)).expect("one of them had to wait");
    house.ask(name, Ask::Retry);
    house.rest(&system).await;
    assert_eq!(house.changesets(), [(ChangesetState::Open, 2)].into());
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn closing_takes_our_branch_away_and_opening_again_brings_it_back() {
    let house = House::new().with_repositories(2);
    house.begin("ends");
    let system = house.start().await;
    house.rest(&system).await;
    let (repository, before) = (house.repository("r0"), house.changeset("r0"));
    // A crash between closing and deleting, or a lost answer, changes nothing about the end.
    house.host.add_fault(Fault::next(Operation::SetPullRequestOpen, FaultEffect::LoseAnswer).of("r0"));
    house.ask("r0", Ask::Close);
    house.rest(&system).await;
    let closed = house.changeset("r0");
    assert_eq!((closed.state, closed.reason.as_str()), (ChangesetState::Closed, "closed by ada"));
    assert_eq!(house.host.pulls(&repository)[0].0.state, PullRequestState::Closed);
    assert_eq!(house.host.branches(&repository), ["main"]);
    assert_eq!(house.changeset("r1").state, ChangesetState::Open);
    // A further version leaves it alone.
    house.changes_again("other\n");
    house.begin("ends");
    house.rest(&system).await;
    assert_eq!(house.host.branches(&repository), ["main"]);
    house.ask("r0", Ask::Reopen);
    house.rest(&system).await;
    let open = house.changeset("r0");
    assert_eq!((open.state, &open.pull_request), (ChangesetState::Open, &before.pull_request));
    let head = house.host.head_of(&repository, &open.head_branch).unwrap();
    assert_eq!(head.parents, [before.head.unwrap()], "the version that came meanwhile, on top of ours");
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn closing_leaves_a_branch_with_somebody_elses_commits() {
    let house = House::new().with_repositories(1);
    let run = house.begin("theirs");
    let system = house.start().await;
    house.rest(&system).await;
    let (repository, changeset) = (house.repository("r0"), house.changeset("r0"));
    house.host.push(&repository, &changeset.head_branch, &[SeedFile::new("x", "mine")], "Mine").unwrap();
    house.sync(run, 1);
    house.rest(&system).await;
    house.ask("r0", Ask::Close);
    house.rest(&system).await;
    assert_eq!(house.changeset("r0").state, ChangesetState::Closed);
    assert_eq!(house.host.pulls(&repository)[0].0.state, PullRequestState::Closed);
    assert_eq!(house.host.branches(&repository), [changeset.head_branch.as_str(), "main"]);
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn a_comment_is_said_once_whatever_happens_to_its_answer() {
    let house = House::new().with_repositories(2);
    let run = house.begin("talk");
    let system = house.start().await;
    house.rest(&system).await;
    let (repository, before) = (house.repository("r0"), house.changeset("r0"));
    house.host.add_fault(Fault::next(Operation::CreateComment, FaultEffect::LoseAnswer).of("r0"));
    house.ask("r0", Ask::Comment { body: "Please look, @everyone.".to_owned() });
    house.rest(&system).await;
    let number = before.pull_request.as_ref().unwrap().number;
    let comments = house.host.comments_of(&repository, number);
    assert_eq!(comments.len(), 1, "{comments:?}");
    assert!(comments[0].starts_with("Please look, @everyone.\n\n<!-- campaigns:effect="), "{comments:?}");
    let after = house.changeset("r0");
    assert_eq!((after.state, &after.head), (ChangesetState::Open, &before.head));
    assert!(house.host.comments_of(&house.repository("r1"), number).is_empty());
    // Also to one that a human has taken over, which stays so.
    house.host.push(&repository, &before.head_branch, &[SeedFile::new("x", "mine")], "Mine").unwrap();
    house.sync(run, 1);
    house.rest(&system).await;
    house.ask("r0", Ask::Comment { body: "Thank you.".to_owned() });
    house.rest(&system).await;
    assert_eq!(house.changeset("r0").state, ChangesetState::HandedOver);
    assert_eq!(house.host.comments_of(&repository, number).len(), 2);
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn a_draft_is_marked_ready_and_nothing_else_is_written() {
    let house = House::new().with_repositories(3);
    house.begin_spec(&spec("drafts", ACME, "draft"), RunOptions::default());
    let system = house.start().await;
    house.rest(&system).await;
    assert_eq!(house.changesets(), [(ChangesetState::Draft, 3)].into());
    let before = house.host.calls().len();
    house.host.add_fault(Fault::next(Operation::MarkReady, FaultEffect::LoseAnswer).of("r0"));
    house.ask("r0", Ask::Ready);
    // A human was faster.
    house.host.set_draft(&house.repository("r1"), 1, false);
    house.ask("r1", Ask::Ready);
    house.rest(&system).await;
    let calls = house.host.calls().split_off(before);
    let written: Vec<_> = calls.iter().filter(|call| call.operation.writes()).collect();
    assert_eq!(written.len(), 1, "the lost answer is found out by looking: {written:?}");
    assert_eq!((written[0].operation, written[0].of.as_str()), (Operation::MarkReady, "acme/r0"));
    assert_eq!(house.changesets(), [(ChangesetState::Open, 2), (ChangesetState::Draft, 1)].into());
    assert!(house.host.pulls(&house.repository("r2"))[0].0.draft);
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn a_version_that_is_no_draft_any_more_marks_it_ready_in_place() {
    let house = House::new().with_repositories(1);
    house.begin_spec(&spec("grown", ACME, "draft"), RunOptions::default());
    let system = house.start().await;
    house.rest(&system).await;
    let draft = house.changeset("r0");
    assert_eq!(draft.state, ChangesetState::Draft);
    house.begin_spec(&spec("grown", ACME, "true"), RunOptions::default());
    house.rest(&system).await;
    let open = house.changeset("r0");
    assert_eq!((open.state, &open.pull_request), (ChangesetState::Open, &draft.pull_request));
    assert_eq!(open.head, draft.head, "the content is the same, and nothing is appended");
    // A later draft does not take it back: only a human does that.
    house.begin_spec(&spec("grown", ACME, "draft"), RunOptions::default());
    house.rest(&system).await;
    assert_eq!(house.changeset("r0").state, ChangesetState::Open);
    house.audit();
}
