//! The forecast against the definition: each write as early as the budget says that it fits, counted anew each time.

use campaigns_domain::{
    id::{CampaignId, ChangesetId},
    publish::{
        budget::{Budget, Cap, Counted, OwnRules, Planned, Present, Spent, WriteKind, forecast},
        standing::AdaptivePace,
    },
};
use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use uuid::Uuid;

fn at(milliseconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(milliseconds).unwrap()
}

fn campaign(n: u128) -> CampaignId {
    CampaignId(Uuid::from_u128(n))
}

fn planned(n: u128, of: u128, writes: &[WriteKind]) -> Planned {
    Planned { changeset: ChangesetId(Uuid::from_u128(n)), campaign: campaign(of), writes: writes.to_vec() }
}

const WRITES: [WriteKind; 4] =
    [WriteKind::Tree, WriteKind::Commit, WriteKind::Branch, WriteKind::PullRequest];

fn any_caps() -> impl Strategy<Value = Vec<Cap>> {
    let counted = prop_oneof![Just(Counted::Content), Just(Counted::PullRequests), Just(Counted::Points)];
    let cap = (counted, 1..200_u32, 1..7_u32).prop_map(|(counted, seconds, cap)| {
        Cap::new(counted, seconds, if counted == Counted::Points { 5 * cap } else { cap })
    });
    prop::collection::vec(cap, 0..3)
}

proptest! {
    #[test]
    fn one_after_the_other_each_write_goes_as_early_as_it_fits(
        global in any_caps(),
        organization in any_caps(),
        spacing in 0..2_000_u32,
        before in prop::collection::vec((0..200_000_i64, 0..4_usize), 0..12),
        quiet in 0..100_000_i64,
        count in 1..12_u128,
    ) {
        let budget = Budget { global, organization, spacing, ..Budget::unlimited() };
        let mut history: Vec<Spent<'_>> = before
            .iter()
            .map(|(ago, kind)| Spent {
                counts_from: at(200_000 - ago),
                organization: if kind % 2 == 0 { "acme" } else { "globex" },
                campaign: campaign(9),
                charge: budget.charge(WRITES[*kind]),
            })
            .collect();
        let waiting: Vec<_> = (0..count).map(|n| planned(n, 1, &WRITES)).collect();
        let present = Present {
            now: at(200_000),
            not_before: Some(at(200_000 + quiet)),
            budget: &budget,
            own: &OwnRules::default(),
            pace: AdaptivePace::default(),
            organization: "acme",
            history: &history.clone(),
            at_once: 1,
            sending: &[],
            waiting: &waiting,
        };
        let foreseen = forecast(&present);
        prop_assert_eq!(foreseen.len(), waiting.len());
        let mut now = at(200_000 + quiet);
        for (planned, foreseen) in waiting.iter().zip(&foreseen) {
            // It begins once its pull request fits by the windows of pull requests.
            let pulls = |caps: &[Cap]| caps.iter().copied().filter(|cap| cap.counted == Counted::PullRequests).collect();
            let opening =
                Budget { global: pulls(&budget.global), organization: pulls(&budget.organization), spacing: 0, ..budget.clone() };
            let open = budget.charge(WriteKind::PullRequest);
            if let Err(hold) = opening.fits(&history, "acme", planned.campaign, open, now) {
                now = hold.until;
            }
            for kind in &planned.writes {
                let charge = budget.charge(*kind);
                if let Err(hold) = budget.fits(&history, "acme", planned.campaign, charge, now) {
                    now = hold.until;
                }
                history.push(Spent { counts_from: now, organization: "acme", campaign: planned.campaign, charge });
            }
            prop_assert_eq!(foreseen.changeset, planned.changeset);
            prop_assert_eq!(foreseen.open, now);
        }
    }
}

#[test]
fn githubs_hour_and_our_day_are_foreseen() {
    let waiting: Vec<_> = (0..200).map(|n| planned(n, 1, &WRITES)).collect();
    let budget = Budget::default();
    let present = Present {
        now: at(0),
        not_before: None,
        budget: &budget,
        own: &OwnRules::default(),
        pace: AdaptivePace::default(),
        organization: "acme",
        history: &[],
        at_once: 1,
        sending: &[],
        waiting: &waiting,
    };
    let foreseen = forecast(&present);
    // A write a second; 500 of them are 125 pull requests, and 150 are a day's.
    assert_eq!(foreseen[124].open, at(499_000));
    assert_eq!(foreseen[125].open - foreseen[124].open, TimeDelta::seconds(3_600 - 499 + 3));
    assert!(foreseen[149].open < at(3_800_000));
    assert!(foreseen[150].open > at(86_400_000));
}

#[test]
fn ten_thousand_are_foreseen_and_campaigns_take_turns() {
    let waiting: Vec<_> = (0..10_000).map(|n| planned(n, if n < 9_990 { 1 } else { 2 }, &WRITES)).collect();
    let budget = Budget { campaign: vec![Cap::new(Counted::PullRequests, 3_600, 100)], ..Budget::default() };
    let present = Present {
        now: at(0),
        not_before: None,
        budget: &budget,
        own: &OwnRules::default(),
        pace: AdaptivePace::default(),
        organization: "acme",
        history: &[],
        at_once: 4,
        sending: &[],
        waiting: &waiting,
    };
    let foreseen = forecast(&present);
    assert_eq!(foreseen.len(), 10_000);
    let small = |one: &&campaigns_domain::publish::budget::Foreseen| one.changeset.0.as_u128() >= 9_990;
    let last = foreseen.iter().filter(small).map(|one| one.open).max().unwrap();
    assert!(last < at(200_000), "the small campaign waited until {last}");
}
