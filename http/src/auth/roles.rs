//! The table of what each role may do. Every mutating route names its action by a type, so that none can be
//! written without one.
//!
//! Deliberately absent: rules about single campaigns or organisations.

use crate::wire::Role;

/// Something that a caller does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Reads campaigns, runs, targets, changesets, diffs, logs, events and metrics.
    Read,
    /// Applies a spec.
    Apply,
    /// Starts a run that writes nothing at the code host.
    StartDryRun,
    /// Starts a run that may open and update pull requests.
    StartRun,
    /// Pauses a run or a campaign.
    Pause,
    /// Resumes a run or a campaign, so that it may write again.
    Resume,
    /// Sets the pace of a campaign's live runs.
    SetPace,
    /// Cancels a run, or every run of a campaign.
    Cancel,
    /// Asks something of changesets: publishes, closes, merges, comments, and the like. Pausing, resuming and cancelling
    /// a selection needs what pausing, resuming and cancelling all of it needs.
    Ask,
    /// Has pull requests read afresh.
    Sync,
    /// Reads the audit log.
    ReadAudit,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 11] = [
        Self::Read,
        Self::Apply,
        Self::StartDryRun,
        Self::StartRun,
        Self::Pause,
        Self::Resume,
        Self::SetPace,
        Self::Cancel,
        Self::Ask,
        Self::Sync,
        Self::ReadAudit,
    ];

    /// What it is called in an error.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Apply => "apply specs",
            Self::StartDryRun => "start dry runs",
            Self::StartRun => "start runs that may open pull requests (`dry_run: true` needs less)",
            Self::Pause => "pause campaigns",
            Self::Resume => "resume campaigns",
            Self::SetPace => "set the pace of campaigns",
            Self::Cancel => "cancel runs",
            Self::Ask => "ask anything of pull requests",
            Self::Sync => "ask for a sync",
            Self::ReadAudit => "read the audit log",
        }
    }
}

/// Whether the role may do it.
pub fn allows(role: Role, action: Action) -> bool {
    role >= least(action)
}

/// The least role that may do it.
pub(crate) fn least(action: Action) -> Role {
    match action {
        Action::Read => Role::Viewer,
        Action::Apply | Action::StartDryRun | Action::Pause | Action::Cancel | Action::Sync => Role::Author,
        Action::StartRun | Action::Resume | Action::SetPace | Action::Ask | Action::ReadAudit => {
            Role::Publisher
        }
    }
}

/// An action as a type, for a handler's signature.
pub(crate) trait Permission: Send {
    const ACTION: Action;
}

macro_rules! permissions {
    ($($name:ident = $action:ident,)+) => {
        $(
            pub(crate) struct $name;
            impl Permission for $name { const ACTION: Action = Action::$action; }
        )+
    };
}

permissions! {
    Reading = Read,
    // Asks something of a selection: the body says what, and the route requires what that needs.
    Choosing = Read,
    Metering = Read,
    Applying = Apply,
    Starting = StartDryRun,
    Pausing = Pause,
    Resuming = Resume,
    Pacing = SetPace,
    Cancelling = Cancel,
    Syncing = Sync,
    Auditing = ReadAudit,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table() {
        let may = |role| Action::ALL.into_iter().filter(|action| allows(role, *action)).collect::<Vec<_>>();
        use Action::*;
        assert_eq!(may(Role::Viewer), [Read]);
        assert_eq!(may(Role::Author), [Read, Apply, StartDryRun, Pause, Cancel, Sync]);
        assert_eq!(may(Role::Publisher), Action::ALL);
        assert_eq!(may(Role::Admin), Action::ALL);
    }
}
