//! Base branches that move: when that is answered by itself, how often, and when it is left to people.
//!
//! Deliberately absent: what a result on a newer base becomes, which `lives` shows of those that people ask for.

use crate::support::{
    ACME, House, number, open, spec,
    tap::{Break, Tap, What, When, Which},
};
use campaigns_actors::{
    System,
    ports::memory::{Operation, Script, SeedFile},
};
use campaigns_domain::{
    changeset::{Changeset, ChangesetState, Mergeability},
    execution::run::{Run, RunState},
    id::CommitSha,
    publish::QueueState,
};
use std::time::Duration;

/// A campaign with one open pull request, under this `policy.rebase`.
async fn open_under(name: &str, policy: &str) -> (House, System, Changeset) {
    let house = House::new().with_repositories(1);
    let spec = format!("{}policy:\n  rebase: {policy}\n", spec(name, ACME, "true"));
    house.begin_spec(&spec, Default::default());
    let system = house.start().await;
    house.rest(&system).await;
    let changeset = house.changeset("r0");
    assert_eq!(changeset.state, ChangesetState::Open);
    (house, system, changeset)
}

/// Somebody changes a file in the base branch.
fn moves(house: &House, name: &str, path: &str, text: &str) -> CommitSha {
    let repository = house.repository(name);
    house.host.push(&repository, "main", &[SeedFile::new(path, text.to_owned())], "Theirs").unwrap()
}

/// What GitHub says about merging it from now on.
fn says(house: &House, changeset: &Changeset, mergeability: Mergeability) {
    let repository = house.repository("r0");
    house.host.change(&repository, number(changeset), |_, said| said.mergeability = mergeability);
}

/// Reads everything once, and does what follows.
async fn read(house: &House, system: &System, nth: u32) {
    house.sync(house.changeset("r0").wanted.run, nth);
    house.rest(system).await;
}

/// The runs that began by themselves or by `rebase`.
fn again(house: &House) -> Vec<Run> {
    house.store.dump().runs.into_values().filter(|run| run.options.rebase).collect()
}

fn compared(house: &House) -> usize {
    house.host.calls().iter().filter(|call| call.operation == Operation::Compare).count()
}

fn base_of(house: &House) -> Option<String> {
    house.changeset("r0").seen.and_then(|seen| seen.base)
}

#[tokio::test(start_paused = true)]
async fn a_base_that_moves_elsewhere_is_compared_once_for_each_head_and_left_alone() {
    let (house, system, first) = open("elsewhere").await;
    says(&house, &first, Mergeability::Mergeable);
    for (nth, path) in [(1, "theirs"), (2, "theirs too")] {
        moves(&house, "r0", path, "x");
        read(&house, &system, 10 * nth).await;
        read(&house, &system, 10 * nth + 1).await;
        assert_eq!(compared(&house), nth as usize, "once for each head");
    }
    let after = house.changeset("r0");
    assert_eq!((after.state, &after.head, again(&house).len()), (ChangesetState::Open, &first.head, 0));
    assert_eq!((after.reason.as_str(), base_of(&house)), ("", None), "and nothing is said of it");
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn a_base_that_moves_over_our_files_is_answered_with_a_merge_of_it() {
    let (house, system, first) = open("touched").await;
    // Another campaign's changes nothing of that file.
    house.executor.script(&house.repository("r0").name, Script::writes("OTHER.md", "other\n"));
    house.begin("beside");
    house.rest(&system).await;
    house.changes_again("on top of theirs\n");
    let beside: Vec<_> =
        house.store.dump().changesets.into_values().filter(|one| one.id != first.id).collect();
    let base = moves(&house, "r0", "CAMPAIGN.md", "theirs");
    house.sync(first.wanted.run, 1);
    house.sync(beside[0].wanted.run, 2);
    house.rest(&system).await;
    let dump = house.store.dump();
    let (after, other) = (&dump.changesets[&first.id], &dump.changesets[&beside[0].id]);
    let repository = house.repository("r0");
    let head = house.host.head_of(&repository, &after.head_branch).unwrap();
    assert_eq!(
        head.parents,
        [first.head.clone().unwrap(), base.clone()],
        "our head, and the base as it is now"
    );
    assert_eq!(house.host.file(&repository, &head, "CAMPAIGN.md").as_deref(), Some("on top of theirs\n"));
    assert_eq!((after.state, &after.head), (ChangesetState::Open, &Some(head.commit)));
    assert_eq!((after.shown.base.as_ref(), after.errand.redo), (Some(&base), None));
    assert_eq!(after.wanted.run, first.wanted.run, "it stays its run's");
    assert_eq!((other.state, &other.head), (ChangesetState::Open, &beside[0].head));
    // Both look at one; another is made when the result is put onto the branch.
    assert_eq!(compared(&house), 2);
    let runs = again(&house);
    assert_eq!((runs.len(), runs[0].state), (1, RunState::Completed));
    let told: Vec<_> = dump.events.values().filter(|event| event.kind == "changeset.redo_begun").collect();
    assert_eq!((told.len(), told[0].run), (1, first.wanted.run), "where the changeset's other events are");
    assert_eq!(told[0].data["why"], "the base branch has changed `CAMPAIGN.md`");
    assert!(house.pull_requests().values().all(|count| *count == 2));
    // Read again, it holds the base, and nothing more is done.
    house.sync(first.wanted.run, 3);
    house.rest(&system).await;
    assert_eq!((again(&house).len(), compared(&house)), (1, 2));
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn a_conflict_is_answered_once_for_each_head_of_the_base() {
    for policy in ["onTouched", "onConflict"] {
        let (house, system, first) = open_under("conflict", policy).await;
        moves(&house, "r0", "theirs", "x");
        says(&house, &first, Mergeability::Conflicting);
        read(&house, &system, 1).await;
        let after = house.changeset("r0");
        assert_ne!(after.head, first.head, "{policy}: {after:#?} {:#?}", house.store.dump().events);
        assert_eq!((again(&house).len(), compared(&house)), (1, 1), "{policy}: only for the branch");
        // It conflicts all the same, and is left to people.
        read(&house, &system, 2).await;
        assert_eq!(house.changeset("r0").state, ChangesetState::Conflicted, "{policy}");
        assert_eq!(again(&house).len(), 1, "{policy}");
        house.audit();
    }
}

#[tokio::test(start_paused = true)]
async fn a_base_is_merged_also_where_the_result_on_it_is_the_same_as_before() {
    let (house, system, first) = open_under("same", "onConflict").await;
    // The steps write the whole file, whatever stands there.
    let base = moves(&house, "r0", "CAMPAIGN.md", "theirs");
    says(&house, &first, Mergeability::Conflicting);
    read(&house, &system, 1).await;
    let (after, repository) = (house.changeset("r0"), house.repository("r0"));
    let head = house.host.head_of(&repository, &after.head_branch).unwrap();
    assert_eq!(head.parents, [first.head.clone().unwrap(), base.clone()], "{:#?}", house.store.dump().events);
    assert_eq!((&after.head, after.shown.base.as_ref()), (&Some(head.commit), Some(&base)));
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn a_conflict_that_github_works_out_later_is_not_missed() {
    let (house, system, first) = open_under("later", "onConflict").await;
    // Nothing has happened to it for days, so that it is read once a day.
    says(&house, &first, Mergeability::Mergeable);
    tokio::time::sleep(Duration::from_secs(8 * 86_400)).await;
    moves(&house, "r0", "theirs", "x");
    says(&house, &first, Mergeability::Unknown);
    read(&house, &system, 1).await;
    assert!(again(&house).is_empty());
    says(&house, &first, Mergeability::Conflicting);
    tokio::time::sleep(Duration::from_secs(90)).await;
    house.rest(&system).await;
    assert_eq!(again(&house).len(), 1, "it was read again a minute later");
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn what_is_left_to_people_is_only_told() {
    let (house, system, first) = open_under("never", "never").await;
    for nth in [1, 2] {
        moves(&house, "r0", "CAMPAIGN.md", &format!("theirs {nth}"));
        read(&house, &system, nth).await;
    }
    let said = base_of(&house).unwrap();
    assert!(said.contains("has moved") && said.contains("`rebase`"), "{said}");
    let told = house.store.dump().events.into_values().filter(|event| event.kind == "changeset.base_moved");
    assert_eq!(told.count(), 1, "once, however often it moves");
    assert_eq!((house.changeset("r0").head, compared(&house)), (first.head.clone(), 0));
    // Whoever asks for it has it, and then nothing is to be said any more.
    house.changes_again("on top of theirs\n");
    house.rebase("r0").await;
    house.rest(&system).await;
    assert_eq!((base_of(&house), again(&house).len()), (None, 1));
    assert_ne!(house.changeset("r0").head, first.head);
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn nothing_begins_on_a_humans_hand_in_a_merge_queue_or_where_somebody_holds_it() {
    let (house, system, first) = open("held").await;
    let repository = house.repository("r0");
    let run = first.wanted.run;
    let campaign = first.campaign;
    house.changes_again("on top of theirs\n");
    moves(&house, "r0", "CAMPAIGN.md", "theirs");
    house.host.change(&repository, number(&first), |_, said| said.queue = Some(QueueState::Queued));
    read(&house, &system, 1).await;
    house.host.change(&repository, number(&first), |_, said| said.queue = None);
    house.store.pause_campaign(campaign, Some("ada"));
    tokio::time::sleep(Duration::from_secs(10)).await;
    read(&house, &system, 2).await;
    assert_eq!((again(&house).len(), compared(&house)), (0, 0));
    house.store.pause_campaign(campaign, None);
    tokio::time::sleep(Duration::from_secs(10)).await;
    read(&house, &system, 3).await;
    assert_eq!(again(&house).len(), 1);
    // From here on it is a human's.
    let branch = house.changeset("r0").head_branch;
    let theirs = house.host.push(&repository, &branch, &[SeedFile::new("x", "mine")], "Mine").unwrap();
    moves(&house, "r0", "CAMPAIGN.md", "theirs again");
    tokio::time::sleep(Duration::from_secs(86_400)).await;
    house.sync(run, 4);
    house.rest(&system).await;
    assert_eq!((house.changeset("r0").state, again(&house).len()), (ChangesetState::HandedOver, 1));
    assert_eq!(house.host.head_of(&repository, &branch).unwrap().commit, theirs);
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn a_base_that_moves_all_the_time_is_answered_ever_less_often() {
    let (house, system, _) = open("restless").await;
    for minute in 0..24 * 12 {
        moves(&house, "r0", "CAMPAIGN.md", &format!("theirs {minute}"));
        house.changes_again(&format!("on top of {minute}\n"));
        tokio::time::sleep(Duration::from_secs(300)).await;
    }
    house.rest(&system).await;
    // After 10, 20, 40, 80, ... minutes at the earliest.
    let done = again(&house).len();
    assert!((5..=8).contains(&done), "{done} times in a day");
    let said = base_of(&house).unwrap();
    assert!(said.contains("it is carried out again at"), "{said}");
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn no_more_are_carried_out_again_at_once_than_may_be() {
    let mut house = House::new().with_repositories(6);
    house.settings.redone_at_once = 2;
    let run = house.begin("many");
    let system = house.start().await;
    house.rest(&system).await;
    for n in 0..6 {
        let name = house.repository(&format!("r{n}")).name;
        house
            .executor
            .script(&name, Script::writes("CAMPAIGN.md", "again\n").taking(Duration::from_secs(300)));
        moves(&house, &format!("r{n}"), "CAMPAIGN.md", "theirs");
    }
    house.sync(run, 1);
    let under_way = |house: &House| {
        house.store.dump().changesets.values().filter(|row| row.errand.redo.is_some()).count()
    };
    let mut most = 0;
    let heads = |house: &House| {
        let dump = house.store.dump();
        dump.changesets.values().filter(|row| row.shown.base != Some(row.wanted.base.clone())).count()
            + dump.changesets.values().filter(|row| row.wanted.made_by.is_some()).count()
    };
    for _ in 0..24 * 60 {
        tokio::time::sleep(Duration::from_secs(5)).await;
        most = most.max(under_way(&house));
        if heads(&house) == 6 && under_way(&house) == 0 {
            break;
        }
    }
    assert_eq!((most, heads(&house)), (2, 6), "two at a time, and all of them in the end");
    house.rest(&system).await;
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn a_run_that_leaves_no_word_is_not_waited_for() {
    let (house, system, first) = open("wordless").await;
    moves(&house, "r0", "CAMPAIGN.md", "theirs");
    let slow = Script::writes("CAMPAIGN.md", "again\n").taking(Duration::from_secs(3600));
    house.executor.script(&house.repository("r0").name, slow);
    house.sync(first.wanted.run, 1);
    house.until("it is carried out again", |house| !again(house).is_empty()).await;
    house.cancel(again(&house)[0].id);
    house.rest(&system).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    house.rest(&system).await;
    let after = house.changeset("r0");
    assert_eq!((after.state, after.errand.redo, after.head), (ChangesetState::Open, None, first.head));
    assert!(after.reason.starts_with("it was not carried out again"), "{}", after.reason);
    // The next head of the base is answered again.
    house.changes_again("on top of theirs\n");
    moves(&house, "r0", "CAMPAIGN.md", "theirs again");
    tokio::time::sleep(Duration::from_secs(3600)).await;
    house.rest(&system).await;
    let after = house.changeset("r0");
    assert_eq!((after.reason.as_str(), again(&house).len()), ("", 2));
    house.audit();
}

/// Kills the process at each commit or write in turn, while a base that has moved is answered.
async fn killed_at_each(which: Which, when: When) {
    let mut nth = 0;
    loop {
        let (house, system, first) = open("killed").await;
        drop(system);
        house.changes_again("on top of theirs\n");
        let base = moves(&house, "r0", "CAMPAIGN.md", "theirs");
        let tap = Tap::open(Some(Break { which, nth, when, what: What::Cut }));
        let cut = System::start(tap.behind(house.ports()), house.settings.clone()).await.unwrap();
        house.sync(first.wanted.run, 1);
        tokio::select! {
            () = tap.gone() => {}
            () = house.rest(&cut) => {}
        }
        drop(cut);
        let system = house.start().await;
        house.rest(&system).await;
        let what = format!("killed {when:?} call {nth} of {which:?}");
        let (after, repository) = (house.changeset("r0"), house.repository("r0"));
        let head = house.host.head_of(&repository, &after.head_branch).unwrap();
        assert_eq!(head.parents, [first.head.clone().unwrap(), base], "{what}");
        assert_eq!((after.state, after.errand.redo), (ChangesetState::Open, None), "{what}");
        let runs = again(&house);
        assert_eq!((runs.len(), runs[0].state), (1, RunState::Completed), "{what}");
        assert_eq!(house.pull_requests().values().sum::<usize>(), 1, "{what}");
        house.audit();
        if !tap.was_hit() {
            break;
        }
        nth += 1;
    }
    assert!(nth >= 2, "it was killed only {nth} times");
}

#[tokio::test(start_paused = true)]
async fn killed_at_each_commit_it_ends_the_same() {
    killed_at_each(Which::Commits, When::Before).await;
    killed_at_each(Which::Commits, When::After).await;
}

#[tokio::test(start_paused = true)]
async fn killed_at_each_write_to_the_host_it_ends_the_same() {
    killed_at_each(Which::HostWrites, When::Before).await;
    killed_at_each(Which::HostWrites, When::After).await;
}
