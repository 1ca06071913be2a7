//! CODEOWNERS for any text and path: nothing breaks it, the last line decides, and a pattern means what a glob over the
//! path and the folders above it means.

use campaigns_domain::publish::{
    code_owners::{CodeOwners, Owner},
    reviewers::{Load, choose},
};
use globset::GlobBuilder;
use proptest::prelude::*;

fn any_path() -> impl Strategy<Value = String> {
    prop::collection::vec("[ab]{1,2}(\\.md)?", 1..5).prop_map(|parts| parts.join("/"))
}

fn any_pattern() -> impl Strategy<Value = String> {
    prop::collection::vec(
        prop_oneof!["[ab]{1,2}(\\.md)?", "[ab]?\\*(b|\\.md)?", "\\?[ab]?", Just("**".to_owned())],
        1..4,
    )
    .prop_map(|parts| parts.join("/"))
}

fn owner(login: &str) -> Option<Vec<Owner>> {
    Some(vec![Owner::Person(login.to_owned())])
}

proptest! {
    #[test]
    fn no_text_breaks_it(text in any::<String>(), path in any::<String>()) {
        let file = CodeOwners::read(&text);
        file.owners_of(&path);
        prop_assert!(file.skipped.iter().all(|line| (1..=text.lines().count()).contains(line)));
    }

    #[test]
    fn the_last_line_that_matches_decides(
        patterns in prop::collection::vec(any_pattern(), 0..6),
        path in any_path(),
        junk in "(#.*|!x @y|\\[a\\] @y|a nobody| *)",
    ) {
        let lines: Vec<String> =
            patterns.iter().enumerate().map(|(nth, pattern)| format!("{pattern} @o{nth}\n{junk}\n")).collect();
        let alone = |pattern: &String| CodeOwners::read(&format!("{pattern} @x")).owners_of(&path).is_some();
        let expected = patterns.iter().rposition(alone).map(|nth| vec![Owner::Person(format!("o{nth}"))]);
        let file = lines.concat();
        prop_assert_eq!(CodeOwners::read(&file).owners_of(&path).map(<[_]>::to_vec), expected);
        let all = CodeOwners::read(&format!("{file}* @z"));
        prop_assert_eq!(all.owners_of(&path).map(<[_]>::to_vec), owner("z"));
    }

    #[test]
    fn a_pattern_is_a_glob_over_the_path_and_its_folders(pattern in any_pattern(), path in any_path()) {
        let tied = pattern.contains('/');
        let glob = if tied { pattern.clone() } else { format!("**/{pattern}") };
        let glob = GlobBuilder::new(&glob).literal_separator(true).build().unwrap().compile_matcher();
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        // The one rule that is not .gitignore's.
        let files_only = pattern.ends_with("/*") && !pattern.ends_with("**/*");
        let expected = if files_only { glob.is_match(&path) } else { ends.into_iter().any(|end| glob.is_match(&path[..end])) };
        let file = CodeOwners::read(&format!("{pattern} @x"));
        prop_assert_eq!(file.owners_of(&path).is_some(), expected, "{} on {}", pattern, path);
        // A folder's pattern takes what is in such a folder, and no file of that name.
        let below = CodeOwners::read(&format!("{pattern}/ @x"));
        let ends = path.match_indices('/').map(|(at, _)| at);
        let expected = ends.into_iter().any(|end| glob.is_match(&path[..end]));
        prop_assert_eq!(below.owners_of(&path).is_some(), expected, "{}/ on {}", pattern, path);
    }

    #[test]
    fn whoever_is_chosen_has_room_and_nobody_with_less_is_passed_over(
        loads in prop::collection::vec((0..6_u32, prop::bool::weighted(0.1)), 0..8),
        at_most in 0..5_u32,
        cap in 1..6_u32,
    ) {
        let loads: Vec<Load> = loads.into_iter().map(|(open, own)| Load { open, own }).collect();
        let chosen = choose(&loads, at_most, cap);
        let free = |load: &Load| load.own || load.open < cap;
        prop_assert!(chosen.iter().all(|at| free(&loads[*at])));
        let room = loads.iter().filter(|load| free(load)).count();
        prop_assert_eq!(chosen.len(), room.min(at_most as usize));
        let key = |at: &usize| (!loads[*at].own, loads[*at].open, *at);
        let worst = chosen.iter().map(key).max();
        for at in (0..loads.len()).filter(|at| free(&loads[*at]) && !chosen.contains(at)) {
            prop_assert!(worst.is_none_or(|worst| worst < key(&at)));
        }
    }
}
