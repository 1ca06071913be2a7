//! The laws of budgets and of trees: nothing goes over, and nothing waits or is cut without need.

use super::samples::{delete, manifest, put};
use campaigns_domain::{
    execution::{Change, manifest::ChangedFile},
    id::CampaignId,
    publish::{
        TreeLimits, TreePlan,
        budget::{
            Budget, Cap, Charge, ContentWrites, Counted, NotBefore, Spent, Window, WriteKind, next_slot,
            split_points,
        },
        commit::PlannedContent,
    },
};
use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

fn at(milliseconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(milliseconds).unwrap()
}

fn any_windows() -> impl Strategy<Value = Vec<Window>> {
    let window = (1..120_u32, 1..6_u32).prop_map(|(seconds, cap)| Window { seconds, cap });
    prop::collection::vec(window, 0..4)
}

/// The most writes that any window of this length holds, counted independently of the budget.
fn most_within(writes: &[DateTime<Utc>], seconds: u32) -> usize {
    let length = TimeDelta::seconds(i64::from(seconds));
    let from =
        |first: &DateTime<Utc>| writes.iter().filter(|at| *at >= first && **at < *first + length).count();
    writes.iter().map(from).max().unwrap_or_default()
}

proptest! {
    #[test]
    fn no_window_is_exceeded_and_no_slot_is_missed(windows in any_windows(), gaps in prop::collection::vec(0..20_000_i64, 1..60)) {
        let mut now = at(0);
        let mut writes = vec![];
        let mut waited = false;
        for gap in gaps {
            now += TimeDelta::milliseconds(gap);
            if let Err(NotBefore(later)) = next_slot(&writes, &windows, now) {
                prop_assert!(later > now);
                // A moment before, it does not fit; then it does.
                let earlier = later - TimeDelta::milliseconds(1);
                prop_assert_eq!(next_slot(&writes, &windows, earlier.max(now)), Err(NotBefore(later)));
                prop_assert_eq!(next_slot(&writes, &windows, later), Ok(()));
                let mut hasty = writes.clone();
                hasty.push(earlier);
                let over = windows.iter().any(|it| most_within(&hasty, it.seconds) > it.cap as usize);
                prop_assert!(over, "it could have gone at {}", earlier);
                now = later;
                waited = true;
            }
            writes.push(now);
        }
        for window in &windows {
            prop_assert!(most_within(&writes, window.seconds) <= window.cap as usize);
        }
        prop_assert!(!waited || !windows.is_empty());
    }
}

fn any_caps() -> impl Strategy<Value = Vec<Cap>> {
    let counted = prop_oneof![Just(Counted::Content), Just(Counted::PullRequests), Just(Counted::Points)];
    let cap = (counted, 1..120_u32, 1..6_u32).prop_map(|(counted, seconds, cap)| {
        Cap::new(counted, seconds, if counted == Counted::Points { 5 * cap + 2 } else { cap })
    });
    prop::collection::vec(cap, 0..3)
}

fn any_budget() -> impl Strategy<Value = Budget> {
    let content = prop_oneof![Just("all"), Just("none"), Just("pull-request,commit")];
    (any_caps(), any_caps(), any_caps(), 0..3_000_u32, content).prop_map(
        |(global, campaign, organization, spacing, content)| Budget {
            global,
            campaign,
            organization,
            spacing,
            content: ContentWrites::parse(content).unwrap(),
        },
    )
}

/// A write as it was made: when, by which campaign, where, at what cost.
type Made = (DateTime<Utc>, usize, usize, Charge);

/// Whether some window of the budget holds more than its cap, or two writes are too close, counted independently.
fn is_over(budget: &Budget, made: &[Made]) -> bool {
    let over = |caps: &[Cap], of: &dyn Fn(&Made) -> usize| {
        caps.iter().any(|cap| {
            let length = TimeDelta::seconds(i64::from(cap.window.seconds));
            made.iter().any(|first| {
                let within = made
                    .iter()
                    .filter(|one| of(one) == of(first) && one.0 >= first.0 && one.0 < first.0 + length);
                let sum: u32 = within
                    .map(|one| match cap.counted {
                        Counted::Content => u32::from(one.3.content),
                        Counted::PullRequests => u32::from(one.3.pull_request),
                        Counted::Points => one.3.points,
                    })
                    .sum();
                sum > cap.window.cap
            })
        })
    };
    let close = made.iter().enumerate().any(|(n, one)| {
        made[..n]
            .iter()
            .any(|other| one.2 == other.2 && (one.0 - other.0).num_milliseconds() < i64::from(budget.spacing))
    });
    close
        || over(&budget.global, &|_| 0)
        || over(&budget.campaign, &|one| one.1)
        || over(&budget.organization, &|one| one.2)
}

proptest! {
    #[test]
    fn windows_hold_jointly_in_every_scope_and_nothing_waits_without_need(
        budget in any_budget(),
        asked in prop::collection::vec((0..15_000_i64, 0..2_usize, 0..2_usize, 0..4_usize), 1..40),
    ) {
        let campaigns = [1, 2].map(|n| CampaignId(uuid::Uuid::from_u128(n)));
        let organizations = ["acme", "globex"];
        let kinds = [WriteKind::Tree, WriteKind::Commit, WriteKind::Branch, WriteKind::PullRequest];
        let mut now = at(0);
        let mut made: Vec<Made> = vec![];
        for (gap, campaign, organization, kind) in asked {
            now += TimeDelta::milliseconds(gap);
            let charge = budget.charge(kinds[kind]);
            let history: Vec<_> = made
                .iter()
                .map(|(at, campaign, organization, charge)| Spent {
                    counts_from: *at,
                    organization: organizations[*organization],
                    campaign: campaigns[*campaign],
                    charge: *charge,
                })
                .collect();
            let fits = |at| budget.fits(&history, organizations[organization], campaigns[campaign], charge, at);
            if let Err(hold) = fits(now) {
                prop_assert!(hold.until > now);
                let earlier = hold.until - TimeDelta::milliseconds(1);
                prop_assert!(fits(earlier.max(now)).is_err());
                prop_assert_eq!(fits(hold.until), Ok(()));
                let mut hasty = made.clone();
                hasty.push((earlier, campaign, organization, charge));
                prop_assert!(is_over(&budget, &hasty), "it could have gone at {}", earlier);
                now = hold.until;
            }
            made.push((now, campaign, organization, charge));
        }
        prop_assert!(!is_over(&budget, &made));
    }

    #[test]
    fn points_are_divided_without_rest(points in 20..10_000_u32) {
        let (writes, reads) = split_points(points);
        prop_assert_eq!(writes + reads, points);
        prop_assert!(writes >= 5 && reads >= 1);
    }
}

/// Changes over few names, so that files and folders meet, as a manifest has them: sorted, none through another.
fn any_changes() -> impl Strategy<Value = Vec<ChangedFile>> {
    let part = prop_oneof![Just("a"), Just("b"), Just("ab")];
    let path = prop::collection::vec(part, 1..4).prop_map(|parts| parts.join("/"));
    let change = (path, any::<bool>(), 0..3_usize);
    prop::collection::vec(change, 0..20).prop_map(|changes| {
        let one = |(path, delete_it, size): (String, bool, usize)| {
            let changed = if delete_it { delete(&path) } else { put(&path, &"x".repeat(size * 40)) };
            (path, changed)
        };
        let all: BTreeMap<String, ChangedFile> = changes.into_iter().map(one).collect();
        let mut kept: Vec<ChangedFile> = vec![];
        for changed in all.into_values() {
            let mut candidate = kept.clone();
            candidate.push(changed);
            if manifest(candidate.clone()).check().is_ok() {
                kept = candidate;
            }
        }
        kept
    })
}

/// Whether one path stands inside of the other.
fn nested(one: &str, other: &str) -> bool {
    one.strip_prefix(other).is_some_and(|rest| rest.starts_with('/'))
        || other.strip_prefix(one).is_some_and(|rest| rest.starts_with('/'))
}

proptest! {
    #[test]
    fn a_plan_leads_to_the_result(changes in any_changes(), entries in 1..6_usize, bytes in 1..600_u64, inline in 0..100_u64) {
        let limits = TreeLimits { tree_bytes: bytes, tree_entries: entries, inline_bytes: inline };
        let result = manifest(changes.clone());
        let plan = TreePlan::new(&result, limits);
        let uploaded: BTreeSet<_> = plan.blobs.iter().map(|blob| blob.digest.clone()).collect();
        prop_assert_eq!(uploaded.len(), plan.blobs.len());

        let planned: BTreeMap<_, _> = plan.trees.iter().flatten().map(|entry| (entry.path.clone(), &entry.content)).collect();
        prop_assert_eq!(planned.len(), plan.trees.iter().map(Vec::len).sum::<usize>(), "a path is there twice");
        prop_assert_eq!(planned.len(), changes.len());
        for changed in &changes {
            match (&changed.change, planned[&changed.path]) {
                (Change::Delete, PlannedContent::Delete) => {}
                (Change::Put { mode, content, .. }, PlannedContent::Inline { mode: m, content: c }) => {
                    prop_assert!(mode == m && content == c && c.size <= inline);
                }
                (Change::Put { mode, content, .. }, PlannedContent::Uploaded { mode: m, content: c }) => {
                    prop_assert!(mode == m && content == c && uploaded.contains(&c.digest));
                }
                other => prop_assert!(false, "{:?}", other),
            }
        }
        for tree in &plan.trees {
            prop_assert!(!tree.is_empty() && tree.len() <= entries);
            for (index, entry) in tree.iter().enumerate() {
                let free = tree[..index].iter().all(|other| !nested(entry.path.as_str(), other.path.as_str())
                    || (entry.content == PlannedContent::Delete && other.content == PlannedContent::Delete));
                prop_assert!(free, "{} meets another in one tree", entry.path);
            }
        }
        // Where a file takes a folder's place or the other way round, what makes way goes first.
        let order: Vec<_> = plan.trees.iter().flatten().collect();
        for (index, entry) in order.iter().enumerate() {
            let late = order[index..].iter().any(|other| other.content == PlannedContent::Delete
                && entry.content != PlannedContent::Delete && nested(entry.path.as_str(), other.path.as_str()));
            prop_assert!(!late, "{} is written before it has room", entry.path);
        }
    }
}
