//! People's verbs, each in the words a person would use, and what the API then says.

use crate::desk::Desk;
use campaigns_twin::world::model::Level;
use serde_json::json;

const R: &str = "/repos/acme/one";

#[tokio::test]
async fn people_edit_close_reopen_push_and_press_buttons() {
    let desk = Desk::open().await;
    desk.repository("one").await;
    desk.pull("one", "fix").await;
    let get = async || desk.get(&format!("{R}/pulls/1")).await.expect(200).json();
    desk.twin
        .as_maintainer(|person| {
            person.edit_title("one", 1, "Mine")?;
            person.edit_body("one", 1, "Why not")?;
            person.convert_to_draft("one", 1)?;
            person.add_label("one", 1, "wait")?;
            person.comment("one", 1, "Let me look.")
        })
        .await
        .unwrap();
    let seen = get().await;
    assert_eq!(
        (&seen["title"], &seen["body"], &seen["draft"]),
        (&json!("Mine"), &json!("Why not"), &json!(true))
    );
    assert_eq!((&seen["labels"][0]["name"], &seen["comments"]), (&json!("wait"), &json!(1)));
    desk.twin
        .as_maintainer(|person| {
            person.mark_ready("one", 1)?;
            person.remove_label("one", 1, "WAIT")?;
            person.close("one", 1)?;
            person.reopen("one", 1)
        })
        .await
        .unwrap();
    let seen = get().await;
    assert_eq!(
        (&seen["draft"], &seen["state"], &seen["labels"]),
        (&json!(false), &json!("open"), &json!([]))
    );

    desk.twin.push("one", "main", &[("other", Some(b"x"))]).await.unwrap();
    let merge = desk.twin.as_maintainer(|person| person.press_update_branch("one", 1)).await.unwrap();
    assert_eq!(get().await["head"]["sha"], merge);
    let forced = desk
        .twin
        .as_maintainer(|person| person.force_push("one", "fix", "Other", &[("fix.txt", Some(b"theirs\n"))]))
        .await
        .unwrap();
    let seen = get().await;
    assert_eq!((seen["head"]["sha"].as_str(), &seen["state"]), (Some(forced.as_str()), &json!("open")));
    let compared = desk.get(&format!("{R}/compare/{merge}...fix")).await.expect(200).json();
    assert_eq!(compared["status"], "diverged", "what was there before is no longer in it");

    desk.twin.close("one", 1).await.unwrap();
    desk.twin
        .as_maintainer(|person| person.force_push("one", "fix", "Again", &[("more", Some(b"x"))]))
        .await
        .unwrap();
    assert!(desk.twin.as_maintainer(|person| person.reopen("one", 1)).await.is_err());
    desk.patch(&format!("{R}/pulls/1"), json!({"state": "open"})).await.refused(422, "force-pushed");
    desk.twin.as_maintainer(|person| person.delete_branch("one", "fix")).await.unwrap();
    desk.patch(&format!("{R}/pulls/1"), json!({"state": "open"})).await.refused(422, "has been deleted");
    desk.audit();
}

#[tokio::test]
async fn an_installation_is_suspended_reduced_and_removed() {
    let mut desk = Desk::open().await;
    desk.repository("one").await;
    let app = desk.twin.app();
    let jwt = desk.jwt();
    let bearer = format!("Bearer {jwt}");
    let as_app = [("authorization", bearer.as_str())];
    let tokens = format!("/app/installations/{}/access_tokens", app.installation_id);
    desk.token = desk.installation_token(json!({})).await;
    desk.twin.as_maintainer(|person| person.suspend_installation()).await.unwrap();
    desk.get(R).await.refused(403, "This installation has been suspended");
    desk.send("POST", &tokens, Some(json!({})), &as_app).await.refused(403, "suspended");
    let shown = desk.send("GET", "/app/installations", None, &as_app).await.expect(200).json();
    assert!(shown[0]["suspended_at"].is_string());
    desk.twin.as_maintainer(|person| person.unsuspend_installation()).await.unwrap();
    desk.get(R).await.expect(200);
    desk.twin.as_maintainer(|person| person.set_permission("contents", Some(Level::Read))).await.unwrap();
    desk.post(&format!("{R}/git/blobs"), json!({"content": "x"}))
        .await
        .refused(403, "not accessible by integration");
    desk.twin.as_maintainer(|person| person.set_permission("contents", Some(Level::Write))).await.unwrap();
    desk.post(&format!("{R}/git/blobs"), json!({"content": "x"})).await.expect(201);
    desk.twin.as_maintainer(|person| person.uninstall()).await.unwrap();
    desk.get(R).await.refused(401, "Bad credentials");
    desk.send("POST", &tokens, Some(json!({})), &as_app).await.expect(404);
    assert_eq!(desk.send("GET", "/app/installations", None, &as_app).await.expect(200).json(), json!([]));
    desk.send("GET", "/orgs/acme/installation", None, &as_app).await.expect(404);
    desk.audit();
}

#[tokio::test]
async fn repositories_go_their_ways() {
    let mut desk = Desk::open().await;
    for name in ["one", "gone", "sold"] {
        desk.repository(name).await;
    }
    desk.token = desk.installation_token(json!({})).await;
    let pull = desk.pull("one", "fix").await;
    let lost = desk.pull("gone", "fix").await;
    let sold = desk.pull("sold", "fix").await;
    desk.twin.as_maintainer(|person| person.rename_default_branch("one", "trunk")).await.unwrap();
    let seen = desk.get(&format!("{R}/pulls/1")).await.expect(200).json();
    assert_eq!((&seen["state"], &seen["base"]["ref"]), (&json!("open"), &json!("trunk")));
    assert_eq!(desk.get(R).await.json()["default_branch"], "trunk");
    assert_eq!(desk.get("/installation/repositories").await.json()["total_count"], 3);
    assert_eq!(desk.get("/orgs/acme/repos").await.json().as_array().unwrap().len(), 3);
    desk.twin.as_maintainer(|person| person.delete_repository("gone")).await.unwrap();
    desk.twin.as_maintainer(|person| person.transfer("sold", "elsewhere")).await.unwrap();
    // What was listed before is not what is listed now.
    assert_eq!(desk.get("/orgs/acme/repos").await.json().as_array().unwrap().len(), 1);
    desk.get("/repos/acme/gone").await.expect(404);
    desk.get("/repos/acme/sold").await.expect(404);
    assert_eq!(desk.get("/installation/repositories").await.json()["total_count"], 1);
    let query = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }";
    let ids = json!({"ids": [pull["node_id"], lost["node_id"], sold["node_id"]]});
    let answer = desk.graphql(query, ids).await;
    assert_eq!(answer["data"]["nodes"], json!([{"id": pull["node_id"]}, null, null]));
    desk.token = desk.twin.token().to_owned();
    let moved = desk.get("/repos/acme/sold").await.expect(301).header("location");
    assert_eq!(desk.get(&moved).await.expect(200).json()["name"], "sold");
    desk.audit();
}
