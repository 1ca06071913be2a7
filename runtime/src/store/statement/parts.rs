//! The parts of the statement that move a run's counters and number its events.

use super::{
    super::input::document,
    Sql,
    batch::{Batch, changeset_counters},
};
use std::fmt::Write as _;

impl Sql {
    /// The part rows: made or moved on, locked until the commit, so that their events are numbered without gaps.
    pub(super) fn parts(&mut self, batch: &Batch<'_>) -> Result<(), String> {
        let targets: Vec<&str> = self.moved(batch).into_iter().map(|(name, _)| name).collect();
        let of_targets: String = targets.iter().map(|name| format!(", {name}")).collect();
        let mut moves = String::new();
        let mut moved = |run: &str, counter: &str, by: i8, from: &str| {
            let zeros = ", 0".repeat(targets.len());
            // Writing to a string cannot fail.
            let _ = write!(moves, " UNION ALL SELECT {run}, shard, 0{zeros}, {counter}, {by} FROM {from}");
        };
        if !batch.new_changesets.is_empty() {
            moved("of_run", "enters", 1, "added_changesets");
        }
        if !batch.changesets.is_empty() {
            moved("old_run", "leaves", -1, "changed_changesets");
            moved("new_run", "enters", 1, "changed_changesets");
        }
        let one = self.input.is_lone() && moves.is_empty();
        let (names, rows) = if moves.is_empty() {
            // What each group adds is known: nothing has to be added up here.
            let order = if one { "" } else { " ORDER BY run, shard" };
            let rows = format!("SELECT run, shard, events{of_targets} FROM h{order}");
            (of_targets, rows)
        } else {
            let (mut names, mut sums) = (of_targets.clone(), String::new());
            for name in &targets {
                let _ = write!(sums, ", sum({name})::bigint");
            }
            for (place, name) in changeset_counters() {
                let _ = write!(names, ", {name}");
                let _ = write!(sums, ", coalesce(sum(by) FILTER (WHERE counter = {place}), 0)::bigint");
            }
            let rows = format!(
                "SELECT run, shard, sum(events)::bigint{sums} FROM (SELECT run, shard, events{of_targets}, \
                 NULL::smallint AS counter, 0 AS by FROM h{moves}) m GROUP BY run, shard ORDER BY run, shard"
            );
            (names, rows)
        };
        let sets: String = (names.split(", ").filter(|name| !name.is_empty()))
            .map(|name| format!(", {name} = run_parts.{name} + excluded.{name}"))
            .collect();
        self.part(
            "parts",
            &format!(
                "INSERT INTO run_parts (run, shard, last_sequence{names}) {rows} \
                 ON CONFLICT (run, shard) DO UPDATE SET \
                 last_sequence = run_parts.last_sequence + excluded.last_sequence{sets} \
                 RETURNING run, shard, last_sequence"
            ),
        );
        // Of a lone transition that moves no other part, the one part is the one group's, at its place.
        let _ = match (one, self.input.is_lone()) {
            (true, _) => write!(
                self.text,
                ",\np AS NOT MATERIALIZED (SELECT 0 AS place, run, shard, last_sequence FROM parts)"
            ),
            (false, lone) => write!(
                self.text,
                ",\np AS (SELECT {} AS place, h.run, h.shard, parts.last_sequence \
                 FROM parts JOIN h ON h.run = parts.run AND h.shard = parts.shard)",
                if lone { "0" } else { "h.place" }
            ),
        };
        Ok(())
    }

    pub(super) fn events(&mut self, batch: &Batch<'_>) -> Result<(), String> {
        let rows = &batch.events;
        if rows.is_empty() {
            return Ok(());
        }
        let after = rows.iter().map(|(ord, nth, _)| self.groups.after(*ord, *nth, batch.said(*ord)));
        let after = after.collect::<Result<Vec<i32>, _>>()?;
        self.owned(rows.iter().map(|row| row.0))?;
        self.input.column("after", after)?;
        self.input.column("subject_kind", rows.iter().map(|row| row.2.subject.kind()).collect::<Vec<_>>())?;
        self.input.column("subject", rows.iter().map(|row| row.2.subject.id()).collect::<Vec<_>>())?;
        self.input.column("kind", rows.iter().map(|row| row.2.kind).collect::<Vec<_>>())?;
        self.input.column("data", rows.iter().map(|row| document(&row.2.data)).collect::<Vec<_>>())?;
        let (of, order) = match (self.input.is_lone(), rows.len()) {
            (true, 1) => ("CROSS JOIN p", ""),
            (true, _) => ("CROSS JOIN p", " ORDER BY i.after DESC"),
            (false, _) => ("JOIN p ON p.place = i.of_group", " ORDER BY i.of_group, i.after DESC"),
        };
        let i = self.input.rows("i");
        // The time is taken after the part is locked and in order, so that within a part it never goes back.
        self.part(
            "new_events",
            &format!(
                "INSERT INTO events (run, shard, sequence, at, subject_kind, subject, kind, data) \
                 SELECT p.run, p.shard, p.last_sequence - i.after, clock_timestamp(), \
                 i.subject_kind, i.subject, i.kind, i.data::jsonb FROM {i} \
                 {of}{order}"
            ),
        );
        Ok(())
    }
}
