//! Who may ask: JWTs, tokens and their scopes, anonymity; and what every answer carries: limits, pages, tags.

use crate::desk::Desk;
use campaigns_twin::{Effect, Fault, Options};
use serde_json::json;

#[tokio::test]
async fn an_app_finds_its_installation_and_narrows_its_tokens() {
    let mut desk = Desk::open().await;
    desk.repository("one").await;
    desk.repository("two").await;
    let jwt = desk.jwt();
    desk.token = jwt;
    let app = desk.twin.app();
    assert_eq!(desk.get("/app").await.expect(200).json()["id"], app.id);
    assert_eq!(desk.get("/app/installations").await.expect(200).json()[0]["id"], app.installation_id);
    desk.get(&format!("/app/installations/{}", app.installation_id)).await.expect(200);
    desk.get("/app/installations/7").await.expect(404);
    desk.get("/orgs/acme/installation").await.expect(200);
    desk.get("/repos/acme/one/installation").await.expect(200);
    desk.get("/repos/acme/none/installation").await.expect(404);
    let path = format!("/app/installations/{}/access_tokens", app.installation_id);
    desk.post(&path, json!({"repositories": ["none"]})).await.refused(422, "at least one repository");
    desk.post(&path, json!({"permissions": {"administration": "write"}})).await.refused(422, "not granted");
    let body =
        json!({"repositories": ["one"], "permissions": {"contents": "read", "pull_requests": "write"}});
    let token = desk.post(&path, body).await.expect(201).json();
    assert_eq!(token["repository_selection"], "selected");
    desk.token = token["token"].as_str().unwrap().to_owned();
    assert!(desk.token.starts_with("ghs_") && desk.token.len() > 400 && desk.token.contains('.'));

    assert_eq!(desk.get("/installation/repositories").await.expect(200).json()["total_count"], 1);
    assert_eq!(desk.get("/orgs/acme/repos").await.expect(200).json().as_array().unwrap().len(), 1);
    desk.get("/repos/acme/one").await.expect(200);
    desk.get("/repos/acme/two").await.expect(404);
    let refused = desk.post("/repos/acme/one/git/blobs", json!({"content": "x"})).await.expect(403);
    assert_eq!(refused.json()["message"], "Resource not accessible by integration");
    assert_eq!(refused.header("x-accepted-github-permissions"), "contents=write");
    desk.get("/user").await.expect(403);
    desk.get("/app").await.refused(401, "JSON web token");
    // An hour later the token is no more.
    desk.twin.world().clock.advance(std::time::Duration::from_secs(3601));
    desk.get("/repos/acme/one").await.refused(401, "Bad credentials");
    desk.audit();
}

#[tokio::test]
async fn a_token_can_be_revoked() {
    let mut desk = Desk::open().await;
    desk.token = desk.installation_token(json!({})).await;
    desk.delete("/installation/token").await.expect(204);
    desk.get("/installation/repositories").await.refused(401, "Bad credentials");
    desk.audit();
}

#[tokio::test]
async fn a_jwt_is_looked_at_closely() {
    let mut desk = Desk::open().await;
    let app = desk.twin.app();
    let now = chrono::Utc::now().timestamp();
    for (claims, status, why) in [
        (json!({"iss": app.client_id, "iat": now - 60, "exp": now + 60}), 200, ""),
        (json!({"iss": app.id, "iat": now - 60, "exp": now + 60}), 200, ""),
        (json!({"iss": app.id, "iat": now - 60, "exp": now + 3600}), 401, "too far in the future"),
        (json!({"iss": app.id, "iat": now - 600, "exp": now - 1}), 401, "'exp'"),
        (json!({"iss": app.id, "iat": now + 300, "exp": now + 400}), 401, "'iat'"),
        (json!({"iss": app.id, "exp": now + 400}), 401, "'iat'"),
        (json!({"iat": now - 60, "exp": now + 60}), 401, "issuer"),
        (json!({"iss": 7, "iat": now - 60, "exp": now + 60}), 404, "Integration not found"),
    ] {
        desk.token = desk.jwt_of(&claims);
        desk.get("/app").await.refused(status, why);
    }
    let mut forged = desk.jwt();
    forged.truncate(forged.len() - 8);
    desk.token = format!("{forged}AAAAAAAA");
    desk.get("/app").await.refused(401, "could not be decoded");
    desk.audit();
}

#[tokio::test]
async fn nobody_sees_little() {
    let mut desk = Desk::open().await;
    desk.repository("one").await;
    desk.twin.repository("open").public().file("a", "b").create().await.unwrap();
    desk.token = String::new();
    desk.get("/repos/acme/one").await.refused(404, "Not Found");
    desk.get("/repos/acme/open").await.expect(200);
    desk.get("/user").await.refused(401, "Requires authentication");
    desk.get("/orgs/acme").await.expect(200);
    for path in ["/", "/meta", "/versions", "/rate_limit", "/users/maintainer", "/users/acme"] {
        desk.get(path).await.expect(200);
    }
    desk.token = "ghp_wrong".into();
    desk.get("/repos/acme/open").await.refused(401, "Bad credentials");
    desk.audit();
}

#[tokio::test]
async fn a_request_says_who_sends_it_and_which_version_it_speaks() {
    let desk = Desk::open().await;
    let bare = reqwest::Client::new().get(format!("{}/meta", desk.twin.url())).send().await.unwrap();
    assert_eq!(bare.status(), 403);
    assert!(bare.text().await.unwrap().contains("User-Agent"));
    let version = [("x-github-api-version", "2022-11-28")];
    let answer = desk.send("GET", "/meta", None, &version).await.expect(200);
    assert_eq!(answer.header("x-github-api-version-selected"), "2022-11-28");
    desk.send("GET", "/meta", None, &[("x-github-api-version", "1999-01-01")]).await.expect(400);
    desk.audit();
}

#[tokio::test]
async fn the_limit_is_enforced_and_what_is_unchanged_is_free() {
    let desk = Desk::with(Options { limited: true, ..Options::default() }).await;
    desk.repository("one").await;
    desk.twin.world().limits.set_core(4);
    let first = desk.get("/repos/acme/one").await.expect(200);
    assert_eq!(
        (first.header("x-ratelimit-limit"), first.header("x-ratelimit-remaining")),
        ("4".into(), "3".into())
    );
    let (tag, modified) = (first.header("etag"), first.header("last-modified"));
    for _ in 0..3 {
        let same = desk.send("GET", "/repos/acme/one", None, &[("if-none-match", &tag)]).await.expect(304);
        assert_eq!(same.header("x-ratelimit-remaining"), "3");
        assert!(same.bytes.is_empty());
    }
    desk.send("GET", "/repos/acme/one", None, &[("if-modified-since", &modified)]).await.expect(304);
    desk.get("/rate_limit").await.expect(200);
    for _ in 0..3 {
        desk.get("/repos/acme/one").await.expect(200);
    }
    let over = desk.get("/repos/acme/one").await.refused(403, "API rate limit exceeded for user ID");
    assert_eq!(over.header("x-ratelimit-remaining"), "0");
    desk.twin.world().clock.advance(std::time::Duration::from_secs(3601));
    desk.get("/repos/acme/one").await.expect(200);
    desk.audit();
}

#[tokio::test]
async fn pages_lead_to_one_another_and_outlive_a_rename() {
    let mut desk = Desk::open().await;
    for number in 0..5 {
        desk.twin.repository(&format!("r{number}")).file("a", "b").create().await.unwrap();
    }
    for layout in ["", "/api/v3"] {
        desk.layout = layout;
        let mut next = format!("{}{layout}/orgs/acme/repos?sort=full_name&per_page=2", desk.twin.url());
        let mut seen = Vec::new();
        loop {
            let answer = desk.get(&next).await.expect(200);
            seen.extend(
                answer
                    .json()
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|repo| repo["name"].as_str().unwrap().to_owned()),
            );
            let link = answer.header("link");
            let Some(found) = link.split(", ").find(|part| part.ends_with("rel=\"next\"")) else { break };
            next = found[1..found.find('>').unwrap()].to_owned();
            assert!(
                next.starts_with(&format!("{}{layout}/organizations/1001/repos?", desk.twin.url())),
                "{next}"
            );
        }
        assert_eq!(seen, ["r0", "r1", "r2", "r3", "r4"]);
    }
    desk.layout = "";
    desk.twin.as_maintainer(|person| person.rename("r0", "renamed")).await.unwrap();
    let moved = desk.get("/repos/acme/r0/branches?per_page=1").await.expect(301);
    let location = moved.header("location");
    assert!(location.contains("/repositories/") && location.ends_with("/branches"), "{location}");
    assert_eq!(desk.get(&location).await.expect(200).json()[0]["name"], "main");
    desk.twin.as_maintainer(|person| person.archive("r1", true)).await.unwrap();
    desk.post("/repos/acme/r1/git/blobs", json!({"content": "x"})).await.refused(403, "archived");
    desk.audit();
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let desk = Desk::open().await;
    desk.repository("one").await;
    let answer = desk.get("/repos/acme/one/actions/caches").await.expect(501).json();
    assert_eq!(answer["operation"], "actions/get-actions-cache-list");
    desk.get("/repos/acme/one/no/such").await.expect(404);
    let query = json!({"query": "mutation { addStar(input: {}) { clientMutationId } }"});
    desk.post("/graphql", query).await.refused(501, "addStar");
}

#[tokio::test]
async fn faults_do_what_they_say_and_the_log_judges() {
    let desk = Desk::open().await;
    desk.repository("one").await;
    desk.branch("one", "fix", "a", "b").await;
    desk.twin.faults().add(
        Fault::on("pulls/create", Effect::Refuse { status: 503, message: None, retry_after: Some(1) })
            .times(1),
    );
    let body = json!({"title": "Fix", "head": "fix", "base": "main"});
    let refused = desk.post("/repos/acme/one/pulls", body.clone()).await.expect(503);
    assert_eq!(refused.header("retry-after"), "1");
    assert!(desk.twin.pulls("one").is_empty());
    desk.twin.faults().add(Fault::on("pulls/create", Effect::ExecuteThenRefuse { status: 502 }).times(1));
    desk.post("/repos/acme/one/pulls", body.clone()).await.expect(502);
    assert_eq!(desk.twin.pulls("one").len(), 1, "it was executed all the same");
    desk.post("/repos/acme/one/pulls", body).await.refused(422, "already exists");
    desk.twin.faults().add(Fault::on("repos/get", Effect::ExecuteThenDrop).times(1));
    let url = format!("{}/repos/acme/one", desk.twin.url());
    assert!(desk.client.get(&url).bearer_auth(&desk.token).send().await.is_err());
    desk.get("/repos/acme/one").await.expect(200);
    let log = desk.twin.log().unwrap();
    let created: Vec<_> = log.iter().filter(|entry| entry.operation == "pulls/create").collect();
    let told: Vec<_> = created
        .iter()
        .map(|entry| (entry.status, entry.answered, entry.content_creating, entry.pull))
        .collect();
    assert_eq!(told, [(503, None, false, None), (201, Some(502), true, Some(1)), (422, None, false, None)]);
    assert!(!std::fs::read_to_string(desk.twin.log_file()).unwrap().contains(&desk.token));
    desk.audit();
}

#[tokio::test]
async fn an_answer_is_held_after_the_deed() {
    let desk = Desk::open().await;
    desk.repository("one").await;
    desk.branch("one", "fix", "a", "b").await;
    desk.twin.faults().add(Fault::on("pulls/create", Effect::HoldAnswer { ms: 3_600_000 }));
    let url = format!("{}/repos/acme/one/pulls", desk.twin.url());
    let asking = desk
        .client
        .post(url)
        .bearer_auth(&desk.token)
        .json(&json!({"title": "Fix", "head": "fix", "base": "main"}))
        .send();
    let done = async {
        while desk.twin.pulls("one").is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = asking => panic!("the answer was not held"),
        () = done => {}
    }
}

#[tokio::test]
async fn the_admin_space_is_closed_to_others() {
    let desk = Desk::open().await;
    desk.repository("one").await;
    desk.pull("one", "fix").await;
    let url = format!("{}/_twin/state", desk.twin.url());
    assert_eq!(desk.client.get(&url).bearer_auth(&desk.token).send().await.unwrap().status(), 401);
    let admin = [("authorization", &*format!("Bearer {}", desk.twin.admin_token()))];
    let state = desk.send("GET", "/_twin/state", None, &admin).await.expect(200).json();
    assert_eq!(state["pulls"], json!({"open": 1, "merged": 0, "closed": 0}));
    desk.send("POST", "/_twin/repositories/one/pulls/1/merge", None, &admin).await.expect(200);
    let fault = json!({"operation": "pulls/create", "times": 2, "effect": {"kind": "hold_answer", "ms": 5}});
    assert_eq!(
        desk.send("POST", "/_twin/faults", Some(fault), &admin)
            .await
            .expect(200)
            .json()
            .as_array()
            .unwrap()
            .len(),
        1
    );
    desk.send("DELETE", "/_twin/faults", None, &admin).await.expect(200);
    desk.send("POST", "/_twin/faults", Some(json!({"effect": {"kind": "sing"}})), &admin).await.expect(422);
    let log = desk.send("GET", "/_twin/log", None, &admin).await.expect(200);
    assert!(String::from_utf8(log.bytes).unwrap().lines().count() > 3);
}

#[tokio::test]
async fn graphql_answers_what_it_knows_and_names_the_rest() {
    let desk = Desk::open().await;
    desk.repository("one").await;
    let text = "query($name: String!) { me: viewer { login } rateLimit { cost remaining } \
        repository(owner: \"acme\", name: $name) { nameWithOwner isEmpty defaultBranchRef { name target { oid } } } }";
    for path in ["/graphql", "/api/graphql"] {
        let answer =
            desk.post(path, json!({"query": text, "variables": {"name": "one"}})).await.expect(200).json();
        assert_eq!(answer["data"]["me"]["login"], "maintainer");
        assert_eq!(answer["data"]["rateLimit"]["cost"], 1);
        let tip = desk.tip("one", "main").await;
        assert_eq!(
            answer["data"]["repository"]["defaultBranchRef"],
            json!({"name": "main", "target": {"oid": tip}})
        );
    }
    let answer =
        desk.post("/graphql", json!({"query": text, "variables": {"name": "none"}})).await.expect(200).json();
    assert_eq!(
        (&answer["data"]["repository"], &answer["errors"][0]["type"]),
        (&json!(null), &json!("NOT_FOUND"))
    );
    let unknown = json!({"query": "{ repository(owner: \"acme\", name: \"one\") { owner { avatarUrl } } }"});
    desk.post("/graphql", unknown).await.refused(501, "Organization.avatarUrl");
    desk.send(
        "POST",
        "/graphql",
        Some(json!({"query": "{viewer{login}}"})),
        &[("authorization", "Bearer x")],
    )
    .await
    .expect(401);
    desk.audit();
}
