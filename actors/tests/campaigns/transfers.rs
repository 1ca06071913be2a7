//! Repositories that move to another organisation with the App: their changesets go on there, by that one's limits and
//! waits, and whatever is sent to the old one is passed on.
//!
//! Deliberately absent: tokens, and what GitHub shows to whom (`cli`'s `organizations`).

use crate::support::{ACME, House, spec};
use campaigns_actors::{
    System,
    ports::{
        Effect, EffectChange, EffectKind, EffectState, Fence, Message, MessageBody, Recipient, Store,
        Subject, Transition, Trouble,
        memory::{Script, SeedFile},
    },
};
use campaigns_domain::{
    changeset::{Ask, ChangesetState},
    execution::run::RunOptions,
    id::{EffectId, MessageId, Shard},
    publish::budget::Budget,
};
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

const GLOBEX: &str = "globex";

/// A campaign over Acme's `r0` and Globex's `g0`, at rest.
async fn both(name: &str, published: &str, policy: &str) -> (House, System) {
    let mut house = House::new().with_repositories(1);
    house.add("globex/g0");
    let both = format!("  - organization: {ACME}\n  - organization: {GLOBEX}\n");
    let yaml = spec(name, ACME, published).replace(&format!("  - organization: {ACME}\n"), &both);
    house.begin_spec(&format!("{yaml}{policy}"), RunOptions::default());
    let system = house.start().await;
    house.rest(&system).await;
    (house, system)
}

/// Acme's repository becomes Globex's; whoever reads it under its old name is led on.
fn moves(house: &House) {
    house.host.rename(&house.repository("r0"), &"globex/r0".parse().unwrap());
}

fn there(state: ChangesetState) -> (String, ChangesetState) {
    ("globex/r0".to_owned(), state)
}

fn whose(house: &House) -> (String, ChangesetState) {
    let changeset = house.changeset("r0");
    (changeset.repository.to_string(), changeset.state)
}

#[tokio::test(start_paused = true)]
async fn one_that_arrives_in_a_quiet_has_its_turn_when_that_is_over() {
    let (house, system) = both("quiet", "false", "").await;
    // GitHub asked for quiet there, as somebody else heard, while nothing waits for it.
    let run = house.changeset("r0").wanted.run;
    let trouble = Trouble::Limited { seconds: 600, reason: "too fast".to_owned() };
    let to = Recipient::Organization(GLOBEX.to_owned());
    let body = MessageBody::Trouble { trouble, run };
    house.store.send(Some(run), &Message { id: MessageId(Uuid::new_v4()), to, body });
    house.rest(&system).await;
    moves(&house);
    house.ask("r0", Ask::Publish { draft: false });
    let asked = Instant::now();
    house.until("it is open", |house| whose(house) == there(ChangesetState::Open)).await;
    assert!(asked.elapsed() < Duration::from_secs(620), "{:?}", asked.elapsed());
    house.rest(&system).await;
}

#[tokio::test(start_paused = true)]
async fn a_public_one_that_has_moved_is_written_by_its_new_owners_limits_alone() {
    let (house, system) = both("public", "false", "").await;
    moves(&house);
    house.ask("r0", Ask::Publish { draft: false });
    house.rest(&system).await;
    assert_eq!(whose(&house), there(ChangesetState::Open));
    let mut spent = vec![];
    for organization in [ACME, GLOBEX] {
        spent.push(house.store.spending(organization, &[], &Budget::default()).await.unwrap().permits);
    }
    let [acme, globex] = &spent[..] else { panic!() };
    assert_eq!(acme, &[], "nothing is written by the old owner's limits");
    assert!(globex.iter().any(|permit| permit.charge.pull_request), "{globex:#?}");
}

#[tokio::test(start_paused = true)]
async fn where_its_base_has_moved_too_the_new_owner_carries_it_out_again() {
    let (house, system) = both("based", "true", "policy:\n  rebase: onTouched\n").await;
    let run = house.changeset("r0").wanted.run;
    let (repository, there_now) = (house.repository("r0"), "globex/r0".parse().unwrap());
    house.executor.script(&there_now, Script::writes("CAMPAIGN.md", "on top of theirs\n"));
    let theirs = [SeedFile::new("CAMPAIGN.md", "theirs\n")];
    house.host.push(&repository, "main", &theirs, "Theirs").unwrap();
    moves(&house);
    house.sync(run, 1);
    house.rest(&system).await;
    house.hint("r0", &[], 1);
    house.rest(&system).await;
    let (changeset, dump) = (house.changeset("r0"), house.store.dump());
    assert_eq!(whose(&house), there(ChangesetState::Open));
    let head = house.host.head_of(&repository, &changeset.head_branch).unwrap();
    assert_eq!(house.host.file(&repository, &head, "CAMPAIGN.md").as_deref(), Some("on top of theirs\n"));
    let begun: Vec<_> = dump.events.values().filter(|event| event.kind == "changeset.redo_begun").collect();
    assert_eq!(begun.len(), 1);
    assert_eq!(begun[0].shard, Shard::of_organization(GLOBEX));
}

#[tokio::test(start_paused = true)]
async fn what_the_old_owner_still_owed_for_it_is_ended_where_it_is_found() {
    let (house, system) = both("owed", "true", "").await;
    moves(&house);
    house.sync(house.changeset("r0").wanted.run, 1);
    house.rest(&system).await;
    assert_eq!(whose(&house), there(ChangesetState::Open));
    system.drain(Duration::from_secs(60)).await;
    let (changeset, shard) = (house.changeset("r0"), Shard::of_organization(ACME));
    let (run, subject) = (changeset.wanted.run, Subject::Changeset(changeset.id));
    let epoch = house.store.take_over(shard, Uuid::nil()).await.unwrap();
    let mut transition = Transition::new(Fence { shard, epoch }, run);
    let id = EffectId::of(changeset.id.0, EffectKind::Publish.as_str(), 77);
    let (kind, state) = (EffectKind::Publish, EffectState::InFlight);
    transition.effects.push(EffectChange::Begin(Effect {
        id,
        shard,
        run,
        subject,
        kind,
        generation: 77,
        state,
    }));
    house.store.commit(transition).await.unwrap();
    let system = house.start().await;
    house.rest(&system).await;
    assert_eq!(house.store.dump().effects[&id].effect.state, EffectState::Done);
}
