//! Having pull requests merged from the command line, against a code host that would let us pass its rules: nothing is
//! merged that they forbid, and what they allow is merged by auto-merge, the queue, or pinned to its head.
#![allow(clippy::unwrap_used, reason = "a test says so by failing")]

mod support;

use campaigns_twin::{AppAccess, Bypass, Conclusion, Demands, Maintainer, Refused, Twin};
use campaigns_wire::{Changeset, ChangesetState, MergeMethod, MergeStands};
use std::{
    path::Path,
    time::{Duration, Instant},
};
use support::{Host, Server, campaigns, finish};

/// Green, and nothing is required.
const GREEN: &str = "service-001";
/// A required check is red, and whoever asks might pass the ruleset.
const RED: &str = "service-002";
/// The same, and the repository lets GitHub merge by itself.
const RED_AND_AUTO: &str = "service-003";
/// It has a merge queue.
const QUEUE: &str = "service-004";
/// A required check is red by classic protection, which does not hold administrators.
const CLASSIC: &str = "service-006";
/// A check is required and has not reported, and auto-merge is allowed.
const PENDING: &str = "service-007";
const REPOSITORIES: u32 = 7;

struct Room {
    server: Server,
    twin: Twin,
}

impl Room {
    async fn person<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Maintainer<'_>) -> Result<T, Refused> + Send + 'static,
    ) -> T {
        self.twin.as_maintainer(act).await.unwrap()
    }

    fn command(&self, words: &[&str]) -> (Option<i32>, String, String) {
        let mut command = campaigns();
        command.args(words).args(["--server", &self.server.url]).env("CAMPAIGNS_TOKEN", &self.server.token);
        finish(&mut command)
    }

    async fn one(&self, name: &str) -> Changeset {
        let all = self.server.api().changesets("greeting").await;
        all.into_iter().find(|each| each.repository.ends_with(name)).unwrap()
    }

    /// Waits until a changeset is so, reading afresh all the while.
    async fn until(&self, name: &str, what: &str, is: impl Fn(&Changeset) -> bool) -> Changeset {
        let deadline = Instant::now() + Duration::from_secs(120);
        loop {
            let now = self.one(name).await;
            if is(&now) {
                return now;
            }
            assert!(Instant::now() < deadline, "{name} is not {what}: {now:#?}");
            let (code, _, err) = self.command(&["sync", "greeting"]);
            assert_eq!(code, Some(0), "{err}");
        }
    }

    async fn stands(&self, name: &str, stands: MergeStands) -> Changeset {
        let is = |now: &Changeset| {
            now.state == ChangesetState::Open && now.merge.as_ref().is_some_and(|merge| merge.state == stands)
        };
        self.until(name, &format!("{stands:?}"), is).await
    }

    async fn merged(&self, name: &str) {
        self.until(name, "merged", |now| now.state == ChangesetState::Merged).await;
    }

    /// How many merges were asked for directly and carried out.
    fn direct(&self) -> Vec<String> {
        let log = self.twin.log().unwrap();
        let done = log.iter().filter(|entry| entry.operation == "pulls/merge" && entry.status == 200);
        done.filter_map(|entry| entry.repo.clone()).collect()
    }
}

/// What a server signs in with.
trait Caller {
    fn start(&self, data: &Path, twin: &Twin) -> Server;
    /// A bypass list that it is on.
    fn bypass(&self) -> &'static [Bypass];
}

struct Administrator;
struct App;

impl Caller for Administrator {
    fn start(&self, data: &Path, twin: &Twin) -> Server {
        Server::start(data, twin)
    }
    fn bypass(&self) -> &'static [Bypass] {
        &[Bypass::Admins]
    }
}

impl Caller for App {
    fn start(&self, data: &Path, twin: &Twin) -> Server {
        let AppAccess { id, private_key_file, .. } = twin.app();
        let key = private_key_file.display().to_string();
        let id = id.to_string();
        let flags = ["--app-id", &id, "--app-key-file", &key];
        Server::start_with(data, twin, &flags)
    }
    fn bypass(&self) -> &'static [Bypass] {
        &[Bypass::App, Bypass::Admins]
    }
}

async fn merges_by_the_rules_alone(caller: impl Caller) {
    let room = support::room();
    let twin = support::twin(room.path(), REPOSITORIES).await;
    let here = Room { server: caller.start(&room.path().join("data"), &twin), twin };
    let bypass = caller.bypass();
    here.person(move |person| {
        for name in [RED, RED_AND_AUTO] {
            person.add_ruleset(name, "main", Demands::checks(&["ci"]), bypass)?;
        }
        for name in [RED_AND_AUTO, PENDING] {
            person.allow_auto_merge(name, true)?;
        }
        person.add_ruleset(PENDING, "main", Demands::checks(&["ci"]), &[])?;
        person.add_ruleset(QUEUE, "main", Demands { queue: true, ..Demands::checks(&["ci"]) }, bypass)?;
        person.protect(CLASSIC, "main", Demands::checks(&["ci"]), false)
    })
    .await;
    let spec = room.path().join("spec.yaml");
    std::fs::write(&spec, support::SPEC).unwrap();
    let (code, _, err) = here.command(&["apply", "-f", spec.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{err}");
    here.person(|person| {
        for name in [RED, RED_AND_AUTO, CLASSIC] {
            person.set_check(name, 1, "ci", Conclusion::Failure)?;
        }
        person.set_check(QUEUE, 1, "ci", Conclusion::Success)
    })
    .await;
    let (code, out, err) = here.command(&["merge", "greeting", "--yes", "--method", "squash", "-o", "json"]);
    assert_eq!(code, Some(0), "{err}");
    assert_eq!(serde_json::from_str::<campaigns_wire::Asked>(&out).unwrap().covers, 6);

    // Green, and nothing forbids it: pinned to the head.
    here.merged(GREEN).await;
    // The twin would let it, and it is not done; the reason is shown.
    for name in [RED, CLASSIC] {
        let red = here.stands(name, MergeStands::Waits).await;
        assert!(red.why.contains("a check failed") && red.why.contains("allow auto-merge"), "{}", red.why);
    }
    let on = here.stands(RED_AND_AUTO, MergeStands::AutoMerge).await;
    assert_eq!(on.seen.unwrap().auto_merge, Some(MergeMethod::Squash));
    here.stands(PENDING, MergeStands::AutoMerge).await;
    let placed = |now: &Changeset| now.seen.as_ref().is_some_and(|seen| seen.queue_position == Some(1));
    let queued = here.until(QUEUE, "first in the queue", placed).await;
    let (code, out, err) = here.command(&["status", "greeting"]);
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("merges by itself") && out.contains("in the queue (place 1"), "{out}");
    assert_eq!(queued.merge.unwrap().words, "in the merge queue");

    // Green at last: GitHub merges what was arranged, the queue what passes it, and the one whose rules we might pass
    // stays open, for what is green now may be red a moment later.
    here.person(|person| {
        for name in [RED, RED_AND_AUTO, CLASSIC, PENDING] {
            person.set_check(name, 1, "ci", Conclusion::Success)?;
        }
        person.set_queue_check(QUEUE, 1, "ci", Conclusion::Success)
    })
    .await;
    for name in [RED_AND_AUTO, PENDING, QUEUE] {
        here.merged(name).await;
    }
    let may = here.stands(RED, MergeStands::Stopped).await;
    assert!(may.why.contains("a right to pass the rules of `main` (the ruleset \"main\")"), "{}", may.why);
    let classic = here.stands(CLASSIC, MergeStands::Stopped).await;
    assert!(classic.why.contains("not merged:"), "{}", classic.why);
    assert_eq!(here.direct(), [format!("acme/{GREEN}")], "and nothing else was merged directly");
    let mut log = here.twin.log().unwrap().into_iter();
    let tried = |entry: campaigns_twin::Entry| {
        entry.operation == "pulls/merge" && entry.repo.as_deref() != Some("acme/service-001")
    };
    assert!(!log.any(tried), "nor was it tried");
    // That is no merit of the twin's: whoever is on that list and asks it directly passes the rule.
    assert!(passes(&here, RED).await, "the twin would have let it");
    assert_eq!(here.server.stop(), Some(0));
}

/// Whether a direct merge with an administrator's token goes through.
async fn passes(here: &Room, name: &str) -> bool {
    let url = format!("{}/repos/acme/{name}/pulls/1/merge", here.twin.url());
    let sent = reqwest::Client::new().put(url).bearer_auth(here.twin.access()).header("user-agent", "test");
    sent.json(&serde_json::json!({})).send().await.unwrap().status().is_success()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_an_administrators_token() {
    merges_by_the_rules_alone(Administrator).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_the_app_on_the_bypass_list() {
    merges_by_the_rules_alone(App).await;
}
