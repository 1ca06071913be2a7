//! Pull requests: opening, the duplicate, following branches, merging three ways, the conversation.

use crate::desk::Desk;
use serde_json::{Value, json};

const R: &str = "/repos/acme/one";

#[tokio::test]
async fn opens_once_and_lists() {
    let desk = Desk::open().await;
    desk.repository("one").await;
    let pull = desk.pull("one", "fix").await;
    assert_eq!((pull["number"].as_u64(), pull["state"].as_str()), (Some(1), Some("open")));
    assert_eq!(
        (pull["commits"].as_u64(), pull["changed_files"].as_u64(), pull["additions"].as_u64()),
        (Some(1), Some(1), Some(1))
    );
    let again = json!({"title": "Again", "head": "acme:fix", "base": "main"});
    let refused = desk.post(&format!("{R}/pulls"), again).await.expect(422).json();
    assert_eq!(refused["errors"][0]["message"], "A pull request already exists for acme:fix.");
    let error = |answer: Value| {
        (
            answer["errors"][0]["field"].as_str().unwrap_or("").to_owned(),
            answer["errors"][0]["code"].as_str().unwrap_or("").to_owned(),
        )
    };
    let nothing = desk
        .post(&format!("{R}/pulls"), json!({"title": "x", "head": "none", "base": "main"}))
        .await
        .expect(422);
    assert_eq!(error(nothing.json()), ("head".into(), "invalid".into()));
    let nothing = desk
        .post(&format!("{R}/pulls"), json!({"title": "x", "head": "fix", "base": "none"}))
        .await
        .expect(422);
    assert_eq!(error(nothing.json()), ("base".into(), "invalid".into()));
    let body = json!({"title": "x", "head": "main", "base": "main"});
    desk.post(&format!("{R}/pulls"), body).await.refused(422, "No commits between main and main");
    desk.pull("one", "other").await;

    let numbers = |answer: crate::desk::Answer| -> Vec<u64> {
        answer
            .expect(200)
            .json()
            .as_array()
            .unwrap()
            .iter()
            .map(|pull| pull["number"].as_u64().unwrap())
            .collect()
    };
    assert_eq!(numbers(desk.get(&format!("{R}/pulls")).await), [2, 1]);
    assert_eq!(numbers(desk.get(&format!("{R}/pulls?head=acme:fix&base=main&state=all")).await), [1]);
    assert_eq!(
        numbers(desk.get(&format!("{R}/pulls?head=fix")).await),
        [2, 1],
        "a head without an owner filters nothing"
    );
    assert_eq!(numbers(desk.get(&format!("{R}/pulls?direction=asc")).await), [1, 2]);
    assert_eq!(numbers(desk.get(&format!("{R}/pulls?state=closed")).await), [0; 0]);

    let edited = desk
        .patch(&format!("{R}/pulls/1"), json!({"title": "Better", "body": "Why"}))
        .await
        .expect(200)
        .json();
    assert_eq!(
        (edited["title"].as_str(), edited["mergeable_state"].as_str()),
        (Some("Better"), Some("clean"))
    );
    desk.patch(&format!("{R}/pulls/1"), json!({"state": "closed"})).await.expect(200);
    assert_eq!(numbers(desk.get(&format!("{R}/pulls?state=closed")).await), [1]);
    desk.patch(&format!("{R}/pulls/1"), json!({"state": "open"})).await.expect(200);
    desk.audit();
}

#[tokio::test]
async fn shows_files_commits_diff_and_patch() {
    let desk = Desk::open().await;
    desk.repository("one").await;
    desk.pull("one", "fix").await;
    let files = desk.get(&format!("{R}/pulls/1/files")).await.expect(200).json();
    assert_eq!(
        (files[0]["filename"].as_str(), files[0]["status"].as_str()),
        (Some("fix.txt"), Some("added"))
    );
    assert_eq!(files[0]["patch"], "@@ -0,0 +1 @@\n+new");
    assert_eq!(
        desk.get(&format!("{R}/pulls/1/commits")).await.expect(200).json()[0]["commit"]["message"],
        "Change fix.txt"
    );
    let accept = |kind| [("accept", kind)];
    let diff = desk
        .send("GET", &format!("{R}/pulls/1"), None, &accept("application/vnd.github.diff"))
        .await
        .expect(200);
    assert!(
        String::from_utf8_lossy(&diff.bytes)
            .starts_with("diff --git a/fix.txt b/fix.txt\nnew file mode 100644\n")
    );
    let patch = desk
        .send("GET", &format!("{R}/pulls/1"), None, &accept("application/vnd.github.v3.patch"))
        .await
        .expect(200);
    assert!(String::from_utf8_lossy(&patch.bytes).contains("Subject: [PATCH] Change fix.txt"));
    let compared = desk.get(&format!("{R}/compare/main...fix")).await.expect(200).json();
    assert_eq!((compared["status"].as_str(), compared["ahead_by"].as_u64()), (Some("ahead"), Some(1)));
    desk.get(&format!("{R}/commits/fix")).await.expect(200);
    assert_eq!(
        desk.get(&format!("{R}/commits?sha=fix&per_page=1"))
            .await
            .expect(200)
            .json()
            .as_array()
            .unwrap()
            .len(),
        1
    );
    desk.audit();
}

#[tokio::test]
async fn follows_its_branches() {
    let desk = Desk::open().await;
    desk.repository("one").await;
    let first = desk.pull("one", "moves").await;
    let pushed = desk.twin.push("one", "moves", &[("more.txt", Some(b"x\n"))]).await.unwrap();
    let now = desk.get(&format!("{R}/pulls/1")).await.expect(200).json();
    assert_ne!(now["head"]["sha"], first["head"]["sha"]);
    assert_eq!((now["head"]["sha"].as_str(), now["commits"].as_u64()), (Some(pushed.as_str()), Some(2)));

    desk.pull("one", "dies").await;
    desk.delete(&format!("{R}/git/refs/heads/dies")).await.expect(204);
    let dead = desk.get(&format!("{R}/pulls/2")).await.expect(200).json();
    assert_eq!((dead["state"].as_str(), dead["merged"].as_bool()), (Some("closed"), Some(false)));
    desk.patch(&format!("{R}/pulls/2"), json!({"state": "open"})).await.refused(422, "has been deleted");

    // The head lands on the base by a push: merged, though nobody pressed the button.
    desk.patch(&format!("{R}/git/refs/heads/main"), json!({"sha": pushed})).await.expect(200);
    let landed = desk.get(&format!("{R}/pulls/1")).await.expect(200).json();
    assert_eq!((landed["state"].as_str(), landed["merged"].as_bool()), (Some("closed"), Some(true)));
    assert_eq!(landed["changed_files"], 2, "what it changed is not lost by landing");

    desk.pull("one", "falls").await;
    let main = desk.tip("one", "main").await;
    desk.patch(&format!("{R}/git/refs/heads/falls"), json!({"sha": main, "force": true})).await.expect(200);
    let fallen = desk.get(&format!("{R}/pulls/3")).await.expect(200).json();
    assert_eq!((fallen["state"].as_str(), fallen["merged"].as_bool()), (Some("closed"), Some(false)));
    desk.audit();
}

#[tokio::test]
async fn merges_three_ways() {
    let desk = Desk::open().await;
    desk.repository("one").await;
    for (number, method, parents) in [(1, "merge", 2), (2, "squash", 1), (3, "rebase", 1)] {
        let pull = desk.pull("one", method).await;
        desk.get(&format!("{R}/pulls/{number}/merge")).await.expect(404);
        let stale = json!({"merge_method": method, "sha": "1".repeat(40)});
        desk.put(&format!("{R}/pulls/{number}/merge"), stale).await.refused(409, "Head branch was modified");
        let right = json!({"merge_method": method, "sha": pull["head"]["sha"]});
        let merged = desk.put(&format!("{R}/pulls/{number}/merge"), right).await.expect(200).json();
        assert_eq!(desk.tip("one", "main").await, merged["sha"].as_str().unwrap());
        desk.get(&format!("{R}/pulls/{number}/merge")).await.expect(204);
        let commit = desk.get(&format!("{R}/git/commits/{}", merged["sha"].as_str().unwrap())).await.json();
        assert_eq!(commit["parents"].as_array().unwrap().len(), parents);
        let now = desk.get(&format!("{R}/pulls/{number}")).await.json();
        assert_eq!(
            (now["merged"].as_bool(), now["merged_by"]["login"].as_str()),
            (Some(true), Some("maintainer"))
        );
        desk.put(&format!("{R}/pulls/{number}/merge"), json!({})).await.refused(405, "not mergeable");
    }
    desk.pull("one", "clash").await;
    desk.twin.push("one", "main", &[("clash.txt", Some(b"other\n"))]).await.unwrap();
    assert_eq!(desk.get(&format!("{R}/pulls/4")).await.json()["mergeable_state"], "dirty");
    desk.put(&format!("{R}/pulls/4/merge"), json!({})).await.refused(405, "not mergeable");
    desk.audit();
}

#[tokio::test]
async fn people_merge_and_close() {
    let desk = Desk::open().await;
    desk.repository("one").await;
    desk.pull("one", "a").await;
    desk.pull("one", "b").await;
    desk.twin.merge("one", 1).await.unwrap();
    desk.twin.close("one", 2).await.unwrap();
    let pulls = desk.twin.pulls("one");
    assert!(pulls[0].merge.is_some() && !pulls[1].is_open() && pulls[1].merge.is_none());
    desk.audit();
}

#[tokio::test]
async fn keeps_a_conversation() {
    let desk = Desk::open().await;
    desk.repository("one").await;
    desk.pull("one", "talk").await;
    let issue = format!("{R}/issues/1");
    desk.post(&format!("{issue}/labels"), json!({"labels": ["bug", "Big One"]})).await.expect(200);
    desk.post(&format!("{issue}/labels"), json!({"labels": ["BUG", {"name": "third"}]})).await.expect(200);
    let names: Vec<String> = desk
        .get(&format!("{issue}/labels"))
        .await
        .expect(200)
        .json()
        .as_array()
        .unwrap()
        .iter()
        .map(|label| label["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["bug", "Big One", "third"]);
    desk.delete(&format!("{issue}/labels/Big%20One")).await.expect(200);
    desk.delete(&format!("{issue}/labels/absent")).await.refused(404, "Label does not exist");
    desk.put(&format!("{issue}/labels"), json!({"labels": ["only"]})).await.expect(200);
    desk.delete(&format!("{issue}/labels")).await.expect(204);
    desk.post(&format!("{issue}/assignees"), json!({"assignees": ["reviewer", "nobody"]})).await.expect(201);
    let seen = desk.get(&issue).await.expect(200).json();
    assert_eq!(seen["assignees"].as_array().unwrap().len(), 1);
    desk.send("DELETE", &format!("{issue}/assignees"), Some(json!({"assignees": ["reviewer"]})), &[])
        .await
        .expect(200);
    let comment = desk.post(&format!("{issue}/comments"), json!({"body": "Hello"})).await.expect(201).json();
    let one = format!("{R}/issues/comments/{}", comment["id"]);
    desk.patch(&one, json!({"body": "Hello again"})).await.expect(200);
    assert_eq!(desk.get(&one).await.expect(200).json()["body"], "Hello again");
    assert_eq!(desk.get(&format!("{issue}/comments")).await.expect(200).json().as_array().unwrap().len(), 1);
    desk.delete(&one).await.expect(204);
    desk.get(&one).await.expect(404);
    let reviewers = format!("{R}/pulls/1/requested_reviewers");
    desk.post(&reviewers, json!({"reviewers": ["reviewer"]})).await.expect(201);
    desk.post(&reviewers, json!({"reviewers": ["maintainer"]})).await.refused(422, "pull request author");
    desk.post(&reviewers, json!({"reviewers": ["stranger"]})).await.refused(422, "collaborators");
    assert_eq!(desk.get(&reviewers).await.expect(200).json()["users"][0]["login"], "reviewer");
    desk.send("DELETE", &reviewers, Some(json!({"reviewers": ["reviewer"]})), &[]).await.expect(200);
    desk.patch(&issue, json!({"state": "closed", "labels": ["last"]})).await.expect(200);
    assert_eq!(desk.get(&format!("{R}/pulls/1")).await.json()["state"], "closed");
    desk.audit();
}
