//! Every route of the API's description, one by one: without a token, with the least role, with ids of nothing, with
//! a body that is too large, with a method it does not know. A new route is held to this without another line.

use crate::stage::{Stage, problem, spec, stage};
use campaigns_http::wire::Role;
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};
use uuid::Uuid;

/// One operation of the description, with its path filled with names of nothing.
struct Operation {
    method: Method,
    path: String,
    template: String,
    body: bool,
}

fn operations() -> Vec<Operation> {
    let document = serde_json::to_value(campaigns_http::document()).unwrap();
    let mut operations = vec![];
    for (template, item) in document["paths"].as_object().unwrap() {
        for (verb, operation) in item.as_object().unwrap() {
            let path = template.replace("{id}", &Uuid::from_u128(7).to_string());
            let path = path.replace("{name}", "nothing").replace("{login}", "nothing");
            assert!(!path.contains('{'), "{path}: this test does not know how to fill it");
            let method = verb.to_uppercase().parse().unwrap();
            let template = template.clone();
            operations.push(Operation {
                method,
                path,
                template,
                body: operation.get("requestBody").is_some(),
            });
        }
    }
    operations
}

/// A body that would do, if everything else did.
fn body(operation: &Operation) -> Option<Value> {
    match (operation.method.as_str(), operation.template.as_str()) {
        ("PUT", "/api/v1/campaigns/{name}") => Some(json!({ "spec": spec("nothing", "") })),
        ("POST", "/api/v1/campaigns/{name}/ask") => Some(json!({ "action": "publish" })),
        ("POST", "/api/v1/campaigns/{name}/runs") => Some(json!({ "dry_run": true })),
        ("POST", "/api/v1/campaigns/{name}/pace") => Some(json!({ "per_day": 30 })),
        (method, path) => {
            assert!(!operation.body, "{method} {path}: this test does not know its body");
            None
        }
    }
}

async fn send(stage: &Stage, token: Option<&str>, operation: &Operation) -> reqwest::Response {
    let mut request =
        stage.http.request(operation.method.clone(), format!("{}{}", stage.server.base, operation.path));
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, token);
    }
    if let Some(body) = body(operation) {
        request = request.json(&body);
    }
    request.send().await.unwrap()
}

#[tokio::test]
async fn without_a_good_token_nothing_is_answered() {
    let stage = stage().await;
    let stranger = campaigns_http::auth::Secret::mint().unwrap();
    let good = stage.token(Role::Admin);
    let wrong = [
        None,
        Some(String::new()),
        Some(String::from("Bearer ")),
        Some(String::from("Bearer cmp_nothing")),
        Some(format!("Bearer {}", stranger.expose())),
        Some(format!("Bearer {good}x")),
        Some(format!("Basic {good}")),
        Some(good.to_owned()),
    ];
    let mut operations = operations();
    // The API's description is everybody's: it says nothing of what is here.
    operations.retain(|operation| operation.template != "/api/v1/openapi.json");
    let metrics = String::from("/metrics");
    operations.push(Operation { method: Method::GET, path: metrics.clone(), template: metrics, body: false });
    for operation in operations {
        for token in &wrong {
            let response = send(&stage, token.as_deref(), &operation).await;
            assert!(response.headers()[header::WWW_AUTHENTICATE].to_str().unwrap().starts_with("Bearer"));
            let problem = problem(response, StatusCode::UNAUTHORIZED).await;
            assert!(!serde_json::to_string(&problem).unwrap().contains("cmp_n"), "a token is never shown");
        }
    }
}

#[tokio::test]
async fn roles_are_held_on_every_route() {
    let stage = stage().await;
    for role in Role::ALL {
        for operation in operations() {
            let response = send(&stage, Some(&format!("Bearer {}", stage.token(role))), &operation).await;
            let mutates = operation.method != Method::GET;
            let least = match (mutates, operation.template.as_str()) {
                (true, path) if ["/resume", "/ask", "/pace"].iter().any(|end| path.ends_with(end)) => {
                    Role::Publisher
                }
                (true, _) => Role::Author,
                (false, "/api/v1/audit") => Role::Publisher,
                (false, _) => Role::Viewer,
            };
            let status = response.status();
            if role < least {
                let problem = problem(response, StatusCode::FORBIDDEN).await;
                assert!(problem.detail.contains(least.as_str()), "{}", problem.detail);
            } else {
                let what = format!("{role} {} {}", operation.method, operation.path);
                assert!(
                    status != StatusCode::FORBIDDEN && status != StatusCode::UNAUTHORIZED,
                    "{what}: {status}"
                );
            }
        }
    }
}

#[tokio::test]
async fn what_is_not_there_is_a_404_problem() {
    let stage = stage().await;
    for operation in operations().into_iter().filter(|operation| operation.template.contains('{')) {
        let applies = operation.method == Method::PUT;
        if !applies {
            let response =
                send(&stage, Some(&format!("Bearer {}", stage.token(Role::Admin))), &operation).await;
            problem(response, StatusCode::NOT_FOUND).await;
        }
        let odd = ["not-an-id%20", "..%2f..", "%00", &"x".repeat(300)];
        for id in odd {
            let path = operation.template.replace("{id}", id).replace("{name}", id).replace("{login}", id);
            let request = stage.request(Role::Admin, operation.method.clone(), &path);
            let request = match body(&operation) {
                Some(body) => request.json(&body),
                None => request,
            };
            problem(request.send().await.unwrap(), StatusCode::NOT_FOUND).await;
        }
    }
    for path in ["/", "/api", "/api/v1", "/api/v1/", "/api/v2/campaigns", "/api/v1/campaigns/", "/nothing"] {
        problem(stage.request(Role::Admin, Method::GET, path).send().await.unwrap(), StatusCode::NOT_FOUND)
            .await;
    }
}

#[tokio::test]
async fn unknown_methods_queries_and_sizes_are_problems() {
    let stage = stage().await;
    for operation in operations() {
        let response = stage.request(Role::Admin, Method::PATCH, &operation.path).send().await.unwrap();
        assert!(response.headers().contains_key(header::ALLOW), "{}", operation.path);
        problem(response, StatusCode::METHOD_NOT_ALLOWED).await;

        let long = format!("{}?cursor={}", operation.path, "x".repeat(9000));
        let response = stage.request(Role::Admin, operation.method.clone(), &long).send().await.unwrap();
        problem(response, StatusCode::URI_TOO_LONG).await;

        if operation.method != Method::GET {
            let size = if operation.method == Method::PUT { 2 * 1024 * 1024 + 1 } else { 16 * 1024 + 1 };
            for announced in [true, false] {
                let request = stage.request(Role::Admin, operation.method.clone(), &operation.path);
                let request = request.header(header::CONTENT_TYPE, "application/json");
                let bytes = vec![b' '; size];
                let body = if announced {
                    reqwest::Body::from(bytes)
                } else {
                    let pieces: Vec<Result<Vec<u8>, std::io::Error>> =
                        bytes.chunks(10_000).map(|piece| Ok(piece.to_vec())).collect();
                    reqwest::Body::wrap_stream(futures::stream::iter(pieces))
                };
                problem(request.body(body).send().await.unwrap(), StatusCode::PAYLOAD_TOO_LARGE).await;
            }
        }
    }
    for query in
        ["nothing=1", "limit=0", "limit=501", "limit=many", "cursor=made-up", "cursor=!", "cursor=e30"]
    {
        let request = stage.request(Role::Viewer, Method::GET, &format!("/api/v1/campaigns?{query}"));
        problem(request.send().await.unwrap(), StatusCode::BAD_REQUEST).await;
    }
}

/// What nobody meant is told in our words: which part of the request, what it was given, and what it takes.
#[tokio::test]
async fn nonsense_is_named_and_answered_in_words_of_our_own() {
    let stage = stage().await;
    let document = serde_json::to_value(campaigns_http::document()).unwrap();
    let foreign = [
        "eserializ",
        "invalid digit",
        "expected",
        "struct",
        "enum",
        "variant",
        "u32",
        "u64",
        "panick",
        "parse",
        "serde",
    ];
    let told = async |request: reqwest::RequestBuilder, status: StatusCode, names: &[&str]| {
        let detail = problem(request.send().await.unwrap(), status).await.detail;
        assert!(names.iter().all(|name| detail.contains(name)), "{names:?}: {detail}");
        assert!(foreign.iter().all(|word| !detail.contains(word)), "{detail}");
    };
    for operation in operations() {
        let described =
            &document["paths"][&operation.template][operation.method.as_str().to_lowercase().as_str()];
        let parameters = described["parameters"].as_array().cloned().unwrap_or_default();
        let query: Vec<&Value> = parameters.iter().filter(|one| one["in"] == "query").collect();
        let get = |query: &str| {
            stage.request(Role::Admin, operation.method.clone(), &format!("{}?{query}", operation.path))
        };
        if !query.is_empty() {
            told(get("nonsense=1"), StatusCode::BAD_REQUEST, &["`nonsense`"]).await;
        }
        for parameter in &query {
            let name = parameter["name"].as_str().unwrap();
            let number = parameter["schema"].to_string().contains("integer");
            if number {
                let takes = parameter["description"].as_str().unwrap();
                for given in ["abc", "-1", "1.5", "99999999999999999999"] {
                    let names = [&*format!("`{name}`"), &format!("`{given}`"), takes];
                    told(get(&format!("{name}={given}")), StatusCode::BAD_REQUEST, &names).await;
                }
                told(get(&format!("{name}=1&{name}=2")), StatusCode::BAD_REQUEST, &[&format!("`{name}`")])
                    .await;
            } else if name == "state" {
                let names = ["`state`", "`nonsense`", "open"];
                let names = if operation.path.ends_with("/targets") { &names[..2] } else { &names[..] };
                told(get("state=nonsense"), StatusCode::BAD_REQUEST, names).await;
            } else if !operation.path.ends_with("/budget") {
                // There, what has a budget is looked for first.
                told(get(&format!("{name}=%00%20")), StatusCode::BAD_REQUEST, &[&format!("`{name}`")]).await;
            }
        }
        if !operation.body {
            continue;
        }
        for body in [
            "{",
            "[]",
            "3",
            "{\"nonsense\": 1}",
            "{\"action\": 3}",
            "{\"window\": []}",
            "{\"per_day\": {}}",
            "{\"only\": \"\\u0000\"}",
        ] {
            let request = stage.request(Role::Admin, operation.method.clone(), &operation.path);
            let request = request.header(header::CONTENT_TYPE, "application/json").body(body);
            told(request, StatusCode::UNPROCESSABLE_ENTITY, &["the body"]).await;
        }
    }
    let list = |query: &str| stage.request(Role::Viewer, Method::GET, &format!("/api/v1/campaigns?{query}"));
    told(list("limit=0"), StatusCode::BAD_REQUEST, &["`limit`", "0", "1 to 500"]).await;
    told(list("limit=501"), StatusCode::BAD_REQUEST, &["`limit`", "501", "1 to 500"]).await;
    let run = json!({ "dry_run": true });
    let create = stage.request(Role::Admin, Method::POST, "/api/v1/campaigns/nothing/runs").json(&run);
    told(create.header("Idempotency-Key", "a b"), StatusCode::BAD_REQUEST, &["Idempotency-Key", "200"]).await;
    let path = format!("/api/v1/runs/{}/events", Uuid::from_u128(7));
    let events = stage.request(Role::Viewer, Method::GET, &path).header("Last-Event-ID", "nonsense");
    told(events, StatusCode::BAD_REQUEST, &["`Last-Event-ID`", "cursor"]).await;
}

#[tokio::test]
async fn answers_carry_a_request_id_and_headers_that_keep_browsers_at_bay() {
    let stage = stage().await;
    for (given, kept) in [("run-42.a:b", true), ("with blank", false), (&"x".repeat(200), false)] {
        let request =
            stage.request(Role::Viewer, Method::GET, "/api/v1/whoami").header("x-request-id", given);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["x-request-id"] == given, kept, "{given}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
            ("cache-control", "private, no-cache"),
        ] {
            assert_eq!(response.headers()[name], value);
        }
    }
}

#[tokio::test]
async fn the_description_and_the_probes_need_no_token() {
    let stage = stage().await;
    let served = stage.http.get(format!("{}/api/v1/openapi.json", stage.server.base)).send().await.unwrap();
    let served: Value = served.json().await.unwrap();
    assert_eq!(served, serde_json::to_value(campaigns_http::document()).unwrap());
    for (path, needle) in [("/livez", "ok"), ("/readyz", "ok"), ("/healthz", "\"status\":\"ok\"")] {
        // A look at a database that takes its time is a bad one, and the next is a second later.
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(60);
        loop {
            let response = stage.http.get(format!("{}{path}", stage.server.base)).send().await.unwrap();
            let (status, text) = (response.status(), response.text().await.unwrap());
            if status == StatusCode::OK && text.contains(needle) {
                break;
            }
            assert!(tokio::time::Instant::now() < deadline, "{path}: {status} {text}");
        }
    }
    let metrics = stage.request(Role::Viewer, Method::GET, "/metrics").send().await.unwrap();
    assert_eq!(metrics.text().await.unwrap(), "campaigns_test 1\n");
}

/// A server that leaves says so before it stops answering, so that whoever asks through a balancer is sent elsewhere.
#[tokio::test]
async fn who_leaves_is_not_ready_and_still_answers() {
    let mut stage = stage().await;
    let probe = format!("{}/readyz", stage.server.base);
    stage.until_ready().await;
    stage.server.leave();
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(30);
    while stage.http.get(&probe).send().await.unwrap().status() == StatusCode::OK {
        assert!(tokio::time::Instant::now() < deadline, "it stays ready");
    }
    for _ in 0..3 {
        let response = stage.request(Role::Viewer, Method::GET, "/api/v1/whoami").send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let health = stage.http.get(format!("{}/healthz", stage.server.base)).send().await.unwrap();
        assert!(health.text().await.unwrap().contains("\"status\":\"draining\""));
    }
}

/// One lost look does not take a replica out; a database that stays away does, and never the liveness.
#[tokio::test]
async fn a_database_that_stays_away_makes_it_unready_but_not_dead() {
    let stage = stage().await;
    let probe =
        async |path: &str| stage.http.get(format!("{}{path}", stage.server.base)).send().await.unwrap();
    stage.until_ready().await;
    stage.store.close().await;
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(30);
    let mut good_looks_afterwards = 0;
    let last = loop {
        let response = probe("/readyz").await;
        if response.status() != StatusCode::OK {
            break response;
        }
        good_looks_afterwards += 1;
        assert!(tokio::time::Instant::now() < deadline, "it stays ready without a database");
    };
    assert!(good_looks_afterwards > 0);
    problem(last, StatusCode::SERVICE_UNAVAILABLE).await;
    assert_eq!(probe("/livez").await.status(), StatusCode::OK);
    let health: campaigns_http::wire::Health = probe("/healthz").await.json().await.unwrap();
    assert_eq!(health.status, campaigns_http::wire::HealthState::Unavailable);
    // A token that was not seen before cannot be looked up now, and that is not the caller's fault.
    let response = stage.request(Role::Viewer, Method::GET, "/api/v1/campaigns").send().await.unwrap();
    assert!(response.headers().contains_key(header::RETRY_AFTER));
    problem(response, StatusCode::SERVICE_UNAVAILABLE).await;
}
