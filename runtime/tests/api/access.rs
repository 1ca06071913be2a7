//! Tokens: the first one and its file, what ends one, and how soon.

use crate::stage::{by, good, patient, problem, stage};
use campaigns_http::{
    auth::{Bootstrap, BootstrapError, CACHED_FOR, Secret, bootstrap_token},
    ports::{Access, NewToken},
    wire::{Role, Whoami},
};
use campaigns_runtime::{embedded::testing::fresh_database, queries::Queries};
use reqwest::StatusCode;
use std::{fs, os::unix::fs::PermissionsExt};
use uuid::Uuid;

#[tokio::test]
async fn the_first_token_is_written_once_and_only_its_owner_can_read_it() {
    let database = fresh_database().await.unwrap();
    let queries = Queries::new(&patient(database.url()).await);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    assert_eq!(bootstrap_token(&queries, &path).await.unwrap(), Bootstrap::Written);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&path).unwrap();
    let secret: Secret = text.trim().parse().unwrap();
    let stored = queries.token(&secret.sha256()).await.unwrap().unwrap();
    assert_eq!((stored.role, stored.usable), (Role::Admin, true));

    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(bootstrap_token(&queries, &path).await.unwrap(), Bootstrap::Kept);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_to_string(&path).unwrap(), text);

    // Another replica, or a removed file: nobody becomes an admin by starting a server again.
    let other = folder.path().join("other");
    assert_eq!(bootstrap_token(&queries, &other).await.unwrap(), Bootstrap::Elsewhere);
    assert!(!other.exists());

    fs::write(&other, "something of somebody's\n").unwrap();
    assert!(matches!(bootstrap_token(&queries, &other).await, Err(BootstrapError::NotAToken(_))));
    assert_eq!(fs::read_to_string(&other).unwrap(), "something of somebody's\n");

    // A revoked one does not come back.
    assert!(queries.revoke_token(&by(), stored.id).await.unwrap());
    assert_eq!(bootstrap_token(&queries, &path).await.unwrap(), Bootstrap::Elsewhere);
    assert!(!queries.token(&secret.sha256()).await.unwrap().unwrap().usable);
}

/// The file is written before the row: what a crash in between leaves is taken up.
#[tokio::test]
async fn a_file_whose_token_was_not_stored_yet_is_taken_up_by_one_of_many() {
    let database = fresh_database().await.unwrap();
    let queries = Queries::new(&patient(database.url()).await);
    let folder = tempfile::tempdir().unwrap();
    let paths: Vec<_> = (0..6).map(|n| folder.path().join(format!("token-{n}"))).collect();
    for path in &paths {
        fs::write(path, Secret::mint().unwrap().expose()).unwrap();
    }
    let outcomes = futures::future::join_all(paths.iter().map(|path| bootstrap_token(&queries, path))).await;
    let written = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Bootstrap::Written))).count();
    let elsewhere = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Bootstrap::Elsewhere))).count();
    assert_eq!((written, elsewhere), (1, 5), "{outcomes:?}");
}

#[tokio::test]
async fn ended_tokens_are_refused_and_revoked_ones_soon() {
    let stage = stage().await;
    let mint = async |name: &str, expires| {
        let secret = Secret::mint().unwrap();
        let (id, name) = (Uuid::now_v7(), name.to_owned());
        let token = NewToken { id, sha256: secret.sha256(), name, role: Role::Author, expires };
        stage.queries.add_token(&by(), token).await.unwrap();
        (id, secret)
    };
    let ask = async |secret: &Secret| {
        let request =
            stage.http.get(format!("{}/api/v1/whoami", stage.server.base)).bearer_auth(secret.expose());
        request.send().await.unwrap()
    };
    let (_, over) = mint("over", Some(chrono::Utc::now() - chrono::Duration::seconds(1))).await;
    problem(ask(&over).await, StatusCode::UNAUTHORIZED).await;
    let (id, secret) = mint("robot", Some(chrono::Utc::now() + chrono::Duration::hours(1))).await;
    let who: Whoami = good(ask(&secret).await, StatusCode::OK).await;
    assert_eq!((who.token_id, who.name.as_str(), who.role), (id, "robot", Role::Author));
    assert!(who.expires_at.is_some());

    assert!(stage.queries.revoke_token(&by(), id).await.unwrap());
    assert!(!stage.queries.revoke_token(&by(), id).await.unwrap());
    let revoked = tokio::time::Instant::now();
    loop {
        let asked = revoked.elapsed();
        if ask(&secret).await.status() != StatusCode::OK {
            break;
        }
        assert!(asked < CACHED_FOR, "a revoked token is still taken {asked:?} later");
    }
    problem(ask(&secret).await, StatusCode::UNAUTHORIZED).await;
    let stored: Vec<Vec<u8>> =
        sqlx::query_scalar("SELECT sha256 FROM api_tokens").fetch_all(stage.store.pool()).await.unwrap();
    assert!(stored.iter().all(|digest| digest.len() == 32));
}
