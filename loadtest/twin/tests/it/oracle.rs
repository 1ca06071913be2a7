//! The oracle itself: the router's catalog is GitHub's list, and a wrong exchange is found out.

use campaigns_twin::record::Exchange;
use serde_json::{Value, json};

#[test]
fn the_catalog_is_githubs() {
    let ours: Vec<&str> =
        include_str!("../../src/rest/catalog.txt").lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(ours, crate::desk::oracle().operations());
}

fn exchange(
    method: &str,
    path: &str,
    query: Option<&str>,
    request: Option<Value>,
    status: u16,
    response: Option<Value>,
) -> Exchange {
    Exchange {
        method: method.into(),
        path: path.into(),
        query: query.map(str::to_owned),
        request,
        status,
        content_type: response.is_some().then(|| "application/json".into()),
        response,
    }
}

#[test]
fn finds_what_is_wrong() {
    let complaints = |exchange: Exchange| -> Vec<String> {
        crate::desk::oracle().check(&exchange).into_iter().map(|violation| violation.what).collect()
    };
    let refs = "/repos/acme/one/git/refs";
    let made = json!({"ref": "refs/heads/x", "node_id": "R", "url": "https://example.com/x", "object": {"type": "commit", "sha": "a".repeat(40), "url": "https://example.com/y"}});
    let good = json!({"ref": "refs/heads/x", "sha": "a".repeat(40)});
    assert_eq!(
        complaints(exchange("POST", refs, None, Some(good.clone()), 201, Some(made.clone()))),
        [""; 0]
    );

    let typo = json!({"ref": "refs/heads/x", "sha": "a".repeat(40), "forse": true});
    assert_eq!(complaints(exchange("POST", refs, None, Some(typo), 201, Some(made.clone()))).len(), 1);
    let missing = json!({"ref": "refs/heads/x"});
    assert_eq!(complaints(exchange("POST", refs, None, Some(missing), 201, Some(made.clone()))).len(), 1);
    assert_eq!(complaints(exchange("POST", refs, None, None, 201, Some(made))).len(), 1);
    assert_eq!(
        complaints(exchange("POST", refs, None, Some(good.clone()), 201, Some(json!({"ref": 1})))).len(),
        4
    );
    assert_eq!(
        complaints(exchange("POST", refs, None, Some(good), 200, None)),
        ["the status is not described"]
    );

    let ask = |query: &str, data: Value| {
        let request = json!({"query": query, "variables": {"ids": ["PR_x"]}});
        complaints(exchange("POST", "/graphql", None, Some(request), 200, Some(json!({"data": data}))))
    };
    let query = "query($ids: [ID!]!) { nodes(ids: $ids) { ... on PullRequest { number state } } }";
    assert_eq!(ask(query, json!({"nodes": [{"number": 1, "state": "OPEN"}, null]})), [""; 0]);
    assert_eq!(
        ask(query, json!({"nodes": [{"number": "1", "state": "AJAR", "__typename": "PullRequest"}]})).len(),
        2
    );
    assert_eq!(ask(query, json!({"nodes": null})).len(), 1);
    assert_eq!(ask(query, json!({"nodes": [{"number": 1, "__typename": "PullRequest"}]})).len(), 1);
    assert_eq!(
        ask("query($ids: [ID!]!) { nodes(ids: $ids) { ... on PullRequest { nmber } } }", json!({})).len(),
        1
    );
    assert_eq!(ask("query($ids: Int!) { rateLimit { cost } node(id: \"x\") { id } }", json!({})).len(), 1);

    let pulls = "/repos/acme/one/pulls";
    assert_eq!(
        complaints(exchange("GET", pulls, Some("state=open&per_page=5"), None, 200, Some(json!([])))),
        [""; 0]
    );
    assert_eq!(complaints(exchange("GET", pulls, Some("state=opened"), None, 200, Some(json!([])))).len(), 1);
    assert_eq!(complaints(exchange("GET", pulls, Some("stat=open"), None, 200, Some(json!([])))).len(), 1);
    assert_eq!(complaints(exchange("GET", "/no/such/thing", None, None, 200, None)).len(), 1);
}
