//! What GitHub could not deliver, or says it did and never arrived, is asked for again. GitHub does not try again by
//! itself, keeps deliveries for three days, and gives an attempt a number that grows.
//!
//! Each sweep looks at the attempts since the last one and asks for at most [`MOST`]; the rest waits for the next. One
//! that fails [`TRIES`] times is left alone: reading pull requests every so often does not depend on it. Deliberately
//! absent: what a delivery says.

use super::{Delay, FENCED, Work, columns, number};
use crate::github::Attempt;
use campaigns_actors::ports::Fence;
use campaigns_http::ports::EVENTS;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::AssertSqlSafe;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// How many deliveries one sweep asks for.
const MOST: usize = 100;

/// How many pages of a hundred attempts one sweep reads.
const PAGES: usize = 20;

/// How often one delivery is asked for.
const TRIES: i32 = 5;

/// How long GitHub keeps deliveries ("Redelivering webhooks": three days).
const KEPT: TimeDelta = TimeDelta::days(3);

/// How long a delivery may be under way before it is thought to be lost.
const UNDER_WAY: TimeDelta = TimeDelta::seconds(30);

impl Work {
    /// One sweep.
    ///
    /// # Errors
    /// Where GitHub or the database did not answer; the next sweep begins where this one did.
    pub async fn redeliver(&self, fence: Fence) -> Result<(), Delay> {
        let app = number(self.github.app_id().await?);
        let upto: Option<i64> = sqlx::query_scalar("SELECT upto FROM webhook_sweeps WHERE app = $1")
            .bind(app)
            .fetch_optional(self.postgres.pool())
            .await?;
        let upto = upto.and_then(|upto| u64::try_from(upto).ok()).unwrap_or_default();
        let seen = self.attempts_since(upto).await?;
        let Some(now) = seen.iter().map(|attempt| attempt.delivered_at).max() else { return Ok(()) };
        let missing = self.missing(seen.as_slice()).await?;
        let (lost, next) = plan(&seen, &missing, upto, now);
        for attempt in &lost {
            if self.github.redeliver(attempt.id).await? {
                metrics::counter!("campaigns_webhooks_redelivered_total").increment(1);
            }
        }
        if !lost.is_empty() {
            tracing::info!(deliveries = lost.len(), "GitHub was asked to deliver webhooks again");
        }
        self.note(fence, app, &lost, next).await
    }

    /// The attempts after `upto`, newest first.
    async fn attempts_since(&self, upto: u64) -> Result<Vec<Attempt>, Delay> {
        let (mut seen, mut page) = (vec![], None);
        for _ in 0..PAGES {
            let read = self.github.attempts(page).await?;
            let end = read.attempts.iter().any(|attempt| attempt.id <= upto);
            seen.extend(read.attempts.into_iter().filter(|attempt| attempt.id > upto));
            page = read.next;
            if end || page.is_none() {
                break;
            }
        }
        Ok(seen)
    }

    /// Which of these deliveries are not kept here and have not been asked for too often.
    async fn missing(&self, seen: &[Attempt]) -> Result<BTreeSet<Uuid>, Delay> {
        let named: BTreeSet<Uuid> = seen.iter().map(|attempt| attempt.guid).collect();
        let missing: Vec<Uuid> = sqlx::query_scalar(
            "SELECT d.id FROM unnest($1::uuid[]) AS d (id) \
             WHERE NOT EXISTS (SELECT FROM webhooks w WHERE w.delivery = d.id) \
             AND NOT EXISTS (SELECT FROM webhook_redeliveries r WHERE r.delivery = d.id AND r.times >= $2)",
        )
        .bind(named.into_iter().collect::<Vec<_>>())
        .bind(TRIES)
        .fetch_all(self.postgres.pool())
        .await?;
        Ok(missing.into_iter().collect())
    }

    /// Records what was asked for and how far the sweep is.
    async fn note(&self, fence: Fence, app: i64, lost: &[&Attempt], upto: u64) -> Result<(), Delay> {
        let (shards, epochs) = columns(&[fence]);
        let asked: Vec<Uuid> = lost.iter().map(|attempt| attempt.guid).collect();
        let text = format!(
            "{FENCED}, asked AS (INSERT INTO webhook_redeliveries AS r (delivery, times) \
             SELECT a.id, 1 FROM unnest($3::uuid[]) AS a (id), f \
             ON CONFLICT (delivery) DO UPDATE SET times = r.times + 1, asked = campaigns_now()) \
             INSERT INTO webhook_sweeps AS s (app, upto) SELECT $4, $5 FROM f \
             ON CONFLICT (app) DO UPDATE SET upto = greatest(s.upto, excluded.upto), swept = campaigns_now()"
        );
        sqlx::query(AssertSqlSafe(text))
            .bind(&shards)
            .bind(&epochs)
            .bind(&asked)
            .bind(app)
            .bind(number(upto))
            .execute(self.postgres.pool())
            .await?;
        Ok(())
    }
}

/// What is asked for again of the attempts `seen` (newest first), and up to which number nothing more is to be done.
/// `now` is the newest attempt's time, so that the clocks of two machines need not agree.
fn plan<'a>(
    seen: &'a [Attempt],
    missing: &BTreeSet<Uuid>,
    upto: u64,
    now: DateTime<Utc>,
) -> (Vec<&'a Attempt>, u64) {
    let mut latest: BTreeMap<Uuid, &Attempt> = BTreeMap::new();
    for attempt in seen {
        let known = latest.entry(attempt.guid).or_insert(attempt);
        if attempt.id > known.id {
            *known = attempt;
        }
    }
    let wanted = |attempt: &&&Attempt| {
        missing.contains(&attempt.guid)
            && EVENTS.contains(&attempt.event.as_str())
            && now - attempt.delivered_at < KEPT
    };
    let mut wanted: Vec<&Attempt> = latest.values().filter(wanted).copied().collect();
    // The oldest first: they are the first that GitHub forgets.
    wanted.sort_by_key(|attempt| attempt.id);
    // One that was acknowledged a moment ago may only not be written yet.
    let fresh = |attempt: &&Attempt| attempt.arrived() && now - attempt.delivered_at < UNDER_WAY;
    let (fresh, mut lost): (Vec<&Attempt>, Vec<&Attempt>) = wanted.into_iter().partition(fresh);
    let left = if lost.len() > MOST { lost.split_off(MOST) } else { vec![] };
    let first = fresh.iter().chain(&left).map(|attempt| attempt.id).min();
    let last = seen.iter().map(|attempt| attempt.id).max().unwrap_or(upto);
    (lost, first.map_or(last, |first| first - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(id: u64, guid: u128, status_code: u16, seconds: i64) -> Attempt {
        let delivered_at = DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap();
        Attempt {
            id,
            guid: Uuid::from_u128(guid),
            delivered_at,
            status_code,
            event: "pull_request".to_owned(),
        }
    }

    fn planned(seen: &[Attempt], missing: &[u128]) -> (Vec<u64>, u64) {
        let missing = missing.iter().map(|guid| Uuid::from_u128(*guid)).collect();
        let now = seen.iter().map(|attempt| attempt.delivered_at).max().unwrap();
        let (lost, upto) = plan(seen, &missing, 0, now);
        (lost.iter().map(|attempt| attempt.id).collect(), upto)
    }

    #[test]
    fn what_failed_and_what_never_arrived_is_asked_for_once() {
        let seen =
            [attempt(9, 4, 202, 100), attempt(8, 3, 502, 60), attempt(7, 2, 202, 5), attempt(6, 1, 500, 1)];
        // 1 failed and came by another attempt, 2 was acknowledged by somebody else, 3 failed, 4 is under way.
        assert_eq!(planned(&seen, &[2, 3, 4]), (vec![7, 8], 8));
        assert_eq!(planned(&seen, &[]), (vec![], 9));
        // Of several attempts the last one is repeated.
        assert_eq!(planned(&[attempt(9, 1, 502, 9), attempt(2, 1, 502, 1)], &[1]), (vec![9], 9));
    }

    #[test]
    fn what_is_too_much_waits_and_what_is_too_old_or_no_use_does_not() {
        let many: Vec<Attempt> = (1..=250).rev().map(|id| attempt(id, u128::from(id), 502, 0)).collect();
        let all: Vec<u128> = (1..=250).collect();
        let (lost, upto) = planned(&many, &all);
        assert_eq!((lost.len(), lost[0], upto), (MOST, 1, 100));
        let old = [attempt(2, 2, 202, 3 * 24 * 60 * 60), attempt(1, 1, 502, 0)];
        assert_eq!(planned(&old, &[1]), (vec![], 2));
        let mut star = attempt(1, 1, 502, 0);
        star.event = "star".to_owned();
        assert_eq!(planned(&[star], &[1]), (vec![], 1));
    }
}
