//! The laws of reading a spec.

use super::rollout::any_rollout;
use campaigns_domain::{
    id::RepositoryName,
    spec::{
        AskOwners, Author, AutoMerge, ChangesetTemplate, CommitTemplate, Dress, EnvironmentValue, Policy,
        Priority, Publication, Rebase, Selector, Spec, Step, branch_flaw,
    },
};
use proptest::prelude::*;

/// Texts that YAML, JSON and templates could stumble over; no NUL, which no spec can hold.
fn any_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "\\PC{0,12}",
        2 => "[ \t\n\r]{1,3}",
        1 => any::<char>().prop_map(|c| c.to_string()),
        3 => prop::sample::select(vec![
            ": ", " #", "- ", "? ", "---", "...", "|", ">", "&a", "*a", "!x", "%", "@", "`", "'", "\"", "{", "}", "[", "]",
            ",", "\\", "yes", "null", "~", "1", "0x1", ".inf", "true", "<<", "on", "${{ repository.name }}",
            "${{ \"${{\" }}", "\u{85}", "\u{2028}", "\u{feff}", "\u{7f}", "\u{1b}", "\u{fffe}",
        ]).prop_map(str::to_owned),
    ];
    let joined = prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat());
    // What is left of a template that arbitrary pieces happen to begin is none.
    joined.prop_map(|text| text.replace('\0', "")).prop_filter("no broken template", |text| {
        let rest = text.replace("${{ repository.name }}", "").replace("${{ \"${{\" }}", "");
        !rest.contains("${{")
    })
}

fn any_words() -> impl Strategy<Value = String> {
    any_text().prop_map(|text| format!("x{text}"))
}

fn any_repository() -> impl Strategy<Value = RepositoryName> {
    "[A-Za-z0-9-]{1,10}/[A-Za-z0-9_-]{1,10}".prop_map(|name| name.parse().unwrap())
}

fn any_selector() -> impl Strategy<Value = Selector> {
    let branch = "[a-zA-Z0-9_/.-]{1,12}".prop_filter("a branch", |name| branch_flaw(name).is_none());
    let glob = || prop::collection::vec("[a-z*?-]{1,10}", 0..3);
    prop_oneof![
        (any_repository(), prop::collection::btree_set(branch, 0..3)).prop_map(|(repository, branches)| {
            Selector::Repository { repository, branches: branches.into_iter().collect() }
        }),
        ("[A-Za-z0-9-]{1,39}", glob(), glob(), any::<bool>()).prop_map(
            |(organization, include, exclude, forks)| {
                Selector::Organization { organization, include, exclude, forks }
            }
        ),
    ]
}

fn any_step() -> impl Strategy<Value = Step> {
    let value = prop_oneof![
        3 => any_text().prop_map(EnvironmentValue::Literal),
        1 => Just(EnvironmentValue::PassedThrough),
    ];
    (
        any_words(),
        prop::option::of("[a-z0-9./:-]{0,10}[a-z]".prop_filter("an image", |name| !name.starts_with('-'))),
        prop::collection::btree_map("[A-Za-z_][A-Za-z0-9_]{0,8}", value, 0..4),
        prop::collection::btree_map(
            "/[a-z/ :#é]{0,8}x".prop_filter("a path", |path| !path.contains("//")),
            any_text(),
            0..3,
        ),
    )
        .prop_map(|(run, container, env, files)| Step { run, container, env, files })
}

fn any_template() -> impl Strategy<Value = ChangesetTemplate> {
    let published =
        prop_oneof![Just(Publication::Unpublished), Just(Publication::Draft), Just(Publication::Ready)];
    let auto_merge = prop_oneof![
        2 => Just(AutoMerge::Off),
        1 => Just(AutoMerge::Any),
        1 => prop::sample::select(vec![AutoMerge::Merge, AutoMerge::Squash, AutoMerge::Rebase]),
    ];
    let author =
        ("[^<>\\p{C}\\s${]{1,9}", "[a-z]{1,5}@[a-z]{1,5}").prop_map(|(name, email)| Author { name, email });
    let branch =
        prop_oneof![Just("campaigns/a"), Just("x/${{ repository.name }}"), Just("${{ campaign.name }}")];
    let rest = (prop::option::of(author), published, auto_merge, any::<bool>(), any_dress());
    (any_words(), any_text(), branch, any_words(), rest).prop_map(
        |(title, body, branch, message, (author, published, auto_merge, keep_branch, dress))| {
            ChangesetTemplate {
                title,
                body,
                branch: branch.to_owned(),
                commit: CommitTemplate { message, author },
                published,
                keep_branch,
                dress,
                auto_merge,
            }
        },
    )
}

fn any_dress() -> impl Strategy<Value = Dress> {
    let names = |name: &'static str| prop::collection::btree_set(name, 0..4);
    (
        names("[a-z][a-z0-9: ]{0,8}[a-z]"),
        names("[a-z][a-z0-9-]{0,9}"),
        names("[a-z][a-z0-9-]{0,9}"),
        names("([a-z]{1,5}/)?[a-z][a-z0-9-]{0,9}"),
        prop::option::of((1..16_u32, 1..1_001_u32)),
    )
        .prop_map(|(labels, assignees, reviewers, teams, owners)| Dress {
            code_owners: owners.map(|(at_most, max_open_each)| AskOwners { at_most, max_open_each }),
            labels: labels.into_iter().collect(),
            assignees: assignees.into_iter().collect(),
            reviewers: reviewers.into_iter().collect(),
            team_reviewers: teams.into_iter().collect(),
        })
}

fn any_spec() -> impl Strategy<Value = Spec> {
    let list = prop::collection::vec(any_selector(), 0..4);
    (
        "[A-Za-z_][A-Za-z0-9_-]{0,20}",
        any_text(),
        list,
        prop::collection::vec(any_step(), 0..3),
        any_template(),
        any::<bool>(),
        prop::option::of(any_rollout()),
        prop_oneof![Just(Priority::Normal), Just(Priority::Urgent)],
        any_policy(),
    )
        .prop_map(|(name, description, on, steps, template, bare, rollout, priority, policy)| {
            let changeset_template = (!bare || !steps.is_empty()).then_some(template);
            Spec { name, description, on, steps, changeset_template, rollout, priority, policy }
        })
}

fn any_policy() -> impl Strategy<Value = Policy> {
    let rebase = prop_oneof![Just(Rebase::OnTouched), Just(Rebase::OnConflict), Just(Rebase::Never)];
    (prop::collection::vec("[a-z]{1,9}", 0..2), rebase)
        .prop_map(|(trusted_committers, rebase)| Policy { trusted_committers, rebase })
}

const WHOLE: &str = include_str!("../../../../examples/pin-actions.yaml");

proptest! {
    #[test]
    fn the_normal_form_is_the_same_spec(spec in any_spec()) {
        let normal = spec.normal_form();
        let read = Spec::parse(&normal).map_err(|errors| TestCaseError::fail(format!("{errors}\n{normal}")))?;
        prop_assert_eq!(&read, &spec);
        prop_assert_eq!(serde_json::from_str::<Spec>(&normal).unwrap(), spec);
        prop_assert_eq!(read.normal_form(), normal);
    }

    #[test]
    fn other_specs_have_other_digests(one in any_spec(), other in any_spec()) {
        prop_assert_eq!(one == other, one.digest() == other.digest());
    }

    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        told(&text)?;
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        told(&String::from_utf8_lossy(&bytes))?;
    }

    #[test]
    fn nothing_that_looks_like_yaml_makes_it_panic(
        text in "([ ]{0,4}(name|on|steps|run|env|files|changesetTemplate|-|\\?|x)?[:,\\[\\]{}&*!|>'\"#%@$-]{0,3}[ a]{0,2}\\n?){0,30}",
    ) {
        told(&text)?;
    }

    /// A good spec with a piece taken out, doubled, or replaced.
    #[test]
    fn no_damage_makes_it_panic(from in 0..WHOLE.len(), length in 0..40_usize, with in prop_oneof![any_text(), Just(String::new())]) {
        let mut from = from;
        while !WHOLE.is_char_boundary(from) {
            from -= 1;
        }
        let mut to = (from + length).min(WHOLE.len());
        while !WHOLE.is_char_boundary(to) {
            to -= 1;
        }
        told(&format!("{}{with}{}", &WHOLE[..from], &WHOLE[to.max(from)..]))?;
    }
}

/// It is read, or refused with places that are inside of it and with words for each.
fn told(text: &str) -> Result<(), TestCaseError> {
    let Err(errors) = Spec::parse(text) else { return Ok(()) };
    prop_assert!(!errors.errors.is_empty());
    let lines = text.split(['\n', '\r']).count();
    for error in &errors.errors {
        prop_assert!((1..=lines + 1).contains(&error.at.line), "{:?} of {} lines", error, lines);
        prop_assert!(error.at.column >= 1 && error.at.column <= text.chars().count() + 2, "{:?}", error);
        prop_assert!(!error.message.is_empty());
    }
    let shown = errors.named("spec.yaml").to_string();
    prop_assert!(shown.starts_with("spec.yaml:"));
    prop_assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{:?}", shown);
    Ok(())
}
