//! GraphQL: many pull requests by id in one answer, what cannot be found beside what can, fragments, pages.

use crate::desk::Desk;
use serde_json::{Value, json};

const BATCH: &str = "query Due($ids: [ID!]!) {
  nodes(ids: $ids) { __typename ... on PullRequest { ...Seen } }
  rateLimit { cost remaining limit resetAt used }
}
fragment Seen on PullRequest {
  id databaseId number state isDraft merged mergedAt closedAt title body url headRefName headRefOid
  baseRefName baseRef { name target { oid } }
  mergeable mergeStateStatus reviewDecision isInMergeQueue mergeQueueEntry { state }
  autoMergeRequest { mergeMethod enabledAt } statusCheckRollup { state } author { __typename login }
  mergeCommit { oid } repository { id nameWithOwner databaseId isArchived } labels(first: 10) { nodes { name } }
}";

#[tokio::test]
async fn reads_many_pull_requests_at_once_and_says_which_are_not_there() {
    let mut desk = Desk::open().await;
    desk.repository("one").await;
    desk.token = desk.installation_token(json!({})).await;
    let opened = desk.pull("one", "open").await;
    let merged = desk.pull("one", "merged").await;
    let clash = desk.pull("one", "clash").await;
    let draft = json!({"title": "Draft", "head": "draft", "base": "main", "draft": true});
    desk.branch("one", "draft", "d", "d").await;
    let draft = desk.post("/repos/acme/one/pulls", draft).await.expect(201).json();
    desk.post("/repos/acme/one/issues/1/labels", json!({"labels": ["later"]})).await.expect(200);
    let commit = desk.twin.merge("one", 2).await.unwrap();
    let base = desk.twin.push("one", "main", &[("clash.txt", Some(b"other\n"))]).await.unwrap();

    let ids: Vec<&Value> = [&opened, &merged, &clash, &draft].iter().map(|pull| &pull["node_id"]).collect();
    let answer = desk.graphql(BATCH, json!({"ids": ids})).await;
    assert_eq!(answer["errors"], Value::Null);
    assert_eq!(answer["data"]["rateLimit"]["cost"], 1);
    let nodes = answer["data"]["nodes"].as_array().unwrap();
    let seen: Vec<(&str, &str, &str)> = nodes
        .iter()
        .map(|node| {
            let text = |field: &str| node[field].as_str().unwrap();
            (text("state"), text("mergeable"), text("mergeStateStatus"))
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("OPEN", "MERGEABLE", "CLEAN"),
            ("MERGED", "UNKNOWN", "UNKNOWN"),
            ("OPEN", "CONFLICTING", "DIRTY"),
            ("OPEN", "MERGEABLE", "DRAFT"),
        ]
    );
    assert_eq!(nodes[0]["headRefOid"], opened["head"]["sha"]);
    assert_eq!(nodes[0]["author"], json!({"__typename": "Bot", "login": "acme-campaigns"}));
    assert_eq!(nodes[0]["baseRef"], json!({"name": "main", "target": {"oid": base}}), "as it is now");
    assert_eq!(nodes[0]["labels"]["nodes"], json!([{"name": "later"}]));
    assert_eq!(nodes[1]["mergeCommit"]["oid"], commit);
    assert_eq!(nodes[3]["isDraft"], true);

    let some =
        json!({"ids": [opened["node_id"], "PR_AAAAAAAAAAA", "nonsense", opened["base"]["repo"]["node_id"]]});
    let answer = desk.graphql(BATCH, some).await;
    let nodes = &answer["data"]["nodes"];
    assert_eq!(
        (&nodes[0]["number"], &nodes[1], &nodes[3]["__typename"]),
        (&json!(1), &Value::Null, &json!("Repository"))
    );
    let errors: Vec<(&Value, &Value)> =
        answer["errors"].as_array().unwrap().iter().map(|error| (&error["type"], &error["path"])).collect();
    assert_eq!(
        errors,
        [(&json!("NOT_FOUND"), &json!(["nodes", 1])), (&json!("NOT_FOUND"), &json!(["nodes", 2]))]
    );
    assert_eq!(
        answer["errors"][0]["message"],
        "Could not resolve to a node with the global id of 'PR_AAAAAAAAAAA'"
    );

    let one = desk
        .graphql(
            "query($id: ID!) { node(id: $id) { id ... on PullRequest { number } } }",
            json!({"id": opened["node_id"]}),
        )
        .await;
    assert_eq!(one["data"]["node"], json!({"id": opened["node_id"], "number": 1}));
    desk.token = desk.installation_token(json!({"permissions": {"contents": "read"}})).await;
    let refused = desk.graphql(BATCH, json!({"ids": [opened["node_id"]]})).await;
    assert_eq!(
        (&refused["data"]["nodes"], &refused["errors"][0]["type"]),
        (&json!([null]), &json!("FORBIDDEN"))
    );
    desk.audit();
}

#[tokio::test]
async fn gives_no_more_than_a_hundred_and_pages_the_rest() {
    let desk = Desk::open().await;
    for number in 0..3 {
        desk.twin.repository(&format!("r{number}")).file("a", "b").create().await.unwrap();
    }
    let many =
        desk.graphql("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", json!({"ids": vec!["x"; 101]})).await;
    assert_eq!(many["errors"][0]["message"], "You may not provide more than 100 node ids; you provided 101.");
    let query = "query($after: String) { organization(login: \"acme\") { repositories(first: 2, after: $after) {
        totalCount pageInfo { hasNextPage endCursor } nodes { name isArchived defaultBranchRef { target { oid } } } } } }";
    let mut after = Value::Null;
    let mut names = Vec::new();
    loop {
        let page =
            desk.graphql(query, json!({"after": after})).await["data"]["organization"]["repositories"].take();
        assert_eq!(page["totalCount"], 3);
        names.extend(
            page["nodes"].as_array().unwrap().iter().map(|node| node["name"].as_str().unwrap().to_owned()),
        );
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
    assert_eq!(names, ["r0", "r1", "r2"]);
    // `nodes` may not be null, so an answer without them is no data at all.
    assert_eq!(many["data"], Value::Null);
    desk.audit();
}
