//! Whoever wants no campaigns is left alone, from the selection to what is open already.

use crate::support::{ACME, House, spec};
use campaigns_actors::ports::memory::{Operation, SeedFile};
use campaigns_domain::{
    changeset::{Ask, ChangesetState},
    execution::{run::RunOptions, target::TargetState},
    selection::{OPT_OUT_FILE, OPT_OUT_LABEL, OPT_OUT_TOPIC},
};

fn says(house: &House, name: &str, file: &str) {
    let repository = house.repository(name);
    house.host.push(&repository, "main", &[SeedFile::new(OPT_OUT_FILE, file.to_owned())], "No").unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_repository_that_opted_out_is_left_out_with_its_reason() {
    let house = House::new().with_repositories(60);
    says(&house, "r0", "optOut: true\n");
    says(&house, "r1", "optOut: ['wel*']\n");
    says(&house, "r2", "optOut: [other]\n");
    let run = house.begin("welcome");
    let system = house.start().await;
    house.rest(&system).await;
    let left_out: Vec<_> = house
        .store
        .dump()
        .targets
        .into_values()
        .filter(|target| target.state == TargetState::Skipped)
        .map(|target| (target.repository.to_string(), target.reason))
        .collect();
    assert_eq!(left_out.len(), 2, "{left_out:?}");
    for (name, reason) in left_out {
        assert!(["acme/r0", "acme/r1"].contains(&name.as_str()), "{name}");
        assert_eq!(reason, format!("left out: the repository opts out by its `{OPT_OUT_FILE}`"));
    }
    assert_eq!(house.changesets(), [(ChangesetState::Open, 58)].into());
    let asked = house.host.calls().iter().filter(|call| call.operation == Operation::OptOuts).count();
    assert_eq!(asked, 2 + 58, "two pages for the selection, and once before each is sent");
    assert_eq!(house.targets(run)[&TargetState::Changed], 58);
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn whoever_opts_out_later_gets_nothing_any_more() {
    let house = House::new().with_repositories(3);
    house.begin_spec(&spec("later", ACME, "false"), RunOptions::default());
    let system = house.start().await;
    house.rest(&system).await;
    house.ask("r0", Ask::Publish { draft: false });
    house.rest(&system).await;
    let before = house.changeset("r0").head;
    says(&house, "r0", "optOut: true\n");
    house.host.add_topic(&house.repository("r1"), OPT_OUT_TOPIC);
    for name in ["r1", "r2"] {
        house.ask(name, Ask::Publish { draft: false });
    }
    house.rest(&system).await;
    let kept_back = house.changeset("r1");
    assert_eq!(kept_back.state, ChangesetState::Blocked);
    assert!(kept_back.reason.contains(OPT_OUT_TOPIC), "{}", kept_back.reason);
    assert_eq!(house.host.branches(&house.repository("r1")), ["main"], "nothing was written");
    assert_eq!(house.changeset("r2").state, ChangesetState::Open);
    assert_eq!(house.changeset("r0").head, before);
    // Nor does anybody pass it over by asking.
    house.ask("r1", Ask::Retry);
    house.rest(&system).await;
    assert_eq!(house.changeset("r1").state, ChangesetState::Blocked);
    house.audit();
}

#[tokio::test(start_paused = true)]
async fn a_label_on_a_pull_request_makes_it_theirs() {
    let house = House::new().with_repositories(2);
    let run = house.begin("labelled");
    let system = house.start().await;
    house.rest(&system).await;
    let repository = house.repository("r0");
    house.host.dress(&repository, 1, |worn| worn.labels.push(OPT_OUT_LABEL.to_owned()));
    house.sync(run, 1);
    house.rest(&system).await;
    let theirs = house.changeset("r0");
    assert_eq!(theirs.state, ChangesetState::HandedOver);
    assert!(theirs.reason.contains(OPT_OUT_LABEL), "{}", theirs.reason);
    assert_eq!(house.changeset("r1").state, ChangesetState::Open);
    house.changes_again("more\n");
    house.begin("labelled");
    house.rest(&system).await;
    assert_eq!(house.changeset("r0").head, theirs.head, "no version comes any more");
    assert_ne!(house.changeset("r1").generation, 1);
    house.audit();
}
