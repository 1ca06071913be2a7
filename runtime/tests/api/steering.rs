//! Pausing, resuming and cancelling: what is recorded at once, what the owners are told, and what is refused.

use crate::stage::{Stage, good, problem, stage};
use campaigns_actors::ports::{MessageBody, Recipient, RowChange, Store, Transition};
use campaigns_domain::{
    execution::run::{RunEvent, RunState},
    id::{RunId, Shard},
};
use campaigns_http::wire::{AuditEntry, Campaign, Command, CommandState, Page, Role, Run};
use reqwest::{Method, StatusCode};
use uuid::Uuid;

async fn ask(stage: &Stage, path: &str, key: Option<&str>) -> Command {
    let mut request = stage.request(Role::Publisher, Method::POST, &format!("/api/v1/{path}"));
    if let Some(key) = key {
        request = request.header("Idempotency-Key", key);
    }
    good(request.send().await.unwrap(), StatusCode::ACCEPTED).await
}

async fn control(stage: &Stage, run: Uuid) -> Option<String> {
    stage.store.run_control(RunId(run)).await.unwrap().unwrap().paused
}

/// Plays the run's owner: takes every word about it up.
async fn take_up(stage: &Stage, run: Uuid) {
    let id = RunId(run);
    let fence = stage.fence(Shard::of_run(id)).await;
    for message in stage.store.inbox(&[fence.shard], 100).await.unwrap() {
        let event = match &message.body {
            _ if message.to != Recipient::Run(id) => continue,
            MessageBody::PauseRun { by, .. } => RunEvent::Paused { by: by.clone() },
            MessageBody::ResumeRun { by, .. } => RunEvent::Resumed { by: by.clone() },
            MessageBody::CancelRun { by, .. } => RunEvent::Cancelled { by: by.clone() },
            _ => continue,
        };
        let stored = stage.store.run(id).await.unwrap().unwrap();
        let mut transition = Transition::new(fence, id);
        if let Some((next, _)) = stored.apply(&event).into_applied() {
            transition.changes = vec![RowChange::Run(next)];
        }
        transition.consumed = vec![message.id];
        stage.commit(transition).await;
    }
}

#[tokio::test]
async fn a_paused_campaign_holds_its_runs_and_those_to_come() {
    let stage = stage().await;
    stage.apply("hello").await;
    let first = stage.create_run("hello").await;
    stage.select(&first, &["acme/one"]).await;
    let path = "campaigns/hello/pause";
    let paused = ask(&stage, path, Some("k")).await;
    assert_eq!((paused.kind.as_str(), paused.subject.as_str()), ("pause", "campaign/hello"));
    assert_eq!((paused.state, paused.covers, paused.waiting), (CommandState::Accepted, 1, 1));
    assert_eq!(ask(&stage, path, Some("k")).await, paused, "the same key is the same command");
    assert!(stage.woken.0.lock().unwrap().contains(&Shard::of_run(RunId(first.id))));
    // Before the owner has heard of it.
    assert_eq!(control(&stage, first.id).await.as_deref(), Some("test publisher"));
    let campaign: Campaign = stage.get("/api/v1/campaigns/hello").await;
    assert_eq!(campaign.paused_by.as_deref(), Some("test publisher"));
    assert!(campaign.paused_at.is_some());
    take_up(&stage, first.id).await;
    let run: Run = stage.get(&format!("/api/v1/runs/{}", first.id)).await;
    assert_eq!(
        (run.paused_by.as_deref(), run.reason.as_str()),
        (Some("test publisher"), "paused by test publisher")
    );
    let done: Command = stage.get(&format!("/api/v1/commands/{}", paused.id)).await;
    assert_eq!((done.state, done.left, done.covers), (CommandState::Done, 0, 1));

    let second = stage.create_run("hello").await;
    assert_eq!(second.paused_by.as_deref(), Some("test publisher"), "it begins paused");
    let resume = stage.request(Role::Publisher, Method::POST, &format!("/api/v1/runs/{}/resume", second.id));
    let refused = problem(resume.send().await.unwrap(), StatusCode::CONFLICT).await;
    assert!(refused.detail.contains("`hello` is paused by test publisher"), "{}", refused.detail);

    let resumed = ask(&stage, "campaigns/hello/resume", None).await;
    assert_eq!(resumed.covers, 2);
    for run in [first.id, second.id] {
        take_up(&stage, run).await;
        assert_eq!(control(&stage, run).await, None);
    }
    let campaign: Campaign = stage.get("/api/v1/campaigns/hello").await;
    assert_eq!((campaign.paused_by, campaign.paused_at), (None, None));
    // With nobody to tell it is done at once.
    assert_eq!(ask(&stage, "campaigns/hello/pause", None).await.covers, 2);
}

#[tokio::test]
async fn one_run_is_paused_and_resumed_alone() {
    let stage = stage().await;
    stage.apply("hello").await;
    let (one, other) = (stage.create_run("hello").await, stage.create_run("hello").await);
    let paused = ask(&stage, &format!("runs/{}/pause", one.id), None).await;
    assert_eq!((paused.kind, paused.subject), (String::from("pause_run"), format!("run/{}", one.id)));
    assert_eq!(control(&stage, one.id).await.as_deref(), Some("test publisher"));
    assert_eq!(control(&stage, other.id).await, None);
    take_up(&stage, one.id).await;
    ask(&stage, &format!("runs/{}/resume", one.id), None).await;
    assert!(control(&stage, one.id).await.is_some(), "its owner has not heard of it");
    take_up(&stage, one.id).await;
    assert_eq!(control(&stage, one.id).await, None);
    // Whoever asks twice before anybody has heard of it means the last.
    ask(&stage, &format!("runs/{}/pause", one.id), None).await;
    ask(&stage, &format!("runs/{}/resume", one.id), None).await;
    assert_eq!(control(&stage, one.id).await, None);
}

#[tokio::test]
async fn a_campaign_is_cancelled_with_all_its_runs() {
    let stage = stage().await;
    stage.apply("hello").await;
    let none = stage.request(Role::Author, Method::POST, "/api/v1/campaigns/hello/cancel");
    let refused = problem(none.send().await.unwrap(), StatusCode::CONFLICT).await;
    assert!(refused.detail.contains("no run under way"), "{}", refused.detail);
    let runs = [stage.create_run("hello").await, stage.create_run("hello").await];
    let command = ask(&stage, "campaigns/hello/cancel", None).await;
    assert_eq!((command.kind.as_str(), command.covers, command.waiting), ("cancel", 2, 2));
    for run in &runs {
        let control = stage.store.run_control(RunId(run.id)).await.unwrap().unwrap();
        assert_eq!(control.state, RunState::Cancelled, "no effect of it begins from now on");
        take_up(&stage, run.id).await;
        let pause = stage.request(Role::Author, Method::POST, &format!("/api/v1/runs/{}/pause", run.id));
        assert!(
            problem(pause.send().await.unwrap(), StatusCode::CONFLICT).await.detail.contains("cancelled")
        );
    }
    let request = stage.request(Role::Publisher, Method::GET, "/api/v1/audit?subject=campaign/hello&limit=1");
    let audit: Page<AuditEntry> = good(request.send().await.unwrap(), StatusCode::OK).await;
    assert_eq!(
        (audit.items[0].action.as_str(), audit.items[0].actor.as_str()),
        ("campaign.cancel", "test publisher")
    );
    assert_eq!(audit.items[0].after["runs"].as_array().unwrap().len(), 2);
}
