//! Asking something of many changesets: what a selection covers, what is recorded, and what the owners are told.

use crate::{
    reads::propose,
    stage::{Stage, good, problem, stage},
};
use campaigns_actors::ports::{MessageBody, Recipient, RowChange, Store, Transition};
use campaigns_domain::{
    changeset::{Ask, Changeset, ChangesetEvent, ChangesetState, Checks, MergeMethod, PullRequestRef, Seen},
    execution::target::TargetState,
    id::{ChangesetId, RunId, Shard},
};
use campaigns_http::wire::{Asked, AuditEntry, Command, CommandState, Page, Role, Run, RunState};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const PATH: &str = "/api/v1/campaigns/hello/ask";

async fn ask(stage: &Stage, key: Option<&str>, body: Value) -> Response {
    let mut request = stage.request(Role::Publisher, Method::POST, PATH).json(&body);
    if let Some(key) = key {
        request = request.header("Idempotency-Key", key);
    }
    request.send().await.unwrap()
}

/// The asks that wait for an organisation: which changeset, and what.
async fn waiting(stage: &Stage, organization: &str) -> Vec<(ChangesetId, Ask)> {
    let messages = stage.store.inbox(&[Shard::of_organization(organization)], 1_000).await.unwrap();
    let to = Recipient::Organization(organization.to_owned());
    let mine = messages.into_iter().filter(|message| message.to == to);
    mine.filter_map(|message| match message.body {
        MessageBody::Ask { changeset, ask, .. } => Some((changeset, ask)),
        _ => None,
    })
    .collect()
}

fn repositories(asked: &Asked) -> Vec<&str> {
    asked.changesets.iter().map(|covered| covered.repository.as_str()).collect()
}

/// Plays the organisation's owner: the changeset of this repository is blocked.
async fn block(stage: &Stage, run: &Run, repository: &str) {
    let reason = String::from("the branch is protected");
    become_now(stage, run, repository, |row| (row.state, row.reason) = (ChangesetState::Blocked, reason))
        .await;
}

/// Plays the organisation's owner: the changeset of this repository is open, and its checks were read so.
async fn open(stage: &Stage, run: &Run, repository: &str, checks: Checks) {
    let url = format!("https://github.com/{repository}/pull/1");
    let change = |row: &mut Changeset| {
        row.state = ChangesetState::Open;
        row.pull_request = Some(PullRequestRef { number: 1, node_id: format!("PR_{repository}"), url });
        row.seen = Some(Seen { checks, checks_read: true, ..Seen::default() });
    };
    become_now(stage, run, repository, change).await;
}

/// Changes the changeset of a repository.
async fn become_now(stage: &Stage, run: &Run, repository: &str, change: impl FnOnce(&mut Changeset)) {
    let shard = Shard::of_organization(repository.split_once('/').unwrap().0);
    let page: Page<campaigns_http::wire::Changeset> =
        stage.get(&format!("/api/v1/campaigns/hello/changesets?repository={repository}")).await;
    let before = stage.store.changeset(ChangesetId(page.items[0].id)).await.unwrap().unwrap();
    let mut after = before.clone();
    change(&mut after);
    after.version += 1;
    let mut transition = Transition::new(stage.fence(shard).await, RunId(run.id));
    transition.changes = vec![RowChange::Changeset { before: before.state, after: Box::new(after) }];
    stage.commit(transition).await;
}

#[tokio::test]
async fn a_selection_is_resolved_once_and_every_owner_is_told() {
    let stage = stage().await;
    stage.apply("hello").await;
    let run = stage.create_run("hello").await;
    let names = ["acme/api-1", "acme/api-2", "acme/web", "Wile/api-3"];
    for target in &stage.select(&run, &names).await {
        propose(&stage, target).await;
    }
    let some = json!({ "action": "publish", "draft": true, "selection": { "repositories": ["api-*"] } });
    let mut preview = some.clone();
    preview["preview"] = json!(true);
    let asked: Asked = good(ask(&stage, None, preview).await, StatusCode::OK).await;
    assert_eq!((asked.covers, asked.command.is_none()), (3, true));
    assert_eq!(repositories(&asked), ["acme/api-1", "acme/api-2", "Wile/api-3"]);
    assert_eq!(waiting(&stage, "acme").await, [], "a preview does nothing");

    let asked: Asked = good(ask(&stage, Some("k"), some.clone()).await, StatusCode::ACCEPTED).await;
    let command = asked.command.clone().unwrap();
    assert_eq!((command.kind.as_str(), command.subject.as_str()), ("publish", "campaign/hello"));
    assert_eq!(
        (command.state, command.covers, command.left, command.waiting),
        (CommandState::Accepted, 3, 3, 2)
    );
    let again: Asked = good(ask(&stage, Some("k"), some).await, StatusCode::ACCEPTED).await;
    assert_eq!(again, asked, "the same key is the same command");
    let other = ask(&stage, Some("k"), json!({ "action": "publish" })).await;
    assert_eq!(problem(other, StatusCode::CONFLICT).await.kind, "/problems/key-reused");

    let told = waiting(&stage, "acme").await;
    assert_eq!(told.len(), 2);
    assert!(told.iter().all(|(_, ask)| *ask == Ask::Publish { draft: true }));
    let covered: BTreeSet<_> = asked.changesets.iter().map(|covered| ChangesetId(covered.id)).collect();
    assert!(told.iter().all(|(id, _)| covered.contains(id)));
    assert_eq!(waiting(&stage, "wile").await.len(), 1);
    let woken = stage.woken.0.lock().unwrap().clone();
    assert!(
        woken.contains(&Shard::of_organization("acme")) && woken.contains(&Shard::of_organization("wile"))
    );

    // One owner takes its part up.
    let fence = stage.fence(Shard::of_organization("wile")).await;
    for message in stage.store.inbox(&[fence.shard], 100).await.unwrap() {
        if let MessageBody::Ask { changeset, ask, by, command, run } = &message.body {
            let before = stage.store.changeset(*changeset).await.unwrap().unwrap();
            let event =
                ChangesetEvent::Asked { ask: ask.clone(), by: by.clone(), command: *command, beyond: false };
            let (after, _) = before.apply(&event).into_applied().expect("it fits");
            let mut transition = Transition::new(fence, *run);
            transition.changes = vec![RowChange::Changeset { before: before.state, after: Box::new(after) }];
            transition.consumed = vec![message.id];
            stage.commit(transition).await;
        }
    }
    let now: Command = stage.get(&format!("/api/v1/commands/{}", command.id)).await;
    assert_eq!((now.state, now.covers, now.left, now.waiting), (CommandState::Accepted, 3, 2, 1));
    let request = stage.request(Role::Publisher, Method::GET, "/api/v1/audit?subject=campaign/hello&limit=1");
    let audit: Page<AuditEntry> = good(request.send().await.unwrap(), StatusCode::OK).await;
    assert_eq!(audit.items[0].action, "campaign.publish");
    assert_eq!(audit.items[0].after["changesets"], 3);
    assert_eq!(audit.items[0].after["selection"]["repositories"], json!(["api-*"]));
}

#[tokio::test]
async fn a_selection_of_nothing_is_an_error_that_says_why() {
    let stage = stage().await;
    stage.apply("hello").await;
    let run = stage.create_run("hello").await;
    for target in &stage.select(&run, &["acme/one", "acme/two"]).await {
        propose(&stage, target).await;
    }
    let nothing =
        async |body: Value| problem(ask(&stage, None, body).await, StatusCode::CONFLICT).await.detail;
    let none = nothing(json!({ "action": "close", "selection": { "repositories": ["three"] } })).await;
    assert!(none.contains("no changeset of `hello` fits"), "{none}");
    let none = nothing(json!({ "action": "comment", "body": "hello" })).await;
    assert!(none.contains("it has no pull request yet (2)"), "{none}");
    // Whoever only looks is told the same and has asked for nothing.
    let look = json!({ "action": "comment", "body": "hello", "preview": true });
    let looked: Asked = good(ask(&stage, None, look).await, StatusCode::OK).await;
    assert_eq!((looked.covers, looked.left_out[0].count), (0, 2), "{looked:?}");
    let none = nothing(json!({ "action": "close", "selection": { "labels": ["urgent"] } })).await;
    assert!(none.contains("fits"), "{none}");
    for body in [
        json!({ "action": "comment" }),
        json!({ "action": "comment", "body": " " }),
        json!({ "action": "publish", "body": "hello" }),
        json!({ "action": "close", "draft": true }),
        json!({ "action": "close", "method": "squash" }),
        json!({ "action": "close", "selection": { "states": ["failed"] } }),
        json!({ "action": "close", "selection": { "repositories": ["["] } }),
        json!({ "action": "close", "selection": { "labels": vec!["x"; 101] } }),
    ] {
        problem(ask(&stage, None, body).await, StatusCode::BAD_REQUEST).await;
    }
    for body in [
        json!({ "action": "destroy" }),
        json!({ "action": "merge", "method": "fast" }),
        json!({}),
        json!({ "action": "close", "select": {} }),
    ] {
        problem(ask(&stage, None, body).await, StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    assert_eq!(waiting(&stage, "acme").await, []);
}

#[tokio::test]
async fn a_merge_is_asked_with_its_method_and_a_re_run_where_checks_failed() {
    let stage = stage().await;
    stage.apply("hello").await;
    let run = stage.create_run("hello").await;
    for target in &stage.select(&run, &["acme/red", "acme/green", "acme/runs", "acme/new"]).await {
        propose(&stage, target).await;
    }
    for (name, checks) in
        [("acme/red", Checks::Failed), ("acme/green", Checks::Passed), ("acme/runs", Checks::Pending)]
    {
        open(&stage, &run, name, checks).await;
    }
    let body = json!({ "action": "rerun" });
    let asked: Asked = good(ask(&stage, None, body).await, StatusCode::ACCEPTED).await;
    assert_eq!(repositories(&asked), ["acme/red"]);
    let left: Vec<_> = asked.left_out.iter().map(|left| (left.reason.as_str(), left.count)).collect();
    let why = ["it is being brought up to date already", "its checks are running", "its checks have passed"];
    assert_eq!(left.iter().map(|(_, count)| count).sum::<u32>(), 3);
    assert!(left.iter().all(|(reason, _)| why.contains(reason)), "{left:?}");
    let body = json!({ "action": "rerun", "selection": { "repositories": ["green"] } });
    let nothing = problem(ask(&stage, None, body).await, StatusCode::CONFLICT).await.detail;
    assert!(nothing.contains("nothing to rerun") && nothing.contains("its checks have passed"), "{nothing}");

    let body = json!({ "action": "merge", "method": "squash", "selection": { "repositories": ["green"] } });
    let _: Asked = good(ask(&stage, None, body).await, StatusCode::ACCEPTED).await;
    let told: Vec<Ask> = waiting(&stage, "acme").await.into_iter().map(|(_, ask)| ask).collect();
    assert_eq!(told, [Ask::Rerun, Ask::Merge { method: Some(MergeMethod::Squash) }]);
}

#[tokio::test]
async fn a_close_says_its_comment_first() {
    let stage = stage().await;
    stage.apply("hello").await;
    let run = stage.create_run("hello").await;
    for target in &stage.select(&run, &["acme/one"]).await {
        propose(&stage, target).await;
    }
    let body = json!({ "action": "close", "body": "Not needed any more." });
    let asked: Asked = good(ask(&stage, None, body).await, StatusCode::ACCEPTED).await;
    assert_eq!((asked.covers, asked.command.unwrap().left), (1, 2));
    let told: Vec<Ask> = waiting(&stage, "acme").await.into_iter().map(|(_, ask)| ask).collect();
    assert_eq!(told, [Ask::Comment { body: String::from("Not needed any more.") }, Ask::Close]);
}

#[tokio::test]
async fn a_retry_covers_blocked_changesets_and_failed_targets() {
    let stage = stage().await;
    stage.apply("hello").await;
    let run = stage.create_run("hello").await;
    let targets = stage.select(&run, &["acme/one", "acme/two", "acme/three"]).await;
    propose(&stage, &targets[0]).await;
    block(&stage, &run, "acme/one").await;
    for target in &targets[1..] {
        let queued = stage.move_target(target, TargetState::Queued, "target.queued").await;
        stage.move_target(&queued, TargetState::Failed, "target.attempt_failed").await;
    }
    let body = json!({ "action": "retry", "selection": { "repositories": ["one", "two"] } });
    let asked: Asked = good(ask(&stage, Some("k"), body.clone()).await, StatusCode::ACCEPTED).await;
    assert_eq!(
        (asked.covers, asked.targets, asked.retried.as_slice()),
        (1, 1, &[String::from("acme/two")][..])
    );
    assert_eq!(repositories(&asked), ["acme/one"]);
    let retried: Run = stage.get(&format!("/api/v1/runs/{}", asked.run_id.unwrap())).await;
    assert_eq!(retried.state, RunState::Selecting);
    let stored = stage.store.run(RunId(retried.id)).await.unwrap().unwrap();
    let takes = |name: &str| stored.options.takes(&name.parse().unwrap(), "main");
    assert!(takes("acme/two") && !takes("acme/one") && !takes("acme/three"));
    let again: Asked = good(ask(&stage, Some("k"), body).await, StatusCode::ACCEPTED).await;
    assert_eq!(again.run_id, asked.run_id, "it is tried again once");
    // The other one still stands where the first run left it.
    let failed = json!({ "action": "retry", "selection": { "states": ["failed"] }, "preview": true });
    let asked: Asked = good(ask(&stage, None, failed).await, StatusCode::OK).await;
    assert_eq!((asked.covers, asked.targets), (0, 2));
}

#[tokio::test]
async fn ten_thousand_changesets_are_asked_in_one_statement() {
    let stage = stage().await;
    stage.apply("hello").await;
    let run = stage.create_run("hello").await;
    for target in &stage.select(&run, &["acme/one"]).await {
        propose(&stage, target).await;
    }
    sqlx::query(
        "INSERT INTO changesets (id, shard, organization, campaign, run, target, repository_id, repository, base_branch, \
         head_branch, state, generation, wanted, told) SELECT gen_random_uuid(), shard, organization, campaign, run, target, \
         1000 + n, 'acme/r' || n, base_branch, head_branch, 'unpublished', 1, wanted, true \
         FROM changesets, generate_series(1, 9999) AS n",
    )
    .execute(stage.store.pool())
    .await
    .unwrap();
    let body = json!({ "action": "publish" });
    let asked: Asked = good(ask(&stage, None, body).await, StatusCode::ACCEPTED).await;
    assert_eq!((asked.covers, asked.changesets.len()), (10_000, 500));
    let command = asked.command.unwrap();
    assert_eq!((command.covers, command.left, command.waiting), (10_000, 10_000, 1));
}

#[tokio::test]
async fn a_pause_of_a_selection_needs_what_a_pause_needs_and_covers_what_is_not_paused() {
    let stage = stage().await;
    stage.apply("hello").await;
    let run = stage.create_run("hello").await;
    for target in &stage.select(&run, &["acme/one", "acme/two", "acme/open"]).await {
        propose(&stage, target).await;
    }
    open(&stage, &run, "acme/open", Checks::None).await;
    let by =
        async |role, body: &Value| stage.request(role, Method::POST, PATH).json(body).send().await.unwrap();
    let (pause, resume) = (json!({ "action": "pause" }), json!({ "action": "resume" }));
    let refused = problem(by(Role::Viewer, &pause).await, StatusCode::FORBIDDEN).await.detail;
    assert!(refused.contains("pause campaigns") && refused.contains("the role author"), "{refused}");
    for (action, words) in [("resume", "resume campaigns"), ("publish", "ask anything")] {
        let refused = by(Role::Author, &json!({ "action": action })).await;
        let refused = problem(refused, StatusCode::FORBIDDEN).await.detail;
        assert!(refused.contains(words) && refused.contains("publisher"), "{refused}");
    }
    let nothing = problem(by(Role::Publisher, &resume).await, StatusCode::CONFLICT).await.detail;
    assert!(nothing.contains("it is not paused by itself (3)"), "{nothing}");

    let paused = |row: &mut Changeset| row.errand.paused = Some(String::from("anna"));
    become_now(&stage, &run, "acme/one", paused).await;
    become_now(&stage, &run, "acme/open", paused).await;
    let asked: Asked = good(by(Role::Author, &pause).await, StatusCode::ACCEPTED).await;
    assert_eq!(repositories(&asked), ["acme/two"]);
    let left: Vec<_> = asked.left_out.iter().map(|left| (left.reason.as_str(), left.count)).collect();
    assert_eq!(left, [("it is paused already", 2)]);
    let cancel = json!({ "action": "cancel" });
    let asked: Asked = good(by(Role::Author, &cancel).await, StatusCode::ACCEPTED).await;
    assert_eq!(repositories(&asked), ["acme/one", "acme/two"]);
    assert_eq!(asked.left_out[0].reason, "it has a pull request: `close` closes it");
    let asked: Asked = good(by(Role::Publisher, &resume).await, StatusCode::ACCEPTED).await;
    assert_eq!(repositories(&asked), ["acme/one", "acme/open"]);

    let all: Page<campaigns_http::wire::Changeset> =
        stage.get("/api/v1/campaigns/hello/changesets?state=open").await;
    assert_eq!(all.items[0].why, "paused by anna");
}
