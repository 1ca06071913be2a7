//! Webhooks as they come in: GitHub's own examples, every one of them, and what somebody else may send.

use crate::stage::{Stage, problem, stage, stage_with};
use campaigns_http::{Settings, WebhookSecrets};
use hmac::{Hmac, Mac};
use reqwest::{RequestBuilder, StatusCode};
use serde_json::Value;
use sha2::Sha256;
use sqlx::AssertSqlSafe;
use std::{collections::BTreeMap, fs, path::Path};
use uuid::Uuid;

const SECRET: &str = "the secret of these tests";
const APP: u64 = 4711;

async fn listening() -> Stage {
    listening_with(SECRET).await
}

async fn listening_with(secrets: &str) -> Stage {
    let webhook_secrets = WebhookSecrets::parse(secrets).unwrap();
    stage_with(Settings { webhook_secrets, ..Settings::default() }).await
}

fn signature(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

fn unsigned(stage: &Stage, event: &str, delivery: Uuid, body: &[u8]) -> RequestBuilder {
    stage
        .http
        .post(format!("{}/webhooks/github", stage.server.base))
        .header("content-type", "application/json")
        .header("x-github-event", event)
        .header("x-github-delivery", delivery.to_string())
        .header("x-github-hook-installation-target-id", APP)
        .body(body.to_vec())
}

fn signed(stage: &Stage, event: &str, delivery: Uuid, body: &[u8]) -> RequestBuilder {
    unsigned(stage, event, delivery, body).header("x-hub-signature-256", signature(SECRET, body))
}

async fn count(stage: &Stage, that: &str) -> i64 {
    let query = format!("SELECT count(*) FROM webhooks WHERE {that}");
    sqlx::query_scalar(AssertSqlSafe(query)).fetch_one(stage.store.pool()).await.unwrap()
}

/// GitHub's examples: event and payload.
fn examples() -> Vec<(String, Value)> {
    let folder = "../loadtest/twin/oracle/node_modules/@octokit/webhooks-examples/api.github.com/index.json";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let text = fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; run `scripts/deps test`", path.display()));
    let events: Vec<Value> = serde_json::from_str(&text).unwrap();
    let of = |event: &Value| {
        let name = event["name"].as_str().unwrap().to_owned();
        event["examples"]
            .as_array()
            .unwrap()
            .iter()
            .map(move |example| (name.clone(), example.clone()))
            .collect::<Vec<_>>()
    };
    events.iter().flat_map(of).collect()
}

#[tokio::test]
async fn each_of_githubs_examples_is_taken_and_kept_once() {
    let stage = listening().await;
    let examples = examples();
    assert_eq!(examples.len(), 329);
    let bodies: Vec<_> = examples
        .iter()
        .enumerate()
        .map(|(at, (event, payload))| (event, Uuid::from_u128(at as u128 + 1), payload.to_string()))
        .collect();
    for times in 1..=2_i64 {
        for (event, delivery, body) in &bodies {
            let answer = signed(&stage, event, *delivery, body.as_bytes()).send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::ACCEPTED, "{event}: {}", answer.text().await.unwrap());
        }
        assert_eq!(count(&stage, &format!("app = {APP} AND times = {times}")).await, 329);
    }
    // Every example of what pull requests depend on says where to look, but for what concerns tags alone.
    let of: Vec<(String, String, i64)> =
        sqlx::query_as("SELECT event, concerns, count(*) FROM webhooks GROUP BY 1, 2")
            .fetch_all(stage.store.pool())
            .await
            .unwrap();
    let of: BTreeMap<(&str, &str), i64> =
        of.iter().map(|(event, concerns, count)| ((event.as_str(), concerns.as_str()), *count)).collect();
    let pull_requests = |event| of.get(&(event, "pull_requests")).copied().unwrap_or_default();
    let events = [
        "pull_request",
        "pull_request_review",
        "check_run",
        "check_suite",
        "status",
        "merge_group",
        "repository",
    ];
    let found = events.map(pull_requests);
    assert_eq!(found, [29, 4, 9, 9, 4, 2, 13]);
    assert_eq!(of.get(&("installation", "installation")), Some(&7));
    assert_eq!(of.get(&("installation_repositories", "installation")), Some(&3));
    let tags = |event: &str| {
        let of_a_tag = |(name, payload): &&(String, Value)| {
            name == event
                && (payload["ref_type"] == "tag"
                    || payload["ref"].as_str().is_some_and(|name| name.starts_with("refs/tags/")))
        };
        examples.iter().filter(of_a_tag).count() as i64
    };
    assert_eq!((pull_requests("push"), pull_requests("delete")), (7 - tags("push"), 4 - tags("delete")));
    assert_eq!(of.get(&("star", "nothing")), Some(&3));
    assert_eq!(count(&stage, "concerns = 'nothing' AND processed IS NULL").await, 0);
    assert_eq!(count(&stage, "concerns <> 'nothing' AND processed IS NOT NULL").await, 0);
}

#[tokio::test]
async fn what_is_not_signed_with_the_secret_leaves_no_row() {
    let stage = listening().await;
    for (event, payload) in examples().iter().step_by(15) {
        let body = payload.to_string();
        let wrong = signature("another secret", body.as_bytes());
        let request = unsigned(&stage, event, Uuid::now_v7(), body.as_bytes());
        problem(request.header("x-hub-signature-256", wrong).send().await.unwrap(), StatusCode::UNAUTHORIZED)
            .await;
    }
    let body = br#"{"zen": "Keep it logically awesome."}"#;
    let right = signature(SECRET, body);
    let ask = || unsigned(&stage, "ping", Uuid::now_v7(), body);
    let forged = [
        ask(),
        ask().header("x-hub-signature", right.replace("sha256", "sha1")),
        ask().header("x-hub-signature-256", &right[7..]),
        ask().header("x-hub-signature-256", right.clone()).header("x-hub-signature-256", right.clone()),
        // Signed, but for another body.
        unsigned(&stage, "ping", Uuid::now_v7(), b"{}").header("x-hub-signature-256", right.clone()),
    ];
    for request in forged {
        problem(request.send().await.unwrap(), StatusCode::UNAUTHORIZED).await;
    }
    assert_eq!(count(&stage, "true").await, 0);
    let answer = ask().header("x-hub-signature-256", right).send().await.unwrap();
    assert_eq!((answer.status(), count(&stage, "true").await), (StatusCode::ACCEPTED, 1));
}

#[tokio::test]
async fn what_is_signed_and_makes_no_sense_is_refused_in_words() {
    let stage = listening().await;
    let delivery = Uuid::now_v7();
    let post = |event: &str, body: &[u8]| signed(&stage, event, delivery, body).send();
    for body in [&b""[..], b"null", b"[1]", b"{\"action\": ", b"\xff\xfe\x00", b"{}{}"] {
        problem(post("push", body).await.unwrap(), StatusCode::BAD_REQUEST).await;
    }
    problem(post("no/event", b"{}").await.unwrap(), StatusCode::BAD_REQUEST).await;
    let form = b"payload=%7B%7D";
    let request = stage.http.post(format!("{}/webhooks/github", stage.server.base)).body(form.to_vec());
    let request =
        request.header("content-type", "application/x-www-form-urlencoded").header("x-github-event", "push");
    let request = request.header("x-github-delivery", delivery.to_string());
    let request = request.header("x-hub-signature-256", signature(SECRET, form));
    problem(request.send().await.unwrap(), StatusCode::UNSUPPORTED_MEDIA_TYPE).await;
    let nameless = stage.http.post(format!("{}/webhooks/github", stage.server.base)).body("{}");
    let nameless =
        nameless.header("x-hub-signature-256", signature(SECRET, b"{}")).header("x-github-event", "push");
    problem(nameless.send().await.unwrap(), StatusCode::BAD_REQUEST).await;
    let large = vec![b' '; 25 * 1024 * 1024 + 1];
    problem(post("push", &large).await.unwrap(), StatusCode::PAYLOAD_TOO_LARGE).await;
    assert_eq!(count(&stage, "true").await, 0);
    let odd = r#"{"repository": {"id": 9223372036854775808, "full_name": "a\u0000b/c"}, "ref": "refs/heads/\u0000", "installation": 7}"#;
    assert_eq!(post("push", odd.as_bytes()).await.unwrap().status(), StatusCode::ACCEPTED);
    assert_eq!(count(&stage, "concerns = 'nothing' AND processed IS NOT NULL").await, 1);
}

#[tokio::test]
async fn a_secret_is_replaced_while_deliveries_come_in() {
    let stage = listening_with(&format!("the one that comes next\n{SECRET}")).await;
    let answer = signed(&stage, "ping", Uuid::now_v7(), b"{}").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    let next = unsigned(&stage, "ping", Uuid::now_v7(), b"{}");
    let next = next.header("x-hub-signature-256", signature("the one that comes next", b"{}"));
    assert_eq!(next.send().await.unwrap().status(), StatusCode::ACCEPTED);
    assert_eq!(count(&stage, "true").await, 2);
}

#[tokio::test]
async fn without_a_secret_or_a_database_nothing_is_acknowledged() {
    let deaf = stage().await;
    let answer = signed(&deaf, "ping", Uuid::now_v7(), b"{}").send().await.unwrap();
    let told = problem(answer, StatusCode::NOT_FOUND).await;
    assert!(told.detail.contains("--webhook-secret-file"), "{}", told.detail);
    let stage = listening().await;
    stage.store.close().await;
    let answer = signed(&stage, "ping", Uuid::now_v7(), b"{}").send().await.unwrap();
    problem(answer, StatusCode::SERVICE_UNAVAILABLE).await;
}
