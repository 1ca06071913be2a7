//! Statuses, check runs, reviews and rules over REST, and people's verbs from another process.

use crate::desk::Desk;
use campaigns_twin::world::model::Level;
use campaigns_twin::{Bypass, Conclusion, Demands};
use serde_json::{Value, json};

const R: &str = "/repos/acme/one";

#[tokio::test]
async fn statuses_and_check_runs_are_set_and_read() {
    let mut desk = Desk::open().await;
    desk.repository("one").await;
    let pull = desk.pull("one", "fix").await;
    let sha = pull["head"]["sha"].as_str().unwrap().to_owned();
    let combined = async |desk: &Desk| desk.get(&format!("{R}/commits/fix/status")).await.expect(200).json();
    assert_eq!(combined(&desk).await["state"], "pending");
    for state in ["pending", "failure", "success"] {
        let body = json!({"state": state, "context": "ci", "description": "It ran"});
        desk.post(&format!("{R}/statuses/{sha}"), body).await.expect(201);
    }
    let seen = combined(&desk).await;
    assert_eq!((&seen["state"], &seen["total_count"]), (&json!("success"), &json!(1)));
    let all = desk.get(&format!("{R}/commits/{sha}/statuses")).await.expect(200).json();
    assert_eq!((all.as_array().unwrap().len(), &all[0]["state"]), (3, &json!("success")));

    let run = json!({"name": "build", "head_sha": sha, "status": "in_progress"});
    desk.post(&format!("{R}/check-runs"), run.clone()).await.refused(403, "GitHub App");
    desk.token = desk.installation_token(json!({})).await;
    desk.post(&format!("{R}/check-runs"), run.clone()).await.expect(403);
    for permission in ["checks", "statuses"] {
        desk.twin
            .as_maintainer(move |person| person.set_permission(permission, Some(Level::Write)))
            .await
            .unwrap();
    }
    desk.token = desk.installation_token(json!({})).await;
    let made = desk.post(&format!("{R}/check-runs"), run).await.expect(201).json();
    assert_eq!(desk.merge_state(&pull["node_id"]).await, "UNSTABLE");
    let own = format!("{R}/check-runs/{}", made["id"]);
    let output = json!({"title": "Built", "summary": "All of it"});
    let ended = desk.patch(&own, json!({"conclusion": "success", "output": output})).await.expect(200).json();
    assert_eq!((&ended["status"], &ended["output"]["title"]), (&json!("completed"), &json!("Built")));
    assert_eq!(desk.get(&own).await.expect(200).json()["conclusion"], "success");
    let runs = desk.get(&format!("{R}/commits/fix/check-runs?check_name=build")).await.expect(200).json();
    assert_eq!(runs["total_count"], 1);
    assert_eq!(desk.merge_state(&pull["node_id"]).await, "CLEAN");
    desk.audit();
}

#[tokio::test]
async fn the_failed_jobs_of_a_workflow_run_again() {
    let desk = Desk::open().await;
    desk.repository("one").await;
    let pull = desk.pull("one", "fix").await;
    let sha = pull["head"]["sha"].as_str().unwrap().to_owned();
    let ends = async |desk: &Desk, conclusion| {
        let end =
            move |person: &campaigns_twin::Maintainer<'_>| person.end_workflow("one", 1, "test", conclusion);
        desk.twin.as_maintainer(end).await.unwrap();
    };
    ends(&desk, Conclusion::Failure).await;
    let checks = desk.get(&format!("{R}/commits/{sha}/check-runs")).await.expect(200).json();
    assert_eq!(checks["check_runs"][0]["app"]["slug"], "github-actions");
    let listing = format!("{R}/actions/runs?head_sha={sha}&status=failure");
    let failed = desk.get(&listing).await.expect(200).json();
    assert_eq!((&failed["total_count"], &failed["workflow_runs"][0]["run_attempt"]), (&json!(1), &json!(1)));
    let own = format!("{R}/actions/runs/{}", failed["workflow_runs"][0]["id"]);
    let again = format!("{own}/rerun-failed-jobs");
    desk.post(&again, json!({})).await.expect(201);
    let seen = desk.get(&own).await.expect(200).json();
    assert_eq!((&seen["run_attempt"], &seen["status"]), (&json!(2), &json!("queued")));
    assert_eq!(desk.get(&listing).await.expect(200).json()["total_count"], 0);
    ends(&desk, Conclusion::Success).await;
    let seen = desk.get(&own).await.expect(200).json();
    assert_eq!((&seen["run_attempt"], &seen["conclusion"]), (&json!(2), &json!("success")));
    assert_eq!(desk.merge_state(&pull["node_id"]).await, "CLEAN");
    desk.audit();
}

#[tokio::test]
async fn what_runs_or_has_passed_does_not_run_again() {
    let mut desk = Desk::open().await;
    desk.repository("one").await;
    desk.pull("one", "fix").await;
    let ends = async |desk: &Desk, name, conclusion| {
        let end =
            move |person: &campaigns_twin::Maintainer<'_>| person.end_workflow("one", 1, name, conclusion);
        desk.twin.as_maintainer(end).await.unwrap();
    };
    ends(&desk, "green", Conclusion::Success).await;
    ends(&desk, "red", Conclusion::Failure).await;
    let runs = desk.get(&format!("{R}/actions/runs")).await.expect(200).json();
    let again =
        |nth: usize| format!("{R}/actions/runs/{}/rerun-failed-jobs", runs["workflow_runs"][nth]["id"]);
    desk.post(&again(1), json!({})).await.refused(403, "cannot be retried");
    let again = again(0);
    desk.post(&again, json!({})).await.expect(201);
    desk.post(&again, json!({})).await.refused(403, "already running");
    desk.get(&format!("{R}/actions/runs/1")).await.expect(404);
    desk.token = desk.installation_token(json!({})).await;
    desk.post(&again, json!({})).await.refused(403, "not accessible by integration");
    // No audit: GitHub's description leaves out that any of these may be refused.
    desk.token = desk.twin.token().to_owned();
    desk.get(&format!("{R}/actions/runs?actor=ada")).await.refused(501, "the filter actor");
}

#[tokio::test]
async fn a_status_needs_a_commit_and_a_state() {
    let desk = Desk::open().await;
    desk.repository("one").await;
    let tip = desk.tip("one", "main").await;
    desk.post(&format!("{R}/statuses/{}", "1".repeat(40)), json!({"state": "success"}))
        .await
        .refused(422, "No commit");
    desk.post(&format!("{R}/statuses/{tip}"), json!({"state": "fine"})).await.refused(422, "possible value");
    // No audit: GitHub's description leaves out that a status may be refused so.
}

#[tokio::test]
async fn reviews_are_submitted_read_and_dismissed() {
    let mut desk = Desk::open().await;
    desk.repository("one").await;
    let person = desk.token.clone();
    desk.token = desk.installation_token(json!({})).await;
    desk.pull("one", "fix").await;
    let reviews = format!("{R}/pulls/1/reviews");
    desk.post(&reviews, json!({"event": "APPROVE"})).await.refused(422, "Can not approve your own");
    desk.token = person;
    desk.post(&reviews, json!({"event": "REQUEST_CHANGES"})).await.refused(422, "body is required");
    let refused = json!({"event": "REQUEST_CHANGES", "body": "Not like this"});
    let review = desk.post(&reviews, refused).await.expect(200).json();
    let own = format!("{reviews}/{}", review["id"]);
    assert_eq!(desk.get(&own).await.expect(200).json()["state"], "CHANGES_REQUESTED");
    desk.put(&format!("{own}/dismissals"), json!({"message": "It is fine"})).await.expect(200);
    desk.put(&format!("{own}/dismissals"), json!({"message": "Again"})).await.expect(422);
    desk.post(&reviews, json!({"event": "APPROVE"})).await.expect(200);
    let all = desk.get(&reviews).await.expect(200).json();
    let states: Vec<&Value> = all.as_array().unwrap().iter().map(|review| &review["state"]).collect();
    assert_eq!(states, ["DISMISSED", "APPROVED"]);
    desk.post(&reviews, json!({})).await.expect(501);
    desk.audit();
}

#[tokio::test]
async fn the_rules_of_a_branch_can_be_read_and_who_may_pass_them() {
    let mut desk = Desk::open().await;
    desk.repository("one").await;
    let protection = format!("{R}/branches/main/protection");
    desk.get(&protection).await.refused(404, "Branch not protected");
    let body = json!({
        "required_status_checks": {"strict": true, "contexts": ["ci"]},
        "enforce_admins": true,
        "required_pull_request_reviews": {"required_approving_review_count": 2},
        "restrictions": null,
    });
    desk.put(&protection, body).await.expect(200);
    let seen = desk.get(&protection).await.expect(200).json();
    assert_eq!(seen["required_status_checks"]["contexts"], json!(["ci"]));
    assert_eq!(seen["required_pull_request_reviews"]["required_approving_review_count"], 2);
    let branch = desk.get(&format!("{R}/branches/main")).await.expect(200).json();
    assert_eq!(branch["protected"], true);
    assert_eq!(branch["protection"]["required_status_checks"]["enforcement_level"], "everyone");
    assert_eq!(desk.get(&format!("{R}/branches?protected=true")).await.expect(200).json()[0]["name"], "main");
    let demands = Demands { checks: vec!["build".into()], approvals: 1, ..Demands::queue() };
    let id = desk
        .twin
        .as_maintainer(move |person| person.add_ruleset("one", "all of it", demands, &[Bypass::Admins]))
        .await
        .unwrap();
    let own = format!("{R}/rulesets/{id}");
    let whole = desk.get(&own).await.expect(200).json();
    assert_eq!(whole["current_user_can_bypass"], "always");
    assert_eq!(whole["bypass_actors"][0]["actor_type"], "OrganizationAdmin");

    desk.token = desk.installation_token(json!({})).await;
    desk.get(&protection).await.refused(403, "not accessible by integration");
    let rules = desk.get(&format!("{R}/rules/branches/main")).await.expect(200).json();
    let kinds: Vec<&Value> = rules.as_array().unwrap().iter().map(|rule| &rule["type"]).collect();
    assert_eq!(kinds, ["required_status_checks", "pull_request", "merge_queue"]);
    assert_eq!(rules[0]["ruleset_id"], id);
    assert_eq!(desk.get(&format!("{R}/rules/branches/other")).await.expect(200).json(), json!([]));
    assert_eq!(desk.get(&format!("{R}/rulesets")).await.expect(200).json()[0]["name"], "all of it");
    let whole = desk.get(&own).await.expect(200).json();
    assert_eq!((&whole["current_user_can_bypass"], &whole["bypass_actors"]), (&json!("never"), &Value::Null));
    desk.twin.as_maintainer(|person| person.put_app_on_bypass_list("one")).await.unwrap();
    assert_eq!(desk.get(&own).await.expect(200).json()["current_user_can_bypass"], "always");
    desk.token = desk.twin.token().to_owned();
    desk.delete(&protection).await.expect(204);
    desk.delete(&protection).await.expect(404);

    desk.get(&format!("{R}/codeowners/errors")).await.expect(404);
    desk.twin.push("one", "main", &[("CODEOWNERS", Some(b"* @maintainer\n*.rs @nobody\n"))]).await.unwrap();
    let errors = desk.get(&format!("{R}/codeowners/errors")).await.expect(200).json();
    assert_eq!(
        (&errors["errors"][0]["line"], &errors["errors"][0]["kind"]),
        (&json!(2), &json!("Unknown owner"))
    );
    desk.audit();
}

#[tokio::test]
async fn harnesses_elsewhere_have_the_same_verbs() {
    let desk = Desk::open().await;
    desk.repository("one").await;
    desk.pull("one", "fix").await;
    let bearer = format!("Bearer {}", desk.twin.admin_token());
    let admin = [("authorization", bearer.as_str())];
    let act = async |path: &str, body: Value| {
        desk.send("POST", &format!("/_twin/{path}"), Some(body), &admin).await.expect(200).json()
    };
    let pull = "repositories/one/pulls/1";
    let demands = json!({"checks": ["ci"]});
    act("repositories/one/protect", json!({"branch": "main", "demands": demands})).await;
    act("repositories/one/ruleset", json!({"name": "review", "demands": {"approvals": 1}})).await;
    act("repositories/one/settings", json!({"allow_auto_merge": true, "delete_branch_on_merge": true})).await;
    act(&format!("{pull}/draft"), json!({})).await;
    act(&format!("{pull}/ready"), json!({})).await;
    act(&format!("{pull}/label"), json!({"name": "wait"})).await;
    act(&format!("{pull}/title"), json!({"title": "Theirs"})).await;
    let pushed = act("repositories/one/force-push", json!({"branch": "fix", "files": {"a": "b"}})).await;
    act(&format!("{pull}/check"), json!({"name": "ci", "conclusion": "success"})).await;
    act(&format!("{pull}/approve"), json!({"as": "reviewer"})).await;
    let seen = desk.get(&format!("{R}/pulls/1")).await.expect(200).json();
    assert_eq!((&seen["mergeable_state"], &seen["head"]["sha"]), (&json!("clean"), &pushed["sha"]));
    assert_eq!((&seen["title"], &seen["labels"][0]["name"]), (&json!("Theirs"), &json!("wait")));
    act(&format!("{pull}/merge"), json!({})).await;
    desk.get(&format!("{R}/git/ref/heads/fix")).await.expect(404);
    act("installation/suspend", json!({})).await;
    act("installation/unsuspend", json!({})).await;
    act("repositories/one/rename", json!({"name": "uno"})).await;
    desk.get(R).await.expect(301);
    let refused = desk.send("POST", "/_twin/repositories/uno/sing", Some(json!({})), &admin).await;
    refused.refused(422, "there is no POST");
    desk.audit();
}
