//! Budgets over the API: what waits and why, when it will be open, and what a dry run's results would take.

use crate::{
    reads::{propose, propose_gated},
    stage::{Stage, problem, stage_with},
};
use campaigns_actors::ports::{Lease, PermitAnswer, PermitRequest, RowChange, Standing, Store, Transition};
use campaigns_domain::{
    execution::{rollout::Progress, run::Run as DomainRun, target::TargetState},
    id::{CampaignId, RunId, Shard},
    publish::{
        budget::{Budget as Limits, Cap, Counted, WriteKind},
        standing::{AdaptivePace, OutOfUse, Pause, PauseCause},
    },
};
use campaigns_http::{
    Settings,
    wire::{Budget, Estimate, Role, Run},
};
use reqwest::{Method, StatusCode};
use std::time::Duration;

fn limits() -> Limits {
    Limits {
        organization: vec![
            Cap::new(Counted::Content, 3_600, 100),
            Cap::new(Counted::PullRequests, 86_400, 2),
        ],
        spacing: 1_000,
        ..Limits::unlimited()
    }
}

async fn stage() -> Stage {
    stage_with(Settings { budget: limits(), publish_at_once: 1, ..Settings::default() }).await
}

async fn lease(stage: &Stage) -> Lease {
    Lease::new(stage.fence(Shard::of_organization("acme")).await, None)
}

/// A run with changesets that wait in these repositories.
async fn waiting(stage: &Stage, campaign: &str, repositories: &[&str]) -> Run {
    stage.apply(campaign).await;
    let run = stage.create_run(campaign).await;
    for target in stage.select(&run, repositories).await {
        propose(stage, &target).await;
    }
    run
}

#[tokio::test]
async fn what_waits_says_why_and_when_it_will_be_open() {
    let stage = stage().await;
    let run = waiting(&stage, "hello", &["acme/a", "acme/b", "Acme/c"]).await;
    let budget: Budget = stage.get("/api/v1/campaigns/hello/budget").await;
    let organization = &budget.organizations[0];
    assert_eq!((budget.organizations.len(), organization.waiting), (1, 3));
    assert_eq!((organization.organization.as_str(), organization.spacing_milliseconds), ("acme", 1_000));
    assert_eq!(organization.next_permit_at, Some(organization.at), "nothing has been written yet");
    let used: Vec<_> = organization.windows.iter().map(|window| (window.cap, window.used)).collect();
    assert_eq!(used, [(100, 0), (2, 0)]);
    // Four writes each, a second apart; the day holds two pull requests.
    let wait = |nth: usize| (budget.items[nth].open_at.unwrap() - organization.at).num_seconds();
    assert_eq!((wait(0), wait(1)), (3, 7));
    assert_eq!(wait(2), 86_400 + 3 + 3, "once the first has left the day, and four writes later");
    assert_eq!(budget.items[2].reason, "2 pull requests in the organisation in a day are used up");
    assert_eq!(budget.items[2].waits_for, "window");
    assert_eq!(budget.finished_at, budget.items[2].open_at);
    assert!(
        budget.items.iter().all(|item| item.campaign == "hello" && item.run_id == run.id && !item.sending)
    );

    // Page by page it is the same.
    let first: Budget = stage.get("/api/v1/organizations/ACME/budget?limit=2").await;
    let next = first.next.expect("a second page");
    let second: Budget = stage.get(&format!("/api/v1/organizations/acme/budget?limit=2&cursor={next}")).await;
    let paged: Vec<_> = first.items.iter().chain(&second.items).map(|item| item.changeset_id).collect();
    assert_eq!(paged, budget.items.iter().map(|item| item.changeset_id).collect::<Vec<_>>());
    assert_eq!(second.next, None);
    let missing =
        stage.request(Role::Viewer, Method::GET, "/api/v1/campaigns/nobody/budget").send().await.unwrap();
    problem(missing, StatusCode::NOT_FOUND).await;
}

#[tokio::test]
async fn permits_and_a_pause_show_in_the_forecast() {
    let stage = stage().await;
    let run = waiting(&stage, "hello", &["acme/a"]).await;
    let request = PermitRequest {
        organization: String::from("acme"),
        campaign: CampaignId(run.campaign_id),
        run: RunId(run.id),
        kind: WriteKind::PullRequest,
        budget: limits(),
    };
    let PermitAnswer::Granted(permit) = stage.store.take_permit(&lease(&stage).await, request).await.unwrap()
    else {
        panic!("it was free");
    };
    stage.store.answer_permit(&permit).await.unwrap();
    let why = OutOfUse { cause: PauseCause::Suspended, reason: String::from("an owner has to lift it") };
    let standing = Standing {
        quiet: Some((Duration::from_secs(600), why.reason.clone())),
        pause: Some(Pause::after(None, why)),
        pace: AdaptivePace { extra: 2_000, refusals: 1, successes: 0 },
    };
    stage.store.set_standing(&lease(&stage).await, "acme", &standing, &[]).await.unwrap();
    let budget: Budget = stage.get("/api/v1/organizations/acme/budget").await;
    let organization = &budget.organizations[0];
    let used: Vec<_> = organization.windows.iter().map(|window| window.used).collect();
    assert_eq!(used, [1, 1]);
    assert_eq!(organization.spacing_milliseconds, 3_000);
    let pause = organization.pause.as_ref().expect("a pause");
    assert_eq!((pause.cause.as_str(), pause.reason.as_str()), ("suspended", "an owner has to lift it"));
    let left = |then: Option<chrono::DateTime<chrono::Utc>>| (then.unwrap() - organization.at).num_seconds();
    assert!((500..=600).contains(&left(organization.not_before)), "{organization:?}");
    assert_eq!(organization.next_permit_at, organization.not_before);
    let item = &budget.items[0];
    assert_eq!((item.waits_for.as_str(), item.reason.as_str()), ("mending", "an owner has to lift it"));
    assert_eq!((item.open_at, organization.unforeseen), (None, 1), "nobody can say when it is mended");
    assert!(pause.since.is_some_and(|since| since <= organization.at));
}

#[tokio::test]
async fn what_a_rollout_holds_says_what_it_waits_for_and_nobody_says_when() {
    let stage = stage().await;
    let gated = format!(
        "{}rollout: {{waves: [{{name: canary, targets: 1, gate: {{merged: 100%}}}}]}}\n",
        crate::stage::spec("hello", "a change")
    );
    let spec = serde_json::json!({ "spec": gated });
    let applied =
        stage.request(Role::Author, Method::PUT, "/api/v1/campaigns/hello").json(&spec).send().await;
    assert!(applied.unwrap().status().is_success());
    let run = stage.create_run("hello").await;
    let mut changesets = vec![];
    for target in stage.select(&run, &["acme/a", "acme/b", "acme/c"]).await {
        let executing = stage.move_target(&target, TargetState::Queued, "target.queued").await;
        let executing = stage.move_target(&executing, TargetState::Executing, "target.executing").await;
        stage.move_target(&executing, TargetState::Changed, "target.changed").await;
        changesets.push(propose_gated(&stage, &target, true).await);
    }
    assert!(changesets.iter().all(|changeset| changeset.held));
    let id = RunId(run.id);
    let stored = stage.store.run(id).await.unwrap().unwrap();
    let rollout = Progress { ends: vec![1, 3], ..Progress::default() };
    let mut transition = Transition::new(stage.fence(Shard::of_run(id)).await, id);
    transition.changes = vec![RowChange::Run(DomainRun { rollout, version: stored.version + 1, ..stored })];
    stage.commit(transition).await;

    let budget: Budget = stage.get("/api/v1/campaigns/hello/budget").await;
    let organization = &budget.organizations[0];
    assert_eq!((organization.waiting, organization.unforeseen), (3, 2));
    assert_eq!((organization.finished_at, budget.finished_at), (None, None));
    let of = |name: &str| budget.items.iter().find(|item| item.repository == name).unwrap();
    let first = of("acme/a");
    assert_eq!(first.waits_for, "spacing", "it is let through as soon as somebody looks: {first:?}");
    assert_eq!((first.open_at.unwrap() - organization.at).num_seconds(), 3);
    for name in ["acme/b", "acme/c"] {
        let held = of(name);
        assert_eq!((held.waits_for.as_str(), held.open_at), ("wave", None), "{held:?}");
        let sent = "wave `rest` waits until wave `canary` has been sent";
        assert!(held.reason.starts_with(sent), "{held:?}");
    }
}

#[tokio::test]
async fn a_dry_run_says_what_publishing_would_take() {
    let stage = stage().await;
    stage.apply("hello").await;
    let run = stage.create_run("hello").await;
    for target in stage.select(&run, &["acme/a", "acme/b", "acme/c", "globex/d"]).await {
        let executing = stage.move_target(&target, TargetState::Queued, "target.queued").await;
        let executing = stage.move_target(&executing, TargetState::Executing, "target.executing").await;
        stage.move_target(&executing, TargetState::Changed, "target.changed").await;
    }
    let estimate: Estimate = stage.get(&format!("/api/v1/runs/{}/estimate", run.id)).await;
    assert_eq!((estimate.pull_requests, estimate.writes, estimate.api_calls), (4, 16, 28));
    assert_eq!(estimate.seconds, 86_406, "the third of one organisation has to wait for tomorrow");
    assert!(estimate.finished_at.is_some());
}

#[tokio::test]
async fn what_pull_requests_wear_is_in_the_estimate() {
    let stage = stage().await;
    let dressed = format!(
        "{}  labels: [automated]\n  reviewers: [ada]\n  teamReviewers: [acme/core]\n",
        crate::stage::spec("hello", "a change")
    );
    let path = "/api/v1/campaigns/hello";
    let applied =
        stage.request(Role::Author, Method::PUT, path).json(&serde_json::json!({ "spec": dressed }));
    assert!(applied.send().await.unwrap().status().is_success());
    let run = stage.create_run("hello").await;
    for target in stage.select(&run, &["acme/a", "globex/d"]).await {
        let executing = stage.move_target(&target, TargetState::Queued, "target.queued").await;
        let executing = stage.move_target(&executing, TargetState::Executing, "target.executing").await;
        stage.move_target(&executing, TargetState::Changed, "target.changed").await;
    }
    let estimate: Estimate = stage.get(&format!("/api/v1/runs/{}/estimate", run.id)).await;
    // One write for labels and one for all reviewers, after one more read each.
    assert_eq!((estimate.pull_requests, estimate.writes, estimate.api_calls), (2, 2 * 6, 2 * (6 + 4)));
    assert_eq!(estimate.seconds, 5);
}
