//! The windows of every scope as they fill, and the room there is for a changeset to begin.
//!
//! Deliberately absent: the order of writes (`forecast`).

use super::{Budget, Cap, CapScope, Charge, Counted, HeldBy, OwnRules, Spent, book::Book};
use crate::id::CampaignId;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::HashMap;

/// The windows of every scope as they fill.
pub(super) struct Books<'a> {
    budget: &'a Budget,
    own: &'a OwnRules,
    global: Vec<(Cap, Book)>,
    organization: Vec<(Cap, Book)>,
    campaigns: HashMap<CampaignId, Vec<(Cap, Book)>>,
    /// The distance that is kept between writes, in milliseconds.
    pub(super) spacing: u32,
    /// From when the last write to the organisation counts.
    last: Option<DateTime<Utc>>,
}

fn fresh(caps: &[Cap]) -> Vec<(Cap, Book)> {
    caps.iter().map(|cap| (*cap, Book::new(cap.window))).collect()
}

/// The windows of a campaign: those that hold for every one, and its own.
fn of_campaign(budget: &Budget, own: &OwnRules, campaign: CampaignId) -> Vec<(Cap, Book)> {
    let mut books = fresh(&budget.campaign);
    books.extend(fresh(own.caps(campaign)));
    books
}

impl<'a> Books<'a> {
    pub(super) fn new(
        budget: &'a Budget,
        own: &'a OwnRules,
        organization: &str,
        history: &[Spent<'_>],
    ) -> Self {
        let mut books = Self {
            budget,
            own,
            global: fresh(&budget.global),
            organization: fresh(&budget.organization),
            campaigns: HashMap::new(),
            spacing: budget.spacing,
            last: None,
        };
        let mut history: Vec<_> = history.iter().collect();
        history.sort_unstable_by_key(|spent| spent.counts_from);
        for spent in history {
            books.add(spent.counts_from, spent.campaign, spent.organization == organization, spent.charge);
        }
        books
    }

    pub(super) fn add(&mut self, at: DateTime<Utc>, campaign: CampaignId, here: bool, charge: Charge) {
        let (budget, set) = (self.budget, self.own);
        let own = self.campaigns.entry(campaign).or_insert_with(|| of_campaign(budget, set, campaign));
        let mut all: Vec<&mut (Cap, Book)> = self.global.iter_mut().chain(own).collect();
        if here {
            all.extend(&mut self.organization);
            self.last = self.last.max(Some(at));
        }
        for (cap, book) in all {
            book.add(at, cap.counted.weight(charge));
        }
    }

    pub(super) fn of(&self, scope: CapScope, campaign: CampaignId) -> Option<&Vec<(Cap, Book)>> {
        match scope {
            CapScope::Global => Some(&self.global),
            CapScope::Organization => Some(&self.organization),
            CapScope::Campaign => self.campaigns.get(&campaign),
        }
    }

    fn scopes(&mut self, campaign: CampaignId) -> [(CapScope, &mut Vec<(Cap, Book)>); 3] {
        let (budget, set) = (self.budget, self.own);
        let own = self.campaigns.entry(campaign).or_insert_with(|| of_campaign(budget, set, campaign));
        [
            (CapScope::Global, &mut self.global),
            (CapScope::Campaign, own),
            (CapScope::Organization, &mut self.organization),
        ]
    }

    /// When a write of this charge may go, and what holds it; none where it never may.
    pub(super) fn earliest(
        &mut self,
        campaign: CampaignId,
        charge: Charge,
        now: DateTime<Utc>,
    ) -> Option<(DateTime<Utc>, Option<HeldBy>)> {
        let apart = TimeDelta::milliseconds(i64::from(self.spacing));
        let mut found = (now, None);
        if self.spacing > 0
            && let Some(then) = self.last.map(|last| last + apart).filter(|then| *then > now)
        {
            found = (then, Some(HeldBy::Spacing));
        }
        for (scope, books) in self.scopes(campaign) {
            for (cap, book) in books {
                let weight = cap.counted.weight(charge);
                if weight == 0 {
                    continue;
                }
                let then = book.earliest(weight, 0, now)?;
                if then > found.0 {
                    found = (then, Some(HeldBy::Window { scope, cap: *cap }));
                }
            }
        }
        Some(found)
    }

    /// When a changeset may begin that opens a pull request (or not) beside `opening` that will; none while those
    /// take all the room there is.
    pub(super) fn room(
        &mut self,
        campaign: CampaignId,
        opens: bool,
        opening: &Opening,
        now: DateTime<Utc>,
    ) -> Option<(DateTime<Utc>, Option<HeldBy>)> {
        let mut found = (now, None);
        for (scope, books) in self.scopes(campaign) {
            for (cap, book) in books {
                let (weight, beside) = match cap.counted {
                    Counted::PullRequests if opens => (1, opening.in_scope(scope, campaign)),
                    // Each of those under way takes at least one more.
                    Counted::Content if scope == CapScope::Campaign => (1, opening.in_scope(scope, campaign)),
                    _ => continue,
                };
                let then = book.earliest(weight, beside, now)?;
                if then > found.0 {
                    found = (then, Some(HeldBy::Window { scope, cap: *cap }));
                }
            }
        }
        Some(found)
    }
}

/// How many that are being sent will still open a pull request.
#[derive(Debug, Clone, Default)]
pub struct Opening(HashMap<CampaignId, u32>);

impl Opening {
    /// One more of this campaign.
    pub fn add(&mut self, campaign: CampaignId) {
        *self.0.entry(campaign).or_default() += 1;
    }

    pub(super) fn done(&mut self, campaign: CampaignId) {
        if let Some(count) = self.0.get_mut(&campaign) {
            *count = count.saturating_sub(1);
        }
    }

    fn in_scope(&self, scope: CapScope, campaign: CampaignId) -> u32 {
        match scope {
            CapScope::Campaign => self.0.get(&campaign).copied().unwrap_or_default(),
            CapScope::Global | CapScope::Organization => self.0.values().sum(),
        }
    }
}

/// Which campaigns may begin a changeset now: there is room for its pull request beside those under way.
pub struct Room<'a> {
    books: Books<'a>,
    now: DateTime<Utc>,
    opening: Opening,
}

impl<'a> Room<'a> {
    /// The room there is in an organisation beside what counts at `now` and what is being sent.
    pub fn new(
        budget: &'a Budget,
        own: &'a OwnRules,
        organization: &str,
        history: &[Spent<'_>],
        now: DateTime<Utc>,
        opening: Opening,
    ) -> Self {
        Self { books: Books::new(budget, own, organization, history), now, opening }
    }

    /// Whether a changeset of this campaign may begin; it is counted where it may.
    ///
    /// # Errors
    /// When it may; none where that depends on those being sent, or on a cap of nothing.
    pub fn begin(&mut self, campaign: CampaignId, opens: bool) -> Result<(), Option<DateTime<Utc>>> {
        match self.books.room(campaign, opens, &self.opening, self.now) {
            Some((then, _)) if then <= self.now => {
                if opens {
                    self.opening.add(campaign);
                }
                Ok(())
            }
            later => Err(later.map(|(then, _)| then)),
        }
    }
}
