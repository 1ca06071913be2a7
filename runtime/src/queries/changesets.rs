//! Changesets: those of a campaign or a run, and single ones. Deliberately absent: changing them.

use super::{
    campaigns,
    rows::{count, failed, get, like, named, named_as, one_more, page},
    runs,
};
use crate::store::Connections;
use campaigns_domain::{
    changeset::{self, ChangesetState as Standing, Errand, OwnersAsked, Stands},
    execution::run,
    id::ChangesetId,
    publish::standing::Pause,
};
use campaigns_http::{
    ports::{ChangesetFilter, ChangesetScope, Listed, StoreError},
    wire::{Changeset, CodeOwners, Merge, MergeMethod, MergeStands, OwnerLeftOut, PullRequest, Seen},
};
use sqlx::{postgres::PgRow, types::Json};
use uuid::Uuid;

macro_rules! changesets {
    ($where:literal) => {
        concat!(
            "SELECT *, shown->'notes' AS notes, shown->'owners' AS owners, coalesce(wanted->>'title', '') AS title, coalesce((coalesce(wanted->'made_by', wanted)->>'attempt')::integer, 0) AS attempt, ",
            "coalesce((wanted->'made_by'->>'target')::uuid, target) AS content, ",
            "(SELECT coalesce(p.paused_by, r.paused_by) FROM runs r JOIN campaigns p ON p.id = r.campaign ",
            "WHERE r.id = changesets.run) AS paused_by, (SELECT o.pause FROM organizations o WHERE o.login = changesets.organization) AS mending, (SELECT r.reason FROM runs r WHERE r.id = changesets.run) AS halted, ",
            // Why what is held waits is kept once for each wave of its run.
            "CASE WHEN held AND state = 'scheduled' THEN coalesce((SELECT r.rollout->'waits'->>width_bucket(t.position, ",
            "ARRAY(SELECT jsonb_array_elements_text(r.rollout->'ends')::integer)) FROM runs r, repo_targets t ",
            "WHERE r.id = changesets.run AND t.id = changesets.target), reason) ELSE reason END AS shown_reason ",
            "FROM changesets WHERE ",
            $where
        )
    };
}

pub(super) async fn list(
    pool: &Connections,
    scope: &ChangesetScope,
    filter: &ChangesetFilter,
    after: Option<Uuid>,
    limit: u32,
) -> Result<Option<Listed<Changeset, Uuid>>, StoreError> {
    let query = match scope {
        ChangesetScope::Campaign(name) => {
            let Some(campaign) = campaigns::id(pool, name).await? else { return Ok(None) };
            sqlx::query(changesets!(
                "campaign = $1 AND id > $2 AND (cardinality($3::text[]) = 0 OR state = ANY ($3)) AND lower(repository) LIKE $4 \
                 ORDER BY id LIMIT $5"
            ))
            .bind(campaign)
        }
        ChangesetScope::Run(run) => {
            if !runs::exists(pool, *run).await? {
                return Ok(None);
            }
            sqlx::query(changesets!(
                "run = $1 AND id > $2 AND (cardinality($3::text[]) = 0 OR state = ANY ($3)) AND lower(repository) LIKE $4 \
                 ORDER BY id LIMIT $5"
            ))
            .bind(run.0)
        }
    };
    let rows = query
        .bind(after.unwrap_or_default())
        .bind(filter.states.iter().map(|state| state.as_str()).collect::<Vec<_>>())
        .bind(like(filter.repository.as_ref()))
        .bind(one_more(limit))
        .fetch_all(pool)
        .await
        .map_err(failed)?;
    page(&rows, limit, changeset, |changeset| changeset.id).map(Some)
}

pub(super) async fn one(pool: &Connections, id: ChangesetId) -> Result<Option<(Changeset, u32)>, StoreError> {
    let row = sqlx::query(changesets!("id = $1")).bind(id.0).fetch_optional(pool).await.map_err(failed)?;
    let of_content = |row: PgRow| {
        let shown = changeset(&row)?;
        // The diff is that of the attempt whose content it is.
        let content = Changeset { target_id: get(&row, "content")?, ..shown };
        Ok((content, count(&row, "attempt")?))
    };
    row.map(of_content).transpose()
}

fn changeset(row: &PgRow) -> Result<Changeset, StoreError> {
    let pull_request = match (get::<Option<i64>>(row, "pull_request")?, get(row, "pull_request_url")?) {
        (Some(number), Some(url)) => {
            let number = u64::try_from(number);
            Some(PullRequest { number: number.map_err(|error| StoreError::Corrupt(error.to_string()))?, url })
        }
        _ => None,
    };
    let standing: Standing = named_as(row, "state")?;
    let (reason, paused): (String, Option<String>) = (get(row, "shown_reason")?, get(row, "paused_by")?);
    let mut notes = get::<Option<Json<Vec<String>>>>(row, "notes")?.map(|notes| notes.0).unwrap_or_default();
    let owners = get::<Option<Json<OwnersAsked>>>(row, "owners")?.map(|owners| owners.0);
    notes.extend(owners.iter().flat_map(OwnersAsked::notes));
    let halted: &str = get(row, "halted")?;
    let organization: &str = get(row, "organization")?;
    let mending = get::<Option<Json<Pause>>>(row, "mending")?.map(|Json(pause)| pause.words(organization));
    let Json(errand) = get::<Json<Errand>>(row, "errand")?;
    let paused = paused.map(|by| run::paused(&by, halted)).or(errand.pause()).or(mending);
    let seen = get::<Option<Json<Seen>>>(row, "seen")?.map(|seen| seen.0);
    let mut why = vec![standing.why(&reason, paused.as_deref(), &notes)];
    why.extend(standing.besides(seen.as_ref().and_then(|seen| seen.base.as_deref()), &errand));
    why.retain(|words| !words.is_empty());
    let merge = errand.merge;
    Ok(Changeset {
        why: why.join("; "),
        notes,
        away: get::<Option<&str>>(row, "away")?.map(|_| named_as(row, "away")).transpose()?,
        id: get(row, "id")?,
        campaign_id: get(row, "campaign")?,
        run_id: get(row, "run")?,
        target_id: get(row, "target")?,
        repository: get(row, "repository")?,
        base_branch: get(row, "base_branch")?,
        head_branch: get(row, "head_branch")?,
        state: named(row, "state")?,
        reason,
        title: get(row, "title")?,
        pull_request,
        head: get(row, "head")?,
        seen,
        merge: merge.map(wanted),
        code_owners: owners.map(asked),
        next_read_at: get(row, "due")?,
        generation: count(row, "generation")?,
        updated_at: get(row, "changed")?,
    })
}

fn asked(owners: OwnersAsked) -> CodeOwners {
    let OwnersAsked { asked, waiting, passed, left_out, .. } = owners;
    let left_out = left_out.into_iter().map(|left| OwnerLeftOut { who: left.who, why: left.why });
    CodeOwners { asked, waiting, passed, left_out: left_out.collect() }
}

fn wanted(merge: changeset::Merge) -> Merge {
    Merge {
        words: merge.stands.words(),
        by: merge.by,
        method: merge.method.map(|method| match method {
            changeset::MergeMethod::Merge => MergeMethod::Merge,
            changeset::MergeMethod::Squash => MergeMethod::Squash,
            changeset::MergeMethod::Rebase => MergeMethod::Rebase,
        }),
        state: match merge.stands {
            Stands::Owed => MergeStands::Owed,
            Stands::Arranged { .. } => MergeStands::AutoMerge,
            Stands::Queued { .. } => MergeStands::Queued,
            Stands::Waits { .. } => MergeStands::Waits,
            Stands::Stopped { .. } => MergeStands::Stopped,
        },
    }
}
