//! What people do to the pull requests of a finished run, while deliveries of webhooks get lost and come twice, and
//! whether the server knows all of it in the end.
//!
//! Deliberately absent: how the server comes to know it. A webhook that arrives and a read on schedule must come to the
//! same.

use super::clocks::Clocks;
use crate::{
    ask::Asked,
    campaign::{self, CAMPAIGN},
    judge::SECOND,
    programs::{Server, Twin, WEBHOOK_SECRET},
};
use anyhow::{Context as _, Result, ensure};
use campaigns_wire::ChangesetState;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

/// Of every delivery, so many never arrive, and so many arrive twice.
const LOST: f64 = 0.2;
const DOUBLED: f64 = 0.2;
/// By the moved clocks, whatever was missed has been read by then.
const KNOWN_WITHIN: i64 = 7 * 86_400 * SECOND;
/// On the clock on the wall.
const PATIENCE: Duration = Duration::from_secs(1_800);

/// Has the twin send webhooks to the server, badly.
pub(super) fn send_webhooks(twin: &Twin, server: &Server, seed: u64) -> Result<()> {
    let admin = twin.admin()?;
    let loss = json!({"seed": seed, "lost": LOST, "doubled": DOUBLED, "shuffled": 0.2});
    let _: Value = admin.post("/webhooks/loss", &loss)?;
    let url = format!("{}/webhooks/github", server.url);
    let _: Value = admin.post("/webhooks", &json!({"url": url, "secret": WEBHOOK_SECRET}))?;
    Ok(())
}

/// Of every four pull requests, one is merged, one closed, one pushed to and one left alone; where each changeset has
/// to stand then.
pub(super) fn act(twin: &Twin, state: &Value) -> Result<BTreeMap<String, ChangesetState>> {
    let admin = twin.admin()?;
    let repositories = state["repositories"].as_array().context("the world has no repositories")?;
    let wanted = repositories.iter().enumerate().map(|(number, repository)| {
        let name = repository["name"].as_str().context("a repository has no name")?;
        let pull = |verb: &str| format!("/repositories/{name}/pulls/1/{verb}");
        let state = match number % 4 {
            0 => {
                let _: Value = admin.post(&pull("merge"), &json!({}))?;
                ChangesetState::Merged
            }
            1 => {
                let _: Value = admin.post(&pull("close"), &json!({}))?;
                ChangesetState::Closed
            }
            2 => {
                let pushed =
                    json!({"branch": format!("campaigns/{CAMPAIGN}"), "files": {"README.md": "By hand.\n"}});
                let _: Value = admin.post(&format!("/repositories/{name}/push"), &pushed)?;
                ChangesetState::HandedOver
            }
            _ => ChangesetState::Open,
        };
        Ok((format!("{}/{name}", campaign::ORGANIZATION), state))
    });
    wanted.collect()
}

/// Moves the clocks until the server knows it all, or would have had to; how many changesets stand as they have to.
pub(super) fn known(
    api: &Asked,
    clocks: &mut Clocks,
    wanted: &BTreeMap<String, ChangesetState>,
) -> Result<u64> {
    let (begun, skipped) = (Instant::now(), clocks.skipped);
    let mut looked = None::<Instant>;
    loop {
        if looked.is_none_or(|looked| looked.elapsed() > Duration::from_secs(1)) {
            let right = campaign::changesets(api)?
                .iter()
                .filter(|each| wanted.get(&each.repository) == Some(&each.state))
                .count();
            if right == wanted.len() || clocks.skipped - skipped > KNOWN_WITHIN {
                return Ok(right as u64);
            }
            ensure!(
                begun.elapsed() < PATIENCE,
                "{right} of {} changesets stand as they have to",
                wanted.len()
            );
            looked = Some(Instant::now());
        }
        clocks.turn(false)?;
        thread::sleep(Duration::from_millis(3));
    }
}
