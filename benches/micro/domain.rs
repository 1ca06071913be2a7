//! Applying events: a target's whole way, and a run's turn for one ended attempt.

use campaigns_benches::stage::target;
use campaigns_domain::{
    execution::{
        run::{Run, RunEvent, RunOptions},
        target::{AttemptEnded, Target, TargetEvent},
    },
    id::{CampaignId, Digest, RunId},
    spec::Priority,
};
use criterion::Criterion;
use std::hint::black_box;
use uuid::Uuid;

pub(crate) fn bench(criterion: &mut Criterion) {
    let campaign = CampaignId(Uuid::from_u128(1));
    let options = RunOptions { no_container: true, ..RunOptions::default() };
    let run = Run::new(RunId(Uuid::from_u128(2)), campaign, Digest::of(b"a spec"), 64, options);
    let selected = target(&run, 0);
    criterion.bench_function("domain/a target from selected to changed", |bencher| {
        bencher.iter(|| {
            let way = [
                TargetEvent::Admitted { attempt: 1 },
                TargetEvent::Started { attempt: 1 },
                TargetEvent::Finished { attempt: 1, changed_files: 3 },
            ];
            way.iter().fold(black_box(&selected).clone(), |target: Target, event| {
                target.apply(event).into_applied().expect("it holds").0
            })
        });
    });
    let chosen = RunEvent::Selected { targets: 10_000, skipped: 0, ends: vec![], priority: Priority::Normal };
    let mut running = run.apply(&chosen).into_applied().expect("it holds").0;
    running.admitted((0..64).map(|position| target(&run, position).id));
    let ended = AttemptEnded { attempt: 1, again: false, put_off: false, proposes: false };
    let ended = RunEvent::AttemptEnded { target: selected.id, ended, organization: None };
    criterion.bench_function("domain/a run of 10,000 hears that an attempt ended", |bencher| {
        bencher.iter(|| black_box(&running).apply(black_box(&ended)));
    });
}
