//! Runs: lists, single ones with the sums over their parts, and creating them.
//!
//! Deliberately absent: a run's life after its creation, which is its owner's; its first event is its owner's too.

use super::{
    audit::{Change, note},
    campaigns, commands,
    rows::{count, failed, get, named, one_more, page},
};
use crate::store::Connections;
use campaigns_actors::ports::{Message, MessageBody, Recipient};
use campaigns_domain::{
    changeset::ChangesetState,
    execution::{
        rollout::Progress,
        run::{Run as DomainRun, RunOptions},
        target::TargetState,
    },
    id::{CampaignId, Digest, MessageId, RunId, Shard},
    spec::{self, Caps},
};
use campaigns_http::{
    ports::{CreatedRun, Listed, NewRun, RunKey, Signed, StoreError},
    wire::{Pace, Priority, Rollout, Run, Totals},
};
use serde_json::{Value, json};
use sqlx::{PgConnection, postgres::PgRow, types::Json};
use std::collections::BTreeMap;
use uuid::Uuid;

macro_rules! runs {
    ($rest:literal) => {
        concat!(
            "SELECT r.id, r.campaign, c.name, r.spec, r.state, r.reason, r.paused_by, r.rollout, r.window_size, r.options, r.created_by, ",
            "r.created, r.finished, p.* FROM runs r JOIN campaigns c ON c.id = r.campaign LEFT JOIN LATERAL (SELECT ",
            "sum(targets_selected)::bigint AS targets_selected, sum(targets_queued)::bigint AS targets_queued, ",
            "sum(targets_executing)::bigint AS targets_executing, sum(targets_unchanged)::bigint AS targets_unchanged, ",
            "sum(targets_changed)::bigint AS targets_changed, sum(targets_failed)::bigint AS targets_failed, ",
            "sum(targets_skipped)::bigint AS targets_skipped, sum(targets_cancelled)::bigint AS targets_cancelled, ",
            "sum(changesets_unpublished)::bigint AS changesets_unpublished, ",
            "sum(changesets_scheduled)::bigint AS changesets_scheduled, ",
            "sum(changesets_publishing)::bigint AS changesets_publishing, ",
            "sum(changesets_draft)::bigint AS changesets_draft, sum(changesets_open)::bigint AS changesets_open, ",
            "sum(changesets_conflicted)::bigint AS changesets_conflicted, ",
            "sum(changesets_merged)::bigint AS changesets_merged, sum(changesets_closed)::bigint AS changesets_closed, ",
            "sum(changesets_handed_over)::bigint AS changesets_handed_over, ",
            "sum(changesets_blocked)::bigint AS changesets_blocked ",
            "FROM run_parts WHERE run = r.id) p ON true ",
            $rest
        )
    };
}

pub(super) async fn list(
    pool: &Connections,
    campaign: &str,
    after: Option<RunKey>,
    limit: u32,
) -> Result<Option<Listed<Run, RunKey>>, StoreError> {
    let Some(campaign) = campaigns::id(pool, campaign).await? else { return Ok(None) };
    let (time, id) = after.map_or((None, Uuid::max()), |(time, id)| (Some(time), id));
    let rows = sqlx::query(runs!(
        "WHERE r.campaign = $1 AND (r.created, r.id) < (coalesce($2::timestamptz, 'infinity'), $3) \
         ORDER BY r.created DESC, r.id DESC LIMIT $4"
    ))
    .bind(campaign)
    .bind(time)
    .bind(id)
    .bind(one_more(limit))
    .fetch_all(pool)
    .await
    .map_err(failed)?;
    page(&rows, limit, run, |run| (run.created_at, run.id)).map(Some)
}

pub(super) async fn one(connection: &mut PgConnection, id: RunId) -> Result<Option<Run>, StoreError> {
    let row = sqlx::query(runs!("WHERE r.id = $1")).bind(id.0).fetch_optional(connection).await;
    row.map_err(failed)?.as_ref().map(run).transpose()
}

/// Whether there is such a run.
pub(super) async fn exists(pool: &Connections, id: RunId) -> Result<bool, StoreError> {
    let found =
        sqlx::query_scalar("SELECT EXISTS (SELECT FROM runs WHERE id = $1)").bind(id.0).fetch_one(pool).await;
    found.map_err(failed)
}

/// Creates a run and tells its owner, with its row of the audit log.
pub(super) async fn create(pool: &Connections, by: &Signed, new: NewRun) -> Result<CreatedRun, StoreError> {
    let mut transaction = pool.begin().await.map_err(failed)?;
    if let Some((key, digest)) = &new.key {
        // Requests with the same key go one after the other: the second sees what the first did.
        sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('campaigns.idempotency:' || $1, 0))")
            .bind(key.as_str())
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        let known: Option<(String, Uuid)> =
            sqlx::query_as("SELECT body_digest, run FROM idempotency_keys WHERE key = $1")
                .bind(key.as_str())
                .fetch_optional(&mut *transaction)
                .await
                .map_err(failed)?;
        if let Some((body, run)) = known {
            if body != digest.0 {
                return Ok(CreatedRun::KeyReused);
            }
            let run = one(&mut transaction, RunId(run)).await?;
            return Ok(CreatedRun::Existing(Box::new(run.ok_or_else(gone)?)));
        }
    }
    // Whoever pauses the campaign meanwhile waits, and tells this run too.
    let campaign: Option<(Uuid, String, Option<String>)> = sqlx::query_as(
        "SELECT id, spec, paused_by FROM campaigns WHERE name = $1 AND spec IS NOT NULL FOR SHARE",
    )
    .bind(&new.campaign)
    .fetch_optional(&mut *transaction)
    .await
    .map_err(failed)?;
    let Some((campaign, spec, paused)) = campaign else { return Ok(CreatedRun::NoCampaign) };
    let run = DomainRun::new(new.id, CampaignId(campaign), Digest(spec), new.window, new.options);
    let run = run.of_paused(paused.as_deref()).that_prunes();
    insert(&mut transaction, by, &run).await?;
    let to = Recipient::Run(run.id);
    let start = Message { id: MessageId::of(run.id.0, "start", 0), to, body: MessageBody::Start };
    commands::send(&mut transaction, &start, Some(run.id), None).await?;
    if let Some((key, digest)) = &new.key {
        sqlx::query("INSERT INTO idempotency_keys (key, body_digest, run) VALUES ($1, $2, $3)")
            .bind(key.as_str())
            .bind(&digest.0)
            .bind(run.id.0)
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
    }
    let change = Change {
        action: "run.create",
        kind: "run",
        subject: &run.id.to_string(),
        before: Value::Null,
        after: json!({ "campaign": new.campaign, "spec": run.spec, "window": run.window, "options": run.options }),
    };
    note(&mut transaction, by, change).await?;
    let created = one(&mut transaction, run.id).await?.ok_or_else(gone)?;
    transaction.commit().await.map_err(failed)?;
    Ok(CreatedRun::Created(Box::new(created)))
}

fn gone() -> StoreError {
    StoreError::Corrupt(String::from("a run that was written is not there"))
}

pub(super) async fn insert(
    connection: &mut PgConnection,
    by: &Signed,
    run: &DomainRun,
) -> Result<(), StoreError> {
    let number = |count: u32| i32::try_from(count).unwrap_or(i32::MAX);
    sqlx::query(
        "INSERT INTO runs (id, shard, campaign, spec, state, window_size, options, version, created_by, reason, paused_by, pruned) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(run.id.0)
    .bind(i16::try_from(Shard::of_run(run.id).0).unwrap_or(i16::MAX))
    .bind(run.campaign.0)
    .bind(&run.spec.0)
    .bind(run.state.as_str())
    .bind(number(run.window))
    .bind(Json(&run.options))
    .bind(run.version)
    .bind(&by.actor)
    .bind(&run.reason)
    .bind(&run.paused)
    .bind(run.pruned)
    .execute(connection)
    .await
    .map(drop)
    .map_err(failed)
}

fn run(row: &PgRow) -> Result<Run, StoreError> {
    let Json(options): Json<RunOptions> = get(row, "options")?;
    Ok(Run {
        id: get(row, "id")?,
        campaign_id: get(row, "campaign")?,
        campaign: get(row, "name")?,
        spec: get(row, "spec")?,
        state: named(row, "state")?,
        reason: get(row, "reason")?,
        paused_by: get(row, "paused_by")?,
        rollout: rollout(row)?,
        window: count(row, "window_size")?,
        retries: u32::try_from(options.again.len()).unwrap_or(u32::MAX),
        rebase: options.rebase,
        only: options.only,
        dry_run: options.dry_run,
        no_container: options.no_container,
        totals: totals(row)?,
        created_by: get(row, "created_by")?,
        created_at: get(row, "created")?,
        ended_at: get(row, "finished")?,
    })
}

/// Where a run's rollout stands; none where it has none and nobody has set its pace.
fn rollout(row: &PgRow) -> Result<Option<Rollout>, StoreError> {
    let Json(progress): Json<Progress> = get(row, "rollout")?;
    if !progress.holds() && progress.pace == Default::default() {
        return Ok(None);
    }
    let Caps { per_minute, per_hour, per_day, max_open, max_pending_checks } = progress.pace.caps;
    let priority = progress.pace.priority.map(|priority| match priority {
        spec::Priority::Normal => Priority::Normal,
        spec::Priority::Urgent => Priority::Urgent,
    });
    Ok(Some(Rollout {
        wave: if progress.holds() { progress.wave + 1 } else { 0 },
        waves: u32::try_from(progress.ends.len()).unwrap_or(u32::MAX),
        halted: progress.halt.map(|halt| halt.reason),
        waits: progress.waits.into_iter().filter(|wait| !wait.is_empty()).collect(),
        pace: Pace { per_minute, per_hour, per_day, max_open, max_pending_checks, priority },
    }))
}

fn totals(row: &PgRow) -> Result<Totals, StoreError> {
    let by_state = sums(row, "targets", TargetState::ALL.iter().map(|state| state.as_str()))?;
    let changesets = sums(row, "changesets", ChangesetState::ALL.iter().map(|state| state.as_str()))?;
    Ok(Totals { targets: by_state.values().sum(), by_state, changesets })
}

/// The sums over a run's parts; a run whose owner has written nothing yet has none.
fn sums<'a>(
    row: &PgRow,
    kind: &str,
    states: impl Iterator<Item = &'a str>,
) -> Result<BTreeMap<String, u64>, StoreError> {
    let mut sums = BTreeMap::new();
    for state in states {
        let sum = get::<Option<i64>>(row, &format!("{kind}_{state}"))?.unwrap_or_default();
        let sum = u64::try_from(sum).map_err(|_| StoreError::Corrupt(format!("{sum} {kind} are {state}")))?;
        if sum > 0 {
            sums.insert(state.to_owned(), sum);
        }
    }
    Ok(sums)
}
