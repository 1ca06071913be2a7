//! One App in two organisations: each is read and written with a token of its own installation, and a repository that moves
//! from one to the other is found there.

use crate::world::{asked, named, patient, permit};
use campaigns_actors::ports::{CodeHost, CodeHostError, NewPullRequest, ReadBudget, Whereabouts};
use campaigns_runtime::github::{Credentials, Endpoint, GitHub, Secret};
use campaigns_twin::{Options, Together};
use std::collections::BTreeSet;

const MINT: &str = "apps/create-installation-access-token";

async fn both(folder: &std::path::Path) -> (Together, GitHub) {
    let both = Together::start(folder, &["acme", "globex"], Options::default()).await.unwrap();
    let app = both.app().unwrap();
    let private_key = Secret::new(std::fs::read_to_string(app.private_key_file).unwrap());
    let credentials = Credentials::App { id: app.id.to_string(), private_key };
    let config = patient(Endpoint::exact(&both.url(), false).unwrap(), credentials);
    (both, GitHub::new(config).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_organisation_has_a_token_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let (both, host) = both(folder.path()).await;
    let installations = host.installations().await.unwrap();
    let owners: BTreeSet<&str> = installations.iter().map(|found| found.account.login.as_str()).collect();
    assert_eq!(owners, BTreeSet::from(["acme", "globex"]));
    for twin in &both.twins {
        let id = twin.repository("a").file("a", "1").create().await.unwrap();
        let repository = named(twin, id, "a");
        assert!(host.base(&repository, "main", &ReadBudget::unlimited()).await.unwrap().is_some());
        host.create_blob(&repository, "x".into(), permit()).await.unwrap();
        let installation = twin.app().installation_id;
        let found = installations.iter().find(|found| found.id == installation).unwrap();
        assert_eq!(found.account.login, twin.org());
        assert_eq!(asked(twin, MINT), 2, "one for reading and one for writing");
        let written =
            twin.log().unwrap().into_iter().find(|entry| entry.operation == "git/create-blob").unwrap();
        assert_eq!(written.subject, format!("installation:{installation}"));
    }
    let ids: BTreeSet<u64> = installations.iter().map(|found| found.id).collect();
    assert_eq!(ids.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_request_is_seen_by_the_installation_of_its_organisation_alone_wherever_it_moves() {
    let folder = tempfile::tempdir().unwrap();
    let (both, host) = both(folder.path()).await;
    let acme = &both.twins[0];
    let repository = named(acme, acme.repository("a").file("a", "1").create().await.unwrap(), "a");
    acme.push("a", "change", &[("b", Some(b"2"))]).await.unwrap();
    let [title, body, head, base] = ["A change", "", "change", "main"].map(str::to_owned);
    let new = NewPullRequest { title, body, head, base, draft: false };
    let opened = host.create_pull_request(&repository, &new, permit()).await.unwrap().reference;
    let seen = async |organization| {
        let nodes = [opened.node_id.clone()];
        let read = host.read_pull_requests(organization, &nodes, &ReadBudget::unlimited()).await.unwrap();
        match read.into_iter().next().unwrap() {
            Ok(reading) => Some(reading.repository.to_string()),
            Err(CodeHostError::NotFound(_)) => None,
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!((seen("acme").await.as_deref(), seen("globex").await), (Some("acme/a"), None));

    acme.as_maintainer(|person| person.transfer("a", "globex")).await.unwrap();
    assert_eq!((seen("acme").await, seen("globex").await.as_deref()), (None, Some("globex/a")));
    let found = host.whereabouts(&repository, &ReadBudget::unlimited()).await.unwrap();
    assert_eq!(found.to_string(), "globex/a");
    // Under the old name it is followed, and what is written goes by the new owner's installation.
    host.create_blob(&repository, "x".into(), permit()).await.unwrap();
    let log = both.twins[1].log().unwrap();
    let written = log.into_iter().find(|entry| entry.operation == "git/create-blob").unwrap();
    assert_eq!(written.subject, format!("installation:{}", both.twins[1].app().installation_id));
}
