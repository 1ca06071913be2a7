//! The commands that leases are kept by: a look, which also renews and claims, and a release. Each is one script, so
//! that nothing happens between its comparison and its consequence.
//!
//! Deliberately absent: when to look, and what follows.

use super::{
    Keys,
    link::{Away, Link},
};
use campaigns_domain::id::{SHARDS, Shard};
use redis::Script;
use std::time::Duration;

/// Says what is seen of an installation's leases.
pub(super) struct Look {
    link: Link,
    keys: Keys,
    me: String,
    life: Duration,
    looks: u64,
    look: Script,
    release: Script,
}

/// What a look has shown.
#[derive(Debug)]
pub(super) struct Seen {
    /// How many members take part.
    pub(super) members: u32,
    /// The most shards that this one should hold.
    pub(super) share: usize,
    /// When the first lease of another member lapses unless it is renewed.
    pub(super) lapses_in: Option<Duration>,
    /// Shards that we hold no longer.
    pub(super) lost: Vec<Shard>,
    /// Shards that we have the lease of from now on ...
    pub(super) claimed: Vec<Shard>,
    /// ... by this token.
    pub(super) token: String,
}

impl Look {
    pub(super) fn new(link: Link, keys: Keys, me: String, life: Duration) -> Self {
        let (look, release) =
            (Script::new(include_str!("look.lua")), Script::new(include_str!("release.lua")));
        Self { link, keys, me, life, looks: 0, look, release }
    }

    /// Looks. `token` is what a shard is held by, if it is.
    pub(super) async fn look<'a>(
        &mut self,
        takes_part: bool,
        renew: bool,
        claim: bool,
        token: impl Fn(Shard) -> Option<&'a str>,
    ) -> Result<Seen, Away> {
        self.looks += 1;
        // Never the same twice, so that a renewal of an earlier claim does not pass for one of a later.
        let fresh = format!("{}:{}", self.me, self.looks);
        let mut call = self.look.key(self.keys.members());
        call.arg(self.keys.prefix())
            .arg(&self.me)
            .arg(u64::try_from(self.life.as_millis()).unwrap_or(u64::MAX));
        for flag in [takes_part, renew, claim] {
            call.arg(u8::from(flag));
        }
        call.arg(&fresh).arg(SHARDS);
        for shard in Shard::all() {
            call.arg(token(shard).unwrap_or_default());
        }
        let connection = self.link.open().await?;
        let answer: redis::RedisResult<(u32, usize, i64, String)> = call.invoke_async(connection).await;
        let (members, share, lapses, letters) = answer.inspect_err(|_| self.link.close())?;
        let which = |wanted: char| -> Vec<Shard> {
            Shard::all()
                .zip(letters.chars())
                .filter(|(_, letter)| *letter == wanted)
                .map(|(shard, _)| shard)
                .collect()
        };
        Ok(Seen {
            members,
            share,
            lapses_in: u64::try_from(lapses).ok().map(Duration::from_millis),
            lost: which('l'),
            claimed: which('n'),
            token: fresh,
        })
    }

    /// Frees a lease, if it is still held by `token`.
    pub(super) async fn release(&mut self, shard: Shard, token: &str) -> Result<(), Away> {
        let mut call = self.release.key(self.keys.lease(shard));
        call.arg(token);
        let connection = self.link.open().await?;
        let answer: redis::RedisResult<i64> = call.invoke_async(connection).await;
        answer.inspect_err(|_| self.link.close())?;
        Ok(())
    }
}
