//! Asking something of many changesets: the selection is resolved, the command recorded and a message left for every
//! changeset it covers, in one transaction. Failed targets are run again by a run of their own.
//!
//! Deliberately absent: what an ask does to a changeset, and whether it fits, which the domain says.

use super::{
    audit::{Change, note},
    commands::{self, About, gone, one},
    rows::{failed, get, named},
    runs,
};
use crate::store::Connections;
use campaigns_actors::ports::{Message, MessageBody, Recipient};
use campaigns_domain::{
    changeset::{Ask, ChangesetState as Standing, Checks},
    execution::run::{Again, Run as DomainRun, RunOptions},
    id::{CampaignId, ChangesetId, CommandId, Digest, MessageId, RepositoryName, RunId, Shard},
};
use campaigns_http::{
    ports::{AskedFor, Asking, NewCommand, StoreError},
    wire::{Asked, Covered, LeftOut, PullRequest},
};
use serde_json::{Value, json};
use sqlx::{PgConnection, types::Json};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// How many of the changesets that are covered are named in an answer.
const NAMED: usize = 500;

/// Resolves the selection and, unless it is only a preview, records the command and tells the owners.
pub(super) async fn ask(
    pool: &Connections,
    name: &str,
    asking: Asking,
    new: NewCommand,
) -> Result<AskedFor, StoreError> {
    let mut transaction = pool.begin().await.map_err(failed)?;
    let campaign: Option<(Uuid, String, Option<String>)> = sqlx::query_as(
        "SELECT id, spec, paused_by FROM campaigns WHERE name = $1 AND spec IS NOT NULL FOR SHARE",
    )
    .bind(name)
    .fetch_optional(&mut *transaction)
    .await
    .map_err(failed)?;
    let Some((campaign, spec, paused)) = campaign else { return Ok(AskedFor::NoCampaign) };
    if let Some(known) = known(&mut transaction, &new, &asking).await? {
        return Ok(known);
    }
    let mut found = changesets(&mut transaction, campaign, &asking).await?;
    let again = match asking.ask {
        Ask::Rebase => rebase(&mut transaction, campaign, &found).await?,
        _ if asking.targets => targets(&mut transaction, campaign, &asking).await?,
        _ => None,
    };
    let tried = again.as_ref().filter(|(options, ..)| !options.rebase);
    let retried = tried.map(|(options, ..)| options.again.as_slice()).unwrap_or_default();
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let mut asked = Asked {
        command: None,
        covers: count(found.covered.len()),
        changesets: found.covered.iter().take(NAMED).map(|(_, covered)| covered.clone()).collect(),
        targets: count(retried.len()),
        retried: retried.iter().take(NAMED).map(|again| again.repository.to_string()).collect(),
        run_id: None,
        left_out: std::mem::take(&mut found.left_out),
        paused_by: paused.clone(),
    };
    if asking.preview {
        return Ok(AskedFor::Preview(Box::new(asked)));
    }
    if asked.covers == 0 && asked.targets == 0 {
        return Ok(AskedFor::Nothing(Box::new(asked)));
    }
    let subject = format!("campaign/{name}");
    let about = About { kind: asking.ask.name(), subject: &subject, campaign: Some(campaign), run: None };
    let covers = found.covered.len() + usize::from(again.is_some());
    if !commands::insert(&mut transaction, &new, &about, covers).await? {
        // The same request, at the same time.
        return Err(StoreError::Unavailable(String::from("the same command is being recorded")));
    }
    let ids: Vec<Uuid> = found.covered.iter().map(|(id, _)| id.0).collect();
    let mut wake = tell(&mut transaction, &ids, &asking, &new).await?;
    if let Some((options, window)) = again {
        let id = RunId::of_command(new.id);
        let run = DomainRun::new(id, CampaignId(campaign), Digest(spec), window, options);
        runs::insert(&mut transaction, &new.by, &run.of_paused(paused.as_deref())).await?;
        let start =
            Message { id: MessageId::of(id.0, "start", 0), to: Recipient::Run(id), body: MessageBody::Start };
        commands::send(&mut transaction, &start, Some(id), Some(new.id)).await?;
        wake.push(Shard::of_run(id));
        asked.run_id = Some(id.0);
    }
    let keep = json!({ "fingerprint": asking.fingerprint, "asked": asked });
    sqlx::query("UPDATE commands SET data = data || $2 WHERE id = $1")
        .bind(new.id.0)
        .bind(keep)
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
    let action = format!("campaign.{}", asking.ask.name());
    let after = json!({
        "command": new.id, "ask": asking.ask, "selection": asking.selection(), "changesets": asked.covers,
        "targets": asked.targets, "run": asked.run_id,
    });
    let change = Change { action: &action, kind: "campaign", subject: name, before: Value::Null, after };
    note(&mut transaction, &new.by, change).await?;
    asked.command = Some(one(&mut transaction, new.id).await?.ok_or_else(gone)?);
    transaction.commit().await.map_err(failed)?;
    Ok(AskedFor::Recorded(Box::new(asked), wake))
}

/// What was answered to the same request before.
async fn known(
    connection: &mut PgConnection,
    new: &NewCommand,
    asking: &Asking,
) -> Result<Option<AskedFor>, StoreError> {
    let Some(command) = one(connection, new.id).await? else { return Ok(None) };
    let data: Json<Value> = sqlx::query_scalar("SELECT data FROM commands WHERE id = $1")
        .bind(new.id.0)
        .fetch_one(connection)
        .await
        .map_err(failed)?;
    if data.get("fingerprint").and_then(Value::as_str) != Some(asking.fingerprint.0.as_str()) {
        return Ok(Some(AskedFor::KeyReused));
    }
    let asked = data.get("asked").cloned().unwrap_or_default();
    let mut asked: Asked =
        serde_json::from_value(asked).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    asked.command = Some(command);
    Ok(Some(AskedFor::Recorded(Box::new(asked), vec![])))
}

/// A selection as it is resolved.
#[derive(Default)]
struct Found {
    covered: Vec<(ChangesetId, Covered)>,
    /// Their repositories and base branches.
    places: BTreeSet<Again>,
    left_out: Vec<LeftOut>,
}

async fn changesets(
    connection: &mut PgConnection,
    campaign: Uuid,
    asking: &Asking,
) -> Result<Found, StoreError> {
    if !asking.changesets {
        return Ok(Found::default());
    }
    let rows = sqlx::query(
        "SELECT id, repository, base_branch, coalesce(errand->'back'->>'state', state) AS standing, coalesce(seen->>'checks', 'none') AS checks, errand ? 'paused' AS paused, state, pull_request, \
         pull_request_url, coalesce(seen->'labels', wanted->'dress'->'labels', '[]') AS labels FROM changesets WHERE campaign = $1 \
         ORDER BY lower(repository), id",
    )
    .bind(campaign)
    .fetch_all(connection)
    .await
    .map_err(failed)?;
    let mut found = Found::default();
    let mut left_out: BTreeMap<&'static str, u32> = BTreeMap::new();
    for row in &rows {
        let repository: String = get(row, "repository")?;
        let name: RepositoryName =
            repository.parse().map_err(|_| StoreError::Corrupt(format!("the repository `{repository}`")))?;
        let standing = standing(get(row, "standing")?)?;
        let Json(labels): Json<Vec<String>> = get(row, "labels")?;
        if !asking.which.takes(&name, standing, &labels) {
            continue;
        }
        let number: Option<i64> = get(row, "pull_request")?;
        let refused = asking.ask.refused(standing, number.is_some(), checks(get(row, "checks")?)?);
        let paused = get(row, "paused")?;
        if let Some(why) = refused.or_else(|| asking.ask.idle(paused)) {
            *left_out.entry(why).or_default() += 1;
            continue;
        }
        let id: Uuid = get(row, "id")?;
        let url: Option<String> = get(row, "pull_request_url")?;
        let number = number.and_then(|number| u64::try_from(number).ok());
        let pull_request = number.zip(url).map(|(number, url)| PullRequest { number, url });
        let covered = Covered { id, repository, state: named(row, "state")?, pull_request };
        found.covered.push((ChangesetId(id), covered));
        found.places.insert(Again { repository: name, branch: get(row, "base_branch")? });
    }
    let words = |(reason, count): (&str, u32)| LeftOut { reason: reason.to_owned(), count };
    found.left_out = left_out.into_iter().map(words).collect();
    Ok(found)
}

fn standing(name: &str) -> Result<Standing, StoreError> {
    let found = Standing::ALL.into_iter().find(|state| state.as_str() == name);
    found.ok_or_else(|| StoreError::Corrupt(format!("a changeset is `{name}`")))
}

fn checks(name: &str) -> Result<Checks, StoreError> {
    let found = Checks::ALL.iter().copied().find(|checks| checks.as_str() == name);
    found.ok_or_else(|| StoreError::Corrupt(format!("the checks of a changeset are `{name}`")))
}

/// The run that carries what is covered out again on the base as it is now, and its window.
async fn rebase(
    connection: &mut PgConnection,
    campaign: Uuid,
    found: &Found,
) -> Result<Option<(RunOptions, u32)>, StoreError> {
    if found.places.is_empty() {
        return Ok(None);
    }
    let newest = newest(connection, campaign).await?;
    Ok(newest.map(|(_, options, window)| {
        let again = found.places.iter().cloned().collect();
        (RunOptions { again, only: None, dry_run: false, rebase: true, ..options }, window)
    }))
}

/// The newest run of everything, with its options and window.
async fn newest(
    connection: &mut PgConnection,
    campaign: Uuid,
) -> Result<Option<(Uuid, RunOptions, u32)>, StoreError> {
    let newest: Option<(Uuid, Json<RunOptions>, i32)> = sqlx::query_as(
        "SELECT id, options, window_size FROM runs WHERE campaign = $1 \
         AND coalesce(jsonb_array_length(options->'again'), 0) = 0 ORDER BY created DESC, id DESC LIMIT 1",
    )
    .bind(campaign)
    .fetch_optional(connection)
    .await
    .map_err(failed)?;
    Ok(newest.map(|(run, Json(options), window)| (run, options, u32::try_from(window).unwrap_or(1))))
}

/// The failed targets that are selected, as the options of the run that tries them again, and its window. A target
/// stands where the newest run has left it that had it: the last one of everything, and those that retried parts of it.
async fn targets(
    connection: &mut PgConnection,
    campaign: Uuid,
    asking: &Asking,
) -> Result<Option<(RunOptions, u32)>, StoreError> {
    let Some((run, options, window)) = newest(connection, campaign).await? else { return Ok(None) };
    let rows: Vec<(String, String)> = sqlx::query_as(
        "SELECT repository, branch FROM (SELECT DISTINCT ON (t.repository_id, t.branch, t.workspace) \
         t.repository, t.branch, t.state FROM repo_targets t JOIN runs r ON r.id = t.run \
         WHERE r.campaign = $1 AND NOT coalesce((r.options->>'rebase')::boolean, false) AND (r.created, r.id) >= (SELECT created, id FROM runs WHERE id = $2) \
         ORDER BY t.repository_id, t.branch, t.workspace, r.created DESC, r.id DESC) newest \
         WHERE state = 'failed' ORDER BY repository, branch",
    )
    .bind(campaign)
    .bind(run)
    .fetch_all(connection)
    .await
    .map_err(failed)?;
    let mut again = BTreeSet::new();
    for (repository, branch) in rows {
        let repository: RepositoryName =
            repository.parse().map_err(|_| StoreError::Corrupt(format!("the repository `{repository}`")))?;
        if asking.which.takes_repository(&repository) {
            again.insert(Again { repository, branch });
        }
    }
    if again.is_empty() {
        return Ok(None);
    }
    let again = again.into_iter().collect();
    Ok(Some((RunOptions { again, only: None, ..options }, window)))
}

/// Leaves a message for every changeset, in one statement; the shards whose owners have some now.
async fn tell(
    connection: &mut PgConnection,
    ids: &[Uuid],
    asking: &Asking,
    new: &NewCommand,
) -> Result<Vec<Shard>, StoreError> {
    // A comment goes first. It is a word of its own, taken up beside the other.
    let apart = CommandId(Uuid::new_v5(&new.id.0, b"comment"));
    let comment = asking.comment.iter().map(|ask| (ask, apart));
    let mut bodies = vec![];
    for (ask, command) in comment.chain([(&asking.ask, new.id)]) {
        let body = MessageBody::Ask {
            changeset: ChangesetId(Uuid::nil()),
            ask: Ask::clone(ask),
            by: new.by.actor.clone(),
            command,
            run: RunId(Uuid::nil()),
        };
        bodies.push(serde_json::to_value(body).map_err(|error| StoreError::Corrupt(error.to_string()))?);
    }
    let shards: Vec<i16> = sqlx::query_scalar(
        "WITH told AS (INSERT INTO inbox (id, shard, run, recipient, body, command) \
         SELECT gen_random_uuid(), c.shard, c.run, jsonb_build_object('type', 'organization', 'id', c.organization), \
         b.body || jsonb_build_object('changeset', c.id, 'run', c.run), $3 \
         FROM unnest($2::jsonb[]) WITH ORDINALITY AS b (body, place) CROSS JOIN changesets c WHERE c.id = ANY($1) \
         ORDER BY lower(c.repository), c.id, b.place RETURNING shard) SELECT DISTINCT shard FROM told",
    )
    .bind(ids)
    .bind(bodies)
    .bind(new.id.0)
    .fetch_all(connection)
    .await
    .map_err(failed)?;
    Ok(shards.into_iter().filter_map(|shard| u16::try_from(shard).ok()).map(Shard).collect())
}
