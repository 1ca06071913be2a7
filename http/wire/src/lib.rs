//! The words of the HTTP API: what a request may say and what an answer says, with their OpenAPI schemas.
//!
//! Shared by the server, the command line and the load-test harness. Everything is JSON in snake_case; times are
//! RFC 3339 in UTC; ids are UUIDs. Deliberately absent: logic, I/O, and the domain's own types, so that a client
//! can be built from this crate alone.

mod access;
mod ask;
mod audit;
mod budget;
mod campaign;
mod changeset;
mod command;
mod event;
mod health;
mod installation;
mod page;
mod problem;
mod rollout;
mod run;
mod seen;
mod states;
mod target;

pub use access::{Role, Whoami};
pub use ask::{AskAction, AskChangesets, Asked, Covered, LeftOut, Selection};
pub use audit::AuditEntry;
pub use budget::{Budget, Estimate, OrganizationBudget, OrganizationPause, Waiting, WindowUse};
pub use campaign::{Applied, ApplySpec, Campaign, SpecVersion};
pub use changeset::{Changeset, CodeOwners, Merge, MergeStands, OwnerLeftOut, PullRequest, RepositoryAway};
pub use command::{Command, CommandState, SyncFailure, SyncReport};
pub use event::{Event, EventData, EventPage, RunEnded};
pub use health::{Check, Health, HealthState};
pub use installation::Installation;
pub use page::Page;
pub use problem::{PROBLEM_JSON, Problem, SpecFault};
pub use rollout::{CapSetting, CapWord, Pace, Priority, Rollout, SetPace};
pub use run::{CreateRun, Run, Totals};
pub use seen::{Checks, MergeMethod, MergeState, Mergeability, QueueState, Review, Seen};
pub use states::{ChangesetState, NotAState, RunState, TargetState};
pub use target::{Diff, Execution, Target, TargetDetail};
