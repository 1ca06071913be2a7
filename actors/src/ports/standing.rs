//! Where an organisation stands with GitHub, as every replica may read it and its owner records it.
//!
//! Deliberately absent: what it leads to (`campaigns_domain::publish::standing`).

use campaigns_domain::publish::standing::{AdaptivePace, OutOfUse, Pause};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Where an organisation stands.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Standing {
    /// How long nothing is sent from now, and why.
    pub quiet: Option<(Duration, String)>,
    /// What has to be mended before more than a probe is sent.
    pub pause: Option<Pause>,
    /// How far apart writes are kept beyond the settings.
    pub pace: AdaptivePace,
}

/// What somebody who is not the owner met while reading an organisation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// GitHub asked to wait.
    Limited {
        /// How long, in seconds.
        seconds: u64,
        /// GitHub's words.
        reason: String,
    },
    /// The credential is out of use there.
    OutOfUse(OutOfUse),
}
