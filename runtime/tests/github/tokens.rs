//! Tokens of an App: one minting for many callers, one scope for one repository, a new one after a refusal.

use crate::world::{app, asked, github, named, permit, token, twin};
use campaigns_actors::ports::{CodeHost, CodeHostError, ReadBudget};
use campaigns_domain::selection::{Answer, Query};
use campaigns_runtime::github::{Credentials, GitHub, GithubConfig, Secret};
use campaigns_twin::{Effect, Fault, Twin, world::change::Change, world::model::Holder};
use futures::future::join_all;

const MINT: &str = "apps/create-installation-access-token";

/// Revokes every installation token, as an owner does who suspends and reinstates.
fn revoke_all(twin: &Twin) {
    let issued: Vec<String> = twin.world().read(|state| {
        let ours = state.grants.values().filter(|grant| matches!(grant.holder, Holder::Installation { .. }));
        ours.map(|grant| grant.digest.clone()).collect()
    });
    assert!(!issued.is_empty());
    let revoked = issued.into_iter().map(|digest| Change::TokenRevoked { digest }).collect();
    twin.world().record(revoked).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_callers_mint_once() {
    let twin = twin().await;
    let id = twin.repository("a").file("a", "1").create().await.unwrap();
    let (host, repository) = (github(&twin, app(&twin)), named(&twin, id, "a"));
    let budget = ReadBudget::unlimited();
    let answers = join_all((0..50).map(|_| host.base(&repository, "main", &budget))).await;
    assert!(answers.iter().all(|answer| matches!(answer, Ok(Some(_)))));
    assert_eq!(asked(&twin, MINT), 1);
    assert_eq!(asked(&twin, "apps/get-org-installation"), 1);
    let written = join_all((0..20).map(|_| host.create_blob(&repository, "x".into(), permit()))).await;
    assert!(written.iter().all(Result::is_ok));
    assert_eq!(asked(&twin, MINT), 2, "one more, for writing this repository");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_minting_is_shared_and_not_kept() {
    let twin = twin().await;
    let id = twin.repository("a").file("a", "1").create().await.unwrap();
    let (host, repository) = (github(&twin, app(&twin)), named(&twin, id, "a"));
    let down = Effect::Refuse { status: 503, message: None, retry_after: None };
    twin.faults().add(Fault::on(MINT, down));
    let answers = join_all((0..20).map(|_| host.create_blob(&repository, "x".into(), permit()))).await;
    assert!(answers.iter().all(|answer| matches!(answer, Err(CodeHostError::Unavailable(_)))), "{answers:?}");
    assert!(asked(&twin, MINT) < 5, "twenty callers do not fail one after the other: {}", asked(&twin, MINT));
    twin.faults().clear();
    host.create_blob(&repository, "x".into(), permit()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_is_minted_again_once() {
    let twin = twin().await;
    let id = twin.repository("a").file("a", "1").create().await.unwrap();
    let (host, repository) = (github(&twin, app(&twin)), named(&twin, id, "a"));
    host.base(&repository, "main", &ReadBudget::unlimited()).await.unwrap().unwrap();
    host.create_blob(&repository, "x".into(), permit()).await.unwrap();
    let before = asked(&twin, MINT);
    revoke_all(&twin);
    let budget = ReadBudget::unlimited();
    let answers = join_all((0..10).map(|_| host.base(&repository, "main", &budget))).await;
    assert!(answers.iter().all(|answer| matches!(answer, Ok(Some(_)))), "{answers:?}");
    host.create_blob(&repository, "y".into(), permit()).await.unwrap();
    assert_eq!(asked(&twin, MINT), before + 2, "one for each scope");
    // Where every token is refused, that is the answer, and nobody turns in circles.
    let dead = Effect::Refuse { status: 401, message: Some("Bad credentials".to_owned()), retry_after: None };
    twin.faults().add(Fault::on("git/create-blob", dead));
    let before = asked(&twin, "git/create-blob");
    let refused = host.create_blob(&repository, "z".into(), permit()).await;
    assert!(matches!(refused, Err(CodeHostError::Unauthorized(_))), "{refused:?}");
    assert_eq!(asked(&twin, "git/create-blob"), before + 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_to_write_one_repository_writes_no_other() {
    let twin = twin().await;
    for name in ["one", "other"] {
        twin.repository(name).file("a", "1").create().await.unwrap();
    }
    let host = github(&twin, app(&twin));
    let ids: Vec<_> =
        match host.repositories(&Query::Organization(twin.org()), &ReadBudget::unlimited()).await.unwrap() {
            Answer::Repositories(all) => {
                all.into_iter().map(|found| (found.name.name().to_owned(), found.id.0)).collect()
            }
            Answer::NotFound => panic!("it is there"),
        };
    let id = |name: &str| ids.iter().find(|(known, _)| known == name).unwrap().1;
    // The token is for the id; under another repository's name it reaches nothing.
    let mixed = named(&twin, id("one"), "other");
    let refused = host.create_blob(&mixed, "x".into(), permit()).await;
    assert!(matches!(refused, Err(CodeHostError::Refused(_) | CodeHostError::NotFound(_))), "{refused:?}");
    host.create_blob(&named(&twin, id("one"), "one"), "x".into(), permit()).await.unwrap();
    let grants = twin.world().read(|state| state.grants.values().cloned().collect::<Vec<_>>());
    for grant in grants {
        if let Holder::Installation { repositories, permissions, .. } = grant.holder {
            let writes = permissions.values().any(|level| level.word() != "read");
            assert!(
                !writes || repositories.is_some_and(|only| only.len() == 1),
                "writing is for one repository"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_cannot_work_are_told_apart() {
    let twin = twin().await;
    let endpoint = crate::world::endpoint(&twin, crate::world::Layout::Dotcom);
    let new = |credentials| GitHub::new(GithubConfig::at(endpoint.clone(), credentials)).map(drop);
    let words = |credentials| new(credentials).unwrap_err().to_string();
    assert!(words(Credentials::Token(Secret::new(" \n"))).contains("GITHUB_TOKEN"));
    assert!(words(Credentials::Token(Secret::new("a\u{7f}b"))).contains("no token has"));
    let broken = Credentials::App { id: "1".to_owned(), private_key: Secret::new("-----BEGIN nothing") };
    assert!(words(broken).contains("private key"));
    new(token(&twin)).unwrap();
    // An App with a key that is not its own.
    let Credentials::App { private_key, .. } = app(&twin) else { panic!("an App") };
    let stranger = github(&twin, Credentials::App { id: "Iv1.0000000000000000".to_owned(), private_key });
    let refused = stranger.check().await;
    assert!(
        matches!(refused, Err(CodeHostError::Unauthorized(_) | CodeHostError::NotFound(_))),
        "{refused:?}"
    );
}
