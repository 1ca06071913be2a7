//! One App in two organisations: each is read and written with a token of its own installation.

use crate::world::{asked, named, permit};
use campaigns_actors::ports::{CodeHost, ReadBudget};
use campaigns_runtime::github::{Credentials, Endpoint, GitHub, GithubConfig, Secret};
use campaigns_twin::{Options, Together};
use std::collections::BTreeSet;

const MINT: &str = "apps/create-installation-access-token";

#[tokio::test(flavor = "multi_thread")]
async fn each_organisation_has_a_token_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let both = Together::start(folder.path(), &["acme", "globex"], Options::default()).await.unwrap();
    let app = both.app().unwrap();
    let private_key = Secret::new(std::fs::read_to_string(app.private_key_file).unwrap());
    let credentials = Credentials::App { id: app.id.to_string(), private_key };
    let host =
        GitHub::new(GithubConfig::at(Endpoint::exact(&both.url(), false).unwrap(), credentials)).unwrap();
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
