//! Commands: a row, the messages that tell the owners, and how many of those wait.
//!
//! Deliberately absent: carrying them out, and the kinds that have a file of their own (`steer`).

use super::{
    audit::{Change, note},
    campaigns,
    rows::{failed, get},
};
use crate::store::Connections;
use campaigns_actors::ports::{Message, MessageBody, Recipient};
use campaigns_domain::id::{CampaignId, CommandId, MessageId, RunId, Shard};
use campaigns_http::{
    ports::{NewCommand, Started, StoreError},
    wire::{Command, CommandState, SyncReport},
};
use serde_json::{Value, json};
use sqlx::{PgConnection, postgres::PgRow, types::Json};
use uuid::Uuid;

pub(super) async fn one(connection: &mut PgConnection, id: CommandId) -> Result<Option<Command>, StoreError> {
    let row = sqlx::query(
        "SELECT c.*, i.remaining, i.waiting, \
         (SELECT jsonb_agg(o.report ORDER BY o.organization) FROM command_outcomes o WHERE o.command = c.id) AS reports \
         FROM commands c CROSS JOIN LATERAL (SELECT count(*) AS remaining, \
         count(DISTINCT recipient) AS waiting FROM inbox WHERE command = c.id AND consumed_at IS NULL) i WHERE c.id = $1",
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
    command: Option<CommandId>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO inbox (id, shard, run, recipient, body, command) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (id) DO NOTHING",
    )
    .bind(message.id.0)
    .bind(i16::try_from(message.to.shard().0).unwrap_or(i16::MAX))
    .bind(run.map(|run| run.0))
    .bind(Json(&message.to))
    .bind(Json(&message.body))
    .bind(command.map(|command| command.0))
    .execute(connection)
    .await
    .map(drop)
    .map_err(failed)
}

/// Tells every organisation with changesets of the campaign to read its pull requests afresh.
pub(super) async fn sync(
    pool: &Connections,
    name: &str,
    new: NewCommand,
) -> Result<Option<Started>, StoreError> {
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
pub(super) struct About<'a> {
    pub(super) kind: &'a str,
    pub(super) subject: &'a str,
    pub(super) campaign: Option<Uuid>,
    pub(super) run: Option<RunId>,
}

/// Records a command and leaves its messages; whether it was not there before.
pub(super) async fn record(
    connection: &mut PgConnection,
    new: &NewCommand,
    about: &About<'_>,
    messages: &[Message],
) -> Result<bool, StoreError> {
    if !insert(connection, new, about, messages.len()).await? {
        return Ok(false);
    }
    for message in messages {
        let run = match message.to {
            Recipient::Run(run) => Some(run),
            _ => about.run,
        };
        send(connection, message, run, Some(new.id)).await?;
    }
    Ok(true)
}

/// Records a command that covers so many things; whether it was not there before.
pub(super) async fn insert(
    connection: &mut PgConnection,
    new: &NewCommand,
    about: &About<'_>,
    covers: usize,
) -> Result<bool, StoreError> {
    let made = sqlx::query(
        "INSERT INTO commands (id, kind, campaign, run, requested_by, data) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (id) DO NOTHING",
    )
    .bind(new.id.0)
    .bind(about.kind)
    .bind(about.campaign)
    .bind(about.run.map(|run| run.0))
    .bind(&new.by.actor)
    .bind(json!({ "subject": about.subject, "covers": covers }))
    .execute(connection)
    .await
    .map_err(failed)?;
    Ok(made.rows_affected() > 0)
}

pub(super) fn gone() -> StoreError {
    StoreError::Corrupt(String::from("a command that was written is not there"))
}

fn command(row: &PgRow) -> Result<Command, StoreError> {
    let data: Value = get(row, "data")?;
    let number = |name| get::<i64>(row, name).map(|number| u32::try_from(number).unwrap_or(u32::MAX));
    let left = number("remaining")?;
    let covers = data.get("covers").and_then(Value::as_u64).unwrap_or_default();
    let reports: Option<Json<Vec<SyncReport>>> = get(row, "reports")?;
    Ok(Command {
        id: get(row, "id")?,
        kind: get(row, "kind")?,
        subject: data.get("subject").and_then(Value::as_str).unwrap_or_default().to_owned(),
        state: if left > 0 { CommandState::Accepted } else { CommandState::Done },
        covers: u32::try_from(covers).unwrap_or(u32::MAX),
        left,
        waiting: number("waiting")?,
        sync: reports.map(|reports| together(reports.0)),
        created_by: get(row, "requested_by")?,
        created_at: get(row, "created")?,
    })
}

/// One report of those of every organisation.
fn together(reports: Vec<SyncReport>) -> SyncReport {
    reports.into_iter().fold(SyncReport::default(), |mut whole, each| {
        whole.read += each.read;
        whole.changed += each.changed;
        whole.failed += each.failed;
        whole.failures.extend(each.failures);
        whole
    })
}
