//! What a new version of a spec leaves out, as a user sees it: told before anything is done, and then closed with a word.
#![allow(clippy::unwrap_used, reason = "a test says so by failing")]

mod support;

use campaigns_wire::ChangesetState;
use std::{
    process::Command,
    time::{Duration, Instant},
};
use support::{SPEC, Server, campaigns, finish};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_version_leaves_out_is_told_and_then_closed() {
    let room = support::room();
    let twin = support::twin(room.path(), 5).await;
    let server = Server::start(&room.path().join("data"), &twin);
    let api = server.api();
    let apply = |spec: &str, flags: &[&str]| {
        let file = room.path().join("spec.yaml");
        std::fs::write(&file, spec).unwrap();
        let mut apply = campaigns();
        apply.args(["apply", "--server", &server.url, "-f"]).arg(file).args(flags);
        let (code, _, err) = finish(apply.env("CAMPAIGNS_TOKEN", &server.token));
        assert_eq!(code, Some(0), "{err}");
        err
    };
    apply(SPEC, &[]);
    let before = api.changesets("greeting").await;
    assert!(before.iter().all(|changeset| changeset.state == ChangesetState::Open), "{before:?}");

    let entry = "  - organization: acme\n";
    assert!(SPEC.contains(entry), "{SPEC}");
    let second = SPEC.replace(entry, &format!("{entry}    exclude: [service-001]\n"));
    let told = apply(&second, &["--dry-run"]);
    assert!(told.contains("1 of earlier versions to close"), "{told}");
    assert!(told.contains("acme/service-001") && told.contains("leaves it out"), "{told}");
    let state = async || {
        let all = api.changesets("greeting").await;
        all.into_iter().find(|changeset| changeset.repository == "acme/service-001").unwrap()
    };
    assert_eq!(state().await.state, ChangesetState::Open, "a dry run closes nothing");

    apply(&second, &[]);
    let deadline = Instant::now() + Duration::from_secs(120);
    while state().await.state != ChangesetState::Closed {
        assert!(Instant::now() < deadline, "{:?}", state().await);
        support::breathe().await;
    }
    let closed = state().await;
    assert!(
        closed.reason.contains("closed by the campaign") && closed.reason.contains("leaves it out"),
        "{closed:?}"
    );
    let pulls = twin.pulls("service-001");
    assert!(pulls.len() == 1 && !pulls[0].is_open() && pulls[0].merge.is_none(), "{pulls:?}");
    let bare = twin.bare("service-001").unwrap();
    let branches = Command::new("git").arg("-C").arg(bare).args(["branch", "--list"]).output().unwrap();
    let branches = String::from_utf8(branches.stdout).unwrap();
    assert!(branches.contains("main") && !branches.contains("campaigns/"), "{branches}");
    assert_eq!(server.stop(), Some(0));
}
