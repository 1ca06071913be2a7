//! One batch of transitions as one SQL statement: the fence is its first part, and every write joins the rows that
//! the fence returned.
//!
//! Only the parts that a batch needs are in the text, so that a small commit has a small plan; there are few
//! different texts, and each connection prepares them once. Deliberately absent: sending it (`commit`), and what
//! makes a transition wrong in itself ([`Transition::misplaced`]).

mod batch;
mod changesets;
mod groups;
mod new_runs;
mod outbox;
mod parts;
mod rows;

use super::input::Input;
use batch::Batch;
use campaigns_actors::ports::Transition;
pub(super) use groups::{Group, Groups};
use sqlx::postgres::PgArguments;
use std::fmt::Write as _;

/// A statement ready to be sent. It answers one row for every part it wrote: its run and shard, the epoch that holds
/// there, and the sequence of its last event. It fails as a whole where a row is not as a transition expects it.
pub(super) struct Statement {
    pub(super) text: String,
    pub(super) arguments: PgArguments,
    /// The transitions by what they stand and fall with.
    pub(super) groups: Groups,
}

/// The statement of these transitions, none of which is misplaced, and no two of which touch the same row.
///
/// # Errors
/// In words, where a number does not fit its column.
pub(super) fn of(transitions: &[&Transition]) -> Result<Statement, String> {
    let batch = Batch::of(transitions)?;
    let groups = Groups::of(transitions)?;
    let mut sql = Sql { groups, input: Input::default(), text: String::new(), guards: vec![] };
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

/// The statement as far as it is written.
struct Sql {
    groups: Groups,
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

    /// Adds a part that returns a row for each one that it found as expected.
    fn guard(&mut self, name: &'static str, body: &str) {
        self.part(name, body);
        self.guards.push(name);
    }

    /// The fence, and the groups of transitions for which it holds.
    fn fence(&mut self, batch: &Batch<'_>) -> Result<(), String> {
        let said = self.groups.said()?;
        let groups = self.groups.all();
        let guarded = self.groups.sums(&batch.guarded);
        let shards =
            self.input.column("shard", groups.iter().map(|group| group.shard).collect::<Vec<_>>())?;
        self.input.column("epoch", groups.iter().map(|group| group.epoch).collect::<Vec<_>>())?;
        self.input.column("run", groups.iter().map(|group| group.run).collect::<Vec<_>>())?;
        self.input.column("events", said)?;
        self.input.column("guarded", guarded)?;
        let i = self.input.rows("i");
        // The rows are locked whatever their epoch, and come back as they are after any waiting: an owner that was
        // replaced meanwhile finds another epoch here, and none of its writes a row to join.
        let _ = write!(
            self.text,
            "WITH f AS MATERIALIZED (SELECT id, epoch FROM shards WHERE id = ANY({shards}) ORDER BY id FOR SHARE),\n\
             h AS MATERIALIZED (SELECT i.* FROM {i} {HOLDS})"
        );
        Ok(())
    }

    /// Adds to the next table, for rows of these transitions, what [`HOLDS`] joins by.
    fn owned(&mut self, ordinals: impl Iterator<Item = i32> + Clone) -> Result<(), String> {
        let groups = &self.groups;
        let shards: Vec<i16> = ordinals.clone().map(|ord| groups.of_transition(ord).shard).collect();
        let epochs: Vec<i64> = ordinals.map(|ord| groups.of_transition(ord).epoch).collect();
        self.input.column("shard", shards)?;
        self.input.column("epoch", epochs)?;
        Ok(())
    }

    /// The same with the run that the transition is of.
    fn owned_in_run(&mut self, ordinals: impl Iterator<Item = i32> + Clone) -> Result<(), String> {
        let groups = &self.groups;
        let runs: Vec<_> = ordinals.clone().map(|ord| groups.of_transition(ord).run).collect();
        self.input.column("run", runs)?;
        self.owned(ordinals)
    }

    /// The answer, and the refusal where not every row was found as expected. No row is found more than once, so that
    /// all are as expected where as many are found as there should be.
    fn finish(mut self) -> Statement {
        let found: Vec<String> =
            self.guards.iter().map(|part| format!("(SELECT count(*) FROM {part})")).collect();
        let (found, wanted) = (found.join(" + "), "(SELECT sum(guarded) FROM h)");
        let held = if found.is_empty() {
            "true".to_owned()
        } else {
            format!(
                "CASE WHEN {found} <> {wanted} THEN \
                 campaigns_refuse(format('%s of %s rows are as it expects', {found}, {wanted})) ELSE true END"
            )
        };
        let _ = write!(
            self.text,
            "\nSELECT p.run, p.shard, f.epoch, p.last_sequence, {held} AS held FROM parts p JOIN f ON f.id = p.shard"
        );
        Statement { text: self.text, arguments: self.input.into_arguments(), groups: self.groups }
    }
}
