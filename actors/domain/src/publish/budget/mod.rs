//! Budgets: how many writes fit into sliding windows, for everything together, for one campaign and for one
//! organisation, and how far apart they stay.
//!
//! GitHub documents about 80 content-creating requests a minute and 500 an hour, 900 points a minute, and asks for a
//! second between writes ("Rate limits for the REST API", secondary limits; "Best practices for using the REST
//! API"). Deliberately absent: clocks, and keeping the history, which is the store's, by its clock.

mod book;
mod books;
mod forecast;
mod own;
mod planned;
mod window;
mod write;

pub use books::{Opening, Room};
pub use forecast::{Foreseen, Present, Use, Waits, forecast, next, used};
pub use own::{Own, OwnRules};
pub use planned::{Planned, writes};
pub use window::{NotBefore, Window, next_slot};
pub use write::{Charge, ContentWrites, POINTS_A_MINUTE, POINTS_OF_A_WRITE, WriteKind, split_points};

use crate::id::CampaignId;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// What a window counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    /// Content-creating writes.
    Content,
    /// Opened pull requests.
    PullRequests,
    /// Points of writes.
    Points,
}

/// Over what a window counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CapScope {
    /// Everything together.
    Global,
    /// One campaign, wherever it writes.
    Campaign,
    /// One organisation, whoever writes there.
    Organization,
}

/// One window of a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cap {
    /// What it counts.
    pub counted: Counted,
    /// How much fits.
    pub window: Window,
}

impl Cap {
    /// At most `cap` in any `seconds` in a row.
    pub fn new(counted: Counted, seconds: u32, cap: u32) -> Self {
        Self { counted, window: Window { seconds, cap } }
    }
}

/// The windows that hold together for one write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// For everything together.
    pub global: Vec<Cap>,
    /// For the campaign that writes.
    pub campaign: Vec<Cap>,
    /// For the organisation that is written to.
    pub organization: Vec<Cap>,
    /// The least time between two writes to one organisation, in milliseconds.
    pub spacing: u32,
    /// Which writes count as content-creating.
    pub content: ContentWrites,
}

impl Default for Budget {
    /// For one organisation 80 content-creating writes a minute and 500 an hour, 400 of the 900 points a minute (the
    /// others are for reads), 150 pull requests a day, and a second between writes.
    fn default() -> Self {
        Self {
            global: vec![],
            campaign: vec![],
            organization: vec![
                Cap::new(Counted::Content, 60, 80),
                Cap::new(Counted::Content, 3600, 500),
                Cap::new(Counted::Points, 60, 400),
                Cap::new(Counted::PullRequests, 86_400, 150),
            ],
            spacing: 1_000,
            content: ContentWrites::default(),
        }
    }
}

/// A write that has been made, or may have been: it counts from then on for the length of each window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spent<'a> {
    /// When it was answered, or else the last moment at which it may have reached the host.
    pub counts_from: DateTime<Utc>,
    /// The organisation, in lower case.
    pub organization: &'a str,
    /// The campaign.
    pub campaign: CampaignId,
    /// What it cost.
    pub charge: Charge,
}

/// Why a write does not fit yet, and when it does, if no other comes between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    /// The first moment.
    pub until: DateTime<Utc>,
    /// What has room last.
    pub by: HeldBy,
}

/// What holds a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "held_by", rename_all = "snake_case")]
pub enum HeldBy {
    /// A full window.
    Window {
        /// Over what it counts.
        scope: CapScope,
        /// Which one.
        cap: Cap,
    },
    /// The distance to the write before.
    Spacing,
}

impl Budget {
    /// No limits of our own, for a code host that has none.
    pub fn unlimited() -> Self {
        Self {
            global: vec![],
            campaign: vec![],
            organization: vec![],
            spacing: 0,
            content: ContentWrites::default(),
        }
    }

    /// What a write of this kind costs.
    pub fn charge(&self, kind: WriteKind) -> Charge {
        Charge {
            content: self.content.has(kind),
            pull_request: kind == WriteKind::PullRequest,
            points: POINTS_OF_A_WRITE,
        }
    }

    /// Every window that a write of this charge has to fit into, in the order in which scopes are locked.
    pub fn caps(&self, charge: Charge) -> impl Iterator<Item = (CapScope, Cap)> + '_ {
        self.every_cap().filter(move |(_, cap)| cap.counted.weight(charge) > 0)
    }

    /// For how long a write can count at most, caps that campaigns set for themselves included: at most a day.
    pub fn longest(&self) -> TimeDelta {
        let windows = self.every_cap().map(|(_, cap)| cap.window.length());
        let spacing = TimeDelta::milliseconds(i64::from(self.spacing));
        windows.chain([spacing, TimeDelta::days(1)]).max().unwrap_or_default()
    }

    /// Every window.
    pub fn every_cap(&self) -> impl Iterator<Item = (CapScope, Cap)> + '_ {
        let scopes = [
            (CapScope::Global, &self.global),
            (CapScope::Campaign, &self.campaign),
            (CapScope::Organization, &self.organization),
        ];
        scopes.into_iter().flat_map(|(scope, caps)| caps.iter().map(move |cap| (scope, *cap)))
    }

    /// Whether a write of this charge fits at `now` beside those of `history`, in any order.
    ///
    /// # Errors
    /// What holds it longest.
    pub fn fits(
        &self,
        history: &[Spent<'_>],
        organization: &str,
        campaign: CampaignId,
        charge: Charge,
        now: DateTime<Utc>,
    ) -> Result<(), Hold> {
        let windows = self.caps(charge).filter_map(|(scope, cap)| {
            let counted: Vec<_> = history
                .iter()
                .filter(|spent| match scope {
                    CapScope::Global => true,
                    CapScope::Campaign => spent.campaign == campaign,
                    CapScope::Organization => spent.organization == organization,
                })
                .map(|spent| (spent.counts_from, cap.counted.weight(spent.charge)))
                .filter(|(_, weight)| *weight > 0)
                .collect();
            let until = cap.window.room_at(&counted, cap.counted.weight(charge), now)?;
            Some(Hold { until, by: HeldBy::Window { scope, cap } })
        });
        let last =
            history.iter().filter(|spent| spent.organization == organization).map(|it| it.counts_from).max();
        let apart = last.map(|last| last + TimeDelta::milliseconds(i64::from(self.spacing)));
        let spacing = apart.filter(|until| self.spacing > 0 && *until > now);
        let spacing = spacing.map(|until| Hold { until, by: HeldBy::Spacing });
        windows.chain(spacing).max_by_key(|hold| hold.until).map_or(Ok(()), Err)
    }
}

impl Counted {
    /// How much of it a charge takes.
    pub fn weight(self, charge: Charge) -> u32 {
        match self {
            Self::Content => u32::from(charge.content),
            Self::PullRequests => u32::from(charge.pull_request),
            Self::Points => charge.points,
        }
    }

    /// Its name in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Content => "content",
            Self::PullRequests => "pull_requests",
            Self::Points => "points",
        }
    }
}

impl CapScope {
    /// Its name in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Campaign => "campaign",
            Self::Organization => "organization",
        }
    }
}
