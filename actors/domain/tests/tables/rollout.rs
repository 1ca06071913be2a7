//! The rollout as a spec writes it: what is read, what is refused and where, which wave takes which target.

use super::samples::name;
use campaigns_domain::{
    selection::waves,
    spec::{Amount, Priority, Spec},
};

fn spec(rollout: &str) -> Spec {
    Spec::parse(&format!("name: a\nrollout:\n{rollout}")).unwrap_or_else(|errors| panic!("{errors}"))
}

const WHOLE: &str = "  waves:
    - name: canary
      targets: 10
      gate: {merged: 90%, closed: 1, checksPassed: 10, within: 2d}
    - {name: core, repositories: ['core-*', acme/api], gate: {checksPassed: 100%}}
    - {name: half, percent: 50%}
    - {name: all}
  windows:
    - {days: Mo-Th, from: 09:00, to: '17:00', timeZone: Europe/Berlin}
    - {days: [friday, Su], from: 00:00, to: '24:00', timeZone: UTC}
  perMinute: 5
  perHour: 50
  perDay: 100
  maxOpen: 30
  maxPendingChecks: 20
  haltOn: {failed: 3, closed: 20%, checksFailed: 10%}
priority: urgent
";

#[test]
fn the_whole_of_it_is_read_and_written() {
    let read = spec(WHOLE);
    assert_eq!(read.priority, Priority::Urgent);
    let rollout = read.rollout.clone().unwrap();
    assert_eq!(rollout.waves.len(), 4);
    assert_eq!(rollout.halt_on.as_ref().unwrap().closed, Some(Amount::Share(20)));
    assert_eq!(
        rollout.windows.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["Mo-Th 09:00-17:00 Europe/Berlin", "Fr, Su 00:00-24:00 UTC"]
    );
    assert_eq!(
        read.normal_form(),
        "{\"name\":\"a\",\"priority\":\"urgent\",\"rollout\":{\"haltOn\":{\"checksFailed\":\"10%\",\"closed\":\"20%\",\
         \"failed\":3},\"maxOpen\":30,\"maxPendingChecks\":20,\"perDay\":100,\"perHour\":50,\"perMinute\":5,\"waves\":\
         [{\"gate\":{\"checksPassed\":10,\"closed\":1,\"merged\":\"90%\",\"within\":\"2d\"},\"name\":\"canary\",\
         \"targets\":10},{\"gate\":{\"checksPassed\":\"100%\"},\"name\":\"core\",\"repositories\":[\"core-*\",\
         \"acme/api\"]},{\"name\":\"half\",\"percent\":50},{\"name\":\"all\"}],\"windows\":[{\"days\":[\"Mo\",\"Tu\",\
         \"We\",\"Th\"],\"from\":\"09:00\",\"timeZone\":\"Europe/Berlin\",\"to\":\"17:00\"},{\"days\":[\"Fr\",\"Su\"],\
         \"from\":\"00:00\",\"timeZone\":\"UTC\",\"to\":\"24:00\"}]}}"
    );
    let again = Spec::parse(&read.normal_form()).unwrap();
    assert_eq!(again, read);
    assert_eq!(serde_json::from_str::<Spec>(&read.normal_form()).unwrap(), read);
}

#[test]
fn a_spec_without_it_has_the_digest_that_it_always_had() {
    let plain = Spec::parse("name: a\n").unwrap();
    assert_eq!(plain.normal_form(), "{\"name\":\"a\"}");
    assert_eq!(Spec::parse("name: a\npriority: normal\nrollout:\n").unwrap(), plain);
}

/// What is refused, as `line:column message | help`; the first line of the rollout is line 3.
const REFUSED: &[(&str, &[&str])] = &[
    (
        "  {}",
        &[
            "3:3 `rollout` says nothing | leave it out, or write one of waves, windows, perMinute, perHour, perDay, maxOpen, maxPendingChecks, haltOn",
        ],
    ),
    (
        "  wave: []",
        &[
            "3:3 unknown key `wave` in `rollout` | did you mean `waves`?",
            "3:3 `rollout` says nothing | leave it out, or write one of waves, windows, perMinute, perHour, perDay, maxOpen, maxPendingChecks, haltOn",
        ],
    ),
    (
        "  maxOpen: 1\n  maxOpen: 2",
        &["4:3 the key `maxOpen` is there twice | it is in line 3 already; keep one of them"],
    ),
    (
        "  maxOpen: 0",
        &[
            "3:12 `maxOpen: 0` would publish nothing | leave it out for no cap of the campaign's own; `campaigns pause` stops a run",
        ],
    ),
    ("  perDay: 1.5", &["3:11 `perDay` is a whole number, and this is `1.5` | write `perDay: 30`"]),
    ("  perDay: '5'", &["3:11 `perDay` is a whole number, and this is `5` | write `perDay: 30`"]),
    ("  waves: []", &["3:10 `waves` has no wave | leave it out where everything goes together"]),
    (
        "  waves: {}",
        &[
            "3:10 `waves` is a list, and this is a mapping | write each item in a line of its own that begins with `- `",
        ],
    ),
    (
        "  waves: [{targets: 5}]",
        &["3:11 `name` is missing in a wave | every wave has one, to speak of it: `name: canary`"],
    ),
    (
        "  waves: [{name: a b, targets: 5}]",
        &[
            "3:18 `a b` is no name for a wave: it holds something else than letters, digits, `_`, `.` and `-` | use letters, digits, `_`, `.` and `-`",
        ],
    ),
    (
        "  waves:\n    - {name: a, targets: 1}\n    - {name: a, targets: 1}",
        &["5:14 the wave `a` is there twice | it is in line 4 already; choose another name"],
    ),
    (
        "  waves: [{name: a, targets: 1, percent: 5}]",
        &["3:42 a wave takes its targets by `targets` or by `percent`, not by both | make two waves of it"],
    ),
    (
        "  waves: [{name: a}, {name: b}]",
        &[
            "3:11 this wave takes everything, and there are more behind it | write targets, percent or repositories; only the last one may take the rest",
        ],
    ),
    (
        "  waves: [{name: a, targets: 0}]",
        &[
            "3:30 `targets: 0` would publish nothing | leave it out for no cap of the campaign's own; `campaigns pause` stops a run",
        ],
    ),
    (
        "  waves: [{name: a, percent: 101}]",
        &["3:30 `percent` is a whole number from 1 to 100, and this is `101` | write `percent: 10`"],
    ),
    (
        "  waves:\n    - {name: a, percent: 60}\n    - {name: b, percent: 50}",
        &[
            "5:26 the waves take 110 % of the targets with this one, and there are 100 | at most 40 % are left for it",
        ],
    ),
    (
        "  waves:\n    - {name: a, percent: 100}\n    - {name: b, targets: 5}",
        &[
            "5:7 the waves before this one take all targets: it would be empty | lower their `percent`, or leave this wave out",
        ],
    ),
    (
        "  waves: [{name: a, repositories: []}]",
        &["3:35 `repositories` is empty: the wave would be | name some, as `- acme/api-*`"],
    ),
    (
        "  waves: [{name: a, repositories: ['[']}]",
        &[
            "3:36 `[` is not a glob: unclosed character class; missing ']' | `*`, `?`, `[a-z]` and `{one,other}` stand for parts of a name",
        ],
    ),
    (
        "  waves:\n    - {name: a, repositories: [x-*]}\n    - {name: b, repositories: [X-*]}",
        &["5:32 the glob `X-*` is there twice | line 4 takes what it matches already: keep one of them"],
    ),
    (
        "  waves: [{name: rest, targets: 5}]",
        &[
            "3:18 `rest` is the name of what no wave takes | choose another name, or let this wave take the rest",
        ],
    ),
    (
        "  waves: [{name: a, targets: 5, gate: {}}]",
        &[
            "3:39 this gate does not say what has to happen | write `merged: 90%` or `checksPassed: 100%`; `closed` and `within` only bound the wait for it",
        ],
    ),
    (
        "  waves: [{name: a, targets: 5, gate: {within: 2d}}]",
        &[
            "3:39 this gate does not say what has to happen | write `merged: 90%` or `checksPassed: 100%`; `closed` and `within` only bound the wait for it",
        ],
    ),
    (
        "  waves: [{name: a, targets: 5, gate: {merged: 6}}]",
        &["3:48 the wave has 5 targets, and `merged` asks for 6 of them | write a share, as `90%`"],
    ),
    (
        "  waves: [{name: a, targets: 5, gate: {merged: 0%}}]",
        &["3:48 `merged: 0` waits for nothing | leave it out"],
    ),
    (
        "  waves: [{name: a, targets: 5, gate: {merged: 120%}}]",
        &[
            "3:48 `merged` is a number, as `7`, or a share, as `90%`, and this is `120%` | write it so, or leave it out",
        ],
    ),
    (
        "  waves: [{name: a, targets: 5, gate: {merged: 5, within: 2 years}}]",
        &[
            "3:59 `within` is a number with `m`, `h`, `d` or `w` behind it, as `4h`, at most a year, and this is `2 years` | write `within: 2d`",
        ],
    ),
    (
        "  waves: [{name: a, gate: {merged: 5}}]",
        &[
            "3:27 nothing waits for this gate: its wave is the last | take it out, or add the wave that is to wait for it",
        ],
    ),
    ("  windows: []", &["3:12 `windows` has no window | leave it out where every time will do"]),
    (
        "  windows: [{}]",
        &[
            "3:13 `days` is missing in a window | write `days: Mo-Fr`, or a list",
            "3:13 `from` is missing in a window | write a time of day, as `09:00`",
            "3:13 `to` is missing in a window | write a time of day, as `09:00`",
            "3:13 `timeZone` is missing in a window | write `timeZone: Europe/Berlin`, or `UTC`",
        ],
    ),
    (
        "  windows: [{days: Mi, from: 09:00, to: 10:00, timeZone: UTC}]",
        &["3:20 `Mi` is no day of the week | write Mo, Tu, We, Th, Fr, Sa, Su, or a range as `Mo-Fr`"],
    ),
    (
        "  windows: [{days: [Mo, Mo-Tu], from: 09:00, to: 10:00, timeZone: UTC}]",
        &["3:25 `Mo-Tu` is there twice | keep one of them"],
    ),
    (
        "  windows: [{days: [], from: 09:00, to: 10:00, timeZone: UTC}]",
        &["3:20 `days` is empty: the window would never open | write `days: Mo-Fr`"],
    ),
    (
        "  windows: [{days: Mo, from: 9, to: 25:00, timeZone: UTC}]",
        &[
            "3:30 `from` is a time of day, and this is `9` | write it as `09:00`, from `00:00` to `24:00`",
            "3:37 `to` is a time of day, and this is `25:00` | write it as `09:00`, from `00:00` to `24:00`",
        ],
    ),
    (
        "  windows: [{days: Mo, from: 22:00, to: 06:00, timeZone: UTC}]",
        &[
            "3:41 the window ends at 06:00, and that is not after 22:00 | over midnight, write two: one to `24:00`, and one from `00:00` on the next day",
        ],
    ),
    (
        "  windows: [{days: Mo, from: 09:00, to: 10:00, timeZone: Europe/Berlni}]",
        &["3:58 there is no time zone `Europe/Berlni` | did you mean `Europe/Berlin`?"],
    ),
    (
        "  windows: [{days: Mo, from: 09:00, to: 10:00, timeZone: CEST}]",
        &["3:58 there is no time zone `CEST` | did you mean `CET`?"],
    ),
    (
        "  windows:\n    - {days: Mo-Fr, from: 09:00, to: 12:00, timeZone: UTC}\n    - {days: Fr, from: 11:59, to: 13:00, timeZone: UTC}",
        &[
            "5:7 this window overlaps with Mo-Fr 09:00-12:00 UTC | that is in line 4; make one window of the two",
        ],
    ),
    (
        "  haltOn: {}",
        &["3:11 `haltOn` says nothing | write `closed: 20%`, `failed: 10%` or `checksFailed: 10%`"],
    ),
    (
        "  haltOn: {closed: 100%}",
        &["3:20 `closed: 100%` never halts: more is not possible | write less, or leave it out"],
    ),
    (
        "  haltOn: {closed: [5]}",
        &[
            "3:20 `closed` is a number, as `7`, or a share, as `90%`, and this is a list | write it so, or leave it out",
        ],
    ),
    (
        "  maxOpen: 5\npriority: high",
        &["4:11 `priority` is normal or urgent | leave it out where the campaign can wait for its turn"],
    ),
];

#[test]
fn what_contradicts_itself_is_refused_where_it_stands() {
    let mut wrong = vec![];
    for (rollout, expected) in REFUSED {
        let said: Vec<String> = match Spec::parse(&format!("name: a\nrollout:\n{rollout}\n")) {
            Ok(spec) => vec![format!("was read: {:?}", spec.rollout)],
            Err(errors) => {
                let words = |error: &campaigns_domain::spec::SpecError| {
                    let (at, message, help) = (error.at, &error.message, &error.help);
                    format!("{}:{} {message} | {help}", at.line, at.column)
                };
                errors.errors.iter().map(words).collect()
            }
        };
        if said != *expected {
            wrong.push(format!("{rollout}\n  said     {said:#?}\n  expected {expected:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn times_that_only_touch_and_other_zones_do_not_overlap() {
    let read = spec(
        "  windows:\n    - {days: Mo-Fr, from: 09:00, to: 12:00, timeZone: UTC}\n    - {days: Fr, from: 12:00, to: 13:00, \
         timeZone: UTC}\n    - {days: Mo-Fr, from: 09:00, to: 12:00, timeZone: Asia/Tokyo}\n    - {days: Fr-Mo, from: \
         20:00, to: 21:00, timeZone: UTC}\n",
    );
    let windows = read.rollout.unwrap().windows;
    assert_eq!(windows[3].to_string(), "Mo, Fr, Sa, Su 20:00-21:00 UTC");
}

#[test]
fn targets_go_with_the_wave_that_takes_them() {
    let all: Vec<_> = (0..10).map(|n| name(&format!("acme/r{n}"))).chain([name("acme/core-x")]).collect();
    let taken = |rollout: &str| {
        let rollout = spec(rollout).rollout.unwrap();
        let waves = waves(&rollout, &all.iter().collect::<Vec<_>>());
        waves.iter().map(ToString::to_string).collect::<String>()
    };
    assert_eq!(taken("  maxOpen: 1\n"), "00000000000");
    assert_eq!(taken("  waves: [{name: a, targets: 3}]\n"), "00011111111");
    assert_eq!(taken("  waves: [{name: a, targets: 3}, {name: b}]\n"), "00011111111");
    assert_eq!(taken("  waves: [{name: a, percent: 10}, {name: b, percent: 50}]\n"), "00111112222");
    // Named ones are kept for the wave that names them, whichever it is.
    assert_eq!(
        taken("  waves: [{name: a, percent: 100}, {name: b, repositories: [core-*, r0]}]\n"),
        "10000000001"
    );
    assert_eq!(taken("  waves: [{name: a, targets: 50}, {name: b}]\n"), "00000000000");
    assert_eq!(taken("  waves: [{name: a, repositories: ['other/*']}, {name: b}]\n"), "11111111111");
}
