//! The laws of rollouts: nothing goes before its wave, over a cap, or outside a window; a halt is a person's to lift;
//! whatever waits waits for somebody; and who keeps at it gets to the end.

use campaigns_domain::{
    execution::rollout::Progress,
    id::RepositoryName,
    publish::rollout::{On, Situation, Step, WaveCounts, decide, is_open, next_change},
    selection::waves,
    spec::{Amount, Caps, Gate, HaltOn, Hours, Rollout, Span, Wave},
};
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use proptest::prelude::*;
use std::cell::Cell;

fn any_amount() -> impl Strategy<Value = Amount> {
    prop_oneof![(1..6_u32).prop_map(Amount::Count), (1..100_u32).prop_map(Amount::Share)]
}

pub(crate) fn any_gate() -> impl Strategy<Value = Gate> {
    let within = prop::option::of((1..5_000_u32).prop_map(|minutes| Span { minutes }));
    (any_amount(), any::<bool>(), prop::option::of(any_amount()), prop::option::of(any_amount()), within)
        .prop_map(|(least, merged, other, closed, within)| {
            let (merged, checks_passed) = if merged { (Some(least), other) } else { (None, Some(least)) };
            Gate { checks_passed, merged, closed, within }
        })
}

pub(crate) fn any_hours() -> impl Strategy<Value = Hours> {
    let zone = prop_oneof![
        Just(Tz::UTC),
        Just(Tz::Europe__Berlin),
        Just(Tz::America__New_York),
        Just(Tz::Australia__Lord_Howe),
        Just(Tz::Africa__Casablanca),
        Just(Tz::Asia__Kolkata)
    ];
    let days = prop::sample::select(vec!["Mo-Su", "Su", "Sa-Mo", "Mo-Fr", "We"]);
    (days, 0..95_u32, 1..96_u32, zone).prop_map(|(days, from, length, time_zone)| {
        let quarter =
            |quarters: u32| format!("{:02}:{:02}", quarters / 4, quarters % 4 * 15).parse().unwrap();
        let to = (from + length).min(96);
        Hours { days: days.parse().unwrap(), from: quarter(from), to: quarter(to), time_zone }
    })
}

/// One that a spec may hold: the shares fit, windows do not overlap, and every gate has something behind it.
pub(crate) fn any_rollout() -> impl Strategy<Value = Rollout> {
    let wave = (0..3_u32, 1..6_u32, prop::option::of(any_gate()));
    let cap = || prop::option::weighted(0.3, 1..8_u32);
    let halt_on = (prop::option::of(any_amount()), any_amount(), prop::option::of(any_amount()))
        .prop_map(|(failed, closed, checks_failed)| HaltOn { failed, closed: Some(closed), checks_failed });
    let windows = prop::option::weighted(0.3, any_hours());
    let waves = prop::collection::vec(wave, 0..4);
    (waves, windows, cap(), cap(), cap(), prop::option::weighted(0.4, halt_on)).prop_map(
        |(waves, windows, per_day, max_open, max_pending_checks, halt_on)| {
            let waves = (0..).zip(waves).map(|(index, (how, size, mut gate))| {
                let (targets, percent) = if how == 0 { (Some(size + 5), None) } else { (None, Some(size)) };
                let repositories = if how == 2 { vec![format!("r{index}-*")] } else { vec![] };
                let percent = percent.filter(|_| how == 1);
                if let Some(gate) = &mut gate {
                    gate.closed = gate.closed.filter(|_| size > 2);
                }
                Wave { name: format!("w{index}"), targets, percent, repositories, gate }
            });
            let caps = Caps { per_minute: None, per_hour: None, per_day, max_open, max_pending_checks };
            let mut rollout =
                Rollout { waves: waves.collect(), windows: windows.into_iter().collect(), caps, halt_on };
            if rollout == Rollout::default() {
                rollout.caps.max_open = Some(1);
            }
            rollout
        },
    )
}

/// What happens in the world; numbers choose among waves.
#[derive(Debug, Clone, Copy)]
enum Act {
    /// A target's steps have ended: 0 a diff, 1 nothing changed, 2 failed.
    Executed(u32, u32),
    /// Whatever may be let through is.
    Release,
    Sent(u32),
    Blocked(u32),
    Checked(u32, bool),
    Merged(u32),
    Closed(u32),
    Later(i64),
    Resume,
}

fn any_act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0..4_u32, prop_oneof![4 => Just(0_u32), 1 => Just(1), 1 => Just(2)]).prop_map(|(wave, how)| Act::Executed(wave, how)),
        4 => Just(Act::Release),
        4 => (0..4_u32).prop_map(Act::Sent),
        1 => (0..4_u32).prop_map(Act::Blocked),
        4 => (0..4_u32, any::<bool>()).prop_map(|(wave, passed)| Act::Checked(wave, passed)),
        4 => (0..4_u32).prop_map(Act::Merged),
        2 => (0..4_u32).prop_map(Act::Closed),
        2 => (1..100_000_i64).prop_map(Act::Later),
        1 => Just(Act::Resume),
    ]
}

struct World {
    rollout: Rollout,
    waves: Vec<WaveCounts>,
    progress: Progress,
    now: DateTime<Utc>,
    step: Step,
}

fn one(from: &mut u32, to: &mut u32) -> bool {
    let there = *from > 0;
    *from -= u32::from(there);
    *to += u32::from(there);
    there
}

impl World {
    fn new(rollout: Rollout, sizes: &[u32]) -> Self {
        let sizes = (0..rollout.waves_in_all()).map(|wave| sizes[wave as usize % sizes.len()]);
        let waves: Vec<_> = sizes
            .map(|targets| WaveCounts { targets, unfinished: targets, ..WaveCounts::default() })
            .collect();
        let now = DateTime::from_timestamp(1_774_600_000, 0).unwrap();
        let progress = Progress::default();
        let step = Self::ask(&rollout, &progress, &waves, now);
        Self { rollout, waves, progress, now, step }
    }

    fn ask(rollout: &Rollout, progress: &Progress, waves: &[WaveCounts], now: DateTime<Utc>) -> Step {
        decide(&Situation { campaign: "a", rollout, progress, waves, ahead: 3, now })
    }

    fn all(&self) -> WaveCounts {
        self.waves.iter().copied().sum()
    }

    fn act(&mut self, act: Act) {
        let count = self.waves.len();
        let index = |wave: u32| wave as usize % count;
        match act {
            Act::Executed(of, how) => {
                let wave = &mut self.waves[index(of)];
                let mut unchanged = 0;
                let to = [&mut wave.waiting, &mut unchanged, &mut wave.failed];
                one(&mut wave.unfinished, to.into_iter().nth(how as usize).unwrap());
            }
            Act::Release => {
                if let Some(release) = self.step.release {
                    let mut left = release.new;
                    for wave in self.waves.iter_mut().take(release.up_to as usize + 1) {
                        while left > 0 && one(&mut wave.waiting, &mut wave.coming) {
                            left -= 1;
                        }
                    }
                    assert_eq!(left, 0, "more may be let through than there is");
                }
            }
            Act::Sent(of) => {
                let wave = &mut self.waves[index(of)];
                if one(&mut wave.coming, &mut wave.open) {
                    wave.pending += 1;
                }
            }
            Act::Blocked(of) => {
                let wave = &mut self.waves[index(of)];
                one(&mut wave.coming, &mut wave.blocked);
            }
            Act::Checked(of, passed) => {
                let wave = &mut self.waves[index(of)];
                let to = if passed { &mut wave.passed } else { &mut wave.checks_failed };
                one(&mut wave.pending, to);
            }
            Act::Merged(of) => {
                let wave = &mut self.waves[index(of)];
                if wave.open > wave.pending + wave.checks_failed && wave.passed > wave.merged {
                    one(&mut wave.open, &mut wave.merged);
                }
            }
            Act::Closed(of) => {
                let wave = &mut self.waves[index(of)];
                if wave.checks_failed > 0 && one(&mut wave.open, &mut wave.closed) {
                    wave.checks_failed -= 1;
                }
            }
            Act::Later(seconds) => self.now += TimeDelta::seconds(seconds),
            Act::Resume => self.progress = self.progress.resumed(),
        }
        self.step = Self::ask(&self.rollout, &self.progress, &self.waves, self.now);
    }

    /// What holds of any answer to where things stand.
    fn check(&self) -> Result<(), TestCaseError> {
        let (step, all) = (&self.step, self.all());
        prop_assert_eq!(
            step,
            &Self::ask(&self.rollout, &self.progress, &self.waves, self.now),
            "it is not determined"
        );
        let again = Self::ask(&self.rollout, &step.progress, &self.waves, self.now);
        prop_assert_eq!(
            (&again.events, &again.progress, &again.release),
            (&vec![], &step.progress, &step.release)
        );

        for (index, wave) in (0..).zip(&self.waves) {
            let gone = wave.coming + wave.opened() + wave.blocked;
            prop_assert!(index <= self.progress.wave || gone == 0, "wave {} went before its gate", index);
        }
        let caps = self.rollout.caps;
        prop_assert!(caps.max_open.is_none_or(|most| all.open_now() + all.coming <= most));
        prop_assert!(caps.max_pending_checks.is_none_or(|most| all.pending + all.coming <= most));
        if let Some(halt) = &self.progress.halt {
            prop_assert_eq!(step.progress.halt.as_ref(), Some(halt));
            prop_assert_eq!(step.progress.wave, self.progress.wave);
        }
        if let Some(release) = step.release {
            prop_assert!(step.progress.halt.is_none());
            prop_assert!(is_open(&self.rollout.windows, self.now));
            prop_assert!(release.up_to == step.progress.wave && release.new + release.updates > 0);
        }
        prop_assert!(step.again.is_none_or(|at| at > self.now));
        self.check_waits()
    }

    /// Whatever waits waits for somebody or something that is there.
    fn check_waits(&self) -> Result<(), TestCaseError> {
        let (step, all) = (&self.step, self.all());
        prop_assert_eq!(step.waits.len(), self.waves.len());
        let mut let_through = step.release.map_or(0, |release| release.new);
        for (wave, wait) in self.waves.iter().zip(&step.waits) {
            let goes = let_through.min(wave.waiting);
            let_through -= goes;
            prop_assert_eq!(wave.waiting > goes, wait.is_some(), "{:?} {:?}", wave, wait);
            let Some(wait) = wait else { continue };
            prop_assert!(!wait.reason.is_empty());
            let somebody = match wait.on {
                On::Work => {
                    let under_way = all.unfinished + all.coming + all.updating + all.waiting;
                    under_way > 0
                        && (step.release.is_some()
                            || all.unfinished + all.coming > 0
                            || step.again.is_some()
                            || step.waits.iter().flatten().any(|other| other.on != On::Work))
                }
                On::Reviews => all.open_now() > 0 || step.release.is_some() || all.coming > 0,
                On::Time => step.again.is_some(),
                On::Resume => step.progress.halt.is_some() && wait.reason.contains("campaigns resume a"),
            };
            prop_assert!(somebody, "nobody ends this: {:?} {:?}", wait, self.waves);
        }
        Ok(())
    }

    /// Records what was decided.
    fn record(&mut self) {
        self.progress = self.step.progress.clone();
    }
}

thread_local! {
    /// How often the sequences got to what the laws are about.
    static REACHED: Cell<[u32; 4]> = const { Cell::new([0; 4]) };
}

fn reached(world: &World) {
    let mut seen = REACHED.get();
    let step = &world.step;
    let on = |on| step.waits.iter().flatten().any(|wait| wait.on == on);
    let kinds = [step.progress.wave > 0, step.progress.halt.is_some(), on(On::Time), on(On::Reviews)];
    seen.iter_mut().zip(kinds).for_each(|(count, it)| *count += u32::from(it));
    REACHED.set(seen);
}

fn sizes() -> impl Strategy<Value = Vec<u32>> {
    prop::collection::vec(0..7_u32, 1..4)
}

#[test]
fn a_rollout_keeps_its_word_whatever_happens() {
    let acts = prop::collection::vec(any_act(), 0..80);
    let mut runner = proptest::test_runner::TestRunner::default();
    runner
        .run(&(any_rollout(), sizes(), acts), |(rollout, sizes, acts)| {
            let mut world = World::new(rollout, &sizes);
            world.check()?;
            for act in acts {
                world.record();
                world.act(act);
                world.check()?;
                reached(&world);
            }
            Ok(())
        })
        .unwrap_or_else(|failed| panic!("{failed}"));
    let seen = REACHED.get();
    assert!(seen.iter().all(|count| *count > 0), "the sequences do not get to what this is about: {seen:?}");
}

proptest! {
    /// Where people review, resume and wait, everything goes out in the end.
    #[test]
    fn who_keeps_at_it_gets_to_the_end(rollout in any_rollout(), sizes in sizes()) {
        let mut world = World::new(rollout, &sizes);
        for _ in 0..400 {
            world.record();
            let all = world.all();
            if all.unfinished + all.waiting + all.coming == 0 {
                break;
            }
            let before = (world.waves.clone(), world.progress.clone());
            for wave in 0..4 {
                world.act(Act::Executed(wave, 0));
                world.act(Act::Sent(wave));
                world.act(Act::Checked(wave, true));
                world.act(Act::Merged(wave));
            }
            world.record();
            world.act(Act::Release);
            if world.progress.halt.is_some() {
                world.act(Act::Resume);
            } else if (world.waves.clone(), world.progress.clone()) == before {
                let again = world.step.again;
                let later = again.map(|at| at - world.now);
                prop_assert!(later.is_some(), "stuck: {:?} {:?}", world.step, world.waves);
                world.act(Act::Later(later.map_or(0, |later| later.num_seconds())));
            }
        }
        let all = world.all();
        prop_assert_eq!(all.unfinished + all.waiting + all.coming, 0, "{:?} {:?}", world.step, world.waves);
    }

    /// Against a search step by step, around the days on which clocks are turned.
    #[test]
    fn the_next_change_of_windows_is_found(
        windows in prop::collection::vec(any_hours(), 1..4),
        turn in prop::sample::select(vec![1_774_746_000_i64, 1_792_890_000, 1_772_953_200, 1_793_512_800, 1_791_040_000, 1_771_100_000]),
        before in 0..(3 * 24 * 60_i64),
    ) {
        let now = DateTime::from_timestamp(turn - turn % 60 - before * 60, 0).unwrap();
        let by_words = |at: DateTime<Utc>| windows.iter().any(|hours| {
            let wall = at.with_timezone(&hours.time_zone);
            let time = wall.format("%H:%M").to_string();
            let day = wall.format("%a").to_string();
            let days = hours.days.to_string();
            let listed = match days.as_str() {
                "Mo-Su" => true,
                "Mo-Fr" => !day.starts_with('S'),
                list => list.split(", ").any(|two| day.starts_with(two)),
            };
            listed && time >= hours.from.to_string() && time < hours.to.to_string()
        });
        // Windows and zones alike go by quarters of an hour.
        let quarters = (1..=15 * 24 * 4).map(|quarter| now - TimeDelta::seconds(now.timestamp() % 900) + TimeDelta::minutes(15 * quarter));
        let open = by_words(now);
        let expected = quarters.into_iter().find(|at| by_words(*at) != open);
        prop_assert_eq!(is_open(&windows, now), by_words(now));
        prop_assert_eq!(next_change(&windows, now), expected);
    }

    #[test]
    fn every_target_has_one_wave(rollout in any_rollout(), names in prop::collection::btree_set("(r[0-3]-)?[a-c]{1,3}", 0..40)) {
        let names: Vec<RepositoryName> = names.iter().map(|name| RepositoryName::new("acme", name).unwrap()).collect();
        let taken = waves(&rollout, &names.iter().collect::<Vec<_>>());
        prop_assert_eq!(taken.len(), names.len());
        prop_assert!(taken.iter().all(|wave| *wave < rollout.waves_in_all()));
        let named = |name: &RepositoryName| rollout.waves.iter().any(|wave| wave.names(name));
        let free: Vec<u32> = taken.iter().zip(&names).filter(|(_, name)| !named(name)).map(|(wave, _)| *wave).collect();
        prop_assert!(free.is_sorted(), "{:?}", free);
        for (index, wave) in (0..).zip(&rollout.waves) {
            let has = taken.iter().filter(|taken| **taken == index).count();
            if let Some(targets) = wave.targets {
                prop_assert!(has <= targets as usize || index == rollout.waves_in_all() - 1);
            }
            for (name, taken) in names.iter().zip(&taken) {
                if wave.names(name) {
                    prop_assert!(*taken <= index);
                }
            }
        }
    }
}
