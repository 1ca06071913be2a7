//! Wake-ups by Streams: they survive the end of whoever was handed them, what cannot be read is put aside, and a stream
//! that somebody deletes comes back.

use super::member::{OnRedis, Process, WITHIN, until};
use campaigns_actors::ports::Cluster as _;
use campaigns_domain::id::{SHARDS, Shard};
use redis::aio::MultiplexedConnection;
use std::time::Duration;
use tokio::time::{Instant, timeout};

fn every() -> usize {
    usize::from(SHARDS)
}

async fn only(installation: &OnRedis) -> Process {
    let only = Process::join(installation).await;
    until("it does not hold everything", || only.held().len() == every()).await;
    only
}

/// Somebody who holds nothing and only sends.
async fn send(installation: &OnRedis, shard: Shard) {
    let key = installation.key(&format!("wakes:{}", shard.0));
    let mut connection = installation.connection().await;
    let add = ["XADD", &key, "*", "shard", &shard.0.to_string()].map(str::to_owned);
    ask(&mut connection, &add).await;
}

async fn ask(connection: &mut MultiplexedConnection, words: &[String]) -> redis::Value {
    let mut command = redis::cmd(&words[0]);
    command.arg(&words[1..]);
    command.query_async(connection).await.unwrap()
}

async fn length(connection: &mut MultiplexedConnection, key: &str) -> i64 {
    redis::cmd("XLEN").arg(key).query_async(connection).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_dead_owner_was_handed_is_taken_over() {
    let installation = OnRedis::new();
    let (stream, shard) = (installation.key("wakes:9"), Shard(9));
    let mut connection = installation.connection().await;
    send(&installation, shard).await;
    let read = ["XGROUP", "CREATE", &stream, "owners", "0"].map(str::to_owned);
    ask(&mut connection, &read).await;
    let read = ["XREADGROUP", "GROUP", "owners", "dead", "STREAMS", &stream, ">"].map(str::to_owned);
    ask(&mut connection, &read).await;
    let only = only(&installation).await;
    assert_eq!(timeout(WITHIN, only.cluster.woken()).await.ok(), Some(shard));
    // Acknowledged and gone, and so is the dead consumer.
    let deadline = Instant::now() + WITHIN;
    while length(&mut connection, &stream).await > 0 {
        assert!(Instant::now() < deadline, "the entry is not acknowledged");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let consumers = ["XINFO", "CONSUMERS", &stream, "owners"].map(str::to_owned);
    let said = format!("{:?}", ask(&mut connection, &consumers).await);
    assert!(!said.contains("dead"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_can_read_and_what_nobody_survives_is_put_aside() {
    let installation = OnRedis::new();
    let stream = installation.key("wakes:9");
    let mut connection = installation.connection().await;
    send(&installation, Shard(9)).await;
    let create = ["XGROUP", "CREATE", &stream, "owners", "0"].map(str::to_owned);
    ask(&mut connection, &create).await;
    let read = ["XREADGROUP", "GROUP", "owners", "dead", "STREAMS", &stream, ">"].map(str::to_owned);
    ask(&mut connection, &read).await;
    for death in 0..6 {
        let claim =
            ["XAUTOCLAIM", &stream, "owners", &format!("dead-{death}"), "0", "0-0"].map(str::to_owned);
        ask(&mut connection, &claim).await;
    }
    let add = ["XADD", &stream, "*", "words", "of another version"].map(str::to_owned);
    ask(&mut connection, &add).await;
    let only = only(&installation).await;
    let letters = installation.key("dead-letters");
    let deadline = Instant::now() + WITHIN;
    while length(&mut connection, &letters).await < 2 || length(&mut connection, &stream).await > 0 {
        assert!(Instant::now() < deadline, "they are not put aside");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // The one that can be read is heard behind them.
    send(&installation, Shard(9)).await;
    assert_eq!(timeout(WITHIN, only.cluster.woken()).await.ok(), Some(Shard(9)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_somebody_deletes_is_made_again_and_one_that_nobody_reads_stays_short() {
    let installation = OnRedis::new();
    let mut connection = installation.connection().await;
    let sender = installation.connect().await;
    let stream = installation.key("wakes:9");
    for _ in 0..3_000 {
        let add = ["XADD", &stream, "MAXLEN", "~", "1000", "*", "shard", "9"].map(str::to_owned);
        ask(&mut connection, &add).await;
    }
    sender.wake(&[Shard(9)]).await;
    let deadline = Instant::now() + WITHIN;
    while length(&mut connection, &stream).await > 1_200 {
        assert!(Instant::now() < deadline, "the stream grows");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let only = only(&installation).await;
    for _ in 0..3 {
        ask(&mut connection, &["DEL".to_owned(), stream.clone()]).await;
        let heard = async {
            loop {
                sender.wake(&[Shard(9)]).await;
                // One that was sent between the deletion and the new group may be lost: that is allowed.
                if let Ok(shard) = timeout(Duration::from_secs(1), only.cluster.woken()).await {
                    return shard;
                }
            }
        };
        assert_eq!(timeout(WITHIN, heard).await.ok(), Some(Shard(9)));
    }
}
