//! Limits, the clock and faults, as a client meets them over HTTP and as the log tells of them.

use crate::desk::Desk;
use crate::program::start;
use campaigns_twin::{Creating, Effect, Entry, Fault, Going, Options, Settings, Wording};
use serde_json::{Value, json};
use std::time::Duration;

const BLOBS: &str = "/repos/acme/one/git/blobs";

async fn limited(limits: Settings) -> Desk {
    let clock = Going::Held(chrono::Utc::now());
    let desk = Desk::with(Options { limited: true, limits, clock, ..Options::default() }).await;
    desk.repository("one").await;
    desk
}

fn blob() -> Value {
    json!({"content": "x"})
}

fn log_of(desk: &Desk, operation: &str) -> Vec<Entry> {
    let log = desk.twin.log().unwrap();
    log.into_iter().filter(|entry| entry.operation == operation).collect()
}

#[tokio::test]
async fn too_many_creations_are_refused_in_githubs_words_until_the_minute_is_over() {
    let desk = limited(Settings { creations_per_minute: 2, ..Settings::default() }).await;
    for _ in 0..2 {
        desk.post(BLOBS, blob()).await.expect(201);
    }
    let over = desk.post(BLOBS, blob()).await.refused(403, "exceeded a secondary rate limit");
    assert_eq!(over.header("retry-after"), "60");
    assert_eq!(over.header("x-ratelimit-remaining"), "4998", "it is not the primary limit");
    assert!(over.json()["documentation_url"].as_str().unwrap().contains("about-secondary-rate-limits"));
    desk.get("/repos/acme/one").await.expect(200);
    desk.twin.world().clock.advance(Duration::from_micros(59_999_999));
    desk.post(BLOBS, blob()).await.expect(403);
    desk.twin.world().clock.advance(Duration::from_micros(1));
    desk.post(BLOBS, blob()).await.expect(201);

    let log = log_of(&desk, "git/create-blob");
    let told: Vec<_> =
        log.iter().map(|entry| (entry.status, entry.limit.as_deref(), entry.retry_after)).collect();
    let refused = (403, Some("creations_per_minute"), Some(60));
    assert_eq!(told, [(201, None, None), (201, None, None), refused, refused, (201, None, None)]);
    assert_eq!(log[4].arrived - log[0].arrived, 60_000_000);
    assert!(
        log.iter().all(|entry| entry.writes && entry.creates && entry.points == 5 && entry.concurrent == 1)
    );
    let read = &log_of(&desk, "repos/get")[0];
    assert_eq!((read.writes, read.creates, read.points), (false, false, 1));
    desk.audit();
}

#[tokio::test]
async fn a_limit_is_told_as_the_settings_say() {
    let row = Settings { row: 1, secondary_status: 429, retry_after: 0, ..Settings::default() };
    let desk = limited(row.clone()).await;
    desk.post(BLOBS, blob()).await.expect(201);
    let over = desk.post(BLOBS, blob()).await.refused(429, "secondary rate limit");
    assert_eq!(over.header("retry-after"), "");
    desk.twin.world().limits.set(Settings { wording: Wording::TooQuickly, ..row.clone() });
    desk.post(BLOBS, blob()).await.refused(422, "was submitted too quickly");
    desk.twin.world().limits.set(Settings { creating: Creating::Pulls, ..row });
    desk.post(BLOBS, blob()).await.expect(201);
    let limits: Vec<_> = log_of(&desk, "git/create-blob").into_iter().map(|entry| entry.limit).collect();
    assert_eq!(limits, [None, Some("row".to_owned()), Some("row".to_owned()), None]);
}

#[tokio::test]
async fn graphql_has_limits_of_its_own_and_tells_them_with_200() {
    let graphql_secondary_status = 200;
    let desk =
        limited(Settings { graphql: 2, graphql_points: 1, graphql_secondary_status, ..Settings::default() });
    let desk = desk.await;
    let ask = || desk.post("/graphql", json!({"query": "{ viewer { login } }"}));
    assert_eq!(ask().await.expect(200).json()["data"]["viewer"]["login"], "maintainer");
    let secondary = ask().await.refused(200, "secondary rate limit");
    assert_eq!(secondary.header("x-ratelimit-resource"), "graphql");
    desk.twin.world().clock.advance(Duration::from_secs(60));
    ask().await.expect(200);
    desk.twin.world().clock.advance(Duration::from_secs(60));
    let primary = ask().await.expect(200);
    assert_eq!(primary.json()["errors"][0]["type"], "RATE_LIMITED");
    assert_eq!(primary.header("x-ratelimit-remaining"), "0");
    let limits: Vec<_> = log_of(&desk, "graphql").into_iter().map(|entry| entry.limit).collect();
    assert_eq!(limits, [None, Some("points".to_owned()), None, Some("primary".to_owned())]);
    let rates = desk.get("/rate_limit").await.expect(200).json();
    assert_eq!((&rates["resources"]["graphql"]["used"], &rates["rate"]["used"]), (&json!(2), &json!(0)));
}

#[tokio::test]
async fn no_more_at_the_same_time_than_allowed() {
    let desk = limited(Settings { concurrent: 2, ..Settings::default() }).await;
    desk.twin.faults().add(Fault::on("repos/get", Effect::HoldAnswer { ms: 3_600_000 }));
    let held = async {
        tokio::join!(desk.get("/repos/acme/one"), desk.get("/repos/acme/one"));
    };
    let third = async {
        while desk.twin.world().limits.flying() < 2 {
            tokio::task::yield_now().await;
        }
        desk.get("/repos/acme/one/branches").await.refused(403, "secondary rate limit. Please wait")
    };
    tokio::select! {
        () = held => panic!("the answers were not held"),
        _ = third => {}
    }
    let entry = &log_of(&desk, "repos/list-branches")[0];
    assert_eq!((entry.limit.as_deref(), entry.concurrent), (Some("concurrent"), 3));
}

#[tokio::test]
async fn a_lagging_read_answers_what_was_true() {
    let desk = limited(Settings::default()).await;
    desk.pull("one", "first").await;
    desk.twin.world().clock.advance(Duration::from_secs(10));
    desk.pull("one", "second").await;
    let seen = || async {
        let pulls = desk.get("/repos/acme/one/pulls?state=all").await.expect(200).json();
        pulls.as_array().unwrap().iter().map(|pull| pull["number"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    let stale = |seconds, changes| {
        desk.twin.faults().clear();
        desk.twin.faults().add(Fault::on("pulls/*", Effect::Stale { seconds, changes }));
    };
    assert_eq!(seen().await, [2, 1]);
    stale(0, 1);
    assert_eq!(seen().await, [1]);
    stale(5, 0);
    assert_eq!(seen().await, [1]);
    desk.get("/repos/acme/one/pulls/2").await.expect(404);
    desk.get("/repos/acme/one/issues/2").await.expect(200);
    desk.twin.world().clock.advance(Duration::from_secs(5));
    assert_eq!(seen().await, [2, 1]);
    stale(60, 0);
    assert!(seen().await.is_empty());
    // A write is decided on what is true now.
    let body = json!({"title": "Again", "head": "second", "base": "main"});
    desk.post("/repos/acme/one/pulls", body).await.refused(422, "already exists");
    desk.audit();
}

#[tokio::test]
async fn a_fault_may_speak_as_a_limit_does() {
    let desk = Desk::open().await;
    desk.repository("one").await;
    desk.twin.faults().add(Fault::on("git/*", Effect::SecondaryLimit { retry_after: Some(7) }).times(1));
    desk.twin
        .faults()
        .add(Fault::on("git/*", Effect::SecondaryLimit { retry_after: None }).after(1).times(1));
    desk.twin.faults().add(Fault::on("git/*", Effect::TooQuickly).after(2).times(1));
    let mut told = Vec::new();
    for status in [403, 403, 422, 201] {
        told.push(desk.post(BLOBS, blob()).await.expect(status).header("retry-after"));
    }
    assert_eq!(told, ["7", "", "", ""]);
    let limits: Vec<_> = log_of(&desk, "git/create-blob").into_iter().map(|entry| entry.limit).collect();
    let fault = Some("fault".to_owned());
    assert_eq!(limits, [fault.clone(), fault.clone(), fault, None]);
}

#[tokio::test]
async fn the_program_takes_limits_clock_and_faults_as_flags_and_holds_its_clock_through_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("world").display().to_string();
    let arguments = [
        "--data",
        &data,
        "--hold-clock",
        "2031-05-01T00:00:00Z",
        "--limit-core",
        "70",
        "--fault",
        r#"{"operation": "users/*", "probability": 0.5, "seed": 3, "effect": {"kind": "too_quickly"}}"#,
    ];
    let mut program = start(&arguments);
    let client = reqwest::Client::builder().user_agent("test").build().unwrap();
    let url = |program: &crate::program::Program, path: &str| {
        format!("{}{path}", program.line["url"].as_str().unwrap())
    };
    let admin = program.line["admin_token"].as_str().unwrap().to_owned();
    let token = program.line["token"].as_str().unwrap().to_owned();
    let me = client.get(url(&program, "/user")).bearer_auth(&token).send().await.unwrap();
    assert_eq!(me.headers()["x-ratelimit-limit"], "70");
    assert_eq!(me.headers()["date"], "Thu, 01 May 2031 00:00:00 GMT");
    let mut statuses = std::collections::BTreeSet::from([me.status().as_u16()]);
    for _ in 0..20 {
        statuses.insert(
            client.get(url(&program, "/user")).bearer_auth(&token).send().await.unwrap().status().as_u16(),
        );
    }
    assert_eq!(statuses.into_iter().collect::<Vec<_>>(), [200, 422]);
    let post =
        |path: &str, body: Value| client.post(url(&program, path)).bearer_auth(&admin).json(&body).send();
    let moved: Value =
        post("/_twin/clock", json!({"advance_seconds": 90.5})).await.unwrap().json().await.unwrap();
    assert_eq!(moved["now"], "2031-05-01T00:01:30.500Z");
    let set: Value = post("/_twin/limits", json!({"creating": "pulls"})).await.unwrap().json().await.unwrap();
    assert_eq!((&set["settings"]["creating"], &set["settings"]["core"]), (&json!("pulls"), &json!(70)));
    assert_eq!(post("/_twin/limits", json!({"cores": 1})).await.unwrap().status(), 422);
    assert_eq!(post("/_twin/clock", json!({"advance_seconds": -1})).await.unwrap().status(), 422);
    program.child.kill().unwrap();
    program.child.wait().unwrap();
    let program = start(&arguments);
    let clock = client.get(url(&program, "/_twin/clock")).bearer_auth(&admin).send().await.unwrap();
    assert_eq!(clock.json::<Value>().await.unwrap()["now"], "2031-05-01T00:01:30.500Z");
}
