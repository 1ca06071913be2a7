//! No token, web token or key in anything that is written down: events at every level, errors, `Debug`.

use crate::world::{app, asked, config, github, named, permit, token, twin};
use campaigns_actors::ports::{CodeHost, ReadBudget, RepositoryRef};
use campaigns_domain::selection::Query;
use campaigns_runtime::github::{Credentials, GitHub, redact};
use campaigns_twin::{Effect, Fault, Twin};
use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};
use tracing_subscriber::{filter::LevelFilter, fmt::MakeWriter};

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Written {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Every kind of call, well and badly answered; what its errors say.
async fn exercise(twin: &Twin, host: &GitHub, repository: &RepositoryRef) -> String {
    let mut said = format!("{host:?}");
    let folder = tempfile::tempdir().unwrap();
    let base = host.base(repository, "main", &ReadBudget::unlimited()).await.unwrap().unwrap();
    host.repositories(&Query::Organization(twin.org()), &ReadBudget::unlimited()).await.unwrap();
    host.snapshot(repository, &base.commit, &folder.path().join("tar"), &ReadBudget::unlimited())
        .await
        .unwrap();
    host.create_blob(repository, "x".into(), permit()).await.unwrap();
    for (status, message) in [(401, "Bad credentials"), (403, "nothing"), (422, "no"), (500, "oh")] {
        let effect = Effect::Refuse { status, message: Some(message.to_owned()), retry_after: None };
        twin.faults().add(Fault::on("git/create-blob", effect).times(2));
        said.push_str(&format!("{:?}", host.create_blob(repository, "x".into(), permit()).await));
        twin.faults().clear();
    }
    for operation in ["repos/get-branch", "repos/download-tarball-archive"] {
        twin.faults().add(Fault::on(operation, Effect::ExecuteThenDrop));
        said.push_str(&format!("{:?}", host.base(repository, "main", &ReadBudget::unlimited()).await));
        said.push_str(&format!(
            "{:?}",
            host.snapshot(repository, &base.commit, &folder.path().join("t"), &ReadBudget::unlimited()).await
        ));
        twin.faults().clear();
    }
    said
}

#[tokio::test]
async fn nothing_secret_is_written_down() {
    let written = Written::default();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE).with_writer(written.clone()).finish();
    let quiet = tracing::subscriber::set_default(tracing::subscriber::NoSubscriber::default());
    let twin = twin().await;
    let id = twin.repository("a").file("a", "1").create().await.unwrap();
    let repository = named(&twin, id, "a");
    drop(quiet);

    let guard = tracing::subscriber::set_default(subscriber);
    let mut said = String::new();
    for credentials in [token(&twin), app(&twin)] {
        said.push_str(&format!("{:?}", config(&twin, credentials.clone())));
        said.push_str(&exercise(&twin, &github(&twin, credentials), &repository).await);
    }
    drop(guard);

    let events = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    assert!(
        events.contains("GitHub answered") && events.contains("github_request_id"),
        "events were captured"
    );
    assert!(asked(&twin, "apps/create-installation-access-token") > 1);
    let Credentials::App { private_key, .. } = app(&twin) else { panic!("an App") };
    let key_lines = private_key.expose().lines().filter(|line| !line.starts_with("-----")).map(str::to_owned);
    for text in [&events, &said] {
        for secret in key_lines.clone().chain([twin.token().to_owned()]) {
            assert!(!text.contains(&secret), "a secret was written down");
        }
        // Installation tokens and web tokens are known by their form alone.
        let shown = text.lines().find(|line| redact(line) != **line);
        assert_eq!(shown, None, "something that looks like a secret was written down");
    }
}
