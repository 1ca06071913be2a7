//! The pool of read points on Redis: one script for an exchange, by the server's clock, over a connection of its own.
//!
//! What is kept here is the only thing in Redis that is nowhere else, and it may go all the same: every process says
//! within moments again what it has spent, and until then nothing is lent. Deliberately absent: what a process does
//! with its points, and while Redis is silent (`campaigns_actors`' read budget).

use super::{
    Keys,
    link::{Away, Link},
};
use async_trait::async_trait;
use campaigns_actors::ports::{
    AFTER_LOSS, Account, HELD_AFTER_SILENCE, Lent, PointPool, PoolSilent, Resource, grain,
};
use redis::{Script, aio::MultiplexedConnection};
use std::time::Duration;
use tokio::sync::Mutex;
use uuid::Uuid;

/// The form that counters are kept in: part of their names, so that two that differ never meet.
const FORM: u32 = 1;

/// One process's way to the pool.
pub(super) struct RedisPool {
    link: Mutex<Link>,
    keys: Keys,
    me: String,
    script: Script,
    answer_within: Duration,
}

impl RedisPool {
    /// The pool of an installation, as `me` sees it.
    pub(super) fn new(link: Link, keys: Keys, me: Uuid, answer_within: Duration) -> Self {
        let script = Script::new(include_str!("pool.lua"));
        Self { link: Mutex::new(link), keys, me: me.to_string(), script, answer_within }
    }

    /// From the first of these on it is known since when anything is kept of an installation.
    ///
    /// # Errors
    /// Where Redis does not answer.
    pub(super) async fn mark(connection: &mut MultiplexedConnection, keys: &Keys) -> Result<(), Away> {
        let (seconds, micros): (u64, u64) = redis::cmd("TIME").query_async(connection).await?;
        let mut mark = redis::cmd("SET");
        mark.arg(Self::since(keys)).arg(seconds * 1000 + micros / 1000).arg("NX");
        let _: redis::Value = mark.query_async(connection).await?;
        Ok(())
    }

    fn since(keys: &Keys) -> String {
        format!("{}reads:since", keys.prefix())
    }

    async fn ask(&self, account: &Account) -> Result<Vec<i64>, Away> {
        // Many organisations are asked about at once over one connection.
        let mut connection = self.link.lock().await.open().await?.clone();
        let resource = match account.resource {
            Resource::Rest => "rest",
            Resource::GraphQl => "graphql",
        };
        let counter = format!("{}reads:{FORM}:{resource}:{}", self.keys.prefix(), account.owner);
        let mut call = self.script.key(counter);
        call.key(Self::since(&self.keys));
        call.arg(&self.me).arg(account.number).arg(account.held).arg(account.answered);
        call.arg(account.recent).arg(account.want);
        for time in [HELD_AFTER_SILENCE, grain(&account.windows), AFTER_LOSS] {
            call.arg(whole(time));
        }
        for window in &account.windows {
            call.arg(window.seconds).arg(window.cap);
        }
        Ok(call.invoke_async(&mut connection).await?)
    }
}

#[async_trait]
impl PointPool for RedisPool {
    async fn exchange(&self, account: &Account) -> Result<Lent, PoolSilent> {
        let asked = tokio::time::timeout(self.answer_within, self.ask(account)).await;
        let answer = asked.unwrap_or_else(|_| {
            Err(Away::Unreachable(format!("no answer within {} ms", self.answer_within.as_millis())))
        });
        match answer.as_deref() {
            Ok([points, room, again]) => {
                let number = |number: &i64| u32::try_from((*number).max(0)).unwrap_or(u32::MAX);
                let again = Duration::from_millis(number(again).into());
                let points = number(points);
                tell(if account.want == 0 {
                    "told"
                } else if points == 0 {
                    "in_vain"
                } else {
                    "lent"
                });
                Ok(Lent { points, room: number(room), again })
            }
            Ok(_) => Err(PoolSilent("a later word of this replica has come before this one".to_owned())),
            Err(away) => {
                tell("silent");
                self.link.lock().await.close();
                Err(PoolSilent(away.to_string()))
            }
        }
    }
}

/// Counts an exchange by how it went.
fn tell(outcome: &'static str) {
    metrics::counter!("campaigns_read_points_asked_total", "outcome" => outcome).increment(1);
}

/// Milliseconds, at least one.
fn whole(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1)
}
