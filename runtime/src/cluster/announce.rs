//! Announcements: every replica says on one channel which runs have new events, so that those that somebody watches
//! elsewhere are read at once.
//!
//! An announcement follows its commit and is never waited for; many of one run within [`GATHER`] are one. What cannot be
//! said is said again, and whoever was not listening for a moment is told to look at everything, so a Redis that is away
//! or forgets costs time. Deliberately absent: the events, which are read from the store, and anything kept in Redis.

use super::{
    Keys,
    link::{Away, Link},
    outbox::Outbox,
};
use crate::config::RedisUrl;
use campaigns_domain::id::RunId;
use futures::StreamExt as _;
use redis::{Client, RedisResult};
use std::{convert::Infallible, future::Future, sync::Arc, time::Duration};
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

/// The least time between two announcements of one replica; the first after a silence goes at once.
const GATHER: Duration = Duration::from_millis(25);
/// How long a silent connection is believed to live; then it is asked.
const SILENT: Duration = Duration::from_secs(1);
/// How long Redis may take to answer.
const ANSWER: Duration = Duration::from_secs(2);
/// How long a failure is left alone.
const AGAIN: Duration = Duration::from_millis(250);

/// What is heard of other replicas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// Another replica has committed events of this run.
    Committed(RunId),
    /// Nobody listened until now: anything may have been committed.
    Anything,
}

/// One replica's part in the announcements of an installation. It neither says nor hears anything once it is dropped.
#[derive(Debug)]
pub struct Announcements {
    outbox: Arc<Outbox<RunId>>,
    _tasks: [AbortOnDropHandle<()>; 2],
}

impl Announcements {
    /// Takes part: `heard` is called for what the others say, and must not block. Redis need not be there yet.
    ///
    /// # Errors
    /// Where the address is none of Redis'.
    pub fn start(
        url: &RedisUrl,
        installation: Uuid,
        heard: impl Fn(Heard) + Send + Sync + 'static,
    ) -> Result<Self, Away> {
        // Redis says to everybody what one of them says: a replica knows its own by this.
        let me = Uuid::new_v4();
        let channel = Keys::of(installation).announcements();
        let outbox = Arc::new(Outbox::default());
        let sending = Link::new(url, "campaigns-announce", ANSWER)?;
        let client = Client::open(url.expose())?;
        let saying = tokio::spawn(say(sending, channel.clone(), me, outbox.clone()));
        let hearing = tokio::spawn(hear(client, channel, me, heard));
        Ok(Self { outbox, _tasks: [AbortOnDropHandle::new(saying), AbortOnDropHandle::new(hearing)] })
    }

    /// Has it announced that events of this run are committed. Never waits.
    pub fn committed(&self, run: RunId) {
        self.outbox.send(run);
    }
}

async fn say(mut link: Link, channel: String, me: Uuid, outbox: Arc<Outbox<RunId>>) {
    loop {
        let runs = outbox.next().await;
        let words: Vec<String> = std::iter::once(me).chain(runs.iter().map(|run| run.0)).map(text).collect();
        let said: Result<(), Away> = async {
            let mut publish = redis::cmd("PUBLISH");
            publish.arg(&channel).arg(words.join(" "));
            Ok(publish.query_async::<()>(link.open().await?).await?)
        }
        .await;
        if let Err(away) = said {
            tracing::debug!(%away, runs = runs.len(), "runs were not announced: they are announced again");
            link.close();
            outbox.send_again(runs);
            tokio::time::sleep(AGAIN).await;
        }
        tokio::time::sleep(GATHER).await;
    }
}

async fn hear(client: Client, channel: String, me: Uuid, heard: impl Fn(Heard)) {
    loop {
        let Err(away) = listen(&client, &channel, me, &heard).await;
        tracing::debug!(%away, "announcements could not be heard: they are listened to again");
        tokio::time::sleep(AGAIN).await;
    }
}

/// Listens until the connection ends.
async fn listen(
    client: &Client,
    channel: &str,
    me: Uuid,
    heard: &impl Fn(Heard),
) -> Result<Infallible, Away> {
    let mut connection = within(client.get_async_pubsub()).await?;
    within(connection.subscribe(channel)).await?;
    // Only now nothing is missed any more.
    heard(Heard::Anything);
    let (mut asking, mut said) = connection.split();
    loop {
        match tokio::time::timeout(SILENT, said.next()).await {
            Ok(Some(message)) => read(&message.get_payload::<String>()?, me, heard),
            Ok(None) => return Err(Away::Unreachable("the connection was closed".to_owned())),
            // An end that nobody told of is seen by this alone.
            Err(_) => within(asking.ping()).await?,
        }
    }
}

async fn within<T>(asked: impl Future<Output = RedisResult<T>>) -> Result<T, Away> {
    let silent = |_| Away::Unreachable("it takes connections and says nothing".to_owned());
    Ok(tokio::time::timeout(ANSWER, asked).await.map_err(silent)??)
}

/// Words that are no ids are passed over: a later version may say more.
fn read(message: &str, me: Uuid, heard: &impl Fn(Heard)) {
    let mut ids = message.split(' ').map(Uuid::try_parse);
    match ids.next() {
        Some(Ok(from)) if from != me => ids.flatten().for_each(|run| heard(Heard::Committed(RunId(run)))),
        _ => {}
    }
}

fn text(id: Uuid) -> String {
    id.simple().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[test]
    fn what_others_say_is_heard_and_nothing_else() {
        let (me, other, run) = (Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3));
        let of = |message: String| {
            let all = RefCell::new(vec![]);
            read(&message, me, &|heard| all.borrow_mut().push(heard));
            all.into_inner()
        };
        let committed = Heard::Committed(RunId(run));
        assert_eq!(of(format!("{} {}", text(other), text(run))), [committed]);
        assert_eq!(of(format!("{} later {} {}", text(other), text(run), text(run))), [committed; 2]);
        assert_eq!(of(format!("{} {}", text(me), text(run))), []);
        assert_eq!(of(text(other)), []);
        assert_eq!(of(format!("nobody {}", text(run))), []);
        assert_eq!(of(String::new()), []);
    }
}
