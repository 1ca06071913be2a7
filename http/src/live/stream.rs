//! One client's stream: it waits for the hub where it knows more than the hub, catches up from the store where it
//! knows less, and from then on passes on the hub's bytes.
//!
//! It ends when the run has, when the client is too slow, when its token is no longer good, and when the server
//! stops; in all but the first case the client comes back with its `Last-Event-ID`. Deliberately absent: buffers of
//! its own.

use super::{
    frame,
    hub::{Hub, News, PAGE, Watcher},
};
use crate::{
    auth::Gate,
    ports::{Positions, Progress, StoreError},
    serve::Draining,
};
use bytes::Bytes;
use campaigns_domain::id::RunId;
use futures::{Stream, stream::unfold};
use std::sync::Arc;
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, Interval, MissedTickBehavior, interval},
};

/// What a stream is of and for.
pub(crate) struct Watching {
    pub(crate) run: RunId,
    /// Behind which positions it begins; not beyond those of `progress`.
    pub(crate) after: Positions,
    pub(crate) progress: Progress,
    pub(crate) gate: Arc<Gate>,
    pub(crate) token: [u8; 32],
    pub(crate) draining: Option<Draining>,
}

struct Client {
    hub: Arc<Hub>,
    run: RunId,
    at: Arc<Positions>,
    phase: Phase,
    watcher: Option<Watcher>,
    heartbeat: Interval,
    /// When its token was looked up last.
    admitted: Instant,
    gate: Arc<Gate>,
    token: [u8; 32],
    draining: Option<Draining>,
    _place: OwnedSemaphorePermit,
}

enum Phase {
    /// The hub has not read as far as the client has.
    Ahead,
    /// The client reads up to here from the store, and then sends this as the last thing, if anything.
    CatchingUp(Arc<Positions>, Option<Bytes>),
    /// The client is where the hub is.
    Live,
    /// Nothing more is sent.
    Over,
}

/// The stream's bytes; `None` where this replica has as many streams as it takes.
pub(crate) fn stream(
    hub: &Arc<Hub>,
    watching: Watching,
) -> Option<impl Stream<Item = Result<Bytes, StoreError>> + Send + 'static> {
    let place = hub.places().clone().try_acquire_owned().ok()?;
    let Watching { run, after, progress, gate, token, draining } = watching;
    let (watcher, phase) = match &progress.ended {
        Some(ended) => {
            let last = frame::end(run, &progress.positions, ended);
            (None, Phase::CatchingUp(Arc::new(progress.positions), Some(last)))
        }
        None => {
            let (watcher, head) = hub.join(run, &progress.positions);
            let phase = if after.is_within(&head) { Phase::CatchingUp(head, None) } else { Phase::Ahead };
            (Some(watcher), phase)
        }
    };
    let mut heartbeat = interval(hub.settings().heartbeat);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    heartbeat.reset();
    let hub = hub.clone();
    let (at, admitted) = (Arc::new(after), Instant::now());
    let client =
        Client { hub, run, at, phase, watcher, heartbeat, admitted, gate, token, draining, _place: place };
    // In a box, since every piece moves it out of the stream and back.
    let client = Box::new(client);
    Some(unfold(client, |mut client| async move {
        let bytes = client.next().await.transpose()?;
        if bytes.is_err() {
            client.phase = Phase::Over;
        }
        Some((bytes, client))
    }))
}

impl Client {
    async fn next(&mut self) -> Result<Option<Bytes>, StoreError> {
        if self.is_dismissed().await {
            self.phase = Phase::Over;
        }
        loop {
            match &mut self.phase {
                Phase::Over => return Ok(None),
                Phase::CatchingUp(upto, last) => {
                    let rows = self.hub.events().events(self.run, &self.at, upto, PAGE).await?;
                    if !rows.is_empty() {
                        return Ok(Some(frame::frames(self.run, &rows, Arc::make_mut(&mut self.at))));
                    }
                    self.at = upto.clone();
                    let last = last.take();
                    self.phase = if last.is_some() { Phase::Over } else { Phase::Live };
                    if last.is_some() {
                        return Ok(last);
                    }
                }
                Phase::Ahead => match self.heard().await {
                    Heard::News(news) if self.at.is_within(&news.after) => {
                        self.phase = Phase::CatchingUp(news.after, news.last.then_some(news.frames));
                    }
                    Heard::News(_) => {}
                    Heard::Quiet => return Ok(Some(frame::HEARTBEAT)),
                    Heard::Nothing => self.phase = Phase::Over,
                },
                Phase::Live => match self.heard().await {
                    Heard::News(news) => {
                        self.at = news.after;
                        if news.last {
                            self.phase = Phase::Over;
                        }
                        return Ok(Some(news.frames));
                    }
                    Heard::Quiet => return Ok(Some(frame::HEARTBEAT)),
                    Heard::Nothing => self.phase = Phase::Over,
                },
            }
        }
    }

    /// Whether the client has to go, whatever there is for it: whoever is always behind never waits, and is asked here.
    async fn is_dismissed(&mut self) -> bool {
        let draining = self.draining.as_ref().is_some_and(Draining::is_draining);
        let due = self.admitted.elapsed() >= self.hub.settings().heartbeat;
        draining || due && self.is_stranger().await
    }

    /// Whether its token is no longer good.
    async fn is_stranger(&mut self) -> bool {
        self.admitted = Instant::now();
        // A database that does not answer is no reason to send everybody away.
        matches!(self.gate.look_up(&self.token).await, Ok(None))
    }

    async fn heard(&mut self) -> Heard {
        let Some(watcher) = &mut self.watcher else { return Heard::Nothing };
        let drained = async {
            match &mut self.draining {
                Some(draining) => draining.draining().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // Most often it is news, for which nothing else need be looked at.
            biased;
            // Both "too slow" and "the hub is gone" end the stream; the client resumes where it is.
            news = watcher.news() => news.map_or(Heard::Nothing, Heard::News),
            () = drained => Heard::Nothing,
            _ = self.heartbeat.tick() => match self.is_stranger().await {
                true => Heard::Nothing,
                false => Heard::Quiet,
            },
        }
    }
}

enum Heard {
    News(News),
    Quiet,
    Nothing,
}
