//! What the figures are taken on: a durable server of its own (fsync and `synchronous_commit` on), the store on it,
//! the owner of every shard, and runs with targets.
//!
//! Deliberately absent: what is measured.

use anyhow::{Context as _, Result};
use campaigns_actors::ports::{Fence, NewEvent, RowChange, Store, Subject, Transition};
use campaigns_domain::{
    execution::{
        run::{Run, RunOptions},
        target::{Target, TargetState},
    },
    id::{CampaignId, CommitSha, Digest, RepositoryId, RunId, Shard, TargetId},
};
use campaigns_runtime::{
    embedded::EmbeddedPostgres,
    store::{Options, Postgres},
};
use serde_json::json;
use std::{fs, os::unix::fs::PermissionsExt as _};
use uuid::Uuid;

/// How many targets are added in one commit where adding them is not what is measured.
const ADDED_AT_ONCE: usize = 10_000;

/// A store on a server of its own. Both go with it.
pub struct Stage {
    /// The store.
    pub store: Postgres,
    /// The server.
    pub server: EmbeddedPostgres,
    fences: Vec<Fence>,
    _folder: tempfile::TempDir,
}

impl Stage {
    /// Starts the server and becomes the owner of every shard.
    pub async fn new() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("campaigns-bench-").tempdir()?;
        // The server of root runs under another account, which has to pass through.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711))?;
        let data = folder.path().join("server");
        let server = tokio::task::spawn_blocking(move || EmbeddedPostgres::start(&data)).await??;
        let store = Postgres::connect(&server.url(), Options::default()).await?;
        let settings: Vec<String> = sqlx::query_scalar(
            "SELECT setting FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes')",
        )
        .fetch_all(store.pool())
        .await?;
        anyhow::ensure!(settings.iter().all(|setting| setting == "on"), "the server is not durable");
        let mut fences = vec![];
        for shard in Shard::all() {
            let epoch = store.take_over(shard, Uuid::nil()).await?;
            fences.push(Fence { shard, epoch });
        }
        Ok(Self { store, server, fences, _folder: folder })
    }

    /// The fence of a shard.
    pub fn fence(&self, shard: Shard) -> Fence {
        self.fences[usize::from(shard.0)]
    }

    /// A run without targets.
    pub async fn run(&self) -> Result<Run> {
        let campaign = CampaignId(Uuid::new_v4());
        let options = RunOptions { no_container: true, ..RunOptions::default() };
        let spec = Digest::of(campaign.0.as_bytes());
        let run = Run::new(RunId(Uuid::new_v4()), campaign, spec, 8, options);
        sqlx::query("INSERT INTO campaigns (id, name, owner) VALUES ($1, $2, 'bench')")
            .bind(campaign.0)
            .bind(campaign.to_string())
            .execute(self.store.pool())
            .await?;
        sqlx::query(
            "INSERT INTO specs (digest, campaign, version, raw, normalised) VALUES ($1, $2, 1, '', '{}')",
        )
        .bind(&run.spec.0)
        .bind(campaign.0)
        .execute(self.store.pool())
        .await?;
        sqlx::query(
            "INSERT INTO runs (id, shard, campaign, spec, state, window_size, options) \
             VALUES ($1, $2, $3, $4, $5, 8, $6)",
        )
        .bind(run.id.0)
        .bind(i16::try_from(Shard::of_run(run.id).0)?)
        .bind(campaign.0)
        .bind(&run.spec.0)
        .bind(run.state.as_str())
        .bind(serde_json::to_value(&run.options)?)
        .execute(self.store.pool())
        .await?;
        Ok(run)
    }

    /// A run of `count` selected targets.
    pub async fn run_of(&self, count: u32) -> Result<(Run, Vec<Target>)> {
        let run = self.run().await?;
        let targets: Vec<Target> = (0..count).map(|position| target(&run, position)).collect();
        for some in targets.chunks(ADDED_AT_ONCE) {
            self.store.commit(self.adding(&run, some)).await?;
        }
        sqlx::raw_sql("VACUUM ANALYZE repo_targets").execute(self.store.pool()).await?;
        Ok((run, targets))
    }

    /// The transition that adds targets.
    pub fn adding(&self, run: &Run, targets: &[Target]) -> Transition {
        let mut transition = Transition::new(self.fence(Shard::of_run(run.id)), run.id);
        transition.changes.push(RowChange::AddTargets(targets.to_vec()));
        transition
    }

    /// The transition that moves a target on, with its event; and the target after it.
    pub fn moving(&self, target: &Target) -> (Transition, Target) {
        let after = next(target);
        let mut transition = Transition::new(self.fence(Shard::of_target(target.id)), target.run);
        transition.changes.push(RowChange::Target { before: target.state, after: after.clone() });
        transition.events.push(NewEvent {
            subject: Subject::Target(target.id),
            kind: KIND,
            data: json!({"attempt": after.attempt, "reason": after.reason}),
        });
        (transition, after)
    }

    /// Commits a move and remembers it.
    pub async fn step(&self, target: &mut Target) -> Result<()> {
        let (transition, after) = self.moving(target);
        self.store.commit(transition).await.with_context(|| format!("moving target {}", target.id))?;
        *target = after;
        Ok(())
    }
}

/// The kind of the events.
pub const KIND: &str = "target.moved";

/// A target one version on, executing and queued in turn.
pub fn next(target: &Target) -> Target {
    let state = match target.state {
        TargetState::Queued => TargetState::Executing,
        _ => TargetState::Queued,
    };
    Target {
        state,
        reason: format!("step {} of its way", target.version),
        attempt: 1,
        version: target.version + 1,
        ..target.clone()
    }
}

/// A selected target of a run.
pub fn target(run: &Run, position: u32) -> Target {
    let repository_id = RepositoryId(1 + u64::from(position));
    let name = format!("acme/service-{position}");
    Target {
        id: TargetId::of(run.id, repository_id, "main", ""),
        run: run.id,
        campaign: run.campaign,
        position,
        repository_id,
        #[expect(clippy::expect_used, reason = "the name is written above, and is one")]
        repository: name.parse().expect("a repository's name"),
        branch: "main".to_owned(),
        base: CommitSha("a".repeat(40)),
        workspace: String::new(),
        state: TargetState::Selected,
        reason: "`on` names its organisation".to_owned(),
        attempt: 0,
        infrastructure_failures: 0,
        version: 1,
    }
}
