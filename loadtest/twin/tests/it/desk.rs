//! A desk to work at: a twin that records, a client that speaks like any other, and an exit audit that holds
//! every exchange of the test to GitHub's description.

use campaigns_twin::oracle::Oracle;
use campaigns_twin::{Options, Twin};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::OnceLock;

/// The oracle, read once per test program.
pub(crate) fn oracle() -> &'static Oracle {
    static ORACLE: OnceLock<Oracle> = OnceLock::new();
    ORACLE.get_or_init(|| Oracle::load(&Oracle::installed()).expect("run `npm ci` in loadtest/twin/oracle"))
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes)
            .unwrap_or_else(|_| panic!("not JSON: {}", String::from_utf8_lossy(&self.bytes)))
    }

    /// A header's text.
    pub(crate) fn header(&self, name: &str) -> String {
        self.headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    }

    /// Fails unless the status is this one.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.bytes));
        self
    }

    /// Fails unless it is refused with this message.
    #[track_caller]
    pub(crate) fn refused(self, status: u16, message: &str) -> Self {
        let answer = self.expect(status);
        let text = String::from_utf8_lossy(&answer.bytes).into_owned();
        assert!(text.contains(message), "{text}");
        answer
    }
}

/// A twin that records, and a client.
pub(crate) struct Desk {
    pub(crate) twin: Twin,
    pub(crate) record: PathBuf,
    pub(crate) token: String,
    pub(crate) client: reqwest::Client,
    pub(crate) folder: tempfile::TempDir,
    /// Prefix of the API: empty, or `/api/v3`.
    pub(crate) layout: &'static str,
}

impl Desk {
    /// A desk over an empty organisation.
    pub(crate) async fn open() -> Self {
        Self::with(Options::default()).await
    }

    /// A desk with options of one's own.
    pub(crate) async fn with(options: Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let record = folder.path().join("exchanges.jsonl");
        let twin = Twin::start(Options { record: Some(record.clone()), ..options }).await.unwrap();
        let token = twin.token().to_owned();
        let client = reqwest::Client::builder()
            .user_agent("desk")
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Self { twin, record, token, client, folder, layout: "" }
    }

    /// A repository with a readme, a script and a link.
    pub(crate) async fn repository(&self, name: &str) {
        self.twin
            .repository(name)
            .description("A small one")
            .file("README.md", "# Hello\n")
            .file("src/lib.rs", "pub fn one() {}\n")
            .executable("run.sh", "#!/bin/sh\necho hi\n")
            .symlink("link", "README.md")
            .create()
            .await
            .unwrap();
    }

    /// Sends a request with more headers.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
        more: &[(&str, &str)],
    ) -> Answer {
        let url = if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}{}{path}", self.twin.url(), self.layout)
        };
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.client.request(method, url);
        if !self.token.is_empty() && !more.iter().any(|(name, _)| *name == "authorization") {
            request = request.header("authorization", format!("Bearer {}", self.token));
        }
        for (name, value) in more {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, headers, bytes: response.bytes().await.unwrap().to_vec() }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None, &[]).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, Some(body), &[]).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send("PATCH", path, Some(body), &[]).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.send("PUT", path, Some(body), &[]).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, None, &[]).await
    }

    /// The commit at the tip of a branch.
    pub(crate) async fn tip(&self, name: &str, branch: &str) -> String {
        let answer = self.get(&format!("/repos/acme/{name}/git/ref/heads/{branch}")).await.expect(200);
        answer.json()["object"]["sha"].as_str().unwrap().to_owned()
    }

    /// Makes a branch with one commit through the Git Data API; returns the commit.
    pub(crate) async fn branch(&self, name: &str, branch: &str, path: &str, content: &str) -> Value {
        let base = self.tip(name, "main").await;
        let tree = json!({"base_tree": base, "tree": [{"path": path, "mode": "100644", "type": "blob", "content": content}]});
        let tree = self.post(&format!("/repos/acme/{name}/git/trees"), tree).await.expect(201).json();
        let commit = json!({"message": format!("Change {path}"), "tree": tree["sha"], "parents": [base]});
        let commit = self.post(&format!("/repos/acme/{name}/git/commits"), commit).await.expect(201).json();
        let made = json!({"ref": format!("refs/heads/{branch}"), "sha": commit["sha"]});
        self.post(&format!("/repos/acme/{name}/git/refs"), made).await.expect(201);
        commit
    }

    /// Opens a pull request from a new branch; returns it.
    pub(crate) async fn pull(&self, name: &str, branch: &str) -> Value {
        self.branch(name, branch, &format!("{branch}.txt"), "new\n").await;
        let body =
            json!({"title": format!("Add {branch}"), "head": branch, "base": "main", "body": "Because."});
        self.post(&format!("/repos/acme/{name}/pulls"), body).await.expect(201).json()
    }

    /// Asks in GraphQL; returns the whole answer.
    pub(crate) async fn graphql(&self, query: &str, variables: Value) -> Value {
        let body = json!({"query": query, "variables": variables});
        self.post("/graphql", body).await.expect(200).json()
    }

    /// Carries out one mutation of a pull request; the whole answer. `more` is put into its input.
    pub(crate) async fn mutate(&self, name: &str, id: &Value, more: Value) -> Value {
        let kind: String = name[..1].to_uppercase() + &name[1..];
        let (named, asked) = match name {
            "dequeuePullRequest" => ("id", "mergeQueueEntry { state }"),
            "enqueuePullRequest" => ("pullRequestId", "mergeQueueEntry { state position }"),
            _ => ("pullRequestId", "pullRequest { number isDraft state autoMergeRequest { mergeMethod } }"),
        };
        let query = format!(
            "mutation($input: {kind}Input!) {{ {name}(input: $input) {{ clientMutationId {asked} }} }}"
        );
        let mut input = json!({named: id, "clientMutationId": "mine"});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.graphql(&query, json!({"input": input})).await
    }

    /// `mergeStateStatus` of a pull request.
    pub(crate) async fn merge_state(&self, id: &Value) -> String {
        let query = "query($id: ID!) { node(id: $id) { ... on PullRequest { mergeStateStatus } } }";
        let answer = self.graphql(query, json!({"id": id})).await;
        answer["data"]["node"]["mergeStateStatus"].as_str().unwrap().to_owned()
    }

    /// A JWT of the app.
    pub(crate) fn jwt(&self) -> String {
        let app = self.twin.app();
        let now = chrono::Utc::now().timestamp();
        self.jwt_of(&json!({"iss": app.id.to_string(), "iat": now - 60, "exp": now + 500}))
    }

    /// A JWT with claims of one's own, signed by the app's key.
    pub(crate) fn jwt_of(&self, claims: &Value) -> String {
        let key = std::fs::read(self.twin.app().private_key_file).unwrap();
        let key = jsonwebtoken::EncodingKey::from_rsa_pem(&key).unwrap();
        jsonwebtoken::encode(&jsonwebtoken::Header::new(jsonwebtoken::Algorithm::RS256), claims, &key)
            .unwrap()
    }

    /// A token of the installation, narrowed as `body` says.
    pub(crate) async fn installation_token(&self, body: Value) -> String {
        let path = format!("/app/installations/{}/access_tokens", self.twin.app().installation_id);
        let bearer = format!("Bearer {}", self.jwt());
        let answer = self.send("POST", &path, Some(body), &[("authorization", &bearer)]).await.expect(201);
        answer.json()["token"].as_str().unwrap().to_owned()
    }

    /// The exit audit: every exchange was GitHub's, on both sides. Returns how many there were.
    pub(crate) fn audit(self) -> usize {
        let (count, violations) = oracle().check_file(&self.record).unwrap();
        let all: Vec<String> = violations.iter().map(ToString::to_string).collect();
        assert!(all.is_empty(), "{} violations:\n{}", all.len(), all.join("\n"));
        assert!(count > 0, "nothing was recorded");
        count
    }
}

/// Runs git in a folder, with nothing of the machine's configuration; returns its standard output.
pub(crate) fn git(folder: &std::path::Path, arguments: &[&str]) -> String {
    let output = std::process::Command::new("git")
        .args(["-c", "user.name=Desk", "-c", "user.email=desk@example.com", "-c", "init.defaultBranch=main"])
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "git {arguments:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}
