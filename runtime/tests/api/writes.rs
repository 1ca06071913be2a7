//! What people ask for: runs by idempotency key, cancellations, syncs; each with its message for the owner, its
//! wake-up and its row of an audit log that cannot be changed.

use crate::stage::{good, problem, stage};
use campaigns_actors::ports::{MessageBody, Recipient, Store, Transition};
use campaigns_domain::id::{RunId, Shard};
use campaigns_http::wire::{AuditEntry, Command, CommandState, Page, Role, Run, RunState};
use reqwest::{Method, StatusCode};
use serde_json::json;

#[tokio::test]
async fn the_same_key_is_the_same_run_however_many_ask_at_once() {
    let stage = stage().await;
    stage.apply("hello").await;
    let ask = |key: &str, body: serde_json::Value| {
        let request = stage.request(Role::Publisher, Method::POST, "/api/v1/campaigns/hello/runs");
        request.header("Idempotency-Key", key).json(&body).send()
    };
    let body = json!({ "window": 3, "only": "acme/a*" });
    let answers = futures::future::join_all((0..16).map(|_| ask("one", body.clone()))).await;
    let mut ids = vec![];
    let mut created = 0;
    for answer in answers {
        let answer = answer.unwrap();
        created += usize::from(answer.status() == StatusCode::CREATED);
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
        ids.push(answer.json::<Run>().await.unwrap().id);
    }
    ids.dedup();
    assert_eq!((ids.len(), created), (1, 1));
    let run: Run = stage.get(&format!("/api/v1/runs/{}", ids[0])).await;
    assert_eq!((run.state, run.window, run.only.as_deref()), (RunState::Selecting, 3, Some("acme/a*")));
    assert_eq!((run.campaign.as_str(), run.created_by.as_str()), ("hello", "test publisher"));
    assert_eq!(run.totals.targets, 0);

    let other = ask("one", json!({ "window": 4, "only": "acme/a*" })).await.unwrap();
    problem(other, StatusCode::CONFLICT).await;
    let another: Run = good(ask("two", body.clone()).await.unwrap(), StatusCode::CREATED).await;
    assert_ne!(another.id, run.id);
    // Keys of different callers have nothing to do with each other.
    let admin = stage.request(Role::Admin, Method::POST, "/api/v1/campaigns/hello/runs");
    let admin = admin.header("Idempotency-Key", "one").json(&json!({})).send().await.unwrap();
    good::<Run>(admin, StatusCode::CREATED).await;

    let page: Page<Run> = stage.get("/api/v1/campaigns/hello/runs").await;
    assert_eq!(page.items.len(), 3);
    let id = RunId(run.id);
    let waiting = stage.store.inbox(&[Shard::of_run(id)], 100).await.unwrap();
    let starts = waiting.iter().filter(|message| message.to == Recipient::Run(id)).collect::<Vec<_>>();
    assert_eq!(starts.len(), 1);
    assert_eq!(starts[0].body, MessageBody::Start);
    assert!(stage.woken.0.lock().unwrap().contains(&Shard::of_run(id)));
    let stored = stage.store.run(id).await.unwrap().unwrap();
    assert_eq!((stored.options.only.as_deref(), stored.window, stored.version), (Some("acme/a*"), 3, 1));
}

#[tokio::test]
async fn what_cannot_be_a_run_is_refused() {
    let stage = stage().await;
    stage.apply("hello").await;
    let path = "/api/v1/campaigns/hello/runs";
    for body in
        [json!({ "window": 0 }), json!({ "window": 10_001 }), json!({ "only": "[" }), json!({ "only": "" })]
    {
        problem(stage.post(Role::Publisher, path, body).await, StatusCode::BAD_REQUEST).await;
    }
    for body in [json!({ "windows": 1 }), json!({ "window": "many" }), json!([])] {
        problem(stage.post(Role::Publisher, path, body).await, StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    for key in ["", &"k".repeat(201), "with blank"] {
        let request = stage.request(Role::Publisher, Method::POST, path).header("Idempotency-Key", key);
        problem(request.send().await.unwrap(), StatusCode::BAD_REQUEST).await;
    }
    // An author may try a spec out, and a publisher carries it out.
    problem(stage.post(Role::Author, path, json!({})).await, StatusCode::FORBIDDEN).await;
    let dry: Run =
        good(stage.post(Role::Author, path, json!({ "dry_run": true })).await, StatusCode::CREATED).await;
    assert!(dry.dry_run);
    assert!(stage.store.run(RunId(dry.id)).await.unwrap().unwrap().options.dry_run);
    let page: Page<Run> = stage.get(path).await;
    assert_eq!(page.items.len(), 1, "what was refused left nothing behind");
}

#[tokio::test]
async fn a_cancellation_is_done_when_the_owner_has_taken_it() {
    let stage = stage().await;
    stage.apply("hello").await;
    let run = stage.create_run("hello").await;
    stage.select(&run, &["acme/one"]).await;
    let path = format!("/api/v1/runs/{}/cancel", run.id);
    let cancel = async || -> Command {
        let request = stage.request(Role::Author, Method::POST, &path).send();
        good(request.await.unwrap(), StatusCode::ACCEPTED).await
    };
    let command = cancel().await;
    assert_eq!((command.state, command.waiting), (CommandState::Accepted, 1));
    assert_eq!((command.kind.as_str(), command.covers, command.left), ("cancel_run", 1, 1));
    assert_eq!(command.subject, format!("run/{}", run.id));
    assert_eq!(cancel().await, command, "asking again is asking once");
    let id = RunId(run.id);
    let shard = Shard::of_run(id);
    let messages = stage.store.inbox(&[shard], 100).await.unwrap();
    let message =
        messages.iter().find(|message| matches!(message.body, MessageBody::CancelRun { .. })).unwrap();
    let MessageBody::CancelRun { by, command: of } = &message.body else { unreachable!() };
    assert_eq!((by.as_str(), of.0), ("test author", command.id));

    let mut transition = Transition::new(stage.fence(shard).await, id);
    transition.consumed = vec![message.id];
    stage.commit(transition).await;
    let done: Command = stage.get(&format!("/api/v1/commands/{}", command.id)).await;
    assert_eq!((done.state, done.waiting), (CommandState::Done, 0));

    let ended = stage.create_run("hello").await;
    stage.select(&ended, &["acme/one"]).await;
    stage.end(RunId(ended.id)).await;
    let request = stage.request(Role::Author, Method::POST, &format!("/api/v1/runs/{}/cancel", ended.id));
    assert!(problem(request.send().await.unwrap(), StatusCode::CONFLICT).await.detail.contains("cancelled"));
}

#[tokio::test]
async fn a_sync_tells_every_organisation_once() {
    let stage = stage().await;
    stage.apply("hello").await;
    let sync = async |key: Option<&str>| -> Command {
        let mut request = stage.request(Role::Author, Method::POST, "/api/v1/campaigns/hello/sync");
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        good(request.send().await.unwrap(), StatusCode::ACCEPTED).await
    };
    assert_eq!(sync(None).await.state, CommandState::Done, "there is nothing to read afresh yet");
    let run = stage.create_run("hello").await;
    let targets = stage.select(&run, &["acme/one", "acme/two", "Wile/three"]).await;
    for target in &targets {
        crate::reads::propose(&stage, target).await;
    }
    let command = sync(Some("key")).await;
    assert_eq!((command.state, command.waiting), (CommandState::Accepted, 2));
    assert_eq!(sync(Some("key")).await, command);
    for organization in ["acme", "wile"] {
        let shard = Shard::of_organization(organization);
        let messages = stage.store.inbox(&[shard], 100).await.unwrap();
        let to = Recipient::Organization(organization.to_owned());
        let syncs: Vec<_> = messages.iter().filter(|message| message.to == to).collect();
        assert_eq!(syncs.len(), 1, "{organization}");
        assert!(matches!(&syncs[0].body, MessageBody::Sync { command: of, .. } if of.0 == command.id));
        assert!(stage.woken.0.lock().unwrap().contains(&shard));
        let mut transition = Transition::new(stage.fence(shard).await, RunId(run.id));
        transition.consumed = vec![syncs[0].id];
        stage.commit(transition).await;
    }
    let done: Command = stage.get(&format!("/api/v1/commands/{}", command.id)).await;
    assert_eq!(done.state, CommandState::Done);
}

#[tokio::test]
async fn every_change_is_in_an_audit_log_that_cannot_be_changed() {
    let stage = stage().await;
    let send = async |method: Method, path: &str, body: serde_json::Value, id: &str| {
        let request = stage.request(Role::Publisher, method, path).header("x-request-id", id).json(&body);
        let response = request.send().await.unwrap();
        assert!(response.status().is_success(), "{}", response.text().await.unwrap());
        response.json::<serde_json::Value>().await.unwrap()
    };
    let spec = |words: &str| json!({ "spec": crate::stage::spec("hello", words) });
    send(Method::PUT, "/api/v1/campaigns/hello", spec("one"), "req-1").await;
    send(Method::PUT, "/api/v1/campaigns/hello", spec("two"), "req-2").await;
    let run = send(Method::POST, "/api/v1/campaigns/hello/runs", json!({ "window": 2 }), "req-3").await;
    let run = run["id"].as_str().unwrap().to_owned();
    send(Method::POST, &format!("/api/v1/runs/{run}/cancel"), json!({}), "req-4").await;
    send(Method::POST, "/api/v1/campaigns/hello/sync", json!({}), "req-5").await;

    let audit = async |query: &str| -> Page<AuditEntry> {
        let request = stage.request(Role::Publisher, Method::GET, &format!("/api/v1/audit{query}"));
        good(request.send().await.unwrap(), StatusCode::OK).await
    };
    let entries = audit("?limit=5").await.items;
    let seen: Vec<_> =
        entries.iter().map(|entry| (&*entry.request_id, &*entry.action, &*entry.subject)).collect();
    let of_run = format!("run/{run}");
    assert_eq!(
        seen,
        [
            ("req-5", "campaign.sync", "campaign/hello"),
            ("req-4", "run.cancel", &*of_run),
            ("req-3", "run.create", &*of_run),
            ("req-2", "campaign.apply", "campaign/hello"),
            ("req-1", "campaign.apply", "campaign/hello"),
        ]
    );
    assert!(entries.iter().all(|entry| entry.actor == "test publisher"));
    assert_eq!(entries[3].before["spec"], entries[4].after["spec"]);
    assert_eq!(entries[2].after["window"], 2);
    let mine = audit(&format!("?subject={of_run}&limit=1")).await;
    assert_eq!(mine.items[0].request_id, "req-4");
    let rest = audit(&format!("?subject={of_run}&cursor={}", mine.next.unwrap())).await;
    assert_eq!((rest.items.len(), rest.items[0].request_id.as_str()), (1, "req-3"));

    for statement in [
        "UPDATE audit_log SET actor = 'nobody'",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
        "DELETE FROM audit_log WHERE false",
    ] {
        let refused = sqlx::query(statement).execute(stage.store.pool()).await.unwrap_err();
        assert!(refused.to_string().contains("append-only"), "{statement}: {refused}");
    }
}
