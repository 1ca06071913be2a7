//! Pausing, resuming and cancelling: a row for what was asked, and a message for the owner of every run it is about.
//!
//! A campaign's pause is written into its own row besides, which holds its changesets' effects also when no run is
//! under way. Deliberately absent: what a run does when it hears of it.

use super::{
    audit::{Change, note},
    commands::{About, gone, one, record},
    rows::{failed, get, named},
};
use crate::store::Connections;
use campaigns_actors::ports::{Message, MessageBody, Recipient};
use campaigns_domain::id::{MessageId, RunId, Shard};
use campaigns_http::{
    ports::{NewCommand, Started, Steer, Steered, StoreError},
    wire::RunState,
};
use serde_json::json;
use uuid::Uuid;

/// Tells a run's owner, with its row of the audit log.
pub(super) async fn run(
    pool: &Connections,
    run: RunId,
    steer: Steer,
    new: NewCommand,
) -> Result<Steered, StoreError> {
    let mut transaction = pool.begin().await.map_err(failed)?;
    let row = sqlx::query(
        "SELECT r.state, r.paused_by, c.name, c.paused_by AS campaign_paused_by FROM runs r \
         JOIN campaigns c ON c.id = r.campaign WHERE r.id = $1",
    )
    .bind(run.0)
    .fetch_optional(&mut *transaction)
    .await;
    let Some(row) = row.map_err(failed)? else { return Ok(Steered::Nothing) };
    if let Some(command) = one(&mut transaction, new.id).await? {
        let wake = vec![Shard::of_run(run)];
        return Ok(Steered::Accepted(Box::new(Started { command, wake })));
    }
    let state: RunState = named(&row, "state")?;
    if state.is_end() {
        return Ok(Steered::Ended(state));
    }
    if let (Steer::Resume, Some(by)) = (steer, get(&row, "campaign_paused_by")?) {
        return Ok(Steered::CampaignPaused { campaign: get(&row, "name")?, by });
    }
    let kind = format!("{}_run", steer.word());
    let messages = [message(run, steer, &new)];
    let subject = format!("run/{run}");
    let about = About { kind: &kind, subject: &subject, campaign: None, run: Some(run) };
    if record(&mut transaction, &new, &about, &messages).await? {
        let before = json!({ "state": state, "paused_by": get::<Option<String>>(&row, "paused_by")? });
        let (action, after) = (format!("run.{}", steer.word()), json!({ "command": new.id }));
        let change = Change { action: &action, kind: "run", subject: &run.to_string(), before, after };
        note(&mut transaction, &new.by, change).await?;
    }
    let command = one(&mut transaction, new.id).await?.ok_or_else(gone)?;
    transaction.commit().await.map_err(failed)?;
    Ok(Steered::Accepted(Box::new(Started { command, wake: vec![Shard::of_run(run)] })))
}

/// Tells the owners of all runs of a campaign that are under way, with its row of the audit log.
pub(super) async fn campaign(
    pool: &Connections,
    name: &str,
    steer: Steer,
    new: NewCommand,
) -> Result<Steered, StoreError> {
    let mut transaction = pool.begin().await.map_err(failed)?;
    // Whoever creates a run meanwhile waits here, and sees the pause then.
    let row: Option<(Uuid, Option<String>)> =
        sqlx::query_as("SELECT id, paused_by FROM campaigns WHERE name = $1 FOR NO KEY UPDATE")
            .bind(name)
            .fetch_optional(&mut *transaction)
            .await
            .map_err(failed)?;
    let Some((campaign, paused)) = row else { return Ok(Steered::Nothing) };
    let runs: Vec<Uuid> = sqlx::query_scalar(
        "SELECT id FROM runs WHERE campaign = $1 AND state IN ('selecting', 'running') ORDER BY created, id",
    )
    .bind(campaign)
    .fetch_all(&mut *transaction)
    .await
    .map_err(failed)?;
    let runs: Vec<RunId> = runs.into_iter().map(RunId).collect();
    let wake: Vec<Shard> = runs.iter().map(|run| Shard::of_run(*run)).collect();
    if let Some(command) = one(&mut transaction, new.id).await? {
        return Ok(Steered::Accepted(Box::new(Started { command, wake })));
    }
    if steer == Steer::Cancel && runs.is_empty() {
        return Ok(Steered::NoRun);
    }
    let messages: Vec<Message> = runs.iter().map(|run| message(*run, steer, &new)).collect();
    let subject = format!("campaign/{name}");
    let about = About { kind: steer.word(), subject: &subject, campaign: Some(campaign), run: None };
    if record(&mut transaction, &new, &about, &messages).await? {
        let by = match steer {
            Steer::Pause => Some(paused.as_ref().unwrap_or(&new.by.actor)),
            Steer::Resume => None,
            Steer::Cancel => paused.as_ref(),
        };
        sqlx::query(
            "UPDATE campaigns SET paused_by = $2, \
             paused_at = CASE WHEN $2 IS NOT NULL THEN coalesce(paused_at, clock_timestamp()) END WHERE id = $1",
        )
        .bind(campaign)
        .bind(by)
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
        let action = format!("campaign.{}", steer.word());
        let (before, after) = (json!({ "paused_by": paused }), json!({ "command": new.id, "runs": runs }));
        let change = Change { action: &action, kind: "campaign", subject: name, before, after };
        note(&mut transaction, &new.by, change).await?;
    }
    let command = one(&mut transaction, new.id).await?.ok_or_else(gone)?;
    transaction.commit().await.map_err(failed)?;
    Ok(Steered::Accepted(Box::new(Started { command, wake })))
}

fn message(run: RunId, steer: Steer, new: &NewCommand) -> Message {
    let (by, command) = (new.by.actor.clone(), new.id);
    let body = match steer {
        Steer::Pause => MessageBody::PauseRun { by, command },
        Steer::Resume => MessageBody::ResumeRun { by, command },
        Steer::Cancel => MessageBody::CancelRun { by, command },
    };
    let id = MessageId::of(new.id.0, &format!("{} {run}", steer.word()), 0);
    Message { id, to: Recipient::Run(run), body }
}
