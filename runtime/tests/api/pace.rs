//! Setting the pace of a live run: what is recorded, who is told, what is shown, and what is refused.

use crate::stage::{Stage, good, problem, stage};
use campaigns_actors::ports::{MessageBody, Recipient, RowChange, Store, Transition};
use campaigns_domain::{
    execution::{
        rollout::{PaceChange, Progress, RolloutEvent, Set},
        run::{Run as DomainRun, RunEvent},
    },
    id::{RunId, Shard},
};
use campaigns_http::wire::{AuditEntry, Command, CommandState, Page, Priority, Role, Run};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

async fn ask(stage: &Stage, role: Role, name: &str, body: Value) -> Response {
    let path = format!("/api/v1/campaigns/{name}/pace");
    stage.request(role, Method::POST, &path).json(&body).send().await.unwrap()
}

/// Plays the run's owner, which takes up what it is told about the pace.
async fn take_up(stage: &Stage, run: Uuid) -> Vec<PaceChange> {
    let id = RunId(run);
    let fence = stage.fence(Shard::of_run(id)).await;
    let mut heard = vec![];
    for message in stage.store.inbox(&[fence.shard], 100).await.unwrap() {
        let MessageBody::PaceRun { by, pace, .. } = &message.body else { continue };
        assert_eq!((by.as_str(), &message.to), ("test publisher", &Recipient::Run(id)));
        heard.push(*pace);
        let stored = stage.store.run(id).await.unwrap().unwrap();
        let what = RolloutEvent::Paced { by: by.clone(), pace: stored.rollout.pace.with(pace) };
        let mut transition = Transition::new(fence, id);
        if let Some((next, _)) = stored.apply(&RunEvent::Rollout { what }).into_applied() {
            transition.changes = vec![RowChange::Run(next)];
        }
        transition.consumed = vec![message.id];
        stage.commit(transition).await;
    }
    heard
}

#[tokio::test]
async fn a_live_run_is_told_and_shows_its_pace() {
    let stage = stage().await;
    stage.apply("hello").await;
    assert_eq!(
        ask(&stage, Role::Publisher, "nobody", json!({"per_day": 3})).await.status(),
        StatusCode::NOT_FOUND
    );
    let none = ask(&stage, Role::Publisher, "hello", json!({"per_day": 3})).await;
    assert!(problem(none, StatusCode::CONFLICT).await.detail.contains("no run under way"));
    let run = stage.create_run("hello").await;
    stage.select(&run, &["acme/one"]).await;

    for wrong in [json!({}), json!({"per_day": 0}), json!({"per_day": "none"}), json!({"per_week": 1})] {
        let refused = ask(&stage, Role::Publisher, "hello", wrong.clone()).await;
        assert!(refused.status().is_client_error(), "{wrong}");
    }
    assert_eq!(
        ask(&stage, Role::Author, "hello", json!({"per_day": 3})).await.status(),
        StatusCode::FORBIDDEN
    );
    // Nobody counts what is open for a run without a rollout.
    let counted = ask(&stage, Role::Publisher, "hello", json!({"max_open": 3})).await;
    assert_eq!(counted.status(), StatusCode::CONFLICT);

    let asked = json!({"per_day": 30, "priority": "urgent"});
    let command: Command =
        good(ask(&stage, Role::Publisher, "hello", asked).await, StatusCode::ACCEPTED).await;
    assert_eq!((command.kind.as_str(), command.state, command.covers), ("pace", CommandState::Accepted, 1));
    let heard = take_up(&stage, run.id).await;
    assert_eq!(heard.len(), 1);
    assert_eq!(heard[0].per_day, Some(Set::To(30)));
    let shown: Run = stage.get(&format!("/api/v1/runs/{}", run.id)).await;
    let rollout = shown.rollout.unwrap();
    assert_eq!((rollout.pace.per_day, rollout.pace.priority), (Some(30), Some(Priority::Urgent)));
    assert_eq!((rollout.wave, rollout.waves, rollout.halted), (0, 0, None));
    let control = stage.store.run_control(RunId(run.id)).await.unwrap().unwrap();
    assert_eq!(control.pace.caps.per_day, Some(30));

    let audit = stage.request(Role::Publisher, Method::GET, "/api/v1/audit").send().await.unwrap();
    let audit: Page<AuditEntry> = good(audit, StatusCode::OK).await;
    let entry = audit.items.iter().find(|entry| entry.action == "campaign.pace").unwrap();
    assert_eq!(entry.subject, "campaign/hello");

    let back = json!({"per_day": "spec"});
    let _: Command = good(ask(&stage, Role::Publisher, "hello", back).await, StatusCode::ACCEPTED).await;
    take_up(&stage, run.id).await;
    let shown: Run = stage.get(&format!("/api/v1/runs/{}", run.id)).await;
    assert_eq!(shown.rollout.unwrap().pace.per_day, None);
}

#[tokio::test]
async fn a_rollout_is_shown_with_its_waves_and_what_waits() {
    let stage = stage().await;
    stage.apply("hello").await;
    let run = stage.create_run("hello").await;
    stage.select(&run, &["acme/one", "acme/two"]).await;
    let id = RunId(run.id);
    let stored = stage.store.run(id).await.unwrap().unwrap();
    let waits = vec![String::new(), "wave `rest` waits".to_owned()];
    let rollout = Progress { ends: vec![1, 2], waits, ..Progress::default() };
    let mut transition = Transition::new(stage.fence(Shard::of_run(id)).await, id);
    transition.changes = vec![RowChange::Run(DomainRun { rollout, version: stored.version + 1, ..stored })];
    stage.commit(transition).await;
    let shown: Run = stage.get(&format!("/api/v1/runs/{}", run.id)).await;
    let rollout = shown.rollout.unwrap();
    assert_eq!((rollout.wave, rollout.waves, rollout.waits), (1, 2, vec!["wave `rest` waits".to_owned()]));
    let asked = json!({"max_open": 3});
    let _: Command = good(ask(&stage, Role::Publisher, "hello", asked).await, StatusCode::ACCEPTED).await;
}
