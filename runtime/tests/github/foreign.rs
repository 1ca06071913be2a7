//! What points elsewhere is not followed with a credential: two bare listeners, one that poses as GitHub and
//! points at the other, which notes what it is sent.

use crate::world::{patient, permit};
use campaigns_actors::ports::{CodeHost, CodeHostError, ReadBudget, RepositoryRef};
use campaigns_domain::{
    id::{CommitSha, RepositoryId, RepositoryName},
    selection::Query,
};
use campaigns_runtime::github::{Credentials, Endpoint, GitHub, Secret};
use std::sync::{Arc, Mutex};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

const CANARY: &str = "ghp_canarycanarycanarycanarycanarycanary";

struct Listener {
    url: String,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Listener {
    /// Answers every request with what `answer` makes of it.
    async fn start(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (notes, answer) = (Arc::clone(&heard), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (notes, answer) = (Arc::clone(&notes), Arc::clone(&answer));
                tokio::spawn(async move {
                    let mut request = Vec::new();
                    let mut buffer = [0; 4096];
                    while !is_whole(&request) {
                        match stream.read(&mut buffer).await {
                            Ok(count) if count > 0 => request.extend_from_slice(&buffer[..count]),
                            _ => return,
                        }
                    }
                    let request = String::from_utf8_lossy(&request).into_owned();
                    let reply = answer(&request);
                    notes.lock().unwrap().push(request);
                    let _ = stream.write_all(reply.as_bytes()).await;
                });
            }
        });
        Self { url, heard }
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length =
        head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
    body.len() >= length
}

fn reply(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

fn adapter(url: &str) -> GitHub {
    let endpoint = Endpoint::exact(url, false).unwrap();
    let mut config = patient(endpoint, Credentials::Token(Secret::new(CANARY)));
    config.read_attempts = 1;
    GitHub::new(config).unwrap()
}

fn repository() -> RepositoryRef {
    RepositoryRef { id: RepositoryId(1), name: RepositoryName::new("acme", "a").unwrap() }
}

fn commit() -> CommitSha {
    CommitSha("a".repeat(40))
}

#[tokio::test]
async fn a_next_page_elsewhere_is_an_error_and_never_asked() {
    let elsewhere = Listener::start(|_| reply("200 OK", "", "[]")).await;
    let link = format!("link: <{}/orgs/acme/repos?page=2>; rel=\"next\"\r\n", elsewhere.url);
    let posing = Listener::start(move |_| reply("200 OK", &link, "[]")).await;
    let answer = adapter(&posing.url)
        .repositories(&Query::Organization("acme".to_owned()), &ReadBudget::unlimited())
        .await;
    assert!(
        matches!(&answer, Err(CodeHostError::Refused(words)) if words.contains("another host")),
        "{answer:?}"
    );
    assert!(
        posing.heard().iter().all(|request| request.contains(CANARY)),
        "its own host gets the credential"
    );
    assert!(elsewhere.heard().is_empty());
}

#[tokio::test]
async fn redirects_elsewhere_are_not_followed() {
    let elsewhere = Listener::start(|_| reply("200 OK", "", "{}")).await;
    for status in ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let location = format!("location: {}/stolen\r\n", elsewhere.url);
        let posing = Listener::start(move |_| reply(status, &location, "{}")).await;
        let (host, repository) = (adapter(&posing.url), repository());
        let folder = tempfile::tempdir().unwrap();
        assert!(
            host.repositories(&Query::Repository(repository.name.clone()), &ReadBudget::unlimited())
                .await
                .is_err()
        );
        assert!(host.base(&repository, "main", &ReadBudget::unlimited()).await.is_err());
        assert!(
            host.snapshot(&repository, &commit(), &folder.path().join("tar"), &ReadBudget::unlimited())
                .await
                .is_err()
        );
        assert!(host.create_blob(&repository, "x".into(), permit()).await.is_err());
        assert!(posing.heard().len() >= 4);
    }
    // A host that only looks like it: the port is part of it, and so is the scheme.
    assert!(elsewhere.heard().is_empty(), "{:?}", elsewhere.heard());
}

#[tokio::test]
async fn an_archive_elsewhere_on_the_same_host_gets_no_credential() {
    let posing = Arc::new(Mutex::new(String::new()));
    let own = Arc::clone(&posing);
    let listener = Listener::start(move |request| {
        if request.contains("/_codeload/") {
            return reply("404 Not Found", "", "{}");
        }
        reply("302 Found", &format!("location: {}/_codeload/a?token=grant\r\n", own.lock().unwrap()), "")
    })
    .await;
    posing.lock().unwrap().clone_from(&listener.url);
    let host = adapter(&format!("{}/api/v3", listener.url));
    let folder = tempfile::tempdir().unwrap();
    assert!(
        host.snapshot(&repository(), &commit(), &folder.path().join("tar"), &ReadBudget::unlimited())
            .await
            .is_err()
    );
    let heard = listener.heard();
    assert_eq!(heard.len(), 2);
    assert!(heard[0].contains("/api/v3/repos/acme/a/tarball/") && heard[0].contains(CANARY));
    assert!(heard[1].contains("/_codeload/") && !heard[1].to_lowercase().contains("authorization"));
}

#[tokio::test]
async fn answers_that_make_no_sense_say_nothing_about_a_write() {
    for (status, body) in [("200 OK", "<html>"), ("201 Created", "{\"sha\":"), ("200 OK", "")] {
        let posing = Listener::start(move |_| reply(status, "", body)).await;
        let (host, repository) = (adapter(&posing.url), repository());
        let read = host.base(&repository, "main", &ReadBudget::unlimited()).await;
        assert!(matches!(read, Err(CodeHostError::Unavailable(_))), "{read:?}");
        let write = host.create_blob(&repository, "x".into(), permit()).await;
        assert!(matches!(write, Err(CodeHostError::Inconclusive(_))), "{write:?}");
        let sent = posing.heard().iter().filter(|request| request.starts_with("POST")).count();
        assert_eq!(sent, 1, "a POST is sent once");
    }
}

#[tokio::test]
async fn a_write_that_cannot_leave_was_not_done() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let answer = adapter(&url).create_blob(&repository(), "x".into(), permit()).await;
    assert!(matches!(&answer, Err(CodeHostError::Unavailable(_))), "nobody listens: {answer:?}");
}

#[tokio::test]
async fn a_write_that_is_not_answered_in_time_is_unknown() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let endpoint = Endpoint::exact(&format!("http://{}", listener.local_addr().unwrap()), false).unwrap();
    let mut config = patient(endpoint, Credentials::Token(Secret::new(CANARY)));
    config.timeouts.write = std::time::Duration::from_millis(50);
    let host = GitHub::new(config).unwrap();
    let answer = host.create_blob(&repository(), "x".into(), permit()).await;
    assert!(matches!(&answer, Err(CodeHostError::Unknown(_))), "{answer:?}");
}
