//! The audit of a database: what must hold of its rows whenever nothing is under way, checked by plain queries.
//!
//! Tests leave by it, and an operator can run it by hand. Events and effects carry no foreign keys, for speed; that
//! they fit is checked here instead. Deliberately absent: mending anything.

use campaigns_domain::id::Shard;
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

/// One rule: its name, and a query that yields a line of text for everything that breaks it.
struct Rule {
    name: &'static str,
    query: &'static str,
}

/// What holds at any time, also while work is under way.
const ALWAYS: &[Rule] = &[
    Rule {
        name: "event sequences have no gap",
        query: "SELECT format('run %s shard %s: %s events, last sequence %s', p.run, p.shard, count(e.sequence),
                       p.last_sequence)
                FROM run_parts p LEFT JOIN events e ON e.run = p.run AND e.shard = p.shard
                GROUP BY p.run, p.shard, p.last_sequence
                HAVING count(e.sequence) <> p.last_sequence OR coalesce(max(e.sequence), 0) <> p.last_sequence",
    },
    Rule {
        name: "every event belongs to a part",
        query: "SELECT format('run %s shard %s', e.run, e.shard) FROM events e
                WHERE NOT EXISTS (SELECT FROM run_parts p WHERE p.run = e.run AND p.shard = e.shard)
                GROUP BY e.run, e.shard",
    },
    Rule {
        name: "a run's parts count its targets",
        query: "SELECT format('run %s: parts %s, rows %s', r.id, p.counted, t.counted)
                FROM runs r
                CROSS JOIN LATERAL (
                    SELECT jsonb_build_object(
                        'selected', coalesce(sum(targets_selected), 0), 'queued', coalesce(sum(targets_queued), 0),
                        'executing', coalesce(sum(targets_executing), 0),
                        'unchanged', coalesce(sum(targets_unchanged), 0),
                        'changed', coalesce(sum(targets_changed), 0), 'failed', coalesce(sum(targets_failed), 0),
                        'skipped', coalesce(sum(targets_skipped), 0),
                        'cancelled', coalesce(sum(targets_cancelled), 0)) AS counted
                    FROM run_parts WHERE run = r.id) p
                CROSS JOIN LATERAL (
                    SELECT jsonb_build_object(
                        'selected', count(*) FILTER (WHERE state = 'selected'),
                        'queued', count(*) FILTER (WHERE state = 'queued'),
                        'executing', count(*) FILTER (WHERE state = 'executing'),
                        'unchanged', count(*) FILTER (WHERE state = 'unchanged'),
                        'changed', count(*) FILTER (WHERE state = 'changed'),
                        'failed', count(*) FILTER (WHERE state = 'failed'),
                        'skipped', count(*) FILTER (WHERE state = 'skipped'),
                        'cancelled', count(*) FILTER (WHERE state = 'cancelled')) AS counted
                    FROM repo_targets WHERE run = r.id) t
                WHERE p.counted <> t.counted",
    },
    Rule {
        name: "every effect is about a row",
        query: "SELECT format('effect %s (%s of %s)', f.id, f.kind, f.subject) FROM effects f
                WHERE NOT EXISTS (SELECT FROM runs WHERE id = f.subject)
                  AND NOT EXISTS (SELECT FROM repo_targets WHERE id = f.subject)
                  AND NOT EXISTS (SELECT FROM changesets WHERE id = f.subject)",
    },
    Rule {
        name: "open admissions stay within the window",
        query: "SELECT format('run %s: %s open, window %s', r.id, count(*), r.window_size)
                FROM runs r JOIN admissions a ON a.run = r.id AND a.state = 'open'
                GROUP BY r.id, r.window_size HAVING count(*) > r.window_size",
    },
    Rule {
        name: "every target belongs to a run",
        query: "SELECT format('target %s of run %s', id, run) FROM repo_targets t
                WHERE NOT EXISTS (SELECT FROM runs r WHERE r.id = t.run)",
    },
    // The four that follow are what CHECK constraints would say of the rows that every transition writes, if reading
    // them anew for each statement did not cost so much (docs/adr/0018).
    Rule {
        name: "a target's state is one, and says whether it takes part",
        query: "SELECT format('target %s is %s, takes_part %s', id, state, takes_part) FROM repo_targets
                WHERE state NOT IN ('selected', 'queued', 'executing', 'unchanged', 'changed', 'failed', 'skipped',
                                    'cancelled')
                   OR takes_part <> (state <> 'skipped')",
    },
    Rule {
        name: "a target's numbers are none below their first",
        query: "SELECT format('target %s: shard %s, position %s, repository %s, attempt %s, failures %s, version %s', id,
                       shard, position, repository_id, attempt, infrastructure_failures, version)
                FROM repo_targets WHERE shard < 0 OR position < 0 OR repository_id < 0 OR attempt < 0
                   OR infrastructure_failures < 0 OR version < 1",
    },
    Rule {
        name: "a part's numbers are none below their first",
        query: "SELECT format('run %s shard %s: last sequence %s', run, shard, last_sequence)
                FROM run_parts WHERE shard < 0 OR last_sequence < 0",
    },
    Rule {
        name: "an event is numbered, named, and about something",
        query: "SELECT format('run %s shard %s event %s: %s of a %s', run, shard, sequence, kind, subject_kind)
                FROM events WHERE shard < 0 OR sequence < 1 OR kind = ''
                   OR subject_kind NOT IN ('run', 'target', 'changeset')",
    },
];

/// What holds besides once every run has ended.
const AT_REST: &[Rule] = &[
    Rule {
        name: "every run has ended",
        query: "SELECT format('run %s is %s', id, state) FROM runs WHERE state IN ('selecting', 'running')",
    },
    Rule {
        name: "every target has reached an end",
        query: "SELECT format('target %s (%s) is %s', id, repository, state) FROM repo_targets
                WHERE state IN ('selected', 'queued', 'executing')",
    },
    Rule {
        name: "no effect is undone",
        query: "SELECT format('effect %s (%s of %s) is %s', id, kind, subject, state) FROM effects
                WHERE state <> 'done'",
    },
    Rule {
        name: "no message waits",
        query: "SELECT format('message %s: %s', id, body) FROM inbox WHERE consumed_at IS NULL",
    },
    Rule {
        name: "no admission is open",
        query: "SELECT format('target %s attempt %s is %s', target, attempt, state) FROM admissions
                WHERE state <> 'closed'",
    },
    Rule {
        name: "no changeset is being sent",
        query: "SELECT format('changeset %s (%s) is %s', id, repository, state) FROM changesets
                WHERE state IN ('scheduled', 'publishing')",
    },
];

/// Everything that breaks a rule that holds at any time; empty where all is well.
///
/// # Errors
/// Where the database does not answer.
pub async fn running(connection: &mut PgConnection) -> Result<Vec<String>, sqlx::Error> {
    check(connection, ALWAYS).await
}

/// Everything that breaks a rule that holds once every run has ended; empty where all is well.
///
/// # Errors
/// Where the database does not answer.
pub async fn at_rest(connection: &mut PgConnection) -> Result<Vec<String>, sqlx::Error> {
    let mut broken = check(connection, ALWAYS).await?;
    broken.extend(check(connection, AT_REST).await?);
    Ok(broken)
}

async fn check(connection: &mut PgConnection, rules: &[Rule]) -> Result<Vec<String>, sqlx::Error> {
    let mut broken = vec![];
    for rule in rules {
        for row in sqlx::query(rule.query).fetch_all(&mut *connection).await? {
            broken.push(format!("{}: {}", rule.name, row.try_get::<String, _>(0)?));
        }
    }
    Ok(broken)
}

/// Who took each shard last, as the database knows it.
///
/// # Errors
/// Where the database does not answer.
pub async fn owners(connection: &mut PgConnection) -> Result<Vec<(Shard, Option<Uuid>)>, sqlx::Error> {
    let rows = sqlx::query("SELECT id, owner FROM shards ORDER BY id").fetch_all(connection).await?;
    rows.iter()
        .map(|row| {
            let id: i16 = row.try_get("id")?;
            Ok((Shard(u16::try_from(id).unwrap_or(u16::MAX)), row.try_get("owner")?))
        })
        .collect()
}
