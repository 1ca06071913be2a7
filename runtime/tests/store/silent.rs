//! A network that fails without a word: what was sent is never answered, and nobody is told.

use super::harness::{PATIENCE, impatient, options};
use campaigns_actors::ports::{Store as _, StoreError};
use campaigns_domain::id::Shard;
use campaigns_runtime::{
    embedded::testing::{TestDatabase, fresh_database},
    store::Options,
};
use sqlx::{ConnectOptions as _, postgres::PgConnectOptions};
use std::{
    path::PathBuf,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream, UnixStream},
    sync::watch,
    time::timeout,
};
use uuid::Uuid;

/// The way to a database, which may fall silent: whoever is on it, or comes to it, is heard and never answered, and stays
/// so when others are answered again.
struct Way {
    url: String,
    silent: watch::Sender<bool>,
}

impl Way {
    async fn to(database: &TestDatabase) -> Self {
        let to: PgConnectOptions = database.url().parse().expect("an address");
        let socket = to.get_socket().expect("a socket").join(".s.PGSQL.5432");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let mut url = to.to_url_lossy();
        url.set_query(None);
        url.set_host(Some("127.0.0.1")).expect("a host");
        url.set_port(Some(port)).expect("a port");
        let (silent, is_silent) = watch::channel(false);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(connection(near, socket.clone(), is_silent.clone()));
            }
        });
        Self { url: url.into(), silent }
    }
}

async fn connection(mut near: TcpStream, socket: PathBuf, mut silent: watch::Receiver<bool>) {
    let mut far = UnixStream::connect(socket).await.expect("the database");
    tokio::select! {
        biased;
        _ = silent.wait_for(|silent| *silent) => {}
        _ = copy_bidirectional(&mut near, &mut far) => return,
    }
    drop(far);
    let mut heard = [0; 1024];
    while near.read(&mut heard).await.is_ok_and(|read| read > 0) {}
}

#[tokio::test]
async fn what_is_never_answered_is_given_up_and_its_place_is_free_again() {
    let database = fresh_database().await.expect("a database");
    let way = Way::to(&database).await;
    let moment = Duration::from_millis(300);
    let options = Options {
        connections: 1,
        fence_connections: 1,
        acquire_timeout: Duration::from_secs(2),
        fence_timeout: moment,
        statement_timeout: moment,
        ..options()
    };
    let store = impatient(&way.url, options).await;
    let (shard, me) = (Shard(1), Uuid::new_v4());
    // Each has a connection of its own by now; a busy machine may take longer than the moment.
    let begun = Instant::now();
    while store.inbox(&[shard], 1).await.is_err() || store.take_over(shard, me).await.is_err() {
        assert!(begun.elapsed() < PATIENCE, "nobody answers");
    }

    way.silent.send_replace(true);
    // One is given up by whoever asked, the other one by itself.
    let heard = timeout(moment, store.inbox(&[shard], 1)).await;
    assert!(!matches!(heard, Ok(Ok(_))), "somebody answered: {heard:?}");
    let asked = timeout(PATIENCE, store.take_over(shard, me)).await.expect("it is not waited for forever");
    assert!(matches!(asked, Err(StoreError::Unavailable(_))), "{asked:?}");

    way.silent.send_replace(false);
    let begun = Instant::now();
    while store.inbox(&[shard], 1).await.is_err() {
        assert!(begun.elapsed() < PATIENCE, "the place of what was given up is lost");
    }
    while store.take_over(shard, me).await.is_err() {
        assert!(begun.elapsed() < PATIENCE, "the place of what was not answered is lost");
    }
}
