//! Gathering: the transitions of many actors are committed together, and none waits for company.
//!
//! Whoever commits queues under the shard of its fence. A writer takes what has waited longest, a shard after another
//! as far as one statement should go, commits it, and comes back for what has arrived meanwhile. So a lone transition
//! leaves at once, and a crowd leaves together. A shard is with one writer at a time: its transitions take place in
//! the order in which they came, and since every row and every part has one shard, two batches under way have none in
//! common and never wait for each other in a circle. (A message is a row of its recipient's shard that its sender
//! makes; two senders of one message are the exception, and a deadlock of theirs is sent again.) Deliberately absent:
//! what becomes of a batch (`commit`), and any delay.

use super::{Postgres, commit::ended_run};
use campaigns_actors::ports::{CommitError, Committed, Transition};
use campaigns_domain::id::Shard;
use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::oneshot;

/// How many transitions are committed together at most. More of them cost more for each: measured, a thousand at once
/// are slower than a hundred.
const MOST: usize = 256;
/// How many rows are written together at most, where it is more than one transition: what writes many is not to hold
/// up others.
const MOST_ROWS: usize = 4_096;

type Answer = Result<Committed, CommitError>;

/// The transitions that wait to be committed.
#[derive(Debug)]
pub(super) struct Gathering {
    queue: Mutex<Queue>,
    /// How many batches may be under way at once.
    writers: u32,
}

#[derive(Debug, Default)]
struct Queue {
    /// What waits, by shard, oldest first. No shard is kept of which nothing waits.
    waiting: HashMap<Shard, VecDeque<Waiting>>,
    /// The shards of which something waits and that are with no writer, the longest waiting first.
    turns: VecDeque<Shard>,
    /// The shards that are with a writer.
    taken: HashSet<Shard>,
    writers: u32,
}

#[derive(Debug)]
struct Waiting {
    transition: Transition,
    rows: usize,
    answer: oneshot::Sender<Answer>,
}

impl Gathering {
    pub(super) fn new(writers: u32) -> Self {
        Self { queue: Mutex::default(), writers: writers.max(1) }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a transition; where it is for another writer to take it, that one.
    fn add(self: &Arc<Self>, waiting: Waiting) -> Option<Writer> {
        let shard = waiting.transition.fence.shard;
        let mut queue = self.queue();
        queue.waiting.entry(shard).or_default().push_back(waiting);
        if !queue.taken.contains(&shard) && !queue.turns.contains(&shard) {
            queue.turns.push_back(shard);
        }
        self.another(&mut queue)
    }

    /// A further writer, where something waits that no writer holds and there may be one.
    fn another(self: &Arc<Self>, queue: &mut Queue) -> Option<Writer> {
        if queue.turns.is_empty() || queue.writers >= self.writers {
            return None;
        }
        queue.writers += 1;
        Some(Writer { gathering: Arc::clone(self), shards: vec![], ended: false })
    }
}

impl Queue {
    /// What goes into one statement, and its shards.
    fn take(&mut self) -> (Vec<Waiting>, Vec<Shard>) {
        let (mut batch, mut shards, mut rows) = (vec![], vec![], 0);
        while let Some(shard) = self.turns.pop_front() {
            let mut waiting = self.waiting.remove(&shard).unwrap_or_default();
            let before = batch.len();
            while batch.len() < MOST {
                let fits = |next: &mut Waiting| batch.is_empty() || rows + next.rows <= MOST_ROWS;
                let Some(next) = waiting.pop_front_if(fits) else { break };
                // Nothing is sent for whoever has gone away before.
                if !next.answer.is_closed() {
                    rows += next.rows;
                    batch.push(next);
                }
            }
            let (took, left) = (batch.len() > before, !waiting.is_empty());
            if left {
                self.waiting.insert(shard, waiting);
            }
            if took {
                self.taken.insert(shard);
                shards.push(shard);
            } else if left {
                self.turns.push_front(shard);
            }
            if left {
                break;
            }
        }
        (batch, shards)
    }

    fn give_back(&mut self, shards: Vec<Shard>) {
        for shard in shards {
            self.taken.remove(&shard);
            if self.waiting.contains_key(&shard) {
                self.turns.push_back(shard);
            }
        }
    }
}

/// One that commits batches until nothing waits that is not with another. What it holds is given back however it ends.
struct Writer {
    gathering: Arc<Gathering>,
    shards: Vec<Shard>,
    ended: bool,
}

impl Writer {
    /// Gives back the shards of the batch before and takes the next one; with it, another writer where more waits.
    /// Nothing where nothing waits: with that it has ended, and whoever comes next finds it gone.
    fn next(&mut self) -> Option<(Vec<Waiting>, Option<Self>)> {
        let mut queue = self.gathering.queue();
        queue.give_back(std::mem::take(&mut self.shards));
        let (batch, shards) = queue.take();
        if batch.is_empty() {
            queue.writers -= 1;
            self.ended = true;
            return None;
        }
        self.shards = shards;
        let another = self.gathering.another(&mut queue);
        Some((batch, another))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.ended {
            let mut queue = self.gathering.queue();
            queue.give_back(std::mem::take(&mut self.shards));
            queue.writers -= 1;
        }
    }
}

impl Postgres {
    /// Commits a transition together with whatever else waits. Once it is part of a batch it takes place, or not,
    /// whether its caller stays or goes away.
    pub(super) async fn commit_gathered(&self, transition: Transition) -> Answer {
        let (answer, answered) = oneshot::channel();
        let ended = ended_run(&transition);
        let rows = transition.size();
        let writer = self.gathering.add(Waiting { transition, rows, answer });
        writer.into_iter().for_each(|writer| self.start(writer));
        let answer = answered.await.unwrap_or_else(|_| {
            Err(CommitError::Unavailable("the commit was given up under way".to_owned()))
        });
        if let (Ok(_), Some(run)) = (&answer, ended) {
            self.purge_ended(run).await;
        }
        answer
    }

    fn start(&self, writer: Writer) {
        tokio::spawn(self.clone().write(writer));
    }

    async fn write(self, mut writer: Writer) {
        while let Some((batch, another)) = writer.next() {
            another.into_iter().for_each(|another| self.start(another));
            let (transitions, callers): (Vec<_>, Vec<_>) =
                batch.into_iter().map(|waiting| (waiting.transition, waiting.answer)).unzip();
            metrics::histogram!("campaigns_commit_transitions").record(transitions.len() as f64);
            let answers = self.decide(&transitions).await;
            self.tell(&transitions, &answers);
            for (caller, answer) in callers.into_iter().zip(answers) {
                // A caller that has gone away finds out when it reads its rows again.
                let _ = caller.send(answer);
            }
        }
    }
}
