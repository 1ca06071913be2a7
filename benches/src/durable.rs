//! Durable transitions: thousands of actors that each commit one transition after another, as actors do, against raw
//! batches of the same rows; and whether a transition costs the same however many targets there are.
//!
//! Deliberately absent: actors. What is measured is the store under their load.

use super::{
    pgbench,
    processor::Taken,
    raw::Raw,
    report::{Figure, median},
};
use anyhow::Result;
use campaigns_benches::stage::Stage;
use campaigns_domain::execution::target::Target;
use futures::future::try_join_all;
use std::{sync::Arc, time::Instant};

/// How many transitions are in flight.
const IN_FLIGHT: usize = 2_000;
/// How many targets each side has.
const TARGETS: u32 = 8_000;
/// How many transitions each side makes in one pair.
const TRANSITIONS: usize = 40_000;

/// The store's transitions a second against those of raw batches.
pub(crate) async fn throughput(stage: Stage, pairs: u32) -> Result<Vec<Figure>> {
    let stage = Arc::new(stage);
    let (_, mut ours) = stage.run_of(TARGETS).await?;
    let (run, theirs) = stage.run_of(TARGETS).await?;
    let mut raw = Raw::new(&stage, run.id, theirs).await?;
    // Both sides prepare their statements before anything is counted.
    ours = walk(&stage, ours, IN_FLIGHT, IN_FLIGHT).await?.2;
    raw.write(4_000).await?;
    let (mut each, mut busy) = (vec![], vec![]);
    for pair in 1..=pairs {
        let (mut subject, mut reference) = Default::default();
        let (mut subject_busy, mut reference_busy) = (Taken::default(), Taken::default());
        for ours_next in if pair % 2 == 1 { [true, false] } else { [false, true] } {
            if ours_next {
                (subject, subject_busy, ours) = walk(&stage, ours, IN_FLIGHT, TRANSITIONS).await?;
            } else {
                let before = Taken::now(stage.server.pid())?;
                reference = raw.write(TRANSITIONS).await?;
                reference_busy = Taken::now(stage.server.pid())?.since(before, TRANSITIONS);
            }
        }
        eprintln!(
            "pair {pair} of {pairs}: {:.0} transitions/s, raw batches {:.0}/s: {:.2}; of the processors {:.1} µs here \
             and {:.1} of the server, raw {:.1} and {:.1}",
            1e6 / subject,
            1e6 / reference,
            reference / subject,
            subject_busy.here,
            subject_busy.server,
            reference_busy.here,
            reference_busy.server,
        );
        each.push((subject, reference));
        busy.push((subject_busy, reference_busy));
    }
    let mut figures = vec![Figure::at_most(
        "a transition of 2,000 in flight, against raw batches of 4 x 1,000",
        "µs",
        &each,
        2.0,
    )];
    let here = busy.iter().map(|(subject, _)| subject.here);
    figures.push(Figure::shown("processor time of this process for each", "µs", median(here)));
    let server = busy.iter().map(|(subject, _)| subject.server);
    figures.push(Figure::shown("processor time of the server for each", "µs", median(server)));
    let raw = busy.iter().map(|(_, reference)| reference.here + reference.server);
    figures.push(Figure::shown(
        "processor time of a raw batch for each of its rows, both together",
        "µs",
        median(raw),
    ));
    if let Some(tps) = pgbench::tps(&stage.server).await? {
        let ours = 1e6 / median(each.iter().map(|pair| pair.0));
        figures.push(Figure::shown(
            "transitions for each transaction of pgbench -N -c 8",
            "times",
            ours / tps,
        ));
    }
    Ok(figures)
}

/// A transition's cost among 100,000 targets against its cost among 1,000, with as many in flight.
pub(crate) async fn evenness(stage: Stage, pairs: u32) -> Result<Vec<Figure>> {
    const FEW: u32 = 1_000;
    let stage = Arc::new(stage);
    let (_, mut few) = stage.run_of(FEW).await?;
    let (_, mut some) = stage.run_of(10_000).await?;
    let (_, mut many) = stage.run_of(100_000).await?;
    let in_flight = FEW as usize;
    let (mut to_some, mut to_many) = (vec![], vec![]);
    let (mut busy_few, mut busy_many) = (vec![], vec![]);
    for pair in 0..=pairs {
        let (of_few, of_some, of_many, busy_of_few, busy_of_many);
        (of_few, busy_of_few, few) = walk(&stage, few, in_flight, TRANSITIONS).await?;
        (of_some, _, some) = walk(&stage, some, in_flight, TRANSITIONS).await?;
        (of_many, busy_of_many, many) = walk(&stage, many, in_flight, TRANSITIONS).await?;
        // The first round prepares statements and fills caches.
        if pair > 0 {
            eprintln!(
                "pair {pair} of {pairs}: {of_few:.0}, {of_some:.0} and {of_many:.0} µs a transition; of the processors \
                 {:.1} µs here and {:.1} of the server among 1,000, {:.1} and {:.1} among 100,000",
                busy_of_few.here, busy_of_few.server, busy_of_many.here, busy_of_many.server,
            );
            to_some.push((of_some, of_few));
            to_many.push((of_many, of_few));
            busy_few.push(busy_of_few);
            busy_many.push(busy_of_many);
        }
    }
    let both = |busy: Vec<Taken>| median(busy.into_iter().map(|taken| taken.here + taken.server));
    Ok(vec![
        Figure::at_most("a transition among 10,000 targets, against one among 1,000", "µs", &to_some, 1.25),
        Figure::at_most("a transition among 100,000 targets, against one among 1,000", "µs", &to_many, 1.25),
        Figure::shown("processor time of both for each among 1,000", "µs", both(busy_few)),
        Figure::shown("processor time of both for each among 100,000", "µs", both(busy_many)),
    ])
}

/// Lets `in_flight` callers make `transitions` in all, each one after the other on targets of its own, spread over
/// all of them. The microseconds for each transition, by the clock and of the processors.
async fn walk(
    stage: &Arc<Stage>,
    targets: Vec<Target>,
    in_flight: usize,
    transitions: usize,
) -> Result<(f64, Taken, Vec<Target>)> {
    let count = targets.len();
    let mut shares: Vec<Vec<Target>> = (0..in_flight).map(|_| vec![]).collect();
    for (place, target) in targets.into_iter().enumerate() {
        shares[place % in_flight].push(target);
    }
    let each = transitions / in_flight;
    let before = Taken::now(stage.server.pid())?;
    let began = Instant::now();
    let callers = shares.into_iter().map(|mut share| {
        let stage = Arc::clone(stage);
        tokio::spawn(async move {
            // With more targets than steps, the steps are spread evenly over the share.
            let stride = (share.len() / each.max(1)).max(1);
            for step in 0..each {
                let place = step * stride % share.len();
                stage.step(&mut share[place]).await?;
            }
            anyhow::Ok(share)
        })
    });
    let shares = try_join_all(callers).await?.into_iter().collect::<Result<Vec<_>>>()?;
    let taken = began.elapsed().as_secs_f64() * 1e6 / (each * in_flight) as f64;
    let busy = Taken::now(stage.server.pid())?.since(before, each * in_flight);
    // Back into the order that they came in, so that the next walk deals them out alike.
    let mut shares: Vec<_> = shares.into_iter().map(Vec::into_iter).collect();
    let targets = (0..count).filter_map(|place| shares[place % in_flight].next()).collect();
    Ok((taken, busy, targets))
}
