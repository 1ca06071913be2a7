//! The unified diff of one file: one line of it changed, and every tenth of them.

use campaigns_domain::execution::FileMode;
use campaigns_runner::diff::{Side, write};
use criterion::{Criterion, Throughput};
use std::hint::black_box;

const LINES: usize = 2_000;

pub(crate) fn bench(criterion: &mut Criterion) {
    let file = |changed: fn(usize) -> bool| -> String {
        let line = |n: usize| format!("line {n} of it is {}\n", if changed(n) { "new" } else { "as it was" });
        (0..LINES).map(line).collect()
    };
    let before = file(|_| false);
    let cases: [(&str, String); 2] =
        [("one line", file(|n| n == LINES / 2)), ("every tenth line", file(|n| n % 10 == 0))];
    let mut group = criterion.benchmark_group("diff");
    group.throughput(Throughput::Bytes(before.len() as u64));
    for (name, after) in &cases {
        let old = Side { mode: FileMode::Regular, blob: [1; 20], content: before.as_bytes() };
        let new = Side { mode: FileMode::Regular, blob: [2; 20], content: after.as_bytes() };
        group.bench_function(format!("{name} of {LINES} changed"), |bencher| {
            bencher.iter(|| {
                let mut out = vec![];
                write(&mut out, b"src/lib.rs", Some(black_box(&old)), Some(black_box(&new)))
                    .expect("memory takes it");
                out
            });
        });
    }
    group.finish();
}
