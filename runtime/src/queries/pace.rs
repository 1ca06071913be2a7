//! Setting the pace of a campaign's live runs: a row for what was asked, and a message for the owner of each.
//!
//! Deliberately absent: what a run does when it hears of it.

use super::{
    audit::{Change, note},
    commands::{About, gone, one, record},
    rows::failed,
};
use crate::store::Connections;
use campaigns_actors::ports::{Message, MessageBody, Recipient};
use campaigns_domain::{
    execution::rollout::PaceChange,
    id::{MessageId, RunId, Shard},
};
use campaigns_http::ports::{NewCommand, Paced, Started, StoreError};
use serde_json::{Value, json};
use uuid::Uuid;

/// Tells the owners of all runs of a campaign that are under way, with its row of the audit log.
pub(super) async fn campaign(
    pool: &Connections,
    name: &str,
    pace: PaceChange,
    new: NewCommand,
) -> Result<Paced, StoreError> {
    let mut transaction = pool.begin().await.map_err(failed)?;
    let campaign: Option<Uuid> = sqlx::query_scalar("SELECT id FROM campaigns WHERE name = $1")
        .bind(name)
        .fetch_optional(&mut *transaction)
        .await
        .map_err(failed)?;
    let Some(campaign) = campaign else { return Ok(Paced::Nothing) };
    let runs: Vec<(Uuid, bool, Value)> = sqlx::query_as(
        "SELECT id, state = 'selecting' OR rollout ? 'ends', coalesce(rollout->'pace', '{}') FROM runs \
         WHERE campaign = $1 AND state IN ('selecting', 'running') ORDER BY created, id",
    )
    .bind(campaign)
    .fetch_all(&mut *transaction)
    .await
    .map_err(failed)?;
    let wake: Vec<Shard> = runs.iter().map(|(run, ..)| Shard::of_run(RunId(*run))).collect();
    if let Some(command) = one(&mut transaction, new.id).await? {
        return Ok(Paced::Accepted(Box::new(Started { command, wake })));
    }
    if runs.is_empty() {
        return Ok(Paced::NoRun);
    }
    let counts_open = pace.max_open.is_some() || pace.max_pending_checks.is_some();
    if counts_open && runs.iter().all(|(_, rolls_out, _)| !rolls_out) {
        return Ok(Paced::NoRollout);
    }
    let message = |run: RunId| Message {
        id: MessageId::of(new.id.0, &format!("pace {run}"), 0),
        to: Recipient::Run(run),
        body: MessageBody::PaceRun { by: new.by.actor.clone(), pace, command: new.id },
    };
    let messages: Vec<Message> = runs.iter().map(|(run, ..)| message(RunId(*run))).collect();
    let subject = format!("campaign/{name}");
    let about = About { kind: "pace", subject: &subject, campaign: Some(campaign), run: None };
    if record(&mut transaction, &new, &about, &messages).await? {
        let before: Vec<&Value> = runs.iter().map(|(_, _, pace)| pace).collect();
        let after = json!({ "command": new.id, "pace": pace });
        let change = Change {
            action: "campaign.pace",
            kind: "campaign",
            subject: name,
            before: json!({ "pace": before }),
            after,
        };
        note(&mut transaction, &new.by, change).await?;
    }
    let command = one(&mut transaction, new.id).await?.ok_or_else(gone)?;
    transaction.commit().await.map_err(failed)?;
    Ok(Paced::Accepted(Box::new(Started { command, wake })))
}
