//! Objects and refs: a commit is built without a clone, and every refusal is GitHub's.

use crate::desk::Desk;
use serde_json::json;

const R: &str = "/repos/acme/one";

#[tokio::test]
async fn builds_a_commit_without_a_clone() {
    let desk = Desk::open().await;
    desk.repository("one").await;
    let base = desk.tip("one", "main").await;
    let blob = desk
        .post(&format!("{R}/git/blobs"), json!({"content": "AAEC", "encoding": "base64"}))
        .await
        .expect(201)
        .json();
    let tree = json!({"base_tree": base, "tree": [
        {"path": "bin/data", "mode": "100644", "type": "blob", "sha": blob["sha"]},
        {"path": "deep/er/tool", "mode": "100755", "type": "blob", "content": "#!/bin/sh\n"},
        {"path": "to", "mode": "120000", "type": "blob", "content": "bin/data"},
        {"path": "src/lib.rs", "mode": "100644", "type": "blob", "sha": null},
    ]});
    let tree = desk.post(&format!("{R}/git/trees"), tree).await.expect(201).json();
    let url = format!("{R}/git/trees/{}", tree["sha"].as_str().unwrap());
    let listing = desk.get(&format!("{url}?recursive=1")).await.expect(200).json();
    let lines: Vec<String> = listing["tree"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| format!("{} {}", line["mode"].as_str().unwrap(), line["path"].as_str().unwrap()))
        .collect();
    assert_eq!(
        lines,
        [
            "100644 README.md",
            "040000 bin",
            "100644 bin/data",
            "040000 deep",
            "040000 deep/er",
            "100755 deep/er/tool",
            "120000 link",
            "100755 run.sh",
            "120000 to",
        ]
    );
    assert_eq!(listing["truncated"], false);
    assert_eq!(desk.get(&url).await.expect(200).json()["tree"].as_array().unwrap().len(), 6);

    let commit = json!({"message": "All at once", "tree": tree["sha"], "parents": [base]});
    let commit = desk.post(&format!("{R}/git/commits"), commit).await.expect(201).json();
    assert_eq!(commit["verification"]["verified"], false);
    assert_eq!(commit["author"]["name"], "Mary Maintainer");
    let sha = commit["sha"].as_str().unwrap();
    let again = desk.get(&format!("{R}/git/commits/{sha}")).await.expect(200).json();
    assert_eq!(again, commit);
    let read = desk.get(&format!("{R}/git/blobs/{}", blob["sha"].as_str().unwrap())).await.expect(200).json();
    assert_eq!((read["content"].as_str().unwrap(), read["size"].as_u64()), ("AAEC\n", Some(3)));

    let made = json!({"ref": "refs/heads/feature/x", "sha": sha});
    desk.post(&format!("{R}/git/refs"), made.clone()).await.expect(201);
    desk.post(&format!("{R}/git/refs"), made).await.refused(422, "Reference already exists");
    let back = json!({"sha": base});
    desk.patch(&format!("{R}/git/refs/heads/feature/x"), back)
        .await
        .refused(422, "Update is not a fast forward");
    desk.patch(&format!("{R}/git/refs/heads/feature/x"), json!({"sha": base, "force": true}))
        .await
        .expect(200);
    desk.patch(&format!("{R}/git/refs/heads/feature/x"), json!({"sha": sha})).await.expect(200);
    desk.patch(&format!("{R}/git/refs/heads/none"), json!({"sha": sha}))
        .await
        .refused(422, "Reference does not exist");
    let matching = desk.get(&format!("{R}/git/matching-refs/heads/feat")).await.expect(200).json();
    assert_eq!(matching[0]["ref"], "refs/heads/feature/x");
    desk.get(&format!("{R}/branches/feature%2Fx")).await.expect(200);
    desk.get(&format!("{R}/branches/feature/x")).await.expect(200);
    assert_eq!(desk.get(&format!("{R}/branches")).await.expect(200).json().as_array().unwrap().len(), 2);
    desk.delete(&format!("{R}/git/refs/heads/feature/x")).await.expect(204);
    desk.delete(&format!("{R}/git/refs/heads/feature/x")).await.refused(422, "Reference does not exist");
    desk.get(&format!("{R}/git/ref/heads/feature/x")).await.refused(404, "Not Found");
    desk.audit();
}

#[tokio::test]
async fn refuses_what_github_refuses() {
    let desk = Desk::open().await;
    desk.repository("one").await;
    desk.twin.repository("empty").create().await.unwrap();
    let trees = format!("{R}/git/trees");
    let base = desk.tip("one", "main").await;
    let gone = json!({"base_tree": base, "tree": [{"path": "nothing", "mode": "100644", "type": "blob", "sha": null}]});
    desk.post(&trees, gone).await.refused(422, "GitRPC::BadObjectState");
    let slash = json!({"tree": [{"path": "/x", "mode": "100644", "type": "blob", "content": ""}]});
    desk.post(&trees, slash).await.refused(422, "tree.path cannot start with a slash");
    let dots = json!({"tree": [{"path": "a/../x", "mode": "100644", "type": "blob", "content": ""}]});
    desk.post(&trees, dots).await.refused(422, "malformed path component");
    let missing = json!({"tree": [{"path": "x", "mode": "100644", "type": "blob", "sha": "1".repeat(40)}]});
    desk.post(&trees, missing).await.refused(422, "GitRPC::BadObjectState");
    desk.post(&trees, json!({"tree": []})).await.refused(422, "Invalid tree info");
    let commits = format!("{R}/git/commits");
    let none = json!({"message": "m", "tree": "1".repeat(40)});
    desk.post(&commits, none).await.refused(422, "Tree SHA does not exist");
    desk.post(&commits, json!({"tree": "x"})).await.refused(422, "message");
    let refs = format!("{R}/git/refs");
    desk.post(&refs, json!({"ref": "main2", "sha": base})).await.refused(422, "refs/");
    desk.post(&refs, json!({"ref": "refs/heads/a..b", "sha": base})).await.refused(422, "valid ref name");
    desk.post(&refs, json!({"ref": "refs/heads/x", "sha": "1".repeat(40)}))
        .await
        .refused(422, "Object does not exist");
    desk.post("/repos/acme/empty/git/blobs", json!({"content": "x"}))
        .await
        .refused(409, "Git Repository is empty.");
    desk.get(&format!("{R}/git/trees/{}", "1".repeat(40))).await.expect(404);
    let broken = desk
        .client
        .post(format!("{}{refs}", desk.twin.url()))
        .bearer_auth(&desk.token)
        .body("{")
        .send()
        .await
        .unwrap();
    assert_eq!(broken.status(), 400);
    desk.audit();
}

#[tokio::test]
async fn signs_what_an_app_commits_and_nobody_claims() {
    let mut desk = Desk::open().await;
    desk.repository("one").await;
    desk.token = desk.installation_token(json!({})).await;
    let commit = desk.branch("one", "signed", "a.txt", "a\n").await;
    assert_eq!(commit["verification"]["verified"], true, "{commit}");
    assert_eq!(commit["verification"]["reason"], "valid");
    assert_eq!(commit["author"]["name"], "acme-campaigns[bot]");
    assert_eq!(commit["committer"]["email"], "noreply@github.com");
    let claimed = json!({"message": "m", "tree": commit["tree"]["sha"], "parents": [],
        "author": {"name": "A", "email": "a@example.com", "date": "2020-01-02T03:04:05+02:00"}});
    let claimed = desk.post(&format!("{R}/git/commits"), claimed).await.expect(201).json();
    assert_eq!(claimed["verification"]["verified"], false);
    assert_eq!(claimed["author"]["date"], "2020-01-02T01:04:05Z");
    desk.audit();
}

#[tokio::test]
async fn workflows_need_their_own_permission() {
    let mut desk = Desk::open().await;
    desk.repository("one").await;
    desk.branch("one", "harmless", "a.txt", "a\n").await;
    desk.token = desk.installation_token(json!({"permissions": {"contents": "write"}})).await;
    let base = desk.tip("one", "harmless").await;
    let tree = json!({"base_tree": base, "tree": [
        {"path": ".github/workflows/ci.yml", "mode": "100644", "type": "blob", "content": "on: push\n"},
    ]});
    let tree = desk.post(&format!("{R}/git/trees"), tree).await.expect(201).json();
    let commit = json!({"message": "m", "tree": tree["sha"], "parents": [base]});
    let commit = desk.post(&format!("{R}/git/commits"), commit).await.expect(201).json();
    let sha = json!({"sha": commit["sha"]});
    let refused = desk.patch(&format!("{R}/git/refs/heads/harmless"), sha.clone()).await.expect(403);
    assert!(refused.header("x-accepted-github-permissions").contains("workflows=write"));
    let made = json!({"ref": "refs/heads/fresh", "sha": commit["sha"]});
    desk.post(&format!("{R}/git/refs"), made.clone()).await.expect(403);
    desk.token =
        desk.installation_token(json!({"permissions": {"contents": "write", "workflows": "write"}})).await;
    desk.post(&format!("{R}/git/refs"), made).await.expect(201);
    desk.audit();
}

#[tokio::test]
async fn a_branch_is_deleted_only_where_it_is_said_to_be() {
    let desk = Desk::open().await;
    desk.repository("one").await;
    let pull = desk.pull("one", "fix").await;
    let id = desk.get("/repos/acme/one").await.expect(200).json()["node_id"].clone();
    let head = pull["head"]["sha"].clone();
    let delete = async |branch: &str, before: serde_json::Value| {
        let update =
            json!({"name": format!("refs/heads/{branch}"), "beforeOid": before, "afterOid": "0".repeat(40)});
        let query = "mutation($input: UpdateRefsInput!) { updateRefs(input: $input) { clientMutationId } }";
        let input = json!({"repositoryId": id, "refUpdates": [update], "clientMutationId": "mine"});
        desk.graphql(query, json!({"input": input})).await
    };
    let elsewhere = delete("fix", json!("1".repeat(40))).await;
    assert_eq!(elsewhere["errors"][0]["type"], "UNPROCESSABLE");
    assert_eq!(desk.tip("one", "fix").await, head.as_str().unwrap(), "it is where it was");
    assert_eq!(delete("fix", head.clone()).await["data"]["updateRefs"]["clientMutationId"], "mine");
    desk.get("/repos/acme/one/git/ref/heads/fix").await.expect(404);
    assert_eq!(desk.get("/repos/acme/one/pulls/1").await.expect(200).json()["state"], "closed");
    assert_eq!(delete("fix", head).await["errors"][0]["type"], "UNPROCESSABLE", "it is gone already");
    let main = delete("main", json!(null)).await;
    assert!(main["errors"][0]["message"].as_str().unwrap().contains("default branch"), "{main}");
    desk.audit();
}
