//! Hands of humans: what somebody does to one of our pull requests is recorded with its reason, and nothing of it is
//! touched by the next version, whether it was seen by a sync or only when the next version was about to be sent.

use crate::support::{House, number, open};
use campaigns_actors::ports::memory::SeedFile;
use campaigns_domain::{
    changeset::{Ask, Changeset, ChangesetState},
    publish::PullRequestState,
};

/// What a human does to the pull request of a changeset.
type Hand = fn(&House, &Changeset);

/// Does it, lets the next version come, and expects that the changeset is handed over with this word in its reason
/// and that the next version has changed nothing at the host.
async fn hands_off(hand: Hand, word: &str) {
    for synced in [true, false] {
        let (house, system, changeset) = open("hands").await;
        hand(&house, &changeset);
        let repository = house.repository("r0");
        let look =
            || (house.host.pulls(&repository), house.host.head_of(&repository, &changeset.head_branch));
        let theirs = look();
        if synced {
            house.sync(changeset.wanted.run, 1);
            house.rest(&system).await;
            assert_eq!(house.changeset("r0").state, ChangesetState::HandedOver, "{word}");
        }
        house.changes_again("other\n");
        house.begin("hands");
        house.rest(&system).await;
        let after = house.changeset("r0");
        assert_eq!(after.state, ChangesetState::HandedOver, "{word}");
        assert!(after.reason.contains(word), "{}", after.reason);
        assert_eq!(look(), theirs, "{word}: something of theirs was touched");
        house.audit();
    }
}

#[tokio::test(start_paused = true)]
async fn somebody_pushes_to_our_branch() {
    let push: Hand = |house, changeset| {
        let files = [SeedFile::new("x", "mine")];
        house.host.push(&house.repository("r0"), &changeset.head_branch, &files, "Mine").unwrap();
    };
    hands_off(push, "campaigns/hands").await;
}

#[tokio::test(start_paused = true)]
async fn somebody_force_pushes_our_branch() {
    let push: Hand = |house, changeset| {
        house.host.force_push(&house.repository("r0"), &changeset.head_branch, "Mine").unwrap();
    };
    hands_off(push, "campaigns/hands").await;
}

#[tokio::test(start_paused = true)]
async fn somebody_edits_the_title() {
    let edit: Hand = |house, changeset| {
        let body = &changeset.wanted.body;
        house.host.edit(&house.repository("r0"), number(changeset), "A better title", body);
    };
    hands_off(edit, "title").await;
}

#[tokio::test(start_paused = true)]
async fn somebody_edits_the_text() {
    let edit: Hand = |house, changeset| {
        let wanted = &changeset.wanted;
        let body = format!("{}\n\nPlease wait until Monday.", wanted.body);
        house.host.edit(&house.repository("r0"), number(changeset), &wanted.title, &body);
    };
    hands_off(edit, "text").await;
}

#[tokio::test(start_paused = true)]
async fn somebody_converts_it_to_a_draft() {
    let convert: Hand =
        |house, changeset| house.host.set_draft(&house.repository("r0"), number(changeset), true);
    hands_off(convert, "draft").await;
}

/// The same for what ends a pull request.
async fn stays_ended(hand: Hand, state: ChangesetState) {
    for synced in [true, false] {
        let (house, system, changeset) = open("ended").await;
        hand(&house, &changeset);
        let repository = house.repository("r0");
        let look = || (house.host.pulls(&repository), house.host.branches(&repository));
        let theirs = look();
        if synced {
            house.sync(changeset.wanted.run, 1);
            house.rest(&system).await;
            assert_eq!(house.changeset("r0").state, state);
        }
        house.changes_again("other\n");
        house.begin("ended");
        house.rest(&system).await;
        assert_eq!(house.changeset("r0").state, state);
        assert_eq!(look(), theirs, "something was opened or written again");
        house.audit();
    }
}

#[tokio::test(start_paused = true)]
async fn somebody_closes_it() {
    let close: Hand = |house, changeset| house.host.close(&house.repository("r0"), number(changeset));
    stays_ended(close, ChangesetState::Closed).await;
}

#[tokio::test(start_paused = true)]
async fn somebody_deletes_its_branch() {
    let delete: Hand =
        |house, changeset| house.host.delete_branch(&house.repository("r0"), &changeset.head_branch);
    stays_ended(delete, ChangesetState::Closed).await;
}

#[tokio::test(start_paused = true)]
async fn somebody_merges_it() {
    let merge: Hand = |house, changeset| house.host.merge(&house.repository("r0"), number(changeset));
    stays_ended(merge, ChangesetState::Merged).await;
}

#[tokio::test(start_paused = true)]
async fn somebody_marks_our_draft_ready() {
    let house = House::new().with_repositories(1);
    let draft = crate::support::spec("draft", crate::support::ACME, "draft");
    let run = house.begin_spec(&draft, Default::default());
    let system = house.start().await;
    house.rest(&system).await;
    let changeset = house.changeset("r0");
    assert_eq!(changeset.state, ChangesetState::Draft);
    house.host.set_draft(&house.repository("r0"), number(&changeset), false);
    house.sync(run, 1);
    house.rest(&system).await;
    assert_eq!(house.changeset("r0").state, ChangesetState::Open, "that is how a draft goes on");
    // Back to a draft is a human's word all the same.
    house.host.set_draft(&house.repository("r0"), number(&changeset), true);
    house.sync(run, 2);
    house.rest(&system).await;
    assert_eq!(house.changeset("r0").state, ChangesetState::HandedOver);
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn takeover_resumes_and_leaves_what_is_there() {
    let (house, system, changeset) = open("over").await;
    let repository = house.repository("r0");
    let files = [SeedFile::new("x", "mine")];
    let theirs = house.host.push(&repository, &changeset.head_branch, &files, "Mine").unwrap();
    house.host.edit(&repository, number(&changeset), "A better title", "My words");
    house.sync(changeset.wanted.run, 1);
    house.rest(&system).await;
    assert_eq!(house.changeset("r0").state, ChangesetState::HandedOver);
    let before = house.host.pulls(&repository);
    house.ask("r0", Ask::Takeover);
    house.rest(&system).await;
    let taken = house.changeset("r0");
    assert_eq!((taken.state, &taken.head), (ChangesetState::Open, &Some(theirs.clone())));
    assert_eq!(house.host.pulls(&repository), before, "taking over changes nothing by itself");
    house.sync(changeset.wanted.run, 2);
    house.rest(&system).await;
    assert_eq!(house.changeset("r0").state, ChangesetState::Open, "it is ours now");
    // The next version goes on top, and never loses their commit.
    house.changes_again("other\n");
    house.begin("over");
    house.rest(&system).await;
    let next = house.changeset("r0");
    let head = house.host.head_of(&repository, &next.head_branch).unwrap();
    assert_eq!((next.state, head.parents), (ChangesetState::Open, vec![theirs]));
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn a_version_on_a_base_that_moved_is_a_merge_of_it() {
    let (house, system, first) = open("moved").await;
    let repository = house.repository("r0");
    // Somebody changes the same file in the base: the pull request is in conflict.
    let files = [SeedFile::new("CAMPAIGN.md", "theirs")];
    let base = house.host.push(&repository, "main", &files, "Theirs").unwrap();
    house.changes_again("other\n");
    house.begin("moved");
    house.rest(&system).await;
    let after = house.changeset("r0");
    let head = house.host.head_of(&repository, &after.head_branch).unwrap();
    assert_eq!(after.state, ChangesetState::Open);
    assert_eq!(head.parents, [first.head.unwrap(), base.clone()], "our head, and the new base");
    assert_eq!(after.shown.base, Some(base));
    // On the same base the next one is appended as ever.
    house.changes_again("more\n");
    house.begin("moved");
    house.rest(&system).await;
    let third = house.host.head_of(&repository, &after.head_branch).unwrap();
    assert_eq!(third.parents, [head.commit]);
    let (pull, ..) = house.host.pulls(&repository).remove(0);
    assert_eq!(pull.state, PullRequestState::Open);
    house.audit();
}
