//! Reading repositories: contents, archives, history, topics, pages; and every operation that is served, once in
//! each layout.

use crate::desk::{Desk, git};
use serde_json::json;
use std::io::Read;

const R: &str = "/repos/acme/one";

#[tokio::test]
async fn reads_contents() {
    let desk = Desk::open().await;
    desk.repository("one").await;
    let file = desk.get(&format!("{R}/contents/README.md")).await.expect(200).json();
    assert_eq!((file["type"].as_str(), file["content"].as_str()), (Some("file"), Some("IyBIZWxsbwo=\n")));
    let folder = desk.get(&format!("{R}/contents/?ref=main")).await.expect(200).json();
    let kinds: Vec<&str> =
        folder.as_array().unwrap().iter().map(|entry| entry["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["file", "symlink", "file", "dir"]);
    assert_eq!(desk.get(&format!("{R}/contents/link")).await.expect(200).json()["target"], "README.md");
    let accept = [("accept", "application/vnd.github.raw+json")];
    assert_eq!(
        desk.send("GET", &format!("{R}/contents/run.sh"), None, &accept).await.expect(200).bytes,
        b"#!/bin/sh\necho hi\n"
    );
    let accept = [("accept", "application/vnd.github.object+json")];
    let object = desk.send("GET", &format!("{R}/contents/src"), None, &accept).await.expect(200).json();
    assert_eq!(object["entries"][0]["path"], "src/lib.rs");
    desk.get(&format!("{R}/contents/none")).await.expect(404);
    desk.get(&format!("{R}/contents/README.md?ref=none"))
        .await
        .refused(404, "No commit found for the ref none");
    assert_eq!(desk.get(&format!("{R}/readme")).await.expect(200).json()["name"], "README.md");
    let raw = file["download_url"].as_str().unwrap();
    assert_eq!(desk.get(raw).await.expect(200).bytes, b"# Hello\n");
    assert_eq!(desk.send("GET", raw, None, &[("authorization", "Bearer x")]).await.status, 401);
    desk.audit();
}

#[tokio::test]
async fn archives_as_git_does() {
    let desk = Desk::open().await;
    desk.twin
        .repository("one")
        .attributes("secret export-ignore\n*.bat text eol=crlf\n")
        .file("secret", "hidden\n")
        .file("run.bat", "one\ntwo\n")
        .executable("run.sh", "#!/bin/sh\n")
        .symlink("link", "run.sh")
        .create()
        .await
        .unwrap();
    let sha = desk.tip("one", "main").await;
    let mut archives = Vec::new();
    for reference in ["main", sha.as_str(), "refs/heads/main"] {
        let location = desk.get(&format!("{R}/tarball/{reference}")).await.expect(302).header("location");
        assert!(location.starts_with(&format!("{}/_codeload/acme/one/legacy.tar.gz/", desk.twin.url())));
        // The address is its own credential, and no other works.
        let answer = desk.client.get(&location).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        archives.push(answer.bytes().await.unwrap());
        let forged = location.replace("token=", "token=1");
        assert_eq!(desk.client.get(forged).send().await.unwrap().status(), 404);
    }
    assert!(archives.iter().all(|archive| archive == &archives[0]));
    let mut found = Vec::new();
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(&archives[0][..]));
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().to_string_lossy().into_owned();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        if entry.header().entry_type().is_dir() || path == "pax_global_header" {
            continue;
        }
        let kind = if entry.header().entry_type().is_symlink() {
            "link"
        } else if entry.header().mode().unwrap() & 0o100 != 0 {
            "run"
        } else {
            "file"
        };
        found.push((path.split_once('/').unwrap().1.to_owned(), kind, text));
    }
    let attributes = "secret export-ignore\n*.bat text eol=crlf\n".to_owned();
    assert_eq!(
        found,
        [
            (".gitattributes".to_owned(), "file", attributes),
            ("link".to_owned(), "link", String::new()),
            ("run.bat".to_owned(), "file", "one\r\ntwo\r\n".to_owned()),
            ("run.sh".to_owned(), "run", "#!/bin/sh\n".to_owned()),
        ]
    );
    desk.get(&format!("{R}/tarball/none")).await.expect(404);
    desk.get(&format!("{R}/zipball/main")).await.expect(501);
    desk.audit();
}

#[tokio::test]
async fn both_layouts_say_the_same() {
    let mut desk = Desk::open().await;
    desk.twin.repository("one").topic("rust").file("README.md", "x").create().await.unwrap();
    desk.pull("one", "fix").await;
    let id = desk.get(R).await.json()["id"].clone();
    let mut seen = Vec::new();
    for layout in ["", "/api/v3"] {
        desk.layout = layout;
        let mut words = Vec::new();
        for path in [
            "/orgs/acme",
            "/orgs/acme/repos?type=all&sort=updated&direction=asc",
            "/users/acme/repos",
            "/user",
            "/user/repos",
            R,
            "/repos/acme/one/topics",
            "/repos/acme/one/branches",
            "/repos/acme/one/branches/fix",
            "/repos/acme/one/commits",
            "/repos/acme/one/commits/main",
            "/repos/acme/one/pulls",
            "/repos/acme/one/pulls/1",
            "/repos/acme/one/issues/1",
            "/repos/acme/one/git/matching-refs/heads",
            &format!("/repositories/{id}"),
            &format!("/repositories/{id}/pulls"),
        ] {
            let answer = desk.get(path).await.expect(200);
            let text = String::from_utf8(answer.bytes.clone()).unwrap();
            assert!(
                text.contains(&format!("{}{layout}/", desk.twin.url())) || path.ends_with("topics"),
                "{path}"
            );
            words.push(
                text.replace(&format!("{}/api/v3/", desk.twin.url()), &format!("{}/", desk.twin.url())),
            );
        }
        seen.push(words);
        let topics = desk.get("/repos/acme/one/topics").await.json();
        assert_eq!(topics["names"], json!(["rust"]));
    }
    assert_eq!(seen[0], seen[1]);
    desk.audit();
}

#[tokio::test]
async fn pages_show_what_is_there_and_the_desk_merges() {
    let desk = Desk::open().await;
    desk.repository("one").await;
    desk.branch("one", "fix", "a.txt", "<b>&\n").await;
    let body =
        json!({"title": "<script>alert(1)</script>", "head": "fix", "base": "main", "body": "a <i>b</i>"});
    let pull = desk.post(&format!("{R}/pulls"), body).await.expect(201).json();
    let page = |answer: crate::desk::Answer| String::from_utf8(answer.expect(200).bytes).unwrap();
    let shown = page(desk.get(pull["html_url"].as_str().unwrap()).await);
    for part in [
        "&lt;script&gt;",
        "a &lt;i&gt;b&lt;/i&gt;",
        "class=\"badge open\"",
        "class=\"plus\">+&lt;b&gt;&amp;",
        "Merge pull request",
    ] {
        assert!(shown.contains(part), "{part}");
    }
    assert!(!shown.contains("<script>"));
    let url = desk.twin.url();
    assert!(page(desk.get(&format!("{url}/acme")).await).contains("Open pull requests"));
    assert!(page(desk.get(&format!("{url}/acme/one")).await).contains("class=\"badge open\""));
    let diff = page(desk.get(pull["diff_url"].as_str().unwrap()).await);
    assert!(diff.starts_with("diff --git a/a.txt b/a.txt"));
    assert_eq!(desk.get(&format!("{url}/acme/none/pull/1")).await.status, 404);

    let form = format!("{url}/acme/one/pull/1/merge");
    assert_eq!(desk.client.post(&form).body("token=x").send().await.unwrap().status(), 403);
    let token = shown.split("value=\"").nth(1).unwrap().split('"').next().unwrap();
    let posted = format!("token={token}");
    let foreign = desk
        .client
        .post(&form)
        .header("origin", "http://evil.example")
        .body(posted.clone())
        .send()
        .await
        .unwrap();
    assert_eq!(foreign.status(), 404);
    assert_eq!(desk.client.post(&form).body(posted).send().await.unwrap().status(), 303);
    assert!(desk.twin.pulls("one")[0].merge.is_some());
    let bare = desk.twin.bare("one").unwrap();
    assert!(
        git(&bare, &["log", "-1", "--format=%s", "main"]).starts_with("Merge pull request #1 from acme/fix")
    );
}
