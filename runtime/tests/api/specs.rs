//! Applying specs: what is wrong is told by line and column, and a spec that means the same is no new version.

use crate::stage::{good, problem, spec, stage};
use campaigns_http::wire::{Applied, Page, Role, SpecVersion};
use reqwest::{Method, StatusCode, header};
use serde_json::json;

#[tokio::test]
async fn what_is_wrong_with_a_spec_is_told_by_line_and_column() {
    let stage = stage().await;
    let good_spec = spec("hello", "words");
    let bad = [
        // An unknown key, a duplicate key, YAML that is none, nothing at all.
        (format!("{good_spec}surprise: 1\n"), 14, 1),
        (format!("{good_spec}name: hello\n"), 14, 1),
        (String::from("name: hello\non: [\n"), 2, 5),
        (String::new(), 1, 1),
    ];
    for (text, line, column) in bad {
        for yaml in [true, false] {
            let request = stage.request(Role::Author, Method::PUT, "/api/v1/campaigns/hello");
            let request = if yaml {
                request.header(header::CONTENT_TYPE, "application/yaml").body(text.clone())
            } else {
                request.json(&json!({ "spec": text }))
            };
            let problem = problem(request.send().await.unwrap(), StatusCode::UNPROCESSABLE_ENTITY).await;
            let first = problem.errors.first().unwrap_or_else(|| panic!("{text:?}: {problem:?}"));
            assert_eq!((first.line, first.column), (line, column), "{text:?}: {problem:?}");
            assert!(!first.message.is_empty());
        }
    }
    problem(
        stage.request(Role::Viewer, Method::GET, "/api/v1/campaigns/hello").send().await.unwrap(),
        StatusCode::NOT_FOUND,
    )
    .await;
}

#[tokio::test]
async fn other_bodies_names_and_variables_are_refused() {
    let stage = stage().await;
    let put = |name: &str| stage.request(Role::Author, Method::PUT, &format!("/api/v1/campaigns/{name}"));
    let other = put("other").json(&json!({ "spec": spec("hello", "") })).send().await.unwrap();
    assert!(problem(other, StatusCode::UNPROCESSABLE_ENTITY).await.detail.contains("`hello`"));
    let text = put("hello").body(spec("hello", "")).send().await.unwrap();
    problem(text, StatusCode::UNSUPPORTED_MEDIA_TYPE).await;
    let latin = put("hello").header(header::CONTENT_TYPE, "application/yaml").body(vec![0xff, 0xfe]);
    problem(latin.send().await.unwrap(), StatusCode::UNPROCESSABLE_ENTITY).await;
    for body in [json!({}), json!({ "spec": 7 }), json!({ "spec": "x", "more": 1 }), json!([])] {
        problem(put("hello").json(&body).send().await.unwrap(), StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    // The server's own environment is never read into a spec.
    let passed = spec("hello", "")
        .replace("  - run: echo hello > hello.txt\n", "  - run: env\n    env:\n      - PATH\n");
    let passed = put("hello").json(&json!({ "spec": passed })).send().await.unwrap();
    let detail = problem(passed, StatusCode::UNPROCESSABLE_ENTITY).await.detail;
    assert!(detail.contains("PATH") && !detail.contains("/bin"), "{detail}");
}

#[tokio::test]
async fn a_spec_that_means_the_same_is_no_new_version_and_an_earlier_one_comes_back() {
    let stage = stage().await;
    let put = async |text: &str, status: StatusCode| -> Applied {
        let request = stage.request(Role::Author, Method::PUT, "/api/v1/campaigns/hello");
        let request =
            request.header(header::CONTENT_TYPE, "application/yaml; charset=utf-8").body(text.to_owned());
        good(request.send().await.unwrap(), status).await
    };
    let first = put(&spec("hello", "one"), StatusCode::CREATED).await;
    assert!(first.created && first.new_version);
    assert_eq!((first.campaign.version, first.campaign.description.as_str()), (1, "one"));
    assert_eq!(first.campaign.owner, "test author");
    let same = put(&format!("# a comment\n{}", spec("hello", "one")), StatusCode::OK).await;
    assert!(!same.created && !same.new_version);
    assert_eq!(same.campaign, first.campaign);
    let second = put(&spec("hello", "two"), StatusCode::OK).await;
    assert!(second.new_version);
    assert_eq!((second.campaign.version, second.campaign.description.as_str()), (2, "two"));
    let back = put(&spec("hello", "one"), StatusCode::OK).await;
    assert!(!back.new_version);
    assert_eq!((back.campaign.version, back.campaign.spec), (1, first.campaign.spec));
    let page: Page<SpecVersion> = stage.get("/api/v1/campaigns/hello/specs?limit=1").await;
    assert_eq!(page.items[0].version, 2);
    assert_eq!(
        (page.items[0].raw.as_str(), page.items[0].created_by.as_str()),
        (&*spec("hello", "two"), "test author")
    );
    let next = page.next.unwrap();
    let page: Page<SpecVersion> =
        stage.get(&format!("/api/v1/campaigns/hello/specs?limit=1&cursor={next}")).await;
    assert_eq!((page.items[0].version, page.next), (1, None));
    assert_eq!(page.items[0].normal["name"], "hello");
}

/// Many at once: every version has a number of its own, and one of them is in force.
#[tokio::test]
async fn applied_at_once_versions_are_numbered_one_by_one() {
    let stage = stage().await;
    let applying = (0..12).map(|n| {
        let body = json!({ "spec": spec("hello", &format!("number {n}")) });
        stage.request(Role::Author, Method::PUT, "/api/v1/campaigns/hello").json(&body).send()
    });
    let answers = futures::future::join_all(applying).await;
    let statuses: Vec<StatusCode> = answers.iter().map(|answer| answer.as_ref().unwrap().status()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == StatusCode::CREATED).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| status.is_success()), "{statuses:?}");
    let page: Page<SpecVersion> = stage.get("/api/v1/campaigns/hello/specs").await;
    let versions: Vec<u32> = page.items.iter().map(|spec| spec.version).collect();
    assert_eq!(versions, (1..=12).rev().collect::<Vec<u32>>());
}
