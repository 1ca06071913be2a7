//! Webhooks: what changes is told, signed, in the shapes of GitHub's own examples; what fails is in the log and is
//! delivered again when asked for; what is meant to go wrong goes wrong.

use crate::desk::Desk;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use campaigns_twin::hooks::loss::Loss;
use campaigns_twin::{Conclusion, Maintainer, Options, StatusState, hooks::send::sign};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};

const SECRET: &str = "the secret of these tests";

/// Somebody who is told.
#[derive(Clone, Default)]
struct Ear {
    heard: Arc<Mutex<Vec<(HeaderMap, Value)>>>,
    /// What it answers; 0 is 202.
    answer: Arc<Mutex<u16>>,
}

impl Ear {
    /// Listens on a port of its own, and has the twin tell it.
    async fn of(desk: &Desk) -> Self {
        let ear = Self::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let router = axum::Router::new().route("/hook", axum::routing::post(hear)).with_state(ear.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        desk.twin.send_webhooks(&url, SECRET).unwrap();
        ear
    }

    fn answers(&self, status: u16) {
        *self.answer.lock().unwrap() = status;
    }

    /// What came since the last call, in order of arrival.
    async fn heard(&self, desk: &Desk) -> Vec<(HeaderMap, Value)> {
        desk.twin.webhooks_settled().await;
        std::mem::take(&mut *self.heard.lock().unwrap())
    }
}

async fn hear(State(ear): State<Ear>, headers: HeaderMap, body: Bytes) -> StatusCode {
    assert_eq!(headers["x-hub-signature-256"], sign(SECRET, &body));
    ear.heard.lock().unwrap().push((headers, serde_json::from_slice(&body).unwrap()));
    let status = *ear.answer.lock().unwrap();
    StatusCode::from_u16(status).unwrap_or(StatusCode::ACCEPTED)
}

/// `event` or `event.action`.
fn name((headers, payload): &(HeaderMap, Value)) -> String {
    let event = headers["x-github-event"].to_str().unwrap();
    payload["action"].as_str().map_or_else(|| event.to_owned(), |action| format!("{event}.{action}"))
}

/// What GitHub's examples of one event have in common: the fields that are there in each, and of which kinds they are.
enum Shape {
    Fields(BTreeMap<String, Shape>),
    Kinds(BTreeSet<&'static str>),
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

impl Shape {
    fn of(examples: &[&Value]) -> Self {
        let objects: Option<Vec<_>> = examples.iter().map(|example| example.as_object()).collect();
        match objects.as_deref() {
            Some([first, rest @ ..]) => {
                let common = first.keys().filter(|key| rest.iter().all(|other| other.contains_key(*key)));
                let field = |key: &String| {
                    let values: Vec<&Value> = examples.iter().map(|example| &example[key]).collect();
                    (key.clone(), Self::of(&values))
                };
                Self::Fields(common.map(field).collect())
            }
            _ => Self::Kinds(examples.iter().map(|example| kind(example)).collect()),
        }
    }

    /// What a payload lacks of it.
    fn lacks(&self, at: &str, value: &Value, found: &mut Vec<String>) {
        match self {
            // What an App may do is its own business.
            Self::Fields(_) if at.ends_with(".permissions") => {}
            // Deep inside, what there is none of is null.
            Self::Fields(_) if value.is_null() && at.matches('.').count() > 1 => {}
            Self::Fields(fields) => {
                for (name, shape) in fields {
                    match value.get(name) {
                        Some(value) => shape.lacks(&format!("{at}.{name}"), value, found),
                        None => found.push(format!("{at}.{name} is missing")),
                    }
                }
            }
            Self::Kinds(kinds) => {
                let like = kinds.contains(kind(value))
                    || value.is_null()
                    || kinds.iter().all(|kind| *kind == "null");
                if !like {
                    found.push(format!("{at} is {}, not {kinds:?}", kind(value)));
                }
            }
        }
    }
}

/// GitHub's examples by `event` or `event.action`.
fn examples() -> BTreeMap<String, Vec<Value>> {
    let file = "oracle/node_modules/@octokit/webhooks-examples/api.github.com/index.json";
    let text =
        std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).expect("run `scripts/deps test`");
    let events: Vec<Value> = serde_json::from_slice(&text).unwrap();
    let mut found: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for event in events {
        for example in event["examples"].as_array().unwrap() {
            let event = event["name"].as_str().unwrap();
            let name =
                example["action"].as_str().map_or(event.to_owned(), |action| format!("{event}.{action}"));
            found.entry(name).or_default().push(example.clone());
        }
    }
    found
}

#[tokio::test]
async fn what_changes_is_told_in_the_shapes_of_githubs_examples() {
    let desk = Desk::open().await;
    let ear = Ear::of(&desk).await;
    desk.repository("one").await;
    desk.pull("one", "fix").await;
    let pulls = "/repos/acme/one/pulls";
    desk.patch(&format!("{pulls}/1"), json!({"title": "Another title"})).await.expect(200);
    desk.post("/repos/acme/one/issues/1/labels", json!({"labels": ["bulk"]})).await.expect(200);
    desk.delete("/repos/acme/one/issues/1/labels/bulk").await.expect(200);
    desk.post("/repos/acme/one/issues/1/assignees", json!({"assignees": ["maintainer"]})).await.expect(201);
    desk.post(&format!("{pulls}/1/requested_reviewers"), json!({"reviewers": ["reviewer"]}))
        .await
        .expect(201);
    desk.twin.push("one", "fix", &[("more.txt", Some(b"more\n"))]).await.unwrap();
    let world = Arc::clone(desk.twin.world());
    let judge = move |person: &Maintainer<'_>| {
        person.start_check("one", 1, "build")?;
        person.set_check("one", 1, "build", Conclusion::Success)?;
        person.set_status("one", 1, "lint", StatusState::Pending)?;
        Maintainer::named(&world, "reviewer").request_changes("one", 1, "Not like this.")?;
        person.convert_to_draft("one", 1)?;
        person.mark_ready("one", 1)?;
        person.suspend_installation()?;
        person.unsuspend_installation()
    };
    desk.twin.as_maintainer(judge).await.unwrap();
    desk.patch(&format!("{pulls}/1"), json!({"state": "closed"})).await.expect(200);
    desk.patch(&format!("{pulls}/1"), json!({"state": "open"})).await.expect(200);
    desk.twin.merge("one", 1).await.unwrap();
    desk.delete("/repos/acme/one/git/refs/heads/fix").await.expect(204);
    desk.twin.as_maintainer(|person| person.rename("one", "other")).await.unwrap();
    desk.twin.as_maintainer(|person| person.archive("other", true)).await.unwrap();

    let heard = ear.heard(&desk).await;
    let mut names: Vec<String> = heard.iter().map(name).collect();
    names.sort();
    let mut wanted = vec![
        "check_run.completed",
        "check_run.created",
        "delete",
        "installation.suspend",
        "installation.unsuspend",
        "pull_request.assigned",
        "pull_request.closed",
        "pull_request.closed",
        "pull_request.converted_to_draft",
        "pull_request.edited",
        "pull_request.labeled",
        "pull_request.opened",
        "pull_request.ready_for_review",
        "pull_request.reopened",
        "pull_request.review_requested",
        "pull_request.synchronize",
        "pull_request.unlabeled",
        "pull_request_review.submitted",
        "push",
        "push",
        "push",
        "push",
        "repository.archived",
        "repository.created",
        "repository.renamed",
        "status",
    ];
    wanted.sort_unstable();
    assert_eq!(names, wanted);
    let guids: BTreeSet<&str> =
        heard.iter().map(|(headers, _)| headers["x-github-delivery"].to_str().unwrap()).collect();
    assert_eq!(guids.len(), heard.len());
    let app = desk.twin.app();
    let (examples, mut lacking) = (examples(), BTreeSet::new());
    for one in &heard {
        let (headers, payload) = one;
        assert_eq!(headers["x-github-hook-installation-target-id"], app.id.to_string());
        assert_eq!(payload["installation"]["id"], app.installation_id);
        assert_eq!(payload["organization"]["login"], "acme");
        let Some(examples) = examples.get(&name(one)) else { continue };
        let mut found = vec![];
        Shape::of(&examples.iter().collect::<Vec<_>>()).lacks("", payload, &mut found);
        lacking.extend(found.into_iter().map(|lack| format!("{}{lack}", name(one))));
    }
    assert!(lacking.is_empty(), "{lacking:#?}");
    let of = |wanted: &str| -> Vec<&Value> {
        heard.iter().filter(|one| name(one) == wanted).map(|(_, payload)| payload).collect()
    };
    let merged: Vec<_> =
        of("pull_request.closed").iter().map(|told| told["pull_request"]["merged"] == true).collect();
    assert_eq!(merged.iter().filter(|merged| **merged).count(), 1);
    let moved = of("pull_request.synchronize")[0];
    assert_eq!(moved["after"], moved["pull_request"]["head"]["sha"]);
    let pushed = of("push").into_iter().find(|push| push["after"] == moved["after"]).unwrap();
    assert_eq!((&pushed["before"], &pushed["ref"]), (&moved["before"], &json!("refs/heads/fix")));
    assert_eq!(pushed["commits"][0]["added"], json!(["more.txt"]));
    assert_eq!(of("repository.renamed")[0]["changes"]["repository"]["name"]["from"], "one");
    assert_eq!(of("delete")[0]["ref"], "fix");
    desk.audit();
}

#[tokio::test]
async fn what_fails_is_kept_and_delivered_again_when_asked_for() {
    let mut desk = Desk::open().await;
    desk.repository("one").await;
    let ear = Ear::of(&desk).await;
    ear.answers(500);
    for number in 1..=3 {
        desk.twin.push("one", &format!("b{number}"), &[("a.txt", Some(b"a\n"))]).await.unwrap();
    }
    assert_eq!(ear.heard(&desk).await.len(), 3);
    ear.answers(0);
    // Nobody tries again by itself.
    desk.twin.push("one", "b4", &[("a.txt", Some(b"a\n"))]).await.unwrap();
    assert_eq!(ear.heard(&desk).await.len(), 1);

    desk.token = desk.jwt();
    let deliveries = "/app/hook/deliveries";
    let first = desk.get(&format!("{deliveries}?status=failure&per_page=2")).await.expect(200);
    let link = first.header("link");
    let next = link.trim_start_matches('<').split('>').next().unwrap().to_owned();
    assert!(
        link.contains("rel=\"next\"") && next.contains("status=failure") && next.contains("cursor=v1_"),
        "{link}"
    );
    let second = desk.get(&next).await.expect(200);
    assert_eq!(second.header("link"), "");
    let (first, second) = (first.json(), second.json());
    assert_eq!((first.as_array().unwrap().len(), second.as_array().unwrap().len()), (2, 1));
    assert!(
        first[0]["id"].as_u64() > first[1]["id"].as_u64()
            && first[1]["id"].as_u64() > second[0]["id"].as_u64()
    );
    let (id, guid) = (second[0]["id"].as_u64().unwrap(), second[0]["guid"].as_str().unwrap().to_owned());
    let whole = desk.get(&format!("{deliveries}/{id}")).await.expect(200).json();
    assert_eq!((&whole["status_code"], &whole["redelivery"]), (&json!(500), &json!(false)));
    assert_eq!(whole["request"]["headers"]["X-GitHub-Delivery"], guid);
    assert!(whole["request"]["payload"]["ref"].is_string());
    desk.post(&format!("{deliveries}/{id}/attempts"), json!({})).await.expect(202);
    let heard = ear.heard(&desk).await;
    assert_eq!((heard.len(), heard[0].0["x-github-delivery"].to_str().unwrap()), (1, guid.as_str()));
    assert_eq!(heard[0].1, whole["request"]["payload"]);
    let all = desk.get(deliveries).await.expect(200).json();
    assert_eq!(all.as_array().unwrap().len(), 5);
    assert_eq!(
        (&all[0]["guid"], &all[0]["redelivery"], &all[0]["status_code"]),
        (&json!(guid), &json!(true), &json!(202))
    );

    let config = desk.get("/app/hook/config").await.expect(200).json();
    assert_eq!((&config["secret"], &config["content_type"]), (&json!("********"), &json!("json")));
    let elsewhere =
        desk.patch("/app/hook/config", json!({"url": "http://127.0.0.1:9/nowhere"})).await.expect(200);
    assert_eq!(elsewhere.json()["url"], "http://127.0.0.1:9/nowhere");
    desk.get(&format!("{deliveries}?cursor=odd")).await.expect(422);
    desk.get(&format!("{deliveries}/99")).await.expect(404);
    // Three days later GitHub has forgotten.
    desk.twin.world().clock.advance(std::time::Duration::from_secs(3 * 24 * 3600));
    desk.token = desk.jwt_of(&{
        let now = desk.twin.world().clock.now().timestamp();
        json!({"iss": desk.twin.app().id.to_string(), "iat": now - 60, "exp": now + 500})
    });
    assert_eq!(desk.get(deliveries).await.expect(200).json(), json!([]));
    desk.audit();
}

#[tokio::test]
async fn the_log_and_the_address_outlive_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("world");
    let options = Options { data: Some(data.clone()), ..Options::default() };
    let desk = Desk::with(options.clone()).await;
    desk.repository("one").await;
    let ear = Ear::of(&desk).await;
    desk.twin.push("one", "b", &[("a.txt", Some(b"a\n"))]).await.unwrap();
    assert_eq!(ear.heard(&desk).await.len(), 1);
    desk.twin.stop().await;
    let mut desk = Desk::with(options).await;
    desk.twin.push("one", "c", &[("a.txt", Some(b"a\n"))]).await.unwrap();
    assert_eq!(ear.heard(&desk).await.len(), 1);
    desk.token = desk.jwt();
    let kept = desk.get("/app/hook/deliveries").await.expect(200).json();
    assert_eq!(kept.as_array().unwrap().len(), 2);
    let oldest = kept[1]["id"].as_u64().unwrap();
    let whole = desk.get(&format!("/app/hook/deliveries/{oldest}")).await.expect(200).json();
    assert_eq!(whole["request"]["payload"]["ref"], "refs/heads/b");
    desk.audit();
}

#[tokio::test]
async fn deliveries_are_lost_failed_doubled_and_shuffled_as_the_seed_has_it() {
    let desk = Desk::open().await;
    desk.repository("one").await;
    let ear = Ear::of(&desk).await;
    let loss = Loss { seed: 11, lost: 0.2, failed: 0.1, doubled: 0.2, shuffled: 0.3, ..Loss::default() };
    desk.twin.lose_webhooks(loss);
    for number in 0..60 {
        let content = format!("{number}\n");
        desk.twin.push("one", "b", &[("a.txt", Some(content.as_bytes()))]).await.unwrap();
    }
    let heard = ear.heard(&desk).await;
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for (headers, _) in &heard {
        *times.entry(headers["x-github-delivery"].to_str().unwrap().to_owned()).or_default() += 1;
    }
    let logged = desk.twin.world().hooks.log.shown(chrono::Utc::now(), None);
    let failed = logged.iter().filter(|attempt| !attempt.succeeded()).count();
    assert_eq!(logged.len(), heard.len() + failed);
    assert!(failed > 0 && times.len() < 60 && times.values().any(|times| *times == 2), "{failed} {times:?}");
    // A push names the commit before it; where that is not the push that came before, the order is another.
    let ordered = heard.windows(2).filter(|pair| pair[1].1["before"] == pair[0].1["after"]).count();
    assert!(ordered + 1 < heard.len(), "nothing was shuffled");
}
