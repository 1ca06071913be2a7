//! Sorting: what waits is joined with the changesets that it names, and each organisation concerned is told once,
//! however many deliveries spoke of it. The messages are sent in the statement that marks the deliveries processed, so
//! that a crash neither loses a hint nor leaves one behind.
//!
//! A delivery may name changesets that live with another organisation, since a repository can have moved there: anyone
//! may leave a message, and the delivery's own row has its one writer. Deliberately absent: reading what was named.

use super::{Delay, FENCED, Work, columns};
use campaigns_actors::ports::{Fence, MessageBody, Recipient};
use campaigns_domain::id::{RepositoryId, RunId, Shard};
use sqlx::{AssertSqlSafe, Row as _, types::Json};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// How many deliveries one round takes.
const ROUND: i64 = 500;

/// How many pull requests of one repository are named before all of them are meant.
const NAMED: usize = 100;

/// A changeset that a delivery names: its organisation, repository, pull request and run.
type Named = (String, i64, i64, Uuid);

/// What came of a round.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sorted {
    /// The shards whose owners have messages now.
    pub wake: Vec<Shard>,
    /// Whether there were more deliveries than one round takes.
    pub more: bool,
}

impl Work {
    /// Sees to what waits in these shards.
    ///
    /// # Errors
    /// Where the database or GitHub did not answer; what was not marked waits for the next time.
    pub async fn sort(&self, held: &[Fence]) -> Result<Sorted, Delay> {
        if held.is_empty() {
            return Ok(Sorted::default());
        }
        let (shards, epochs) = columns(held);
        // A delivery that claims an organisation which another installation serves is believed nothing.
        let waiting = sqlx::query(
            "SELECT w.app, w.delivery, CASE WHEN w.concerns = 'installation' THEN w.installation END AS installation, \
             coalesce((SELECT jsonb_agg(DISTINCT jsonb_build_array(c.organization, c.repository_id, coalesce(c.pull_request, 0), c.run)) \
             FROM changesets c WHERE c.repository_id = ANY(w.repositories) AND (c.pull_request IS NOT NULL OR c.away IS NOT NULL) \
             AND c.state <> 'merged' AND (w.all_of_them OR c.pull_request = ANY(w.pull_requests) \
             OR c.head_branch = ANY(w.branches) OR c.base_branch = ANY(w.branches) OR c.head = ANY(w.commits)) \
             AND NOT EXISTS (SELECT FROM installations i WHERE i.organization = w.organization \
             AND i.id <> w.installation AND NOT i.removed)), '[]') AS named \
             FROM webhooks w WHERE w.processed IS NULL AND w.shard = ANY($1) ORDER BY w.received LIMIT $2",
        )
        .bind(&shards)
        .bind(ROUND)
        .fetch_all(self.postgres.pool())
        .await?;
        if waiting.is_empty() {
            return Ok(Sorted::default());
        }
        let (mut apps, mut deliveries): (Vec<i64>, Vec<Uuid>) = (vec![], vec![]);
        let mut installations = BTreeSet::new();
        let mut looks: BTreeMap<(String, i64), (Uuid, BTreeSet<i64>)> = BTreeMap::new();
        for row in &waiting {
            apps.push(row.try_get("app")?);
            deliveries.push(row.try_get("delivery")?);
            installations.extend(row.try_get::<Option<i64>, _>("installation")?);
            let Json(named): Json<Vec<Named>> = row.try_get("named")?;
            for (organization, repository, pull_request, run) in named {
                let (latest, numbers) =
                    looks.entry((organization, repository)).or_insert((run, BTreeSet::new()));
                *latest = (*latest).max(run);
                numbers.insert(pull_request);
            }
        }
        // Before the deliveries are marked: what is asked for again after a crash is read again.
        let told = self.read_installations(held, &installations).await?;
        let (mut ids, mut to, mut recipients, mut bodies) = (vec![], vec![], vec![], vec![]);
        for ((organization, repository), (run, numbers)) in looks {
            let recipient = Recipient::Organization(organization);
            ids.push(Uuid::now_v7());
            to.push(i16::try_from(recipient.shard().0).unwrap_or(-1));
            recipients.push(Json(serde_json::to_value(&recipient)?));
            bodies.push(Json(serde_json::to_value(look(repository, run, &numbers))?));
        }
        let wake: BTreeSet<i16> = to.iter().copied().collect();
        let marked = format!(
            "{FENCED}, done AS (UPDATE webhooks w SET processed = campaigns_now() \
             FROM unnest($3::bigint[], $4::uuid[]) AS d (app, delivery), f \
             WHERE w.app = d.app AND w.delivery = d.delivery AND w.shard = f.id AND w.processed IS NULL RETURNING 1), \
             sent AS (INSERT INTO inbox (id, shard, recipient, body) SELECT m.* FROM \
             unnest($5::uuid[], $6::smallint[], $7::jsonb[], $8::jsonb[]) AS m WHERE EXISTS (SELECT FROM f) RETURNING 1) \
             SELECT (SELECT count(*) FROM done) AS done, (SELECT count(*) FROM sent) AS sent"
        );
        let row = sqlx::query(AssertSqlSafe(marked))
            .bind(&shards)
            .bind(&epochs)
            .bind(&apps)
            .bind(&deliveries)
            .bind(&ids)
            .bind(&to)
            .bind(&recipients)
            .bind(&bodies)
            .fetch_one(self.postgres.pool())
            .await?;
        let (done, sent): (i64, i64) = (row.try_get("done")?, row.try_get("sent")?);
        metrics::counter!("campaigns_webhooks_processed_total")
            .increment(u64::try_from(done).unwrap_or_default());
        tracing::debug!(deliveries = done, messages = sent, "deliveries of webhooks were seen to");
        let wake = if sent > 0 { wake } else { BTreeSet::new() };
        let wake = wake.into_iter().filter_map(|shard| u16::try_from(shard).ok().map(Shard));
        Ok(Sorted {
            wake: wake.chain(told).collect::<BTreeSet<_>>().into_iter().collect(),
            // Nothing was marked where every shard has another owner by now: that one sees to them.
            more: done > 0 && waiting.len() >= usize::try_from(ROUND).unwrap_or(usize::MAX),
        })
    }
}

/// The message to an organisation about one of its repositories.
fn look(repository: i64, run: Uuid, numbers: &BTreeSet<i64>) -> MessageBody {
    let numbers = if numbers.len() > NAMED { &BTreeSet::new() } else { numbers };
    MessageBody::Look {
        repository_id: RepositoryId(u64::try_from(repository).unwrap_or_default()),
        pull_requests: numbers.iter().filter_map(|number| u64::try_from(*number).ok()).collect(),
        run: RunId(run),
    }
}
