//! One batch of transitions as one SQL statement: the fence is its first part, and every write joins the rows that
//! the fence returned.
//!
//! Only the parts that a batch needs are in the text, so that a small commit has a small plan; there are few
//! different texts, and each connection prepares them once. Deliberately absent: sending it (`commit`), and what
//! makes a transition wrong in itself ([`Transition::misplaced`]).

mod batch;
mod changesets;
mod new_runs;
mod outbox;
mod parts;
mod rows;

use super::input::{Input, shard, small};
use batch::Batch;
use campaigns_actors::ports::{Fence, Transition};
use sqlx::postgres::PgArguments;
use std::fmt::Write as _;
use uuid::Uuid;

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
    let owners = transitions.iter().map(|transition| Owner::of(transition)).collect::<Result<Vec<_>, _>>()?;
    let mut sql = Sql { owners, input: Input::default(), text: String::new(), guards: vec![] };
    sql.fence(&batch)?;
    sql.new_runs(&batch)?;
    sql.runs(&batch)?;
    sql.targets(&batch)?;
    sql.executions(&batch)?;
    sql.changesets(&batch)?;
    sql.due(&batch)?;
    sql.outcomes(&batch)?;
    sql.admissions(&batch)?;
    sql.effects(&batch)?;
    sql.messages(&batch)?;
    sql.parts(&batch)?;
    sql.events(&batch)?;
    Ok(sql.finish())
}

/// Joins the rows of a table `i` whose fence holds. There are few shards, so that any plan for this is a good one.
const HOLDS: &str = "JOIN f ON f.id = i.shard AND f.epoch = i.epoch";

/// Under what a transition is made.
#[derive(Clone, Copy)]
struct Owner {
    shard: i16,
    epoch: i64,
    run: Uuid,
}

impl Owner {
    fn of(transition: &Transition) -> Result<Self, String> {
        let Fence { shard: id, epoch } = transition.fence;
        Ok(Self { shard: shard(id)?, epoch: epoch.0, run: transition.run.0 })
    }
}

/// The statement as far as it is written.
struct Sql {
    owners: Vec<Owner>,
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

    /// The fence, and the transitions whose fence holds.
    fn fence(&mut self, batch: &Batch<'_>) -> Result<(), String> {
        let count = small(self.owners.len())?;
        let ordinals: Vec<i32> = (0..count).collect();
        let shards = self.owned(&ordinals)?;
        self.input.column("events", batch.said.clone())?;
        self.input.column("guarded", batch.guarded.clone())?;
        let i = self.input.rows("i");
        // The rows are locked whatever their epoch, and come back as they are after any waiting: an owner that was
        // replaced meanwhile finds another epoch here, and none of its writes a row to join.
        let _ = write!(
            self.text,
            "WITH f AS MATERIALIZED (SELECT id, epoch FROM shards WHERE id = ANY({shards}) ORDER BY id FOR SHARE),\n\
             h AS MATERIALIZED (SELECT i.*, sum(events) OVER (PARTITION BY i.run, i.shard ORDER BY i.ord) AS upto, \
             sum(events) OVER (PARTITION BY i.run, i.shard) AS total FROM {i} {HOLDS})"
        );
        Ok(())
    }

    /// Adds to the next table, for rows of these transitions, what [`HOLDS`] joins by, and their run; the
    /// placeholder of the shards.
    fn owned(&mut self, ordinals: &[i32]) -> Result<String, String> {
        let owner = |ord: &i32| usize::try_from(*ord).ok().and_then(|ord| self.owners.get(ord)).copied();
        let owners: Vec<Owner> = ordinals.iter().filter_map(owner).collect();
        self.input.column("ord", ordinals.to_vec())?;
        let shards =
            self.input.column("shard", owners.iter().map(|owner| owner.shard).collect::<Vec<_>>())?;
        self.input.column("epoch", owners.iter().map(|owner| owner.epoch).collect::<Vec<_>>())?;
        self.input.column("run", owners.iter().map(|owner| owner.run).collect::<Vec<_>>())?;
        Ok(shards)
    }

    /// The answer, and the refusal of a transition that did not find every row as it expected. What was found is
    /// added up, not joined: a join of two lists of unknown length may be planned as one loop in the other.
    fn finish(mut self) -> Statement {
        let found: String =
            self.guards.iter().map(|part| format!(" UNION ALL SELECT ord, NULL, 0, 1 FROM {part}")).collect();
        let _ = write!(
            self.text,
            "\nSELECT ord, max(sequence)::bigint AS sequence, CASE WHEN sum(found) <> sum(guarded) THEN \
             campaigns_refuse(format('%s of %s rows are as it expects', sum(found), sum(guarded))) ELSE true END AS held \
             FROM (SELECT h.ord, p.last_sequence - h.total + h.upto AS sequence, h.guarded, 0 AS found \
             FROM h JOIN parts p ON p.run = h.run AND p.shard = h.shard{found}) x GROUP BY ord"
        );
        Statement { text: self.text, arguments: self.input.into_arguments() }
    }
}
