//! Running failed checks again from the command line: what GitHub Actions ran is run again and ends in a merge, and what
//! cannot be is said.
#![allow(clippy::unwrap_used, reason = "a test says so by failing")]

mod support;

use campaigns_twin::{
    AppAccess, Conclusion, Demands, Maintainer, Options, Refused, StatusState, Twin, world::model::Level,
};
use campaigns_wire::{Changeset, ChangesetState, Checks, MergeStands};
use std::time::{Duration, Instant};
use support::{Server, campaigns, finish};

/// A workflow fails.
const RED: &str = "service-001";
/// A status fails.
const STATUS: &str = "service-002";
/// Nothing fails.
const GREEN: &str = "service-003";

struct Room {
    server: Server,
    twin: Twin,
}

impl Room {
    fn command(&self, words: &[&str]) -> (Option<i32>, String, String) {
        let mut command = campaigns();
        command.args(words).args(["--server", &self.server.url]).env("CAMPAIGNS_TOKEN", &self.server.token);
        finish(&mut command)
    }

    async fn person<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Maintainer<'_>) -> Result<T, Refused> + Send + 'static,
    ) -> T {
        self.twin.as_maintainer(act).await.unwrap()
    }

    /// Waits until a changeset is so, reading afresh all the while.
    async fn until(&self, name: &str, is: impl Fn(&Changeset) -> bool) -> Changeset {
        let deadline = Instant::now() + Duration::from_secs(120);
        loop {
            let all = self.server.api().changesets("greeting").await;
            let now = all.into_iter().find(|each| each.repository.ends_with(name)).unwrap();
            if is(&now) {
                return now;
            }
            assert!(Instant::now() < deadline, "{name} is not as expected: {now:#?}");
            let (code, _, err) = self.command(&["sync", "greeting"]);
            assert_eq!(code, Some(0), "{err}");
        }
    }

    fn reruns(&self) -> usize {
        let log = self.twin.log().unwrap().into_iter();
        log.filter(|entry| entry.operation == "actions/re-run-workflow-failed-jobs").count()
    }
}

fn checks(now: &Changeset, checks: Checks) -> bool {
    now.seen.as_ref().is_some_and(|seen| seen.checks == checks)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_red_check_runs_again_turns_green_and_is_merged() {
    let room = support::room();
    let record = room.path().join("exchanges.jsonl");
    let from = Some(support::services(room.path(), 3));
    let options = Options { from, record: Some(record.clone()), ..Options::default() };
    let twin = Twin::start(options).await.unwrap();
    let AppAccess { id, private_key_file, .. } = twin.app();
    let (id, key) = (id.to_string(), private_key_file.display().to_string());
    let flags = ["--app-id", id.as_str(), "--app-key-file", key.as_str()];
    let server = Server::start_with(&room.path().join("data"), &twin, &flags);
    let here = Room { server, twin };
    here.person(|person| {
        person.protect(RED, "main", Demands::checks(&["test"]), true)?;
        person.allow_auto_merge(RED, true)
    })
    .await;
    let spec = room.path().join("spec.yaml");
    std::fs::write(&spec, support::SPEC).unwrap();
    let (code, _, err) = here.command(&["apply", "-f", spec.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{err}");
    here.person(|person| {
        person.end_workflow(RED, 1, "test", Conclusion::Failure)?;
        person.set_status(STATUS, 1, "lint", StatusState::Failure)
    })
    .await;
    for name in [RED, STATUS] {
        here.until(name, |now| checks(now, Checks::Failed)).await;
    }

    let (code, _, err) = here.command(&["rerun", "greeting", "--only", GREEN, "--yes"]);
    assert_ne!(code, Some(0));
    assert!(err.contains("there is nothing to rerun") && err.contains("none of its checks"), "{err}");
    let (code, out, err) = here.command(&["rerun", "greeting", "--dry-run"]);
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains(RED) && out.contains(STATUS) && !out.contains(GREEN), "{out}");

    // The App may not: nothing is sent, and it is said what is missing.
    let (code, _, err) = here.command(&["rerun", "greeting", "--yes"]);
    assert_eq!(code, Some(0), "{err}");
    here.until(RED, |now| now.reason.contains("needs the App's permission `actions: write`")).await;
    let left = here.until(STATUS, |now| now.reason.contains("not run again")).await;
    assert!(left.reason.contains("lint (a status, which only its maker can report anew)"), "{}", left.reason);
    assert_eq!(here.reruns(), 0);

    here.person(|person| person.set_permission("actions", Some(Level::Write))).await;
    let (code, _, err) = here.command(&["rerun", "greeting", "--only", RED, "--state", "open", "--yes"]);
    assert_eq!(code, Some(0), "{err}");
    // A workflow that waits for somebody has no job to run again.
    here.person(|person| person.end_workflow(STATUS, 1, "deploy", Conclusion::ActionRequired)).await;
    let (code, _, err) = here.command(&["rerun", "greeting", "--only", STATUS, "--state", "open", "--yes"]);
    assert_eq!(code, Some(0), "{err}");
    let stands = here.until(STATUS, |now| now.reason.contains("deploy")).await;
    assert!(stands.reason.contains("deploy (it waits for somebody who may approve it"), "{}", stands.reason);
    // What it said before stands until the answer is on record.
    let again = "failed jobs run again: test";
    here.until(RED, |now| checks(now, Checks::Pending) && now.reason == again).await;
    let (code, _, err) = here.command(&["rerun", "greeting", "--only", RED, "--yes"]);
    assert!(code != Some(0) && err.contains("its checks are running"), "{err}");
    let (code, _, err) = here.command(&["merge", "greeting", "--only", RED, "--yes"]);
    assert_eq!(code, Some(0), "{err}");
    // Green before that, it would have to be merged by the rules, which this App may not read.
    let merges =
        |now: &Changeset| now.merge.as_ref().is_some_and(|merge| merge.state == MergeStands::AutoMerge);
    here.until(RED, merges).await;
    here.person(|person| person.end_workflow(RED, 1, "test", Conclusion::Success)).await;
    here.until(RED, |now| now.state == ChangesetState::Merged).await;
    assert_eq!(here.reruns(), 1, "what failed once is asked for once");
    assert_eq!(here.server.stop(), Some(0));
    let oracle = campaigns_twin::oracle::Oracle::load(&campaigns_twin::oracle::Oracle::installed()).unwrap();
    let (exchanges, violations) = oracle.check_file(&record).unwrap();
    assert!(exchanges > 30, "only {exchanges} exchanges were recorded");
    assert!(violations.is_empty(), "{violations:#?}");
}
