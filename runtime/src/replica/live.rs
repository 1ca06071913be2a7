//! How the live events hear of commits: those of this process at once, those of other replicas by announcements.
//!
//! Deliberately absent: reading the events, which is the hub's.

use super::ReplicaSettings;
use crate::{
    cluster::{Announcements, Heard},
    store::Postgres,
};
use anyhow::Result;
use campaigns_http::live::{Hub, LiveSettings};
use std::{sync::Arc, time::Duration};

/// A look at a run that nobody announced is as much rarer than one for work: nothing waits for it but somebody's screen.
const RARER: u32 = 5;

/// The live events of a replica that looks for work so often.
pub(super) fn settings(poll: Duration) -> LiveSettings {
    LiveSettings { poll: poll * RARER, ..LiveSettings::default() }
}

/// Has the hub told of commits, and the other replicas where there are others.
pub(super) async fn tell(settings: &ReplicaSettings, postgres: &Postgres, hub: Arc<Hub>) -> Result<()> {
    let Some(url) = &settings.redis_url else {
        postgres.tell_commits(move |run| hub.committed(run));
        return Ok(());
    };
    let listening = Arc::clone(&hub);
    let others = Announcements::start(url, postgres.installation().await?, move |heard| match heard {
        Heard::Committed(run) => listening.committed(run),
        Heard::Anything => listening.missed(),
    })?;
    postgres.tell_commits(move |run| {
        hub.committed(run);
        others.committed(run);
    });
    Ok(())
}
