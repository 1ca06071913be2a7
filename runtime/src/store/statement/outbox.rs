//! The parts of the statement that write admissions, effects and messages.

use super::{
    super::input::{json, shard, small},
    Sql,
    batch::Batch,
};
use campaigns_actors::ports::AdmissionState;

impl Sql {
    pub(super) fn admissions(&mut self, batch: &Batch<'_>) -> Result<(), String> {
        let rows = &batch.admissions;
        if rows.is_empty() {
            return Ok(());
        }
        let attempts: Vec<i32> = rows.iter().map(|row| small(row.2)).collect::<Result<_, _>>()?;
        self.owned(rows.iter().map(|row| row.0))?;
        self.input.column("place", (0..).take(rows.len()).collect::<Vec<i32>>())?;
        self.input.column("target", rows.iter().map(|row| row.1.0).collect::<Vec<_>>())?;
        self.input.column("attempt", attempts)?;
        self.input.column("state", rows.iter().map(|row| admission(row.3)).collect::<Vec<_>>())?;
        let i = self.input.rows("i");
        let holds = self.holds();
        self.part(
            "new_admissions",
            &format!(
                "INSERT INTO admissions (run, target, attempt, state) SELECT h.run, i.target, i.attempt, i.state \
                 FROM {i} {holds} ORDER BY i.place \
                 ON CONFLICT (run, target, attempt) DO UPDATE SET state = excluded.state"
            ),
        );
        Ok(())
    }

    pub(super) fn effects(&mut self, batch: &Batch<'_>) -> Result<(), String> {
        let begun = &batch.begun;
        if !begun.is_empty() {
            let generations: Vec<i32> =
                begun.iter().map(|row| small(row.1.generation)).collect::<Result<_, _>>()?;
            self.owned(begun.iter().map(|row| row.0))?;
            self.input.column("place", (0..).take(begun.len()).collect::<Vec<i32>>())?;
            self.input.column("id", begun.iter().map(|row| row.1.id.0).collect::<Vec<_>>())?;
            self.input.column("of_run", begun.iter().map(|row| row.1.run.0).collect::<Vec<_>>())?;
            self.input
                .column("subject_kind", begun.iter().map(|row| row.1.subject.kind()).collect::<Vec<_>>())?;
            self.input.column("subject", begun.iter().map(|row| row.1.subject.id()).collect::<Vec<_>>())?;
            self.input.column("kind", begun.iter().map(|row| row.1.kind.as_str()).collect::<Vec<_>>())?;
            self.input.column("generation", generations)?;
            self.input.column("done", begun.iter().map(|row| row.2).collect::<Vec<_>>())?;
            let i = self.input.rows("i");
            let holds = self.holds();
            // An effect that was put off is begun again under the same id: it is in flight again.
            self.part(
                "begun_effects",
                &format!(
                    "INSERT INTO effects (id, shard, epoch, run, subject_kind, subject, kind, generation, state, finished) \
                     SELECT i.id, h.shard, h.epoch, i.of_run, i.subject_kind, i.subject, i.kind, i.generation, \
                     CASE WHEN i.done THEN 'done' ELSE 'in_flight' END, CASE WHEN i.done THEN clock_timestamp() END \
                     FROM {i} {holds} ORDER BY i.place \
                     ON CONFLICT (id) DO UPDATE SET epoch = excluded.epoch, run = excluded.run, \
                     state = excluded.state, begun = clock_timestamp(), finished = excluded.finished"
                ),
            );
        }
        let done = &batch.done;
        if !done.is_empty() {
            self.owned(done.iter().map(|row| row.0))?;
            self.input.column("id", done.iter().map(|row| row.1.0).collect::<Vec<_>>())?;
            let i = self.input.rows("i");
            let holds = self.holds();
            self.guard(
                "done_effects",
                &format!(
                    "UPDATE effects e SET state = 'done', finished = coalesce(e.finished, clock_timestamp()) \
                     FROM {i} {holds} WHERE e.id = i.id AND e.shard = h.shard RETURNING 1"
                ),
            );
        }
        Ok(())
    }

    pub(super) fn messages(&mut self, batch: &Batch<'_>) -> Result<(), String> {
        let sent = &batch.messages;
        if !sent.is_empty() {
            let shards: Vec<i16> =
                sent.iter().map(|row| shard(row.1.to.shard())).collect::<Result<_, _>>()?;
            self.owned(sent.iter().map(|row| row.0))?;
            self.input.column("place", (0..).take(sent.len()).collect::<Vec<i32>>())?;
            self.input.column("id", sent.iter().map(|row| row.1.id.0).collect::<Vec<_>>())?;
            self.input.column("home", shards)?;
            self.input.column("recipient", sent.iter().map(|row| json(&row.1.to)).collect::<Vec<_>>())?;
            self.input.column("body", sent.iter().map(|row| json(&row.1.body)).collect::<Vec<_>>())?;
            let i = self.input.rows("i");
            let holds = self.holds();
            self.part(
                "sent_messages",
                &format!(
                    "INSERT INTO inbox (id, shard, run, recipient, body) \
                     SELECT i.id, i.home, h.run, i.recipient::jsonb, i.body::jsonb \
                     FROM {i} {holds} ORDER BY i.place ON CONFLICT (id) DO NOTHING"
                ),
            );
        }
        let consumed = &batch.consumed;
        if !consumed.is_empty() {
            self.owned(consumed.iter().map(|row| row.0))?;
            self.input.column("id", consumed.iter().map(|row| row.1.0).collect::<Vec<_>>())?;
            let i = self.input.rows("i");
            let holds = self.holds();
            self.guard(
                "consumed_messages",
                &format!(
                    "UPDATE inbox m SET consumed_at = clock_timestamp() FROM {i} {holds} \
                     WHERE m.id = i.id AND m.shard = h.shard AND m.consumed_at IS NULL RETURNING 1"
                ),
            );
        }
        Ok(())
    }
}

fn admission(state: AdmissionState) -> &'static str {
    match state {
        AdmissionState::Asked => "asked",
        AdmissionState::Open => "open",
        AdmissionState::Closed => "closed",
    }
}
