//! For how long limits held a storm up, by the product's rows and the code host's log.
//!
//! A limit binds while a changeset waits for its turn and a window has no room for it. Two things take room up: what
//! counts in the window, and whatever has been begun and has no permit yet, since a changeset is begun only where there
//! is room for its pull request, which nobody else can have from then on. By the permits alone a window that is in use
//! all the time is hardly ever full: the room that has just come free is on its way to be used.
//!
//! Deliberately absent: whatever else delays a write (the distance between two, quiet after a refusal, an owner that is
//! gone). While that is so and a window has room, no limit binds.

use crate::{
    judge::{
        SECOND,
        windows::{self, Window},
    },
    world::World,
};
use anyhow::{Context as _, Result};
use campaigns_twin::Entry;
use std::collections::BTreeMap;

/// From when, and until before when; microseconds since 1970, by the clock that the database and the twin go by, too.
type Span = (i64, i64);

/// How long a changeset that was put off is not ready to be sent: longer than the product waits after the fifth time in a
/// row. From then on it waits for its turn again.
const PUT_OFF: i64 = 10 * SECOND;

/// What the product has on record of its writes.
pub(super) struct Record {
    /// When each permit was granted, and from when on it counted for the length of a window. One that was taken by a
    /// replica that was killed before it could write counts as well: others wait for it, and the host never sees it.
    permits: Vec<Span>,
    /// What happened to each changeset, by its repository, in order.
    happened: BTreeMap<String, Vec<(i64, String)>>,
}

impl Record {
    pub(super) fn of(world: &World) -> Result<Self> {
        let micros = |column: &str| format!("(extract(epoch FROM {column}) * 1000000)::bigint");
        let mut session = world.session()?;
        let permits = session.ask(&format!(
            "SELECT 'permits ' || coalesce(string_agg({} || ':' || {}, ' '), '') FROM permits WHERE content",
            micros("granted"),
            micros("counts_from")
        ))?;
        let events = session.ask(&format!(
            "SELECT 'events ' || coalesce(string_agg(c.repository || ':' || {} || ':' || e.kind, ' ' \
             ORDER BY e.run, e.shard, e.sequence), '') FROM events e JOIN changesets c ON c.id = e.subject",
            micros("e.at")
        ))?;
        let words = |line: &str| -> Vec<Vec<String>> {
            let words = line.split(' ').skip(1).filter(|word| !word.is_empty());
            words.map(|word| word.split(':').map(str::to_owned).collect()).collect()
        };
        let mut record = Self { permits: vec![], happened: BTreeMap::new() };
        for word in words(&permits) {
            let [granted, counts] = &word[..] else { anyhow::bail!("a permit without times: {word:?}") };
            record.permits.push((granted.parse()?, counts.parse()?));
        }
        for word in words(&events) {
            let [repository, at, kind] = &word[..] else {
                anyhow::bail!("an event without a time: {word:?}")
            };
            let at = at.parse().with_context(|| format!("an event without a time: {word:?}"))?;
            record.happened.entry(repository.clone()).or_default().push((at, kind.clone()));
        }
        Ok(record)
    }

    /// For how many microseconds of a storm a window had no room for a changeset that waited.
    pub(super) fn held_up(&self, limits: &[Window], log: &[Entry], storm: Span) -> i64 {
        let (waiting, begun) = self.turns(log);
        let taken = |window: &Window| {
            let counts = self.permits.iter().map(|(granted, counts)| (*granted, counts + window.length));
            (window.most, counts.chain(begun.iter().copied()).collect())
        };
        let counters: Vec<_> = limits.iter().map(taken).collect();
        windows::full(&counters, &within(&waiting, storm))
    }

    /// The same by what counts alone.
    pub(super) fn full_by_permits(&self, limits: &[Window], storm: Span) -> i64 {
        let (waiting, _) = self.turns(&[]);
        let counts = |window: &Window| {
            let spans = self.permits.iter().map(|(granted, counts)| (*granted, counts + window.length));
            (window.most, spans.collect())
        };
        let counters: Vec<_> = limits.iter().map(counts).collect();
        windows::full(&counters, &within(&waiting, storm))
    }

    /// When changesets waited for their turn, and when they had been begun and had no permit for their pull request.
    fn turns(&self, log: &[Entry]) -> (Vec<Span>, Vec<Span>) {
        let mut granted: Vec<i64> = self.permits.iter().map(|(granted, _)| *granted).collect();
        granted.sort_unstable();
        // What arrived was sent by the permit that was granted last before.
        let permit = |arrived: i64| granted[..granted.partition_point(|at| *at <= arrived)].last().copied();
        let opening = |entry: &&Entry| entry.operation == "pulls/create";
        let mut sent: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
        for entry in log.iter().filter(opening) {
            if let (Some(repository), Some(at)) = (entry.repo.as_deref(), permit(entry.arrived)) {
                sent.entry(repository).or_default().push(at);
            }
        }
        let (mut waiting, mut begun) = (vec![], vec![]);
        for (repository, happened) in &self.happened {
            let ends = happened.iter().skip(1).map(|(at, _)| *at).chain([i64::MAX]);
            for ((from, kind), to) in happened.iter().zip(ends) {
                match kind.as_str() {
                    "changeset.proposed" => waiting.push((*from, to)),
                    "changeset.deferred" => waiting.push((from.saturating_add(PUT_OFF), to)),
                    "changeset.publishing" => {
                        let sent = sent.get(repository.as_str()).into_iter().flatten();
                        let permit = sent.copied().filter(|at| from < at && *at < to).min();
                        begun.push((*from, permit.unwrap_or(to)));
                    }
                    _ => {}
                }
            }
        }
        (waiting, begun)
    }
}

/// The part of each span that is within another.
fn within(spans: &[Span], whole: Span) -> Vec<Span> {
    spans.iter().map(|(from, to)| ((*from).max(whole.0), (*to).min(whole.1))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A window of ten that holds one, and two changesets.
    fn record() -> (Record, Vec<Window>, Vec<Entry>) {
        let of = |events: &[(i64, &str)]| {
            events.iter().map(|(at, kind)| (*at, format!("changeset.{kind}"))).collect::<Vec<_>>()
        };
        let happened = BTreeMap::from([
            ("acme/a".to_owned(), of(&[(0, "proposed"), (2, "publishing"), (6, "published")])),
            ("acme/b".to_owned(), of(&[(1, "proposed"), (20, "publishing"), (25, "published")])),
        ]);
        let entry = |repo: &str, arrived: i64| -> Entry {
            serde_json::from_value(serde_json::json!({
                "time": "", "arrived": arrived, "method": "POST", "path": "", "operation": "pulls/create",
                "status": 201, "subject": "user:1", "counted": true, "content_creating": true, "repo": repo,
                "request_id": "", "micros": 0,
            }))
            .unwrap()
        };
        let log = vec![entry("acme/a", 5), entry("acme/b", 23)];
        let window = Window { most: 1, length: 10 };
        (Record { permits: vec![(4, 5), (22, 23)], happened }, vec![window], log)
    }

    #[test]
    fn a_limit_binds_while_one_waits_and_the_room_is_taken_by_what_counts_or_has_been_begun() {
        let (record, limits, log) = record();
        // From 2 the room is the first one's, from 4 its permit's until 15; then there is room for whoever still waits.
        assert_eq!(record.held_up(&limits, &log, (0, 100)), 13);
        assert_eq!(record.full_by_permits(&limits, (0, 100)), 11);
        assert_eq!(record.held_up(&limits, &log, (0, 7)), 5);
        // Nobody waits while the second one's permit counts.
        assert_eq!(record.held_up(&limits, &log, (20, 100)), 0);
    }

    #[test]
    fn one_that_was_put_off_waits_again_after_a_while() {
        let (mut record, limits, log) = record();
        let events =
            [(30, "publishing"), (31, "deferred")].map(|(at, kind)| (at, format!("changeset.{kind}")));
        record.happened.insert("acme/c".to_owned(), events.to_vec());
        record.permits.push((31 + PUT_OFF - 2, 31 + PUT_OFF - 2));
        // From the end of its pause until the permit counts no more.
        assert_eq!(record.held_up(&limits, &log, (40, i64::MAX)), 8);
    }

    #[test]
    fn a_place_is_not_counted_twice() {
        let (record, _, log) = record();
        let limits = [Window { most: 2, length: 10 }];
        assert_eq!(record.held_up(&limits, &log, (0, 100)), 0);
    }
}
