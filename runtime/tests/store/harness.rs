//! A store on a database of its own, with what the port leaves out.

use async_trait::async_trait;
use campaigns_actors::ports::{
    AdmissionState, CommitError, Committed, Execution, Message, Store, Subject, SyncReport, Transition,
    contract::store::StoreHarness,
    memory::{Counts, Dump, DumpedEffect, DumpedEvent, DumpedPart},
};
use campaigns_domain::{
    changeset::ChangesetState,
    execution::{run::Run, target::TargetState},
    id::{CampaignId, ChangesetId, CommandId, EffectId, ExecutionId, RunId, Shard, TargetId},
    spec::Spec,
};
pub(crate) use campaigns_runtime::store::testing::PATIENCE;
use campaigns_runtime::{
    embedded::testing::{TestDatabase, fresh_database},
    store::{Options, Postgres, testing::patient},
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::{Row as _, postgres::PgRow};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use uuid::Uuid;

/// A store under test. The database goes with it.
pub(crate) struct PostgresHarness {
    pub(crate) store: Postgres,
    pub(crate) database: TestDatabase,
}

/// Few connections, as many stores share the test's server; and no limit that a busy machine reaches by itself.
pub(crate) fn options() -> Options {
    Options { connections: 6, commit_connections: 6, fence_connections: 4, ..patient() }
}

/// A store with limits that somebody waits for, and that a busy machine may reach already while it is opened.
pub(crate) async fn impatient(url: &str, options: Options) -> Postgres {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match Postgres::connect(url, options.clone()).await {
            Ok(store) => return store,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
    }
}

impl PostgresHarness {
    pub(crate) async fn new() -> Self {
        Self::with(options()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let database = fresh_database().await.expect("a database");
        let store = Postgres::connect(database.url(), options).await.expect("a store");
        sqlx::raw_sql(
            "CREATE TABLE test_clock (stopped timestamptz); INSERT INTO test_clock VALUES (clock_timestamp()); \
             CREATE OR REPLACE FUNCTION campaigns_now() RETURNS timestamptz LANGUAGE sql VOLATILE \
             AS 'SELECT stopped + ahead FROM test_clock, clock'",
        )
        .execute(store.pool())
        .await
        .expect("a clock that only the test moves");
        Self { store, database }
    }

    async fn rows(&self, sql: &'static str) -> Vec<PgRow> {
        sqlx::query(sql).fetch_all(self.store.pool()).await.expect(sql)
    }
}

#[async_trait]
impl StoreHarness for PostgresHarness {
    fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.store.clone())
    }

    async fn commit_batch(&self, transitions: &[Transition]) -> Vec<Result<Committed, CommitError>> {
        self.store.commit_batch(transitions).await
    }

    async fn add_run(&self, spec: &Spec, run: &Run) {
        let pool = self.store.pool();
        sqlx::query("INSERT INTO campaigns (id, name, owner) VALUES ($1, $2, 'ada') ON CONFLICT DO NOTHING")
            .bind(run.campaign.0)
            .bind(run.campaign.to_string())
            .execute(pool)
            .await
            .expect("a campaign");
        sqlx::query(
            "INSERT INTO specs (digest, campaign, version, raw, normalised) SELECT $1, $2, coalesce(max(version), 0) + 1, '', $3 \
             FROM specs WHERE campaign = $2 ON CONFLICT DO NOTHING",
        )
        .bind(&run.spec.0)
        .bind(run.campaign.0)
        .bind(serde_json::to_value(spec).expect("JSON"))
        .execute(pool)
        .await
        .expect("a spec version");
        sqlx::query(
            "INSERT INTO runs (id, shard, campaign, spec, state, window_size, options, pruned) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(run.id.0)
        .bind(Shard::of_run(run.id).0.cast_signed())
        .bind(run.campaign.0)
        .bind(&run.spec.0)
        .bind(run.state.as_str())
        .bind(run.window.cast_signed())
        .bind(serde_json::to_value(&run.options).expect("JSON"))
        .bind(run.pruned)
        .execute(pool)
        .await
        .expect("a run");
    }

    async fn send(&self, run: Option<RunId>, message: &Message) {
        sqlx::query(
            "INSERT INTO inbox (id, shard, run, recipient, body) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
        )
        .bind(message.id.0)
        .bind(message.to.shard().0.cast_signed())
        .bind(run.map(|run| run.0))
        .bind(serde_json::to_value(&message.to).expect("JSON"))
        .bind(serde_json::to_value(&message.body).expect("JSON"))
        .execute(self.store.pool())
        .await
        .expect("a message");
    }

    async fn pause_campaign(&self, campaign: CampaignId, by: Option<&str>) {
        sqlx::query(
            "UPDATE campaigns SET paused_by = $2, paused_at = CASE WHEN $2 IS NOT NULL THEN now() END WHERE id = $1",
        )
        .bind(campaign.0)
        .bind(by)
        .execute(self.store.pool())
        .await
        .expect("a pause");
    }

    async fn dump(&self) -> Dump {
        let mut dump = Dump::default();
        for row in self.rows("SELECT id, epoch FROM shards WHERE epoch > 0").await {
            dump.epochs.insert(shard(&row, "id"), row.get("epoch"));
        }
        for row in self.rows("SELECT id FROM runs").await {
            let run = self.store.run(RunId(row.get("id"))).await.expect("a run").expect("a run");
            dump.runs.insert(run.id, run);
        }
        for row in self.rows("SELECT id FROM repo_targets").await {
            let target =
                self.store.target(TargetId(row.get("id"))).await.expect("a target").expect("a target");
            dump.targets.insert(target.id, target);
        }
        for row in self.rows("SELECT id FROM changesets").await {
            let id = ChangesetId(row.get("id"));
            let changeset = self.store.changeset(id).await.expect("a changeset").expect("a changeset");
            dump.changesets.insert(id, changeset);
        }
        for row in self.rows("SELECT id, target, attempt, state, reason, manifest FROM executions").await {
            let id = ExecutionId(row.get("id"));
            let execution = Execution {
                id,
                target: TargetId(row.get("target")),
                attempt: row.get::<i32, _>("attempt").cast_unsigned(),
                state: named(&row, "state"),
                reason: row.get("reason"),
                manifest: row.get("manifest"),
            };
            dump.executions.insert(id, execution);
        }
        for row in self.rows("SELECT run, target, attempt, state FROM admissions").await {
            let attempt = row.get::<i32, _>("attempt").cast_unsigned();
            let state: AdmissionState = named(&row, "state");
            dump.admissions.insert((RunId(row.get("run")), TargetId(row.get("target")), attempt), state);
        }
        self.dump_outbox(&mut dump).await;
        dump
    }

    async fn outcome(&self, command: CommandId, organization: &str) -> Option<SyncReport> {
        let report: Option<Value> = sqlx::query_scalar(
            "SELECT report FROM command_outcomes WHERE command = $1 AND organization = $2",
        )
        .bind(command.0)
        .bind(organization)
        .fetch_optional(self.store.pool())
        .await
        .expect("an outcome");
        report.map(|report| serde_json::from_value(report).expect("a report"))
    }

    async fn move_clock(&self, by: Duration) {
        sqlx::query("SELECT campaigns_move_clock(make_interval(secs => $1))")
            .bind(by.as_secs_f64())
            .execute(self.store.pool())
            .await
            .expect("a clock");
    }
}

impl PostgresHarness {
    async fn dump_outbox(&self, dump: &mut Dump) {
        for row in self.rows("SELECT * FROM effects").await {
            let effect = campaigns_actors::ports::Effect {
                id: EffectId(row.get("id")),
                shard: shard(&row, "shard"),
                run: RunId(row.get("run")),
                subject: subject(&row),
                kind: named(&row, "kind"),
                generation: row.get::<i32, _>("generation").cast_unsigned(),
                state: named(&row, "state"),
            };
            dump.effects.insert(effect.id, DumpedEffect { effect, epoch: row.get("epoch") });
        }
        for row in self.rows("SELECT * FROM run_parts").await {
            let mut counts = Counts::default();
            for state in TargetState::ALL {
                counts.target(state, row.get(format!("targets_{}", state.as_str()).as_str()));
            }
            for state in ChangesetState::ALL {
                counts.changeset(state, row.get(format!("changesets_{}", state.as_str()).as_str()));
            }
            let part = DumpedPart { last_sequence: row.get("last_sequence"), counts };
            dump.parts.insert((RunId(row.get("run")), shard(&row, "shard")), part);
        }
        for row in self.rows("SELECT * FROM events").await {
            let event = DumpedEvent {
                run: RunId(row.get("run")),
                shard: shard(&row, "shard"),
                sequence: row.get("sequence"),
                subject: subject(&row),
                kind: row.get("kind"),
                data: row.get("data"),
            };
            dump.events.insert((event.run, event.shard, event.sequence), event);
        }
        let shards: Vec<Shard> = Shard::all().collect();
        dump.waiting = self.store.inbox(&shards, u32::MAX).await.expect("an inbox");
    }
}

fn shard(row: &PgRow, name: &str) -> Shard {
    Shard(row.get::<i16, _>(name).cast_unsigned())
}

fn subject(row: &PgRow) -> Subject {
    let id: Uuid = row.get("subject");
    match row.get::<String, _>("subject_kind").as_str() {
        "run" => Subject::Run(RunId(id)),
        "target" => Subject::Target(TargetId(id)),
        _ => Subject::Changeset(ChangesetId(id)),
    }
}

fn named<T: DeserializeOwned>(row: &PgRow, name: &str) -> T {
    serde_json::from_value(Value::String(row.get(name))).expect("a name of ours")
}
