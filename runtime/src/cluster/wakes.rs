//! Wake-ups between replicas: a stream for each shard, read by its owner as a consumer group of one.
//!
//! An entry says "look at this shard" and nothing else; what there is to do is rows. It is acknowledged once it is handed
//! out. A new owner takes over what an earlier one was handed and did not acknowledge, and an earlier owner that was
//! still listening passes on what it hears. Losing all streams costs the time until the owners look by themselves.
//! Deliberately absent: waiting for Redis on the way of a request, and order.

use super::{
    Keys,
    link::{Away, Link},
    outbox::Outbox,
    view::View,
};
use campaigns_domain::id::Shard;
use redis::{AsyncCommands as _, Script, streams::StreamReadOptions, streams::StreamReadReply};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::Notify;
use uuid::Uuid;

/// How long one read waits for news; a shard that comes to be held is listened to with the next.
pub(super) const LISTEN: Duration = Duration::from_millis(250);
/// How many entries a stream keeps, roughly; one that nobody reads grows no further.
const KEPT: usize = 1_000;
/// How many owners may have ended over one entry.
const DELIVERIES: u32 = 5;
/// How many dead letters are kept, roughly.
const DEAD_LETTERS: usize = 1_000;
const GROUP: &str = "owners";
const FIELD: &str = "shard";

/// An entry of a stream, by its id.
type Entry = String;

/// Wake-ups that have come and are not handed out yet.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    state: Mutex<Waiting>,
    more: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    shards: BTreeMap<Shard, Vec<Entry>>,
    /// Handed out, and to be acknowledged.
    handed: BTreeMap<Shard, Vec<Entry>>,
}

impl Inbox {
    fn state(&self) -> MutexGuard<'_, Waiting> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in a wake-up; many for one shard are one.
    pub(super) fn wake(&self, shard: Shard, entry: Option<Entry>) {
        self.state().shards.entry(shard).or_default().extend(entry);
        self.more.notify_one();
    }

    /// The next one.
    pub(super) async fn next(&self) -> Shard {
        loop {
            let next = {
                let mut state = self.state();
                let next = state.shards.pop_first();
                next.map(|(shard, entries)| {
                    state.handed.entry(shard).or_default().extend(entries);
                    shard
                })
            };
            match next {
                Some(shard) => return shard,
                None => self.more.notified().await,
            }
        }
    }

    /// Has wake-ups acknowledged that are not to be handed out here.
    fn heard(&self, shard: Shard, entries: Vec<Entry>) {
        self.state().handed.entry(shard).or_default().extend(entries);
    }

    fn handed(&self) -> BTreeMap<Shard, Vec<Entry>> {
        std::mem::take(&mut self.state().handed)
    }
}

/// Sends wake-ups for as long as the process lives. What cannot be sent is sent again, for there is one of a shard at most.
pub(super) async fn send(mut link: Link, keys: Keys, outbox: Arc<Outbox<Shard>>) {
    loop {
        let shards = outbox.next().await;
        let mut entries = redis::pipe();
        for shard in &shards {
            let add = entries.cmd("XADD").arg(keys.wakes(*shard)).arg("MAXLEN").arg("~").arg(KEPT);
            add.arg("*").arg(FIELD).arg(shard.0).ignore();
        }
        let sent: Result<(), Away> = async {
            entries.query_async::<()>(link.open().await?).await?;
            Ok(())
        }
        .await;
        if let Err(away) = sent {
            link.close();
            tracing::debug!(%away, shards = shards.len(), "wake-ups were not sent: they are sent again");
            outbox.send_again(shards);
            tokio::time::sleep(LISTEN).await;
        }
    }
}

/// Listens to the streams of whatever is held, for as long as the process lives.
pub(super) async fn listen(
    link: Link,
    keys: Keys,
    me: Uuid,
    view: Arc<View>,
    inbox: Arc<Inbox>,
    outbox: Arc<Outbox<Shard>>,
) {
    let recover = Script::new(include_str!("recover.lua"));
    let (me, known) = (me.to_string(), BTreeSet::new());
    let mut listener = Listener { link, keys, me, recover, known, view, inbox, outbox };
    loop {
        let held = listener.view.held();
        let heard = if held.is_empty() { Ok(false) } else { listener.round(&held).await };
        match heard {
            Ok(true) => {}
            Ok(false) => tokio::time::sleep(LISTEN).await,
            Err(away) => {
                tracing::debug!(%away, "wake-ups could not be read: they are listened to again");
                listener.link.close();
                listener.known.clear();
                tokio::time::sleep(LISTEN).await;
            }
        }
    }
}

struct Listener {
    link: Link,
    keys: Keys,
    me: String,
    recover: Script,
    /// Shards whose stream has our group and nothing left over from earlier owners.
    known: BTreeSet<Shard>,
    view: Arc<View>,
    inbox: Arc<Inbox>,
    outbox: Arc<Outbox<Shard>>,
}

impl Listener {
    /// Acknowledges, sees to what is newly held, and reads once. False where it is not worth reading on at once.
    async fn round(&mut self, held: &[Shard]) -> Result<bool, Away> {
        self.acknowledge().await?;
        self.known.retain(|shard| held.contains(shard));
        let new: Vec<Shard> = held.iter().copied().filter(|shard| !self.known.contains(shard)).collect();
        for shard in new {
            let mut call = self.recover.key(self.keys.wakes(shard));
            call.key(self.keys.dead_letters()).arg(&self.me).arg(DELIVERIES).arg(DEAD_LETTERS);
            let entries: Vec<Entry> = call.invoke_async(self.link.open().await?).await?;
            for entry in entries {
                self.inbox.wake(shard, Some(entry));
            }
            self.known.insert(shard);
        }
        let streams: Vec<String> = held.iter().map(|shard| self.keys.wakes(*shard)).collect();
        let news = vec![">"; streams.len()];
        let block = usize::try_from(LISTEN.as_millis()).unwrap_or(usize::MAX);
        let options = StreamReadOptions::default().group(GROUP, &self.me).block(block).count(100);
        let read: redis::RedisResult<Option<StreamReadReply>> =
            self.link.open().await?.xread_options(&streams, &news, &options).await;
        let read = match read {
            Ok(read) => read.unwrap_or_default(),
            // Somebody has deleted a stream: the groups are made again.
            Err(error) if error.code() == Some("NOGROUP") => {
                self.known.clear();
                return Ok(true);
            }
            Err(error) => return Err(error.into()),
        };
        for stream in read.keys {
            let shard =
                held.iter().zip(&streams).find(|(_, name)| **name == stream.key).map(|(shard, _)| *shard);
            let Some(shard) = shard else { continue };
            if !self.view.holds(shard) {
                // It changed hands while this read waited: what the new owner should have heard is sent to it.
                let heard: Vec<Entry> = stream.ids.into_iter().map(|entry| entry.id).collect();
                self.outbox.send(shard);
                self.inbox.heard(shard, heard);
                continue;
            }
            for entry in stream.ids {
                if entry.get::<u16>(FIELD) == Some(shard.0) {
                    self.inbox.wake(shard, Some(entry.id));
                } else {
                    self.bury(shard, &entry.id).await?;
                }
            }
        }
        Ok(true)
    }

    async fn acknowledge(&mut self) -> Result<(), Away> {
        let handed = self.inbox.handed();
        let mut acknowledge = redis::pipe();
        for (shard, entries) in handed.iter().filter(|(_, entries)| !entries.is_empty()) {
            let stream = self.keys.wakes(*shard);
            acknowledge.xack(&stream, GROUP, entries).ignore().xdel(&stream, entries).ignore();
        }
        if acknowledge.is_empty() {
            return Ok(());
        }
        acknowledge.query_async::<()>(self.link.open().await?).await?;
        Ok(())
    }

    /// Puts aside an entry that nobody here can read.
    async fn bury(&mut self, shard: Shard, entry: &str) -> Result<(), Away> {
        metrics::counter!("campaigns_dead_letters_total").increment(1);
        tracing::warn!(%shard, entry, "a wake-up cannot be read and is put aside");
        let stream = self.keys.wakes(shard);
        let mut bury = redis::pipe();
        let add = bury.cmd("XADD").arg(self.keys.dead_letters()).arg("MAXLEN").arg("~").arg(DEAD_LETTERS);
        add.arg("*").arg("stream").arg(&stream).arg("id").arg(entry).ignore();
        bury.xack(&stream, GROUP, &[entry]).ignore().xdel(&stream, &[entry]).ignore();
        bury.query_async::<()>(self.link.open().await?).await?;
        Ok(())
    }
}
