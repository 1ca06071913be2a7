//! The parts of the statement that move a run's counters and number its events.

use super::{
    super::input::document,
    Group, HOLDS, Sql,
    batch::{Batch, counters},
};

impl Sql {
    /// The part rows: made or moved on, locked until the commit, so that their events are numbered without gaps.
    pub(super) fn parts(&mut self, batch: &Batch<'_>) -> Result<(), String> {
        let mut moves = vec![];
        if !batch.moves.is_empty() {
            let sums = self.groups.moves(&batch.moves);
            let of: Vec<Group> = sums.iter().map(|(place, ..)| self.groups.all()[*place]).collect();
            self.input.column("shard", of.iter().map(|group| group.shard).collect::<Vec<_>>())?;
            self.input.column("epoch", of.iter().map(|group| group.epoch).collect::<Vec<_>>())?;
            self.input.column("run", of.iter().map(|group| group.run).collect::<Vec<_>>())?;
            self.input.column("counter", sums.iter().map(|row| row.1).collect::<Vec<_>>())?;
            self.input.column("by", sums.iter().map(|row| row.2).collect::<Vec<_>>())?;
            let i = self.input.rows("i");
            moves.push(format!("SELECT i.run, i.shard, 0, i.counter, i.by FROM {i} {HOLDS}"));
        }
        if !batch.new_changesets.is_empty() {
            moves.push("SELECT of_run, shard, 0, enters, 1 FROM added_changesets".to_owned());
        }
        if !batch.changesets.is_empty() {
            moves.push("SELECT old_run, shard, 0, leaves, -1 FROM changed_changesets".to_owned());
            moves.push("SELECT new_run, shard, 0, enters, 1 FROM changed_changesets".to_owned());
        }
        let (mut names, mut sums, mut sets) = (String::new(), String::new(), String::new());
        if !moves.is_empty() {
            for (place, name) in counters().enumerate() {
                names.push_str(&format!(", {name}"));
                sums.push_str(&format!(", coalesce(sum(by) FILTER (WHERE counter = {place}), 0)::bigint"));
                sets.push_str(&format!(", {name} = run_parts.{name} + excluded.{name}"));
            }
        }
        let moves: String = moves.iter().map(|select| format!(" UNION ALL {select}")).collect();
        self.part(
            "parts",
            &format!(
                "INSERT INTO run_parts (run, shard, last_sequence{names}) SELECT run, shard, sum(events)::bigint{sums} \
                 FROM (SELECT run, shard, events, NULL::smallint AS counter, 0 AS by FROM h{moves}) m \
                 GROUP BY run, shard ORDER BY run, shard \
                 ON CONFLICT (run, shard) DO UPDATE SET \
                 last_sequence = run_parts.last_sequence + excluded.last_sequence{sets} \
                 RETURNING run, shard, last_sequence"
            ),
        );
        Ok(())
    }

    pub(super) fn events(&mut self, batch: &Batch<'_>) -> Result<(), String> {
        let rows = &batch.events;
        if rows.is_empty() {
            return Ok(());
        }
        let after = rows.iter().map(|(ord, nth, _)| self.groups.after(*ord, *nth, batch.said(*ord)));
        let after = after.collect::<Result<Vec<i32>, _>>()?;
        self.owned_in_run(rows.iter().map(|row| row.0))?;
        self.input.column("place", (0..).take(rows.len()).collect::<Vec<i32>>())?;
        self.input.column("after", after)?;
        self.input.column("subject_kind", rows.iter().map(|row| row.2.subject.kind()).collect::<Vec<_>>())?;
        self.input.column("subject", rows.iter().map(|row| row.2.subject.id()).collect::<Vec<_>>())?;
        self.input.column("kind", rows.iter().map(|row| row.2.kind).collect::<Vec<_>>())?;
        self.input.column("data", rows.iter().map(|row| document(&row.2.data)).collect::<Vec<_>>())?;
        let i = self.input.rows("i");
        // The time is taken after the part is locked and in order, so that within a part it never goes back.
        self.part(
            "new_events",
            &format!(
                "INSERT INTO events (run, shard, sequence, at, subject_kind, subject, kind, data) \
                 SELECT i.run, i.shard, p.last_sequence - i.after, clock_timestamp(), \
                 i.subject_kind, i.subject, i.kind, i.data::jsonb FROM {i} {HOLDS} \
                 JOIN parts p ON p.run = i.run AND p.shard = i.shard ORDER BY i.place"
            ),
        );
        Ok(())
    }
}
