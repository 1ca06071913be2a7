//! Reading a spec, and filling its templates for one target.

use campaigns_benches::stage::target;
use campaigns_domain::{
    execution::run::{Run, RunOptions},
    id::{CampaignId, Digest, RunId},
    publish::place,
    spec::Spec,
};
use criterion::Criterion;
use std::hint::black_box;
use uuid::Uuid;

const EXAMPLE: &str = include_str!("../../examples/code-owners-in-waves.yaml");

pub(crate) fn bench(criterion: &mut Criterion) {
    criterion.bench_function("texts/parse a spec", |bencher| {
        bencher.iter(|| Spec::parse(black_box(EXAMPLE)).expect("an example is right"));
    });
    let templated = EXAMPLE.replace("branch: ", "branch: ${{ batch_change.name }}/${{ repository.branch }}/");
    let spec = Spec::parse(&templated).expect("an example is right");
    let campaign = CampaignId(Uuid::from_u128(1));
    let options = RunOptions { no_container: true, ..RunOptions::default() };
    let run = Run::new(RunId(Uuid::from_u128(2)), campaign, Digest::of(b"a spec"), 64, options);
    let target = target(&run, 0);
    criterion.bench_function("texts/fill a branch's template", |bencher| {
        bencher.iter(|| place(black_box(&spec), black_box(&target)));
    });
}
