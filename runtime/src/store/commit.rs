//! Committing batches: what may go into one statement, what is tried again, and how one refused transition is
//! found among many.
//!
//! Deliberately absent: gathering batches from many callers (`gathering`).

use super::{Postgres, connections::silent, failure::Failure, lines::goes_on, statement};
use campaigns_actors::ports::{CommitError, Committed, RowChange, RowKey, Transition};
use campaigns_domain::id::RunId;
use rand::Rng as _;
use sqlx::{AssertSqlSafe, Row as _, postgres::PgRow};
use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

/// How often a deadlock or a serialisation failure is answered by sending the statement again.
const TRIES: u32 = 6;
/// How many consumed messages one purge takes at most, so that it never holds locks for long.
const PURGED_AT_ONCE: i64 = 5_000;

impl Postgres {
    /// Commits transitions together, each of which holds or fails by itself, in their order. A transition whose
    /// fence does not hold loses only its own writes; where one is refused, the batch is halved until it stands
    /// alone. Answers in the order of `transitions`.
    pub async fn commit_batch(&self, transitions: &[Transition]) -> Vec<Result<Committed, CommitError>> {
        let answers = self.decide(transitions).await;
        for (transition, answer) in transitions.iter().zip(&answers) {
            if let (Ok(_), Some(run)) = (answer, ended_run(transition)) {
                self.purge_ended(run).await;
            }
        }
        answers
    }

    /// The commit itself, without what comes after it.
    pub(super) async fn decide(&self, transitions: &[Transition]) -> Vec<Result<Committed, CommitError>> {
        let mut answers: Vec<Option<Result<Committed, CommitError>>> = transitions
            .iter()
            .map(|transition| transition.misplaced().map(|why| Err(CommitError::Refused(why))))
            .collect();
        let open: Vec<usize> = (0..transitions.len()).filter(|index| answers[*index].is_none()).collect();
        let mut parts: Vec<Vec<usize>> = rounds(transitions, open);
        parts.reverse();
        let mut lost: Option<String> = None;
        while let Some(part) = parts.pop() {
            if let Some(words) = &lost {
                part.iter()
                    .for_each(|index| answers[*index] = Some(Err(CommitError::Unavailable(words.clone()))));
                continue;
            }
            let batch: Vec<&Transition> = part.iter().map(|index| &transitions[*index]).collect();
            match self.send_until_decided(&batch).await {
                Ok(sequences) => {
                    for (index, sequence) in part.into_iter().zip(sequences) {
                        let fence = transitions[index].fence;
                        answers[index] = Some(
                            sequence.map(|sequence| Committed { sequence }).ok_or(CommitError::Fenced(fence)),
                        );
                    }
                }
                Err(Failure::Refused(_) | Failure::Undone(_)) if part.len() > 1 => {
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.push(second.to_vec());
                    parts.push(first.to_vec());
                }
                Err(failure) => {
                    if let Failure::Again(words) | Failure::Unavailable(words) = &failure {
                        lost = Some(words.clone());
                    }
                    let answer = CommitError::from(failure);
                    part.iter().for_each(|index| answers[*index] = Some(Err(answer.clone())));
                }
            }
        }
        answers
            .into_iter()
            .map(|answer| {
                answer.unwrap_or_else(|| Err(CommitError::Unavailable("it was not sent".to_owned())))
            })
            .collect()
    }

    /// Sends a batch, and again where the database undid it for its own reasons. For each transition the sequence
    /// of its part's last event, or `None` where its fence did not hold.
    async fn send_until_decided(&self, batch: &[&Transition]) -> Result<Vec<Option<i64>>, Failure> {
        let mut tried = 1;
        loop {
            match self.send(batch).await {
                Err(Failure::Again(_)) if tried < TRIES => {
                    let most = 10u64 << tried;
                    let pause = Duration::from_millis(rand::rng().random_range(1..=most));
                    tokio::time::sleep(pause).await;
                    tried += 1;
                }
                answer => return answer,
            }
        }
    }

    async fn send(&self, batch: &[&Transition]) -> Result<Vec<Option<i64>>, Failure> {
        let statement = statement::of(batch).map_err(Failure::Refused)?;
        let rows = batch.iter().map(|transition| transition.size()).sum();
        let mut line = self.lines.take(rows).await.map_err(|error| Failure::of(&error))?;
        // The text is ours throughout: names of parts and columns, and placeholders.
        let query = sqlx::query_with(AssertSqlSafe(statement.text), statement.arguments);
        let answer = tokio::time::timeout(line.answer_within(), query.fetch_all(&mut line.connection)).await;
        // Nobody may be given a connection on which an answer is still owed.
        let answer = answer.map_err(|_| Failure::of(&silent(line.answer_within())))?;
        if answer.as_ref().err().is_none_or(goes_on) {
            self.lines.give_back(line);
        }
        let rows = answer.map_err(|error| Failure::of(&error))?;
        let held = rows.iter().map(group).collect::<Result<HashMap<_, _>, _>>();
        Ok(statement.groups.sequences(&held.map_err(|error| Failure::of(&error))?))
    }

    /// Removes the consumed messages of a run that has just ended. Not part of the commit: what stays because of a
    /// failure here goes when the store is connected to the next time.
    pub(super) async fn purge_ended(&self, run: RunId) {
        if let Err(error) = self.purge_inbox(run).await {
            tracing::warn!(%run, error = %super::failure::words(&error), "consumed messages were not removed");
        }
    }

    async fn purge_inbox(&self, run: RunId) -> Result<(), sqlx::Error> {
        loop {
            let purged = sqlx::query(
                "DELETE FROM inbox WHERE id IN \
                 (SELECT id FROM inbox WHERE run = $1 AND consumed_at IS NOT NULL LIMIT $2)",
            )
            .bind(run.0)
            .bind(PURGED_AT_ONCE)
            .execute(&self.pool)
            .await?;
            if purged.rows_affected() < PURGED_AT_ONCE.unsigned_abs() {
                return Ok(());
            }
        }
    }
}

/// A group whose fence held, as the statement answers it: its place, and the sequence of its part's last event.
fn group(row: &PgRow) -> Result<(i32, i64), sqlx::Error> {
    Ok((row.try_get("place")?, row.try_get("last_sequence")?))
}

/// The run that a transition ends.
pub(super) fn ended_run(transition: &Transition) -> Option<RunId> {
    transition.changes.iter().find_map(|change| match change {
        RowChange::Run(run) if run.state.is_end() => Some(run.id),
        _ => None,
    })
}

/// Splits a batch so that no two transitions of one round write the same row, and none overtakes another that it
/// shares a row with: one statement cannot change a row twice.
fn rounds(transitions: &[Transition], open: Vec<usize>) -> Vec<Vec<usize>> {
    let mut rounds = vec![];
    let mut waiting = open;
    while !waiting.is_empty() {
        let mut taken: HashSet<RowKey> = HashSet::new();
        let (mut round, mut later) = (vec![], vec![]);
        for index in waiting {
            // All of them count as taken, also where it has to wait: none overtakes it.
            let shared = transitions[index].rows().filter(|row| !taken.insert(*row)).count();
            if shared == 0 { round.push(index) } else { later.push(index) }
        }
        rounds.push(round);
        waiting = later;
    }
    rounds
}
