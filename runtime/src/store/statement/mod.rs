//! One batch of transitions as one SQL statement: the fence is its first part, and every write joins the groups of
//! transitions whose shards' rows the fence locked and returned at their epochs.
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

use super::input::{Input, small};
use batch::{Batch, target_counters};
use campaigns_actors::ports::Transition;
pub(super) use groups::Groups;
use sqlx::postgres::PgArguments;
use std::fmt::Write as _;

/// A statement ready to be sent. It answers one row for every group whose fence holds: the group's place, and the
/// sequence of its part's last event. It fails as a whole where a row is not as a transition expects it.
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
    let input = Input::of(transitions.len());
    let mut sql =
        Sql { groups, input, text: String::new(), guards: vec![], wanted: String::new(), expected: 0 };
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

/// The statement as far as it is written.
struct Sql {
    groups: Groups,
    input: Input,
    text: String,
    /// The parts whose rows are counted against what their transitions expect to find.
    guards: Vec<&'static str>,
    /// How many rows a lone transition expects to find: its parameter.
    wanted: String,
    /// How many rows all of them expect to find.
    expected: usize,
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

    /// The fence, and the groups of transitions for which it holds, with what they add to the counters of targets.
    fn fence(&mut self, batch: &Batch<'_>) -> Result<(), String> {
        let said = self.groups.said()?;
        let groups = self.groups.all();
        let guarded = self.groups.sums(&batch.guarded);
        let shards = groups.iter().map(|group| group.shard).collect::<Vec<_>>();
        let lone = self.input.is_lone();
        let locked = self.input.among("id", "shard", shards)?;
        if !lone {
            self.input.column("place", (0..).take(groups.len()).collect::<Vec<i32>>())?;
        }
        self.input.column("epoch", groups.iter().map(|group| group.epoch).collect::<Vec<_>>())?;
        let epoch = self.input.last();
        self.input.column("run", groups.iter().map(|group| group.run).collect::<Vec<_>>())?;
        self.input.column("events", said)?;
        self.expected = guarded.iter().sum::<i32>().try_into().unwrap_or_default();
        self.input.column("guarded", guarded)?;
        self.wanted = self.input.last();
        for (name, sums) in self.moved(batch) {
            self.input.column(name, sums)?;
        }
        let i = self.input.rows("i");
        // The rows are locked whatever their epoch, and come back as they are after any waiting: an owner that was
        // replaced meanwhile finds another epoch here, and none of its writes a row to join. The one row of a lone
        // transition is asked for its epoch at once, and asked again after any waiting.
        let _ = if lone {
            // What is given for the one group is put where it is used, where there is the fence's row.
            write!(
                self.text,
                "WITH f AS MATERIALIZED (SELECT FROM shards WHERE {locked} AND epoch = {epoch} FOR SHARE),\n\
                 h AS NOT MATERIALIZED (SELECT i.* FROM {i} CROSS JOIN f)"
            )
        } else {
            // What many have in common is joined once.
            write!(
                self.text,
                "WITH f AS MATERIALIZED (SELECT id, epoch FROM shards WHERE {locked} ORDER BY id FOR SHARE),\n\
                 h AS MATERIALIZED (SELECT i.* FROM {i} JOIN f ON f.id = i.shard AND f.epoch = i.epoch)"
            )
        };
        Ok(())
    }

    /// The counters of targets that the groups move, with what each adds to them. A lone transition names those that it
    /// moves; a crowd names all, so that there are few different texts.
    fn moved(&self, batch: &Batch<'_>) -> Vec<(&'static str, Vec<i32>)> {
        if batch.moves.is_empty() {
            return vec![];
        }
        let lone = self.input.is_lone();
        let all = target_counters().zip(self.groups.moves(&batch.moves));
        all.filter(|(_, sums)| !lone || sums.iter().any(|by| *by != 0)).collect()
    }

    /// Joins the rows of a table `i` to their groups, of which only those are there whose fence holds. There are few,
    /// so that any plan for this is a good one; all rows of a lone transition are of the one.
    fn holds(&self) -> &'static str {
        if self.input.is_lone() { "CROSS JOIN h" } else { "JOIN h ON h.place = i.of_group" }
    }

    /// Adds to the next table, for rows of these transitions, what [`Sql::holds`] joins by.
    fn owned(&mut self, ordinals: impl Iterator<Item = i32>) -> Result<(), String> {
        if self.input.is_lone() {
            return Ok(());
        }
        let places: Vec<i32> = ordinals.map(|ord| small(self.groups.place(ord))).collect::<Result<_, _>>()?;
        self.input.column("of_group", places)
    }

    /// The answer, and the refusal where not every row was found as expected. No row is found more than once, so that
    /// all are as expected where as many are found as there should be.
    fn finish(mut self) -> Statement {
        let one_each = self.expected == self.guards.len();
        let found: Vec<String> =
            self.guards.iter().map(|part| format!("(SELECT count(*) FROM {part})")).collect();
        if found.is_empty() {
            self.text.push_str("\nSELECT p.place, p.last_sequence FROM p");
        } else if self.input.is_lone() && one_each {
            // Nothing is counted where one row of each part is to be there.
            let there: Vec<String> =
                self.guards.iter().map(|part| format!("EXISTS (SELECT FROM {part})")).collect();
            let _ = write!(
                self.text,
                "\nSELECT p.place, p.last_sequence, CASE WHEN {} THEN true ELSE \
                 campaigns_refuse('not all of {} rows are as it expects') END AS held FROM p",
                there.join(" AND "),
                there.len(),
            );
        } else if self.input.is_lone() {
            let (found, wanted) = (found.join(" + "), &self.wanted);
            let _ = write!(
                self.text,
                "\nSELECT p.place, p.last_sequence, CASE WHEN {found} <> {wanted} THEN \
                 campaigns_refuse(format('not all of %s rows are as it expects', {wanted})) ELSE true END AS held FROM p"
            );
        } else {
            let _ = write!(
                self.text,
                ",\nc AS MATERIALIZED (SELECT {} AS found, (SELECT sum(guarded) FROM h) AS wanted)\n\
                 SELECT p.place, p.last_sequence, CASE WHEN c.found <> c.wanted THEN \
                 campaigns_refuse(format('%s of %s rows are as it expects', c.found, c.wanted)) ELSE true END AS held \
                 FROM p CROSS JOIN c",
                found.join(" + ")
            );
        }
        Statement { text: self.text, arguments: self.input.into_arguments(), groups: self.groups }
    }
}
