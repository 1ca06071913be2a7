//! What the end-to-end tests share: the built program as a process, its API, and small worlds.
//!
//! Deliberately absent: anything that a test should say itself. A test speaks of campaigns, kills and merges.

#![allow(clippy::unwrap_used, reason = "a test says so by failing")]
#![allow(dead_code, reason = "every test program uses a part of it")]

use campaigns_runtime::embedded::testing::TestDatabase;
use campaigns_twin::{Together, Twin};
use campaigns_wire::{Changeset, EventPage, Page, Run};
use serde_json::Value;
use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

/// The program under test.
pub(crate) fn campaigns() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_campaigns"));
    command
        .env_remove("DATABASE_URL")
        .env_remove("REDIS_URL")
        .env_remove("CAMPAIGNS_ARTIFACTS")
        .env_remove("CAMPAIGNS_TOKEN")
        .env_remove("CAMPAIGNS_DATA")
        .stdin(Stdio::null());
    command
}

/// A folder that a database running as another user can be reached in.
pub(crate) fn room() -> tempfile::TempDir {
    let room = tempfile::Builder::new().prefix("campaigns-test-").tempdir().unwrap();
    std::fs::set_permissions(room.path(), std::os::unix::fs::PermissionsExt::from_mode(0o711)).unwrap();
    room
}

/// A server in a process of its own, killed when it goes out of sight.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
    /// The first API token; empty where another replica has it.
    pub(crate) token: String,
    /// What it is known by among replicas.
    pub(crate) replica: String,
}

impl Server {
    /// Starts `campaigns serve` on `data` against the twin and waits until it is up.
    pub(crate) fn start(data: &Path, twin: &impl Host) -> Self {
        Self::start_with(data, twin, &[])
    }

    /// The same with more flags.
    pub(crate) fn start_with(data: &Path, twin: &impl Host, flags: &[&str]) -> Self {
        Self::start_in(data, twin, flags, &[])
    }

    /// The same in this environment.
    pub(crate) fn start_in(
        data: &Path,
        twin: &impl Host,
        flags: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        Self::launch(data, twin, &[&["--unlimited"], flags].concat(), environment)
    }

    /// One that keeps only so many pull requests a day, on a database whose clock the test moves.
    pub(crate) fn start_daily(data: &Path, twin: &impl Host, per_day: u32, database: &TestDatabase) -> Self {
        let per_day = per_day.to_string();
        let caps = ["--per-day", &per_day, "--per-minute", "100000", "--per-hour", "100000"];
        let pace = ["--points-per-minute", "1000000", "--write-spacing", "0"];
        let environment = [("DATABASE_URL", database.url())];
        Self::launch(data, twin, &[caps.as_slice(), &pace].concat(), &environment)
    }

    /// One that keeps the limits of these flags.
    pub(crate) fn start_limited(
        data: &Path,
        twin: &impl Host,
        flags: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        Self::launch(data, twin, flags, environment)
    }

    fn launch(data: &Path, twin: &impl Host, flags: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut child = campaigns()
            .args(["serve", "-o", "json", "--listen", "127.0.0.1:0", "--github-url", &twin.address()])
            .args(flags)
            .arg("--data")
            .arg(data)
            .env("GITHUB_TOKEN", twin.access())
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("the server said {line:?}"));
        let token = said["token_file"].as_str().map(|file| std::fs::read_to_string(file).unwrap());
        let text = |name: &str| said[name].as_str().unwrap().to_owned();
        let token = token.unwrap_or_default().trim().to_owned();
        Self { child, url: text("url"), token, replica: text("replica") }
    }

    /// SIGKILL, at once.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and the exit code.
    pub(crate) fn stop(mut self) -> Option<i32> {
        let done = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(done.success());
        self.child.wait().unwrap().code()
    }

    /// Sends it a signal by name.
    pub(crate) fn signal(&self, name: &str) {
        let done = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(done.success());
    }

    /// A counter of its metrics; 0 where it has not counted yet.
    pub(crate) async fn counter(&self, name: &str) -> f64 {
        let request = reqwest::Client::new().get(format!("{}/metrics", self.url)).bearer_auth(&self.token);
        let response = request.send().await.unwrap();
        assert!(response.status().is_success(), "{}", response.status());
        let text = response.text().await.unwrap();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.map_or(0.0, |value| value.parse().unwrap())
    }

    /// The API, for this server.
    pub(crate) fn api(&self) -> Api {
        Api { http: reqwest::Client::new(), url: format!("{}/api/v1", self.url), token: self.token.clone() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A code host that a server is started against.
pub(crate) trait Host {
    fn address(&self) -> String;
    fn access(&self) -> String;
}

impl Host for Twin {
    fn address(&self) -> String {
        self.url()
    }

    fn access(&self) -> String {
        self.token().to_owned()
    }
}

impl Host for Together {
    fn address(&self) -> String {
        self.url()
    }

    fn access(&self) -> String {
        self.twins[0].token().to_owned()
    }
}

/// The twin in a process of its own, asked about its world over its admin space.
pub(crate) struct TwinProcess {
    child: Child,
    said: Value,
    http: reqwest::Client,
}

impl TwinProcess {
    /// Starts a twin over the source trees in `from`, its world in `data`.
    pub(crate) fn start(from: &Path, data: &Path) -> Self {
        let mut child = campaigns()
            .args(["__twin", "serve", "--no-limits", "-o", "json", "--org", "acme", "--from"])
            .arg(from)
            .arg("--data")
            .arg(data)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said = serde_json::from_str(&line).unwrap_or_else(|_| panic!("the twin said {line:?}"));
        Self { child, said, http: reqwest::Client::new() }
    }

    async fn admin(&self, method: reqwest::Method, path: &str, body: Option<Value>) -> String {
        let token = self.said["admin_token"].as_str().unwrap();
        let mut request =
            self.http.request(method, format!("{}/_twin/{path}", self.address())).bearer_auth(token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        assert!(response.status().is_success(), "{path}: {}", response.status());
        response.text().await.unwrap()
    }

    /// Breaks something.
    pub(crate) async fn add_fault(&self, fault: &campaigns_twin::Fault) {
        let body = serde_json::to_value(fault).unwrap();
        self.admin(reqwest::Method::POST, "faults", Some(body)).await;
    }

    /// Mends everything.
    pub(crate) async fn clear_faults(&self) {
        self.admin(reqwest::Method::DELETE, "faults", None).await;
    }

    /// Everything it was asked, oldest first.
    pub(crate) async fn log(&self) -> Vec<campaigns_twin::Entry> {
        let log = self.admin(reqwest::Method::GET, "log", None).await;
        log.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// How many pull requests its log says were opened from each repository.
    pub(crate) async fn opened(&self) -> std::collections::BTreeMap<String, u32> {
        count_opened(self.log().await.into_iter())
    }
}

impl Host for TwinProcess {
    fn address(&self) -> String {
        self.said["url"].as_str().unwrap().to_owned()
    }

    fn access(&self) -> String {
        self.said["token"].as_str().unwrap().to_owned()
    }
}

impl Drop for TwinProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The API as a test uses it.
#[derive(Clone)]
pub(crate) struct Api {
    http: reqwest::Client,
    url: String,
    token: String,
}

impl Api {
    pub(crate) async fn get(&self, path: &str) -> Value {
        let request = self.http.get(format!("{}{path}", self.url)).bearer_auth(&self.token);
        let response = request.header("Accept", "application/json").send().await.unwrap();
        assert!(response.status().is_success(), "{path}: {}", response.text().await.unwrap());
        response.json().await.unwrap()
    }

    pub(crate) async fn apply(&self, name: &str, spec: &str) {
        let body = serde_json::json!({ "spec": spec });
        let request = self.http.put(format!("{}/campaigns/{name}", self.url)).bearer_auth(&self.token);
        let response = request.json(&body).send().await.unwrap();
        assert!(response.status().is_success(), "{}", response.text().await.unwrap());
    }

    pub(crate) async fn create_run(&self, name: &str, key: &str) -> Run {
        let request = self.http.post(format!("{}/campaigns/{name}/runs", self.url)).bearer_auth(&self.token);
        let request = request.header("Idempotency-Key", key).json(&serde_json::json!({}));
        let response = request.send().await.unwrap();
        assert!(response.status().is_success(), "{}", response.text().await.unwrap());
        response.json().await.unwrap()
    }

    pub(crate) async fn run(&self, run: uuid::Uuid) -> Run {
        serde_json::from_value(self.get(&format!("/runs/{run}")).await).unwrap()
    }

    pub(crate) async fn changesets(&self, campaign: &str) -> Vec<Changeset> {
        let mut all = vec![];
        let mut cursor = String::new();
        loop {
            let page = self.get(&format!("/campaigns/{campaign}/changesets{cursor}")).await;
            let page: Page<Changeset> = serde_json::from_value(page).unwrap();
            all.extend(page.items);
            match page.next {
                Some(next) => cursor = format!("?cursor={next}"),
                None => return all,
            }
        }
    }

    /// The events after a cursor, which is moved on.
    pub(crate) async fn events(&self, run: uuid::Uuid, after: &mut Option<String>) -> EventPage {
        let query = after.as_ref().map(|after| format!("?after={after}")).unwrap_or_default();
        let page: EventPage =
            serde_json::from_value(self.get(&format!("/runs/{run}/events{query}")).await).unwrap();
        *after = Some(page.next.clone());
        page
    }

    /// The live events after a cursor, as they come.
    pub(crate) async fn live(&self, run: uuid::Uuid, after: Option<&str>) -> reqwest::Response {
        let mut request = self.http.get(format!("{}/runs/{run}/events", self.url)).bearer_auth(&self.token);
        if let Some(after) = after {
            request = request.header("Last-Event-ID", after);
        }
        let response = request.send().await.unwrap();
        assert!(response.status().is_success(), "{}", response.text().await.unwrap());
        response
    }

    /// Waits until the run has ended, for as long as it goes on.
    pub(crate) async fn ended(&self, run: uuid::Uuid) -> Run {
        let (mut last, mut since) = (None, Instant::now());
        loop {
            let now = self.run(run).await;
            if now.state.is_end() {
                return now;
            }
            if last.as_ref() != Some(&now.totals) {
                (last, since) = (Some(now.totals.clone()), Instant::now());
            }
            assert!(since.elapsed() < Duration::from_secs(180), "the run does not go on: {now:?}");
            breathe().await;
        }
    }
}

/// Between two looks at another process, whose changes no notification carries here.
pub(crate) async fn breathe() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}

/// Runs the program to its end.
pub(crate) fn finish(command: &mut Command) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (status.code(), text(stdout), text(stderr))
}

/// Source trees of `count` small services; every fifth has no README.
pub(crate) fn services(folder: &Path, count: u32) -> PathBuf {
    let trees = folder.join("trees");
    for number in 1..=count {
        let tree = trees.join(format!("service-{number:03}"));
        std::fs::create_dir_all(tree.join("src")).unwrap();
        std::fs::write(tree.join("src/main.rs"), format!("fn main() {{ println!(\"{number}\"); }}\n"))
            .unwrap();
        if number % 5 != 0 {
            std::fs::write(tree.join("README.md"), format!("# Service {number}\n\nSee the licence.\n"))
                .unwrap();
        }
    }
    trees
}

/// A twin over `count` small services.
pub(crate) async fn twin(folder: &Path, count: u32) -> Twin {
    let from = Some(services(folder, count));
    let options = campaigns_twin::Options { from, data: Some(folder.join("world")), ..Default::default() };
    Twin::start(options).await.unwrap()
}

/// A spec that changes every repository with a README.
pub(crate) const SPEC: &str = "\
name: greeting
description: Greet
on:
  - organization: acme
steps:
  - run: if [ -f README.md ]; then echo 'Hello from a campaign.' >> README.md; fi
changesetTemplate:
  title: Greet from ${{ repository.name }}
  body: A greeting.
  branch: campaigns/greeting
  commit:
    message: Greet
  published: true
";

/// How many pull requests the twin says were opened from each repository.
pub(crate) fn opened(twin: &Twin) -> std::collections::BTreeMap<String, u32> {
    count_opened(twin.log().unwrap().into_iter())
}

fn count_opened(log: impl Iterator<Item = campaigns_twin::Entry>) -> std::collections::BTreeMap<String, u32> {
    let mut opened = std::collections::BTreeMap::new();
    for entry in log {
        if entry.operation == "pulls/create" && entry.status == 201 {
            *opened.entry(entry.repo.unwrap()).or_default() += 1;
        }
    }
    opened
}
