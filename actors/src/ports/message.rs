//! What one shard tells another: rows of the inbox, each written in the commit that it is a consequence of.
//!
//! Deliberately absent: handing them out (`inbox`), and what their recipients make of them.

use super::Trouble;
use campaigns_domain::{
    changeset::{Ask, Place, Proposal},
    execution::{rollout::PaceChange, target::AttemptEnded},
    id::{CampaignId, ChangesetId, CommandId, MessageId, RepositoryId, RunId, Shard, TargetId},
    publish::installation::InstallationState,
};
use serde::{Deserialize, Serialize};

/// What one shard tells another: an inbox row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Its id; sending it again is sending it once, also after it was consumed within the same run.
    pub id: MessageId,
    /// Who is to act on it.
    pub to: Recipient,
    /// What it says.
    pub body: MessageBody,
}

/// Who is to act on a message.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type", content = "id")]
pub enum Recipient {
    /// A run's owner.
    Run(RunId),
    /// A target's owner.
    Target(TargetId),
    /// The owner of an organisation or user, by login.
    Organization(String),
}

impl Recipient {
    /// The shard whose owner consumes the message.
    pub fn shard(&self) -> Shard {
        match self {
            Self::Run(run) => Shard::of_run(*run),
            Self::Target(target) => Shard::of_target(*target),
            Self::Organization(login) => Shard::of_organization(login),
        }
    }
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum MessageBody {
    /// To a run: it was created; select.
    Start,
    /// To a run: somebody cancelled it.
    CancelRun {
        /// Who.
        by: String,
        /// The command that asked for it.
        command: CommandId,
    },
    /// To a run: somebody set its pace.
    PaceRun {
        /// Who.
        by: String,
        /// What they set.
        pace: PaceChange,
        /// The command that asked for it.
        command: CommandId,
    },
    /// To a run: somebody paused it.
    PauseRun {
        /// Who.
        by: String,
        /// The command that asked for it.
        command: CommandId,
    },
    /// To a run: somebody resumed it.
    ResumeRun {
        /// Who.
        by: String,
        /// The command that asked for it.
        command: CommandId,
    },
    /// To a run: an attempt is over.
    AttemptEnded {
        /// The target.
        target: TargetId,
        /// Its word.
        ended: AttemptEnded,
        /// The organisation whose pause put it off, in lower case.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        organization: Option<String>,
    },
    /// To a run: a changeset that it proposed has nothing left to be sent.
    ChangesetSettled {
        /// The changeset.
        changeset: ChangesetId,
    },
    /// To a target: this attempt is admitted.
    Admitted {
        /// The attempt.
        attempt: u32,
    },
    /// To a target: the run was cancelled.
    Cancel,
    /// To an organisation: a target has a diff to propose.
    Proposed {
        /// Which changeset.
        place: Box<Place>,
        /// What it is to look like.
        proposal: Box<Proposal>,
    },
    /// To an organisation: read pull requests of a repository afresh now. A hint, such as a webhook gives, and never
    /// more than that: what it is lost with is read a little later, and twice is once.
    Look {
        /// GitHub's id of the repository.
        repository_id: RepositoryId,
        /// The numbers of its pull requests; none means all that are followed there.
        pull_requests: Vec<u64>,
        /// A run that one of its changesets belongs to: the part that records that the hint was seen to.
        run: RunId,
    },
    /// To an organisation: a person asks something of one of its changesets.
    Ask {
        /// The changeset.
        changeset: ChangesetId,
        /// What.
        ask: Ask,
        /// Who.
        by: String,
        /// The command that asked for it.
        command: CommandId,
        /// A run of the campaign: the part that records that the message was seen to.
        run: RunId,
    },
    /// To an organisation: somebody else met a limit or a refusal while reading it.
    Trouble {
        /// What.
        trouble: Trouble,
        /// The run that was read for: the part that records that the message was seen to.
        run: RunId,
    },
    /// To an organisation: the App's installation there has changed. Of no run; consumed with where it stands.
    Installation {
        /// What GitHub says of it.
        state: InstallationState,
    },
    /// To an organisation: the rollout of its run lets one of its changesets through.
    Released {
        /// The changeset.
        changeset: ChangesetId,
        /// The run.
        run: RunId,
    },
    /// To an organisation: one of its changesets came from another, since its repository did.
    Arrived {
        /// The changeset.
        changeset: ChangesetId,
        /// The run.
        run: RunId,
    },
    /// To an organisation: what came of carrying one of its changesets out again.
    Redone {
        /// The changeset.
        changeset: ChangesetId,
        /// The run that did it.
        run: RunId,
        /// Its new content; none where there is none.
        content: Option<Box<Proposal>>,
        /// Why there is none, for people.
        reason: String,
    },
    /// To an organisation: read every open pull request of the campaign afresh.
    Sync {
        /// The campaign.
        campaign: CampaignId,
        /// A run of the campaign (the latest will do): the part that records that the sync was seen to.
        run: RunId,
        /// The command that asked for it.
        command: CommandId,
    },
}
