//! Live events of one replica that another commits: they are announced by a real Redis, and no hub looks by itself.

use crate::{
    events::{Frame, Reading, exact, quick},
    stage::{Server, Stage, event_of, stage_with},
};
use campaigns_actors::ports::{Subject, Transition};
use campaigns_domain::{
    execution::target::{Target, TargetState},
    id::{RunId, Shard},
};
use campaigns_runtime::{
    cluster::{Announcements, Heard, testing},
    config::RedisUrl,
};
use serde_json::json;
use std::time::Duration;
use uuid::Uuid;

/// Longer than any test takes.
const NEVER: Duration = Duration::from_secs(86_400);

/// A replica that commits, and another one that somebody watches.
struct Two {
    stage: Stage,
    other: Server,
    run: RunId,
    target: Target,
    said: u64,
    _hears: Announcements,
}

impl Two {
    async fn on(redis: &RedisUrl) -> Self {
        let mut settings = quick();
        settings.live.poll = NEVER;
        let stage = stage_with(settings.clone()).await;
        let other = stage.another_server(settings).await;
        let (installation, hub) = (Uuid::new_v4(), other.state.hub());
        let hears = Announcements::start(redis, installation, move |heard| match heard {
            Heard::Committed(run) => hub.committed(run),
            Heard::Anything => hub.missed(),
        });
        let says = Announcements::start(redis, installation, |_| {}).unwrap();
        stage.store.tell_commits(move |run| says.committed(run));
        stage.apply("hello").await;
        let created = stage.create_run("hello").await;
        let target = stage.select(&created, &["acme/a"]).await.remove(0);
        let run = RunId(created.id);
        Self { stage, other, run, target, said: 0, _hears: hears.unwrap() }
    }

    /// A stream of the other replica that has come to now.
    async fn watch(&self) -> Watcher {
        let mut reading = Reading::open(&self.stage, &self.other, self.run.0, None).await;
        for kind in ["run.created", "run.selected"] {
            assert_eq!(reading.next().await.unwrap().kind, kind);
        }
        Watcher { reading, frames: vec![] }
    }

    /// Commits some events, each by itself.
    async fn say(&mut self, events: u64) {
        for _ in 0..events {
            self.said += 1;
            let mut transition = Transition::new(self.stage.fence(Shard(5)).await, self.run);
            let data = json!({ "part": 5, "number": self.said });
            transition.events.push(event_of(Subject::Run(self.run), "test.happened", data));
            self.stage.commit(transition).await;
        }
    }
}

struct Watcher {
    reading: Reading,
    frames: Vec<Frame>,
}

impl Watcher {
    /// Waits until everything that was said has come, each once and in order.
    async fn hears_all_of(&mut self, two: &Two) {
        while (self.frames.len() as u64) < two.said {
            self.frames.push(self.reading.next().await.expect("the stream ended"));
        }
        assert_eq!(exact(&self.frames) as u64, two.said);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_replica_commits_is_watched_on_another_without_looking() {
    let mut two = Two::on(&testing::shared().unwrap()).await;
    let mut watcher = two.watch().await;
    for _ in 0..10 {
        two.say(3).await;
        watcher.hears_all_of(&two).await;
    }
    two.stage.end(two.run).await;
    two.stage.move_target(&two.target, TargetState::Cancelled, "target.cancelled").await;
    for kind in ["run.cancelled", "target.cancelled", "end"] {
        assert_eq!(watcher.reading.next().await.unwrap().kind, kind);
    }
    assert!(watcher.reading.next().await.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_forgets_hangs_up_or_goes_away_loses_no_event() {
    let mut redis = testing::own(&[]).unwrap();
    let mut two = Two::on(&redis.url().unwrap()).await;
    let mut watcher = two.watch().await;
    two.say(5).await;
    watcher.hears_all_of(&two).await;

    redis.flush().await.unwrap();
    two.say(5).await;
    watcher.hears_all_of(&two).await;

    // Whoever listens is hung up on, then whoever says, then both, and something is said at once each time.
    for kinds in [&["pubsub"][..], &["normal"], &["normal", "pubsub"]] {
        for kind in kinds {
            redis.hang_up(kind).await.unwrap();
        }
        two.say(5).await;
        watcher.hears_all_of(&two).await;
    }

    redis.kill();
    two.say(5).await;
    redis.start().unwrap();
    watcher.hears_all_of(&two).await;
    two.say(5).await;
    watcher.hears_all_of(&two).await;
}
