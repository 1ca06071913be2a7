//! What people read: lists by cursor and filter, totals, diffs and logs, ETags and compression.

use crate::stage::{Stage, event_of, good, problem, stage};
use bytes::Bytes;
use campaigns_actors::ports::{ArtifactKey, Artifacts, Execution, RowChange, Subject, Transition};
use campaigns_domain::{
    changeset::{Changeset, Place, Proposal},
    execution::target::{Target, TargetState},
    id::{ExecutionId, Shard},
    spec::{Dress, Publication},
};
use campaigns_http::wire::{self, Campaign, ChangesetState, Diff, Page, Role, Run, TargetDetail};
use reqwest::{Method, StatusCode, header};
use serde_json::json;

/// Plays the organisation's owner: proposes a target's diff as a changeset.
pub(crate) async fn propose(stage: &Stage, target: &Target) -> Changeset {
    propose_gated(stage, target, false).await
}

/// The same, of a spec with a rollout where it is gated.
pub(crate) async fn propose_gated(stage: &Stage, target: &Target, gated: bool) -> Changeset {
    let place = Place {
        campaign: target.campaign,
        repository_id: target.repository_id,
        repository: target.repository.clone(),
        base_branch: target.branch.clone(),
        head_branch: String::from("campaigns/hello"),
    };
    let proposal = Proposal {
        run: target.run,
        target: target.id,
        attempt: 1,
        base: target.base.clone(),
        title: String::from("Say hello"),
        body: String::new(),
        message: String::from("Say hello"),
        author: None,
        publication: Publication::Ready,
        keep_branch: false,
        dress: Dress::default(),
        gated,
        auto_merge: campaigns_domain::spec::AutoMerge::Off,
        made_by: None,
    };
    let (changeset, _) = Changeset::propose(place, proposal);
    let shard = Shard::of_organization(target.repository.owner());
    let mut transition = Transition::new(stage.fence(shard).await, target.run);
    transition.changes = vec![RowChange::AddChangeset(changeset.clone())];
    transition.events = vec![event_of(Subject::Changeset(changeset.id), "changeset.proposed", json!({}))];
    stage.commit(transition).await;
    changeset
}

#[tokio::test]
async fn lists_go_page_by_page_and_by_filter() {
    let stage = stage().await;
    for name in ["c", "a", "b"] {
        stage.apply(name).await;
    }
    let mut names = vec![];
    let mut cursor = String::new();
    loop {
        let page: Page<Campaign> = stage.get(&format!("/api/v1/campaigns?limit=1{cursor}")).await;
        names.extend(page.items.into_iter().map(|campaign| campaign.name));
        match page.next {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(names, ["a", "b", "c"]);

    let runs = [stage.create_run("a").await, stage.create_run("a").await, stage.create_run("a").await];
    let first: Page<Run> = stage.get("/api/v1/campaigns/a/runs?limit=2").await;
    let next = first.next.unwrap();
    let second: Page<Run> = stage.get(&format!("/api/v1/campaigns/a/runs?limit=2&cursor={next}")).await;
    let listed: Vec<_> = first.items.iter().chain(&second.items).map(|run| run.id).collect();
    assert_eq!(listed, runs.iter().rev().map(|run| run.id).collect::<Vec<_>>());

    let names = ["acme/api", "acme/web_app", "acme/webxapp", "Acme/WEB", "wile/web"];
    let targets = stage.select(&runs[0], &names).await;
    stage.move_target(&targets[1], TargetState::Queued, "target.queued").await;
    let base = format!("/api/v1/runs/{}/targets", runs[0].id);
    let listed = async |query: &str| -> Vec<String> {
        let mut names = vec![];
        let mut cursor = String::new();
        loop {
            let page: Page<wire::Target> = stage.get(&format!("{base}?limit=2{query}{cursor}")).await;
            names.extend(page.items.into_iter().map(|target| target.repository));
            match page.next {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return names,
            }
        }
    };
    assert_eq!(listed("").await, names);
    assert_eq!(listed("&state=queued").await, ["acme/web_app"]);
    assert_eq!(listed("&state=selected,failed").await, ["acme/api", "acme/webxapp", "Acme/WEB", "wile/web"]);
    assert_eq!(listed("&repository=web_").await, ["acme/web_app"]);
    assert_eq!(listed("&repository=acme/*").await, ["acme/api", "acme/web_app", "acme/webxapp", "Acme/WEB"]);
    assert_eq!(listed("&repository=web").await, ["acme/web_app", "acme/webxapp", "Acme/WEB", "wile/web"]);
    assert_eq!(listed("&repository=web?app").await, ["acme/web_app", "acme/webxapp"]);
    for query in ["state=sleeping", "repository=%25", "state=queued,nothing"] {
        let request = stage.request(Role::Viewer, Method::GET, &format!("{base}?{query}"));
        problem(request.send().await.unwrap(), StatusCode::BAD_REQUEST).await;
    }
}

#[tokio::test]
async fn totals_are_sums_over_parts_and_changesets_are_listed() {
    let stage = stage().await;
    stage.apply("hello").await;
    let run = stage.create_run("hello").await;
    let targets = stage.select(&run, &["acme/a", "acme/b", "acme/c", "wile/d"]).await;
    let (a, b) = (&targets[0], &targets[1]);
    let a = stage.move_target(a, TargetState::Queued, "target.queued").await;
    let a = stage.move_target(&a, TargetState::Changed, "target.changed").await;
    stage.move_target(b, TargetState::Failed, "target.attempt_failed").await;
    let proposed = propose(&stage, &a).await;
    propose(&stage, &targets[3]).await;
    let seen: Run = stage.get(&format!("/api/v1/runs/{}", run.id)).await;
    assert_eq!(seen.totals.targets, 4);
    let counts = |pairs: &[(&str, u64)]| pairs.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect();
    assert_eq!(seen.totals.by_state, counts(&[("changed", 1), ("failed", 1), ("selected", 2)]));
    assert_eq!(seen.totals.changesets, counts(&[("scheduled", 2)]));
    let campaign: Campaign = stage.get("/api/v1/campaigns/hello").await;
    assert_eq!(campaign.changesets, counts(&[("scheduled", 2)]));
    assert_eq!(campaign.latest_run, Some(run.id));

    for path in
        ["/api/v1/campaigns/hello/changesets".to_owned(), format!("/api/v1/runs/{}/changesets", run.id)]
    {
        let first: Page<wire::Changeset> = stage.get(&format!("{path}?limit=1")).await;
        let next = first.next.unwrap();
        let second: Page<wire::Changeset> = stage.get(&format!("{path}?limit=1&cursor={next}")).await;
        assert_eq!((second.items.len(), second.next), (1, None));
        assert!(first.items[0].id < second.items[0].id);
        let some: Page<wire::Changeset> =
            stage.get(&format!("{path}?repository=acme/*&state=scheduled,open")).await;
        assert_eq!(some.items.len(), 1);
        assert_eq!((some.items[0].id, some.items[0].state), (proposed.id.0, ChangesetState::Scheduled));
        let none: Page<wire::Changeset> = stage.get(&format!("{path}?state=merged")).await;
        assert_eq!(none.items.len(), 0);
    }
    let one: wire::Changeset = stage.get(&format!("/api/v1/changesets/{}", proposed.id)).await;
    assert_eq!((one.title.as_str(), one.target_id, one.run_id), ("Say hello", a.id.0, run.id));
    let detail: TargetDetail = stage.get(&format!("/api/v1/targets/{}", a.id)).await;
    assert_eq!((detail.changeset_id, detail.target.state), (Some(proposed.id.0), wire::TargetState::Changed));
}

#[tokio::test]
async fn diffs_and_logs_are_read_in_the_form_that_is_asked_for() {
    let stage = stage().await;
    stage.apply("hello").await;
    let run = stage.create_run("hello").await;
    let targets = stage.select(&run, &["acme/a"]).await;
    let path = format!("/api/v1/targets/{}", targets[0].id);
    let get = |what: &str, accept: &str| {
        stage
            .request(Role::Viewer, Method::GET, &format!("{path}{what}"))
            .header(header::ACCEPT, accept)
            .send()
    };
    problem(get("/diff", "*/*").await.unwrap(), StatusCode::NOT_FOUND).await;
    problem(get("/log", "*/*").await.unwrap(), StatusCode::NOT_FOUND).await;
    let target = stage.move_target(&targets[0], TargetState::Queued, "target.queued").await;
    let execution = ExecutionId::of(target.id, 1);

    let log = get("/log", "*/*").await.unwrap();
    assert_eq!(
        (&log.headers()["log-size"], &log.headers()["log-complete"]),
        (&"0".parse().unwrap(), &"false".parse().unwrap())
    );

    let diff = Bytes::from_static(b"--- a/x\n+++ b/x\n@@ -1 +1 @@\n-\xff\n+y\n");
    stage.artifacts.put(&ArtifactKey::Diff(execution), diff.clone()).await.unwrap();
    stage
        .artifacts
        .put(&ArtifactKey::Log(execution), Bytes::from_static(b"one\ntwo\nthree\n"))
        .await
        .unwrap();
    let ended = Execution {
        id: execution,
        target: target.id,
        attempt: 1,
        state: TargetState::Changed,
        reason: String::from("1 file changed"),
        manifest: Some(json!({ "version": 1 })),
    };
    let mut transition = Transition::new(stage.fence(Shard::of_target(target.id)).await, target.run);
    transition.changes = vec![RowChange::Execution(ended)];
    stage.commit(transition).await;
    let target = stage.move_target(&target, TargetState::Changed, "target.changed").await;
    let changeset = propose(&stage, &target).await;

    let text = get("/diff", "*/*").await.unwrap();
    assert_eq!(text.headers()[header::CONTENT_TYPE], "text/x-diff; charset=utf-8");
    assert_eq!(text.headers()["x-content-type-options"], "nosniff");
    assert_eq!(text.bytes().await.unwrap(), diff, "byte for byte");
    for path in [format!("{path}/diff"), format!("/api/v1/changesets/{}/diff", changeset.id)] {
        let request =
            stage.request(Role::Viewer, Method::GET, &path).header(header::ACCEPT, "application/json");
        let json: Diff = good(request.send().await.unwrap(), StatusCode::OK).await;
        assert_eq!((json.attempt, json.repository.as_str(), json.base.len()), (1, "acme/a", 40));
        assert!(json.diff.contains("-\u{fffd}\n+y\n"));
    }
    problem(get("/diff?attempt=2", "*/*").await.unwrap(), StatusCode::NOT_FOUND).await;

    let mut log = String::new();
    loop {
        let part = get(&format!("/log?from={}&limit=5", log.len()), "*/*").await.unwrap();
        assert_eq!(part.headers()[header::CONTENT_TYPE], "text/plain; charset=utf-8");
        assert_eq!(part.headers()["log-size"], "14");
        let (next, complete) = (part.headers()["log-next"].clone(), part.headers()["log-complete"].clone());
        log += &part.text().await.unwrap();
        assert_eq!(next.to_str().unwrap(), log.len().to_string());
        if complete == "true" {
            break;
        }
    }
    assert_eq!(log, "one\ntwo\nthree\n");
    let beyond = get("/log?from=99", "*/*").await.unwrap();
    assert_eq!((&beyond.headers()["log-next"], beyond.content_length()), (&"14".parse().unwrap(), Some(0)));
    let detail: TargetDetail = stage.get(&path).await;
    assert_eq!((detail.executions.len(), detail.executions[0].state), (1, wire::TargetState::Changed));
}

#[tokio::test]
async fn single_things_have_etags_and_large_answers_travel_compressed() {
    let stage = stage().await;
    stage.apply("hello").await;
    let run = stage.create_run("hello").await;
    let path = format!("/api/v1/runs/{}", run.id);
    let first = stage.request(Role::Viewer, Method::GET, &path).send().await.unwrap();
    let tag = first.headers()[header::ETAG].clone();
    let ask =
        || stage.request(Role::Viewer, Method::GET, &path).header(header::IF_NONE_MATCH, tag.clone()).send();
    let same = ask().await.unwrap();
    assert_eq!((same.status(), same.headers()[header::ETAG] == tag), (StatusCode::NOT_MODIFIED, true));
    assert_eq!(same.bytes().await.unwrap().len(), 0);
    let names: Vec<String> = (0..40).map(|n| format!("acme/repository-{n}")).collect();
    stage.select(&run, &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let changed = ask().await.unwrap();
    assert_eq!(changed.status(), StatusCode::OK);
    assert_ne!(changed.headers()[header::ETAG], tag);

    let gzip = |path: String| {
        stage.request(Role::Viewer, Method::GET, &path).header(header::ACCEPT_ENCODING, "gzip").send()
    };
    let large = gzip(format!("{path}/targets")).await.unwrap();
    assert_eq!(large.headers()[header::CONTENT_ENCODING], "gzip");
    let small = gzip(String::from("/api/v1/whoami")).await.unwrap();
    assert!(!small.headers().contains_key(header::CONTENT_ENCODING));
    let stream = gzip(format!("{path}/events")).await.unwrap();
    assert_eq!(stream.headers()[header::CONTENT_TYPE], "text/event-stream");
    assert!(
        !stream.headers().contains_key(header::CONTENT_ENCODING),
        "a compressed stream would wait for more"
    );
}
