//! Commands: a row, the messages that tell the owners, and how many of those wait.
//!
//! Deliberately absent: carrying them out.

use super::{
    audit::{Change, note},
    campaigns,
    rows::{failed, get, named},
};
use campaigns_actors::ports::{Message, MessageBody, Recipient};
use campaigns_domain::id::{CampaignId, CommandId, MessageId, RunId, Shard};
use campaigns_http::{
    ports::{Cancelled, NewCommand, Signed, Started, StoreError},
    wire::{Command, CommandState, RunState},
};
use serde_json::{Value, json};
use sqlx::{PgConnection, PgPool, postgres::PgRow, types::Json};
use uuid::Uuid;

pub(super) async fn one(connection: &mut PgConnection, id: CommandId) -> Result<Option<Command>, StoreError> {
    let row = sqlx::query(
        "SELECT c.*, (SELECT count(*) FROM jsonb_array_elements_text(c.data->'messages') AS m (id) \
         JOIN inbox i ON i.id = m.id::uuid WHERE i.consumed_at IS NULL) AS waiting \
         FROM commands c WHERE c.id = $1",
    )
    .bind(id.0)
    .fetch_optional(connection)
    .await
    .map_err(failed)?;
    row.as_ref().map(command).transpose()
}

/// Leaves a message for the owner of its recipient, once.
pub(super) async fn send(
    connection: &mut PgConnection,
    message: &Message,
    run: Option<RunId>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO inbox (id, shard, run, recipient, body) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO NOTHING",
    )
    .bind(message.id.0)
    .bind(i16::try_from(message.to.shard().0).unwrap_or(i16::MAX))
    .bind(run.map(|run| run.0))
    .bind(Json(&message.to))
    .bind(Json(&message.body))
    .execute(connection)
    .await
    .map(drop)
    .map_err(failed)
}

/// Tells a run's owner to cancel it, with its row of the audit log.
pub(super) async fn cancel(pool: &PgPool, run: RunId, new: NewCommand) -> Result<Cancelled, StoreError> {
    let mut transaction = pool.begin().await.map_err(failed)?;
    let row = sqlx::query("SELECT state FROM runs WHERE id = $1")
        .bind(run.0)
        .fetch_optional(&mut *transaction)
        .await;
    let Some(row) = row.map_err(failed)? else { return Ok(Cancelled::NoRun) };
    if let Some(known) = one(&mut transaction, new.id).await? {
        return Ok(Cancelled::Accepted(Box::new(known)));
    }
    let state: RunState = named(&row, "state")?;
    if state.is_end() {
        return Ok(Cancelled::Ended(state));
    }
    let body = MessageBody::CancelRun { by: new.by.actor.clone(), command: new.id };
    let message = Message { id: MessageId::of(new.id.0, "cancel_run", 0), to: Recipient::Run(run), body };
    let subject = format!("run/{run}");
    let about = About { kind: "cancel_run", subject: &subject, campaign: None, run: Some(run) };
    if record(&mut transaction, &new, &about, &[message]).await? {
        let (before, after) = (json!({ "state": state }), json!({ "command": new.id }));
        let change = Change { action: "run.cancel", kind: "run", subject: &run.to_string(), before, after };
        note(&mut transaction, &new.by, change).await?;
    }
    let command = one(&mut transaction, new.id).await?.ok_or_else(gone)?;
    transaction.commit().await.map_err(failed)?;
    Ok(Cancelled::Accepted(Box::new(command)))
}

/// Tells every organisation with changesets of the campaign to read its pull requests afresh.
pub(super) async fn sync(pool: &PgPool, name: &str, new: NewCommand) -> Result<Option<Started>, StoreError> {
    let Some(campaign) = campaigns::id(pool, name).await? else { return Ok(None) };
    let mut transaction = pool.begin().await.map_err(failed)?;
    let organizations: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT organization FROM changesets WHERE campaign = $1 ORDER BY organization",
    )
    .bind(campaign)
    .fetch_all(&mut *transaction)
    .await
    .map_err(failed)?;
    // Whoever has changesets has had a run; the newest one's parts record what is seen.
    let run: Option<Uuid> =
        sqlx::query_scalar("SELECT id FROM runs WHERE campaign = $1 ORDER BY created DESC, id DESC LIMIT 1")
            .bind(campaign)
            .fetch_optional(&mut *transaction)
            .await
            .map_err(failed)?;
    let run = run.map(RunId);
    let message = |(organization, run): (&String, RunId)| Message {
        id: MessageId::of(new.id.0, &format!("sync {organization}"), 0),
        to: Recipient::Organization(organization.clone()),
        body: MessageBody::Sync { campaign: CampaignId(campaign), run, command: new.id },
    };
    let messages: Vec<Message> =
        organizations.iter().filter_map(|organization| Some((organization, run?))).map(message).collect();
    let subject = format!("campaign/{name}");
    let about = About { kind: "sync", subject: &subject, campaign: Some(campaign), run };
    if record(&mut transaction, &new, &about, &messages).await? {
        let after = json!({ "command": new.id, "organizations": organizations });
        let change =
            Change { action: "campaign.sync", kind: "campaign", subject: name, before: Value::Null, after };
        note(&mut transaction, &new.by, change).await?;
    }
    let command = one(&mut transaction, new.id).await?.ok_or_else(gone)?;
    transaction.commit().await.map_err(failed)?;
    let wake: Vec<Shard> = messages.iter().map(|message| message.to.shard()).collect();
    Ok(Some(Started { command, wake }))
}

/// What a command is about.
struct About<'a> {
    kind: &'a str,
    subject: &'a str,
    campaign: Option<Uuid>,
    run: Option<RunId>,
}

/// Records a command and leaves its messages; whether it was not there before.
async fn record(
    connection: &mut PgConnection,
    new: &NewCommand,
    about: &About<'_>,
    messages: &[Message],
) -> Result<bool, StoreError> {
    let Signed { actor, .. } = &new.by;
    let ids: Vec<MessageId> = messages.iter().map(|message| message.id).collect();
    let made = sqlx::query(
        "INSERT INTO commands (id, kind, campaign, run, requested_by, data) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (id) DO NOTHING",
    )
    .bind(new.id.0)
    .bind(about.kind)
    .bind(about.campaign)
    .bind(about.run.map(|run| run.0))
    .bind(actor)
    .bind(json!({ "subject": about.subject, "messages": ids }))
    .execute(&mut *connection)
    .await
    .map_err(failed)?;
    if made.rows_affected() == 0 {
        return Ok(false);
    }
    for message in messages {
        send(connection, message, about.run).await?;
    }
    Ok(true)
}

fn gone() -> StoreError {
    StoreError::Corrupt(String::from("a command that was written is not there"))
}

fn command(row: &PgRow) -> Result<Command, StoreError> {
    let data: Value = get(row, "data")?;
    let waiting: i64 = get(row, "waiting")?;
    Ok(Command {
        id: get(row, "id")?,
        kind: get(row, "kind")?,
        subject: data.get("subject").and_then(Value::as_str).unwrap_or_default().to_owned(),
        state: if waiting > 0 { CommandState::Accepted } else { CommandState::Done },
        waiting: u32::try_from(waiting).unwrap_or(u32::MAX),
        created_by: get(row, "requested_by")?,
        created_at: get(row, "created")?,
    })
}
