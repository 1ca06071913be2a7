//! A fenced commit on a durable server: one alone, and 100 that arrive at once.

use campaigns_benches::stage::Stage;
use campaigns_domain::execution::target::Target;
use criterion::{Criterion, SamplingMode};
use futures::future::try_join_all;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

pub(crate) fn bench(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    // The server is started where one of these is wanted, and then once.
    let mut stage: Option<(Stage, Vec<Target>)> = None;
    let mut group = criterion.benchmark_group("commit");
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    for at_once in [1, 100] {
        group.bench_function(format!("{at_once} at once"), |bencher| {
            let (stage, targets) = stage.get_or_insert_with(|| {
                runtime.block_on(async {
                    let stage = Stage::new().await.expect("a server");
                    let targets = stage.run_of(1_000).await.expect("a run").1;
                    (stage, targets)
                })
            });
            bencher.iter_custom(|times| {
                let mut taken = Duration::ZERO;
                for _ in 0..times {
                    let began = Instant::now();
                    let steps = targets.iter_mut().take(at_once).map(|target| stage.step(target));
                    runtime.block_on(try_join_all(steps)).expect("each holds");
                    taken += began.elapsed();
                }
                taken
            });
        });
    }
    group.finish();
}
