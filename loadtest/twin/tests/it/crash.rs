//! kill -9 in the middle of a stream of mutations: whatever was acknowledged is there afterwards, nothing is
//! there twice, and the world goes on.

use crate::program::start;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

struct Client {
    url: String,
    token: String,
    http: reqwest::Client,
}

impl Client {
    async fn send(&self, method: &str, path: &str, body: Option<Value>) -> Option<(u16, Value)> {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.http.request(method, format!("{}{path}", self.url)).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.ok()?;
        Some((response.status().as_u16(), response.json().await.ok()?))
    }

    /// One commit, one branch, one pull request; what was acknowledged.
    async fn open(&self, name: &str, branch: &str, base: &str) -> Option<u64> {
        let repo = format!("/repos/acme/{name}");
        let tree = json!({"base_tree": base, "tree": [{"path": format!("{branch}.txt"), "mode": "100644", "type": "blob", "content": branch}]});
        let (_, tree) = self.send("POST", &format!("{repo}/git/trees"), Some(tree)).await?;
        let commit = json!({"message": branch, "tree": tree["sha"], "parents": [base]});
        let (_, commit) = self.send("POST", &format!("{repo}/git/commits"), Some(commit)).await?;
        let made = json!({"ref": format!("refs/heads/{branch}"), "sha": commit["sha"]});
        self.send("POST", &format!("{repo}/git/refs"), Some(made)).await?;
        let pull = json!({"title": branch, "head": branch, "base": "main"});
        let (status, pull) = self.send("POST", &format!("{repo}/pulls"), Some(pull)).await?;
        (status == 201).then(|| pull["number"].as_u64().unwrap())
    }
}

fn sources(folder: &Path) {
    for number in 0..4 {
        let tree = folder.join(format!("r{number}"));
        std::fs::create_dir_all(&tree).unwrap();
        std::fs::write(tree.join("a"), "a\n").unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let (from, data) = (folder.path().join("from"), folder.path().join("data"));
    sources(&from);
    let arguments = ["--from", from.to_str().unwrap(), "--data", data.to_str().unwrap(), "--no-limits"];
    let acknowledged: Arc<Mutex<BTreeMap<(String, String), u64>>> = Arc::default();
    for round in 0..4 {
        let mut program = start(&arguments);
        let client = Arc::new(Client {
            url: program.line["url"].as_str().unwrap().to_owned(),
            token: program.line["token"].as_str().unwrap().to_owned(),
            http: reqwest::Client::builder().user_agent("crash").build().unwrap(),
        });
        let dead = Arc::new(AtomicBool::new(false));
        let before = acknowledged.lock().unwrap().len();
        let workers: Vec<_> = (0..4)
            .map(|worker| {
                let (client, dead, acknowledged) =
                    (Arc::clone(&client), Arc::clone(&dead), Arc::clone(&acknowledged));
                tokio::spawn(async move {
                    let name = format!("r{worker}");
                    let (_, base) = client
                        .send("GET", &format!("/repos/acme/{name}/git/ref/heads/main"), None)
                        .await
                        .unwrap();
                    let base = base["object"]["sha"].as_str().unwrap().to_owned();
                    for number in 0.. {
                        if dead.load(Ordering::SeqCst) {
                            return;
                        }
                        let branch = format!("b{round}-{number}");
                        let Some(pull) = client.open(&name, &branch, &base).await else { continue };
                        acknowledged.lock().unwrap().insert((name.clone(), branch), pull);
                    }
                })
            })
            .collect();
        // In the middle of the stream: some rounds early, some late.
        while acknowledged.lock().unwrap().len() < before + 7 * (round + 1) {
            tokio::task::yield_now().await;
        }
        program.child.kill().unwrap();
        program.child.wait().unwrap();
        dead.store(true, Ordering::SeqCst);
        for worker in workers {
            worker.await.unwrap();
        }
        // And a line torn in the middle of a write.
        use std::io::Write;
        let mut journal = std::fs::OpenOptions::new().append(true).open(data.join("journal.jsonl")).unwrap();
        journal.write_all(b"{\"at\":\"2026-01-01T00:00").unwrap();
    }
    let program = start(&arguments);
    let client = Client {
        url: program.line["url"].as_str().unwrap().to_owned(),
        token: program.line["token"].as_str().unwrap().to_owned(),
        http: reqwest::Client::builder().user_agent("crash").build().unwrap(),
    };
    let mut there: BTreeMap<(String, String), u64> = BTreeMap::new();
    for worker in 0..4 {
        let name = format!("r{worker}");
        for page in 1.. {
            let path = format!("/repos/acme/{name}/pulls?state=all&per_page=100&page={page}");
            let (_, pulls) = client.send("GET", &path, None).await.unwrap();
            let pulls = pulls.as_array().unwrap().clone();
            if pulls.is_empty() {
                break;
            }
            for pull in pulls {
                let branch = pull["head"]["ref"].as_str().unwrap().to_owned();
                let (status, tip) = client
                    .send("GET", &format!("/repos/acme/{name}/git/ref/heads/{branch}"), None)
                    .await
                    .unwrap();
                assert_eq!(
                    (status, &tip["object"]["sha"]),
                    (200, &pull["head"]["sha"]),
                    "its branch is where it says"
                );
                let doubled = there.insert((name.clone(), branch), pull["number"].as_u64().unwrap());
                assert_eq!(doubled, None);
            }
        }
    }
    let acknowledged = acknowledged.lock().unwrap();
    assert!(acknowledged.len() >= 7 + 14 + 21 + 28);
    for (which, number) in acknowledged.iter() {
        assert_eq!(there.get(which), Some(number), "{which:?} was acknowledged");
    }
    let text = std::fs::read_to_string(program.line["log"].as_str().unwrap()).unwrap();
    let opened = text
        .lines()
        .filter(|line| line.contains("\"pulls/create\"") && line.contains("\"status\":201"))
        .count();
    assert!(opened >= acknowledged.len(), "the log has every acknowledged one");
}
