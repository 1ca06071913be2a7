//! What a row of the database means in the domain's words.
//!
//! Deliberately absent: queries. A row that says what no version of this program writes is an error, never a guess.

use super::failure;
use campaigns_actors::ports::{Effect, Followed, Message, StoreError, Subject};
use campaigns_domain::{
    changeset::{Changeset, PullRequestRef},
    execution::{run::Run, target::Target},
    id::{
        CampaignId, ChangesetId, CommitSha, Digest, EffectId, MessageId, RepositoryId, RunId, Shard, TargetId,
    },
    spec::Spec,
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::{Decode, Row as _, Type, postgres::PgRow};
use std::{collections::BTreeMap, time::Duration};
use uuid::Uuid;

/// One column.
fn get<'r, T: Decode<'r, sqlx::Postgres> + Type<sqlx::Postgres>>(
    row: &'r PgRow,
    name: &str,
) -> Result<T, StoreError> {
    row.try_get(name).map_err(failure::read)
}

/// A count, which the schema keeps from being negative.
fn count(row: &PgRow, name: &str) -> Result<u32, StoreError> {
    let number: i32 = get(row, name)?;
    u32::try_from(number).map_err(|_| StoreError::Corrupt(format!("{name} is {number}")))
}

/// An id of the code host.
fn big(row: &PgRow, name: &str) -> Result<u64, StoreError> {
    let number: i64 = get(row, name)?;
    u64::try_from(number).map_err(|_| StoreError::Corrupt(format!("{name} is {number}")))
}

/// A JSON column as a value of ours.
pub(super) fn json<T: DeserializeOwned>(row: &PgRow, name: &str) -> Result<T, StoreError> {
    let value: Value = get(row, name)?;
    serde_json::from_value(value).map_err(|error| StoreError::Corrupt(format!("{name}: {error}")))
}

/// A state, kind or other word by its name.
pub(super) fn named<T: DeserializeOwned>(name: &str) -> Result<T, StoreError> {
    serde_json::from_value(Value::String(name.to_owned()))
        .map_err(|error| StoreError::Corrupt(error.to_string()))
}

fn name_of<T: DeserializeOwned>(row: &PgRow, name: &str) -> Result<T, StoreError> {
    named(get(row, name)?)
}

pub(super) fn run(row: &PgRow) -> Result<Run, StoreError> {
    Ok(Run {
        id: RunId(get(row, "id")?),
        campaign: CampaignId(get(row, "campaign")?),
        spec: Digest(get(row, "spec")?),
        state: name_of(row, "state")?,
        reason: get(row, "reason")?,
        paused: get(row, "paused_by")?,
        window: count(row, "window_size")?,
        replicas: 1,
        options: json(row, "options")?,
        rollout: json(row, "rollout")?,
        total: count(row, "total")?,
        next_position: count(row, "next_position")?,
        open: json(row, "open")?,
        again: json(row, "again")?,
        put_off: BTreeMap::new(),
        ended: count(row, "ended")?,
        proposed: count(row, "proposed")?,
        settled: count(row, "settled")?,
        pruned: get(row, "pruned")?,
        version: get(row, "version")?,
    })
}

pub(super) fn spec(row: &PgRow) -> Result<Spec, StoreError> {
    json(row, "normalised")
}

pub(super) fn target(row: &PgRow) -> Result<Target, StoreError> {
    Ok(Target {
        id: TargetId(get(row, "id")?),
        run: RunId(get(row, "run")?),
        campaign: CampaignId(get(row, "campaign")?),
        position: count(row, "position")?,
        repository_id: RepositoryId(big(row, "repository_id")?),
        repository: name_of(row, "repository")?,
        branch: get(row, "branch")?,
        base: CommitSha(get(row, "base")?),
        workspace: get(row, "workspace")?,
        state: name_of(row, "state")?,
        reason: get(row, "reason")?,
        attempt: count(row, "attempt")?,
        infrastructure_failures: count(row, "infrastructure_failures")?,
        version: get(row, "version")?,
    })
}

pub(super) fn changeset(row: &PgRow) -> Result<Changeset, StoreError> {
    let number: Option<i64> = get(row, "pull_request")?;
    let pull_request = match number {
        None => None,
        Some(_) => Some(PullRequestRef {
            number: big(row, "pull_request")?,
            node_id: get(row, "pull_request_node")?,
            url: get(row, "pull_request_url")?,
        }),
    };
    let head: Option<String> = get(row, "head")?;
    let publishing: Option<i32> = get(row, "publishing")?;
    let seen: Option<Value> = get(row, "seen")?;
    let away: Option<String> = get(row, "away")?;
    Ok(Changeset {
        id: ChangesetId(get(row, "id")?),
        campaign: CampaignId(get(row, "campaign")?),
        repository_id: RepositoryId(big(row, "repository_id")?),
        repository: name_of(row, "repository")?,
        base_branch: get(row, "base_branch")?,
        head_branch: get(row, "head_branch")?,
        state: name_of(row, "state")?,
        reason: get(row, "reason")?,
        generation: count(row, "generation")?,
        publishing: publishing.map(|_| count(row, "publishing")).transpose()?,
        wanted: json(row, "wanted")?,
        held: get(row, "held")?,
        away: away.map(|_| name_of(row, "away")).transpose()?,
        errand: json(row, "errand")?,
        told: get(row, "told")?,
        shown: json(row, "shown")?,
        head: head.map(CommitSha),
        pull_request,
        seen: seen.map(|_| json(row, "seen")).transpose()?,
        version: get(row, "version")?,
    })
}

/// A changeset with how long it has not changed, which the query tells in microseconds.
pub(super) fn followed(row: &PgRow) -> Result<Followed, StoreError> {
    let quiet: i64 = get(row, "quiet")?;
    // A clock that a test moved back makes nothing quieter.
    let quiet = Duration::from_micros(u64::try_from(quiet).unwrap_or_default());
    Ok(Followed { changeset: changeset(row)?, quiet })
}

pub(super) fn effect(row: &PgRow) -> Result<Effect, StoreError> {
    let shard: i16 = get(row, "shard")?;
    let (kind, id): (String, Uuid) = (get(row, "subject_kind")?, get(row, "subject")?);
    let subject = match kind.as_str() {
        "run" => Subject::Run(RunId(id)),
        "target" => Subject::Target(TargetId(id)),
        "changeset" => Subject::Changeset(ChangesetId(id)),
        other => return Err(StoreError::Corrupt(format!("an effect on a `{other}`"))),
    };
    Ok(Effect {
        id: EffectId(get(row, "id")?),
        shard: Shard(u16::try_from(shard).map_err(|_| StoreError::Corrupt(format!("shard {shard}")))?),
        run: RunId(get(row, "run")?),
        subject,
        kind: name_of(row, "kind")?,
        generation: count(row, "generation")?,
        state: name_of(row, "state")?,
    })
}

pub(super) fn message(row: &PgRow) -> Result<Message, StoreError> {
    Ok(Message { id: MessageId(get(row, "id")?), to: json(row, "recipient")?, body: json(row, "body")? })
}
