//! What happens by itself: auto-merge once everything is there, the merge queue one after another, owners asked.

use crate::desk::Desk;
use campaigns_twin::{Conclusion, Demands};
use serde_json::json;

const R: &str = "/repos/acme/one";

#[tokio::test]
async fn auto_merge_waits_for_what_is_demanded_and_then_merges() {
    let mut desk = Desk::open().await;
    desk.repository("one").await;
    desk.token = desk.installation_token(json!({})).await;
    let pull = desk.pull("one", "fix").await;
    let id = &pull["node_id"];
    let enable = "enablePullRequestAutoMerge";
    let told = |answer: serde_json::Value| answer["errors"][0]["message"].as_str().unwrap_or("").to_owned();
    assert_eq!(
        told(desk.mutate(enable, id, json!({})).await),
        "Pull request Auto merge is not allowed for this repository"
    );
    desk.twin.as_maintainer(|person| person.allow_auto_merge("one", true)).await.unwrap();
    assert_eq!(
        told(desk.mutate(enable, id, json!({})).await),
        "Pull request Pull request is in clean status"
    );
    desk.twin
        .as_maintainer(|person| person.protect("one", "main", Demands::checks(&["ci"]), true))
        .await
        .unwrap();
    assert_eq!(desk.merge_state(id).await, "BLOCKED");
    let stale = json!({"expectedHeadOid": "1".repeat(40)});
    assert!(told(desk.mutate(enable, id, stale).await).contains("was expected"));
    let right = json!({"expectedHeadOid": pull["head"]["sha"], "mergeMethod": "SQUASH"});
    let on = desk.mutate(enable, id, right.clone()).await;
    assert_eq!(on["data"][enable]["pullRequest"]["autoMergeRequest"]["mergeMethod"], "SQUASH");
    assert_eq!(desk.get(&format!("{R}/pulls/1")).await.json()["auto_merge"]["merge_method"], "squash");
    let off = desk.mutate("disablePullRequestAutoMerge", id, json!({})).await;
    assert_eq!(off["data"]["disablePullRequestAutoMerge"]["pullRequest"]["autoMergeRequest"], json!(null));
    desk.mutate(enable, id, right).await;

    desk.twin.as_maintainer(|person| person.set_check("one", 1, "ci", Conclusion::Failure)).await.unwrap();
    assert!(desk.twin.pulls("one")[0].is_open());
    desk.twin.as_maintainer(|person| person.set_check("one", 1, "ci", Conclusion::Success)).await.unwrap();
    let merged = desk.get(&format!("{R}/pulls/1")).await.json();
    assert_eq!((&merged["merged"], &merged["auto_merge"]), (&json!(true), &json!(null)));
    assert_eq!(merged["merged_by"]["login"], "acme-campaigns[bot]");
    desk.audit();
}

#[tokio::test]
async fn the_queue_merges_one_after_another_as_their_checks_pass() {
    let desk = Desk::open().await;
    desk.repository("one").await;
    let (first, second) = (desk.pull("one", "first").await, desk.pull("one", "second").await);
    let demands = Demands { checks: vec!["ci".into()], ..Demands::queue() };
    desk.twin.as_maintainer(move |person| person.add_ruleset("one", "queue", demands, &[])).await.unwrap();
    let enqueue = "enqueuePullRequest";
    let early = desk.mutate(enqueue, &first["node_id"], json!({})).await;
    assert_eq!(early["errors"][0]["message"], "Pull request Required status check \"ci\" is expected.");
    desk.put(&format!("{R}/pulls/1/merge"), json!({})).await.refused(405, "is expected");
    for number in [1, 2] {
        desk.twin
            .as_maintainer(move |person| person.set_check("one", number, "ci", Conclusion::Success))
            .await
            .unwrap();
    }
    desk.put(&format!("{R}/pulls/1/merge"), json!({})).await.refused(405, "through the merge queue");
    let place =
        desk.mutate(enqueue, &first["node_id"], json!({"expectedHeadOid": first["head"]["sha"]})).await;
    assert_eq!(place["data"][enqueue]["mergeQueueEntry"], json!({"state": "AWAITING_CHECKS", "position": 1}));
    let place = desk.mutate(enqueue, &second["node_id"], json!({})).await;
    assert_eq!(place["data"][enqueue]["mergeQueueEntry"], json!({"state": "QUEUED", "position": 2}));
    assert!(
        desk.mutate(enqueue, &second["node_id"], json!({})).await["errors"][0]["message"]
            .as_str()
            .unwrap()
            .contains("already")
    );

    desk.twin
        .as_maintainer(|person| person.set_queue_check("one", 1, "ci", Conclusion::Success))
        .await
        .unwrap();
    let pulls = desk.twin.pulls("one");
    assert!(pulls[0].merge.is_some() && pulls[1].is_open());
    let branches = desk.get(&format!("{R}/branches")).await.json().to_string();
    assert_eq!(
        branches.matches("gh-readonly-queue").count() / 2,
        0,
        "only the second is being tested: {branches}"
    );
    desk.twin
        .as_maintainer(|person| person.set_queue_check("one", 2, "ci", Conclusion::Failure))
        .await
        .unwrap();
    let query = "query($id: ID!) { node(id: $id) { ... on PullRequest { state isInMergeQueue } } }";
    let seen = desk.graphql(query, json!({"id": second["node_id"]})).await;
    assert_eq!(seen["data"]["node"], json!({"state": "OPEN", "isInMergeQueue": false}));
    desk.mutate(enqueue, &second["node_id"], json!({})).await;
    desk.mutate("dequeuePullRequest", &second["node_id"], json!({})).await;
    assert!(desk.twin.world().read(|state| state.repositories.values().all(|found| found.queue.is_empty())));
    desk.audit();
}

#[tokio::test]
async fn owners_are_asked_once_it_is_ready() {
    let desk = Desk::open().await;
    desk.twin
        .repository("one")
        .file("README.md", "# Hello\n")
        .file(".github/CODEOWNERS", "* @nobody\n*.txt @reviewer @acme/core\n/src/ @acme/late\n")
        .create()
        .await
        .unwrap();
    for team in ["core", "late"] {
        desk.twin.as_maintainer(move |person| person.form_team(team, &["reviewer"])).await.unwrap();
    }
    desk.branch("one", "fix", "fix.txt", "x").await;
    let body = json!({"title": "Fix", "head": "fix", "base": "main", "draft": true});
    let draft = desk.post(&format!("{R}/pulls"), body).await.expect(201).json();
    let asked = format!("{R}/pulls/1/requested_reviewers");
    assert_eq!(desk.get(&asked).await.expect(200).json(), json!({"users": [], "teams": []}));
    desk.mutate("markPullRequestReadyForReview", &draft["node_id"], json!({})).await;
    let ready = desk.get(&asked).await.expect(200).json();
    assert_eq!(
        (&ready["users"][0]["login"], &ready["teams"][0]["slug"]),
        (&json!("reviewer"), &json!("core"))
    );
    desk.send("DELETE", &asked, Some(json!({"reviewers": ["reviewer"], "team_reviewers": ["core"]})), &[])
        .await
        .expect(200);
    desk.post(&asked, json!({"reviewers": [], "team_reviewers": ["none"]}))
        .await
        .refused(422, "collaborator");
    let again =
        desk.post(&asked, json!({"reviewers": [], "team_reviewers": ["core"]})).await.expect(201).json();
    assert_eq!(again["requested_teams"][0]["name"], "core");

    desk.twin.push("one", "fix", &[("src/lib.rs", Some(b"// more\n"))]).await.unwrap();
    let now = desk.get(&asked).await.json();
    assert_eq!(now["teams"][1]["slug"], "late", "a push that touches more asks more owners");

    let demands = Demands { code_owners: true, ..Demands::approvals(1) };
    desk.twin.as_maintainer(move |person| person.protect("one", "main", demands, true)).await.unwrap();
    let query =
        "query($id: ID!) { node(id: $id) { ... on PullRequest { reviewDecision mergeStateStatus } } }";
    let id = json!({"id": draft["node_id"]});
    let seen = desk.graphql(query, id.clone()).await;
    assert_eq!(
        seen["data"]["node"],
        json!({"reviewDecision": "REVIEW_REQUIRED", "mergeStateStatus": "BLOCKED"})
    );
    desk.twin.as_person("reviewer", |person| person.request_changes("one", 1, "No.")).await.unwrap();
    assert_eq!(desk.graphql(query, id.clone()).await["data"]["node"]["reviewDecision"], "CHANGES_REQUESTED");
    desk.twin.as_person("reviewer", |person| person.approve("one", 1)).await.unwrap();
    let seen = desk.graphql(query, id).await;
    assert_eq!(seen["data"]["node"], json!({"reviewDecision": "APPROVED", "mergeStateStatus": "CLEAN"}));
    assert!(desk.twin.as_maintainer(|person| person.approve("one", 1)).await.is_err());
    desk.audit();
}
