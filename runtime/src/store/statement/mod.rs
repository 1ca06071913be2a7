//! One batch of transitions as one SQL statement: the fence is its first part, and every write joins the rows that
//! the fence returned.
//!
//! Only the parts that a batch needs are in the text, so that a small commit has a small plan; there are few
//! different texts, and each connection prepares them once. Deliberately absent: sending it (`commit`), and what
//! makes a transition wrong in itself ([`Transition::misplaced`]).

mod batch;
mod changesets;
mod outbox;
mod parts;
mod rows;

use super::input::{Input, shard, small};
use batch::Batch;
use campaigns_actors::ports::Transition;
use sqlx::postgres::PgArguments;
use std::fmt::Write as _;

/// A statement ready to be sent. It answers one row for every transition whose fence held: its ordinal and the
/// sequence of its part's last event. It fails as a whole where a row is not as a transition expects it.
pub(super) struct Statement {
    pub(super) text: String,
    pub(super) arguments: PgArguments,
}

/// The statement of these transitions, none of which is misplaced, and no two of which touch the same row.
///
/// # Errors
/// In words, where a number does not fit its column.
pub(super) fn of(transitions: &[&Transition]) -> Result<Statement, String> {
    let batch = Batch::of(transitions)?;
    let mut sql = Sql { input: Input::default(), text: String::new(), guards: vec![] };
    sql.fence(transitions, &batch)?;
    sql.runs(&batch)?;
    sql.targets(&batch)?;
    sql.executions(&batch)?;
    sql.changesets(&batch)?;
    sql.admissions(&batch)?;
    sql.effects(&batch)?;
    sql.messages(&batch)?;
    sql.parts(&batch)?;
    sql.events(&batch)?;
    Ok(sql.finish())
}

/// The statement as far as it is written.
struct Sql {
    input: Input,
    text: String,
    /// The parts whose rows are counted against what their transitions expect to find.
    guards: Vec<&'static str>,
}

impl Sql {
    /// Adds one part of the statement under a name.
    fn part(&mut self, name: &str, body: &str) {
        let _ = write!(self.text, ",\n{name} AS ({body})");
    }

    /// Adds a part that returns the ordinal of each row it found as expected.
    fn guard(&mut self, name: &'static str, body: &str) {
        self.part(name, body);
        self.guards.push(name);
    }

    fn fence(&mut self, transitions: &[&Transition], batch: &Batch<'_>) -> Result<(), String> {
        let shards: Vec<i16> = transitions.iter().map(|t| shard(t.fence.shard)).collect::<Result<_, _>>()?;
        self.input.column("ord", (0..).take(transitions.len()).collect::<Vec<i32>>())?;
        let shards = self.input.column("shard", shards)?;
        self.input.column("epoch", transitions.iter().map(|t| t.fence.epoch.0).collect::<Vec<_>>())?;
        self.input.column("run", transitions.iter().map(|t| t.run.0).collect::<Vec<_>>())?;
        let events: Vec<i32> = transitions.iter().map(|t| small(t.events.len())).collect::<Result<_, _>>()?;
        self.input.column("events", events)?;
        self.input.column("guarded", batch.guarded.clone())?;
        let t = self.input.rows("t");
        // The rows are locked whatever their epoch, and come back as they are after any waiting: an owner that was
        // replaced meanwhile finds another epoch here, and none of its writes a row to join.
        let _ = write!(
            self.text,
            "WITH f AS MATERIALIZED (SELECT id, epoch FROM shards WHERE id = ANY({shards}) ORDER BY id FOR SHARE),\n\
             h AS MATERIALIZED (SELECT t.*, sum(events) OVER (PARTITION BY t.run, t.shard ORDER BY t.ord) AS upto, \
             sum(events) OVER (PARTITION BY t.run, t.shard) AS total \
             FROM {t} JOIN f ON f.id = t.shard AND f.epoch = t.epoch)"
        );
        Ok(())
    }

    /// The answer, and the refusal of a transition that did not find every row as it expected.
    fn finish(mut self) -> Statement {
        let found: Vec<String> = self.guards.iter().map(|part| format!("SELECT ord FROM {part}")).collect();
        let (refusal, join) = if found.is_empty() {
            ("true", String::new())
        } else {
            let found = found.join(" UNION ALL ");
            (
                "CASE WHEN coalesce(g.found, 0) <> h.guarded THEN \
                 campaigns_refuse(format('%s of %s rows are as it expects', coalesce(g.found, 0), h.guarded)) \
                 ELSE true END",
                format!(
                    " LEFT JOIN (SELECT ord, count(*) AS found FROM ({found}) x GROUP BY ord) g ON g.ord = h.ord"
                ),
            )
        };
        let _ = write!(
            self.text,
            "\nSELECT h.ord, (p.last_sequence - h.total + h.upto)::bigint AS sequence, {refusal} AS held \
             FROM h JOIN parts p ON p.run = h.run AND p.shard = h.shard{join}"
        );
        Statement { text: self.text, arguments: self.input.into_arguments() }
    }
}
