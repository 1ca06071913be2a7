//! The limiter's decisions: whether a write fits beside a full hour of others, and whose turn it is among thousands.

use campaigns_domain::{
    id::{CampaignId, ChangesetId},
    publish::{
        budget::{Budget, Spent, WriteKind},
        queue::Queue,
    },
};
use chrono::{DateTime, TimeDelta};
use criterion::{BatchSize, Criterion};
use std::{collections::HashSet, hint::black_box};
use uuid::Uuid;

pub(crate) fn bench(criterion: &mut Criterion) {
    let (budget, campaign) = (Budget::default(), CampaignId(Uuid::from_u128(1)));
    let charge = budget.charge(WriteKind::Commit);
    let now = DateTime::from_timestamp(1_800_000_000, 0).expect("a time");
    let history: Vec<Spent<'_>> = (0..499)
        .map(|place| Spent {
            counts_from: now - TimeDelta::seconds(7 * place),
            organization: "acme",
            campaign,
            charge,
        })
        .collect();
    criterion.bench_function("limiter/does a write fit beside 499 of this hour", |bencher| {
        bencher.iter(|| black_box(&budget).fits(black_box(&history), "acme", campaign, charge, now));
    });
    for waiting in [100_u128, 10_000] {
        let mut queue = Queue::default();
        for place in 0..waiting {
            queue.push(CampaignId(Uuid::from_u128(place % 10)), ChangesetId(Uuid::from_u128(place)));
        }
        let urgent = HashSet::from([CampaignId(Uuid::from_u128(7))]);
        criterion.bench_function(&format!("limiter/whose turn is it of {waiting} waiting"), |bencher| {
            bencher.iter_batched_ref(
                || queue.clone(),
                |queue| queue.pop_where(black_box(&urgent), |_, _| true),
                BatchSize::LargeInput,
            );
        });
    }
}
