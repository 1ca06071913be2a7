//! What a branch demands and who may pass it: the real one lets those on a bypass list merge what is red.

use crate::desk::Desk;
use campaigns_twin::{Bypass, Conclusion, Demands, Maintainer, Options, StatusState, Twin};
use serde_json::json;

const R: &str = "/repos/acme/one";

#[tokio::test]
async fn a_red_check_stops_all_but_those_on_the_bypass_list() {
    let mut desk = Desk::open().await;
    desk.repository("one").await;
    let person = desk.token.clone();
    let app = desk.installation_token(json!({})).await;
    for branch in ["a", "b", "c"] {
        desk.pull("one", branch).await;
    }
    for number in [1, 2, 3] {
        desk.twin
            .as_maintainer(move |person| person.set_check("one", number, "ci", Conclusion::Failure))
            .await
            .unwrap();
    }
    let id = desk
        .twin
        .as_maintainer(|person| person.add_ruleset("one", "green", Demands::checks(&["ci"]), &[]))
        .await
        .unwrap();
    for token in [&person, &app] {
        desk.token.clone_from(token);
        let refused = desk.put(&format!("{R}/pulls/1/merge"), json!({})).await.expect(405).json();
        assert_eq!(
            refused["message"],
            "Repository rule violations found\n\nRequired status check \"ci\" is failing.\n\n"
        );
    }
    desk.twin.as_maintainer(|person| person.put_app_on_bypass_list("one")).await.unwrap();
    desk.put(&format!("{R}/pulls/1/merge"), json!({})).await.expect(200);
    desk.token = person;
    desk.put(&format!("{R}/pulls/2/merge"), json!({})).await.expect(405);
    desk.twin.as_maintainer(move |person| person.delete_ruleset("one", id)).await.unwrap();

    // Classic protection that does not hold administrators.
    desk.twin
        .as_maintainer(|person| person.protect("one", "main", Demands::checks(&["ci"]), false))
        .await
        .unwrap();
    desk.token = app;
    desk.put(&format!("{R}/pulls/2/merge"), json!({}))
        .await
        .refused(405, "Required status check \\\"ci\\\" is failing.");
    desk.token = desk.twin.token().to_owned();
    desk.put(&format!("{R}/pulls/2/merge"), json!({})).await.expect(200);
    desk.twin
        .as_maintainer(|person| person.protect("one", "main", Demands::checks(&["ci"]), true))
        .await
        .unwrap();
    desk.put(&format!("{R}/pulls/3/merge"), json!({})).await.expect(405);
    desk.twin.as_maintainer(|person| person.set_check("one", 3, "ci", Conclusion::Success)).await.unwrap();
    desk.twin
        .as_maintainer(|person| {
            person.set("one", |settings| {
                (settings.allow_merge_commit, settings.delete_branch_on_merge) = (false, true)
            })
        })
        .await
        .unwrap();
    desk.put(&format!("{R}/pulls/3/merge"), json!({})).await.refused(405, "Merge commits are not allowed");
    desk.put(&format!("{R}/pulls/3/merge"), json!({"merge_method": "squash"})).await.expect(200);
    desk.get(&format!("{R}/git/ref/heads/c")).await.expect(404);
    let bypass = [Bypass::Admins];
    desk.twin
        .as_maintainer(move |person| person.add_ruleset("one", "all", Demands::approvals(2), &bypass))
        .await
        .unwrap();
    desk.audit();
}

#[tokio::test]
async fn what_governs_a_repository_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { data: Some(folder.path().join("world")), ..Options::default() };
    let desk = Desk::with(options.clone()).await;
    desk.repository("one").await;
    let (pull, _) = (desk.pull("one", "a").await, desk.pull("one", "b").await);
    let act = |person: &Maintainer<'_>| {
        person.form_team("core", &["reviewer"])?;
        person.protect("one", "main", Demands { strict: true, ..Demands::checks(&["ci"]) }, false)?;
        let ruleset = person.add_ruleset("one", "queue", Demands::queue(), &[Bypass::Admins])?;
        person.add_ruleset("one", "more", Demands::approvals(1), &[])?;
        person.put_app_on_bypass_list("one")?;
        person.allow_auto_merge("one", true)?;
        person.set_check("one", 1, "ci", Conclusion::Success)?;
        person.set_status("one", 2, "ci", StatusState::Pending)?;
        person.convert_to_draft("one", 2)?;
        person.unprotect("one", "main")?;
        person.delete_ruleset("one", ruleset)?;
        person.set_permission("contents", None)?;
        person.suspend_installation()
    };
    desk.twin.as_maintainer(act).await.unwrap();
    let on = desk.mutate("enablePullRequestAutoMerge", &pull["node_id"], json!({})).await;
    assert_eq!(on["errors"], json!(null));
    let state = |twin: &Twin| {
        twin.world()
            .read(|state| format!("{:?} {:?} {:?}", state.repositories, state.installation, state.teams))
    };
    let before = state(&desk.twin);
    desk.twin.stop().await;
    let twin = Twin::start(options).await.unwrap();
    assert_eq!(state(&twin), before);
    // What was waited for may come after the restart too.
    twin.as_person("reviewer", |person| person.approve("one", 1)).await.unwrap();
    assert!(twin.pulls("one")[0].merge.is_some());
}

#[tokio::test]
async fn the_merge_button_says_what_it_waits_for() {
    let desk = Desk::open().await;
    desk.repository("one").await;
    let pull = desk.pull("one", "fix").await;
    let id = &pull["node_id"];
    let expect = async |state: &str| {
        assert_eq!(desk.merge_state(id).await, state);
        assert_eq!(desk.get(&format!("{R}/pulls/1")).await.json()["mergeable_state"], state.to_lowercase());
    };
    expect("CLEAN").await;
    desk.twin.as_maintainer(|person| person.start_check("one", 1, "lint")).await.unwrap();
    expect("UNSTABLE").await;
    desk.twin.as_maintainer(|person| person.set_check("one", 1, "lint", Conclusion::Success)).await.unwrap();
    desk.twin.as_maintainer(|person| person.set_status("one", 1, "old", StatusState::Error)).await.unwrap();
    expect("UNSTABLE").await;
    desk.twin.as_maintainer(|person| person.set_status("one", 1, "old", StatusState::Success)).await.unwrap();
    expect("CLEAN").await;
    let strict = Demands { strict: true, ..Demands::checks(&["lint"]) };
    desk.twin.as_maintainer(move |person| person.protect("one", "main", strict, true)).await.unwrap();
    desk.twin.push("one", "main", &[("new", Some(b"x"))]).await.unwrap();
    expect("BEHIND").await;

    let update = format!("{R}/pulls/1/update-branch");
    desk.put(&update, json!({"expected_head_sha": "1".repeat(40)})).await.refused(422, "expected head sha");
    desk.put(&update, json!({"expected_head_sha": pull["head"]["sha"]})).await.expect(202);
    desk.put(&update, json!({})).await.refused(422, "no new commits");
    expect("BLOCKED").await;
    let commits = desk.get(&format!("{R}/pulls/1/commits")).await.json();
    let merge = commits.as_array().unwrap().last().unwrap();
    assert_eq!(merge["commit"]["message"], "Merge branch 'main' into fix");
    assert_eq!(
        (merge["parents"].as_array().unwrap().len(), &merge["parents"][0]["sha"]),
        (2, &pull["head"]["sha"])
    );
    let query = "query($id: ID!) { node(id: $id) { ... on PullRequest { statusCheckRollup { state } } } }";
    let rollup = desk.graphql(query, json!({"id": id})).await;
    assert_eq!(rollup["data"]["node"]["statusCheckRollup"], json!(null), "a new head has no checks yet");
    desk.twin.as_maintainer(|person| person.unprotect("one", "main")).await.unwrap();
    expect("CLEAN").await;
    desk.twin.push("one", "main", &[("fix.txt", Some(b"other\n"))]).await.unwrap();
    expect("DIRTY").await;
    desk.put(&update, json!({})).await.refused(422, "merge conflict");
    desk.audit();
}
