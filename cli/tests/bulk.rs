//! Commands on many pull requests at once, over the command line: a part of a campaign is published, another part is
//! closed with a comment, and the code host's own log says that nothing else happened.
#![allow(clippy::unwrap_used, reason = "a test says so by failing")]

mod support;

use campaigns_twin::Twin;
use campaigns_wire::{Asked, Changeset, ChangesetState};
use std::{
    path::Path,
    time::{Duration, Instant},
};
use support::{Server, campaigns, finish};

/// A world of seven services, six of which the spec changes.
const REPOSITORIES: u32 = 7;

struct Room {
    server: Server,
}

impl Room {
    fn command(&self, words: &[&str]) -> (Option<i32>, String, String) {
        let mut command = campaigns();
        command.args(words).args(["--server", &self.server.url]).env("CAMPAIGNS_TOKEN", &self.server.token);
        finish(&mut command)
    }

    fn ask(&self, words: &[&str]) -> Asked {
        let (code, out, err) = self.command(&[words, &["--yes", "-o", "json"]].concat());
        assert_eq!(code, Some(0), "{words:?}: {err}");
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{words:?}: {error}: {out}"))
    }

    /// Waits until as many changesets stand there.
    async fn until(&self, state: ChangesetState, count: usize) -> Vec<Changeset> {
        let deadline = Instant::now() + Duration::from_secs(120);
        loop {
            let mut all = self.server.api().changesets("greeting").await;
            if all.iter().filter(|each| each.state == state).count() == count {
                all.retain(|each| each.state == state);
                all.sort_by(|one, other| one.repository.cmp(&other.repository));
                return all;
            }
            assert!(Instant::now() < deadline, "{count} are not {state}: {all:#?}");
            support::breathe().await;
        }
    }
}

fn names(changesets: &[Changeset]) -> Vec<&str> {
    changesets.iter().map(|each| each.repository.trim_start_matches("acme/service-00")).collect()
}

/// A campaign whose steps have run, and of which nothing is sent before somebody says so.
async fn unpublished(room: &Path) -> (Twin, Room) {
    let twin = support::twin(room, REPOSITORIES).await;
    let here = Room { server: Server::start(&room.join("data"), &twin) };
    let spec = room.join("spec.yaml");
    std::fs::write(&spec, support::SPEC.replace("published: true", "published: false")).unwrap();
    let (code, _, err) = here.command(&["apply", "-f", spec.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{err}");
    here.until(ChangesetState::Unpublished, 6).await;
    (twin, here)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_is_published_and_a_part_of_it_closed_with_a_comment() {
    let room = support::room();
    let (twin, here) = unpublished(room.path()).await;

    // Without a terminal nobody can be asked back, so nothing is done.
    let (code, out, err) = here.command(&["publish", "greeting"]);
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(err.contains("--yes"), "{err}");
    let (code, out, _) = here.command(&["publish", "greeting", "--only", "service-00[123]", "--dry-run"]);
    assert_eq!((code, out.lines().count()), (Some(0), 3), "{out}");
    assert!(support::opened(&twin).is_empty());

    let asked = here.ask(&["publish", "greeting", "--only", "service-00[12]", "--only", "acme/service-003"]);
    assert_eq!(asked.covers, 3);
    assert_eq!(names(&here.until(ChangesetState::Open, 3).await), ["1", "2", "3"]);
    let asked = here.ask(&["publish", "greeting", "--draft", "--only", "service-004"]);
    assert_eq!(asked.covers, 1);
    assert_eq!(names(&here.until(ChangesetState::Draft, 1).await), ["4"]);
    assert_eq!(support::opened(&twin).len(), 4, "and nothing else is published");

    assert_eq!(here.ask(&["ready", "greeting", "--only", "service-00[1-6]"]).covers, 1, "there is one draft");
    assert_eq!(names(&here.until(ChangesetState::Open, 4).await), ["1", "2", "3", "4"]);

    // What needs a person comes first, what is done last; a pipe gets whole addresses.
    let (code, out, err) = here.command(&["status", "greeting"]);
    assert_eq!(code, Some(0), "{err}");
    let states: Vec<&str> = out.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(states, ["unpublished", "unpublished", "open", "open", "open", "open", "unchanged"], "{out}");
    assert!(out.contains("kept back until somebody publishes it") && out.contains("/pull/1"), "{out}");
    assert!(err.contains("2 unpublished · 4 open · 1 unchanged"), "{err}");
    let (code, out, _) = here.command(&["status", "greeting", "--state", "open", "--only", "*-00[13]"]);
    assert_eq!((code, out.lines().count()), (Some(0), 2), "{out}");

    // Where nothing is selected there is nothing to do, and nothing to ask back; what is selected and refused is a failure.
    let (code, out, err) = here.command(&["close", "greeting", "--only", "nothing-of-this-name"]);
    assert_eq!((code, out.as_str()), (Some(0), ""), "{err}");
    assert!(err.contains("nothing to close: no changeset of greeting fits"), "{err}");
    assert_eq!(here.ask(&["merge", "greeting", "--state", "merged"]).covers, 0);
    let (code, _, err) = here.command(&["takeover", "greeting", "--state", "open"]);
    assert_eq!(code, Some(1));
    assert!(
        err.contains("nothing to takeover in what is selected of greeting: ") && err.contains("(4)"),
        "{err}"
    );
    let words =
        ["close", "greeting", "--state", "open", "--only", "service-00[12]", "--comment", "Not needed now."];
    assert_eq!(here.ask(&words).covers, 2);
    assert_eq!(names(&here.until(ChangesetState::Closed, 2).await), ["1", "2"]);
    let log = twin.log().unwrap();
    let of = |operation: &str| {
        let mut of: Vec<&str> = log
            .iter()
            .filter(|entry| entry.operation == operation && entry.status < 300)
            .filter_map(|entry| entry.repo.as_deref())
            .collect();
        of.sort_unstable();
        of
    };
    assert_eq!(of("issues/create-comment"), ["acme/service-001", "acme/service-002"]);
    assert_eq!(here.server.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_is_paused_resumed_and_taken_back_while_the_others_go_on() {
    let room = support::room();
    let (twin, here) = unpublished(room.path()).await;

    let (code, out, err) = here.command(&["pause", "greeting", "--only", "service-00[12]", "--dry-run"]);
    assert_eq!((code, out.lines().count()), (Some(0), 2), "{err}");
    let (code, _, err) = here.command(&["pause", "greeting", "--dry-run"]);
    assert_eq!(code, Some(2), "without a selection there is nothing to preview: {err}");
    assert_eq!(here.ask(&["pause", "greeting", "--only", "service-00[123]"]).covers, 3);
    assert_eq!(here.ask(&["publish", "greeting"]).covers, 6);
    assert_eq!(names(&here.until(ChangesetState::Open, 3).await), ["4", "6", "7"]);
    let waiting = here.until(ChangesetState::Scheduled, 3).await;
    assert_eq!(names(&waiting), ["1", "2", "3"]);
    for changeset in &waiting {
        assert!(changeset.why.starts_with("paused by "), "{}", changeset.why);
    }
    let (code, out, err) = here.command(&["budget", "greeting", "-o", "json"]);
    assert_eq!(code, Some(0), "{err}");
    let budget: serde_json::Value = serde_json::from_str(&out).unwrap();
    let text = budget.to_string();
    assert_eq!(text.matches("\"waits_for\":\"resume\"").count(), 3, "{out}");
    assert!(text.contains("\"reason\":\"paused by "), "{out}");

    // What is paused stays so when the campaign is paused and resumed, and over a restart.
    for word in ["pause", "resume"] {
        let (code, _, err) = here.command(&[word, "greeting"]);
        assert_eq!(code, Some(0), "{err}");
    }
    assert!(here.server.stop() == Some(0));
    let here = Room { server: Server::start(&room.path().join("data"), &twin) };
    here.until(ChangesetState::Scheduled, 3).await;
    let (code, _, err) = here.command(&["pause", "greeting", "--state", "scheduled", "--yes"]);
    assert_eq!(code, Some(1));
    assert!(err.contains("it is paused already (3)"), "{err}");

    // A pull request is closed, and what has none is taken back.
    let (code, _, err) = here.command(&["cancel", "greeting", "--only", "service-004", "--yes"]);
    assert_eq!(code, Some(1));
    assert!(err.contains("it has a pull request: `close` closes it (1)"), "{err}");
    assert_eq!(here.ask(&["cancel", "greeting", "--only", "service-003"]).covers, 1);
    assert_eq!(names(&here.until(ChangesetState::Closed, 1).await), ["3"]);
    assert_eq!(support::opened(&twin).len(), 3, "and nothing else was sent");
    assert_eq!(here.ask(&["resume", "greeting", "--only", "service-00[1-7]"]).covers, 2);
    assert_eq!(names(&here.until(ChangesetState::Open, 5).await), ["1", "2", "4", "6", "7"]);
    assert_eq!(support::opened(&twin).len(), 5);

    let (code, _, err) = here.command(&["pace", "greeting", "perDay=3", "--only", "service-001"]);
    assert_eq!(code, Some(1));
    assert!(err.contains("a run as a whole") && err.contains("campaigns pause greeting --only"), "{err}");
    assert_eq!(here.server.stop(), Some(0));
}
